/** Who is turned away is on record as codes, whatever door they came to, and however often they come. */

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Hono } from 'hono';
import { sql, type Db } from '../../../src/store/pool.ts';
import { keepApiKey } from '../../../src/store/records/apiKeys.ts';
import { refusalsSince, tallyRefusals } from '../../../src/store/records/refusals.ts';
import { createApp } from '../../../src/triggers/http/app.ts';
import { timingsDoor } from '../../../src/triggers/http/metrics.ts';
import { green } from '../../activities/messages/shop.ts';
import { openPages, type Pages, type Visitor } from './pages/visitors.ts';

const metricsToken = 'a token of sixteen letters or more';
const ours = { 'Sec-Fetch-Site': 'same-origin' };

let pages: Pages;
let app: Hono;
let mina: Visitor;
/** By scope: the id of a key, and the key. */
let keys: Record<'respond' | 'respond-for' | 'capture', { id: string; key: string }>;
/** Of the high street. */
let insight: string;
let signal: string;

beforeAll(async () => {
  pages = await openPages();
  const { db } = pages.shop;
  app = createApp(pages.web, { rateLimiting: false, metricsToken });
  mina = await pages.as('mina');
  const heard = await pages.shop.hears(green);
  [signal, insight] = [heard.id, (await pages.shop.insightOf(heard)).id];
  const made = async (...scopes: string[]) => {
    const key = `key-${randomUUID()}`;
    await keepApiKey(db.pool, key, { name: 'till', scopes, by: 'ops' });
    return {
      key,
      id: String(await db.pool.oneFirst(sql.unsafe`select id from api_keys order by created_at desc, id desc limit 1`)),
    };
  };
  keys = {
    respond: await made('respond'),
    'respond-for': await made('respond', 'respond-for'),
    capture: await made('capture'),
  };
});
afterAll(() => pages.shop.close());
beforeEach(async () => {
  await pages.shop.db.heed.turnedAway.write();
  await pages.shop.db.rewrite(sql.unsafe`delete from refusals`);
});

/** Who was turned away since the test began: 'door why whose times'. */
async function turnedAway(): Promise<string[]> {
  await pages.shop.db.heed.turnedAway.write();
  const refused = await refusalsSince(pages.shop.db.pool, 1);
  return refused.map(({ door, why, whose, times }) => `${door} ${why} ${whose || '-'} ${times}`).toSorted();
}

const byKey = (scope: keyof typeof keys, path: string, body: unknown, headers: Record<string, string> = {}) =>
  app.request(path, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${keys[scope].key}`,
      'Content-Type': 'application/json',
      'Idempotency-Key': randomUUID(),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('on record is', () => {
  test('a press whose turn it is not, on a page and by a key', async () => {
    const press = await mina.post(`/insights/${insight}/decision`, { do: 'decline', reason: 'because' }, ours);
    expect(press.status).toBe(403);
    const decision = { by: 'mina', outcome: 'declined', reason: 'because' };
    expect((await byKey('respond-for', `/v1/insights/${insight}/decision`, decision)).status).toBe(403);
    for (const noun of ['acknowledgement', 'confirmation'])
      expect(
        (
          await byKey('respond-for', `/v1/signals/${signal}/${noun}`, {
            by: 'luca',
            ...(noun === 'confirmation' && { says: 'yes' }),
          })
        ).status,
      ).toBe(403);
    expect(await turnedAway()).toEqual([
      'api not_their_turn luca 2',
      'api not_their_turn mina 1',
      'page not_their_turn mina 1',
    ]);
  });

  test('a key that speaks for others without the right to', async () => {
    expect((await byKey('respond', `/v1/signals/${signal}/acknowledgement`, { by: 'priya' })).status).toBe(403);
    expect(await turnedAway()).toEqual([`api no_scope ${keys.respond.id} 1`]);
  });

  test('whoever asks for the numbers of the loop and does not lead', async () => {
    for (const path of ['/loop', '/loop/captured']) expect((await mina.get(path)).status).toBe(403);
    expect(await turnedAway()).toEqual(['page does_not_lead mina 2']);
  });

  test('a form that another site sends', async () => {
    for (const elsewhere of [{ 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'https://evil.example' }])
      expect((await mina.post('/capture', { words: 'Hello' }, elsewhere)).status).toBe(403);
    expect(
      (await mina.post('/sign-in', { email: 'mina@linden-vale.example' }, { Origin: 'https://evil.example' })).status,
    ).toBe(403);
    expect(await turnedAway()).toEqual(['page other_site - 2', 'sign_in other_site - 1']);
  });

  test('what fits no shape, of a key with its id, of a person without their name', async () => {
    const statuses = [
      await byKey('capture', '/v1/signals', '{"words": '),
      await byKey('capture', '/v1/signals', { words: 'Hello', mod: 'fine' }),
      await byKey('capture', '/v1/signals', 'words=Hello', { 'Content-Type': 'text/plain' }),
      await byKey('capture', '/v1/signals', { words: 'x'.repeat(70_000) }),
      await mina.post('/capture', { words: '' }, ours),
      await mina.post('/sign-in', { email: 'mina' }, ours),
    ].map(({ status }) => status);
    expect(statuses).toEqual([400, 400, 415, 413, 400, 400]);
    expect(await turnedAway()).toEqual([
      // Too large is refused before anybody looks whose it is.
      'api unfit - 1',
      `api unfit ${keys.capture.id} 3`,
      'page unfit - 1',
      'sign_in unfit - 1',
    ]);
  });

  test('whoever asks too much', async () => {
    const limited = createApp(pages.web, { trustedProxyHops: 1 });
    let refused = 0;
    for (let n = 0; n < 60; n++) {
      const { status } = await limited.request('/sign-in', {
        method: 'POST',
        headers: { ...ours, 'X-Forwarded-For': '192.0.2.1', 'Content-Type': 'application/x-www-form-urlencoded' },
        body: 'email=nobody%40elsewhere.example',
      });
      if (status === 429) refused += 1;
    }
    expect(refused).toBeGreaterThan(0);
    expect(await turnedAway()).toContain(`sign_in too_much - ${refused}`);
  });

  test('a wrong token, or none, where Heed is watched, at the door of a relay too', async () => {
    const wrong = { headers: { Authorization: 'Bearer wrong' } };
    expect((await app.request('/metrics', wrong)).status).toBe(401);
    expect((await app.request('/health/engine')).status).toBe(401);
    expect((await timingsDoor(metricsToken, pages.shop.db.heed.turnedAway).request('/metrics', wrong)).status).toBe(
      401,
    );
    expect(await turnedAway()).toEqual(['metrics unknown - 3']);
    const told = await app.request('/metrics', { headers: { Authorization: `Bearer ${metricsToken}` } });
    expect(await told.text()).toContain('heed_refusals{door="metrics",why="unknown"} 3');

    let inForce = metricsToken;
    const renewed = timingsDoor(() => inForce, pages.shop.db.heed.turnedAway);
    const watched = async (): Promise<number> =>
      (await renewed.request('/metrics', { headers: { Authorization: `Bearer ${metricsToken}` } })).status;
    expect(await watched()).toBe(200);
    inForce = 'another token of sixteen letters or more';
    expect(await watched()).toBe(401);
  });

  test('nothing of what goes well', async () => {
    expect((await byKey('capture', '/v1/signals', { words: 'Hello?', place: 'station' })).status).toBe(202);
    expect((await mina.get('/mine')).status).toBe(200);
    expect((await app.request('/nowhere')).status).toBe(404);
    expect(await turnedAway()).toEqual([]);
  });
});

describe('a flood', () => {
  /** A database that counts what it is asked, and is away while it is told to be. */
  function counting() {
    const seen = { asked: 0, away: false };
    const db = new Proxy(pages.shop.db.pool, {
      get: (pool, name) =>
        name === 'query'
          ? (statement: never) => {
              seen.asked += 1;
              return seen.away ? Promise.reject(new Error('away')) : pool.query(statement);
            }
          : (Reflect.get(pool, name) as unknown),
    });
    return { seen, db: db as Db };
  }

  test('of whoever is turned away is one statement and one row, not one each', async () => {
    const { seen, db } = counting();
    const heed = { ...pages.web.heed, turnedAway: tallyRefusals(db) };
    const flooded = createApp({ ...pages.web, heed }, { rateLimiting: false });
    const elsewhere = { method: 'POST', headers: { 'Sec-Fetch-Site': 'cross-site' } };
    for (let n = 0; n < 500; n++) expect((await flooded.request('/capture', elsewhere)).status).toBe(403);
    await heed.turnedAway.write();
    expect(await turnedAway()).toEqual(['page other_site - 500']);
    // One a second, however long it took, and the one asked for.
    expect(seen.asked).toBeLessThan(50);
  });

  test('while the database is away is answered as ever, and written down once it is back', async () => {
    const { seen, db } = counting();
    const heed = { ...pages.web.heed, turnedAway: tallyRefusals(db) };
    const flooded = createApp({ ...pages.web, heed }, { rateLimiting: false });
    seen.away = true;
    for (let n = 0; n < 3; n++) {
      expect(
        (await flooded.request('/capture', { method: 'POST', headers: { Origin: 'https://evil.example' } })).status,
      ).toBe(403);
      await heed.turnedAway.write();
    }
    expect(seen.asked).toBeGreaterThanOrEqual(3);
    seen.away = false;
    await heed.turnedAway.write();
    expect(await turnedAway()).toEqual(['page other_site - 3']);
  });

  test('as large as it may be, for as long as it is kept, can still be read', async () => {
    const { pool } = pages.shop.db;
    await pool.query(sql.unsafe`
      insert into refusals (minute, door, whose, why, times)
      select heed_now() - make_interval(mins => n), 'page', '', 'too_much', 2000000000 from generate_series(1, 10) n`);
    expect(await turnedAway()).toEqual(['page too_much - 20000000000']);
    const told = await createApp(pages.web).request('/metrics');
    expect(await told.text()).toContain('heed_refusals{door="page",why="too_much"} 20000000000');
  });
});
