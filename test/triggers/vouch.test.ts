/** That mail bounced is no word of the customer's: whoever vouches for the address has it written to again, and nothing that had ended is sent anew. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { newId } from '../../src/domain/ids.ts';
import { sql } from '../../src/store/pool.ts';
import { chainFacts } from '../../src/store/records/chain.ts';
import { suppress } from '../../src/store/records/customers.ts';
import { readSignal } from '../../src/store/views/signalReading.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { yoursPage } from '../../src/store/views/yours.ts';
import { capture, type Capture } from '../../src/triggers/capture.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { recordCall } from '../../src/triggers/responses/recordCall.ts';
import { stopWriting } from '../../src/triggers/responses/stop.ts';
import { vouchByHand, vouchOnPage } from '../../src/triggers/responses/vouch.ts';
import { access } from '../../src/triggers/rights/access.ts';
import { rectify } from '../../src/triggers/rights/rectify.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { goOn } from './http/story.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

interface Guest {
  name: string;
  email: string;
}
let guests = 0;
const guest = (): Guest => ({ name: `Guest ${++guests}`, email: `guest${guests}@example.com` });
const press = () => ({ source: 'test', key: newId() });
const [mayWrite, mayCall] = (['email', 'phone'] as const).map((channel) => ({
  purpose: 'follow_up' as const,
  channel,
  wording: '2026-06',
}));

/** Heard by Mina, or, from the customer, by nobody of ours. */
async function hears(
  customer: Guest & { phone?: string },
  { fromCustomer = false, ...said }: Partial<Capture> & { fromCustomer?: boolean } = {},
) {
  const { id } = await capture(
    db.heed,
    {
      words: 'Is this made of wool?',
      kind: 'question',
      place: 'high-street',
      customer,
      consent: [mayWrite!],
      ...(!fromCustomer && { by: 'mina' }),
      ...said,
    },
    { channel: 'api', press: press(), fromCustomer },
  );
  return { id, customer: (await signalNow(db.pool, id))!.customer_id! };
}
const bounces = ({ email }: Guest) =>
  db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: email }], 'bounced'));
const reachOf = async (id: string) => {
  const { reach, unreachable } = (await signalNow(db.pool, id))!;
  return reach ?? unreachable;
};
const lettersOf = (id: string, purpose: string) =>
  db.pool.anyFirst(sql.type(z.object({ state: z.string() }))`
    select state from deliveries where loop_id = ${id} and purpose = ${purpose} order by planned_at, id`);
const vouchings = ({ email }: Guest) =>
  db.pool.any(sql.type(z.object({ how: z.string(), by: z.string(), signal_id: z.string().nullable() }))`
    select how, by, signal_id from vouchings where address_hash = sha256(convert_to(${email}, 'UTF8')) order by vouched_at`);
const toldOf = async (id: string) => {
  const { timeline } = (await readSignal(db.pool, db.company, id, { audience: 'staff' }))!;
  return timeline.flatMap(({ kind, sentence }) => (kind === 'vouched' ? [sentence] : []));
};
const approve = (id: string) =>
  approveFollowUp(db.heed, { loopId: id, by: 'priya', press: press() }, { words: 'It is wool.' });

test('an address at which mail has bounced is written to again once somebody says that it is right, until mail bounces there again', async () => {
  const kim = guest();
  const { id, customer } = await hears(kim);
  await bounces(kim);
  expect(await reachOf(id)).toBe('bounced');

  await vouchOnPage(db.heed, { loopId: id, by: 'mina', press: press() });
  expect(await reachOf(id)).toBe('email');
  expect(await yoursPage(db.pool, db.company, { signalId: id, customerId: customer })).toMatchObject({ writes: true });
  expect(await access(db.heed, customer, { by: 'otto' })).toMatchObject({ suppressions: [] });
  await bounces(kim);
  expect(await reachOf(id)).toBe('bounced');
  await vouchByHand(db.heed, customer, 'otto');
  expect(await reachOf(id)).toBe('email');
  expect(await vouchings(kim)).toEqual([
    { how: 'confirmed', by: 'mina', signal_id: null },
    { how: 'confirmed', by: 'otto', signal_id: null },
  ]);
  expect(await toldOf(id)).toEqual([
    'The address at which mail had bounced is right, says Mina Okafor: they are written to there again.',
    'The address at which mail had bounced is right, says otto: they are written to there again.',
  ]);
});

test('that somebody vouched is a fact as any other: on the chain, and never changed', async () => {
  const kim = guest();
  const { customer } = await hears(kim);
  await bounces(kim);
  await vouchByHand(db.heed, customer, 'otto');
  while ((await chainFacts(db.pool, 500)) > 0);
  const unlinked = sql.unsafe`
    select from vouchings v where not exists (select from chain c where c.fact = 'vouchings' and c.key = v.id::text)`;
  expect(await db.pool.exists(unlinked)).toBe(false);
  await expect(db.pool.query(sql.unsafe`update vouchings set by = 'somebody'`)).rejects.toThrow(/Facts stay/);
});

test('whoever vouches where no mail has bounced, or against what they asked of us, is told so', async () => {
  const kim = guest();
  const { id, customer } = await hears(kim);
  const onPage = () => vouchOnPage(db.heed, { loopId: id, by: 'mina', press: press() });
  await expect(onPage()).rejects.toMatchObject({ code: 'conflict' });
  await bounces(kim);
  await stopWriting(db.heed, customer);
  await expect(onPage()).rejects.toMatchObject({ code: 'conflict' });
  await expect(vouchByHand(db.heed, customer, 'otto')).rejects.toMatchObject({ code: 'conflict' });
  await rectify(db.heed, customer, { email: kim.email }, { by: 'otto' });
  await hears(kim, { fromCustomer: true });
  expect(await reachOf(id)).toBe('suppressed');
  expect(await vouchings(kim)).toEqual([]);
});

test('open loops at an address that is vouched for look again, a family’s all together; nothing that had ended is sent anew', async () => {
  const kim = guest();
  const [one, other] = [await hears(kim), await hears({ ...kim, name: 'Lee Shared' })];
  for (const { id } of [one, other]) await goOn(db, id);
  await bounces(kim);
  const before = await Promise.all([one, other].map(({ id }) => lettersOf(id, 'receipt')));
  expect(before).toEqual([['suppressed'], ['suppressed']]);
  await db.pool.query(sql.unsafe`delete from wakes`);
  await vouchByHand(db.heed, one.customer, 'otto');
  const woken = await db.pool.anyFirst(
    sql.type(z.object({ loop_id: z.string() }))`select loop_id from wakes order by loop_id`,
  );
  expect(woken).toEqual([one.id, other.id].sort());
  for (const { id } of [one, other]) await goOn(db, id);
  expect(await Promise.all([one, other].map(({ id }) => lettersOf(id, 'receipt')))).toEqual(before);
});

test('an answer that did not arrive is owed by letter once the address is vouched for while it is open, and not once that is closed', async () => {
  const [kim, lee] = [{ ...guest(), phone: '+31 6 5555 7001' }, guest()];
  const [open, closed] = [await hears(kim, { consent: [mayWrite!, mayCall!] }), await hears(lee)];
  for (const [whose, { id }] of [
    [kim, open],
    [lee, closed],
  ] as const) {
    await goOn(db, id);
    await approve(id);
    await bounces(whose);
    await goOn(db, id);
  }
  expect(await signalNow(db.pool, open.id)).toMatchObject({ reach: 'phone', answered_at: null, closed_at: null });
  expect(await signalNow(db.pool, closed.id)).toMatchObject({ closed_how: 'nobody_to_reach' });

  for (const { customer } of [open, closed]) await vouchByHand(db.heed, customer, 'otto');
  for (const { id } of [open, closed]) await goOn(db, id);
  expect(await signalNow(db.pool, open.id)).toMatchObject({ reach: 'email', answered_at: null, closed_at: null });
  expect(await lettersOf(open.id, 'answer')).toEqual(['suppressed']);
  await approve(open.id);
  expect(await lettersOf(open.id, 'answer')).toEqual(['suppressed', 'planned']);
  expect(await signalNow(db.pool, closed.id)).toMatchObject({ closed_how: 'nobody_to_reach', reach: 'email' });
  expect(await toldOf(closed.id)).toHaveLength(1);
  await expect(approve(closed.id)).rejects.toThrow('was closed');
});

describe('whoever had called them by the time that the address was vouched for', () => {
  const call = (id: string, outcome: 'reached' | 'no_reply' | 'wrong_number') =>
    recordCall(db.heed, { loopId: id, by: 'priya', press: press() }, { outcome });
  /** An answer that was kept back, and is owed by letter again. */
  async function isOwedAgain(phone: string): Promise<string> {
    const kim = { ...guest(), phone };
    const { id, customer } = await hears(kim, { consent: [mayWrite!, mayCall!] });
    await goOn(db, id);
    await approve(id);
    await bounces(kim);
    await goOn(db, id);
    expect(await signalNow(db.pool, id)).toMatchObject({ owed_by: 'phone', answered_at: null });
    await vouchByHand(db.heed, customer, 'otto');
    await goOn(db, id);
    expect(await signalNow(db.pool, id)).toMatchObject({ owed_by: 'email', answered_at: null });
    return id;
  }

  test('records the call: it is the answer, and nobody writes them the same', async () => {
    const id = await isOwedAgain('+31 6 5555 7002');
    await call(id, 'reached');
    expect(await signalNow(db.pool, id)).toMatchObject({ answer_channel: 'phone', answered_by: 'priya' });
    await expect(approve(id)).rejects.toThrow('answered');
    await expect(call(id, 'reached')).rejects.toThrow('answered');
    expect(await lettersOf(id, 'answer')).toEqual(['suppressed']);
  });

  test('and has not reached them records that, too: they are still to be written to', async () => {
    for (const [outcome, phone] of [
      ['no_reply', '+31 6 5555 7003'],
      ['wrong_number', '+31 6 5555 7004'],
    ] as const) {
      const id = await isOwedAgain(phone);
      await call(id, outcome);
      await goOn(db, id);
      expect(await signalNow(db.pool, id)).toMatchObject({ owed_by: 'email', answered_at: null, closed_at: null });
      await approve(id);
      expect(await lettersOf(id, 'answer')).toEqual(['suppressed', 'planned']);
      await expect(call(id, 'reached')).rejects.toThrow('answered');
    }
  });

  test('records it, too, where nothing had been written yet; a number that is somebody else’s closes nothing', async () => {
    const kim = { ...guest(), phone: '+31 6 5555 7005' };
    const { id, customer } = await hears(kim, { consent: [mayWrite!, mayCall!] });
    await goOn(db, id);
    await bounces(kim);
    await vouchByHand(db.heed, customer, 'otto');
    expect(await call(id, 'wrong_number')).toMatchObject({ sentence: expect.stringContaining('Write to them.') });
    await goOn(db, id);
    expect(await signalNow(db.pool, id)).toMatchObject({ owed_by: 'email', answered_at: null, closed_at: null });
    await rectify(db.heed, customer, { phone: '+31 6 5555 7006' }, { by: 'otto' });
    await call(id, 'reached');
    expect(await signalNow(db.pool, id)).toMatchObject({ answer_channel: 'phone', answered_by: 'priya' });
    await expect(approve(id)).rejects.toThrow('answered');
  });

  test('records none for whoever agreed to letters alone', async () => {
    const { id } = await hears({ ...guest(), phone: '+31 6 5555 7007' });
    await goOn(db, id);
    await expect(call(id, 'reached')).rejects.toThrow('agreed to a letter, not to a call');
  });
});

test('put right to an address at which mail has bounced, they are written to there: whoever puts it right says that it is one', async () => {
  const [wrong, right] = [guest(), guest()];
  const { id, customer } = await hears(wrong);
  await bounces(right);
  await rectify(db.heed, customer, { email: right.email }, { by: 'otto' });
  expect(await reachOf(id)).toBe('email');
  expect(await vouchings(right)).toMatchObject([{ how: 'put_right', by: 'otto' }]);
});

describe('given anew', () => {
  test('by its customer, to be written to there, it is written to again, about what they had said before as well', async () => {
    const kim = guest();
    const before = await hears(kim);
    await bounces(kim);
    const anew = await hears(kim, { fromCustomer: true });
    expect([await reachOf(before.id), await reachOf(anew.id)]).toEqual(['email', 'email']);
    expect(await vouchings(kim)).toEqual([{ how: 'given', by: 'customer', signal_id: anew.id }]);
    expect(await toldOf(before.id)).toEqual([
      'They gave the address anew at which mail had bounced: they are written to there again.',
    ]);
  });

  test.each<[string, Parameters<typeof hears>[1]]>([
    ['by a colleague, who may have it out of an old record', {}],
    ['with what was said before mail bounced', { fromCustomer: true, saidAt: '2026-01-02T03:04:05Z' }],
    ['without agreeing to be written to', { fromCustomer: true, consent: [] }],
  ])('%s, it is not', async (_, how) => {
    const kim = guest();
    await hears(kim);
    await bounces(kim);
    const { id } = await hears(kim, how);
    expect(await vouchings(kim)).toEqual([]);
    await hears(kim, { fromCustomer: true });
    expect(await vouchings(kim)).toHaveLength(1);
    expect(await reachOf(id)).not.toBe('bounced');
  });

  test('time and again on one day, it is tried once', async () => {
    const kim = guest();
    const { id } = await hears(kim);
    for (const _ of [1, 2]) {
      await bounces(kim);
      await hears(kim, { fromCustomer: true });
    }
    expect(await reachOf(id)).toBe('bounced');
    await db.passTime('1 day 1 minute');
    await hears(kim, { fromCustomer: true });
    expect(await reachOf(id)).toBe('email');
  });
});

test('in whatever order things happen to it, an address is written to unless they asked us to stop, or mail bounced there last', async () => {
  // Twice what it takes several of to go wrong.
  const happening = fc.constantFrom(
    'bounces',
    'bounces',
    'given',
    'given',
    'vouched',
    'heard',
    'stops',
    'a day passes',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 6, maxLength: 12 }), async (course) => {
      const kim = guest();
      const { id, customer } = await hears(kim);
      let [bounced, stopped, givenToday] = [false, false, false];
      const does: Record<(typeof course)[number], () => Promise<unknown>> = {
        bounces: () => bounces(kim).then(() => (bounced = true)),
        vouched: async () => {
          const done = await vouchByHand(db.heed, customer, 'otto').then(
            () => true,
            () => false,
          );
          expect(done).toBe(bounced && !stopped);
          if (done) bounced = false;
        },
        given: async () => {
          await hears(kim, { fromCustomer: true });
          if (!bounced || stopped || givenToday) return;
          [bounced, givenToday] = [false, true];
        },
        heard: () => hears(kim),
        stops: () => stopWriting(db.heed, customer).then(() => (stopped = true)),
        'a day passes': () => db.passTime('1 day 1 minute').then(() => (givenToday = false)),
      };
      for (const what of course) {
        await does[what]();
        expect([what, await reachOf(id)]).toEqual([what, stopped ? 'suppressed' : bounced ? 'bounced' : 'email']);
      }
    }),
    { numRuns: 40 },
  );
});
