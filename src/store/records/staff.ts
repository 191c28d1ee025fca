/** Our people, as facts name them. */

import { z } from 'zod';
import { normaliseEmail, spellingsOf } from '../../domain/customer.ts';
import { sql, type Db } from '../pool.ts';

const Person = z.object({ code: z.string(), name: z.string(), email: z.string(), slack_id: z.string().nullable() });
export type StaffRow = z.infer<typeof Person>;

export async function staffByCode(db: Db, code: string): Promise<StaffRow | null> {
  return db.maybeOne(
    sql.type(Person)`select code, name, email, slack_id from staff where code = ${code} and removed_at is null`,
  );
}

/** Until the transaction is over no company file has them leave or gives them another address; one that is being applied is waited for. */
export async function holdPerson(db: Db, code: string): Promise<void> {
  await db.query(sql.unsafe`select from staff where code = ${code} for key share`);
}

const NameRow = z.object({ name: z.string() });

/** What somebody is called who is one of us, or was; null for a code that nobody ever had. */
export async function nameOfStaff(db: Db, code: string): Promise<string | null> {
  return db.maybeOneFirst(sql.type(NameRow)`select name from staff where code = ${code}`);
}

export async function staffByEmail(db: Db, email: string): Promise<StaffRow | null> {
  const normalised = normaliseEmail(email);
  const spellings = normalised ? spellingsOf({ kind: 'email', normalised }) : [];
  return db.maybeOne(
    sql.type(
      Person,
    )`select code, name, email, slack_id from staff where email = any(${sql.array([...spellings], 'text')}) and removed_at is null`,
  );
}

export async function staffBySlackId(db: Db, slackId: string): Promise<StaffRow | null> {
  return db.maybeOne(
    sql.type(Person)`select code, name, email, slack_id from staff where slack_id = ${slackId} and removed_at is null`,
  );
}

const InSlack = z.object({ who: z.string(), is_theirs: z.boolean() });

/** As whom Slack knows, by id or by address, those who had this code at some time since then: whoever has it now (`is_theirs`), and who had another
 *  address, or has left. */
export function inSlackSince(db: Db, code: string, since: Date): Promise<readonly z.infer<typeof InSlack>[]> {
  return db.any(sql.type(InSlack)`
    select
      coalesce(case when s.email in (file.email, 'former:' || s.code || ':' || file.email) then s.slack_id end, file.email) as who,
      s.email = file.email as is_theirs
    from staff s
    cross join lateral (
      select distinct lower(c.document -> 'staff' -> s.code ->> 'email') as email
      from configurations c
      where c.version >= coalesce((select max(b.version) from configurations b where b.applied_at <= ${sql.timestamp(since)}), 0)
    ) file
    where s.code = ${code} and file.email is not null
    order by is_theirs desc`);
}

/** Remembers who somebody is in Slack, so that their presses are known to be theirs. False where the code went to another address since they were
 *  read, or they have left: whoever has it now is somebody else. */
export async function keepSlackId(
  db: Db,
  { code, email }: Pick<StaffRow, 'code' | 'email'>,
  slackId: string,
): Promise<boolean> {
  const { rowCount } = await db.query(sql.unsafe`
    update staff set slack_id = ${slackId} where code = ${code} and email = ${email} and removed_at is null`);
  return rowCount === 1;
}
