-- Our database may have to be put back to an earlier moment. What it then holds as not sent may have been sent since: from the restoration
-- on an epoch begins, and every message of an earlier one is in doubt until that is settled.
create table epochs (
  epoch integer primary key,
  by text,
  reason text,
  began_at timestamptz not null default heed_now(),
  constraint a_restoration_says_who_and_why check (epoch = 1 or (by is not null and reason is not null))
);
insert into epochs (epoch) values (1);

create function heed_epoch() returns integer language sql stable as 'select max(epoch) from epochs';

-- Stories may have gone further than what we still know: they begin again from the top, where they find what is recorded.
alter table wakes add column anew boolean not null default false;

alter table deliveries add column epoch integer not null default 1 references epochs;
alter table deliveries alter column epoch set default heed_epoch();
