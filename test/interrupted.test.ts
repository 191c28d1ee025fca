/** Ctrl-C in the middle of what may run for hours: it says what it has seen by then, and leaves nothing running. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { processesNaming } from '../src/embedded/processes.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-interrupted-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

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
