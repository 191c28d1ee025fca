-- What was said by whoever asked to be erased: erased persons leave the counts. What is only kept no longer goes on counting, or the words
-- of a company that keeps them for a month would take two thirds of a quarter with them.
create view now.asked_erasures as
select s.id as signal_id
from erasures x
join signals s on s.customer_id = x.customer_id
where x.cause = 'asked'
union all
-- What was said without a name is erased alone.
select e.signal_id
from erasures x
join erased_signals e on e.erasure_id = x.id
where x.cause = 'asked';
