-- That mail bounced was held against an address for good: whose mailbox had been full once was never written to again. Somebody may vouch for it
-- now, and it is written to until mail bounces there again.
create table vouchings (
  id uuid primary key,
  address_hash bytea not null,
  -- given: its customer gave it anew; put_right: what was held of them was put right to it; confirmed: somebody says that it is right.
  how text not null check (how in ('given', 'put_right', 'confirmed')),
  -- 'customer', a colleague, or the account of the machine.
  by text not null,
  -- What they said when they gave it anew.
  signal_id uuid references signals,
  vouched_at timestamptz not null default heed_now()
);
create index vouchings_of_an_address on vouchings (address_hash, vouched_at);
insert into fact_forms (fact, form, keys, kept, sealed)
values ('vouchings', 1, '{id:uuid}', '{id,address_hash,how,by,signal_id,vouched_at}', '{}');
create trigger facts_are_chained after insert on vouchings for each row execute function is_to_be_chained('id');
create trigger facts_stay before update on vouchings for each row execute function facts_stay('id', '', '', '');
create trigger facts_stay_there before delete on vouchings for each row execute function facts_stay('id', '', '', '');
create trigger facts_are_never_emptied before truncate on vouchings for each statement execute function facts_stay();

-- Mail may bounce more than once. What somebody says of an address of theirs is kept once, as before.
alter table suppressions
  drop constraint an_address_is_suppressed_once_for_a_cause,
  add constraint a_suppression_is_recorded_once unique (address_hash, channel, cause, suppressed_at);
create unique index an_address_is_suppressed_once_for_a_cause on suppressions (address_hash, channel, cause) where cause <> 'bounced';
