/** What the page of a signal shows beside its reading: the words, the customer as far as the viewer may know them, and doubtful mails. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { isInSight, type Sight } from '../../domain/entitlement.ts';
import { questionCodes } from '../../domain/questions.ts';
import { toldByLadder } from '../records/plans.ts';
import { customerOf, isOnlyBounced } from '../records/customers.ts';
import { callOvertaken } from '../records/decisions.ts';
import { momentOf } from '../records/clock.ts';
import { inDoubt, lastSettled, type Doubtful } from '../records/repairs.ts';
import { wordsOf } from '../records/signals.ts';
import { sql, type Db } from '../pool.ts';
import { readSignal, type SignalReading } from './signalReading.ts';

const CustomerIdRow = z.object({ customer_id: z.string().nullable() });
const OwedRow = z.object({ open: z.number(), promised_on: z.string().nullable() });

export interface SignalPage extends SignalReading {
  now: Date;
  words: Awaited<ReturnType<typeof wordsOf>>;
  customer: Awaited<ReturnType<typeof customerOf>>;
  /** No letter reaches them, and that only because mail has bounced: somebody may vouch for their address. */
  bounced: boolean;
  /** Other remarks of this customer, newest first, as far as they are in sight; and how many there are elsewhere. */
  earlier: readonly Earlier[];
  earlierElsewhere: number;
  /** Loops of this customer that are still open, this one included, and the next promised day (YYYY-MM-DD). */
  owed: { open: number; promisedOn: string | null };
  told: readonly string[];
  /** It was decided anew since a call became owed: when it is certain what to say in it. */
  anew: Date | null;
  /** Letters to the customer of which nobody knows whether they arrived; and who settled the last such doubt. */
  doubtful: readonly Doubtful[];
  settled: Awaited<ReturnType<typeof lastSettled>>;
}

const Earlier = z.object({
  id: z.string(),
  reference: z.string(),
  words: z.string().nullable(),
  captured_at: z.date(),
  closed_how: z.string().nullable(),
  /** What they said yes to, if they did. */
  question: z.enum(questionCodes).nullable(),
  place: z.string(),
});
export type Earlier = z.infer<typeof Earlier>;

/** Null when there is no such signal. `sight`: what the viewer sees. */
export async function signalPage(db: Db, company: Company, id: string, sight: Sight): Promise<SignalPage | null> {
  const words = await wordsOf(db, id);
  const customerId = await db.maybeOneFirst(sql.type(CustomerIdRow)`select customer_id from signals where id = ${id}`);
  const customer = customerId ? await customerOf(db, customerId) : null;
  const reading = await readSignal(db, company, id, { audience: 'staff', customer: customer?.name ?? undefined });
  if (!reading) return null;
  const [now, bounced, told, anew, doubtful, settled, earlier, owed] = await Promise.all([
    momentOf(db),
    reading.signal.reach !== 'email' && isOnlyBounced(db, id),
    toldByLadder(db, id, reading.signal.round),
    callOvertaken(db, reading.signal),
    inDoubt(db, id),
    lastSettled(db, id),
    customerId ? earlierOf(db, customerId, id) : [],
    customerId ? owedTo(db, customerId) : { open: 0, promised_on: null },
  ]);
  const seen = earlier.filter(({ place }) => isInSight(sight, place));
  return {
    ...reading,
    now,
    words,
    customer,
    bounced,
    told,
    anew,
    doubtful: doubtful.filter(({ customer_id: customer }) => customer !== null),
    settled,
    earlier: seen.slice(0, 5),
    earlierElsewhere: earlier.length - seen.length,
    owed: { open: owed.open, promisedOn: owed.promised_on },
  };
}

function earlierOf(db: Db, customerId: string, id: string): Promise<readonly Earlier[]> {
  return db.any(sql.type(Earlier)`
    select s.id, s.reference, w.words, s.captured_at, z.how as closed_how, c.question, l.place
    from signals s
    join loops l on l.id = s.id
    left join words w on w.signal_id = s.id
    left join lateral (
      select x.how from closures x
      where x.loop_id = s.id and x.round = (select max(r.round) from rounds r where r.loop_id = s.id)
    ) z on true
    left join lateral (
      select x.question from confirmations x where x.loop_id = s.id and x.says = 'yes' order by x.confirmed_at desc limit 1
    ) c on true
    where s.customer_id = ${customerId} and s.id <> ${id}
    order by s.captured_at desc
    limit 50`);
}

function owedTo(db: Db, customerId: string): Promise<{ open: number; promised_on: string | null }> {
  return db.one(sql.type(OwedRow)`
    select count(*)::integer as open, min(p.due_on) filter (where p.due_at > heed_now()) as promised_on
    from signals s
    join now.open_loops o on o.id = s.id
    left join promises p on p.loop_id = s.id
    where s.customer_id = ${customerId}`);
}
