/** The one person somebody means, or a sentence that says why that is not certain. */

import { DomainError } from '../../domain/errors.ts';
import { subjectsNamed, type Subject } from '../../store/records/subjects.ts';
import type { Db } from '../../store/pool.ts';

/** Who uses a right: 'customer', or the account of whoever does it for them. */
export interface By {
  by: string;
  reason?: string | undefined;
}

/** By e-mail address, phone or loyalty number, customer id, reference (HD-7F3K) or id of a remark. Throws `not_found`; `conflict` with a
 *  list when it may be several: nobody is picked by guessing. */
export async function subjectNamed(db: Db, named: string): Promise<Subject> {
  const found = await subjectsNamed(db, named);
  const [only] = found;
  if (!only)
    throw new DomainError(
      'not_found',
      'Nobody is held under that. Try an e-mail address, a phone or loyalty number, or the reference of something they said.',
    );
  if (found.length > 1)
    throw new DomainError(
      'conflict',
      [
        `That is ${found.length} people. Say which, by id:`,
        ...found.map((one) => `  ${one.customer_id}  ${inWords(one)}`),
      ].join('\n'),
    );
  return only;
}

/** Who it is, for whoever typed it: by the name a wrong one is noticed. */
export const inWords = ({ name, references }: Subject): string =>
  `${name ?? 'somebody without a name'}, ${references.join(' ') || 'nothing said'}`;

/** The customer of a subject. Throws `conflict` for a remark that names none. */
export function customerIn({ customer_id, references }: Subject): string {
  if (customer_id) return customer_id;
  throw new DomainError(
    'conflict',
    `${references[0]} names no customer, so there is nobody whose right this would be. It can be erased.`,
  );
}
