-- Each date on which an insight was to be decided: the first, and every one it was put off to. And what it came to by now.
create view now.dues as
select
  i.id as insight_id,
  l.place,
  l.sample,
  due.at as due_at,
  case when d.outcome <> 'deferred' then d.decided_at end as decided_at,
  case
    when d.outcome <> 'deferred' and exists (select from decision_evidence e where e.decision_id = d.id) then 'citing'
    when d.outcome <> 'deferred' then 'otherwise'
    when d.wake_at > heed_now() then 'postponed'
    else 'undecided'
  end as part
from insights i
join loops l on l.id = i.id
left join now.decisions d on d.insight_id = i.id
cross join lateral (
  select i.decide_by as at
  union
  select x.wake_at from decisions x
  where x.insight_id = i.id and x.outcome = 'deferred'
    and not exists (select from withdrawals w where w.decision_id = x.id)
) due
-- Whoever asked for it belongs to another one by now, and counts there; or was dismissed or erased, and counts nowhere.
where not exists (select from closures z where z.loop_id = i.id and z.how in ('joined', 'dismissed', 'erased'));
