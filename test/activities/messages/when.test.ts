import { expect, test } from '@jest/globals';
import { dueBy } from '../../../src/activities/messages/when.ts';

const by = (at: string, now: string, zone = 'Europe/Amsterdam') => dueBy(new Date(at), new Date(now), zone);
const ten = '2026-06-15T10:00:00+02:00';

test.each([
  ['by 13:06', '2026-06-15T13:06:40+02:00'],
  // Near enough that the seconds matter.
  ['by 10:09:59', '2026-06-15T10:09:59+02:00'],
  ['by 10:10', '2026-06-15T10:10:00+02:00'],
  ['by 23:59', '2026-06-15T23:59:00+02:00'],
  ['by 00:00 tomorrow', '2026-06-16T00:00:00+02:00'],
  ['by 23:59 tomorrow', '2026-06-16T23:59:00+02:00'],
  ['by Wednesday 17 June, 09:00', '2026-06-17T09:00:00+02:00'],
  ['by Tuesday 15 June 2027, 09:00', '2027-06-15T09:00:00+02:00'],
  // What was due before is still said.
  ['by 09:00', '2026-06-15T09:00:00+02:00'],
])('what is due is said as people say it: %s', (said, at) => {
  expect(by(at, ten)).toBe(said);
});

test('today and tomorrow are those of the place', () => {
  const evening = '2026-06-15T22:30:00Z';
  expect(by('2026-06-16T07:00:00Z', evening, 'Europe/Amsterdam')).toBe('by 09:00');
  expect(by('2026-06-16T07:00:00Z', evening, 'Europe/London')).toBe('by 08:00 tomorrow');
  expect(by('2026-06-16T07:00:00Z', evening, 'America/New_York')).toBe('by 03:00 tomorrow');
});

test('the seconds are said also where midnight lies between', () => {
  expect(by('2026-06-16T00:03:20+02:00', '2026-06-15T23:58:00+02:00')).toBe('by 00:03:20 tomorrow');
});
