/** The ledger by itself. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { newId } from '../../src/domain/ids.ts';
import { sql, type Pool, type Tx } from '../../src/store/pool.ts';
import { leaseDueDeliveries, lockDelivery } from '../../src/store/records/deliveries.ts';
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
/** A message at its third attempt. */
function put(
  tx: Tx,
  { state, phase = 'none', policy = 'at_most_once', purpose = 'notice', unhurried = false, ...row }: Row,
): Promise<string> {
  const id = newId();
  const { lease = null, due = 0, handedOut = null } = row;
  return tx.oneFirst(sql.type(IdRow)`
    insert into deliveries (id, dedupe_key, purpose, channel, policy, staff, state, phase, fence, attempts, message_id, unhurried, lease_until, not_before, started_until)
    values (${id}, ${id}, ${purpose}, 'email', ${policy}, 'priya', ${state}, ${phase}, 3, 3, ${id}, ${unhurried},
      clock_timestamp() + make_interval(secs => ${lease}), heed_now() + make_interval(secs => ${due}), clock_timestamp() + make_interval(secs => ${handedOut}))
    returning id`);
}

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
  const all = async (tx: Tx): Promise<Map<string, string>> => {
    const names = new Map<string, string>();
    for (const [name, row] of Object.entries(kinds)) names.set(await put(tx, row), name);
    return names;
  };

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
      const [held, over, handed, left] = [
        await put(tx, { state: 'ready', due: 1 }),
        await put(tx, { state: 'ready' }),
        await put(tx, { state: 'sending', phase: 'handed', lease: 60 }),
        await put(tx, { state: 'sending', phase: 'handed', lease: -1 }),
      ];
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
