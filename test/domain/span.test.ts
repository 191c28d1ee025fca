import { describe, expect, test } from '@jest/globals';
import { parseSpan, spanMs, spanText } from '../../src/domain/span.ts';

describe('a length of time', () => {
  test('is read from the way people write it', () => {
    expect(parseSpan('25s')).toEqual({ amount: 25, unit: 's' });
    expect(parseSpan('4bh')).toEqual({ amount: 4, unit: 'bh' });
    expect(parseSpan('0s')).toEqual({ amount: 0, unit: 's' });
  });

  test.each(['', '4', 'bh', '-4bh', '4.5h', '4 hours', '4 bh', '4BH', '1w', '123456s', '4bh '])('is not %j', (text) => {
    expect(parseSpan(text)).toBeUndefined();
  });

  test('is told in words, one as one', () => {
    expect(spanText({ amount: 25, unit: 's' })).toBe('25 seconds');
    expect(spanText({ amount: 4, unit: 'bh' })).toBe('4 working hours');
    expect(spanText({ amount: 1, unit: 'bd' })).toBe('1 working day');
  });

  test('has milliseconds on the clock, and none in working time, where they depend on a calendar', () => {
    expect(spanMs({ amount: 3, unit: 's' })).toBe(3_000);
    expect(spanMs({ amount: 2, unit: 'm' })).toBe(120_000);
    expect(spanMs({ amount: 2, unit: 'h' })).toBe(7_200_000);
    expect(spanMs({ amount: 1, unit: 'd' })).toBe(86_400_000);
    expect(spanMs({ amount: 1, unit: 'bh' })).toBeUndefined();
  });
});
