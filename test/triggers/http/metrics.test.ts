/** What operators watch: that it is there, that it is right, and who may ask. */

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventsCarried, eventsToCarry, leaseCollector } from '../../../src/store/records/securityEvents.ts';
import { orderSending } from '../../../src/store/records/sendingOrders.ts';
import { openSession } from '../../../src/store/records/sessions.ts';
import { createApp } from '../../../src/triggers/http/app.ts';
import type { Web } from '../../../src/triggers/http/web.ts';
import { timingsDoor } from '../../../src/triggers/http/metrics.ts';
import { capture } from '../../../src/triggers/capture.ts';
import { newId } from '../../../src/domain/ids.ts';
import { acknowledge } from '../../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../../src/triggers/responses/approveFollowUp.ts';
import { review } from '../../../src/triggers/responses/review.ts';
import { sql, type Pool } from '../../../src/store/pool.ts';
import { rowsRead, openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { goOn } from './story.ts';

const token = 'a token of sixteen letters or more';
let db: TestDatabase;
let app: ReturnType<typeof createApp>;
let web: Web;
beforeAll(async () => {
  db = await openTestDatabase({ company: 'demo' });
  // In the middle of a week, whose end nothing here comes across.
  await db.pool.query(sql.unsafe`
    update test_clock set ahead = ahead + (date_trunc('week', heed_now()) + interval '9 days' - heed_now())`);
  web = {
    heed: db.heed,
    publicUrl: 'http://heed.test',
    temporalUi: () => undefined,
    slack: undefined,
    signInService: undefined,
    demo: undefined,
    arriving: () => [],
  };
  app = createApp(web, { rateLimiting: false, metricsToken: token });
});
afterAll(() => db.close());

const press = () => ({ source: 'test', key: newId() });
const ask = (path: string, authorization?: string) =>
  app.request(path, authorization ? { headers: { Authorization: authorization } } : {});
const scraped = async (): Promise<string> => (await ask('/metrics', `Bearer ${token}`)).text();

/** name{label="value"} → number */
const numbers = (text: string): Record<string, number> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );

describe('the metrics', () => {
  test('tell that sending is stopped, and that it goes on', async () => {
    const order = (stops: boolean) =>
      db.pool.transaction((tx) =>
        orderSending(tx, { audience: 'customers', stops, by: 'otto', reason: 'a wrong template' }),
      );
    const stopped = async (audience: string) =>
      numbers(await scraped())[`heed_sending_stopped{audience="${audience}"}`];
    await order(true);
    expect([await stopped('customers'), await stopped('staff')]).toEqual([1, 0]);
    await order(false);
    expect([await stopped('customers'), await stopped('staff')]).toEqual([0, 0]);
  });

  test('tell for how long security events have waited for a collector, only where one is set', async () => {
    const waited = async () => numbers(await scraped())['heed_queue_oldest_age_seconds{queue="security_events"}'];
    await openSession(db.pool, Object.keys(db.company.staff)[0]!);
    await db.passTime('1 minute');
    expect(await waited()).toBeUndefined();
    const lease = (await leaseCollector(db.pool))!;
    expect(await waited()).toBeGreaterThanOrEqual(60);
    await eventsCarried(db.pool, lease, await eventsToCarry(db.pool, lease));
    expect(await waited()).toBe(0);
  });

  test('tell how long a round took to each stage, and how late a rung was taken', async () => {
    const { id } = await capture(
      db.heed,
      {
        words: 'Blue hour, she said.',
        place: 'high-street',
        by: 'mina',
        customer: { email: 'kim@adler.example' },
        consent: [{ purpose: 'follow_up', channel: 'email', wording: '1' }],
      },
      { channel: 'web', press: press() },
    );
    await db.passTime('20 seconds');
    await goOn(db, id);
    await review(
      db.heed,
      { loopId: id, by: 'priya', press: press() },
      { verdict: 'pursue', course: 'answer', kind: 'question' },
    );
    await db.passTime('100 seconds');
    await acknowledge(db.heed, { loopId: id, by: 'priya', press: press() });
    await db.passTime('1 hour');
    await approveFollowUp(db.heed, { loopId: id, by: 'priya', press: press() }, { words: 'At six.' });

    const told = numbers(await scraped());
    const stage = (name: string, le: string): number | undefined =>
      told[`heed_signal_stage_duration_seconds_bucket{stage="${name}",le="${le}"}`];
    expect([stage('acknowledged', '60'), stage('acknowledged', '300'), stage('acknowledged', '+Inf')]).toEqual([
      0, 1, 1,
    ]);
    expect([stage('answered', '900'), stage('answered', '14400'), stage('answered', '+Inf')]).toEqual([0, 1, 1]);
    expect(told['heed_signal_stage_duration_seconds_sum{stage="answered"}']).toBeCloseTo(3720, -1);
    expect(told['heed_signal_stage_duration_seconds_count{stage="answered"}']).toBe(1);
    expect(told['heed_escalation_lateness_seconds_bucket{le="15"}']).toBe(0);
    expect(told['heed_escalation_lateness_seconds_bucket{le="60"}']).toBe(1);
    expect(told['heed_escalation_lateness_seconds_count']).toBe(1);
    expect(told['heed_capture_commit_duration_seconds_count']).toBe(1);
  });

  test('count from Monday on, so that asking for them costs no more from year to year', async () => {
    const old = await openTestDatabase({ company: 'demo', connections: 1 });
    const before = 3_000;
    await old.pool.query(sql.unsafe`
      with said as (
        select gen_random_uuid() as id, gen_random_uuid() as plan, n, heed_now() - interval '5 years' as at
        from generate_series(1, ${before}::integer) n),
      l as (insert into loops (id, kind, place) select id, 'signal', 'high-street' from said),
      r as (insert into rounds (loop_id, round, cause, opened_at) select id, 1, 'opened', at from said),
      s as (insert into signals (id, reference, channel, said_at, captured_at) select id, 'OLD-' || n, 'api', at, at from said),
      p as (
        insert into plans (id, loop_id, round, wait, clock, occasion, counted_from, configuration)
        select plan, id, 1, 'answered', 'customer', id, at, 1 from said),
      g as (insert into rungs (plan_id, step, repeat, role, due_at) select plan, 1, 0, 'owner', at from said),
      e as (insert into escalations (plan_id, step, repeat, reason, taken_at) select plan, 1, 0, 'test', at from said),
      d as (
        insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, staff, state, message_id, ended_at)
        select id, 'prompt:' || id, 'prompt', 'email', 'at_least_once', id, 'priya', case when n % 2 = 0 then 'sent' else 'failed' end, '<' || id || '>', at
        from said)
      insert into closures (id, loop_id, round, how, rule, closed_at) select gen_random_uuid(), id, 1, 'silent', 'test', at from said`);
    await (await old.owner()).query(sql.unsafe`analyze`);
    const read = (): Promise<number> => rowsRead(old, 'signals', 'escalations', 'plans', 'rungs', 'deliveries');
    await capture(old.heed, { words: 'Now', place: 'high-street', by: 'mina' }, { channel: 'web', press: press() });
    const watched = createApp({ ...web, heed: old.heed }, { rateLimiting: false });

    const readBefore = await read();
    const told = numbers(await (await watched.request('/metrics')).text());
    expect((await watched.request('/health/engine')).status).toBe(200);
    expect((await read()) - readBefore).toBeLessThan(before);
    expect(told).toMatchObject({
      'heed_signals_captured_total{channel="web"}': 1,
      'heed_deliveries_held_total{reason="needs_human"}': 0,
    });
    expect(told).not.toHaveProperty('heed_signals_captured_total{channel="api"}');
    await old.close();
  });

  test('that the dashboard draws are all told, by name and by label', async () => {
    const text = await scraped();
    const dashboard = await readFile(new URL('../../../docker/grafana/heed.json', import.meta.url), 'utf8');
    const told = new Set(
      [...text.matchAll(/^# TYPE (\w+) (\w+)/gm)].map(([, name, type]) =>
        type === 'histogram' ? `${name}_bucket` : name!,
      ),
    );
    const drawn = new Set([...dashboard.matchAll(/\bheed_\w+/g)].map(([name]) => name));
    expect([...drawn].filter((name) => !told.has(name))).toEqual([]);
    expect([...told].filter((name) => !drawn.has(name))).toEqual([]);
  });

  test('are given, with the state of the engine, only to who brings the token', async () => {
    for (const path of ['/metrics', '/health/engine']) {
      for (const wrong of [undefined, 'Bearer', `Bearer ${token}!`, `Basic ${token}`])
        expect({ path, wrong, status: (await ask(path, wrong)).status }).toEqual({ path, wrong, status: 401 });
      expect((await ask(path, `Bearer ${token}`)).status).not.toBe(401);
    }
    expect((await ask('/health')).status).toBe(200);
    expect((await ask('/health/ready')).status).toBe(200);
  });

  test('are not needed to say whether it is ready: that reads what waits, and nothing that grows', async () => {
    const asked: string[] = [];
    const noting: ProxyHandler<Pool> = {
      get: (pool, name, self) => {
        const method: unknown = Reflect.get(pool, name, self);
        if (typeof method !== 'function') return method;
        return (query: { sql: string }, ...rest: unknown[]): unknown => {
          asked.push(query.sql);
          return Reflect.apply(method, pool, [query, ...rest]);
        };
      },
    };
    const pool = new Proxy(db.heed.pool, noting);
    const watched = createApp({ ...web, heed: { ...db.heed, pool } }, { rateLimiting: false });
    expect((await watched.request('/health/ready')).status).toBe(200);
    expect(asked.length).toBeGreaterThan(0);
    for (const statement of asked) expect(statement).not.toMatch(/count\(|open_loops|escalations|signals/);
  });

  test('of a relay on its own are its timings, at a door of its own', async () => {
    expect((await timingsDoor(token, db.heed.turnedAway).request('/metrics')).status).toBe(401);
    const open = await timingsDoor(undefined, db.heed.turnedAway).request('/metrics');
    expect(await open.text()).toContain('# TYPE heed_workflow_nudge_lag_seconds histogram');
  });
});
