/** Whether a sign-in service says that somebody proved by two factors who they are. */

import { z } from 'zod';

/** What a method of RFC 8176 takes: something somebody knows, has or is. Left out are those that say neither, such as where somebody was, that
 *  they were there, or by how many channels. */
const kindOf = new Map([
  ...['kba', 'pin', 'pwd'].map((method) => [method, 'knows'] as const),
  ...['hwk', 'otp', 'pop', 'sc', 'sms', 'swk', 'tel'].map((method) => [method, 'has'] as const),
  ...['face', 'fpt', 'iris', 'retina', 'vbm'].map((method) => [method, 'is'] as const),
]);

const Strength = z.object({
  acr: z.string().optional().catch(undefined),
  amr: z.array(z.string()).optional().catch(undefined),
});

/** `claims`: of an ID token that was verified. `acrValues`: the levels that take two factors at this service, one of which it must name; where there
 *  are none, it must name `mfa` or two methods of different kinds. What it does not say, or says in another shape, is not proved. */
export function provesTwoFactors(claims: object, acrValues: readonly string[]): boolean {
  const { acr, amr = [] } = Strength.parse(claims);
  if (acrValues.length > 0) return acr !== undefined && acrValues.includes(acr);
  return amr.includes('mfa') || new Set(amr.flatMap((method) => kindOf.get(method) ?? [])).size > 1;
}
