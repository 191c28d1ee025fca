import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { audit } from '../../src/audit/audit.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { acknowledge, acknowledgeInsight } from '../../src/triggers/responses/acknowledge.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide, takeBack } from '../../src/triggers/responses/decide.ts';
import { dismiss } from '../../src/triggers/responses/dismiss.ts';
import { draftAnswer } from '../../src/triggers/responses/draft.ts';
import { handOver, handOverInsight } from '../../src/triggers/responses/handOver.ts';
import { join } from '../../src/triggers/responses/join.ts';
import { settle } from '../../src/triggers/responses/settle.ts';
import { recordCall } from '../../src/triggers/responses/recordCall.ts';
import { repair } from '../../src/triggers/responses/repair.ts';
import { disavow, stopWriting } from '../../src/triggers/responses/stop.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { rectify } from '../../src/triggers/rights/rectify.ts';
import { sql } from '../../src/store/pool.ts';
import type { Subject } from '../../src/store/records/subjects.ts';
import { mine } from '../../src/store/views/mine.ts';
import { readSignal } from '../../src/store/views/signalReading.ts';
import { stuckLoops } from '../../src/store/views/stuck.ts';
import { tasksOf } from '../../src/store/views/tasks.ts';
import { localDate } from '../../src/domain/calendar.ts';
import { orderSending } from '../../src/store/records/sendingOrders.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld('shop', (company) => {
    for (const calendar of Object.values(company.calendars)) calendar.daysOff = [];
  });
});
afterEach(() => world.closeAll());
afterAll(() => world.close());

const by = (channel: 'email' | 'phone') => ({ purpose: 'follow_up' as const, channel, wording: '2026-06' });
const green = 'Do you have this coat in green?';
let guests = 0;
const guest = () => ({ email: `guest${(guests += 1)}@example.com` });
const wish = async (more: object = {}): Promise<string> => {
  const { id } = await world.capture({ words: green, customer: guest(), consent: [by('email')], ...more });
  await world.settle();
  return id;
};
const insightOf = async (signal: string): Promise<string> => (await world.signal(signal)).insight_id!;
const toldMails = (to: string) => world.mailsTo(to).filter((mail) => /Is it settled|Did we explain/.test(mail.text));
const adopted = {
  outcome: 'adopted' as const,
  scope: 'everyone' as const,
  reason: 'Green comes in spring.',
  doneBy: '2099-03-01',
};

describe('keep listening', () => {
  test('until a date: nobody is asked before, the decider is on that day, and the ladder begins there', async () => {
    await world.passTo('monday', '10:00');
    const insight = await insightOf(await wish());
    const wakeAt = new Date((await world.now()).getTime() + 14 * 86_400_000);
    await decide(world.heed, world.as('tomas', insight), {
      outcome: 'deferred',
      reason: 'Too few.',
      wakeAt: wakeAt.toISOString(),
    });
    await world.pass('13 days');
    expect(await world.escalations(insight, 'decided')).toHaveLength(1);
    await world.pass('25 hours');
    expect((await world.escalations(insight, 'decided')).map((rung) => rung.due_at)).toEqual([
      expect.any(Date),
      wakeAt,
    ]);
    expect(await world.insight(insight)).toMatchObject({ outcome: 'deferred', closed_at: null });
  });

  test('until so many people: whoever makes the number full brings it back, once', async () => {
    await world.passTo('monday', '10:00');
    const kim = guest();
    const first = await wish({ customer: kim });
    const insight = await insightOf(first);
    const wakeAt = new Date((await world.now()).getTime() + 90 * 86_400_000).toISOString();
    const later = { outcome: 'deferred' as const, reason: 'Too few.', wakeAt };
    await expect(decide(world.heed, world.as('tomas', insight), { ...later, untilPeople: 1 })).rejects.toThrow(
      '1 have asked already',
    );
    await decide(world.heed, world.as('tomas', insight), { ...later, untilPeople: 3 });
    await wish();
    // The same person again is not one more.
    await wish({ customer: kim });
    expect(await world.escalations(insight, 'decided')).toHaveLength(1);
    await wish();
    expect(await world.escalations(insight, 'decided')).toHaveLength(2);
    await wish();
    await wish();
    expect(await world.escalations(insight, 'decided')).toHaveLength(2);
    expect(await world.insight(insight)).toMatchObject({ people: 5, signals: 6 });
  });
});

describe('before anything leaves', () => {
  test('a decision can be taken back for as long as it says; nothing has left then, and it is open to others again', async () => {
    await world.passTo('monday', '10:00');
    const kim = guest();
    const id = await wish({ customer: kim });
    const insight = await insightOf(id);
    await decide(world.heed, world.as('tomas', insight), adopted);
    expect(await world.insight(insight)).toMatchObject({ open_to_join: false });
    await world.pass('9 minutes');
    expect([toldMails(kim.email), await world.messages({ loopId: id, purpose: 'news' })]).toEqual([[], []]);
    await takeBack(world.heed, world.as('tomas', insight));
    await world.pass('1 hour');
    expect(toldMails(kim.email)).toEqual([]);
    expect(await world.insight(insight)).toMatchObject({ outcome: null, open_to_join: true });
    expect(await insightOf(await wish())).toBe(insight);

    await decide(world.heed, world.as('tomas', insight), adopted);
    await world.pass('11 minutes');
    await expect(takeBack(world.heed, world.as('tomas', insight))).rejects.toThrow('It is too late to take it back');
    expect(toldMails(kim.email)).toHaveLength(1);
  });

  test('a decision is not put off once people have been told of it', async () => {
    await world.passTo('monday', '10:00');
    const insight = await insightOf(await wish());
    await decide(world.heed, world.as('tomas', insight), adopted);
    await expect(decide(world.heed, world.as('ingrid', insight), adopted)).rejects.toThrow('Tomás Rey decided this');
    await world.pass('11 minutes');
    const later = { outcome: 'deferred' as const, reason: 'Wait.', wakeAt: '2099-01-01T09:00:00Z' };
    await expect(decide(world.heed, world.as('tomas', insight), later)).rejects.toThrow('not put off');
    await expect(acknowledgeInsight(world.heed, world.as('tomas', insight))).rejects.toThrow('Tomás Rey decided this');
  });
});

describe('everyone who asked hears, or it is kept why not', () => {
  test('each customer once however often they spoke, each capturer once, each of them in person', async () => {
    await world.passTo('monday', '10:00');
    const [kim, lee, ana] = [guest(), guest(), { phone: '+31 6 22222222' }];
    const before = world.mailsTo('mina@linden-vale.example').length;
    const signals = [
      await wish({ customer: kim }),
      await wish({ customer: kim }),
      await wish({ customer: lee, consent: undefined }),
      await wish({ customer: undefined, consent: undefined }),
      await wish({ customer: ana, consent: [by('phone')] }),
    ];
    await recordCall(world.heed, world.as('jonas', signals[4]!), { outcome: 'reached' });
    const insight = await insightOf(signals[0]!);
    await decide(world.heed, world.as('tomas', insight), { ...adopted, scope: 'these' });
    await world.pass('11 minutes');

    const stands = await Promise.all(signals.map((id) => world.signal(id)));
    expect(stands.map((s) => s.told_channel ?? s.told_reason)).toEqual([
      'email',
      'email',
      'no_consent',
      'nobody',
      'phone',
    ]);
    expect(stands.map((s) => s.asked_at !== null)).toEqual([true, true, false, false, false]);
    expect(stands.map((s) => s.closed_how)).toEqual([null, null, 'nobody_to_reach', 'nobody_to_reach', null]);
    expect(toldMails(kim.email)).toHaveLength(1);
    expect(toldMails(kim.email)[0]!.text).toContain('for everyone who asked');
    expect(toldMails(kim.email)[0]!.headers.find((h) => h.key === 'Reply-To')?.value).toContain(
      'tomas@linden-vale.example',
    );
    const news = world.mailsTo('mina@linden-vale.example').slice(before);
    expect(news.filter((mail) => mail.text.includes('You heard it.'))).toHaveLength(1);

    // Who is called is told by whoever calls; until then their ladder runs.
    expect((await world.escalations(signals[4]!, 'told')).map((rung) => rung.staff)).toEqual(['jonas']);
    await recordCall(world.heed, world.as('jonas', signals[4]!), { outcome: 'reached' });
    await world.settle();
    expect(await world.signal(signals[4]!)).toMatchObject({ told_at: expect.any(Date), asked_at: expect.any(Date) });

    // Silence closes both of Kim's, although the letter belongs to one of them.
    await world.pass('11 days');
    expect((await Promise.all(signals.map((id) => world.signal(id)))).map((s) => s.closed_how)).toEqual([
      'silent',
      'silent',
      'nobody_to_reach',
      'nobody_to_reach',
      'silent',
    ]);
  });

  test('whose number was somebody else’s is called at the right one, once that is known, and hears what was decided', async () => {
    await world.passTo('monday', '10:00');
    const since = await world.now();
    const ana = { name: 'Ana', phone: '+31 6 44444447' };
    const [one, other] = [
      await wish({ customer: ana, consent: [by('phone')] }),
      await wish({ customer: ana, consent: [by('phone')] }),
    ];
    await recordCall(world.heed, world.as('jonas', one), { outcome: 'wrong_number' });
    await world.settle();
    expect(await world.signal(one)).toMatchObject({ reach: null, unreachable: 'wrong_number', closed_at: null });

    const right = { phone: '+31 6 44444448' };
    await rectify(world.heed, (await world.signal(one)).customer_id!, right, { by: 'operator' });
    expect(await world.signal(one)).toMatchObject({ reach: 'phone', unreachable: null });
    await decide(world.heed, world.as('tomas', await insightOf(one)), adopted);
    await world.pass('11 minutes');
    expect(await world.signal(one)).toMatchObject({ told_channel: 'phone', told_at: null, closed_at: null });
    expect((await world.escalations(one, 'told')).map((rung) => rung.staff)).toEqual(['jonas']);

    // The call about what they said later tells them for both.
    await recordCall(world.heed, world.as('jonas', other), { outcome: 'reached' });
    await world.settle();
    for (const id of [one, other]) {
      expect(await world.signal(id)).toMatchObject({
        told_at: expect.any(Date),
        asked_at: expect.any(Date),
        could_not_be_asked: null,
        closed_at: null,
      });
      const parts = await world.db.pool.anyFirst(sql.unsafe`select part from now.claims where signal_id = ${id}`);
      expect(parts).toEqual(['waiting']);
    }
    const { findings } = await audit({ databaseUrl: world.db.url, since });
    expect(findings.flatMap(({ invariant, violations }) => (/I1|I5/.test(invariant) ? violations : []))).toEqual([]);
  });

  test('who spoke twice and may be written to for one of the two is written to, and not called on top of it', async () => {
    await world.passTo('monday', '10:00');
    const kim = { name: 'Kim', email: 'kim@twice.example', phone: '+31 6 33333333' };
    const called = await wish({ customer: kim, consent: [by('phone')] });
    const written = await wish({ customer: kim });
    await decide(world.heed, world.as('tomas', await insightOf(called)), { outcome: 'declined', reason: 'No green.' });
    await world.pass('11 minutes');
    expect(toldMails(kim.email)).toHaveLength(1);
    expect([await world.signal(called), await world.signal(written)].map((s) => s.told_channel)).toEqual([
      'email',
      'email',
    ]);
  });

  test('who spoke twice and says of the remark that the letter goes by that it was not theirs hears of the other one', async () => {
    await world.passTo('monday', '19:55');
    const kim = { ...guest(), phone: '+31 6 44444452' };
    // That they may be called, too, makes no call of it.
    const again = { customer: kim, words: 'Will this coat come in green?', consent: [by('email'), by('phone')] };
    const [notTheirs, theirs, too] = [await wish({ customer: kim }), await wish(again), await wish(again)];
    await decide(world.heed, world.as('tomas', await insightOf(theirs)), { outcome: 'declined', reason: 'No green.' });
    await world.passTo('monday', '21:00');
    // It waits for the morning.
    expect(await world.messages({ loopId: notTheirs, purpose: 'told' })).toEqual([
      expect.objectContaining({ state: 'planned', last_error_code: 'quiet_hours' }),
    ]);
    await disavow(world.heed, notTheirs, (await world.signal(notTheirs)).customer_id!);
    await world.settle();
    expect(await world.signal(notTheirs)).toMatchObject({ closed_how: 'nobody_to_reach', unreachable: 'not_me' });
    await world.passTo('tuesday', '08:30');
    expect(toldMails(kim.email)).toHaveLength(1);
    expect(toldMails(kim.email)[0]!.text).toContain('Will this coat come in green?');
    for (const id of [theirs, too])
      expect(await world.signal(id)).toMatchObject({ closed_how: null, asked_at: expect.any(Date) });
    // What leaders read of it: it could not be asked, and the others wait.
    const partOf = (id: string) =>
      world.db.pool.oneFirst(sql.unsafe`select part from now.claims where signal_id = ${id}`);
    expect(await Promise.all([notTheirs, theirs, too].map(partOf))).toEqual([
      'could-not-be-asked',
      'waiting',
      'waiting',
    ]);
  });

  test('who spoke twice and was promised to hear of one of the two hears in spite of the cap, whichever the letter goes by', async () => {
    const { cap } = world.db.company.customers;
    await world.db.apply((company) => (company.customers.cap = { messages: 3, within: { amount: 30, unit: 'd' } }));
    try {
      await world.passTo('monday', '10:00');
      const kim = guest();
      const [first, promised] = [await wish({ customer: kim }), await wish({ customer: kim })];
      const friday = new Date((await world.now()).getTime() + 4 * 86_400_000).toISOString().slice(0, 10);
      await approveFollowUp(world.heed, world.as('jonas', promised), { words: 'You will hear.', promiseOn: friday });
      await world.settle();
      await decide(world.heed, world.as('tomas', await insightOf(first)), { outcome: 'declined', reason: 'No green.' });
      await world.pass('11 minutes');
      expect(await world.messages({ loopId: first, purpose: 'told' })).toEqual([
        expect.objectContaining({ state: 'sent' }),
      ]);
    } finally {
      await world.db.apply((company) => (company.customers.cap = cap));
    }
  });

  test('a customer gets at most three mails for what they said: thanks, answer, decision with the one question', async () => {
    await world.passTo('monday', '10:00');
    const kim = guest();
    const id = await wish({ customer: kim });
    await approveFollowUp(world.heed, world.as('jonas', id), { words: 'We don’t have it yet.' });
    await world.settle();
    await decide(world.heed, world.as('tomas', await insightOf(id)), {
      outcome: 'declined',
      reason: 'Green does not sell.',
    });
    await world.pass('20 days');
    const mails = world.mailsTo(kim.email);
    expect(mails).toHaveLength(3);
    expect(mails.map((mail) => /Is it settled|Did we explain/.test(mail.text))).toEqual([false, false, true]);
    expect(mails[2]!.text).toContain('Did we explain it clearly?');
    expect(await world.signal(id)).toMatchObject({ closed_how: 'silent' });
  });

  test('after a decline, explained is what is asked: a yes settles it, a no opens the next round one level up', async () => {
    await world.passTo('monday', '10:00');
    const [kim, lee] = [guest(), guest()];
    const [one, other] = [await wish({ customer: kim }), await wish({ customer: lee })];
    await decide(world.heed, world.as('tomas', await insightOf(one)), {
      outcome: 'declined',
      reason: 'Green does not sell.',
    });
    await world.pass('11 minutes');
    await confirm(world.heed, { loopId: one, press: world.press() }, { says: 'yes' });
    await confirm(world.heed, { loopId: other, press: world.press() }, { says: 'no' });
    await world.settle();
    expect(await world.signal(one)).toMatchObject({ closed_how: 'settled', says: 'yes' });
    expect(await world.signal(other)).toMatchObject({
      round: 2,
      level: 1,
      course: 'answer',
      owner: 'priya',
      closed_at: null,
    });
    // Somebody is asked to take it and to answer: what was told in the first round counts for nothing in the second.
    expect((await world.escalations(other, 'acknowledged')).map((rung) => rung.staff)).toEqual(['jonas', 'priya']);
    expect((await world.escalations(other, 'answered')).map((rung) => rung.staff)).toEqual(['jonas', 'priya']);
    const said = await world.db.pool.any(
      sql.unsafe`select question from confirmations where loop_id in (${one}, ${other})`,
    );
    expect(said).toEqual([{ question: 'explained' }, { question: 'explained' }]);
    await expect(dismiss(world.heed, world.as('jonas', one), { reason: 'done' })).rejects.toThrow('was closed');
  });
});

describe('decided anew', () => {
  test('after it was told and closed: those who have heard are left in peace, and those who have not are told', async () => {
    await world.passTo('monday', '10:00');
    const [kim, lee] = [guest(), guest()];
    const [one, other] = [await wish({ customer: kim }), await wish({ customer: lee })];
    const insight = await insightOf(one);
    world.mailbox.faults.script({ at: 'data', do: 'answer', code: 554 });
    await decide(world.heed, world.as('tomas', insight), { outcome: 'declined', reason: 'Green does not sell.' });
    await world.pass('11 minutes');
    expect(await world.insight(insight)).toMatchObject({ closed_how: 'declined' });
    const heard = toldMails(kim.email).length === 1 ? { id: one, ...kim } : { id: other, ...lee };

    await decide(world.heed, world.as('tomas', insight), adopted);
    await world.pass('11 minutes');
    expect(await world.insight(insight)).toMatchObject({
      round: 2,
      outcome: 'adopted',
      decision_version: 2,
      closed_at: null,
    });
    expect(toldMails(heard.email)).toHaveLength(1);
    // They still wait for their word on what they were told.
    expect(await world.signal(heard.id)).toMatchObject({
      told_outcome: 'declined',
      asked_at: expect.any(Date),
      closed_at: null,
    });
    await world.pass('11 days');
    expect(await world.signal(heard.id)).toMatchObject({ closed_how: 'silent' });
  });

  test('whoever may not have got the first letter is told the new word, and sending the first one again holds nobody up', async () => {
    await world.passTo('monday', '10:00');
    const kim = guest();
    const id = await wish({ customer: kim });
    const insight = await insightOf(id);
    world.mailbox.faults.script({ at: 'data', do: 'drop' }, Infinity);
    await decide(world.heed, world.as('tomas', insight), { outcome: 'declined', reason: 'Green does not sell.' });
    await world.pass('11 minutes');
    world.mailbox.faults.clear();
    await world.pass('16 minutes');
    const letters = async () => (await world.messages({ loopId: id, purpose: 'told' })).map(({ state }) => state);
    expect(await letters()).toEqual(['needs_human']);

    await decide(world.heed, world.as('tomas', insight), adopted);
    await world.pass('11 minutes');
    const { owner } = await world.signal(id);
    await settle(world.heed, world.as(owner, id), { action: 'resend', reason: 'No trace of it.' });
    await world.settle();
    expect(await letters()).toEqual(['cancelled', 'sent']);
    expect(toldMails(kim.email).at(-1)!.text).toContain('Green comes in spring.');
    expect(await world.signal(id)).toMatchObject({ told_outcome: 'adopted', asked_at: expect.any(Date) });
  });

  test('while a call is owed: nobody tells the old word by phone, nor is asked to, and then the call says the new one', async () => {
    await world.passTo('monday', '10:00');
    const id = await wish({ customer: { phone: '+31 6 44444444' }, consent: [by('phone')] });
    await recordCall(world.heed, world.as('jonas', id), { outcome: 'reached' });
    const insight = await insightOf(id);
    const script = async () =>
      (await draftAnswer(world.db.pool, await world.heed.configuration(), await world.signal(id), 'jonas')).text;
    const reached = () => recordCall(world.heed, world.as('jonas', id), { outcome: 'reached' });
    const card = () =>
      JSON.stringify(world.slackTo('jonas').findLast((message) => JSON.stringify(message).includes(id)));
    const declined = { outcome: 'declined' as const, reason: 'Green does not sell.' };
    await decide(world.heed, world.as('tomas', insight), adopted);
    await world.pass('11 minutes');
    expect(await script()).toContain('Tell them what was decided, yes,');
    expect(card()).toContain('action_signal_call');

    await decide(world.heed, world.as('tomas', insight), declined);
    await world.settle();
    for (const told of [script, reached]) await expect(told()).rejects.toThrow('Wait: it was decided anew');
    expect(card()).toContain('Wait: it was decided anew');
    expect(card()).not.toContain('action_signal_call');
    await takeBack(world.heed, world.as('tomas', insight));
    await world.settle();
    expect(await script()).toContain('Tell them what was decided, yes,');
    expect(card()).toContain('action_signal_call');

    await decide(world.heed, world.as('tomas', insight), declined);
    await handOver(world.heed, world.as('jonas', id), { to: 'mina', reason: 'She knows them.' });
    await world.settle();
    const toMina = async () =>
      (await world.messages({ loopId: id, purpose: 'prompt' })).flatMap((m) => (m.staff === 'mina' ? m.state : []));
    expect(await toMina()).toEqual(['planned']);
    await world.pass('11 minutes');
    expect((await toMina()).filter((state) => state === 'sent')).toHaveLength(1);
    expect(await toMina()).not.toContain('planned');
    expect(await script()).toContain('Tell them what was decided, no,');
    await recordCall(world.heed, world.as('mina', id), { outcome: 'reached' });
    expect(await world.signal(id)).toMatchObject({ told_outcome: 'declined', told_at: expect.any(Date) });
  });

  test('while a call is owed and the ladder climbs: once the new word is told, nobody above is called about the old one', async () => {
    await world.passTo('monday', '10:00');
    const id = await wish({ customer: { phone: '+31 6 44444445' }, consent: [by('phone')] });
    await recordCall(world.heed, world.as('jonas', id), { outcome: 'reached', promiseOn: '2099-01-02' });
    const insight = await insightOf(id);
    await decide(world.heed, world.as('tomas', insight), adopted);
    await world.passTo('wednesday', '10:05');
    await decide(world.heed, world.as('tomas', insight), { outcome: 'declined', reason: 'Green does not sell.' });
    const calls = async () =>
      (await world.messages({ loopId: id, purpose: 'prompt' })).map((m) => [m.staff, m.state, m.last_error_code]);
    await world.pass('8 minutes');
    expect((await world.escalations(id, 'told')).at(-1)).toMatchObject({ staff: 'priya', step: 2 });
    const before = await calls();
    expect(before.at(-1)).toEqual(['priya', 'planned', 'decided_anew']);

    await world.pass('5 minutes');
    expect((await calls()).slice(before.length - 1)).toEqual([
      ['priya', 'cancelled', 'met'],
      ['jonas', 'sent', null],
    ]);
  });

  test('and taken back while somebody above is to be called: they are called at once, about what stands again', async () => {
    await world.passTo('monday', '10:00');
    const id = await wish({ customer: { phone: '+31 6 44444446' }, consent: [by('phone')] });
    await recordCall(world.heed, world.as('jonas', id), { outcome: 'reached' });
    const insight = await insightOf(id);
    await decide(world.heed, world.as('tomas', insight), adopted);
    await world.passTo('wednesday', '10:05');
    await decide(world.heed, world.as('tomas', insight), { outcome: 'declined', reason: 'Green does not sell.' });
    await world.pass('8 minutes');
    const last = async () => (await world.messages({ loopId: id, purpose: 'prompt' })).at(-1);
    expect(await last()).toMatchObject({ staff: 'priya', state: 'planned', last_error_code: 'decided_anew' });
    await takeBack(world.heed, world.as('tomas', insight));
    await world.settle();
    expect(await last()).toMatchObject({ staff: 'priya', state: 'sent' });
  });

  test('while letters wait for the morning: the old word never leaves, and the new one does', async () => {
    await world.passTo('monday', '19:55');
    const kim = guest();
    const id = await wish({ customer: kim });
    const insight = await insightOf(id);
    await decide(world.heed, world.as('tomas', insight), { outcome: 'declined', reason: 'Green does not sell.' });
    await world.passTo('monday', '20:30');
    expect(await world.messages({ loopId: id, purpose: 'told' })).toEqual([
      expect.objectContaining({ state: 'planned', last_error_code: 'quiet_hours' }),
    ]);
    await decide(world.heed, world.as('tomas', insight), adopted);
    await world.passTo('tuesday', '08:30');
    expect(toldMails(kim.email)).toHaveLength(1);
    expect(toldMails(kim.email)[0]!.text).toContain('Green comes in spring.');
    expect(await world.signal(id)).toMatchObject({ told_outcome: 'adopted', closed_at: null });
  });

  test('and taken back before the morning: the first word stands, and leaves', async () => {
    await world.passTo('tuesday', '19:55');
    const kim = guest();
    const id = await wish({ customer: kim });
    const insight = await insightOf(id);
    await decide(world.heed, world.as('tomas', insight), { outcome: 'declined', reason: 'Green does not sell.' });
    await world.passTo('wednesday', '07:55');
    await decide(world.heed, world.as('tomas', insight), adopted);
    await world.passTo('wednesday', '08:02');
    expect(toldMails(kim.email)).toEqual([]);
    await takeBack(world.heed, world.as('tomas', insight));
    await world.passTo('wednesday', '08:30');
    expect(toldMails(kim.email).map((mail) => mail.text.includes('Green does not sell.'))).toEqual([true]);
    expect(await world.signal(id)).toMatchObject({ told_outcome: 'declined', closed_at: null });
  });
});

describe('what was decided, in a letter that does not arrive', () => {
  const both = [by('email'), by('phone')];
  const declined = { outcome: 'declined' as const, reason: 'Green does not sell.' };
  /** Heard by Jonas, who hears in Slack what was decided: the next mail that leaves is the customer's. */
  const asked = (customer: object, consent: object[]) => wish({ by: 'jonas', customer, consent });
  /** Answered by Jonas, and then told by a letter to an address where there is nobody. */
  async function refused(...answered: string[]): Promise<void> {
    for (const id of answered) await approveFollowUp(world.heed, world.as('jonas', id), { words: 'Not yet.' });
    await world.settle();
    await decide(world.heed, world.as('tomas', await insightOf(answered[0]!)), declined);
    world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 550, text: '5.1.1 No such user' });
    await world.pass('11 minutes');
    const letters = (await world.messages({ purpose: 'told' })).slice(-1);
    expect(letters).toEqual([expect.objectContaining({ state: 'failed', last_error_code: 'smtp_550' })]);
  }
  const call = (id: string, outcome: 'reached' | 'no_reply' | 'wrong_number') =>
    recordCall(world.heed, world.as('jonas', id), { outcome });
  const part = (id: string) =>
    world.db.pool.maybeOneFirst(sql.type(z.object({ part: z.string() }))`
      select part from now.claims where signal_id = ${id} and round = 1`);
  const broken = async (since: Date) => {
    const { findings } = await audit({ databaseUrl: world.db.url, since });
    return findings.flatMap(({ invariant, violations }) => (/I1|I5/.test(invariant) ? violations : []));
  };
  const owed = { told_channel: 'phone', told_at: null, asked_at: null, could_not_be_asked: null, closed_at: null };
  /** As if the next rung had been due for months, and nobody had climbed. */
  async function longDue(id: string, then: () => Promise<void>): Promise<void> {
    const rungs = sql.fragment`(plan_id, step, repeat) in (
      select plan_id, step, repeat from now.rungs_ahead where loop_id = ${id} and wait = 'told')`;
    await world.db.rewrite(sql.unsafe`update rungs set due_at = due_at - interval '90 days' where ${rungs}`);
    await then();
    await world.db.rewrite(sql.unsafe`update rungs set due_at = due_at + interval '90 days' where ${rungs}`);
  }
  afterEach(() => world.mailbox.faults.clear());

  test('is owed as a call to whoever agreed to one, too: that is asked for, in every place, and tells them', async () => {
    await world.passTo('monday', '10:00');
    const since = await world.now();
    const id = await asked({ ...guest(), phone: '+31 6 44444447' }, both);
    await refused(id);
    expect(await world.signal(id)).toMatchObject({ ...owed, reach: 'phone', telling_since: expect.any(Date) });
    const inSlack = JSON.stringify(world.slackTo('jonas'));
    expect(inSlack).toContain('What was decided did not arrive');
    expect(inSlack).toContain('it stays open until somebody has called them.');
    expect(inSlack).toContain('The customer waits for a call.');
    expect((await world.escalations(id, 'told')).map((rung) => rung.staff)).toEqual(['jonas']);
    const { tasks } = await tasksOf(world.db.pool, world.db.company, 'jonas');
    expect(tasks.flatMap((task) => (task.about === 'signal' && task.signal.id === id ? task.asks : []))).toEqual([
      'tell',
    ]);
    const signal = await world.signal(id);
    const { text } = await draftAnswer(world.db.pool, await world.heed.configuration(), signal, 'jonas');
    expect(text).toContain('Tell them what was decided, no,');
    const theirs = await readSignal(world.db.pool, world.db.company, id, { audience: 'customer' });
    expect(theirs?.next).toEqual([{ sentence: 'It is decided. Jonas Weber calls you about it.' }]);
    const { captured } = await mine(world.db.pool, 'jonas', { skip: 0, most: 1 });
    expect(captured).toEqual([expect.objectContaining({ id, told_at: null })]);

    await call(id, 'no_reply');
    await world.pass('4 days');
    expect(await world.signal(id)).toMatchObject(owed);
    expect((await world.escalations(id, 'told')).map((rung) => rung.staff)).toContain('priya');
    expect(await broken(since)).toEqual([]);
    await longDue(id, async () => {
      const late = (await stuckLoops(world.db.pool, world.db.company)).filter((one) => one.loopId === id);
      expect(late).toEqual([expect.objectContaining({ what: 'rung', wait: 'told' })]);
    });

    await call(id, 'reached');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({
      told_channel: 'phone',
      told_at: expect.any(Date),
      asked_at: expect.any(Date),
      closed_at: null,
    });
    await expect(call(id, 'reached')).rejects.toThrow('called them');
    expect(await broken(since)).toEqual([]);
    // Decided anew, they have heard: nobody calls them again.
    await decide(world.heed, world.as('tomas', await insightOf(id)), adopted);
    await world.pass('11 minutes');
    expect(await world.signal(id)).toMatchObject({ told_outcome: 'declined' });
    await confirm(world.heed, { loopId: id, press: world.press() }, { says: 'yes' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_how: 'settled' });
    expect(await part(id)).toBe('yes');
  });

  test('and was refused with nothing said against their address, is owed as a call, too: to whoever has not been answered yet, one that does both', async () => {
    await world.passTo('monday', '10:00');
    const since = await world.now();
    const id = await asked({ ...guest(), phone: '+31 6 44444451' }, both);
    await acknowledge(world.heed, world.as('jonas', id));
    await decide(world.heed, world.as('tomas', await insightOf(id)), declined);
    world.mailbox.faults.script({ at: 'data', do: 'answer', code: 554 });
    await world.pass('11 minutes');
    expect(await world.signal(id)).toMatchObject({ ...owed, reach: 'email', owed_by: 'phone', answered_at: null });
    expect(JSON.stringify(world.slackTo('jonas'))).toContain('it stays open until somebody has called them.');
    await expect(approveFollowUp(world.heed, world.as('jonas', id), { words: 'Not yet.' })).rejects.toThrow(
      'is a call, not a letter',
    );
    const { tasks } = await tasksOf(world.db.pool, world.db.company, 'jonas');
    expect(tasks.flatMap((task) => (task.about === 'signal' && task.signal.id === id ? task.asks : []))).toEqual([
      'call',
    ]);
    const { text } = await draftAnswer(world.db.pool, world.db, await world.signal(id), 'jonas');
    expect(text).toContain('Tell them what was decided, no,');
    await world.pass('4 days');
    expect((await world.escalations(id, 'answered')).map((rung) => rung.staff)).toContain('priya');
    expect(await broken(since)).toEqual([]);

    await call(id, 'reached');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({
      told_channel: 'phone',
      told_at: expect.any(Date),
      asked_at: expect.any(Date),
      closed_at: null,
    });
    expect(await part(id)).toBe('waiting');
    expect(await broken(since)).toEqual([]);
  });

  test('to whoever spoke more than once is owed once; where they agreed to letters alone it closes, with its owner told', async () => {
    await world.passTo('monday', '10:00');
    const since = await world.now();
    const kim = { ...guest(), phone: '+31 6 44444448' };
    const one = await asked(kim, both);
    const other = await asked(kim, both);
    const written = await asked(kim, [by('email')]);
    await refused(one, other);
    for (const id of [one, other]) expect(await world.signal(id)).toMatchObject(owed);
    const closed = { closed_how: 'nobody_to_reach', told_channel: 'email', could_not_be_asked: 'failed' };
    expect(await world.signal(written)).toMatchObject(closed);
    const { reference } = await world.signal(written);
    const notice = world.slackTo('jonas').find(({ text }) => text === `What was decided did not arrive: ${reference}`);
    expect(JSON.stringify(notice)).toContain('Nothing more is sent about it by itself.');

    await call(one, 'reached');
    await world.settle();
    for (const id of [one, other])
      expect(await world.signal(id)).toMatchObject({ told_channel: 'phone', asked_at: expect.any(Date) });
    expect(await world.signal(written)).toMatchObject(closed);
    expect(await part(written)).toBe('could-not-be-asked');
    await world.pass('4 days');
    expect(await broken(since)).toEqual([]);
    await world.pass('11 days');
    expect((await Promise.all([one, other].map((id) => world.signal(id)))).map((s) => s.closed_how)).toEqual([
      'silent',
      'silent',
    ]);
  });

  test('and was given up alone before it had left, is owed as a call, too', async () => {
    await world.passTo('monday', '10:00');
    const since = await world.now();
    const id = await asked({ ...guest(), phone: '+31 6 44444452' }, both);
    await approveFollowUp(world.heed, world.as('jonas', id), { words: 'Not yet.' });
    await world.settle();
    await decide(world.heed, world.as('tomas', await insightOf(id)), declined);
    world.mailbox.faults.script({ at: 'connect', do: 'drop' }, Infinity);
    await world.pass('80 minutes');
    const [letter] = (await world.messages({ purpose: 'told' })).slice(-1);
    const reason = 'It will never be composed.';
    const leave = { action: 'leave', message: `<d.${letter!.id}@heed>`, reason } as const;
    await repair(world.heed, { loopId: id, by: 'ops' }, leave);
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ ...owed, reach: 'email' });
    world.mailbox.faults.clear();
    await world.pass('4 days');
    expect((await world.escalations(id, 'told')).map((rung) => rung.staff)).toContain('priya');
    expect(await broken(since)).toEqual([]);
    await call(id, 'reached');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ told_channel: 'phone', told_at: expect.any(Date) });
    expect(await broken(since)).toEqual([]);
  });

  test('is still told in a call where their address is put right meanwhile', async () => {
    await world.passTo('monday', '10:00');
    const since = await world.now();
    const [kim, right] = [guest(), guest()];
    const id = await asked({ ...kim, phone: '+31 6 44444449' }, both);
    await refused(id);
    await rectify(world.heed, (await world.signal(id)).customer_id!, right, { by: 'ingrid', reason: 'misheard' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ ...owed, reach: 'email' });
    await world.pass('4 days');
    expect(await broken(since)).toEqual([]);
    expect(toldMails(right.email)).toEqual([]);

    await decide(world.heed, world.as('tomas', await insightOf(id)), adopted);
    await expect(call(id, 'reached')).rejects.toThrow('Wait: it was decided anew');
    await world.pass('11 minutes');
    // What was decided since then has never been written to them: there is an address for it.
    expect(toldMails(right.email)).toHaveLength(1);
    expect(await world.signal(id)).toMatchObject({ told_channel: 'email', asked_at: expect.any(Date) });
    await world.pass('4 days');
    expect(await broken(since)).toEqual([]);
  });

  test('because they stopped letters before it left, is owed as a call; a number of somebody else’s ends that', async () => {
    await world.passTo('monday', '19:55');
    const id = await asked({ ...guest(), phone: '+31 6 44444450' }, both);
    await decide(world.heed, world.as('tomas', await insightOf(id)), declined);
    await world.passTo('monday', '20:30');
    await stopWriting(world.heed, (await world.signal(id)).customer_id!);
    await world.settle();
    expect(await world.signal(id)).toMatchObject(owed);
    await call(id, 'wrong_number');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach' });
    expect(await part(id)).toBe('could-not-be-asked');
  });
});

describe('joining', () => {
  test('what comes after a decision opens a successor', async () => {
    await world.passTo('monday', '10:00');
    const insight = await insightOf(await wish());
    await decide(world.heed, world.as('tomas', insight), adopted);
    expect(await insightOf(await wish())).not.toBe(insight);
  });

  test('whoever is to have it done is called, although others say the same by then: neither rules nor colleagues join it to that', async () => {
    await world.passTo('monday', '10:00');
    const insight = await insightOf(await wish());
    const doneBy = localDate(await world.now(), world.db.company.timezone);
    await decide(world.heed, world.as('tomas', insight), { ...adopted, doneBy });
    await world.pass('11 minutes');
    const sending = (stops: boolean) =>
      world.db.pool.transaction((tx) =>
        orderSending(tx, { audience: 'staff', stops, by: 'operator', reason: 'A wrong wording' }),
      );
    await sending(true);
    await world.passTo('tuesday', '10:00');
    const calls = async () =>
      (await world.messages({ loopId: insight, purpose: 'prompt' })).slice(-1).map((m) => `${m.staff} ${m.state}`);
    expect(await world.escalations(insight, 'completed')).toMatchObject([{ staff: 'tomas', step: 0 }]);
    expect(await calls()).toEqual(['tomas planned']);

    const later = await wish();
    expect(await insightOf(later)).not.toBe(insight);
    await expect(join(world.heed, world.as('jonas', later), { insight })).rejects.toThrow('was decided a while ago');
    await sending(false);
    await world.settle();
    expect(await calls()).toEqual(['tomas sent']);
    expect(await world.insight(insight)).toMatchObject({ signals: 1, tellings: 1, completed_at: null });
  });

  test('a colleague may join it to another; what is left empty closes, and who was told one decision is not told another', async () => {
    await world.passTo('monday', '10:00');
    const one = await wish();
    const other = await wish({
      words: 'Do you have this coat in olive, size 44?',
      wanted: { attributes: { size: '44' } },
    });
    const [from, to] = [await insightOf(other), await insightOf(one)];
    expect(from).not.toBe(to);
    await join(world.heed, world.as('jonas', other), { insight: to });
    await world.settle();
    expect(await world.insight(from)).toMatchObject({ closed_how: 'joined' });
    expect(await world.insight(to)).toMatchObject({ signals: 2, people: 2 });
    await expect(
      handOverInsight(world.heed, world.as('tomas', from), { to: 'ingrid', reason: 'hers' }),
    ).rejects.toThrow('belongs to another one now');

    await decide(world.heed, world.as('tomas', to), adopted);
    await world.pass('11 minutes');
    const third = await insightOf(await wish());
    await expect(join(world.heed, world.as('jonas', one), { insight: third })).rejects.toThrow(
      'has been told what was decided',
    );
  });

  test('who is still to be called about one decision is not moved on to another', async () => {
    await world.passTo('monday', '10:00');
    const one = await wish({ customer: { phone: '+31 6 55555555' }, consent: [by('phone')] });
    await decide(world.heed, world.as('tomas', await insightOf(one)), { outcome: 'declined', reason: 'No green.' });
    await world.pass('11 minutes');
    const other = await insightOf(await wish());
    await expect(join(world.heed, world.as('jonas', one), { insight: other })).rejects.toThrow(
      'is still to be called about what was decided',
    );
    await recordCall(world.heed, world.as('jonas', one), { outcome: 'reached' });
    expect(await world.signal(one)).toMatchObject({ told_at: expect.any(Date), told_outcome: 'declined' });
  });
});

describe('dismissing', () => {
  test('what nobody asks for any more, because it was dismissed, is decided no more', async () => {
    await world.passTo('monday', '10:00');
    const [one, other] = [await wish(), await wish()];
    const insight = await insightOf(one);
    expect(await insightOf(other)).toBe(insight);
    await dismiss(world.heed, world.as('jonas', one), { reason: 'Said by a colleague' });
    await world.settle();
    expect(await world.insight(insight)).toMatchObject({ closed_how: null, signals: 2, people: 1 });

    await dismiss(world.heed, world.as('jonas', other), { reason: 'A joke' });
    await world.settle();
    expect(await world.insight(insight)).toMatchObject({ closed_how: 'dismissed', open_to_join: false });
    const asked = await world.escalations(insight);
    await world.pass('14 days');
    expect(await world.escalations(insight)).toEqual(asked);
    await expect(decide(world.heed, world.as('tomas', insight), adopted)).rejects.toThrow('has been dismissed');
    expect(await insightOf(await wish())).not.toBe(insight);
  });

  test('whoever was dismissed or erased does not make the number full, and is in no count of people', async () => {
    await world.passTo('monday', '10:00');
    const kim = guest();
    const { id: first } = await world.capture({
      words: green,
      customer: kim,
      offered: { item: 'teal', taken: 'refused' },
    });
    await world.settle();
    const insight = await insightOf(first);
    const joke = await wish();
    await wish();
    expect(await world.insight(insight)).toMatchObject({ people: 3, refused: 1 });
    await decide(world.heed, world.as('tomas', insight), {
      outcome: 'deferred',
      reason: 'Too few yet',
      wakeAt: new Date((await world.now()).getTime() + 20 * 86_400_000).toISOString(),
      untilPeople: 4,
    });
    await dismiss(world.heed, world.as('jonas', joke), { reason: 'A joke' });
    const subject = { customer_id: (await world.signal(first)).customer_id!, signals: [first] };
    await erase(world.heed, subject as Subject, { by: 'priya', reason: 'They asked for it' });
    await wish();
    await wish();
    expect(await world.insight(insight)).toMatchObject({ signals: 5, people: 3, refused: 0 });
    expect(await world.escalations(insight, 'decided')).toHaveLength(1);
    await wish();
    expect(await world.escalations(insight, 'decided')).toHaveLength(2);
  });

  test('nor is what was dismissed while it was decided, once that is taken back', async () => {
    await world.passTo('monday', '10:00');
    const id = await wish();
    const insight = await insightOf(id);
    await decide(world.heed, world.as('tomas', insight), adopted);
    await dismiss(world.heed, world.as('jonas', id), { reason: 'A joke' });
    await world.settle();
    expect(await world.insight(insight)).toMatchObject({ closed_how: null });
    await takeBack(world.heed, world.as('tomas', insight));
    expect(await world.insight(insight)).toMatchObject({ closed_how: 'dismissed', open_to_join: false });
  });
});

test('sample loops never wake: no story, no prompt, no letter comes from them', async () => {
  const { id } = await world.capture({ words: green, customer: guest(), consent: [by('email')] });
  await world.settle();
  const insight = await insightOf(id);
  await world.closeAll();
  await world.db.rewrite(sql.unsafe`delete from closures where loop_id in (${id}, ${insight})`);
  await world.db.rewrite(sql.unsafe`insert into open_rounds (loop_id, round) values (${id}, 1), (${insight}, 1)`);
  await world.db.rewrite(sql.unsafe`update loops set sample = true where id in (${id}, ${insight})`);
  const before = (await world.messages()).length;
  await world.pass('5 days');
  expect(await world.messages()).toHaveLength(before);
  await expect(decide(world.heed, world.as('tomas', insight), adopted)).rejects.toThrow('This is sample history');
  await expect(confirm(world.heed, { loopId: id, press: world.press() }, { says: 'no' })).rejects.toThrow(
    'There is nothing here',
  );
  expect(await world.db.pool.oneFirst(sql.unsafe`select count(*) from wakes`)).toBe(0);
});
