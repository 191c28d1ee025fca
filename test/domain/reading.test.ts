import { describe, expect, test } from '@jest/globals';
import { normalise, readWords } from '../../src/domain/reading.ts';
import { sample } from './samples.ts';

const { vocabulary } = sample('demo');

describe('a remark is read for', () => {
  test.each([
    [
      'Do you have this coat in green, size 42? Under 80 if possible.',
      'coat',
      { colour: 'green', size: '42', price: 'under 80' },
    ],
    ['Wool socks in 48?', 'socks', { material: 'wool', size: '48' }],
    ['OVERCOATS, dark-blue!', 'coat', { colour: 'navy' }],
    ['If you did repairs while I wait I’d come every month', 'repairs', {}],
    ['Open late on Thursdays?', 'opening hours', { day: 'thursday' }],
    ['I can’t get in with the chair', 'entrance', {}],
    ['Mina was lovely', undefined, {}],
    ['A greenish redcoat under 8000m', undefined, {}],
    ['', undefined, {}],
  ])('%j', (words, item, attributes) => {
    expect(readWords(words, vocabulary)).toEqual(item === undefined ? { attributes } : { item, attributes });
  });

  test('what is mentioned first, and the longer of two that begin alike', () => {
    const two = { items: { coat: [], 'coat hanger': [], scarf: [] }, attributes: { colour: { green: [], blue: [] } } };
    expect(readWords('A coat hanger for my scarf, blue or green', two)).toEqual({
      item: 'coat hanger',
      attributes: { colour: 'blue' },
    });
  });
});

describe('what people type is brought to one spelling:', () => {
  test('synonyms, capitals, spaces and patterns', () => {
    expect(
      normalise(
        { item: ' Winter  COAT ', attributes: { Colour: 'Dark Green', size: 'Size 42', price: 'under 80' } },
        vocabulary,
      ),
    ).toEqual({
      item: 'coat',
      attributes: { colour: 'green', size: '42', price: 'under 80' },
    });
  });

  test('unknown words stay, empty ones go', () => {
    expect(
      normalise({ item: 'Umbrella', attributes: { Pattern: 'Polka  Dots', colour: ' ', size: '42' } }, vocabulary),
    ).toEqual({
      item: 'umbrella',
      attributes: { pattern: 'polka dots', size: '42' },
    });
    expect(normalise({ item: '  ', attributes: {} }, vocabulary)).toEqual({ attributes: {} });
  });

  test('once is enough', () => {
    for (const words of ['Coats in burgundy, size 42, under €80', 'Wool socks in 48?']) {
      const read = readWords(words, vocabulary);
      expect(normalise(read, vocabulary)).toEqual(read);
    }
  });
});
