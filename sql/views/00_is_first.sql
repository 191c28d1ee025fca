-- Whether a rung is the first of its ladder, by which somebody is asked; every later one says that nobody acted. Counted in working time it is due
-- when work begins, which may be long after its ladder began. The end of a customer's window asks nobody.
create function now.is_first(step integer, repeat integer, role text) returns boolean
language sql immutable
return step = 0 and repeat = 0 and role <> 'nobody';
