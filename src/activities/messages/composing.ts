/** What every kind of message is composed with, and what may come of it. */

import type { Company } from '../../domain/company.ts';
import type { Letter, SlackMessage } from '../../integrations/letter.ts';
import type { Db } from '../../store/pool.ts';

export interface Composing {
  db: Db;
  company: Company;
  /** Version of the company file. */
  configuration: number;
  /** Where people reach the web, without a slash at the end. */
  publicUrl: string;
}

/** The message as it is true now; or why it must not be sent any more, as a code. */
export type Composed =
  | { letter: Letter }
  | { slack: SlackMessage }
  /** Not a message: the Message-ID of one that is to be taken back. */
  | { recall: string }
  | { end: 'cancelled' | 'suppressed'; code: string }
  /** Whoever it is for is one of us no longer, which was not known yet when it was let go: who is called in their place is seen when it is looked at
   *  again. */
  | { left: true };

export const left: Composed = { left: true };

export const cancelled = (code: string): Composed => ({ end: 'cancelled', code });

/** Somebody of ours, as a letter names them. */
export const senderAt = ({ name, customers }: Company): Letter['from'] => ({
  name,
  address: customers.mailFrom.address,
});

export const placeName = (company: Company, place: string): string => company.places[place]?.name ?? place;

export const personName = (company: Company, staff: string | null): string =>
  (staff && (company.staff[staff]?.name ?? staff)) || 'a colleague';
