import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { newId } from '../../../src/domain/ids.ts';
import { openCollector } from '../../../src/integrations/otlp.ts';
import { openLog, type Log } from '../../../src/log.ts';
import { sql } from '../../../src/store/pool.ts';
import { leaseDueDeliveries, planDelivery } from '../../../src/store/records/deliveries.ts';
import { factRecorded } from '../../../src/store/records/loops.ts';
import { planRedactions } from '../../../src/store/records/redactions.ts';
import { openSession, personOfSession } from '../../../src/store/records/sessions.ts';
import { leaseWakes, wakeAllOpen, type WakeClass } from '../../../src/store/records/wakes.ts';
import { capture } from '../../../src/triggers/capture.ts';
import { reconcile } from '../../../src/triggers/relay/reconcile.ts';
import { startRelay, type Relay, type RelayOptions } from '../../../src/triggers/relay/relay.ts';
import { startCollector } from '../../support/collector.ts';
import { loopsQueue } from '../../../src/workflows/messages.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';

/** Postgres and Temporal are real; nobody works here, so that what was carried stays in the histories as it came. */
let db: TestDatabase;
let connection: Connection;
const namespace = `r-${randomBytes(6).toString('hex')}`;
const running: Relay[] = [];

beforeAll(async () => {
  db = await openTestDatabase();
  connection = await Connection.connect({ address: process.env['HEED_TEST_TEMPORAL']! });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((relay) => relay.stop()));
  await db.pool.query(sql.unsafe`delete from wakes`);
  await db.pool.query(
    sql.unsafe`update deliveries set state = 'cancelled', ended_at = heed_now() where ended_at is null`,
  );
});
afterAll(async () => {
  await connection.close();
  await db.close();
});

/** Temporal as a relay sees it, noting in `carried` what it is told to do, in order. */
function temporal(identity = 'relay', onCarry: (what: string) => Promise<void> | void = () => {}) {
  const client = new Client({ connection, namespace, identity });
  const carried: string[] = [];
  const priorities = new Map<string, number | undefined>();
  const signalWithStart = client.workflow.signalWithStart.bind(client.workflow);
  client.workflow.signalWithStart = (async (story: string, options: { workflowId: string }) => {
    carried.push(options.workflowId.split(':')[1]!);
    const handle = await signalWithStart(story, options as never);
    await onCarry(options.workflowId.split(':')[1]!);
    return handle;
  }) as never;
  const start = client.activity.start.bind(client.activity);
  client.activity.start = (async (type: string, options: { id: string; priority?: { priorityKey?: number } }) => {
    carried.push(options.id.split(':')[1]!);
    priorities.set(options.id.split(':')[1]!, options.priority?.priorityKey);
    return start(type, options as never);
  }) as never;
  return { client, carried, priorities };
}

function relay(client: Client, more: Partial<RelayOptions> = {}): Relay {
  const { pool, url: databaseUrl } = db;
  const log = openLog('silent');
  running.push(startRelay({ pool, databaseUrl, client, temporalAddress: 'test', log, waitsForWorkerMs: 50, ...more }));
  return running.at(-1)!;
}

/** So many loops, whose first wakes ask for a start. */
const opened = (many: number): Promise<string[]> =>
  Promise.all(
    Array.from({ length: many }, async () => {
      const said = { words: 'Charged twice', place: 'high-street', by: 'mina' };
      return (await capture(db.heed, said, { channel: 'web', press: { source: 'test', key: newId() } })).id;
    }),
  );
const noWakes = () => db.pool.query(sql.unsafe`delete from wakes`);
const asked = (id: string, as: WakeClass) => db.pool.transaction((tx) => factRecorded(tx, id, as));
const waiting = () => db.pool.oneFirst(sql.type(z.object({ n: z.number() }))`select count(*)::integer as n from wakes`);
const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await holds())) await sleep(10);
};

/** As a worker looks at these stories, and at whatever else stands in line before them, and finds nothing to do. */
async function lookedAt(loops: readonly string[]): Promise<void> {
  for (const left = new Set(loops.map((id) => `signal:${id}`)); left.size > 0;) {
    const { taskToken, workflowExecution } = await connection.withDeadline(Date.now() + 10_000, () =>
      connection.workflowService.pollWorkflowTaskQueue({
        namespace,
        taskQueue: { name: loopsQueue },
        identity: 'by hand',
      }),
    );
    await connection.workflowService.respondWorkflowTaskCompleted({ namespace, taskToken, commands: [] });
    left.delete(workflowExecution?.workflowId ?? '');
  }
}

/** How often a story was nudged, and by whom. */
async function nudgesOf(id: string): Promise<string[]> {
  const { history } = await connection.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: { workflowId: `signal:${id}` },
  });
  return (history?.events ?? []).flatMap((event) => event.workflowExecutionSignaledEventAttributes?.identity ?? []);
}

describe('the relay', () => {
  test('can be stopped the moment it was started, and listens to nothing any more', async () => {
    const { client } = temporal();
    await relay(client).stop();
    const ears = await db.pool.oneFirst(sql.type(z.object({ count: z.number() }))`
      select count(*)::integer as count from pg_stat_activity
      where application_name like 'heed-relay-%' and datname = current_database()`);
    expect(ears).toBe(0);
  }, 20_000);

  test('listens by the credential of the moment when its connection was ended', async () => {
    let inForce = db.url;
    relay(temporal().client, { databaseUrl: () => inForce });
    const owner = await db.owner();
    const ears = async (): Promise<string> =>
      (
        await owner.anyFirst(sql.type(z.object({ role: z.string() }))`
          select usename::text as role from pg_stat_activity
          where application_name like 'heed-relay-%' and datname = current_database()`)
      ).join();
    await until(async () => (await ears()) === new URL(db.url).username);
    inForce = db.workingUrl;
    await owner.query(
      sql.unsafe`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'heed-relay-%' and datname = current_database()`,
    );
    await until(async () => (await ears()) === new URL(db.workingUrl).username);
  }, 20_000);

  test('shares the work with another one: nothing is carried twice, nothing is lost', async () => {
    const loops = await opened(60);
    relay(temporal('one').client, { startsPerSecond: 20 });
    relay(temporal('other').client, { startsPerSecond: 20 });
    await until(async () => (await waiting()) === 0);
    const nudges = await Promise.all(loops.map(nudgesOf));
    expect(nudges.filter((each) => each.length !== 1)).toEqual([]);
    expect(new Set(nudges.flat())).toEqual(new Set(['one', 'other']));
  });

  test('carries a loop once more that was asked for while it was on its way', async () => {
    const [loop = ''] = await opened(1);
    let again = 0;
    const { client } = temporal('relay', async (id) => {
      // Temporal has it, and the relay has not yet heard so.
      if ((again += 1) === 1) await asked(id, 'response');
    });
    relay(client);
    await until(async () => again === 2 && (await waiting()) === 0);
    expect(await nudgesOf(loop)).toHaveLength(2);
  });

  test('looks once for many hints: three hundred in a moment are no thousand statements', async () => {
    let looks = 0;
    const any: typeof db.pool.any = (...asked) => {
      looks += 1;
      return db.pool.any(...asked);
    };
    relay(temporal().client, { pool: { ...db.pool, any } });
    await sleep(300);
    looks = 0;
    const began = performance.now();
    for (let n = 0; n < 300; n += 1) await db.pool.query(sql.unsafe`select pg_notify('heed_due', '')`);
    const elapsed = performance.now() - began;
    // Two statements every twenty milliseconds for what is urgent, four every hundred for what has its turn; beside them the chain's, once a second.
    expect(looks).toBeLessThan(2 * (elapsed / 20 + 2) + 4 * (elapsed / 100 + 2) + 4);
    expect(looks).toBeGreaterThan(2);
  });

  test('that died between taking a wake and carrying it is followed by another one', async () => {
    const [loop = ''] = await opened(1);
    expect(await leaseWakes(db.pool, 'start', 10)).toHaveLength(1);
    relay(temporal().client);
    await asked((await opened(1))[0]!, 'response');
    await until(async () => (await waiting()) === 1);
    // Its thirty seconds run out.
    await db.pool.query(sql.unsafe`update wakes set leased_until = clock_timestamp() - interval '1 second'`);
    await until(async () => (await waiting()) === 0);
    expect(await nudgesOf(loop)).toHaveLength(1);
  });
});

test('the relay tells a collector of security events who signed in, beside all the rest', async () => {
  const outside = await startCollector();
  const token = await openSession(db.pool, 'priya');
  const { session } = (await personOfSession(db.pool, token))!;
  relay(temporal().client, { collector: openCollector({ url: outside.url, headers: {} }) });
  await until(() => outside.taken.some(({ attributes }) => attributes['heed.session.id'] === session));
  await running.splice(0)[0]!.stop();
  await outside.stop();
  expect(outside.wrong).toEqual([]);
});

describe('of what waits, the relay carries', () => {
  test('responses at once, and in their turn stories to be opened, then waves, each no more than there is room for', async () => {
    const loops = await opened(50);
    const [responses, starts, waves] = [loops.slice(0, 10), loops.slice(10, 30), loops.slice(30)];
    await noWakes();
    for (const id of waves) await asked(id, 'wave');
    for (const id of starts) await asked(id, 'start');
    for (const id of responses) await asked(id, 'response');
    const { client, carried } = temporal();
    const began = performance.now();
    relay(client);
    await until(() => carried.length >= 28);
    const seconds = (performance.now() - began) / 1000;
    expect(new Set(carried.slice(0, 28).filter((id) => responses.includes(id)))).toEqual(new Set(responses));
    const inTurn = carried.filter((id) => !responses.includes(id));
    // Eight starts a second, ten waves a second, half of either at once: what may be saved up for one second, and what has come up since.
    expect(inTurn.slice(0, 4).every((id) => starts.includes(id))).toBe(true);
    expect(inTurn.slice(4, 9).every((id) => waves.includes(id))).toBe(true);
    expect(inTurn.filter((id) => starts.includes(id)).length).toBeLessThanOrEqual(8 + 8 * seconds);
    expect(inTurn.filter((id) => waves.includes(id)).length).toBeLessThanOrEqual(10 + 10 * seconds);
  });

  test('no more than a worker takes up: of stories to open and of a wave what half a second has room for, and a response all the same', async () => {
    const loops = await opened(41);
    const [starts, waves, mine = ''] = [loops.slice(0, 20), loops.slice(20, 40), loops[40]];
    await noWakes();
    for (const id of starts) await asked(id, 'start');
    for (const id of waves) await asked(id, 'wave');
    const { client, carried } = temporal();
    const of = (ids: string[]): number => carried.filter((id) => ids.includes(id)).length;
    relay(client, { waitsForWorkerMs: 600_000 });
    await until(() => carried.length === 9);
    await asked(mine, 'response');
    await until(() => carried.includes(mine));
    // Long enough for eight starts and ten waves more.
    await sleep(1_500);
    expect([of(starts), of(waves)]).toEqual([4, 5]);
    await lookedAt(carried.filter((id) => id !== mine));
    await until(() => of(starts) === 8 && of(waves) === 10);
  }, 20_000);

  test('what somebody answers in the middle of a wave before the rest of the wave', async () => {
    const loops = await opened(60);
    const [mine = '', ...wave] = loops;
    await noWakes();
    for (const id of wave) await asked(id, 'wave');
    let begun = false;
    const { client, carried } = temporal('relay', async () => {
      if (begun) return;
      begun = true;
      await asked(mine, 'response');
      await db.pool.query(sql.unsafe`notify heed_due`);
    });
    relay(client);
    await until(() => carried.includes(mine));
    // What was already taken goes, and at most one second's room behind it; not the other forty.
    expect(carried.indexOf(mine)).toBeLessThanOrEqual(20);
  });

  test('whoever speaks while everything is rebuilt before the rest of it, and all of it without a pace, though the relay saw nothing lost', async () => {
    await opened(90);
    await noWakes();
    const rebuilt = await wakeAllOpen(db.pool);
    let next = '';
    const { client, carried } = temporal('relay', async () => {
      if (next) return;
      next = 'about to speak';
      [next = ''] = await opened(1);
    });
    // At this pace, of a telling, one in ten seconds would be carried.
    relay(client, { wavesPerSecond: 0.1 });
    await until(() => carried.length > rebuilt);
    // What was already taken goes.
    expect(carried.indexOf(next)).toBeGreaterThan(0);
    expect(carried.indexOf(next)).toBeLessThanOrEqual(20);
  });

  test('an answer to one customer before the letters that tell a decision to many', async () => {
    const [loop = '', ...others] = await opened(41);
    await noWakes();
    await db.pool.query(
      sql.unsafe`update deliveries set state = 'cancelled', ended_at = heed_now() where ended_at is null`,
    );
    const plan = (purpose: 'told' | 'prompt', loopId: string) =>
      db.pool.transaction((tx) =>
        planDelivery(tx, { key: `${purpose}:${loopId}`, purpose, channel: 'email', loopId, staff: 'priya' }),
      );
    for (const id of others) await plan('told', id);
    await plan('prompt', loop);
    const idOf = (purpose: string) =>
      db.pool.anyFirst(
        sql.type(
          z.object({ id: z.string() }),
        )`select id from deliveries where purpose = ${purpose} and ended_at is null`,
      );
    const [prompt] = await idOf('prompt');
    const letters = await idOf('told');
    const { client, carried, priorities } = temporal();
    relay(client);
    await until(() => carried.length >= 11);
    expect(carried.slice(0, 11)).toContain(prompt);
    // They stand in line in the ledger, not in Temporal's queue: at most what there is room for in one second has been started.
    expect(carried.filter((id) => letters.includes(id)).length).toBe(carried.length - 1);
    // And in Temporal's queue, where mail leaves more slowly than that, everybody else goes before them.
    expect(priorities.get(prompt!)).toBeLessThan(priorities.get(carried.find((id) => letters.includes(id))!)!);
    await running.splice(0)[0]!.stop();
    expect(await leaseDueDeliveries(db.pool, 'wave', 100)).toHaveLength(40 - (carried.length - 1));
  });

  test('a prompt before what takes back forty messages of what is kept no longer, and so what somebody asks to have taken back', async () => {
    const [loop = '', asks = '', ...old] = await opened(42);
    await noWakes();
    await db.pool.query(
      sql.unsafe`update deliveries set state = 'cancelled', ended_at = heed_now() where ended_at is null`,
    );
    const plan = (purpose: 'notice' | 'prompt', loopId: string) =>
      db.pool.transaction((tx) =>
        planDelivery(tx, { key: `${purpose}:${loopId}`, purpose, channel: 'email', loopId, staff: 'priya' }),
      );
    for (const id of [asks, ...old]) await plan('notice', id);
    await db.pool.query(sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where ended_at is null`);
    const takeBack = (signals: string[], unhurried: boolean) =>
      db.pool.transaction((tx) => planRedactions(tx, { signals }, unhurried));
    expect(await takeBack([asks, ...old], true)).toBe(41);
    expect(await takeBack([asks], false)).toBe(1);
    await plan('prompt', loop);
    const waits = await db.pool.any(
      sql.type(
        z.object({ id: z.string(), loop_id: z.string() }),
      )`select id, loop_id from deliveries where ended_at is null`,
    );
    const planned = (of: string[]) => waits.filter(({ loop_id: about }) => of.includes(about)).map(({ id }) => id);
    const { client, carried, priorities } = temporal();
    relay(client);
    await until(() => carried.length >= 12);
    expect(carried.slice(0, 12)).toEqual(expect.arrayContaining(planned([loop, asks])));
    expect(carried.filter((id) => planned(old).includes(id))).toHaveLength(carried.length - 2);
    expect(new Set(planned([loop, asks]).map((id) => priorities.get(id)))).toEqual(new Set([2]));
    expect(priorities.get(carried.find((id) => planned(old).includes(id))!)).toBe(5);
  });
});

describe('compared with Temporal', () => {
  const log = openLog('silent');
  const compare = (temporalAddress = 'test') =>
    reconcile({ pool: db.pool, client: temporal().client, temporalAddress, log });
  const classes = () =>
    db.pool.anyFirst(sql.type(z.object({ class: z.string() }))`select class from wakes order by class`);
  const storyOf = (id: string) => new Client({ connection, namespace }).workflow.getHandle(`signal:${id}`);
  /** So many loops with a story, and nothing to carry. */
  async function begun(many: number): Promise<string[]> {
    const loops = await opened(many);
    const it = relay(temporal().client, { startsPerSecond: 50 });
    await until(async () => (await waiting()) === 0);
    await it.stop();
    return loops;
  }

  test('stories that are terminated at once are begun again in their turn, by the pace at which stories are opened', async () => {
    const loops = await begun(3);
    await compare();
    await Promise.all(loops.map((id) => storyOf(id).terminate('an upgrade that went wrong')));
    await until(async () => {
      await compare();
      return (await waiting()) === 3;
    });
    expect(await classes()).toEqual(['start', 'start', 'start']);
  });

  test('a story that ended is found though Postgres’s clock is minutes ahead of Temporal’s', async () => {
    const [id = ''] = await begun(1);
    await compare();
    await storyOf(id).terminate('by mistake');
    await db.pool.query(sql.unsafe`update engines set swept_until = clock_timestamp() + interval '2 minutes'`);
    await until(async () => {
      await compare();
      return (await waiting()) === 1;
    });
  });

  test('stories that are begun anew after a restore have not ended: nobody is told so, and nothing is carried again', async () => {
    const [id = ''] = await begun(1);
    const before = await storyOf(id).describe();
    await db.pool.query(sql.unsafe`insert into wakes (loop_id, class, anew) values (${id}, 'start', true)`);
    const it = relay(temporal().client);
    await until(async () => (await waiting()) === 0 && (await storyOf(id).describe()).runId !== before.runId);
    // Found by then, whatever Temporal's list lags behind.
    await until(() =>
      db.pool.exists(sql.unsafe`select from revivals where run_id = ${before.runId} and loop_id = ${id}`),
    );
    expect(await waiting()).toBe(0);
    expect(await nudgesOf(id)).toHaveLength(1);
    await it.stop();
  }, 20_000);

  test('one that was wiped and has no namespace is said to have none, with what to do', async () => {
    const heard: string[] = [];
    const warn = (_: object, said: string): void => void heard.push(said);
    const log = { debug() {}, info() {}, warn, error() {} } as unknown as Log;
    relay(new Client({ connection, namespace: 'wiped' }), { log });
    await until(() => heard.some((said) => said.includes('namespace')));
    expect(heard).toContain(
      'Temporal has no namespace wiped, and nothing is carried until it has: run docker compose up -d, or docker/temporal/namespace.sh.',
    );
  });

  test('whoever comes back to a former Temporal wakes every open loop, once', async () => {
    await compare('former');
    await compare('other');
    await db.pool.query(sql.unsafe`
      update engines set seen_at = heed_now() - interval '1 hour' where address = ${`former/${namespace}`}`);
    await db.pool.query(sql.unsafe`
      update engines set namespace_id = gen_random_uuid()::text where address = ${`other/${namespace}`}`);
    await opened(1);
    await noWakes();
    expect(await compare('former')).toMatchObject({ lost: true });
    expect(await waiting()).toBeGreaterThan(0);
    expect(await compare('former')).toMatchObject({ lost: false });
  });

  test('what a relay that goes on for a while carries to the Temporal that is given up is carried to the new one, too', async () => {
    const next = `next-${randomBytes(6).toString('hex')}`;
    await connection.workflowService.registerNamespace({
      namespace: next,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    const client = new Client({ connection, namespace: next });
    const comesToNext = () => reconcile({ pool: db.pool, client, temporalAddress: 'new', log });
    await db.pool.query(sql.unsafe`delete from engines`);
    await compare('given up');
    const [id = ''] = await opened(1);
    expect(await comesToNext()).toMatchObject({ lost: true });
    // The older relay is faster than the new one, and takes all of them.
    const older = relay(temporal().client, { temporalAddress: 'given up', wavesPerSecond: 500 });
    await until(async () => (await waiting()) === 0);
    await older.stop();
    expect((await storyOf(id).describe()).status.name).toBe('RUNNING');
    // It may be at work still, and take all of them again.
    await compare('given up');
    expect(await comesToNext()).toMatchObject({ lost: false });

    await db.passTime('15 seconds');
    await comesToNext();
    await db.passTime('15 seconds');
    expect(await comesToNext()).toMatchObject({ lost: true });
    relay(client, { temporalAddress: 'new', wavesPerSecond: 500 });
    await until(async () => (await waiting()) === 0);
    expect((await client.workflow.getHandle(`signal:${id}`).describe()).status.name).toBe('RUNNING');
    expect(await comesToNext()).toMatchObject({ lost: false });
  }, 20_000);
});
