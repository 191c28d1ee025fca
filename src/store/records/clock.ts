/** The one clock, as Postgres tells it: heed_now(). */

import { sql, type Db } from '../pool.ts';
import { NowRow } from '../rows.ts';

export function momentOf(db: Db): Promise<Date> {
  return db.oneFirst(sql.type(NowRow)`select heed_now() as now`);
}
