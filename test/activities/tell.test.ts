/** Who hears of a decision, and when: nobody while it can be taken back, and nobody any more once it was decided anew. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { objectionTo } from '../../src/activities/objection.ts';
import { tell } from '../../src/activities/tell.ts';
import { sql } from '../../src/store/pool.ts';
import { lockDelivery } from '../../src/store/records/deliveries.ts';
import type { SignalNow } from '../../src/store/views/signals.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { decide, takeBack } from '../../src/triggers/responses/decide.ts';
import { handOverInsight } from '../../src/triggers/responses/handOver.ts';
import { recordCall } from '../../src/triggers/responses/recordCall.ts';
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

test('what somebody decided who has left before it was told is told under their name', async () => {
  await shop.db.apply((company) => {
    company.staff['zoe'] = { ...company.staff['tomas']!, name: 'Zoe Zane', email: 'zoe@linden-vale.example' };
  });
  await handOverInsight(shop.db.heed, tomas(), { to: 'zoe', reason: 'She buys them.' });
  await decide(shop.db.heed, { ...tomas(), by: 'zoe' }, { outcome: 'declined', reason: 'It does not sell.' });
  await shop.db.apply((company) => void delete company.staff['zoe']);
  await shop.db.passTime('11 minutes');
  await tells();
  const told = await shop.letter('told', undefined, signal.id);
  expect(told.text).toContain('With kind regards,\nZoe Zane\nLinden & Vale\n');
  // Nobody reads what is answered to her any more.
  expect(told).toMatchObject({ from: { name: 'Linden & Vale' } });
  expect(told.replyTo).toBeUndefined();
  expect((await shop.letter('news', 'mina', signal.id)).text).toContain('Zoe Zane decided: no to');
});

describe('an answer that waits, and what was decided after it', () => {
  let guests = 0;
  const answers = (words: string) =>
    approveFollowUp(shop.db.heed, { loopId: signal.id, by: signal.owner, press: shop.press() }, { words });
  /** Somebody who may be written to, and called where `phone` is given, asks; and is answered, or not yet. */
  async function asks({ phone, answered = true }: { phone?: string; answered?: boolean } = {}): Promise<void> {
    const may = (channel: 'email' | 'phone') => ({ purpose: 'follow_up' as const, channel, wording: '2026-06' });
    signal = await shop.hears({
      words: 'Do you have this coat in another colour?',
      kind: 'unmet-demand',
      wanted: { item: 'coat', attributes: { colour: `shade ${(colours += 1)}` } },
      customer: { name: 'Guest', email: `waits${(guests += 1)}@example.com`, ...(phone && { phone }) },
      consent: phone ? [may('email'), may('phone')] : [may('email')],
    });
    if (answered) await answers('Tomás decides.');
  }
  async function isDecided(): Promise<void> {
    await shop.db.passTime('1 minute');
    await decides('declined');
    await shop.db.passTime('11 minutes');
    await tells();
  }
  const becomes = (purpose: 'answer' | 'told', state: string) =>
    shop.db.pool.query(sql.unsafe`
      update deliveries set
        state = ${state},
        ended_at = ${state === 'failed' || state === 'sent' ? sql.fragment`heed_now()` : null},
        last_error_code = ${state === 'failed' ? 'smtp_554' : null}
      where loop_id = ${signal.id} and purpose = ${purpose}`);
  const objectionToNow = (id: string) =>
    shop.db.pool.transaction(async (tx) => objectionTo(tx, (await lockDelivery(tx, id))!, shop.db.company));
  const overtaken = { end: 'cancelled', code: 'overtaken' };

  test('the answer waits while nobody knows whether that has reached them, and does not leave once it may have', async () => {
    await asks();
    const { id } = await shop.planned('answer', undefined, signal.id);
    await isDecided();
    for (const state of ['sent', 'delivered', 'complained', 'needs_human']) {
      await becomes('told', state);
      expect([state, await objectionToNow(id)]).toEqual([state, overtaken]);
    }
    for (const state of ['sending', 'uncertain']) {
      await becomes('told', state);
      expect([state, await objectionToNow(id)]).toEqual([state, { until: expect.any(Date), code: 'one_by_one' }]);
    }
    for (const state of ['planned', 'ready', 'failed', 'suppressed']) {
      await becomes('told', state);
      expect([state, await objectionToNow(id)]).toEqual([state, undefined]);
    }
  });

  test('that waits while the answer is on its way, and for nothing else', async () => {
    await asks();
    await isDecided();
    const { id } = await shop.planned('told', undefined, signal.id);
    for (const state of ['sending', 'uncertain']) {
      await becomes('answer', state);
      expect([state, await objectionToNow(id)]).toEqual([state, { until: expect.any(Date), code: 'one_by_one' }]);
    }
    for (const state of ['planned', 'ready', 'sent', 'needs_human', 'failed']) {
      await becomes('answer', state);
      expect([state, await objectionToNow(id)]).toEqual([state, undefined]);
    }
  });

  test('the answer does not leave either once they were told in a call; what is written after that call does', async () => {
    await asks({ phone: '+31 6 71717171' });
    const { id } = await shop.planned('answer', undefined, signal.id);
    await isDecided();
    await becomes('told', 'failed');
    const calls = () =>
      recordCall(shop.db.heed, { loopId: signal.id, by: signal.owner, press: shop.press() }, { outcome: 'reached' });
    expect(await objectionToNow(id)).toBeUndefined();
    await calls();
    expect(await shop.signal(signal.id)).toMatchObject({ told_channel: 'phone', told_at: expect.any(Date) });
    expect(await objectionToNow(id)).toEqual(overtaken);

    await asks({ phone: '+31 6 71717172', answered: false });
    await isDecided();
    await becomes('told', 'failed');
    await calls();
    await shop.db.passTime('1 minute');
    await answers('Tomás has decided, and I am sorry.');
    expect(await objectionToNow((await shop.planned('answer', undefined, signal.id)).id)).toBeUndefined();
  });
});
