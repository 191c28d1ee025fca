/** Brings the schema up to date: migrations in order, then the views. Several processes may try at once. */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import type { Credential } from '../domain/credential.ts';
import { DomainError } from '../domain/errors.ts';
import { connect } from './connection.ts';
import { sql, type Pool } from './pool.ts';
import { mustBeKnown, mustNotBeLater } from './views/health.ts';
import { letWork, renewWorkingRole, roleAt } from './workingRole.ts';

const folder = (name: string): string => fileURLToPath(new URL(`../../sql/${name}/`, import.meta.url));

/** The migrations this version knows, in order, without their ending. */
export async function migrationsKnown(): Promise<string[]> {
  return (await sources('migrations')).map(({ name }) => name.replace(/\.sql$/, ''));
}

/** Brings a blank database to where it stood after the first `count` migrations, without views: for a backup that was made there. */
export async function migrateTo(client: pg.Client, count: number): Promise<void> {
  await runner({ ...migrating(client), count });
}

/** Where what a restore replaces waits until the restore is over: as long as there is such a schema, it is not. */
export const setAside = 'replaced';

/** Applies what is missing and returns the names of the migrations it ran. Nothing is touched where nothing changed, nor by what fails. The role
 *  at `databaseUrl`, where it is not the owner, may work in what was made. Throws what Postgres says when a file is wrong, and a sentence when it
 *  can't be reached, when it is of a later version or another's, or when a restore was cut short, which `restoring` alone may go on from. */
export async function migrate(
  ownerUrl: Credential,
  log: (sentence: string) => void = () => {},
  { restoring = false, databaseUrl = ownerUrl }: { restoring?: boolean; databaseUrl?: Credential } = {},
): Promise<string[]> {
  const role = databaseUrl === ownerUrl ? undefined : await roleAt(databaseUrl);
  const client = await connect(ownerUrl, 'heed-migrate');
  try {
    if (!restoring) await mustNotBeHalfRestored(client);
    const ran = await migrateFor(client, role);
    for (const name of ran) log(`Applied ${name}.`);
    return ran;
  } finally {
    await client.end();
  }
}

/** The same in a Postgres that we brought along, whose working role is given a new password by the same connection. Returns the address at which
 *  Heed works there from now on. */
export async function migrateOurs(ownerUrl: string): Promise<string> {
  const client = await connect(ownerUrl, 'heed-migrate');
  try {
    await mustNotBeHalfRestored(client);
    const { role, databaseUrl } = await renewWorkingRole(client, ownerUrl);
    await migrateFor(client, role);
    return databaseUrl;
  } finally {
    await client.end();
  }
}

/** `named`: who works in it, where that is not who did before. */
async function migrateFor(client: pg.Client, named: string | undefined): Promise<string[]> {
  // A second one waits here, and finds nothing left to do.
  await client.query(`select pg_advisory_lock(hashtext('heed.migrate'))`);
  const [migrations, views] = await Promise.all([sources('migrations'), sources('views')]);
  const print = createHash('sha256')
    .update(JSON.stringify([migrations, views]))
    .digest('hex');
  const before = await madeBefore(client);
  const role = named ?? (await workedInBy(client, before));
  const made = [print, role].filter(Boolean).join(' ');
  if (before === made) return [];
  await mustKnow(client);

  // One transaction for the whole: nobody may see the schema without its views, whatever fails.
  const ran = await inOneTransaction(client, async () => {
    // A view holds on to its tables, so all of them give way while tables change.
    await client.query('drop schema if exists now cascade');
    const applied = await runner(migrating(withoutEnds(client)));
    await client.query('create schema now');
    for (const { text } of views) await client.query(text);
    if (role) await letWork(client, role);
    await client.query(`comment on schema now is ${pg.escapeLiteral(made)}`);
    return applied;
  });
  return ran.map(({ name }) => name);
}

/** Whether a restore has begun and not come to its end. */
export async function isHalfRestored(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query('select from pg_namespace where nspname = $1', [setAside]);
  return rows.length > 0;
}

/** What was erased since the backup may be in it, and letters that have gone out would go out again. */
async function mustNotBeHalfRestored(client: pg.Client): Promise<void> {
  if (await isHalfRestored(client)) throw cutShort();
}

const cutShort = (): DomainError =>
  new DomainError(
    'conflict',
    'A restore of this database was cut short, and nothing may be started on it until one is over. Run heed restore again, with the same words.',
  );

/** For what is started without migrating: through its pool, which waits for no answer for ever. Throws the same sentence, and others where its
 *  role was let in by no migration, and where a later Heed has migrated. */
export async function mustBeWhole(pool: Pool): Promise<void> {
  if (await pool.exists(sql.unsafe`select from pg_namespace where nspname = ${setAside}`)) throw cutShort();
  if (
    await pool.exists(
      sql.unsafe`select from pg_namespace where nspname = 'now' and not has_schema_privilege(oid, 'usage')`,
    )
  )
    throw new DomainError(
      'forbidden',
      'The role that DATABASE_URL names may not work in this database yet. Run heed migrate where DATABASE_OWNER_URL is set beside it.',
    );
  if (await pool.exists(sql.unsafe`select where to_regclass('public.migrations') is not null`))
    await mustNotBeLater(pool);
}

/** An earlier version would put its own views in the place of those that a later one, still running, reads. */
async function mustKnow(client: pg.Client): Promise<void> {
  const { rows: there } = await client.query<{ there: boolean }>(
    `select to_regclass('public.migrations') is not null as there`,
  );
  if (!there[0]!.there) return;
  const { rows } = await client.query<{ name: string }>('select name from migrations order by id');
  mustBeKnown({ known: await migrationsKnown(), applied: rows.map(({ name }) => name) });
}

/** Whoever is at work may hold a table and wait for a view, while this holds the view and waits for the table. Postgres then ends one of the
 *  two; this one can begin anew, and does so a few times. */
async function inOneTransaction<T>(client: pg.Client, act: () => Promise<T>): Promise<T> {
  for (let again = 5; ; again -= 1) {
    try {
      await client.query('begin');
      const made = await act();
      await client.query('commit');
      return made;
    } catch (error) {
      await client.query('rollback').catch(() => {});
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === '42501')
        throw new Error(
          'This role may not change the database. Set DATABASE_OWNER_URL to the address of the role that owns it, beside DATABASE_URL.',
          { cause: error },
        );
      if (code !== '40P01' || again === 0) throw error;
    }
  }
}

/** For the runner, which begins and commits by itself, and would leave the views outside. */
function withoutEnds(client: pg.Client): pg.ClientBase {
  const query = (text: string, values?: unknown[]) =>
    text === 'BEGIN' || text === 'COMMIT' ? Promise.resolve() : client.query(text, values);
  return Object.assign(Object.create(client) as pg.ClientBase, { query });
}

const migrating = (dbClient: pg.ClientBase) =>
  ({
    dbClient,
    dir: folder('migrations'),
    migrationsTable: 'migrations',
    direction: 'up',
    singleTransaction: true,
    checkOrder: true,
    noLock: true,
    log: () => {},
  }) as const;

async function sources(of: 'migrations' | 'views'): Promise<{ name: string; text: string }[]> {
  const names = (await readdir(folder(of))).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(`${folder(of)}${name}`, 'utf8') })));
}

/** What the schema was last made from, and the role that it was made for, where that is not its owner. */
async function madeBefore(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ made: string | null }>(
    `select obj_description(oid, 'pg_namespace') as made from pg_namespace where nspname = 'now'`,
  );
  return rows[0]?.made ?? undefined;
}

/** Whoever migrates by hand may name the owner alone, and that role works on. Undefined where there is none, or none any more. */
async function workedInBy(client: pg.Client, made: string | undefined): Promise<string | undefined> {
  const role = /^[0-9a-f]{64} (.+)$/.exec(made ?? '')?.[1];
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role ?? null]);
  return rowCount ? role : undefined;
}
