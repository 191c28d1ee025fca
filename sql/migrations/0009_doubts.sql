-- A letter that may not have been sent is settled by a person with a button, not only by an operator: a repair says who pressed, which
-- letter it was about, and which attempt at it. Of two people who settle the same doubt, one does.
alter table repairs
  add column staff text references staff,
  add column delivery_id uuid references deliveries,
  add column fence bigint,
  add constraint a_repair_names_a_letter_with_its_attempt check ((delivery_id is null) = (fence is null)),
  add constraint a_doubt_is_settled_once unique (delivery_id, fence);
