/** A Postgres that speaks TLS: who is believed to be it, and that nothing goes there in plain. */

import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import { startPostgres, type EmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { saidInFull } from '../../src/encryption.ts';
import { connect } from '../../src/store/connection.ts';
import { openPool, sql } from '../../src/store/pool.ts';
import { makeCertificate } from '../support/certificate.ts';

const Encrypted = z.object({ ssl: z.boolean() });
let dir: string;
let server: EmbeddedPostgres;
/** Of the server's own certificate, and of another. */
let [own, another] = ['', ''];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'heed-postgres-tls-'));
  await chmod(dir, 0o711);
  server = await startPostgres({ dataDir: dir, durable: false });
  const { cert, key } = makeCertificate({ names: [] });
  [own, another] = [join(dir, 'own.pem'), join(dir, 'another.pem')];
  await writeFile(own, cert);
  await writeFile(another, makeCertificate({ names: [] }).cert);
  // Where Postgres looks by itself.
  const cluster = join(dir, 'postgres/data');
  const { uid, gid } = await stat(cluster);
  for (const [name, pem] of [
    ['server.crt', cert],
    ['server.key', key],
  ] as const) {
    await writeFile(join(cluster, name), pem, { mode: 0o600 });
    await chown(join(cluster, name), uid, gid);
  }
  const client = new pg.Client(server.url);
  await client.connect();
  await client.query('alter system set ssl = on');
  await client.query('select pg_reload_conf()');
  await client.end();
});
afterAll(async () => {
  await server?.stop();
  await rm(dir, { recursive: true });
});

/** Whether Postgres says that the pool, and that a connection of one's own, are encrypted; or why they did not come about. */
async function encrypted(words: string, host = '127.0.0.1'): Promise<[pool: unknown, own: unknown]> {
  const url = saidInFull(`${server.url.replace('127.0.0.1', host)}${words}`);
  const refusal = ({ cause }: Error): string => (cause as Error).message;
  const byPool = async (): Promise<boolean> => {
    const pool = await openPool(url, { connections: 1 });
    const asked = sql.type(Encrypted)`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
    return pool.oneFirst(asked).finally(() => pool.end());
  };
  const byConnection = async (): Promise<boolean> => {
    const client = await connect(url, 'heed-test');
    return client
      .query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
      .then(({ rows }) => rows[0]!.ssl)
      .finally(() => client.end());
  };
  return [await byPool().catch(refusal), await byConnection().catch(refusal)];
}

test('each word for it means the same to the pool as to backups and migrations: encrypted, to a server that proves its name', async () => {
  // The reload reaches the server a moment after it was asked for.
  while ((await encrypted(`?sslmode=no-verify`))[0] !== true);
  for (const mode of ['require', 'verify-ca', 'verify-full'])
    expect({ mode, is: await encrypted(`?sslmode=${mode}&sslrootcert=${own}`) }).toEqual({ mode, is: [true, true] });

  for (const mode of ['require', 'verify-ca', 'verify-full']) {
    const stranger = /self-signed certificate/;
    const unknown = await encrypted(`?sslmode=${mode}`);
    const other = await encrypted(`?sslmode=${mode}&sslrootcert=${another}`);
    for (const why of [...unknown, ...other]) expect(why).toMatch(stranger);
    // The certificate is for its address alone.
    for (const why of await encrypted(`?sslmode=${mode}&sslrootcert=${own}`, 'localhost'))
      expect(why).toMatch(/does not match certificate's altnames/);
  }
  expect(await encrypted('?sslmode=no-verify')).toEqual([true, true]);
  expect(await encrypted('?sslmode=disable')).toEqual([false, false]);
  expect(await encrypted('')).toEqual([false, false]);
});

test('a server that offers none is given nothing', async () => {
  const client = await connect(`${server.url}?sslmode=disable`, 'heed-test');
  await client.query('alter system set ssl = off');
  await client.query('select pg_reload_conf()');
  await client.end();
  while ((await encrypted(`?sslmode=no-verify`))[0] === true);
  expect(await encrypted(`?sslmode=verify-full&sslrootcert=${own}`)).toEqual([
    'The server does not support SSL connections',
    'The server does not support SSL connections',
  ]);
});
