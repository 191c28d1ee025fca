import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { stageOfSignal } from '../../src/domain/loop.ts';
import { timelineOf } from '../../src/domain/timeline.ts';
import { sql, type Pool } from '../../src/store/pool.ts';
import { momentOf } from '../../src/store/records/clock.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { previewTellings } from '../../src/store/views/tellingPreview.ts';
import { timelineOfLoop } from '../../src/store/views/timeline.ts';
import { applyCompany } from '../../src/triggers/companyAtStart.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { clearSampleHistory, loadSampleHistory } from '../../src/triggers/sampleHistory.ts';
import { green, openShop, type Shop } from '../activities/messages/shop.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

const load = async (db: TestDatabase) =>
  loadSampleHistory(db.pool, { company: db.company, configuration: 1, now: await momentOf(db.pool) });

const count = (db: TestDatabase, from: ReturnType<typeof sql.fragment>): Promise<number> =>
  db.pool.oneFirst(sql.type(z.object({ count: z.number() }))`select count(*)::integer as count from ${from}`);

/** Every row of every table, by table. */
async function everything(db: TestDatabase): Promise<Record<string, string[]>> {
  const tables = await db.pool.anyFirst(sql.type(z.object({ name: z.string() }))`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not in ('migrations', 'test_clock') order by 1`);
  const all: Record<string, string[]> = {};
  for (const table of tables) {
    all[table] = [
      ...(await db.pool.anyFirst(sql.type(z.object({ row: z.string() }))`
        select to_jsonb(x)::text as row from ${sql.identifier([table])} x order by 1`)),
    ];
  }
  return all;
}

describe('ninety days of sample history', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase({ company: 'demo' });
    await load(db);
  });
  afterAll(() => db.close());

  test('holds what the first five minutes tell of', async () => {
    const asked = (words: string) =>
      db.pool.one(sql.type(
        z.object({ people: z.number(), refused: z.number(), places: z.number(), course: z.string() }),
      )`
        select count(*)::integer as people, (count(*) filter (where s.taken = 'refused'))::integer as refused,
          count(distinct s.place)::integer as places, min(t.course) as course
        from now.signals s join words w on w.signal_id = s.id join triages t on t.signal_id = s.id
        where s.insight_id is not distinct from (
          select y.insight_id from words x join now.signals y on y.id = x.signal_id where x.words = ${words} limit 1)
          and (s.insight_id is not null or w.words = ${words})`);
    expect(await asked('Do you have this coat in green, size 42?')).toEqual({
      people: 13,
      refused: 9,
      places: 3,
      course: 'decide',
    });
    expect(await asked("If you did repairs while I wait I'd come every month")).toMatchObject({
      people: 6,
      course: 'decide',
    });
    expect(await asked('Wool socks in 48?')).toMatchObject({ people: 1, course: 'decide' });
    expect(await asked("I can't get in with the chair")).toMatchObject({ people: 2, course: 'decide' });
    expect(await asked('Open late on Thursdays?')).toMatchObject({ people: 11, course: 'decide' });
    expect(await asked('Charged twice for the alteration; nobody could tell me why')).toMatchObject({
      people: 1,
      course: 'answer',
    });
    expect(await asked('Mina was lovely')).toMatchObject({ people: 1, course: 'thank' });
    expect(await asked('Cheaper online than here?')).toMatchObject({ people: 1, course: 'answer' });
  });

  test('declined late Thursdays, and two of those who asked were not happy with it', async () => {
    const unhappy = await db.pool.any(sql.type(
      z.object({ round: z.number(), question: z.string(), cause: z.string() }),
    )`
      select c.round, c.question, r.cause from confirmations c
      join insight_signals x on x.signal_id = c.loop_id
      join now.insights i on i.id = x.insight_id and i.attributes ->> 'day' = 'thursday' and i.outcome = 'declined'
      join rounds r on r.loop_id = c.loop_id and r.round = 2
      where c.says = 'no' and c.round = 1`);
    expect(unhappy).toEqual(
      Array.from({ length: 2 }, () => ({ round: 1, question: 'explained', cause: 'not_settled' })),
    );
  });

  test('is read as the live rules would read it, and every line of it can be told', async () => {
    const ids = await db.pool.anyFirst(sql.type(z.object({ id: z.string() }))`select id from loops order by id`);
    const ends: Record<string, number> = {};
    for (const id of ids) {
      const lines = timelineOf(await timelineOfLoop(db.pool, id), db.company, { audience: 'staff' });
      expect(lines.length).toBeGreaterThan(1);
      const signal = await signalNow(db.pool, id);
      if (signal) ends[stageOfSignal(signal)] = (ends[stageOfSignal(signal)] ?? 0) + 1;
    }
    // Nothing is left half-read, and something is left at every stage that people act on.
    expect(Object.keys(ends).sort()).toEqual(
      ['acknowledge', 'answer', 'closed', 'confirmation', 'decision', 'review'].filter((stage) => ends[stage]),
    );
    expect(ends['closed']).toBeGreaterThan(300);
    expect(ends['decision']).toBeGreaterThan(20);
    expect(ends['captured']).toBeUndefined();
  });

  test.each(['signal', 'timeline_of', 'insight'])(
    'of somebody who was told, now.%s reads what is theirs, and not what happened to everybody',
    async (view) => {
      const told = await db.pool.one(sql.type(z.object({ signal: z.string(), insight: z.string() }))`
        select ts.signal_id as signal, d.insight_id as insight from told_signals ts join decisions d on d.id = ts.decision_id limit 1`);
      const read = await db.pool.transaction(async (tx) => {
        // Where an index would do, a table is read to its end only because it is small: one of ten years is not.
        await tx.query(sql.unsafe`set local enable_seqscan = off`);
        await tx.query(sql.unsafe`discard plans`);
        const rowsRead = () =>
          tx.oneFirst(sql.type(z.object({ read: z.number() }))`
            select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as read from pg_stat_xact_user_tables`);
        const before = await rowsRead();
        const rows = await tx.any(
          sql.unsafe`select * from ${sql.identifier(['now', view])}(${view === 'insight' ? told.insight : told.signal}::uuid)`,
        );
        expect(rows.length).toBeGreaterThan(0);
        return (await rowsRead()) - before;
      });
      expect(read).toBeLessThan(1000);
    },
  );

  test('has not happened yet where it would lie ahead, and nobody answered before they were asked', async () => {
    for (const [table, column] of [
      ['signals', 'captured_at'],
      ['acknowledgements', 'acknowledged_at'],
      ['follow_ups', 'followed_up_at'],
      ['confirmations', 'confirmed_at'],
      ['closures', 'closed_at'],
      ['decisions', 'decided_at'],
      ['completions', 'completed_at'],
      ['told_signals', 'settled_at'],
      ['escalations', 'taken_at'],
      ['ownerships', 'started_at'],
    ] as const) {
      const ahead = sql.fragment`${sql.identifier([table])} where ${sql.identifier([column])} > heed_now()`;
      expect([table, await count(db, ahead)]).toEqual([table, 0]);
    }
    expect(await count(db, sql.fragment`now.signals where captured_at < heed_now() - interval '90 days'`)).toBe(0);
    expect(
      await count(
        db,
        sql.fragment`now.claims where least(yes_at, no_at) < asked_at or asked_at < heed_now() - interval '90 days'`,
      ),
    ).toBe(0);
    expect(
      await count(
        db,
        sql.fragment`follow_ups f join acknowledgements a on a.loop_id = f.loop_id and a.round = f.round where f.followed_up_at < a.acknowledged_at`,
      ),
    ).toBe(0);
  });

  test('leaves exactly one person answerable for every loop', async () => {
    const held = await db.pool.anyFirst(sql.type(z.object({ holders: z.number() }))`
      select count(o.id)::integer as holders from loops l left join ownerships o on o.loop_id = l.id and o.ended_at is null group by l.id`);
    expect(new Set(held)).toEqual(new Set([1]));
  });

  test('wakes nothing, writes to nobody and is marked as sample throughout', async () => {
    for (const table of ['wakes', 'deliveries', 'presses', 'links', 'slack_cards'])
      expect([table, await count(db, sql.fragment`${sql.identifier([table])}`)]).toEqual([table, 0]);
    expect(await count(db, sql.fragment`now.open_loops`)).toBe(0);
    expect(await count(db, sql.fragment`loops where not sample`)).toBe(0);
    expect(await count(db, sql.fragment`customers where not sample`)).toBe(0);
  });

  test('is loaded once, however often it is asked for, also at the same moment', async () => {
    const before = await everything(db);
    expect(await Promise.all([load(db), load(db)])).toEqual([
      { signals: 0, insights: 0 },
      { signals: 0, insights: 0 },
    ]);
    expect(await everything(db)).toEqual(before);
  });

  test('is the same for everybody: the same seed, moved to end now', async () => {
    const now = await momentOf(db.pool);
    const told = await Promise.all(
      [1, 2].map(async () => {
        const other = await openTestDatabase({ company: 'demo' });
        await loadSampleHistory(other.pool, { company: other.company, configuration: 1, now });
        const { signals, confirmations } = await everything(other);
        await other.close();
        return { signals, confirmations };
      }),
    );
    expect(told[0]).toEqual(told[1]);
  });

  test('is refused for a company whose places it does not know', async () => {
    const other = await openTestDatabase({ company: 'demo' });
    const { 'high-street': _, ...places } = other.company.places;
    const company = { ...other.company, places };
    await expect(loadSampleHistory(other.pool, { company, configuration: 1, now: new Date() })).rejects.toThrow(
      'The sample history belongs to samples/demo.yaml: this company has no place "high-street".',
    );
    await other.close();
  });
});

test('a company stays in force although Postgres stumbles while Heed starts: the sample takes the place of none', async () => {
  const db = await openTestDatabase();
  const before = await everything(db);
  const start = (pool: Pool) => applyCompany(pool, { companyFile: undefined }, () => {});
  await expect(start(stumbling(db.pool))).rejects.toThrow('canceling statement due to statement timeout');
  await start(db.pool);
  expect(await everything(db)).toEqual(before);
  await db.close();
});

/** The same pool, of which the first statement is cancelled, and no other. */
function stumbling(pool: Pool): Pool {
  let stumbled = false;
  return new Proxy(pool, {
    get: (whole, name) => {
      if (stumbled) return Reflect.get(whole, name) as unknown;
      stumbled = true;
      return () => Promise.reject(new Error('canceling statement due to statement timeout'));
    },
  });
}

describe('a visitor among the samples', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = await openShop();
  });
  afterAll(() => shop.close());

  test('who asks for the green coat joins thirteen: twelve will be written to, two cannot', async () => {
    await load(shop.db);
    const insight = await shop.insightOf(await shop.hears(green));
    expect(insight).toMatchObject({ sample: false, people: 14, refused: 10, decider: 'tomas' });
    expect(await previewTellings(shop.db.pool, insight.id)).toMatchObject({
      written: 12,
      called: 0,
      cannot: 2,
      sample: 11,
    });
  });

  test('keeps all that is theirs when the samples are taken away, also from an insight that had taken samples over', async () => {
    await clearSampleHistory(shop.db.pool);
    await shop.hears({ ...green, words: 'Do you have this dress in red?' });
    const before = await everything(shop.db);

    await load(shop.db);
    const signal = await shop.hears({ words: "If you did repairs while I wait I'd come every month" });
    const insight = await shop.insightOf(signal);
    expect(insight.people).toBe(7);
    const cited = await shop.db.pool.anyFirst(sql.type(z.object({ id: z.string() }))`
      select signal_id as id from insight_signals where insight_id = ${insight.id}`);
    await decide(
      shop.db.heed,
      { loopId: insight.id, by: 'ingrid', press: shop.press() },
      { outcome: 'declined', reason: 'Not yet.', evidence: [...cited] },
    );
    await shop.db.passTime('1 hour');
    await shop.tells(insight.id);
    expect(
      await count(
        shop.db,
        sql.fragment`tellings where channel = 'sample' and decision_id in (select id from decisions where insight_id = ${insight.id})`,
      ),
    ).toBeGreaterThan(2);

    await clearSampleHistory(shop.db.pool);
    const after = await everything(shop.db);
    for (const [table, rows] of Object.entries(before))
      expect([table, rows.filter((row) => !after[table]!.includes(row))]).toEqual([table, []]);
    expect(await count(shop.db, sql.fragment`loops where sample`)).toBe(0);
    expect(await count(shop.db, sql.fragment`customers where sample`)).toBe(0);
    expect(await count(shop.db, sql.fragment`tellings where channel = 'sample'`)).toBe(0);
    expect(await shop.insightOf(await shop.signal(signal.id))).toMatchObject({ people: 1, outcome: 'declined' });
    expect(await count(shop.db, sql.fragment`decision_evidence where signal_id = ${signal.id}`)).toBe(1);
    expect(await count(shop.db, sql.fragment`told_signals where signal_id = ${signal.id}`)).toBe(1);
  });

  test('finds the samples as they were when they are loaded again', async () => {
    await clearSampleHistory(shop.db.pool);
    expect(await clearSampleHistory(shop.db.pool)).toBe(0);
    expect(await load(shop.db)).toEqual({ signals: 413, insights: 31 });
  });
});
