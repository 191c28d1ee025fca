import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import { linkTo } from '../../../../src/domain/links.ts';
import { sql } from '../../../../src/store/pool.ts';
import { idOfDelivery, planDelivery } from '../../../../src/store/records/deliveries.ts';
import { codeOf, newBrowserSecret } from '../../../../src/store/records/askings.ts';
import { makeLink } from '../../../../src/store/records/links.ts';
import { refusalsSince } from '../../../../src/store/records/refusals.ts';
import { createApp } from '../../../../src/triggers/http/app.ts';
import { linkIn, openPages, type Page, type Pages, type Visitor } from './visitors.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages();
});
afterAll(() => pages.shop.close());

/** What is read, but for the address that was typed and the digits of the code, which are others each time. */
const readAs = ({ text }: Page, address: string): string =>
  text.replace(address, '').replace(/\d{4} \d{4}/, 'dddd dddd');

describe('signing in', () => {
  test('goes by a link in an e-mail, which lets somebody in once', async () => {
    const someone = pages.nobody();
    await someone.get('/mine');
    await someone.press(await someone.get('/sign-in'), '/sign-in', { email: 'Mina@linden-vale.example' });
    const link = linkIn(await pages.shop.letter('sign_in', 'mina'));
    const page = await someone.get(link);
    expect(page.text).toContain('You are Mina Okafor?');
    const inside = await someone.press(page, '/sign-in/link');
    expect(inside.path).toBe('/mine');
    expect(inside.text).toContain('Mina Okafor Sign out');
    const again = await pages.nobody().post('/sign-in/link', { link });
    expect(again.status).toBe(410);
    expect((await pages.nobody().get(link)).text).toContain('has been used or has ended');
  });

  test('asks for the address once more where it holds what no database keeps', async () => {
    const page = await pages.nobody().get('/sign-in');
    const refused = await pages.nobody().press(page, '/sign-in', { email: 'mina\0@linden-vale.example' });
    expect(refused.status).toBe(400);
    expect(refused.text).toContain('This form holds the character NUL, which can’t be kept.');
  });

  test('says how long the link lives, and its letter must have left by then', async () => {
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
    expect(readAs(known, 'priya@')).toBe(readAs(unknown, 'nobody@'));
    expect(readAs(unknown, 'nobody@')).toContain('it asks for this code: dddd dddd');
  });

  test('opening the link fifty times lets nobody in and leaves it good', async () => {
    const token = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'mina' });
    const before = await pages.facts();
    const scanner = pages.nobody();
    for (let i = 0; i < 50; i++) expect((await scanner.get(linkTo('', token))).status).toBe(200);
    expect(scanner.cookies.size).toBe(0);
    expect(await pages.facts()).toBe(before);
    const mina = pages.nobody();
    expect((await mina.press(await mina.get(linkTo('', token)), '/sign-in/link')).status).toBe(303);
  });

  test('lets nobody in by a link that never was, was altered, or was made for something else', async () => {
    const task = await makeLink(pages.shop.db.pool, { kind: 'yours' });
    for (const token of ['x', task, 'AAAAAAAAAAAAAAAAAAAAAA'])
      expect((await pages.nobody().post('/sign-in/link', { link: token })).status).toBe(404);
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
    const answer = await app.request('/sign-in/link', { method: 'POST', body: new URLSearchParams({ link: token }) });
    const [cookie] = answer.headers.getSetCookie().filter((set) => /^__Host-heed=[\w-]/.test(set));
    expect(cookie).toMatch(/; Path=\/; HttpOnly; Secure; SameSite=Lax$|HttpOnly; Secure/);
    expect(cookie).toContain('SameSite=Lax');
  });

  test('goes on only to an address of ours', async () => {
    for (const elsewhere of ['//evil.example', 'https://evil.example', '/\\evil.example']) {
      const mina = pages.nobody();
      const token = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'mina' });
      const page = await mina.get(linkTo('', token));
      mina.cookies.set('heed-next', encodeURIComponent(elsewhere));
      const inside = await mina.press(page, '/sign-in/link');
      expect(inside.path).toBe('/');
    }
  });

  test('refuses what cannot be an address, and keeps it', async () => {
    const again = await pages.nobody().press(await pages.nobody().get('/sign-in'), '/sign-in', { email: 'mina' });
    expect(again.status).toBe(400);
    expect(again.html).toContain('value="mina"');
  });
});

describe('a link that was asked for', () => {
  const address = (who: string): string => `${who}@linden-vale.example`;
  const asks = async (browser: Visitor, who: string): Promise<string> => {
    const told = await browser.press(await browser.get('/sign-in'), '/sign-in', { email: address(who) });
    return /\b\d{4} \d{4}\b/.exec(told.text)![0];
  };
  const mailed = async (who: string): Promise<string> => linkIn(await pages.shop.letter('sign_in', who));
  /** The mails planned for somebody in this test, the first first. */
  const mails = (who: string) =>
    pages.shop.db.pool.any(sql.type(z.object({ id: z.string(), not_before: z.date(), state: z.string() }))`
      select id, not_before, state from deliveries where purpose = 'sign_in' and staff = ${who} and planned_at > heed_now() - interval '1 minute' order by not_before`);
  const leaves = (id: string) =>
    pages.shop.db.pool.query(sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where id = ${id}`);
  /** How many rows of each table were written in the transaction that kept the latest asking. */
  const rowsOfLastAsking = async (): Promise<Record<string, number>> => {
    const { pool } = pages.shop.db;
    const tables = await pool.anyFirst(
      sql.type(z.object({ name: z.string() }))`select tablename as name from pg_tables where schemaname = 'public'`,
    );
    const its = sql.fragment`(select xmin from askings order by asked_at desc limit 1)`;
    const counts = tables.map(
      (name) => sql.fragment`
        select ${name}::text as name, count(*)::integer as rows from ${sql.identifier([name])} where xmin = ${its}`,
    );
    const written = await pool.any(
      sql.type(z.object({ name: z.string(), rows: z.number() }))`${sql.join(counts, sql.fragment` union all `)}`,
    );
    return Object.fromEntries(written.flatMap(({ name, rows }) => (rows > 0 ? [[name, rows]] : [])));
  };
  const isIn = async (browser: Visitor): Promise<boolean> => (await browser.get('/mine')).status === 200;
  const another = (code: string): string => code.replace(/\d$/, (last) => String((Number(last) + 1) % 10));
  // In a minute that no other test has mailed in, early enough for all that this one asks for in it.
  beforeEach(async () => {
    await pages.shop.db.passTime('2 minutes');
    const { left } = await pages.shop.db.pool.one(
      sql.type(z.object({ left: z.number() }))`select (60 - extract(second from heed_now()))::float8 as left`,
    );
    await pages.shop.db.passTime(`${left} seconds`);
  });

  test('takes as many statements whether the address belongs to somebody or not, and writes as many rows', async () => {
    // What was counted before this is written down by itself within a second.
    await pages.web.heed.turnedAway.write();
    const statements = jest.spyOn(pg.Client.prototype, 'query');
    const asking = async (who: string): Promise<number> => {
      const before = statements.mock.calls.length;
      await pages.nobody().post('/sign-in', { email: address(who) });
      return statements.mock.calls.length - before;
    };
    const first = await asking('omar');
    const written = [await rowsOfLastAsking()];
    expect(await asking('nobody')).toBe(first);
    written.push(await rowsOfLastAsking());
    expect(written).toEqual([
      { askings: 1, deliveries: 1 },
      { askings: 1, refusals: 1 },
    ]);
    // Within the minute the same mail answers; and once that has left, the one of the next.
    const again = [await asking('omar'), await asking('nobody')];
    for (const { id } of await mails('omar')) await leaves(id);
    expect([...again, await asking('omar'), await asking('nobody')]).toEqual([first, first, first, first]);
    statements.mockRestore();
  });

  test('lets in the browser that asked for it; another one with the code that is shown there, and no other', async () => {
    const [desk, phone] = [pages.nobody(), pages.nobody()];
    const code = await asks(desk, 'luca');
    const link = await mailed('luca');
    const page = await phone.get(link);
    expect(page.text).toContain('You asked for this link in another browser. Type the code that is shown there.');
    const [wrong, none] = [
      await phone.press(page, '/sign-in/link', { code: another(code) }),
      await phone.press(page, '/sign-in/link', { code: '12' }),
    ];
    expect([wrong.status, none.status, (await phone.post('/sign-in/link', { link })).status]).toEqual([403, 400, 400]);
    expect(wrong.text).toContain('That is not the code.');
    expect([wrong.headers.getSetCookie(), await isIn(phone)]).toEqual([[], false]);
    expect(await refusalsSince(pages.shop.db.pool, 1)).toContainEqual(
      expect.objectContaining({ door: 'sign_in', why: 'wrong_code', whose: 'luca', times: 1 }),
    );
    expect((await phone.press(page, '/sign-in/link', { code })).path).toBe('/mine');
    expect([await isIn(phone), await isIn(desk)]).toEqual([true, false]);
    expect((await desk.get(link)).status).toBe(410);
  });

  test('has a code of twenty-six bits: eight digits, made of a secret that each browser draws anew, one as likely as any other', () => {
    const codes = Array.from({ length: 20_000 }, () => codeOf(newBrowserSecret()));
    expect(codes.filter((code) => !/^\d{8}$/.test(code))).toEqual([]);
    // Of a hundred million two pairs are the same; of a million there would be two hundred.
    expect(20_000 - new Set(codes).size).toBeLessThan(20);
    const times = Array.from({ length: 8 }, (_, at) =>
      Array.from({ length: 10 }, (_, digit) => codes.filter((code) => code[at] === String(digit)).length),
    );
    // Each about two thousand times; by less than one in a trillion further from it than that.
    expect(times.flat().filter((count) => Math.abs(count - 2_000) > 320)).toEqual([]);
  });

  test('is pressed without a code where it was asked for, though that was asked twice, and with the one code elsewhere', async () => {
    const desk = pages.nobody();
    const code = await asks(desk, 'femke');
    const first = await mailed('femke');
    await pages.shop.db.passTime('1 minute');
    expect(await asks(desk, 'femke')).toBe(code);
    const second = await mailed('femke');
    expect((await desk.get(first)).html).not.toContain('name="code"');
    const phone = pages.nobody();
    await phone.press(await phone.get(second), '/sign-in/link', { code: code.replace(' ', '') });
    expect(await isIn(phone)).toBe(true);
    expect((await desk.press(await desk.get(first), '/sign-in/link')).path).toBe('/');
    // Whoever asks there next is shown another one.
    expect(await asks(desk, 'femke')).not.toBe(code);
  });

  test('is over after five wrong codes, of many at the same moment too, and for whoever asked for it as well', async () => {
    const [desk, stranger] = [pages.nobody(), pages.nobody()];
    const code = await asks(desk, 'omar');
    const link = await mailed('omar');
    const tried = await Promise.all(
      Array.from({ length: 20 }, () => stranger.post('/sign-in/link', { link, code: another(code) })),
    );
    const statuses = tried.map(({ status }) => status);
    expect([403, 410].map((status) => statuses.filter((one) => one === status).length)).toEqual([4, 16]);
    expect(tried.find(({ status }) => status === 410)!.text).toMatch(/this link is over|has been used or has ended/);
    expect((await stranger.post('/sign-in/link', { link, code })).status).toBe(410);
    expect((await desk.post('/sign-in/link', { link })).status).toBe(410);
    expect([await isIn(stranger), await isIn(desk)]).toEqual([false, false]);
  });

  test('still takes the right code as the fifth', async () => {
    const [desk, phone] = [pages.nobody(), pages.nobody()];
    const code = await asks(desk, 'aisha');
    const link = await mailed('aisha');
    for (let n = 0; n < 4; n++)
      expect((await phone.post('/sign-in/link', { link, code: another(code) })).status).toBe(403);
    expect((await phone.post('/sign-in/link', { link, code })).status).toBe(303);
  });

  test('opens for nobody who did not ask for it: by another code, another link of the same person, or what a browser makes up', async () => {
    const [mine, theirs] = [pages.nobody(), pages.nobody()];
    await asks(mine, 'jonas');
    const code = await asks(theirs, 'tomas');
    const link = await mailed('jonas');
    expect((await theirs.get(link)).html).toContain('name="code"');
    expect((await theirs.post('/sign-in/link', { link, code })).status).toBe(403);
    for (const secret of ['', 'AAAAAAAAAAAAAAAAAAAAAA']) {
      const madeUp = pages.nobody();
      madeUp.cookies.set('heed-asked', secret);
      expect((await madeUp.post('/sign-in/link', { link })).status).toBe(400);
    }
  });

  test('is none the worse for a stranger who asks, too, who gets in by none that left before, and has nobody mailed twice a minute', async () => {
    const [stranger, priya] = [pages.nobody(), pages.nobody()];
    await asks(stranger, 'priya');
    await asks(priya, 'priya');
    // One mail for both.
    expect(await mails('priya')).toHaveLength(1);
    const [first] = await mails('priya');
    const link = await mailed('priya');
    await leaves(first!.id);

    // Asked for after it left: answered by the next minute's, and it does not open here.
    const late = pages.nobody();
    await asks(late, 'priya');
    await asks(pages.nobody(), 'priya');
    await asks(priya, 'priya');
    const [, next, ...more] = await mails('priya');
    expect(more).toEqual([]);
    expect([next!.state, next!.not_before.getTime() % 60_000]).toEqual(['planned', 0]);
    expect(next!.not_before.getTime() - first!.not_before.getTime()).toBeLessThanOrEqual(60_000);
    expect((await late.get(link)).html).toContain('name="code"');
    expect((await late.get(await mailed('priya'))).html).not.toContain('name="code"');
    expect((await priya.press(await priya.get(link), '/sign-in/link')).path).toBe('/');
  });

  test('knows its browser by a cookie that only our own pages send, and neither that nor the code is kept', async () => {
    const app = createApp({ ...pages.web, publicUrl: 'https://heed.example' }, { rateLimiting: false });
    const answer = await app.request('/sign-in', {
      method: 'POST',
      body: new URLSearchParams({ email: address('ingrid') }),
    });
    const [cookie] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-heed-asked=[\w-]{22}; Max-Age=1800; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
    const secret = /=([\w-]{22});/.exec(cookie!)![1]!;
    const code = /\d{4} \d{4}/.exec(await answer.text())![0].replace(' ', '');
    const kept = await pages.shop.db.pool.any(
      sql.type(z.object({ row: z.string() }))`
        select a::text || encode(browser_hash, 'escape') || encode(code_hash, 'escape') as row from askings a`,
    );
    const all = kept.map(({ row }) => row).join();
    expect([all.length > 0, all.includes(secret), all.includes(code)]).toEqual([true, false, false]);
  });

  test('is forgotten to have been asked for after an hour', async () => {
    const count = () =>
      pages.shop.db.pool.oneFirst(sql.type(z.object({ n: z.number() }))`select count(*)::integer as n from askings`);
    await pages.nobody().post('/sign-in', { email: 'nobody@linden-vale.example' });
    expect(await count()).toBeGreaterThan(1);
    await pages.shop.db.passTime('61 minutes');
    await pages.nobody().post('/sign-in', { email: 'nobody@linden-vale.example' });
    expect(await count()).toBe(1);
  });

  test('and one that an older Heed was asked for, which noted no browser, asks nobody for a code', async () => {
    const [key, staff] = [pages.shop.press().key, 'mina'];
    await pages.shop.db.pool.transaction((tx) =>
      planDelivery(tx, { key, purpose: 'sign_in', channel: 'email', staff }),
    );
    const token = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff, deliveryId: idOfDelivery(key) });
    const someone = pages.nobody();
    const page = await someone.get(linkTo('', token));
    expect(page.text).not.toContain('code');
    expect((await someone.press(page, '/sign-in/link')).path).toBe('/');
  });

  test('and one that nobody asked for in a browser, because an operator printed it, opens in any', async () => {
    const token = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'mina' });
    const mina = pages.nobody();
    expect((await mina.press(await mina.get(linkTo('', token)), '/sign-in/link')).path).toBe('/');
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
      expect(kims.path).toBe('/t/open');
      expect(kims.text).toContain('You told Mina Okafor.');
    } finally {
      await demo.shop.close();
    }
  });
});
