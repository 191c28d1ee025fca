/** Everything is lost: the disk with Postgres and Temporal on it goes while Heed runs. There is a folder of backups elsewhere, the world outside,
 *  where letters have arrived, and what docs/operating.md says to type. Real processes on their own servers, and nothing is skipped. */

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { readConfig } from '../../src/config.ts';
import { startMailbox, type Mailbox } from '../../src/embedded/mailbox.ts';
import { nameAt } from '../../src/store/keepBackups.ts';
import { runCommand } from '../../src/triggers/cli/program.ts';
import { foundInDatabase } from '../support/canaries.ts';
import { apiKey, newHeed, type RunningHeed } from '../support/heed.ts';

let elsewhere: string;
let mailbox: Mailbox;
let environment: NodeJS.ProcessEnv;
let heed: RunningHeed;
beforeAll(async () => {
  elsewhere = await mkdtemp(join(tmpdir(), 'heed-elsewhere-'));
  mailbox = await startMailbox();
  // At whatever time this runs, nobody's night is disturbed.
  const yaml = await readFile(new URL('../../samples/shop.yaml', import.meta.url), 'utf8');
  const company = join(elsewhere, 'heed.yaml');
  await writeFile(company, yaml.replace(/^ *quiet_hours:.*\n/m, ''));
  // Whoever works with another Temporal, too, has names for it in their shell.
  environment = { HEED_CONFIG: company, SMTP_URL: mailbox.smtpUrl, TEMPORAL_API_KEY: 'of another one' };
  heed = await newHeed(environment);
  await heed.start();
});
afterAll(async () => {
  await heed?.forget();
  await mailbox?.stop();
  await rm(elsewhere, { recursive: true, force: true });
});

/** Types a command, as an operator would where the backups are. */
async function typed(...argv: string[]) {
  const said: string[] = [];
  const code = await runCommand(argv, {
    say: (line) => said.push(line),
    complain: (line) => said.push(line),
    config: () => readConfig({ HEED_DATA_DIR: heed.dataDir }),
    folder: () => elsewhere,
    account: 'otto',
  });
  return { code, said: said.join('\n') };
}

async function ask(method: 'GET' | 'POST', path: string, body?: object) {
  const response = await fetch(`${heed.url}/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as { id: string; reference: string } };
}

const mailsTo = (email: string): number => mailbox.mails(email).length;
/** Something is said, and the thanks at once have arrived. */
async function said(words: string, name: string, email: string): Promise<{ id: string; reference: string }> {
  const { status, body } = await ask('POST', 'signals', {
    words,
    kind: 'question',
    place: 'high-street',
    by: 'mina',
    customer: { name, email },
    consent: [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }],
  });
  expect(status).toBe(202);
  await until('the thanks have arrived', () => mailsTo(email) === 1);
  return body;
}
async function answer(id: string, words: string): Promise<void> {
  await ask('POST', `signals/${id}/acknowledgement`, { by: 'priya' });
  expect((await ask('POST', `signals/${id}/follow-up`, { by: 'priya', words })).status).toBe(201);
}

async function query<Row extends pg.QueryResultRow>(text: string, ...values: unknown[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: await databaseUrl() });
  await client.connect();
  return (await client.query<Row>(text, values).finally(() => client.end())).rows;
}
const databaseUrl = async (): Promise<string> =>
  (JSON.parse(await readFile(join(heed.dataDir, 'running.json'), 'utf8')) as { databaseUrl: string }).databaseUrl;

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 120_000; !(await holds()); await sleep(50))
    if (Date.now() > end) throw new Error(`This never came about: ${what}.`);
}

/** What docs/operating.md says to type under a heading, line by line, without what is explained beside it. */
async function toType(heading: string): Promise<string[]> {
  const page = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split(`### ${heading}\n`);
  return section
    .split(/^##/m)[0]!
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .map((line) => line.trim().split(/ {2,}/)[0]!);
}

const zoe = { name: 'Zephyrine Quillfeather', email: 'zephyrine@canary.example', words: 'I limp since the quadrille' };

test('a Heed that has lost everything goes on from its newest backup: no loop stops, nobody is written to twice, and who was erased stays erased', async () => {
  const waiting = await said('Where is my parcel?', 'Kim', 'kim@example.com');
  const promised = await said('Do you repair umbrellas?', 'Robin', 'robin@example.com');
  await said(zoe.words, zoe.name, zoe.email);
  expect((await typed('backup', nameAt(new Date()))).code).toBe(0);
  await typed('erase', '--subject', zoe.email, '--reason', 'asked at the counter');

  // The moment of the last backup: an answer is approved, and the mail server is away.
  mailbox.faults.script({ at: 'connect', do: 'drop' }, Infinity);
  await answer(promised.id, 'We do, on the first floor.');
  await sleep(1_000);
  expect((await typed('backup', nameAt(new Date()))).code).toBe(0);
  mailbox.faults.clear();

  // What happens after it is lost, but for what has reached people.
  await until('the answer has arrived', () => mailsTo('robin@example.com') === 2);
  const late = await said('Said a moment too late', 'Ada', 'ada@example.com');
  await heed.lose();

  // On another machine.
  expect(await toType('Everything is lost')).toEqual(['heed restore FILE.backup', 'npm start']);
  const backups = (await readdir(elsewhere)).filter((name) => name.endsWith('.backup')).sort();
  environment = { ...environment, HEED_DATA_DIR: heed.dataDir };
  const restored = await typed('restore', backups.at(-1)!);
  expect(restored).toMatchObject({
    code: 0,
    said: expect.stringMatching(/^Restored as of \S+Z, \S+ (second|minute)s? ago: what was recorded since is lost\./),
  });
  expect(restored.said).toContain('2 open loops are woken');
  expect(restored.said).toContain('1 of them letters');
  // Against the old one everything since the backup would seem to be cut off.
  expect(restored.said).toContain('put the old anchor away, then take a new one');
  // So may who works here, and what opens its doors, be what it was.
  expect(restored.said).toContain('heed key list');
  heed = await newHeed(environment);
  await heed.start();

  const read = async (id: string): Promise<number> => (await ask('GET', `signals/${id}`)).status;
  expect([await read(waiting.id), await read(promised.id), await read(late.id)]).toEqual([200, 200, 404]);
  await until('every wake is carried', async () => (await query('select from wakes')).length === 0);
  expect(await stories()).toEqual({ [waiting.id]: 'RUNNING', [promised.id]: 'RUNNING' });
  expect(await foundInDatabase(await databaseUrl(), Object.values(zoe))).toEqual([]);

  // A quarter of an hour goes by in which nobody can tell whether the answer went out: whoever answers for it is asked, and nothing is sent.
  await query(`update deliveries set not_before = heed_now() where state = 'uncertain'`);
  const inDoubt = async (): Promise<string> => (await typed('stuck')).said;
  await until('it is shown', async () => (await inDoubt()).includes('nobody can find out'));
  expect(await inDoubt()).toContain(promised.reference);
  expect(
    (await typed('repair', promised.reference, '--action', 'leave', '--reason', 'the mail server has it')).code,
  ).toBe(0);

  // Life goes on.
  await answer(waiting.id, 'It comes tomorrow.');
  await until('it is answered', () => mailsTo('kim@example.com') === 2);
  await said('Thank you for the umbrella', 'Noor', 'noor@example.com');
  const all = ['kim', 'robin', 'ada', 'noor'].map((who) => mailsTo(`${who}@example.com`));
  expect(all).toEqual([2, 2, 1, 1]);
  expect(mailsTo(zoe.email)).toBe(1);
});

/** How the story of each open loop is, as Temporal says. */
async function stories(): Promise<Record<string, string>> {
  const { port } = JSON.parse(await readFile(join(heed.dataDir, 'temporal', 'server.json'), 'utf8')) as {
    port: number;
  };
  const connection = await Connection.connect({ address: `127.0.0.1:${port}` });
  const client = new Client({ connection });
  const open = await query<{ id: string }>('select id from now.open_loops');
  const found: Record<string, string> = {};
  for (const { id } of open) found[id] = (await client.workflow.getHandle(`signal:${id}`).describe()).status.name;
  await connection.close();
  return found;
}
