-- Whoever is turned away is on record, also at the door of the machines that watch; and that somebody came in by a key, though they only read.

alter table refusals drop constraint refusals_door_check;
alter table refusals add constraint a_refusal_names_a_door
  check (door in ('page', 'api', 'slack', 'link', 'sign_in', 'metrics'));

-- To the minute: a busy key is not written down at each request.
alter table api_keys add column last_used_at timestamptz;
