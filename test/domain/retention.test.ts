import { describe, expect, test } from '@jest/globals';
import type { Company, Retention } from '../../src/domain/company.ts';
import { allWordsKept, changesOfRetention, lettersKept, reasonKept } from '../../src/domain/retention.ts';
import { sample } from './samples.ts';

const day = 86_400_000;
const days = (amount: number) => ({ amount, unit: 'd' as const });
const keeping = (retention?: Retention): Company => {
  const { retention: _, ...company } = sample('demo');
  return retention ? { ...company, retention } : company;
};
const kept = keeping({ words: days(90), kinds: { praise: days(30) }, letters: days(7) });

describe('words are kept', () => {
  test('as long as the file says of their kind, or of all, and that is the reason recorded', () => {
    expect(allWordsKept(kept)).toEqual({ kinds: { praise: 30 * day }, others: 90 * day });
    expect(reasonKept(kept, 'praise')).toBe('kept no longer than 30 days');
    expect(reasonKept(kept, 'wish')).toBe('kept no longer than 90 days');
  });

  test('until somebody asks where it says nothing, of all or of any other kind', () => {
    expect(allWordsKept(keeping())).toEqual({ kinds: {}, others: null });
    expect(allWordsKept(keeping({ kinds: { praise: days(30) } }))).toEqual({
      kinds: { praise: 30 * day },
      others: null,
    });
    // The file says so no longer, of what was found while it did.
    expect(reasonKept(keeping(), 'wish')).toBe('kept no longer');
  });
});

test('letters are kept as long as the file says, else for a month', () => {
  expect(lettersKept(kept)).toBe(7 * day);
  for (const company of [keeping(), keeping({ words: days(90), kinds: {} })])
    expect(lettersKept(company)).toBe(30 * day);
});

test('of another file is told what is kept for another time by it, and nothing else', () => {
  expect(changesOfRetention(kept, kept)).toEqual([]);
  expect(changesOfRetention(keeping(), kept)).toEqual([
    'words until somebody asks → 90 days',
    'kinds.praise until somebody asks → 30 days',
    'letters 30 days → 7 days',
  ]);
  expect(changesOfRetention(kept, keeping({ words: days(90), kinds: { wish: days(90) }, letters: days(7) }))).toEqual([
    'kinds.praise 30 days → 90 days',
  ]);
});
