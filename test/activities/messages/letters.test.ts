import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { howMany } from '../../../src/activities/messages/aboutInsight.ts';
import { sql } from '../../../src/store/pool.ts';
import { lockDelivery, planDelivery } from '../../../src/store/records/deliveries.ts';
import { bundle } from '../../../src/store/records/digests.ts';
import { findLink } from '../../../src/store/records/links.ts';
import type { Letter } from '../../../src/integrations/letter.ts';
import { acknowledge } from '../../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../../src/triggers/responses/confirm.ts';
import { decide } from '../../../src/triggers/responses/decide.ts';
import { dismiss } from '../../../src/triggers/responses/dismiss.ts';
import { handOver, handOverInsight } from '../../../src/triggers/responses/handOver.ts';
import { join } from '../../../src/triggers/responses/join.ts';
import { longDate } from '../../../src/domain/longDate.ts';
import { draftAnswer } from '../../../src/triggers/responses/draft.ts';
import { mailRights } from '../../../src/triggers/rights/mailRights.ts';
import { recordCall } from '../../../src/triggers/responses/recordCall.ts';
import { stopWriting } from '../../../src/triggers/responses/stop.ts';
import { readSignal } from '../../../src/store/views/signalReading.ts';
import { z } from 'zod';
import { lettersLeave } from '../../support/database.ts';
import { tellingAddresses } from '../../support/links.ts';
import { green, kim, openShop, readable, type Shop } from './shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

const tokenIn = ({ text }: Letter, label: string): string =>
  new RegExp(`${label}: https://heed.test/t\\S*#([\\w-]{22})`).exec(text)![1]!;
/** How many links were made for it: those of an attempt that failed are taken away with it. */
const linksOf = ({ id }: { id: string }): Promise<number> =>
  shop.db.pool.oneFirst(
    sql.type(z.object({ count: z.number() }))`select count(*)::integer as count from links where delivery_id = ${id}`,
  );
const asks = { ...green, words: 'Do you have this coat in green?' };

describe('what Kim reads', () => {
  test('thanks at once, with her words and a way to say it was not her', async () => {
    const signal = await shop.hears(asks);
    const letter = await shop.letter('receipt');
    expect(await linksOf(await shop.planned('receipt'))).toBe(3);

    expect(readable(letter)).toBe(
      `Thank you for telling us

Dear Kim Adler,

Thank you for telling Mina Okafor at High Street. It is written down, and a person with a name will answer for it.

You said: “Do you have this coat in green?”

Should you ask us about it, the reference is HD-XXXX.

Linden & Vale, High Street

What became of it: https://heed.test/t#…

This wasn’t me: https://heed.test/t#…

--
Linden & Vale, Lindengracht 12, 1015 KB Amsterdam
We write because of what you told us, and because you agreed to it.
Stop writing to me: https://heed.test/t#…`,
    );
    expect(letter).toMatchObject({
      to: 'kim@example.com',
      from: { name: 'Linden & Vale', address: 'hello@linden-vale.example' },
    });
    expect(letter.unsubscribeUrl).toBe(`https://heed.test/unsubscribe/${tokenIn(letter, 'Stop writing to me')}`);
    for (const [kind, label] of [
      ['yours', 'What became of it'],
      ['not_me', 'This wasn’t me'],
      ['unsubscribe', 'Stop writing to me'],
    ] as const) {
      expect(await findLink(shop.db.pool, tokenIn(letter, label), [kind])).toMatchObject({
        customer_id: signal.customer_id,
        loop_id: signal.id,
        ended: false,
      });
    }
  });

  test('a personal answer, which she can answer directly; while a decision is to come it asks nothing', async () => {
    const signal = await shop.hears(asks);
    const draft = await draftAnswer(shop.db.pool, shop.db, signal, 'jonas');
    await approveFollowUp(
      shop.db.heed,
      { loopId: signal.id, by: 'jonas', press: shop.press() },
      { words: draft.text, promiseOn: draft.promiseOn },
    );
    const letter = await shop.letter('answer');

    expect(readable(letter)).toMatch(
      /^You asked about: coat · green\n\nDear Kim Adler,\n\nYou told Mina Okafor at High Street: “Do you have this coat in green\?”/,
    );
    const promised = longDate(draft.promiseOn!, new Date('2026-06-15'), 'Europe/Amsterdam');
    expect(letter.text).toContain(`you will hear from us by ${promised}, whichever way it goes.`);
    expect(letter.text).not.toContain('says=yes');
    expect(letter).toMatchObject({
      from: { name: 'Jonas Weber, Linden & Vale', address: 'hello@linden-vale.example' },
      replyTo: { name: 'Jonas Weber', address: 'jonas@linden-vale.example' },
    });
  });

  test('an answer from whoever wrote it, whoever has it by the time it leaves', async () => {
    const { id } = await shop.hears({ ...kim, words: 'Do you have this scarf in brown?' });
    const by = (staff: string) => ({ loopId: id, by: staff, press: shop.press() });
    await approveFollowUp(shop.db.heed, by('jonas'), { words: 'Dear Kim, I ask.' });
    await handOver(shop.db.heed, by('jonas'), { to: 'priya', reason: 'I am away.' });
    const { from, replyTo } = await shop.letter('answer', undefined, id);
    expect([from.name, replyTo?.name]).toEqual(['Jonas Weber, Linden & Vale', 'Jonas Weber']);
  });

  test('a last answer asks whether it is settled, and either button only opens her page', async () => {
    const signal = await shop.hears({ words: 'What time do you close on Sundays?', ...kim });
    await approveFollowUp(
      shop.db.heed,
      { loopId: signal.id, by: 'priya', press: shop.press() },
      { subject: 'Our hours on Sundays', words: 'Dear Kim,\n\nwe are closed on Sundays.\n\nPriya' },
    );
    const letter = await shop.letter('answer');

    expect(readable(letter)).toBe(
      `Our hours on Sundays

Dear Kim,

we are closed on Sundays.

Priya

Is it settled for you?

Yes, thank you: https://heed.test/t?says=yes#…
Not really: https://heed.test/t?says=no#…

What became of it: https://heed.test/t#…

--
Linden & Vale, Lindengracht 12, 1015 KB Amsterdam
We write because of what you told us, and because you agreed to it.
Stop writing to me: https://heed.test/t#…`,
    );
  });

  test('the answer after a no asks again', async () => {
    const signal = await shop.hears({ words: 'How much is the alteration of a coat?', ...kim });
    const by = (staff: string) => ({ loopId: signal.id, by: staff, press: shop.press() });
    await approveFollowUp(shop.db.heed, by('priya'), { words: 'Ten euros.' });
    await lettersLeave(shop.db, signal.id);
    await confirm(shop.db.heed, { loopId: signal.id, press: shop.press() }, { says: 'no' });
    await approveFollowUp(shop.db.heed, by('ingrid'), { words: 'Twelve with the lining.' });
    const letter = await shop.letter('answer');

    expect(letter.text).toContain('Twelve with the lining.');
    expect(letter.text).toContain('Is it settled for you?');
    expect(letter.replyTo?.name).toBe('Ingrid Solberg');
    expect(await findLink(shop.db.pool, tokenIn(letter, 'Not really'), ['yours'])).toMatchObject({ round: 2 });
  });

  test.each([
    ['adopted', 'The answer is yes.', 'Is it settled for you?'],
    ['declined', "I'm sorry, the answer is no.", 'Did we explain it clearly?'],
  ] as const)('a decision, %s, from the person who took it', async (outcome, says, question) => {
    const signal = await shop.hears({
      ...kim,
      words: `Do you have this scarf in ${outcome === 'adopted' ? 'red' : 'blue'}?`,
    });
    await decide(
      shop.db.heed,
      { loopId: signal.insight_id!, by: 'tomas', press: shop.press() },
      outcome === 'adopted'
        ? { outcome, scope: 'everyone', reason: 'The mill weaves it from July.', doneBy: '2026-09-01' }
        : { outcome, reason: 'The dye does not hold.', internalReason: 'Margin is too thin.' },
    );
    await shop.tells(signal.insight_id!);
    const letter = await shop.letter('told');

    expect(letter.text).toContain(says);
    expect(letter.text).toContain(question);
    expect(letter.text).toMatch(/\/t\?says=yes#[\w-]{22}\n/);
    expect(letter.text).not.toContain('Margin');
    expect(letter.replyTo).toEqual({ name: 'Tomás Rey', address: 'tomas@linden-vale.example' });
  });

  test('the year, where what was decided takes until another one', async () => {
    const signal = await shop.hears({ ...kim, words: 'Do you have this scarf in violet?' });
    await decide(
      shop.db.heed,
      { loopId: signal.insight_id!, by: 'tomas', press: shop.press() },
      { outcome: 'adopted', scope: 'everyone', reason: 'The sheep are not born yet.', doneBy: '2028-03-01' },
    );
    await shop.tells(signal.insight_id!);
    const letters = [await shop.letter('told', undefined, signal.id), await shop.letter('news', 'mina', signal.id)];
    for (const { text } of letters) expect(text).toContain('by Wednesday 1 March 2028');
  });

  test('a way to all that is held about her, for an hour, sent to her own mailbox', async () => {
    const { customer_id: id } = await shop.hears({ ...kim, words: 'Is there a bin?' });
    await mailRights(shop.db.heed, id!);
    const letter = await shop.letter('rights');
    expect(letter).toMatchObject({
      to: 'kim@example.com',
      from: { name: 'Linden & Vale', address: 'hello@linden-vale.example' },
      subject: 'What Linden & Vale holds about you',
    });
    expect(readable(letter)).toContain(
      `You asked to see, or to erase, what we hold about you. This opens it, for one hour.

See or erase it: https://heed.test/t#…

--
Linden & Vale, Lindengracht 12, 1015 KB Amsterdam
You did not ask for this? Then leave it alone, and nothing happens.`,
    );
    const link = () => findLink(shop.db.pool, tokenIn(letter, 'See or erase it'), ['rights']);
    await shop.db.passTime('59 minutes');
    expect(await link()).toMatchObject({ customer_id: id, loop_id: null, ended: false });
    await shop.db.passTime('1 minute');
    expect(await link()).toMatchObject({ ended: true });
    await shop.db.passTime('-1 hour');
  });

  test('nothing any more, once she asked us to stop', async () => {
    const signal = await shop.hears({
      words: 'Do you mend umbrellas?',
      kind: 'question',
      customer: { name: 'Noor', email: 'noor@example.com' },
      consent: kim.consent,
    });
    const receipt = await shop.planned('receipt');
    await stopWriting(shop.db.heed, signal.customer_id!);

    expect(await shop.composes(receipt)).toEqual({ end: 'suppressed', code: 'suppressed' });

    // Nor is a letter written to the number of whoever may still be called.
    const called = await shop.hears({
      words: 'Do you mend bags?',
      kind: 'question',
      customer: { name: 'Nils', email: 'nils@example.com', phone: '+31 6 30303030' },
      consent: (['email', 'phone'] as const).map((channel) => ({ ...kim.consent[0]!, channel })),
    });
    const thanks = await shop.planned('receipt', undefined, called.id);
    await stopWriting(shop.db.heed, called.customer_id!);
    expect(await shop.signal(called.id)).toMatchObject({ reach: 'phone' });
    expect(await shop.composes(thanks)).toMatchObject({ end: 'suppressed' });
  });
});

describe('what staff read', () => {
  test('Tomás: the words first, how many, by when, why him and why now; four verbs that only open a page', async () => {
    for (const place of ['high-street', 'station']) {
      await shop.hears({
        ...asks,
        ...kim,
        words: 'Is there a jumper in yellow?',
        place,
        offered: { item: 'beige', taken: 'refused' },
      });
    }
    const last = await shop.hears({ words: 'A yellow jumper, please! Do you have one?' });
    await shop.climbs(last.insight_id!);
    const letter = await shop.letter('prompt', 'tomas');

    expect(letter).toMatchObject({
      to: 'tomas@linden-vale.example',
      from: { name: 'Linden & Vale', address: 'hello@linden-vale.example' },
    });
    expect(readable(letter)).toBe(
      `Please decide by Monday 22 June: jumper · yellow (IN-XXXX)

“A yellow jumper, please! Do you have one?”
at High Street

“Is there a jumper in yellow?”
at Station, High Street, 2 times

2 people at 2 places ask for this. One refused beige.
To be decided by Monday 22 June.

You, because what we carry is yours to decide. Now, because it waits for a decision.

If nothing is decided by Thursday 18 June, 10:00, you are asked again.

Yes, for everyone: https://heed.test/t?do=adopt#…
Yes, for these people: https://heed.test/t?do=these#…
No, because…: https://heed.test/t?do=decline#…
Keep listening: https://heed.test/t?do=defer#…

--
Opening a link changes nothing: you press a button on the page it leads to, in your name.
It works for you alone, until this is settled. Linden & Vale`,
    );
    expect(await findLink(shop.db.pool, tokenIn(letter, 'Keep listening'), ['task'])).toMatchObject({
      staff: 'tomas',
      wait: 'decided',
      ended: false,
    });
  });

  test('an owner by e-mail: what, by when, who is told next', async () => {
    await shop.hears({
      words: 'Where is the fitting room?',
      place: 'station',
      by: 'luca',
      note: 'She seemed in a hurry.',
      ...kim,
      customer: { name: 'Ada Blom', email: 'ada@example.com' },
    });
    const letter = await shop.letter('prompt', 'femke');

    expect(readable(letter)).toBe(
      `Please take by 12:00: asked a question (HD-XXXX)

“Where is the fitting room?”
Ada Blom at Station, at 10:00, heard by Luca Moretti

Luca Moretti adds: She seemed in a hurry.

You, because Station is yours. Now, because it has just come to you.

If nobody takes it by 12:00, you are asked again.

I’ll take it: https://heed.test/t#…

--
Opening a link changes nothing: you press a button on the page it leads to, in your name.
It works for you alone, until this is settled. Linden & Vale`,
    );
  });

  test('somebody higher up: what is still missing, and since when', async () => {
    const signal = await shop.hears({
      words: 'Where is the lift?',
      kind: 'question',
      place: 'station',
      by: 'luca',
      ...kim,
    });
    await shop.db.passTime('1 day 1 hour');
    await shop.climbs(signal.id);
    const letter = await shop.letter('prompt', 'ingrid');
    await shop.db.passTime('-1 day -1 hour');

    expect(letter.subject).toMatch(/^Nobody has taken this by .*: .* \(HD-\w+\)$/);
    expect(letter.text).toMatch(
      /You, because the ladder ends with you\. Now, because nobody had taken it after 1 working day\./,
    );
    expect(letter.text).not.toContain('luca@');
  });

  test('whoever is given what was put off: until when, and that it has just come to them; once its day has come, that it is to be looked at', async () => {
    const { insight_id: insight } = await shop.hears({ ...kim, words: 'Do you have this coat in navy?' });
    const by = (staff: string) => ({ loopId: insight!, by: staff, press: shop.press() });
    await decide(shop.db.heed, by('tomas'), {
      outcome: 'deferred',
      reason: 'Too few.',
      wakeAt: '2026-07-20T07:00:00Z',
      untilPeople: 2,
    });
    await handOverInsight(shop.db.heed, by('tomas'), { to: 'mina', reason: 'she knows who asks' });
    await shop.climbs(insight!);
    const given = await shop.letter('prompt', 'mina', insight!);
    expect(given.subject).toMatch(/^Please decide by Monday 20 July: coat · navy \(IN-\w+\)$/);
    expect(given.text).toContain('It was put off until Monday 20 July.\n');
    expect(given.text).toContain(
      'You, because it was handed over to you: she knows who asks. Now, because it has just come to you.',
    );
    expect(given.text).not.toContain('time to look again');
    const call = await shop.planned('prompt', 'mina', insight!);
    await shop.db.pool.transaction((tx) => bundle(tx, { ...call, staff: 'mina' }, 0));
    expect((await shop.letter('digest', 'mina')).text).toMatch(
      /\nIN-\w+, High Street: please take it; it was put off until Monday 20 July\.\n/,
    );

    await shop.db.passTime('2 hours 5 minutes');
    await shop.climbs(insight!);
    const above = JSON.stringify(await shop.slack('prompt', 'jonas', insight!));
    await shop.db.passTime('36 days');
    await shop.climbs(insight!);
    const woken = await shop.letter('prompt', 'mina', insight!);
    await shop.db.passTime('-36 days -2 hours -5 minutes');
    expect(above).toContain('keep listening. Time to look again: Monday 20 July.');
    expect(above).toContain(
      'You, because you are the lead of Mina Okafor. Now, because nobody had taken it after 2 working hours.',
    );
    expect(woken.text).toContain('It was put off, and now it is time to look again.');
    expect(woken.subject).toMatch(/^Please decide: coat · navy/);

    // Before its day, where as many ask by then as were waited for.
    await shop.hears({ words: 'Do you have this coat in navy?' });
    const enough = await shop.letter('prompt', 'mina', insight!);
    expect(enough.text).toContain('It was put off, and now it is time to look again.');
    expect(enough.subject).toMatch(/^Please decide: coat · navy/);
  });

  test('what is to be done: by whom it was said, and by when; whoever is given it before that day, that it has just come to them', async () => {
    const signal = await shop.hears({ ...kim, words: 'Do you have this coat in brown?' });
    const insight = signal.insight_id;
    const by = (staff: string) => ({ loopId: insight!, by: staff, press: shop.press() });
    await decide(shop.db.heed, by('tomas'), {
      outcome: 'adopted',
      scope: 'everyone',
      reason: 'The mill weaves it.',
      doneBy: '2026-07-20',
    });
    await shop.tells(insight!);
    await handOverInsight(shop.db.heed, by('tomas'), { to: 'mina', reason: 'She knows the mill.' });
    await shop.climbs(insight!);
    const given = await shop.letter('prompt', 'mina', insight!);
    expect(given.subject).toMatch(/^Is it done\? coat · brown \(IN-\w+\)$/);
    expect(given.text).toContain('Tomás Rey said it would be done by Monday 20 July.');
    expect(given.text).toContain(
      'You, because it was handed over to you: She knows the mill. Now, because it has just come to you.',
    );
    expect(given.text).toMatch(/Say that it is done: https:\/\/heed\.test\/t#/);

    await handOverInsight(shop.db.heed, by('mina'), { to: 'tomas', reason: 'not mine' });
    await shop.climbs(insight!);
    expect((await shop.letter('prompt', 'tomas', insight!)).text).toContain(
      'You said it would be done by Monday 20 July.',
    );
    await shop.db.passTime('60 days');
    await shop.climbs(insight!);
    const above = await shop.letter('prompt', 'ingrid', insight!);
    await shop.db.passTime('-60 days');
    expect(above.subject).toMatch(/^Not said to be done: coat · brown/);
    expect(above.text).toContain('One person asks for this.\n');
    const nobody = { ...(await shop.insightOf(signal)), people: 0, places: 0 };
    expect(await howMany({ db: shop.db.pool, company: shop.db.company }, { insight: nobody })).toBe(
      'Nobody asks for this any more.',
    );
    expect(above.text).toContain('Tomás Rey said it would be done by Monday 20 July.');
  });

  test('an owner: why it could not be met, what was offered, and what is owed to them, before they answer', async () => {
    const said = {
      words: 'Is there a mirror on this floor?',
      place: 'station',
      by: 'luca',
      customer: { name: 'Una Owed', email: 'una@owed.example' },
      consent: kim.consent,
    };
    const first = await shop.hears(said);
    await shop.hears({
      ...said,
      words: 'Do you have shoe trees?',
      kind: 'question',
      unmet: 'sold out',
      offered: { item: 'wooden ones', taken: 'accepted' },
    });
    expect((await shop.letter('prompt', 'femke')).text).toContain(
      `Una Owed at Station, at 10:00, heard by Luca Moretti

Why it could not be met: sold out.
Offered instead: wooden ones, accepted.
We still owe them an answer to something they said before.

You, because Station is yours.`,
    );
    // Whoever takes it by the link answers by it; where nobody can be answered it is over once it is taken.
    const link = async (loopId: string) =>
      findLink(shop.db.pool, tokenIn(await shop.letter('prompt', 'femke', loopId), 'I’ll take it'), ['task']);
    expect(await link(first.id)).toMatchObject({
      staff: 'femke',
      loop_id: first.id,
      round: 1,
      wait: 'answered',
      ended: false,
    });
    const nameless = await shop.hears({ words: 'Where do the stairs lead to?', place: 'station', by: 'luca' });
    const letter = await shop.letter('prompt', 'femke', nameless.id);
    expect(await linksOf(await shop.planned('prompt', 'femke', nameless.id))).toBe(1);
    expect(letter.text).toContain(
      '“Where do the stairs lead to?”\nA customer at Station, at 10:00, heard by Luca Moretti',
    );
    expect(await link(nameless.id)).toMatchObject({ wait: 'acknowledged' });
  });

  test('whoever is to read what the rules are not sure of, to answer, or to call: which of these, and a link that says so', async () => {
    const at = (loopId: string) => ({ loopId, by: 'femke', press: shop.press() });
    const here = { place: 'station', by: 'luca' };
    const may = (channel: 'email' | 'phone') => ({ purpose: 'follow_up' as const, channel, wording: '2026-06' });
    const unsure = await shop.hears({ ...here, words: 'Blue hour, she said.' });
    const [write, call] = [
      await shop.hears({ ...here, ...kim, words: 'Where is the bench?' }),
      await shop.hears({
        ...here,
        words: 'Where is the other bench?',
        customer: { name: 'Cal Led', phone: '+31 6 10101010' },
        consent: [may('phone')],
      }),
    ];
    for (const { id } of [write, call]) await acknowledge(shop.db.heed, at(id));
    const unread = await shop.letter('prompt', 'femke', unsure.id);
    await shop.db.passTime('1 day 1 hour');
    for (const { id } of [write, call]) await shop.climbs(id);
    const [toWrite, toCall] = [
      await shop.letter('prompt', 'femke', write.id),
      await shop.letter('prompt', 'femke', call.id),
    ];
    // They would be the latest for whoever is asked next, as long as time stands still.
    await shop.db.pool.query(sql.unsafe`
      update deliveries set state = 'sent' where loop_id in (${write.id}, ${call.id}) and purpose = 'prompt'`);
    await shop.db.passTime('-1 day -1 hour');

    expect(unread.subject).toMatch(/^Please read by 14:45: blue \(HD-\w+\)$/);
    expect(unread.text).toContain('Now, because the rules were not sure what it is.');
    expect(unread.text).toContain('\nRead it and say what it is: https://heed.test/t#');
    for (const { subject, text } of [toWrite, toCall]) {
      expect(subject).toMatch(/^Please answer the customer by 10:00 tomorrow: /);
      expect(text).toContain('Now, because the customer had not been answered after 1 working day.');
    }
    expect(toWrite.text).toContain('\nAnswer them: https://heed.test/t#');
    expect(toCall.text).toContain('\nCall them: https://heed.test/t#');
  });

  test('whoever is to call about what was decided: to tell them, and no more than five of those who asked', async () => {
    await shop.db.apply((company) => (company.staff['jonas']!.prompts = 'email'));
    const words = 'Do you have this jumper in teal';
    for (let n = 1; n <= 5; n += 1) await shop.hears({ words: `${words}${'!'.repeat(n)}?` });
    const signal = await shop.hears({
      words: `${words}?`,
      customer: { name: 'Tel Phone', phone: '+31 6 20202020' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    const asked = await shop.letter('prompt', 'tomas', signal.insight_id!);
    expect(asked.text.match(/“/g)).toHaveLength(5);
    expect(asked.text).toContain('\n6 people ask for this.\nTo be decided by');
    await decide(
      shop.db.heed,
      { loopId: signal.insight_id!, by: 'tomas', press: shop.press() },
      { outcome: 'declined', reason: 'It does not sell.' },
    );
    await recordCall(shop.db.heed, { loopId: signal.id, by: 'jonas', press: shop.press() }, { outcome: 'reached' });
    await shop.tells(signal.insight_id!);
    await shop.climbs(signal.id);
    const letter = await shop.letter('prompt', 'jonas', signal.id);
    await shop.db.apply((company) => (company.staff['jonas']!.prompts = 'slack'));
    expect(letter.subject).toMatch(/^Please tell the customer by .*: jumper · teal \(HD-\w+\)$/);
    expect(letter.text).toContain('\nCall them: https://heed.test/t#');
  });

  test('whoever promised that they hear by a day: that it is over, and what is missing', async () => {
    await shop.db.apply((company) => (company.staff['jonas']!.prompts = 'email'));
    await shop.hears({ words: 'Is there this jumper in grey?' });
    const signal = await shop.hears({ ...kim, words: 'Do you have this jumper in grey?' });
    await approveFollowUp(
      shop.db.heed,
      { loopId: signal.id, by: 'jonas', press: shop.press() },
      { words: 'You will hear by Wednesday.', promiseOn: '2026-06-17' },
    );
    await shop.db.passTime('3 days');
    await shop.climbs(signal.id);
    const letter = await shop.letter('prompt', 'jonas', signal.id);
    await shop.db.passTime('-3 days');
    await shop.db.apply((company) => (company.staff['jonas']!.prompts = 'slack'));
    expect(letter.subject).toMatch(/^Please tell the customer by .*: jumper · grey \(HD-\w+\)$/);
    expect(letter.text).toContain('One other asked the same.\n');
    expect(letter.text).toContain('They were promised to hear by Wednesday 17 June.');
    expect(letter.text).toContain('Now, because the customer waits to hear.');
    expect(letter.text).toContain('\nSee what is missing: https://heed.test/t#');
  });

  test('Mina: what became of what she captured', async () => {
    const signal = await shop.hears({ words: 'Do you have white trousers?', ...kim });
    await decide(
      shop.db.heed,
      { loopId: signal.insight_id!, by: 'tomas', press: shop.press() },
      {
        outcome: 'adopted',
        scope: 'everyone',
        reason: 'They come in July.',
        doneBy: '2026-07-01',
        internalReason: 'Cheap.',
      },
    );
    await shop.tells(signal.insight_id!);

    expect(readable(await shop.letter('news', 'mina'))).toBe(
      `Yes to trousers · white: you heard it

“Do you have white trousers?”
at High Street, HD-XXXX

Tomás Rey decided: yes to trousers · white. You heard it.
They come in July. It should be done by Wednesday 1 July.

What you captured: https://heed.test/mine

--
Linden & Vale`,
    );
  });

  test('Mina: that a yes is for everyone who asked, and for nobody who asks her next', async () => {
    const signal = await shop.hears({ words: 'Do you have black trousers?', ...kim });
    await decide(
      shop.db.heed,
      { loopId: signal.insight_id!, by: 'tomas', press: shop.press() },
      { outcome: 'adopted', scope: 'these', reason: 'We sew them.', doneBy: '2026-07-01' },
    );
    await shop.tells(signal.insight_id!);
    const { text } = await shop.letter('news', 'mina', signal.id);
    expect(text).toContain(
      'Tomás Rey decided: yes to trousers · black, for everyone who asked. You heard it.\nWe sew them.',
    );
  });

  test('Mina: a no, and that it was weighed', async () => {
    const signal = await shop.hears({ words: 'Do you have grey trousers?', ...kim });
    await decide(
      shop.db.heed,
      { loopId: signal.insight_id!, by: 'tomas', press: shop.press() },
      { outcome: 'declined', reason: 'They do not sell.', internalReason: 'Margin is too thin.' },
    );
    await shop.tells(signal.insight_id!);
    const news = await shop.letter('news', 'mina', signal.id);
    expect(news.subject).toBe('No to trousers · grey, and why');
    expect(news.text).toContain(
      'Tomás Rey decided: no to trousers · grey. You heard it, and it was weighed.\nThe reason: They do not sell.',
    );
    expect(news.text).not.toContain('Margin');
  });

  test('Mina: what her customer says of it, and whose it is from then on', async () => {
    const asked = await shop.hears({ words: 'What does it cost to shorten a sleeve?', ...kim });
    const on = (loopId: string, by: string) => ({ loopId, by, press: shop.press() });
    const says = (loopId: string, what: 'yes' | 'no') =>
      confirm(shop.db.heed, { loopId, press: shop.press() }, { says: what });
    await approveFollowUp(shop.db.heed, on(asked.id, asked.owner), { words: 'Eight euros.' });
    await lettersLeave(shop.db, asked.id);
    await says(asked.id, 'no');
    const no = await shop.letter('news', 'mina', asked.id);
    expect(no.subject).toMatch(/^Not settled yet: HD-/);
    expect(no.text).toContain('The customer says it is not settled. It is with somebody more senior now.');
    expect(no.text).toContain('“What does it cost to shorten a sleeve?”\nat High Street, HD-');

    const senior = (await shop.signal(asked.id)).owner;
    await approveFollowUp(shop.db.heed, on(asked.id, senior), { words: 'Seven.' });
    await lettersLeave(shop.db, asked.id);
    await says(asked.id, 'yes');
    const yes = await shop.letter('news', 'mina', asked.id);
    expect(yes.subject).toMatch(/^Settled: HD-/);
    expect(yes.text).toContain('The customer says it is settled. It began with you listening.');
  });

  test('Mina: nothing of a yes that was taken back before it could be told', async () => {
    const { id, owner } = await shop.hears({ words: 'What does it cost to take in a waist?', ...kim });
    await approveFollowUp(shop.db.heed, { loopId: id, by: owner, press: shop.press() }, { words: 'Nine euros.' });
    await lettersLeave(shop.db, id);
    const says = async (what: 'yes' | 'no') => {
      await confirm(shop.db.heed, { loopId: id, press: shop.press() }, { says: what });
      return shop.planned('news', 'mina', id);
    };
    const yes = await says('yes');
    const no = await says('no');
    expect(await shop.composes(yes)).toEqual({ end: 'cancelled', code: 'nothing_new' });
    const told = await shop.composes(no);
    expect('letter' in told && told.letter.subject).toMatch(/^Not settled yet: HD-/);
  });

  test('Mina: not that it is settled, where the customer was asked whether a no was explained', async () => {
    const declined = async (words: string) => {
      const { id, insight_id: insight } = await shop.hears({ words, ...kim });
      const by = { loopId: insight!, by: 'tomas', press: shop.press() };
      await decide(shop.db.heed, by, { outcome: 'declined', reason: 'It does not sell.' });
      await shop.tells(insight!);
      return id;
    };
    const says = (loopId: string, what: 'yes' | 'no') =>
      confirm(shop.db.heed, { loopId, press: shop.press() }, { says: what });
    // The news of the decision itself has left by then.
    const hears = async (id: string) => {
      await shop.db.pool.query(sql.unsafe`
        update deliveries set state = 'sent' where loop_id = ${id} and purpose = 'news' and occasion is not null`);
      return shop.letter('news', 'mina', id);
    };
    const [clear, unclear] = [
      await declined('Do you have this scarf in black?'),
      await declined('Do you have this scarf in white?'),
    ];
    await says(clear, 'yes');
    const yes = await hears(clear);
    expect(yes.subject).toMatch(/^Explained clearly: HD-/);
    expect(yes.text).toContain('The customer says it was explained clearly.');
    await says(unclear, 'no');
    const no = await hears(unclear);
    expect(no.subject).toMatch(/^Not explained clearly: HD-/);
    expect(no.text).toContain('The customer says it was not explained clearly. It is with somebody more senior now.');
  });

  test('whoever is to answer after a no: what the customer said no to', async () => {
    const on = (loopId: string, by: string) => ({ loopId, by, press: shop.press() });
    const saysNo = async (loopId: string) => {
      await confirm(shop.db.heed, { loopId, press: shop.press() }, { says: 'no' });
      await shop.climbs(loopId);
      const { owner } = await shop.signal(loopId);
      return shop.letter('prompt', owner, loopId);
    };
    const declined = await shop.hears({ words: 'Do you have this scarf in grey?', ...kim });
    await decide(shop.db.heed, on(declined.insight_id!, 'tomas'), { outcome: 'declined', reason: 'It does not sell.' });
    await shop.tells(declined.insight_id!);
    expect((await saysNo(declined.id)).text).toContain(
      'They were told what was decided, and say it was not explained clearly.\n',
    );
    const answered = await shop.hears({ words: 'What does it cost to shorten a hem?', ...kim });
    await approveFollowUp(shop.db.heed, on(answered.id, answered.owner), { words: 'Eight euros.' });
    await lettersLeave(shop.db, answered.id);
    const before = await shop.planned('prompt', answered.owner, answered.id);
    expect((await saysNo(answered.id)).text).toContain('They were answered, and say it is not settled.\n');
    // Whoever was called before that has nothing to do with it any more.
    expect(await shop.composes(before)).toEqual({ end: 'cancelled', code: 'met' });
  });

  test('Mina: why nothing is done, too', async () => {
    const signal = await shop.hears({ words: 'Just looking, really.' });
    await dismiss(
      shop.db.heed,
      { loopId: signal.id, by: 'priya', press: shop.press() },
      { reason: 'They said so themselves.' },
    );
    const news = await shop.letter('news', 'mina');

    expect(news.to).toBe('mina@linden-vale.example');
    expect(news.subject).toMatch(/^No action on HD-\w+, and why$/);
    expect(news.text).toContain(
      'Priya Nair read it, and nothing will be done about it.\nThe reason: They said so themselves.',
    );
  });

  test('whoever is called too often: how many more wait, since when, and what each of them asks', async () => {
    const here = { place: 'station', by: 'luca' };
    const signals = [
      await shop.hears({ ...here, ...kim, words: 'Where is the till?' }),
      await shop.hears({ ...here, words: 'Where is the other till?' }),
      await shop.hears({ ...here, words: 'Where is the third till?' }),
    ];
    const calls = await Promise.all(signals.map(({ id }) => shop.planned('prompt', 'femke', id)));
    await shop.db.pool.transaction(async (tx) => {
      for (const call of calls) await bundle(tx, { ...call, staff: 'femke' }, 300_000);
    });
    const [answer, take, over] = signals;
    const on = (loopId: string) => ({ loopId, by: 'femke', press: shop.press() });
    await acknowledge(shop.db.heed, on(answer!.id));
    await dismiss(shop.db.heed, on(over!.id), { reason: 'Asked twice.' });
    await shop.db.passTime('6 minutes');
    const two = await shop.letter('digest', 'femke');
    expect(two.to).toBe('femke@linden-vale.example');
    expect(readable(two)).toMatch(
      /^Two more things wait for you\n\nYou were called so often by now that these are told together\. The oldest has waited six minutes\.\n/,
    );
    expect(two.text).toContain(`\n${take!.reference}, Station: please take it.\n`);
    expect(two.text).toContain(`\n${answer!.reference}, Station: please answer the customer.\n`);
    expect(two.text).not.toContain(over!.reference);
    expect(two.text).toContain('\nMy tasks: https://heed.test/tasks\n');

    await dismiss(shop.db.heed, on(take!.id), { reason: 'They found it.' });
    const one = await shop.letter('digest', 'femke');
    await dismiss(shop.db.heed, on(answer!.id), { reason: 'They found it, too.' });
    const none = await shop.composes(await shop.planned('digest', 'femke'));
    await shop.db.passTime('-6 minutes');
    expect(readable(one)).toMatch(
      /^One more thing waits for you\n\nYou were called so often by now that this one was kept back\. It has waited six minutes\.\n/,
    );
    expect(none).toEqual({ end: 'cancelled', code: 'met' });
  });

  test('whoever signs in: a link that lives for ten minutes, and says so', async () => {
    await shop.db.pool.transaction((tx) =>
      planDelivery(tx, { key: 'sign-in-1', purpose: 'sign_in', channel: 'email', staff: 'mina' }),
    );
    const letter = await shop.letter('sign_in', 'mina');
    const token = tokenIn(letter, 'Sign in');

    expect(letter.subject).toBe('Sign in at Linden & Vale');
    expect(letter.text).toContain('It works once, for ten minutes.');
    await shop.db.passTime('9 minutes');
    expect(await findLink(shop.db.pool, token, ['sign_in'])).toMatchObject({ staff: 'mina', ended: false });
    await shop.db.passTime('1 minute');
    expect(await findLink(shop.db.pool, token, ['sign_in'])).toMatchObject({ ended: true });
    await shop.db.passTime('-10 minutes');
  });
});

describe('what nobody reads', () => {
  test('words, names and notes of a complaint: they are behind the link', async () => {
    const secrets = ['canaryword', 'Canary Name', 'canarynote', 'canaryoffer', 'canaryitem', 'canaryunmet'];
    const signal = await shop.hears({
      words: 'canaryword: nobody could tell me why I was charged twice',
      kind: 'complaint',
      note: 'canarynote',
      unmet: 'canaryunmet',
      offered: { item: 'canaryoffer', taken: 'refused' },
      wanted: { item: 'canaryitem' },
      customer: { name: 'Canary Name', email: 'canary@example.com' },
      consent: kim.consent,
      place: 'station',
      by: 'luca',
    });
    await approveFollowUp(
      shop.db.heed,
      { loopId: signal.id, by: 'femke', press: shop.press() },
      { words: 'I looked into it.', subject: 'Your bill' },
    );
    const toStaff = JSON.stringify(await shop.letter('prompt', 'femke'));
    const answer = await shop.letter('answer');

    for (const secret of secrets) {
      expect(toStaff).not.toContain(secret);
      expect(answer.text).not.toContain(secret);
    }
    expect(toStaff).toContain('it is behind the link');
  });

  test('what somebody asked for in words of their own, where words are behind the link', async () => {
    await shop.db.apply((company) => (company.kinds['access']!.quote = 'link'));
    const signal = await shop.hears({
      ...kim,
      words: 'canaryword',
      kind: 'access',
      wanted: { item: 'canaryitem', attributes: { colour: 'green' } },
    });
    const insight = await shop.insightOf(signal);
    const prompt = await shop.letter('prompt', insight.decider, insight.id);
    await decide(
      shop.db.heed,
      { loopId: insight.id, by: insight.decider, press: shop.press() },
      { outcome: 'declined', reason: 'There is no room.' },
    );
    await shop.tells(insight.id);
    for (const letter of [
      prompt,
      await shop.letter('news', 'mina', signal.id),
      await shop.letter('told', undefined, signal.id),
    ]) {
      expect(JSON.stringify(letter)).not.toContain('canary');
      expect(letter.subject).toContain('green');
    }
    await shop.db.apply((company) => delete company.kinds['access']!.quote);
  });

  test('words that a colleague has dismissed, in what is to be decided', async () => {
    const asked = await shop.hears({ ...kim, words: 'Is there a jumper in brown?' });
    const joke = await shop.hears({ words: 'A canary-brown jumper, ha! Is there a jumper in brown?' });
    expect(joke.insight_id).toBe(asked.insight_id);
    await dismiss(
      shop.db.heed,
      { loopId: joke.id, by: joke.owner, press: shop.press() },
      { reason: 'They were joking.' },
    );
    const { text } = await shop.letter('prompt', 'tomas', asked.insight_id!);
    expect(text).not.toContain('canary');
    expect(text).toMatch(/^“Is there a jumper in brown\?”\nat High Street\n\nOne person asks for this\.\nTo be/);
  });

  test('what somebody else asked for in words of their own, who was joined to it first', async () => {
    const first = await shop.hears({
      ...kim,
      words: 'You have no capes.',
      kind: 'unmet-demand',
      wanted: { item: 'cape for canary jansen' },
    });
    const joined = await shop.hears({
      words: 'There are no capes.',
      kind: 'unmet-demand',
      wanted: { item: 'cape' },
      customer: { name: 'Lee Moor', email: 'lee@moor.example' },
      consent: kim.consent,
    });
    const insight = first.insight_id!;
    await join(shop.db.heed, { loopId: joined.id, by: 'priya', press: shop.press() }, { insight });
    await decide(
      shop.db.heed,
      { loopId: insight, by: (await shop.insightOf(first)).decider, press: shop.press() },
      { outcome: 'adopted', scope: 'everyone', reason: 'They come in July.', doneBy: '2026-09-01' },
    );
    await shop.tells(insight);
    const told = await shop.letter('told', undefined, joined.id);
    expect(told.subject).toBe('Decided: cape');
    expect(JSON.stringify(told)).not.toContain('canary');
    expect((await shop.letter('told', undefined, first.id)).subject).toBe('Decided: cape for canary jansen');
  });

  test('a script, in the page that a mail is', async () => {
    const attack = '<script>alert(1)</script> & "<img src=x onerror=alert(2)>';
    await shop.hears({
      ...kim,
      words: attack,
      kind: 'question',
      customer: { name: '<b>Kim</b>', email: 'kim@example.com' },
    });
    const { html, text } = await shop.letter('receipt');

    expect(text).toContain(attack);
    expect(html).not.toMatch(/<script|<img|<b>Kim/);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;&lt;img');
  });

  test('anything from elsewhere: no image, no font, no address but ours', async () => {
    const letters = [
      await shop.letter('receipt'),
      await shop.letter('prompt', 'tomas'),
      await shop.letter('news', 'mina'),
    ];
    for (const { html } of letters) {
      expect(html).not.toMatch(/<img|@import|url\(|<link|<script/);
      const addresses = [...html.matchAll(/https?:\/\/[^"'\s<]+/g)].map(([url]) => new URL(url).origin);
      expect(new Set(addresses)).toEqual(new Set(['https://heed.test']));
    }
  });
});

test('no address in any letter or card holds a token where it is sent and logged, but the one-click one of a mail program', async () => {
  const signal = await shop.hears({ ...kim, words: 'I was charged twice, and twice again.', kind: 'complaint' });
  await mailRights(shop.db.heed, signal.customer_id!);
  await approveFollowUp(
    shop.db.heed,
    { loopId: signal.id, by: signal.owner, press: shop.press() },
    { words: 'Dear Kim, we pay it back.' },
  );
  await shop.db.pool.query(sql.unsafe`
    update deliveries set state = 'needs_human', phase = 'handed', fence = 1 where loop_id = ${signal.id} and purpose = 'answer'`);
  const answer = await shop.db.pool.oneFirst(
    sql.type(
      z.object({ id: z.string() }),
    )`select id from deliveries where loop_id = ${signal.id} and purpose = 'answer'`,
  );
  for (const channel of ['email', 'slack'] as const)
    await shop.db.pool.transaction((tx) =>
      planDelivery(tx, {
        key: `notice:${signal.id}:1:${answer}.1:${signal.owner}:${channel}`,
        purpose: 'notice',
        channel,
        loopId: signal.id,
        round: 1,
        staff: signal.owner,
        occasion: answer,
      }),
    );
  const planned = await shop.db.pool.anyFirst(
    sql.type(z.object({ id: z.string() }))`select id from deliveries where state = 'planned'`,
  );
  const read = new Set<string>();
  for (const id of planned) {
    const delivery = (await shop.db.pool.transaction((tx) => lockDelivery(tx, id)))!;
    const composed = await shop.composes(delivery);
    const said = 'letter' in composed ? composed.letter : 'slack' in composed ? composed.slack : undefined;
    if (!said) continue;
    const { unsubscribeUrl: _, ...rest } = said as Letter;
    expect([delivery.purpose, tellingAddresses(JSON.stringify(rest))]).toEqual([delivery.purpose, []]);
    read.add(`${delivery.purpose}, ${delivery.channel}`);
  }
  expect([...read]).toEqual(
    expect.arrayContaining([
      ...['receipt', 'prompt', 'answer', 'told', 'news', 'notice', 'sign_in', 'rights'].map(
        (purpose) => `${purpose}, email`,
      ),
      ...['prompt', 'notice'].map((purpose) => `${purpose}, slack`),
    ]),
  );
});

test('what has been met meanwhile is not asked any more', async () => {
  const signal = await shop.hears({
    words: 'Is there a lift at the station?',
    kind: 'question',
    place: 'station',
    by: 'luca',
    ...kim,
  });
  const prompt = await shop.planned('prompt', 'femke');
  await dismiss(shop.db.heed, { loopId: signal.id, by: 'femke', press: shop.press() }, { reason: 'Answered at once.' });

  expect(await shop.composes(prompt)).toEqual({ end: 'cancelled', code: 'met' });
});

test('whoever calls in the place of a letter that was refused promises the day of the decision, however many letters fill the cap', async () => {
  const signal = await shop.hears({
    words: 'Do you have this coat in plum?',
    customer: { name: 'Ines Full', email: 'ines@full.example', phone: '+31 6 12345676' },
    consent: (['email', 'phone'] as const).map((channel) => ({
      purpose: 'follow_up' as const,
      channel,
      wording: '2026-06',
    })),
  });
  await approveFollowUp(
    shop.db.heed,
    { loopId: signal.id, by: 'jonas', press: shop.press() },
    { words: 'Dear Ines, I ask.' },
  );
  await shop.db.pool.query(sql.unsafe`
    update deliveries set state = 'failed', last_error_code = 'smtp_554', ended_at = heed_now()
    where loop_id = ${signal.id} and purpose = 'answer'`);
  expect(await shop.signal(signal.id)).toMatchObject({ reach: 'email', owed_by: 'phone' });
  const script = async () => (await draftAnswer(shop.db.pool, shop.db, await shop.signal(signal.id), 'jonas')).text;
  const promising = await script();
  expect(promising).toMatch(/Promise an answer by .*, and nothing sooner\./);

  const { messages } = shop.db.company.customers.cap;
  await shop.db.pool.transaction(async (tx) => {
    const to = { loopId: signal.id, round: 1, customerId: signal.customer_id! };
    for (let n = 1; n <= messages; n += 1)
      await planDelivery(tx, { key: `full-${n}`, purpose: 'receipt', channel: 'email', ...to });
    await tx.query(sql.unsafe`
      update deliveries set state = 'sent', ended_at = heed_now() where loop_id = ${signal.id} and purpose = 'receipt'`);
  });
  expect(await script()).toBe(promising);
});

test('whose answer was refused for good without their having taken it first: those above read that, and not that nobody did anything', async () => {
  const signal = await shop.hears({
    words: 'I was charged twice.',
    place: 'harbour',
    by: 'aisha',
    customer: { name: 'Ria Ring', email: 'ria@ring.example', phone: '+31 6 44444445' },
    consent: [...kim.consent, { purpose: 'follow_up', channel: 'phone', wording: 'demo-1' }],
  });
  await approveFollowUp(shop.db.heed, { loopId: signal.id, by: 'omar', press: shop.press() }, { words: 'Dear Ria.' });
  await shop.db.pool.query(sql.unsafe`
    update deliveries set state = 'failed', last_error_code = 'smtp_550' where loop_id = ${signal.id} and purpose = 'answer'`);
  await shop.db.passTime('4 days');
  await shop.climbs(signal.id);
  const { subject, text } = await shop.letter('prompt', 'ingrid', signal.id);
  await shop.db.passTime('-4 days');
  expect(subject).toMatch(/^The customer has no answer yet/);
  expect(text).not.toContain('nobody had taken it');
  // Nor for how long: the rung counts from when it came to Omar.
  expect(text).toContain('Now, because the answer that was written had not arrived.');
  const reasons = await shop.db.pool.anyFirst(sql.type(z.object({ reason: z.string() }))`
    select e.reason from escalations e join plans p on p.id = e.plan_id where p.loop_id = ${signal.id} and p.wait = 'acknowledged' and e.step > 0`);
  expect(new Set(reasons)).toEqual(new Set(['the answer that was written had not arrived']));
  const reading = await readSignal(shop.db.pool, shop.db.company, signal.id, { audience: 'staff' });
  const past = reading!.timeline.map(({ sentence }) => sentence).join(' ');
  expect(past).not.toMatch(/nobody had taken it/i);
  expect(past).toContain('The answer that was written had not arrived. ');
});
