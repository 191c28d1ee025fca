import { expect, test } from '@jest/globals';
import { nextRepeat, planLadder } from '../../src/domain/ladder.ts';
import { sample } from './samples.ts';

const demo = sample('demo');
const shop = sample('shop');
const always = demo.calendars['always'] ?? fail();
const shops = shop.calendars['shops'] ?? fail();

test('a ladder is planned whole: each rung from the beginning, then the step that repeats', () => {
  const from = new Date('2026-06-20T12:00:00Z');
  expect(planLadder(demo.ladders.acknowledging, from, always)).toEqual([
    { step: 0, repeat: 0, role: 'owner', dueAt: new Date('2026-06-20T12:00:00Z') },
    { step: 1, repeat: 0, role: 'manager', dueAt: new Date('2026-06-20T12:00:25Z') },
    { step: 2, repeat: 0, role: 'executive', dueAt: new Date('2026-06-20T12:01:00Z') },
    { step: 3, repeat: 0, role: 'executive', dueAt: new Date('2026-06-21T12:01:00Z') },
  ]);
});

test('rungs keep to working hours: what is said on Saturday at four climbs on Monday', () => {
  const due = planLadder(shop.ladders.acknowledging, new Date('2026-06-20T16:00+02:00'), shops).map(
    ({ role, dueAt }) => [role, dueAt.toISOString()],
  );
  expect(due).toEqual([
    ['owner', '2026-06-20T14:00:00.000Z'],
    ['lead', '2026-06-22T08:00:00.000Z'],
    ['manager', '2026-06-22T10:00:00.000Z'],
    ['executive', '2026-06-22T14:00:00.000Z'],
    ['executive', '2026-06-23T14:00:00.000Z'],
  ]);
});

test('a ladder never just stops: its last step comes again, counted from when it was really taken', () => {
  const plan = planLadder(demo.ladders.acknowledging, new Date('2026-06-20T12:00:00Z'), always);
  const first = plan.at(-1) ?? fail();
  const again = nextRepeat(demo.ladders.acknowledging, first, new Date('2026-06-24T09:00:00Z'), always);
  expect(again).toEqual({ step: 3, repeat: 1, role: 'executive', dueAt: new Date('2026-06-25T09:00:00Z') });
  expect(nextRepeat(demo.ladders.acknowledging, again, again.dueAt, always)).toMatchObject({
    repeat: 2,
    dueAt: new Date('2026-06-26T09:00:00Z'),
  });
});

function fail(): never {
  throw new Error('The sample company lacks what this test is about.');
}
