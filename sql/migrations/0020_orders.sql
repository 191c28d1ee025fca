-- Somebody stops all that is sent to customers, or to staff, and lets it go on: the latest order stands. Messages wait meanwhile.
create table sending_orders (
  id uuid primary key,
  audience text not null check (audience in ('customers', 'staff')),
  stops boolean not null,
  by text not null,
  reason text not null,
  ordered_at timestamptz not null default heed_now()
);
insert into fact_forms (fact, form, keys, kept, sealed)
values ('sending_orders', 1, '{id:uuid}', '{id,audience,stops,by,reason,ordered_at}', '{}');
create trigger facts_are_chained after insert on sending_orders for each row execute function is_to_be_chained('id');
create trigger facts_stay before update on sending_orders for each row execute function facts_stay('id', '', '', '');
create trigger facts_stay_there before delete on sending_orders for each row execute function facts_stay('id', '', '', '');
create trigger facts_are_never_emptied before truncate on sending_orders for each statement execute function facts_stay();
