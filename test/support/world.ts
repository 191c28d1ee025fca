/** One small company in a test: its own database and namespace, real servers, people with Slack rooms and mailboxes, and a clock. Time is a verb. */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { Temporal } from 'temporal-polyfill';
import { z } from 'zod';
import { startMailbox, type Mail, type Mailbox } from '../../src/embedded/mailbox.ts';
import { startSlackRoom, type SlackRoom } from '../../src/embedded/slackRoom.ts';
import type { RoomMessage } from '../../src/embedded/slackState.ts';
import type { Company } from '../../src/domain/company.ts';
import { endOfDay } from '../../src/domain/calendar.ts';
import { ladderPlansOfInsight, ladderPlansOfSignal, waits, type Wait } from '../../src/domain/loop.ts';
import { newId } from '../../src/domain/ids.ts';
import { openPostOffice } from '../../src/integrations/email.ts';
import { openSlack } from '../../src/integrations/slack.ts';
import type { Log } from '../../src/log.ts';
import { sql } from '../../src/store/pool.ts';
import { signalNow, type SignalNow } from '../../src/store/views/signals.ts';
import { insightNow, type InsightNow } from '../../src/store/views/insights.ts';
import { capture, type Capture } from '../../src/triggers/capture.ts';
import { openHeed, type Heed } from '../../src/triggers/heed.ts';
import type { Responding } from '../../src/triggers/responses/respond.ts';
import { purposes, type Purpose } from '../../src/store/records/deliveries.ts';
import { closeRound, factRecorded } from '../../src/store/records/loops.ts';
import { startRelay, type Relay } from '../../src/triggers/relay/relay.ts';
import { startWorkers, type RunningWorkers } from '../../src/workers/createWorker.ts';
import { tellingAddresses } from './links.ts';
import { openTestDatabase, type TestDatabase } from './database.ts';

export type Weekday = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';

const Taken = z.object({
  wait: z.enum(waits),
  step: z.number(),
  repeat: z.number(),
  staff: z.string().nullable(),
  collapsed: z.boolean(),
  due_at: z.date(),
});
export type Taken = z.infer<typeof Taken>;

const Message = z.object({
  id: z.string(),
  purpose: z.enum(purposes),
  channel: z.enum(['email', 'slack']),
  staff: z.string().nullable(),
  customer_id: z.string().nullable(),
  state: z.string(),
  last_error_code: z.string().nullable(),
  fence: z.number(),
  not_before: z.date(),
});
export type Message = z.infer<typeof Message>;

export interface World {
  db: TestDatabase;
  heed: Heed;
  client: Client;
  mailbox: Mailbox;
  room: SlackRoom;
  /** A fresh press, as a door would make it. */
  press(): { source: string; key: string };
  /** A response of this colleague to this loop, by a fresh press. */
  as(by: string, loopId: string): Responding;
  /** Captures through the one way in; by Mina, at the high street, unless said otherwise. */
  capture(said: Partial<Capture> & { words: string }): Promise<{ id: string; reference: string }>;
  signal(id: string): Promise<SignalNow>;
  insight(id: string): Promise<InsightNow>;
  /** Waits until nothing is due any more: wakes carried, stories asleep, messages out. */
  settle(): Promise<void>;
  /** Lets time pass from due moment to due moment: '2 hours', '30 days', or until a date. */
  pass(howLong: string | Date): Promise<void>;
  /** To the next such moment on the company's clock: ('friday', '16:30'). */
  passTo(weekday: Weekday, time: string): Promise<void>;
  now(): Promise<Date>;
  /** The rungs that were taken, in the order they were due. */
  escalations(loopId: string, wait?: Wait): Promise<readonly Taken[]>;
  /** Messages in the ledger, oldest first; of one loop, of one purpose. */
  messages(of?: { loopId?: string; purpose?: Purpose }): Promise<readonly Message[]>;
  /** What somebody has before them in Slack, oldest first, without what was taken away. */
  slackTo(staff: string): RoomMessage[];
  /** Waits for what settles in real time. */
  until(what: string, holds: () => Promise<boolean> | boolean): Promise<void>;
  /** Closes what is open, so that it need not be stepped any more. */
  closeAll(): Promise<void>;
  mailsTo(address: string): Mail[];
  /** Types of the events in the history of a story's latest run. */
  history(loopId: string): Promise<string[]>;
  /** Every worker is dead for so long; then they are back. */
  outage(howLong: string): Promise<void>;
  /** The worker is stopped, and another goes on with other stories (a bundle). */
  upgrade(to: string): Promise<void>;
  /** Nothing of ours runs while `act` does what it does to the database; then everything is started again. */
  without(act: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** Address of another Temporal than the one that all tests share. */
  temporal?: string;
  /** Stories kept in memory; with none, each waking replays its story from the start. */
  cachedStories?: number;
  /** Other stories than those of src/workflows, to begin with (a bundle). */
  bundle?: string;
  /** How many people one stage tells what was decided. */
  toldAtOnce?: number;
  /** Hears what worker and relay have to say. */
  log?: Log;
  /** Where mailbox and Slack room keep their files. */
  dataDir?: string;
}

/** `change` makes it another company before anything happens in it. */
export async function openWorld(
  company: 'shop' | 'demo' = 'shop',
  change?: (company: Company) => void,
  {
    temporal,
    cachedStories,
    bundle = process.env['HEED_TEST_BUNDLE'],
    toldAtOnce,
    log = quiet,
    dataDir,
  }: WorldOptions = {},
): Promise<World> {
  const address = temporal ?? process.env['HEED_TEST_TEMPORAL'];
  let stories = bundle;
  if (!address || !stories)
    throw new Error('Stories need Temporal: globalSetup starts it for tests under stories, e2e, browser and replay.');
  const db = await openTestDatabase({ company });
  if (change) await db.apply(change);
  const connection = await Connection.connect({ address });
  const namespace = `w-${randomBytes(6).toString('hex')}`;
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: { Stage: 2, WaitingOn: 2, Place: 2, Kind: 2, InsightId: 2, Priority: 3, Level: 3, DueAt: 6 },
  });
  const client = new Client({ connection, namespace });
  const mailbox = await startMailbox({ ...(dataDir && { dataDir }) });
  const room = await startSlackRoom({
    interactivityUrl: () => 'http://127.0.0.1:9/slack/interactions',
    ...(dataDir && { dataDir }),
  });
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
        recall: (messageId) => mailbox.forget(messageId),
        toldAtOnce,
      },
      connection: { address },
      namespace,
      bundle: stories!,
      log,
      messagesPerSecond: 200,
      ...(cachedStories !== undefined && { cachedStories }),
    });
  };
  await startAll();
  const relayAgain = (): Relay =>
    startRelay({
      pool: db.pool,
      databaseUrl: db.workingUrl,
      client,
      temporalAddress: address,
      log,
      startsPerSecond: 100,
      wavesPerSecond: 200,
    });
  let relay = relayAgain();
  const clock = clockOf(db, client, heed.hint);

  const until = async (what: string, holds: () => Promise<boolean> | boolean): Promise<void> => {
    for (const end = Date.now() + 30_000; !(await holds()); await sleep(25)) {
      if (Date.now() > end) throw new Error(`This never came about: ${what}.`);
    }
  };

  return {
    until,
    db,
    heed,
    client,
    mailbox,
    room,
    press: () => ({ source: 'test', key: newId() }),
    as: (by, loopId) => ({ loopId, by, press: { source: 'test', key: newId() } }),
    async capture(said) {
      return capture(
        heed,
        { place: 'high-street', by: 'mina', ...said },
        { channel: 'web', press: { source: 'test', key: newId() } },
      );
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
    async passTo(weekday, time) {
      const at = (await clock.now()).toISOString();
      const here = Temporal.Instant.from(at).toZonedDateTimeISO(db.company.timezone);
      let then = here.withPlainTime(time);
      while (then.dayOfWeek !== weekdays.indexOf(weekday) + 1 || Temporal.ZonedDateTime.compare(then, here) <= 0)
        then = then.add({ days: 1 });
      await clock.pass(new Date(then.epochMilliseconds));
    },
    escalations: (loopId, wait) =>
      db.pool.any(sql.type(Taken)`
        select p.wait, g.step, g.repeat, e.staff, e.collapsed, g.due_at
        from escalations e join rungs g using (plan_id, step, repeat) join plans p on p.id = e.plan_id
        where p.loop_id = ${loopId} and (${wait ?? null}::text is null or p.wait = ${wait ?? null})
        order by g.due_at, p.planned_at, g.step`),
    messages: ({ loopId, purpose } = {}) =>
      db.pool.any(sql.type(Message)`
        select id, purpose, channel, staff, customer_id, state, last_error_code, fence, not_before from deliveries
        where (${loopId ?? null}::uuid is null or loop_id = ${loopId ?? null}) and (${purpose ?? null}::text is null or purpose = ${purpose ?? null})
        order by planned_at, id`),
    slackTo: (staff) =>
      room.messages(db.company.staff[staff]!.email).filter((message) => !message.deleted && !message.ephemeral),
    async closeAll() {
      const open = await db.pool.any(
        sql.type(z.object({ id: z.string(), round: z.number() }))`select id, round from now.open_loops`,
      );
      for (const { id, round } of open) {
        await db.pool.transaction(async (tx) => {
          await closeRound(tx, { loopId: id, round, how: 'dismissed', rule: 'the test is over' });
          await factRecorded(tx, id);
        });
      }
      await db.pool.query(sql.unsafe`delete from open_insights`);
      await clock.settle();
    },
    mailsTo: (to) => mailbox.mails(to),
    async history(loopId) {
      const signal = await signalNow(db.pool, loopId);
      const { history } = await client.workflow
        .getHandle(`${signal ? 'signal' : 'insight'}:${loopId}`)
        .fetchHistory()
        .then((history) => ({ history }));
      return (history.events ?? []).map(
        (event) => Object.keys(event).find((key) => key.endsWith('EventAttributes')) ?? '',
      );
    },
    async outage(howLong) {
      await clock.settle();
      await workers?.stop();
      await clock.sleepThrough(howLong);
      await startAll();
      await clock.catchUp();
    },
    async upgrade(to) {
      await workers?.stop();
      stories = to;
      await startAll();
    },
    async without(act) {
      await relay.stop();
      await workers?.stop();
      await act();
      await startAll();
      relay = relayAgain();
    },
    async close() {
      const telling = tellingAddresses(
        JSON.stringify([mailbox.mails().map(({ text, html }) => [text, html]), room.messages()]),
      );
      await relay.stop();
      await workers?.stop();
      await connection.close();
      await mailbox.stop();
      await room.stop();
      await db.close();
      if (telling.length > 0)
        throw new Error(`These were sent, and logs would hold their tokens: ${telling.join(' ')}`);
    },
  };
}

const weekdays: Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

/** HEED_TEST_LOG=1 lets the worker and the relay say what troubles them. */
const heard = (...said: unknown[]): void => {
  if (process.env['HEED_TEST_LOG']) process.stderr.write(`${JSON.stringify(said)}\n`);
};
const quiet = { debug() {}, info() {}, warn: heard, error: heard } as unknown as Log;

const Story = z.object({ id: z.string(), kind: z.string() });
const Stories = z.array(Story);
type Stories = z.infer<typeof Stories>;

/** What falls due within so long of each other is one step. */
const togetherMs = 100;

/** Two clocks that never meet: the database's, moved first, and each story's, stepped to where the database is when something of it is due. */
function clockOf(db: TestDatabase, client: Client, hint: () => void) {
  let movedMs = 0;
  /** How far each story's clock has been moved. */
  const stepped = new Map<string, number>();

  const now = (): Promise<Date> => db.pool.oneFirst(sql.type(z.object({ now: z.date() }))`select heed_now() as now`);

  /** Whether there is something for the relay to carry, and the open stories where nothing is on its way. */
  const look = () =>
    db.pool.one(sql.type(z.object({ due: z.boolean(), open: Stories.nullable() }))`
      with under_way as (
        select
          exists (select from wakes where not_before <= heed_now() + interval '1 second')
            or exists (
              select from deliveries
              where state in ('planned', 'ready', 'uncertain') and not_before <= heed_now()) as due,
          exists (select from deliveries where state = 'sending') as sending)
      select due,
        case when not due and not sending
          then (select coalesce(json_agg(json_build_object('id', id, 'kind', kind)), '[]') from now.open_loops) end as open
      from under_way`);

  const settle = async (): Promise<void> => {
    // A message is handed out once a minute at most; where Temporal still held its former attempt at that moment, nobody tries it until then.
    const until = Date.now() + 90_000;
    for (;;) {
      const { due, open } = await look();
      if (open && (await areAsleep(open)) && (await look()).open) return;
      if (Date.now() > until) throw new Error(`Nothing settles: ${JSON.stringify(await whatIsDue())}`);
      // What stages and deliveries leave behind is found by the relay's sweep, a second later; nobody has that second here. Each hint makes
      // it ask for all that it may carry.
      if (due) hint();
      await sleep(15);
    }
  };

  const whatIsDue = () =>
    db.pool.any(sql.unsafe`
      select 'wake' as what, loop_id::text as id, class as state, attempts::text as more from wakes
      union all select 'delivery', id::text, state, purpose || ' ' || coalesce(last_error_code, '') from deliveries where state in ('planned', 'ready', 'sending', 'uncertain')`);

  const openStories = () => db.pool.any(sql.type(Story)`select id, kind from now.open_loops`);

  const areAsleep = async (stories: Stories): Promise<boolean> => {
    const ids = new Set(stories.map(({ id, kind }) => `${kind}:${id}`));
    // A story's clock begins where the database's stands when it starts.
    for (const id of ids) if (!stepped.has(id)) stepped.set(id, movedMs);
    for (const id of stepped.keys()) if (!ids.has(id)) stepped.delete(id);
    const described = await Promise.all(
      stories.map(({ id, kind }) =>
        client.workflowService
          .describeWorkflowExecution({
            namespace: client.options.namespace,
            execution: { workflowId: `${kind}:${id}` },
          })
          .catch(() => undefined),
      ),
    );
    return described.every((story) => !story?.pendingWorkflowTask);
  };

  /** The next moment at which something changes by itself, and whose: a rung of a ladder that still runs, the end of an undo window, a
   *  message that was held. Only stories have clocks of their own to step. */
  const nextDue = async (after: Date): Promise<{ at: Date; stories: string[] } | null> => {
    const open = await openStories();
    const running: [string, Wait][] = [];
    const at = await now();
    for (const { id, kind } of open) {
      const plans =
        kind === 'signal'
          ? ladderPlansOfSignal((await signalNow(db.pool, id))!)
          : ladderPlansOfInsight(await insightFacts(id), at);
      for (const { wait } of plans) running.push([id, wait]);
    }
    const due = await db.pool.any(sql.type(z.object({ at: z.date(), story: z.string().nullable() }))`
      select distinct at, story from (
        select g.due_at as at, l.kind || ':' || l.id as story
        from now.rungs_ahead g join loops l on l.id = g.loop_id
        where (g.loop_id, g.wait) in (select * from ${sql.unnest(running, ['uuid', 'text'])} as running (loop_id, wait))
        union all
        select d.final_at, 'insight:' || d.insight_id from now.decisions d join now.open_loops o on o.id = d.insight_id where d.outcome <> 'deferred'
        union all
        select not_before, null from deliveries where state in ('planned', 'ready', 'uncertain')
      ) due
      where at > ${sql.timestamp(after)}
      order by at limit 50`);
    const first = due[0]?.at.getTime();
    const together = due.filter(({ at: its }) => its.getTime() <= (first ?? 0) + togetherMs);
    return first === undefined
      ? null
      : { at: together.at(-1)!.at, stories: [...new Set(together.flatMap(({ story }) => story ?? []))] };
  };

  const insightFacts = async (id: string) => {
    const insight = (await insightNow(db.pool, id))!;
    return { ...insight, done_by_end: insight.done_by ? endOfDay(insight.done_by, db.company.timezone) : null };
  };

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
        workflowExecutionOptions: {
          timeSkippingConfig: {
            enabled: true,
            fastForwardConfig: { id, duration: { seconds: Math.ceil(behind / 1000) + 60 } },
          },
        },
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

  const sleepThrough = async (howLong: string): Promise<void> => moveTo(await later(howLong));
  const catchUp = async (): Promise<void> => {
    await Promise.all((await openStories()).map(({ id, kind }) => step(`${kind}:${id}`)));
    await settle();
  };

  const later = (howLong: string): Promise<Date> =>
    db.pool.oneFirst(sql.type(z.object({ at: z.date() }))`select heed_now() + ${howLong}::interval as at`);

  const pass = async (howLong: string | Date): Promise<void> => {
    await settle();
    const target = howLong instanceof Date ? howLong : await later(howLong);
    let seen = await now();
    for (;;) {
      const due = await nextDue(seen);
      if (!due || due.at > target) break;
      seen = due.at;
      // The database first: a timer that fires must find its rung due.
      await moveTo(new Date(due.at.getTime() + togetherMs));
      await Promise.all(due.stories.map(step));
      await settle();
    }
    await moveTo(target);
    await settle();
  };

  return { now, settle, pass, sleepThrough, catchUp };
}
