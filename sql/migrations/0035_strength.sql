-- Which levels take two factors is a setting, and may change while somebody is signed in: kept is what the company's service said of them, and not
-- what was made of it that day.
alter table sessions rename column two_factors to two_methods;
alter table sessions
  -- The level that it named.
  add column acr text,
  drop constraint a_link_is_one_factor,
  add constraint a_link_is_one_factor check (through = 'provider' or (not two_methods and acr is null));

-- Of how it began nothing is altered either.
drop trigger sessions_stay on sessions;
create trigger sessions_stay before update on sessions for each row
  when (
    (old.id, old.token_hash, old.staff, old.through, old.acr, old.two_methods, old.created_at, old.expires_at)
      is distinct from (new.id, new.token_hash, new.staff, new.through, new.acr, new.two_methods, new.created_at, new.expires_at)
    or (old.revoked_at is not null and old.revoked_at is distinct from new.revoked_at))
  execute function doors_stay();
