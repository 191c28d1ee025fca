/** Who comes from the company's own sign-in service. */

import type { Strength } from './secondFactor.ts';

/** The address that the service vouches for, the account it belongs to there, and how long ago they proved to it who they are (null: it does not say);
 *  or why it vouches for none. Refused: what came back is not what was
 *  sent for, or the service said no. Unverified: it has an address, and does not say that it is theirs. */
export type Vouched =
  | { email: string; issuer: string; subject: string; strength: Strength; provedSecondsAgo: number | null }
  | { trouble: 'unreachable' | 'refused' | 'unverified' };
