import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import { linkTo } from '../../../../src/domain/links.ts';
import { openPool, sql } from '../../../../src/store/pool.ts';
import { keepApiKey, newApiKey } from '../../../../src/store/records/apiKeys.ts';
import { newBrowserSecret } from '../../../../src/store/records/askings.ts';
import { refusalsSince } from '../../../../src/store/records/refusals.ts';
import { findLink, hashOf, makeLink, useLink } from '../../../../src/store/records/links.ts';
import { createApp } from '../../../../src/triggers/http/app.ts';
import { openSession } from '../../../../src/store/records/sessions.ts';
import { dismiss } from '../../../../src/triggers/responses/dismiss.ts';
import { kim } from '../../../activities/messages/shop.ts';
import { foundInDatabase } from '../../../support/canaries.ts';
import { undone } from '../../../support/database.ts';
import { linkIn, openPages, type Fields, type Pages, type Visitor } from './visitors.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages();
});
afterAll(() => pages.shop.close());

const isIn = async (visitor: Visitor): Promise<boolean> => (await visitor.get('/mine')).status === 200;
const open = (staff: string): Promise<number> =>
  pages.shop.db.pool.oneFirst(sql.type(z.object({ n: z.number() }))`
    select count(*)::integer as n from sessions where staff = ${staff} and revoked_at is null`);
/** How many wait for somebody else to let go of a row. */
const waiting = (): Promise<number> =>
  pages.shop.db.pool.oneFirst(sql.type(z.object({ n: z.number() }))`
    select count(*)::integer as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
const ours = { 'Sec-Fetch-Site': 'same-origin' };

describe('where somebody is signed in', () => {
  test('they see, and end one they do not know', async () => {
    const [here, elsewhere] = [await pages.as('mina'), await pages.as('mina')];
    const page = await here.get('/sessions');
    expect(page.html.match(/By a link from an e-mail/g)).toHaveLength(2);
    expect(page.html.match(/this one/g)).toHaveLength(1);
    const [, session] = /name="session" value="([^"]+)"/.exec(page.html)!;
    const after = await here.press(page, '/sessions/end', { session: session! });
    expect(after.text).toContain('Ended. Nobody gets in by it any more.');
    expect(after.html.match(/By a link from an e-mail/g)).toHaveLength(1);
    expect(
      await pages.shop.db.pool.one(sql.unsafe`select act, by, session_id from door_acts where staff = 'mina'`),
    ).toEqual({ act: 'signed_out', by: 'mina', session_id: session });
    expect([await isIn(here), await isIn(elsewhere)]).toEqual([true, false]);
  });

  test('all of it ends with one press, the sign-in links in their mail included', async () => {
    const [here, elsewhere] = [await pages.as('jonas'), await pages.as('jonas')];
    const waiting = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'jonas' });
    const priya = await pages.as('priya');
    // What others wait for stays, and what they are called to.
    const hers = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'priya' });
    const called = await makeLink(pages.shop.db.pool, { kind: 'task', staff: 'jonas' });
    const left = await here.post('/sessions/end', {}, ours);
    expect(left.headers.get('Location')).toBe('/sign-in');
    expect([await isIn(here), await isIn(elsewhere), await isIn(priya)]).toEqual([false, false, true]);
    expect((await pages.nobody().post('/sign-in/link', { link: waiting })).status).toBe(410);
    expect((await pages.nobody().post('/sign-in/link', { link: hers })).status).toBe(303);
    expect(await findLink(pages.shop.db.pool, called, ['task'])).toMatchObject({ ended: false });
  });

  test('whoever signed in more than ten minutes ago ends nothing until they have done so again', async () => {
    const [here, elsewhere] = [await pages.as('mina'), await pages.as('mina')];
    await pages.shop.db.passTime('9 minutes');
    const early = await here.get('/sessions');
    await pages.shop.db.passTime('1 minute');
    const [, session] = /name="session" value="([^"]+)"/.exec(early.html)!;
    // By the buttons of a page that was opened in time.
    for (const fields of [{ session: session! }, {}] as Fields[]) {
      const refused = await here.press(early, '/sessions/end', fields);
      expect(refused.status).toBe(403);
      expect(refused.text).toContain('Nothing was ended: it takes a sign-in of the last ten minutes.');
      expect(refused.text).toContain('To end any of these, sign in again');
    }
    const late = await here.get('/sessions');
    expect(late.html).not.toContain('action="/sessions/end"');
    expect([await isIn(here), await isIn(elsewhere)]).toEqual([true, true]);
    expect(await refusalsSince(pages.shop.db.pool, 1)).toContainEqual(
      expect.objectContaining({ door: 'page', why: 'needs_sign_in', whose: 'mina', times: 2 }),
    );

    expect(late.html).toContain('href="/sign-in">Sign in again</a>');
    await here.press(await here.get('/sign-in'), '/sign-in', { email: 'mina@linden-vale.example' });
    const link = linkIn(await pages.shop.letter('sign_in', 'mina'));
    const again = await here.press(await here.get(link), '/sign-in/link');
    expect(again.path).toBe('/sessions');
    await here.press(again, '/sessions/end', { session: session! });
    expect([await isIn(here), await isIn(elsewhere)]).toEqual([true, false]);
  });

  test('signing out where one is takes nothing but the press, however long ago one signed in', async () => {
    const [here, elsewhere] = [await pages.as('priya'), await pages.as('priya')];
    await pages.shop.db.passTime('2 hours');
    await here.press(await here.get('/sessions'), '/sign-out');
    expect([await isIn(here), await isIn(elsewhere)]).toEqual([false, true]);
    const own = await open('priya');
    const session = await pages.shop.db.pool.oneFirst(
      sql.type(z.object({ id: z.string() }))`
        select id from sessions where staff = 'priya' and revoked_at is null order by created_at desc limit 1`,
    );
    expect((await elsewhere.post('/sessions/end', { session }, ours)).status).toBe(303);
    expect([await isIn(elsewhere), await open('priya')]).toEqual([false, own - 1]);
  });

  test('nobody ends what is somebody else’s: it is not there', async () => {
    const [mina, luca] = [await pages.as('mina'), await pages.as('luca')];
    const theirs = await pages.shop.db.pool.oneFirst(
      sql.type(
        z.object({ id: z.string() }),
      )`select id from sessions where staff = 'mina' order by created_at desc limit 1`,
    );
    for (const session of [theirs, '0197f000-0000-7000-8000-000000000000', 'x'])
      expect((await luca.post('/sessions/end', { session }, ours)).status).toBe(404);
    expect(await isIn(mina)).toBe(true);
  });
});

describe('a session', () => {
  test('begins once, of ten presses of its link that have all found it good and go on at the same moment', async () => {
    const { db } = pages.shop;
    const token = await makeLink(db.pool, { kind: 'sign_in', staff: 'omar' });
    const before = await open('omar');
    // A connection for each press to wait on, and one that makes them wait.
    const pool = await openPool(db.workingUrl, { connections: 10, statementTimeoutMs: 30_000 });
    const app = createApp({ ...pages.web, heed: { ...pages.web.heed, pool } }, { rateLimiting: false });
    const holder = new pg.Client(db.url);
    await holder.connect();
    await holder.query('begin');
    await holder.query('select from links where token_hash = $1 for update', [hashOf(token)]);
    const presses = Array.from({ length: 10 }, async () =>
      app.request('/sign-in/link', { method: 'POST', body: new URLSearchParams({ link: token }) }),
    );
    while ((await waiting()) < presses.length) await setImmediate();
    await holder.query('commit');
    const statuses = (await Promise.all(presses)).map(({ status }) => status);
    await Promise.all([holder.end(), pool.end()]);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([303, ...Array<number>(9).fill(410)]);
    expect(await open('omar')).toBe(before + 1);
  });

  test('begins by no link that was found good and was revoked, ran out, or whose person left, before it was used', async () => {
    const { db } = pages.shop;
    const made = (expiresAt?: Date) => makeLink(db.pool, { kind: 'sign_in', staff: 'omar', expiresAt });
    const soon = await db.pool.oneFirst(
      sql.type(z.object({ at: z.date() }))`select heed_now() + interval '1 minute' as at`,
    );
    const [good, late, revoked, left] = [await made(soon), await made(soon), await made(), await made()];
    await db.pool.query(
      sql.unsafe`update links set revoked_at = heed_now() where token_hash = ${sql.binary(hashOf(revoked))}`,
    );
    expect([await useLink(db.pool, good), await useLink(db.pool, revoked)]).toEqual([true, false]);
    expect(await useLink(db.pool, good)).toBe(false);
    await db.passTime('1 minute');
    expect(await useLink(db.pool, late)).toBe(false);
    await undone(db, async (tx) => {
      await tx.query(sql.unsafe`update staff set removed_at = heed_now() where code = 'omar'`);
      expect(await useLink(tx, left)).toBe(false);
    });
    expect(await useLink(db.pool, left)).toBe(true);
  });

  test('is another one after each sign-in: what a cookie held before opens nothing', async () => {
    const mina = await pages.as('mina');
    const before = mina.cookies.get('heed')!;
    const token = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'mina' });
    await mina.press(await mina.get(linkTo('', token)), '/sign-in/link');
    expect(mina.cookies.get('heed')).not.toBe(before);
    const thief = pages.nobody();
    thief.cookies.set('heed', before);
    expect(await isIn(thief)).toBe(false);
  });

  test('ends after three days without its person; a page left open does not count as them', async () => {
    const [busy, away] = [await pages.as('femke'), await pages.as('femke')];
    const shown = (await away.get('/mine')).headers.get('ETag')!;
    for (let day = 0; day < 4; day++) {
      await pages.shop.db.passTime('23 hours');
      expect(await isIn(busy)).toBe(true);
      await away.get('/mine', { 'If-None-Match': shown });
    }
    expect(await isIn(away)).toBe(false);
  });

  test('ends after thirty days, however busy', async () => {
    const busy = await pages.as('aisha');
    for (let day = 0; day < 15; day++) {
      expect(await isIn(busy)).toBe(true);
      await pages.shop.db.passTime('2 days');
    }
    expect(await isIn(busy)).toBe(false);
  });
});

describe('whoever gets another address in the company file', () => {
  test('is out at once, and so is whoever reads the old mailbox: nothing that went there lets anybody in, nor does a key of theirs', async () => {
    const { db } = pages.shop;
    const livesAt = (email: string) =>
      db.apply((company) => {
        company.staff['yara'] = { ...company.staff['omar']!, name: 'Yara Yilmaz', email };
        company.places['harbour']!.manager = 'yara';
      });
    await livesAt('typo@elsewhere.example');
    const signal = await pages.shop.hears({ ...kim, words: 'I was charged twice.', place: 'harbour', by: 'aisha' });
    const task = linkIn(await pages.shop.letter('prompt', 'yara', signal.id));
    const waiting = await makeLink(db.pool, { kind: 'sign_in', staff: 'yara' });
    const key = `key-of-yara-${crypto.randomUUID()}`;
    await keepApiKey(db.pool, key, { name: 'yara', scopes: ['*'], by: 'ops' });
    const app = createApp(pages.web, { rateLimiting: false });
    const byKey = async (): Promise<number> =>
      (await app.request('/v1/signals', { headers: { Authorization: `Bearer ${key}` } })).status;
    const [yara, omar] = [await pages.as('yara'), await pages.as('omar')];
    expect([await isIn(yara), (await pages.nobody().get(task)).status, await byKey()]).toEqual([true, 200, 200]);

    await livesAt('yara@linden-vale.example');
    expect([await isIn(yara), await isIn(omar)]).toEqual([false, true]);
    expect((await pages.nobody().get(task)).status).toBe(410);
    expect((await pages.nobody().post('/sign-in/link', { link: waiting })).status).toBe(410);
    expect(await byKey()).toBe(401);
    expect(await isIn(await pages.as('yara'))).toBe(true);
  });
});

test('whoever reads the old mailbox is out, too, where they press just while the company file is applied', async () => {
  const { db } = pages.shop;
  const livesAt = (email: string) =>
    db.apply((company) => (company.staff['zara'] = { ...company.staff['omar']!, name: 'Zara Zoll', email }));
  await livesAt('zara@elsewhere.example');
  const link = await makeLink(db.pool, { kind: 'sign_in', staff: 'zara' });
  await pages.as('zara');
  const holder = new pg.Client(db.url);
  await holder.connect();
  // The file is applied as far as their sessions, and not yet as far as their links.
  await holder.query(`begin; select from sessions where staff = 'zara' for update`);
  const moves = livesAt('zara@linden-vale.example');
  while ((await waiting()) < 1) await setImmediate();
  const reader = pages.nobody();
  const pressed = reader.post('/sign-in/link', { link });
  while ((await waiting()) < 2) await setImmediate();
  await holder.query('commit');
  await Promise.all([holder.end(), moves]);
  expect([(await pressed).status, await isIn(reader)]).toEqual([410, false]);
});

test('a letter with a link in it that is written just while the company file is applied goes to the new mailbox', async () => {
  const { shop } = pages;
  const livesAt = (email: string) =>
    shop.db.apply((company) => {
      company.staff['nora'] = { ...company.staff['omar']!, name: 'Nora Novak', email };
      company.places['harbour']!.manager = 'nora';
    });
  await livesAt('nora@elsewhere.example');
  const signal = await shop.hears({ ...kim, words: 'I was charged twice.', place: 'harbour', by: 'aisha' });
  const reader = pages.nobody();
  await reader.press(await reader.get('/sign-in'), '/sign-in', { email: 'nora@elsewhere.example' });
  const letters = [await shop.planned('sign_in', 'nora'), await shop.planned('prompt', 'nora', signal.id)];
  await pages.as('nora');
  const holder = new pg.Client(shop.db.url);
  await holder.connect();
  // The file is applied as far as their sessions, and not yet as far as their links.
  await holder.query(`begin; select from sessions where staff = 'nora' for update`);
  const moves = livesAt('nora@linden-vale.example');
  while ((await waiting()) < 1) await setImmediate();
  const written = Promise.all(letters.map((letter) => shop.composes(letter)));
  while ((await waiting()) < 3) await setImmediate();
  await holder.query('commit');
  await Promise.all([holder.end(), moves]);
  expect((await written).map((composed) => 'letter' in composed && composed.letter.to)).toEqual(
    letters.map(() => 'nora@linden-vale.example'),
  );
});

describe('whoever leaves the company file', () => {
  test('is out at once: sessions, links in their mail, sign-in links, keys named after them', async () => {
    const { db } = pages.shop;
    await db.apply((company) => {
      company.staff['zoe'] = { ...company.staff['omar']!, name: 'Zoe Zane', email: 'zoe@linden-vale.example' };
      company.places['harbour']!.manager = 'zoe';
    });
    const signal = await pages.shop.hears({ ...kim, words: 'I was charged twice.', place: 'harbour', by: 'aisha' });
    const task = linkIn(await pages.shop.letter('prompt', 'zoe', signal.id));
    const waiting = await makeLink(db.pool, { kind: 'sign_in', staff: 'zoe' });
    const key = `key-of-zoe-${crypto.randomUUID()}`;
    await keepApiKey(db.pool, key, { name: 'zoe', scopes: ['*'], by: 'ops' });
    const zoe = await pages.as('zoe');
    const app = createApp(pages.web, { rateLimiting: false });
    const byKey = async (): Promise<number> =>
      (await app.request('/v1/signals', { headers: { Authorization: `Bearer ${key}` } })).status;
    expect([await isIn(zoe), (await pages.nobody().get(task)).status, await byKey()]).toEqual([true, 200, 200]);

    await db.apply((company) => {
      delete company.staff['zoe'];
      company.places['harbour']!.manager = 'omar';
    });
    expect(await isIn(zoe)).toBe(false);
    expect((await pages.nobody().get(task)).status).toBe(410);
    expect((await pages.nobody().post('/t/acknowledgement', { link: task }, ours)).status).toBe(410);
    expect((await pages.nobody().post('/sign-in/link', { link: waiting })).status).toBe(410);
    expect(await byKey()).toBe(401);
    // What was made for them a moment later opens nothing either.
    const late = await makeLink(db.pool, {
      kind: 'task',
      staff: 'zoe',
      loopId: signal.id,
      round: 1,
      wait: 'acknowledged',
    });
    expect((await pages.nobody().get(linkTo('', late))).status).toBe(410);
    expect((await pages.shop.signal(signal.id)).acknowledged_at).toBeNull();
    // Written down as codes.
    const refused = await refusalsSince(db.pool, 1);
    expect(
      refused
        .filter(({ whose }) => whose === 'zoe')
        .map(({ door, why }) => `${door} ${why}`)
        .sort(),
    ).toEqual(['link revoked', 'sign_in revoked']);
    // Back again, they begin anew: nothing that was taken from them opens.
    await db.apply((company) => {
      company.staff['zoe'] = { ...company.staff['omar']!, name: 'Zoe Zane', email: 'zoe@linden-vale.example' };
    });
    expect([await isIn(zoe), (await pages.nobody().get(task)).status, await byKey()]).toEqual([false, 410, 401]);
  });
});

test('whoever moves to another place sees that one from then on, and the former no more', async () => {
  const { db } = pages.shop;
  const [there, here] = [
    await pages.shop.hears({ words: 'Do you have this shirt in white?', place: 'station', by: 'luca' }),
    await pages.shop.hears({ words: 'Do you have this scarf in navy?', place: 'harbour', by: 'aisha' }),
  ];
  const luca = await pages.as('luca');
  const seen = async () => [there, here].map(async ({ id }) => (await luca.get(`/signals/${id}`)).status);
  const own = async (): Promise<string> => (await luca.get('/mine')).html;
  const words = 'Do you have this shirt in white?';
  expect(await Promise.all(await seen())).toEqual([200, 404]);
  expect(await own()).toContain(words);
  await db.apply((company) => {
    company.staff['luca']!.places = ['harbour'];
  });
  expect(await Promise.all(await seen())).toEqual([404, 200]);
  // What became of what he heard is told all the same, and not what was said.
  const after = await own();
  expect(after).not.toContain(words);
  expect(after).not.toContain(`/signals/${there.id}`);
  expect(after).toContain(there.reference);
  expect(after).toContain('It was said at Station, where you work no more.');
  await dismiss(db.heed, { loopId: there.id, by: 'femke', press: pages.shop.press() }, { reason: 'It is there.' });
  const news = await pages.shop.composes(await pages.shop.planned('news', 'luca', there.id));
  expect(JSON.stringify(news)).toContain(there.reference);
  expect(JSON.stringify(news)).toContain('It is there.');
  expect(JSON.stringify(news)).not.toContain(words);
});

describe('what lets somebody in', () => {
  const made: [what: string, bits: number, make: () => Promise<string>][] = [
    ['a session', 192, () => openSession(pages.shop.db.pool, 'mina')],
    ['a link', 128, () => makeLink(pages.shop.db.pool, { kind: 'yours' })],
    ['a key', 192, async () => newApiKey()],
    ['a browser that asked', 128, async () => newBrowserSecret()],
  ];

  test.each(made)('%s has %i bits, each of them drawn anew, so that no two are alike', async (_, bits, make) => {
    const tokens = await Promise.all(Array.from({ length: 400 }, make));
    expect(new Set(tokens).size).toBe(400);
    const drawn = tokens.map((token) => Buffer.from(token.replace(/^heed_/, ''), 'base64url'));
    for (const bytes of drawn) expect(bytes).toHaveLength(bits / 8);
    // Of a fair bit 400 times, by less than one in a trillion, it is further from the half than that.
    const ones = Array.from(
      { length: bits },
      (_, at) => drawn.filter((bytes) => (bytes[at >> 3]! >> (at & 7)) & 1).length,
    );
    expect(ones.filter((times) => Math.abs(times - 200) > 80)).toEqual([]);
  });

  test('is kept as its SHA-256 alone', async () => {
    const { pool, url } = pages.shop.db;
    const key = newApiKey();
    await keepApiKey(pool, key, { name: 'kept', scopes: ['read'], by: 'ops' });
    const [session, link] = [await openSession(pool, 'mina'), await makeLink(pool, { kind: 'yours' })];
    const kept = await pool.anyFirst(sql.type(z.object({ hash: z.string() }))`
      select encode(h, 'hex') as hash from (
        select token_hash from sessions union all select token_hash from links union all select key_hash from api_keys) as of_all (h)`);
    for (const token of [session, link, key]) expect(kept).toContain(createHash('sha256').update(token).digest('hex'));
    expect(await foundInDatabase(url, [session, link, key])).toEqual([]);
  });
});

describe('what can be found out at the door', () => {
  test('whether an address belongs to somebody: not by status, size or what is written', async () => {
    const ask = async (email: string) => {
      const before = await pages.facts();
      const answer = await pages.nobody().post('/sign-in', { email });
      // Each browser is given a secret of its own, and shown a code that is made of it.
      const headers = [...answer.headers]
        .filter(([name]) => name !== 'x-request-id')
        .map(([name, value]) => [name, value.replace(/^heed-asked=[\w-]{22};/, 'heed-asked=;')]);
      const html = answer.html.replaceAll(email, '').replace(/\d{4} \d{4}/, 'dddd dddd');
      return { before, answer, same: { status: answer.status, html, headers } };
    };
    const known = await ask('priya@linden-vale.example');
    const unknown = await ask('pryia@linden-vale.example');
    expect(unknown.same).toEqual(known.same);
    expect(unknown.answer.html).toHaveLength(known.answer.html.length);
    expect(unknown.same.html).toContain('dddd dddd');
  });

  test('nothing that was refused holds a token, an address or a word', async () => {
    const token = 'AbCdEfGhIjKlMnOpQrStUv';
    await pages.nobody().get(linkTo('', token));
    await pages.nobody().post('/yours/say', { link: token });
    await pages.nobody().post('/sign-in', { email: 'nobody@elsewhere.example' });
    const kept = JSON.stringify(await pages.shop.db.pool.any(sql.unsafe`select door, whose, why from refusals`));
    expect(kept).toContain('"why":"unknown"');
    expect(kept).not.toMatch(new RegExp(`${token}|@|elsewhere`));
  });

  test('knocking without end fills one row a minute, and after ninety days it is forgotten', async () => {
    const { pool } = pages.shop.db;
    await pages.shop.db.rewrite(sql.unsafe`delete from refusals`);
    for (let i = 0; i < 50; i++) await pages.nobody().post('/not-me', { link: 'AbCdEfGhIjKlMnOpQrStUv' });
    const rows = await pool.any(sql.type(z.object({ times: z.number() }))`select times from refusals`);
    expect(rows.length).toBeLessThanOrEqual(2);
    expect(rows.reduce((sum, { times }) => sum + times, 0)).toBe(50);
    expect((await createApp(pages.web).request('/metrics')).status).toBe(200);
    expect(await (await createApp(pages.web).request('/metrics')).text()).toContain(
      'heed_refusals{door="link",why="unknown"} 50',
    );
    await pages.shop.db.passTime('91 days');
    await pages.nobody().post('/not-me', { link: 'AbCdEfGhIjKlMnOpQrStUv' });
    expect(await pool.any(sql.unsafe`select times from refusals`)).toEqual([{ times: 1 }]);
  });
});
