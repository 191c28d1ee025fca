-- Who a customer is, how they may be reached, and what they agreed to. Names and addresses live here and nowhere else.

create table customers (
  id uuid primary key,
  name text,
  sample boolean not null default false,
  created_at timestamptz not null default heed_now()
);

-- An address may be shared by a family, so it does not identify a person by itself: look-ups compare the name too.
create table identities (
  id uuid primary key,
  customer_id uuid not null references customers,
  kind text not null check (kind in ('email', 'phone', 'loyalty')),
  value text not null,
  normalised text not null,
  added_at timestamptz not null default heed_now(),
  constraint an_identity_belongs_to_a_customer_once unique (customer_id, kind, normalised)
);
create index identities_by_value on identities (kind, normalised);

-- Kept by the hash of the address, so that a suppression outlives the address itself.
create table suppressions (
  id uuid primary key,
  address_hash bytea not null,
  channel text not null check (channel in ('email', 'phone')),
  cause text not null check (cause in ('unsubscribed', 'not_me', 'bounced', 'complained')),
  suppressed_at timestamptz not null default heed_now(),
  constraint an_address_is_suppressed_once_for_a_cause unique (address_hash, channel, cause)
);
