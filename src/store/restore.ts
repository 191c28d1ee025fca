/** Brings a backup back: into a blank database, or in place of what is there. What was erased since it was made is erased again before anybody
 *  can open it, who objected since is known to have, and what let somebody in and was ended since lets nobody in. */

import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import pg from 'pg';
import type { Credential } from '../domain/credential.ts';
import { DomainError } from '../domain/errors.ts';
import { EndLine, linesOf, readHeader, SequenceLine, TableLine, type Header } from './backup.ts';
import { connect } from './connection.ts';
import { copyIn } from './copy.ts';
import { isHalfRestored, migrate, migrateTo, migrationsKnown, setAside } from './migrate.ts';
import { openPool, sql } from './pool.ts';
import { openConfigurations } from './records/configurations.ts';
import { putBack } from './records/epochs.ts';
import { gathered, repeatWishes, wishesIn, type Repeated, type Wishes } from './wishes.ts';

export interface Restored extends Repeated {
  takenAt: Date;
  tables: number;
  /** Open loops, all of which are woken. */
  loops: number;
  /** In doubt from now on, because they may have been sent since the backup: letters to customers, and messages in all. */
  letters: number;
  messages: number;
}

/**
 * Throws `conflict` when the database holds a Heed and `replace` was not said, or somebody is using it; a sentence when the file is cut off or
 * written by a later version. Whatever is thrown, what was there stays; one that is killed is begun anew by the next. What people asked since is
 * taken from what is replaced, from the other backups in the file's folder, and from `erasuresFrom`. The role at `databaseUrl`, if it is another
 * than the owner's, may work in what was restored.
 */
export async function restore(
  ownerUrl: Credential,
  file: string,
  {
    replace = false,
    erasuresFrom = [],
    databaseUrl = ownerUrl,
  }: { replace?: boolean; erasuresFrom?: readonly string[]; databaseUrl?: Credential } = {},
): Promise<Restored> {
  const header = await readHeader(file);
  await mustKnow(header);
  await mustBeWhole(file);
  const migrateAgain = (): Promise<string[]> => migrate(ownerUrl, undefined, { databaseUrl });
  const client = await connect(ownerUrl, 'heed-restore');
  let wishes: Wishes;
  let tables: number;
  try {
    await mustBeAlone(client);
    const viewsWent = await takeBack(client);
    const held = await holdsHeed(client);
    if (held && !replace) {
      // It stays, so whatever is started on it next, and migrates nothing, finds it whole. The views of a later Heed that one alone makes.
      const refusal = viewsWent
        ? await migrateAgain().then(
            () => undefined,
            (error: unknown) => error,
          )
        : undefined;
      const toKeepIt = refusal ? ' To keep it, run heed migrate of the version that it is of.' : '';
      throw new DomainError(
        'conflict',
        `This database holds a Heed already. To put the backup in its place, say --replace: what is there now is lost.${toKeepIt}`,
        { cause: refusal },
      );
    }
    wishes = await gathered(wishesOf(client, file, erasuresFrom));
    try {
      await putAside(client, header, held);
      tables = await load(client, file);
    } catch (cause) {
      await takeBack(client)
        .then((viewsWent) => (viewsWent ? migrateAgain() : []))
        .catch(() => []);
      throw new Error(`${file} could not be restored. What was there is not lost.`, { cause });
    }
  } finally {
    await client.end();
  }
  await migrate(ownerUrl, undefined, { restoring: true, databaseUrl });
  return { takenAt: header.takenAt, tables, ...(await goOnFrom(ownerUrl, header, wishes)) };
}

async function mustKnow({ migrations }: Header): Promise<void> {
  const known = await migrationsKnown();
  if (migrations.some((name, at) => known[at] !== name))
    throw new Error(
      'This backup was made by another version of Heed, later than this one. Restore it with that version.',
    );
}

/** Asked before anything gives way to it. */
async function mustBeWhole(file: string): Promise<void> {
  let last: Buffer | undefined;
  let lines = 0;
  try {
    for await (last of linesOf(file)) lines += 1;
    if (lines > 1) EndLine.parse(JSON.parse(String(last)));
  } catch (cause) {
    throw new Error(`${file} is damaged or was cut off. Take another.`, { cause });
  }
  if (lines === 1)
    throw new Error(
      `${file} holds nothing but what was erased, objected to and revoked. Restore a whole backup, and name this one with --erasures.`,
    );
}

/** A web, worker or relay that is at work would write into the middle of it. What kind of connection one of another role is, is not told. */
async function mustBeAlone(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ others: number }>(
    `select count(*)::int as others from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()
       and usesysid is not null and coalesce(backend_type, 'client backend') = 'client backend'`,
  );
  if (rows[0]!.others > 0)
    throw new DomainError(
      'conflict',
      `${rows[0]!.others} connections to this database are in use. Stop web, worker and relay first, then restore.`,
    );
}

/** From what is replaced, and from the other backups. From the file itself it comes along anyway; from later ones it has to be known, or what was
 *  erased would be back. */
async function* wishesOf(client: pg.Client, file: string, named: readonly string[]): AsyncGenerator<Wishes> {
  yield await wishesIn(client);
  const folder = dirname(resolve(file));
  for (const name of await readdir(folder)) {
    if (!/\.(backup|erasures)$/.test(name)) continue;
    const header = await readHeader(join(folder, name)).catch(() => undefined);
    if (header) yield header;
  }
  for (const one of named) yield await readHeader(one);
}

async function holdsHeed(client: pg.Client): Promise<boolean> {
  const { rows: known } = await client.query<{ known: boolean }>(
    `select to_regclass('public.configurations') is not null as known`,
  );
  if (!known[0]!.known) return false;
  const { rows } = await client.query<{ held: boolean }>('select exists (select from configurations) as held');
  return rows[0]!.held;
}

/** What is there gives way to a schema as it was when the backup was made, with nothing in it; a blank one that is the same stays. It is gone
 *  only when everything is over, so that a restore that fails or is killed costs nothing. */
async function putAside(client: pg.Client, { migrations }: Header, held: boolean): Promise<void> {
  const ran = await client.query<{ name: string }>('select name from migrations order by id').then(
    ({ rows }) => rows.map(({ name }) => name),
    () => [],
  );
  if (!held && ran.join() === migrations.join())
    return void (await client.query(`create schema ${pg.escapeIdentifier(setAside)}`));
  await client.query(
    `begin; alter schema public rename to ${pg.escapeIdentifier(setAside)}; create schema public; commit`,
  );
  await migrateTo(client, migrations.length);
}

/** Undoes what a restore that did not come to its end has begun, and says whether the views went with it. As long as they stand on what was put
 *  aside they stay: it may be of another version, whose views are not ours to make. What is left empty would pass for whole with whoever migrates. */
async function takeBack(client: pg.Client): Promise<boolean> {
  if (!(await isHalfRestored(client))) return false;
  await client.query(
    `begin; drop schema public cascade; alter schema ${pg.escapeIdentifier(setAside)} rename to public`,
  );
  const { rows } = await client.query<{ stay: boolean }>(
    `select exists (select from pg_class where relnamespace = to_regnamespace('now')) as stay`,
  );
  const { stay } = rows[0]!;
  if (!stay) await client.query('drop schema if exists now cascade');
  await client.query('commit');
  return !stay;
}

/** Everything in one transaction. Returns how many tables it filled. */
async function load(client: pg.Client, file: string): Promise<number> {
  await client.query('begin');
  try {
    // Of what was put aside.
    await client.query('drop schema if exists now cascade');
    await client.query(`select set_config('heed.may', 'restore', true)`);
    const lines = linesOf(file);
    await lines.next();
    let filled = 0;
    let end: number | undefined;
    for await (const line of lines) {
      const said: unknown = JSON.parse(line.toString());
      const table = TableLine.safeParse(said).data;
      const sequence = SequenceLine.safeParse(said).data;
      end = EndLine.safeParse(said).data?.tables;
      if (table) {
        // What the migrations put there comes along in the backup.
        await client.query(`delete from ${pg.escapeIdentifier(table.table)}`);
        const columns = table.columns.map((column) => pg.escapeIdentifier(column)).join(', ');
        await copyIn(client, `copy ${pg.escapeIdentifier(table.table)} (${columns}) from stdin`, rowsIn(lines));
        // What is asked next would be planned for tables that are empty, until Postgres counts them by itself.
        await client.query(`analyze ${pg.escapeIdentifier(table.table)}`);
        filled += 1;
      }
      if (sequence)
        await client.query('select setval($1::regclass, $2, $3)', [sequence.sequence, sequence.last, sequence.called]);
    }
    if (end !== filled) throw new Error('incomplete');
    await client.query('commit');
    return filled;
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

/** The lines of one table, in pieces worth sending. */
async function* rowsIn(lines: AsyncGenerator<Buffer, void, undefined>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  const newline = Buffer.from('\n');
  for (;;) {
    const { value, done } = await lines.next();
    if (done || !value) throw new Error('cut off');
    if (value.length === 2 && value.equals(Buffer.from('\\.'))) break;
    waiting.push(value, newline);
    bytes += value.length + 1;
    if (bytes < 65_536) continue;
    yield Buffer.concat(waiting);
    waiting = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

/** Nothing opens this database before both are over: what was asked since is repeated, and what may have been sent since is in doubt. */
async function goOnFrom(
  ownerUrl: Credential,
  { takenAt }: Header,
  wishes: Wishes,
): Promise<Omit<Restored, 'takenAt' | 'tables'>> {
  const pool = await openPool(ownerUrl, { statementTimeoutMs: 600_000, connections: 2 });
  try {
    const { company } = await openConfigurations(pool)();
    const repeated = await repeatWishes(pool, company, wishes);
    const why = { by: 'heed restore', reason: `backup of ${takenAt.toISOString()}` };
    const { loops, letters, messages } = await pool.transaction(async (tx) => {
      await tx.query(sql.unsafe`drop schema ${sql.identifier([setAside])} cascade`);
      return putBack(tx, why);
    });
    return { ...repeated, loops, letters, messages };
  } finally {
    await pool.end();
  }
}
