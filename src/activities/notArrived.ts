/** Where a letter does not arrive, or may not have, that matters to whoever answers for it: they believe that it has been said. */

import type { Company } from '../domain/company.ts';
import { normaliseEmail } from '../domain/customer.ts';
import { noRoom, notArrived, promiseOver } from '../domain/notArrived.ts';
import { suppress } from '../store/records/customers.ts';
import { triedInVainSince } from '../store/records/deliveries.ts';
import { wakeWhoWait, type Letter } from '../store/records/letters.ts';
import { askAboutDoubt, tellOfOneDelayed, tellOfOneRefused } from '../store/records/repairs.ts';
import type { Tx } from '../store/pool.ts';
import { signalNow, signalsWaitingFor } from '../store/views/signals.ts';

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
  const why = gone === undefined ? { refused: code } : 'nobody_there';
  for (const each of [letter, ...ended])
    for (const signal of await signalsWaitingFor(tx, each))
      await tellOfOneRefused(tx, company, signal, { letter: each.id, ...notArrived(each, signal, why) });
}

/** It could not leave in time for what it promised, and whoever wrote it believes that it has left. */
export async function tellOfPromiseOver(tx: Tx, company: Company, letter: Letter): Promise<void> {
  for (const signal of await signalsWaitingFor(tx, letter))
    await tellOfOneRefused(tx, company, signal, { letter: letter.id, ...notArrived(letter, signal, promiseOver) });
}

/** As where mail has bounced. Whoever may be called instead is called from now on. */
async function writeThereNoMore(tx: Tx, address: string): Promise<readonly Letter[]> {
  const normalised = normaliseEmail(address);
  if (!normalised) return [];
  return suppress(tx, [{ kind: 'email', normalised }], 'bounced');
}

/** Put off for more than an hour, and tried on. `code` is what the last try came to, or that there was no room for one. */
export async function tellOfDelay(tx: Tx, company: Company, letter: Letter, code: string): Promise<void> {
  const since = letter.customer_id ? await triedInVainSince(tx, letter.id) : null;
  if (!since) return;
  for (const signal of await signalsWaitingFor(tx, letter))
    await tellOfOneDelayed(tx, company, signal, {
      letter: letter.id,
      since,
      subject: `A letter has not left yet: ${signal.reference}`,
      text: [
        `For more than an hour the letter to this customer has ${waiting(code)} (${code}).`,
        'It is tried again within minutes, for as long as it takes: nothing has to be sent anew.',
        'If they can’t wait, there may be another way to them.',
        'It may not be the only one: of others to customers of yours you are told when this one has left and they have not, or in a day.',
      ].join(' '),
    });
}

/** Where there was no room, that is known of the last look alone: it may have been tried before that. */
const waiting = (code: string): string =>
  code === noRoom
    ? 'waited, and it has not left: as many others as are handed over at once are with the mail server'
    : 'been tried, and it has not left';
