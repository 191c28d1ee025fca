/** A letter that a customer waits for, and that does not arrive: whoever answers for it is told, and what can be done. They believe that it has
 *  been said. */

import type { Company } from '../domain/company.ts';
import { isTriedInVain } from '../store/records/deliveries.ts';
import { tellWhoAnswers, type AboutLetter } from '../store/records/repairs.ts';
import { signalsToldThrough } from '../store/records/tellings.ts';
import type { Tx } from '../store/pool.ts';
import { signalNow, type SignalNow } from '../store/views/signals.ts';

export interface Letter {
  id: string;
  purpose: string;
  loop_id: string | null;
  occasion: string | null;
  customer_id: string | null;
}

/** Put off for more than an hour, and tried on: said once. `code` is what the last try came to. */
export async function tellOfDelay(tx: Tx, company: Company, letter: Letter, code: string): Promise<void> {
  if (!isAwaited(letter) || !(await isTriedInVain(tx, letter.id))) return;
  await tellAll(tx, company, letter, ({ reference }) => ({
    about: 'delayed',
    subject: `A letter has not left yet: ${reference}`,
    text: [
      `For more than an hour the letter to this customer has been tried, and nobody has taken it (${code}).`,
      'It is tried on, every five minutes, for as long as it takes: nothing has to be sent again.',
      'If they can’t wait, there may be another way to them.',
    ].join(' '),
  }));
}

/** Thanks are not worth a word; an answer and a decision are. */
const isAwaited = ({ purpose, customer_id: customer }: Letter): boolean =>
  customer !== null && (purpose === 'answer' || purpose === 'told');

/** One letter may tell what became of several signals, which are not all with the same person. */
async function tellAll(
  tx: Tx,
  company: Company,
  letter: Letter,
  say: (signal: SignalNow) => Omit<AboutLetter, 'letter'>,
): Promise<void> {
  for (const id of await signalsOf(tx, letter)) {
    const signal = await signalNow(tx, id);
    // Nobody waits for it any more where it was closed meanwhile.
    if (signal && !signal.closed_at)
      await tellWhoAnswers(tx, company, signal, { letter: letter.id, ...say(signal) });
  }
}

async function signalsOf(
  tx: Tx,
  { purpose, loop_id: loop, occasion, customer_id: customer }: Letter,
): Promise<readonly string[]> {
  if (purpose === 'told' && occasion && customer) return signalsToldThrough(tx, occasion, customer);
  return loop ? [loop] : [];
}
