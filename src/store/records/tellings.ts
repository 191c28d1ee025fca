/** Who hears of a decision: one row per customer and per capturer, each with its channel or the reason why not. */

import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { IdRow, SignalIdRow } from '../rows.ts';

const StateRow = z.object({ state: z.string() });

const Contributor = z.object({
  signal_id: z.string(),
  reference: z.string(),
  place: z.string(),
  sample: z.boolean(),
  customer_id: z.string().nullable(),
  customer_name: z.string().nullable(),
  captured_by: z.string().nullable(),
  capturer_gone: z.boolean(),
  kind: z.string().nullable(),
  round: z.number(),
  closed: z.boolean(),
  reach: z.string().nullable(),
  unreachable: z.string().nullable(),
  told_before: z.boolean(),
});
export type Contributor = z.infer<typeof Contributor>;

/** Signals of an insight that its decision has not settled yet, with the way to each customer: all that the next `most` people said about it,
 *  whoever spoke first first. */
export async function contributorsLeft(
  db: Db,
  insightId: string,
  decisionId: string | null,
  most: number,
): Promise<readonly Contributor[]> {
  // Chosen by themselves, so that the view is read for these and not for everybody who is left.
  const next = await db.anyFirst(sql.type(SignalIdRow)`
    with unsettled as (
      select x.signal_id, coalesce(s.customer_id, s.id) as person, s.captured_at
      from now.insight_signals x
      join signals s on s.id = x.signal_id
      where x.insight_id = ${insightId}
        and not exists (select from told_signals t where t.decision_id = ${decisionId} and t.signal_id = x.signal_id)
    ),
    people as (
      select person from unsettled group by person order by min(captured_at), person limit ${most}
    )
    select signal_id from unsettled where person in (select person from people)`);
  return db.any(sql.type(Contributor)`
    select s.id as signal_id, s.reference, s.place, s.sample, s.customer_id, c.name as customer_name, s.captured_by,
      coalesce(p.removed_at is not null, false) as capturer_gone, s.kind, s.round, (s.closed_at is not null and not s.sample) as closed,
      s.reach, s.unreachable,
      -- Of an earlier version, and really: a letter that never left and a call that was never made have told nobody.
      exists (
        select from tellings t join decisions d on d.id = t.decision_id
        where d.insight_id = ${insightId} and t.customer_id = s.customer_id and t.channel is not null and t.decision_id is distinct from ${decisionId}
          and (t.channel = 'sample'
            or exists (
              select from deliveries m
              where m.customer_id = t.customer_id and m.purpose = 'told' and m.occasion = t.decision_id
                and m.state in ('sent', 'delivered', 'complained'))
            or exists (
              select from told_signals same join calls k on k.loop_id = same.signal_id
              where same.decision_id = t.decision_id and same.telling_id = t.id and k.purpose = 'told' and k.outcome = 'reached'))
      ) as told_before
    from now.signals s
    left join customers c on c.id = s.customer_id
    left join staff p on p.code = s.captured_by
    where s.id = any(${sql.array([...next], 'uuid')})
    -- Who spoke twice hears once, and by letter where one of the two allows it.
    order by (s.reach = 'email') desc nulls last, s.captured_at, s.id`);
}

/** Whether a signal is part of this insight, and was not moved on to another. */
export function isPartOf(db: Db, signalId: string, insightId: string): Promise<boolean> {
  return db.exists(sql.unsafe`
    select from now.insight_signals where signal_id = ${signalId} and insight_id = ${insightId}`);
}

export interface NewTelling {
  decisionId: string;
  signalId: string;
  customerId?: string;
  staff?: string;
  channel?: 'email' | 'slack' | 'phone' | 'sample';
  reason?: string;
}

/** The telling of this person; the first one's when they were told through another of their signals. */
export async function recordTelling(tx: Tx, t: NewTelling): Promise<{ id: string; fresh: boolean }> {
  const id = newId();
  const { rowCount } = await tx.query(sql.unsafe`
    insert into tellings (id, decision_id, signal_id, customer_id, staff, channel, reason)
    values (${id}, ${t.decisionId}, ${t.signalId}, ${t.customerId ?? null}, ${t.staff ?? null}, ${t.channel ?? null}, ${t.reason ?? null})
    on conflict do nothing`);
  if (rowCount === 1) return { id, fresh: true };
  const first = await tx.oneFirst(sql.type(IdRow)`
    select id from tellings where decision_id = ${t.decisionId}
      and (customer_id = ${t.customerId ?? null} or staff = ${t.staff ?? null})`);
  return { id: first, fresh: false };
}

/** The signals whose customer hears of a decision through one telling: all that this customer said about it. In the order of their ids. */
export function signalsToldThrough(db: Db, decisionId: string, customerId: string): Promise<readonly string[]> {
  return db.anyFirst(sql.type(IdRow)`
    select ts.signal_id as id from told_signals ts join tellings t on t.id = ts.telling_id
    where t.decision_id = ${decisionId} and t.customer_id = ${customerId}
    order by ts.signal_id`);
}

/** Whether a letter that was to tell this signal's customer was kept back because it went by another remark, of which somebody said that it was
 *  not theirs. */
export function wentByAnothers(db: Db, letterId: string, signalId: string): Promise<boolean> {
  return db.exists(sql.unsafe`
    select from deliveries d join disavowals x on x.signal_id = d.loop_id
    where d.id = ${letterId} and d.purpose = 'told' and d.state = 'suppressed' and d.loop_id <> ${signalId}`);
}

/** What became of the letters that tell a signal's customer what was decided, of those that were planned later than this. */
export function lettersThatTell(db: Db, signalId: string, later: Date): Promise<readonly string[]> {
  return db.anyFirst(sql.type(StateRow)`
    select d.state from told_signals ts
    join tellings t on t.id = ts.telling_id
    join deliveries d on d.customer_id = t.customer_id and d.purpose = 'told' and d.occasion = ts.decision_id
    where ts.signal_id = ${signalId} and d.planned_at > ${sql.timestamp(later)}`);
}

/** What became of the answers to all that a customer said and hears of through one telling. */
export function answersToWhoIsTold(db: Db, decisionId: string, customerId: string): Promise<readonly string[]> {
  return db.anyFirst(sql.type(StateRow)`
    select d.state from tellings t
    join told_signals ts on ts.telling_id = t.id
    join deliveries d on d.loop_id = ts.signal_id and d.purpose = 'answer'
    where t.decision_id = ${decisionId} and t.customer_id = ${customerId}`);
}

/** Whether any of the open signals that are told through one letter has a promise to its customer. */
export async function isPromised(db: Db, decisionId: string, customerId: string): Promise<boolean> {
  const signals = await signalsToldThrough(db, decisionId, customerId);
  return db.exists(sql.unsafe`
    select from now.answers f
    join promises p on p.follow_up_id = f.id
    join now.open_loops o on o.id = f.loop_id and o.round = f.round
    where f.loop_id = any(${sql.array([...signals], 'uuid')})`);
}

/** The open signals whose customers were to be called about a decision on this insight. */
export function signalsToCallAbout(db: Db, insightId: string): Promise<readonly string[]> {
  return db.anyFirst(sql.type(SignalIdRow)`
    select distinct t.signal_id from decisions d
    join now.told t on t.decision_id = d.id and t.channel = 'phone'
    join now.open_loops o on o.id = t.signal_id
    where d.insight_id = ${insightId}`);
}

/** Settles one signal of a decision: told through a telling, or not, for a reason. */
export async function recordToldSignal(
  tx: Tx,
  t: { decisionId: string; signalId: string; tellingId?: string; reason?: string },
): Promise<void> {
  await tx.query(sql.unsafe`
    insert into told_signals (decision_id, signal_id, telling_id, reason)
    values (${t.decisionId}, ${t.signalId}, ${t.tellingId ?? null}, ${t.reason ?? null})
    on conflict do nothing`);
}
