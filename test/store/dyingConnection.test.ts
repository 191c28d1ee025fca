import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { openPool, sql } from '../../src/store/pool.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let dying: { url: string; server: Server };
beforeAll(async () => {
  db = await openTestDatabase();
  dying = await thirdConnectionDies(db.url);
});
afterAll(async () => {
  await new Promise((closed) => dying.server.close(closed));
  await db.close();
});

test('a connection that dies in the moment it is there costs nobody their query, and not the process', async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on('unhandledRejection', note);
  const pool = await openPool(dying.url, { connections: 1 });
  const One = z.object({ one: z.number() });

  // The first is there to see whether Postgres is. The second is ended under its query, while another waits and is given the third.
  const ended = pool.query(sql.unsafe`select pg_terminate_backend(pg_backend_pid())`).catch(() => 'ended');
  const waiting = pool.oneFirst(sql.type(One)`select 1 as one`);
  expect(await ended).toBe('ended');
  expect(await waiting).toBe(1);

  await pool.end();
  process.off('unhandledRejection', note);
  expect(uncaught).toEqual([]);
}, 15_000);

test('an address that falls silent while it is asked for its types is tried anew, and keeps nobody from the next one', async () => {
  const held: (() => void)[] = [];
  const silent = createServer((client) => {
    const postgres = connect(Number(new URL(db.url).port), '127.0.0.1');
    for (const socket of [client, postgres]) socket.on('error', () => socket.destroy());
    postgres.pipe(client);
    client.on(
      'data',
      (asked) => void (asked.includes('pg_type') ? held.push(() => postgres.write(asked)) : postgres.write(asked)),
    );
    client.on('close', () => postgres.destroy());
  });
  await new Promise<void>((listening) => void silent.listen(0, '127.0.0.1', listening));
  let address = db.url;
  const pool = await openPool(() => address, { connections: 1, silenceMs: 300 });
  await pool.query(sql.unsafe`select pg_terminate_backend(pg_backend_pid())`).catch(() => 'ended');
  address = db.url.replace(/:\d+\//, `:${(silent.address() as AddressInfo).port}/`);
  await expect(pool.query(sql.unsafe`select 1`)).rejects.toThrow();
  address = db.url;
  expect(await pool.oneFirst(sql.type(z.object({ one: z.number() }))`select 1 as one`)).toBe(1);
  await pool.end();
  expect(held.length).toBeGreaterThan(0);
  for (const hear of held) hear();
  await new Promise((closed) => silent.close(closed));
}, 30_000);

/** A way to the database on which the third connection is told "you are terminated" in the same breath as "you are ready". */
async function thirdConnectionDies(url: string): Promise<{ url: string; server: Server }> {
  const port = Number(new URL(url).port);
  const text = ['SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection due to administrator command', ''].join('\0');
  const fatal = Buffer.from(`E    ${text}\0`, 'latin1');
  fatal.writeInt32BE(fatal.length - 1, 1);
  const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);
  let connections = 0;
  const server = createServer((client) => {
    const nth = (connections += 1);
    const postgres = connect(port, '127.0.0.1');
    for (const socket of [client, postgres]) socket.on('error', () => socket.destroy());
    client.pipe(postgres);
    client.on('close', () => postgres.destroy());
    postgres.on('data', (chunk) => {
      if (nth !== 3 || !chunk.subarray(-6).equals(ready)) return void client.write(chunk);
      client.end(Buffer.concat([chunk, fatal]));
    });
    postgres.on('close', () => client.destroy());
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  return { url: url.replace(`:${port}/`, `:${(server.address() as AddressInfo).port}/`), server };
}
