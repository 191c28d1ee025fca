-- Who was turned away, where and why, so that a leaked link or somebody trying doors is noticed. Codes only: no token, no address, no words.

-- Whoever knocks without end fills one row a minute.
create table refusals (
  minute timestamptz not null,
  door text not null check (door in ('page', 'api', 'slack', 'link', 'sign_in')),
  -- A staff code or the id of a key; empty where nobody knows.
  whose text not null,
  why text not null,
  times integer not null default 1,
  primary key (minute, door, whose, why)
);
