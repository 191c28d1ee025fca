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

-- Each prompt with the rung that it calls about. A rung that was due together with a higher one has none, but where it took the place of that one.
-- `named`: it would have been one too many, and a digest tells of it that was not refused.
create view now.prompts as
select d.id, d.loop_id, d.round, d.staff, d.state, d.last_error_code, e.plan_id, e.step, e.repeat, e.taken_at,
  d.last_error_code is not distinct from 'bundled' and exists (
    select from deliveries g
    where g.dedupe_key in (format('digest:%s:%s:slack', d.staff, d.bundled_into), format('digest:%s:%s:email', d.staff, d.bundled_into))
      and g.state not in ('failed', 'expired')) as named
from deliveries d
join escalations e on e.plan_id = d.occasion
  and starts_with(d.dedupe_key, format('prompt:%s:%s:%s.%s.%s:', d.loop_id, d.round, e.plan_id, e.step, e.repeat))
where d.purpose = 'prompt';

-- Who is called in the place of somebody who had left before a rung's own call could leave: the rung was taken, and for the other.
create view now.stand_ins as
select d.loop_id, d.round, d.staff, d.occasion as plan_id, d.planned_at
from deliveries d
where d.purpose = 'prompt'
  and (d.state in ('planned', 'ready', 'sending', 'uncertain', 'sent', 'delivered')
    -- A digest names it.
    or d.state = 'cancelled' and d.last_error_code = 'bundled')
  and not exists (select from escalations e where e.plan_id = d.occasion and e.staff = d.staff);
