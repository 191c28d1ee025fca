/** What was deleted is not gone from the disk: Postgres leaves it in its pages, its statistics and its log until something takes the place. This
 *  writes the tables that hold personal words anew. */

import pg from 'pg';
import type { Credential } from '../domain/credential.ts';
import { connect } from './connection.ts';
import { sql, type Pool } from './pool.ts';

/** Every table with a column that an erasure empties (docs/privacy.md), and the salts that go with them. */
export const emptied: readonly string[] = [
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
  'rights',
  'presses',
  'salts',
];

/** Writing a table anew locks it; up to this size that is a blink. Larger ones are only swept, and their pages fill up again in time. */
const smallBytes = 64 * 2 ** 20;

export interface Scrubbed {
  /** Too large to be written anew. */
  swept: string[];
  /** Somebody was using them for longer than two seconds, so they hold what was deleted still, and the next time is soon. */
  inUse: string[];
}

export async function scrub(databaseUrl: Credential): Promise<Scrubbed> {
  const client = await connect(databaseUrl, 'heed-scrub');
  try {
    await client.query(`set lock_timeout = '2s'`);
    const swept: string[] = [];
    const inUse: string[] = [];
    const seen = await isSeenByOthers(client);
    for (const table of emptied) {
      const { rows } = await client.query<{ bytes: string }>('select pg_total_relation_size($1::regclass) as bytes', [
        table,
      ]);
      const small = Number(rows[0]!.bytes) <= smallBytes;
      if (!small) swept.push(table);
      const done = await unlessBusy(client, small ? `vacuum (full, analyze) ${table}` : `vacuum (analyze) ${table}`);
      if (!done || seen) inUse.push(table);
    }
    if (!(await scrubServer(client))) inUse.push('pg_statistic');
    return { swept, inUse };
  } finally {
    await client.end();
  }
}

/** Whether Postgres writes down what stood in a row that it refused: its log is nothing that is scrubbed. */
export function rowsAreLogged(pool: Pool): Promise<boolean> {
  return pool.exists(sql.unsafe`select where current_setting('log_error_verbosity') <> 'terse'`);
}

/** Whoever has been reading for a while, as a backup does, may see what was deleted meanwhile: Postgres keeps it for them, also in a table that
 *  is written anew. Since when another role reads is not told to ours, so any of its may. */
async function isSeenByOthers(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()
       and usesysid is not null and coalesce(backend_type, 'client backend') = 'client backend'
       and backend_xmin is not null and coalesce(xact_start < clock_timestamp() - interval '2 seconds', true)`,
  );
  return rows.length > 0;
}

/** Statistics keep samples of what stood in a column, and the log what was written: both are the server's own, so only whom its superuser lets.
 *  Who may do the one was given the other with it (workingRole.ts, docker/postgres/roles.sh). False when somebody was using the statistics. */
async function scrubServer(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    `select has_function_privilege('pg_switch_wal()', 'execute') as may`,
  );
  if (!rows[0]!.may) return true;
  const done = await unlessBusy(client, 'vacuum full pg_catalog.pg_statistic');
  await client.query('select pg_switch_wal()');
  await client.query('checkpoint');
  return done;
}

/** Whether it was done: not where somebody else holds the table for longer than we wait. */
async function unlessBusy(client: pg.Client, statement: string): Promise<boolean> {
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '55P03') return false;
    throw error;
  }
}
