-- Whoever gets a statement of their own in as the role that Heed works as can't alter a fact by saying the words that Heed itself says first: those
-- of a restore are good for the owner alone, and those about samples for samples alone. The words of an erasure leave their trace in any case.

-- Only the owner may empty the chain, and so is known by that. Asked of nobody who does not say the word: every fact that is recorded asks.
create or replace function heed_may(what text) returns boolean language sql stable as $$
  select coalesce(current_setting('heed.may', true), '') = what
    and (what <> 'restore' or has_table_privilege('chain', 'truncate'))
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
  if heed_may('restore') or (heed_may('samples') and is_of_a_sample(was)) then
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

-- Whose customer is made a sample would have facts that may be altered.
create trigger samples_are_made_as_such before update of sample on customers
  for each row when (new.sample is distinct from old.sample) execute function facts_stay('id', '', '', '');
