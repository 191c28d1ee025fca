/** What would have stayed open had nothing climbed: the second number that a proof knows of its escalations, beside the auditor's. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { calledByEscalations, neverEscalated } from '../../prove/climbing.ts';
import { loopOf } from '../../prove/loops.ts';
import { sql } from '../../src/store/pool.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { kim, openShop, type Shop } from '../activities/messages/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

test('what only an escalation brings about counts as missed when the second rungs are taken out of the tables', async () => {
  const { url, pool, heed } = shop.db;
  const { id } = await shop.hears({ words: 'Is it wool?', kind: 'question', ...kim });
  const others = await shop.hears({ words: 'Is it lined?', kind: 'question', ...kim });
  await pool.query(sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where state = 'planned'`);
  // Whoever was asked at first leaves it, and nothing climbs.
  expect(await calledByEscalations(url, [id])).toEqual(new Map());
  expect(await neverEscalated(url, [id])).toEqual([id]);

  await shop.db.passTime('1 day');
  await shop.climbs(id);
  expect(await calledByEscalations(url, [id])).toEqual(new Map());
  await pool.query(sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where state = 'planned'`);
  const by = (await calledByEscalations(url, [id, others.id])).get(id)!;
  expect(by).not.toBe((await shop.signal(id)).owner);
  await acknowledge(heed, { by, loopId: id, press: shop.press() });
  await approveFollowUp(heed, { by, loopId: id, press: shop.press() }, { words: 'It is.' });
  expect(await neverEscalated(url, [id])).toEqual([]);

  await shop.db.rewrite(sql.unsafe`delete from escalations where step > 0`);
  expect(await neverEscalated(url, [id])).toEqual([id]);
});

test('a few of a hundred loops are left to whoever an escalation names, the same for a seed', () => {
  const left = (seed: number) =>
    Array.from({ length: 100 }, (_, nth) => loopOf(seed, nth)).filter(({ onlyEscalated }) => onlyEscalated);
  expect(left(7).length).toBeGreaterThan(2);
  expect(left(7).length).toBeLessThan(20);
  expect(left(7)).toEqual(left(7));
  expect(left(7).every(({ door }) => door === 'api')).toBe(true);
});
