/** The ledger by itself: its arrows, and what is due. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { newId } from '../../src/domain/ids.ts';
import { sql, type Pool, type Tx } from '../../src/store/pool.ts';
import {
  bodyOf,
  endDelivery,
  holdDelivery,
  idOfDelivery,
  laterPrompt,
  leaseDueDeliveries,
  lettersLeft,
  lockDelivery,
  lookAgain,
  noteDoubt,
  openAttempt,
  passGate,
  planDelivery,
  putOff,
  recordOutcome,
  releasePrompts,
  settleLeftOpen,
  settleUncertain,
  wentByEmail,
} from '../../src/store/records/deliveries.ts';
import { putBack } from '../../src/store/records/epochs.ts';
import { openTestDatabase, undone, type TestDatabase } from '../support/database.ts';
import { meanwhile } from '../support/meanwhile.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

interface Row {
  state: string;
  phase?: string;
  policy?: string;
  purpose?: string;
  /** The lease, when it may be tried, and until when it is handed out: in seconds from now. */
  lease?: number | null;
  due?: number;
  handedOut?: number | null;
  unhurried?: boolean;
}

const IdRow = z.object({ id: z.string() });
/** Messages at their third attempt, which have been tried in vain for ten minutes. Returns their ids. */
async function put(tx: Tx, ...rows: readonly Row[]): Promise<string[]> {
  const ids = rows.map(() => newId());
  const values = rows.map((row, n) => {
    const {
      state,
      phase = 'none',
      purpose = 'notice',
      unhurried = false,
      lease = null,
      due = 0,
      handedOut = null,
    } = row;
    const policy = row.policy ?? 'at_most_once';
    return sql.fragment`(
      ${ids[n]!}, ${ids[n]!}, ${purpose}, 'email', ${policy}, 'priya', ${state}, ${phase}, 3, 3, ${ids[n]!}, ${unhurried},
      clock_timestamp() + make_interval(secs => ${lease}), heed_now() + make_interval(secs => ${due}),
      clock_timestamp() + make_interval(secs => ${handedOut}), heed_now() - interval '10 minutes')`;
  });
  await tx.query(sql.unsafe`
    insert into deliveries (id, dedupe_key, purpose, channel, policy, staff, state, phase, fence, attempts, message_id, unhurried, lease_until, not_before, started_until, failing_since)
    values ${sql.join(values, sql.fragment`, `)}`);
  return ids;
}
const inAnHour = (tx: Tx): Promise<Date> =>
  tx.oneFirst(sql.type(z.object({ at: z.date() }))`select heed_now() + interval '1 hour' as at`);
/** By name. */
async function putNamed(tx: Tx, rows: Record<string, Row>): Promise<Map<string, string>> {
  const ids = await put(tx, ...Object.values(rows));
  return new Map(Object.keys(rows).map((name, n) => [ids[n]!, name]));
}

describe('a message goes from state to state by these arrows, under these fences, and by no other', () => {
  const [live, over] = [{ lease: 60 }, { lease: -1 }];
  const rows: Record<string, Row> = {
    planned: { state: 'planned' },
    ready: { state: 'ready' },
    open: { state: 'sending', phase: 'open', ...live },
    'open, its lease over': { state: 'sending', phase: 'open', ...over },
    handed: { state: 'sending', phase: 'handed', ...live },
    'handed, its lease over': { state: 'sending', phase: 'handed', ...over },
    uncertain: { state: 'uncertain', phase: 'handed' },
    needs_human: { state: 'needs_human', phase: 'handed' },
    'void while it was composed': { state: 'cancelled', phase: 'open', ...live },
    ...Object.fromEntries(
      ['sent', 'delivered', 'bounced', 'complained', 'failed'].map((state) => [state, { state, phase: 'handed' }]),
    ),
    ...Object.fromEntries(['suppressed', 'cancelled', 'expired'].map((state) => [state, { state }])),
  };
  const again = { code: 'smtp_450', againInMs: 1_000 };
  const from = (names: string[], to: string): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, to]));
  const open = ['open', 'open, its lease over'];
  const handed = ['handed', 'handed, its lease over'];
  const toCome = ['planned', 'ready'];
  const doubted = ['uncertain', 'needs_human'];
  type Act = (tx: Tx, id: string) => Promise<unknown>;

  const before = Object.fromEntries(
    Object.entries(rows).map(([name, { state, phase = 'none', lease }]) => [
      name,
      `${state} ${phase} 3${lease === 60 ? ' leased 1' : ''}`,
    ]),
  );
  async function statesOf(tx: Tx, names: Map<string, string>): Promise<Record<string, string>> {
    const now = await tx.any(sql.type(z.object({ id: z.string(), is: z.string() }))`
      select id, concat_ws(' ', state, phase, fence,
        case when lease_until > clock_timestamp() then 'leased ' || ceil(extract(epoch from lease_until - clock_timestamp()) / 60) end,
        case when ended_at is not null then 'over' end, case when failing_since is null then 'calm' end) as is
      from deliveries where id = any(${sql.array([...names.keys()], 'uuid')})`);
    return Object.fromEntries(now.map(({ id, is }) => [names.get(id)!, is]));
  }

  // Behind the state stand phase, fence, and for how many minutes it is leased; "over": it has ended; "calm": it is not tried in vain any more.
  test.each<[string, Act, Record<string, string>]>([
    ['an attempt is opened', openAttempt, from(toCome, 'sending open 4 leased 2')],
    ['its gate is passed', (tx, id) => passGate(tx, id, 3, 30), { open: 'sending handed 3 leased 30' }],
    ['the gate of an earlier one is', (tx, id) => passGate(tx, id, 2, 30), {}],
    [
      'it is taken',
      (tx, id) => recordOutcome(tx, id, 3, { state: 'sent' }),
      { ...from(open, 'sent open 3 over calm'), ...from([...handed, ...doubted], 'sent handed 3 over calm') },
    ],
    ['that of an earlier attempt is', (tx, id) => recordOutcome(tx, id, 2, { state: 'sent' }), {}],
    [
      'it is not taken now',
      (tx, id) => recordOutcome(tx, id, 3, { state: 'ready', ...again }),
      from([...open, ...handed], 'ready none 3'),
    ],
    [
      'nobody knows',
      (tx, id) => recordOutcome(tx, id, 3, { state: 'uncertain', ...again }),
      { ...from(open, 'uncertain open 3'), ...from(handed, 'uncertain handed 3') },
    ],
    [
      'it is refused for good',
      (tx, id) => recordOutcome(tx, id, 3, { state: 'failed', code: 'smtp_550' }),
      { ...from(open, 'failed open 3 over calm'), ...from(handed, 'failed handed 3 over calm') },
    ],
    [
      'an earlier attempt is refused for good',
      (tx, id) => recordOutcome(tx, id, 2, { state: 'failed', code: 'smtp_550' }),
      {},
    ],
    [
      'it becomes void',
      (tx, id) => endDelivery(tx, id, 'cancelled', 'met'),
      { ...from(toCome, 'cancelled none 3 over'), ...from(open, 'cancelled open 3 over') },
    ],
    [
      'it is held',
      (tx, id) => holdDelivery(tx, id, new Date(), 'cap'),
      { planned: 'planned none 3 calm', ready: 'ready none 3 calm' },
    ],
    ['there is no room for it', putOff, { planned: 'ready none 3' }],
    ['it is looked for again', lookAgain, {}],
    [
      'what was left open is settled',
      (tx, id) => settleLeftOpen(tx, id),
      { [open[1]!]: 'ready open 3', [handed[1]!]: 'uncertain handed 3' },
    ],
    [
      'and by an attempt that is made in its place',
      (tx, id) => settleLeftOpen(tx, id, { inItsPlace: true }),
      { ...from(open, 'ready open 3'), [handed[1]!]: 'uncertain handed 3' },
    ],
    [
      'doubt is settled: it is there',
      (tx, id) => settleUncertain(tx, id, 'sent'),
      from(doubted, 'sent handed 3 over calm'),
    ],
    ['doubt is settled: it is not there', (tx, id) => settleUncertain(tx, id, 'ready'), from(doubted, 'ready none 3')],
    [
      'doubt is handed to a person',
      (tx, id) => settleUncertain(tx, id, 'needs_human'),
      from(doubted, 'needs_human handed 3 calm'),
    ],
    ['doubt is left', (tx, id) => settleUncertain(tx, id, 'failed'), from(doubted, 'failed handed 3 over calm')],
  ])('%s', async (_, act, arrows) => {
    const { these, others } = await undone(db, async (tx) => {
      const [acted, left] = [await putNamed(tx, rows), await putNamed(tx, rows)];
      // An attempt that can't be opened is thrown.
      for (const id of acted.keys()) await act(tx, id).catch(() => {});
      return { these: await statesOf(tx, acted), others: await statesOf(tx, left) };
    });
    expect(these).toEqual({ ...before, ...arrows });
    expect(others).toEqual(before);
  });

  test('our database is put back: whoever was sending may have sent it, and what they hold opens nothing any more', async () => {
    const seen = await undone(db, async (tx) => {
      const all = await putNamed(tx, rows);
      await putBack(tx, { by: 'otto', reason: 'a disk was lost' });
      return statesOf(tx, all);
    });
    expect(seen).toEqual({ ...before, ...from([...toCome, ...open, ...handed], 'uncertain handed 4 calm') });
  });

  test('but for what had certainly not left: it was not due, and nobody held it who may have let it go; and for the edit of a card', async () => {
    const [stopped, restricted] = [
      { state: 'ready', due: 90 },
      { state: 'planned', due: 90 },
    ];
    const spared = { card: { state: 'ready', purpose: 'card' }, 'not due': { state: 'planned', due: 1 } };
    await undone(db, async (tx) => {
      const all = await putNamed(tx, { ...spared, stopped, restricted });
      const held = [...all].filter(([, name]) => !(name in spared));
      for (const [id, code] of held)
        await tx.query(sql.unsafe`update deliveries set last_error_code = ${code} where id = ${id}`);
      expect(await putBack(tx, { by: 'otto', reason: 'a disk was lost' })).toMatchObject({ letters: 0, messages: 2 });
      expect(await statesOf(tx, all)).toEqual({
        card: 'ready none 3',
        'not due': 'planned none 3',
        ...from(['stopped', 'restricted'], 'uncertain handed 4 calm'),
      });
      // Long enough for Slack to have it on record.
      const due = await tx.anyFirst(sql.type(z.object({ due: z.number() }))`
        select round(extract(epoch from not_before - heed_now()))::integer as due from deliveries
        where last_error_code = 'restored' and started_until is null`);
      expect(due).toEqual([60, 60]);
    });
  });
});

test('what came of it is kept with it: by what name it is there, or why not, and when it is due again, to be handed out anew', async () => {
  const sending = { state: 'sending', phase: 'handed', lease: -1 };
  const doubted = { state: 'uncertain', phase: 'handed' };
  const again = { code: 'smtp_450', againInMs: 8_000 };
  const cases: [
    Row,
    (tx: Tx, id: string) => Promise<unknown>,
    [code: string | null, ref: string | null, due: number],
  ][] = [
    [sending, (tx, id) => recordOutcome(tx, id, 3, { state: 'sent', providerRef: 'D1:1' }), [null, 'D1:1', -5]],
    [sending, (tx, id) => recordOutcome(tx, id, 3, { state: 'ready', ...again }), ['smtp_450', null, 8]],
    [sending, (tx, id) => recordOutcome(tx, id, 3, { state: 'uncertain', ...again }), ['smtp_450', null, 8]],
    [sending, (tx, id) => recordOutcome(tx, id, 3, { state: 'failed', code: 'smtp_550' }), ['smtp_550', null, -5]],
    // Evidence may still come of a letter to a customer; a colleague waits for none.
    [sending, (tx, id) => settleLeftOpen(tx, id), ['lease_ran_out', 'D1:0', 900]],
    [{ ...sending, policy: 'at_least_once' }, (tx, id) => settleLeftOpen(tx, id), ['lease_ran_out', 'D1:0', -5]],
    [
      { state: 'sending', phase: 'open', lease: 60 },
      (tx, id) => settleLeftOpen(tx, id, { inItsPlace: true }),
      ['attempt_failed', 'D1:0', -5],
    ],
    [doubted, (tx, id) => settleUncertain(tx, id, 'sent', { ref: 'D1:2' }), ['before', 'D1:2', -5]],
    [doubted, (tx, id) => settleUncertain(tx, id, 'failed', { code: 'left_in_doubt' }), ['left_in_doubt', 'D1:0', -5]],
    [{ state: 'planned', handedOut: null }, (tx, id) => endDelivery(tx, id, 'cancelled', 'met'), ['met', 'D1:0', -5]],
    [{ ...doubted, handedOut: null }, (tx, id) => noteDoubt(tx, id, wentByEmail), [wentByEmail, 'D1:0', -5]],
    [{ state: 'sent', handedOut: null }, (tx, id) => noteDoubt(tx, id, wentByEmail), ['before', 'D1:0', -5]],
    [{ state: 'ready', handedOut: null }, lookAgain, ['before', 'D1:0', -5]],
    // Half as long as it has been looked for in vain, and a tenth of how long there was no room.
    [doubted, lookAgain, ['before', 'D1:0', 420]],
    [{ state: 'planned' }, putOff, ['no_room', 'D1:0', 60]],
    [{ state: 'ready' }, putOff, ['no_room', 'D1:0', 60]],
    [{ state: 'ready' }, async (tx, id) => holdDelivery(tx, id, await inAnHour(tx), 'cap'), ['cap', 'D1:0', 3600]],
  ];
  const seen = await undone(db, async (tx) => {
    const ids = await put(tx, ...cases.map(([row]) => ({ due: -5, handedOut: 50, ...row })));
    await tx.query(sql.unsafe`
      update deliveries set last_error_code = 'before', provider_ref = 'D1:0' where id = any(${sql.array(ids, 'uuid')})`);
    for (const [n, [, act]] of cases.entries()) await act(tx, ids[n]!);
    const now = await tx.any(
      sql.type(z.object({ id: z.string(), is: z.tuple([z.string().nullable(), z.string().nullable(), z.number()]) }))`
        select id, jsonb_build_array(last_error_code, provider_ref, round(extract(epoch from not_before - heed_now()))) as is
        from deliveries where id = any(${sql.array(ids, 'uuid')}) and started_until is null`,
    );
    return ids.map((id) => now.find((one) => one.id === id)?.is);
  });
  expect(seen).toEqual(cases.map(([, , kept]) => kept));
});

describe('what is due', () => {
  const kinds: Record<string, Row> = {
    'planned since long': { state: 'planned', due: -3_600 },
    ready: { state: 'ready', due: -2 },
    'in doubt': { state: 'uncertain', phase: 'handed', due: -1 },
    'left lying': { state: 'sending', phase: 'handed', lease: -1 },
    'started in vain': { state: 'ready', handedOut: -1 },
    'of a wave': { state: 'ready', purpose: 'told' },
    'news of a wave': { state: 'ready', purpose: 'news' },
    unhurried: { state: 'ready', unhurried: true },
    'on its way': { state: 'sending', phase: 'handed', lease: 60 },
    'not yet': { state: 'planned', due: 1 },
    'handed out': { state: 'ready', handedOut: 50 },
    'for a person': { state: 'needs_human', phase: 'handed' },
    sent: { state: 'sent', phase: 'handed' },
  };
  const all = (tx: Tx) => putNamed(tx, kinds);

  test('is started in its own class, and each once a minute', async () => {
    const started = await undone(db, async (tx) => {
      const names = await all(tx);
      const classes = ['other', 'wave', 'unhurried', 'other'] as const;
      const seen: string[][] = [];
      for (const as of classes)
        seen.push((await leaseDueDeliveries(tx, as, 100)).map(({ id }) => names.get(id)!).toSorted());
      const pastAMinute = await tx.anyFirst(sql.type(IdRow)`
        select id from deliveries where started_until between clock_timestamp() + interval '51 s' and clock_timestamp() + interval '60 s'`);
      return [...seen, pastAMinute.map((id) => names.get(id)!).toSorted()];
    });
    const other = ['in doubt', 'left lying', 'planned since long', 'ready', 'started in vain'];
    const [wave, unhurried] = [['news of a wave', 'of a wave'], ['unhurried']];
    expect(started).toEqual([other, wave, unhurried, [], [...other, ...wave, ...unhurried].toSorted()]);
  });

  test('is started in the order in which it fell due, no more than there is room for', async () => {
    const first = await undone(db, async (tx) => {
      const names = await all(tx);
      return (await leaseDueDeliveries(tx, 'other', 2)).map(({ id }) => names.get(id)!).toSorted();
    });
    expect(first).toEqual(['planned since long', 'ready']);
  });

  test('is shared by two relays at the same moment: neither waits for the other, and nothing is started by both', async () => {
    await db.pool.transaction(all);
    const served: string[] = [];
    const by = async (who: string, pool: Pool, most: number) => {
      const taken = await pool.transaction((tx) => leaseDueDeliveries(tx, 'other', most));
      served.push(who);
      return taken.length;
    };
    const taken = await meanwhile(
      db,
      ({ pool }) => by('first', pool, 2),
      () => by('second', db.pool, 100),
    );
    expect(taken).toEqual([2, 3].map((value) => ({ status: 'fulfilled', value })));
    expect(served).toEqual(['second', 'first']);
    await db.pool.query(sql.unsafe`update deliveries set state = 'cancelled', ended_at = heed_now()`);
  });

  test('what is held or over says so to whoever takes it up, and whether somebody is still at it', async () => {
    const seen = await undone(db, async (tx) => {
      const [held = '', over = '', handed = '', left = ''] = await put(
        tx,
        { state: 'ready', due: 1 },
        { state: 'ready' },
        { state: 'sending', phase: 'handed', lease: 60 },
        { state: 'sending', phase: 'handed', lease: -1 },
      );
      await tx.query(sql.unsafe`update deliveries set expires_at = heed_now() where id = ${over}`);
      await tx.query(sql.unsafe`update deliveries set expires_at = heed_now() + interval '1 s' where id = ${held}`);
      const looks = [];
      for (const id of [held, over, handed, left]) {
        const d = (await lockDelivery(tx, id))!;
        looks.push([d.held_until !== null, d.expired, d.lease_is_live]);
      }
      return looks;
    });
    expect(seen).toEqual([
      [true, false, false],
      [false, true, false],
      [false, false, true],
      [false, false, false],
    ]);
  });
});

test('a message is the same for ever by its key, and planned once: what was planned first stays', async () => {
  // Written down: after a restore the same occasion must be the same row, or it is said twice.
  expect(idOfDelivery('prompt:loop:1:plan.0.0:priya:email')).toBe('0010c9d5-c0f0-5dfd-a9b6-9d612ff6201b');
  const planned = (tx: Tx, text: string) =>
    planDelivery(tx, { key: 'k', purpose: 'notice', channel: 'email', staff: 'priya', body: { subject: 'S', text } });
  await undone(db, async (tx) => {
    expect([await planned(tx, 'first'), await planned(tx, 'second')]).toEqual([true, false]);
    expect(await bodyOf(tx, idOfDelivery('k'))).toEqual({ subject: 'S', body: 'first' });
    expect(await lockDelivery(tx, idOfDelivery('k'))).toMatchObject({ state: 'planned', policy: 'at_least_once' });
  });
});

test('a call gives way to a later one to the same person, the same way, about the same, that has left or is about to; and to no other', async () => {
  const [plan, another] = [newId(), newId()];
  const cases: [
    Partial<Record<'state' | 'staff' | 'channel' | 'purpose' | 'occasion' | 'about' | 'planned', string>>,
    boolean,
  ][] = [
    ...['planned', 'ready', 'sending', 'uncertain', 'sent'].map(
      (state) => [{ state }, true] as [{ state: string }, true],
    ),
    ...['failed', 'cancelled', 'expired', 'suppressed'].map(
      (state) => [{ state }, false] as [{ state: string }, false],
    ),
    [{ staff: 'mina' }, false],
    [{ channel: 'slack' }, false],
    [{ purpose: 'notice' }, false],
    [{ about: 'another' }, false],
    [{ planned: '-1 second' }, false],
    // Of two at one moment, or a moment apart, neither gives way to whom it comes after: each would to the other.
    [{ planned: '0 seconds' }, false],
    [{ planned: '-1 microsecond' }, false],
    [{ planned: '1 microsecond' }, true],
    // What calls by a plan that is over is about to be void; what it has said already it has said.
    [{ occasion: another }, false],
    [{ occasion: another, state: 'sent' }, true],
  ];
  await undone(db, async (tx) => {
    const [loop = '', other = ''] = await tx.anyFirst(sql.type(IdRow)`
      insert into loops (id, kind, place) select gen_random_uuid(), 'signal', 'high-street' from generate_series(1, 2) returning id`);
    const [id = ''] = await put(tx, { state: 'ready', purpose: 'prompt' });
    await tx.query(sql.unsafe`update deliveries set loop_id = ${loop}, occasion = ${plan} where id = ${id}`);
    const call = (await lockDelivery(tx, id))!;
    expect(await laterPrompt(tx, call, [plan])).toBe(false);
    for (const [{ state = 'ready', purpose = 'prompt', planned = '1 second', ...more }, gives] of cases) {
      const [later = ''] = await put(tx, { state, purpose });
      await tx.query(sql.unsafe`
        update deliveries set loop_id = ${more.about ? other : loop}, staff = ${more.staff ?? 'priya'}, channel = ${more.channel ?? 'email'},
          occasion = ${more.occasion ?? plan}, planned_at = planned_at + ${planned}::interval
        where id = ${later}`);
      expect([state, purpose, planned, more, await laterPrompt(tx, call, [plan])]).toEqual([
        state,
        purpose,
        planned,
        more,
        gives,
      ]);
      await tx.query(sql.unsafe`update deliveries set state = 'failed' where id = ${later}`);
    }
  });
});

test('what fills a customer’s cap are the letters that have left or may have, each from when it did, the latest first; and nothing else', async () => {
  // When it may be tried and when it was over, in minutes from now; then since when it counts.
  const cases: [Partial<Record<'state' | 'purpose', string>> & { due?: number; over?: number }, number | null][] = [
    [{ state: 'sending', due: -30 }, 0],
    [{ state: 'uncertain', due: 15 }, 0],
    [{ state: 'uncertain', due: -1 }, -1],
    [{ state: 'needs_human', due: -2 }, -2],
    [{ state: 'sent', over: -3 }, -3],
    [{ state: 'delivered', over: -4, purpose: 'told' }, -4],
    [{ state: 'sent', over: -5, purpose: 'receipt' }, -5],
    ...['planned', 'ready'].map((state): [{ state: string }, null] => [{ state }, null]),
    ...['bounced', 'failed', 'suppressed', 'cancelled', 'expired'].map(
      (state): [{ state: string; over: number }, null] => [{ state, over: -1 }, null],
    ),
    ...['rights', 'redaction'].map((purpose): [object, null] => [{ state: 'sent', over: -1, purpose }, null]),
  ];
  await undone(db, async (tx) => {
    const [kim = '', bo = ''] = await tx.anyFirst(
      sql.type(IdRow)`insert into customers (id) select gen_random_uuid() from generate_series(1, 2) returning id`,
    );
    const write = async (to: string, [{ state = '', purpose = 'answer', due = 0, over }]: (typeof cases)[number]) => {
      const [id = ''] = await put(tx, { state, purpose });
      await tx.query(sql.unsafe`
        update deliveries set staff = null, customer_id = ${to}, not_before = heed_now() + make_interval(mins => ${due}),
          ended_at = heed_now() + make_interval(mins => ${over ?? null}::integer)
        where id = ${id}`);
      return id;
    };
    const now = (await inAnHour(tx)).getTime() - 3_600_000;
    const left = async (to: string, most: number, except?: string) =>
      (await lettersLeft(tx, to, { most, ...(except && { except }) })).map((at) => (at.getTime() - now) / 60_000);
    for (const one of cases.toReversed()) await write(kim, one);
    const itself = await write(kim, [{ state: 'sent', over: -6 }, -6]);
    const before = cases.flatMap(([, since]) => since ?? []);
    expect(await left(kim, 100)).toEqual([...before, -6]);
    expect(await left(kim, 100, itself)).toEqual(before);
    expect(await left(kim, 4)).toEqual(before.slice(0, 4));
    expect(await left(bo, 100)).toEqual([]);
  });
});

test('calls that were held until it is certain what to say are looked over at once when it is; no other waits less for it', async () => {
  const held = { due: 600, purpose: 'prompt', code: 'decided_anew', about: 'this', handedOut: 50 };
  const cases: [string, Row & { code?: string; about?: string }, boolean][] = [
    ['held for that', { ...held, state: 'ready' }, true],
    ['and never tried', { ...held, state: 'planned' }, true],
    ['about another remark', { ...held, state: 'ready', about: 'another' }, false],
    ['held as all sending is stopped', { ...held, state: 'ready', code: 'stopped' }, false],
    ['a notice', { ...held, state: 'ready', purpose: 'notice' }, false],
    ['of which nobody knows', { ...held, state: 'uncertain' }, false],
    ['on its way', { ...held, state: 'sending', lease: 60 }, false],
  ];
  await undone(db, async (tx) => {
    const [loop = '', other = ''] = await tx.anyFirst(sql.type(IdRow)`
      insert into loops (id, kind, place) select gen_random_uuid(), 'signal', 'high-street' from generate_series(1, 2) returning id`);
    const ids = await put(tx, ...cases.map(([, row]) => row));
    for (const [n, [, { code = null, about }]] of cases.entries())
      await tx.query(sql.unsafe`
        update deliveries set loop_id = ${about === 'this' ? loop : other}, last_error_code = ${code} where id = ${ids[n]!}`);
    await releasePrompts(tx, [loop], 'decided_anew');
    const due = await tx.anyFirst(
      sql.type(IdRow)`select id from deliveries where not_before <= heed_now() and started_until is null`,
    );
    expect(cases.map(([name], n) => [name, due.includes(ids[n]!)])).toEqual(cases.map(([name, , is]) => [name, is]));
  });
});
