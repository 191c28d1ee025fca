import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from '@jest/globals';

const read = (file: string): Promise<string> => readFile(new URL(`../${file}`, import.meta.url), 'utf8');

interface Row {
  id: string;
  verdict: string;
  by: string;
}

/** Sections of the standard that ask for something written, where a page is enough. All else must be so, and a page only says that it is. */
const asksForAPage = ['V2.1', 'V6.1', 'V7.1', 'V8.1', 'V11.1', 'V13.1', 'V14.1', 'V15.1', 'V16.1'];

/** What a row names: a claim in a test, or a heading of a page. */
const namedIn = ({ by }: Row): { file: string; claim: string }[] =>
  [...by.matchAll(/`([^`]+)` “([^”]+(?:”[^”;]+)*)”/g)].map(([, file, claim]) => ({ file: file!, claim: claim! }));

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
  for (const row of rows) {
    const { id, verdict, by } = row;
    if (verdict !== 'passed') {
      if (!['does not apply', 'not met'].includes(verdict) || by.length < 4) missing.push(`${id}: ${verdict}, ${by}`);
      continue;
    }
    const named = namedIn(row);
    if (named.length === 0) missing.push(`${id} names nothing`);
    for (const { file, claim } of named) {
      const text = await read(file).catch(() => '');
      const isThere = file.endsWith('.md')
        ? text.split('\n').some((line) => line.replace(/^#+ /, '# ') === `# ${claim}`)
        : text.includes(claim);
      if (!isThere) missing.push(`${id}: ${file} has no “${claim}”`);
    }
  }
  expect(missing).toEqual([]);
});

test('a row that asks for more than something written is shown by a test, and not by a page alone', () => {
  const byPages = rows.filter(
    (row) => row.verdict === 'passed' && !namedIn(row).some(({ file }) => file.startsWith('test/')),
  );
  const sectionOf = ({ id }: Row): string => id.split('.').slice(0, 2).join('.');
  expect(byPages.filter((row) => !asksForAPage.includes(sectionOf(row))).map(({ id }) => id)).toEqual([]);
  // No section is let off that no row needs.
  expect(asksForAPage.filter((section) => !byPages.some((row) => sectionOf(row) === section))).toEqual([]);
});

test('what it says in all is what the rows come to', () => {
  const count = (verdict: string): number => rows.filter((row) => row.verdict === verdict).length;
  expect(page.replaceAll(/\s+/g, ' ')).toContain(
    `${count('passed')} passed, ${count('does not apply')} do not apply, ${count('not met')} not met.`,
  );
});
