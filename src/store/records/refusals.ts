/** Who was turned away, where and why. Codes only; what is older than ninety days is forgotten. */

import { z } from 'zod';
import { sql, type Db } from '../pool.ts';

export const doors = ['page', 'api', 'slack', 'link', 'sign_in'] as const;

export const refusalReasons = [
  'unknown',
  'ended',
  'used',
  'revoked',
  'not_theirs',
  'no_scope',
  'needs_sign_in',
  'bad_signature',
  'stranger',
  'unverified',
] as const;

export interface Refusal {
  door: (typeof doors)[number];
  why: (typeof refusalReasons)[number];
  /** A staff code or the id of a key; left out where nobody knows. */
  whose?: string | undefined;
}

/** Counts it. Never throws: that it can't be written down must not change what somebody is answered. */
export async function recordRefusal(db: Db, { door, why, whose = '' }: Refusal): Promise<void> {
  await db
    .query(
      sql.unsafe`
      with forgotten as (delete from refusals where minute < heed_now() - interval '90 days')
      insert into refusals (minute, door, whose, why) values (date_trunc('minute', heed_now()), ${door}, ${whose}, ${why})
      on conflict (minute, door, whose, why) do update set times = refusals.times + 1`,
    )
    .catch(() => {});
}

const Refused = z.object({
  door: z.enum(doors),
  why: z.enum(refusalReasons),
  whose: z.string(),
  times: z.number(),
  first_at: z.date(),
  last_at: z.date(),
});

/** Of the last so many days, the latest first. */
export function refusalsSince(db: Db, days: number): Promise<readonly z.infer<typeof Refused>[]> {
  return db.any(sql.type(Refused)`
    select door, why, whose, sum(times)::integer as times, min(minute) as first_at, max(minute) as last_at
    from refusals where minute > heed_now() - make_interval(days => ${days})
    group by door, why, whose order by last_at desc, times desc, door, whose, why limit 1000`);
}

/** How many there were in the last hour, by door and reason. */
export function refusalsOfTheHour(db: Db): Promise<readonly { door: string; why: string; times: number }[]> {
  return db.any(sql.type(z.object({ door: z.string(), why: z.string(), times: z.number() }))`
    select door, why, sum(times)::integer as times
    from refusals where minute > heed_now() - interval '1 hour' group by door, why`);
}
