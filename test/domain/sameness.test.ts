import { describe, expect, test } from '@jest/globals';
import { insightTitle, samenessKey } from '../../src/domain/sameness.ts';
import { sample } from './samples.ts';

const company = sample('demo');
const green = { kind: 'unmet-demand', item: 'coat', attributes: { colour: 'green', size: '42' } };

describe('two remarks join one insight', () => {
  test('when kind, item and attributes are the same, in whatever order and spelling', () => {
    expect(samenessKey(green)).toBe('unmet-demand|coat|colour=green|size=42');
    expect(samenessKey({ ...green, item: ' Coat', attributes: { size: '42', colour: 'GREEN', price: ' ' } })).toBe(
      samenessKey(green),
    );
  });

  test('and not when any of them differs', () => {
    const others = [
      { ...green, kind: 'wish' },
      { ...green, item: 'jacket' },
      { ...green, attributes: { colour: 'green' } },
      { ...green, attributes: { colour: 'green', size: '42', price: 'under 80' } },
      { kind: green.kind, attributes: green.attributes },
    ];
    expect(new Set([green, ...others].map(samenessKey)).size).toBe(6);
  });

  test('also when it is an item alone that they ask for, or a property of nothing named', () => {
    expect(samenessKey({ kind: 'wish', item: 'coat', attributes: {} })).toBe('wish|coat');
    expect(samenessKey({ kind: 'wish', attributes: { colour: 'green' } })).toBe('wish||colour=green');
  });

  test('and never by what people typed into a value', () => {
    expect(samenessKey({ kind: 'wish', item: 'coat', attributes: { colour: 'green|size=42' } })).not.toBe(
      samenessKey({ ...green, kind: 'wish' }),
    );
  });

  test('and never when there is nothing to compare', () => {
    expect(samenessKey({ kind: 'wish', attributes: {} })).toBeUndefined();
    expect(samenessKey({ kind: 'wish', item: ' ', attributes: { colour: '' } })).toBeUndefined();
  });

  test('and never when they say more than a key of Postgres holds', () => {
    const all = Array.from({ length: 20 }, (_, n) => [`property ${n}`, `${n} `.padEnd(100, '𝕏')]);
    expect(samenessKey({ kind: 'wish', attributes: Object.fromEntries(all) })).toBeUndefined();
  });
});

test('an insight is called by what was asked for, or by what kind of remark it is', () => {
  expect(insightTitle(company, { ...green, attributes: { size: '42', colour: 'green' } })).toBe('coat · green · 42');
  expect(insightTitle(company, { kind: 'wish', item: 'opening hours', attributes: { day: 'thursday' } })).toBe(
    'opening hours · thursday',
  );
  expect(insightTitle(company, { kind: 'wish', attributes: {} })).toBe('wished for something');
});

test('the properties of what was asked for are named in the order of the company’s vocabulary, and those it does not know last', () => {
  const attributes = { size: { '42': [] }, colour: { green: [] } };
  const inOrder = { ...company, vocabulary: { ...company.vocabulary, attributes } };
  const asked = { kind: 'wish', item: ' coat ', attributes: { brand: 'any', age: 'old', colour: 'green', size: '42' } };
  expect(insightTitle(inOrder, asked)).toBe('coat · 42 · green · old · any');
  expect(insightTitle(company, { kind: 'wish', item: 'coat', attributes: {} })).toBe('coat');
  expect(insightTitle(company, { kind: 'a kind of long ago', attributes: {} })).toBe('a kind of long ago');
});
