-- Which signals an insight holds: a person may have moved one on to another insight since.
create view now.insight_signals as
select x.insight_id, x.signal_id, x.joined_at
from insight_signals x
where not exists (
  select from insight_signals y
  where y.signal_id = x.signal_id and y.joined_by is not null and y.joined_at > x.joined_at
);

-- What is true of every insight.
create view now.insights as
select
  i.id,
  i.reference,
  i.kind,
  i.attributes,
  i.sameness_key,
  i.decide_by,
  i.opened_at,
  l.place,
  l.sample,
  r.round,
  r.level,
  o.id as ownership_id,
  o.staff as decider,
  o.cause as owner_cause,
  o.reason as decider_reason,
  o.started_at as owned_since,
  a.acknowledged_at,
  exists (select from open_insights x where x.insight_id = i.id) as open_to_join,
  people.signals,
  people.people,
  people.refused,
  people.places,
  d.id as decision_id,
  d.version as decision_version,
  d.outcome,
  d.scope,
  d.reason,
  d.internal_reason,
  d.done_by,
  d.wake_at,
  d.until_people,
  d.by as decided_by,
  d.decided_at,
  d.final_at,
  d.completed_at,
  d.completed_by,
  told.tellings,
  z.how as closed_how,
  z.closed_at
from insights i
join loops l on l.id = i.id
join lateral (select * from rounds x where x.loop_id = i.id order by x.round desc limit 1) r on true
left join ownerships o on o.loop_id = i.id and o.ended_at is null
left join acknowledgements a on a.ownership_id = o.id
left join now.decisions d on d.insight_id = i.id
left join closures z on z.loop_id = i.id and z.round = r.round
cross join lateral (
  select
    count(*)::integer as signals,
    -- Whoever gave no name counts once for every remark.
    count(distinct coalesce(s.customer_id, s.id))::integer as people,
    count(*) filter (where s.taken = 'refused')::integer as refused,
    count(distinct sl.place)::integer as places
  from now.insight_signals x
  join signals s on s.id = x.signal_id
  join loops sl on sl.id = s.id
  where x.insight_id = i.id
) people
cross join lateral (
  select count(*)::integer as tellings from told_signals x where x.decision_id = d.id
) told;
