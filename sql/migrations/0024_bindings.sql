-- Whoever is given somebody's former address at the company's sign-in service is not taken for them: a person is known by the account they first
-- came by, which the service gives to nobody else (decision 11).

create table bindings (
  id uuid primary key,
  staff text not null references staff,
  -- The service, and its own name for the account there.
  issuer text not null,
  subject text not null,
  -- Under which address, of the company file and vouched for there.
  email text not null,
  bound_at timestamptz not null default heed_now(),
  freed_at timestamptz
);
create unique index a_person_is_known_by_one_account on bindings (staff, issuer) where freed_at is null;
create unique index an_account_is_one_person on bindings (issuer, subject) where freed_at is null;

-- That they may come by another one from then on, and why: what an operator said, or the company file of that version.
create table freeings (
  binding_id uuid primary key references bindings,
  by text not null,
  reason text,
  configuration integer references configurations,
  freed_at timestamptz not null default heed_now(),
  constraint a_freeing_says_why check ((reason is null) <> (configuration is null))
);

insert into fact_forms (fact, form, keys, kept, sealed)
values
  ('bindings', 1, '{id:uuid}', '{id,staff,issuer,subject,email,bound_at}', '{}'),
  ('freeings', 1, '{binding_id:uuid}', '{binding_id,by,reason,configuration,freed_at}', '{}');
create trigger facts_are_chained after insert on bindings for each row execute function is_to_be_chained('id');
create trigger facts_stay before update on bindings for each row execute function facts_stay('id', 'freed_at', '', '');
create trigger facts_stay_there before delete on bindings for each row execute function facts_stay('id', 'freed_at', '', '');
create trigger facts_are_never_emptied before truncate on bindings for each statement execute function facts_stay();
create trigger facts_are_chained after insert on freeings for each row execute function is_to_be_chained('binding_id');
create trigger facts_stay before update on freeings for each row execute function facts_stay('binding_id', '', '', '');
create trigger facts_stay_there before delete on freeings for each row execute function facts_stay('binding_id', '', '', '');
create trigger facts_are_never_emptied before truncate on freeings for each statement execute function facts_stay();
