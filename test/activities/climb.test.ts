/** Whom a wait asks as it begins, and what is left to climb. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { catchUp, climb } from '../../src/activities/climb.ts';
import type { Hands } from '../../src/activities/createActivities.ts';
import { objectionTo } from '../../src/activities/objection.ts';
import { refineOwner, triage } from '../../src/activities/triage.ts';
import { ladderNames, type Role } from '../../src/domain/company.ts';
import { newId } from '../../src/domain/ids.ts';
import { sql } from '../../src/store/pool.ts';
import { lockDelivery, planDelivery } from '../../src/store/records/deliveries.ts';
import { bundle } from '../../src/store/records/digests.ts';
import { insightNow } from '../../src/store/views/insights.ts';
import { readSignal } from '../../src/store/views/signalReading.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { capture } from '../../src/triggers/capture.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { handOver, handOverInsight } from '../../src/triggers/responses/handOver.ts';
import { recordCall } from '../../src/triggers/responses/recordCall.ts';
import { handsOf, openTestDatabase, type TestDatabase } from '../support/database.ts';
import { goOn } from '../triggers/http/story.ts';

let db: TestDatabase;
let hands: Hands;
beforeAll(async () => {
  db = await openTestDatabase();
  hands = handsOf(db);
});
afterAll(() => db.close());

const press = () => ({ source: 'test', key: newId() });
const hears = async (words: string): Promise<string> => {
  const customer = { email: `${newId()}@example.com` };
  const consent = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }];
  const said = { words, kind: 'question', place: 'high-street', by: 'mina', customer, consent };
  const { id } = await capture(db.heed, said, { channel: 'web', press: press() });
  await triage(hands, id);
  return id;
};
const owner = async (loopId: string) => (await signalNow(db.pool, loopId))!.owner;
const prompted = (loopId: string) =>
  db.pool.anyFirst(sql.type(z.object({ staff: z.string() }))`
    select staff from deliveries where loop_id = ${loopId} and purpose = 'prompt' order by planned_at, staff`);

test('nobody is asked before it is known whose it is; then whoever holds it, once, and nothing is left to climb', async () => {
  const id = await hears('What does the umbrella cost?');
  const before = await catchUp(hands, id, 0);
  expect(await prompted(id)).toEqual([]);
  expect(before.sleepMs).toBeLessThanOrEqual(0);

  await refineOwner(hands, id);
  const asked = await catchUp(hands, id, before.round);
  expect(await prompted(id)).toEqual([await owner(id)]);
  expect(asked.sleepMs).toBeGreaterThan(0);
  await catchUp(hands, id, asked.round);
  expect(await prompted(id)).toHaveLength(1);
});

test('once somebody has failed to act, it is the climb that asks, and not the look', async () => {
  const id = await hears('What does the raincoat cost?');
  await refineOwner(hands, id);
  await catchUp(hands, id, 0);
  await db.passTime('14 days');
  expect((await catchUp(hands, id, 1)).sleepMs).toBeLessThanOrEqual(0);
  expect(await prompted(id)).toEqual([await owner(id)]);
  await climb(hands, id);
  expect(await prompted(id)).toHaveLength(2);
});

test('who is first asked when work begins is asked, and not told that nobody had taken it', async () => {
  const before = structuredClone(db.company);
  await db.apply((company) => {
    for (const name of ladderNames) company.ladders[name].rungs[0]!.after = { amount: 0, unit: 'bh' };
  });
  // The next Sunday night, when nobody works.
  await db.passTime(
    await db.pool.oneFirst(sql.type(z.object({ until: z.string() }))`
      select (date_trunc('week', heed_now()) + interval '6 days 23 hours' - heed_now() + interval '7 days')::text as until`),
  );
  const id = await hears('What does the cape cost?');
  await refineOwner(hands, id);
  const { sleepMs } = await catchUp(hands, id, 0);
  expect(sleepMs).toBeGreaterThan(3_600_000);
  expect(await prompted(id)).toEqual([]);

  await db.passTime(`${sleepMs} milliseconds`);
  await catchUp(hands, id, 1);
  expect(await prompted(id)).toEqual([await owner(id)]);
  expect(
    await db.pool.anyFirst(sql.type(z.object({ reason: z.string() }))`
      select e.reason from escalations e join plans p on p.id = e.plan_id where p.loop_id = ${id} and not e.collapsed`),
  ).toEqual([expect.stringMatching(/^it waits to be /)]);
  const { timeline } = (await readSignal(db.pool, db.company, id, { audience: 'staff' }))!;
  expect(timeline.map(({ kind }) => kind)).toContain('prompted');
  expect(timeline.map(({ kind }) => kind)).not.toContain('escalated');
  await db.apply((company) => Object.assign(company, before));
});

test('whoever is given something while nothing runs hears of it once it does, and not only those above them', async () => {
  const id = await hears('What does the rain hat cost?');
  await refineOwner(hands, id);
  await catchUp(hands, id, 0);
  await acknowledge(db.heed, { loopId: id, by: await owner(id), press: press() });
  await handOver(db.heed, { loopId: id, by: await owner(id), press: press() }, { to: 'mina', reason: 'She knows.' });
  await db.passTime('14 days');
  await catchUp(hands, id, 1);
  await climb(hands, id);
  expect((await prompted(id)).slice(1)).toEqual(['ingrid', 'mina']);
});

test.each<[Role[], string[]]>([
  [
    ['owner', 'lead'],
    ['jonas', 'tomas'],
  ],
  [
    ['owner', 'lead', 'manager'],
    ['jonas', 'priya'],
  ],
  [
    ['owner', 'lead', 'manager', 'executive'],
    ['jonas', 'ingrid'],
  ],
  // Highest also where somebody below was due after them.
  [
    ['owner', 'manager', 'lead'],
    ['jonas', 'priya'],
  ],
  [
    ['owner', 'executive', 'manager', 'lead', 'owner'],
    ['jonas', 'ingrid'],
  ],
])(
  'of %j, all due after an outage, whoever stands highest is called beside whoever was asked first',
  async (roles, called) => {
    const before = structuredClone(db.company);
    await db.apply((company) => {
      company.staff['jonas']!.lead = 'tomas';
      company.ladders.acknowledging.rungs = roles.map((notify, n) => ({ after: { amount: n, unit: 'h' }, notify }));
    });
    const id = await hears('How much is the coat?');
    await refineOwner(hands, id);
    await catchUp(hands, id, 0);
    await db.passTime(`${roles.length} hours`);
    await climb(hands, id);
    expect(await prompted(id)).toEqual(called);
    expect(
      await db.pool.anyFirst(sql.type(z.object({ step: z.number() }))`
      select e.step from escalations e join plans p on p.id = e.plan_id
      where p.loop_id = ${id} and p.wait = 'acknowledged' order by e.step`),
    ).toEqual(roles.map((_, step) => step));
    await db.apply((company) => Object.assign(company, before));
  },
);

test('whoever takes it before it was given to anybody is asked by the climb, as nobody was looked for', async () => {
  const id = await hears('What does the parasol cost?');
  await acknowledge(db.heed, { loopId: id, by: 'mina', press: press() });
  await refineOwner(hands, id);
  expect((await catchUp(hands, id, 0)).over).toBe(false);
  await climb(hands, id);
  expect((await catchUp(hands, id, 1)).sleepMs).toBeGreaterThan(0);
});

test('a call about a decision goes on being asked for as often as an answer that is owed, and not as a promise', async () => {
  const before = structuredClone(db.company);
  await db.apply(({ ladders }) => {
    ladders.answering.atEnd = { notify: 'executive', every: { amount: 2, unit: 'd' } };
    ladders.promising.atEnd = { notify: 'executive', every: { amount: 9, unit: 'd' } };
  });
  const { id } = await capture(
    db.heed,
    {
      words: 'Do you have this coat in green?',
      kind: 'unmet-demand',
      place: 'high-street',
      by: 'mina',
      customer: { name: 'Kim', phone: '+31 6 44444444' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    },
    { channel: 'web', press: press() },
  );
  await goOn(db, id);
  await recordCall(db.heed, { loopId: id, by: await owner(id), press: press() }, { outcome: 'reached' });
  const insight = (await insightNow(db.pool, (await signalNow(db.pool, id))!.insight_id!))!;
  await decide(
    db.heed,
    { loopId: insight.id, by: insight.decider, press: press() },
    { outcome: 'declined', reason: 'Too few.' },
  );
  await db.passTime('1 hour');
  await goOn(db, id);
  expect(await signalNow(db.pool, id)).toMatchObject({ told_channel: 'phone', told_at: null });

  await db.passTime('30 days');
  await climb(hands, id);
  expect(
    await db.pool.anyFirst(sql.type(z.object({ days: z.number() }))`
      select round(extract(epoch from g.due_at - e.taken_at) / 86400)::integer as days
      from rungs g
      join plans p on p.id = g.plan_id
      join escalations e on e.plan_id = g.plan_id and e.step = g.step and e.repeat = g.repeat - 1
      where p.loop_id = ${id} and p.wait = 'told'`),
  ).toEqual([2]);
  await db.apply((company) => Object.assign(company, before));
});

test('a story of what a database that was put back does not know has nothing to wait for, and ends', async () => {
  expect(await catchUp(hands, newId(), 1)).toMatchObject({ over: true });
});

describe('whoever has left the company file before a call to them could leave', () => {
  const zoeComes = () =>
    db.apply((company) => {
      company.staff['zoe'] = { ...company.staff['mina']!, name: 'Zoe Zane', email: 'zoe@linden-vale.example' };
    });
  const zoeLeaves = () => db.apply((company) => void delete company.staff['zoe']);
  const at = (loopId: string, by: string) => ({ loopId, by, press: press() });
  /** Tomás is to decide it, and gives it to Zoe, who is called. */
  async function zoeIsToDecide(words: string): Promise<string> {
    const { id } = await capture(
      db.heed,
      { words, place: 'high-street', by: 'mina' },
      { channel: 'web', press: press() },
    );
    await goOn(db, id);
    const insight = (await signalNow(db.pool, id))!.insight_id!;
    await handOverInsight(db.heed, at(insight, 'tomas'), { to: 'zoe', reason: 'She buys them.' });
    await catchUp(hands, insight, 1);
    expect(await latest(insight)).toMatchObject({ staff: 'zoe' });
    return insight;
  }
  const latest = (loopId: string) =>
    db.pool.one(sql.type(z.object({ id: z.string(), staff: z.string(), plan: z.string() }))`
      select id, staff, occasion as plan from deliveries
      where loop_id = ${loopId} and purpose = 'prompt' order by planned_at desc, id limit 1`);
  const objectionNow = (id: string) =>
    db.pool.transaction(async (tx) => objectionTo(tx, (await lockDelivery(tx, id))!, db.company));
  const left = { end: 'cancelled', code: 'left' };

  test('is stood in for where they were to decide: by whoever has that place, about the same', async () => {
    await zoeComes();
    const insight = await zoeIsToDecide('Do you have this coat in navy?');
    const zoes = await latest(insight);
    await zoeLeaves();
    expect(await objectionNow(zoes.id)).toEqual(left);
    expect(await latest(insight)).toMatchObject({ staff: 'priya', plan: zoes.plan });
  });

  test('is stood in for by nobody where it has been decided since', async () => {
    await zoeComes();
    const insight = await zoeIsToDecide('Do you have this coat in brown?');
    const zoes = await latest(insight);
    await decide(db.heed, at(insight, 'zoe'), { outcome: 'declined', reason: 'Too few.' });
    await zoeLeaves();
    expect(await objectionNow(zoes.id)).toEqual(left);
    expect(await latest(insight)).toEqual(zoes);
  });

  test('is stood in for in each of the calls that one message was to name', async () => {
    await zoeComes();
    const insights = [
      await zoeIsToDecide('Do you have this coat in black?'),
      await zoeIsToDecide('Do you have this coat in white?'),
    ];
    const zoes = await Promise.all(insights.map(latest));
    const digest = await db.pool.transaction(async (tx) => {
      for (const { id } of zoes) {
        await bundle(tx, { ...(await lockDelivery(tx, id))!, staff: 'zoe' }, 60_000);
        await tx.query(sql.unsafe`
          update deliveries set state = 'cancelled', last_error_code = 'bundled', ended_at = heed_now() where id = ${id}`);
      }
      return tx.oneFirst(sql.type(z.object({ id: z.string() }))`
        select id from deliveries where purpose = 'digest' and staff = 'zoe'`);
    });
    await zoeLeaves();
    expect(await objectionNow(digest)).toEqual(left);
    for (const insight of insights) expect(await latest(insight)).toMatchObject({ staff: 'priya' });
  });

  test('has nobody called in their place about a news or a notice that was for them', async () => {
    await zoeComes();
    const insight = await zoeIsToDecide('Do you have this coat in blue?');
    await zoeLeaves();
    const before = await prompted(insight);
    for (const purpose of ['news', 'notice'] as const) {
      await db.pool.transaction((tx) =>
        planDelivery(tx, { key: `${purpose}-zoe`, purpose, channel: 'email', loopId: insight, round: 1, staff: 'zoe' }),
      );
      const id = await db.pool.oneFirst(sql.type(z.object({ id: z.string() }))`
        select id from deliveries where staff = 'zoe' and purpose = ${purpose}`);
      expect(await objectionNow(id)).toEqual(left);
    }
    expect(await prompted(insight)).toEqual(before);
  });
});
