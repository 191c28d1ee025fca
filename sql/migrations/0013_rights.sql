-- People have rights over what is held about them: to see it, have it corrected, object, have it rest, and be erased. Using one is a fact.

create table rights (
  id uuid primary key,
  customer_id uuid not null references customers,
  kind text not null check (kind in ('access', 'rectification', 'objection', 'restriction', 'lifting')),
  -- 'customer', or the account of the machine that did it for them.
  by text not null,
  -- Why, in the operator's words; never what was held.
  reason text,
  exercised_at timestamptz not null default heed_now()
);
create index rights_of_a_customer on rights (customer_id, exercised_at desc);

-- What is left when somebody's words are gone: that they were erased, when, by whom and why.
create table erasures (
  id uuid primary key,
  -- Null where what was erased is a remark without a customer, or one whose time was over.
  customer_id uuid references customers,
  cause text not null check (cause in ('asked', 'retention')),
  by text not null,
  reason text not null,
  erased_at timestamptz not null default heed_now()
);
create index erasures_of_a_customer on erasures (customer_id);

create table erased_signals (
  signal_id uuid primary key references signals,
  erasure_id uuid not null references erasures
);

-- The hash of an address that was erased: what is older than the erasure is not taken in again under it.
create table tombstones (
  erasure_id uuid not null references erasures,
  kind text not null check (kind in ('email', 'phone', 'loyalty')),
  address_hash bytea not null,
  primary key (kind, address_hash, erasure_id)
);

-- Whose body is kept no longer than it serves: deleted a while after it was sent, whatever became of the loop.
create index deliveries_by_end on deliveries (ended_at) where ended_at is not null;

alter table closures
  drop constraint closures_how_check,
  add constraint how_a_round_ends check (how in (
    'settled', 'silent', 'nobody_to_reach', 'dismissed', 'final', 'not_settled', 'completed', 'declined', 'joined', 'erased'));

-- redaction: takes back a message that was sent, where that can be done. rights: the link by which a customer sees or erases everything.
alter table deliveries
  drop constraint deliveries_purpose_check,
  add constraint what_a_message_is_for check (purpose in (
    'receipt', 'prompt', 'card', 'answer', 'told', 'news', 'notice', 'sign_in', 'redaction', 'rights'));

alter table links
  drop constraint links_kind_check,
  add constraint what_a_link_opens check (kind in ('sign_in', 'task', 'yours', 'unsubscribe', 'not_me', 'rights'));
