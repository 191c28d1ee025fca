/** The one clock, as Postgres tells it: heed_now(). */

import { z } from 'zod';
import { sql, type Db } from '../pool.ts';

export function momentOf(db: Db): Promise<Date> {
  return db.oneFirst(sql.type(z.object({ now: z.date() }))`select heed_now() as now`);
}
