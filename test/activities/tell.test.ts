/** Who hears of a decision, and when: nobody while it can be taken back, and nobody any more once it was decided anew. */

import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { objectionTo } from '../../src/activities/objection.ts';
import { tell } from '../../src/activities/tell.ts';
import { sql } from '../../src/store/pool.ts';
import { lockDelivery } from '../../src/store/records/deliveries.ts';
import type { SignalNow } from '../../src/store/views/signals.ts';
import { decide, takeBack } from '../../src/triggers/responses/decide.ts';
import { handsOf } from '../support/database.ts';
import { kim, openShop, type Shop } from './messages/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

let signal: SignalNow;
let colours = 0;
/** Asked by Kim, heard by Mina, to be decided by Tomás. */
beforeEach(async () => {
  const wanted = { item: 'coat', attributes: { colour: `shade ${(colours += 1)}` } };
  signal = await shop.hears({
    words: 'Do you have this coat in another colour?',
    kind: 'unmet-demand',
    wanted,
    ...kim,
  });
});
const tomas = () => ({ loopId: signal.insight_id!, by: 'tomas', press: shop.press() });
const decides = (outcome: 'adopted' | 'declined') =>
  decide(
    shop.db.heed,
    tomas(),
    outcome === 'adopted'
      ? { outcome, scope: 'everyone', reason: 'It comes in spring.', doneBy: '2027-03-01' }
      : { outcome, reason: 'It does not sell.' },
  );
const tells = () => tell(handsOf(shop.db), signal.insight_id!);
const toldOf = () =>
  shop.db.pool.anyFirst(sql.type(z.object({ who: z.string() }))`
    select purpose || ' ' || coalesce(staff, 'customer') as who from deliveries
    where loop_id = ${signal.id} and purpose in ('told', 'news') order by 1`);

test('nobody is told what can still be taken back, also where it was decided anew between two chunks of people', async () => {
  await decides('declined');
  expect([await tells(), await toldOf()]).toEqual([false, []]);
  await shop.db.passTime('11 minutes');
  expect([await tells(), await toldOf()]).toEqual([false, ['news mina', 'told customer']]);
  await decides('adopted');
  expect([await tells(), await toldOf()]).toEqual([false, ['news mina', 'told customer']]);
  await shop.db.passTime('11 minutes');
  await tells();
  expect(await toldOf()).toEqual(['news mina', 'news mina', 'told customer', 'told customer']);
});

test('whoever captured it is not told the old word when what waited leaves after it was decided anew', async () => {
  await decides('declined');
  await shop.db.passTime('11 minutes');
  await tells();
  const { id } = await shop.planned('news', 'mina', signal.id);
  const objection = () =>
    shop.db.pool.transaction(async (tx) => objectionTo(tx, (await lockDelivery(tx, id))!, shop.db.company));
  expect(await objection()).toBeUndefined();

  await decides('adopted');
  const { final_at: certain } = await shop.insightOf(signal);
  expect(await objection()).toEqual({ until: certain, code: 'decided_anew' });
  await takeBack(shop.db.heed, tomas());
  expect(await objection()).toBeUndefined();

  await decides('adopted');
  await shop.db.passTime('11 minutes');
  expect(await objection()).toEqual({ end: 'cancelled', code: 'superseded' });
});
