/** What was deleted is not gone from the disk: Postgres leaves it in its pages, its statistics and its log until something takes the place. This
 *  writes the tables that hold personal words anew. */

import pg from 'pg';
import { connect } from './connection.ts';

/** Every table with a column that an erasure empties (docs/privacy.md). */
const tables = [
  'words',
  'signal_attributes',
  'customers',
  'identities',
  'delivery_bodies',
  'confirmations',
  'ownerships',
  'closures',
  'reviews',
  'repairs',
  'insights',
  'open_insights',
  'decisions',
  'completions',
  'presses',
];

/** Writing a table anew locks it; up to this size that is a blink. Larger ones are only swept, and their pages fill up again in time. */
const smallBytes = 64 * 2 ** 20;

/** Returns the tables that were only swept. What somebody is using for longer than two seconds is left for the next time, and is among them. */
export async function scrub(databaseUrl: string): Promise<string[]> {
  const client = await connect(databaseUrl, 'heed-scrub');
  try {
    await client.query(`set lock_timeout = '2s'`);
    const swept: string[] = [];
    for (const table of tables) {
      const { rows } = await client.query<{ bytes: string }>('select pg_total_relation_size($1::regclass) as bytes', [
        table,
      ]);
      const small = Number(rows[0]!.bytes) <= smallBytes;
      if (!small) swept.push(table);
      await client
        .query(small ? `vacuum (full, analyze) ${table}` : `vacuum (analyze) ${table}`)
        .catch((error: unknown) => {
          if (!isBusy(error)) throw error;
          swept.push(table);
        });
    }
    await scrubServer(client);
    return swept;
  } finally {
    await client.end();
  }
}

/** Statistics keep samples of what stood in a column, and the log what was written: both are the server's own, so only its owner may. */
async function scrubServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ owner: boolean }>(
    `select rolsuper as owner from pg_roles where rolname = current_user`,
  );
  if (!rows[0]?.owner) return;
  await client.query('vacuum full pg_catalog.pg_statistic').catch((error: unknown) => {
    if (!isBusy(error)) throw error;
  });
  await client.query('select pg_switch_wal()');
  await client.query('checkpoint');
}

const isBusy = (error: unknown): boolean => error instanceof pg.DatabaseError && error.code === '55P03';
