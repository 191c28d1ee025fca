-- What a fact is about says whether it is a sample's: its remark, else its loop, and only where it is about none its decision, its plan or its customer.
-- Any one of them sufficed: whoever got a statement in as the role that Heed works as could make a sample, name it beside somebody's remark (in a
-- consent, a telling), and take that out again without a trace.
create or replace function is_of_a_sample(what text, fact jsonb) returns boolean language sql stable as $$
  select coalesce(
    (select l.sample from loops l
      where l.id = case when what in ('loops', 'signals', 'insights') then (fact ->> 'id')::uuid end),
    (select l.sample from loops l where l.id = (fact ->> 'signal_id')::uuid),
    (select l.sample from loops l where l.id = (fact ->> 'loop_id')::uuid),
    (select l.sample from loops l where l.id = (fact ->> 'insight_id')::uuid),
    (select l.sample from decisions d join loops l on l.id = d.insight_id where d.id = (fact ->> 'decision_id')::uuid),
    (select l.sample from plans p join loops l on l.id = p.loop_id where p.id = (fact ->> 'plan_id')::uuid),
    (select c.sample from customers c where c.id = (fact ->> 'customer_id')::uuid),
    false)
$$;
