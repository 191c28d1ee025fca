/** The leaders' report is worked out once for all who look, however often their pages do, and each reads what they may. */

import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import type { LoopReport } from '../../../src/domain/loopReport.ts';
import { loopReport } from '../../../src/store/views/loopReport.ts';
import { openLoopReports } from '../../../src/triggers/http/loopReports.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase({ company: 'demo' });
});
afterAll(() => db.close());
afterEach(() => void jest.restoreAllMocks());

const from = new Date('2026-01-01T00:00:00Z');
/** Reports, each of which takes so long by the clock of this process. */
function reportsThatTake(ms: number) {
  const clock = { now: 1_000 };
  jest.spyOn(performance, 'now').mockImplementation(() => clock.now);
  const work = jest.fn(async (...asked: Parameters<typeof loopReport>): Promise<LoopReport> => {
    const made = await loopReport(...asked);
    clock.now += ms;
    return made;
  });
  return { clock, work, reports: openLoopReports(db.pool, work) };
}

test('of many who ask for the same at once all get the one that is worked out', async () => {
  const { work, reports } = reportsThatTake(0);
  const all = await Promise.all(Array.from({ length: 20 }, () => reports.report(db.company, { from })));
  expect(work).toHaveBeenCalledTimes(1);
  expect(new Set(all).size).toBe(1);
});

test('one that took seconds is worked out for a tenth of the time at most, and within a minute; a quick one is as it is now', async () => {
  const slow = reportsThatTake(2_000);
  const at = async (ms: number): Promise<number> => {
    slow.clock.now += ms;
    await slow.reports.report(db.company, { from });
    return slow.work.mock.calls.length;
  };
  expect([await at(0), await at(17_000), await at(2_000)]).toEqual([1, 1, 2]);
  const slower = reportsThatTake(11_000);
  await slower.reports.report(db.company, { from });
  slower.clock.now += 61_000;
  await slower.reports.report(db.company, { from });
  expect(slower.work).toHaveBeenCalledTimes(2);

  const quick = reportsThatTake(900);
  for (let n = 0; n < 3; n += 1) await quick.reports.report(db.company, { from });
  expect(quick.work).toHaveBeenCalledTimes(3);
});

test('whoever sees other places, asks for another period, or asks once the company file is another, gets their own', async () => {
  const { work, reports } = reportsThatTake(2_000);
  const [one, other] = Object.keys(db.company.places) as [string, string];
  const asked = [
    { from },
    { from, sight: [one] },
    { from, sight: [one, other] },
    { from, sight: [] },
    { from, place: one },
    { from, place: other },
    { from, to: new Date('2026-02-01T00:00:00Z') },
    { from: new Date('2026-01-02T00:00:00Z') },
  ];
  for (const each of asked) await reports.report(db.company, each);
  await reports.report({ ...db.company }, { from });
  expect(work).toHaveBeenCalledTimes(asked.length + 1);
});

test('one at a time is worked out, so that there are connections for everybody else; one that fails costs the next nothing', async () => {
  let [under, most] = [0, 0];
  const work = jest.fn(async (...asked: Parameters<typeof loopReport>): Promise<LoopReport> => {
    most = Math.max(most, (under += 1));
    try {
      if (asked[2].place) throw new Error('Postgres is away');
      return await loopReport(...asked);
    } finally {
      under -= 1;
    }
  });
  const reports = openLoopReports(db.pool, work);
  const days = Array.from({ length: 6 }, (_, n) => new Date(from.getTime() + n * 86_400_000));
  const place = Object.keys(db.company.places)[0]!;
  const came = await Promise.allSettled([
    ...days.map((day) => reports.report(db.company, { from: day })),
    reports.report(db.company, { from, place }),
    reports.behind('captured', { from, to: new Date(), sample: true }, { skip: 0, most: 10 }),
  ]);
  expect(came.map(({ status }) => status)).toEqual([...days.map(() => 'fulfilled'), 'rejected', 'fulfilled']);
  expect(most).toBe(1);
  await expect(reports.report(db.company, { from, place })).rejects.toThrow('Postgres is away');
  expect(work).toHaveBeenCalledTimes(days.length + 2);
});
