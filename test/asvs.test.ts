import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from '@jest/globals';

const read = (file: string): Promise<string> => readFile(new URL(`../${file}`, import.meta.url), 'utf8');

interface Row {
  id: string;
  verdict: string;
  by: string;
}

let page: string;
let rows: Row[];
beforeAll(async () => {
  page = await read('docs/asvs.md');
  rows = page.split('\n').flatMap((line) => {
    const [, id, , verdict, by] = line.split('|').map((cell) => cell.trim());
    return id && /^V\d+\.\d+\.\d+$/.test(id) ? [{ id, verdict: verdict!, by: by! }] : [];
  });
});

test('every row of levels 1 and 2 is there once, as many in each chapter as the standard has', () => {
  const standard = {
    V1: 27,
    V2: 11,
    V3: 19,
    V4: 10,
    V5: 9,
    V6: 35,
    V7: 18,
    V8: 7,
    V9: 7,
    V10: 29,
    V11: 14,
    V12: 9,
    V13: 13,
    V14: 9,
    V15: 13,
    V16: 16,
    V17: 7,
  };
  const found: Record<string, number> = {};
  for (const { id } of rows) found[id.split('.')[0]!] = (found[id.split('.')[0]!] ?? 0) + 1;
  expect(found).toEqual(standard);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(253);
});

test('every row that passed names a claim that is really there, and every other says why', async () => {
  const missing: string[] = [];
  for (const { id, verdict, by } of rows) {
    if (verdict !== 'passed') {
      if (!['does not apply', 'not met'].includes(verdict) || by.length < 4) missing.push(`${id}: ${verdict}, ${by}`);
      continue;
    }
    const named = [...by.matchAll(/`([^`]+)` “([^”]+(?:”[^”;]+)*)”/g)];
    if (named.length === 0) missing.push(`${id} names nothing`);
    for (const [, file, claim] of named) {
      const text = await read(file!).catch(() => '');
      if (!text.includes(claim!)) missing.push(`${id}: ${file} has no “${claim}”`);
    }
  }
  expect(missing).toEqual([]);
});

test('what it says in all is what the rows come to', () => {
  const count = (verdict: string): number => rows.filter((row) => row.verdict === verdict).length;
  expect(page.replaceAll(/\s+/g, ' ')).toContain(
    `${count('passed')} passed, ${count('does not apply')} do not apply, ${count('not met')} not met.`,
  );
});
