-- To whom nothing is sent just now: the latest order about them says so.
create view now.stops as
select audience, by, reason, ordered_at as since
from (select distinct on (audience) * from sending_orders order by audience, ordered_at desc, id desc) latest
where stops;
