-- Customers who asked that nothing be done with what is held about them, and have not lifted that.
create view now.restrictions as
select latest.customer_id, latest.exercised_at as since
from (
  select distinct on (r.customer_id) r.customer_id, r.kind, r.exercised_at
  from rights r
  where r.kind in ('restriction', 'lifting')
  order by r.customer_id, r.exercised_at desc, r.id desc
) latest
where latest.kind = 'restriction';
