-- What is a sample's is known by the loop that it belongs to, and by its customer. An id of its own says so where it is a loop's alone: else whoever
-- gets a statement in as the role that Heed works as makes a sample with the id of a decision, and alters that.

create function is_of_a_sample(what text, fact jsonb) returns boolean language sql stable as $$
  select exists (
      select from loops l
      where l.sample and l.id in (
        case when what in ('loops', 'signals', 'insights') then (fact ->> 'id')::uuid end,
        (fact ->> 'loop_id')::uuid, (fact ->> 'signal_id')::uuid, (fact ->> 'insight_id')::uuid))
    or exists (select from customers c where c.sample and c.id = (fact ->> 'customer_id')::uuid)
    or exists (
      select from decisions d join loops l on l.id = d.insight_id where l.sample and d.id = (fact ->> 'decision_id')::uuid)
    or exists (select from plans p join loops l on l.id = p.loop_id where l.sample and p.id = (fact ->> 'plan_id')::uuid)
$$;

create or replace function facts_stay() returns trigger language plpgsql as $$
declare
  was jsonb;
  becomes jsonb;
  sealed text[];
begin
  if tg_op = 'TRUNCATE' then
    raise exception 'Facts stay: % is never emptied.', tg_table_name using errcode = 'restrict_violation';
  end if;
  was := to_jsonb(old);
  if heed_may('restore') or (heed_may('samples') and is_of_a_sample(tg_table_name, was)) then
    return case when tg_op = 'DELETE' then old else new end;
  end if;
  if tg_op = 'UPDATE' then
    becomes := to_jsonb(new) - string_to_array(tg_argv[1], ',');
    if becomes = was - string_to_array(tg_argv[1], ',') then
      return new;
    end if;
    sealed := string_to_array(tg_argv[1] || ',' || tg_argv[2], ',');
    if heed_may('erase') and to_jsonb(new) - sealed = was - sealed then
      perform unseal(tg_table_name, key_of(was, tg_argv[0]));
      return new;
    end if;
    raise exception 'Facts stay as they were recorded: a row of % can''t be changed. Record a new one that says what is true now.', tg_table_name
      using errcode = 'restrict_violation';
  end if;
  if heed_may('erase') and tg_argv[3] = 'erasable' then
    perform unseal(tg_table_name, key_of(was, tg_argv[0]));
    return old;
  end if;
  raise exception 'Facts stay: a row of % is never deleted. To erase what somebody said: heed erase.', tg_table_name
    using errcode = 'restrict_violation';
end $$;

drop function is_of_a_sample(jsonb);

-- A customer is made a sample as such, and no other way: not by being taken away and put back either.
create trigger customers_stay_there before delete on customers
  for each row when (not old.sample) execute function facts_stay('id', '', '', '');

-- A press is given what it led to, once, and nothing else of it changes: no capture shall pay for looking at that.
drop trigger facts_stay on presses;
create trigger facts_stay before update on presses
  for each row when (
    old.fact_id is not null
    or (new.id, new.source, new.key_hash, new.fingerprint, new.person, new.pressed_at)
      is distinct from (old.id, old.source, old.key_hash, old.fingerprint, old.person, old.pressed_at))
  execute function facts_stay('id', '', 'fingerprint,result', '');
