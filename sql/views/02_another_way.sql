-- What is asked only where a letter did not arrive. Spelled in the views that ask it, the way to a customer would be got ready, a third of all
-- they do, for each signal of which it is never asked.

-- Whether there is another way to a signal's customer than the letter of that moment: a call, or an address that has come to be good since.
create function now.another_way(of uuid, since timestamptz) returns boolean
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
  return exists (
    select from now.reach w
    where w.signal_id = another_way.of and (w.by_phone or w.since > another_way.since));
end $$;

-- Whether a call is owed in the place of a letter that was to tell them. What is to be told in a call stays so where an address is put right or
-- vouched for meanwhile: what was decided is written to them once. Where it was kept back and their address takes mail, it went by another
-- remark, of which somebody said that it was not theirs.
create function now.a_call_instead(of uuid, letter_state text, planned_at timestamptz) returns boolean
language plpgsql stable set plan_cache_mode = force_generic_plan as $$
begin
  return exists (
    select from now.reach w
    where w.signal_id = a_call_instead.of and w.by_phone
      and (w.channel = 'phone' or a_call_instead.letter_state <> 'suppressed' or w.since > a_call_instead.planned_at));
end $$;
