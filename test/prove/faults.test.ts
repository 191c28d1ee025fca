/** What docs/proof.md says of each fault: whether the proof brings it about, and which claims show what becomes of it. */

import { readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from '@jest/globals';
import { planOf, type Fault, type Killed } from '../../prove/plan.ts';

const read = (file: string): Promise<string> => readFile(new URL(`../../${file}`, import.meta.url), 'utf8');

interface Row {
  fault: string;
  shown: string;
  by: string;
}

let page: string;
let rows: Row[];
beforeAll(async () => {
  page = await read('docs/proof.md');
  rows = page.split('\n').flatMap((line) => {
    const [, fault, , shown, by] = line.split('|').map((cell) => cell.trim());
    return fault && /^F\d/.test(fault) ? [{ fault, shown: shown!, by: by! }] : [];
  });
});

const shown = (as: string): string[] => rows.filter((row) => row.shown === as).map(({ fault }) => fault);

test('each of the forty-eight is there once, and what it says in all is what they come to', () => {
  expect(rows.map(({ fault }) => fault)).toEqual(Array.from({ length: 48 }, (_, n) => `F${n + 1}`));
  const [proof, claims, not] = [shown('proof'), shown('test'), shown('not shown')];
  expect(proof.length + claims.length + not.length).toBe(48);
  expect(page.replaceAll(/\s+/g, ' ')).toContain(
    `${proof.length} are in the proof, ${claims.length} in claims alone, ${not.length} are not shown.`,
  );
});

test('every claim that is named is really there by that name, and whatever is not shown has a reason', async () => {
  const missing: string[] = [];
  for (const { fault, shown, by } of rows) {
    // Several of one file stand behind its name.
    const named = [...by.matchAll(/(?:`(test\/[^`]+)` )?“([^”]+)”/g)];
    if (by === '' || (shown === 'test' && named.length === 0)) missing.push(`${fault} names nothing`);
    let text = '';
    for (const [, file, claim] of named) {
      if (file) text = await read(file).catch(() => '');
      if (!["'", '"'].some((quote) => text.includes(quote + claim! + quote))) missing.push(`${fault}: “${claim}”`);
    }
  }
  expect(missing).toEqual([]);
});

test('what the plan of a proof can bring about is called so, beside all of it at once, and nothing else is', () => {
  const plan = planOf(7, { kills: 200, othersPerKill: 2, wipe: true, fullDisks: 3, pausesMs: [3_000] });
  expect(new Set(shown('proof'))).toEqual(new Set([...plan.map(numberOf), 'F48']));
});

const numbersOfKills: Record<Killed, string> = {
  web: 'F1',
  worker: 'F5',
  relay: 'F5',
  backends: 'F10',
  postgres: 'F12',
  temporal: 'F19',
};

function numberOf(fault: Fault): string {
  switch (fault.what) {
    case 'kill':
      return numbersOfKills[fault.of];
    case 'pause':
      return 'F6';
    case 'cut':
    case 'silence':
      return 'F9';
    case 'delay':
      return fault.ms < 2_000 ? 'F9' : 'F15';
    case 'swallow':
      return 'F11';
    case 'disk full':
      return 'F14';
    case 'hold':
      return 'F15';
    case 'wipe':
      return 'F20';
    case 'mail':
    case 'slack':
      return fault.name.split(' ')[0]!;
    case 'clock':
      return 'F43';
  }
}
