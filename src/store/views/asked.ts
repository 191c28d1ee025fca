/** How many others asked for the same, before anything is captured. */

import type { Wanted } from '../../domain/reading.ts';
import { sql, type Db } from '../pool.ts';
import { CountRow } from '../rows.ts';

/** Signals with this item and all of these attributes (they may name more), without `except`. 0 when nothing was named. */
export async function askedFor(db: Db, { item, attributes }: Wanted, except?: string): Promise<number> {
  const named = Object.entries({ ...attributes, ...(item && { item }) });
  if (named.length === 0) return 0;
  // It is asked while somebody types, before anything is checked; and what holds a NUL is kept of nobody.
  if (named.some(([, value]) => value.includes('\0'))) return 0;
  return db.oneFirst(sql.type(CountRow)`
    select count(*)::integer as count from (
      select a.signal_id from signal_attributes a
      where (a.name, a.value) in (${sql.join(
        named.map(([name, value]) => sql.fragment`(${name}, ${value})`),
        sql.fragment`, `,
      )})
        and a.signal_id is distinct from ${except ?? null}::uuid
      group by a.signal_id
      having count(*) = ${named.length}
    ) same`);
}
