/** Who was turned away, where and why. Codes only; what is older than ninety days is forgotten. */

import { z } from 'zod';
import { sql, type Db } from '../pool.ts';

const RefusedRow = z.object({ door: z.string(), why: z.string(), times: z.number() });

export const doors = ['page', 'api', 'slack', 'link', 'sign_in', 'metrics'] as const;

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
  'declined',
  'unverified',
  'one_factor',
  'other_account',
  'other_address',
  'wrong_code',
  'not_their_turn',
  'does_not_lead',
  'other_site',
  'unfit',
  'too_much',
] as const;

export interface Refusal {
  door: (typeof doors)[number];
  why: (typeof refusalReasons)[number];
  /** A staff code or the id of a key; left out where nobody knows. */
  whose?: string | undefined;
}

/** Writes it down. Never throws: that it can't be written down must not change what somebody is answered. */
export async function recordRefusal(db: Db, refusal: Refusal): Promise<void> {
  await insert(db, [{ ...refusal, times: 1 }]).catch(() => {});
}

export interface Tally {
  /** Only counts, and so costs nobody anything: neither who is turned away nor who is let in waits for the database. */
  count: (refusal: Refusal) => void;
  /** Writes down what was counted; what can't be written is kept for the next time. Never throws. */
  write: () => Promise<void>;
}

/** For whoever is turned away without a look into the database, or may be as often as they like: counted in memory, and written together once a
 *  second at most, so that a flood is one statement. A process that is killed forgets that second. */
export function tallyRefusals(db: Db): Tally {
  const counted = new Map<string, Counted>();
  let due: NodeJS.Timeout | undefined;
  const add = (each: Counted): void => {
    const name = [each.door, each.why, each.whose].join(' ');
    counted.set(name, { ...each, times: each.times + (counted.get(name)?.times ?? 0) });
    due ??= setTimeout(() => void write(), 1000).unref();
  };
  const writeAll = async (): Promise<void> => {
    clearTimeout(due);
    due = undefined;
    const together = [...counted.values()];
    counted.clear();
    if (together.length > 0) await insert(db, together).catch(() => together.forEach(add));
  };
  // One after the other, however slow the database is.
  let last = Promise.resolve();
  const write = (): Promise<void> => (last = last.then(writeAll));
  return { count: (refusal) => add({ ...refusal, times: 1 }), write };
}

type Counted = Refusal & { times: number };

async function insert(db: Db, refusals: readonly Counted[]): Promise<void> {
  const rows = refusals.map(({ door, why, whose = '', times }) => [door, whose, why, times]);
  await db.query(sql.unsafe`
    with forgotten as (delete from refusals where minute < heed_now() - interval '90 days')
    insert into refusals (minute, door, whose, why, times)
    select date_trunc('minute', heed_now()), r.* from ${sql.unnest(rows, ['text', 'text', 'text', 'int4'])} as r
    -- Two processes that write the same rows do so in the same order.
    order by 2, 3, 4
    on conflict (minute, door, whose, why) do update set times = refusals.times + excluded.times`);
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
    select door, why, whose, sum(times)::float8 as times, min(minute) as first_at, max(minute) as last_at
    from refusals where minute > heed_now() - make_interval(days => ${days})
    group by door, why, whose order by last_at desc, times desc, door, whose, why limit 1000`);
}

/** How many there were in the last hour, by door and reason. */
export function refusalsOfTheHour(db: Db): Promise<readonly { door: string; why: string; times: number }[]> {
  return db.any(sql.type(RefusedRow)`
    select door, why, sum(times)::float8 as times
    from refusals where minute > heed_now() - interval '1 hour' group by door, why`);
}
