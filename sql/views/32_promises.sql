-- What became of each promise. Kept is what the customer has heard from us, delivered, by the end of the promised day; or their own yes.
create view now.promises as
select
  p.id,
  p.loop_id as signal_id,
  l.place,
  l.sample,
  p.due_on,
  p.due_at,
  p.promised_at,
  kept.at as fulfilled_at,
  case
    when kept.at <= p.due_at then 'kept'
    when kept.at is not null then 'late'
    when p.due_at < heed_now() then 'open'
    else 'ahead'
  end as part
from now.made_promises p
join loops l on l.id = p.loop_id
join follow_ups f on f.id = p.follow_up_id
cross join lateral (
  select min(heard.at) as at
  from (
    select c.asked_at as at from now.claims c
    where c.signal_id = p.loop_id and (c.round > f.round or (c.round = f.round and c.purpose = 'told'))
    union all
    select c.yes_at from now.claims c where c.signal_id = p.loop_id and c.round >= f.round
    union all
    -- A call in the place of a letter that did not arrive passes the promise on.
    select c.called_at from calls c
    where c.loop_id = p.loop_id and c.outcome = 'reached' and not (c.round = f.round and c.purpose = 'answer')
  ) heard
  where heard.at > p.promised_at
) kept
where not exists (select from now.asked_erasures e where e.signal_id = p.loop_id);
