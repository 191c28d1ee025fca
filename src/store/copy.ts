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

/** A row is too little to be handed on by itself: there are a hundred of them for each thing that a customer said. */
const pieceBytes = 65_536;

/** What the statement copies out, in pieces of many rows; the server waits while it is not read. Whoever stops reading ends the connection. */
export function copyOut(client: pg.Client, statement: string): Readable {
  let socket: Socket | undefined;
  let piece = Buffer.allocUnsafe(pieceBytes);
  let filled = 0;
  const pieces = new Readable({ read: () => void socket?.resume() });
  const handOn = (): void => {
    if (filled > 0 && !pieces.push(piece.subarray(0, filled))) socket?.pause();
    filled = 0;
  };
  carriedOut(client, statement, {
    handleCopyData: ({ chunk }: { chunk: Buffer }, wire: Wire) => {
      socket = wire.stream;
      if (filled + chunk.length > piece.length) {
        handOn();
        piece = Buffer.allocUnsafe(Math.max(pieceBytes, chunk.length));
      }
      // Copied, because the connection writes its next row where this one stands.
      filled += chunk.copy(piece, filled);
    },
  }).then(
    () => {
      handOn();
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
