/** A door of ours on a port of this machine. */

import type { ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import { createServer } from 'node:net';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Certificate } from '../certificate.ts';
import type { Stop } from '../stops.ts';
import { serverLimits } from '../triggers/http/requests.ts';
import { keepCertificate } from './keepCertificate.ts';

/** The versions and ciphers of which nothing is known, in TLS 1.2 those alone that keep what was said secret when the key is lost later. */
const tls = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_128_GCM_SHA256',
    ...['AES256-GCM-SHA384', 'CHACHA20-POLY1305', 'AES128-GCM-SHA256'].flatMap((cipher) => [
      `ECDHE-ECDSA-${cipher}`,
      `ECDHE-RSA-${cipher}`,
    ]),
  ].join(':'),
  honorCipherOrder: true,
} as const;

/** Our own TLS: with what, who hears of a new certificate, and how often it is looked for. */
export interface OwnTls {
  certificate: Certificate;
  say: (sentence: string) => void;
  everyMs?: number;
}

/** Serves `app` until Heed stops, to nobody who is slower than `limits`; with `ownTls` over TLS alone. Throws a sentence when the port is taken;
 *  `setting` is what names it. */
export async function listen(
  app: Pick<Hono, 'fetch'>,
  {
    port,
    hostname,
    setting,
    limits: { unreadTimeout, ...serverOptions } = serverLimits,
    ownTls,
  }: { port: number; hostname: string; setting: string; limits?: typeof serverLimits; ownTls?: OwnTls | undefined },
  stops: Stop[],
): Promise<void> {
  const door = { fetch: app.fetch, port, hostname };
  const server = ownTls ? serveSecurely(door, serverOptions, ownTls, stops) : serve({ ...door, serverOptions });
  server.setTimeout(unreadTimeout);
  await new Promise<void>((listening, refused) => {
    server.once('listening', listening);
    server.once('error', (error: NodeJS.ErrnoException) => {
      refused(
        error.code === 'EADDRINUSE' ? taken(port, setting) : error.code === 'EADDRNOTAVAIL' ? noSuch(hostname) : error,
      );
    });
  });
  const answering = new Set<ServerResponse>();
  server.on('request', (_request: unknown, response: ServerResponse) => {
    answering.add(response);
    response.once('close', () => answering.delete(response));
  });
  stops.push({
    name: 'Web',
    async stop() {
      const closed = new Promise((done) => server.close(done));
      const waited = [
        setInterval(() => 'closeIdleConnections' in server && server.closeIdleConnections(), 100),
        // Pages that listen for news would keep the door open for ever.
        setTimeout(() => answering.forEach((one) => one.headersSent && one.destroy()), 1_000),
        setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), longestGoodbyeMs),
      ];
      await closed;
      waited.forEach((timer) => clearTimeout(timer));
    },
  });
}

/** Throws the same sentence where somebody listens there already: asked before anything is begun that can't be begun again, such as a key that is
 *  shown once. Whatever else is wrong with the port is said by `listen`. */
export async function mustBeFree({
  port,
  hostname,
  setting,
}: {
  port: number;
  hostname: string;
  setting: string;
}): Promise<void> {
  const probe = createServer();
  const error = await new Promise<NodeJS.ErrnoException | undefined>((tried) => {
    probe.once('error', tried);
    probe.listen(port, hostname, () => probe.close(() => tried(undefined)));
  });
  if (error?.code === 'EADDRINUSE') throw taken(port, setting);
}

const taken = (port: number, setting: string): Error =>
  new Error(
    `Port ${port} is in use. Stop what runs there, or choose another, for example ${setting}=${port + 1} npm start`,
  );

const noSuch = (address: string): Error =>
  new Error(`This machine has no address ${address}. Correct LISTEN_ON, or leave it out.`);

/** As long as whoever has asked waits for an answer while we stop: less than whoever keeps us waits before they end us by force. */
const longestGoodbyeMs = 8_000;

function serveSecurely(
  door: Pick<Parameters<typeof serve>[0], 'fetch' | 'port' | 'hostname'>,
  { headersTimeout, ...limits }: Omit<typeof serverLimits, 'unreadTimeout'>,
  { certificate, say, ...rhythm }: OwnTls,
  stops: Stop[],
): ReturnType<typeof serve> {
  const { cert, key } = certificate;
  const server = serve({
    ...door,
    createServer: createSecureServer,
    // Whoever does not come to an end with the greeting of TLS is given no more time than for headers.
    serverOptions: { ...limits, headersTimeout, handshakeTimeout: headersTimeout, ...tls, cert, key },
  }) as SecureServer;
  stops.push(keepCertificate(certificate, (pair) => server.setSecureContext({ ...tls, ...pair }), say, rhythm));
  return server;
}
