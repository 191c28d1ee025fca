/** Who is signed in, from when to when. Tokens are kept as hashes and can be revoked. */

import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { oneFactor, type Strength } from '../../domain/secondFactor.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { recordDoorAct } from './doorActs.ts';
import { hashOf } from './links.ts';
import { holdPerson } from './staff.ts';

/** How somebody signed in, and so for how long at most: whoever leaves the company's sign-in service is out within the working day, and one
 *  press lets the others in again; a link has to be fetched from the mail. */
const longest = { link: sql.fragment`interval '30 days'`, provider: sql.fragment`interval '12 hours'` };
export type SignedInThrough = keyof typeof longest;

/** A weekend away ends nothing, a holiday does. */
const idle = sql.fragment`interval '3 days'`;

/** Of a session `s`: when it ended, or ends if its person does not come back. */
export const endOfSession = sql.fragment`least(coalesce(s.revoked_at, 'infinity'), s.expires_at, s.seen_at + ${idle})`;

/** Signs a person in. Returns the token for the cookie. `strength`, and how long ago (null: it does not say): what the company's sign-in service says of
 *  how they proved who they are. */
export async function openSession(
  db: Db,
  staff: string,
  through: SignedInThrough = 'link',
  { acr, twoMethods }: Strength = oneFactor,
  provedSecondsAgo: number | null = 0,
): Promise<string> {
  const token = randomBytes(24).toString('base64url');
  await db.query(sql.unsafe`
    insert into sessions (token_hash, staff, through, acr, two_methods, proved_at, expires_at)
    values (${sql.binary(hashOf(token))}, ${staff}, ${through}, ${acr}, ${twoMethods},
      heed_now() - make_interval(secs => ${provedSecondsAgo}), heed_now() + ${longest[through]})`);
  return token;
}

const open = sql.fragment`s.revoked_at is null and s.expires_at > heed_now() and s.seen_at > heed_now() - ${idle} and p.removed_at is null`;

/** For as long somebody has proved who they are, also for what takes more than a session that is still open. */
const lately = sql.fragment`interval '10 minutes'`;

const strength = sql.fragment`jsonb_build_object('acr', s.acr, 'twoMethods', s.two_methods) as strength`;
const Strong = z.object({ strength: z.object({ acr: z.string().nullable(), twoMethods: z.boolean() }) });

const Person = Strong.extend({
  session: z.string(),
  code: z.string(),
  name: z.string(),
  /** Nobody was seen for five minutes: to be written down when somebody is. */
  quiet: z.boolean(),
  /** They proved who they are within the last ten minutes, as far as anybody says. */
  lately: z.boolean(),
});

/** Null when it has ended: revoked, over, not used for days, or its person has left. */
export async function personOfSession(db: Db, token: string): Promise<z.infer<typeof Person> | null> {
  return db.maybeOne(sql.type(Person)`
    select s.id as session, p.code, p.name, ${strength}, s.seen_at < heed_now() - interval '5 minutes' as quiet,
      coalesce(s.proved_at > heed_now() - ${lately}, false) as lately
    from sessions s join staff p on p.code = s.staff
    where s.token_hash = ${sql.binary(hashOf(token))} and ${open}`);
}

/** Their person is still there. */
export async function sessionSeen(db: Db, session: string): Promise<void> {
  await db.query(sql.unsafe`update sessions set seen_at = heed_now() where id = ${session}`);
}

export async function endSession(db: Db, token: string): Promise<void> {
  await db.query(
    sql.unsafe`update sessions set revoked_at = heed_now() where token_hash = ${sql.binary(hashOf(token))} and revoked_at is null`,
  );
}

const Listed = Strong.extend({
  id: z.string(),
  through: z.enum(['link', 'provider']),
  created_at: z.date(),
  seen_at: z.date(),
  expires_at: z.date(),
});
export type SessionRow = z.infer<typeof Listed>;

/** Where somebody is signed in, the latest used first. */
export function sessionsOf(db: Db, staff: string): Promise<readonly SessionRow[]> {
  return db.any(sql.type(Listed)`
    select s.id, s.through, ${strength}, s.created_at, s.seen_at, s.expires_at from sessions s join staff p on p.code = s.staff
    where s.staff = ${staff} and ${open} order by s.seen_at desc, s.id`);
}

/** Ends one session of theirs, or all of them; links by which they could sign in go too. Returns how many sessions it ended. */
export async function revokeSessions(
  tx: Tx,
  staff: string,
  { by, only }: { by: string; only?: string },
): Promise<number> {
  // As a company file that is being applied, which locks people first.
  await holdPerson(tx, staff);
  // Before the sessions: whoever is just using one is waited for, and is out with the others.
  if (only === undefined)
    await tx.query(sql.unsafe`
      update links set revoked_at = heed_now() where staff = ${staff} and kind = 'sign_in' and used_at is null and revoked_at is null`);
  const { rowCount } = await tx.query(sql.unsafe`
    update sessions set revoked_at = heed_now()
    where staff = ${staff} and revoked_at is null and (${only ?? null}::uuid is null or id = ${only ?? null}::uuid)`);
  if (only === undefined || rowCount > 0) await recordDoorAct(tx, { act: 'signed_out', staff, by, session: only });
  return rowCount;
}

/** Ends every session there is, and every link by which somebody could begin one. */
export async function revokeAllSessions(db: Db): Promise<void> {
  await db.query(sql.unsafe`update sessions set revoked_at = heed_now() where revoked_at is null`);
  await db.query(sql.unsafe`
    update links set revoked_at = heed_now() where kind = 'sign_in' and used_at is null and revoked_at is null`);
}

/** Ends those of theirs that began one way, such as with the company's sign-in service. */
export async function revokeSessionsThrough(db: Db, staff: string, through: SignedInThrough): Promise<void> {
  await db.query(sql.unsafe`
    update sessions set revoked_at = heed_now() where staff = ${staff} and through = ${through} and revoked_at is null`);
}
