/** Where what a loop holds was said: what decides who may see it. */

import { z } from 'zod';
import type { Sight } from '../../domain/entitlement.ts';
import { sql, type Db } from '../pool.ts';

const SightRow = z.object({ kind: z.enum(['signal', 'insight']), places: z.array(z.string()) });

/** Whether a loop, called `l` in the query, is of a place in sight. */
export const placeIn = (sight: Sight, l = 'l') =>
  sight === 'everywhere'
    ? sql.fragment`true`
    : sql.fragment`${sql.identifier([l, 'place'])} = any(${sql.array([...sight], 'text')})`;

/** A signal's one place; an insight's own, and those of the signals it holds. Null when there is no such loop. */
export async function placesOfLoop(
  db: Db,
  id: string,
): Promise<{ kind: 'signal' | 'insight'; places: readonly string[] } | null> {
  return db.maybeOne(sql.type(SightRow)`
    select l.kind, array(
      select l.place
      union
      select s.place from now.insight_signals x join loops s on s.id = x.signal_id where x.insight_id = l.id
    ) as places
    from loops l where l.id = ${id}`);
}
