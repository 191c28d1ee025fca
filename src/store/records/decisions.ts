/** What was decided about an insight, version by version, taken back or completed. */

import { z } from 'zod';
import { decisionOutcomes, decisionScopes } from '../../domain/decisions.ts';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';

export interface NewDecision {
  insightId: string;
  outcome: 'adopted' | 'declined' | 'deferred';
  scope?: 'everyone' | 'these' | undefined;
  reason: string;
  internalReason?: string | undefined;
  /** YYYY-MM-DD */
  doneBy?: string | undefined;
  wakeAt?: Date | undefined;
  untilPeople?: number | undefined;
  by: string;
  finalAt: Date;
  evidence: readonly string[];
}

/** Records the next version and the signals that were chosen as its evidence. */
export async function recordDecision(tx: Tx, d: NewDecision): Promise<string> {
  const id = newId();
  await tx.query(sql.unsafe`
    insert into decisions (id, insight_id, version, outcome, scope, reason, internal_reason, done_by, wake_at, until_people, by, final_at)
    values (${id}, ${d.insightId}, (select coalesce(max(version), 0) + 1 from decisions where insight_id = ${d.insightId}), ${d.outcome}, ${d.scope ?? null},
      ${d.reason}, ${d.internalReason ?? null}, ${d.doneBy ?? null}, ${d.wakeAt ? sql.timestamp(d.wakeAt) : null}, ${d.untilPeople ?? null}, ${d.by},
      ${sql.timestamp(d.finalAt)})`);
  await tx.query(sql.unsafe`
    insert into decision_evidence (decision_id, signal_id)
    select ${id}, x.signal_id from now.insight_signals x
    where x.insight_id = ${d.insightId} and x.signal_id = any(${sql.array([...d.evidence], 'uuid')})`);
  return id;
}

const InForce = z.object({ id: z.string(), final_at: z.date() });

const WithReason = InForce.extend({ reason: z.string() });

/** The latest version that was not taken back; it may still be taken back until `final_at`. */
export function decisionInForce(db: Db, insightId: string): Promise<z.infer<typeof WithReason> | null> {
  return db.maybeOne(sql.type(WithReason)`
    select id, final_at, reason from now.decisions where insight_id = ${insightId}`);
}

const ById = z.object({
  outcome: z.enum(decisionOutcomes),
  scope: z.enum(decisionScopes).nullable(),
  reason: z.string(),
  done_by: z.string().nullable(),
  decided_by: z.string(),
});

/** What was decided by it, whether or not it is in force. */
export function decisionById(db: Db, id: string): Promise<z.infer<typeof ById>> {
  return db.one(sql.type(ById)`
    select outcome, scope, reason, done_by, by as decided_by from decisions where id = ${id}`);
}

/** The decision that took the place of this one; null while it is in force. */
export function decisionOvertaking(db: Db, decisionId: string): Promise<z.infer<typeof InForce> | null> {
  return db.maybeOne(sql.type(InForce)`
    select d.id, d.final_at from now.decisions d join decisions overtaken on overtaken.insight_id = d.insight_id
    where overtaken.id = ${decisionId} and d.id <> overtaken.id`);
}

/** Where a call about a decision is owed and it was decided anew since: when it is certain what to tell them. Null where what they are owed is in
 *  force, and where the new decision has passed them by: then nothing else is ever told to them. */
export async function callOvertaken(
  db: Db,
  owed: { id: string; told_channel: string | null; told_at: Date | null; told_decision_id: string | null },
): Promise<Date | null> {
  if (owed.told_channel !== 'phone' || owed.told_at || !owed.told_decision_id) return null;
  const anew = await decisionOvertaking(db, owed.told_decision_id);
  return anew && !(await isSettled(db, anew.id, owed.id)) ? anew.final_at : null;
}

function isSettled(db: Db, decisionId: string, signalId: string): Promise<boolean> {
  return db.exists(sql.unsafe`
    select from told_signals where decision_id = ${decisionId} and signal_id = ${signalId}`);
}

export async function recordWithdrawal(tx: Tx, decisionId: string, by: string): Promise<void> {
  await tx.query(sql.unsafe`insert into withdrawals (decision_id, by) values (${decisionId}, ${by})`);
}

const Withdrawal = z.object({ by: z.string(), withdrawn_at: z.date() });

/** Who took a decision about this insight back last. */
export function lastWithdrawal(db: Db, insightId: string): Promise<z.infer<typeof Withdrawal> | null> {
  return db.maybeOne(sql.type(Withdrawal)`
    select w.by, w.withdrawn_at from withdrawals w join decisions d on d.id = w.decision_id
    where d.insight_id = ${insightId}
    order by w.withdrawn_at desc, d.version desc limit 1`);
}

export async function recordCompletion(
  tx: Tx,
  c: { decisionId: string; evidence: string; by: string },
): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    insert into completions (decision_id, evidence, by) values (${c.decisionId}, ${c.evidence}, ${c.by}) on conflict do nothing`);
  return rowCount === 1;
}
