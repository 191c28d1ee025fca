-- What happened at the doors, to people's rights and by operators' hands can be carried to another machine as it happens: who then has all power
-- over this one can't take it back, nor make the chain anew without its being noticed there.

-- How much of it the collector has: of a session or a key whether it began, then whether it ended; of a minute's refusals how many.
alter table sessions add column carried integer not null default 0;
alter table api_keys add column carried integer not null default 0;
alter table refusals add column carried integer not null default 0;
create index sessions_to_carry on sessions (created_at) where carried < 2;
create index refusals_to_carry on refusals (minute) where carried < times;

-- The one collector, as the relay left it. A note of the relay: which links it has, which head of the chain, and when it was told that.
create table collectors (
  one boolean primary key default true check (one),
  -- Whether any is set.
  wanted boolean not null default false,
  links bigint not null default 0,
  head bigint not null default 0,
  head_at timestamptz,
  -- Whoever carries has it for so long, and what an earlier one still has to say comes too late.
  leased_until timestamptz,
  fence bigint not null default 0
);
insert into collectors default values;

-- Who was in, by which keys, and who was turned away is no fact, for it is forgotten after a while. Until then it stays as it was recorded, and
-- what has ended ends once.
create function doors_stay() returns trigger language plpgsql as $$
begin
  if heed_may('restore') then
    return case when tg_op = 'DELETE' then old else new end;
  end if;
  raise exception 'A row of % stays as it was recorded, until its time is over.', tg_table_name using errcode = 'restrict_violation';
end $$;

create trigger sessions_stay before update on sessions for each row
  when (
    (old.id, old.token_hash, old.staff, old.through, old.created_at, old.expires_at)
      is distinct from (new.id, new.token_hash, new.staff, new.through, new.created_at, new.expires_at)
    or (old.revoked_at is not null and old.revoked_at is distinct from new.revoked_at))
  execute function doors_stay();
create trigger sessions_stay_there before delete on sessions for each row
  when (least(coalesce(old.revoked_at, 'infinity'), old.expires_at) >= heed_now() - interval '90 days')
  execute function doors_stay();
create trigger sessions_are_never_emptied before truncate on sessions for each statement execute function doors_stay();

create trigger api_keys_stay before update on api_keys for each row
  when (
    (old.id, old.name, old.key_hash, old.scopes, old.places, old.created_at)
      is distinct from (new.id, new.name, new.key_hash, new.scopes, new.places, new.created_at)
    or (old.revoked_at is not null and old.revoked_at is distinct from new.revoked_at))
  execute function doors_stay();
create trigger api_keys_stay_there before delete on api_keys for each row execute function doors_stay();
create trigger api_keys_are_never_emptied before truncate on api_keys for each statement execute function doors_stay();

create trigger refusals_stay before update on refusals for each row
  when ((old.minute, old.door, old.whose, old.why) is distinct from (new.minute, new.door, new.whose, new.why) or new.times < old.times)
  execute function doors_stay();
create trigger refusals_stay_there before delete on refusals for each row
  when (old.minute >= heed_now() - interval '90 days')
  execute function doors_stay();
create trigger refusals_are_never_emptied before truncate on refusals for each statement execute function doors_stay();
