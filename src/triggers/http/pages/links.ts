/** Links as the pages open them: a good one, or a refusal in a sentence, which is written down. */

import { DomainError } from '../../../domain/errors.ts';
import { findLink, type Link } from '../../../store/records/links.ts';
import { recordRefusal } from '../../../store/records/refusals.ts';
import type { Web } from '../web.ts';

/** The link behind a token. Throws `not_found` for one that never was or was made for something else, `gone` with this sentence for one that has ended. */
export async function goodLink(web: Web, token: string, kind: Link['kind'], ended: string): Promise<Link> {
  const link = await findLink(web.heed.pool, token, [kind]);
  if (!link) {
    await recordRefusal(web.heed.pool, { door: doorOf(kind), why: 'unknown' });
    throw noSuchLink();
  }
  if (link.ended) throw await goneFor(web, link, link.revoked ? 'revoked' : 'ended', ended);
  return link;
}

/** Something that is over: the error to throw, once it is written down that somebody tried. */
export async function goneFor(
  web: Web,
  { kind, staff }: Pick<Link, 'kind' | 'staff'>,
  why: 'ended' | 'revoked' | 'used',
  sentence: string,
): Promise<DomainError> {
  await recordRefusal(web.heed.pool, { door: doorOf(kind), why, whose: staff ?? undefined });
  return new DomainError('gone', sentence);
}

export const noSuchLink = (): DomainError =>
  new DomainError('not_found', 'There is no such link. Look whether the address was cut off in your mail program.');

const doorOf = (kind: Link['kind']): 'sign_in' | 'link' => (kind === 'sign_in' ? 'sign_in' : 'link');
