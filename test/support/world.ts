/** One small company in a test: its own database and namespace, real servers, people with Slack rooms and mailboxes, and a clock. Time is a verb. */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { startMailbox, type Mail, type Mailbox } from '../../src/embedded/mailbox.ts';
import { startSlackRoom, type SlackRoom } from '../../src/embedded/slackRoom.ts';
import { newId } from '../../src/domain/ids.ts';
import { openPostOffice } from '../../src/integrations/email.ts';
import { openSlack } from '../../src/integrations/slack.ts';
import type { Log } from '../../src/log.ts';
import { sql } from '../../src/store/pool.ts';
import { signalNow, type SignalNow } from '../../src/store/views/signals.ts';
import { insightNow, type InsightNow } from '../../src/store/views/insights.ts';
import { capture, type Capture } from '../../src/triggers/capture.ts';
import { openHeed, type Heed } from '../../src/triggers/heed.ts';
import { startRelay, type Relay } from '../../src/triggers/relay/relay.ts';
import { startWorkers, type RunningWorkers } from '../../src/workers/createWorker.ts';
import { openTestDatabase, type TestDatabase } from './database.ts';

export interface World {
  db: TestDatabase;
  heed: Heed;
  client: Client;
  mailbox: Mailbox;
  room: SlackRoom;
  /** A fresh press, as a door would make it. */
  press(): { source: string; key: string };
  /** Captures through the one way in; by Mina, at the high street, unless said otherwise. */
  capture(said: Partial<Capture> & { words: string }): Promise<{ id: string; reference: string }>;
  signal(id: string): Promise<SignalNow>;
  insight(id: string): Promise<InsightNow>;
  /** Waits until nothing is due any more: wakes carried, stories asleep, messages out. */
  settle(): Promise<void>;
  /** Lets time pass from due moment to due moment: '2 hours', '30 days', or until a date. */
  pass(howLong: string | Date): Promise<void>;
  now(): Promise<Date>;
  mailsTo(address: string): Mail[];
  /** Types of the events in the history of a story's latest run. */
  history(loopId: string): Promise<string[]>;
  restartWorkers(): Promise<void>;
  stopWorkers(): Promise<void>;
  close(): Promise<void>;
}

export async function openWorld(company: 'shop' | 'demo' = 'shop'): Promise<World> {
  const address = process.env['HEED_TEST_TEMPORAL'];
  const bundle = process.env['HEED_TEST_BUNDLE'];
  if (!address || !bundle) throw new Error('Stories need Temporal: globalSetup starts it for tests under stories, e2e, browser and replay.');
  const db = await openTestDatabase({ company });
  const connection = await Connection.connect({ address });
  const namespace = `w-${randomBytes(6).toString('hex')}`;
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: { seconds: 86_400 as never } });
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: { Stage: 2, WaitingOn: 2, Place: 2, Kind: 2, InsightId: 2, Priority: 3, Level: 3, DueAt: 6 },
  });
  const client = new Client({ connection, namespace });
  const mailbox = await startMailbox();
  const room = await startSlackRoom({ interactivityUrl: () => 'http://127.0.0.1:9/slack/interactions' });
  const heed = openHeed(db.pool, db.heed.configuration);

  let workers: RunningWorkers | undefined;
  const startAll = async (): Promise<void> => {
    workers = await startWorkers({
      hands: {
        pool: db.pool,
        configuration: db.heed.configuration,
        publicUrl: 'http://heed.test',
        post: openPostOffice(mailbox.smtpUrl),
        slack: openSlack({ token: room.token, apiUrl: room.apiUrl }),
      },
      connection: { address },
      namespace,
      bundle,
      log: quiet,
      messagesPerSecond: 200,
    });
  };
  await startAll();
  const relay: Relay = startRelay({ pool: db.pool, databaseUrl: db.url, client, temporalAddress: address, log: quiet, startsPerSecond: 100, wavesPerSecond: 200 });
  const clock = clockOf(db, client);

  return {
    db,
    heed,
    client,
    mailbox,
    room,
    press: () => ({ source: 'test', key: newId() }),
    async capture(said) {
      return capture(heed, { place: 'high-street', by: 'mina', ...said }, { channel: 'web', press: { source: 'test', key: newId() } });
    },
    async signal(id) {
      return (await signalNow(db.pool, id))!;
    },
    async insight(id) {
      return (await insightNow(db.pool, id))!;
    },
    settle: clock.settle,
    pass: clock.pass,
    now: clock.now,
    mailsTo: (to) => mailbox.mails(to),
    async history(loopId) {
      const signal = await signalNow(db.pool, loopId);
      const { history } = await client.workflow.getHandle(`${signal ? 'signal' : 'insight'}:${loopId}`).fetchHistory().then((history) => ({ history }));
      return (history.events ?? []).map((event) => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '');
    },
    async restartWorkers() {
      await workers?.stop();
      await startAll();
    },
    async stopWorkers() {
      await workers?.stop();
      workers = undefined;
    },
    async close() {
      await relay.stop();
      await workers?.stop();
      await connection.close();
      await mailbox.stop();
      await room.stop();
      await db.close();
    },
  };
}

/** HEED_TEST_LOG=1 lets the worker and the relay say what troubles them. */
const heard = (...said: unknown[]): void => {
  if (process.env['HEED_TEST_LOG']) process.stderr.write(`${JSON.stringify(said)}\n`);
};
const quiet = { debug() {}, info() {}, warn: heard, error: heard } as unknown as Log;

/** Two clocks that never meet: the database's, moved first, and each story's, stepped to where the database is when something of it is due. */
function clockOf(db: TestDatabase, client: Client) {
  let movedMs = 0;
  /** How far each story's clock has been moved. */
  const stepped = new Map<string, number>();

  const now = (): Promise<Date> => db.pool.oneFirst(sql.type(z.object({ now: z.date() }))`select heed_now() as now`);

  const quietNow = (): Promise<boolean> =>
    db.pool.oneFirst(sql.type(z.object({ quiet: z.boolean() }))`
      select not exists (select from wakes where not_before <= heed_now() + interval '1 second')
        and not exists (
          select from deliveries
          where (state in ('planned', 'ready', 'uncertain') and not_before <= heed_now()) or state = 'sending'
        ) as quiet`);

  const settle = async (): Promise<void> => {
    const until = Date.now() + 30_000;
    for (;;) {
      if ((await quietNow()) && (await storiesSleep()) && (await quietNow())) return;
      if (Date.now() > until) throw new Error(`Nothing settles: ${JSON.stringify(await whatIsDue())}`);
      await sleep(15);
    }
  };

  const whatIsDue = () =>
    db.pool.any(sql.unsafe`
      select 'wake' as what, loop_id::text as id, class as state, attempts::text as more from wakes
      union all select 'delivery', id::text, state, purpose || ' ' || coalesce(last_error_code, '') from deliveries where state in ('planned', 'ready', 'sending', 'uncertain')`);

  const openStories = (): Promise<readonly { id: string; kind: string }[]> =>
    db.pool.any(sql.type(z.object({ id: z.string(), kind: z.string() }))`select id, kind from now.open_loops`);

  const storiesSleep = async (): Promise<boolean> => {
    for (const { id, kind } of await openStories()) {
      const described = await client.workflowService
        .describeWorkflowExecution({ namespace: client.options.namespace, execution: { workflowId: `${kind}:${id}` } })
        .catch(() => undefined);
      if (described?.pendingWorkflowTask) return false;
    }
    return true;
  };

  /** The next moment at which something changes by itself, and whose. */
  const nextDue = (after: Date): Promise<{ at: Date; id: string; kind: string } | null> =>
    db.pool.maybeOne(sql.type(z.object({ at: z.date(), id: z.string(), kind: z.string() }))`
      select at, o.id, o.kind from (
        select due_at as at, loop_id from now.rungs_ahead
        union all select final_at, insight_id from now.decisions where outcome <> 'deferred'
        union all select not_before, loop_id from deliveries where state in ('planned', 'ready', 'uncertain')
      ) due
      join now.open_loops o on o.id = due.loop_id
      where at > ${sql.timestamp(after)}
      order by at limit 1`);

  const step = async (workflowId: string): Promise<void> => {
    const behind = movedMs - (stepped.get(workflowId) ?? 0);
    stepped.set(workflowId, movedMs);
    const service = client.workflowService as never as Record<string, (request: object) => Promise<unknown>>;
    const id = newId();
    const workflowExecution = { workflowId };
    const namespace = client.options.namespace;
    try {
      await service['updateWorkflowExecutionOptions']!({
        namespace,
        workflowExecution,
        updateMask: { paths: ['time_skipping_config'] },
        workflowExecutionOptions: { timeSkippingConfig: { enabled: true, fastForwardConfig: { id, duration: { seconds: Math.ceil(behind / 1000) + 60 } } } },
      });
      await service['pollWorkflowExecutionTimeSkipping']!({ namespace, workflowExecution, fastForwardId: id });
    } catch (error) {
      // A story that has ended meanwhile has no clock to step.
      if (!/not found|already completed/i.test(String(error))) throw error;
    }
  };

  const moveTo = async (at: Date): Promise<void> => {
    const by = at.getTime() - (await now()).getTime();
    if (by <= 0) return;
    movedMs += by;
    await db.passTime(`${by} milliseconds`);
  };

  const pass = async (howLong: string | Date): Promise<void> => {
    await settle();
    const target = howLong instanceof Date ? howLong : await db.pool.oneFirst(sql.type(z.object({ at: z.date() }))`select heed_now() + ${howLong}::interval as at`);
    let seen = await now();
    for (;;) {
      const due = await nextDue(seen);
      if (!due || due.at > target) break;
      seen = due.at;
      // The database first: a timer that fires must find its rung due.
      await moveTo(new Date(due.at.getTime() + 100));
      await step(`${due.kind}:${due.id}`);
      await settle();
    }
    await moveTo(target);
    await settle();
  };

  return { now, settle, pass };
}
