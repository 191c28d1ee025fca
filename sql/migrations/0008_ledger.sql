-- Every message to anybody, and what is known about it. A list of work: its rows change, by guarded updates only.

create table deliveries (
  id uuid primary key,
  dedupe_key text not null,
  purpose text not null check (purpose in ('receipt', 'prompt', 'card', 'answer', 'told', 'news', 'notice', 'sign_in')),
  channel text not null check (channel in ('email', 'slack')),
  policy text not null check (policy in ('at_most_once', 'at_least_once')),
  loop_id uuid references loops,
  round integer,
  customer_id uuid references customers,
  staff text references staff,
  -- What it is about: the rung's plan, the follow-up, the decision.
  occasion uuid,
  state text not null default 'planned'
    check (state in ('planned', 'ready', 'sending', 'uncertain', 'sent', 'delivered', 'bounced', 'complained', 'failed', 'suppressed', 'cancelled', 'expired', 'needs_human')),
  phase text not null default 'none' check (phase in ('none', 'open', 'handed')),
  fence bigint not null default 0,
  lease_until timestamptz,
  attempts integer not null default 0,
  not_before timestamptz not null default heed_now(),
  expires_at timestamptz,
  message_id text not null,
  provider_ref text,
  last_error_code text,
  -- When the relay handed it to Temporal; again when it is due again.
  started_until timestamptz,
  planned_at timestamptz not null default heed_now(),
  ended_at timestamptz,
  constraint a_message_is_planned_once unique (dedupe_key),
  constraint a_message_has_one_recipient check ((customer_id is null) <> (staff is null))
);
create index deliveries_open on deliveries (not_before) where state in ('planned', 'ready', 'sending', 'uncertain');
create index deliveries_of_a_loop on deliveries (loop_id);
create index deliveries_of_a_customer on deliveries (customer_id, ended_at) where customer_id is not null;

-- What is written, apart from the ledger, so that it can be erased. Links are made at the moment of sending and never stored.
create table delivery_bodies (
  delivery_id uuid primary key references deliveries,
  subject text not null,
  body text not null
);

-- The one message in Slack per task and person, edited in place.
create table slack_cards (
  loop_id uuid not null references loops,
  staff text not null references staff,
  channel text not null,
  ts text not null,
  posted_at timestamptz not null default heed_now(),
  primary key (loop_id, staff)
);

-- Random tokens, kept as hashes: bound to a person or customer and to what they may do with it.
create table links (
  token_hash bytea primary key,
  kind text not null check (kind in ('sign_in', 'task', 'yours', 'unsubscribe', 'not_me')),
  staff text references staff,
  customer_id uuid references customers,
  loop_id uuid references loops,
  round integer,
  -- A task link lives as long as the wait it was sent for.
  wait text,
  delivery_id uuid references deliveries,
  created_at timestamptz not null default heed_now(),
  expires_at timestamptz,
  used_at timestamptz,
  revoked_at timestamptz
);
create index links_of_a_loop on links (loop_id);
