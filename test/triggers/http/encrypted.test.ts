/** Behind a proxy that also takes what comes in plain, though people are told to come by https. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Hono } from 'hono';
import { sql } from '../../../src/store/pool.ts';
import { keepApiKey } from '../../../src/store/records/apiKeys.ts';
import { createApp, type AppOptions } from '../../../src/triggers/http/app.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { webOf } from './contract.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const behind = (options: AppOptions = {}, publicUrl = 'https://heed.example'): Hono =>
  createApp({ ...webOf(db), publicUrl }, { rateLimiting: false, trustedProxyHops: 1, ...options });
const inPlain = { 'X-Forwarded-Proto': 'http' };

test('a page that was asked for unencrypted is shown under its right address', async () => {
  for (const path of [
    '/',
    '/sign-in',
    '/yours/AAAAAAAAAAAAAAAAAAAAAA?says=yes',
    '/docs',
    '/assets/app.css',
    '//evil.example/x',
  ])
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await behind().request(`http://localhost${path}`, { method, headers: inPlain });
      expect({ path, status, to: headers.get('Location') }).toEqual({
        path,
        status: 308,
        to: `https://heed.example${path}`,
      });
    }
});

test('everything else that came unencrypted is refused in a sentence, whoever sent it, and nothing is done', async () => {
  const key = 'a-key-that-was-read-on-the-way';
  await keepApiKey(db.pool, key, { name: 'till', scopes: ['*'], by: 'ops' });
  const said = { words: 'Have you this coat in green?', place: 'high-street', by: 'mina' };
  const capture = (headers: Record<string, string>): Response | Promise<Response> =>
    behind().request('/v1/signals', {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': '1',
        ...headers,
      },
      body: JSON.stringify(said),
    });
  const refused = await capture(inPlain);
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({
    code: 'forbidden',
    detail: expect.stringMatching(/unencrypted, so nothing was done\. Ask at https:\/\/heed\.example .*exchange a key/),
  });
  expect(await db.pool.anyFirst(sql.unsafe`select id from signals`)).toEqual([]);
  expect((await capture({ 'X-Forwarded-Proto': 'https' })).status).toBe(202);

  for (const [method, path] of [
    ['GET', '/v1/signals'],
    ['GET', '/health/ready'],
    ['GET', '/metrics'],
    ['GET', '/openapi.json'],
    ['POST', '/slack/interactions'],
    ['POST', '/sign-in'],
    ['POST', '/unsubscribe/AAAAAAAAAAAAAAAAAAAAAA'],
  ] as const) {
    const { status } = await behind().request(path, { method, headers: inPlain });
    expect({ path, status }).toEqual({ path, status: 403 });
  }
});

test('who asks past the proxy, as the check of a container does, is answered; so is what a proxy of nobody’s says', async () => {
  expect((await behind().request('/health')).status).toBe(200);
  expect((await behind({ trustedProxyHops: 0 }).request('/health', { headers: inPlain })).status).toBe(200);
  expect((await behind({}, 'http://localhost:4000').request('/health', { headers: inPlain })).status).toBe(200);
  expect((await behind({ unencrypted: true }).request('/health', { headers: inPlain })).status).toBe(200);
});

test('of several proxies the outermost is believed, and what somebody wrote before it is not', async () => {
  const answered = async (hops: number, header: string): Promise<boolean> =>
    (await behind({ trustedProxyHops: hops }).request('/health', { headers: { 'X-Forwarded-Proto': header } })).ok;
  expect(await answered(2, 'https, http')).toBe(true);
  expect(await answered(2, 'http, https')).toBe(false);
  expect(await answered(1, 'https, http')).toBe(false);
  // As most hand it on: once, as the first of them said it.
  expect(await answered(2, 'https')).toBe(true);
  expect(await answered(2, 'HTTP')).toBe(false);
});
