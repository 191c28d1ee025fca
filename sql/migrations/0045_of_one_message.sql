-- A digest is about many signals and insights, and may be given up as well where its person's mailbox takes nothing: it is then the message alone
-- that a repair is about.
alter table repairs
  alter column loop_id drop not null,
  add constraint a_repair_is_of_a_loop_or_of_a_message check (loop_id is not null or delivery_id is not null);
