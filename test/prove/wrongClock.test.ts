import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const minute = 60_000;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-clock-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a part prints that was started with that clock. */
async function says(program: string, aheadMs?: number): Promise<unknown> {
  const file = join(folder, String(aheadMs));
  if (aheadMs !== undefined) await writeFile(file, String(aheadMs));
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], {
    env: { NODE_OPTIONS: `--import ${new URL('../../prove/wrongClock.ts', import.meta.url).href}`, WRONG_CLOCK: file },
  });
  return JSON.parse(stdout);
}

test.each([[10 * minute], [-10 * minute], [undefined]])(
  'a part whose clock is %p ms ahead reads that everywhere',
  async (ahead) => {
    const program = 'console.log(JSON.stringify([Date.now(), new Date().getTime()]))';
    for (const read of (await says(program, ahead)) as number[])
      expect(Math.abs(read - Date.now() - (ahead ?? 0))).toBeLessThan(minute);
  },
);

test('it reads moments that it is given as everybody does', async () => {
  const program = `const at = new Date('2026-11-28T08:00:00Z');
    console.log(JSON.stringify([at.toISOString(), at instanceof Date, Date.UTC(2026, 0, 1), Date.parse('2026-01-01')]))`;
  const newYear = Date.UTC(2026, 0, 1);
  expect(await says(program, 5 * minute)).toEqual(['2026-11-28T08:00:00.000Z', true, newYear, newYear]);
});

test('it jumps while the part runs', async () => {
  const program = `const { writeFileSync } = await import('node:fs');
    const before = Date.now();
    writeFileSync(process.env.WRONG_CLOCK, '-${5 * minute}');
    await new Promise((on) => setTimeout(on, 600));
    console.log(JSON.stringify(Date.now() - before))`;
  expect(await says(program, 5 * minute)).toBeLessThan(-9 * minute);
});
