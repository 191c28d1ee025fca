/** The answer of a round to the customer, a promise that it made, and the calls that were tried. */

import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';

const DueRow = z.object({ due_at: z.date() });

export interface NewFollowUp {
  loopId: string;
  round: number;
  channel: 'email' | 'phone' | 'none';
  by?: string;
  rule?: string;
  final?: boolean;
}

export async function recordFollowUp(tx: Tx, f: NewFollowUp): Promise<string> {
  const id = newId();
  await tx.query(sql.unsafe`
    insert into follow_ups (id, loop_id, round, channel, by, rule, final)
    values (${id}, ${f.loopId}, ${f.round}, ${f.channel}, ${f.by ?? null}, ${f.rule ?? null}, ${f.final ?? false})`);
  return id;
}

const Recorded = z.object({
  id: z.string(),
  channel: z.string(),
  final: z.boolean(),
  /** YYYY-MM-DD. */
  promised_on: z.string().nullable(),
  letters: z.number(),
});

/** The answer that a round has on record, whether it answers anybody or not (now.answers), and the day that it promised.
 *  `letters`: how many were written for it. */
export function followUpOf(db: Db, loopId: string, round: number): Promise<z.infer<typeof Recorded> | null> {
  return db.maybeOne(sql.type(Recorded)`
    select f.id, f.channel, f.final, (select p.due_on from promises p where p.follow_up_id = f.id) as promised_on,
      (select count(*)::integer from deliveries d where d.loop_id = f.loop_id and d.purpose = 'answer' and d.occasion = f.id) as letters
    from follow_ups f where f.loop_id = ${loopId} and f.round = ${round}`);
}

/** Whether somebody answered without taking it first, and that did not arrive: those above shall not read that nobody did anything. */
export const isAnsweredInVain = async (
  db: Db,
  loopId: string,
  { stage, round }: { stage: string; round: number },
): Promise<boolean> => stage === 'acknowledge' && (await followUpOf(db, loopId, round)) !== null;

export async function recordPromise(
  tx: Tx,
  p: { loopId: string; followUpId: string; dueOn: string; dueAt: Date },
): Promise<void> {
  await tx.query(sql.unsafe`
    insert into promises (id, loop_id, follow_up_id, due_on, due_at) values (${newId()}, ${p.loopId}, ${p.followUpId}, ${p.dueOn}, ${sql.timestamp(p.dueAt)})`);
}

/** Whether something had been promised about this loop by then: what is written later keeps it, or passes it on. What a letter promises itself is
 *  recorded as that letter is planned. */
export function hadPromised(db: Db, loopId: string, by: Date): Promise<boolean> {
  return db.exists(sql.unsafe`
    select from promises where loop_id = ${loopId} and promised_at < ${sql.timestamp(by)}`);
}

/** Until when a letter itself promises that they hear from us again; null where it promises nothing, as one in the place of another does not: the day
 *  that the other one promised stands. */
export function promisedIn(db: Db, letterId: string): Promise<Date | null> {
  return db.maybeOneFirst(sql.type(DueRow)`
    select p.due_at from deliveries d
    join promises p on p.follow_up_id = d.occasion and p.promised_at = d.planned_at
    where d.id = ${letterId} and d.purpose = 'answer'`);
}

const Told = z.object({ by: z.string(), called_at: z.date() });

/** The call that told a customer what was decided, whichever of their remarks it was about; or that found somebody else's number about this one. */
export function callThatTold(
  db: Db,
  {
    id,
    round,
    told_decision_id: decision,
    telling_id: telling,
  }: { id: string; round: number; told_decision_id: string | null; telling_id: string | null },
): Promise<z.infer<typeof Told> | null> {
  return db.maybeOne(sql.type(Told)`
    select by, called_at from calls
    where purpose = 'told'
      and loop_id in (
        select ${id}::uuid union select signal_id from told_signals where decision_id = ${decision} and telling_id = ${telling})
      and (outcome = 'reached' or loop_id = ${id} and round = ${round} and outcome = 'wrong_number')
    order by called_at, id limit 1`);
}

export type CallOutcome = 'reached' | 'no_reply' | 'wrong_number';

export async function recordCall(
  tx: Tx,
  c: { loopId: string; round: number; purpose: 'answer' | 'told'; outcome: CallOutcome; by: string },
): Promise<string> {
  const id = newId();
  await tx.query(sql.unsafe`
    insert into calls (id, loop_id, round, purpose, outcome, by) values (${id}, ${c.loopId}, ${c.round}, ${c.purpose}, ${c.outcome}, ${c.by})`);
  return id;
}
