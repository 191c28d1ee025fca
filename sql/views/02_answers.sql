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
left join lateral (
  select k.by, k.called_at from calls k
  where f.channel = 'email' and k.loop_id = f.loop_id and k.round = f.round and k.purpose = 'answer' and k.outcome = 'reached'
  order by k.called_at, k.id
  limit 1
) call on true
where not (
  f.channel = 'email'
  and call.called_at is null
  and not exists (select from closures z where z.loop_id = f.loop_id and z.round = f.round)
  and exists (
    select from deliveries d
    where d.loop_id = f.loop_id and d.purpose = 'answer' and d.occasion = f.id
      and (
        d.state = 'bounced'
        or d.state = 'failed' and starts_with(d.last_error_code, 'smtp_')
        or d.state = 'suppressed' and d.last_error_code = 'bounced'
      )
  )
  and exists (select from now.reach w where w.signal_id = f.loop_id and w.channel = 'phone')
);
