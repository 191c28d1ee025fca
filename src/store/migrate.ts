/** Brings the schema up to date: migrations in order, then the views. Several processes may try at once. */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';
import { DomainError } from '../domain/errors.ts';
import { connect } from './connection.ts';
import { sql, type Pool } from './pool.ts';

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

/** Applies what is missing and returns the names of the migrations it ran. Nothing is touched where nothing changed. Throws what Postgres
 *  says when a file is wrong, and a sentence when it can't be reached or a restore was cut short, which `restoring` alone may go on from. */
export async function migrate(
  databaseUrl: string,
  log: (sentence: string) => void = () => {},
  { restoring = false }: { restoring?: boolean } = {},
): Promise<string[]> {
  const client = await connect(databaseUrl, 'heed-migrate');
  try {
    if (!restoring) await mustNotBeHalfRestored(client);
    // One lock for the whole: nobody may see the schema without its views.
    await client.query(`select pg_advisory_lock(hashtext('heed.migrate'))`);
    const [migrations, views] = await Promise.all([sources('migrations'), sources('views')]);
    const print = createHash('sha256')
      .update(JSON.stringify([migrations, views]))
      .digest('hex');
    if ((await printOf(client)) === print) return [];

    // A view holds on to its tables, so all of them give way while tables change.
    await client.query('drop schema if exists now cascade');
    const ran = await runner(migrating(client));
    await client.query('begin');
    await client.query('create schema now');
    for (const { text } of views) await client.query(text);
    await client.query(`comment on schema now is '${print}'`);
    await client.query('commit');
    for (const migration of ran) log(`Applied ${migration.name}.`);
    return ran.map((migration) => migration.name);
  } finally {
    await client.end();
  }
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

/** For what is started without migrating: through its pool, which waits for no answer for ever. Throws the same sentence. */
export async function mustBeWhole(pool: Pool): Promise<void> {
  if (await pool.exists(sql.unsafe`select from pg_namespace where nspname = ${setAside}`)) throw cutShort();
}

const migrating = (dbClient: pg.Client) =>
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

/** What the schema was last made from. */
async function printOf(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ print: string | null }>(
    `select obj_description(oid, 'pg_namespace') as print from pg_namespace where nspname = 'now'`,
  );
  return rows[0]?.print ?? undefined;
}
