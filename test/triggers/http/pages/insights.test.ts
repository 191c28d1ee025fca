import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { choosing, linkTo } from '../../../../src/domain/links.ts';
import { sql } from '../../../../src/store/pool.ts';
import { makeLink } from '../../../../src/store/records/links.ts';
import { insightNow } from '../../../../src/store/views/insights.ts';
import { handOverInsight } from '../../../../src/triggers/responses/handOver.ts';
import { recordCall } from '../../../../src/triggers/responses/recordCall.ts';
import { erase } from '../../../../src/triggers/rights/erase.ts';
import { subjectNamed } from '../../../../src/triggers/rights/subject.ts';
import { lift, restrict } from '../../../../src/triggers/rights/restrict.ts';
import { openPages, type Page, type Pages, type Visitor } from './visitors.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages();
});
afterAll(() => pages.shop.close());

const consent = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }];
let colours = 0;

/** Three people ask for the same scarf: two can be written to, one left no name and works at another place. */
async function threeAsk() {
  const size = String((colours += 1) + 50);
  const words = `Do you have this scarf in size ${size}?`;
  const [ada, bo] = [
    { name: 'Ada', email: `ada${size}@example.com` },
    { name: 'Bo', email: `bo${size}@example.com` },
  ];
  const first = await pages.shop.hears({
    words,
    customer: ada,
    consent,
    offered: { item: 'a shawl', taken: 'refused' },
  });
  await pages.shop.hears({ words, customer: bo, consent });
  await pages.shop.hears({ words: `${words} For my mother.`, place: 'station', by: 'luca' });
  return { id: first.insight_id!, first, at: `/insights/${first.insight_id!}`, size };
}

/** What the list says of the insight at this address. */
const lineOf = (at: string, { html }: Page) => html.split('<li').find((line) => line.includes(`href="${at}"`));

/** So many more say the same at this place, each later than the one before. */
const saidSince = (id: string, place: string, many: number): Promise<void> =>
  pages.shop.db.rewrite(sql.unsafe`
    with said as (select gen_random_uuid() as id, n from generate_series(1, ${many}::integer) n),
    kept as (insert into loops (id, kind, place) select id, 'signal', ${place} from said),
    heard as (insert into signals (id, reference, channel, said_at) select id, 'HD-' || id, 'web', heed_now() + n * interval '1 second' from said),
    worded as (insert into words (signal_id, words) select id, 'Do you have it by now?' from said)
    insert into insight_signals (insight_id, signal_id) select ${id}::uuid, id from said`);

/** So many more insights that hold this signal and wait for Tomás. */
const asksFor = (signal: string, many: number): Promise<void> =>
  pages.shop.db.rewrite(sql.unsafe`
    with asked as (select gen_random_uuid() as id from generate_series(1, ${many}::integer)),
    kept as (insert into loops (id, kind, place) select id, 'insight', 'high-street' from asked),
    begun as (insert into rounds (loop_id, round, cause) select id, 1, 'opened' from asked),
    listed as (insert into open_rounds (loop_id, round) select id, 1 from asked),
    given as (
      insert into ownerships (id, loop_id, round, staff, cause, reason, configuration)
      select gen_random_uuid(), id, 1, 'tomas', 'opened', 'you decide', 1 from asked),
    gathered as (
      insert into insights (id, reference, kind, sameness_key, attributes, decide_by, configuration)
      select id, 'IN-' || id, 'wish', id::text, '{"item": "scarf"}', heed_now() + interval '1 day', 1 from asked)
    insert into insight_signals (insight_id, signal_id) select id, ${signal}::uuid from asked`);

describe('the page of an insight', () => {
  test('shows what was said, then asks, and says who will hear before anything is decided', async () => {
    const { at, size } = await threeAsk();
    const tomas = await pages.as('tomas');
    const page = await tomas.get(at);
    expect(page.text).toContain(`3 people ask for scarf · ${size}`);
    expect(page.text).toContain('2 places');
    expect(page.text).toContain('1 did not want what was offered');
    for (const answer of ['Yes, for everyone', 'Yes, for these people', 'No, because…', 'Keep listening'])
      expect(page.text).toContain(answer);
    const asked = await tomas.get(`${at}?do=adopt`);
    expect(asked.text).toContain('2 will be written to, 1 cannot. 1 left no name');
    expect(asked.text).toContain('You can take it back for 10 minutes.');
  });

  test('says, wherever it is read, that somebody lets what they said rest: here, in the list, among the tasks and behind a number', async () => {
    const { first, at } = await threeAsk();
    const tomas = await pages.as('tomas');
    const ingrid = await pages.as('ingrid');
    const behind = '/loop/captured?place=high-street&of=own';
    const taggedOn = async (visitor: Visitor, path: string) =>
      (await visitor.get(path)).html.split('rests, as they asked').length - 1;
    // What was said last is what the list and a task show.
    await pages.shop.db.rewrite(sql.unsafe`
      update signals set said_at = said_at + interval '1 minute' where id = ${first.id}`);
    const read = [
      [tomas, at],
      [tomas, `${at}?do=adopt`],
      [tomas, '/insights'],
      [tomas, '/tasks'],
      [ingrid, behind],
    ] as const;
    const tags = () => Promise.all(read.map(([visitor, path]) => taggedOn(visitor, path)));
    expect(await tags()).toEqual([0, 0, 0, 0, 0]);
    await restrict(pages.shop.db.heed, first.customer_id!, { by: 'priya' });
    // Where it is to be decided, the words stand once more, to be ticked.
    expect(await tags()).toEqual([1, 2, 1, 1, 1]);
    await lift(pages.shop.db.heed, first.customer_id!, { by: 'priya' });
  });

  test('never ticks evidence beforehand', async () => {
    const { at } = await threeAsk();
    const page = await (await pages.as('tomas')).get(`${at}?do=decline`);
    expect(page.html.match(/name="evidence"/g)).toHaveLength(3);
    expect(page.html).not.toMatch(/name="evidence"[^>]*checked/s);
  });

  test('decides, says so, and takes it back', async () => {
    const { at, first } = await threeAsk();
    const tomas = await pages.as('tomas');
    const asked = await tomas.get(`${at}?do=adopt`);
    const decided = await tomas.press(asked, `${at}/decision`, {
      reason: 'We order it.',
      doneBy: '2026-09-01',
      evidence: [first.id],
    });
    expect(decided.text).toContain('Decided. You can take it back for 10 minutes');
    expect(decided.text).toContain('Tomás Rey decided: yes, for everyone, by Tuesday 1 September.');
    expect(decided.text).toContain('the decision rests on it');
    const back = await tomas.press(decided, `${at}/withdrawal`);
    expect(back.text).toContain('Taken back. Nothing has left.');
    expect(back.text).toContain('What do we do?');
  });

  test('counts who was written to, who was called, who is still to be called, and who was not told, apart', async () => {
    const words = 'Do you have this scarf in size 90?';
    const asks = (customer: { email?: string; phone?: string }, ...agreed: ('email' | 'phone')[]) =>
      pages.shop.hears({
        words,
        customer,
        consent: agreed.map((channel) => ({ purpose: 'follow_up' as const, channel, wording: '2026-06' })),
      });
    const written = await asks({ email: 'written@example.com' }, 'email');
    await asks({ email: 'unheard@example.com' }, 'email');
    await asks({ phone: '+31 6 77777771' }, 'phone');
    const called = await asks({ email: 'called@example.com', phone: '+31 6 77777772' }, 'email', 'phone');
    // Who spoke twice is one person, who is to be called about one of the two.
    const twice = { email: 'twice@example.com', phone: '+31 6 77777773' };
    await asks(twice, 'email', 'phone');
    await asks(twice, 'email');
    await pages.shop.hears({ words });

    const at = `/insights/${written.insight_id!}`;
    const tomas = await pages.as('tomas');
    await tomas.press(await tomas.get(`${at}?do=decline`), `${at}/decision`, { reason: 'Too warm for scarves.' });
    await pages.shop.tells(written.insight_id!);
    await pages.shop.db.pool.query(sql.unsafe`
      update deliveries set ended_at = heed_now(), state = 'failed', last_error_code = 'smtp_554'
      where purpose = 'told' and customer_id <> ${written.customer_id} and loop_id in (
        select signal_id from now.insight_signals where insight_id = ${written.insight_id})`);
    await recordCall(
      pages.web.heed,
      { loopId: called.id, by: called.owner, press: pages.shop.press() },
      { outcome: 'reached' },
    );
    const { text } = await tomas.get(at);
    expect(text).toContain('Told written to 1 called 1 still to be called 2 not told 2');
  });

  test('comes back with what was written when a date or a reason is missing', async () => {
    const { at } = await threeAsk();
    const tomas = await pages.as('tomas');
    const again = await tomas.press(await tomas.get(`${at}?do=adopt`), `${at}/decision`, {
      reason: 'We order it.',
      doneBy: '',
      internalReason: 'cheap',
    });
    expect(again.status).toBe(400);
    expect(again.text).toContain('The day it is done by is needed: by which day is it done?');
    expect(again.html).toContain('We order it.</textarea>');
    expect(again.html).toContain('cheap</textarea>');
    const past = await tomas.press(again, `${at}/decision`, { doneBy: '2026-06-01' });
    expect(past.text).toContain('The day by which it is done is over.');
  });

  test('keeps listening until a day, in the morning of the company', async () => {
    const { at, id } = await threeAsk();
    const tomas = await pages.as('tomas');
    const page = await tomas.press(await tomas.get(`${at}?do=defer`), `${at}/decision`, {
      reason: 'Too few yet',
      wakeOn: '2026-07-01',
      untilPeople: '9',
    });
    expect(page.text).toContain('Noted: we keep listening, and you are asked again.');
    const { wake_at } = await pages.shop.insightOf({ insight_id: id } as Parameters<Pages['shop']['insightOf']>[0]);
    expect(wake_at).toEqual(new Date('2026-07-01T09:00:00+02:00'));
  });

  test('shows whoever does not decide only what was said at their places, and nothing to press', async () => {
    const { at } = await threeAsk();
    const page = await (await pages.as('luca')).get(at);
    expect(page.text).toContain('For my mother.');
    expect(page.text).toContain('2 more were said at other places.');
    expect(page.html).not.toContain(`action="${at}/`);
    expect((await (await pages.as('aisha')).get(at)).status).toBe(404);
    const refused = await (await pages.as('luca')).post(`${at}/decision`, { do: 'decline', reason: 'no' });
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('Tomás Rey decides this. It was not given to you.');
  });

  test('shows everybody what was said at their places, however much was said at others, and says what is left out', async () => {
    const { id, at, size } = await threeAsk();
    await saidSince(id, 'station', 100);
    const priya = await (await pages.as('priya')).get(at);
    expect(priya.text).toContain(`Do you have this scarf in size ${size}?`);
    expect(priya.text).toContain('101 more were said at other places.');
    const luca = await (await pages.as('luca')).get(at);
    expect(luca.text).toContain('1 older one is not shown. 2 more were said at other places.');
    const tomas = await (await pages.as('tomas')).get(at);
    expect(tomas.text).toContain('3 older ones are not shown.');
    expect(tomas.text).not.toContain('at other places');
  });

  test('says, on the page and behind a link, that a decision can be rested on the latest hundred remarks', async () => {
    const { id, at } = await threeAsk();
    const token = await makeLink(pages.shop.db.pool, { kind: 'task', staff: 'tomas', loopId: id, wait: 'decided' });
    const asked = async () => [
      await (await pages.as('tomas')).get(`${at}?do=decline`),
      await pages.nobody().get(choosing(linkTo('', token), '?do=decline')),
    ];
    for (const { text } of await asked()) expect(text).not.toContain('These are the latest');
    await saidSince(id, 'high-street', 100);
    for (const { text, html } of await asked()) {
      expect(html.match(/name="evidence"/g)).toHaveLength(100);
      expect(text).toContain('tick the words that count These are the latest: 3 older ones can’t be ticked here.');
    }
  });

  test('names whoever decided, also once it is with somebody else', async () => {
    const { id, at, first } = await threeAsk();
    const tomas = await pages.as('tomas');
    const answer = { reason: 'We order it.', doneBy: '2099-09-01' };
    await tomas.press(await tomas.get(`${at}?do=adopt`), `${at}/decision`, answer);
    await pages.shop.tells(id);
    const byTomas = { loopId: id, by: 'tomas', press: pages.shop.press() };
    await handOverInsight(pages.web.heed, byTomas, { to: 'priya', reason: 'She orders them' });
    const priya = await pages.as('priya');
    const { text } = await priya.get(at);
    expect(text).toContain('Decided by Tomás Rey, buyer');
    expect(text).toContain('With Priya Nair, branch manager');
    expect((await priya.get(`/signals/${first.id}`)).text).toContain('Tomás Rey decided; 3 people have asked');
    expect(lineOf(at, await priya.get('/insights'))).toContain('Tomás Rey decided');
    expect(lineOf(at, await tomas.get('/insights'))).toContain('You decided');
  });

  test('what is to be done is given on by its page, its task and its link', async () => {
    const { id, at } = await threeAsk();
    const [tomas, priya] = [await pages.as('tomas'), await pages.as('priya')];
    await tomas.press(await tomas.get(`${at}?do=adopt`), `${at}/decision`, {
      reason: 'We order it.',
      doneBy: '2099-09-01',
    });
    await pages.shop.tells(id);
    const incomplete = await tomas.press(await tomas.get(at), `${at}/handover`, { to: 'priya', reason: '' });
    expect(incomplete.status).toBe(400);
    expect(incomplete.html).toMatch(/<details id="more-handover-[^"]*" open>/);
    const given = await tomas.press(incomplete, `${at}/handover`, { to: 'priya', reason: 'She orders them' });
    expect(given.text).toContain('It is with Priya Nair now.');

    const tasks = await priya.get('/tasks');
    expect(tasks.html).toContain(`action="${at}/handover"`);
    const token = await makeLink(pages.shop.db.pool, {
      kind: 'task',
      staff: 'priya',
      loopId: id,
      round: 1,
      wait: 'completed',
    });
    const link = await pages.nobody().get(linkTo('', token));
    const onward = await pages.nobody().press(link, '/t/handover', { to: 'ingrid', reason: 'Her budget' });
    expect(onward.text).toContain('It is with Ingrid');
  });

  test('tells the slower of two who decided', async () => {
    const { at } = await threeAsk();
    const [tomas, ingrid] = [await pages.as('tomas'), await pages.as('ingrid')];
    const page = await ingrid.get(`${at}?do=decline`);
    await tomas.press(await tomas.get(`${at}?do=decline`), `${at}/decision`, { reason: 'No room' });
    const slow = await ingrid.press(page, `${at}/decision`, { reason: 'No money' });
    expect(slow.status).toBe(409);
    expect(slow.text).toMatch(/Tomás Rey decided this at 10:0\d\./);
  });

  test('a form that was open while a colleague decided, and people were told, tells nobody the opposite unless that is meant', async () => {
    const { id, at } = await threeAsk();
    const [tomas, ingrid] = [await pages.as('tomas'), await pages.as('ingrid')];
    const open = await ingrid.get(`${at}?do=adopt`);
    await tomas.press(await tomas.get(`${at}?do=decline`), `${at}/decision`, { reason: 'No room' });
    await pages.shop.tells(id);

    const late = await ingrid.press(open, `${at}/decision`, { reason: 'We order it', doneBy: '2026-09-01' });
    expect(late.status).toBe(409);
    expect(late.text).toMatch(/Tomás Rey decided this at 10:0\d, since you began, and people are told\./);
    expect(late.html).toContain('We order it');
    const { pool } = pages.shop.db;
    expect(await insightNow(pool, id)).toMatchObject({ outcome: 'declined', decision_version: 1 });

    await ingrid.press(late, `${at}/decision`);
    expect(await insightNow(pool, id)).toMatchObject({ outcome: 'adopted', decision_version: 2 });
  });

  test('a page that shows what was taken back since takes back nothing of what was decided anew', async () => {
    const { id, at } = await threeAsk();
    const [tomas, ingrid] = [await pages.as('tomas'), await pages.as('ingrid')];
    await tomas.press(await tomas.get(`${at}?do=decline`), `${at}/decision`, { reason: 'No room' });
    const seenByIngrid = await ingrid.get(at);
    await tomas.press(await tomas.get(at), `${at}/withdrawal`);
    await tomas.press(await tomas.get(`${at}?do=adopt`), `${at}/decision`, { reason: 'Yes', doneBy: '2026-09-01' });

    const late = await ingrid.press(seenByIngrid, `${at}/withdrawal`);
    expect(late.status).toBe(409);
    expect(late.text).toMatch(/What you saw was taken back before, and Tomás Rey decided this anew at 10:0\d\./);
    expect(await insightNow(pages.shop.db.pool, id)).toMatchObject({ outcome: 'adopted' });
    await ingrid.press(late, `${at}/withdrawal`);
    expect(await insightNow(pages.shop.db.pool, id)).toMatchObject({ outcome: null });
  });
});

describe('the list of what people ask for', () => {
  test('has what is to be decided first, in the viewer’s own places, with samples marked', async () => {
    const { id, size } = await threeAsk();
    const tomas = await (await pages.as('tomas')).get('/insights');
    expect(tomas.text).toMatch(/To be decided.*Decided/s);
    expect(tomas.text).toContain(`3 people ask for scarf · ${size}`);
    expect((await (await pages.as('aisha')).get('/insights')).text).not.toContain('scarf');
    await pages.shop.db.rewrite(sql.unsafe`update loops set sample = true where id = ${id}`);
    const marked = await (await pages.as('tomas')).get('/insights');
    expect(marked.html).toContain('<span class="tag sample">sample</span>');
  });

  test('says when what was put off is looked at again, and past that day that it is undecided', async () => {
    const { id, at, first } = await threeAsk();
    const tomas = await pages.as('tomas');
    const later = { reason: 'Too few yet', wakeOn: '2026-07-01' };
    await tomas.press(await tomas.get(`${at}?do=defer`), `${at}/decision`, later);
    expect(lineOf(at, await tomas.get('/insights'))).toContain('still listening');
    expect((await tomas.get(`/signals/${first.id}`)).text).toContain(', due 1 July 09:00');
    const token = await makeLink(pages.shop.db.pool, { kind: 'task', staff: 'tomas', loopId: id, wait: 'decided' });
    expect((await pages.nobody().get(linkTo('', token))).text).toContain('by 1 July 09:00');
    await pages.shop.db.passTime('17 days');
    const inJuly = await (await pages.as('tomas')).get('/insights');
    expect(lineOf(at, inJuly)).toContain('past its date, undecided');
  });

  test('says when so many have asked as what was put off waits for', async () => {
    const { id, at } = await threeAsk();
    const tomas = await pages.as('tomas');
    const later = { reason: 'Too few yet', wakeOn: '2026-07-20', untilPeople: '4' };
    await tomas.press(await tomas.get(`${at}?do=defer`), `${at}/decision`, later);
    expect((await tomas.get(at)).text).toContain('still listening');
    await saidSince(id, 'high-street', 1);
    for (const page of ['/insights', at]) expect((await tomas.get(page)).text).toContain('enough have asked');
  });

  test('is not listed once it closed undecided, as nobody is left who asked: it stood above what waits, for good', async () => {
    const bulb = { words: 'A bulb for this lamp?', kind: 'unmet-demand', wanted: { item: 'bulb' } };
    const { insight_id: id } = await pages.shop.hears({ ...bulb, customer: { email: 'only@bulb.example' }, consent });
    const tomas = await pages.as('tomas');
    const listed = async () => (await tomas.get('/insights')).html.includes(`href="/insights/${id!}"`);
    expect(await listed()).toBe(true);
    const subject = await subjectNamed(pages.shop.db.pool, 'only@bulb.example');
    await erase(pages.web.heed, subject, { by: 'operator', reason: 'asked by letter' });
    expect(await insightNow(pages.shop.db.pool, id!)).toMatchObject({ closed_how: 'erased', outcome: null });
    expect(await listed()).toBe(false);
  });

  test('goes on after a hundred: what was decided is found, however much is still to be decided', async () => {
    const { at, first } = await threeAsk();
    const tomas = await pages.as('tomas');
    await tomas.press(await tomas.get(`${at}?do=decline`), `${at}/decision`, { reason: 'Too warm for scarves.' });
    await asksFor(first.id, 100);
    const [front, next] = [await tomas.get('/insights'), await tomas.get('/insights?skip=100')];
    const lines = ({ html }: Page) => html.match(/(?<=<h3 class="words-title"><a href=")[^"]+/g)!;
    expect(lines(front)).toHaveLength(100);
    expect(lines(next)).not.toHaveLength(0);
    expect(new Set([...lines(front), ...lines(next)]).size).toBe(100 + lines(next).length);
    expect(front.text).not.toContain('Too warm for scarves.');
    expect(next.text).toContain('Too warm for scarves.');
    expect(front.html).toContain('href="/insights?skip=100">More</a>');
    expect(next.html).toContain('href="/insights?skip=0">Back</a>');
    expect(next.html).not.toContain('>More</a>');
  });
});
