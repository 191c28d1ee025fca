-- The answer of each round, as far as it is one. A letter that was refused for good, or that was to go to an address that takes no mail, has
-- answered nobody: while the round is open and they may be called instead, a call is owed, and the call that reaches them is the answer.
create view now.answers as
select
  f.id,
  f.loop_id,
  f.round,
  f.rule,
  f.final,
  case when call.called_at is null then f.channel else 'phone' end as channel,
  coalesce(call.by, f.by) as by,
  coalesce(call.called_at, f.followed_up_at) as answered_at
from follow_ups f
-- Read once for all of them: calls are few, and looked up one by one they would be read anew for each letter.
left join (
  select distinct on (k.loop_id, k.round) k.loop_id, k.round, k.by, k.called_at from calls k
  where k.purpose = 'answer' and k.outcome = 'reached'
  order by k.loop_id, k.round, k.called_at, k.id
) call on f.channel = 'email' and call.loop_id = f.loop_id and call.round = f.round
left join closures z on z.loop_id = f.loop_id and z.round = f.round
where not (
  f.channel = 'email'
  and call.called_at is null
  and z.id is null
  -- The limit keeps the planner from reading all that was ever sent to look at the letter of one.
  and coalesce((
    select true from deliveries d
    where d.loop_id = f.loop_id and d.purpose = 'answer' and d.occasion = f.id
      and (
        d.state = 'bounced'
        or d.state = 'failed' and starts_with(d.last_error_code, 'smtp_')
        or d.state = 'suppressed' and d.last_error_code = 'bounced'
      )
    limit 1
  ), false)
  and exists (select from now.reach w where w.signal_id = f.loop_id and w.channel = 'phone')
);
