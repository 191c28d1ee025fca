-- What one customer said. `signals` holds ids, codes and times and is never changed or deleted; what was said is in `words`.

create table signals (
  id uuid primary key references loops,
  reference text not null,
  channel text not null check (channel in ('web', 'api', 'cli', 'slack')),
  captured_by text references staff,
  customer_id uuid references customers,
  mood text check (mood in ('annoyed', 'let-down', 'fine', 'pleased')),
  taken text check (taken in ('accepted', 'refused', 'unsure')),
  kind text,
  said_at timestamptz not null,
  captured_at timestamptz not null default heed_now(),
  constraint a_reference_names_one_signal unique (reference)
);
create index signals_of_a_customer on signals (customer_id);
create index signals_of_a_capturer on signals (captured_by, captured_at desc);

create table words (
  signal_id uuid primary key references signals,
  words text not null,
  note text,
  unmet text,
  offered text
);

-- What was wanted, normalised by the vocabulary: the item itself is the attribute named 'item'.
create table signal_attributes (
  signal_id uuid not null references signals,
  name text not null,
  value text not null,
  primary key (signal_id, name)
);
create index signal_attributes_by_value on signal_attributes (name, value);

create table consents (
  id uuid primary key,
  signal_id uuid not null references signals,
  customer_id uuid not null references customers,
  purpose text not null check (purpose in ('follow_up')),
  channel text not null check (channel in ('email', 'phone')),
  wording text not null,
  recorded_by text references staff,
  given_at timestamptz not null default heed_now(),
  constraint consent_is_given_once_for_a_purpose_and_channel unique (signal_id, purpose, channel)
);

-- "This wasn't me": whoever reads that address did not say this.
create table disavowals (
  signal_id uuid primary key references signals,
  disavowed_at timestamptz not null default heed_now()
);

create table triages (
  signal_id uuid primary key references signals,
  verdict text not null check (verdict in ('pursue', 'review', 'dismiss')),
  course text check (course in ('thank', 'answer', 'decide')),
  kind text not null,
  priority integer not null check (priority between 1 and 5),
  rule text not null,
  why text not null,
  reason text,
  configuration integer not null references configurations,
  triaged_at timestamptz not null default heed_now(),
  constraint pursuing_says_on_which_course check (verdict <> 'pursue' or course is not null),
  constraint dismissing_gives_a_reason check (verdict <> 'dismiss' or reason is not null)
);

-- What a person made of a signal the rules were unsure of.
create table reviews (
  signal_id uuid primary key references signals,
  verdict text not null check (verdict in ('pursue', 'dismiss')),
  course text check (course in ('thank', 'answer', 'decide')),
  kind text,
  priority integer check (priority between 1 and 5),
  reason text,
  by text not null references staff,
  reviewed_at timestamptz not null default heed_now(),
  constraint pursuing_says_on_which_course check (verdict <> 'pursue' or course is not null),
  constraint dismissing_gives_a_reason check (verdict <> 'dismiss' or reason is not null)
);

create table enrichments (
  signal_id uuid primary key references signals,
  earlier integer not null,
  owed integer not null,
  asked_the_same integer not null,
  enriched_at timestamptz not null default heed_now()
);
