/** A link between two parts that can go wrong: a TCP proxy on 127.0.0.1 that delays, cuts, falls silent, and swallows replies. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export type LinkFault = 'cut' | 'slow' | 'half-open' | 'reply swallowed';

export interface Link {
  port: number;
  /** How many faults of each kind met anything: a connection that was there, something that was said, a reply. */
  readonly met: Readonly<Record<LinkFault, number>>;
  /** Ends every connection at once; the next one is as good as new. */
  cut(): void;
  /** From now on every chunk, in both directions, takes so long. */
  delay(ms: number, forMs: number): void;
  /** Half-open: both sides believe in their connections, and nothing arrives. Then they are cut. */
  fallSilent(forMs: number): void;
  /** After so many more requests (chunks from the client), the request arrives, its reply does not, and the connection is cut. */
  swallowReplyAfter(requests: number): void;
  /** What still waits for its request does not happen any more. */
  clear(): void;
  close(): Promise<void>;
}

/** Opens a link to a port of this machine. Asked at each connection, because a part may come back on another port. */
export async function openLink(to: () => number): Promise<Link> {
  const pairs = new Set<{ client: Socket; server: Socket }>();
  const met: Record<LinkFault, number> = { cut: 0, slow: 0, 'half-open': 0, 'reply swallowed': 0 };
  const slow = { ms: 0, until: 0, meets: nothing };
  const silence = { until: 0, meets: nothing };
  /** How many more requests each lets through. */
  let swallows: number[] = [];

  /** Counts a fault that goes on for a while when it first meets something. */
  const once = (fault: LinkFault): (() => void) => {
    let already = false;
    return () => {
      if (!already) met[fault] += 1;
      already = true;
    };
  };
  const endAll = (): void => {
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
      // In the order in which it was said, however long each of it takes.
      const underWay: (Buffer | 'end')[] = [];
      let last = 0;
      const pass = (): void => {
        const next = underWay.shift()!;
        if (next === 'end') into.end();
        else if (!into.destroyed && !into.write(next)) {
          from.pause();
          into.once('drain', () => from.resume());
        }
      };
      const send = (what: Buffer | 'end'): void => {
        const now = Date.now();
        const isSlow = now < slow.until;
        if (isSlow && what !== 'end') slow.meets();
        last = Math.max(last, isSlow ? now + slow.ms : now);
        underWay.push(what);
        if (last === now && underWay.length === 1) pass();
        else setTimeout(pass, last - now);
      };
      from.on('data', (chunk) => {
        if (Date.now() < silence.until) return silence.meets();
        if (!isLost()) send(chunk);
      });
      from.on('close', () => {
        into.destroy();
        pairs.delete(pair);
      });
      from.on('end', () => send('end'));
    };
    forward(client, server, () => {
      swallows = swallows.map((left) => left - 1);
      const due = swallows.findIndex((left) => left < 0);
      if (due >= 0) {
        swallows.splice(due, 1);
        replyIsLost = true;
      }
      return false;
    });
    forward(server, client, () => {
      if (!replyIsLost) return false;
      met['reply swallowed'] += 1;
      client.destroy();
      server.destroy();
      return true;
    });
  });
  door.on('error', () => {});
  await new Promise<void>((listening) => void door.listen(0, '127.0.0.1', listening));
  return {
    port: (door.address() as AddressInfo).port,
    met,
    cut() {
      if (pairs.size > 0) met.cut += 1;
      endAll();
    },
    delay(ms, forMs) {
      slow.ms = ms;
      slow.until = Date.now() + forMs;
      slow.meets = once('slow');
    },
    fallSilent(forMs) {
      const meets = once('half-open');
      silence.until = Date.now() + forMs;
      silence.meets = meets;
      // What was said meanwhile is gone, so no connection may go on as if it had arrived.
      setTimeout(() => {
        if (pairs.size > 0) meets();
        endAll();
      }, forMs);
    },
    swallowReplyAfter(requests) {
      swallows.push(requests);
    },
    clear() {
      swallows = [];
    },
    async close() {
      const closed = new Promise((done) => door.close(done));
      endAll();
      await closed;
    },
  };
}

const nothing = (): void => {};
