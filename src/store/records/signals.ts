/** What a customer said: the row that is never changed, and the words beside it. */

import { UniqueIntegrityConstraintViolationError } from 'slonik';
import { z } from 'zod';
import type { Mood, OfferTaken } from '../../domain/company.ts';
import { newId, newReference } from '../../domain/ids.ts';
import { sql, type Db } from '../pool.ts';
import { ReferenceRow } from '../rows.ts';
import type { Customer } from './customers.ts';
import { hashesOf, type Press } from './presses.ts';

export interface NewSignal {
  id: string;
  place: string;
  channel: 'web' | 'api' | 'cli' | 'slack';
  capturedBy: string | null;
  customer: Customer | null;
  consents: readonly { purpose: 'follow_up'; channel: 'email' | 'phone'; wording: string }[];
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
  /** The press that makes it, and keeps the answer. */
  press: Press;
}

/**
 * Records a signal with its press, customer, consents, loop, first round, words, attributes, owner and wake, and returns its reference: one
 * statement, because somebody stands at a counter and waits for it. Null when the press had been made before, and then nothing is recorded.
 * Throws when the id is taken (`isIdTaken`), and when another capture drew the same reference a moment ago (`isReferenceTaken`): try again.
 */
export async function recordSignal(db: Db, s: NewSignal): Promise<string | null> {
  const drawn = Array.from({ length: 8 }, (_, n) => newReference(n < 5 ? 4 : n));
  const attributes = Object.entries(s.attributes);
  const { keyHash, fingerprint } = hashesOf(s.press);
  const customerId = s.customer?.id ?? null;
  return db.maybeOneFirst(sql.type(ReferenceRow)`
    with drawn as (
      select d as reference from unnest(${sql.array(drawn, 'text')}) with ordinality as u (d, n)
      -- One look-up each (offset 0 keeps it so): joined, all signals are read for as long as the plan lives that was made when they were few.
      where not exists (select from signals x where x.reference = d offset 0) order by n limit 1
    ), pressed as (
      insert into presses (id, source, key_hash, fingerprint, person, fact_id, result)
      select ${newId()}, ${s.press.source}, ${sql.binary(keyHash)}, ${sql.binary(fingerprint)}, ${s.capturedBy}, ${s.id},
        jsonb_build_object('id', ${s.id}::text, 'reference', drawn.reference)
      from drawn
      on conflict (source, key_hash) do nothing
      returning result ->> 'reference' as reference
    ), loop as (
      insert into loops (id, kind, place) select ${s.id}::uuid, 'signal', ${s.place} from pressed
      returning id, (select reference from drawn) as reference
    ), customer as (
      insert into customers (id, name)
      select ${customerId}::uuid, ${s.customer?.name ?? null} from loop where ${s.customer !== null}
      on conflict (id) do update set name = excluded.name where customers.name is null and excluded.name is not null
    ), identity as (
      insert into identities (id, customer_id, kind, value, normalised)
      select given.id, ${customerId}::uuid, given.kind, given.value, given.normalised
      from loop cross join ${sql.unnest(
        (s.customer?.identities ?? []).map(({ kind, value, normalised }) => [newId(), kind, value, normalised]),
        ['uuid', 'text', 'text', 'text'],
      )} as given (id, kind, value, normalised)
      on conflict (customer_id, kind, normalised) do nothing
    ), round as (
      insert into rounds (loop_id, round, cause) select loop.id, 1, 'opened' from loop
    ), signal as (
      insert into signals (id, reference, channel, captured_by, customer_id, mood, taken, kind, said_at)
      select loop.id, loop.reference, ${s.channel}, ${s.capturedBy}, ${customerId}::uuid, ${s.mood ?? null}, ${s.taken ?? null},
        ${s.kind ?? null}, ${s.saidAt ? sql.timestamp(s.saidAt) : sql.fragment`heed_now()`}
      from loop
    ), said as (
      insert into words (signal_id, words, note, unmet, offered)
      select loop.id, ${s.words}, ${s.note ?? null}, ${s.unmet ?? null}, ${s.offered ?? null} from loop
    ), wanted as (
      insert into signal_attributes (signal_id, name, value)
      select loop.id, given.name, given.value
      from loop cross join ${sql.unnest(attributes, ['text', 'text'])} as given (name, value)
    ), consent as (
      insert into consents (id, signal_id, customer_id, purpose, channel, wording, recorded_by)
      select given.id, loop.id, ${customerId}::uuid, given.purpose, given.channel, given.wording, ${s.capturedBy}
      from loop cross join ${sql.unnest(
        s.consents.map(({ purpose, channel, wording }) => [newId(), purpose, channel, wording]),
        ['uuid', 'text', 'text', 'text'],
      )} as given (id, purpose, channel, wording)
      on conflict (signal_id, purpose, channel) do nothing
    ), owner as (
      insert into ownerships (id, loop_id, round, staff, cause, reason, configuration)
      select ${newId()}::uuid, loop.id, 1, ${s.owner.staff}, 'captured', ${s.owner.reason}, ${s.owner.configuration} from loop
    ), wake as (
      insert into wakes (loop_id, class) select loop.id, 'start' from loop
    )
    select reference from pressed`);
}

/** Whether recording failed because another signal drew the same reference a moment ago. */
export const isReferenceTaken = (error: unknown): boolean => violates(error, 'a_reference_names_one_signal');

/** Whether recording failed because a loop of this id exists. */
export const isIdTaken = (error: unknown): boolean => violates(error, 'loops_pkey');

const violates = (error: unknown, constraint: string): boolean =>
  error instanceof UniqueIntegrityConstraintViolationError && error.constraint === constraint;

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
