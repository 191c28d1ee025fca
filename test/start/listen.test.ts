/** TLS of the web's own, for companies without a proxy; a port that somebody else has; and what others don't reach through a proxy. */

import { execFile } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import getPort from 'get-port';
import { Hono } from 'hono';
import { readConfig } from '../../src/config.ts';
import { startApart } from '../../src/start/apart.ts';
import { listen } from '../../src/start/listen.ts';
import { startTogether } from '../../src/start/together.ts';
import { doorOf } from '../../src/start/web.ts';
import { stopAll, type Stop } from '../../src/stops.ts';
import { apiKeys } from '../../src/store/records/apiKeys.ts';
import { makeCertificate } from '../support/certificate.ts';
import { openTestDatabase } from '../support/database.ts';

const stops: Stop[] = [];
const heard = new EventEmitter();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-tls-'));
});
afterEach(() => stopAll(stops, () => {}));
afterAll(() => rm(folder, { recursive: true }));

/** A web with the certificate that these settings name; its port. */
async function openWeb(settings: NodeJS.ProcessEnv): Promise<number> {
  const { port, certificate } = readConfig({ PORT: String(await getPort()), ...settings });
  const app = new Hono();
  app.get('/health/ready', (c) => c.text(`by ${new URL(c.req.url).protocol}`));
  const ownTls = { certificate: certificate!, say: (sentence: string) => heard.emit('said', sentence), everyMs: 20 };
  await listen(app, { port, hostname: '127.0.0.1', setting: 'PORT', ownTls }, stops);
  return port;
}

/** Under which certificate somebody is answered who believes `ca` alone, and what. */
async function asked(port: number, ca: string): Promise<{ cert: string; answer: string }> {
  const request = https.get({ host: '127.0.0.1', port, path: '/health/ready', ca, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const { raw } = (response.socket as TLSSocket).getPeerCertificate();
  return { cert: raw.toString('base64'), answer: await text(response) };
}
const base64Of = (pem: string): string => pem.replaceAll(/-----.*-----|\s/g, '');

test('a web with a certificate speaks TLS, in versions and with ciphers of which nothing is known, and nothing else', async () => {
  const { cert, key } = makeCertificate();
  const port = await openWeb({ TLS_CERT: cert.replaceAll('\n', '\\n'), TLS_KEY: key });
  expect(await asked(port, cert)).toEqual({ cert: base64Of(cert), answer: 'by https:' });
  await expect(fetch(`http://127.0.0.1:${port}/health/ready`)).rejects.toThrow();

  const greeted = async (options: ConnectionOptions): Promise<string | null> => {
    const socket = connect({ host: '127.0.0.1', port, ca: cert, ...options });
    return once(socket, 'secureConnect')
      .then(() => socket.getProtocol())
      .catch((error: { code: string }) => error.code)
      .finally(() => socket.destroy());
  };
  const old = { maxVersion: 'TLSv1.2' } as const;
  expect(await greeted({})).toBe('TLSv1.3');
  expect(await greeted({ ...old, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).toBe('TLSv1.2');
  // The same without what keeps each record whole by itself.
  expect(await greeted({ ...old, ciphers: 'ECDHE-ECDSA-AES128-SHA256' })).toMatch(/ALERT_HANDSHAKE_FAILURE/);
  expect(await greeted({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' })).toMatch(
    /ALERT_PROTOCOL_VERSION/,
  );
});

test('a certificate that was renewed is taken without a restart; one that can’t be used is told, and the old one goes on', async () => {
  const [first, second] = [makeCertificate(), makeCertificate()];
  const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') };
  await writeFile(files.TLS_CERT_FILE, first.cert);
  await writeFile(files.TLS_KEY_FILE, first.key);
  const port = await openWeb(files);
  expect((await asked(port, first.cert)).cert).toBe(base64Of(first.cert));

  let said = once(heard, 'said');
  await writeFile(files.TLS_CERT_FILE, second.cert);
  expect(await said).toEqual([
    'The new certificate is not taken, and the old one goes on until it runs out. TLS_KEY is not the key of the certificate in TLS_CERT: name the two that were made together.',
  ]);
  expect((await asked(port, first.cert)).cert).toBe(base64Of(first.cert));

  said = once(heard, 'said');
  await writeFile(files.TLS_KEY_FILE, second.key);
  expect(await said).toEqual(['The new certificate is in use.']);
  expect((await asked(port, second.cert)).cert).toBe(base64Of(second.cert));

  said = once(heard, 'said');
  await rm(files.TLS_CERT_FILE);
  expect(String(await said)).toContain('TLS_CERT must be a certificate in PEM');
  expect((await asked(port, second.cert)).cert).toBe(base64Of(second.cert));
});

test('the check of its container asks it through TLS, whatever name its certificate is for', async () => {
  const { cert, key } = makeCertificate({ names: ['heed.example.com'], addresses: [] });
  const settings = { TLS_CERT: cert, TLS_KEY: key };
  const port = await openWeb(settings);
  const script = fileURLToPath(new URL('../../scripts/healthy.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, 'web'], {
    env: { ...settings, PORT: String(port), NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] },
  });
  expect(stdout).toBe('The web is doing its work.\n');
});

test('a port that somebody has is told before a first key is made, which is shown only once', async () => {
  const db = await openTestDatabase();
  const port = await getPort();
  await listen(new Hono(), { port, hostname: '127.0.0.1', setting: 'PORT' }, stops);
  const config = readConfig({ PORT: String(port), DATABASE_URL: db.url, HEED_DATA_DIR: folder });
  const said: string[] = [];
  const say = (sentence: string) => said.push(sentence);
  try {
    for (const starting of [startApart(config, 'web', stops, say), startTogether(config, '', stops, say)])
      await expect(starting).rejects.toThrow(`Port ${port} is in use. Stop what runs there`);
    expect([said, await apiKeys(db.pool)]).toEqual([[], []]);
  } finally {
    await stopAll(stops, () => {});
    await db.close();
  }
});

test('where LISTEN_ON says so the web answers at that address alone; one that this machine has not is told', async () => {
  const port = await getPort();
  const at = (LISTEN_ON: string) => doorOf(readConfig({ PORT: String(port), LISTEN_ON }), false);
  await expect(listen(new Hono(), at('192.0.2.1'), stops)).rejects.toThrow(
    'This machine has no address 192.0.2.1. Correct LISTEN_ON',
  );
  await listen(new Hono(), at('127.0.0.2'), stops);
  expect((await fetch(`http://127.0.0.2:${port}/`)).status).toBe(404);
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
});

describe('npm start behind a proxy, which asks from this machine for whoever is on the internet', () => {
  test('refuses to start where they would reach its mailbox', async () => {
    for (const theirs of [{ PUBLIC_URL: 'https://heed.shop.example' }, { LISTEN_ON: '192.0.2.1' }])
      await expect(
        startTogether(readConfig({ ...theirs, HEED_DATA_DIR: '/dev/null/heed' }), '', stops, () => {}),
      ).rejects.toThrow(/could act for anybody\. Set SMTP_URL/);
  });

  test.each([
    ['has no Slack room, and lets nobody stand in for anybody', 'https://heed.shop.example', [404, 404]],
    ['has both as long as it is for this machine alone', 'http://localhost:4000', [200, 303]],
  ])('%s', async (_, PUBLIC_URL, statuses) => {
    const db = await openTestDatabase();
    const port = await getPort();
    const config = readConfig({
      PORT: String(port),
      PUBLIC_URL,
      DATABASE_URL: db.url,
      SMTP_URL: 'smtp://127.0.0.1:9',
      TEMPORAL_ADDRESS: '127.0.0.1:9',
      HEED_DATA_DIR: folder,
    });
    try {
      // Its engine ends at once; the web is up by then.
      await expect(startTogether(config, '/dev/null', stops, () => {})).rejects.toThrow(/engine ended/);
      const headers = { Host: new URL(PUBLIC_URL).host, 'Content-Type': 'application/x-www-form-urlencoded' };
      const statusOf = async (method: string, path: string, form = ''): Promise<number> => {
        const request = http.request({ port, method, path, headers, agent: false }).end(form);
        const [response] = (await once(request, 'response')) as [IncomingMessage];
        response.resume();
        return response.statusCode!;
      };
      expect([await statusOf('GET', '/dev/slack'), await statusOf('POST', '/dev/stand-in', 'person=mina')]).toEqual(
        statuses,
      );
    } finally {
      await stopAll(stops, () => {});
      await db.close();
    }
  });
});
