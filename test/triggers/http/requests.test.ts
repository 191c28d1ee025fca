/** Where a request ends is read in one way alone, whatever stands in front of us: or somebody's next one would hide in it. */

import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import getPort from 'get-port';
import { Hono } from 'hono';
import { listen } from '../../../src/start/listen.ts';
import { stopAll, type Stop } from '../../../src/stops.ts';

const stops: Stop[] = [];
const taken: string[] = [];
let port: number;
beforeAll(async () => {
  const app = new Hono();
  app.all('*', async (c) => {
    taken.push(`${c.req.path} ${await c.req.text()}`);
    return c.text('taken');
  });
  port = await getPort();
  await listen(app, { port, hostname: '127.0.0.1', setting: 'PORT' }, stops);
});
afterAll(() => stopAll(stops, () => {}));

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
