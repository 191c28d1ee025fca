-- The latest plan of each wait; earlier ones were replaced for a recorded cause.
create view now.plans as
select distinct on (p.loop_id, p.round, p.wait) p.*
from plans p
order by p.loop_id, p.round, p.wait, p.planned_at desc, p.id desc;

-- Rungs nobody has had to take yet.
create view now.rungs_ahead as
select p.loop_id, p.round, p.wait, p.clock, p.id as plan_id, p.counted_from, g.step, g.repeat, g.role, g.due_at
from now.plans p
join rungs g on g.plan_id = p.id
where not exists (
  select from escalations e
  where e.plan_id = g.plan_id and e.step = g.step and e.repeat = g.repeat
);
