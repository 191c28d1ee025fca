/** A door of ours on a port of this machine. */

import { serve } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Stop } from '../stops.ts';
import { serverLimits } from '../triggers/http/requests.ts';

/** Serves `app` until Heed stops, to nobody who is slower than `limits`. Throws a sentence when the port is taken; `setting` is what names it. */
export async function listen(
  app: Pick<Hono, 'fetch'>,
  {
    port,
    hostname,
    setting,
    limits: { unreadTimeout, ...serverOptions } = serverLimits,
  }: { port: number; hostname: string; setting: string; limits?: typeof serverLimits },
  stops: Stop[],
): Promise<void> {
  const server = serve({ fetch: app.fetch, port, hostname, serverOptions });
  server.setTimeout(unreadTimeout);
  await new Promise<void>((listening, refused) => {
    server.once('listening', listening);
    server.once('error', (error: NodeJS.ErrnoException) => {
      refused(
        error.code === 'EADDRINUSE'
          ? new Error(
              `Port ${port} is in use. Stop what runs there, or choose another, for example ${setting}=${port + 1} npm start`,
            )
          : error,
      );
    });
  });
  stops.push({
    name: 'Web',
    stop: () =>
      new Promise((closed) => {
        server.close(() => closed());
        if ('closeIdleConnections' in server) server.closeIdleConnections();
        // Pages that listen for news would keep the door open for ever.
        setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 1_000).unref();
      }),
  });
}
