/** Links as the pages open them: a good one, or a refusal in a sentence, which is written down. */

import { DomainError } from '../../../domain/errors.ts';
import { tokenIn } from '../../../domain/links.ts';
import { findLink, linkKinds, type Link } from '../../../store/records/links.ts';
import { recordRefusal } from '../../../store/records/refusals.ts';
import type { Web } from '../web.ts';
import { one, type Form } from './forms.ts';

/** The token that a form brings, in its body: an address with one in it would stand in logs. Empty where it brings none. */
export const tokenOf = (form: Form): string => tokenIn(one(form, 'link') ?? '') ?? '';

/** What a token opens, be it over or not. Throws `not_found` for one that never was. */
export async function kindOf(web: Web, token: string): Promise<Link['kind']> {
  const link = await findLink(web.heed.pool, token, linkKinds);
  if (!link) throw await neverWas(web, 'link');
  return link.kind;
}

/** The link behind a token. Throws `not_found` for one that never was or was made for something else, `gone` with this sentence for one that has ended. */
export async function goodLink(web: Web, token: string, kind: Link['kind'], ended: string): Promise<Link> {
  const link = await findLink(web.heed.pool, token, [kind]);
  if (!link) throw await neverWas(web, doorOf(kind));
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

/** What is over for a press that has counted: the words it brings once more did what they were for. */
export class AlreadyCounted extends DomainError {}

async function neverWas(web: Web, door: 'sign_in' | 'link'): Promise<DomainError> {
  await recordRefusal(web.heed.pool, { door, why: 'unknown' });
  return noSuchLink();
}

export const noSuchLink = (): DomainError =>
  new DomainError('not_found', 'There is no such link. Look whether the address was cut off in your mail program.');

const doorOf = (kind: Link['kind']): 'sign_in' | 'link' => (kind === 'sign_in' ? 'sign_in' : 'link');
