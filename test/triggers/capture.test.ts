import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { capture } from '../../src/triggers/capture.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { newId } from '../../src/domain/ids.ts';
import { sql } from '../../src/store/pool.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const press = (key: string = newId(), content = '') => ({ source: 'test', key, content });
const said = (words: string) => ({ words, place: 'high-street', by: 'mina' });

describe('capturing what a customer said', () => {
  test('from the capture on one person is answerable, and the loop asks to be woken', async () => {
    const { id, reference } = await capture(db.heed, said('Do you have this coat in green, size 42?'), {
      channel: 'web',
      press: press(),
    });
    expect(reference).toMatch(/^HD-[2-9A-Z]{4,}$/);
    expect(await signalNow(db.pool, id)).toMatchObject({
      owner: 'priya',
      round: 1,
      owner_cause: 'captured',
      captured_by: 'mina',
    });
    expect(await db.pool.exists(sql.unsafe`select from wakes where loop_id = ${id} and class = 'start'`)).toBe(true);
  });

  test('the same key gives the same answer, and refuses other content', async () => {
    const key = newId();
    const first = await capture(db.heed, said('Socks in 48?'), { channel: 'api', press: press(key, 'a') });
    const again = await capture(db.heed, said('Socks in 48?'), { channel: 'api', press: press(key, 'a') });
    expect(again).toEqual({ ...first, replayed: true });
    await expect(
      capture(db.heed, said('Something else'), { channel: 'api', press: press(key, 'b') }),
    ).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  });

  test('sixteen at once on one key make one signal', async () => {
    const key = newId();
    const all = await Promise.all(
      Array.from({ length: 16 }, () =>
        capture(db.heed, said('Once only'), { channel: 'api', press: press(key, 'same') }),
      ),
    );
    expect(new Set(all.map((one) => one.id)).size).toBe(1);
    expect(all.filter((one) => !one.replayed)).toHaveLength(1);
  });

  test('an unknown place is refused with the places there are, and nothing is half-done', async () => {
    const before = await db.pool.oneFirst(sql.unsafe`select count(*) from loops`);
    await expect(
      capture(db.heed, { words: 'Hello', place: 'moon' }, { channel: 'api', press: press() }),
    ).rejects.toThrow(/There is no place "moon"/);
    expect(await db.pool.oneFirst(sql.unsafe`select count(*) from loops`)).toBe(before);
  });

  test('a hundred people take one signal at once: one has it, the others are told who', async () => {
    const { id } = await capture(db.heed, said('Is there a repair service?'), { channel: 'web', press: press() });
    await db.pool.query(
      sql.unsafe`insert into triages (signal_id, verdict, course, kind, priority, rule, why, configuration) values (${id}, 'pursue', 'answer', 'question', 3, 'test', 'test', 1)`,
    );
    const people = ['priya', 'jonas', 'ingrid'];
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_, n) => acknowledge(db.heed, { loopId: id, by: people[n % 3]!, press: press() })),
    );
    const facts = await db.pool.oneFirst(sql.unsafe`select count(*) from acknowledgements where loop_id = ${id}`);
    expect(facts).toBe(1);
    const refused = results.filter((r): r is PromiseRejectedResult => r.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(String(reason)).toMatch(/took this at \d\d:\d\d, a moment before you/);
  });
});
