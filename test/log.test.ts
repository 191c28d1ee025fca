import { describe, expect, test } from '@jest/globals';
import { endOfDay } from '../src/domain/calendar.ts';
import { placeOf } from '../src/log.ts';

describe('an error', () => {
  const thrown = (said: string): Error => {
    try {
      endOfDay(said, 'Europe/Amsterdam');
    } catch (error) {
      return error as Error;
    }
    throw new Error('It was taken.');
  };

  test('is logged by its name, its code and the line of ours that it comes from', () => {
    expect(placeOf(thrown('tomorrow'))).toMatch(/^DomainError validation at .*\/src\/domain\/calendar\.ts:\d+:\d+\)?$/);
    expect(placeOf('no error at all')).toBe('unknown');
  });

  test.each([
    'Kim lives at /src/ street',
    'My address:\n/src/ street, says Kim',
    'My address:\n    at /src/ street, says Kim',
    'My address:\n    at Kim (/src/street.ts:1:1)\n    at Kim (/src/street.ts:1:1)',
  ])('says nothing of what a customer said, whatever it looks like: %j', (said) => {
    const error = thrown(said);
    expect(error.message).toContain(said);
    expect(placeOf(error)).toBe(placeOf(thrown('tomorrow')));
  });

  test('says nothing of it where its message has been changed since, either', () => {
    const error = thrown('My address:\n/src/ street, says Kim');
    error.message = 'It is elsewhere.';
    expect(placeOf(error)).toBe(placeOf(thrown('tomorrow')));
  });
});
