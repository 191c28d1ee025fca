-- So many calls at a time reach a person by one channel; what comes on top is named in one digest (decision 17).
alter table deliveries
  drop constraint what_a_message_is_for,
  add constraint what_a_message_is_for check (purpose in (
    'receipt', 'prompt', 'card', 'answer', 'told', 'news', 'notice', 'sign_in', 'redaction', 'rights', 'digest')),
  -- Of a prompt that was not sent: the occasion of the digest that names it, by whatever channel that goes.
  add column bundled_into uuid;
create index prompts_to_somebody on deliveries (staff, channel, ended_at)
  where purpose = 'prompt' and state in ('sending', 'uncertain', 'sent');
create index digests_to_come on deliveries (staff, channel) where purpose = 'digest' and state in ('planned', 'ready');
create index prompts_of_a_digest on deliveries (bundled_into) where bundled_into is not null;
