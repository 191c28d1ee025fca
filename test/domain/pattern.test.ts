import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { readCompany } from '../../src/domain/companyFile.ts';
import { compilePattern } from '../../src/domain/pattern.ts';

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
