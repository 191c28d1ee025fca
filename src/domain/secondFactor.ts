/** Whether a sign-in service says that somebody proved by two factors who they are. */

import { z } from 'zod';

/** What a method of RFC 8176 takes: something somebody knows, has or is. Left out are those that say neither, such as where somebody was, that
 *  they were there, or by how many channels. */
const kindOf = new Map([
  ...['kba', 'pin', 'pwd'].map((method) => [method, 'knows'] as const),
  ...['hwk', 'otp', 'pop', 'sc', 'sms', 'swk', 'tel'].map((method) => [method, 'has'] as const),
  ...['face', 'fpt', 'iris', 'retina', 'vbm'].map((method) => [method, 'is'] as const),
]);

const Claims = z.object({
  // One name, and none that nobody could set: it is kept.
  acr: z
    .string()
    .regex(/^[^\s\p{Cc}]{1,200}$/u)
    .optional()
    .catch(undefined),
  amr: z.array(z.string()).optional().catch(undefined),
});

/** What is kept of how somebody proved who they are, so that it is judged by what is asked for today: the level that the service named (null: none),
 *  and whether it named `mfa` or two methods of different kinds. */
export interface Strength {
  acr: string | null;
  twoMethods: boolean;
}

/** By a link, and by a service that says nothing of it. */
export const oneFactor: Strength = { acr: null, twoMethods: false };

/** `claims`: of an ID token that was verified. What it does not say, or says in another shape, is not proved. */
export function strengthIn(claims: object): Strength {
  const { acr = null, amr = [] } = Claims.parse(claims);
  const kinds = new Set(amr.flatMap((method) => kindOf.get(method) ?? []));
  return { acr, twoMethods: amr.includes('mfa') || kinds.size > 1 };
}

/** `acrValues`: the levels that take two factors at this service, one of which it must have named; where there are none, its methods are believed. */
export function provesTwoFactors({ acr, twoMethods }: Strength, acrValues: readonly string[]): boolean {
  return acrValues.length > 0 ? acr !== null && acrValues.includes(acr) : twoMethods;
}
