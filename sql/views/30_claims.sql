-- Every round in which we said our last word to the customer, or could not: what became of it. What we say is closed, against what they say.
create view now.claims as
with last_words as (
  -- The decision that was told, where there was one to tell, else the answer of the round.
  select r.loop_id, r.round, l.place, l.sample, s.customer_id,
    'told' as purpose, told.decision_id as occasion, case when told.at is not null then told.channel end as channel, told.outcome,
    coalesce(told.at, uncalled.closed_at) as at
  from rounds r
  join loops l on l.id = r.loop_id
  join signals s on s.id = r.loop_id
  join triages t on t.signal_id = s.id
  left join reviews v on v.signal_id = s.id
  cross join lateral (
    select t.decision_id, t.channel, t.at, d.outcome
    from now.told t
    join decisions d on d.id = t.decision_id
    join loops il on il.id = d.insight_id and il.sample = l.sample
    where t.signal_id = s.id and t.reason is distinct from 'closed'
    order by t.reason is not distinct from 'told_before', d.decided_at desc, d.version desc
    limit 1
  ) told
  -- Who was to be called, and had no way left to them before anybody did.
  left join closures uncalled on uncalled.loop_id = r.loop_id and uncalled.round = r.round and uncalled.how = 'nobody_to_reach'
  where r.round = 1 and coalesce(v.course, t.course) = 'decide' and coalesce(told.at, uncalled.closed_at) is not null
  union all
  select r.loop_id, r.round, l.place, l.sample, s.customer_id,
    'answer', f.id, nullif(f.channel, 'none'), null, f.answered_at
  from rounds r
  join loops l on l.id = r.loop_id
  join signals s on s.id = r.loop_id
  join triages t on t.signal_id = s.id
  left join reviews v on v.signal_id = s.id
  join now.answers f on f.loop_id = r.loop_id and f.round = r.round
  where r.round > 1 or coalesce(v.course, t.course) <> 'decide'
),
asked as (
  select w.*,
    case
      when w.channel = 'email' and not w.sample then case when letter.state in ('sent', 'delivered') then letter.ended_at end
      when w.channel is not null and not call.wrong_number then w.at
    end as asked_at,
    case
      when w.channel is null or call.wrong_number then w.at
      -- A letter that was overtaken by another decision is followed by the one that says so.
      when letter.last_error_code = 'superseded' then null
      when letter.state in ('failed', 'bounced', 'complained', 'suppressed', 'cancelled', 'expired') then letter.ended_at
    end as not_asked_at
  from last_words w
  left join lateral now.last_letter(w.channel, w.purpose, w.occasion, w.customer_id, w.loop_id) letter on true
  cross join lateral now.last_call(w.channel, w.purpose, w.loop_id, w.round) call
)
select
  a.loop_id as signal_id,
  a.round,
  a.place,
  a.sample,
  a.purpose,
  -- After a decline we ask another question.
  case when a.outcome = 'declined' then 'explained' else 'settled' end as question,
  a.asked_at,
  coalesce(a.asked_at, a.not_asked_at) as claimed_at,
  said.yes_at,
  said.no_at,
  case
    -- A no stays that round's no.
    when said.no_at is not null then 'no'
    when said.yes_at is not null then 'yes'
    when a.asked_at is null then 'could-not-be-asked'
    when z.how = 'silent' then 'silent'
    else 'waiting'
  end as part
from asked a
left join closures z on z.loop_id = a.loop_id and z.round = a.round
cross join lateral (
  select min(c.confirmed_at) filter (where c.says = 'yes') as yes_at, min(c.confirmed_at) filter (where c.says = 'no') as no_at
  from confirmations c
  where c.loop_id = a.loop_id and c.round = a.round
) said
where coalesce(a.asked_at, a.not_asked_at) is not null and z.how is distinct from 'dismissed'
  and not exists (select from now.asked_erasures e where e.signal_id = a.loop_id);
