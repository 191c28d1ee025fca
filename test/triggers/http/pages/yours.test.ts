import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { choosing, linkTo } from '../../../../src/domain/links.ts';
import { sql } from '../../../../src/store/pool.ts';
import { makeLink } from '../../../../src/store/records/links.ts';
import { closeRound } from '../../../../src/store/records/loops.ts';
import { approveFollowUp } from '../../../../src/triggers/responses/approveFollowUp.ts';
import { decide } from '../../../../src/triggers/responses/decide.ts';
import { letGo } from '../../../../src/triggers/rights/letGo.ts';
import { settle } from '../../../../src/triggers/responses/settle.ts';
import { rectify } from '../../../../src/triggers/rights/rectify.ts';
import { restrict } from '../../../../src/triggers/rights/restrict.ts';
import { green, kim } from '../../../activities/messages/shop.ts';
import { lettersLeave } from '../../../support/database.ts';
import { linkIn, openPages, type Pages } from './visitors.ts';

let pages: Pages;
beforeEach(async () => {
  pages = await openPages();
});
afterEach(() => pages.shop.close());

const complaint = { ...kim, words: 'I was charged twice.', note: 'she shouted', mood: 'annoyed' as const };

/** Kim complains; with `answered`, Priya has written back, and with `left` that has left. */
async function kimsPage(answered = true, left = answered) {
  const signal = await pages.shop.hears(complaint);
  const receipt = await pages.shop.letter('receipt', undefined, signal.id);
  if (answered)
    await approveFollowUp(
      pages.web.heed,
      { loopId: signal.id, by: 'priya', press: pages.shop.press() },
      { words: 'Dear Kim, we pay it back.', promiseOn: '2026-06-18' },
    );
  if (left) await lettersLeave(pages.shop.db, signal.id);
  const token = await makeLink(pages.shop.db.pool, {
    kind: 'yours',
    customerId: signal.customer_id!,
    loopId: signal.id,
  });
  return { signal, receipt, at: linkTo('', token) };
}

describe('the customer’s own page', () => {
  test('shows their words and what was done, and nothing that colleagues wrote', async () => {
    const { at } = await kimsPage();
    const { text, html, headers } = await pages.nobody().get(at);
    expect(text).toContain('What became of what you told us I was charged twice.');
    expect(text).toContain('You told Mina Okafor.');
    expect(text).toContain(
      'Priya Nair (branch manager) wrote to you and promised that you hear from us by Thursday 18 June.',
    );
    for (const inner of ['she shouted', 'annoyed', 'priority', 'rule', 'was asked to', 'HD-'])
      expect(text).not.toContain(inner);
    expect(html).not.toContain('<script');
    expect(headers.get('Referrer-Policy')).toBe('no-referrer');
  });

  test('asks nothing before we have answered', async () => {
    const { at } = await kimsPage(false);
    const { text, html } = await pages.nobody().get(at);
    expect(text).toContain('next Priya Nair reads it and answers you.');
    expect(html).not.toContain('/say"');
  });

  test('neither asks nor says that somebody wrote to them while the answer waits to leave: it is still to come', async () => {
    const { signal, at } = await kimsPage(true, false);
    const kims = pages.nobody();
    const { text, html } = await kims.get(at);
    expect(text).not.toContain('wrote to you');
    expect(text).toContain('next Priya Nair reads it and answers you.');
    expect(html).not.toContain('/say"');
    const early = await kims.post('/yours/say', { link: at, key: 'early', says: 'no' });
    expect(early.status).toBe(409);
    expect(early.text).toContain('We have not answered yet. You will hear from us,');
    await lettersLeave(pages.shop.db, signal.id);
    const left = await kims.get(at);
    expect(left.text).toContain('Priya Nair (branch manager) wrote to you');
    expect(left.text).toContain('Is it settled for you?');
  });

  test('says that it rests, while it does', async () => {
    const { signal, at } = await kimsPage(false);
    await restrict(pages.web.heed, signal.customer_id!, { by: 'priya' });
    const { text } = await pages.nobody().get(at);
    expect(text).toContain('You asked us to let this rest. It goes on when you tell us so.');
    expect(text).not.toContain('reads it and answers you');
  });

  test('takes a yes, and a no after it starts again one level up', async () => {
    const { signal, at } = await kimsPage();
    const kims = pages.nobody();
    const yes = await kims.press(await kims.get(at), '/yours/say', { says: 'yes' });
    expect(yes.text).toContain('Thank you. We are glad it is settled.');
    expect((await pages.shop.signal(signal.id)).closed_how).toBe('settled');
    const no = await kims.press(yes, '/yours/say', { says: 'no', words: 'It happened again' });
    expect(no.text).toContain('Ingrid Solberg will read it and answer you.');
    expect(await pages.shop.signal(signal.id)).toMatchObject({ round: 2, owner: 'ingrid', closed_how: null });
    expect((await (await pages.as('priya')).get(`/signals/${signal.id}`)).text).toContain('It happened again');
  });

  test('after a no of ours asks whether it was explained, and a yes to that is called settled nowhere', async () => {
    const signal = await pages.shop.hears(green);
    await decide(
      pages.web.heed,
      { loopId: signal.insight_id!, by: 'tomas', press: pages.shop.press() },
      { outcome: 'declined', reason: 'It would not sell.' },
    );
    await pages.shop.tells(signal.insight_id!);
    const token = await makeLink(pages.shop.db.pool, {
      kind: 'yours',
      customerId: signal.customer_id!,
      loopId: signal.id,
    });
    const staffs = await pages.as('priya');
    expect((await staffs.get(`/signals/${signal.id}`)).text).toContain(
      'Explained clearly, they say Not explained clearly, they say',
    );
    const kims = pages.nobody();
    const page = await kims.get(linkTo('', token));
    expect(page.text).toContain('Did we explain it clearly?');
    const yes = await kims.press(page, '/yours/say', { says: 'yes' });
    expect(yes.text).toContain('Thank you. We are glad it was explained clearly.');
    expect(yes.text).toContain('You said that it was explained clearly.');
    const news = await pages.shop.letter('news', 'mina', signal.id);
    expect(news.subject).toBe(`Explained clearly: ${signal.reference}`);
    expect(news.text).toContain('The customer says it was explained clearly.');
    const became = await staffs.get(`/signals/${signal.id}`);
    expect(became.text).toContain('Closed: it was explained clearly.');
    for (const { text } of [yes, news, became]) expect(text).not.toMatch(/settled/i);

    const no = await kims.press(yes, '/yours/say', { says: 'no' });
    expect(no.text).toContain('You said that it was not explained clearly.');
    const again = await kims.press(page, '/yours/say', {
      says: 'yes',
      words: 'I see now.',
      key: 'another-tab',
    });
    expect(again.text).toContain('We are glad it was explained clearly.');
    expect((await staffs.get(`/signals/${signal.id}`)).text).toContain('Explained clearly, they say');
  });

  test('names nobody who answers a no where our final answer was given', async () => {
    const { signal, at } = await kimsPage();
    const kims = pages.nobody();
    expect((await kims.get(at)).text).toContain('If not, Ingrid Solberg reads it and answers you.');
    await kims.press(await kims.get(at), '/yours/say', { says: 'no' });
    await approveFollowUp(
      pages.web.heed,
      { loopId: signal.id, by: 'ingrid', press: pages.shop.press() },
      { words: 'We can do no more.', final: true },
    );
    await lettersLeave(pages.shop.db, signal.id);
    const page = await kims.get(at);
    expect(page.text).toContain('We have given our final answer: what you say is kept with it.');
    const said = await kims.press(page, '/yours/say', { says: 'no' });
    for (const shown of [page, said, await kims.press(said, '/yours/say', { says: 'no' })])
      expect(shown.text).not.toMatch(/If not,|will read it/);
  });

  test('only shows which answer was meant in the letter, and gives it when it is pressed', async () => {
    const { signal, at } = await kimsPage();
    const page = await pages.nobody().get(choosing(at, '?says=no'));
    expect(page.html).toMatch(/class="go" name="says" value="no"/);
    expect((await pages.shop.signal(signal.id)).says).toBeNull();
  });

  test('keeps what they wrote when they wrote too much', async () => {
    const { at } = await kimsPage();
    const kims = pages.nobody();
    const again = await kims.press(await kims.get(at), '/yours/say', { says: 'no', words: 'x'.repeat(2001) });
    expect(again.status).toBe(400);
    expect(again.text).toContain('The words must be at most 2,000 characters.');
    expect(again.html).toContain('x'.repeat(2001));
  });

  test('says in their words what became of a press from a page that they went back to', async () => {
    const { at } = await kimsPage();
    const kims = pages.nobody();
    const page = await kims.get(at);
    await kims.press(page, '/yours/say', { says: 'yes' });
    const back = await kims.press(page, '/yours/say', { says: 'no', words: 'It came too late.' });
    expect(back.status).toBe(422);
    expect(back.text).toContain('You had sent something else from this page before, and that counts.');
    expect(back.text).not.toContain('key');
    expect(back.html).toContain('It came too late.');
    expect((await kims.press(back, '/yours/say', { says: 'no' })).text).toContain('Thank you for saying so.');
  });

  test('gives back what they wrote to a question that is over by now', async () => {
    const { signal, at } = await kimsPage(true, false);
    const kims = pages.nobody();
    await pages.shop.db.pool.query(sql.unsafe`
      update deliveries set state = 'needs_human' where loop_id = ${signal.id} and purpose = 'answer'`);
    const before = await kims.get(at);
    await settle(
      pages.web.heed,
      { loopId: signal.id, by: 'priya', press: pages.shop.press() },
      { action: 'resend', reason: 'It never came.' },
    );
    const late = await kims.press(before, '/yours/say', { says: 'no', words: 'And the bag tore.' });
    expect(late.status).toBe(409);
    expect(late.text).toContain('We have not answered yet.');
    expect(late.text).toContain('What you typed');
    expect(late.text).toContain('And the bag tore.');
  });

  test('promises no answer to a no while they let it rest', async () => {
    const { signal, at } = await kimsPage();
    const kims = pages.nobody();
    await restrict(pages.web.heed, signal.customer_id!, { by: 'priya' });
    const page = await kims.get(at);
    expect(page.text).not.toMatch(/answers? you/);
    const no = await kims.press(page, '/yours/say', { says: 'no' });
    expect(no.text).toContain(
      'Thank you for saying so. You asked us to let this rest: it is kept, and goes on when you tell us so.',
    );
    expect(no.text).not.toContain('will read it');
  });

  test('stops our letters with one press', async () => {
    const { signal, at } = await kimsPage();
    const kims = pages.nobody();
    const stopped = await kims.press(await kims.get(at), '/yours/stop');
    expect(stopped.text).toContain('We have stopped writing to you.');
    expect((await pages.shop.signal(signal.id)).unreachable).toBe('suppressed');
  });

  test('lives ninety days longer than the loop', async () => {
    const { at } = await kimsPage();
    const kims = pages.nobody();
    await kims.press(await kims.get(at), '/yours/say', { says: 'yes' });
    await pages.shop.db.passTime('89 days');
    expect((await kims.get(at)).status).toBe(200);
    await pages.shop.db.passTime('2 days');
    const ended = await kims.get(at);
    expect(ended.status).toBe(410);
    expect(ended.text).toContain('If something is left open, tell us again.');
    expect((await kims.post('/yours/say', { link: at, says: 'no' })).status).toBe(410);
  });

  test('is another customer’s for nobody', async () => {
    const { signal } = await kimsPage();
    const other = await pages.shop.hears({ ...complaint, customer: { name: 'Bo', email: 'bo@example.com' } });
    const token = await makeLink(pages.shop.db.pool, {
      kind: 'yours',
      customerId: other.customer_id!,
      loopId: signal.id,
    });
    expect((await pages.nobody().get(linkTo('', token))).status).toBe(410);
  });
});

describe('stopping from a letter', () => {
  test('opening asks; one click of a mail program acts at once, without cookie or redirect, from anywhere', async () => {
    const { signal, receipt } = await kimsPage();
    const link = receipt.unsubscribeUrl!.replace('https://heed.test', '');
    const before = await pages.facts();
    const page = await pages.nobody().get(link);
    expect(page.text).toContain('Stop writing to you?');
    expect(await pages.facts()).toBe(before);
    const provider = pages.nobody();
    const clicked = await provider.post(
      link,
      { 'List-Unsubscribe': 'One-Click' },
      { Origin: 'https://mail.example', 'Sec-Fetch-Site': 'cross-site' },
    );
    expect(clicked.status).toBe(200);
    expect(provider.cookies.size).toBe(0);
    expect((await pages.shop.signal(signal.id)).unreachable).toBe('suppressed');
    expect((await provider.post(link, { 'List-Unsubscribe': 'One-Click' })).status).toBe(200);
  });

  test('“this wasn’t me” asks, then ends it', async () => {
    const { signal, receipt } = await kimsPage();
    const link = linkIn(receipt, 'This wasn’t me');
    const stranger = pages.nobody();
    const page = await stranger.get(link);
    expect((await pages.shop.signal(signal.id)).unreachable).toBeNull();
    expect((await stranger.press(page, '/not-me')).text).toContain('Thank you. We have noted it.');
    expect((await pages.shop.signal(signal.id)).unreachable).toBe('not_me');
  });
});

describe('seeing and erasing everything', () => {
  test('asks for more than the link of one remark: another is mailed to their address, and works for an hour', async () => {
    const { signal, at } = await kimsPage();
    const kims = pages.nobody();
    const asked = await kims.press(await kims.get(at), '/yours/rights');
    expect(asked.text).toContain('A link is on its way to your e-mail address.');
    expect((await kims.post('/rights/erase', { link: at })).status).toBe(404);
    const letter = await pages.shop.letter('rights');
    expect(letter.to).toBe('kim@example.com');
    const link = linkIn(letter);

    const before = await pages.facts();
    const page = await kims.get(link);
    expect(page.text).toContain('I was charged twice.');
    expect(page.text).not.toContain('she shouted');
    expect(await pages.facts()).toBe(before);
    const file = await kims.press(page, '/rights/export');
    expect(JSON.parse(file.html)).toMatchObject({
      customer: { name: 'Kim Adler' },
      said: [{ words: 'I was charged twice.' }],
    });

    const gone = await kims.press(await kims.get(link), '/rights/erase');
    expect(gone.text).toContain('It is erased.');
    expect(await pages.shop.signal(signal.id)).toMatchObject({ closed_how: 'erased' });
    expect((await kims.get(link)).status).toBe(410);
    expect((await kims.get(at)).status).toBe(410);
    const staffs = await (await pages.as('priya')).get(`/signals/${signal.id}`);
    expect(staffs.status).toBe(200);
    expect(staffs.text).not.toContain('I was charged twice.');
    expect(staffs.text).toContain('what was said was erased');
  });

  test('asked for twenty times in a minute, is one letter', async () => {
    const { at } = await kimsPage();
    for (let n = 0; n < 20; n++) expect((await pages.nobody().post('/yours/rights', { link: at })).status).toBe(200);
    const letters = () =>
      pages.shop.db.pool.oneFirst(sql.unsafe`select count(*)::integer from deliveries where purpose = 'rights'`);
    expect(await letters()).toBe(1);
    await pages.shop.db.passTime('10 minutes');
    await pages.nobody().post('/yours/rights', { link: at });
    expect(await letters()).toBe(2);
  });

  test('asked for once is one letter, however often the page that says so is loaded again', async () => {
    const { at } = await kimsPage();
    const kims = pages.nobody();
    const page = await kims.get(at);
    const loaded = async (): Promise<[onItsWay: boolean, letters: unknown]> => {
      const { text } = await kims.press(page, '/yours/rights');
      const count = sql.unsafe`select count(*)::integer from deliveries where purpose = 'rights'`;
      return [text.includes('A link is on its way'), await pages.shop.db.pool.oneFirst(count)];
    };
    expect(await loaded()).toEqual([true, 1]);
    await pages.shop.db.passTime('11 minutes');
    expect(await loaded()).toEqual([true, 1]);
    await pages.shop.db.passTime('11 minutes');
    expect(await loaded()).toEqual([false, 1]);
    expect((await kims.press(await kims.get(at), '/yours/rights')).text).toContain('A link is on its way');
    expect(
      await pages.shop.db.pool.oneFirst(sql.unsafe`select count(*)::integer from deliveries where purpose = 'rights'`),
    ).toBe(2);
  });

  test('whoever a letter was forwarded to has its customer mailed a way in three times a day at most', async () => {
    const { at } = await kimsPage();
    const stranger = pages.nobody();
    const asks = async (times: number): Promise<unknown> => {
      for (let n = 0; n < times; n++) {
        const told = await stranger.post('/yours/rights', { link: at });
        expect([told.status, told.text]).toEqual([200, expect.stringContaining('A link is on its way')]);
        await pages.shop.db.passTime('11 minutes');
      }
      return pages.shop.db.pool.oneFirst(sql.unsafe`select count(*)::integer from deliveries where purpose = 'rights'`);
    };
    expect(await asks(10)).toBe(3);
    await stranger.press(await stranger.get(at), '/yours/stop');
    expect(await asks(2)).toBe(3);
    await pages.shop.db.passTime('1 day');
    expect(await asks(10)).toBe(6);
  });

  test('ends with its hour', async () => {
    const { at } = await kimsPage();
    const kims = pages.nobody();
    await kims.press(await kims.get(at), '/yours/rights');
    const link = linkIn(await pages.shop.letter('rights'));
    await pages.shop.db.pool.query(sql.unsafe`update test_clock set ahead = ahead + interval '61 minutes'`);
    expect((await kims.get(link)).status).toBe(410);
  });
});

test('after an address is put right, no link that was mailed to the former one opens anything, and the next letter has its own', async () => {
  const { signal, receipt } = await kimsPage(false);
  const yours = linkIn(receipt, 'What became of it');
  const stranger = pages.nobody();
  await stranger.press(await stranger.get(yours), '/yours/rights');
  const rights = linkIn(await pages.shop.letter('rights'));
  const [notMe, unsubscribe] = [
    linkIn(receipt, 'This wasn’t me'),
    receipt.unsubscribeUrl!.replace('https://heed.test', ''),
  ];
  const mailed = [yours, rights, notMe, unsubscribe];
  for (const link of mailed) expect((await stranger.get(link)).status).toBe(200);

  await rectify(pages.web.heed, signal.customer_id!, { email: 'kim.adler@example.com' }, { by: 'operator' });
  for (const link of mailed) expect((await stranger.get(link)).status).toBe(410);
  expect((await stranger.get(yours)).text).toContain('we do not write to this address about it any more');
  for (const [press, link] of [
    ['/yours/say', yours],
    ['/yours/stop', yours],
    ['/rights/export', rights],
    ['/rights/erase', rights],
    ['/not-me', notMe],
    ['/unsubscribe', unsubscribe],
    [unsubscribe, ''],
  ] as const)
    expect([press, (await stranger.post(press, { link, says: 'yes' })).status]).toEqual([press, 410]);
  expect(await pages.shop.signal(signal.id)).toMatchObject({ reach: 'email', says: null, closed_how: null });

  await approveFollowUp(
    pages.web.heed,
    { loopId: signal.id, by: 'priya', press: pages.shop.press() },
    { words: 'Dear Kim, we pay it back.' },
  );
  const answer = await pages.shop.letter('answer', undefined, signal.id);
  expect(answer.to).toBe('kim.adler@example.com');
  expect((await pages.nobody().get(linkIn(answer, 'What became of it'))).status).toBe(200);
});

test('our letters can be stopped by one about a remark that is kept no longer, while another of theirs is', async () => {
  const { signal, receipt } = await kimsPage(false);
  const { db } = pages.shop;
  await db.pool.transaction((tx) => closeRound(tx, { loopId: signal.id, round: 1, how: 'silent', rule: 'test' }));
  await db.apply((company) => {
    company.retention = { words: { amount: 90, unit: 'd' }, kinds: {}, letters: { amount: 30, unit: 'd' } };
  });
  await db.passTime('91 days');
  const other = await pages.shop.hears({ ...kim, words: 'Where is my parcel?', kind: 'question' });
  expect(other).toMatchObject({ customer_id: signal.customer_id, reach: 'email' });
  const gone = await letGo({ pool: db.pool, configuration: db.heed.configuration }, async () => ({
    swept: [],
    inUse: [],
  }));
  expect(gone).toMatchObject({ remarks: 1 });

  expect((await pages.nobody().get(linkIn(receipt, 'What became of it'))).status).toBe(410);
  expect((await pages.nobody().post(receipt.unsubscribeUrl!.replace('https://heed.test', ''))).status).toBe(200);
  expect(await pages.shop.signal(other.id)).toMatchObject({ reach: null, unreachable: 'suppressed' });
});
