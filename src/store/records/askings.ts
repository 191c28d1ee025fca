/** Who asked for a link to sign in: a browser, known by a secret in its cookie. Another one gets in with the code that it shows. */

import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { FoundRow } from '../rows.ts';
import { hashOf } from './links.ts';

/** So many codes may be tried at one link. */
const mostTries = 5;

/** Digits of a code. */
export const codeLength = 8;

/** For the cookie of a browser that asks: 128 random bits. */
export const newBrowserSecret = (): string => randomBytes(16).toString('base64url');

/** What a browser shows, eight digits: made of its secret, so that whoever asks twice need not know which of the two is meant. */
export function codeOf(secret: string): string {
  const drawn = createHash('sha256').update(`code:${secret}`).digest().readBigUInt64BE();
  return String(drawn % 10n ** BigInt(codeLength)).padStart(codeLength, '0');
}

/** Notes that a browser asked, to be answered by this mail; by none where nobody has the address. */
export async function keepAsking(tx: Tx, secret: string, deliveryId: string | null): Promise<void> {
  const browser = hashOf(secret);
  const code = createHash('sha256').update(browser).update(codeOf(secret)).digest();
  // No mail is answered by what was asked an hour ago; of whoever floods us with askings not much is left after that.
  await tx.query(sql.unsafe`
    with forgotten as (
      delete from askings where id in (
        select id from askings where asked_at < heed_now() - interval '1 hour' order by asked_at limit 100 for update skip locked))
    insert into askings (id, delivery_id, browser_hash, code_hash)
    values (${newId()}, ${deliveryId}, ${sql.binary(browser)}, ${sql.binary(code)})`);
}

/** Whether a mail will answer this browser: it has not left yet, and does not until this transaction is over; or the browser is among those that
 *  it answered. */
export async function answers(tx: Tx, deliveryId: string, secret: string): Promise<boolean> {
  const found = await tx.maybeOneFirst(sql.type(FoundRow)`
    select d.state in ('planned', 'ready') or exists (
      select from askings a where a.delivery_id = d.id and a.browser_hash = ${sql.binary(hashOf(secret))}) as found
    from deliveries d where d.id = ${deliveryId} for no key update of d`);
  return found ?? false;
}

/** Whether a link may be pressed in this browser as it is: it asked for it, or nobody did (`heed invite`, and who asked an older Heed). */
export function isForThisBrowser(db: Db, token: string, secret: string | undefined): Promise<boolean> {
  return db.exists(sql.unsafe`
    select from links l
    where l.token_hash = ${sql.binary(hashOf(token))}
      and (not exists (select from askings a where a.delivery_id = l.delivery_id)
        or exists (
          select from askings a where a.delivery_id = l.delivery_id and a.browser_hash = ${sql.binary(hashOf(secret ?? ''))}))`);
}

const Tried = z.object({ is_right: z.boolean(), is_over: z.boolean() });

/** Tries a code at a link, which is over with the last one that is wrong: of many at once no more than those few are looked at. */
export async function tryCode(db: Db, token: string, code: string): Promise<'right' | 'wrong' | 'over'> {
  const isRight = sql.fragment`exists (
    select from askings a
    where a.delivery_id = l.delivery_id and a.code_hash = sha256(a.browser_hash || convert_to(${code}, 'UTF8')))`;
  const tried = await db.maybeOne(sql.type(Tried)`
    update links l set
      tries = l.tries + 1,
      revoked_at = case when l.tries + 1 >= ${mostTries} and not ${isRight} then heed_now() end
    where l.token_hash = ${sql.binary(hashOf(token))} and l.used_at is null and l.revoked_at is null
      and (l.expires_at is null or l.expires_at > heed_now())
    returning ${isRight} as is_right, l.revoked_at is not null as is_over`);
  if (tried?.is_right) return 'right';
  return !tried || tried.is_over ? 'over' : 'wrong';
}
