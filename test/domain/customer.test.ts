import { describe, expect, test } from '@jest/globals';
import { inEverySpelling, normaliseEmail, normalisePhone, spellingsOf } from '../../src/domain/customer.ts';

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

describe('an e-mail address', () => {
  const composed = 'j\u00f6rg@m\u00fcller.example';
  test.each([
    ['in its own letters', composed],
    ['in letters that are put together of two', composed.normalize('NFD')],
    ['as name servers know its domain', 'j\u00f6rg@xn--mller-kva.example'],
    ['in capitals', ' J\u00d6RG@M\u00dcLLER.Example '],
  ])('written %s is the same one, and held in any of these spellings it is found', (_, text) => {
    expect(normaliseEmail(text)).toBe('j\u00f6rg@xn--mller-kva.example');
    const held = text.trim().toLowerCase();
    expect(spellingsOf({ kind: 'email', normalised: normaliseEmail(text)! })).toContain(held);
    expect(spellingsOf({ kind: 'email', normalised: held })[0]).toBe('j\u00f6rg@xn--mller-kva.example');
  });

  test('of other letters is another, whatever a name server would take them for', () => {
    expect(normaliseEmail('lena@o\ufb00ice.example')).toBe('lena@o\ufb00ice.example');
    expect(normaliseEmail('lena@\uff4fffice.example')).not.toBe(normaliseEmail('lena@office.example'));
    expect(normaliseEmail('lena@stra\u00dfe.example')).not.toBe(normaliseEmail('lena@strasse.example'));
    for (const domain of ['xn--office-.example', 'xn---90ao.example'])
      expect(spellingsOf({ kind: 'email', normalised: `lena@${domain}` })).toEqual([`lena@${domain}`]);
    expect(normaliseEmail('lena@off\u200bice.example')).not.toBe(normaliseEmail('lena@office.example'));
  });

  test('is none with what becomes a sign of another address once it is composed', () => {
    expect(normaliseEmail('lena\u037e@office.example')).toBeUndefined();
  });

  test('of plain letters has one spelling, as has what is no e-mail address', () => {
    for (const [kind, normalised] of [
      ['email', 'lena@office.example'],
      ['phone', '+31612345678'],
      ['loyalty', 'k\u00e4rtchen-7'],
    ] as const)
      expect(inEverySpelling([{ kind, normalised }])).toEqual([{ kind, normalised }]);
  });
});
