import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sql } from '../../../../src/store/pool.ts';
import { makeLink } from '../../../../src/store/records/links.ts';
import { createApp } from '../../../../src/triggers/http/app.ts';
import { linkIn, openPages, type Pages } from './visitors.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages();
});
afterAll(() => pages.shop.close());

describe('signing in', () => {
  test('goes by a link in an e-mail, which lets somebody in once', async () => {
    const someone = pages.nobody();
    await someone.get('/mine');
    await someone.press(await someone.get('/sign-in'), '/sign-in', { email: 'Mina@linden-vale.example' });
    const link = linkIn(await pages.shop.letter('sign_in', 'mina'), '/sign-in/');
    const page = await someone.get(link);
    expect(page.text).toContain('You are Mina Okafor?');
    const inside = await someone.press(page, link);
    expect(inside.path).toBe('/mine');
    expect(inside.text).toContain('Mina Okafor Sign out');
    const again = await pages.nobody().post(link);
    expect(again.status).toBe(410);
    expect((await pages.nobody().get(link)).text).toContain('has been used or has ended');
  });

  test('says how long the link lives, and a letter that is later than that is not sent at all', async () => {
    const page = await pages.nobody().get('/sign-in');
    const told = await pages.nobody().press(page, '/sign-in', { email: 'jonas@linden-vale.example' });
    expect(told.text).toContain('It lets you in once, within ten minutes.');
    const letter = await pages.shop.planned('sign_in', 'jonas');
    const { expires_at } = await pages.shop.db.pool.one(
      sql.type(z.object({ expires_at: z.date() }))`select expires_at from deliveries where id = ${letter.id}`,
    );
    expect(expires_at.getTime() - letter.planned_at.getTime()).toBe(10 * 60_000);
  });

  test('says the same whether the address belongs to somebody or not', async () => {
    const page = await pages.nobody().get('/sign-in');
    const known = await pages.nobody().press(page, '/sign-in', { email: 'priya@linden-vale.example' });
    const unknown = await pages.nobody().press(page, '/sign-in', { email: 'nobody@linden-vale.example' });
    expect(known.status).toBe(unknown.status);
    expect(known.text.replace('priya@', '')).toBe(unknown.text.replace('nobody@', ''));
  });

  test('opening the link fifty times lets nobody in and leaves it good', async () => {
    const token = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'mina' });
    const before = await pages.facts();
    const scanner = pages.nobody();
    for (let i = 0; i < 50; i++) expect((await scanner.get(`/sign-in/${token}`)).status).toBe(200);
    expect(scanner.cookies.size).toBe(0);
    expect(await pages.facts()).toBe(before);
    const mina = pages.nobody();
    expect((await mina.press(await mina.get(`/sign-in/${token}`), `/sign-in/${token}`)).status).toBe(303);
  });

  test('lets nobody in by a link that never was, was altered, or was made for something else', async () => {
    const task = await makeLink(pages.shop.db.pool, { kind: 'yours' });
    for (const token of ['x', task, 'AAAAAAAAAAAAAAAAAAAAAA'])
      expect((await pages.nobody().post(`/sign-in/${token}`)).status).toBe(404);
  });

  test('ends when somebody signs out', async () => {
    const mina = await pages.as('mina');
    const kept = new Map(mina.cookies);
    await mina.press(await mina.get('/mine'), '/sign-out');
    expect(mina.cookies.has('heed')).toBe(false);
    mina.cookies.set('heed', kept.get('heed')!);
    expect((await mina.get('/mine')).headers.get('Location')).toBe('/sign-in');
  });

  test('is kept in a cookie that only our own pages send, and no script reads', async () => {
    const app = createApp({ ...pages.web, publicUrl: 'https://heed.example' }, { rateLimiting: false });
    const token = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'mina' });
    const answer = await app.request(`/sign-in/${token}`, { method: 'POST' });
    const [cookie] = answer.headers.getSetCookie().filter((set) => /^__Host-heed=[\w-]/.test(set));
    expect(cookie).toMatch(/; Path=\/; HttpOnly; Secure; SameSite=Lax$|HttpOnly; Secure/);
    expect(cookie).toContain('SameSite=Lax');
  });

  test('goes on only to an address of ours', async () => {
    for (const elsewhere of ['//evil.example', 'https://evil.example', '/\\evil.example']) {
      const mina = pages.nobody();
      const token = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'mina' });
      const page = await mina.get(`/sign-in/${token}`);
      mina.cookies.set('heed-next', encodeURIComponent(elsewhere));
      const inside = await mina.press(page, `/sign-in/${token}`);
      expect(inside.path).toBe('/');
    }
  });

  test('refuses what cannot be an address, and keeps it', async () => {
    const again = await pages.nobody().press(await pages.nobody().get('/sign-in'), '/sign-in', { email: 'mina' });
    expect(again.status).toBe(400);
    expect(again.html).toContain('value="mina"');
  });
});

describe('what can be no address', () => {
  test('is refused at once, however long it is', async () => {
    const began = performance.now();
    const answer = await pages.nobody().post('/sign-in', { email: `a@${'.'.repeat(60_000)}@` });
    expect(answer.status).toBe(400);
    // Not a matter of speed: the pattern would go on for the better part of a minute.
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

describe('standing in for people', () => {
  test('exists only in the demonstration', async () => {
    expect((await pages.nobody().post('/dev/stand-in', { person: 'mina' })).status).toBe(404);
  });

  test('signs in as a colleague, and leads to what the customer who spoke last would see', async () => {
    const demo = await openPages({ demo: true });
    try {
      const visitor = demo.nobody();
      const stranger = { 'Sec-Fetch-Site': 'same-origin' };
      const misled = await visitor.post('http://evil.example/dev/stand-in', { person: 'ingrid' }, stranger);
      expect([misled.status, misled.headers.getSetCookie()]).toEqual([403, []]);
      expect(misled.text).toContain('This is a demonstration on one machine');
      const start = await visitor.get('/');
      expect(start.text).toContain('A customer is at the till. She wants what you don’t have.');
      expect(start.text).toContain('None due yet.');
      const filled = await visitor.press(start, '/dev/stand-in', { person: 'mina', to: 'story' });
      expect(filled.html).toContain('Do you have this coat in green, size 42?</textarea>');
      expect(filled.text).toContain('Read as: coat · colour green · size 42');
      await visitor.press(filled, '/capture');
      const kims = await visitor.press(await visitor.get('/start'), '/dev/stand-in', { customer: 'yes' });
      expect(kims.path).toMatch(/^\/yours\//);
      expect(kims.text).toContain('You told Mina Okafor.');
    } finally {
      await demo.shop.close();
    }
  });
});
