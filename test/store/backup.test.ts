/** A backup is everything, or it is refused: written in one snapshot, for one account alone, and brought back row for row. */

import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { newId } from '../../src/domain/ids.ts';
import { backUp } from '../../src/store/backup.ts';
import { tooMany, nameAt } from '../../src/store/keepBackups.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openPool } from '../../src/store/pool.ts';
import { chainFacts } from '../../src/store/records/chain.ts';
import { applyConfiguration, openConfigurations } from '../../src/store/records/configurations.ts';
import { restore } from '../../src/store/restore.ts';
import { readCompany } from '../../src/domain/companyFile.ts';
import { capture } from '../../src/triggers/capture.ts';
import { loadSampleHistory } from '../../src/triggers/sampleHistory.ts';

const server = process.env['HEED_TEST_POSTGRES']!;
const databases: string[] = [];
let folder: string;
let source: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-backup-'));
  file = join(folder, 'whole.backup');
  source = await blank();
  await migrate(source);
  const yaml = await readFile(new URL('../../samples/demo.yaml', import.meta.url), 'utf8');
  const read = readCompany(yaml);
  if ('problems' in read) throw new Error('samples/demo.yaml is not sound');
  const pool = await openPool(source, { statementTimeoutMs: 20_000 });
  await pool.transaction((tx) => applyConfiguration(tx, { yaml, company: read.company, by: 'test' }));
  const configuration = openConfigurations(pool);
  await loadSampleHistory(pool, { company: read.company, configuration: 1, now: new Date() });
  for (const words of ['Tabs\tand\\.\nlines\r\n\\.\n', 'naïve ☃ \u{1f600} "quoted"', '\\N'])
    await capture(
      { pool, configuration, hint: () => {} },
      {
        words,
        place: Object.keys(read.company.places)[0]!,
        customer: { name: words.slice(0, 20), email: `${newId()}@example.com` },
      },
      { channel: 'api', press: { source: 'test', key: newId() } },
    );
  while ((await chainFacts(pool, 500)) > 0);
  await pool.end();
  await backUp(source, file);
});
afterAll(async () => {
  for (const name of databases) await ask(server, `drop database ${name} with (force)`);
  await rm(folder, { recursive: true, force: true });
});

async function blank(): Promise<string> {
  const name = `b_${randomBytes(6).toString('hex')}`;
  databases.push(name);
  await ask(server, `create database ${name}`);
  return server.replace(/\/[^/]*$/, `/${name}`);
}

async function ask(url: string, statement: string): Promise<Record<string, string>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, string>>(statement)).rows;
  } finally {
    await client.end();
  }
}

/** Every table as one number: two databases with the same ones hold the same rows. Without the epoch that restoring begins, which is a fact
 *  that waits to be linked. */
async function contents(url: string): Promise<Record<string, string>> {
  const tables = await ask(
    url,
    `select tablename as name from pg_tables where schemaname = 'public' and tablename not in ('migrations', 'wakes', 'epochs', 'unchained') order by 1`,
  );
  const sums = await Promise.all(
    tables.map(({ name }) =>
      ask(
        url,
        `select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as sum from ${name} t`,
      ),
    ),
  );
  return Object.fromEntries(tables.map(({ name }, n) => [name, sums[n]![0]!['sum']!]));
}

test('comes back row for row, with the numbers that are given next, and every open loop is woken', async () => {
  const target = await blank();
  const restored = await restore(target, file);
  expect(await contents(target)).toEqual(await contents(source));
  expect(restored).toMatchObject({ erasedAgain: 0, loops: 3 });
  expect(await ask(target, 'select max(epoch)::text as epoch from epochs')).toEqual([{ epoch: '2' }]);
  expect(await ask(target, 'select count(*)::text as n from wakes')).toEqual([{ n: '3' }]);
  const last = `select last_value::text from configurations_version_seq`;
  expect(await ask(target, last)).toEqual(await ask(source, last));
  // The schema is whole: a second migration finds nothing to do.
  expect(await migrate(target)).toEqual([]);
});

test('is for the account that made it alone', async () => {
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('never takes the place of what is there unless that was said, nor of what somebody is using', async () => {
  await expect(restore(source, file)).rejects.toThrow(/say --replace/);
  const before = await contents(source);
  const user = new pg.Client({ connectionString: source });
  user.on('error', () => {});
  await user.connect();
  await expect(restore(source, file, { replace: true })).rejects.toThrow(/Stop web, worker and relay first/);
  await user.end();
  expect(await contents(source)).toEqual(before);
  await restore(source, file, { replace: true });
  expect(await contents(source)).toEqual(before);
});

test('that was cut off, or is none, is refused and leaves nothing behind', async () => {
  const target = await blank();
  const whole = await readFile(file);
  const cut = join(folder, 'cut.backup');
  await writeFile(cut, whole.subarray(0, whole.length - 2_000));
  await expect(restore(target, cut)).rejects.toThrow(/damaged or was cut off/);
  expect(await ask(target, 'select count(*)::text as n from signals')).toEqual([{ n: '0' }]);
  await writeFile(cut, 'not a backup');
  await expect(restore(target, cut)).rejects.toThrow(/is no backup of Heed/);
});

test('is kept for an hour every time, a day by the hour and thirty days by the day', () => {
  const now = new Date('2026-11-28T12:00:00Z');
  const every = (minutes: number, days: number): string[] =>
    Array.from({ length: (days * 1440) / minutes }, (_, n) => nameAt(new Date(now.getTime() - n * minutes * 60_000)));
  const all = every(5, 40);
  const gone = new Set(tooMany(all, now));
  const kept = all.filter((name) => !gone.has(name));
  expect(kept.slice(0, 13)).toEqual(all.slice(0, 13));
  expect(kept.length).toBeGreaterThan(13 + 22 + 28);
  expect(kept.length).toBeLessThanOrEqual(13 + 24 + 31);
  expect(tooMany(['notes.txt', 'before-the-move.backup'], now)).toEqual([]);
});
