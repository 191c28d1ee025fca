import { describe, expect, test } from '@jest/globals';
import { figures, lastDays, measures, percent, percentile, share } from '../../src/domain/measures.ts';

describe('a share', () => {
  test('is a claim from ten on; below, the counts stand for themselves', () => {
    expect(share(9, 9)).toBeNull();
    expect(share(0, 0)).toBeNull();
    expect(share(7, 10)).toBe(0.7);
  });

  test('is rounded down, so that nothing is called complete that is not', () => {
    expect(percent(194 / 195)).toBe('99 %');
    expect(percent(1)).toBe('100 %');
    expect(percent(0.29)).toBe('29 %');
    expect(percent(0.57)).toBe('57 %');
    expect(percent(22 / 31)).toBe('70 %');
  });
});

test('half of the waits are within the median, in between by proportion', () => {
  expect(percentile([], 0.5)).toBeNull();
  expect(percentile([4], 0.9)).toBe(4);
  expect(percentile([1, 2, 3, 10], 0.5)).toBe(2.5);
  expect(percentile([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100], 0.9)).toBe(90);
});

describe('the last days', () => {
  const at = (text: string): Date => new Date(text);

  test('are whole days on the company’s calendar, with today so far', () => {
    const period = lastDays(30, at('2026-06-15T08:00:00Z'), 'Europe/Amsterdam');
    expect(period).toEqual({ from: at('2026-05-16T22:00:00Z'), to: at('2026-06-15T08:00:00Z') });
  });

  test('begin at midnight also across a change of the clock', () => {
    expect(lastDays(2, at('2026-03-29T20:00:00Z'), 'Europe/Amsterdam').from).toEqual(at('2026-03-27T23:00:00Z'));
    expect(lastDays(1, at('2026-03-29T20:00:00Z'), 'Europe/Amsterdam').from).toEqual(at('2026-03-28T23:00:00Z'));
  });
});

test('every number has a definition', () => {
  for (const { measure } of Object.values(figures)) expect(measures[measure].means.length).toBeGreaterThan(80);
});
