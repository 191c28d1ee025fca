-- The decision in force for each insight: the latest version that was not taken back.
create view now.decisions as
select distinct on (d.insight_id)
  d.*,
  c.completed_at,
  c.by as completed_by
from decisions d
left join completions c on c.decision_id = d.id
where not exists (select from withdrawals w where w.decision_id = d.id)
order by d.insight_id, d.version desc;
