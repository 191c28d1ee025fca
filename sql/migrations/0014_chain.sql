-- Nobody can alter what is recorded without its being found: each fact is a link of one chain, and facts refuse to be changed.

-- What a fact is made of, when it becomes a link: which columns say which one it is, which stand for good, and which hold words that may be
-- erased. The latter are linked through a seal that means nothing any more once its salt is gone. A form never changes; a later one follows it.
create table fact_forms (
  fact text not null,
  form integer not null,
  keys text[] not null,
  kept text[] not null,
  sealed text[] not null,
  primary key (fact, form)
);

create table chain (
  seq bigint primary key,
  fact text not null,
  key text not null,
  form integer not null,
  -- SHA-256 of what stands for good.
  digest bytea not null,
  -- SHA-256 of the salt and of what may be erased; null where nothing may.
  seal bytea,
  -- SHA-256 of the link before, and of everything above.
  hash bytea not null,
  chained_at timestamptz not null default heed_now(),
  constraint a_fact_is_chained_once unique (fact, key),
  foreign key (fact, form) references fact_forms
);

create table salts (
  seq bigint primary key references chain,
  salt bytea not null
);

-- Words that were erased: why the seal of this fact can't be opened any more. A fact itself, and chained.
create table unsealings (
  id uuid primary key default gen_random_uuid(),
  fact text not null,
  key text not null,
  -- The erasure, or the rectification.
  cause uuid not null,
  unsealed_at timestamptz not null default heed_now(),
  constraint a_fact_is_unsealed_once unique (fact, key)
);

-- Facts recorded and not chained yet, in the order in which they were recorded. A list of work.
create table unchained (
  id bigint generated always as identity primary key,
  fact text not null,
  key text not null,
  since timestamptz not null default clock_timestamp()
);

-- 'samples': the sample history is loaded or taken away, and is no part of the chain. 'restore': a backup brings its chain along.
-- 'erase': a person's words go, by a recorded act.
create function heed_may(what text) returns boolean language sql stable as
  $$ select coalesce(current_setting('heed.may', true), '') = what $$;

create function key_of(fact jsonb, keys text) returns text language sql immutable as
  $$ select string_agg(fact ->> k, ':' order by n) from unnest(string_to_array(keys, ',')) with ordinality as u (k, n) $$;

-- Arguments: the keys; and where it may be about a sample's signal, the column that says which.
create function is_to_be_chained() returns trigger language plpgsql as $$
declare
  fact jsonb;
begin
  if heed_may('samples') or heed_may('restore') then
    return null;
  end if;
  fact := to_jsonb(new);
  if tg_nargs > 1 and (select l.sample from loops l where l.id = (fact ->> tg_argv[1])::uuid) then
    return null;
  end if;
  insert into unchained (fact, key) values (tg_table_name, key_of(fact, tg_argv[0]));
  return null;
end $$;

-- Arguments: the keys; the slots that end; what may be erased; whether its rows may be.
create function facts_stay() returns trigger language plpgsql as $$
declare
  was jsonb;
  becomes jsonb;
  sealed text[];
begin
  if tg_op = 'TRUNCATE' then
    raise exception 'Facts stay: % is never emptied.', tg_table_name using errcode = 'restrict_violation';
  end if;
  was := to_jsonb(old);
  if heed_may('samples') or heed_may('restore') then
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

create function unseal(fact text, key text) returns void language plpgsql as $$
begin
  insert into unsealings (fact, key, cause) values (unseal.fact, unseal.key, current_setting('heed.cause')::uuid) on conflict do nothing;
  delete from salts s using chain c where s.seq = c.seq and c.fact = unseal.fact and c.key = unseal.key;
end $$;

-- Samples that were loaded before there was a chain are no part of it either.
create function is_of_a_sample(fact jsonb) returns boolean language sql stable as $$
  select exists (
      select from loops l
      where l.sample
        and l.id in ((fact ->> 'id')::uuid, (fact ->> 'loop_id')::uuid, (fact ->> 'signal_id')::uuid, (fact ->> 'insight_id')::uuid))
    or exists (select from customers c where c.sample and c.id = (fact ->> 'customer_id')::uuid)
    or exists (
      select from decisions d join loops l on l.id = d.insight_id where l.sample and d.id = (fact ->> 'decision_id')::uuid)
    or exists (select from plans p join loops l on l.id = p.loop_id where l.sample and p.id = (fact ->> 'plan_id')::uuid)
$$;

-- One line a fact: its keys, what stands for good, what may be erased, the slots that end, whether its rows may be erased, and the column
-- that names a signal which may be a sample's.
do $$
declare
  f record;
begin
  for f in
    select * from (values
      ('configurations', 'version:int4', 'version,yaml,document,applied_by,applied_at', '', '', '', ''),
      ('loops', 'id:uuid', 'id,kind,place,sample,opened_at', '', '', '', ''),
      ('rounds', 'loop_id:uuid,round:int4', 'loop_id,round,level,cause,opened_at', '', '', '', ''),
      ('ownerships', 'id:uuid', 'id,loop_id,round,staff,cause,by,configuration,started_at', 'reason', 'ended_at', '', ''),
      ('closures', 'id:uuid', 'id,loop_id,round,how,by,rule,closed_at', 'reason', '', '', ''),
      ('presses', 'id:uuid', 'id,source,key_hash,person,fact_id,pressed_at', 'fingerprint,result', '', '', ''),
      ('revivals', 'run_id:text', 'run_id,loop_id,revived_at', '', '', '', ''),
      ('identities', 'id:uuid', 'id,customer_id,kind,added_at', 'value,normalised', '', 'erasable', ''),
      ('suppressions', 'id:uuid', 'id,address_hash,channel,cause,suppressed_at', '', '', '', ''),
      ('signals', 'id:uuid', 'id,reference,channel,captured_by,customer_id,mood,taken,kind,said_at,captured_at', '', '', '', ''),
      ('words', 'signal_id:uuid', 'signal_id', 'words,note,unmet,offered', '', 'erasable', ''),
      ('signal_attributes', 'signal_id:uuid', 'signal_id', 'name,value', '', 'erasable', ''),
      ('consents', 'id:uuid', 'id,signal_id,customer_id,purpose,channel,wording,recorded_by,given_at', '', '', '', ''),
      ('disavowals', 'signal_id:uuid', 'signal_id,disavowed_at', '', '', '', ''),
      ('triages', 'signal_id:uuid', 'signal_id,verdict,course,kind,priority,rule,why,reason,configuration,triaged_at', '', '', '', ''),
      ('reviews', 'signal_id:uuid', 'signal_id,verdict,course,kind,priority,by,reviewed_at', 'reason', '', '', ''),
      ('enrichments', 'signal_id:uuid', 'signal_id,earlier,owed,asked_the_same,enriched_at', '', '', '', ''),
      ('insights', 'id:uuid', 'id,reference,kind,decide_by,configuration,opened_at', 'sameness_key,attributes', '', '', ''),
      ('insight_signals', 'insight_id:uuid,signal_id:uuid', 'insight_id,signal_id,joined_by,joined_at', '', '', '', 'signal_id'),
      ('decisions', 'id:uuid', 'id,insight_id,version,outcome,scope,done_by,wake_at,until_people,by,decided_at,final_at', 'reason,internal_reason', '', '', ''),
      ('decision_evidence', 'decision_id:uuid,signal_id:uuid', 'decision_id,signal_id', '', '', '', 'signal_id'),
      ('withdrawals', 'decision_id:uuid', 'decision_id,by,withdrawn_at', '', '', '', ''),
      ('completions', 'decision_id:uuid', 'decision_id,by,completed_at', 'evidence', '', '', ''),
      ('acknowledgements', 'id:uuid', 'id,loop_id,round,ownership_id,by,acknowledged_at', '', '', '', ''),
      ('follow_ups', 'id:uuid', 'id,loop_id,round,channel,by,rule,final,followed_up_at', '', '', '', ''),
      ('calls', 'id:uuid', 'id,loop_id,round,purpose,outcome,by,called_at', '', '', '', ''),
      ('promises', 'id:uuid', 'id,loop_id,follow_up_id,due_on,due_at,promised_at', '', '', '', ''),
      ('tellings', 'id:uuid', 'id,decision_id,signal_id,customer_id,staff,channel,reason,told_at', '', '', '', 'signal_id'),
      ('told_signals', 'decision_id:uuid,signal_id:uuid', 'decision_id,signal_id,telling_id,reason,settled_at', '', '', '', 'signal_id'),
      ('confirmations', 'id:uuid', 'id,loop_id,round,says,question,by,late,confirmed_at', 'words', '', '', ''),
      ('repairs', 'id:uuid', 'id,loop_id,action,by,staff,delivery_id,fence,repaired_at', 'reason', '', '', ''),
      ('plans', 'id:uuid', 'id,loop_id,round,wait,clock,occasion,counted_from,configuration,planned_at', '', '', '', ''),
      ('rungs', 'plan_id:uuid,step:int4,repeat:int4', 'plan_id,step,repeat,role,due_at', '', '', '', ''),
      ('escalations', 'plan_id:uuid,step:int4,repeat:int4', 'plan_id,step,repeat,staff,reason,collapsed,taken_at', '', '', '', ''),
      ('rights', 'id:uuid', 'id,customer_id,kind,by,exercised_at', 'reason', '', '', ''),
      ('erasures', 'id:uuid', 'id,customer_id,cause,by,reason,erased_at', '', '', '', ''),
      ('erased_signals', 'signal_id:uuid', 'signal_id,erasure_id', '', '', '', ''),
      ('tombstones', 'kind:text,address_hash:bytea,erasure_id:uuid', 'erasure_id,kind,address_hash', '', '', '', ''),
      ('epochs', 'epoch:int4', 'epoch,by,reason,began_at', '', '', '', ''),
      ('unsealings', 'id:uuid', 'id,fact,key,cause,unsealed_at', '', '', '', '')
    ) as facts (fact, keys, kept, sealed, slots, erasable, signal)
  loop
    insert into fact_forms (fact, form, keys, kept, sealed)
    values (f.fact, 1, string_to_array(f.keys, ','), string_to_array(f.kept, ','), string_to_array(f.sealed, ','));
    execute format(
      'create trigger facts_are_chained after insert on %I for each row execute function is_to_be_chained(%L%s)',
      f.fact, regexp_replace(f.keys, ':\w+', '', 'g'), case when f.signal = '' then '' else format(', %L', f.signal) end);
    -- A press is given what it led to in the statement that records the fact: no capture shall pay for looking at that.
    execute format(
      'create trigger facts_stay before update on %I for each row %s execute function facts_stay(%L, %L, %L, %L)',
      f.fact, case when f.fact = 'presses' then 'when ((new.fact_id = old.fact_id) is not null or new.fingerprint is null)' else '' end,
      regexp_replace(f.keys, ':\w+', '', 'g'), f.slots, f.sealed, f.erasable);
    execute format(
      'create trigger facts_stay_there before delete on %I for each row execute function facts_stay(%L, %L, %L, %L)',
      f.fact, regexp_replace(f.keys, ':\w+', '', 'g'), f.slots, f.sealed, f.erasable);
    execute format('create trigger facts_are_never_emptied before truncate on %I for each statement execute function facts_stay()', f.fact);
    -- What was recorded before there was a chain becomes its beginning.
    execute format(
      'insert into unchained (fact, key) select distinct %L, key_of(to_jsonb(t), %L) from %I t where not is_of_a_sample(to_jsonb(t))',
      f.fact, regexp_replace(f.keys, ':\w+', '', 'g'), f.fact);
  end loop;
end $$;

-- A message is a fact once it has left: that it did, to whom and about what. What the ledger knows about it later may still change.
insert into fact_forms (fact, form, keys, kept, sealed)
values ('deliveries', 1, '{id:uuid}', '{id,dedupe_key,purpose,channel,policy,loop_id,round,customer_id,staff,occasion,message_id,planned_at}', '{}');
create trigger facts_are_chained after update on deliveries
  for each row when (new.state = 'sent' and old.state is distinct from 'sent') execute function is_to_be_chained('id');
insert into unchained (fact, key) select 'deliveries', id::text from deliveries where state in ('sent', 'delivered', 'bounced', 'complained');

create trigger links_stay before update or delete on chain for each row execute function facts_stay('seq', '', '', '');
create trigger links_are_never_emptied before truncate on chain for each statement execute function facts_stay();
