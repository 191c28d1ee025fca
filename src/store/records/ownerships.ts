/** The one person answerable for a loop. Giving it to somebody ends the former's slot in the same statement order, under the loop's lock. */

import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { CountRow, StaffRow } from '../rows.ts';
import { endPrompts } from './loops.ts';

const ByRow = z.object({ by: z.string().nullable() });

export interface Ownership {
  loopId: string;
  round: number;
  staff: string;
  cause: 'captured' | 'routed' | 'handed_over' | 'taken' | 'not_settled' | 'opened';
  /** Completes "You, because …". */
  reason: string;
  by?: string | null;
  configuration: number;
}

/** Makes `staff` the one person answerable, from now. Returns the ownership's id. */
export async function own(tx: Tx, o: Ownership): Promise<string> {
  const id = newId();
  const former = await tx.maybeOneFirst(sql.type(StaffRow)`
    update ownerships set ended_at = heed_now() where loop_id = ${o.loopId} and ended_at is null returning staff`);
  await tx.query(sql.unsafe`
    insert into ownerships (id, loop_id, round, staff, cause, reason, by, configuration)
    values (${id}, ${o.loopId}, ${o.round}, ${o.staff}, ${o.cause}, ${o.reason}, ${o.by ?? null}, ${o.configuration})`);
  // Whoever was called above them by the customer's clock is called all the same; by their own, they are looked at when they are to leave.
  if (former) await endPrompts(tx, o.loopId, former);
  return id;
}

/** Who gave a loop to whoever is answerable now, or took it; null where a rule did. */
export function giverOf(db: Db, loopId: string): Promise<string | null> {
  return db.oneFirst(sql.type(ByRow)`select by from ownerships where loop_id = ${loopId} and ended_at is null`);
}

/** How often it has been handed over in this round. */
export function handOversBefore(db: Db, loopId: string, round: number): Promise<number> {
  return db.oneFirst(sql.type(CountRow)`
    select count(*)::integer as count from ownerships where loop_id = ${loopId} and round = ${round} and cause = 'handed_over'`);
}

/** Whether whoever the prompt of this key is for has given its loop away, or lost it, since it was planned, and does not hold it again. An e-mail
 *  in the place of a message that Slack did not take counts from when that was planned. */
export function isGivenAway(db: Db, key: string): Promise<boolean> {
  return db.exists(sql.unsafe`
    select from deliveries d
    join ownerships n on n.loop_id = d.loop_id and n.ended_at is null and n.staff <> d.staff and n.started_at > d.planned_at
    where d.dedupe_key = any(${sql.array([key, key.replace(/:email$/, ':slack')], 'text')})
      and exists (select from ownerships o where o.loop_id = d.loop_id and o.staff = d.staff and o.ended_at > d.planned_at)`);
}
