/** Whom a stop is for, and what waits for its end. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sql, type Tx } from '../../src/store/pool.ts';
import { holdDelivery, idOfDelivery, lockDelivery, planDelivery } from '../../src/store/records/deliveries.ts';
import { orderSending, standingStops, stoppedForMs, type Audience } from '../../src/store/records/sendingOrders.ts';
import { openTestDatabase, undone, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const order = (tx: Tx, audience: Audience, stops: boolean) =>
  orderSending(tx, { audience, stops, by: 'otto', reason: 'a wrong template' });

/** A letter to a customer, and a call to one of us. */
async function letterAndCall(tx: Tx): Promise<void> {
  const customerId = await tx.oneFirst(
    sql.type(z.object({ id: z.string() }))`insert into customers (id) values (gen_random_uuid()) returning id`,
  );
  await planDelivery(tx, { key: 'letter', purpose: 'answer', channel: 'email', customerId });
  await planDelivery(tx, { key: 'call', purpose: 'prompt', channel: 'email', staff: 'priya' });
}
const row = async (tx: Tx, key: string) => (await lockDelivery(tx, idOfDelivery(key)))!;

test.each<[Audience, Audience, Record<string, boolean>]>([
  ['customers', 'staff', { letter: true, call: false }],
  ['staff', 'customers', { letter: false, call: true }],
])('a stop for %s keeps nothing from %s', async (audience, others, stopped) => {
  await undone(db, async (tx) => {
    await letterAndCall(tx);
    expect(await order(tx, audience, true)).toBe(0);
    for (const [key, is] of Object.entries(stopped)) expect([key, (await row(tx, key)).stopped]).toEqual([key, is]);
    expect([await stoppedForMs(tx, audience), await stoppedForMs(tx, others)]).toEqual([3_600_000, undefined]);
    // It stands already, and the others were never stopped.
    expect([await order(tx, audience, true), await order(tx, others, false)]).toEqual([undefined, undefined]);
  });
});

test.each<[Audience, string, string]>([
  ['customers', 'letter', 'call'],
  ['staff', 'call', 'letter'],
])('where it goes on for %s alone, only what waited for that is due again', async (audience, due, waits) => {
  await undone(db, async (tx) => {
    await letterAndCall(tx);
    await order(tx, 'customers', true);
    await order(tx, 'staff', true);
    const { now } = await row(tx, 'call');
    const later = new Date(now.getTime() + 3_600_000);
    for (const key of [due, waits]) await holdDelivery(tx, idOfDelivery(key), later, 'stopped');
    await planDelivery(tx, {
      key: 'other call',
      purpose: 'prompt',
      channel: 'email',
      staff: 'priya',
      notBefore: later,
    });
    await holdDelivery(tx, idOfDelivery('other call'), later, 'decided_anew');
    expect(await order(tx, audience, false)).toBe(1);
    expect(await row(tx, due)).toMatchObject({ held_until: null, last_error_code: null });
    expect(await row(tx, waits)).toMatchObject({ held_until: later, last_error_code: 'stopped' });
    expect(await row(tx, 'other call')).toMatchObject({ held_until: later, last_error_code: 'decided_anew' });
  });
});

test('of two orders at the same moment the one that waited for the other stands', async () => {
  const goesOn = await db.pool.transaction(async (tx) => {
    // Begun before the other is given.
    await tx.query(sql.unsafe`select heed_now()`);
    await db.pool.transaction((other) => order(other, 'staff', true));
    return order(tx, 'staff', false);
  });
  expect(goesOn).toBe(0);
  expect(await db.pool.transaction((tx) => standingStops(tx))).toEqual([]);
});
