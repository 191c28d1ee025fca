import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { DomainError } from '../../src/domain/errors.ts';
import { longestSilenceMs, openPool, sql, type Db, type Pool } from '../../src/store/pool.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let pool: Pool;
beforeAll(async () => {
  db = await openTestDatabase();
  pool = await openPool(db.url, { connections: 1 });
});
afterAll(async () => {
  await pool.end();
  await db.close();
});

const backend = (on: Db): Promise<number> =>
  on.oneFirst(sql.type(z.object({ pid: z.number() }))`select pg_backend_pid() as pid`);

test('whoever is refused costs no connection, and what they began is undone', async () => {
  const before = await backend(pool);
  const refused = pool.transaction(async (tx) => {
    await tx.query(sql.unsafe`insert into places (code, name) values ('moon', 'Moon')`);
    throw new DomainError('conflict', 'Somebody was faster.');
  });
  await expect(refused).rejects.toThrow('Somebody was faster.');
  expect(await backend(pool)).toBe(before);
  expect(await pool.exists(sql.unsafe`select from places where code = 'moon'`)).toBe(false);
});

test('whoever is given ten minutes for a statement, as a restore is, is not given up before they are over', () => {
  expect(longestSilenceMs(600_000)).toBeGreaterThan(600_000);
  expect(longestSilenceMs(3_000)).toBeGreaterThan(60_000);
});

test('a Postgres that falls silent is given up, and the next question is asked on a new connection', async () => {
  const way = await wayThatFallsSilent(db.url);
  const silent = await openPool(way.url, { connections: 1, silenceMs: 300 });
  const one = () => silent.oneFirst(sql.type(z.object({ one: z.number() }))`select 1 as one`);
  expect(await one()).toBe(1);
  way.fallSilent();
  await expect(silent.transaction((tx) => tx.query(sql.unsafe`select pg_sleep(0)`))).rejects.toThrow();
  expect(await one()).toBe(1);
  await silent.end();
  await way.close();
}, 30_000);

/** To the database, on connections of which those that are open at a certain moment hear nothing from then on, and are never closed. */
async function wayThatFallsSilent(to: string): Promise<{ url: string; fallSilent(): void; close(): Promise<void> }> {
  const port = Number(new URL(to).port);
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const postgres = connect(port, '127.0.0.1');
    open.add(postgres);
    for (const socket of [client, postgres]) socket.on('error', () => socket.destroy());
    client.pipe(postgres).pipe(client);
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  return {
    url: to.replace(`:${port}/`, `:${(server.address() as AddressInfo).port}/`),
    fallSilent() {
      for (const postgres of open) postgres.unpipe().resume();
    },
    close: () =>
      new Promise((closed) => {
        for (const postgres of open) postgres.destroy();
        server.close(() => closed());
      }),
  };
}

test('whatever else goes wrong takes its connection with it: nobody knows what state it is in', async () => {
  const before = await backend(pool);
  await expect(pool.transaction(() => Promise.reject(new Error('out of the blue')))).rejects.toThrow('out of the blue');
  expect(await backend(pool)).not.toBe(before);
});

test('of two who wait for each other one begins anew, and each has done all of it, once', async () => {
  const two = await openPool(db.url, { connections: 2 });
  await two.query(sql.unsafe`create table done (by text not null, what text not null)`);
  const bothHoldOne = Promise.withResolvers<void>();
  let begun = 0;
  const does = (by: string, first: string, second: string) =>
    two.transaction(async (tx) => {
      begun += 1;
      for (const what of [first, second]) {
        await tx.query(sql.unsafe`select from places where code = ${what} for no key update`);
        await tx.query(sql.unsafe`insert into done values (${by}, ${what})`);
        if (begun === 2) bothHoldOne.resolve();
        await bothHoldOne.promise;
      }
    });
  const [one, other] = ['high-street', 'station'] as const;
  await Promise.all([does('Ana', one, other), does('Ben', other, one)]);
  expect(begun).toBe(3);
  expect(await two.any(sql.unsafe`select by, what from done order by by, what`)).toEqual([
    { by: 'Ana', what: one },
    { by: 'Ana', what: other },
    { by: 'Ben', what: one },
    { by: 'Ben', what: other },
  ]);
  await two.end();
});
