/** Temporal is disposable: killed, wiped, or put back to an older backup, it costs no loop and says nothing twice. On a server of its own. */

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import getPort from 'get-port';
import { z } from 'zod';
import { processesNaming } from '../../../src/embedded/processes.ts';
import { startMailbox, type Mailbox } from '../../../src/embedded/mailbox.ts';
import { startSlackRoom, type SlackRoom } from '../../../src/embedded/slackRoom.ts';
import { startTemporal, type EmbeddedTemporal } from '../../../src/embedded/temporal.ts';
import { defaultCacheDir } from '../../../src/embedded/temporalCli.ts';
import { newId } from '../../../src/domain/ids.ts';
import { openPostOffice } from '../../../src/integrations/email.ts';
import { openSlack } from '../../../src/integrations/slack.ts';
import { openLog } from '../../../src/log.ts';
import { sql } from '../../../src/store/pool.ts';
import { leaseDueDeliveries } from '../../../src/store/records/deliveries.ts';
import { wakeAllOpen } from '../../../src/store/records/wakes.ts';
import { signalNow } from '../../../src/store/views/signals.ts';
import { capture } from '../../../src/triggers/capture.ts';
import { startRelay, type Relay } from '../../../src/triggers/relay/relay.ts';
import { acknowledge } from '../../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../../src/triggers/responses/approveFollowUp.ts';
import { startWorkers, type RunningWorkers } from '../../../src/workers/createWorker.ts';
import { searchAttributes } from '../../../src/workflows/messages.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';

const log = openLog('silent');
let db: TestDatabase;
let mailbox: Mailbox;
let room: SlackRoom;
let dataDir: string;
let temporal: EmbeddedTemporal;
let connection: Connection;
let client: Client;
let workers: RunningWorkers;
let relay: Relay;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'heed-lost-'));
  [db, mailbox, room, temporal] = await Promise.all([
    openTestDatabase(),
    startMailbox(),
    startSlackRoom({ interactivityUrl: () => 'http://127.0.0.1:9/slack/interactions' }),
    startServer(),
  ]);
  // Monday 15 June 2026, ten in the morning: nothing is held, and no rung falls due while this runs.
  await db.pool.query(
    sql.unsafe`update test_clock set ahead = timestamptz '2026-06-15 10:00:00 Europe/Amsterdam' - now()`,
  );
  connection = await Connection.connect({ address: temporal.address });
  client = new Client({ connection });
  workers = await startWorkers({
    hands: {
      pool: db.pool,
      configuration: db.heed.configuration,
      publicUrl: 'http://heed.test',
      post: openPostOffice(mailbox.smtpUrl),
      slack: openSlack({ token: room.token, apiUrl: room.apiUrl }),
    },
    connection: { address: temporal.address },
    namespace: 'default',
    bundle: process.env['HEED_TEST_BUNDLE']!,
    log,
    messagesPerSecond: 200,
  });
  relay = openRelay();
});
afterAll(async () => {
  await relay.stop();
  await workers.stop();
  await connection.close();
  await Promise.all([temporal.stop(), mailbox.stop(), room.stop(), db.close()]);
  await rm(dataDir, { recursive: true, force: true });
});

const openRelay = (startsPerSecond = 100): Relay =>
  startRelay({
    pool: db.pool,
    databaseUrl: db.workingUrl,
    client,
    temporalAddress: temporal.address,
    log,
    startsPerSecond,
  });

/** The first on a port that nobody else asks for, later ones on the same. */
async function startServer(options: { requestsPerSecond?: number } = {}): Promise<EmbeddedTemporal> {
  const cliPath = process.env['TEMPORAL_CLI_PATH'];
  const port = temporal ? Number(temporal.address.split(':')[1]) : await getPort({ host: '127.0.0.1' });
  return startTemporal({
    dataDir,
    cacheDir: defaultCacheDir(process.env),
    uiPort: 'none',
    searchAttributes,
    port,
    ...options,
    ...(cliPath && { cliPath }),
  });
}

const database = (): string => join(dataDir, 'temporal', 'temporal.db');
const serverPid = async (): Promise<number> => (await processesNaming(['--db-filename', database()]))[0]!.pid;
async function killServer(): Promise<void> {
  const pid = await serverPid();
  process.kill(pid, 'SIGKILL');
  await until('the server is dead', async () => (await processesNaming(['--db-filename', database()])).length === 0);
  // Whoever looked after it is gone with it.
  await temporal.stop();
}

const kim = (): object => ({ name: 'Kim', email: `kim.${randomBytes(4).toString('hex')}@example.com` });
async function captured(many: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < many; n += 1) {
    const said = {
      words: 'Where is my parcel?',
      place: 'high-street',
      by: 'mina',
      customer: kim(),
      consent: [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }],
    };
    ids.push((await capture(db.heed, said, { channel: 'web', press: { source: 'test', key: newId() } })).id);
  }
  return ids;
}
const as = (by: string, loopId: string) => ({ loopId, by, press: { source: 'test', key: newId() } });

const Count = z.object({ n: z.number() });
const waiting = () => db.pool.oneFirst(sql.type(Count)`select count(*)::integer as n from wakes`);
/** Everybody has been asked for the first time, and nothing is under way. */
const quiet = async (): Promise<boolean> =>
  (await waiting()) === 0 &&
  (await db.pool.oneFirst(sql.type(z.object({ quiet: z.boolean() }))`
    select not exists (
        select from deliveries where state in ('planned', 'ready', 'sending', 'uncertain') and not_before <= heed_now())
      and not exists (
        select from now.open_loops o
        where not exists (select from escalations e join plans p on p.id = e.plan_id where p.loop_id = o.id)) as quiet`));

/** Every open loop has a story that runs. */
async function everyStoryRuns(): Promise<boolean> {
  const open = await db.pool.any(
    sql.type(z.object({ id: z.string(), kind: z.string() }))`select id, kind from now.open_loops`,
  );
  const states = await Promise.all(
    open.map(({ id, kind }) =>
      client.workflow
        .getHandle(`${kind}:${id}`)
        .describe()
        .then(({ status }) => status.name)
        .catch(() => 'UNKNOWN'),
    ),
  );
  return open.length > 0 && states.every((state) => state === 'RUNNING');
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 45_000; !(await holds()); await sleep(50)) {
    if (Date.now() > end) throw new Error(`This never came about: ${what}.`);
  }
}

/** How many of so many questions at once Temporal refuses, because they are too many. */
async function refusedOf(many: number): Promise<number> {
  const impatient = await Connection.connect({ address: temporal.address, interceptors: [] });
  const asked = await Promise.allSettled(
    Array.from({ length: many }, () => impatient.workflowService.describeNamespace({ namespace: 'default' })),
  );
  await impatient.close();
  return asked.filter((one) => one.status === 'rejected' && /RESOURCE_EXHAUSTED/.test(String(one.reason))).length;
}

/** What has reached people: each message has an id of its own, in both worlds. */
const reached = (): { mails: string[]; posts: string[] } => ({
  mails: mailbox.mails().map(({ messageId }) => messageId),
  posts: room
    .messages()
    .filter(({ deleted }) => !deleted)
    .map((message) => JSON.stringify(message.metadata ?? message.ts)),
});
function nothingTwice(): void {
  const { mails, posts } = reached();
  expect(mails).toHaveLength(new Set(mails).size);
  expect(posts).toHaveLength(new Set(posts).size);
}

test('a message that a relay had taken when it died is started by the next one, and sent once', async () => {
  const [id = ''] = await captured(1);
  await until('all is said', async () => (await quiet()) && (await everyStoryRuns()));
  await relay.stop();
  await approveFollowUp(db.heed, as('priya', id), { words: 'It comes tomorrow.' });
  const taken = await leaseDueDeliveries(db.pool, 'other', 10);
  relay = openRelay();
  expect(taken).toEqual(expect.arrayContaining([expect.objectContaining({ purpose: 'answer' })]));
  const answer = () =>
    db.pool.oneFirst(sql.unsafe`select state from deliveries where loop_id = ${id} and purpose = 'answer'`);
  await until('the next one is at work', async () => (await waiting()) === 0);
  expect(await answer()).toBe('planned');
  // The minute for which it was taken runs out.
  await db.pool.query(
    sql.unsafe`update deliveries set started_until = clock_timestamp() - interval '1 second' where state = 'planned'`,
  );
  await until('the answer is sent', async () => (await answer()) === 'sent');
  nothingTwice();
});

test('Temporal wiped: what was said meanwhile is kept, the loss is noticed by itself, every open loop goes on, nothing is said twice', async () => {
  const loops = await captured(5);
  await until('all is said', quiet);
  await approveFollowUp(db.heed, as('priya', loops[0]!), { words: 'It comes tomorrow.' });
  await until('the answer is sent', quiet);
  const before = reached();

  await killServer();
  const [later = ''] = await captured(1);
  await acknowledge(db.heed, as('priya', loops[1]!));
  // Refused, a wake is put off and never given up.
  await until('it was tried and put off', () =>
    db.pool.exists(
      sql.unsafe`select from wakes where loop_id = ${loops[1]!} and attempts > 0 and leased_until is null`,
    ),
  );
  expect(await waiting()).toBe(2);

  for (const file of await readdir(join(dataDir, 'temporal'))) await rm(join(dataDir, 'temporal', file));
  temporal = await startServer();
  await until('every open loop has its story again', async () => (await quiet()) && (await everyStoryRuns()));
  nothingTwice();
  const after = reached();
  expect(after.mails.slice(0, before.mails.length)).toEqual(before.mails);
  // New are the thanks to the one who spoke meanwhile; the cards of the others stay as they are.
  expect(after.mails).toHaveLength(before.mails.length + 1);
  expect((await signalNow(db.pool, later))?.triaged_at).toEqual(expect.any(Date));
  await acknowledge(db.heed, as('priya', loops[2]!));
  await until('and goes on', async () => (await quiet()) && (await everyStoryRuns()));
});

test('whoever speaks once everything is rebuilt is heard as soon as ever: the others have not used up the pace', async () => {
  await captured(40);
  await until('all is said', async () => (await quiet()) && (await everyStoryRuns()));
  await relay.stop();
  await killServer();
  for (const file of await readdir(join(dataDir, 'temporal'))) await rm(join(dataDir, 'temporal', file));
  temporal = await startServer();
  relay = openRelay(1);
  await until('every open loop has its story again', async () => (await waiting()) === 0 && (await everyStoryRuns()));
  const [next = ''] = await captured(1);
  const spokenAt = Date.now();
  await until('it is read', async () => (await signalNow(db.pool, next))!.triaged_at !== null);
  // Forty seconds, one for each of the others, where they are charged to whoever comes next.
  expect(Date.now() - spokenAt).toBeLessThan(15_000);
  await relay.stop();
  relay = openRelay();
});

test('Temporal takes less in a second than is asked of it: everybody is heard, asked and answered all the same, once', async () => {
  await killServer();
  temporal = await startServer({ requestsPerSecond: 10 });
  const loops = await captured(10);
  expect(await refusedOf(50)).toBeGreaterThan(0);
  await until('all is said', quiet);
  await approveFollowUp(db.heed, as('priya', loops[0]!), { words: 'It comes tomorrow.' });
  await until('the answer is sent', quiet);
  nothingTwice();
  await killServer();
  temporal = await startServer();
  await until('every open loop has its story', everyStoryRuns);
});

test('Temporal put back to an older backup: heed rebuild wakes every open loop, and nothing is said twice', async () => {
  const pid = await serverPid();
  const backup = await mkdtemp(join(tmpdir(), 'heed-backup-'));
  // As the disk holds it at one moment.
  process.kill(pid, 'SIGSTOP');
  await promisify(execFile)('cp', ['-a', join(dataDir, 'temporal'), backup]);
  process.kill(pid, 'SIGCONT');
  const loops = await captured(2);
  await until('all is said', async () => (await quiet()) && (await everyStoryRuns()));
  const before = reached();

  await killServer();
  for (const file of await readdir(join(backup, 'temporal')))
    await copyFile(join(backup, 'temporal', file), join(dataDir, 'temporal', file));
  temporal = await startServer();
  const unknown = await Promise.all(
    loops.map((id) =>
      client.workflow
        .getHandle(`signal:${id}`)
        .describe()
        .then(
          () => false,
          () => true,
        ),
    ),
  );
  expect(unknown).toEqual([true, true]);

  await wakeAllOpen(db.pool);
  await until('every open loop has its story again', async () => (await quiet()) && (await everyStoryRuns()));
  nothingTwice();
  expect(reached().mails).toEqual(before.mails);
  await rm(backup, { recursive: true, force: true });
});
