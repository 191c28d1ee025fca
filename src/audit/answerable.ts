/** From its first moment on there is exactly one person answerable for a loop, round after round. */

import { violationsIn, type Check } from './check.ts';

const oneIsAnswerable: Check = {
  invariant: 'I1',
  claim: 'exactly one person is answerable for a loop, from its first moment on and without a gap',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with slots as (
         select l.id, l.opened_at, o.id as ownership, o.started_at, o.ended_at,
           row_number() over slot as nth,
           lead(o.started_at) over slot as next_started_at,
           count(*) filter (where o.ended_at is null and o.id is not null) over (partition by l.id) as open
         from loops l left join ownerships o on o.loop_id = l.id
         where not l.sample and l.opened_at >= $1
         window slot as (partition by l.id order by o.started_at, o.ended_at nulls last)
       )
       select id::text as about, 'Nobody was ever answerable for it. Hand it to somebody.' as sentence from slots where ownership is null
       union all
       select id::text, 'Nobody was answerable for it at first. Look what opened it.' from slots where nth = 1 and started_at > opened_at
       union all
       select id::text, 'Nobody is answerable for it now. Hand it to somebody.' from slots where ownership is not null and nth = 1 and open = 0
       union all
       select id::text, 'Several are answerable for it now. The index exactly_one_person_is_answerable is gone: run heed migrate.' from slots where nth = 1 and open > 1
       union all
       select id::text, 'There was a time in which nobody, or more than one, was answerable for it.' from slots
       where next_started_at is not null and ended_at is distinct from next_started_at`,
      scope,
    ),
};

const roundsFollow: Check = {
  invariant: 'I1',
  claim: 'a round begins when the one before it was closed, and rounds are counted without a gap',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with counted as (
         select r.loop_id, r.round, r.opened_at, z.closed_at as before_closed_at,
           row_number() over (partition by r.loop_id order by r.round) as nth
         from rounds r
         join loops l on l.id = r.loop_id
         left join closures z on z.loop_id = r.loop_id and z.round = r.round - 1
         where not l.sample and l.opened_at >= $1
       )
       select loop_id::text as about, 'Round ' || round || ' is there and the one before it is not.' as sentence from counted where round <> nth
       union all
       select loop_id::text, 'Round ' || round || ' began while the one before it was open.' from counted
       where round > 1 and (before_closed_at is null or before_closed_at > opened_at)`,
      scope,
    ),
};

/** Whatever looks for what is open goes by this list. */
const openIsListed: Check = {
  invariant: 'I1',
  claim: 'what is open is listed as open, and what is closed is not',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with latest as (
         select l.id, r.round, exists (select from closures z where z.loop_id = l.id and z.round = r.round) as closed
         from loops l
         join lateral (select x.round from rounds x where x.loop_id = l.id order by x.round desc limit 1) r on true
         where l.opened_at >= $1
       )
       select t.id::text as about, 'It is open and nothing looks at it. Put its row in open_rounds back.' as sentence from latest t
       where not t.closed and not exists (select from open_rounds o where o.loop_id = t.id and o.round = t.round)
       union all
       select t.id::text, 'It is closed and looked at as open. Take its row out of open_rounds.'
       from latest t join open_rounds o on o.loop_id = t.id
       where t.closed`,
      scope,
    ),
};

/** Whatever looks for what waits for somebody goes by this list. Who handed it on stays on it for the round. */
const openIsListedWithItsPeople: Check = {
  invariant: 'I1',
  claim: 'what is open is listed with everybody who holds it or was told of it, and with nobody else',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with wanted as (
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
         where d.purpose = 'prompt'
       )
       select w.loop_id::text as about,
         'It is open and not looked for among the tasks of ' || w.staff || '. Put the row back in open_round_staff.' as sentence
       from wanted w join loops l on l.id = w.loop_id
       where l.opened_at >= $1 and not exists (select from open_round_staff s where s.loop_id = w.loop_id and s.staff = w.staff)
       union all
       select s.loop_id::text,
         'It is looked for among the tasks of ' || s.staff || ', who has nothing to do with it. Take the row out of open_round_staff.'
       from open_round_staff s join loops l on l.id = s.loop_id
       where l.opened_at >= $1
         and not exists (select from ownerships w where w.loop_id = s.loop_id and w.staff = s.staff)
         and not exists (select from wanted w where w.loop_id = s.loop_id and w.staff = s.staff)`,
      scope,
    ),
};

export const answerableChecks = [oneIsAnswerable, roundsFollow, openIsListed, openIsListedWithItsPeople];
