/** The first stages of a signal, where somebody says something while they run. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { joinInsight, refineOwner, triage } from '../../src/activities/triage.ts';
import { newId } from '../../src/domain/ids.ts';
import { sql } from '../../src/store/pool.ts';
import { insightNow } from '../../src/store/views/insights.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { capture, type Capture } from '../../src/triggers/capture.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { handsOf, openTestDatabase, type TestDatabase } from '../support/database.ts';
import { meanwhile } from '../support/meanwhile.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const press = () => ({ source: 'test', key: newId() });
async function hears(said: Partial<Capture> & { words: string }): Promise<string> {
  const customer = { email: `${newId()}@example.com` };
  const consent = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }];
  const all = { place: 'high-street', by: 'mina', customer, consent, ...said };
  const { id } = await capture(db.heed, all, { channel: 'web', press: press() });
  await triage(handsOf(db), id);
  return id;
}
const wants = (item: string) => hears({ words: `A ${item}?`, kind: 'unmet-demand', wanted: { item } });
const signal = async (id: string) => (await signalNow(db.pool, id))!;
const insightOf = async (id: string) => (await signal(id)).insight_id!;

test('two who ask for the same at the same moment are one insight', async () => {
  const [one, other] = [await wants('parasol'), await wants('parasol')];
  const both = await meanwhile(
    db,
    ({ pool }) => joinInsight({ ...handsOf(db), pool }, one),
    () => joinInsight(handsOf(db), other),
  );
  expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
  expect(await insightOf(other)).toBe(await insightOf(one));
});

test('who asks for the same in the moment in which it is decided is not counted as told, but opens a successor', async () => {
  const [asked, late] = [await wants('thimble'), await wants('thimble')];
  await joinInsight(handsOf(db), asked);
  const { id, decider } = (await insightNow(db.pool, await insightOf(asked)))!;
  const both = await meanwhile(
    db,
    (heed) =>
      decide(heed, { loopId: id, by: decider, press: press() }, { outcome: 'declined', reason: 'We make none.' }),
    () => joinInsight(handsOf(db), late),
  );
  expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
  expect(await insightOf(late)).not.toBe(id);
  expect(await insightNow(db.pool, await insightOf(late))).toMatchObject({ outcome: null, signals: 1 });
});

test('whoever took it, or wrote to the customer, before the rules said whose it is keeps it, also where that letter never arrived', async () => {
  const consent = (['email', 'phone'] as const).map((channel) => ({
    purpose: 'follow_up' as const,
    channel,
    wording: '2026-06',
  }));
  // By phone as well: what reached nobody by letter is owed, and answers nothing.
  const customer = { email: 'dot@example.com', phone: '+31 6 44444444' };
  const question = { words: 'What does the coat cost?', kind: 'question', customer, consent };
  const [routed, taken, written] = [await hears(question), await hears(question), await hears(question)];
  const { owner } = await signal(taken);
  await acknowledge(db.heed, { loopId: taken, by: owner, press: press() });
  await approveFollowUp(db.heed, { loopId: written, by: owner, press: press() }, { words: 'Forty.' });
  await db.pool.query(sql.unsafe`
    update deliveries set state = 'failed', last_error_code = 'smtp_554', ended_at = heed_now()
    where loop_id = ${written} and purpose = 'answer'`);
  for (const id of [routed, taken, written]) await refineOwner(handsOf(db), id);
  expect((await signal(routed)).owner).not.toBe(owner);
  expect([(await signal(taken)).owner, (await signal(written)).owner]).toEqual([owner, owner]);
});
