/** Where a request ends is read in one way alone, whatever stands in front of us: or somebody's next one would hide in it. How long it may take,
 *  and who reaches us at all. */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import getPort from 'get-port';
import { Hono } from 'hono';
import { z } from 'zod';
import { readConfig } from '../../../src/config.ts';
import { listen } from '../../../src/start/listen.ts';
import { startWeb } from '../../../src/start/web.ts';
import { stopAll, type Stop } from '../../../src/stops.ts';
import { openPool, sql } from '../../../src/store/pool.ts';
import { keepApiKey } from '../../../src/store/records/apiKeys.ts';
import { openConfigurations } from '../../../src/store/records/configurations.ts';
import { createApp } from '../../../src/triggers/http/app.ts';
import type { Web } from '../../../src/triggers/http/web.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { webOf } from './contract.ts';

const stops: Stop[] = [];
const taken: string[] = [];
let port: number;
let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
  const app = new Hono();
  app.all('*', async (c) => {
    taken.push(`${c.req.path} ${await c.req.text()}`);
    return c.text('taken');
  });
  port = await getPort();
  await listen(app, { port, hostname: '127.0.0.1', setting: 'PORT' }, stops);
});
afterAll(async () => {
  await stopAll(stops, () => {});
  await db.close();
});

/** What is answered to a request with these headers, another one behind it. */
function sent(...headers: string[]): Promise<string> {
  const hidden = 'GET /hidden HTTP/1.1\r\nHost: heed\r\nConnection: close\r\n\r\n';
  return answered(port, ['POST /first HTTP/1.1', 'Host: heed', ...headers, '', `0\r\n\r\n${hidden}`]);
}

/** What comes back to these lines, until the connection is closed. */
function answered(to: number, lines: string[]): Promise<string> {
  return new Promise((ended, failed) => {
    let answer = '';
    const socket = connect(to, '127.0.0.1', () => socket.write(lines.join('\r\n')));
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', failed);
    socket.on('close', () => ended(answer));
  });
}

test('a request whose end can be read in two ways is refused, and nothing that hides behind it is taken', async () => {
  // With one end, both are requests: so the test sends what it says.
  expect(await sent('Transfer-Encoding: chunked')).toMatch(/^HTTP\/1\.1 200[\s\S]*HTTP\/1\.1 200/);
  expect(taken.splice(0)).toEqual(['/first ', '/hidden ']);
  for (const headers of [
    ['Content-Length: 5', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 5'],
    ['Content-Length: 5', 'Content-Length: 60'],
  ])
    expect(await sent(...headers)).toMatch(/^HTTP\/1\.1 400 /);
  expect(taken).toEqual([]);
});

test('nobody is told what they sent by asking with TRACE or TRACK, so that no script reads a cookie or a key there', async () => {
  const own = await getPort();
  const said: string[] = [];
  const app = createApp(webOf(db), { rateLimiting: false, report: (error) => said.push(String(error)) });
  await listen(app, { port: own, hostname: '127.0.0.1', setting: 'PORT' }, stops);
  for (const method of ['TRACE', 'TRACK'])
    for (const path of ['/', '/sign-in', '/mine', '/v1/signals', '/health', '/assets/app.css', '/nothing']) {
      const secrets = ['Cookie: heed=echo-of-a-cookie', 'Authorization: Bearer echo-of-a-key'];
      const answer = await answered(own, [
        `${method} ${path} HTTP/1.1`,
        'Host: heed',
        ...secrets,
        'Connection: close',
        '',
        '',
      ]);
      expect([method, path, answer.split('\r\n')[0]]).toEqual([
        method,
        path,
        expect.stringMatching(/^HTTP\/1\.1 (400|401|404|405) /),
      ]);
      expect([method, path, answer.includes('echo-of')]).toEqual([method, path, false]);
    }
  expect(said).toEqual([]);
});

afterEach(() => void jest.useRealTimers());

test('what takes longer than twenty seconds is given up, and says when to come again', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance', 'Date'] });
  const never = new Promise<never>(() => {});
  const pool = new Proxy(db.pool, { get: () => () => never }) as typeof db.pool;
  const web = webOf(db);
  const app = createApp({ ...web, heed: { ...web.heed, pool } }, { rateLimiting: false });
  let answer: Response | undefined;
  const asked = Promise.resolve(app.request('/health/ready')).then((response) => (answer = response));
  await jest.advanceTimersByTimeAsync(19_000);
  expect(answer).toBeUndefined();
  await jest.advanceTimersByTimeAsync(1_000);
  jest.useRealTimers();
  const { status, headers } = await asked;
  expect([status, headers.get('Retry-After')]).toEqual([503, '5']);
});

test('what was given up is in hand until it has ended: never more than five hundred wait for the database, whoever comes', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance', 'Date'] });
  const { promise: slow, resolve: end } = Promise.withResolvers<null>();
  let looked = 0;
  const pool = new Proxy(db.pool, {
    get: () => () => {
      looked += 1;
      return slow;
    },
  }) as unknown as typeof db.pool;
  const web = webOf(db);
  const app = createApp({ ...web, heed: { ...web.heed, pool } }, { trustedProxyHops: 1 });
  const ask = async (from: number): Promise<number> => {
    const headers = { 'X-Forwarded-For': `192.0.2.${from}`, Authorization: `Bearer ${Math.random()}` };
    return (await app.request('/v1/signals', { headers })).status;
  };
  const fiveHundred = (): Promise<number>[] => Array.from({ length: 500 }, (_, n) => ask(n % 10));
  const first = fiveHundred();
  await jest.advanceTimersByTimeAsync(20_000);
  expect(new Set(await Promise.all(first))).toEqual(new Set([503]));
  const second = fiveHundred();
  await jest.advanceTimersByTimeAsync(20_000);
  expect(new Set(await Promise.all(second))).toEqual(new Set([503]));
  expect(looked).toBe(500);
  jest.useRealTimers();

  end(null);
  // Each of them, or this never ends.
  while ((await ask(10)) !== 401) await sleep(10);
});

describe('while every connection is in use', () => {
  /** A web whose one connection is in use until `end`, and how to say something to it. */
  async function busy(patienceMs: number) {
    const pool = await openPool(db.workingUrl, { connections: 1, patienceMs });
    const web = webOf(db);
    const app = createApp(
      { ...web, heed: { ...web.heed, pool, configuration: openConfigurations(pool) } },
      { rateLimiting: false },
    );
    const apiKey = `test-${randomUUID()}`;
    await keepApiKey(db.pool, apiKey, { name: 'test', scopes: ['*'], by: 'ops' });
    const { promise, resolve } = Promise.withResolvers<void>();
    const inUse = pool.transaction(() => promise);
    const saying = (key: string, signal?: AbortSignal): RequestInit => ({
      method: 'POST',
      headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json', 'Idempotency-Key': key },
      body: JSON.stringify({ words: 'Charged twice', place: 'high-street' }),
      ...(signal && { signal }),
    });
    const end = async (): Promise<void> => {
      resolve();
      await inUse;
    };
    return { pool, app, saying, end };
  }
  const presses = () =>
    db.pool.oneFirst(sql.type(z.object({ n: z.number() }))`select count(*)::integer as n from presses`);
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await sleep(10);
  };

  test('a press that waited in vain has recorded nothing, is told to try again, and counts once when it does', async () => {
    const { pool, app, saying, end } = await busy(100);
    const before = await presses();
    const key = randomUUID();
    const refused = await app.request('/v1/signals', saying(key));
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '5']);
    expect(await refused.json()).toMatchObject({ detail: expect.stringContaining('try again') });
    await end();
    expect(await presses()).toBe(before);
    expect((await app.request('/v1/signals', saying(key))).status).toBe(202);
    expect((await app.request('/v1/signals', saying(key))).status).toBe(202);
    expect(await presses()).toBe(before + 1);
    await pool.end();
  });

  test('of those who hang up nothing is done any more, and whoever comes next is served', async () => {
    const { pool, app, saying, end } = await busy(60_000);
    const before = await presses();
    const senders: AbortSignal[] = [];
    const at = await getPort();
    const fetched: Hono['fetch'] = (request, ...more) => {
      senders.push(request.signal);
      return app.fetch(request, ...more);
    };
    const its: Stop[] = [];
    await listen({ fetch: fetched }, { port: at, hostname: '127.0.0.1', setting: 'PORT' }, its);
    const hangUp = new AbortController();
    const say = (signal?: AbortSignal) => fetch(`http://127.0.0.1:${at}/v1/signals`, saying(randomUUID(), signal));
    const asked = Array.from({ length: 20 }, () => say(hangUp.signal).catch(() => 'hung up'));
    await until(() => pool.state().waitingClients === 20);
    hangUp.abort();
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['hung up']));
    await until(() => senders.every(({ aborted }) => aborted));
    const next = say();
    await until(() => pool.state().waitingClients === 21);
    await end();
    expect((await next).status).toBe(202);
    expect(await presses()).toBe(before + 1);
    await stopAll(its, () => {});
    await pool.end();
  });
});

test('a demonstration, in which anybody may stand in for anybody, is reached from its own machine alone', async () => {
  const interfaces = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const elsewhere = interfaces.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.2';
  const reached = async (demo: Web['demo']): Promise<boolean[]> => {
    const its: Stop[] = [];
    const config = readConfig({ PORT: String(await getPort()) });
    await startWeb(config, its, { ...webOf(db), demo }, () => {});
    const isReached = (address: string): Promise<boolean> => {
      const socket = connect(config.port, address);
      return once(socket, 'connect')
        .then(
          () => true,
          () => false,
        )
        .finally(() => socket.destroy());
    };
    const found = [await isReached('127.0.0.1'), await isReached(elsewhere)];
    await stopAll(its, () => {});
    return found;
  };
  expect(await reached({ mailbox: undefined, slackRoom: undefined, unread: () => ({ slack: 0, mail: 0 }) })).toEqual([
    true,
    false,
  ]);
  // So the address is one that others reach.
  expect(await reached(undefined)).toEqual([true, true]);
});
