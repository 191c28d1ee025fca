/** What a customer said: the row that is never changed, and the words beside it. */

import { UniqueIntegrityConstraintViolationError } from 'slonik';
import { z } from 'zod';
import type { Mood, OfferTaken } from '../../domain/company.ts';
import { newId, newReference } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';

export interface NewSignal {
  id: string;
  place: string;
  channel: 'web' | 'api' | 'cli' | 'slack';
  capturedBy: string | null;
  customerId: string | null;
  mood?: Mood | undefined;
  taken?: OfferTaken | undefined;
  kind?: string | undefined;
  saidAt?: Date | undefined;
  words: string;
  note?: string | undefined;
  unmet?: string | undefined;
  offered?: string | undefined;
  /** What was wanted, normalised; the item stands among them, as 'item'. */
  attributes: Record<string, string>;
  /** Who is answerable from now on, and why. */
  owner: { staff: string; reason: string; configuration: number };
  /** The press that made it, which keeps the answer. */
  pressId: string;
}

/**
 * Records a signal with its loop, first round, words, attributes, owner and wake, and returns its reference: one statement, because somebody
 * stands at a counter and waits for it. Null when the id is taken. Two captures may draw one reference at the same moment; the later then
 * fails on `a_reference_names_one_signal` and is tried again by whoever called.
 */
export async function recordSignal(tx: Tx, s: NewSignal): Promise<string | null> {
  const drawn = Array.from({ length: 8 }, (_, n) => newReference(n < 5 ? 4 : n));
  const attributes = Object.entries(s.attributes);
  return tx.maybeOneFirst(sql.type(z.object({ reference: z.string() }))`
    with loop as (
      insert into loops (id, kind, place) values (${s.id}, 'signal', ${s.place}) on conflict (id) do nothing
      returning id
    ), round as (
      insert into rounds (loop_id, round, cause) select id, 1, 'opened' from loop
    ), signal as (
      insert into signals (id, reference, channel, captured_by, customer_id, mood, taken, kind, said_at)
      select id,
        (select d from unnest(${sql.array(drawn, 'text')}) with ordinality as u (d, n)
          where not exists (select from signals x where x.reference = d) order by n limit 1),
        ${s.channel}, ${s.capturedBy}, ${s.customerId}, ${s.mood ?? null}, ${s.taken ?? null}, ${s.kind ?? null},
        ${s.saidAt ? sql.timestamp(s.saidAt) : sql.fragment`heed_now()`}
      from loop
      returning id, reference
    ), said as (
      insert into words (signal_id, words, note, unmet, offered)
      select id, ${s.words}, ${s.note ?? null}, ${s.unmet ?? null}, ${s.offered ?? null} from loop
    ), wanted as (
      insert into signal_attributes (signal_id, name, value)
      select loop.id, given.name, given.value
      from loop cross join ${sql.unnest(attributes, ['text', 'text'])} as given (name, value)
    ), owner as (
      insert into ownerships (id, loop_id, round, staff, cause, reason, configuration)
      select ${newId()}::uuid, id, 1, ${s.owner.staff}, 'captured', ${s.owner.reason}, ${s.owner.configuration} from loop
    ), wake as (
      insert into wakes (loop_id, class) select id, 'start' from loop
    ), pressed as (
      update presses set fact_id = signal.id, result = jsonb_build_object('id', signal.id, 'reference', signal.reference)
      from signal where presses.id = ${s.pressId}
    )
    select reference from signal`);
}

/** Whether recording failed because another signal drew the same reference a moment ago. */
export function isReferenceTaken(error: unknown): boolean {
  return (
    error instanceof UniqueIntegrityConstraintViolationError && error.constraint === 'a_reference_names_one_signal'
  );
}

const Remark = z.object({
  words: z.string(),
  note: z.string().nullable(),
  unmet: z.string().nullable(),
  offered: z.string().nullable(),
  attributes: z.record(z.string(), z.string()),
});

/** The customer's words and what was wanted; null once erased. The item stands among the attributes, as 'item'. */
export async function wordsOf(db: Db, signalId: string): Promise<z.infer<typeof Remark> | null> {
  return db.maybeOne(sql.type(Remark)`
    select w.words, w.note, w.unmet, w.offered,
      coalesce((select jsonb_object_agg(a.name, a.value) from signal_attributes a where a.signal_id = w.signal_id), '{}') as attributes
    from words w where w.signal_id = ${signalId}`);
}
