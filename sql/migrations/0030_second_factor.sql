-- A company may let in only those who proved by two factors who they are: so it is kept with a session whether its person did.

alter table sessions
  -- Said by the company's sign-in service; of a link, which is one factor, never.
  add column two_factors boolean not null default false,
  add constraint a_link_is_one_factor check (through = 'provider' or not two_factors);
