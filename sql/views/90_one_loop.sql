-- One signal or insight by its id. Planning these views takes several times as long as reading one row of them, and stories read little
-- else: a function keeps its plan for as long as the connection lives.
create function now.signal(of uuid) returns setof now.signals
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
  return query select * from now.signals s where s.id = signal.of;
end $$;

create function now.insight(of uuid) returns setof now.insights
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
  return query select * from now.insights i where i.id = insight.of;
end $$;
