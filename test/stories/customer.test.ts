import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { audit } from '../../src/audit/audit.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { dismiss } from '../../src/triggers/responses/dismiss.ts';
import { endOfDay, localDate } from '../../src/domain/calendar.ts';
import { handOver } from '../../src/triggers/responses/handOver.ts';
import { recordCall } from '../../src/triggers/responses/recordCall.ts';
import { disavow, stopWriting } from '../../src/triggers/responses/stop.ts';
import { mailRights } from '../../src/triggers/rights/mailRights.ts';
import { object } from '../../src/triggers/rights/object.ts';
import { lift, restrict } from '../../src/triggers/rights/restrict.ts';
import { sql } from '../../src/store/pool.ts';
import { openWorld, type World } from '../support/world.ts';

const overseas = 'America/New_York';
let world: World;
beforeAll(async () => {
  world = await openWorld('shop', (company) => {
    for (const calendar of Object.values(company.calendars)) calendar.daysOff = [];
    // Six hours behind the company, or five while only one of the two has changed its clocks.
    company.calendars['overseas'] = { timezone: overseas, week: 'always', daysOff: [] };
    company.places['harbour']!.calendar = 'overseas';
  });
});
afterEach(() => world.closeAll());
afterAll(() => world.close());

const by = (channel: 'email' | 'phone') => ({ purpose: 'follow_up' as const, channel, wording: '2026-06' });
let guests = 0;
const guest = () => ({ email: `guest${(guests += 1)}@example.com` });
const says = (loopId: string, word: 'yes' | 'no', words?: string) =>
  confirm(world.heed, { loopId, press: world.press() }, { says: word, ...(words && { words }) });

/** A question that has been answered by Priya, by letter. */
async function answered(customer = guest()): Promise<{ id: string; email: string }> {
  const { id } = await world.capture({ words: 'Where is my parcel?', customer, consent: [by('email')] });
  await world.settle();
  await approveFollowUp(world.heed, world.as('priya', id), { words: 'It comes tomorrow.' });
  await world.settle();
  return { id, email: customer.email };
}

describe('the customer has the last word', () => {
  test('silence closes only after they were asked, when their window is over', async () => {
    await world.passTo('monday', '10:00');
    const { id } = await answered();
    await world.pass('9 days 23 hours');
    expect(await world.signal(id)).toMatchObject({ closed_at: null });
    await world.pass('2 hours');
    expect(await world.signal(id)).toMatchObject({ closed_how: 'silent', says: null });
    expect((await world.escalations(id, 'confirmed')).map((rung) => rung.staff)).toEqual([null]);
  });

  test('whoever let it rest over the end of their window has all of it again from when it goes on', async () => {
    await world.passTo('monday', '10:00');
    const since = await world.now();
    const { id } = await answered();
    const customer = (await world.signal(id)).customer_id!;
    await world.pass('2 days');
    await restrict(world.heed, customer, { by: 'operator' });
    await world.pass('18 days');
    await lift(world.heed, customer, { by: 'operator' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_at: null });
    await world.pass('9 days 23 hours');
    expect(await world.signal(id)).toMatchObject({ closed_at: null });
    await world.pass('2 hours');
    expect(await world.signal(id)).toMatchObject({ closed_how: 'silent', says: null });
    const { findings } = await audit({ databaseUrl: world.db.url, since });
    expect(findings.flatMap(({ invariant, violations }) => (/I1|I5/.test(invariant) ? violations : []))).toEqual([]);
  });

  test('once the day is over that a plain answer promised, whoever answers for it by then is told, unless they have said their word', async () => {
    await world.passTo('monday', '10:00');
    const since = await world.now();
    const wednesday = localDate(new Date(since.getTime() + 2 * 86_400_000), 'Europe/Amsterdam');
    const promised = async () => {
      const { id } = await world.capture({ words: 'Where is my parcel?', customer: guest(), consent: [by('email')] });
      await world.settle();
      const words = 'You hear from me by Wednesday.';
      await approveFollowUp(world.heed, world.as('priya', id), { words, promiseOn: wednesday });
      await world.settle();
      return id;
    };
    const [waits, given, settled] = [await promised(), await promised(), await promised()];
    await handOver(world.heed, world.as('priya', given), { to: 'mina', reason: 'Hers.' });
    await says(settled, 'yes');
    const told = async (id: string) =>
      (await world.messages({ loopId: id, purpose: 'notice' })).map(({ staff, state }) => `${staff} ${state}`);
    await world.passTo('wednesday', '23:00');
    expect(await told(waits)).toEqual(['priya planned']);
    await world.passTo('thursday', '09:00');
    expect(await told(waits)).toEqual(['priya sent']);
    expect(await told(given)).toEqual(['priya cancelled', 'mina sent']);
    expect(await told(settled)).toEqual(['priya cancelled']);
    const { reference } = await world.signal(waits);
    const notice = world
      .slackTo('priya')
      .find(({ text }) => text === `The day that was promised is over: ${reference}`);
    expect(JSON.stringify(notice)).toContain('This customer was promised that they hear from us again by Wednesday ');
    await world.pass('3 days');
    expect(await told(waits)).toHaveLength(1);
    const { findings } = await audit({ databaseUrl: world.db.url, since });
    expect(findings.flatMap(({ violations }) => violations)).toEqual([]);
  });

  test('a late yes settles that round, and opens nothing', async () => {
    await world.passTo('monday', '10:00');
    const { id } = await answered();
    await world.pass('11 days');
    await says(id, 'yes');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ round: 1, closed_how: 'silent', says: 'yes' });
    expect(await world.db.pool.oneFirst(sql.unsafe`select late from confirmations where loop_id = ${id}`)).toBe(true);
  });

  test('of a late yes whoever captured it hears, as of any other', async () => {
    await world.passTo('monday', '10:00');
    const { id } = await answered();
    await world.pass('11 days');
    await says(id, 'yes');
    await world.settle();
    expect(await newsOf(id)).toEqual([expect.stringMatching(/^Settled: /)]);
  });

  test('a no opens the next round one level up, with a clock and a ladder of its own, and its capturer hears', async () => {
    await world.passTo('monday', '10:00');
    const { id, email } = await answered();
    const heard = await says(id, 'no', 'It is still not here.');
    expect(heard.sentence).toContain('Ingrid Solberg will read it');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({
      round: 2,
      level: 1,
      owner: 'ingrid',
      answered_at: null,
      acknowledged_at: null,
    });
    expect(
      (await world.escalations(id))
        .slice(2)
        .map((rung) => `${rung.wait} ${rung.staff}`)
        .sort(),
    ).toEqual(['acknowledged ingrid', 'answered ingrid']);
    expect(await world.messages({ loopId: id, purpose: 'news' })).toEqual([
      expect.objectContaining({ staff: 'mina', state: 'sent' }),
    ]);
    // Said again while somebody is on it: kept as said, and no third round.
    expect((await says(id, 'no')).sentence).toContain('Ingrid Solberg will read it');
    await world.passTo('wednesday', '12:00');
    expect((await world.escalations(id, 'answered')).length).toBeGreaterThan(2);

    await approveFollowUp(world.heed, world.as('ingrid', id), { words: 'I have sent another one myself.' });
    await world.settle();
    const mails = world.mailsTo(email);
    expect(mails.filter((mail) => mail.text.includes('Is it settled for you?'))).toHaveLength(2);
    await says(id, 'yes');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ round: 2, closed_how: 'settled' });
  });

  test('a no said again before the next answer has left is of the one before: they are still to read it', async () => {
    await world.passTo('monday', '18:00');
    const { id, email } = await answered();
    await says(id, 'no');
    await world.passTo('monday', '20:30');
    await approveFollowUp(world.heed, world.as('ingrid', id), { words: 'I have sent another one myself.' });
    await world.settle();
    expect((await says(id, 'no', 'Do you hear?')).sentence).toContain('Ingrid Solberg will read it and answer you.');
    await world.passTo('tuesday', '08:05');
    expect(await world.signal(id)).toMatchObject({ round: 2, closed_at: null });
    expect(world.mailsTo(email).at(-1)?.text).toContain('I have sent another one myself.');
    expect((await says(id, 'no')).sentence).toContain('Ingrid Solberg will read it');
    expect(await world.signal(id)).toMatchObject({ round: 3 });
  });

  test('nor is anything said of the first answer before that has left, and a yes to it is not refused after', async () => {
    await world.passTo('monday', '20:30');
    const { id } = await answered();
    for (const word of ['no', 'yes'] as const)
      await expect(says(id, word)).rejects.toThrow('We have not answered yet. You will hear from us');
    await world.passTo('tuesday', '08:05');
    await says(id, 'yes');
    expect(await world.signal(id)).toMatchObject({ round: 1, closed_how: 'settled' });
  });

  test('a no that comes after closing opens the next round, too', async () => {
    await world.passTo('monday', '10:00');
    const { id } = await answered();
    await world.pass('11 days');
    await says(id, 'no');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ round: 2, closed_at: null, owner: 'ingrid' });
    expect(await newsOf(id)).toEqual([expect.stringContaining('Not settled yet')]);
    const { status } = await world.client.workflow.getHandle(`signal:${id}`).describe();
    expect(status.name).toBe('RUNNING');
  });

  test('a yes said again after a no settles what that opened, and a no said again after it opens the next round', async () => {
    await world.passTo('monday', '10:00');
    const { id } = await answered();
    await says(id, 'yes');
    await world.settle();
    await says(id, 'no');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ round: 2, closed_at: null });
    await says(id, 'yes', 'It came after all.');
    await world.settle();
    expect(await newsOf(id)).toEqual(
      [/^Settled/, /^Not settled yet/, /^Settled/].map((how) => expect.stringMatching(how)),
    );
    expect(await world.signal(id)).toMatchObject({ round: 2, closed_how: 'settled', says: 'yes' });
    const called = await world.escalations(id);
    await world.pass('3 days');
    expect(await world.escalations(id)).toEqual(called);
    const heard = await says(id, 'no', 'It is the wrong one.');
    expect(heard.sentence).toContain('will read it and answer you.');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ round: 3, closed_at: null });
    expect((await says(id, 'no', 'Do you hear?')).sentence).toContain('only what was added then is kept');
    const kept = await world.db.pool.anyFirst(sql.type(z.object({ words: z.string().nullable() }))`
      select words from confirmations where loop_id = ${id} order by confirmed_at`);
    expect(kept).toEqual([null, null, 'It came after all.', 'It is the wrong one.']);
  });

  test('a no is not dismissed: they are promised an answer, and have the last word on that one, too', async () => {
    await world.passTo('monday', '10:00');
    const { id } = await answered();
    expect((await says(id, 'no')).sentence).toContain('Ingrid Solberg will read it and answer you.');
    await world.settle();
    const away = dismiss(world.heed, world.as('ingrid', id), { reason: 'We have said all there is.' });
    await expect(away).rejects.toThrow("so it can't be dismissed: answer them. It may be our final answer.");
    await approveFollowUp(world.heed, world.as('ingrid', id), { words: 'We can do no more.', final: true });
    await world.settle();
    await says(id, 'no', 'A pity.');
    expect(await world.signal(id)).toMatchObject({ round: 2, closed_how: 'final', says: 'no' });
  });

  test('in the second round a senior may give the final answer: a no to that is kept, and closes', async () => {
    await world.passTo('monday', '10:00');
    const { id } = await answered();
    const last = { words: 'We can do no more.', final: true };
    await says(id, 'no');
    await world.settle();
    await approveFollowUp(world.heed, world.as('ingrid', id), last);
    await world.settle();
    expect((await says(id, 'no', 'A pity.')).sentence).toContain('We have given our final answer');
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ round: 2, closed_how: 'final', says: 'no' });
    const again = await says(id, 'no', 'Really?');
    expect(again.sentence).toMatch(/final answer.* only what was added then is kept/);
    expect(again.sentence).not.toContain('will read it');
    await expect(approveFollowUp(world.heed, world.as('ingrid', (await firstRound()).id), last)).rejects.toThrow(
      'A final answer is for the second round',
    );
  });

  test('in the second round whoever wants to be called is answered by a call, not told an old decision again', async () => {
    await world.passTo('monday', '10:00');
    const phone = { phone: '+31 6 44444444' };
    const { id } = await world.capture({ words: 'Where is my parcel?', customer: phone, consent: [by('phone')] });
    await world.settle();
    await recordCall(world.heed, world.as('priya', id), { outcome: 'reached' });
    await confirm(world.heed, { ...world.as('priya', id) }, { says: 'no' });
    await world.settle();
    await recordCall(world.heed, world.as('ingrid', id), { outcome: 'reached' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ round: 2, answered_by: 'ingrid', asked_at: expect.any(Date) });
  });

  test('the same press twice is answered alike, also where it changed nothing', async () => {
    await world.passTo('monday', '10:00');
    const { id } = await answered();
    await says(id, 'no');
    const again = { loopId: id, press: world.press() };
    const [once, twice] = [
      await confirm(world.heed, again, { says: 'no' }),
      await confirm(world.heed, again, { says: 'no' }),
    ];
    expect(twice).toMatchObject({ sentence: once.sentence, replayed: true });
  });
});

/** What Mina, who captured it, has read of what became of it: the subjects, oldest first. */
async function newsOf(id: string): Promise<string[]> {
  const { reference } = await world.signal(id);
  return world
    .mailsTo(world.db.company.staff['mina']!.email)
    .map(({ subject }) => subject)
    .filter((subject) => subject.includes(reference));
}

/** A signal that waits for its first answer. */
async function firstRound(): Promise<{ id: string }> {
  const { id } = await world.capture({ words: 'Where is my parcel?', customer: guest(), consent: [by('email')] });
  await world.settle();
  return { id };
}

describe('who asks us to stop is left in peace', () => {
  test('an unsubscribe ends what waits to be sent, in the same moment, and their open loops find nobody to reach', async () => {
    await world.passTo('monday', '19:00');
    const kim = guest();
    const { id } = await world.capture({ words: 'Where is my parcel?', customer: kim, consent: [by('email')] });
    const other = await world.capture({ words: 'What time do you open?', customer: kim, consent: [by('email')] });
    await world.passTo('monday', '21:00');
    await approveFollowUp(world.heed, world.as('priya', id), { words: 'It comes tomorrow.' });
    await world.settle();
    expect(await world.messages({ loopId: id, purpose: 'answer' })).toEqual([
      expect.objectContaining({ last_error_code: 'quiet_hours' }),
    ]);
    await stopWriting(world.heed, (await world.signal(id)).customer_id!);
    expect(await world.messages({ loopId: id, purpose: 'answer' })).toEqual([
      expect.objectContaining({ state: 'suppressed' }),
    ]);
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach', unreachable: 'suppressed' });
    await expect(approveFollowUp(world.heed, world.as('priya', other.id), { words: 'At nine.' })).rejects.toThrow(
      'asked us to stop',
    );
    await world.passTo('tuesday', '09:00');
    expect(world.mailsTo(kim.email)).toHaveLength(2); // the two thanks
  });

  test('“this wasn’t me” ends what is written about that remark, and nothing else of theirs', async () => {
    await world.passTo('monday', '21:00');
    const kim = guest();
    const { id } = await world.capture({ words: 'Where is my parcel?', customer: kim, consent: [by('email')] });
    const mine = await world.capture({ words: 'What time do you open?', customer: kim, consent: [by('email')] });
    await world.settle();
    for (const one of [id, mine.id]) await approveFollowUp(world.heed, world.as('priya', one), { words: 'Tomorrow.' });
    await disavow(world.heed, id, (await world.signal(id)).customer_id!);
    await world.passTo('tuesday', '09:00');
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach', unreachable: 'not_me' });
    expect(await world.signal(mine.id)).toMatchObject({ asked_at: expect.any(Date), closed_at: null });
  });

  test('who is to be called about a decision and objects is not called any more', async () => {
    await world.passTo('monday', '10:00');
    const ana = { phone: '+31 6 66666666' };
    const { id } = await world.capture({
      words: 'Do you have this coat in green?',
      customer: ana,
      consent: [by('phone')],
    });
    await world.settle();
    await recordCall(world.heed, world.as('jonas', id), { outcome: 'reached' });
    const { insight_id: insight, customer_id: customer } = await world.signal(id);
    await decide(world.heed, world.as('tomas', insight!), { outcome: 'declined', reason: 'No green.' });
    await world.pass('11 minutes');
    expect((await world.escalations(id, 'told')).map((rung) => rung.staff)).toEqual(['jonas']);
    await object(world.heed, customer!, { by: 'ingrid', reason: 'She asked us to.' });
    await expect(recordCall(world.heed, world.as('jonas', id), { outcome: 'reached' })).rejects.toThrow(
      'can’t be called about it any more',
    );
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach', unreachable: 'suppressed' });
    await world.pass('9 days');
    expect(await world.escalations(id, 'told')).toHaveLength(1);
    expect(
      await world.db.pool.oneFirst(
        sql.type(z.object({ part: z.string() }))`select part from now.claims where signal_id = ${id} and round = 1`,
      ),
    ).toBe('could-not-be-asked');
  });

  test('consent is looked at again at the moment of sending, not only when the letter was approved', async () => {
    await world.passTo('monday', '21:00');
    const kim = guest();
    const { id } = await world.capture({ words: 'Where is my parcel?', customer: kim, consent: [by('email')] });
    await world.settle();
    await approveFollowUp(world.heed, world.as('priya', id), { words: 'Tomorrow.' });
    await world.db.rewrite(sql.unsafe`delete from consents where signal_id = ${id}`);
    await world.passTo('tuesday', '09:00');
    expect(await world.messages({ loopId: id, purpose: 'answer' })).toEqual([
      expect.objectContaining({ state: 'suppressed', last_error_code: 'no_consent' }),
    ]);
    expect(world.mailsTo(kim.email)).toHaveLength(1);
  });
});

describe('when we write', () => {
  test('quiet hours hold an answer until the morning of the place; the thanks at once is exempt', async () => {
    await world.passTo('monday', '20:30');
    const kim = guest();
    const { id } = await world.capture({ words: 'Where is my parcel?', customer: kim, consent: [by('email')] });
    await world.settle();
    expect(world.mailsTo(kim.email)).toHaveLength(1);
    await approveFollowUp(world.heed, world.as('priya', id), { words: 'Tomorrow.' });
    await world.passTo('tuesday', '07:55');
    expect(world.mailsTo(kim.email)).toHaveLength(1);
    await world.passTo('tuesday', '08:05');
    expect(world.mailsTo(kim.email)).toHaveLength(2);
    expect((await world.signal(id)).asked_at).toEqual(expect.any(Date));
  });

  test('and the morning is that of the place, not of the company', async () => {
    await world.passTo('monday', '10:00');
    const { id, email } = await abroad();
    await approveFollowUp(world.heed, world.as('omar', id), { words: 'Tomorrow.' });
    await world.passTo('monday', '12:55');
    expect(world.mailsTo(email)).toHaveLength(1);
    await world.passTo('monday', '14:05');
    expect(world.mailsTo(email)).toHaveLength(2);
  });

  test('a promised day is over when it is over at the place', async () => {
    // An hour before their quiet hours on Monday.
    await world.passTo('tuesday', '01:00');
    const { id, email } = await abroad();
    const monday = localDate(await world.now(), overseas);
    await approveFollowUp(world.heed, world.as('omar', id), { words: 'Today.', promiseOn: monday });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ promised_on: monday, promised_for: endOfDay(monday, overseas) });
    expect(world.mailsTo(email)).toHaveLength(2);
  });

  test('nobody reads in the morning that they hear from us the day before: whoever writes in quiet hours is told when it leaves, and promises no day before that', async () => {
    await world.passTo('monday', '20:30');
    const [early, late] = [await captured(guest()), await captured(guest())];
    const monday = localDate(await world.now(), 'Europe/Amsterdam');
    const words = 'You hear from us.';
    await expect(approveFollowUp(world.heed, world.as('priya', late), { words, promiseOn: monday })).rejects.toThrow(
      /^This one leaves on Tuesday .* at 08:00: until then nobody is written to\. Promise that day or a later one, or nothing\.$/,
    );
    expect(await world.signal(late)).toMatchObject({ answered_at: null });
    const tuesday = localDate(new Date((await world.now()).getTime() + 86_400_000), 'Europe/Amsterdam');
    const { sentence } = await approveFollowUp(world.heed, world.as('priya', late), { words, promiseOn: tuesday });
    expect(sentence).toMatch(/^It leaves in your name on Tuesday .* at 08:00: until then nobody is written to\.$/);
    await world.passTo('tuesday', '02:00');
    expect((await approveFollowUp(world.heed, world.as('priya', early), { words, promiseOn: tuesday })).sentence).toBe(
      'It leaves in your name at 08:00: until then nobody is written to.',
    );
    await world.passTo('tuesday', '08:05');
    for (const id of [early, late])
      expect(await world.messages({ loopId: id, purpose: 'answer' })).toEqual([
        expect.objectContaining({ state: 'sent' }),
      ]);
  });

  test('whoever lets everything rest is not written to, however long it takes, until it goes on', async () => {
    await world.passTo('monday', '20:30');
    const { id, email } = await answered();
    const customer = (await world.signal(id)).customer_id!;
    await restrict(world.heed, customer, { by: 'operator' });
    await world.passTo('wednesday', '12:00');
    expect(world.mailsTo(email)).toHaveLength(1);
    expect(await world.messages({ loopId: id, purpose: 'answer' })).toEqual([
      expect.objectContaining({ state: 'ready', last_error_code: 'restricted' }),
    ]);
    await lift(world.heed, customer, { by: 'operator' });
    await world.settle();
    expect(world.mailsTo(email)).toHaveLength(2);
  });

  test('nobody gets more than the cap allows: thanks give way; an answer that only makes a promise waits its turn; the telling that keeps one goes', async () => {
    const { cap } = world.db.company.customers;
    await world.db.apply((company) => (company.customers.cap = { messages: 2, within: { amount: 3, unit: 'd' } }));
    await world.passTo('monday', '10:00');
    const kim = guest();
    const [one, two, three] = [await answered(kim), await captured(kim), await captured(kim)];
    expect(world.mailsTo(kim.email)).toHaveLength(2);
    expect((await world.messages({ loopId: two })).find((m) => m.purpose === 'receipt')).toMatchObject({
      state: 'suppressed',
      last_error_code: 'cap',
    });
    const onDay = async (days: number) =>
      new Date((await world.now()).getTime() + days * 86_400_000).toISOString().slice(0, 10);
    const inDays = async (days: number) => ({ words: 'Promised.', promiseOn: await onDay(days) });
    const held = await approveFollowUp(world.heed, world.as('priya', two), { words: 'Held.' });
    expect(held.sentence).toMatch(/^It leaves in your name on Thursday .*: until then they have had as many letters/);
    await expect(approveFollowUp(world.heed, world.as('priya', three), await inDays(2))).rejects.toThrow(
      /^This one leaves on Thursday .*\. Promise that day or a later one, or nothing\./,
    );
    await approveFollowUp(world.heed, world.as('priya', three), await inDays(4));
    await world.settle();
    const read = () => world.mailsTo(kim.email).map((mail) => /Held|Promised|No green/.exec(mail.text)?.[0]);
    expect(read()).toEqual([undefined, undefined]);
    await world.passTo('thursday', '12:00');
    expect(new Set(read())).toEqual(new Set([undefined, 'Held', 'Promised']));
    expect(read()).toHaveLength(4);
    expect(await world.signal(one.id)).toMatchObject({ closed_at: null });

    // Promised while there was room, and kept while there is none.
    await world.pass('4 days');
    const { id } = await world.capture({
      words: 'Do you have this coat in green?',
      customer: kim,
      consent: [by('email')],
    });
    await world.settle();
    const wished = await world.signal(id);
    await approveFollowUp(world.heed, world.as(wished.owner, id), await inDays(2));
    await world.settle();
    const decider = (await world.insight(wished.insight_id!)).decider;
    await decide(world.heed, world.as(decider, wished.insight_id!), { outcome: 'declined', reason: 'No green.' });
    await world.pass('11 minutes');
    expect(read().slice(4)).toEqual([undefined, 'Promised', 'No green']);
    await world.db.apply((company) => (company.customers.cap = cap));
  });

  test('whoever asks to see what we hold waits no longer for their answer: what they asked for fills no cap', async () => {
    const { cap } = world.db.company.customers;
    await world.db.apply((company) => (company.customers.cap = { messages: 3, within: { amount: 30, unit: 'd' } }));
    await world.passTo('monday', '10:00');
    const kim = guest();
    const id = await captured(kim);
    for (let times = 1; times <= 3; times += 1) {
      await mailRights(world.heed, (await world.signal(id)).customer_id!);
      await world.pass('10 minutes');
    }
    await approveFollowUp(world.heed, world.as('priya', id), { words: 'At nine.' });
    await world.settle();
    const mails = world.mailsTo(kim.email);
    expect(mails).toHaveLength(1 + 3 + 1);
    expect(mails.at(-1)!.text).toContain('At nine.');
    await world.db.apply((company) => (company.customers.cap = cap));
  });
});

/** A question at a place whose clock is another than the company's, for Omar. */
async function abroad(): Promise<{ id: string; email: string }> {
  const customer = guest();
  const said = { words: 'Where is my parcel?', place: 'harbour', by: 'aisha' };
  const { id } = await world.capture({ ...said, customer, consent: [by('email')] });
  await world.settle();
  return { id, email: customer.email };
}

async function captured(customer: { email: string }): Promise<string> {
  const { id } = await world.capture({ words: 'What time do you open?', customer, consent: [by('email')] });
  await world.settle();
  return id;
}
