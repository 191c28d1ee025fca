-- Loops that still owe somebody something. Sample loops never wake.
create view now.open_loops as
select l.id, l.kind, l.place, l.opened_at, o.round
from open_rounds o
join loops l on l.id = o.loop_id
where not l.sample;
