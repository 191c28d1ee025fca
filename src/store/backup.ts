/** A backup is one file: everything Heed knows at one moment, table by table, as text inside gzip. Needs nothing but a connection: neither
 *  pg_dump nor the server's disk. */

import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import pg from 'pg';
import { z } from 'zod';
import type { Credential } from '../domain/credential.ts';
import { connect } from './connection.ts';
import { copyOut } from './copy.ts';
import { underTodaysNames, Wishes, writtenWishes } from './wishes.ts';

/** First line of a backup. */
export const Header = Wishes.extend({
  heed: z.literal('backup'),
  format: z.literal(1),
  takenAt: z.coerce.date(),
  /** Those the schema had, in order. */
  migrations: z.array(z.string()),
});
export type Header = z.infer<typeof Header>;

/** Before the lines of a table, which end with `\.`. */
export const TableLine = z.object({ table: z.string(), columns: z.array(z.string()) });
export const SequenceLine = z.object({ sequence: z.string(), last: z.string(), called: z.boolean() });
/** Without it the file was cut off. */
export const EndLine = z.object({ end: z.literal(true), tables: z.number() });

export interface BackedUp {
  file: string;
  bytes: number;
  tables: number;
  takenAt: Date;
}

/** At the end of its name until it is whole. */
export const unfinished = '.part';

/**
 * Writes a backup to `file`, for this account alone, in one snapshot while everything goes on. What was there before is replaced only by a
 * whole one that has reached the disk. Throws when the database can't be reached or has no schema, and what the disk says when it is full.
 * With `erasuresOnly` its first line alone, which tells an earlier backup what was asked since, and can't be restored itself.
 */
export async function backUp(
  databaseUrl: Credential,
  file: string,
  { erasuresOnly = false }: { erasuresOnly?: boolean } = {},
): Promise<BackedUp> {
  const client = await connect(databaseUrl, 'heed-backup');
  const part = `${file}${unfinished}`;
  try {
    // One after the other: two that were told the same name would write into each other.
    await client.query(`select pg_advisory_lock(hashtext('heed.backup'))`);
    await client.query('begin isolation level repeatable read read only');
    const beginning = await beginningOf(client);
    const tables = erasuresOnly ? [] : await tablesOf(client);
    await pipeline(
      erasuresOnly ? headerIn(client, beginning) : everythingIn(client, beginning, tables),
      createGzip({ level: 6 }),
      createWriteStream(part, { mode: 0o600, flush: true }),
    );
    await rename(part, file);
    await flushFolder(dirname(file));
    return { file, bytes: (await stat(file)).size, tables: tables.length, takenAt: beginning.takenAt };
  } finally {
    // While the lock is held, the unfinished one can only be ours.
    await rm(part, { force: true }).finally(() => client.end());
  }
}

async function* everythingIn(
  client: pg.Client,
  beginning: Beginning,
  tables: z.infer<typeof TableLine>[],
): AsyncGenerator<Buffer | string> {
  yield* headerIn(client, beginning);
  for (const { table, columns } of tables) {
    yield said({ table, columns } satisfies z.infer<typeof TableLine>);
    const list = columns.map((column) => pg.escapeIdentifier(column)).join(', ');
    yield* copyOut(client, `copy ${pg.escapeIdentifier(table)} (${list}) to stdout`);
    yield '\\.\n';
  }
  for (const line of await sequencesOf(client)) yield said(line);
  yield said({ end: true, tables: tables.length } satisfies z.infer<typeof EndLine>);
}

const said = (line: object): string => `${JSON.stringify(line)}\n`;

/** A name that was given survives a loss of power only once its folder is on the disk, too. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

/** All of a header but what people asked, which grows from year to year and is written piece by piece. */
type Beginning = Omit<Header, keyof Wishes>;

async function* headerIn(client: pg.Client, beginning: Beginning): AsyncGenerator<string> {
  yield JSON.stringify(beginning).slice(0, -1);
  yield* writtenWishes(client);
  yield '}\n';
}

async function beginningOf(client: pg.Client): Promise<Beginning> {
  const { rows: migrations } = await client
    .query<{ name: string }>('select name from migrations order by id')
    .catch((cause: unknown) => {
      const why = cause instanceof pg.DatabaseError ? unreadable[cause.code ?? ''] : undefined;
      throw why ? new Error(why, { cause }) : cause;
    });
  const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now');
  return { heed: 'backup', format: 1, takenAt: rows[0]!.now, migrations: migrations.map(({ name }) => name) };
}

/** By SQLSTATE: there is no such table, and it is another's. Migrating lets whoever works there in, and can't be undone without a backup. */
const unreadable: Record<string, string> = {
  '42P01': 'There is no Heed in this database, so there is nothing to back up. Run: heed migrate',
  '42501':
    'The role that DATABASE_URL names may not work in this database yet: heed migrate lets it in. For a backup before that, name the owner to this command, too: DATABASE_URL=…',
};

/** In the order in which they may be filled: what is referred to comes first. */
async function tablesOf(client: pg.Client): Promise<z.infer<typeof TableLine>[]> {
  const { rows: tables } = await client.query<z.infer<typeof TableLine>>(`
    select c.relname as table, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'migrations'
    group by c.relname order by c.relname`);
  const { rows: refers } = await client.query<{ table: string; to: string }>(`
    select distinct conrelid::regclass::text as table, confrelid::regclass::text as to
    from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace and conrelid <> confrelid`);
  const ordered: typeof tables = [];
  const left = [...tables];
  while (left.length > 0) {
    const next = left.findIndex(({ table }) =>
      refers.every((one) => one.table !== table || ordered.some((done) => done.table === one.to)),
    );
    if (next < 0)
      throw new Error(`These tables refer to each other in a circle: ${left.map(({ table }) => table).join(', ')}.`);
    ordered.push(...left.splice(next, 1));
  }
  return ordered;
}

async function sequencesOf(client: pg.Client): Promise<z.infer<typeof SequenceLine>[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S' and relname <> 'migrations_id_seq' order by 1`,
  );
  const found: z.infer<typeof SequenceLine>[] = [];
  for (const { name } of rows) {
    const { rows: at } = await client.query<{ last: string; called: boolean }>(
      `select last_value as last, is_called as called from ${pg.escapeIdentifier(name)}`,
    );
    found.push({ sequence: name, last: at[0]!.last, called: at[0]!.called });
  }
  return found;
}

/** What a backup says of itself. Throws a sentence when the file is none. */
export async function readHeader(file: string): Promise<Header> {
  const lines = linesOf(file);
  try {
    const { value } = await lines.next();
    return Header.parse(underTodaysNames(JSON.parse(String(value ?? ''))));
  } catch (cause) {
    throw new Error(`${file} is no backup of Heed that this version can read.`, { cause });
  } finally {
    await lines.return(undefined);
  }
}

/** A backup line by line, without the ends of lines. */
export async function* linesOf(file: string): AsyncGenerator<Buffer, void, undefined> {
  const source = createReadStream(file);
  const plain = createGunzip();
  source.on('error', (error) => plain.destroy(error));
  // Put together once: a first line that tells of many thousand erasures comes in thousands of pieces.
  let begun: Buffer[] = [];
  try {
    for await (const chunk of source.pipe(plain) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        const end = chunk.subarray(from, at);
        yield begun.length > 0 ? Buffer.concat([...begun, end]) : end;
        begun = [];
        from = at + 1;
      }
      if (from < chunk.length) begun.push(chunk.subarray(from));
    }
    if (begun.length > 0) yield Buffer.concat(begun);
  } finally {
    source.destroy();
    plain.destroy();
  }
}
