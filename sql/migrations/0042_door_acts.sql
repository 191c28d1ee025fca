-- Whoever hands out a link that lets a colleague in, or ends where they are signed in, does so under their own name, which stands beside what is done
-- through it under the colleague's.
create table door_acts (
  id uuid primary key,
  act text not null check (act in ('invited', 'signed_out')),
  staff text not null references staff,
  -- The one session that was ended; null: all of them, or an invitation.
  session_id uuid,
  -- The account of whoever typed it, or whoever pressed.
  by text not null,
  acted_at timestamptz not null default heed_now()
);
insert into fact_forms (fact, form, keys, kept, sealed)
values ('door_acts', 1, '{id:uuid}', '{id,act,staff,session_id,by,acted_at}', '{}');
create trigger facts_are_chained after insert on door_acts for each row execute function is_to_be_chained('id');
create trigger facts_stay before update on door_acts for each row execute function facts_stay('id', '', '', '');
create trigger facts_stay_there before delete on door_acts for each row execute function facts_stay('id', '', '', '');
create trigger facts_are_never_emptied before truncate on door_acts for each statement execute function facts_stay();
