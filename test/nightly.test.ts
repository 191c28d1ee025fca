/** What runs by night is all of it, and whoever reads its last lines knows what held. npm is a double here: the parts have tests of their own. */

import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('..', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-nightly-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A night in which each part does what `npm` does, as shell, with the part in $part; and with whom the moment it says "under way" is told. */
async function night(
  npm: string,
  stop?: NodeJS.Signals,
): Promise<{ code: number | null; said: string[]; asked: string[] }> {
  const asked = join(folder, `asked-${Math.random()}`);
  await writeFile(join(folder, 'npm'), `#!/bin/sh\necho "$*" >> ${asked}\npart=$3\n${npm}\n`);
  await chmod(join(folder, 'npm'), 0o755);
  const nightly = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/nightly.ts'], {
    cwd: root,
    env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
  });
  let text = '';
  nightly.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (stop && chunk.toString().includes('under way')) nightly.kill(stop);
  });
  const code = await new Promise<number | null>((ended) => nightly.once('close', ended));
  const lines = (all: string): string[] => all.split('\n').filter((line) => line !== '');
  return {
    code,
    said: lines(text).filter((line) => /^[✓✗]/.test(line)),
    asked: lines(await readFile(asked, 'utf8')),
  };
}

test('all three are asked at full size, whatever became of the one before, and one that did not hold is the exit code', async () => {
  const { code, said, asked } = await night('[ "$part" != fuzz ]');
  expect(asked).toEqual(['run -s fuzz', 'run -s model -- --nightly', 'run -s prove -- --nightly']);
  expect(said).toEqual([
    '✗ fuzz: a million hostile inputs did not hold, in 1 min',
    '✓ model: ten thousand courses of events held, in 1 min',
    '✓ prove: ten thousand loops and two hundred kills held, in 1 min',
  ]);
  expect(code).toBe(1);
});

test('a night in which all held ends with 0', async () => {
  expect((await night('exit 0')).code).toBe(0);
});

test('told to stop it ends what runs as Ctrl-C does, and begins nothing else', async () => {
  const { code, said, asked } = await night(
    'trap "exit 130" INT; echo under way; while :; do sleep 0.1; done',
    'SIGTERM',
  );
  expect(asked).toEqual(['run -s fuzz']);
  expect(said).toEqual(['✗ fuzz: a million hostile inputs stopped, in 1 min']);
  expect(code).toBe(130);
});
