/** COPY over an ordinary connection, a chunk at a time: whole tables go in and out without passing through anybody's memory. */

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type pg from 'pg';

/** What pg hands to whoever carries out a query. */
interface Wire {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sendCopyFail(reason: string): void;
  stream: Socket;
}

/** What the statement copies out; the server waits while it is not read. Whoever stops reading ends the connection. */
export function copyOut(client: pg.Client, statement: string): Readable {
  let socket: Socket | undefined;
  const pieces = new Readable({ read: () => void socket?.resume() });
  carriedOut(client, statement, {
    handleCopyData: ({ chunk }: { chunk: Buffer }, wire: Wire) => {
      socket = wire.stream;
      // The connection writes its next piece where this one stands.
      if (!pieces.push(Buffer.from(chunk))) socket.pause();
    },
  }).then(
    () => {
      // The end may have come along with the piece that was one too many, and after it nothing is asked for.
      socket?.resume();
      pieces.push(null);
    },
    (error: Error) => pieces.destroy(error),
  );
  return pieces;
}

/** Copies in what `give` gives. Throws what Postgres says of it. */
export async function copyIn(client: pg.Client, statement: string, give: AsyncIterable<Buffer>): Promise<void> {
  await carriedOut(client, statement, {
    handleCopyInResponse: (wire: Wire) => {
      void (async () => {
        try {
          for await (const chunk of give) {
            wire.sendCopyFromChunk(chunk);
            if (wire.stream.writableNeedDrain) await once(wire.stream, 'drain');
          }
          wire.endCopyFrom();
        } catch (error) {
          wire.sendCopyFail(error instanceof Error ? error.message : 'given up');
        }
      })();
    },
  });
}

function carriedOut(client: pg.Client, statement: string, handlers: object): Promise<void> {
  return new Promise((done, failed) => {
    const nothing = (): void => {};
    const query = {
      submit: (wire: Wire) => wire.query(statement),
      handleError: failed,
      handleReadyForQuery: () => done(),
      handleCommandComplete: nothing,
      handleRowDescription: nothing,
      handleDataRow: nothing,
      handleEmptyQuery: nothing,
      handlePortalSuspended: nothing,
      callback: nothing,
      ...handlers,
    };
    client.query(query as never);
  });
}
