-- When they last proved who they are: whoever comes by the company's sign-in service may have done so hours ago, and was let in by a press. Null where
-- the service does not say.
alter table sessions disable trigger sessions_stay;
alter table sessions add column proved_at timestamptz;
update sessions set proved_at = created_at;
alter table sessions
  enable trigger sessions_stay,
  add constraint nobody_proves_it_later check (proved_at <= created_at),
  add constraint a_link_proves_it check (through = 'provider' or proved_at is not null);

-- Of how it began nothing is altered.
drop trigger sessions_stay on sessions;
create trigger sessions_stay before update on sessions for each row
  when (
    (old.id, old.token_hash, old.staff, old.through, old.acr, old.two_methods, old.proved_at, old.created_at, old.expires_at)
      is distinct from
    (new.id, new.token_hash, new.staff, new.through, new.acr, new.two_methods, new.proved_at, new.created_at, new.expires_at)
    or (old.revoked_at is not null and old.revoked_at is distinct from new.revoked_at))
  execute function doors_stay();
