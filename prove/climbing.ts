/** What is left to whoever an escalation names. Sooner or later everything else is answered by somebody who was asked at first, and a build in which
 *  nothing climbed would look well; these would stay open. */

import { query } from './query.ts';

/** Whom the first later rung of each of these loops has called: once their message has gone, or ended in another way, they know. */
export async function calledByEscalations(
  databaseUrl: string,
  loopIds: readonly string[],
): Promise<Map<string, string>> {
  if (loopIds.length === 0) return new Map();
  const called = await query<{ id: string; staff: string }>(
    databaseUrl,
    `select distinct on (p.loop_id) p.loop_id as id, e.staff
     from escalations e
     join plans p on p.id = e.plan_id
     join deliveries d on d.loop_id = p.loop_id and d.occasion = p.id and d.purpose = 'prompt' and d.staff = e.staff and d.planned_at >= e.taken_at
     where p.loop_id = any($1::uuid[]) and e.step > 0 and not e.collapsed and d.ended_at is not null
     order by p.loop_id, e.taken_at`,
    [loopIds],
  );
  return new Map(called.map(({ id, staff }) => [id, staff]));
}

/** Those of these loops for which no later rung was ever taken, though somebody took them up, or they wait for somebody to this day. */
export async function neverEscalated(databaseUrl: string, loopIds: readonly string[]): Promise<string[]> {
  const never = await query<{ id: string }>(
    databaseUrl,
    `select left_to.id
     from unnest($1::uuid[]) as left_to (id)
     where not exists (select from escalations e join plans p on p.id = e.plan_id where p.loop_id = left_to.id and e.step > 0)
       and (
         exists (select from reviews v where v.signal_id = left_to.id)
         or exists (select from acknowledgements a where a.loop_id = left_to.id)
         or exists (select from follow_ups f where f.loop_id = left_to.id and f.by is not null)
         or exists (
           select from rounds r
           where r.loop_id = left_to.id
             and not exists (select from closures z where z.loop_id = r.loop_id and z.round = r.round)
             and not exists (select from follow_ups f where f.loop_id = r.loop_id and f.round = r.round)))`,
    [loopIds],
  );
  return never.map(({ id }) => id);
}
