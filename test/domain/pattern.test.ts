import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { readCompany } from '../../src/domain/companyFile.ts';
import { compilePattern, mostSteps, stepsOf } from '../../src/domain/pattern.ts';

test.each([
  '^(a+)+$',
  '^(a|aa)+$',
  '^(a|a?)+$',
  '^((a+)*)*$',
  '^(a*a*a*a*)*b$',
  '^([a-z]+)*[0-9]$',
  '(.*a){12}b$',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '(x+x+)+y',
  '^(\\w+\\s?)*$',
])('a pattern that would hang another engine for ever is answered: %s', (pattern) => {
  // The longest remark there is. Whether it is answered at all is the claim: backtracking would take 2 to the ten thousandth steps.
  expect(
    compilePattern(pattern)
      .matcher(`${'a'.repeat(9_999)}!`)
      .find(),
  ).toBe(false);
});

test.each([
  ['looking ahead', '(?=a)b', 'ook-around'],
  ['looking behind', '(?<!a)b', 'ook-around'],
  ['what was matched before', '(a)\\1', ''],
  ['a bomb of repetitions', '((a{100}){100}){100}', ''],
  ['a repetition beyond measure', 'a{99999}', ''],
  ['more than anybody means', 'a'.repeat(201), 'longer than 200 characters'],
  ['an open bracket', '[a', ''],
])('a pattern with %s is refused when the file is read, in a sentence with its line', async (_, pattern, because) => {
  expect(() => compilePattern(pattern)).toThrow();
  const company = parse(await readFile(new URL('../../samples/shop.yaml', import.meta.url), 'utf8')) as {
    triage: { when?: object }[];
  };
  company.triage[0]!.when = { words: pattern };
  const read = readCompany(stringify(company));
  if (!('problems' in read)) throw new Error('It was let through.');
  expect(read.problems[0]).toMatchObject({
    path: expect.stringMatching(/^triage/),
    message: expect.stringMatching(/can't be used as a pattern: .*[.?!]$/s),
  });
  expect(read.problems[0]!.message).toContain(because);
});

describe('a pattern that would keep a worker busy for many seconds over one long remark', () => {
  const readWith = async (patterns: string[], items: string[] = []) => {
    const company = parse(await readFile(new URL('../../samples/shop.yaml', import.meta.url), 'utf8')) as {
      triage: { when?: object }[];
      vocabulary: { items: Record<string, string[]> };
    };
    company.triage[0]!.when = { words: patterns };
    for (const item of items) company.vocabulary.items[`/${item}/`] = [];
    const read = readCompany(stringify(company));
    return 'problems' in read ? read.problems.map(({ path, message }) => `${path}: ${message}`) : [];
  };

  test.each([
    ['repeats in few characters what comes to thousands', `${'\\w{1,1000}'.repeat(11)}b`],
    ['repeats what is repeated', '(\\w{1,100}){9}b'],
    ['says what others would say in four', '(a.{300}|b.{300}|c.{300}|d.{300})e'],
  ])('is refused with the file, where it %s', async (_, pattern) => {
    expect(pattern.length).toBeLessThan(200);
    expect(await readWith([pattern])).toEqual([
      expect.stringMatching(/^triage.*can't be used as a pattern: .* comes to \d+ steps, and 1000 are the most/),
    ]);
  });

  test('is refused as well where many are that, which one alone is not', async () => {
    const half = '\\w{1,249}b';
    expect(stepsOf(half)).toBeLessThanOrEqual(mostSteps / 2);
    const many = (count: number, ends: string) => Array.from({ length: count }, (_, at) => `${half}${ends}${at}`);
    const tooMany = [expect.stringMatching(/^triage.* steps together, and 10000 are the most/)];
    expect(await readWith(many(10, 'x'))).toEqual([]);
    expect(await readWith(many(25, 'x'))).toEqual(tooMany);
    expect(await readWith(many(10, 'x'), many(15, 'y'))).toEqual(tooMany);
  });

  test('is none that anybody means: as long as may be, without repetitions, it is taken', async () => {
    for (const pattern of [
      `(${'too late|'.repeat(22)})`,
      'a?'.repeat(100),
      '(a|b)*'.repeat(33),
      '[a-zé]+ ?'.repeat(22),
    ])
      expect(await readWith([pattern])).toEqual([]);
  });
});
