-- That a key was made or revoked, and by whom, are facts: whoever puts one in, or has one open again, is found by the chain.

-- The account of whoever typed it; null: it was made before this was written down.
alter table api_keys add column made_by text;

create table key_revocations (
  key_id uuid primary key references api_keys,
  -- Who typed it, or applied the company file of that version, which its person has left; null: before this was written down.
  by text,
  configuration integer references configurations,
  revoked_at timestamptz not null default heed_now()
);
insert into key_revocations (key_id, revoked_at) select id, revoked_at from api_keys where revoked_at is not null;

drop trigger api_keys_stay on api_keys;
drop trigger api_keys_stay_there on api_keys;
drop trigger api_keys_are_never_emptied on api_keys;
alter table api_keys drop column revoked_at, drop column carried;

insert into fact_forms (fact, form, keys, kept, sealed)
values
  ('api_keys', 1, '{id:uuid}', '{id,name,key_hash,scopes,places,made_by,created_at}', '{}'),
  ('key_revocations', 1, '{key_id:uuid}', '{key_id,by,configuration,revoked_at}', '{}');
create trigger facts_are_chained after insert on api_keys for each row execute function is_to_be_chained('id');
create trigger facts_stay before update on api_keys for each row execute function facts_stay('id', 'last_used_at', '', '');
create trigger facts_stay_there before delete on api_keys for each row execute function facts_stay('id', 'last_used_at', '', '');
create trigger facts_are_never_emptied before truncate on api_keys for each statement execute function facts_stay();
create trigger facts_are_chained after insert on key_revocations for each row execute function is_to_be_chained('key_id');
create trigger facts_stay before update on key_revocations for each row execute function facts_stay('key_id', '', '', '');
create trigger facts_stay_there before delete on key_revocations for each row execute function facts_stay('key_id', '', '', '');
create trigger facts_are_never_emptied before truncate on key_revocations for each statement execute function facts_stay();
insert into unchained (fact, key) select 'api_keys', id::text from api_keys;
insert into unchained (fact, key) select 'key_revocations', key_id::text from key_revocations;
