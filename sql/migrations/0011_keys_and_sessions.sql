-- A key opens the places it was given and no others, and whoever runs Heed can see who is signed in and end it.

-- Null: every place. A key that is named after somebody opens no more than they see.
alter table api_keys add column places text[];

-- The id is what a session is called by when it is ended from elsewhere: its token is known to one browser alone.
alter table sessions
  add column id uuid not null default gen_random_uuid(),
  add column through text not null default 'link' check (through in ('link', 'provider')),
  add column seen_at timestamptz not null default heed_now(),
  add constraint a_session_is_called_by_one_id unique (id);
create index sessions_of_a_person on sessions (staff) where revoked_at is null;
