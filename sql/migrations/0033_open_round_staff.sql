-- What waits for one person was looked for in everything that is open, for each of them and every few seconds.
-- Whom an open round has to do with: who holds its loop or has held it meanwhile, and who was told of it. A list, not a fact: it follows those by
-- itself, and ends with the round.
create table open_round_staff (
  loop_id uuid not null references open_rounds on delete cascade,
  staff text not null references staff,
  primary key (staff, loop_id)
);
create index staff_of_an_open_round on open_round_staff (loop_id);

create function open_round_staff_follow() returns trigger language plpgsql as $$
begin
  -- A backup brings the list along.
  if heed_may('restore') then
    return null;
  end if;
  -- The slot is locked first: whoever ends it at this moment need not have waited for us.
  case tg_table_name
  when 'open_rounds' then
    -- Whoever held the loop holds it still, where nobody else is given it.
    insert into open_round_staff (loop_id, staff)
    select w.loop_id, w.staff from ownerships w where w.loop_id = new.loop_id and w.ended_at is null
    on conflict do nothing;
  when 'escalations' then
    insert into open_round_staff (loop_id, staff)
    select o.loop_id, new.staff
    from plans p join open_rounds o on o.loop_id = p.loop_id and o.round = p.round
    where p.id = new.plan_id
    for key share of o
    on conflict do nothing;
  when 'deliveries' then
    -- Of a round that is over, somebody may still be written to.
    insert into open_round_staff (loop_id, staff)
    select o.loop_id, new.staff from open_rounds o where o.loop_id = new.loop_id and o.round = new.round
    for key share
    on conflict do nothing;
  else
    insert into open_round_staff (loop_id, staff)
    select o.loop_id, new.staff from open_rounds o where o.loop_id = new.loop_id
    for key share
    on conflict do nothing;
  end case;
  return null;
end $$;
create trigger open_round_staff_follow after insert or update of round on open_rounds for each row execute function open_round_staff_follow();
create trigger open_round_staff_follow after insert on ownerships for each row execute function open_round_staff_follow();
create trigger open_round_staff_follow after insert on escalations for each row when (new.staff is not null)
  execute function open_round_staff_follow();
-- Somebody may be called in the place of another who has left, for whom the rung was taken.
create trigger open_round_staff_follow after insert on deliveries for each row when (new.purpose = 'prompt' and new.staff is not null)
  execute function open_round_staff_follow();

-- Whoever is still at work has had to wait for the triggers: nothing of theirs is missed.
insert into open_round_staff (loop_id, staff)
select o.loop_id, w.staff from open_rounds o join ownerships w on w.loop_id = o.loop_id where w.ended_at is null
union
select o.loop_id, e.staff
from open_rounds o
join plans p on p.loop_id = o.loop_id and p.round = o.round
join escalations e on e.plan_id = p.id
where e.staff is not null
union
select o.loop_id, d.staff
from open_rounds o
join deliveries d on d.loop_id = o.loop_id and d.round = o.round
where d.purpose = 'prompt' and d.staff is not null;

-- Nobody but those who are asked settles a letter in doubt, so each is looked for until it is.
create index deliveries_in_doubt on deliveries (loop_id) where state = 'needs_human';
