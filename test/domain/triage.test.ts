import { describe, expect, test } from '@jest/globals';
import type { Condition } from '../../src/domain/company.ts';
import type { Remark } from '../../src/domain/matching.ts';
import { normalise, readWords } from '../../src/domain/reading.ts';
import { triage } from '../../src/domain/triage.ts';
import { sample } from './samples.ts';

const company = sample('demo');

describe('the sample shop reads', () => {
  test.each<[words: string, said: Partial<Remark>, verdict: string, kind: string]>([
    ['Do you have this coat in green, size 42?', { unmet: "Don't carry it" }, 'decide', 'unmet-demand'],
    ['Do you have this coat in green, size 42?', {}, 'decide', 'unmet-demand'],
    ['Wool socks in 48?', {}, 'decide', 'unmet-demand'],
    ['Charged twice for the alteration; nobody could tell me why', {}, 'answer', 'complaint'],
    ['If you did repairs while I wait I’d come every month', {}, 'decide', 'wish'],
    ['I can’t get in with the chair', {}, 'decide', 'access'],
    ['Open late on Thursdays?', {}, 'decide', 'wish'],
    ['Mina was lovely', {}, 'thank', 'praise'],
    ['Cheaper online than here?', {}, 'answer', 'question'],
    ['Do you take old clothes back?', {}, 'answer', 'question'],
    ['It took ages', { mood: 'annoyed' }, 'answer', 'complaint'],
    ['The red one then', { kind: 'wish' }, 'decide', 'wish'],
    ['The red one then', { kind: 'praise' }, 'thank', 'praise'],
    ['The red one then', {}, 'review', 'other'],
    ['您好，请问有没有绿色的', {}, 'review', 'other'],
    ['asdf', {}, 'dismiss', 'noise'],
    ['Test!', {}, 'dismiss', 'noise'],
    ['…', {}, 'dismiss', 'noise'],
  ])('%j %j as %s', (words, said, outcome, kind) => {
    const judged = triage(company, remark(words, said));
    expect([judged.course ?? judged.verdict, judged.kind]).toEqual([outcome, kind]);
  });

  test('the first rule that matches, and names it', () => {
    const judged = triage(company, remark('Charged twice. Do you have this coat in green?'));
    expect(judged).toMatchObject({
      rule: 'sounds like a complaint',
      priority: 2,
      why: 'the words match what this rule looks for',
    });
  });

  test('with a reason where it dismisses', () => {
    expect(triage(company, remark('asdf')).reason).toBe('There is nothing in it that a customer could have meant.');
  });

  test('and lets a kind stand that a person gave, unless the company does not know it', () => {
    expect(triage(company, remark('It took ages', { mood: 'annoyed', kind: 'question' })).kind).toBe('question');
    expect(triage(company, remark('It took ages', { mood: 'annoyed', kind: 'gone' })).kind).toBe('complaint');
  });
});

test('why a remark was read so never repeats what the customer said', () => {
  const said = remark('Do you have this coat in mauve, size 42?', { mood: 'annoyed' });
  expect(triage(company, { ...said, attributes: { ...said.attributes, colour: 'mauve' } }).why).toBe(
    'the words match what this rule looks for and it is about coat, jacket, dress, jumper, scarf, shirt, socks or trousers',
  );
  expect(triage(company, remark('It was what it was')).why).toBe('no other rule matched');
});

test.each<[when: Condition, why: string]>([
  [{ kinds: ['wish', 'gone'] }, 'it was captured as “wished for something or gone”'],
  [{ moods: ['let-down', 'annoyed'] }, 'the mood was let down or annoyed'],
  [{ places: ['high-street', 'a closed shop'] }, 'it was said at High Street or a closed shop'],
  [{ attributes: { colour: [] } }, 'a colour was named'],
  [{ attributes: { colour: ['green', 'red'] } }, 'the colour is green or red'],
  [{ unmet: true }, 'it could not be met'],
  [{ offer: ['refused', 'unsure'] }, 'what was offered instead was refused or unsure'],
  [{ places: ['high-street'], unmet: true }, 'it was said at High Street and it could not be met'],
])('what a rule looks for is told as it is: %j', (when, why) => {
  const said = remark('A green coat?', { kind: 'wish', mood: 'let-down', unmet: 'sold out', offered });
  expect(triage({ ...company, triage: [{ ...rule, when }] }, said).why).toBe(why);
});

test('that nothing was left unmet is told, too', () => {
  const judged = triage({ ...company, triage: [{ ...rule, when: { unmet: false } }] }, remark('A green coat?'));
  expect(judged.why).toBe('nothing is noted that could not be met');
});

test('what no rule reads, or none says the kind of, is unclear, and without a rule a person looks at it', () => {
  expect(triage({ ...company, triage: [] }, remark('A green coat?'))).toEqual({
    verdict: 'review',
    kind: 'unclear',
    priority: 3,
    rule: 'none',
    why: 'no rule matched',
  });
  expect(triage({ ...company, triage: [] }, remark('A green coat?', { kind: 'wish' })).kind).toBe('wish');
  expect(triage({ ...company, triage: [{ ...rule, when: {} }] }, remark('A green coat?')).kind).toBe('unclear');
});

const offered = { item: 'coat in teal', taken: 'refused' as const };
const rule = { name: 'the only one', verdict: 'review' as const, priority: 4 as const };

function remark(words: string, said: Partial<Remark> = {}): Remark {
  const { item, attributes } = normalise(readWords(words, company.vocabulary), company.vocabulary);
  return { words, place: 'high-street', ...(item !== undefined && { item }), attributes, ...said };
}
