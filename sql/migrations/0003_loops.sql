-- A loop is the course of one signal or one insight from opening to closure. Its row is the lock under which facts about it are
-- recorded; everything else that is true of it is a fact in a table of its own.

create table loops (
  id uuid primary key,
  kind text not null check (kind in ('signal', 'insight')),
  place text not null references places,
  sample boolean not null default false,
  opened_at timestamptz not null default heed_now()
);

-- Every capture and every response, once. The fingerprint is gone once its customer is erased.
create table presses (
  id uuid primary key,
  source text not null,
  key_hash bytea not null,
  fingerprint bytea,
  person text,
  fact_id uuid,
  result jsonb not null default '{}',
  pressed_at timestamptz not null default heed_now(),
  constraint a_press_counts_once unique (source, key_hash)
);

-- One pass through a loop. A customer's "no" opens the next, one level up.
create table rounds (
  loop_id uuid not null references loops,
  round integer not null check (round >= 1),
  level integer not null default 0,
  cause text not null check (cause in ('opened', 'not_settled', 'decided_anew')),
  opened_at timestamptz not null default heed_now(),
  primary key (loop_id, round)
);

-- The one person answerable. Only this slot ends; there is never a moment without exactly one.
create table ownerships (
  id uuid primary key,
  loop_id uuid not null references loops,
  round integer not null,
  staff text not null references staff,
  cause text not null check (cause in ('captured', 'routed', 'handed_over', 'taken', 'not_settled', 'opened')),
  reason text not null,
  by text references staff,
  configuration integer not null references configurations,
  started_at timestamptz not null default heed_now(),
  ended_at timestamptz,
  constraint ownerships_start_before_they_end check (ended_at is null or ended_at >= started_at),
  foreign key (loop_id, round) references rounds
);
create unique index exactly_one_person_is_answerable on ownerships (loop_id) where ended_at is null;
create index ownerships_of_a_person on ownerships (staff) where ended_at is null;

create table closures (
  id uuid primary key,
  loop_id uuid not null references loops,
  round integer not null,
  how text not null check (how in ('settled', 'silent', 'nobody_to_reach', 'dismissed', 'final', 'not_settled', 'completed', 'declined', 'joined')),
  by text references staff,
  rule text,
  reason text,
  closed_at timestamptz not null default heed_now(),
  constraint a_round_is_closed_once unique (loop_id, round),
  constraint a_closure_names_a_person_or_a_rule check (by is not null or rule is not null),
  foreign key (loop_id, round) references rounds
);

-- "Look at this loop again." A list of work, not a fact.
create sequence asks;
create table wakes (
  loop_id uuid primary key references loops,
  -- Served in this order, which is also that of the alphabet.
  class text not null check (class in ('response', 'start', 'wave')),
  asked bigint not null default nextval('asks'),
  not_before timestamptz not null default heed_now(),
  leased_until timestamptz,
  attempts integer not null default 0,
  -- When the oldest thing this wake stands for was recorded: what the relay's lag is measured from.
  since timestamptz not null default clock_timestamp()
);
create index wakes_due on wakes (class, not_before);

-- What the relay last knew of the Temporal it talks to: another namespace id means that its memory was lost.
create table engines (
  address text primary key,
  namespace_id text not null,
  seen_at timestamptz not null default heed_now(),
  swept_until timestamptz not null default heed_now()
);

-- Runs that had ended before their loop was over, and were started again: each is noticed once.
create table revivals (
  run_id text primary key,
  loop_id uuid not null references loops,
  revived_at timestamptz not null default heed_now()
);
