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

-- What happened to one loop. A signal's story goes on in its insight: what was decided there since it joined is part of it, until somebody
-- moved it on to another one.
create function now.timeline_of(of uuid) returns setof now.timeline
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
  return query
    select * from now.timeline t where t.loop_id = timeline_of.of
    union all
    -- One insight at a time (offset 0 keeps it so), or all that was ever decided is put together first.
    select later.*
    from insight_signals x
    cross join lateral (
      select * from now.decided t
      where t.loop_id = x.insight_id
      offset 0
    ) later
    where x.signal_id = timeline_of.of and x.joined_at <= later.at
      and not exists (
        select from insight_signals y
        where y.signal_id = x.signal_id and y.joined_by is not null and y.joined_at > x.joined_at and y.joined_at <= later.at);
end $$;
