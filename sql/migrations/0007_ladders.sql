-- Whom to tell, and when, if nobody acts. Plans and rungs never change; a rung taken is an escalation.

create table plans (
  id uuid primary key,
  loop_id uuid not null references loops,
  round integer not null,
  wait text not null check (wait in ('reviewed', 'acknowledged', 'answered', 'told', 'confirmed', 'decided', 'completed')),
  -- customer: counted from the obligation, once a round; person: counted from the ownership.
  clock text not null check (clock in ('customer', 'person')),
  -- The fact that made this plan: the round, the ownership, the deferral, the promise.
  occasion uuid not null,
  counted_from timestamptz not null,
  configuration integer not null references configurations,
  planned_at timestamptz not null default heed_now(),
  constraint a_wait_is_planned_once_for_an_occasion unique (loop_id, round, wait, occasion),
  foreign key (loop_id, round) references rounds
);

create table rungs (
  plan_id uuid not null references plans,
  step integer not null,
  repeat integer not null,
  role text not null check (role in ('owner', 'lead', 'manager', 'executive', 'nobody')),
  due_at timestamptz not null,
  primary key (plan_id, step, repeat)
);

create table escalations (
  plan_id uuid not null,
  step integer not null,
  repeat integer not null,
  staff text references staff,
  reason text not null,
  -- Several due rungs are one message: the one that carries it, or what it was collapsed into.
  collapsed boolean not null default false,
  taken_at timestamptz not null default heed_now(),
  constraint a_rung_is_taken_once primary key (plan_id, step, repeat),
  foreign key (plan_id, step, repeat) references rungs
);
