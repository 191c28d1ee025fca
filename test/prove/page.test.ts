/** What a proof ends with: the line to quote is no better than what was found. */

import { expect, test } from '@jest/globals';
import { isSound } from '../../prove/page.ts';
import { mustBeZero } from '../../prove/prove.ts';

const promises = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8'];

/** It came to rest, with so many captures given up, so many loops for which nobody was named, and this promise broken once. */
const ended = ({ givenUp = 0, neverEscalated = 0, broken = '' } = {}) => {
  const findings = promises.map((invariant) => ({
    invariant,
    claim: 'it holds',
    violations: invariant === broken ? [{ about: 'it', sentence: 'It does not.' }] : [],
  }));
  return { drained: true, findings, ...mustBeZero(findings, { givenUp }, { neverEscalated }) };
};

test('a capture that nobody accepted is lost, and the proof fails for it', () => {
  expect(isSound(ended())).toBe(true);
  expect(ended({ givenUp: 1 })).toMatchObject({ lost: 1, duplicates: 0, missed: 0 });
  expect(isSound(ended({ givenUp: 1 }))).toBe(false);
});

test('it fails for a loop that nobody was named for, for each promise that is broken, and where it never came to rest', () => {
  expect(ended({ neverEscalated: 1 })).toMatchObject({ lost: 0, duplicates: 0, missed: 1 });
  expect(isSound(ended({ neverEscalated: 1 }))).toBe(false);
  for (const broken of promises)
    expect({ broken, sound: isSound(ended({ broken })) }).toEqual({ broken, sound: false });
  expect(isSound({ ...ended(), drained: false })).toBe(false);
});
