import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { dismiss } from '../../src/triggers/responses/dismiss.ts';
import { handOver } from '../../src/triggers/responses/handOver.ts';
import { recordCall } from '../../src/triggers/responses/recordCall.ts';
import { review } from '../../src/triggers/responses/review.ts';
import { rectify } from '../../src/triggers/rights/rectify.ts';
import { sql } from '../../src/store/pool.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld('shop', (company) => {
    for (const calendar of Object.values(company.calendars)) calendar.daysOff = [];
  });
  await world.passTo('monday', '10:00');
});
afterEach(() => world.closeAll());
afterAll(() => world.close());

const mayWrite = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }];
const mayCall = [{ purpose: 'follow_up' as const, channel: 'phone' as const, wording: '2026-06' }];
const mina = 'mina@linden-vale.example';
let guests = 0;
const guest = () => ({ name: 'Kim Adler', email: `kim${(guests += 1)}@adler.example` });

describe('what the rules are unsure of goes to a person', () => {
  test('who pursues it: from there it is taken and answered like any other', async () => {
    const kim = guest();
    const { id } = await world.capture({ words: 'Blue hour, she said.', customer: kim, consent: mayWrite });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ triage_verdict: 'review', owner: 'priya', course: null });
    expect(await world.escalations(id)).toEqual([
      expect.objectContaining({ wait: 'reviewed', step: 0, staff: 'priya' }),
    ]);
    await expect(acknowledge(world.heed, world.as('priya', id))).rejects.toThrow('Nobody has said yet what this is');

    await review(world.heed, world.as('priya', id), { verdict: 'pursue', course: 'answer', kind: 'question' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ verdict: 'pursue', course: 'answer', reviewed_by: 'priya' });
    expect((await world.escalations(id)).map((taken) => taken.wait).sort()).toEqual([
      'acknowledged',
      'answered',
      'reviewed',
    ]);
    await expect(review(world.heed, world.as('ingrid', id), { verdict: 'dismiss', reason: 'no' })).rejects.toThrow(
      /^Priya Nair read this at \d\d:\d\d, a moment before you\.$/,
    );
    await approveFollowUp(world.heed, world.as('priya', id), { words: 'The lamp is back.' });
    await world.settle();
    expect(
      world
        .mailsTo(kim.email)
        .map((mail) => mail.text)
        .join(),
    ).toContain('The lamp is back.');
  });

  test('handed over before it was read: whoever it is given to is called at once, to read it and not to take it', async () => {
    const { id } = await world.capture({ words: 'Blue hour, they said.', customer: guest(), consent: mayWrite });
    await world.settle();
    await handOver(world.heed, world.as('priya', id), { to: 'jonas', reason: 'He heard her, too.' });
    await world.settle();
    const prompts = await world.messages({ loopId: id, purpose: 'prompt' });
    expect(prompts.map(({ staff, state }) => `${staff} ${state}`)).toEqual(['priya sent', 'jonas sent']);
    const card = JSON.stringify(world.slackTo('jonas').at(-1));
    expect(card).toContain('action_signal_review');
    expect(card).not.toContain('action_signal_acknowledge');
    await expect(acknowledge(world.heed, world.as('jonas', id))).rejects.toThrow('Nobody has said yet what this is');

    await review(world.heed, world.as('jonas', id), { verdict: 'pursue', course: 'answer', kind: 'question' });
    await world.settle();
    expect(await acknowledge(world.heed, world.as('jonas', id))).toMatchObject({
      sentence: 'It is yours. Next: answer the customer.',
    });
  });

  test('who dismisses it: whoever captured it is told why, the customer is not, and it is over', async () => {
    const kim = guest();
    const { id } = await world.capture({ words: 'Blue hour, he said.', customer: kim, consent: mayWrite });
    await world.settle();
    const before = world.mailsTo(mina).length;
    await review(world.heed, world.as('priya', id), { verdict: 'dismiss', reason: 'A line from a poem.' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_how: 'dismissed', closed_by: 'priya' });
    expect(
      world
        .mailsTo(mina)
        .slice(before)
        .map((mail) => mail.text)
        .join(),
    ).toContain('A line from a poem.');
    // The thanks went before anybody had read it.
    expect(world.mailsTo(kim.email)).toHaveLength(1);
    const isOver = async () => (await world.history(id)).at(-1) === 'workflowExecutionCompletedEventAttributes';
    await world.until('its story is over', isOver);
  });
});

describe('what there is nothing to do about ends with a reason', () => {
  test('dismissed by rule: the capturer is told why, and nobody else hears anything', async () => {
    const kim = guest();
    const before = world.mailsTo(mina).length;
    const { id } = await world.capture({ words: '...', customer: kim, consent: mayWrite });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_how: 'dismissed', closed_by: null, verdict: 'dismiss' });
    expect(await world.messages({ loopId: id })).toEqual([
      expect.objectContaining({ purpose: 'news', staff: 'mina', state: 'sent' }),
    ]);
    expect(world.mailsTo(mina).at(before)?.text).toContain('There is nothing in it that a customer could have meant.');
    expect(world.mailsTo(kim.email)).toEqual([]);
  });

  test('dismissed by a person: the ladder stops, and nobody is told of what they did themselves', async () => {
    const { id } = await world.capture({ words: 'How much is the scarf?', by: 'priya' });
    await world.settle();
    await dismiss(world.heed, world.as('priya', id), { reason: 'I told her at the till.' });
    await world.pass('3 days');
    expect(await world.escalations(id)).toHaveLength(1);
    expect(await world.messages({ loopId: id, purpose: 'news' })).toEqual([]);
    await expect(dismiss(world.heed, world.as('ingrid', id), { reason: 'again' })).rejects.toThrow(
      'This was closed by Priya Nair',
    );
  });
});

describe('praise and questions', () => {
  test('praise is thanked by a person, asked about once, and settled with the customer’s yes', async () => {
    const kim = guest();
    const { id } = await world.capture({ words: 'Mina was lovely.', customer: kim, consent: mayWrite });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ course: 'thank', kind: 'praise', insight_id: null });
    await approveFollowUp(world.heed, world.as('priya', id), { words: 'Thank you, I told her.' });
    await world.settle();
    const asks = world.mailsTo(kim.email).filter((mail) => mail.text.includes('Is it settled for you?'));
    expect(asks).toHaveLength(1);
    await confirm(world.heed, { loopId: id, press: world.press() }, { says: 'yes' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_how: 'settled', says: 'yes' });
  });

  test('a question is answered by whoever answers for the place, and opens no insight', async () => {
    const kim = guest();
    const { id } = await world.capture({ words: 'What time do you close?', customer: kim, consent: mayWrite });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({
      course: 'answer',
      kind: 'question',
      owner: 'priya',
      insight_id: null,
    });
    await approveFollowUp(world.heed, world.as('priya', id), { words: 'At six.' });
    await world.settle();
    expect(world.mailsTo(kim.email)).toHaveLength(2);
  });
});

describe('with nobody to reach', () => {
  test.each([
    ['nobody gave a name', undefined, 'nobody'],
    ['they did not agree to hear from us', { email: 'lee@example.com' }, 'no_consent'],
  ])('(%s) it is still taken, nobody is asked to answer, and that is recorded by itself', async (_, customer, why) => {
    const { id } = await world.capture({ words: 'Where are the socks?', ...(customer && { customer }) });
    await world.settle();
    expect((await world.escalations(id)).map((taken) => taken.wait)).toEqual(['acknowledged']);
    await acknowledge(world.heed, world.as('priya', id));
    await world.settle();
    expect(await world.signal(id)).toMatchObject({
      answer_channel: 'none',
      answered_by: null,
      unreachable: why,
      closed_how: 'nobody_to_reach',
    });
    expect((await world.escalations(id)).map((taken) => taken.wait)).toEqual(['acknowledged']);
  });

  test('a wish without a name is decided like any other: its capturer hears, and why nobody else does is kept', async () => {
    const { id } = await world.capture({ words: 'Do you have this coat in purple?', unmet: 'we don’t carry it' });
    await world.settle();
    await acknowledge(world.heed, world.as('jonas', id));
    await world.settle();
    const { insight_id: insight, answer_channel: answer } = await world.signal(id);
    expect([insight, answer]).toEqual([expect.any(String), 'none']);
    const before = world.mailsTo(mina).length;
    await decide(world.heed, world.as('tomas', insight!), { outcome: 'declined', reason: 'Purple does not sell.' });
    await world.pass('11 minutes');
    expect(await world.signal(id)).toMatchObject({ told_reason: 'nobody', closed_how: 'nobody_to_reach' });
    expect(
      world
        .mailsTo(mina)
        .slice(before)
        .map((mail) => mail.text)
        .join(),
    ).toContain('Purple does not sell.');
    expect(await world.insight(insight!)).toMatchObject({ closed_how: 'declined' });
  });
});

describe('who agreed to a call is called', () => {
  const called = { name: 'Ana', phone: '+31 6 12345678' };
  let calls = 0;
  const ask = async (): Promise<string> => {
    const phone = called.phone.replace(/8$/, String((calls += 1)));
    const { id } = await world.capture({
      words: 'When is my dress ready?',
      customer: { ...called, phone },
      consent: mayCall,
    });
    await world.settle();
    await acknowledge(world.heed, world.as('priya', id));
    return id;
  };

  test('no reply: it stays owed, and the ladder goes on', async () => {
    const id = await ask();
    await expect(approveFollowUp(world.heed, world.as('priya', id), { words: 'Hello' })).rejects.toThrow(
      'is a call, not a letter',
    );
    await recordCall(world.heed, world.as('priya', id), { outcome: 'no_reply' });
    await world.pass('25 hours');
    expect(await world.signal(id)).toMatchObject({ answered_at: null });
    expect((await world.escalations(id, 'answered')).map((taken) => taken.step)).toEqual([0, 1]);
  });

  test('reached: that was the answer, and the customer’s window is open', async () => {
    const id = await ask();
    await recordCall(world.heed, world.as('priya', id), { outcome: 'reached' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ answered_by: 'priya', asked_at: expect.any(Date), closed_at: null });
    await world.pass('11 days');
    expect(await world.signal(id)).toMatchObject({ closed_how: 'silent' });
  });

  test('somebody else’s number: nobody is waited for who was never asked', async () => {
    const id = await ask();
    await recordCall(world.heed, world.as('priya', id), { outcome: 'wrong_number' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({
      closed_how: 'nobody_to_reach',
      unreachable: 'wrong_number',
      asked_at: null,
    });
    const rule = await world.db.pool.oneFirst(sql.unsafe`select rule from closures where loop_id = ${id}`);
    expect(rule).toBe('wrong_number');

    // The number that is put right afterwards was not called.
    await rectify(world.heed, (await world.signal(id)).customer_id!, { phone: '+31 6 12345699' }, { by: 'operator' });
    expect(await world.signal(id)).toMatchObject({
      closed_how: 'nobody_to_reach',
      reach: 'phone',
      asked_at: null,
      could_not_be_asked: 'wrong_number',
    });
    const parts = await world.db.pool.anyFirst(sql.unsafe`select part from now.claims where signal_id = ${id}`);
    expect(parts).toEqual(['could-not-be-asked']);
  });

  test('somebody else’s number after they were reached at it: what was to be said this time was said to nobody', async () => {
    const id = await ask();
    await recordCall(world.heed, world.as('priya', id), { outcome: 'reached' });
    await world.settle();
    await confirm(world.heed, { loopId: id, press: world.press() }, { says: 'no' });
    await world.settle();
    const { owner } = await world.signal(id);
    await recordCall(world.heed, world.as(owner, id), { outcome: 'wrong_number' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ round: 2, closed_how: 'nobody_to_reach', asked_at: null });
    const parts = await world.db.pool.anyFirst(
      sql.unsafe`select part from now.claims where signal_id = ${id} order by round`,
    );
    expect(parts).toEqual(['no', 'could-not-be-asked']);
  });
});
