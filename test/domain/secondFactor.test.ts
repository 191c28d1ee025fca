import { describe, expect, test } from '@jest/globals';
import { provesTwoFactors, strengthIn } from '../../src/domain/secondFactor.ts';

const proves = (claims: object, levels: readonly string[]) => provesTwoFactors(strengthIn(claims), levels);

describe('two factors are proved by what the service says of the methods', () => {
  test.each([
    [['mfa'], true],
    [['pwd', 'mfa'], true],
    [['pwd', 'otp'], true],
    [['pin', 'hwk'], true],
    [['face', 'swk'], true],
    [['kba', 'sms'], true],
    [['pwd'], false],
    [['otp'], false],
    // Twice of a kind: whoever has learnt or taken the one may have done so with the other.
    [['pwd', 'pin', 'kba'], false],
    [['otp', 'sms', 'tel'], false],
    [['fpt', 'iris'], false],
    // Where, how often or through what somebody came is none of the three.
    [['pwd', 'geo', 'user', 'mca', 'rba', 'wia'], false],
    [['pwd', 'PWD', 'constructor', 'something of their own'], false],
    [[], false],
  ])('%j: %j', (amr, proved) => {
    expect(proves({ amr }, [])).toBe(proved);
  });

  test.each([[{}], [{ amr: 'mfa' }], [{ amr: ['mfa', 7] }], [{ amr: { mfa: true } }], [{ acr: 'mfa' }]])(
    '%j says nothing',
    (claims) => expect(proves(claims, [])).toBe(false),
  );
});

describe('where the company names the levels that take two factors', () => {
  const levels = ['urn:two', 'urn:more'];

  test.each([['urn:two'], ['urn:more']])('%s is one of them', (acr) => {
    expect(proves({ acr }, levels)).toBe(true);
  });

  test.each([[{ acr: 'urn:one' }], [{ acr: 'urn:two urn:more' }], [{ acr: ['urn:two'] }], [{}], [{ amr: ['mfa'] }]])(
    '%j is none',
    (claims) => expect(proves(claims, levels)).toBe(false),
  );

  test.each([['x'.repeat(201)], ['urn:two\u0000'], [''], ['urn two']])(
    'nothing is kept of what is no name of one: %j',
    (acr) => {
      expect(strengthIn({ acr, amr: ['mfa'] })).toEqual({ acr: null, twoMethods: true });
    },
  );
});
