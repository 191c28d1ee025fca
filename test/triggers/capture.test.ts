import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { capture } from '../../src/triggers/capture.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { newId } from '../../src/domain/ids.ts';
import { sql } from '../../src/store/pool.ts';
import { everythingHeld } from '../../src/store/views/held.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { countedOf, openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase({ connections: 8 });
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

  test('said again under the same key, a customer is not somebody else, whether they left an address or only a name', async () => {
    const people = () => db.pool.oneFirst(sql.unsafe`select count(*) from customers`);
    for (const customer of [{ name: 'Kim' }, { name: 'Kim', email: 'kim@example.com' }]) {
      const through = { channel: 'api' as const, press: press(newId(), 'same') };
      const first = await capture(db.heed, { ...said('Hats?'), customer }, through);
      const before = await people();
      expect(await capture(db.heed, { ...said('Hats?'), customer }, through)).toEqual({ ...first, replayed: true });
      expect(await people()).toBe(before);
    }
  });

  test('a name that was missing is learned, and one that is known stays', async () => {
    const email = 'sam@example.com';
    const hear = async (name?: string) => {
      const customer = { email, ...(name && { name }) };
      const { id } = await capture(db.heed, { ...said('Hats?'), customer }, { channel: 'api', press: press() });
      return db.pool.one(
        sql.type(
          z.object({ id: z.string(), name: z.string().nullable() }),
        )`select c.id, c.name from signals s join customers c on c.id = s.customer_id where s.id = ${id}`,
      );
    };
    const unnamed = await hear();
    expect(unnamed).toMatchObject({ name: null });
    expect(await hear('Sam')).toEqual({ ...unnamed, name: 'Sam' });
    expect(await hear()).toEqual({ ...unnamed, name: 'Sam' });
    expect(await hear('Alex')).not.toMatchObject({ id: unnamed.id });
  });

  const whoSpoke = (signalId: string) =>
    db.pool.one(sql.type(z.object({ id: z.string(), name: z.string().nullable() }))`
      select c.id, c.name from signals s join customers c on c.id = s.customer_id where s.id = ${signalId}`);

  test('whoever gives somebody’s number with an address of their own is another customer, and is not written to in their stead', async () => {
    const consent = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }];
    const through = () => ({ channel: 'api' as const, press: press() });
    const ada = await capture(
      db.heed,
      { ...said('Hats?'), customer: { name: 'Ada', phone: '+31 6 1111 2222', email: 'ada@example.com' }, consent },
      through(),
    );
    const { id } = await capture(
      db.heed,
      { ...said('Open on Sunday?'), customer: { phone: '+31611112222', email: 'mallory@example.com' }, consent },
      through(),
    );
    expect((await whoSpoke(id)).id).not.toBe((await whoSpoke(ada.id)).id);
    expect(await db.pool.oneFirst(sql.unsafe`select address from now.reach where signal_id = ${ada.id}`)).toBe(
      'ada@example.com',
    );
  });

  test.each([
    ['number', { phone: '+31 6 2222 3333' }, { phone: '+31622223333' }],
    ['loyalty card', { loyalty: 'L-4711' }, { loyalty: 'l-4711' }],
  ])(
    'whoever gave somebody’s %s with a mailbox of their own, before or after they spoke, reads nothing of what they say',
    async (what, theirs, again) => {
      const email = `mallory@${what.replace(' ', '-')}.example`;
      const hear = async (words: string, customer: object, place = 'high-street') => {
        const { id } = await capture(db.heed, { words, place, customer }, { channel: 'api', press: press() });
        return whoSpoke(id);
      };
      const nameless = await hear('Is anybody there?', theirs);
      const mallory = await hear('Open on Sunday?', { ...again, email });
      const ada = await hear('Do you have this for my wife?', { ...theirs, name: 'Ada' });
      const unnamed = await hear('And in blue?', again);
      const elsewhere = await hear('And in red?', again, 'harbour');
      for (const { id } of [nameless, ada, unnamed, elsewhere]) expect(id).not.toBe(mallory.id);
      expect([ada.id, unnamed.id]).toEqual([nameless.id, nameless.id]);

      const { company } = await db.heed.configuration();
      const read = await everythingHeld(db.pool, company, mallory.id);
      expect(JSON.stringify(read)).toContain('Open on Sunday?');
      expect(JSON.stringify(read)).not.toMatch(/anybody there|my wife|in blue|in red|Ada/);
      // Their own mailbox goes on telling whose it is, with the number and without.
      expect((await hear('Hello?', { email })).id).toBe(mallory.id);
      expect((await hear('Hello?', { ...theirs, email })).id).toBe(mallory.id);
    },
  );

  test('a name that was given at one place is told to no other: neither the name behind an address, nor one that it gets later', async () => {
    const hear = async (place: string, customer: { email: string; name?: string }) => {
      const { id } = await capture(db.heed, { words: 'Hats?', place, customer }, { channel: 'api', press: press() });
      return whoSpoke(id);
    };
    await hear('high-street', { email: 'ottilie@example.com', name: 'Ottilie' });
    expect(await hear('harbour', { email: 'ottilie@example.com' })).toMatchObject({ name: null });
    expect(await hear('high-street', { email: 'ottilie@example.com' })).toMatchObject({ name: 'Ottilie' });

    await hear('harbour', { email: 'nils@example.com' });
    await hear('high-street', { email: 'nils@example.com' });
    await hear('high-street', { email: 'nils@example.com', name: 'Nils' });
    expect(await hear('harbour', { email: 'nils@example.com' })).toMatchObject({ name: null });
    // Who gives both at both is one and the same.
    const [here, there] = [
      await hear('high-street', { email: 'ida@example.com', name: 'Ida' }),
      await hear('harbour', { email: 'ida@example.com', name: 'ida' }),
    ];
    expect(there).toEqual(here);
  });

  test('an id that is taken is refused, and the key that was sent with it stays free', async () => {
    const { id } = await capture(db.heed, said('First'), { channel: 'api', press: press() });
    const through = { channel: 'api' as const, press: press(newId(), 'second') };
    await expect(capture(db.heed, { ...said('Second'), id }, through)).rejects.toThrow('This id is taken');
    expect(await capture(db.heed, said('Second'), through)).toMatchObject({ replayed: false });
  });

  test('an unknown place is refused with the places there are, and nothing is half-done', async () => {
    const before = await db.pool.oneFirst(sql.unsafe`select count(*) from loops`);
    await expect(
      capture(db.heed, { words: 'Hello', place: 'moon' }, { channel: 'api', press: press() }),
    ).rejects.toThrow(/There is no place "moon"/);
    expect(await db.pool.oneFirst(sql.unsafe`select count(*) from loops`)).toBe(before);
  });

  test('reads no more of what was said before, however much there is by now', async () => {
    // One connection, so that what is done here was planned when there was nothing.
    const young = await openTestDatabase({ connections: 1 });
    const read = (): Promise<number> =>
      countedOf(young, sql.fragment`seq_tup_read`, ['signals', 'customers', 'identities', 'loops']);
    const before = await read();
    const times = 40;
    for (let n = 0; n < times; n++)
      await capture(
        young.heed,
        { ...said('Blue?'), customer: { name: 'Kim', email: `kim${n % 20}@example.com` } },
        { channel: 'api', press: press() },
      );
    expect((await read()) - before).toBeLessThan(times);
    await young.close();
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
