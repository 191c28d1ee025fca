import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { choosing, linkTo } from '../../../../src/domain/links.ts';
import { suppress } from '../../../../src/store/records/customers.ts';
import { refusalsSince } from '../../../../src/store/records/refusals.ts';
import { makeLink } from '../../../../src/store/records/links.ts';
import { acknowledge } from '../../../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../../../src/triggers/responses/approveFollowUp.ts';
import { decide } from '../../../../src/triggers/responses/decide.ts';
import { handOver, handOverInsight } from '../../../../src/triggers/responses/handOver.ts';
import { recordCall } from '../../../../src/triggers/responses/recordCall.ts';
import type { Responding } from '../../../../src/triggers/responses/respond.ts';
import { lift, restrict } from '../../../../src/triggers/rights/restrict.ts';
import { green, kim } from '../../../activities/messages/shop.ts';
import { linkIn, openPages, type Pages } from './visitors.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages();
});
afterAll(() => pages.shop.close());

const as = (by: string, loopId: string): Responding => ({ loopId, by, press: pages.shop.press() });
const byPhone = {
  customer: { name: 'Kim', phone: '+31 6 44444444' },
  consent: [{ purpose: 'follow_up' as const, channel: 'phone' as const, wording: 'demo-1' }],
};

/** A complaint at the harbour, and the link in the mail to Omar, who runs it. */
async function omarIsAsked() {
  const signal = await pages.shop.hears({
    ...kim,
    words: 'I was charged twice.',
    place: 'harbour',
    by: 'aisha',
  });
  return { signal, link: linkIn(await pages.shop.letter('prompt', 'omar', signal.id)) };
}

describe('the page behind a link from an e-mail', () => {
  test('changes nothing however often it is opened', async () => {
    const { signal, link } = await omarIsAsked();
    const before = await pages.facts();
    const scanner = pages.nobody();
    for (let i = 0; i < 50; i++) expect((await scanner.get(link)).status).toBe(200);
    expect(await pages.facts()).toBe(before);
    expect((await pages.shop.signal(signal.id)).acknowledged_at).toBeNull();
  });

  test('says in whose name, does it with one press, and says afterwards what happened', async () => {
    const { signal, link } = await omarIsAsked();
    const omar = pages.nobody();
    const page = await omar.get(link);
    expect(page.text).toContain('You are Omar Haddad. Opening this has changed nothing');
    expect(page.text).toContain('“I was charged twice.”'.replaceAll(/[“”]/g, ''));
    expect(page.text).toContain('You, because Harbour is yours.');
    expect(page.headers.get('Referrer-Policy')).toBe('no-referrer');
    expect(page.headers.get('Cache-Control')).toBe('no-store');
    const taken = await omar.press(page, '/t/acknowledgement');
    expect(taken.text).toContain('It is yours. Next: answer the customer.');
    expect((await pages.shop.signal(signal.id)).owner).toBe('omar');
    const sent = await omar.press(taken, '/t/follow-up', { words: 'Dear Kim, we pay it back.' });
    expect(sent.text).toContain('Sent in your name.');
    expect(sent.html).not.toContain('<form method="post" action="/t');
    expect(omar.cookies.size).toBe(0);
  });

  test('tells whoever was writing to somebody whose mail has bounced since, and who can be called, that it is a call', async () => {
    const customer = { name: 'Ria Ring', email: 'ria@ring.example', phone: '+31 6 44444445' };
    const signal = await pages.shop.hears({
      words: 'I was charged twice.',
      place: 'harbour',
      by: 'aisha',
      customer,
      consent: [...kim.consent, ...byPhone.consent],
    });
    const link = linkIn(await pages.shop.letter('prompt', 'omar', signal.id));
    const omar = pages.nobody();
    const page = await omar.get(link);
    await pages.shop.db.pool.transaction((tx) =>
      suppress(tx, [{ kind: 'email', normalised: customer.email }], 'bounced'),
    );
    const refused = await omar.press(page, '/t/follow-up', { words: 'Dear Ria.' });
    expect(refused.status).toBe(409);
    expect(refused.text).toContain('is a call, not a letter. Call them and record how it went.');
    await omar.press(refused, '/t/call', { outcome: 'reached' });
    expect(await pages.shop.signal(signal.id)).toMatchObject({ answered_by: 'omar', answer_channel: 'phone' });
  });

  test('takes the call of whoever was to write, where their customer agreed to one, with what was wrong in it shown beside it', async () => {
    const signal = await pages.shop.hears({
      words: 'I was charged twice.',
      place: 'harbour',
      by: 'aisha',
      customer: { name: 'Cal Led', email: 'cal@led.example', phone: '+31 6 44444446' },
      consent: [...kim.consent, ...byPhone.consent],
    });
    const link = linkIn(await pages.shop.letter('prompt', 'omar', signal.id));
    const omar = pages.nobody();
    const page = await omar.get(link);
    expect(page.html).toContain('action="/t/follow-up"');
    const over = await omar.press(page, '/t/call', { outcome: 'reached', promiseOn: '2026-06-01' });
    expect(over.status).toBe(400);
    expect(over.html).toMatch(/<details id="more-call-at-once-task" open>[\s\S]*<details id="more-call-task" open>/);
    expect(over.text).toContain('The promised day is over.');
    await omar.press(over, '/t/call', { outcome: 'reached', promiseOn: '' });
    expect(await pages.shop.signal(signal.id)).toMatchObject({ answered_by: 'omar', answer_channel: 'phone' });
  });

  test('sends whoever has more to do to a newer mail, and does not tell them that nothing is left', async () => {
    const { signal } = await omarIsAsked();
    const link = { kind: 'task', staff: 'omar', loopId: signal.id, round: 1, wait: 'reviewed' } as const;
    const read = await pages.nobody().get(linkTo('', await makeLink(pages.shop.db.pool, link)));
    expect(read.text).toContain(
      'What this mail asked for is done, and it goes on. A newer mail says what is next for you',
    );
    expect(read.text).not.toContain('nothing left to do');
    expect(read.html).not.toContain('<form method="post" action="/t');

    // Those above have nothing more to do, and read who does it.
    await acknowledge(pages.web.heed, as('omar', signal.id));
    const above = { ...link, staff: 'ingrid', wait: 'acknowledged' } as const;
    const told = await pages.nobody().get(linkTo('', await makeLink(pages.shop.db.pool, above)));
    expect(told.text).toContain('Omar Haddad has taken it. There is nothing left to do for you');
  });

  test('ends with its wait: opened again it says who acted, and a press is refused', async () => {
    const { link } = await omarIsAsked();
    const omar = pages.nobody();
    const page = await omar.get(link);
    await omar.press(page, '/t/follow-up', { words: 'Dear Kim.' });
    const again = await omar.get(link);
    expect(again.status).toBe(410);
    expect(again.text).toContain('Omar Haddad has answered it. There is nothing left to do for you');
    const before = await pages.facts();
    const late = await omar.post('/t/follow-up', { link, words: 'Dear Kim,\n\nall of <this> took me an hour.' });
    expect(late.status).toBe(410);
    expect(late.text).toContain('Omar Haddad has answered it.');
    expect(late.text).toContain('This press has changed nothing.');
    expect(late.html).toContain('Dear Kim,\n\nall of &lt;this&gt; took me an hour.');
    expect(late.html).not.toContain('Send it again');
    expect(await pages.facts()).toBe(before);
  });

  test('loaded again, says what its press has done for a quarter of an hour, and after that only that it is over: it may have been handed on', async () => {
    const { link } = await omarIsAsked();
    const omar = pages.nobody();
    const page = await omar.get(link);
    await omar.press(page, '/t/follow-up', { words: 'Dear Kim.' });
    const before = await pages.facts();
    await pages.shop.db.passTime('14 minutes');
    const later = await omar.press(page, '/t/follow-up', { words: 'Dear Kim.' });
    expect([later.status, later.text]).toEqual([200, expect.stringContaining('Sent in your name.')]);
    await pages.shop.db.passTime('2 minutes');
    const late = await omar.press(page, '/t/follow-up', { words: 'Dear Kim.' });
    expect(late.status).toBe(410);
    expect(late.text).not.toContain('Sent in your name.');
    // It has changed something, and nothing is left to copy: the letter went.
    expect(late.text).not.toContain('This press has changed nothing');
    expect(late.text).not.toContain('Dear Kim.');
    expect(await pages.facts()).toBe(before);
    await pages.shop.db.passTime('-16 minutes');
  });

  test('ends for whoever has handed it over', async () => {
    const { signal, link } = await omarIsAsked();
    await handOver(
      pages.web.heed,
      { loopId: signal.id, by: 'omar', press: pages.shop.press() },
      { to: 'aisha', reason: 'hers' },
    );
    const ended = await pages.nobody().get(link);
    expect(ended.status).toBe(410);
    expect(ended.text).toContain('It is with Aisha Rahman now.');
    expect((await pages.nobody().post('/t/acknowledgement', { link })).status).toBe(410);
  });

  test('is about its loop and its wait alone', async () => {
    const { signal, link } = await omarIsAsked();
    const other = await omarIsAsked();
    const before = await pages.facts();
    for (const verb of ['decision', 'completion', 'confirmation', 'joining', 'toString'])
      expect((await pages.nobody().post(`/t/${verb}`, { link, says: 'yes' })).status).toBe(404);
    await pages.nobody().post('/t/acknowledgement', { link, loopId: other.signal.id, id: other.signal.id });
    expect((await pages.shop.signal(other.signal.id)).acknowledged_at).toBeNull();
    expect((await pages.shop.signal(signal.id)).acknowledged_at).not.toBeNull();
    expect(await pages.facts()).toBeGreaterThan(before);
  });

  test('is not there under a token that never was or was made for something else', async () => {
    const signIn = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'omar' });
    const never = 'AAAAAAAAAAAAAAAAAAAAAA';
    for (const answer of [
      await pages.nobody().get(linkTo('', never)),
      ...(await Promise.all(['x', never, signIn].map((link) => pages.nobody().post('/t/acknowledgement', { link })))),
    ]) {
      expect(answer.status).toBe(404);
      expect(answer.text).toContain('There is no such link.');
    }
  });

  test('decides from the mail: four answers, who will hear, one button, and taking it back', async () => {
    const signal = await pages.shop.hears(green);
    const adopt = linkIn(await pages.shop.letter('prompt', 'tomas', signal.insight_id!));
    expect(adopt).toMatch(/^\/t\?do=adopt#/);
    const tomas = pages.nobody();
    const page = await tomas.get(adopt);
    expect(page.text).toContain('Yes, for everyone Yes, for these people No, because… Keep listening');
    expect(page.text).toContain('1 will be written to.');
    const unfit = await tomas.press(page, '/t/decision', { reason: '', doneBy: '2026-09-01' });
    expect(unfit.status).toBe(400);
    expect(unfit.html).toContain('value="2026-09-01"');
    const decided = await tomas.press(unfit, '/t/decision', { reason: 'Many asked.' });
    expect(decided.text).toContain('Decided. You can take it back for 10 minutes');
    const back = await tomas.press(decided, '/t/withdrawal');
    expect(back.text).toContain('Taken back. Nothing has left.');
    const ingrid = await makeLink(pages.shop.db.pool, {
      kind: 'task',
      staff: 'ingrid',
      loopId: signal.insight_id!,
      wait: 'decided',
    });
    expect((await pages.nobody().get(linkTo('', ingrid))).text).toContain('Tomás Rey decides it now.');
  });
});

describe('what rests because its customer asked for that', () => {
  const wish = { by: 'operator', reason: 'asked by letter' };
  const rests = 'The customer has asked that nothing be done with this for now. It goes on when they lift that.';

  test('asks nobody for anything, offers nothing that would be refused, and says so; lifted, it goes on', async () => {
    const { heed } = pages.web;
    const signal = await pages.shop.hears({
      ...kim,
      customer: { name: 'Ada Rust', email: 'ada@rust.example' },
      words: 'I was charged twice.',
      place: 'harbour',
      by: 'aisha',
    });
    const link = linkIn(await pages.shop.letter('prompt', 'omar', signal.id));
    const at = `/signals/${signal.id}`;
    const omar = await pages.as('omar');
    const before = await omar.get(at);
    const opened = await pages.nobody().get(link);
    await restrict(heed, signal.customer_id!, wish);
    expect((await omar.get('/tasks')).text).not.toContain(signal.reference);
    for (const page of [await omar.get(at), await pages.nobody().get(link)]) {
      expect(page.status).toBe(200);
      expect(page.text).toContain(rests);
      expect(page.text).not.toContain('The customer is answered');
      for (const base of [at, '/t']) expect(page.html).not.toContain(`action="${base}/`);
    }
    for (const late of [
      await omar.press(before, `${at}/acknowledgement`),
      await pages.nobody().press(opened, '/t/dismissal', { reason: 'late' }),
    ]) {
      expect(late.status).toBe(409);
      expect(late.text).toContain(rests);
    }
    await lift(heed, signal.customer_id!, wish);
    expect((await omar.get('/tasks')).html).toContain(`action="${at}/acknowledgement"`);
    expect((await pages.nobody().get(link)).html).toContain('action="/t/acknowledgement"');
  });

  test('keeps what the customer says to a colleague, and nothing else', async () => {
    const { heed } = pages.web;
    const customer = { name: 'Bo Rust', email: 'bo@rust.example' };
    const signal = await pages.shop.hears({ ...kim, customer, words: 'I was charged twice.' });
    await approveFollowUp(heed, as('priya', signal.id), { words: 'Dear Bo, we pay it back.' });
    await restrict(heed, signal.customer_id!, wish);
    const at = `/signals/${signal.id}`;
    const priya = await pages.as('priya');
    const page = await priya.get(at);
    expect(page.html).not.toContain(`action="${at}/handover"`);
    await priya.press(page, `${at}/confirmation`, { says: 'yes' });
    expect(await pages.shop.signal(signal.id)).toMatchObject({ says: 'yes', closed_how: 'settled' });
  });
});

describe('what was given to somebody after it had been answered or decided', () => {
  test('is taken with one press by whoever owes the call', async () => {
    const signal = await pages.shop.hears({ ...green, words: 'Do you have this coat in teal?', ...byPhone });
    await recordCall(pages.web.heed, as('jonas', signal.id), { outcome: 'reached' });
    await decide(pages.web.heed, as('tomas', signal.insight_id!), { outcome: 'declined', reason: 'Too few.' });
    await pages.shop.tells(signal.insight_id!);
    await handOver(pages.web.heed, as('jonas', signal.id), { to: 'priya', reason: 'She was there.' });
    const priya = await pages.as('priya');
    const itsPage = await priya.get(`/signals/${signal.id}`);
    expect(itsPage.text).toContain('I’ll take it');
    const token = await makeLink(pages.shop.db.pool, {
      kind: 'task',
      staff: 'priya',
      loopId: signal.id,
      round: 1,
      wait: 'told',
    });
    const page = await pages.nobody().get(linkTo('', token));
    expect(page.text).toContain('Tell them what was decided');
    expect(page.text).toMatch(/You, because it was handed over to you: She was there\.(?!\.)/);
    const taken = await pages.nobody().press(page, '/t/acknowledgement');
    expect(taken.text).toContain('It is yours.');
    expect(taken.text).not.toContain('I’ll take it');
    expect((await priya.get(`/signals/${signal.id}`)).text).not.toContain('I’ll take it');
  });

  test('and by whoever has to see that it is done', async () => {
    const signal = await pages.shop.hears({ ...green, words: 'Do you have this coat in pink?' });
    const insight = signal.insight_id!;
    await decide(pages.web.heed, as('tomas', insight), {
      outcome: 'adopted',
      scope: 'everyone',
      reason: 'Many asked.',
      doneBy: '2999-01-01',
    });
    await pages.shop.tells(insight);
    await handOverInsight(pages.web.heed, as('tomas', insight), { to: 'priya', reason: 'She orders them.' });
    const token = await makeLink(pages.shop.db.pool, {
      kind: 'task',
      staff: 'priya',
      loopId: insight,
      round: 1,
      wait: 'completed',
    });
    const page = await pages.nobody().get(linkTo('', token));
    expect(page.text).toMatch(/You, because it was handed over to you: She orders them\.(?!\.)/);
    const taken = await pages.nobody().press(page, '/t/acknowledgement');
    expect(taken.text).toContain('It is yours to do.');
    expect(taken.text).not.toContain('I’ll take it');
  });
});

describe('a decision of high stake', () => {
  /** Somebody asks for something that much hangs on; and the link in the mail to Tomás, who decides. */
  async function tomasIsAsked(words: string) {
    await pages.shop.db.apply((company) => {
      company.kinds['unmet-demand']!.highStake = true;
    });
    const signal = await pages.shop.hears({ ...green, words });
    const insightId = signal.insight_id!;
    const link = linkIn(await pages.shop.letter('prompt', 'tomas', insightId)).replace('?do=adopt', '');
    return { insightId, link };
  }
  const declining = { do: 'decline', reason: 'Not this year.' };
  const ours = { 'Sec-Fetch-Site': 'same-origin' };

  test('is not taken by the link alone, which shows what is asked and where to sign in', async () => {
    const { insightId, link } = await tomasIsAsked('Do you have this coat in yellow?');
    const someone = pages.nobody();
    const page = await someone.get(link);
    expect(page.text).toContain('Do you have this coat in yellow?');
    expect(page.html).toContain(`href="/insights/${insightId}">Sign in and decide</a>`);
    expect(page.html).not.toContain('action="/t/decision"');
    const before = await pages.facts();
    for (const verb of ['decision', 'withdrawal']) {
      const refused = await someone.post(`/t/${verb}`, { link, ...declining }, ours);
      expect(refused.status).toBe(401);
      expect(refused.text).toContain('sign in as Tomás Rey in another window, then send it again');
      expect(refused.html).toContain('value="Not this year."');
    }
    expect(await pages.facts()).toBe(before);
    const kept = await refusalsSince(pages.shop.db.pool, 1);
    expect(kept).toContainEqual(
      expect.objectContaining({ door: 'link', why: 'needs_sign_in', whose: 'tomas', times: 2 }),
    );
    expect((await someone.get(`/insights/${insightId}`)).headers.get('Location')).toBe('/sign-in');
  });

  test('is not given by the link alone to somebody who then may take it', async () => {
    const { link } = await tomasIsAsked('Do you have this cape in yellow?');
    const jonas = await pages.as('jonas');
    const before = await pages.facts();
    const giving = { link, to: 'jonas', reason: 'He asked me to.' };
    expect((await jonas.post('/t/handover', giving, ours)).status).toBe(401);
    expect(await pages.facts()).toBe(before);
  });

  test('is taken once its decider has signed in, and by nobody else who has', async () => {
    const { insightId, link } = await tomasIsAsked('Do you have this dress in yellow?');
    const jonas = await pages.as('jonas');
    expect((await jonas.post('/t/decision', { link, ...declining }, ours)).status).toBe(401);
    const tomas = await pages.as('tomas');
    const page = await tomas.get(`/insights/${insightId}?do=decline`);
    const decided = await tomas.press(page, `/insights/${insightId}/decision`, declining);
    expect(decided.text).toContain('Decided. You can take it back');
    const another = await tomasIsAsked('Do you have this scarf in yellow?');
    const byLink = await tomas.get(choosing(another.link, '?do=decline'));
    expect((await tomas.press(byLink, '/t/decision', declining)).text).toContain('Decided.');
  });

  test('stays one when the company file calls its kind otherwise while it is open', async () => {
    const { insightId, link } = await tomasIsAsked('Do you have this jacket in yellow?');
    await pages.shop.db.apply((company) => {
      const { 'unmet-demand': lacking, ...others } = company.kinds;
      company.kinds = { ...others, lacking: lacking! };
    });
    const someone = pages.nobody();
    expect((await someone.get(link)).html).toContain(`href="/insights/${insightId}">Sign in and decide</a>`);
    const before = await pages.facts();
    expect((await someone.post('/t/decision', { link, ...declining }, ours)).status).toBe(401);
    expect(await pages.facts()).toBe(before);
  });
});
