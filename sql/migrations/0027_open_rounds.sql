-- What is open was found by looking at everything that was ever closed: every page that is open on somebody's desk asks for it every few seconds.
-- The slot of a loop's open round; a list, not a fact. It follows the rounds and closures by itself.
create table open_rounds (
  loop_id uuid primary key references loops on delete cascade,
  round integer not null,
  foreign key (loop_id, round) references rounds on delete cascade
);
insert into open_rounds (loop_id, round)
select r.loop_id, r.round
from (select distinct on (loop_id) loop_id, round from rounds order by loop_id, round desc) r
where not exists (select from closures z where z.loop_id = r.loop_id and z.round = r.round);

create function open_rounds_follow() returns trigger language plpgsql as $$
begin
  -- A backup brings the list along.
  if heed_may('restore') then
    return null;
  end if;
  if tg_table_name = 'rounds' then
    insert into open_rounds (loop_id, round)
    select new.loop_id, new.round
    where not exists (select from closures z where z.loop_id = new.loop_id and z.round = new.round)
    on conflict (loop_id) do update set round = excluded.round;
  else
    delete from open_rounds where loop_id = new.loop_id and round = new.round;
  end if;
  return null;
end $$;
create trigger open_rounds_follow after insert on rounds for each row execute function open_rounds_follow();
create trigger open_rounds_follow after insert on closures for each row execute function open_rounds_follow();

-- What happened today is found without reading what happened before. Facts are written in the order of their times.
create index follow_ups_by_time on follow_ups using brin (followed_up_at) with (autosummarize = on);
create index confirmations_by_time on confirmations using brin (confirmed_at) with (autosummarize = on);
