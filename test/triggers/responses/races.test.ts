import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { newId } from '../../../src/domain/ids.ts';
import { sql } from '../../../src/store/pool.ts';
import { makeLink } from '../../../src/store/records/links.ts';
import { closeRound, lockLoop, openRound } from '../../../src/store/records/loops.ts';
import { signalNow } from '../../../src/store/views/signals.ts';
import { capture, type Capture } from '../../../src/triggers/capture.ts';
import { acknowledge, acknowledgeInsight } from '../../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../../src/triggers/responses/confirm.ts';
import { complete, decide, takeBack } from '../../../src/triggers/responses/decide.ts';
import { dismiss } from '../../../src/triggers/responses/dismiss.ts';
import { handOver, handOverInsight } from '../../../src/triggers/responses/handOver.ts';
import { join } from '../../../src/triggers/responses/join.ts';
import { recordCall } from '../../../src/triggers/responses/recordCall.ts';
import type { Responding, Response } from '../../../src/triggers/responses/respond.ts';
import { review } from '../../../src/triggers/responses/review.ts';
import { repair } from '../../../src/triggers/responses/repair.ts';
import { arrived, settle } from '../../../src/triggers/responses/settle.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { meanwhile, waiting } from '../../support/meanwhile.ts';
import { goOn } from '../http/story.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase({ company: 'demo', connections: 8 });
});
afterAll(() => db.close());

const by = (channel: 'email' | 'phone') => [{ purpose: 'follow_up' as const, channel, wording: 'demo-1' }];
const writes = { customer: { name: 'Kim', email: 'kim@example.com' }, consent: by('email') };
const calls = { customer: { name: 'Kim', phone: '+31 6 44444444' }, consent: by('phone') };
let said = 0;

/** A remark whose story has gone on to where it waits for somebody. */
async function remark(more: Partial<Capture> = writes, words = 'Charged twice for the alteration'): Promise<string> {
  const captured = { place: 'high-street', by: 'mina', kind: 'complaint', ...more, words };
  const { id } = await capture(db.heed, captured, { channel: 'web', press: press() });
  await goOn(db, id);
  return id;
}
/** One that asks for a decision: its id, and that of the insight it opened. */
async function wish(more: Partial<Capture> = writes): Promise<{ id: string; insight: string }> {
  const size = String((said += 1));
  const id = await remark({ ...more, kind: 'unmet-demand' }, `Do you have this coat in green, size ${size}?`);
  return { id, insight: (await signalNow(db.pool, id))!.insight_id! };
}
const press = () => ({ source: 'test', key: newId() });
const as = (who: string, loopId: string): Responding => ({ loopId, by: who, press: press() });
const yes = { outcome: 'adopted', scope: 'everyone', reason: 'It is coming', doneBy: '2999-01-01' } as const;

async function decided(more?: Partial<Capture>): Promise<{ id: string; insight: string }> {
  const loops = await wish(more);
  await decide(db.heed, as('tomas', loops.insight), yes);
  return loops;
}
async function told(more?: Partial<Capture>): Promise<{ id: string; insight: string }> {
  const loops = await decided(more);
  await db.passTime('1 minute');
  await goOn(db, loops.id);
  return loops;
}

interface Race {
  what: string;
  /** The loop that waits for somebody. */
  about: () => Promise<string>;
  /** Two people who press at the same time. */
  pressed: [who: string, press: (loopId: string) => Promise<Response>][];
  /** How many facts of that kind the loop has. */
  facts: (loopId: string) => ReturnType<typeof sql.unsafe>;
}

const races: Race[] = [
  {
    what: 'takes a signal',
    about: () => remark(),
    pressed: ['Priya Nair', 'Jonas Weber'].map((who) => [who, (id) => acknowledge(db.heed, as(code(who), id))]),
    facts: (id) => sql.unsafe`select count(*)::integer as n from acknowledgements where loop_id = ${id}`,
  },
  {
    what: 'says what a signal is',
    about: () => remark({ ...writes, kind: undefined }, 'The blue one, as always'),
    pressed: ['Priya Nair', 'Jonas Weber'].map((who) => [
      who,
      (id) => review(db.heed, as(code(who), id), { verdict: 'pursue', course: 'answer' }),
    ]),
    facts: (id) => sql.unsafe`select count(*)::integer as n from reviews where signal_id = ${id}`,
  },
  {
    what: 'answers the customer',
    about: () => remark(),
    pressed: ['Priya Nair', 'Jonas Weber'].map((who) => [
      who,
      (id) => approveFollowUp(db.heed, as(code(who), id), { words: `Sorry, says ${who}.` }),
    ]),
    facts: (id) =>
      sql.unsafe`select count(*)::integer as n from deliveries where loop_id = ${id} and purpose = 'answer'`,
  },
  {
    what: 'has called the customer',
    about: () => remark(calls),
    pressed: ['Priya Nair', 'Jonas Weber'].map((who) => [
      who,
      (id) => recordCall(db.heed, as(code(who), id), { outcome: 'reached' }),
    ]),
    facts: (id) => sql.unsafe`select count(*)::integer as n from calls where loop_id = ${id}`,
  },
  {
    what: 'has told the customer on the phone what was decided',
    about: async () => {
      const { id, insight } = await wish(calls);
      await recordCall(db.heed, as('jonas', id), { outcome: 'reached' });
      await decide(db.heed, as('tomas', insight), yes);
      await db.passTime('1 minute');
      await goOn(db, id);
      return id;
    },
    pressed: ['Priya Nair', 'Mina Okafor'].map((who) => [
      who,
      (id) => recordCall(db.heed, as(code(who), id), { outcome: 'reached' }),
    ]),
    facts: (id) => sql.unsafe`select count(*)::integer as n from calls where loop_id = ${id} and purpose = 'told'`,
  },
  {
    what: 'dismisses a signal',
    about: () => remark(),
    pressed: ['Priya Nair', 'Jonas Weber'].map((who) => [
      who,
      (id) => dismiss(db.heed, as(code(who), id), { reason: 'Said twice' }),
    ]),
    facts: (id) => sql.unsafe`select count(*)::integer as n from closures where loop_id = ${id}`,
  },
  {
    what: 'hands a signal over',
    about: () => remark(),
    pressed: [
      ['Jonas Weber', (id) => handOver(db.heed, as('jonas', id), { to: 'mina', reason: 'She knows', holder: 'priya' })],
      ['Priya Nair', (id) => handOver(db.heed, as('priya', id), { to: 'ingrid', reason: 'Hers', holder: 'priya' })],
    ],
    facts: (id) =>
      sql.unsafe`select count(*)::integer as n from ownerships where loop_id = ${id} and cause = 'handed_over'`,
  },
  {
    what: 'settles a letter in doubt',
    about: async () => {
      const id = await remark();
      await approveFollowUp(db.heed, as('priya', id), { words: 'We are sorry.' });
      await db.pool.query(
        sql.unsafe`update deliveries set state = 'needs_human', phase = 'handed', fence = 1 where loop_id = ${id} and purpose = 'answer'`,
      );
      return id;
    },
    pressed: [
      ['Priya Nair', (id) => settle(db.heed, as('priya', id), { action: 'resend', reason: 'No trace of it' })],
      ['Jonas Weber', (id) => settle(db.heed, as('jonas', id), { action: 'leave', reason: 'She got it' })],
    ],
    facts: (id) => sql.unsafe`select count(*)::integer as n from repairs where loop_id = ${id}`,
  },
  {
    what: 'takes an insight',
    about: async () => (await wish()).insight,
    pressed: ['Tomás Rey', 'Ingrid Solberg'].map((who) => [
      who,
      (id) => acknowledgeInsight(db.heed, as(code(who), id)),
    ]),
    facts: (id) => sql.unsafe`select count(*)::integer as n from acknowledgements where loop_id = ${id}`,
  },
  {
    what: 'hands an insight over',
    about: async () => (await wish()).insight,
    pressed: [
      ['Tomás Rey', (id) => handOverInsight(db.heed, as('tomas', id), { to: 'priya', reason: 'a', holder: 'tomas' })],
      [
        'Ingrid Solberg',
        (id) => handOverInsight(db.heed, as('ingrid', id), { to: 'mina', reason: 'b', holder: 'tomas' }),
      ],
    ],
    facts: (id) =>
      sql.unsafe`select count(*)::integer as n from ownerships where loop_id = ${id} and cause = 'handed_over'`,
  },
  {
    what: 'decides',
    about: async () => (await wish()).insight,
    pressed: [
      ['Tomás Rey', (id) => decide(db.heed, as('tomas', id), yes)],
      ['Ingrid Solberg', (id) => decide(db.heed, as('ingrid', id), { outcome: 'declined', reason: 'Too dear' })],
    ],
    facts: (id) => sql.unsafe`select count(*)::integer as n from decisions where insight_id = ${id}`,
  },
  {
    what: 'takes a decision back',
    about: async () => (await decided()).insight,
    pressed: ['Tomás Rey', 'Ingrid Solberg'].map((who) => [who, (id) => takeBack(db.heed, as(code(who), id))]),
    facts: (id) =>
      sql.unsafe`select count(*)::integer as n from withdrawals w join decisions d on d.id = w.decision_id where d.insight_id = ${id}`,
  },
  {
    what: 'says that it is done',
    about: async () => (await told()).insight,
    pressed: ['Tomás Rey', 'Ingrid Solberg'].map((who) => [
      who,
      (id) => complete(db.heed, as(code(who), id), { evidence: 'It hangs in the shop' }),
    ]),
    facts: (id) =>
      sql.unsafe`select count(*)::integer as n from completions c join decisions d on d.id = c.decision_id where d.insight_id = ${id}`,
  },
];

const code = (name: string): string =>
  name
    .split(' ')[0]!
    .toLowerCase()
    .normalize('NFD')
    .replace(/[^a-z]/g, '');

describe('of two people at the same moment one', () => {
  test.each(races)('$what; the other is told who was faster', async ({ about, pressed, facts }) => {
    const loopId = await about();
    const outcomes = await atOnce(
      loopId,
      pressed.map(
        ([, press]) =>
          () =>
            press(loopId),
      ),
    );
    const faster = outcomes.findIndex(({ status }) => status === 'fulfilled');
    const slower = outcomes[1 - faster]!;
    expect(slower).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
    expect(slower.status === 'rejected' && String(slower.reason.message)).toContain(pressed[faster]![0]);
    expect(await db.pool.oneFirst(sql.type(z.object({ n: z.number() }))`${facts(loopId)}`)).toBe(1);
  });

  test('hears the customer say it is settled; the other is answered alike, and it counts once', async () => {
    const id = await remark(calls);
    await recordCall(db.heed, as('priya', id), { outcome: 'reached' });
    const outcomes = await atOnce(id, [
      () => confirm(db.heed, as('priya', id), { says: 'yes' }),
      () => confirm(db.heed, as('jonas', id), { says: 'yes' }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await db.pool.oneFirst(sql.unsafe`select count(*)::integer from confirmations where loop_id = ${id}`)).toBe(
      1,
    );
    expect(await db.pool.oneFirst(sql.unsafe`select count(*)::integer from closures where loop_id = ${id}`)).toBe(1);
  });

  test('joins a signal to an insight; for the other it is part of it already', async () => {
    const [{ id }, { insight }] = [await wish(), await wish()];
    const outcomes = await atOnce(id, [
      () => join(db.heed, as('priya', id), { insight }),
      () => join(db.heed, as('jonas', id), { insight }),
    ]);
    expect(
      outcomes
        .map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.sentence : String(outcome.reason)))
        .sort(),
    ).toEqual(['It is part of that already.', expect.stringMatching(/^Joined\./)]);
  });
});

test('who takes what a colleague has answered is told so, and it stays with them', async () => {
  const id = await remark();
  await approveFollowUp(db.heed, as('priya', id), { words: 'We are sorry.' });
  await expect(acknowledge(db.heed, as('jonas', id))).rejects.toThrow(
    /^Priya Nair answered at \d\d:\d\d, a moment before you\.$/,
  );
  await db.passTime('25 hours');
  await expect(acknowledge(db.heed, as('jonas', id))).rejects.toThrow(
    /^Priya Nair answered (yesterday|on \w+day \d+ \w+( \d{4})?) at \d\d:\d\d\.$/,
  );
  expect(await signalNow(db.pool, id)).toMatchObject({ owner: 'priya', acknowledged_at: null });
  // To whoever answered, it is theirs as ever.
  expect(await acknowledge(db.heed, as('priya', id))).toMatchObject({ factId: expect.any(String) });
});

test('one gesture that arrives five times at once is one, and each time answered alike', async () => {
  const id = await remark();
  const once = as('priya', id);
  const outcomes = await atOnce(
    id,
    Array.from({ length: 5 }, () => () => acknowledge(db.heed, once)),
  );
  const answers = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : undefined));
  expect(new Set(answers.map((answer) => answer?.sentence))).toEqual(
    new Set(['It is yours. Next: answer the customer.']),
  );
  expect(answers.filter((answer) => !answer?.replayed)).toHaveLength(1);
});

describe('a letter that turns out to have arrived at that moment', () => {
  const inDoubt = async (): Promise<{ id: string; token: string }> => {
    const id = await remark();
    await approveFollowUp(db.heed, as('priya', id), { words: 'We are sorry.' });
    await db.pool.query(sql.unsafe`
      update deliveries set state = 'needs_human', phase = 'handed', fence = 1 where loop_id = ${id} and purpose = 'answer'`);
    const letter = await db.pool.one(sql.type(z.object({ id: z.string(), customer_id: z.string() }))`
      select id, customer_id from deliveries where loop_id = ${id} and purpose = 'answer'`);
    const link = { kind: 'yours', loopId: id, customerId: letter.customer_id, deliveryId: letter.id } as const;
    return { id, token: await db.pool.transaction((tx) => makeLink(tx, link)) };
  };
  const repairs = (id: string) => db.pool.exists(sql.unsafe`select from repairs where loop_id = ${id}`);

  test('is not sent again by whoever answers for it, and they are told so', async () => {
    const { id, token } = await inDoubt();
    const [pressed, resent] = await meanwhile(
      db,
      (heed) => arrived(heed, token),
      () => settle(db.heed, as('priya', id), { action: 'resend', reason: 'No trace of it' }),
    );
    expect(pressed).toMatchObject({ status: 'fulfilled' });
    expect(resent).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
    expect(await repairs(id)).toBe(false);
  });

  test('is not sent again by whoever operates Heed, and they are told so', async () => {
    const { id, token } = await inDoubt();
    const [pressed, resent] = await meanwhile(
      db,
      (heed) => arrived(heed, token),
      () => repair(db.heed, { loopId: id, by: 'operator' }, { action: 'resend', reason: 'No trace of it' }),
    );
    expect(pressed).toMatchObject({ status: 'fulfilled' });
    expect(resent).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
    expect(await repairs(id)).toBe(false);
  });
});

/** Lets everybody press while the loop is locked, and goes on when all of them wait: none has read yet what another will have written. */
async function atOnce(loopId: string, presses: (() => Promise<Response>)[]): Promise<PromiseSettledResult<Response>[]> {
  const gate = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const holding = db.pool.transaction(async (tx) => {
    await lockLoop(tx, loopId);
    locked.resolve();
    await gate.promise;
  });
  await locked.promise;
  const pressed = Promise.allSettled(presses.map((press) => press()));
  while ((await waiting(db.pool)) < presses.length) await sleep(5);
  gate.resolve();
  await holding;
  return pressed;
}

test('what waited for another fact of its loop is dated after it, though its transaction began before', async () => {
  const { insight } = await told();
  await db.pool.transaction(async (late) => {
    await late.query(sql.unsafe`select now()`);
    await db.pool.transaction((tx) => closeRound(tx, { loopId: insight, round: 1, how: 'declined', rule: 'declined' }));
    await lockLoop(late, insight);
    await openRound(late, insight, 'decided_anew');
  });
  const isAfter = await db.pool.oneFirst(sql.type(z.object({ after: z.boolean() }))`
    select r.opened_at > z.closed_at as after
    from closures z join rounds r on r.loop_id = z.loop_id and r.round = z.round + 1 where z.loop_id = ${insight}`);
  expect(isAfter).toBe(true);
});
