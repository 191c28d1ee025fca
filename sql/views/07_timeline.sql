-- What was decided of an insight, taken back, and done: part of the timeline of every signal of it, too.
create view now.decided as
  select d.insight_id as loop_id, d.decided_at as at, 70 as rank, 'decided' as kind, d.by,
    jsonb_build_object('outcome', d.outcome, 'scope', d.scope, 'reason', d.reason, 'internalReason', d.internal_reason, 'doneBy', d.done_by,
      'wakeAt', d.wake_at, 'untilPeople', d.until_people, 'version', d.version, 'finalAt', d.final_at) as detail
  from decisions d
  union all
  select d.insight_id, w.withdrawn_at, 71, 'withdrawn', w.by, jsonb_build_object('version', d.version)
  from withdrawals w join decisions d on d.id = w.decision_id
  union all
  select d.insight_id, k.completed_at, 90, 'completed', k.by, jsonb_build_object('evidence', k.evidence)
  from completions k join decisions d on d.id = k.decision_id;

-- Everything that happened to a loop, in the order it happened. `detail` holds codes and ids; domain/timeline.ts makes sentences of them.
create view now.timeline as
with own as (
  select s.id as loop_id, s.captured_at as at, 10 as rank, 'captured' as kind, s.captured_by as by,
    jsonb_build_object('channel', s.channel, 'taken', s.taken, 'offered', w.offered, 'unmet', w.unmet,
      'consent', (select array_agg(c.channel order by c.channel) from consents c where c.signal_id = s.id)) as detail
  from signals s left join words w on w.signal_id = s.id
  union all
  select t.signal_id, t.triaged_at, 20, 'triaged', null,
    jsonb_build_object('verdict', t.verdict, 'course', t.course, 'kind', t.kind, 'priority', t.priority, 'rule', t.rule, 'why', t.why, 'reason', t.reason, 'configuration', t.configuration)
  from triages t
  union all
  select v.signal_id, v.reviewed_at, 21, 'reviewed', v.by,
    jsonb_build_object('verdict', v.verdict, 'course', v.course, 'kind', v.kind, 'reason', v.reason)
  from reviews v
  union all
  select n.signal_id, n.enriched_at, 22, 'enriched', null,
    jsonb_build_object('earlier', n.earlier, 'owed', n.owed, 'askedTheSame', n.asked_the_same)
  from enrichments n where n.earlier + n.owed + n.asked_the_same > 0
  union all
  select x.signal_id, x.joined_at, 23, 'joined', x.joined_by,
    jsonb_build_object('insight', x.insight_id, 'attributes', i.attributes, 'kind', i.kind,
      'others', (select count(*) from insight_signals y where y.insight_id = x.insight_id and y.signal_id <> x.signal_id and y.joined_at <= x.joined_at))
  from insight_signals x join insights i on i.id = x.insight_id
  union all
  select d.signal_id, d.disavowed_at, 24, 'disavowed', null, '{}' from disavowals d
  union all
  select i.id, i.opened_at, 10, 'opened', null, jsonb_build_object('kind', i.kind, 'attributes', i.attributes, 'decideBy', i.decide_by)
  from insights i
  union all
  select o.loop_id, o.started_at, 30, 'owned', o.by,
    jsonb_build_object('staff', o.staff, 'cause', o.cause, 'reason', o.reason, 'round', o.round)
  from ownerships o
  union all
  select r.loop_id, r.opened_at, 29, 'reopened', null, jsonb_build_object('round', r.round, 'level', r.level)
  from rounds r where r.round > 1
  union all
  select p.loop_id, e.taken_at, 40, case when now.is_first(g.step, g.repeat, g.role) then 'prompted' else 'escalated' end, null,
    jsonb_build_object('staff', e.staff, 'role', g.role, 'wait', p.wait, 'step', g.step, 'repeat', g.repeat, 'dueAt', g.due_at,
      'countedFrom', p.counted_from, 'reason', e.reason, 'collapsed', e.collapsed and called.id is null)
  from escalations e
  join plans p on p.id = e.plan_id
  join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
  -- Laterally, or all prompts there are would be looked through.
  left join lateral (
    select c.id from now.prompts c
    where e.collapsed and c.loop_id = p.loop_id and (c.plan_id, c.step, c.repeat) = (e.plan_id, e.step, e.repeat)
    limit 1
  ) called on true
  where g.role <> 'nobody'
  union all
  select a.loop_id, a.acknowledged_at, 50, 'acknowledged', a.by, jsonb_build_object('round', a.round) from acknowledgements a
  union all
  select f.loop_id, f.followed_up_at, 60, 'answered', f.by,
    jsonb_build_object('channel', f.channel, 'rule', f.rule, 'final', f.final, 'round', f.round, 'promisedOn', p.due_on)
  -- What takes its place may promise a day that it did not.
  from follow_ups f left join promises p on p.follow_up_id = f.id and p.promised_at <= f.followed_up_at
  union all
  -- In the place of a letter that did not arrive another one, by whoever held it from then on.
  select f.loop_id, d.planned_at, 60, 'answered', o.staff,
    jsonb_build_object('channel', d.channel, 'rule', f.rule, 'final', f.final, 'round', f.round, 'promisedOn', p.due_on, 'again', true)
  from follow_ups f
  join deliveries d on d.loop_id = f.loop_id and d.purpose = 'answer' and d.occasion = f.id
  cross join lateral (
    select x.staff from ownerships x
    where x.loop_id = f.loop_id and x.started_at <= d.planned_at
    order by x.started_at desc
    limit 1
  ) o
  left join promises p on p.follow_up_id = f.id and p.promised_at = d.planned_at
  where exists (
    select from deliveries e
    where e.loop_id = f.loop_id and e.purpose = 'answer' and e.occasion = f.id and e.planned_at < d.planned_at)
  union all
  select c.loop_id, c.called_at, 61, 'called', c.by,
    jsonb_build_object('outcome', c.outcome, 'purpose', c.purpose, 'promisedOn', p.due_on)
  from calls c
  left join follow_ups f on f.loop_id = c.loop_id and f.round = c.round and f.followed_up_at < c.called_at
  left join promises p on p.follow_up_id = f.id and p.promised_at = c.called_at
  union all
  select * from now.decided
  union all
  select ts.signal_id, ts.settled_at, 80, 'told', d.by,
    jsonb_build_object('outcome', d.outcome, 'scope', d.scope, 'reason', d.reason, 'doneBy', d.done_by, 'channel', x.channel, 'whyNot', coalesce(ts.reason, x.reason), 'insight', d.insight_id)
  from told_signals ts
  join decisions d on d.id = ts.decision_id
  left join tellings x on x.id = ts.telling_id
  union all
  select d.loop_id, d.ended_at, 65, 'sent', null,
    jsonb_build_object('purpose', d.purpose, 'channel', d.channel, 'state', d.state, 'error', d.last_error_code, 'round', d.round)
  from deliveries d
  where d.customer_id is not null and d.loop_id is not null and d.ended_at is not null and d.purpose <> 'redaction'
  union all
  -- Mail had bounced at an address of theirs, and they are written to there again: news of whatever was not over by then, and of what ended
  -- because nobody could be reached.
  select s.id, v.vouched_at, 66, 'vouched', case when v.how <> 'given' then v.by end, jsonb_build_object('how', v.how)
  from signals s
  join identities i on i.customer_id = s.customer_id and i.kind = 'email'
  join vouchings v on v.address_hash = sha256(convert_to(i.normalised, 'UTF8')) and v.vouched_at > s.captured_at
  where exists (select from consents c where c.signal_id = s.id and c.channel = 'email')
    and not exists (
      select from closures z where z.loop_id = s.id and z.closed_at < v.vouched_at and z.how not in ('nobody_to_reach', 'not_settled'))
  union all
  select c.loop_id, c.confirmed_at, 95, 'confirmed', c.by,
    jsonb_build_object('says', c.says, 'question', c.question, 'words', c.words, 'late', c.late, 'round', c.round)
  from confirmations c
  union all
  select z.loop_id, z.closed_at, 99, 'closed', z.by, jsonb_build_object('how', z.how, 'rule', z.rule, 'reason', z.reason, 'round', z.round)
  from closures z
  union all
  select x.loop_id, x.repaired_at, 98, 'repaired', x.staff, jsonb_build_object('action', x.action, 'reason', x.reason, 'by', x.by)
  from repairs x
)
select * from own;
