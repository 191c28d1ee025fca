/** No effect across places and roles: whoever captured, acted or was asked was somebody whose it was, by the company file that was in force then. */

import { violationsIn, type Check } from './check.ts';

/** Who stood where in each company file, and while it was in force. A process may go by the one before for a moment: two minutes are far more. */
const standings = `
  files as (
    select document,
      -- What is older than the first one is held against that.
      case when lag(version) over (order by version) is null then '-infinity' else applied_at end as from_at,
      coalesce(lead(applied_at) over (order by version), 'infinity') + interval '2 minutes' as until_at
    from configurations
  ),
  -- places: null where they see all of them.
  people as materialized (
    select f.from_at, f.until_at, s.key as staff, s.value->>'lead' as lead, f.document->>'executive' = s.key as executive,
      case when json_typeof(s.value->'places') = 'array' and f.document->>'executive' <> s.key
        then array(select json_array_elements_text(s.value->'places')) end as places
    from files f cross join json_each(f.document->'staff') s
  ),
  managers as materialized (
    select f.from_at, f.until_at, p.key as place, p.value->>'manager' as staff
    from files f cross join json_each(f.document->'places') p
  )`;

const worksThere = (who: string, place: string, at: string): string => `exists (
           select from people p
           where p.staff = ${who} and ${at} between p.from_at and p.until_at and (p.places is null or ${place} = any(p.places)))`;

/** Over a loop `x`, at its moment: the executive, or the lead of whoever had it by then. */
const standsAbove = (who: string): string => `exists (
           select from people p
           where x.at between p.from_at and p.until_at
             and (p.staff = ${who} and p.executive
               or p.lead = ${who} and p.staff in (select o.staff from ownerships o where o.loop_id = x.loop_id and o.started_at <= x.at)))`;

const capturedWhereTheyWork: Check = {
  invariant: 'I12',
  claim: 'whoever captured a remark works at the place where it was said',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with ${standings}
       select s.id::text as about,
         'It was captured at ' || l.place || ' by somebody who does not work there: ' || s.captured_by || '. Look which door let them in.' as sentence
       from signals s
       join loops l on l.id = s.id
       where not l.sample and s.captured_by is not null and s.captured_at >= $1
         and not ${worksThere('s.captured_by', 'l.place', 's.captured_at')}`,
      scope,
    ),
};

/** Not by what they did at that moment: whoever takes a loop may do so for another reason than that they have it then. */
const actsAreTheirs: Check = {
  invariant: 'I12',
  claim: 'whoever acted on a loop answered for it, was asked to, works at its place, or stands above whoever decides',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with ${standings},
       acts (loop_id, by, at) as (
         select loop_id, by, acknowledged_at from acknowledgements
         union all select loop_id, by, followed_up_at from follow_ups
         union all select loop_id, by, called_at from calls
         union all select signal_id, by, reviewed_at from reviews
         union all select loop_id, by, closed_at from closures
         union all select loop_id, by, confirmed_at from confirmations
         union all select loop_id, by, started_at from ownerships
         union all select signal_id, joined_by, joined_at from insight_signals
         union all select insight_id, by, decided_at from decisions
         union all select d.insight_id, w.by, w.withdrawn_at from withdrawals w join decisions d on d.id = w.decision_id
         union all select d.insight_id, c.by, c.completed_at from completions c join decisions d on d.id = c.decision_id
       ),
       strange as (
         select a.*, l.kind, l.place
         from acts a
         join loops l on l.id = a.loop_id
         where not l.sample and a.by is not null and a.at >= $1
           and not exists (select from ownerships o where o.loop_id = a.loop_id and o.staff = a.by and o.started_at < a.at)
           and not exists (select from deliveries d where d.loop_id = a.loop_id and d.staff = a.by and d.purpose = 'prompt' and d.planned_at <= a.at)
           and not exists (
             select from plans p join escalations e on e.plan_id = p.id
             where p.loop_id = a.loop_id and e.staff = a.by and e.taken_at <= a.at)
       )
       select distinct x.loop_id::text as about,
         'Somebody acted on it who had it not, was not asked to and does not work at ' || x.place || ': ' || x.by || '. Look which door let them in.' as sentence
       from strange x
       where x.kind = 'signal'
         and not ${worksThere('x.by', 'x.place', 'x.at')}
       union all
       select distinct x.loop_id::text,
         'Somebody had a say in it who neither decides it nor stands above whoever does: ' || x.by || '. Look which door let them in.'
       from strange x
       where x.kind = 'insight'
         and not ${standsAbove('x.by')}`,
      scope,
    ),
};

const askedAreTheirs: Check = {
  invariant: 'I12',
  claim: 'whoever is asked to act answers for the loop, leads whoever does, manages its place, or is the executive',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with ${standings},
       asked as (
         select d.id, d.loop_id, d.staff, d.planned_at as at, l.place
         from deliveries d
         join loops l on l.id = d.loop_id
         where not l.sample and d.purpose = 'prompt' and d.planned_at >= $1
           and not exists (select from ownerships o where o.loop_id = d.loop_id and o.staff = d.staff and o.started_at <= d.planned_at)
       )
       select x.id::text as about,
         'Somebody was asked to act on ' || x.loop_id || ' who has nothing to do with it: ' || x.staff || '. What was said may stand in that message.' as sentence
       from asked x
       where not ${standsAbove('x.staff')}
         and not exists (
           select from managers m where m.place = x.place and m.staff = x.staff and x.at between m.from_at and m.until_at)`,
      scope,
    ),
};

export const theirChecks = [capturedWhereTheyWork, actsAreTheirs, askedAreTheirs];
