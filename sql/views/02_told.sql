-- What a customer is told of a decision about what they said, and how: a row for each signal that the decision settles. A letter that was refused
-- for good, or kept back because there was no way to them by mail when it was to go, has told nobody: where they agreed to a call as well, one is
-- owed while the round is open, and once it has reached them that is how they heard. A telling is of the first round, which ends with it.
create view now.told as
select
  ts.signal_id,
  ts.decision_id,
  ts.telling_id,
  coalesce(ts.reason, x.reason) as reason,
  case when called.instead then 'phone' else x.channel end as channel,
  -- From when they count as told, or are to be called.
  case when called.instead then greatest(ts.settled_at, letter.ended_at) else ts.settled_at end as since,
  -- A call that is owed has told nobody yet.
  case when called.instead or x.channel = 'phone' then call.called_at else ts.settled_at end as at,
  -- Whether a letter that was to tell it did not arrive.
  coalesce(letter.is_refused, false) as refused
from told_signals ts
join signals s on s.id = ts.signal_id
left join tellings x on x.id = ts.telling_id
left join lateral (
  select d.planned_at, d.ended_at, d.state, d.last_error_code, now.is_refused(d.state, d.last_error_code) as is_refused
  from deliveries d
  where x.channel = 'email' and d.customer_id = s.customer_id and d.purpose = 'told' and d.occasion = ts.decision_id
  order by d.planned_at desc, d.id desc
  limit 1
) letter on true
-- Whoever spoke twice hears once: a call that reaches them about one of their signals tells them for all. That a number was somebody else's
-- is known of the one that was called about.
left join lateral (
  select min(k.called_at) as called_at, min(k.called_at) filter (where k.outcome = 'reached') as reached_at
  from signals theirs
  join told_signals same on same.signal_id = theirs.id and same.decision_id = ts.decision_id and same.telling_id = ts.telling_id
  join calls k on k.loop_id = theirs.id and k.round = 1 and k.purpose = 'told'
  where (x.channel = 'phone' or letter.is_refused) and theirs.customer_id = s.customer_id
    and (k.outcome = 'reached' or (k.outcome = 'wrong_number' and k.loop_id = ts.signal_id))
) call on true
cross join lateral (
  select letter.is_refused is true
    -- What was closed before anybody called them stays as it was closed.
    and not exists (
      select from closures z where z.loop_id = ts.signal_id and z.round = 1 and coalesce(z.closed_at < call.reached_at, true))
    and (call.reached_at is not null or now.a_call_instead(
      -- What was given up alone went to nobody else: it is as one that was refused.
      ts.signal_id, case when now.is_unsent(letter.last_error_code) then 'failed' else letter.state end, letter.planned_at)) as instead
) called;
