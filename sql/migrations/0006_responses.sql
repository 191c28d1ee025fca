-- What people did about a loop: a table a noun, a row a fact.

create table acknowledgements (
  id uuid primary key,
  loop_id uuid not null references loops,
  round integer not null,
  ownership_id uuid not null references ownerships,
  by text not null references staff,
  acknowledged_at timestamptz not null default heed_now(),
  constraint a_holder_acknowledges_once unique (ownership_id),
  foreign key (loop_id, round) references rounds
);

-- The answer of one round: a person's letter or call, or the record that there is nobody to reach.
create table follow_ups (
  id uuid primary key,
  loop_id uuid not null references signals,
  round integer not null,
  channel text not null check (channel in ('email', 'phone', 'none')),
  by text references staff,
  rule text,
  final boolean not null default false,
  followed_up_at timestamptz not null default heed_now(),
  constraint a_round_is_answered_once unique (loop_id, round),
  constraint only_having_nobody_to_reach_goes_by_rule check ((channel = 'none') = (rule is not null) and (channel = 'none') = (by is null)),
  foreign key (loop_id, round) references rounds
);

-- Calls to a customer, reached or not. The one that reaches them is also a follow-up or ends a telling.
create table calls (
  id uuid primary key,
  loop_id uuid not null references signals,
  round integer not null,
  purpose text not null check (purpose in ('answer', 'told')),
  outcome text not null check (outcome in ('reached', 'no_reply', 'wrong_number')),
  by text not null references staff,
  called_at timestamptz not null default heed_now(),
  foreign key (loop_id, round) references rounds
);

-- What we told a customer we would do, and by the end of which day in the place's zone.
create table promises (
  id uuid primary key,
  loop_id uuid not null references signals,
  follow_up_id uuid not null unique references follow_ups,
  due_on date not null,
  due_at timestamptz not null,
  promised_at timestamptz not null default heed_now()
);

-- One person hearing of one decision, or the reason why not.
create table tellings (
  id uuid primary key,
  decision_id uuid not null references decisions,
  signal_id uuid not null references signals,
  customer_id uuid references customers,
  staff text references staff,
  channel text check (channel in ('email', 'slack', 'phone', 'sample')),
  reason text,
  told_at timestamptz not null default heed_now(),
  constraint a_telling_is_for_a_customer_or_a_colleague check ((customer_id is null) <> (staff is null)),
  constraint a_telling_has_a_channel_or_a_reason_why_not check ((channel is null) <> (reason is null)),
  constraint a_customer_is_told_once unique (decision_id, customer_id),
  constraint a_colleague_is_told_once unique (decision_id, staff)
);

-- Each signal of a decision, and the telling through which its customer hears. A person who spoke twice hears once.
create table told_signals (
  decision_id uuid not null references decisions,
  signal_id uuid not null references signals,
  telling_id uuid references tellings,
  reason text,
  settled_at timestamptz not null default heed_now(),
  primary key (decision_id, signal_id),
  constraint told_through_a_telling_or_not_for_a_reason check ((telling_id is null) <> (reason is null))
);
create index told_by_signal on told_signals (signal_id);

-- What the customer said of how it ended. "explained" is asked after a decline.
create table confirmations (
  id uuid primary key,
  loop_id uuid not null references signals,
  round integer not null,
  says text not null check (says in ('yes', 'no')),
  question text not null check (question in ('settled', 'explained')),
  words text,
  by text references staff,
  late boolean not null default false,
  confirmed_at timestamptz not null default heed_now(),
  constraint a_customer_says_yes_or_no_once_a_round unique (loop_id, round, says),
  foreign key (loop_id, round) references rounds
);

-- An operator put something right, with a reason.
create table repairs (
  id uuid primary key,
  loop_id uuid not null references loops,
  action text not null check (action in ('wake', 'resend', 'leave')),
  by text not null,
  reason text not null,
  repaired_at timestamptz not null default heed_now()
);
