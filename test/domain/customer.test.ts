import { describe, expect, test } from '@jest/globals';
import { normalisePhone } from '../../src/domain/customer.ts';

describe('a phone number', () => {
  test.each([
    '+31 6 12345678',
    '+31 (0)6 12345678',
    '+31(0)612345678',
    '+31 (0) 6-1234 5678',
    '+31-(0)6-12345678',
    '(+31) (0)6 12345678',
    '0031 6 12345678',
    '0031 (0)6 12345678',
  ])('written as %s is the same one', (text) => {
    expect(normalisePhone(text)).toBe('+31612345678');
  });

  test('keeps every zero that is dialled, and what else stands in brackets', () => {
    expect(normalisePhone('(06) 12345678')).toBe('0612345678');
    expect(normalisePhone('(0)6 12345678')).toBe('0612345678');
    expect(normalisePhone('+31 (6) 1111-2222')).toBe('+31611112222');
    expect(normalisePhone('+39 (06) 123456')).toBe('+3906123456');
    expect(normalisePhone('+44 20 7946 (0) 123')).toBe('+442079460123');
  });

  test('is none with too few digits, too many, or anything else in it', () => {
    for (const text of ['', '+31', '12345', '+1234567890123456', '06 1234 call me', '+31 (0)'])
      expect(normalisePhone(text)).toBeUndefined();
  });
});
