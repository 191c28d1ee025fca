/** What a customer said: the row that is never changed, and the words beside it. */

import { z } from 'zod';
import type { Mood, OfferTaken } from '../../domain/company.ts';
import { newReference } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';

export interface NewSignal {
  id: string;
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
}

/** Records a signal and returns its reference. */
export async function recordSignal(tx: Tx, s: NewSignal): Promise<string> {
  for (let length = 4; ; length += Math.random() < 0.5 ? 0 : 1) {
    const reference = newReference(length);
    const recorded = await tx.maybeOneFirst(sql.type(z.object({ reference: z.string() }))`
      insert into signals (id, reference, channel, captured_by, customer_id, mood, taken, kind, said_at)
      values (${s.id}, ${reference}, ${s.channel}, ${s.capturedBy}, ${s.customerId}, ${s.mood ?? null}, ${s.taken ?? null}, ${s.kind ?? null},
        ${s.saidAt ? sql.timestamp(s.saidAt) : sql.fragment`heed_now()`})
      on conflict (reference) do nothing
      returning reference`);
    if (recorded === null) continue;
    await tx.query(sql.unsafe`
      insert into words (signal_id, words, note, unmet, offered) values (${s.id}, ${s.words}, ${s.note ?? null}, ${s.unmet ?? null}, ${s.offered ?? null})`);
    return recorded;
  }
}

export async function recordAttributes(tx: Tx, signalId: string, attributes: Record<string, string>): Promise<void> {
  const rows = Object.entries(attributes).map(([name, value]) => [signalId, name, value]);
  await tx.query(sql.unsafe`
    insert into signal_attributes (signal_id, name, value)
    select * from ${sql.unnest(rows, ['uuid', 'text', 'text'])} as given (signal_id, name, value)
    on conflict (signal_id, name) do nothing`);
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
