import { describe, expect, test } from '@jest/globals';
import type { Condition } from '../../src/domain/company.ts';
import type { Remark } from '../../src/domain/matching.ts';
import { matches } from '../../src/domain/matching.ts';

const remark: Remark = {
  words: 'Do you have this COAT in green?',
  place: 'high-street',
  kind: 'wish',
  mood: 'let-down',
  item: 'coat',
  attributes: { colour: 'green' },
  unmet: "Don't carry it",
  offered: { item: 'coat in teal', taken: 'refused' },
};
const bare: Remark = { words: 'Hello', place: 'station', attributes: {} };

describe('a condition', () => {
  test.each<[Condition]>([
    [{ words: ['\\bjacket\\b', '\\bcoat\\b'] }],
    [{ kinds: ['wish', 'praise'] }],
    [{ moods: ['let-down'] }],
    [{ places: ['high-street'] }],
    [{ items: ['Coat '] }],
    [{ attributes: { colour: ['red', 'Green'] } }],
    [{ attributes: { colour: [] } }],
    [{ unmet: true }],
    [{ offer: ['refused', 'unsure'] }],
  ])('holds for what it describes, and not for a remark that says nothing of it: %j', (condition) => {
    expect(matches(condition, remark)).toBe(true);
    expect(matches(condition, bare)).toBe(false);
  });

  test('holds only when all of it does', () => {
    expect(matches({ items: ['coat'], attributes: { colour: [], size: [] } }, remark)).toBe(false);
    expect(matches({ items: ['coat'], places: ['station'] }, remark)).toBe(false);
  });

  test('does not hold for a property of which nothing was said', () => {
    expect(matches({ attributes: { colour: [] } }, { ...remark, attributes: { colour: '  ' } })).toBe(false);
  });

  test('holds for everything when it asks for nothing', () => {
    expect(matches({}, bare)).toBe(true);
  });

  test('can ask that nothing was left unmet', () => {
    expect(matches({ unmet: false }, bare)).toBe(true);
    expect(matches({ unmet: false }, { ...bare, unmet: '  ' })).toBe(true);
    expect(matches({ unmet: false }, remark)).toBe(false);
  });

  test('is answered in linear time, whatever the pattern: no remark can make the server hang', () => {
    // On the native engine this takes longer than the universe will.
    expect(matches({ words: ['^(a+)+$'] }, { ...bare, words: `${'a'.repeat(50_000)}!` })).toBe(false);
  });
});
