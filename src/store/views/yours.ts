/** The customer's own page: what concerns them of one signal, and nothing that colleagues wrote. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { lastWordHeard } from '../../domain/loop.ts';
import { questionOf, type Question } from '../../domain/questions.ts';
import { oneLevelUp } from '../../domain/routing.ts';
import { momentOf } from '../records/clock.ts';
import { sql, type Db } from '../pool.ts';
import { readSignal, type SignalReading } from './signalReading.ts';

const TheirsRow = z.object({
  words: z.string().nullable(),
  ended: z.boolean(),
  writes: z.boolean(),
  mailed: z.boolean(),
});
const LinkedRow = z.object({ signal_id: z.string(), customer_id: z.string(), name: z.string().nullable() });

export interface YoursPage extends SignalReading {
  now: Date;
  words: string | null;
  question: Question | undefined;
  /** Who would read their "no". */
  reader: string;
  /** Whether an address of theirs is still written to. */
  writes: boolean;
  /** Whether they have an e-mail address at all. */
  mailed: boolean;
}

/** `deliveryId`: of the letter in which they found the way here. Null when there is no such signal of this customer, or it has been closed for more
 *  than ninety days. */
export async function yoursPage(
  db: Db,
  company: Company,
  { signalId, customerId, deliveryId = null }: { signalId: string; customerId: string; deliveryId?: string | null },
): Promise<YoursPage | null> {
  const theirs = await db.maybeOne(sql.type(TheirsRow)`
    select w.words,
      exists (
        select from closures z
        where z.loop_id = s.id and z.round = (select max(r.round) from rounds r where r.loop_id = s.id)
          and z.closed_at < heed_now() - interval '90 days') as ended,
      exists (select from identities i where i.customer_id = s.customer_id and i.kind = 'email') as mailed,
      exists (
        select from identities i
        where i.customer_id = s.customer_id and i.kind = 'email'
          and not exists (
            select from now.suppressions p
            where p.channel = 'email' and p.address_hash = sha256(convert_to(i.normalised, 'UTF8')))) as writes
    from signals s left join words w on w.signal_id = s.id
    where s.id = ${signalId} and s.customer_id = ${customerId}`);
  if (!theirs || theirs.ended) return null;
  const reading = await readSignal(db, company, signalId, { audience: 'customer' });
  if (!reading) return null;
  const { signal } = reading;
  return {
    ...reading,
    now: await momentOf(db),
    words: theirs.words,
    writes: theirs.writes,
    mailed: theirs.mailed,
    question: openQuestion(signal, deliveryId),
    reader: oneLevelUp(company, { owner: signal.owner, place: signal.place }).staff,
  };
}

/** They have the last word once they have ours: also by the letter in which they found the way here, where that waits to be sent again. */
function openQuestion(signal: SignalReading['signal'], deliveryId: string | null): YoursPage['question'] {
  if (signal.closed_how === 'dismissed') return undefined;
  const isInTheirHands = deliveryId !== null && deliveryId === signal.last_letter_id;
  return isInTheirHands || lastWordHeard(signal) ? questionOf(signal) : undefined;
}

/** The signal of a customer that came in last and is no sample, if any: whom the demonstration's visitor stands in for. */
export function latestCustomer(
  db: Db,
): Promise<{ signal_id: string; customer_id: string; name: string | null } | null> {
  return db.maybeOne(sql.type(LinkedRow)`
    select s.id as signal_id, s.customer_id, c.name
    from signals s join loops l on l.id = s.id join customers c on c.id = s.customer_id
    where not l.sample and not c.sample
    order by s.captured_at desc limit 1`);
}
