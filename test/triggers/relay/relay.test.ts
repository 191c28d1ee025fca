import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { newId } from '../../../src/domain/ids.ts';
import { openLog } from '../../../src/log.ts';
import { sql } from '../../../src/store/pool.ts';
import { leaseDueDeliveries, planDelivery } from '../../../src/store/records/deliveries.ts';
import { factRecorded } from '../../../src/store/records/loops.ts';
import { leaseWakes, type WakeClass } from '../../../src/store/records/wakes.ts';
import { capture } from '../../../src/triggers/capture.ts';
import { startRelay, type Relay, type RelayOptions } from '../../../src/triggers/relay/relay.ts';
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
  const signalWithStart = client.workflow.signalWithStart.bind(client.workflow);
  client.workflow.signalWithStart = (async (story: string, options: { workflowId: string }) => {
    carried.push(options.workflowId.split(':')[1]!);
    const handle = await signalWithStart(story, options as never);
    await onCarry(options.workflowId.split(':')[1]!);
    return handle;
  }) as never;
  const start = client.activity.start.bind(client.activity);
  client.activity.start = (async (type: string, options: { id: string }) => {
    carried.push(options.id.split(':')[1]!);
    return start(type, options as never);
  }) as never;
  return { client, carried };
}

function relay(client: Client, more: Partial<RelayOptions> = {}): Relay {
  const { pool, url: databaseUrl } = db;
  const log = openLog('silent');
  running.push(startRelay({ pool, databaseUrl, client, temporalAddress: 'test', log, ...more }));
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
    // Two statements every twenty milliseconds for what is urgent, three every hundred for what has its turn; beside them the chain's, once a second.
    expect(looks).toBeLessThan(2 * (elapsed / 20 + 2) + 3 * (elapsed / 100 + 2) + 4);
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

describe('of what waits, the relay carries', () => {
  test('responses at once, and in their turn stories to be opened, then waves, each no more than there is room for', async () => {
    const loops = await opened(50);
    const [responses, starts, waves] = [loops.slice(0, 10), loops.slice(10, 30), loops.slice(30)];
    await noWakes();
    for (const id of waves) await asked(id, 'wave');
    for (const id of starts) await asked(id, 'start');
    for (const id of responses) await asked(id, 'response');
    const { client, carried } = temporal();
    relay(client);
    await until(() => carried.length >= 28);
    expect(new Set(carried.slice(0, 28).filter((id) => responses.includes(id)))).toEqual(new Set(responses));
    const inTurn = carried.filter((id) => !responses.includes(id));
    // Eight starts a second, ten waves a second: what may be saved up for one second, and no more.
    expect(inTurn.slice(0, 8).every((id) => starts.includes(id))).toBe(true);
    expect(inTurn.slice(8, 18).every((id) => waves.includes(id))).toBe(true);
  });

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
    const { client, carried } = temporal();
    relay(client);
    await until(() => carried.length >= 11);
    expect(carried.slice(0, 11)).toContain(prompt);
    // They stand in line in the ledger, not in Temporal's queue: at most what there is room for in one second has been started.
    expect(carried.filter((id) => letters.includes(id)).length).toBe(carried.length - 1);
    await running.splice(0)[0]!.stop();
    expect(await leaseDueDeliveries(db.pool, 'wave', 100)).toHaveLength(40 - (carried.length - 1));
  });
});
