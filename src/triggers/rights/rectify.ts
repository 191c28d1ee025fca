/** "That is not my name": what is wrong is replaced and gone; that it was put right is recorded, without what it was. Of an address its hash stays. */

import { z } from 'zod';
import { normaliseEmail, normalisePhone } from '../../domain/customer.ts';
import { DomainError } from '../../domain/errors.ts';
import { holdTheChain } from '../../store/records/chain.ts';
import { vouch } from '../../store/records/customers.ts';
import { factRecorded, redrawCards } from '../../store/records/loops.ts';
import { isCustomerErased } from '../../store/records/erased.ts';
import { lockAddresses, lockLoopsOf, mustNotName, nameOf, signalsOf } from '../../store/records/erasures.ts';
import { forgetFormer, putRight, recordRight } from '../../store/records/rights.ts';
import type { Heed } from '../heed.ts';
import type { By } from './subject.ts';

const line = (most: number) =>
  z.string().trim().min(1, 'must not be empty').max(most, `must be at most ${most} characters`);

/** What is right from now on; null takes it away. An address replaces all of its kind. */
export const Correction = z
  .strictObject({
    name: line(200).nullable().optional(),
    email: line(254).nullable().optional(),
    phone: line(40).nullable().optional(),
    loyalty: line(64).nullable().optional(),
  })
  .refine((given) => Object.values(given).some((value) => value !== undefined), 'name what is to be put right');
export type Correction = z.infer<typeof Correction>;

/** Throws `validation` for what can't be an address, and for a reason that names them, as they were called or as they are from now on;
 *  `conflict` for whoever was erased. Letters already written to them keep what was put into them, and are deleted in their time. */
export async function rectify(heed: Heed, customerId: string, correct: Correction, { by, reason }: By): Promise<void> {
  const addresses = (['email', 'phone', 'loyalty'] as const).flatMap((kind) => {
    const given = correct[kind];
    return given === undefined ? [] : [{ kind, to: given === null ? null : addressOf(kind, given) }];
  });
  const given = addresses.flatMap(({ kind, to }) => (to ? [{ kind, ...to }] : []));
  const isReplaced = ({ kind }: { kind: string }): boolean => addresses.some((one) => one.kind === kind);
  await heed.pool.transaction(async (tx) => {
    // As an erasure: the chain, the addresses, the loops. Whatever is captured, objected to, decided or erased at this moment comes before this or after it.
    await holdTheChain(tx);
    const held = await lockAddresses(tx, [customerId], given);
    if (await isCustomerErased(tx, customerId))
      throw new DomainError('conflict', 'What was held about them has been erased, so there is nothing to put right.');
    const signals = await signalsOf(tx, customerId);
    const insights = await lockLoopsOf(tx, signals);
    const name = await nameOf(tx, customerId);
    const id = await recordRight(tx, { customerId, kind: 'rectification', by, reason });
    await forgetFormer(tx, id, {
      insights,
      wrong: { name, addresses: held.filter(isReplaced) },
      right: {
        name: correct.name === undefined ? name : correct.name,
        addresses: [...held.filter((one) => !isReplaced(one)), ...given],
      },
    });
    await putRight(tx, customerId, id, { ...(correct.name !== undefined && { name: correct.name }), addresses });
    // Whoever says that this is the address says so of one where mail has bounced, too.
    await vouch(tx, mailboxesAmong(given), { how: 'put_right', by });
    if (reason !== undefined) await mustNotName(tx, customerId, reason);
    for (const loop of signals) await factRecorded(tx, loop);
    await redrawCards(tx, insights);
  });
  heed.hint();
}

const mailboxesAmong = (given: readonly { kind: string; normalised: string }[]): string[] =>
  given.filter(({ kind }) => kind === 'email').map(({ normalised }) => normalised);

function addressOf(kind: 'email' | 'phone' | 'loyalty', given: string): { value: string; normalised: string } {
  const normalised =
    kind === 'email' ? normaliseEmail(given) : kind === 'phone' ? normalisePhone(given) : given.toLowerCase();
  if (!normalised)
    throw new DomainError(
      'validation',
      `"${given}" can't be ${kind === 'email' ? 'an e-mail address' : 'a phone number'}.`,
      {
        invalidParams: [{ name: kind, reason: 'can not be one' }],
      },
    );
  return { value: given, normalised };
}
