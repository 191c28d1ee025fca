-- Loops that still owe somebody something. Sample loops never wake.
create view now.open_loops as
select l.id, l.kind, l.place, l.opened_at, r.round
from loops l
join lateral (select x.round from rounds x where x.loop_id = l.id order by x.round desc limit 1) r on true
where not l.sample
  and not exists (select from closures z where z.loop_id = l.id and z.round = r.round);
