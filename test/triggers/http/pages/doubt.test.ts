import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { objectionTo } from '../../../../src/activities/objection.ts';
import { sql } from '../../../../src/store/pool.ts';
import { holdDelivery, planDelivery, recordOutcome, settleLeftOpen } from '../../../../src/store/records/deliveries.ts';
import { askAboutDoubt } from '../../../../src/store/records/repairs.ts';
import { approveFollowUp } from '../../../../src/triggers/responses/approveFollowUp.ts';
import { handOver } from '../../../../src/triggers/responses/handOver.ts';
import { lift, restrict } from '../../../../src/triggers/rights/restrict.ts';
import { kim } from '../../../activities/messages/shop.ts';
import { linkIn, openPages, type Pages } from './visitors.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages();
});
afterAll(() => pages.shop.close());

/** Omar's answer to a complaint at the harbour, of which nobody knows whether it arrived; the evidence has been looked for in vain, or not yet. */
async function doubtful(state: 'uncertain' | 'needs_human' = 'needs_human') {
  const { shop } = pages;
  const signal = await shop.hears({ ...kim, words: 'I was charged twice.', place: 'harbour', by: 'aisha' });
  const responding = { loopId: signal.id, by: 'omar', press: shop.press() };
  await approveFollowUp(shop.db.heed, responding, { words: 'Dear Kim, we pay it back.' });
  const letter = await shop.db.pool.oneFirst(sql.type(z.object({ id: z.string() }))`
    update deliveries set state = ${state}, phase = 'handed', fence = 1, not_before = heed_now() + interval '10 minutes'
    where loop_id = ${signal.id} and purpose = 'answer' returning id`);
  return { id: signal.id, path: `/signals/${signal.id}`, letter };
}
const letterNow = (id: string) =>
  pages.shop.db.pool.one(
    sql.type(z.object({ state: z.string(), last_error_code: z.string().nullable() }))`
      select state, last_error_code from deliveries where id = ${id}`,
  );

/** The link in the mail that asks Omar, as the ledger plans it once a quarter of an hour has passed. */
async function linkToOmar(loopId: string, letter: string): Promise<string> {
  const { shop } = pages;
  await shop.db.pool.transaction((tx) =>
    planDelivery(tx, {
      key: `notice:${loopId}:1:${letter}.1:omar:email`,
      purpose: 'notice',
      channel: 'email',
      loopId,
      round: 1,
      staff: 'omar',
      occasion: letter,
    }),
  );
  const mail = await shop.letter('notice', 'omar', loopId);
  expect(mail.subject).toMatch(/^A letter may not have arrived: HD-/);
  return linkIn(mail);
}

/** Whoever answers for it is asked, and those above for later, as where the evidence has been looked for in vain. */
async function asks({ id, letter }: { id: string; letter: string }): Promise<void> {
  const { heed, pool } = pages.shop.db;
  const { company } = await heed.configuration();
  const signal = await pages.shop.signal(id);
  await pool.transaction((tx) => askAboutDoubt(tx, company, signal, { id: letter, fence: 1 }));
}

describe('a letter that may not have been sent', () => {
  test('is not settled by anybody while a trace of it may still turn up', async () => {
    const { path } = await doubtful('uncertain');
    const omar = await pages.as('omar');
    const page = await omar.get(path);
    expect(page.text).toContain('may not have been sent');
    expect(page.text).toContain('Until 10:10 we look for a trace of it; then somebody has to say.');
    expect(page.html).not.toContain('Send it again');
    expect((await omar.get('/tasks')).text).not.toContain('may not have been sent');
    const refused = await omar.post(`${path}/repair`, { action: 'resend', reason: 'at once' });
    expect(refused.status).toBe(409);
  });

  test('is among the tasks of whoever answers for it, and left as it is from there, with a reason', async () => {
    const { path, letter } = await doubtful();
    const omar = await pages.as('omar');
    const tasks = await omar.get('/tasks');
    expect(tasks.text).toContain('may not have been sent');
    expect(tasks.text).toContain('Now, because nobody else can say whether it was sent.');

    const without = await omar.press(tasks, `${path}/repair`, { action: 'leave' });
    expect(without.status).toBe(400);
    expect(without.text).toContain('The reason is missing.');
    expect(await letterNow(letter)).toMatchObject({ state: 'needs_human' });

    const left = await omar.press(without, `${path}/repair`, { action: 'leave', reason: 'She has thanked us for it' });
    expect(left.text).toContain('It is left as it is.');
    expect(await letterNow(letter)).toEqual({ state: 'failed', last_error_code: 'left_by_hand' });
    expect(left.text).toContain('Left as it is by Omar Haddad: She has thanked us for it.');
    expect(left.text).not.toContain('could not be delivered');
    expect((await omar.get('/tasks')).text).not.toContain('may not have been sent');
  });

  test('is among the tasks of whoever stands in for a colleague who has left meanwhile, and settled from there', async () => {
    const { shop } = pages;
    await shop.db.apply((company) => {
      company.staff['zoe'] = { ...company.staff['aisha']!, name: 'Zoe Zane', email: 'zoe@linden-vale.example' };
    });
    const { id, path, letter } = await doubtful();
    await handOver(shop.db.heed, { loopId: id, by: 'omar', press: shop.press() }, { to: 'zoe', reason: 'She knows.' });
    const omar = await pages.as('omar');
    expect((await omar.get('/tasks')).text).not.toContain('may not have been sent');

    await shop.db.apply((company) => void delete company.staff['zoe']);
    const tasks = await omar.get('/tasks');
    expect(tasks.text).toContain('may not have been sent');
    expect(tasks.text).toContain('You, because it was with zoe, who has left.');
    const mina = await pages.as('mina');
    expect((await mina.get('/tasks')).text).not.toContain('may not have been sent');
    await omar.press(tasks, `${path}/repair`, { action: 'leave', reason: 'She has thanked us for it' });
    expect(await letterNow(letter)).toEqual({ state: 'failed', last_error_code: 'left_by_hand' });
  });

  test('is sent again from its page by somebody else of that place; whoever is slower is told who was faster', async () => {
    const { path, letter } = await doubtful();
    const [omar, aisha] = [await pages.as('omar'), await pages.as('aisha')];
    const seenByOmar = await omar.get(path);
    const sent = await aisha.press(await aisha.get(path), `${path}/repair`, {
      action: 'resend',
      reason: 'Not in the log of the mail server',
    });
    expect(sent.text).toContain('It is sent again.');
    expect(sent.text).toContain('Sent again by Aisha Rahman: Not in the log of the mail server.');
    expect(await letterNow(letter)).toMatchObject({ state: 'ready' });

    const slower = await omar.press(seenByOmar, `${path}/repair`, { action: 'leave', reason: 'She got it' });
    expect(slower.status).toBe(409);
    expect(slower.text).toContain('Aisha Rahman had it sent again at 10:00.');
    expect(await letterNow(letter)).toMatchObject({ state: 'ready' });
  });

  test('is asked about with what is known of it, and a link to where it is said what to do', async () => {
    const { shop } = pages;
    const { id, letter } = await doubtful();
    await linkToOmar(id, letter);
    const byEmail = () => shop.letter('notice', 'omar', id);
    const { text, to } = await byEmail();
    expect(to).toBe('omar@linden-vale.example');
    expect(text).toContain(
      'The mail server was lost while the letter to this customer was handed over. It may have arrived, or not.',
    );
    expect(text).toContain('It is not sent again by itself: twice would be worse.');
    expect(text).toMatch(/\nSend it again, or leave it: https:\/\/heed\.test\/t#[\w-]{22}\n/);
    expect(text).not.toContain('was asked before you');

    await shop.db.pool.query(sql.unsafe`update deliveries set last_error_code = 'restored' where id = ${letter}`);
    expect((await byEmail()).text).toContain(
      'Our database was put back to an earlier moment. The letter to this customer may have left before that, or not.',
    );
    // Lost again since, it is asked about by another one.
    await shop.db.pool.query(sql.unsafe`update deliveries set fence = 2 where id = ${letter}`);
    const met = { end: 'cancelled', code: 'met' };
    expect(await shop.composes(await shop.planned('notice', 'omar', id))).toEqual(met);
    await shop.db.pool.transaction((tx) =>
      planDelivery(tx, {
        key: `notice:${id}:1:${letter}.2:omar:slack`,
        purpose: 'notice',
        channel: 'slack',
        loopId: id,
        round: 1,
        staff: 'omar',
        occasion: letter,
      }),
    );
    const card = JSON.stringify((await shop.slack('notice', 'omar', id)).blocks);
    expect(card).toContain(`"url":"https://heed.test/signals/${id}#doubt"`);
    expect(card).toContain('Our database was put back');
    // Settled before it left.
    await shop.db.pool.query(sql.unsafe`update deliveries set state = 'failed' where id = ${letter}`);
    expect(await shop.composes(await shop.planned('notice', 'omar', id))).toEqual(met);
  });

  test('is asked about by nobody while its customer lets everything rest, and again once that is lifted', async () => {
    const { shop } = pages;
    const { id, letter } = await doubtful();
    await asks({ id, letter });
    const { customer_id: customer } = await shop.signal(id);
    const asked = async () => Promise.all(['omar', 'ingrid'].map((staff) => shop.planned('notice', staff, id)));
    const objections = async () => {
      const each = await asked();
      return shop.db.pool.transaction((tx) =>
        Promise.all(each.map((notice) => objectionTo(tx, notice, shop.db.company))),
      );
    };
    expect(await objections()).toEqual([undefined, undefined]);
    await restrict(shop.db.heed, customer!, { by: 'operator' });
    const [omars, ingrids] = await objections();
    expect(omars).toEqual({ until: expect.any(Date), code: 'restricted' });
    expect(ingrids).toEqual({ until: expect.any(Date), code: 'restricted' });

    // One that waited for it leaves at once, and what is to come later does then.
    const [waits] = await asked();
    await shop.db.pool.transaction((tx) => holdDelivery(tx, waits!.id, (omars as { until: Date }).until, 'restricted'));
    await lift(shop.db.heed, customer!, { by: 'operator' });
    expect((await asked()).map(({ held_until: until }) => until)).toEqual([null, expect.any(Date)]);
    expect(await objections()).toEqual([undefined, undefined]);
  });

  test('is not asked of whoever has given it away before they could be', async () => {
    const { shop } = pages;
    const { id, letter } = await doubtful();
    await asks({ id, letter });
    const notice = () => shop.planned('notice', 'omar', id);
    const omars = await shop.db.pool.anyFirst(sql.type(z.object({ key: z.string() }))`
      select dedupe_key as key from deliveries where loop_id = ${id} and purpose = 'notice' and staff = 'omar' order by planned_at, id`);
    await handOver(shop.db.heed, { loopId: id, by: 'omar', press: shop.press() }, { to: 'aisha', reason: 'Hers.' });
    const objectionAs = async (key: string) => {
      const asked = { ...(await notice()), dedupe_key: key };
      return shop.db.pool.transaction((tx) => objectionTo(tx, asked, shop.db.company));
    };
    const asHolder = omars.find((key) => !key.includes(':manager:'))!;
    expect(await objectionAs(asHolder)).toEqual({ end: 'cancelled', code: 'handed_over' });
    // As the manager of the place he is asked all the same, once nobody has said anything for long.
    const asManager = omars.find((key) => key.includes(':manager:'))!;
    expect(await objectionAs(asManager)).toBeUndefined();
    const later = await shop.composes({ ...(await notice()), dedupe_key: asManager });
    expect(JSON.stringify(later)).toContain('Aisha Rahman was asked before you, and nobody has said what to do.');
  });

  test('is asked of whoever stands in, where who was to be asked has left before they were', async () => {
    const { shop } = pages;
    await shop.db.apply((company) => {
      company.staff['zoe'] = { ...company.staff['aisha']!, name: 'Zoe Zane', email: 'zoe@linden-vale.example' };
    });
    const { id, letter } = await doubtful();
    await handOver(shop.db.heed, { loopId: id, by: 'omar', press: shop.press() }, { to: 'zoe', reason: 'She knows.' });
    const toZoe = await shop.planned('notice', 'zoe', id);
    await shop.db.apply((company) => void delete company.staff['zoe']);
    const objection = await shop.db.pool.transaction((tx) => objectionTo(tx, toZoe, shop.db.company));
    expect(objection).toEqual({ end: 'cancelled', code: 'handed_over' });
    const askedNow = await shop.db.pool.anyFirst(sql.type(z.object({ staff: z.string() }))`
      select staff from deliveries
      where loop_id = ${id} and purpose = 'notice' and staff <> 'zoe' and occasion = ${letter} and not_before <= heed_now()`);
    expect(askedNow).toEqual(['omar']);
  });

  test('is nobody’s at another place', async () => {
    const { path, letter } = await doubtful();
    const mina = await pages.as('mina');
    expect((await mina.post(`${path}/repair`, { action: 'resend', reason: 'mine' })).status).toBe(404);
    expect(await letterNow(letter)).toMatchObject({ state: 'needs_human' });
  });

  test('is settled by the link in the mail: opening it changes nothing, the button acts, and then the link is over', async () => {
    const { id, letter } = await doubtful();
    const link = await linkToOmar(id, letter);
    const omar = pages.nobody();
    const before = await pages.facts();
    for (let i = 0; i < 20; i++) expect((await omar.get(link)).status).toBe(200);
    expect(await pages.facts()).toBe(before);
    const page = await omar.get(link);
    expect(page.text).toContain('You are Omar Haddad. Opening this has changed nothing');
    expect(page.text).toContain('was being handed over when the line broke.');
    // The link is for this alone.
    expect((await omar.post('/t/dismissal', { link, reason: 'no' })).status).toBe(404);

    const sent = await omar.press(page, '/t/repair', { action: 'resend', reason: 'She has not got it' });
    expect(sent.text).toContain('It is sent again.');
    expect(await letterNow(letter)).toMatchObject({ state: 'ready' });
    const again = await omar.get(link);
    expect(again.status).toBe(410);
    expect(again.text).toContain('Omar Haddad had it sent again');
  });

  test('is settled by the link in the mail of whoever is asked because nobody below said anything, and of whoever stands in', async () => {
    const { shop } = pages;
    await shop.db.apply((company) => {
      company.staff['zoe'] = { ...company.staff['aisha']!, name: 'Zoe Zane', email: 'zoe@linden-vale.example' };
    });
    const [first, second] = [await doubtful(), await doubtful()];
    const handsOver = (id: string, by: string, to: string) =>
      handOver(shop.db.heed, { loopId: id, by, press: shop.press() }, { to, reason: 'She knows.' });
    await handsOver(first.id, 'omar', 'aisha');
    await asks(first);
    const linkOf = async (staff: string, id: string) => linkIn(await shop.letter('notice', staff, id));
    const [aishas, omars, ingrids] = [
      await linkOf('aisha', first.id),
      await linkOf('omar', first.id),
      await linkOf('ingrid', first.id),
    ];

    // Of whoever gave it away it is over; nobody gives away what they are asked as those above.
    await handsOver(first.id, 'aisha', 'zoe');
    await handsOver(second.id, 'omar', 'zoe');
    const somebody = pages.nobody();
    const gone = await somebody.get(aishas);
    expect([gone.status, gone.text]).toEqual([410, expect.stringContaining('It is with Zoe Zane now.')]);
    for (const link of [omars, ingrids])
      expect((await somebody.get(link)).text).toContain('You, because Zoe Zane was asked before you');
    const sent = await somebody.press(await somebody.get(ingrids), '/t/repair', {
      action: 'resend',
      reason: 'She has not got it',
    });
    expect(sent.text).toContain('It is sent again.');
    expect(await letterNow(first.letter)).toMatchObject({ state: 'ready' });
    expect((await somebody.get(omars)).text).toContain('Ingrid Solberg had it sent again');

    await shop.db.apply((company) => void delete company.staff['zoe']);
    await asks(second);
    const standsIn = await linkOf('omar', second.id);
    const page = await somebody.get(standsIn);
    expect(page.text).toContain('You, because it was with zoe, who has left.');
    await somebody.press(page, '/t/repair', { action: 'leave', reason: 'She has thanked us for it' });
    expect(await letterNow(second.letter)).toEqual({ state: 'failed', last_error_code: 'left_by_hand' });
  });

  test.each([
    ['somebody was asked about', 'needs_human'],
    ['nobody lived to record', 'sending'],
    ['somebody has sent again, and which waits to leave', 'ready'],
  ])('which %s has arrived when its customer presses what stands in it; opening it proves nothing', async (_, was) => {
    const { shop } = pages;
    const signal = await shop.hears({ ...kim, words: 'I was charged twice.', place: 'harbour', by: 'aisha' });
    const responding = { loopId: signal.id, by: 'omar', press: shop.press() };
    await approveFollowUp(shop.db.heed, responding, { words: 'Dear Kim, we pay it back.' });
    const written = await shop.letter('answer', undefined, signal.id);
    const letter = await shop.db.pool.oneFirst(sql.type(z.object({ id: z.string() }))`
      update deliveries set state = ${was}, phase = 'handed', fence = 1, lease_until = clock_timestamp() + interval '10 minutes'
      where loop_id = ${signal.id} and purpose = 'answer' returning id`);
    const state = () =>
      shop.db.pool.oneFirst(
        sql.unsafe`select state from deliveries where loop_id = ${signal.id} and purpose = 'answer'`,
      );

    const link = linkIn(written, 'What became of it');
    const customer = pages.nobody();
    const page = await customer.get(link);
    expect(await state()).toBe(was);
    await customer.press(page, '/yours/say', { says: 'yes' });
    expect(await state()).toBe('sent');
    expect((await shop.signal(signal.id)).closed_how).toBe('settled');
    // Whatever came of the attempt comes too late.
    for (const outcome of [
      { state: 'sent' },
      { state: 'uncertain', code: 'X', againInMs: 0 },
      { state: 'failed', code: 'X' },
    ] as const)
      expect(await shop.db.pool.transaction((tx) => recordOutcome(tx, letter, 1, outcome))).toBe(false);
    await shop.db.pool.transaction((tx) => settleLeftOpen(tx, letter));
    expect(await state()).toBe('sent');
  });

  test('that was settled before the mail about it left needs no mail', async () => {
    const { id, letter } = await doubtful();
    const link = await linkToOmar(id, letter);
    await pages.nobody().post('/t/repair', { link, action: 'leave', reason: 'She got it', key: 'x' });
    const notice = await pages.shop.planned('notice', 'omar', id);
    expect(await pages.shop.composes(notice)).toEqual({ end: 'cancelled', code: 'met' });
  });
});
