import { expect, test } from '@jest/globals';
import { loopOf } from '../../prove/loops.ts';
import { killed, planOf } from '../../prove/plan.ts';

const size = { kills: 200, othersPerKill: 2, wipe: true, fullDisks: 3, pausesMs: [3_000] };

test('the same seed breaks the same things in the same order, another seed others', () => {
  expect(planOf(7, size)).toEqual(planOf(7, size));
  expect(planOf(7, size)).not.toEqual(planOf(8, size));
  expect(loopOf(7, 3)).toEqual(loopOf(7, 3));
  expect(loopOf(7, 3).body).not.toEqual(loopOf(7, 4).body);
});

test('every part is killed, every link and every fault of the list comes up, and Temporal is wiped half-way', () => {
  const plan = planOf(7, size);
  expect(plan.filter(({ what }) => what === 'kill')).toHaveLength(200);
  expect(new Set(plan.flatMap((fault) => (fault.what === 'kill' ? [fault.of] : [])))).toEqual(new Set(killed));
  expect(new Set(plan.flatMap((fault) => ('link' in fault ? [fault.link] : []))).size).toBe(8);
  const numbers = new Set(plan.flatMap((fault) => ('name' in fault ? [fault.name.split(' ')[0]] : [])));
  expect(numbers).toEqual(new Set(['F28', 'F29', 'F30', 'F31', 'F32', 'F36', 'F37', 'F38', 'F39', 'F40', 'F42']));
  const clocks = plan.flatMap((fault) => (fault.what === 'clock' ? [fault] : []));
  expect(new Set(clocks.map(({ of }) => of))).toEqual(new Set(['web', 'worker', 'relay']));
  expect(new Set(clocks.map(({ aheadMs }) => Math.sign(aheadMs)))).toEqual(new Set([1, -1]));
  // Longer than anybody waits for a statement: two seconds where a person does, three where a story does.
  const holds = plan.flatMap((fault) => (fault.what === 'hold' ? [fault.forMs] : []));
  expect(holds.length).toBeGreaterThan(10);
  expect(Math.min(...holds)).toBeGreaterThan(3_000);
  const slow = plan.flatMap((fault) => (fault.what === 'delay' && fault.ms >= 2_000 ? [fault] : []));
  expect(slow.length).toBeGreaterThan(0);
  expect(slow.every(({ link, ms }) => link.endsWith('to postgres') && ms < 4_000)).toBe(true);
  const mails = plan.flatMap((fault) => (fault.what === 'mail' ? [`${fault.fault.at}: ${fault.fault.do}`] : []));
  expect(mails).toEqual(expect.arrayContaining(['rcpt: drop', 'data: hang', 'connect: hang']));
  expect(plan.filter(({ what }) => what === 'wipe')).toEqual([{ what: 'wipe', at: 0.5 }]);
  expect(plan.filter(({ what }) => what === 'disk full')).toHaveLength(3);
  expect(plan.map(({ at }) => at)).toEqual(plan.map(({ at }) => at).sort((a, b) => a - b));
});
