/** The applied company files. The latest is in force; every fact names the version it was made under. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { revokeApiKeysOf } from './apiKeys.ts';
import { freeWhoMoved } from './bindings.ts';
import { leaveCards } from './redactions.ts';

const VersionRow = z.object({ version: z.number() });
const MadeFrom = z.object({ version: z.number(), latest: z.number(), latest_by: z.string() });
const LatestRow = z.object({ version: z.number(), yaml: z.string() });
const CodeRow = z.object({ code: z.string() });

export interface Configuration {
  version: number;
  company: Company;
}

const Latest = z.object({ version: z.number(), document: z.unknown() });

/** How long a process may answer by a company file that is not in force any more, or let in an API key that was revoked. */
export const knownForMs = 500;

/** The company as it is now. Its file is read anew only when the version changed, which is asked at most every `knownForMs`: a process that
 *  answers many people asks once for all of them, and follows a new file so much later. */
export function openConfigurations(
  db: Db,
  { knownForMs = 0 }: { knownForMs?: number } = {},
): () => Promise<Configuration> {
  let known: Configuration | undefined;
  let askedAt = -Infinity;
  return async () => {
    if (known && performance.now() - askedAt < knownForMs) return known;
    const asking = performance.now();
    const version = await db.maybeOneFirst(
      sql.type(VersionRow)`select max(version) as version from configurations having count(*) > 0`,
    );
    if (version === null) throw new Error('No company file has been applied yet. Run: heed apply FILE');
    if (known?.version !== version) {
      const row = await db.one(
        sql.type(Latest)`select version, document from configurations where version = ${version}`,
      );
      known = { version: row.version, company: withoutPrototype(row.document) as Company };
    }
    askedAt = asking;
    return known;
  };
}

/** The same, of objects that have nothing but what the file says: a place called "constructor" is found only where there is one. */
function withoutPrototype(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutPrototype);
  const entries = Object.entries(value).map(([key, inner]) => [key, withoutPrototype(inner)]);
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

/** Whether no company file was ever applied. What can't be asked just now is thrown, and is no sign of a blank one: a sample company would take
 *  the place of the real one, and shut its people out. */
export async function isBlank(db: Db): Promise<boolean> {
  return !(await db.exists(sql.unsafe`select from configurations`));
}

/** The latest version that was made from this very text, and the one in force, with who put it there; null where none was. */
export async function madeFrom(db: Db, yaml: string): Promise<z.infer<typeof MadeFrom> | null> {
  return db.maybeOne(sql.type(MadeFrom)`
    select made.version, latest.version as latest, latest.applied_by as latest_by
    from configurations made, (select version, applied_by from configurations order by version desc limit 1) latest
    where made.yaml = ${yaml}
    order by made.version desc limit 1`);
}

/** Applies a checked company: keeps the version, and brings people and places up to date. Whoever left the file is marked as removed;
 *  they, and whoever gets another address, lose every open door at once, the latter the account they are known by, too. The same text again makes
 *  no new version. Returns the version in force. */
export async function applyConfiguration(
  tx: Tx,
  applied: { yaml: string; company: Company; by: string },
): Promise<{ version: number; changed: boolean }> {
  await tx.query(sql.unsafe`select pg_advisory_xact_lock(hashtext('heed.apply'))`);
  const latest = await tx.maybeOne(sql.type(LatestRow)`
    select version, yaml from configurations order by version desc limit 1`);
  if (latest?.yaml === applied.yaml) return { version: latest.version, changed: false };

  const version = await tx.oneFirst(sql.type(VersionRow)`
    insert into configurations (yaml, document, applied_by)
    values (${applied.yaml}, ${JSON.stringify(applied.company)}::json, ${applied.by})
    returning version`);
  const staff = Object.entries(applied.company.staff);
  // Whoever opens another mailbox is somebody else, also after a while away: what went to the old one lets nobody in any more.
  const moved = await tx.anyFirst(sql.type(CodeRow)`
    select s.code from staff s
    join ${sql.unnest(
      staff.map(([code, person]) => [code, person.email.toLowerCase()]),
      ['text', 'text'],
    )} as file (code, email) on file.code = s.code
    where s.email not in (file.email, 'former:' || s.code || ':' || file.email)`);
  // Two people may swap addresses in one edit, so the old ones give way first. Whoever keeps theirs is not touched: a new address locks their
  // row against all that name them, and who presses for two colleagues would wait for this, and this for them.
  await tx.query(sql.unsafe`
    update staff set email = 'former:' || code || ':' || email
    where email not like 'former:%'
      and (code = any(${sql.array(moved, 'text')}) or not (code = any(${sql.array(
        staff.map(([code]) => code),
        'text',
      )})))`);
  const file = sql.fragment`${sql.unnest(
    staff.map(([code, person]) => [code, person.name, person.email.toLowerCase()]),
    ['text', 'text', 'text'],
  )} as file (code, name, email)`;
  await tx.query(sql.unsafe`
    update staff s set
      name = file.name,
      email = file.email,
      slack_id = case when s.email in (file.email, 'former:' || s.code || ':' || file.email) then s.slack_id end,
      removed_at = null
    from ${file} where file.code = s.code`);
  await tx.query(sql.unsafe`
    insert into staff (code, name, email) select * from ${file} on conflict (code) do nothing`);
  await tx.query(sql.unsafe`
    update staff set removed_at = coalesce(removed_at, heed_now()) where not (code = any(${sql.array(
      staff.map(([code]) => code),
      'text',
    )}))`);
  const gone = sql.fragment`(select unnest(${sql.array(moved, 'text')}) union all select code from staff where removed_at is not null)`;
  await tx.query(sql.unsafe`
    update sessions set revoked_at = heed_now()
    where revoked_at is null and staff in ${gone}`);
  await tx.query(sql.unsafe`
    update links set revoked_at = heed_now()
    where revoked_at is null and staff in ${gone}`);
  await revokeApiKeysOf(tx, gone, { by: applied.by, configuration: version });
  await freeWhoMoved(tx, applied.by);
  await leaveCards(tx, moved);
  const places = Object.entries(applied.company.places);
  await tx.query(sql.unsafe`
    insert into places (code, name)
    select * from ${sql.unnest(
      places.map(([code, place]) => [code, place.name]),
      ['text', 'text'],
    )} as file (code, name)
    on conflict (code) do update set name = excluded.name, removed_at = null`);
  await tx.query(sql.unsafe`
    update places set removed_at = coalesce(removed_at, heed_now()) where not (code = any(${sql.array(
      places.map(([code]) => code),
      'text',
    )}))`);
  return { version, changed: true };
}
