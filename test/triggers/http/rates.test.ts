import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { HttpBindings } from '@hono/node-server';
import fc from 'fast-check';
import getPort from 'get-port';
import { Hono } from 'hono';
import { listen } from '../../../src/start/listen.ts';
import { stopAll, type Stop } from '../../../src/stops.ts';
import { createApp } from '../../../src/triggers/http/app.ts';
import { answerErrors, TooMany } from '../../../src/triggers/http/errors.ts';
import { Buckets, callerAt, limitedRate } from '../../../src/triggers/http/rates.ts';
import { serverLimits } from '../../../src/triggers/http/requests.ts';
import type { SlackDoor } from '../../../src/triggers/http/web.ts';
import { keepApiKey, newApiKey, revokeApiKeys } from '../../../src/store/records/apiKeys.ts';
import { refusalsSince } from '../../../src/store/records/refusals.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { webOf } from './contract.ts';

/** How often somebody is served before they are told to wait. */
function served(buckets: Buckets, who: string, tries = 2000): number {
  for (let n = 0; n < tries; n++) {
    try {
      buckets.take(who);
    } catch (error) {
      if (error instanceof TooMany) return n;
      throw error;
    }
  }
  return tries;
}

describe('a bucket', () => {
  test('gives its burst at once and its rate from then on, and says how long to wait', () => {
    let now = 0;
    const buckets = new Buckets({ rate: 2, burst: 10 }, () => now);
    expect(served(buckets, 'kim')).toBe(10);
    now += 3000;
    expect(served(buckets, 'kim')).toBe(6);
    expect(served(buckets, 'bo')).toBe(10);
    for (let n = 0; n < 7; n++) buckets.spend('kim');
    expect(() => buckets.mustHave('kim')).toThrow(expect.objectContaining({ retryAfter: 4 }));
    now += 3_600_000;
    expect(served(buckets, 'kim')).toBe(10);
  });

  test('of somebody who has used theirs up is not forgotten in a flood of fresh addresses, and the flood shares one', () => {
    const buckets = new Buckets({ rate: 0.001, burst: 10 }, () => 0, 100);
    expect(served(buckets, 'the loud one')).toBe(10);
    const flood = Array.from({ length: 5000 }, (_, n) => served(buckets, `fresh ${n}`, 1)).reduce((a, b) => a + b, 0);
    // 99 had one of their own, and the rest one between them.
    expect(flood).toBe(99 + 10);
    expect(served(buckets, 'the loud one')).toBe(0);
    expect(buckets.size).toBeLessThanOrEqual(101);
  });

  test('that is full again says nothing and makes room', () => {
    let now = 0;
    const buckets = new Buckets({ rate: 100, burst: 10 }, () => now, 100);
    for (let n = 0; n < 10_000; n++) {
      now += 11;
      expect(served(buckets, `visitor ${n}`, 1)).toBe(1);
    }
    expect(buckets.size).toBeLessThanOrEqual(101);
  });
});

describe('a caller', () => {
  test('is whoever has the /64, however they write their address; an IPv4 address is one in either dress', () => {
    const hex = fc.integer({ min: 0, max: 0xffff }).map((group) => group.toString(16));
    fc.assert(
      fc.property(fc.array(hex, { minLength: 4, maxLength: 4 }), hex, hex, (net, one, other) => {
        fc.pre(net[0] !== '0');
        const caller = callerAt(`${net.join(':')}:${one}:0:1:${other}`);
        expect(callerAt(`${net.join(':')}::${other}`)).toBe(caller);
        expect(callerAt(`[${net.join(':').toUpperCase()}:0:0:0:1]:443`)).toBe(caller);
      }),
    );
    expect(callerAt('2001:db8::1')).toBe('2001:db8:0:0::/64');
    expect(callerAt('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
    expect(callerAt('::1')).toBe('0:0:0:0::/64');
    expect(callerAt('::ffff:192.0.2.7')).toBe('192.0.2.7');
    expect(callerAt('192.0.2.7:5123')).toBe('192.0.2.7');
    expect(callerAt('x'.repeat(10_000))).toHaveLength(64);
  });
});

type Asking = Omit<RequestInit, 'headers'> & { headers?: Record<string, string> };

describe('who asks too much', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());

  const signingSecret = 'a secret of Slack';

  /** An app behind one proxy of ours, whose database counts how often it was asked. */
  function counted() {
    const web = webOf(db);
    let looked = 0;
    const pool = new Proxy(db.pool, {
      get: (target, name, receiver) => {
        looked += 1;
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
    const slack = { signingSecret } as SlackDoor;
    const app = createApp({ ...web, slack, heed: { ...web.heed, pool } }, { trustedProxyHops: 1 });
    const ask = (path: string, from = '192.0.2.1', init: Asking = {}) =>
      app.request(path, { ...init, headers: { 'X-Forwarded-For': `203.0.113.9, ${from}`, ...init.headers } });
    return { ask, looked: () => looked };
  }
  const press = { method: 'POST', headers: { 'Sec-Fetch-Site': 'same-origin' } };
  async function untilRefused(
    ask: () => Response | Promise<Response>,
    most: number,
  ): Promise<{ answered: number; refused: Response }> {
    for (let answered = 0; answered <= most; answered++) {
      const response = await ask();
      if (response.status === 429) return { answered, refused: response };
    }
    throw new Error(`Nobody was told to wait after ${most}.`);
  }

  test('guessing links is told to wait after thirty, before the database is asked; others go on', async () => {
    const { ask, looked } = counted();
    const bring = (link: string, from?: string) =>
      ask('/t/open', from, { ...press, body: new URLSearchParams({ link }) });
    const guess = () => bring(Math.random().toString(36).slice(2).padEnd(22, 'A'));
    const { answered, refused } = await untilRefused(guess, 60);
    expect(answered).toBeGreaterThanOrEqual(30);
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThanOrEqual(1);
    const before = looked();
    for (let n = 0; n < 20; n++) expect((await guess()).status).toBe(429);
    expect((await ask('/yours/say', undefined, press)).status).toBe(429);
    expect(looked()).toBe(before);
    expect((await bring('AAAAAAAAAAAAAAAAAAAAAA', '192.0.2.2')).status).toBe(404);
    // The page that asks for a link tries none.
    expect((await ask('/t')).status).toBe(200);
    expect((await ask('/sign-in', '192.0.2.2')).status).toBe(200);
  });

  test('guessing keys too', async () => {
    const { ask, looked } = counted();
    const guess = () => ask('/v1/signals', '192.0.2.1', { headers: { Authorization: `Bearer ${Math.random()}` } });
    await untilRefused(guess, 60);
    const before = looked();
    expect((await guess()).status).toBe(429);
    expect(looked()).toBe(before);
  });

  test('a program with a key that was ended keeps none out whose key was let in, at the same address; nor is that one good after its own end', async () => {
    const { ask } = counted();
    const [ended, good] = [newApiKey(), newApiKey()];
    for (const [name, key] of Object.entries({ ended, good }))
      await keepApiKey(db.pool, key, { name, scopes: ['read'], by: 'ops' });
    const asking = (key: string) => ask('/v1/signals', '192.0.2.1', { headers: { Authorization: `Bearer ${key}` } });
    expect([(await asking(good)).status, (await asking(ended)).status]).toEqual([200, 200]);
    await revokeApiKeys(db.pool, 'ended', 'ops');
    await untilRefused(() => asking(ended), 60);
    for (let n = 0; n < 40; n++) expect((await asking(good)).status).toBe(200);
    await revokeApiKeys(db.pool, 'good', 'ops');
    expect([(await asking(good)).status, (await asking(good)).status]).toEqual([401, 429]);
  });

  test('forging Slack’s signature too, and never reaches the database; what Slack signed is taken from the same address', async () => {
    const { ask, looked } = counted();
    const body = `payload=${encodeURIComponent(JSON.stringify({ type: 'shortcut' }))}`;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = `v0=${createHmac('sha256', signingSecret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
    const sent = (signed: string) =>
      ask('/slack/interactions', '192.0.2.1', {
        method: 'POST',
        body,
        headers: { 'X-Slack-Request-Timestamp': timestamp, 'X-Slack-Signature': signed },
      });
    const forge = () => sent(signature.replace('v0', 'v1'));
    const before = looked();
    const { answered, refused } = await untilRefused(forge, 60);
    expect(answered).toBeGreaterThanOrEqual(30);
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThanOrEqual(1);
    for (let n = 0; n < 20; n++) expect((await forge()).status).toBe(429);
    expect((await sent(signature)).status).toBe(200);
    expect((await forge()).status).toBe(429);
    expect(looked()).toBe(before);

    await db.heed.turnedAway.write();
    const { times } = (await refusalsSince(db.pool, 1)).find(({ why }) => why === 'bad_signature')!;
    expect(times).toBe(answered + 22);
  });

  test('asking for mails to sign in with is told to wait after thirty, from one /64 of IPv6 as from one address', async () => {
    const { ask } = counted();
    let n = 0;
    const mail = () =>
      ask('/sign-in', `2001:db8:1:2::${(n += 1).toString(16)}`, {
        ...press,
        body: new URLSearchParams({ email: `nobody${n}@example.com` }),
      });
    const { answered } = await untilRefused(mail, 60);
    expect(answered).toBeGreaterThanOrEqual(30);
    expect((await ask('/sign-in', '2001:db8:1:3::1', press)).status).toBe(400);
  });

  test('a claim to come from elsewhere is not believed: our own proxy says who asks', async () => {
    const { ask } = counted();
    const spoofed = () =>
      ask('/sign-in', '192.0.2.1', {
        ...press,
        headers: { ...press.headers, 'X-Forwarded-For': `${Math.random()}, 192.0.2.1` },
      });
    await untilRefused(spoofed, 60);
  });

  test('hundreds who never end what they send, from one address, keep nobody else out', async () => {
    const { ask } = counted();
    const endings: (() => void)[] = [];
    const slow = async () =>
      ask('/v1/signals', '192.0.2.1', {
        method: 'POST',
        duplex: 'half',
        body: new ReadableStream({ start: (words) => void endings.push(() => words.close()) }),
      });
    const asked = Array.from({ length: 300 }, slow);
    await sleep(1000);
    asked.push(...Array.from({ length: 250 }, slow));
    expect((await ask('/docs', '192.0.2.1')).status).toBe(429);
    expect((await ask('/sign-in', '192.0.2.2')).status).toBe(200);
    expect((await ask('/unsubscribe/AAAAAAAAAAAAAAAAAAAAAA', '192.0.2.1', { method: 'POST' })).status).toBe(404);

    for (const end of endings) end();
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status !== 429)).toEqual(Array(100).fill(401));
    expect((await ask('/docs', '192.0.2.1')).status).toBe(200);
  });

  test('hundreds who never end what they send keep nobody else out, whichever door they stand in', async () => {
    const { ask } = counted();
    const doors = ['/health', '/slack/interactions', '/unsubscribe/AAAAAAAAAAAAAAAAAAAAAA'];
    for (const [n, door] of doors.entries()) {
      const from = `192.0.2.${100 + n}`;
      const endings: (() => void)[] = [];
      const slow = async () =>
        ask(door, from, {
          method: 'POST',
          duplex: 'half',
          body: new ReadableStream({ start: (words) => void endings.push(() => words.close()) }),
        });
      const asked = Array.from({ length: 300 }, slow);
      await sleep(1000);
      asked.push(...Array.from({ length: 250 }, slow));
      expect([door, (await ask('/sign-in', '192.0.2.2')).status]).toEqual([door, 200]);
      expect([door, (await ask('/health', '192.0.2.2')).status]).toEqual([door, 200]);
      // Nor themselves, through another.
      expect([door, (await ask('/docs', from)).status]).toEqual([door, 200]);
      for (const end of endings) end();
      await Promise.all(asked);
    }
  });

  test('nobody is kept from unsubscribing', async () => {
    const { ask } = counted();
    await untilRefused(
      () => ask('/t/open', undefined, { ...press, body: new URLSearchParams({ link: 'A'.repeat(22) }) }),
      60,
    );
    for (let n = 0; n < 150; n++)
      expect((await ask('/unsubscribe/AAAAAAAAAAAAAAAAAAAAAA', '192.0.2.1', { method: 'POST' })).status).toBe(404);
  });
});

describe('within one moment', () => {
  /** Everybody answered, on a clock that stands still. */
  function answering() {
    const app = new Hono();
    app.onError(answerErrors(() => {}));
    app.use(limitedRate(1, () => 0));
    app.all('*', (c) => c.text('here'));
    return (path: string, from: string, key?: string, method = 'GET'): Response | Promise<Response> =>
      app.request(path, {
        method,
        headers: { 'X-Forwarded-For': from, ...(key && { Authorization: `Bearer ${key}` }) },
      });
  }

  test('one key, from many addresses, is told to wait after three hundred, and another key goes on', async () => {
    const ask = answering();
    const asking = (key: string, n: number) => ask('/v1/signals', `192.0.2.${n % 250}`, key);
    for (let n = 0; n < 300; n++) expect((await asking('one', n)).status).toBe(200);
    const refused = await asking('one', 300);
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '1']);
    expect((await asking('another', 300)).status).toBe(200);
  });

  test('a good link opened without end is told to wait after a hundred, and others go on', async () => {
    const ask = answering();
    const opening = (from: string) => ask('/t/open', from, undefined, 'POST');
    for (let n = 0; n < 100; n++) expect((await opening('192.0.2.1')).status).toBe(200);
    const refused = await opening('192.0.2.1');
    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([429, '1']);
    expect((await opening('192.0.2.2')).status).toBe(200);
    expect((await ask('/tasks', '192.0.2.1')).status).toBe(200);
  });
});

test('beyond what can be answered at once, people are told so at once; the watch over us still answers', async () => {
  const app = new Hono();
  app.onError(answerErrors(() => {}));
  app.use(limitedRate(1));
  let finish = (): void => {};
  const slow = new Promise<void>((resolve) => (finish = resolve));
  app.get('/slow', async (c) => {
    await slow;
    return c.text('at last');
  });
  app.get('/health', (c) => c.text('alive'));
  let n = 0;
  const ask = async (path: string): Promise<Response> =>
    app.request(path, { headers: { 'X-Forwarded-For': `192.0.2.${(n += 1) % 250}` } });
  const asked = Array.from({ length: 500 }, () => ask('/slow'));
  const refused = await ask('/slow');
  expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '5']);
  expect((await ask('/health')).status).toBe(200);
  finish();
  expect((await Promise.all(asked)).every(({ status }) => status === 200)).toBe(true);
  expect((await ask('/slow')).status).toBe(200);
});

describe('slow callers', () => {
  const stops: Stop[] = [];
  afterEach(() => stopAll(stops, () => {}));
  /** As in production, ten times faster or more. */
  const limits = {
    ...serverLimits,
    headersTimeout: serverLimits.headersTimeout / 10,
    requestTimeout: serverLimits.requestTimeout / 10,
    connectionsCheckingInterval: serverLimits.connectionsCheckingInterval / 10,
    unreadTimeout: serverLimits.unreadTimeout / 30,
  };
  const atAPort = async (app: Pick<Hono, 'fetch'>): Promise<number> => {
    const port = await getPort();
    await listen(app, { port, hostname: '127.0.0.1', setting: 'PORT', limits }, stops);
    return port;
  };

  test('a thousand of them, a byte at a time, keep nobody else waiting, and are cut off', async () => {
    const app = new Hono();
    app.get('/', (c) => c.text('here'));
    app.post('/', async (c) => c.text(await c.req.text()));
    const port = await atAPort(app);
    const cut: Promise<unknown>[] = [];
    const slow = await Promise.all(
      Array.from(
        { length: 1000 },
        (_, n) =>
          new Promise<Socket>((connected) => {
            const socket = connect(port, '127.0.0.1', () => {
              socket.write(
                n % 2
                  ? 'GET / HTTP/1.1\r\nHost: heed\r\nX-Slow: '
                  : 'POST / HTTP/1.1\r\nHost: heed\r\nContent-Length: 1000\r\n\r\n{',
              );
              connected(socket);
            });
            socket.on('error', () => {});
            cut.push(new Promise((closed) => socket.once('close', closed)));
            socket.resume();
          }),
      ),
    );
    const drip = setInterval(() => {
      for (const socket of slow) if (socket.writable) socket.write('a');
    }, 100);
    for (let n = 0; n < 200; n++) expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    // Each of them, or this never ends.
    await Promise.all(cut);
    clearInterval(drip);
    expect(cut).toHaveLength(1000);
  });

  test('who ask for the largest there is and take nothing of it are cut off, and all of them cost no more than one', async () => {
    const db = await openTestDatabase();
    const app = createApp(webOf(db), { rateLimiting: false });
    const ends = new Map<Socket, Promise<unknown>>();
    const port = await atAPort({
      fetch: (request, env, context) => {
        const { socket } = (env as HttpBindings).incoming;
        if (!ends.has(socket)) ends.set(socket, new Promise((closed) => socket.once('close', closed)));
        return app.fetch(request, env, context);
      },
    });
    const files = ['/docs/swagger-ui-bundle.js', '/openapi.json', '/openapi.yaml'];
    const sizes = await Promise.all(
      files.map(async (file) => (await (await fetch(`http://127.0.0.1:${port}${file}`)).arrayBuffer()).byteLength),
    );
    ends.clear();
    const before = process.memoryUsage().rss;
    // Several at once, so that not all of it fits into the line between the two.
    const asking = files.map((file) => `GET ${file} HTTP/1.1\r\nHost: heed\r\n\r\n`.repeat(8)).join('');
    const slow = Array.from({ length: 20 }, () => {
      const socket = connect(port, '127.0.0.1', () => socket.write(asking));
      return socket.on('error', () => {});
    });
    while (ends.size < slow.length) await sleep(50);
    await sleep(500);
    const asked = 8 * slow.length * sizes.reduce((a, b) => a + b);
    expect(asked).toBeGreaterThan(250_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(asked / 4);
    // Each of them, or this never ends.
    await Promise.all(ends.values());
    for (const socket of slow) socket.destroy();
    await db.close();
  });

  test('are looked for every few seconds, not every half a minute as Node does by itself', () => {
    const server = createServer(serverLimits);
    const { headersTimeout, requestTimeout, connectionsCheckingInterval } = serverLimits;
    expect(connectionsCheckingInterval).toBeLessThanOrEqual(headersTimeout / 2);
    expect([server.headersTimeout, server.requestTimeout]).toEqual([headersTimeout, requestTimeout]);
    server.close();
  });
});
