-- Which signals an insight holds: a person may have moved one on to another insight since.
create view now.insight_signals as
select
  x.insight_id,
  x.signal_id,
  x.joined_at,
  -- Counts among those who ask: not dismissed, nor erased because they asked for that. What is only kept no longer goes on counting.
  -- (`offset 0`: looked up for each, where all closures would be read to know it of a few.)
  not exists (select from closures z where z.loop_id = x.signal_id and z.how = 'dismissed' offset 0)
    and not exists (
      select from erased_signals e join erasures r on r.id = e.erasure_id
      where e.signal_id = x.signal_id and r.cause = 'asked' offset 0
    ) as still_asks
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
    count(distinct coalesce(said.customer_id, said.id)) filter (where said.still_asks)::integer as people,
    count(*) filter (where said.still_asks and said.taken = 'refused')::integer as refused,
    count(distinct said.place) filter (where said.still_asks)::integer as places
  -- `offset 0`: whether it still asks is looked up once for each, and not for each count.
  from (
    select s.id, s.customer_id, s.taken, sl.place, x.still_asks
    from now.insight_signals x
    join signals s on s.id = x.signal_id
    join loops sl on sl.id = s.id
    where x.insight_id = i.id
    offset 0
  ) said
) people
cross join lateral (
  select count(*)::integer as tellings from told_signals x where x.decision_id = d.id
) told;
