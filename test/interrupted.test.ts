/** Told to end in the middle of its work: what may run for hours says what it has seen by then and leaves nothing running, and a web does not
 *  leave whoever it has begun to serve. */

import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import getPort from 'get-port';
import pg from 'pg';
import { z } from 'zod';
import { processesNaming } from '../src/embedded/processes.ts';
import { stopAll, type Stop } from '../src/stops.ts';
import { sql } from '../src/store/pool.ts';
import { openTestDatabase } from './support/database.ts';
import { waiting } from './support/meanwhile.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-interrupted-'));
});
/** What is still there, also where a claim does not hold. */
const stops: Stop[] = [];
afterEach(async () => {
  await stopAll(stops, () => {});
  await rm(folder, { recursive: true, force: true });
});

/** Where each Postgres keeps its data that was started for it. */
const clusters = async (): Promise<string[]> =>
  (await readdir(folder))
    .filter((name) => name.startsWith('heed-test-'))
    .map((name) => join(folder, name, 'postgres', 'data'));

/** Beside those that Postgres begins with, ours, and the templates there is one to be tried out on. */
async function isUnderWay(): Promise<boolean> {
  const databases = (await clusters()).map((cluster) => readdir(join(cluster, 'base')).catch(() => []));
  return (await Promise.all(databases)).flat().length > 7;
}

async function serversOn(clusters: string[]): Promise<number> {
  return (await Promise.all(clusters.map((cluster) => processesNaming(['-D', cluster])))).flat().length;
}

test.each([
  ['fuzz', ['test/hostile/main.ts', '1000000000'], /Stopped: \d+ of 1000000000 inputs in \d+ s, 0 broken/],
  [
    'model',
    ['scripts/model.ts', '--runs', '1000000'],
    /model: courses of events: \d+ of 1000000, before it was stopped/,
  ],
])('npm run %s', async (_, argv, seen) => {
  const { HEED_TEST_POSTGRES: __, ...env } = process.env;
  // A group of its own, as the terminal gives what is typed there; Ctrl-C is for all of it.
  const child = spawn('scripts/node', argv, { detached: true, env: { ...env, TMPDIR: folder } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, 'close');
  while (!(await isUnderWay()) && child.exitCode === null) await sleep(50);
  const its = await clusters();
  const running = await serversOn(its);
  process.kill(-child.pid!, 'SIGINT');
  const [code] = (await ended) as [number];
  expect({ code, said }).toEqual({ code: 130, said: expect.stringMatching(seen) });
  // Jest keeps what it has compiled there, too.
  const left = (await readdir(folder)).filter((name) => name.startsWith('heed-'));
  expect({ running: running > 0, left, stillRunning: await serversOn(its) }).toEqual({
    running: true,
    left: [],
    stillRunning: 0,
  });
});

const apiKey = 'a-key-for-tests-only';

/** A web alone, as a deployment starts it, once it is ready. */
async function startWeb(databaseUrl: string): Promise<{ url: string; process: ChildProcess }> {
  const port = await getPort();
  const web = spawn('scripts/node', ['src/main.ts', 'web'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, DATABASE_URL: databaseUrl, PORT: String(port), HEED_API_KEY: apiKey },
  });
  const ended = once(web, 'exit');
  stops.push({ name: 'web', stop: async () => void (web.kill('SIGKILL') && (await ended)) });
  await once(web.stdout!, 'data');
  return { url: `http://127.0.0.1:${port}`, process: web };
}

/** A capture under each key, all at once: how each was answered, 'again' where it had been taken before, or why it was not. */
const captured = ({ url }: { url: string }, keys: string[]) =>
  Promise.all(
    keys.map((key) =>
      fetch(`${url}/v1/signals`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json', 'Idempotency-Key': key },
        body: JSON.stringify({ words: 'Is it wool?', place: 'high-street', customer: { email: `${key}@example.com` } }),
      }).then(
        ({ status, headers }) => (headers.has('Idempotency-Replayed') ? 'again' : status),
        ({ cause }: { cause: NodeJS.ErrnoException }) => cause.code,
      ),
    ),
  );

test('a web that is told to end in the middle of captures answers everybody who has asked; the next one takes whoever comes later, and each is there once', async () => {
  const db = await openTestDatabase();
  stops.push({ name: 'database', stop: () => db.close() });
  const [ending, next] = await Promise.all([startWeb(db.workingUrl), startWeb(db.workingUrl)]);
  const [before, meanwhile, after] = [0, 1, 2].map(() => Array.from({ length: 12 }, () => randomUUID()));
  expect(await captured(ending, before!)).toEqual(before!.map(() => 202));

  // None can be kept until the web has been told to end, and lets nobody in any more.
  const holding = new pg.Client({ connectionString: db.url });
  await holding.connect();
  stops.push({ name: 'client', stop: () => holding.end() });
  await holding.query('begin; lock table words in exclusive mode');
  const answering = captured(ending, meanwhile!);
  while ((await waiting(db.pool)) < 6) await sleep(10);
  // The others stand in line for a connection, where nobody sees them from here.
  await sleep(500);
  const ended = once(ending.process, 'exit');
  ending.process.kill('SIGTERM');
  const isOpen = () => fetch(`${ending.url}/health`, { headers: { Connection: 'close' } }).then(Boolean, () => false);
  while (await isOpen());
  await holding.query('rollback');

  const answers = await answering;
  expect(await ended).toEqual([0, null]);
  expect(await captured(ending, after!)).toEqual(after!.map(() => 'ECONNREFUSED'));
  // On a busy machine somebody may be asked to come again.
  expect(answers).toContain(202);
  expect(answers.filter((answer) => answer !== 202 && answer !== 503)).toEqual([]);
  expect(await captured(next, [...before!, ...meanwhile!, ...after!])).toEqual([
    ...before!.map(() => 'again'),
    ...answers.map((answer) => (answer === 202 ? 'again' : expect.anything())),
    ...after!.map(() => 202),
  ]);

  const kept = await db.pool.one(sql.type(z.record(z.string(), z.number()))`
    select (select count(*)::integer from presses) as presses, (select count(*)::integer from signals) as signals,
      (select count(*)::integer from words) as words, (select count(*)::integer from customers) as customers,
      (select count(*)::integer from ownerships) as ownerships, (select count(*)::integer from wakes) as wakes`);
  expect(new Set(Object.values(kept))).toEqual(new Set([36]));
});
