import { expect, test } from '@jest/globals';
import { choosing, linkTo, tokenIn } from '../../src/domain/links.ts';

const token = 'VvdKMblObjeV-0dGDyjGi_';
const link = linkTo('https://heed.example', token);

test('the token of a link stands where no browser sends it, whatever was chosen beside it', () => {
  for (const one of [link, choosing(link, '?says=yes'), choosing(link, '?do=$&')]) {
    const { pathname, hash } = new URL(one);
    expect([pathname, hash]).toEqual(['/t', `#${token}`]);
  }
  expect(new URL(choosing(link, '?says=yes')).search).toBe('?says=yes');
});

test.each([
  ['whole', link],
  ['with what was chosen beside it', choosing(link, '?do=decline')],
  ['between blanks and brackets', `  <${link}>\n`],
  ['with a full stop', `${link}.`],
  ['with what a mail program adds', `${link}?utm_source=mail`],
  ['as it once was', `https://heed.example/yours/${token}?says=yes`],
  [
    'as it once was, after a press',
    `https://heed.example/t/${token}?said=0197f000-0000-7000-8000-000000000000%3Asay#top`,
  ],
  ['at an address as long as a token', `https://heed-of-linden-and-vale/t#${token}`],
  ['bare', token],
])('a link is known when it is pasted %s', (_, pasted) => {
  expect(tokenIn(pasted)).toBe(token);
});

test.each([
  ['', 'nothing'],
  ['https://heed.example/t', 'an address whose end was cut off'],
  [link.slice(0, -1), 'one that lost its last letter'],
  [`${link}x`, 'one with a letter too many'],
  ['https://heed.example/signals/0197f000-0000-7000-8000-000000000000', 'the address of a page'],
  [`open${token}`, 'a word'],
])('%j is none: %s', (pasted) => {
  expect(tokenIn(pasted)).toBeUndefined();
});

test('a very long text is looked through at once', () => {
  const began = performance.now();
  expect(tokenIn('/#'.repeat(30_000) + 'A'.repeat(30_000))).toBeUndefined();
  expect(performance.now() - began).toBeLessThan(1_000);
});
