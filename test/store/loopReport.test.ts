import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Numbers } from '../../src/domain/loopReport.ts';
import { localDate } from '../../src/domain/calendar.ts';
import { newId } from '../../src/domain/ids.ts';
import { figures, lastDays, type Figure } from '../../src/domain/measures.ts';
import { sql } from '../../src/store/pool.ts';
import { erase as eraseFacts } from '../../src/store/records/erasures.ts';
import { momentOf } from '../../src/store/records/clock.ts';
import { loopDrill } from '../../src/store/views/loopDrill.ts';
import { headline, loopReport } from '../../src/store/views/loopReport.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { capture, type Capture } from '../../src/triggers/capture.ts';
import { acknowledgeInsight } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { handOverInsight } from '../../src/triggers/responses/handOver.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import { loadSampleHistory } from '../../src/triggers/sampleHistory.ts';
import { rowsRead, openTestDatabase, type TestDatabase } from '../support/database.ts';
import { goOn } from '../triggers/http/story.ts';
import { plainRows, recount } from './recount.ts';

let db: TestDatabase;

beforeAll(async () => {
  db = await openTestDatabase({ company: 'demo' });
  await loadSampleHistory(db.pool, { company: db.company, configuration: 1, now: await momentOf(db.pool) });
});
afterAll(() => db.close());

const within = async (days: number) => lastDays(days, await momentOf(db.pool), db.company.timezone);

describe('the leaders’ numbers', () => {
  test('the sample history says: of 31 due, 22 decided citing customers, 5 otherwise, 1 postponed, 3 undecided', async () => {
    const { sample, own } = await loopReport(db.pool, db.company, await within(90));
    expect(sample!.used).toMatchObject({ due: 31, citing: 22, otherwise: 5, postponed: 1, expired: 0, undecided: 3 });
    expect(sample!.unused).toBe(3);
    expect(own.used).toMatchObject({ due: 0, share: null });
    expect(await headline(db.pool, db.company)).toEqual({ due: 31, citing: 22, sample: true });
  });

  test('every number adds up from its parts', async () => {
    for (const days of [90, 30, 7]) {
      const { sample } = await loopReport(db.pool, db.company, await within(days));
      const { used, claimed, afterDecline, promises, funnel } = sample!;
      expect(used.citing + used.otherwise + used.postponed + used.expired + used.undecided).toBe(used.due);
      for (const { rounds, ...parts } of [claimed, afterDecline])
        expect(parts.yes + parts.no + parts.silent + parts.waiting + parts.couldNotBeAsked).toBe(rounds);
      expect(promises.kept + promises.moved + promises.late + promises.open).toBe(promises.due);
      for (const [n, stage] of funnel.entries())
        if (n > 0) expect(stage.count).toBeLessThanOrEqual(funnel[n - 1]!.count);
    }
  });

  test('of a period read what happened in it, and nothing that was closed years before', async () => {
    // One connection, so that all it has read is told at once.
    const old = await openTestDatabase({ company: 'demo', connections: 1 });
    const before = 3_000;
    await old.pool.query(sql.unsafe`
      with said as (
        select gen_random_uuid() as id, n, heed_now() - interval '5 years' as at from generate_series(1, ${before}::integer) n),
      l as (insert into loops (id, kind, place, opened_at) select id, 'signal', 'high-street', at from said),
      r as (insert into rounds (loop_id, round, cause, opened_at) select id, 1, 'opened', at from said),
      s as (insert into signals (id, reference, channel, said_at, captured_at) select id, 'OLD-' || n, 'api', at, at from said),
      t as (
        insert into triages (signal_id, verdict, course, kind, priority, rule, why, configuration)
        select id, 'pursue', 'answer', 'complaint', 3, 'test', 'test', 1 from said),
      f as (
        insert into follow_ups (id, loop_id, round, channel, rule, followed_up_at) select gen_random_uuid(), id, 1, 'none', 'nobody', at from said)
      insert into closures (id, loop_id, round, how, rule, closed_at) select gen_random_uuid(), id, 1, 'nobody_to_reach', 'test', at from said`);
    await (await old.owner()).query(sql.unsafe`analyze`);
    const read = (): Promise<number> => rowsRead(old, 'signals', 'triages', 'follow_ups', 'rounds');
    const period = lastDays(90, await momentOf(old.pool), old.company.timezone);
    const readBefore = await read();
    const { own } = await loopReport(old.pool, old.company, period);
    await loopDrill(old.pool, 'claimed', { ...period, sample: false }, { skip: 0, most: 10 });
    expect((await read()) - readBefore).toBeLessThan(before);
    expect(own.claimed.rounds).toBe(0);
    await old.close();
  });

  describe('equal a recount from plain rows', () => {
    let rows: Awaited<ReturnType<typeof plainRows>>;
    // Some of the loops become our own, and letters that live ones need meet every fate: the recount must follow all of it.
    beforeAll(async () => {
      await db.rewrite(sql.unsafe`update loops set sample = false where place = 'harbour'`);
      await db.rewrite(sql.unsafe`
        update loops set sample = true where kind = 'insight' or id in (select signal_id from insight_signals)`);
      await db.rewrite(sql.unsafe`
        update loops set sample = false where id in (
          select i.id from insights i where i.kind = 'wish'
          union select x.signal_id from insight_signals x join insights i on i.id = x.insight_id where i.kind = 'wish')`);
      await db.pool.query(sql.unsafe`
        insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, customer_id, occasion, state, ended_at, message_id)
        select f.id, f.id, 'answer', 'email', 'at_most_once', f.loop_id, s.customer_id, f.id,
          (array['sent', 'delivered', 'bounced', 'uncertain', 'cancelled'])[1 + (row_number() over (order by f.followed_up_at))::int % 5],
          f.followed_up_at + interval '1 minute', f.id
        from follow_ups f join signals s on s.id = f.loop_id join loops l on l.id = s.id
        where not l.sample and f.channel = 'email'`);
      await db.rewrite(sql.unsafe`update tellings set channel = 'phone' where channel = 'sample' and customer_id is not null
        and signal_id in (select id from loops where not sample)`);
      await db.pool.query(sql.unsafe`
        insert into calls (id, loop_id, round, purpose, outcome, by, called_at)
        select gen_random_uuid(), t.signal_id, 1, 'told', (array['reached', 'wrong_number', 'no_reply'])[1 + (row_number() over (order by t.id))::int % 3],
          'ingrid', t.told_at + interval '5 hours'
        from tellings t where t.channel = 'phone'`);
      await db.pool.query(sql.unsafe`update deliveries set last_error_code = 'superseded' where state = 'cancelled'`);
      // Decided anew and told anew, decided anew and told before, and taken back.
      const item = sql.fragment`i.attributes ->> 'item'`;
      await db.pool.query(sql.unsafe`
        insert into decisions (id, insight_id, version, outcome, reason, by, decided_at, final_at)
        select gen_random_uuid(), d.insight_id, 2, 'declined', 'Anew.', d.by, d.decided_at + interval '2 days', d.final_at + interval '2 days'
        from decisions d join insights i on i.id = d.insight_id where ${item} in ('alterations', 'gift wrapping')`);
      await db.pool.query(sql.unsafe`
        insert into tellings (id, decision_id, signal_id, customer_id, channel, told_at)
        select gen_random_uuid(), d.id, t.signal_id, t.customer_id, 'sample', d.final_at + interval '1 hour'
        from tellings t join decisions f on f.id = t.decision_id join decisions d on d.insight_id = f.insight_id and d.version = 2
        join insights i on i.id = d.insight_id where t.customer_id is not null and ${item} = 'alterations'`);
      await db.pool.query(sql.unsafe`
        insert into told_signals (decision_id, signal_id, telling_id, reason, settled_at)
        select d.id, x.signal_id, t.id, case when t.id is null then 'told_before' end, d.final_at + interval '1 hour'
        from decisions d join insights i on i.id = d.insight_id join insight_signals x on x.insight_id = i.id
        left join tellings t on t.decision_id = d.id and t.signal_id = x.signal_id and t.customer_id is not null
        where d.version = 2`);
      await db.pool.query(sql.unsafe`
        insert into withdrawals (decision_id, by)
        select d.id, d.by from decisions d join insights i on i.id = d.insight_id where ${item} = 'my sizes'`);
      // Every tenth customer has asked to be erased, and what another tenth said is kept no longer.
      await db.pool.query(sql.unsafe`
        with people as (select id, row_number() over (order by id) % 10 as n from customers)
        insert into erasures (id, customer_id, cause, by, reason)
        select gen_random_uuid(), id, case n when 0 then 'asked' else 'retention' end, 'operator', 'test' from people where n < 2`);
      await db.pool.query(sql.unsafe`
        insert into erased_signals (signal_id, erasure_id)
        select s.id, e.id from erasures e join signals s on s.customer_id = e.customer_id`);
      rows = await plainRows(db.pool);
    });

    for (const place of [undefined, 'high-street', 'harbour']) {
      for (const days of [90, 30, 14]) {
        test(`over ${days} days ${place ? `at ${place}` : 'at all places'}`, async () => {
          const now = await momentOf(db.pool);
          const period = { ...lastDays(days, now, db.company.timezone), ...(place && { place }) };
          const report = await loopReport(db.pool, db.company, period);
          for (const sample of [true, false]) {
            const recounted = recount(rows, { ...period, now, sample });
            const said = sample ? report.sample! : report.own;
            expect(countsOf(said)).toEqual({
              used: recounted.used,
              claimed: recounted.claimed,
              afterDecline: recounted.afterDecline,
              promises: recounted.promises,
              reached: recounted.reached,
              waiting: recounted.waiting,
            });
            for (const [n, { wall }] of said.funnel.entries()) expectHalfWithin(recounted.waits[n]!, wall);
          }
        });
      }
    }

    test('both kinds of loops are there to be told apart', async () => {
      const { sample, own } = await loopReport(db.pool, db.company, await within(90));
      for (const numbers of [sample!, own]) {
        expect(numbers.used.due).toBeGreaterThan(3);
        expect(numbers.claimed.yes).toBeGreaterThan(10);
        expect(numbers.claimed.couldNotBeAsked).toBeGreaterThan(3);
        expect(numbers.afterDecline.rounds).toBeGreaterThan(5);
        expect(numbers.promises.due).toBeGreaterThan(10);
      }
    });

    test('and each is as long as the list of people behind it', async () => {
      const period = await within(90);
      const report = await loopReport(db.pool, db.company, period);
      for (const sample of [true, false]) {
        const said = sample ? report.sample! : report.own;
        for (const figure of Object.keys(figures) as Figure[]) {
          const { total, behind } = await loopDrill(db.pool, figure, { ...period, sample }, { skip: 0, most: 10_000 });
          expect([figure, total, behind.length]).toEqual([figure, numberOf(said, figure), numberOf(said, figure)]);
        }
      }
    });

    test('a list is read page by page, nobody twice and nobody left out', async () => {
      const period = { ...(await within(90)), sample: true };
      const all = await loopDrill(db.pool, 'captured', period, { skip: 0, most: 10_000 });
      const pages = [];
      for (let skip = 0; skip < all.total; skip += 50)
        pages.push(...(await loopDrill(db.pool, 'captured', period, { skip, most: 50 })).behind);
      expect(pages.map(({ id }) => id)).toEqual(all.behind.map(({ id }) => id));
    });
  });
});

describe('about to die unused', () => {
  test('each undecided insight says who decides, since when, what became of it, and whom the ladder tells next', async () => {
    const { unused } = await loopReport(db.pool, db.company, await within(90));
    const green = unused.find(({ attributes }) => attributes['colour'] === 'green')!;
    // Thirteen asked; of those who asked to be erased above, nobody counts.
    const people = await db.pool.oneFirst(sql.type(z.object({ count: z.number() }))`
      select count(*)::integer as count from insight_signals x join signals s on s.id = x.signal_id
      where x.insight_id = ${green.id} and not exists (select from erasures e where e.customer_id = s.customer_id and e.cause = 'asked')`);
    expect(green).toMatchObject({ decider: 'tomas', people, past: true, attention: 'seen', nextRole: 'executive' });
    expect(green.nextAt!.getTime()).toBeGreaterThan(green.dueAt.getTime());
    expect(unused.map(({ attention }) => attention).sort()).toEqual(['cited', 'seen', 'unseen']);
  });

  test('what whoever decided it before pressed, or whoever handed it over, is not said of whoever decides it now', async () => {
    const shop = await openTestDatabase();
    const as = (by: string, loopId: string) => ({ loopId, by, press: { source: 'test', key: newId() } });
    const { id } = await capture(
      shop.heed,
      {
        words: 'Do you have this in green?',
        place: 'high-street',
        by: 'mina',
        kind: 'unmet-demand',
        customer: { email: 'kim@example.com' },
        consent: [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }],
      },
      { channel: 'web', press: { source: 'test', key: newId() } },
    );
    await goOn(shop, id);
    const insight = (await signalNow(shop.pool, id))!.insight_id!;
    await shop.passTime('60 days');
    const attention = async () => {
      const { unused } = await loopReport(shop.pool, shop.company, lastDays(90, await momentOf(shop.pool), 'UTC'));
      return unused.map((one) => `${one.decider}: ${one.attention}`);
    };
    expect(await attention()).toEqual(['tomas: unseen']);
    await acknowledgeInsight(shop.heed, as('tomas', insight));
    expect(await attention()).toEqual(['tomas: seen']);
    await handOverInsight(shop.heed, as('ingrid', insight), { to: 'priya', reason: 'She knows the suppliers.' });
    expect(await attention()).toEqual(['priya: unseen']);
    await acknowledgeInsight(shop.heed, as('priya', insight));
    expect(await attention()).toEqual(['priya: seen']);
    await shop.close();
  });
});

describe('an installation without any history', () => {
  let blank: TestDatabase;
  beforeAll(async () => {
    blank = await openTestDatabase({ company: 'shop' });
  });
  afterAll(() => blank.close());
  const reported = async () =>
    loopReport(blank.pool, blank.company, lastDays(90, await momentOf(blank.pool), blank.company.timezone));

  test('says that nothing has been due yet', async () => {
    const report = await reported();
    expect(report.sample).toBeNull();
    expect(report.own).toMatchObject({
      used: { due: 0, share: null },
      claimed: { rounds: 0, confirmed: null, gap: null },
      unused: 0,
    });
    expect(report.own.funnel.map(({ count, wall }) => [count, wall])).toEqual(
      Array.from({ length: 6 }, () => [0, null]),
    );
    expect(await headline(blank.pool, blank.company)).toEqual({ due: 0, citing: 0, sample: false });
  });

  test('counts whose words are kept no longer, and nobody who asked to be erased', async () => {
    const counted = async () => countsOf((await reported()).own);
    const lee = await isPromised('lee@example.com');
    await isPromised('kim@example.com');
    await blank.passTime('4 days');
    const one = { claimed: { rounds: 1 }, promises: { due: 1, open: 1 }, reached: [1, 1, 1, 1, 1, 0] };
    const two = { claimed: { rounds: 2 }, promises: { due: 2, open: 2 }, reached: [2, 2, 2, 2, 2, 0] };
    expect(await counted()).toMatchObject(two);
    const { company } = blank;
    await blank.pool.transaction((tx) =>
      eraseFacts(
        tx,
        { customerId: lee.customer_id, signalIds: [lee.id] },
        { cause: 'retention', by: 'retention', reason: 'kept no longer', company },
      ),
    );
    expect(await counted()).toMatchObject(two);
    await erase(blank.heed, await subjectNamed(blank.pool, 'kim@example.com'), {
      by: 'operator',
      reason: 'asked by letter',
    });
    expect(await counted()).toMatchObject(one);
    for (const figure of ['claimed', 'promises-open', 'captured', 'answered'] as const) {
      const period = lastDays(90, await momentOf(blank.pool), company.timezone);
      const { behind } = await loopDrill(blank.pool, figure, { ...period, sample: false }, { skip: 0, most: 10 });
      expect(behind.map(({ id }) => id)).toEqual([lee.id]);
    }
  });

  /** Somebody who was answered, and promised to hear more within three days. */
  async function isPromised(email: string) {
    const press = () => ({ source: 'test', key: newId() });
    const consent: Capture['consent'] = [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }];
    const { id } = await capture(
      blank.heed,
      { place: 'high-street', by: 'mina', words: 'Where is my parcel?', customer: { email }, consent },
      { channel: 'web', press: press() },
    );
    await goOn(blank, id);
    const promiseOn = localDate(new Date((await momentOf(blank.pool)).getTime() + 3 * 86_400_000), 'Europe/Amsterdam');
    await approveFollowUp(
      blank.heed,
      { loopId: id, by: 'priya', press: press() },
      { words: 'It comes soon.', promiseOn },
    );
    await blank.pool.query(sql.unsafe`
      update deliveries set state = 'sent', ended_at = heed_now() where loop_id = ${id} and purpose = 'answer'`);
    return (await signalNow(blank.pool, id))!;
  }
});

test('working time is that of the place: a night between capture and answer does not count', async () => {
  const shop = await openTestDatabase({ company: 'shop' });
  await loadSampleHistory(shop.pool, { company: shop.company, configuration: 1, now: await momentOf(shop.pool) });
  const period = lastDays(90, await momentOf(shop.pool), shop.company.timezone);
  const { sample } = await loopReport(shop.pool, shop.company, period);
  const decided = sample!.funnel[3]!;
  expect(decided.working!.p50).toBeLessThan(decided.wall!.p50);
  expect(decided.working!.p50).toBeGreaterThan(0);
  await shop.close();
});

test('an insight of which everybody who asked was erased counts nowhere', async () => {
  const { sample: before } = await loopReport(db.pool, db.company, await within(90));
  await db.pool.query(sql.unsafe`
    insert into closures (id, loop_id, round, how, rule)
    select gen_random_uuid(), insight_id, 1, 'erased', 'everybody was erased'
    from now.dues where sample and part = 'undecided' order by due_at desc limit 1`);
  const { sample: after } = await loopReport(db.pool, db.company, await within(90));
  expect(after!.used).toMatchObject({ due: before!.used.due - 1, undecided: before!.used.undecided - 1 });
});

const countsOf = ({ used, claimed, afterDecline, promises, funnel }: Numbers) => {
  const { share: _, expired: _e, ...usedCounts } = used;
  const { confirmed: _c, gap: _g, ...claimedCounts } = claimed;
  const { share: _s, moved: _m, ...promised } = promises;
  return {
    used: usedCounts,
    claimed: claimedCounts,
    afterDecline,
    promises: promised,
    reached: funnel.map(({ count }) => count),
    waiting: funnel.map(({ waiting }) => waiting),
  };
};

/** At least half of the waits are within p50, and nine in ten within p90, give or take a millisecond. */
function expectHalfWithin(waits: number[], spread: { p50: number; p90: number } | null): void {
  if (waits.length === 0) return expect(spread).toBeNull();
  const within = (limit: number): number => waits.filter((wait) => wait <= limit + 1).length / waits.length;
  expect(within(spread!.p50)).toBeGreaterThanOrEqual(0.5);
  expect(within(spread!.p90)).toBeGreaterThanOrEqual(0.9 - 1 / waits.length);
  expect(waits.filter((wait) => wait < spread!.p50 - 1).length / waits.length).toBeLessThanOrEqual(0.5);
  expect(waits.filter((wait) => wait < spread!.p90 - 1).length / waits.length).toBeLessThanOrEqual(0.9);
}

function numberOf({ used, claimed, afterDecline, promises, funnel, unused }: Numbers, figure: Figure): number {
  const numbers: Record<Figure, number> = {
    due: used.due,
    citing: used.citing,
    otherwise: used.otherwise,
    postponed: used.postponed,
    undecided: used.undecided,
    'in-time': used.inTime,
    claimed: claimed.rounds,
    confirmed: claimed.yes,
    silent: claimed.silent,
    'not-settled': claimed.no,
    waiting: claimed.waiting,
    'could-not-be-asked': claimed.couldNotBeAsked,
    explained: afterDecline.rounds,
    'explained-clearly': afterDecline.yes,
    'not-explained': afterDecline.no,
    'explained-silent': afterDecline.silent,
    'explained-waiting': afterDecline.waiting,
    'explained-not-asked': afterDecline.couldNotBeAsked,
    promises: promises.due,
    'promises-kept': promises.kept,
    'promises-late': promises.late,
    'promises-open': promises.open,
    captured: funnel[0]!.count,
    owned: funnel[1]!.count,
    answered: funnel[2]!.count,
    decided: funnel[3]!.count,
    told: funnel[4]!.count,
    settled: funnel[5]!.count,
    unused,
  };
  return numbers[figure];
}
