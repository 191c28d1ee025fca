/** A link between two parts that can go wrong: a TCP proxy on 127.0.0.1 that delays, cuts, falls silent, and swallows replies. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface Link {
  port: number;
  /** Replies swallowed so far. */
  swallowed(): number;
  /** Ends every connection at once; the next one is as good as new. */
  cut(): void;
  /** From now on every chunk, in both directions, takes so long. */
  delay(ms: number, forMs: number): void;
  /** Half-open: both sides believe in their connections, and nothing arrives. Then they are cut. */
  fallSilent(forMs: number): void;
  /** After so many more requests (chunks from the client), the request arrives, its reply does not, and the connection is cut. */
  swallowReplyAfter(requests: number): void;
  close(): Promise<void>;
}

/** Opens a link to a port of this machine. Asked at each connection, because a part may come back on another port. */
export async function openLink(to: () => number): Promise<Link> {
  const pairs = new Set<{ client: Socket; server: Socket }>();
  let delayMs = 0;
  let delayUntil = 0;
  let silentUntil = 0;
  let requestsLeft = Infinity;
  let swallowed = 0;

  const cut = (): void => {
    for (const { client, server } of pairs) {
      client.destroy();
      server.destroy();
    }
  };
  const door = createServer((client) => {
    const server = connect(to(), '127.0.0.1');
    const pair = { client, server };
    pairs.add(pair);
    let replyIsLost = false;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
    }
    const forward = (from: Socket, into: Socket, isLost: () => boolean): void => {
      from.on('data', (chunk) => {
        if (Date.now() < silentUntil) return;
        if (isLost()) return;
        const write = (): void => {
          if (!into.destroyed && !into.write(chunk)) {
            from.pause();
            into.once('drain', () => from.resume());
          }
        };
        // Timers of one length fire in the order they were set, so chunks stay in order.
        if (Date.now() < delayUntil) setTimeout(write, delayMs);
        else write();
      });
      from.on('close', () => {
        into.destroy();
        pairs.delete(pair);
      });
      from.on('end', () => setTimeout(() => into.end(), Date.now() < delayUntil ? delayMs : 0));
    };
    forward(client, server, () => {
      requestsLeft -= 1;
      if (requestsLeft < 0) {
        requestsLeft = Infinity;
        replyIsLost = true;
      }
      return false;
    });
    forward(server, client, () => {
      if (!replyIsLost) return false;
      swallowed += 1;
      client.destroy();
      server.destroy();
      return true;
    });
  });
  door.on('error', () => {});
  await new Promise<void>((listening) => void door.listen(0, '127.0.0.1', listening));
  return {
    port: (door.address() as AddressInfo).port,
    swallowed: () => swallowed,
    cut,
    delay(ms, forMs) {
      delayMs = ms;
      delayUntil = Date.now() + forMs;
    },
    fallSilent(forMs) {
      silentUntil = Date.now() + forMs;
      // What was said meanwhile is gone, so no connection may go on as if it had arrived.
      setTimeout(cut, forMs);
    },
    swallowReplyAfter(requests) {
      requestsLeft = requests;
    },
    async close() {
      const closed = new Promise((done) => door.close(done));
      cut();
      await closed;
    },
  };
}
