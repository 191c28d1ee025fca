import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { rules } from '../../src/triggers/http/rules.ts';
import { Dice } from './dice.ts';
import { doors } from './doors.ts';
import type { Report } from './fuzz.ts';

test('fifty thousand hostile inputs at every door: nothing crashes, nothing is our fault, nothing is half-done, every answer is as described', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'heed-fuzz-'));
  const file = join(folder, 'report.json');
  // In a process of its own, on the same Postgres: whatever is not caught ends it, and it is twice as fast as in here.
  const run = promisify(execFile)('scripts/node', ['test/hostile/main.ts', '50000', '4', '--report', file]);
  const said = await run.catch((error: { stdout: string; stderr: string }) => error);
  const { counts, inside, broken, heap } = JSON.parse(
    await readFile(file, 'utf8').catch(() => {
      throw new Error(`It died: ${said.stdout}${said.stderr}`);
    }),
  ) as Report;
  await rm(folder, { recursive: true });

  expect(broken).toEqual([]);
  expect(said).not.toBeInstanceOf(Error);
  // That they came in, to everything there is but Slack and the viewer of the API, and some of them all the way.
  const [api, pages] = [inside['api']!, inside['pages']!];
  const isElsewhere = (route: string): boolean => / \/(slack|docs\/swagger)/.test(route);
  expect(Object.keys(rules).filter((route) => !api[route] && !pages[route] && !isElsewhere(route))).toEqual([]);
  const letIn = (door: string): number => Object.values(inside[door]!).reduce((sum, times) => sum + times, 0);
  expect(Object.keys(counts).sort()).toEqual(Object.keys(doors).sort());
  const some = expect.any(Number);
  expect(counts['api']).toMatchObject({ 200: some, 201: some, 202: some, 400: some, 401: some, 403: some, 409: some });
  expect(counts['pages']).toMatchObject({ 200: some, 303: some, 404: some });
  expect(letIn('slack')).toBeGreaterThan(1_500);
  expect(counts['slack']![401]).toBeGreaterThan(3_000);
  expect(letIn('company files')).toBeGreaterThanOrEqual(1_000);
  expect(counts['company files']).toMatchObject({ sound: some, refused: some });
  expect(heap.late - heap.early).toBeLessThan(64 * 2 ** 20);
}, 1_200_000);

test('the same seed and number throw the same, whatever came before', () => {
  const thrown = (seed: number, input: number) => {
    const dice = new Dice(seed, input);
    return JSON.stringify([dice.words(), dice.value(), dice.bytes(20), dice.uuid()]);
  };
  expect(thrown(7, 42)).toBe(thrown(7, 42));
  expect(new Set(Array.from({ length: 1000 }, (_, input) => thrown(7, input))).size).toBe(1000);
  expect(thrown(8, 42)).not.toBe(thrown(7, 42));
});
