/** What people asked of us that must outlive a loss: every backup carries it at its head, so that an earlier one, or a server put back to before
 *  it was made, learns of what was asked since. */

import type pg from 'pg';
import { z } from 'zod';
import type { Company } from '../domain/company.ts';
import { sql, type Pool } from './pool.ts';
import { erase } from './records/erasures.ts';
import { IdRow } from './rows.ts';

const RecordedErasure = z.object({
  id: z.string(),
  customerId: z.string().nullable(),
  cause: z.enum(['asked', 'retention']),
  by: z.string(),
  reason: z.string(),
  erasedAt: z.coerce.date(),
  signals: z.array(z.string()),
  tombstones: z.array(z.object({ kind: z.string(), hash: z.string() })),
});
type RecordedErasure = z.infer<typeof RecordedErasure>;

export const Wishes = z.object({
  erasures: z.array(RecordedErasure),
});
export type Wishes = z.infer<typeof Wishes>;

export interface Repeated {
  /** Erasures that this database did not know, and that were carried out again. */
  erasedAgain: number;
}

/** Everything that was ever asked; nothing of it where the schema is older than that. */
export async function wishesIn(client: pg.Client): Promise<Wishes> {
  return { erasures: await erasuresOf(client) };
}

async function erasuresOf(client: pg.Client): Promise<RecordedErasure[]> {
  const { rows: known } = await client.query<{ known: boolean }>(
    `select to_regclass('public.erasures') is not null as known`,
  );
  if (!known[0]?.known) return [];
  const { rows } = await client.query<{ erasure: unknown }>(`
    select jsonb_build_object(
      'id', e.id, 'customerId', e.customer_id, 'cause', e.cause, 'by', e.by, 'reason', e.reason, 'erasedAt', e.erased_at,
      'signals', (select coalesce(jsonb_agg(x.signal_id order by x.signal_id), '[]') from erased_signals x where x.erasure_id = e.id),
      'tombstones', (
        select coalesce(jsonb_agg(jsonb_build_object('kind', t.kind, 'hash', encode(t.address_hash, 'hex'))), '[]')
        from tombstones t where t.erasure_id = e.id)) as erasure
    from erasures e order by e.erased_at, e.id`);
  return rows.map(({ erasure }) => RecordedErasure.parse(erasure));
}

/** To be called while nothing else is at work on this database, and before its loops are woken. Doing it twice does no harm. */
export async function repeatWishes(pool: Pool, company: Company, wishes: readonly Wishes[]): Promise<Repeated> {
  return {
    erasedAgain: await eraseAgain(
      pool,
      company,
      wishes.flatMap(({ erasures }) => erasures),
    ),
  };
}

async function eraseAgain(pool: Pool, company: Company, erasures: readonly RecordedErasure[]): Promise<number> {
  const known = new Set(await pool.anyFirst(sql.type(IdRow)`select id from erasures`));
  let erasedAgain = 0;
  for (const one of erasures) {
    if (known.has(one.id)) continue;
    known.add(one.id);
    await pool.transaction(async (tx) => {
      // Whoever came after the backup is not in it.
      const there = one.customerId
        ? await tx.exists(sql.unsafe`select from customers where id = ${one.customerId}`)
        : one.signals.length > 0;
      if (!there) return;
      await erase(tx, { customerId: one.customerId, signalIds: one.signals }, { ...one, company });
      for (const { kind, hash } of one.tombstones)
        await tx.query(sql.unsafe`
          insert into tombstones (erasure_id, kind, address_hash) values (${one.id}, ${kind}, ${sql.binary(Buffer.from(hash, 'hex'))})
          on conflict do nothing`);
      erasedAgain += 1;
    });
  }
  return erasedAgain;
}
