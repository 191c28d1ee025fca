-- What is kept no longer is taken back wherever it was sent: thousands of messages in one night, and a link to sign in stood behind all of them.
-- Nobody waits for those, so they leave after everything else.
alter table deliveries add column unhurried boolean not null default false;
drop index deliveries_open;
create index deliveries_open on deliveries (unhurried, not_before) where state in ('planned', 'ready', 'sending', 'uncertain');
