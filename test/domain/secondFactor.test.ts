import { describe, expect, test } from '@jest/globals';
import { provesTwoFactors } from '../../src/domain/secondFactor.ts';

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
    expect(provesTwoFactors({ amr }, [])).toBe(proved);
  });

  test.each([[{}], [{ amr: 'mfa' }], [{ amr: ['mfa', 7] }], [{ amr: { mfa: true } }], [{ acr: 'mfa' }]])(
    '%j says nothing',
    (claims) => expect(provesTwoFactors(claims, [])).toBe(false),
  );
});

describe('where the company names the levels that take two factors', () => {
  const levels = ['urn:two', 'urn:more'];

  test.each([['urn:two'], ['urn:more']])('%s is one of them', (acr) => {
    expect(provesTwoFactors({ acr }, levels)).toBe(true);
  });

  test.each([[{ acr: 'urn:one' }], [{ acr: 'urn:two urn:more' }], [{ acr: ['urn:two'] }], [{}], [{ amr: ['mfa'] }]])(
    '%j is none',
    (claims) => expect(provesTwoFactors(claims, levels)).toBe(false),
  );
});
