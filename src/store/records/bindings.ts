/** By which account of the company's sign-in service somebody is known, from their first sign-in there on (decision 11). */

import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { StaffRow } from '../rows.ts';
import { revokeSessionsThrough } from './sessions.ts';

/** At which service, and what it calls the account: it gives that name to nobody else, as it may an address. */
export interface Account {
  issuer: string;
  subject: string;
}

/** Whether somebody is known by this account. Where they are known by none at that service, and it is nobody else's of those in the company file,
 *  they are from now on. */
export async function isKnownBy(
  db: Db,
  { code, email }: { code: string; email: string },
  { issuer, subject }: Account,
): Promise<boolean> {
  const held = sql.fragment`issuer = ${issuer} and freed_at is null`;
  // Whoever left the file and is in it under another code comes by the account they had.
  await free(
    db,
    sql.fragment`
      b.issuer = ${issuer} and b.subject = ${subject} and b.staff <> ${code}
      and exists (select from staff p where p.code = b.staff and p.removed_at is not null)
      and not exists (select from bindings where staff = ${code} and ${held})`,
    { by: code },
  );
  // A company file that is being applied is waited for: an address that is theirs no more binds nobody.
  await db.query(sql.unsafe`
    insert into bindings (id, staff, issuer, subject, email)
    select ${newId()}::uuid, p.code, ${issuer}::text, ${subject}::text, p.email
    from (select code, email from staff where code = ${code} and email = ${email} and removed_at is null for key share) p
    on conflict do nothing`);
  return db.exists(sql.unsafe`select from bindings where staff = ${code} and subject = ${subject} and ${held}`);
}

/** Who is known by this account, of those in the company file. */
export function whoIsKnownBy(db: Db, { issuer, subject }: Account): Promise<string | null> {
  return db.maybeOneFirst(sql.type(StaffRow)`
    select b.staff from bindings b join staff p on p.code = b.staff
    where b.issuer = ${issuer} and b.subject = ${subject} and b.freed_at is null and p.removed_at is null`);
}

const Binding = z.object({ issuer: z.string(), subject: z.string(), email: z.string(), bound_at: z.date() });

/** By which accounts somebody is known: one for each service there has been, the latest first. */
export function bindingsOf(db: Db, staff: string): Promise<readonly z.infer<typeof Binding>[]> {
  return db.any(sql.type(Binding)`
    select issuer, subject, email, bound_at from bindings
    where staff = ${staff} and freed_at is null order by bound_at desc, id desc`);
}

/** Lets somebody come by another account: the next one is theirs, and who came in by the former is out. Returns how many they were known by. */
export async function freeBindings(
  tx: Tx,
  staff: string,
  { by, reason }: { by: string; reason: string },
): Promise<number> {
  // Whoever is just coming in by it is waited for, and is out with the others.
  await tx.query(sql.unsafe`select from staff where code = ${staff} for update`);
  await revokeSessionsThrough(tx, staff, 'provider');
  return free(tx, sql.fragment`b.staff = ${staff}`, { by, reason });
}

/** After a company file was applied: an account is somebody's only under the address that they have in it. Whoever is away and comes back to it is
 *  known by it still. */
export async function freeWhoMoved(tx: Tx, by: string): Promise<void> {
  const moved = sql.fragment`
    exists (select from staff p where p.code = b.staff and p.email not in (b.email, 'former:' || p.code || ':' || b.email))`;
  await free(tx, moved, { by });
}

/** For that reason; without one because the company file in force says so. */
async function free(
  db: Db,
  which: ReturnType<typeof sql.fragment>,
  { by, reason }: { by: string; reason?: string },
): Promise<number> {
  const why = reason
    ? sql.fragment`${reason}::text, null::integer`
    : sql.fragment`null::text, (select max(version) from configurations)`;
  const { rowCount } = await db.query(sql.unsafe`
    with freed as (
      update bindings b set freed_at = heed_now() where b.freed_at is null and (${which}) returning b.id)
    insert into freeings (binding_id, by, reason, configuration) select id, ${by}::text, ${why} from freed`);
  return rowCount;
}
