-- Whoever asked to be erased came back by an old list, under an address that had been put right since: nothing was left of it. Of what is put right from
-- now on, its hash is.
create table former_addresses (
  -- The rectification that took it away.
  right_id uuid not null references rights,
  kind text not null check (kind in ('email', 'phone', 'loyalty')),
  address_hash bytea not null,
  primary key (right_id, kind, address_hash)
);
insert into fact_forms (fact, form, keys, kept, sealed)
values ('former_addresses', 1, '{right_id:uuid,kind:text,address_hash:bytea}', '{right_id,kind,address_hash}', '{}');
create trigger facts_are_chained after insert on former_addresses for each row execute function is_to_be_chained('right_id,kind,address_hash');
create trigger facts_stay before update on former_addresses for each row execute function facts_stay('right_id,kind,address_hash', '', '', '');
create trigger facts_stay_there before delete on former_addresses for each row execute function facts_stay('right_id,kind,address_hash', '', '', '');
create trigger facts_are_never_emptied before truncate on former_addresses for each statement execute function facts_stay();
