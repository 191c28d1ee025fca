/** Brings the schema up to date: migrations in order, then the views, which are made anew every time. Several processes may try at once. */

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';

const folder = (name: string): string => fileURLToPath(new URL(`../../sql/${name}/`, import.meta.url));

/** Applies what is missing and returns the names of the migrations it ran. Throws what Postgres says when a file is wrong. */
export async function migrate(databaseUrl: string, log: (sentence: string) => void = () => {}): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    // One lock for the whole: nobody may see the schema without its views.
    await client.query(`select pg_advisory_lock(hashtext('heed.migrate'))`);
    await client.query('drop schema if exists now cascade');
    const ran = await runner({
      dbClient: client,
      dir: folder('migrations'),
      migrationsTable: 'migrations',
      direction: 'up',
      singleTransaction: true,
      checkOrder: true,
      noLock: true,
      log: () => {},
    });
    await client.query('begin');
    await client.query('create schema now');
    const views = (await readdir(folder('views'))).filter((name) => name.endsWith('.sql')).sort();
    for (const name of views) await client.query(await readFile(`${folder('views')}${name}`, 'utf8'));
    await client.query('commit');
    for (const migration of ran) log(`Applied ${migration.name}.`);
    return ran.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}
