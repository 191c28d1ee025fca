/** What becomes of a letter matters to others: to loops that wait for it, and, where it does not arrive or may not have, to whoever answers
 *  for it. They believe that it has been said. */

import type { Company } from '../domain/company.ts';
import { normaliseEmail } from '../domain/customer.ts';
import { suppress } from '../store/records/customers.ts';
import { triedInVainSince } from '../store/records/deliveries.ts';
import { factRecorded } from '../store/records/loops.ts';
import { askAboutDoubt, tellOfOneDelayed, tellOfOneRefused, type AboutLetter } from '../store/records/repairs.ts';
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

/** A customer's letter moves every signal that is answered or told through it. */
export async function wakeWhoWait(tx: Tx, { purpose, loop_id: loop, occasion, customer_id }: Letter): Promise<void> {
  if (purpose === 'answer' && loop) await factRecorded(tx, loop);
  if (purpose !== 'told' || !occasion || !customer_id) return;
  for (const id of await signalsToldThrough(tx, occasion, customer_id)) await factRecorded(tx, id, 'wave');
}

/** Nobody can find out whether it arrived. */
export async function askWhoAnswers(tx: Tx, company: Company, letter: Letter & { fence: number }): Promise<void> {
  await wakeWhoWait(tx, letter);
  const signal = letter.loop_id ? await signalNow(tx, letter.loop_id) : null;
  if (signal) await askAboutDoubt(tx, company, signal, letter);
}

/** Refused for good. What else was to go to an address where there is nobody (`gone`) ends with it, and those who wait for that are told too. */
export async function tellOfRefusal(
  tx: Tx,
  company: Company,
  letter: Letter,
  { code, gone }: { code: string; gone?: string },
): Promise<void> {
  const ended = gone === undefined ? [] : await writeThereNoMore(tx, gone);
  for (const each of [letter, ...ended].filter(isAwaited))
    for (const signal of await signalsOf(tx, each))
      await tellOfOneRefused(tx, company, signal, {
        letter: each.id,
        ...refusal(each, signal, gone === undefined ? code : undefined),
      });
}

/** As where mail has bounced. Whoever may be called instead is called from now on. */
async function writeThereNoMore(tx: Tx, address: string): Promise<readonly Letter[]> {
  const normalised = normaliseEmail(address);
  if (!normalised) return [];
  return suppress(tx, [{ kind: 'email', normalised }], 'bounced');
}

/** `code`: what the mail server said; without it, there is nobody at that address. */
function refusal({ purpose }: Letter, signal: SignalNow, code: string | undefined): Omit<AboutLetter, 'letter'> {
  const { reference, reach, answered_at: answered } = signal;
  const isAnswer = purpose === 'answer';
  const why = code
    ? `The letter to this customer was refused for good (${code}), and is not sent again.`
    : 'There is nobody at the address that this customer left, says its mail server: the letter did not arrive, and no other goes there.';
  // What a letter was to say to them is owed to whoever may be called (now.answers, now.told).
  const isCalled = isAnswer ? reach === 'phone' : signal.told_channel === 'phone';
  const call = 'They agreed to a call, too, and it stays open until somebody has called them.';
  // It was put right while the letter was on its way to the former one.
  const anew =
    'They have another address since then, and it stays open until they have been answered: please write to them again.';
  const noWay = 'Nothing more is sent about it by itself. If you know another way to them, please take it.';
  return {
    subject: `${isAnswer ? 'An answer' : 'What was decided'} did not arrive: ${reference}`,
    text: `${why} ${isCalled ? call : isAnswer && reach && !answered ? anew : noWay}`,
  };
}

/** Put off for more than an hour, and tried on. `code` is what the last try came to. */
export async function tellOfDelay(tx: Tx, company: Company, letter: Letter, code: string): Promise<void> {
  const since = isAwaited(letter) ? await triedInVainSince(tx, letter.id) : null;
  if (!since) return;
  for (const signal of await signalsOf(tx, letter))
    await tellOfOneDelayed(tx, company, signal, {
      letter: letter.id,
      since,
      subject: `A letter has not left yet: ${signal.reference}`,
      text: [
        `For more than an hour the letter to this customer has been tried, and it has not left (${code}).`,
        'It is tried again every few minutes, for as long as it takes: nothing has to be sent anew.',
        'If they can’t wait, there may be another way to them.',
        'It may not be the only one: of others to customers of yours you are told when this one has left and they have not.',
      ].join(' '),
    });
}

/** Thanks are not worth a word; an answer and a decision are. */
const isAwaited = ({ purpose, customer_id: customer }: Letter): boolean =>
  customer !== null && (purpose === 'answer' || purpose === 'told');

/** One letter may tell what became of several signals, which are not all with the same person. Nobody waits for it any more where one was
 *  closed meanwhile. */
async function signalsOf(tx: Tx, letter: Letter): Promise<readonly SignalNow[]> {
  const signals: SignalNow[] = [];
  for (const id of await idsOfSignals(tx, letter)) {
    const signal = await signalNow(tx, id);
    if (signal && !signal.closed_at) signals.push(signal);
  }
  return signals;
}

async function idsOfSignals(
  tx: Tx,
  { purpose, loop_id: loop, occasion, customer_id: customer }: Letter,
): Promise<readonly string[]> {
  if (purpose === 'told' && occasion && customer) return signalsToldThrough(tx, occasion, customer);
  return loop ? [loop] : [];
}
