-- A company in a file: every applied version is kept, so that each fact can name the one it was made under.

-- The one clock. Tests replace the body to move time; leases alone use clock_timestamp().
create function heed_now() returns timestamptz language sql stable as 'select now()';

create table configurations (
  version integer generated always as identity primary key,
  yaml text not null,
  -- Not jsonb: the order in which a vocabulary is written is the order in which people read it.
  document json not null,
  applied_by text not null,
  applied_at timestamptz not null default heed_now()
);

-- People and places stay when they leave the file: facts go on naming them.
create table staff (
  code text primary key,
  name text not null,
  email text not null,
  slack_id text,
  removed_at timestamptz,
  constraint two_people_never_share_an_address unique (email)
);

create table places (
  code text primary key,
  name text not null,
  removed_at timestamptz
);

-- Doors: what lets somebody in. Only hashes are kept.
create table api_keys (
  id uuid primary key,
  name text not null,
  key_hash bytea not null unique,
  scopes text[] not null,
  created_at timestamptz not null default heed_now(),
  revoked_at timestamptz
);

create table sessions (
  token_hash bytea primary key,
  staff text not null references staff,
  created_at timestamptz not null default heed_now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
