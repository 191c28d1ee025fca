/** Links that carry power: random tokens, kept as hashes, bound to one person and what they may do with it. */

import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { sql, type Db, type Tx } from '../pool.ts';
import { staffByCode, type StaffRow } from './staff.ts';

export const linkKinds = ['sign_in', 'task', 'yours', 'unsubscribe', 'not_me', 'rights'] as const;

/** How long a link to sign in is good, and the letter with it worth sending: ASVS V6.5.5 allows ten minutes. */
export const signInLinkMs = 10 * 60_000;

export interface NewLink {
  kind: (typeof linkKinds)[number];
  staff?: string | undefined;
  customerId?: string | undefined;
  loopId?: string | undefined;
  round?: number | undefined;
  wait?: string | undefined;
  deliveryId?: string | undefined;
  expiresAt?: Date | undefined;
}

export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Makes a link and returns its token (128 random bits, 22 characters); only the hash is kept. */
export async function makeLink(db: Db, l: NewLink): Promise<string> {
  const token = randomBytes(16).toString('base64url');
  await db.query(sql.unsafe`
    insert into links (token_hash, kind, staff, customer_id, loop_id, round, wait, delivery_id, expires_at)
    values (${sql.binary(hashOf(token))}, ${l.kind}, ${l.staff ?? null}, ${l.customerId ?? null}, ${l.loopId ?? null}, ${l.round ?? null}, ${l.wait ?? null},
      ${l.deliveryId ?? null}, ${l.expiresAt ? sql.timestamp(l.expiresAt) : null})`);
  return token;
}

/** A link that is mailed to one of us, and whom it goes to: null where they have left. Their address is read after it is made. A company file that
 *  gives them another one meanwhile ends it then, or was waited for, and the address is the new one. */
export async function makeLinkOf(
  db: Db,
  link: NewLink & { staff: string },
): Promise<{ token: string; person: StaffRow } | null> {
  const token = await makeLink(db, link);
  const person = await staffByCode(db, link.staff);
  return person && { token, person };
}

/** Those made since its attempt began for a letter that did not leave: nobody has them, and the next attempt makes its own. */
export async function forgetLinks(
  tx: Tx,
  { id, loop_id: loopId, now }: { id: string; loop_id: string | null; now: Date },
): Promise<void> {
  await tx.query(sql.unsafe`
    delete from links where loop_id = ${loopId} and delivery_id = ${id} and created_at >= ${sql.timestamp(now)}`);
}

const Link = z.object({
  kind: z.enum(linkKinds),
  staff: z.string().nullable(),
  customer_id: z.string().nullable(),
  loop_id: z.string().nullable(),
  round: z.number().nullable(),
  wait: z.string().nullable(),
  delivery_id: z.string().nullable(),
  used_at: z.date().nullable(),
  revoked: z.boolean(),
  ended: z.boolean(),
});
export type Link = z.infer<typeof Link>;

const itsPersonLeft = sql.fragment`exists (select from staff p where p.code = links.staff and p.removed_at is not null)`;

/** The link behind a token of one of these kinds; `ended` when it expired, was revoked, or its person has left. */
export async function findLink(db: Db, token: string, kinds: readonly NewLink['kind'][]): Promise<Link | null> {
  return db.maybeOne(sql.type(Link)`
    select kind, staff, customer_id, loop_id, round, wait, delivery_id, used_at,
      (revoked_at is not null or ${itsPersonLeft}) as revoked,
      (revoked_at is not null or ${itsPersonLeft} or coalesce(expires_at <= heed_now(), false)) as ended
    from links where token_hash = ${sql.binary(hashOf(token))} and kind = any(${sql.array([...kinds], 'text')})`);
}

/** Uses a single-use link. False when somebody was faster or it has ended. */
export async function useLink(db: Db, token: string): Promise<boolean> {
  const { rowCount } = await db.query(sql.unsafe`
    update links set used_at = heed_now()
    where token_hash = ${sql.binary(hashOf(token))} and used_at is null and revoked_at is null and (expires_at is null or expires_at > heed_now())
      and not ${itsPersonLeft}`);
  return rowCount === 1;
}
