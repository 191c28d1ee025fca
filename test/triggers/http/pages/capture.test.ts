import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sql } from '../../../../src/store/pool.ts';
import { openPages, type Pages, type Visitor } from './visitors.ts';

let pages: Pages;
let mina: Visitor;
beforeAll(async () => {
  pages = await openPages();
  mina = await pages.as('mina');
});
afterAll(() => pages.shop.close());

const loops = (): Promise<number> =>
  pages.shop.db.pool.oneFirst(sql.type(z.object({ count: z.number() }))`select count(*)::integer as count from loops`);

describe('the capture page', () => {
  test('keeps what was said with all that was tapped, and thanks with a reference', async () => {
    const page = await mina.get('/capture');
    const thanked = await mina.press(page, '/capture', {
      words: 'Do you have this coat in green, size 42?',
      unmet: "Don't carry it",
      offered: 'Coat in teal',
      taken: 'refused',
      mood: 'let-down',
      name: 'Kim Adler',
      contact: 'kim@example.com',
      consent: '2026-06',
      note: 'in a hurry',
    });
    expect(thanked.path).toMatch(/^\/signals\/[\w-]+\?captured$/);
    expect(thanked.text).toMatch(/Thank you, Mina\. HD-\w{4,}\. You are the first to tell us\./);
    expect(thanked.text).toContain('Coat in teal was offered and not wanted. May be written to by e-mail.');
    expect(thanked.text).toContain('coat · green · 42');
    expect(thanked.text).toContain('Among colleagues in a hurry');
  });

  test('takes its own reasons why something could not be met', async () => {
    const thanked = await mina.press(await mina.get('/capture'), '/capture', {
      words: 'Is there a lift?',
      unmet: 'other',
      unmetOther: 'It is being repaired',
    });
    expect(thanked.text).toContain('Could not be met: It is being repaired.');
  });

  test('says how the words are read and how many asked the same, before anything is kept', async () => {
    const before = await loops();
    const looked = await mina.press(await mina.get('/capture'), '/capture', {
      words: 'That coat, in green, size 42?',
      look: 'yes',
    });
    expect(looked.text).toContain('Read as: coat · colour green · size 42');
    expect(looked.text).toContain('1 other asked for the same.');
    expect(looked.html).toContain('That coat, in green, size 42?</textarea>');
    expect(await loops()).toBe(before);
    const fragment = await mina.post('/capture/reading', { words: 'wool socks' });
    expect(fragment.text).toContain('Read as: socks · material wool');
  });

  test('takes a correction of what was read over the reading', async () => {
    const thanked = await mina.press(await mina.get('/capture'), '/capture', {
      words: 'This jacket in green?',
      'attribute.colour': 'teal',
    });
    expect(thanked.text).toContain('jacket · teal');
  });

  test('is filled in by its address', async () => {
    const page = await mina.get('/capture?words=Open+late%3F&mood=fine&name=Noor');
    expect(page.html).toContain('Open late?</textarea>');
    expect(page.html).toMatch(/value="fine"\s+checked/);
    expect(page.html).toMatch(/name="name"[^>]*value="Noor"/s);
  });

  test('comes back with everything typed and a sentence beside each field that does not fit', async () => {
    const before = await loops();
    const again = await mina.press(await mina.get('/capture'), '/capture', {
      words: '   ',
      taken: 'refused',
      name: 'Kim',
      consent: '2026-06',
      note: 'keep me',
    });
    expect(again.status).toBe(400);
    expect(again.text).toContain('They agree to hear from us: by which e-mail address or number?');
    expect(again.text).toContain('Say what was offered, or take back how they took it.');
    expect(again.html).toContain('keep me</textarea>');
    expect(again.html).toMatch(/value="refused"\s+checked/);
    const empty = await mina.press(again, '/capture', { words: '', taken: '', consent: '' });
    expect(empty.text).toContain('The words must not be empty: what did they say?');
    const wrong = await mina.press(again, '/capture', { words: 'Hello?', offered: 'x', contact: 'kim@nowhere' });
    expect(wrong.text).toContain('"kim@nowhere" can\'t be an e-mail address.');
    const without = await mina.press(again, '/capture', { words: 'Hello?', offered: 'x', contact: 'kim.example.com' });
    expect(without.text).toContain('"kim.example.com" can\'t be an e-mail address.');
    expect(await loops()).toBe(before);
  });

  test('comes back, too, where what is wanted holds what no database keeps', async () => {
    const page = await mina.get('/capture?item=%00coat');
    expect(page.status).toBe(200);
    const refused = await mina.press(page, '/capture', { words: 'Do you have it?', item: '\0coat' });
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('This form holds the character NUL, which can’t be kept.');
  });

  test('counts a double click once', async () => {
    const before = await loops();
    const page = await mina.get('/capture');
    const said = { words: 'I only said it once' };
    const [first, second] = await Promise.all([mina.press(page, '/capture', said), mina.press(page, '/capture', said)]);
    expect(second.path).toBe(first.path);
    expect(await loops()).toBe(before + 1);
  });

  test('takes two forms made by hand, without a key, for two', async () => {
    const before = await loops();
    for (const words of ['I said this', 'And I said that', 'And I said that'])
      expect((await mina.post('/capture', { words, place: 'high-street', key: '' })).status).toBe(303);
    expect(await loops()).toBe(before + 3);
  });

  test('refuses a place that is not one of theirs', async () => {
    const again = await mina.press(await mina.get('/capture'), '/capture', { words: 'Hello?', place: 'harbour' });
    expect(again.status).toBe(400);
    expect(again.text).toContain('This place is not one of yours.');
  });

  test('asks whoever is not signed in who they are, and brings them back', async () => {
    const someone = pages.nobody();
    const asked = await someone.get('/capture?words=Hello');
    expect(asked.headers.get('Location')).toBe('/sign-in');
    expect(decodeURIComponent(someone.cookies.get('heed-next')!)).toBe('/capture?words=Hello');
  });

  test('keeps what was typed when the session has ended meanwhile, for sending again', async () => {
    const page = await mina.get('/capture');
    const someone = pages.nobody();
    const refused = await someone.press(page, '/capture', { words: 'Do not lose me' });
    expect(refused.status).toBe(401);
    expect(refused.text).toContain('“Do not lose me”'.replaceAll(/[“”]/g, ''));
    const sent = await mina.press(refused, '/capture');
    expect(sent.text).toContain('Thank you, Mina.');
  });
});
