/** A mailbox has put a letter off for so long that an operator gives it up: nothing more goes there, as where mail has bounced. */

import type { Company } from '../../domain/company.ts';
import { DomainError } from '../../domain/errors.ts';
import { notArrived } from '../../domain/notArrived.ts';
import { suppress } from '../../store/records/customers.ts';
import { wakeWhoWait } from '../../store/records/letters.ts';
import { factRecorded } from '../../store/records/loops.ts';
import {
  endNext,
  endUnsent,
  isRefusedToUs,
  recordRepair,
  tellOfOneRefused,
  type InVain,
  type PutOff,
} from '../../store/records/repairs.ts';
import type { Tx } from '../../store/pool.ts';
import { signalsWaitingFor } from '../../store/views/signals.ts';

/** Whoever answers for what does not arrive now is told, and whoever may be called instead is called from now on. Returns one fact a letter.
 *  Throws `conflict` while it is being handed over, and where it has left meanwhile. */
export async function giveUp(
  tx: Tx,
  company: Company,
  letters: readonly PutOff[],
  { loopId, by, reason }: { loopId: string; by: string; reason: string },
): Promise<string[]> {
  // The loops at an address are locked in one order, so none of them is before.
  const addresses = [...new Set(letters.map(({ address }) => address))];
  const ended = await suppress(
    tx,
    addresses.map((normalised) => ({ kind: 'email', normalised })),
    'bounced',
  );
  const facts: string[] = [];
  for (const letter of letters.filter(({ id }) => ended.some((one) => one.id === id)))
    facts.push(await recordRepair(tx, { loopId, action: 'leave', by, of: letter, reason }));
  if (facts.length === 0) throw underWay();
  for (const letter of ended)
    for (const signal of await signalsWaitingFor(tx, letter))
      await tellOfOneRefused(tx, company, signal, {
        letter: letter.id,
        ...notArrived(letter, signal, 'given_up'),
      });
  await factRecorded(tx, loopId);
  return facts;
}

const underWay = (): DomainError =>
  new DomainError('conflict', 'It is tried at this very moment. See in a minute what came of it: heed stuck.');

interface Why {
  loopId: string | null;
  by: string;
  reason: string;
}

/** A message that has been tried for an hour, and that an operator names: it ends, and nothing is said against its address. Under its loop's lock, if it
 *  is about one; throws as `giveUp`. */
export function giveUpAlone(tx: Tx, company: Company, message: InVain, why: Why): Promise<string> {
  return message.customer_id ? giveUpLetter(tx, company, message, why) : giveUpCall(tx, message, why);
}

async function giveUpLetter(tx: Tx, company: Company, letter: InVain, { loopId, by, reason }: Why): Promise<string> {
  if (!(await endUnsent(tx, letter))) throw underWay();
  const fact = await recordRepair(tx, { loopId, action: 'leave', by, of: letter, reason });
  const { code } = letter;
  for (const signal of await signalsWaitingFor(tx, letter))
    await tellOfOneRefused(tx, company, signal, {
      letter: letter.id,
      ...notArrived(letter, signal, isRefusedToUs(letter) ? { refused: code } : { unsent: code }),
    });
  await wakeWhoWait(tx, letter);
  return fact;
}

async function giveUpCall(tx: Tx, call: InVain, { loopId, by, reason }: Why): Promise<string> {
  if (!(await endNext(tx, call.id))) throw underWay();
  return recordRepair(tx, { loopId, action: 'leave', by, of: call, reason });
}
