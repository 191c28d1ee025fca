-- What is true of every signal in its latest round. Which stage that makes is said by domain/loop.ts.
create view now.signals as
select
  s.id,
  s.reference,
  l.place,
  l.sample,
  s.channel,
  s.captured_by,
  s.customer_id,
  s.mood,
  s.taken,
  s.said_at,
  s.captured_at,
  r.round,
  r.level,
  r.opened_at as round_opened_at,
  t.triaged_at,
  t.verdict as triage_verdict,
  t.rule,
  t.why,
  coalesce(v.verdict, t.verdict) as verdict,
  -- After a "no" the decision stands; what is owed is an answer by somebody more senior.
  case when r.round > 1 then 'answer' else coalesce(v.course, t.course) end as course,
  coalesce(v.kind, t.kind, s.kind) as kind,
  coalesce(v.priority, t.priority) as priority,
  v.reviewed_at,
  v.by as reviewed_by,
  n.enriched_at,
  n.earlier,
  n.owed,
  n.asked_the_same,
  o.id as ownership_id,
  o.staff as owner,
  o.cause as owner_cause,
  o.reason as owner_reason,
  o.started_at as owned_since,
  a.acknowledged_at,
  f.id as follow_up_id,
  f.channel as answer_channel,
  f.by as answered_by,
  f.final,
  f.answered_at,
  p.due_at as promised_for,
  p.due_on as promised_on,
  reach.channel as reach,
  -- How they hear what is owed to them now: in a call, where a letter that was to say it did not arrive.
  case
    when reach.by_phone and (told.channel = 'phone' and told.at is null or reach.since <= refused.planned_at) then 'phone'
    else reach.channel
  end as owed_by,
  -- Whoever called them says so, though a letter is what is owed to them, or has come to be since.
  reach.by_phone as may_be_called,
  reach.why_not as unreachable,
  exists (select from now.restrictions x where x.customer_id = s.customer_id) as restricted,
  lifted.exercised_at as lifted_at,
  lifted.id as lifting_id,
  i.insight_id,
  told.decision_id as told_decision_id,
  told.telling_id,
  told.channel as told_channel,
  told.reason as told_reason,
  told.since as telling_since,
  told.at as told_at,
  told.outcome as told_outcome,
  case
    when final.purpose = 'none' then null
    -- Sample customers are never written to; their letters count as they were approved.
    when final.channel = 'email' and not l.sample then case when letter.state in ('sent', 'delivered') then letter.ended_at end
    when call.wrong_number then null
    when final.channel in ('email', 'phone', 'sample') then final.at
  end as asked_at,
  case
    when final.channel is null then final.reason
    when final.channel = 'none' then 'nobody'
    when call.wrong_number then 'wrong_number'
    -- A letter that was overtaken by another decision is followed by the one that says so.
    when letter.last_error_code = 'superseded' then null
    when letter.state in ('failed', 'bounced', 'complained', 'suppressed', 'cancelled', 'expired') then letter.state
  end as could_not_be_asked,
  letter.id as last_letter_id,
  letter.state as last_letter_state,
  c.says,
  c.confirmed_at,
  z.how as closed_how,
  -- A "yes" may come after the next round was opened, and is said to the question of the one before.
  case when z.how = 'settled' then (
    select x.question from confirmations x where x.loop_id = s.id and x.says = 'yes' order by x.confirmed_at desc limit 1
  ) end as closed_question,
  z.closed_at,
  z.by as closed_by,
  z.reason as closed_reason
from signals s
join loops l on l.id = s.id
join lateral (select * from rounds x where x.loop_id = s.id order by x.round desc limit 1) r on true
left join triages t on t.signal_id = s.id
left join reviews v on v.signal_id = s.id
left join enrichments n on n.signal_id = s.id
left join ownerships o on o.loop_id = s.id and o.ended_at is null
left join acknowledgements a on a.ownership_id = o.id
left join now.answers f on f.loop_id = s.id and f.round = r.round
left join now.made_promises p on p.follow_up_id = f.id
left join now.reach reach on reach.signal_id = s.id
-- Where there is a letter and no answer, it did not arrive, which says something of the way to them unless it never left.
cross join lateral (
  select max(d.planned_at) as planned_at from deliveries d
  where f.id is null and d.loop_id = s.id and d.round = r.round and d.purpose = 'answer' and not now.is_unsent(d.last_error_code)
) refused
left join lateral (
  select x.id, x.exercised_at from rights x
  where x.customer_id = s.customer_id and x.kind = 'lifting'
  order by x.exercised_at desc, x.id desc
  limit 1
) lifted on true
-- Of two joined at the same moment (a live insight takes a sample's signals over) the one opened later counts.
left join lateral (
  select x.insight_id from insight_signals x join insights y on y.id = x.insight_id
  where x.signal_id = s.id order by x.joined_at desc, y.opened_at desc limit 1
) i on true
left join lateral (
  select t.decision_id, t.telling_id, t.channel, t.reason, t.since, t.at, d.outcome
  from now.told t
  join decisions d on d.id = t.decision_id
  -- What was told belongs to the round that ended with it. Later versions that had nothing to tell this customer change nothing, but where there is
  -- no other: they heard an earlier one through another remark of theirs, and it was decided anew before this one was settled.
  where t.signal_id = s.id and r.round = 1 and t.reason is distinct from 'closed'
  order by t.reason is not distinct from 'told_before', d.decided_at desc, d.version desc
  limit 1
) told on true
-- The last message of the round, which asks whether it is settled.
left join lateral (
  select 'told' as purpose, told.channel, told.decision_id as occasion, told.at, told.reason
  where r.round = 1 and coalesce(v.course, t.course) = 'decide' and told.at is not null
  union all
  select 'answer', f.channel, f.id, f.answered_at, null
  where (r.round > 1 or coalesce(v.course, t.course) <> 'decide') and f.id is not null
) final on true
left join lateral now.last_letter(final.channel, final.purpose, final.occasion, s.customer_id, s.id) letter on true
cross join lateral now.last_call(final.channel, final.purpose, s.id, r.round) call
left join lateral (select * from confirmations x where x.loop_id = s.id and x.round = r.round order by x.confirmed_at desc limit 1) c on true
left join closures z on z.loop_id = s.id and z.round = r.round;
