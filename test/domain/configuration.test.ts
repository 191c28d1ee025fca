/** Holds docs/configuration.md to what the reader of company files does. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { ladderNames, moods, offers, quotings, roles, templateNames, verdicts } from '../../src/domain/company.ts';
import { explainProblems, readCompany } from '../../src/domain/companyFile.ts';
import { optionalFields, templateFields } from '../../src/domain/template.ts';
import { sampleYaml } from './samples.ts';

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, block = '']) => block);

describe('docs/configuration.md', () => {
  test.each(blocks.map((block) => [block.split('\n')[0] ?? '', block]))('shows what works: %s', (_, block) => {
    const read = readCompany(stringify(merged(parse(sampleYaml('shop')), parse(block))));
    expect('problems' in read ? explainProblems('', read.problems) : '').toBe('');
  });

  test('shows every section of a company file, and names every word that can stand in one', () => {
    const shown = blocks.flatMap((block) => Object.keys(parse(block)));
    expect(new Set(shown)).toEqual(new Set(Object.keys(parse(sampleYaml('shop')))));
    const words = [
      ...ladderNames,
      ...templateNames,
      ...moods,
      ...offers,
      ...quotings,
      ...roles,
      ...verdicts,
      ...Object.values(templateFields).flat(),
    ];
    expect(words.filter((word) => !page.includes(`\`${word}\``))).toEqual([]);
  });

  test('marks as perhaps exactly the fields that may be missing', () => {
    const table = /^\| field +\| in .*?\n\n/ms.exec(page)?.[0] ?? '';
    const marked = table
      .split('\n')
      .filter((row) => row.includes('perhaps'))
      .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name));
    expect(new Set(marked)).toEqual(new Set(optionalFields));
  });
});

/** The sample with what the page shows put in its place; lists are shown whole. */
function merged(sample: unknown, shown: unknown): unknown {
  if (!isBlock(sample) || !isBlock(shown)) return shown;
  const entries = Object.entries(shown).map(([name, value]) => [name, merged(sample[name], value)]);
  return { ...sample, ...Object.fromEntries(entries) };
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
