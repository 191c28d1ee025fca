import { expect, test } from '@jest/globals';
import { asOfNow, renewing } from '../../src/domain/credential.ts';

test('a credential that is renewed is the one of the moment in which it is used', () => {
  let held = 'first';
  const credential = renewing(
    () => held,
    () => {},
  );
  expect(asOfNow(credential)).toBe('first');
  held = 'second';
  expect(asOfNow(credential)).toBe('second');
  expect(asOfNow('for good')).toBe('for good');
});

test('one that can’t be read in the moment of its use is as it was before, which is said once for each reason', () => {
  let held: () => string = () => 'first';
  const said: string[] = [];
  const credential = renewing(
    () => held(),
    (sentence) => said.push(sentence),
  );
  const failing = (why: string) => (): never => {
    throw new Error(why);
  };
  expect(credential()).toBe('first');
  for (const why of ['It is away.', 'It is away.', 'It is no password.']) {
    held = failing(why);
    expect(credential()).toBe('first');
  }
  held = () => 'second';
  expect(credential()).toBe('second');
  held = failing('It is away.');
  expect(credential()).toBe('second');
  expect(said).toEqual(
    ['It is away.', 'It is no password.', 'It is away.'].map(
      (why) => `${why} What was read before goes on being used.`,
    ),
  );
});

test('one that never could be read is told to whoever uses it', () => {
  const credential = renewing<string>(
    () => {
      throw new Error('It is away.');
    },
    () => {},
  );
  expect(credential).toThrow('It is away.');
});
