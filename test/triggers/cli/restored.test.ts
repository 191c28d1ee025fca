/** A Postgres of the operator's own, put back from a copy of the server: what that does not know is in the files that were kept apart from it. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { readConfig } from '../../../src/config.ts';
import { newId } from '../../../src/domain/ids.ts';
import { capture } from '../../../src/triggers/capture.ts';
import { connect, relayName } from '../../../src/store/connection.ts';
import { openPool } from '../../../src/store/pool.ts';
import { openSession } from '../../../src/store/records/sessions.ts';
import { runCommand } from '../../../src/triggers/cli/program.ts';
import { foundInDatabase } from '../../support/canaries.ts';
import { openTestDatabase } from '../../support/database.ts';

const zoe = { name: 'Zephyrine Quillfeather', email: 'zephyrine@canary.example', words: 'I limp since the quadrille' };
const canaries = Object.values(zoe);

let folder: string;
let url: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-kept-apart-'));
  const db = await openTestDatabase();
  url = db.url;
  const { words, ...customer } = zoe;
  await capture(
    db.heed,
    { words, place: 'high-street', customer },
    { channel: 'cli', press: { source: 'test', key: newId() } },
  );
  await db.pool.end();
  await onServer(`create database ${name()}_archive template ${name()} strategy file_copy`);
});
afterEach(async () => {
  for (const one of [name(), `${name()}_archive`]) await onServer(`drop database if exists ${one} with (force)`);
  await rm(folder, { recursive: true });
});

const name = (): string => url.split('/').at(-1)!;

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: process.env['HEED_TEST_POSTGRES']! });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

/** The disk is lost, and the archive knows how it was before. */
async function putBack(): Promise<void> {
  await onServer(`drop database ${name()} with (force)`);
  await onServer(`alter database ${name()}_archive rename to ${name()}`);
}

async function heed(...argv: string[]) {
  const said: string[] = [];
  const code = await runCommand(argv, {
    say: (line) => said.push(line),
    complain: (line) => said.push(line),
    config: () => readConfig({ HOME: folder, DATABASE_URL: url }),
    folder: () => folder,
    account: 'otto',
  });
  return { code, said: said.join('\n') };
}

test.each([
  ['a whole backup', 'later.backup', []],
  ['what was erased alone', 'later.erasures', ['--erasures-only']],
] as const)(
  'who was erased after a copy of the server was made stays erased once it is put back, by %s',
  async (_, file, only) => {
    await heed('erase', '--subject', zoe.email, '--reason', 'asked at the counter');
    expect((await heed('backup', file, ...only)).code).toBe(0);
    await putBack();
    expect(await foundInDatabase(url, canaries)).not.toEqual([]);

    const { code, said } = await heed('restored', '--reason', 'disk lost, put back to 13:55', '--erasures', file);
    expect({ code, said }).toEqual({
      code: 0,
      said: expect.stringMatching(
        /^Epoch 2 has begun[^]*1 erasures were carried out again, and 0 objections.* as they were known on \S+Z\./,
      ),
    });
    expect(await foundInDatabase(url, canaries)).toEqual([]);
    expect((await heed('export', '--subject', zoe.email)).said).toContain('Nobody is held under that');
  },
);

test('a key that was revoked after a copy of the server was made opens nothing once it is put back, and nobody is signed in', async () => {
  const keys = async (): Promise<string> => (await heed('key', 'list')).said;
  await heed('key', 'add', 'laptop', '--scope', '*', '--place', 'all');
  const pool = await openPool(url, { statementTimeoutMs: 20_000 });
  await openSession(pool, 'mina');
  await pool.end();
  await onServer(`drop database ${name()}_archive`);
  await onServer(`create database ${name()}_archive template ${name()} strategy file_copy`);
  await heed('key', 'revoke', 'laptop');
  await heed('backup', 'kept.erasures', '--erasures-only');
  await putBack();

  const unknown = await heed('restored', '--reason', 'disk lost');
  expect(unknown.said).toContain('A key that was revoked since opens again');
  expect(await keys()).not.toContain('ended');
  const known = await heed('restored', '--reason', 'disk lost', '--erasures', 'kept.erasures');
  expect(known.said).toContain('1 objections, rests, "not me" and revocations of keys hold again');
  expect(await keys()).toMatch(/ laptop: .*, ended 20\d\d-\d\d-\d\d by otto$/m);
  expect((await heed('sessions', '--staff', 'mina')).said).toContain('Nowhere');
  // What else opens doors may be that of before.
  for (const { said } of [unknown, known]) {
    expect(said).toContain('heed apply FILE');
    expect(said).toContain('heed key list');
  }
});

test('nothing is put in doubt, and nobody signed out, by who types it while a relay is at work', async () => {
  const ears = await connect(url, `${relayName}test`);
  const refused = await heed('restored', '--reason', 'a slip');
  await ears.end();
  expect(refused).toEqual({ code: 1, said: expect.stringContaining('A relay is at work on this database') });
});

test('what was erased alone is never taken for a backup, and what is none stops heed restored before it does anything', async () => {
  await heed('backup', 'kept.erasures', '--erasures-only');
  await onServer(`drop database ${name()} with (force)`);
  await onServer(`create database ${name()}`);
  expect(await heed('restore', 'kept.erasures')).toEqual({
    code: 1,
    said: expect.stringContaining('name this one with --erasures'),
  });

  await putBack();
  const refused = await heed('restored', '--reason', 'put back', '--erasures', 'kept.erasures', 'nowhere.erasures');
  expect(refused).toEqual({ code: 1, said: expect.stringContaining('nowhere.erasures is no backup of Heed') });
  expect((await heed('restored', '--reason', 'put back', '--erasures', 'kept.erasures')).said).toContain('Epoch 2');
});
