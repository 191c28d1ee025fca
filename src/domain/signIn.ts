/** Who comes from the company's own sign-in service. */

import type { Strength } from './secondFactor.ts';

/** What the service says of how somebody proved to it who they are, and how long ago (null: it does not say). */
export interface Proof {
  strength: Strength;
  provedSecondsAgo: number | null;
}

/** The address that the service vouches for, and the account it belongs to there; or why it vouches for none. Refused: what came back is not what was
 *  sent for. Declined: the service itself said no. Unverified: it has an address, and does not say that it is theirs. */
export type Vouched =
  | ({ email: string; issuer: string; subject: string } & Proof)
  | { trouble: 'unreachable' | 'refused' | 'declined' | 'unverified' };
