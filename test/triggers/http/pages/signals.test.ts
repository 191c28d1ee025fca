import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { acknowledge } from '../../../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../../../src/triggers/responses/confirm.ts';
import { decide } from '../../../../src/triggers/responses/decide.ts';
import { join } from '../../../../src/triggers/responses/join.ts';
import { lift, restrict } from '../../../../src/triggers/rights/restrict.ts';
import { sql } from '../../../../src/store/pool.ts';
import { suppress } from '../../../../src/store/records/customers.ts';
import { green } from '../../../activities/messages/shop.ts';
import { lettersLeave } from '../../../support/database.ts';
import { linkIn, openPages, type Pages } from './visitors.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages();
});
afterAll(() => pages.shop.close());

const writtenOrCalled = (['email', 'phone'] as const).map((channel) => ({
  purpose: 'follow_up' as const,
  channel,
  wording: '2026-06',
}));
const bounces = ({ email }: { email: string }) =>
  pages.shop.db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: email }], 'bounced'));
const hears = (said: Partial<Parameters<Pages['shop']['hears']>[0]> = {}) =>
  pages.shop.hears({ ...green, note: 'in a hurry', ...said });

describe('the page of a signal', () => {
  test('opens with the words, then tells what became of them, what is next, and who is answerable', async () => {
    const signal = await hears();
    const { text, html } = await (await pages.as('priya')).get(`/signals/${signal.id}`);
    expect(html.indexOf('Do you have this coat in green, size 42?')).toBeLessThan(html.indexOf('What became of it'));
    expect(text).toContain('Given to Jonas Weber: “outerwear on High Street is yours”.');
    expect(text).toContain('next If nobody takes it by 12:00, Priya Nair is told.');
    expect(text).toContain('With Jonas Weber, outerwear lead');
    expect(text).toContain('Kim Adler may hear by e-mail, about this we owe an answer');
    expect(text).toContain('Waiting for the decision on coat · green · 42');
    expect(text).toContain('Among colleagues in a hurry');
    expect(html).toContain(`href="http://temporal.test/namespaces/heed/workflows/signal%3A${signal.id}"`);
  });

  test('is not there for whoever works elsewhere, read or pressed', async () => {
    const signal = await hears({ words: 'I was charged twice.' });
    await approveFollowUp(
      pages.web.heed,
      { loopId: signal.id, by: 'priya', press: pages.shop.press() },
      { words: 'Dear Kim.' },
    );
    const aisha = await pages.as('aisha');
    const missing = await aisha.get('/signals/01a20d66-832b-7174-a70b-cba7ca556bc6');
    const hidden = await aisha.get(`/signals/${signal.id}`);
    expect(hidden.status).toBe(404);
    expect(hidden.text).toBe(missing.text);
    const before = await pages.facts();
    for (const verb of ['acknowledgement', 'dismissal', 'confirmation', 'joining'])
      expect((await aisha.post(`/signals/${signal.id}/${verb}`, { reason: 'x', says: 'yes' })).status).toBe(404);
    expect(await pages.facts()).toBe(before);
  });

  test('shows an earlier remark of the customer only where the viewer may read it', async () => {
    const customer = { name: 'Otto Haan', email: 'otto@example.com' };
    await hears({ words: 'Too dark in here', place: 'harbour', by: 'aisha', customer });
    await hears({ words: 'Too loud in here', customer });
    const signal = await hears({ words: 'Do you have scarves?', customer });
    const priya = await (await pages.as('priya')).get(`/signals/${signal.id}`);
    expect(priya.text).toContain('“Too loud in here”');
    expect(priya.text).not.toContain('Too dark in here');
    expect(priya.text).toContain('they said 1 other remark, 1 elsewhere');
  });

  test('lets its holder take it, hand it over and answer, and says each time what happened', async () => {
    const signal = await hears();
    const at = `/signals/${signal.id}`;
    const jonas = await pages.as('jonas');
    const taken = await jonas.press(await jonas.get(at), `${at}/acknowledgement`);
    expect(taken.text).toContain('It is yours. Next: answer the customer.');
    const handed = await jonas.press(taken, `${at}/handover`, { to: 'priya', reason: 'she knows Kim' });
    expect(handed.text).toContain('It is with Priya Nair now.');
    const priya = await pages.as('priya');
    await priya.press(await priya.get(at), `${at}/acknowledgement`);
    const page = await priya.get(at);
    expect(page.html).toContain('You told Mina Okafor at High Street');
    const sent = await priya.press(page, `${at}/follow-up`, { promiseOn: '2026-06-18' });
    expect(sent.text).toContain('Sent in your name. They can answer you directly.');
    expect(sent.text).toContain('Answered by e-mail by Priya Nair. A promise until the end of Thursday 18 June.');
    expect(sent.text).toContain('we owe a promise, until Thursday 18 June');
  });

  test('tells the slower of two who was faster, and keeps what they wrote', async () => {
    const signal = await hears();
    const at = `/signals/${signal.id}`;
    const priya = await pages.as('priya');
    const page = await priya.get(at);
    await acknowledge(pages.web.heed, { loopId: signal.id, by: 'jonas', press: pages.shop.press() });
    const slow = await priya.press(page, `${at}/acknowledgement`);
    expect(slow.status).toBe(409);
    expect(slow.text).toContain('Jonas Weber took this at 10:00, a moment before you.');
    const refused = await priya.press(slow, `${at}/follow-up`, { words: 'My own words', promiseOn: '2026-06-01' });
    expect(refused.status).toBe(400);
    expect(refused.html).toContain('My own words</textarea>');
    expect(refused.text).toContain('The promised day is over.');
  });

  test('leads to no address that cannot be opened from a form that came back', async () => {
    const signal = await hears();
    const at = `/signals/${signal.id}`;
    const jonas = await pages.as('jonas');
    const page = await jonas.get(at);
    expect(page.html).toContain('/assets/live.js');
    const unfit = await jonas.press(page, `${at}/handover`, { to: 'priya', reason: '' });
    expect(unfit.status).toBe(400);
    expect((await jonas.get(unfit.path)).status).toBe(405);
    // What would look again, or ask for it again: both go to where the page stands.
    expect(unfit.html).not.toContain('live.js');
    expect(unfit.html).not.toContain('href=""');
  });

  test('counts a double click once', async () => {
    const signal = await hears();
    const at = `/signals/${signal.id}`;
    const jonas = await pages.as('jonas');
    const page = await jonas.get(at);
    const both = await Promise.all([1, 2].map(() => jonas.press(page, `${at}/acknowledgement`)));
    for (const { status, text } of both) {
      expect(status).toBe(200);
      expect(text).toContain('It is yours. Next: answer the customer.');
    }
    expect(both[0]!.text.match(/Jonas Weber took it\./g)).toHaveLength(1);
  });

  test('asks a person what the rules were unsure of', async () => {
    const signal = await hears({ words: 'The thing with the thing.' });
    const at = `/signals/${signal.id}`;
    const priya = await pages.as('priya');
    const page = await priya.get(at);
    expect(page.text).toContain('The rules were not sure. What is it?');
    const unfit = await priya.press(page, `${at}/review`, {});
    expect(unfit.text).toContain('What it calls for is needed to pursue it: thank, answer, or decide.');
    const read = await priya.press(unfit, `${at}/review`, { course: 'thank', kind: 'praise' });
    expect(read.text).toContain('Priya Nair read it as “praised”. It calls for a thank-you.');
  });

  test('offers what is merely similar, and joins it with one press', async () => {
    const coat = await hears({ words: 'Do you have a linen coat in navy?' });
    const blue = await hears({ words: 'Do you have a linen coat in navy, size 50?' });
    expect(blue.insight_id).not.toBe(coat.insight_id);
    const at = `/signals/${blue.id}`;
    const priya = await pages.as('priya');
    const page = await priya.get(at);
    expect(page.text).toContain('Is it one of these?');
    const joined = await priya.press(page, `${at}/joining`, { insight: coat.insight_id! });
    expect(joined.text).toContain('Joined. 1 others said so too.');
    expect((await pages.shop.signal(blue.id)).insight_id).toBe(coat.insight_id);
  });

  test('neither compares nor shows there what somebody lets rest', async () => {
    const customer = { name: 'Rae', email: 'rae@rests.example' };
    const rests = await hears({
      words: 'Do you have gabardine breeches with buttons?',
      kind: 'unmet-demand',
      wanted: { item: 'breeches' },
      customer,
    });
    const asks = await hears({
      words: 'Gabardine breeches with buttons, please.',
      kind: 'unmet-demand',
      wanted: { item: 'plus fours' },
    });
    expect(asks.insight_id).not.toBe(rests.insight_id);
    const priya = await pages.as('priya');
    const offered = async () => (await priya.get(`/signals/${asks.id}`)).text.includes('Do you have gabardine');
    expect(await offered()).toBe(true);
    await restrict(pages.shop.db.heed, rests.customer_id!, { by: 'priya' });
    expect(await offered()).toBe(false);
    await lift(pages.shop.db.heed, rests.customer_id!, { by: 'priya' });
    expect(await offered()).toBe(true);
  });

  test('names what is similar elsewhere by the company’s words and by what was said here, and by nothing that somebody there typed of themselves', async () => {
    const wish = (attributes: Record<string, string>) => ({
      kind: 'unmet-demand',
      wanted: { item: 'cape', attributes },
    });
    const there = await hears({
      ...wish({ colour: 'navy', lining: 'fleece', 'to fit': 'aunt Quorndon' }),
      words: 'I would like one.',
    });
    const here = await hears({ ...wish({ lining: 'fleece' }), words: 'For winter.', place: 'harbour', by: 'aisha' });
    expect(here.insight_id).not.toBe(there.insight_id);
    const at = `/signals/${here.id}`;
    const omar = await (await pages.as('omar')).get(at);
    expect(omar.text).toContain('Is it one of these?');
    expect(omar.text).toContain('cape · navy · fleece');
    expect(omar.text).not.toMatch(/quorndon/i);
    // Whoever sees both places reads all of it.
    expect((await (await pages.as('ingrid')).get(at)).text).toMatch(/quorndon/i);
  });

  test('moved on to another insight, does not go on in the one it left', async () => {
    const words = 'Do you have a woollen coat in red?';
    const coat = await hears({ words });
    const eve = { name: 'Eve', email: 'eve@example.com' };
    const moved = await hears({ words, place: 'station', by: 'luca', customer: eve });
    expect(moved.insight_id).toBe(coat.insight_id);
    const large = await hears({ words: 'Do you have a woollen coat in red, size 50?' });
    const by = (staff: string, loopId: string) => ({ loopId, by: staff, press: pages.shop.press() });
    await join(pages.web.heed, by('femke', moved.id), { insight: large.insight_id! });
    await decide(pages.web.heed, by('tomas', coat.insight_id!), {
      outcome: 'declined',
      reason: 'It would not sell.',
      internalReason: 'The mill is bankrupt.',
    });
    const luca = await pages.as('luca');
    expect((await luca.get(`/signals/${moved.id}`)).text).not.toContain('The mill is bankrupt.');
    expect((await (await pages.as('priya')).get(`/signals/${coat.id}`)).text).toContain('The mill is bankrupt.');
  });

  test('turns no page that Postgres cannot count to', async () => {
    const mina = await pages.as('mina');
    expect((await mina.get(`/mine?skip=${'9'.repeat(30)}`)).status).toBe(200);
  });

  test('gives the number and what to say where a customer wants a call', async () => {
    const signal = await hears({
      customer: { name: 'Pat Quinn', phone: '+31 6 12345678' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    const at = `/signals/${signal.id}`;
    await acknowledge(pages.web.heed, { loopId: signal.id, by: 'jonas', press: pages.shop.press() });
    const jonas = await pages.as('jonas');
    const page = await jonas.get(at);
    expect(page.html).toContain('href="tel:+31612345678"');
    const noReply = await jonas.press(page, `${at}/call`, { outcome: 'no_reply' });
    expect(noReply.text).toContain('It stays with you: try again later.');
    const reached = await jonas.press(noReply, `${at}/call`, { outcome: 'reached' });
    expect(reached.text).toContain('Answered on the phone by Jonas Weber.');
  });

  test('a call in the place of a letter that did not arrive asks for nothing that the letter has said, and passes it on', async () => {
    const customer = { name: 'Lou Late', email: 'lou@example.com', phone: '+31 6 12345677' };
    const { id } = await pages.shop.hears({ words: 'I was charged twice.', customer, consent: writtenOrCalled });
    const by = (staff: string) => ({ loopId: id, by: staff, press: pages.shop.press() });
    await approveFollowUp(pages.web.heed, by('priya'), { words: 'Dear Lou.' });
    await lettersLeave(pages.shop.db, id);
    await confirm(pages.web.heed, { loopId: id, press: pages.shop.press() }, { says: 'no' });
    const ingrid = await pages.as('ingrid');
    const asked = ['This is our final answer', 'They hear from us by'];
    const form = await ingrid.get(`/signals/${id}`);
    for (const each of asked) expect(form.text).toContain(each);

    await approveFollowUp(pages.web.heed, by('ingrid'), { words: 'Dear Lou.', final: true, promiseOn: '2026-06-18' });
    await bounces(customer);
    const page = await ingrid.get(`/signals/${id}`);
    expect(page.html).toContain('href="tel:+31612345677"');
    for (const each of asked) expect(page.text).not.toContain(each);
    await ingrid.press(page, `/signals/${id}/call`, { outcome: 'reached' });
    expect(await pages.shop.signal(id)).toMatchObject({ answer_channel: 'phone', final: true });
  });

  test('offers no end without an answer to what its customer has said no to; nor do tasks, nor the link in the mail', async () => {
    const { id } = await hears({ words: 'I was charged twice.' });
    const press = () => pages.shop.press();
    await approveFollowUp(pages.web.heed, { loopId: id, by: 'priya', press: press() }, { words: 'Dear Kim.' });
    await lettersLeave(pages.shop.db, id);
    await confirm(pages.web.heed, { loopId: id, press: press() }, { says: 'no' });
    await pages.shop.climbs(id);
    const ingrid = await pages.as('ingrid');
    const link = linkIn(await pages.shop.letter('prompt', 'ingrid', id));
    const shown = [await ingrid.get(`/signals/${id}`), await ingrid.get('/tasks'), await pages.nobody().get(link)];
    for (const { html } of shown) {
      expect(html).toContain('Hand over');
      expect(html).not.toContain('No action');
    }
  });

  test('where mail has bounced at their address, whoever has asked them says that it is right, and only then', async () => {
    const customer = { name: 'Bo Unced', email: 'bo@unced.example' };
    const { id } = await hears({ words: 'I was charged twice.', customer });
    const [at, verb] = [`/signals/${id}`, `/signals/${id}/vouching`];
    const mina = await pages.as('mina');
    expect((await mina.get(at)).html).not.toContain(verb);
    await bounces(customer);
    const bounced = await mina.get(at);
    expect(bounced.text).toContain('may hear nothing: the address they left takes no mail');
    const vouched = await mina.press(bounced, verb);
    expect(vouched.text).toContain('They are written to at that address again.');
    expect(vouched.text).toContain('may hear by e-mail, about this');
    expect(vouched.text).toContain('The address at which mail had bounced is right, says Mina Okafor');
    expect(vouched.html).not.toContain(verb);
    // By a page that was opened before.
    const again = await mina.post(verb, { key: 'another' }, { 'Sec-Fetch-Site': 'same-origin' });
    expect([again.status, again.text]).toEqual([409, expect.stringContaining('only a bounce speaks against')]);
  });

  describe('where mail has bounced for somebody who can be called', () => {
    test('asks for the call, and tells whoever was writing to them that it is one', async () => {
      const customer = { name: 'Ria Ring', email: 'ria@ring.example', phone: '+31 6 12345675' };
      const { id } = await hears({ words: 'I was charged twice.', customer, consent: writtenOrCalled });
      const at = `/signals/${id}`;
      const priya = await pages.as('priya');
      const page = await priya.get(at);
      await bounces(customer);
      const refused = await priya.press(page, `${at}/follow-up`, { words: 'Dear Ria.' });
      expect(refused.status).toBe(409);
      expect(refused.text).toContain('is a call, not a letter. Call them and record how it went.');
      expect(refused.html).toContain('href="tel:+31612345675"');
      const reached = await priya.press(refused, `${at}/call`, { outcome: 'reached' });
      expect(reached.text).toContain('Answered on the phone by Priya Nair.');
    });

    test('asks for the call about what is decided', async () => {
      const customer = { name: 'Dec Ided', email: 'dec@ided.example', phone: '+31 6 12345674' };
      const signal = await hears({ words: 'Do you have this scarf in russet?', customer, consent: writtenOrCalled });
      await bounces(customer);
      await decide(
        pages.web.heed,
        { loopId: signal.insight_id!, by: 'tomas', press: pages.shop.press() },
        { outcome: 'declined', reason: 'Russet does not sell.' },
      );
      await pages.shop.tells(signal.insight_id!);
      const at = `/signals/${signal.id}`;
      const jonas = await pages.as('jonas');
      const page = await jonas.get(at);
      expect(page.text).toContain('Tell them what was decided, no, and why: Russet does not sell.');
      await jonas.press(page, `${at}/call`, { outcome: 'reached' });
      expect(await pages.shop.signal(signal.id)).toMatchObject({ told_at: expect.any(Date) });
    });

    test('whoever has asked them says that the address is right, too, and so where the number was somebody else’s', async () => {
      const customer = { name: 'Cal Led', email: 'cal@led.example', phone: '+31 6 12345673' };
      const { id } = await hears({ words: 'I was charged twice.', customer, consent: writtenOrCalled });
      const at = `/signals/${id}`;
      await bounces(customer);
      const priya = await pages.as('priya');
      const called = await priya.get(at);
      expect(called.text).toContain('may hear by phone, about this; the address they left takes no mail');
      const vouched = await priya.press(called, `${at}/vouching`);
      expect(vouched.text).toContain('may hear by e-mail, about this');
      for (const verb of ['follow-up', 'call']) expect(vouched.html).toContain(`action="${at}/${verb}"`);
      expect(vouched.html).not.toContain(`action="${at}/vouching"`);

      await bounces(customer);
      const wrong = await priya.press(await priya.get(at), `${at}/call`, { outcome: 'wrong_number' });
      expect(wrong.text).toContain(
        'may hear nothing: the number they left is somebody else’s; the address they left takes no mail',
      );
      expect((await priya.press(wrong, `${at}/vouching`)).text).toContain('may hear by e-mail, about this');
    });
  });

  test('whoever has called somebody while a colleague vouched for their address records it, on the page that was open or on a later one', async () => {
    const priya = await pages.as('priya');
    for (const [n, opened] of (['before', 'after'] as const).entries()) {
      const customer = { name: `Vou Ched${n}`, email: `vou${n}@ched.example`, phone: `+31 6 1234568${n}` };
      const { id } = await hears({ words: 'I was charged twice.', customer, consent: writtenOrCalled });
      const at = `/signals/${id}`;
      await bounces(customer);
      const before = await priya.get(at);
      const after = await priya.press(before, `${at}/vouching`);
      expect(after.text).toContain('I have called them');
      const recorded = await priya.press({ before, after }[opened], `${at}/call`, { outcome: 'reached' });
      expect(recorded.text).toContain('Answered on the phone by Priya Nair.');
      expect(recorded.html).not.toContain(`action="${at}/follow-up"`);
    }
  });

  test('a call that comes after the decision is the call about the decision', async () => {
    const signal = await hears({
      words: 'Do you have this scarf in mauve?',
      customer: { name: 'Pat Quinn', phone: '+31 6 12345679' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    const by = (staff: string, loopId: string) => ({ loopId, by: staff, press: pages.shop.press() });
    await acknowledge(pages.web.heed, by('jonas', signal.id));
    await decide(pages.web.heed, by('tomas', signal.insight_id!), {
      outcome: 'adopted',
      scope: 'these',
      reason: 'Mauve comes in spring.',
      doneBy: '2099-03-01',
    });
    await pages.shop.tells(signal.insight_id!);
    const at = `/signals/${signal.id}`;
    const jonas = await pages.as('jonas');
    const page = await jonas.get(at);
    expect(page.text).toContain('Tell them what was decided, yes, for everyone who asked, and why:');
    expect(page.text).toContain('Mauve comes in spring. It should be done by Sunday 1 March 2099.');
    expect(page.text).not.toContain('They hear from us by');
    expect(page.html).toContain('href="tel:+31612345679"');
    await jonas.press(page, `${at}/call`, { outcome: 'reached' });
    expect(await pages.shop.signal(signal.id)).toMatchObject({ told_at: expect.any(Date), answered_at: null });
  });

  test('a call is not asked for while what to say in it was decided anew and can be taken back', async () => {
    const signal = await hears({
      words: 'Do you have this scarf in ochre?',
      customer: { name: 'Pat Quinn', phone: '+31 6 12345670' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    const by = (staff: string, loopId: string) => ({ loopId, by: staff, press: pages.shop.press() });
    const insight = signal.insight_id!;
    await decide(pages.web.heed, by('tomas', insight), {
      outcome: 'adopted',
      scope: 'these',
      reason: 'Ochre comes in spring.',
      doneBy: '2099-03-01',
    });
    await pages.shop.tells(insight);
    await decide(pages.web.heed, by('tomas', insight), { outcome: 'declined', reason: 'The mill has closed.' });
    const jonas = await pages.as('jonas');
    const at = `/signals/${signal.id}`;
    const wait = await jonas.get(at);
    expect(wait.text).toContain('Wait: it was decided anew, and what to tell them is certain at 10:10');
    expect(wait.html).toContain(`action="${at}/acknowledgement"`);
    expect(wait.html).not.toContain(`action="${at}/call"`);
    expect((await jonas.post(`${at}/call`, { outcome: 'reached' })).status).toBe(409);

    await pages.shop.tells(insight);
    const page = await jonas.get(at);
    expect(page.text).toContain('Tell them what was decided, no, and why:');
    expect(page.html).toContain(`action="${at}/call"`);
  });

  test('a call that the new decision passed by stays owed, and can be recorded', async () => {
    const signal = await hears({
      words: 'Do you have this scarf in umber?',
      customer: { name: 'Sam Quinn', phone: '+31 6 12345671' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    const by = (staff: string, loopId: string) => ({ loopId, by: staff, press: pages.shop.press() });
    const insight = signal.insight_id!;
    for (const reason of ['The dye is gone.', 'The dye is back, and the wool is gone.']) {
      await decide(pages.web.heed, by('tomas', insight), { outcome: 'declined', reason });
      if (reason === 'The dye is gone.') await pages.shop.tells(insight);
    }
    await pages.shop.db.pool.query(sql.unsafe`
      insert into told_signals (decision_id, signal_id, reason)
      select id, ${signal.id}, 'told_before' from now.decisions where insight_id = ${insight}`);
    const jonas = await pages.as('jonas');
    const page = await jonas.get(`/signals/${signal.id}`);
    expect(page.text).not.toContain('Wait: it was decided anew');
    await jonas.press(page, `/signals/${signal.id}/call`, { outcome: 'reached' });
    expect(await pages.shop.signal(signal.id)).toMatchObject({ told_at: expect.any(Date) });
  });

  test('says that a mail may not have been sent, instead of guessing', async () => {
    const signal = await hears();
    await pages.shop.db.pool.query(
      sql.unsafe`update deliveries set state = 'needs_human' where loop_id = ${signal.id} and purpose = 'receipt'`,
    );
    const { text } = await (await pages.as('priya')).get(`/signals/${signal.id}`);
    expect(text).toMatch(/may not have been sent The thank-you \( 10:00 \) was being handed over/);
  });

  test('says who closed it and why, and offers nothing more', async () => {
    const signal = await hears();
    const at = `/signals/${signal.id}`;
    const jonas = await pages.as('jonas');
    const closed = await jonas.press(await jonas.get(at), `${at}/dismissal`, { reason: 'A test of the till' });
    expect(closed.text).toContain('No action Jonas Weber, 10:00 A test of the till');
    expect(closed.html).not.toContain(`action="${at}/`);
  });

  test('marks sample history, and offers nothing to press on it', async () => {
    const signal = await hears();
    await pages.shop.db.rewrite(sql.unsafe`update loops set sample = true where id = ${signal.id}`);
    const page = await (await pages.as('jonas')).get(`/signals/${signal.id}`);
    expect(page.html).toContain('<span class="tag sample">sample</span>');
    expect(page.html).not.toContain(`action="/signals/${signal.id}/`);
  });

  test('answers 304 to a page that shows it as it is, and 200 once something has happened', async () => {
    const signal = await hears();
    const at = `/signals/${signal.id}`;
    const jonas = await pages.as('jonas');
    const page = await jonas.get(at);
    const version = page.headers.get('ETag')!;
    expect(page.html).toContain(`data-version="${version.replaceAll('"', '')}"`);
    expect((await jonas.get(at, { 'If-None-Match': version })).status).toBe(304);
    await acknowledge(pages.web.heed, { loopId: signal.id, by: 'jonas', press: pages.shop.press() });
    expect((await jonas.get(at, { 'If-None-Match': version })).status).toBe(200);
  });
});
