-- How far each round of a signal has come, and when: the first fact of each stage. Later facts meet earlier stages.
create view now.passages as
select
  p.*,
  case
    when p.confirmed_at is not null then 5
    when p.told_at is not null or (p.answered_at is not null and not p.decides) then 4
    when p.answered_at is not null and p.decided_at is not null then 3
    when p.answered_at is not null then 2
    when p.owned_at is not null then 1
    else 0
  end as step
from (
  select
    r.loop_id as signal_id,
    r.round,
    l.place,
    l.sample,
    s.captured_at,
    r.opened_at,
    -- Whether there is something to decide in this round.
    needs.decision as decides,
    least(taken.at, f.answered_at, told.at) as owned_at,
    least(f.answered_at, told.at) as answered_at,
    case when needs.decision then coalesce(told.decided_at, d.decided_at) end as decided_at,
    told.at as told_at,
    c.claimed_at as heard_at,
    case when c.question = 'settled' and c.part = 'yes' then c.yes_at end as confirmed_at,
    z.closed_at
  from rounds r
  join loops l on l.id = r.loop_id
  join signals s on s.id = r.loop_id
  left join triages t on t.signal_id = s.id
  left join reviews v on v.signal_id = s.id
  left join now.answers f on f.loop_id = r.loop_id and f.round = r.round and f.channel <> 'none'
  left join closures z on z.loop_id = r.loop_id and z.round = r.round
  -- One look-up a round, whatever the planner thinks: the limit keeps it from working out all claims for each of them.
  left join lateral (
    select x.purpose, x.question, x.part, x.asked_at, x.claimed_at, x.yes_at
    from now.claims x
    where x.signal_id = r.loop_id and x.round = r.round
    limit 1
  ) c on true
  cross join lateral (select coalesce(r.round = 1 and coalesce(v.course, t.course) = 'decide', false) as decision) needs
  cross join lateral (
    select min(a.acknowledged_at) as at from acknowledgements a where a.loop_id = r.loop_id and a.round = r.round
  ) taken
  left join lateral (
    select x.insight_id from insight_signals x where x.signal_id = s.id order by x.joined_at desc limit 1
  ) i on needs.decision
  left join now.decisions d on d.insight_id = i.insight_id and d.outcome <> 'deferred'
  left join lateral (
    select c.asked_at as at, max(td.decided_at) as decided_at
    from told_signals ts
    join decisions td on td.id = ts.decision_id
    join loops il on il.id = td.insight_id and il.sample = l.sample
    where ts.signal_id = s.id and ts.telling_id is not null and c.purpose = 'told' and c.asked_at is not null
    having count(*) > 0
  ) told on needs.decision
  where not exists (select from now.asked_erasures e where e.signal_id = r.loop_id)
) p;
