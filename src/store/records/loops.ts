/** The loop's own row: opened once, locked by whoever records a fact about it, woken afterwards. */

import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { sql, type Tx } from '../pool.ts';
import { IdRow } from '../rows.ts';
import { notHandedOver } from './deliveries.ts';
import { wake, type WakeClass } from './wakes.ts';

const LockedRow = z.object({
  kind: z.enum(['signal', 'insight']),
  place: z.string(),
  sample: z.boolean(),
  now: z.date(),
});
const RoundRow = z.object({ round: z.number() });

export interface NewLoop {
  id: string;
  kind: 'signal' | 'insight';
  place: string;
}

/** Opens a loop with its first round. Throws `conflict` when the id is taken (a client may bring its own). */
export async function openLoop(tx: Tx, { id, kind, place }: NewLoop): Promise<void> {
  const opened = await tx.maybeOne(sql.type(IdRow)`
    insert into loops (id, kind, place) values (${id}, ${kind}, ${place}) on conflict (id) do nothing returning id`);
  if (!opened) throw new DomainError('conflict', 'This id is taken. Let it out, or use a new one.');
  await tx.query(sql.unsafe`insert into rounds (loop_id, round, cause) values (${id}, 1, 'opened')`);
}

export type LockedLoop = z.infer<typeof LockedRow>;

/**
 * Locks a loop's row for recording a fact, and returns the moment that is its: after whatever was recorded while this waited, though the
 * transaction may have begun before. Signal before insight, insights in id order. Throws `not_found`.
 */
export async function lockLoop(tx: Tx, id: string): Promise<LockedLoop> {
  const loop = await lockLoopIfAny(tx, id);
  if (!loop) throw new DomainError('not_found', 'There is nothing here under that address.');
  return loop;
}

/** The same; null where there is no such loop. */
export function lockLoopIfAny(tx: Tx, id: string): Promise<LockedLoop | null> {
  return tx.maybeOne(sql.type(LockedRow)`
    with loop as materialized (select kind, place, sample from loops where id = ${id} for no key update)
    select kind, place, sample, heed_take_moment() as now from loop`);
}

/** Whether a loop still owes somebody something. */
export function isOpen(tx: Tx, id: string): Promise<boolean> {
  return tx.exists(sql.unsafe`select from now.open_loops where id = ${id}`);
}

/** After a fact: the loop is looked at again, and the cards in Slack are drawn anew. */
export async function factRecorded(tx: Tx, loopId: string, as: WakeClass = 'response'): Promise<void> {
  await wake(tx, loopId, as);
  await redrawCards(tx, [loopId]);
}

/** The next round: after a "no", one level up; or because a decision that had been told is decided anew. Returns its number. */
export async function openRound(
  tx: Tx,
  loopId: string,
  cause: 'not_settled' | 'decided_anew' = 'not_settled',
): Promise<number> {
  return tx.oneFirst(sql.type(RoundRow)`
    insert into rounds (loop_id, round, level, cause)
    select loop_id, round + 1, level + ${cause === 'not_settled' ? 1 : 0}, ${cause} from rounds where loop_id = ${loopId} order by round desc limit 1
    returning round`);
}

export type Closing =
  | 'settled'
  | 'silent'
  | 'nobody_to_reach'
  | 'dismissed'
  | 'final'
  | 'not_settled'
  | 'completed'
  | 'declined'
  | 'joined'
  | 'erased';

/** Closes a round once and ends the prompts that it makes void. False when it was closed before. */
export async function closeRound(
  tx: Tx,
  closure: { loopId: string; round: number; how: Closing; by?: string | null; rule?: string; reason?: string },
): Promise<boolean> {
  const closed = await tx.maybeOne(sql.type(IdRow)`
    insert into closures (id, loop_id, round, how, by, rule, reason)
    values (${newId()}, ${closure.loopId}, ${closure.round}, ${closure.how}, ${closure.by ?? null}, ${closure.rule ?? null}, ${closure.reason ?? null})
    on conflict (loop_id, round) do nothing
    returning id`);
  if (closed) await endPrompts(tx, closure.loopId);
  return closed !== null;
}

/** Prompts not yet handed over are void once their loop is closed; those to `staff`, once somebody else is answerable. */
export async function endPrompts(tx: Tx, loopId: string, staff?: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set state = 'cancelled', ended_at = heed_now()
    where loop_id = ${loopId} and purpose = 'prompt'
      and ${notHandedOver}
      ${staff ? sql.fragment`and staff = ${staff}` : sql.fragment``}`);
}

/** One edit per card waits at most, and one that nobody waits for (`unhurried`) in nobody's place: whoever sends it draws what is true by then. Whoever
 *  ends or lets go prompts of these loops does so before this: everybody locks them in one order. */
export async function redrawCards(tx: Tx, loopIds: readonly string[], unhurried = false): Promise<void> {
  const edits = sql.fragment`
    d.loop_id = any(${sql.array([...loopIds], 'uuid')}) and d.purpose = 'card' and d.state in ('planned', 'ready') and (not d.unhurried or ${unhurried})`;
  // Whoever takes one at this moment may draw it without what is recorded here: it waits from now on, or is taken by then and counts no more.
  await tx.query(sql.unsafe`select from deliveries d where ${edits} order by d.id for no key update`);
  await tx.query(sql.unsafe`
    insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, staff, message_id, unhurried)
    select x.id, 'card:' || x.id, 'card', 'slack', 'at_least_once', c.loop_id, c.staff, '<d.' || x.id || '@heed>', ${unhurried}
    from slack_cards c
    cross join lateral (select gen_random_uuid() as id, c.ts) x
    where c.loop_id = any(${sql.array([...loopIds], 'uuid')})
      and not exists (select from deliveries d where d.loop_id = c.loop_id and d.staff = c.staff and ${edits})`);
}
