-- Something worth deciding on, with a decider and a date from birth, and what was decided.

create table insights (
  id uuid primary key references loops,
  reference text not null unique,
  kind text not null,
  sameness_key text not null,
  -- Item and attributes, normalised: codes, never a customer's sentence.
  attributes jsonb not null,
  decide_by timestamptz not null,
  configuration integer not null references configurations,
  opened_at timestamptz not null default heed_now()
);

-- The slot that signals of the same kind, item and attributes join. It ends when the insight is decided.
create table open_insights (
  sameness_key text primary key,
  insight_id uuid not null unique references insights
);

create table insight_signals (
  insight_id uuid not null references insights,
  signal_id uuid not null references signals,
  joined_by text references staff,
  joined_at timestamptz not null default heed_now(),
  primary key (insight_id, signal_id)
);
create index insights_of_a_signal on insight_signals (signal_id);

-- A later version supersedes; nothing is overwritten.
create table decisions (
  id uuid primary key,
  insight_id uuid not null references insights,
  version integer not null,
  outcome text not null check (outcome in ('adopted', 'declined', 'deferred')),
  scope text check (scope in ('everyone', 'these')),
  reason text not null,
  internal_reason text,
  done_by date,
  wake_at timestamptz,
  until_people integer check (until_people > 0),
  by text not null references staff,
  decided_at timestamptz not null default heed_now(),
  -- Until then it can be taken back and nothing leaves.
  final_at timestamptz not null,
  constraint versions_of_a_decision_are_counted unique (insight_id, version),
  constraint adopting_says_for_whom_and_by_when check (outcome <> 'adopted' or (scope is not null and done_by is not null)),
  constraint deferring_always_has_a_wake_up_date check (outcome <> 'deferred' or wake_at is not null)
);

create table decision_evidence (
  decision_id uuid not null references decisions,
  signal_id uuid not null references signals,
  primary key (decision_id, signal_id)
);

create table withdrawals (
  decision_id uuid primary key references decisions,
  by text not null references staff,
  withdrawn_at timestamptz not null default heed_now()
);

create table completions (
  decision_id uuid primary key references decisions,
  evidence text not null,
  by text not null references staff,
  completed_at timestamptz not null default heed_now()
);
