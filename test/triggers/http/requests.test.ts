/** Where a request ends is read in one way alone, whatever stands in front of us: or somebody's next one would hide in it. How long it may take,
 *  and who reaches us at all. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import getPort from 'get-port';
import { Hono } from 'hono';
import { readConfig } from '../../../src/config.ts';
import { listen } from '../../../src/start/listen.ts';
import { startWeb } from '../../../src/start/web.ts';
import { stopAll, type Stop } from '../../../src/stops.ts';
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
  const request = ['POST /first HTTP/1.1', 'Host: heed', ...headers, '', `0\r\n\r\n${hidden}`].join('\r\n');
  return new Promise((ended, failed) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
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
