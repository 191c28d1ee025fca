/** How many calls are one too many, and which of those that went count. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from '../../src/domain/ids.ts';
import { sql, type Tx } from '../../src/store/pool.ts';
import {
  idOfDelivery,
  lockDelivery,
  openAttempt,
  planDelivery,
  wentByEmail,
} from '../../src/store/records/deliveries.ts';
import { bundle, isOneTooMany, promptsNamedIn, type Call } from '../../src/store/records/digests.ts';
import { openLoop } from '../../src/store/records/loops.ts';
import { openTestDatabase, undone, type TestDatabase } from '../support/database.ts';
import { meanwhile } from '../support/meanwhile.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const hourMs = 3_600_000;
async function callTo(tx: Tx, staff: string, channel: 'email' | 'slack' = 'email'): Promise<Call> {
  const [key, loopId] = [newId(), newId()];
  await openLoop(tx, { id: loopId, kind: 'signal', place: 'high-street' });
  await planDelivery(tx, { key, purpose: 'prompt', channel, staff, loopId, round: 1, occasion: newId() });
  return { ...(await lockDelivery(tx, idOfDelivery(key)))!, staff };
}

test('two calls to one person at the same moment count each other: one of them is the one too many', async () => {
  const calls = await db.pool.transaction(
    async (tx) => [await callTo(tx, 'ingrid'), await callTo(tx, 'ingrid')] as const,
  );
  const weigh = (call: Call) => async (tx: Tx) => {
    const many = await isOneTooMany(tx, call, 1, hourMs);
    if (!many) await openAttempt(tx, call.id);
    return many;
  };
  const weighed = await meanwhile(
    db,
    ({ pool }) => pool.transaction(weigh(calls[0])),
    () => db.pool.transaction(weigh(calls[1])),
  );
  expect(weighed.map((one) => one.status === 'fulfilled' && one.value)).toEqual([false, true]);
});

test('those count that went to the same person the same way a while ago, or may have; but for one in whose place an e-mail went', async () => {
  interface Other {
    to?: string;
    way?: 'email' | 'slack';
    state?: string;
    /** In minutes from now. */
    over?: number;
    planned?: number;
    purpose?: string;
    code?: string;
  }
  const cases: [Other, boolean][] = [
    [{ state: 'sent', over: -59, planned: -600 }, true],
    [{ state: 'sent', over: -61 }, false],
    [{ state: 'sending', planned: -600 }, true],
    [{ state: 'uncertain', planned: -59 }, true],
    [{ state: 'uncertain', planned: -61 }, false],
    ...['planned', 'ready', 'cancelled', 'failed', 'expired'].map((state): [Other, false] => [{ state }, false]),
    [{ state: 'sent', over: -1, to: 'mina' }, false],
    [{ state: 'sent', over: -1, way: 'slack' }, false],
    [{ state: 'sent', over: -1, purpose: 'notice' }, false],
    [{ state: 'uncertain', code: wentByEmail }, false],
    [{ state: 'uncertain', code: 'slack_500' }, true],
  ];
  for (const [other, counts] of cases) {
    await undone(db, async (tx) => {
      const { id } = await callTo(tx, other.to ?? 'priya', other.way);
      await tx.query(sql.unsafe`
        update deliveries set state = ${other.state ?? 'ready'}, purpose = ${other.purpose ?? 'prompt'}, last_error_code = ${other.code ?? null},
          planned_at = heed_now() + make_interval(mins => ${other.planned ?? 0}), ended_at = heed_now() + make_interval(mins => ${other.over ?? null}::integer)
        where id = ${id}`);
      const call = await callTo(tx, 'priya');
      expect([other, await isOneTooMany(tx, call, 1, hourMs)]).toEqual([other, counts]);
      expect(await isOneTooMany(tx, call, 2, hourMs)).toBe(false);
      // It does not count itself, also where it is being tried again.
      await openAttempt(tx, call.id);
      expect(await isOneTooMany(tx, call, counts ? 2 : 1, hourMs)).toBe(false);
    });
  }
});

test('what is too many is named in the digest that is still to come to that person that way; else in one of its own, which leaves later', async () => {
  const digestOf = (tx: Tx, call: Call) =>
    tx.oneFirst(sql.unsafe`select bundled_into from deliveries where id = ${call.id}`) as Promise<string>;
  await undone(db, async (tx) => {
    const [first, second, third] = [await callTo(tx, 'priya'), await callTo(tx, 'priya'), await callTo(tx, 'priya')];
    const others = [await callTo(tx, 'mina'), await callTo(tx, 'priya', 'slack')];
    for (const call of [first, second, ...others]) await bundle(tx, call, hourMs);
    const digest = await digestOf(tx, first);
    expect((await promptsNamedIn(tx, digest)).map(({ id }) => id).toSorted()).toEqual([first.id, second.id].toSorted());
    expect(new Set([digest, await digestOf(tx, others[0]!), await digestOf(tx, others[1]!)]).size).toBe(3);
    const key = `digest:priya:${digest}:email`;
    const planned = (await lockDelivery(tx, idOfDelivery(key)))!;
    expect(planned).toMatchObject({ purpose: 'digest', channel: 'email', staff: 'priya', occasion: digest });
    expect(planned.held_until!.getTime() - planned.now.getTime()).toBe(hourMs);
    // It is composed once it is being sent, and would not name what comes after that.
    await openAttempt(tx, planned.id);
    await bundle(tx, third, hourMs);
    expect(await digestOf(tx, third)).not.toBe(digest);
  });
});
