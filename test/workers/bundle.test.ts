/** The bundled stories are kept between starts, and never those of other code. */

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { keptBundle } from '../../src/workers/bundle.ts';

let folder: string;
let code: string;
let bundled: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-bundle-'));
  code = join(folder, 'followSignal.ts');
  await writeFile(code, 'wait a day');
  bundled = 0;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const kept = (): string => join(folder, 'kept');
const stories = (): Promise<string> => keptBundle(kept(), [code], bundle);

async function bundle(path: string): Promise<string> {
  bundled += 1;
  await writeFile(path, `bundle of: ${await readFile(code, 'utf8')}`);
  return path;
}

it('bundles the stories once, however often a worker starts', async () => {
  const first = await stories();
  expect(await stories()).toBe(first);
  expect(bundled).toBe(1);
});

it('bundles anew when the code is another, and drops the bundle of the former', async () => {
  await stories();
  await writeFile(code, 'wait two days');
  expect(await readFile(await stories(), 'utf8')).toBe('bundle of: wait two days');
  expect(await readdir(kept())).toHaveLength(1);
});

it('gives two workers that start at once the same whole bundle', async () => {
  const [one, other] = await Promise.all([stories(), stories()]);
  expect(one).toBe(other);
  expect(await readdir(kept())).toHaveLength(1);
});

it('takes no bundle for whole whose making was cut short', async () => {
  const cutShort = keptBundle(kept(), [code], async (path) => {
    await writeFile(path, 'bund');
    throw new Error('killed');
  });
  await expect(cutShort).rejects.toThrow('killed');
  expect(await readFile(await stories(), 'utf8')).toBe('bundle of: wait a day');
});
