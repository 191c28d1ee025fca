/** Our own database put back to an earlier moment, for real: a copy is made, things happen, and the copy takes the place of what it was of. */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import { startMailbox, type Mailbox } from '../../src/embedded/mailbox.ts';
import { startSlackRoom, type SlackRoom } from '../../src/embedded/slackRoom.ts';
import { newId } from '../../src/domain/ids.ts';
import { openPostOffice } from '../../src/integrations/email.ts';
import { openSlack } from '../../src/integrations/slack.ts';
import { openLog } from '../../src/log.ts';
import { openPool, sql, type Pool } from '../../src/store/pool.ts';
import { openConfigurations } from '../../src/store/records/configurations.ts';
import { orderSending } from '../../src/store/records/sendingOrders.ts';
import { wakeAllOpen } from '../../src/store/records/wakes.ts';
import { insightNow } from '../../src/store/views/insights.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { capture, type Capture } from '../../src/triggers/capture.ts';
import { openHeed, type Heed } from '../../src/triggers/heed.ts';
import { startRelay, type Relay } from '../../src/triggers/relay/relay.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { settle } from '../../src/triggers/responses/settle.ts';
import { restored } from '../../src/triggers/restored.ts';
import { startWorkers, type RunningWorkers } from '../../src/workers/createWorker.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

const log = openLog('silent');
const namespace = `e-${randomBytes(6).toString('hex')}`;
const address = process.env['HEED_TEST_TEMPORAL']!;
let db: TestDatabase;
let mailbox: Mailbox;
let room: SlackRoom;
let connection: Connection;

/** The processes of a Heed; stopped, nothing of it holds the database. */
interface Running {
  pool: Pool;
  heed: Heed;
  stop(): Promise<void>;
}
let running: Running | undefined;

beforeAll(async () => {
  [db, mailbox, room, connection] = await Promise.all([
    openTestDatabase(),
    startMailbox(),
    startSlackRoom({ interactivityUrl: () => 'http://127.0.0.1:9/slack/interactions' }),
    Connection.connect({ address }),
  ]);
  await db.pool.query(
    sql.unsafe`update test_clock set ahead = timestamptz '2026-06-15 10:00:00 Europe/Amsterdam' - now()`,
  );
  await db.pool.end();
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: { Stage: 2, WaitingOn: 2, Place: 2, Kind: 2, InsightId: 2, Priority: 3, Level: 3, DueAt: 6 },
  });
});
afterAll(async () => {
  await running?.stop();
  await connection.close();
  await Promise.all([mailbox.stop(), room.stop()]);
  await onServer(`drop database if exists ${nameOf(db.url)} with (force)`);
});

async function start(what: { relay: boolean } = { relay: true }): Promise<Running> {
  const pool = await openPool(db.workingUrl, { statementTimeoutMs: 10_000, connections: 8 });
  const configuration = openConfigurations(pool);
  const workers: RunningWorkers = await startWorkers({
    hands: {
      pool,
      configuration,
      publicUrl: 'http://heed.test',
      post: openPostOffice(mailbox.smtpUrl),
      slack: openSlack({ token: room.token, apiUrl: room.apiUrl }),
    },
    connection: { address },
    namespace,
    bundle: process.env['HEED_TEST_BUNDLE']!,
    log,
    messagesPerSecond: 200,
  });
  const client = new Client({ connection, namespace });
  const relay: Relay | undefined = what.relay
    ? startRelay({ pool, databaseUrl: db.workingUrl, client, temporalAddress: address, log, startsPerSecond: 100 })
    : undefined;
  return {
    pool,
    heed: openHeed(pool, configuration),
    async stop() {
      await relay?.stop();
      await workers.stop();
      await pool.end();
    },
  };
}

const nameOf = (url: string): string => url.split('/').at(-1)!;
async function onServer(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: process.env['HEED_TEST_POSTGRES']! });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}

const as = (by: string, loopId: string) => ({ loopId, by, press: { source: 'test', key: newId() } });
async function said(heed: Heed, email: string, more: Partial<Capture> = {}): Promise<string> {
  const remark = {
    words: 'Where is my parcel?',
    place: 'high-street',
    by: 'mina',
    customer: { name: 'Kim', email },
    consent: [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }],
    ...more,
  };
  return (await capture(heed, remark, { channel: 'web', press: { source: 'test', key: newId() } })).id;
}
/** Temporal's own clock stays: the stories are woken to look. */
async function pass(pool: Pool, howLong: string): Promise<void> {
  await pool.query(sql.unsafe`update test_clock set ahead = ahead + ${howLong}::interval`);
  await wakeAllOpen(pool);
}
const allSaid = (pool: Pool) =>
  until('all is said', async () =>
    pool.oneFirst(sql.type(z.object({ quiet: z.boolean() }))`
      select not exists (select from wakes where not_before <= heed_now()) and not exists (
        select from deliveries where state in ('planned', 'ready', 'sending', 'uncertain') and not_before <= heed_now()) as quiet`),
  );
async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !(await holds()); await sleep(25))
    if (Date.now() > end) throw new Error(`This never came about: ${what}.`);
}
const mailsTo = (email: string): string[] => mailbox.mails(email).map(({ messageId }) => messageId);

test('nothing that may have been sent before is sent to a customer again: those who answer for it are asked', async () => {
  running = await start();
  const { heed, pool } = running;
  const answered = await said(heed, 'kim@example.com');
  const coat = await said(heed, 'robin@example.com', {
    words: 'Do you have this coat in green, size 42?',
    kind: 'unmet-demand',
    wanted: { item: 'coat' },
  } as never);
  const begun = async (id: string) => (await signalNow(pool, id))?.triaged_at !== null;
  await until('both stories have begun', async () => (await begun(answered)) && (await begun(coat)));
  await until('it has opened an insight', async () => (await signalNow(pool, coat))!.insight_id !== null);
  await allSaid(pool);
  const insight = (await signalNow(pool, coat))!.insight_id!;
  await decide(heed, as('tomas', insight), { outcome: 'declined', reason: 'Nobody weaves it' });
  await running.stop();

  // The moment of the backup: an answer has just been approved, a decision can still be taken back, a remark has just been captured.
  running = await start({ relay: false });
  await approveFollowUp(running.heed, as('priya', answered), { words: 'It comes tomorrow.' });
  const fresh = await said(running.heed, 'ada@example.com');
  await running.stop();
  await onServer(`create database ${nameOf(db.url)}_backup template ${nameOf(db.url)} strategy file_copy`);

  // What happens after it is lost, but for what has reached people.
  running = await start();
  await pass(running.pool, '11 minutes');
  const told = async (): Promise<boolean> => mailsTo('robin@example.com').length === 2;
  await until('the decision is told', told);
  await allSaid(running.pool);
  const reached = ['kim', 'robin', 'ada'].map((who) => mailsTo(`${who}@example.com`));
  expect(reached.map((mails) => mails.length)).toEqual([2, 2, 1]);
  await running.stop();
  await onServer(
    `drop database ${nameOf(db.url)} with (force)`,
    `alter database ${nameOf(db.url)}_backup rename to ${nameOf(db.url)}`,
  );

  running = await start({ relay: false });
  const done = await restored(running.heed, { by: 'otto', reason: 'Disk lost, put back to 10:00' });
  expect(done).toMatchObject({ epoch: 2, letters: 1 });
  await running.stop();
  running = await start();
  await pass(running.pool, '11 minutes');
  await until('the decision is told again', async () => (await insightNow(running!.pool, insight))!.tellings === 1);
  await allSaid(running.pool);
  await pass(running.pool, '16 minutes');
  await allSaid(running.pool);

  expect(['kim', 'robin', 'ada'].map((who) => mailsTo(`${who}@example.com`))).toEqual(reached);
  const inDoubt = await running.pool.any(
    sql.unsafe`select purpose, state, last_error_code as code from deliveries where customer_id is not null and state <> 'sent' order by purpose`,
  );
  expect(inDoubt).toEqual([
    { purpose: 'answer', state: 'needs_human', code: 'restored' },
    { purpose: 'receipt', state: 'failed', code: 'left_in_doubt' },
    { purpose: 'told', state: 'needs_human', code: 'restored' },
  ]);
  const asked = await running.pool.anyFirst(
    sql.type(
      z.object({ staff: z.string() }),
    )`select staff from deliveries where purpose = 'notice' and state = 'sent' order by staff`,
  );
  expect(asked).toHaveLength(2);

  // Life goes on: what is said from now on is answered as ever, and what was in doubt is settled by a person.
  await settle(running.heed, as('priya', answered), { action: 'resend', reason: 'She has not got it' });
  await said(running.heed, 'noor@example.com');
  await allSaid(running.pool);
  expect(mailsTo('kim@example.com')).toHaveLength(3);
  expect(mailsTo('noor@example.com')).toHaveLength(1);
  expect((await signalNow(running.pool, fresh))!.triaged_at).toEqual(expect.any(Date));
});

test('a letter that was held while sending was stopped, and left when it went on, is in doubt afterwards and not sent again', async () => {
  await running?.stop();
  running = await start();
  const order = (stops: boolean) =>
    running!.pool.transaction((tx) =>
      orderSending(tx, { audience: 'customers', stops, by: 'otto', reason: 'A wrong template' }),
    );
  const id = await said(running.heed, 'mo@example.com');
  await until('it has been read', async () => (await signalNow(running!.pool, id))!.triaged_at !== null);
  await allSaid(running.pool);
  await order(true);
  await approveFollowUp(running.heed, as('priya', id), { words: 'It comes tomorrow.' });
  const code = () =>
    running!.pool.oneFirst(
      sql.unsafe`select last_error_code from deliveries where loop_id = ${id} and purpose = 'answer'`,
    );
  await until('it is held', async () => (await code()) === 'stopped');
  await running.stop();
  await onServer(`create database ${nameOf(db.url)}_backup template ${nameOf(db.url)} strategy file_copy`);

  running = await start();
  await order(false);
  await until('it has left', () => mailsTo('mo@example.com').length === 2);
  await running.stop();
  await onServer(
    `drop database ${nameOf(db.url)} with (force)`,
    `alter database ${nameOf(db.url)}_backup rename to ${nameOf(db.url)}`,
  );

  running = await start({ relay: false });
  await restored(running.heed, { by: 'otto', reason: 'Disk lost, put back' });
  await running.stop();
  running = await start();
  await order(false);
  await pass(running.pool, '16 minutes');
  await until('a person is asked', async () => {
    const state = await running!.pool.oneFirst(
      sql.unsafe`select state from deliveries where loop_id = ${id} and purpose = 'answer'`,
    );
    return state === 'needs_human';
  });
  expect(mailsTo('mo@example.com')).toHaveLength(2);
});
