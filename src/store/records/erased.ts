/** Whether something has been erased: asked before it is recorded, sent or shown again. */

import { z } from 'zod';
import { sql, type Db } from '../pool.ts';

type SqlFragment = ReturnType<typeof sql.fragment>;

const ErasedRow = z.object({ erased: z.boolean() });
const Tombstone = z.object({ erased_at: z.date() });

/** The latest erasure of any of these addresses that somebody asked for; null when nobody did. */
export async function lastErasureOf(
  db: Db,
  addresses: readonly { kind: string; normalised: string }[],
): Promise<Date | null> {
  const found = await db.maybeOne(sql.type(Tombstone)`
    select e.erased_at from tombstones t join erasures e on e.id = t.erasure_id
    where e.cause = 'asked' and (t.kind, t.address_hash) in (
      select given.kind, sha256(convert_to(given.normalised, 'UTF8'))
      from ${sql.unnest(
        addresses.map(({ kind, normalised }) => [kind, normalised]),
        ['text', 'text'],
      )} as given (kind, normalised))
    order by e.erased_at desc limit 1`);
  return found?.erased_at ?? null;
}

/** Whether whatever was held about this customer has been erased: nothing is recorded of them any more. */
export function isCustomerErased(db: Db, customerId: string): Promise<boolean> {
  return db.exists(sql.unsafe`select from erasures where customer_id = ${customerId}`);
}

/** Whether what was said here has been erased. */
export function isErased(db: Db, signalId: string): Promise<boolean> {
  return db.oneFirst(
    sql.type(ErasedRow)`select exists (select from erased_signals where signal_id = ${signalId}) as erased`,
  );
}

/** Whether anything said behind this insight was erased since. */
export function isErasedBehind(db: Db, insightId: string, since: Date): Promise<boolean> {
  const erased = erasedBehind(sql.fragment`${insightId}`, sql.fragment`${sql.timestamp(since)}`);
  return db.oneFirst(sql.type(ErasedRow)`select ${erased} as erased`);
}

/** The same, within a statement. */
export const erasedBehind = (insightId: SqlFragment, since: SqlFragment): SqlFragment => sql.fragment`
  exists (
    select from insight_signals x
    join erased_signals s on s.signal_id = x.signal_id
    join erasures e on e.id = s.erasure_id
    where x.insight_id = ${insightId} and e.erased_at >= ${since})`;
