import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sql } from '../../../../src/store/pool.ts';
import { tasksOf, todayAt } from '../../../../src/store/views/tasks.ts';
import { green, kim } from '../../../activities/messages/shop.ts';
import { capture } from '../../../../src/triggers/capture.ts';
import { acknowledge } from '../../../../src/triggers/responses/acknowledge.ts';
import { bundle } from '../../../../src/store/records/digests.ts';
import { decide } from '../../../../src/triggers/responses/decide.ts';
import { recordCall } from '../../../../src/triggers/responses/recordCall.ts';
import { lift, restrict } from '../../../../src/triggers/rights/restrict.ts';
import { openPages, type Pages } from './visitors.ts';

let pages: Pages;
beforeEach(async () => {
  pages = await openPages();
});
afterEach(() => pages.shop.close());

const order = (text: string, ...parts: string[]): number[] => parts.map((part) => text.indexOf(part));

describe('my tasks', () => {
  test('has the most overdue first, and says why me and why now', async () => {
    const coat = await pages.shop.hears(green);
    await pages.shop.db.passTime('3 hours');
    await pages.shop.climbs(coat.id);
    await pages.shop.hears({ ...kim, words: 'I was charged twice for the alteration.', mood: 'annoyed' });
    const { text } = await (await pages.as('priya')).get('/tasks');
    expect(text).toContain('Two people are waiting for you');
    const [late, fresh] = order(text, 'this coat in green', 'charged twice');
    expect(late).toBeLessThan(fresh!);
    expect(text).toContain('not taken, due an hour ago');
    expect(text).toContain('You, because it is with Jonas Weber, and nobody had taken it.');
    expect(text).toMatch(/take it by \d\d:\d\d/);
    expect(text).toContain('Said to Mina Okafor at 13:00; they were annoyed. You, because High Street is yours.');
  });

  describe('are found', () => {
    const busy = [
      'loops',
      'rounds',
      'open_rounds',
      'open_round_staff',
      'ownerships',
      'plans',
      'escalations',
      'deliveries',
      'closures',
      'signals',
    ];

    /** How many rows are read for the tasks of Jonas, who has one, and of what has happened today; with the plans that are made by now. */
    const rowsRead = async (of: readonly string[] = [...busy, 'follow_ups', 'confirmations']): Promise<number> => {
      const { db } = pages.shop;
      await (await db.owner()).query(sql.unsafe`analyze`);
      return db.pool.transaction(async (tx) => {
        const sofar = () =>
          tx.oneFirst(sql.type(z.object({ read: z.number() }))`
            select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as read from pg_stat_xact_user_tables
            where relname = any(${sql.array(of, 'text')})`);
        await tx.query(sql.unsafe`discard plans`);
        const before = await sofar();
        expect((await tasksOf(tx, db.company, 'jonas')).tasks).toHaveLength(1);
        await todayAt(tx, 'everywhere', db.company.timezone);
        return (await sofar()) - before;
      });
    };

    /** So many signals of nine days ago, each in its first round. */
    const past = (many: number) => sql.fragment`
      past as (select gen_random_uuid() as id, gen_random_uuid() as plan, gen_random_uuid() as prompt, n from generate_series(1, ${many}::integer) n),
      kept as (insert into loops (id, kind, place, opened_at) select id, 'signal', 'high-street', heed_now() - interval '9 days' from past),
      heard as (
        insert into signals (id, reference, channel, said_at, captured_at)
        select id, 'HD-' || id, 'web', heed_now() - interval '9 days', heed_now() - interval '9 days' from past),
      begun as (insert into rounds (loop_id, round, cause) select id, 1, 'opened' from past)`;

    test('without reading what is closed', async () => {
      await pages.shop.hears(green);
      const few = await rowsRead();
      await pages.shop.db.rewrite(sql.unsafe`
        with ${past(20_000)}
        insert into closures (id, loop_id, round, how, rule) select gen_random_uuid(), id, 1, 'silent', 'window' from past`);
      expect(await rowsRead()).toBeLessThan(few + 1000);
    });

    test('without reading what waits for others', async () => {
      await pages.shop.hears(green);
      const few = await rowsRead();
      // As the triggers would have it, which such a rewriting leaves out.
      await pages.shop.db.rewrite(sql.unsafe`
        with ${past(5_000)},
        people as (select code, row_number() over () - 1 as at, count(*) over () as many from staff where code <> 'jonas'),
        given as (select id, plan, prompt, code from past join people on past.n % people.many = people.at),
        listed as (insert into open_rounds (loop_id, round) select id, 1 from past),
        shown as (insert into open_round_staff (loop_id, staff) select id, code from given),
        held as (
          insert into ownerships (id, loop_id, round, staff, cause, reason, configuration)
          select gen_random_uuid(), id, 1, code, 'routed', 'it is yours', 1 from given),
        planned as (
          insert into plans (id, loop_id, round, wait, clock, occasion, counted_from, configuration)
          select plan, id, 1, 'acknowledged', 'person', id, heed_now(), 1 from past),
        told as (insert into escalations (plan_id, step, repeat, staff, reason) select plan, 0, 0, code, 'it is new' from given)
        insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, staff, occasion, state, message_id)
        select prompt, 'prompt:' || id, 'prompt', 'email', 'at_least_once', id, 1, code, plan, 'sent', prompt::text from given`);
      expect(await rowsRead()).toBeLessThan(few + 1000);
    });

    test('without reading the stories of what they have given on, as every manager does with what their team is to answer', async () => {
      await pages.shop.hears(green);
      const stories = ['signals', 'loops', 'rounds', 'words'];
      const few = await rowsRead(stories);
      await pages.shop.db.rewrite(sql.unsafe`
        with ${past(5_000)},
        listed as (insert into open_rounds (loop_id, round) select id, 1 from past),
        shown as (insert into open_round_staff (loop_id, staff) select id, unnest(array['jonas', 'mina']) from past)
        insert into ownerships (id, loop_id, round, staff, cause, reason, configuration, started_at, ended_at)
        select gen_random_uuid(), id, 1, 'jonas', 'captured', 'it was heard here', 1, heed_now() - interval '9 days', heed_now() - interval '8 days' from past
        union all
        select gen_random_uuid(), id, 1, 'mina', 'routed', 'it is hers', 1, heed_now() - interval '8 days', null from past`);
      expect(await rowsRead(stories)).toBeLessThan(few + 1000);
    });

    test('by whom the open round has to do with, whoever is still written to of the one before', async () => {
      const { id } = await pages.shop.hears(green);
      const { db } = pages.shop;
      await db.rewrite(sql.unsafe`
        with next as (insert into rounds (loop_id, round, cause) values (${id}, 2, 'not_settled'))
        update open_rounds set round = 2 where loop_id = ${id}`);
      const listedOnceWritten = async (round: number): Promise<boolean> => {
        await db.pool.query(sql.unsafe`
          insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, staff, message_id)
          values (gen_random_uuid(), 'of-round-' || ${round}, 'prompt', 'email', 'at_least_once', ${id}, ${round}::integer, 'tomas', 'of-round-' || ${round})`);
        return db.pool.exists(sql.unsafe`select from open_round_staff where loop_id = ${id} and staff = 'tomas'`);
      };
      expect(await listedOnceWritten(1)).toBe(false);
      expect(await listedOnceWritten(2)).toBe(true);
    });
  });

  test('is done from the list in two taps, and comes back to it', async () => {
    const signal = await pages.shop.hears(green);
    const jonas = await pages.as('jonas');
    const taken = await jonas.press(await jonas.get('/tasks'), `/signals/${signal.id}/acknowledgement`);
    expect(taken.path).toMatch(/^\/tasks\?said=/);
    expect(taken.text).toContain('It is yours. Next: answer the customer.');
    expect(taken.text).toContain('Answer Kim');
    const gone = await jonas.press(taken, `/signals/${signal.id}/handover`, { to: 'priya', reason: 'she knows Kim' });
    expect(gone.text).toContain('It is with Priya Nair now.');
    expect(gone.text).toContain('Nobody is waiting for you.');
    const { text } = await (await pages.as('priya')).get('/tasks');
    expect(text).toContain('You, because it was handed over to you: she knows Kim.');
  });

  test('asks the decider with the words and the people, and stops asking when they keep listening', async () => {
    const signal = await pages.shop.hears(green);
    const tomas = await pages.as('tomas');
    const page = await tomas.get('/tasks');
    expect(page.text).toContain('One decision is waiting for you');
    expect(page.text).toContain('1 person has asked, and 1 did not want what was offered.');
    const at = `/insights/${signal.insight_id}`;
    await tomas.press(await tomas.get(`${at}?do=defer`), `${at}/decision`, { reason: 'Too few', wakeOn: '2026-07-01' });
    await pages.shop.climbs(signal.insight_id!);
    expect((await tomas.get('/tasks')).text).toContain('Nobody is waiting for you.');
  });

  test('asks whether it is done once a decision is final', async () => {
    const signal = await pages.shop.hears(green);
    const tomas = await pages.as('tomas');
    const at = `/insights/${signal.insight_id}`;
    await tomas.press(await tomas.get(`${at}?do=adopt`), `${at}/decision`, { reason: 'Yes.', doneBy: '2026-09-01' });
    expect((await tomas.get('/tasks')).text).toContain('Take it back');
    await pages.shop.db.passTime('11 minutes');
    await pages.shop.tells(signal.insight_id!);
    const done = await tomas.press(await tomas.get('/tasks'), `${at}/completion`, { evidence: 'In the shops' });
    expect(done.text).toContain('Done, and recorded.');
  });

  test('asks for no call while what to say in it is decided anew, and neither does the message that names several', async () => {
    const { shop, web } = pages;
    const {
      id,
      insight_id: insight,
      owner,
    } = await shop.hears({
      words: 'Do you have this scarf in ochre?',
      customer: { name: 'Pat Quinn', phone: '+31 6 12345670' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    const by = (staff: string, loopId: string) => ({ loopId, by: staff, press: shop.press() });
    await recordCall(web.heed, by(owner, id), { outcome: 'reached' });
    await decide(web.heed, by('tomas', insight!), { outcome: 'declined', reason: 'Ochre does not sell.' });
    await shop.tells(insight!);
    await shop.climbs(id);
    const call = { ...(await shop.planned('prompt', owner, id)), staff: owner };
    await shop.db.pool.transaction((tx) => bundle(tx, call, 300_000));
    await decide(web.heed, by('tomas', insight!), { outcome: 'declined', reason: 'The mill has closed.' });

    const holder = await pages.as(owner);
    const wait = await holder.get('/tasks');
    expect(wait.text).toContain('Wait: it was decided anew, and what to tell them is certain at 10:10');
    expect(wait.text).not.toContain('Call Pat');
    const named = async () => JSON.stringify(await shop.slack('digest', owner));
    expect(await named()).toContain(
      'High Street: wait, it was decided anew, and what to tell them is certain at 10:10.',
    );
    await shop.tells(insight!);
    expect((await holder.get('/tasks')).text).toContain('Call Pat');
    expect(await named()).toContain('High Street: please call the customer about what was decided.');
  });

  test('says what happened today when nobody waits', async () => {
    await pages.shop.hears(green);
    await pages.shop.hears({ words: 'Too loud in here', place: 'harbour', by: 'aisha' });
    const { text } = await (await pages.as('mina')).get('/tasks');
    expect(text).toContain('Nobody is waiting for you. Today 1 person spoke to us.');
  });

  test('leads whoever signs in to where their work is', async () => {
    const mina = await pages.as('mina');
    expect((await mina.get('/')).headers.get('Location')).toBe('/capture');
    const priya = await pages.as('priya');
    expect((await priya.get('/')).headers.get('Location')).toBe('/tasks');
    expect((await pages.nobody().get('/')).text).toContain('Nothing a customer says dies of silence.');
  });
});

describe('what became of what I captured', () => {
  test('says that what was missing is coming, newest news first', async () => {
    const coat = await pages.shop.hears({ ...green, unmet: "Don't carry it" });
    await pages.shop.hears({ words: 'Mina was lovely' });
    const tomas = await pages.as('tomas');
    const at = `/insights/${coat.insight_id}`;
    await tomas.press(await tomas.get(`${at}?do=adopt`), `${at}/decision`, {
      reason: 'Many of you asked.',
      doneBy: '2026-09-01',
    });
    const mina = await pages.as('mina');
    expect((await mina.get('/mine')).text).not.toContain('You heard it');
    await pages.shop.db.passTime('11 minutes');
    const { text } = await mina.get('/mine');
    expect(text).toContain(
      'Green is coming. You heard it. Tomás Rey decided: Many of you asked. By Tuesday 1 September.',
    );
    const [news, older] = order(text, 'Green is coming', 'Mina was lovely');
    expect(news).toBeLessThan(older!);
  });

  test('says that it rests while its customer lets it, and not that somebody is answering them', async () => {
    const { id, customer_id: customer } = await pages.shop.hears({
      ...kim,
      words: 'I was charged twice.',
      kind: 'question',
    });
    await acknowledge(pages.shop.db.heed, { loopId: id, by: 'jonas', press: pages.shop.press() });
    const mina = await pages.as('mina');
    await restrict(pages.shop.db.heed, customer!, { by: 'priya' });
    const rests = await mina.get('/mine');
    expect(rests.text).toContain('It rests for now, as they asked.');
    expect(rests.text).not.toContain('is answering them');
    await lift(pages.shop.db.heed, customer!, { by: 'priya' });
    expect((await mina.get('/mine')).text).toContain('Jonas Weber is answering them.');
  });

  test('goes back as far as somebody captured, a hundred at a time', async () => {
    const captured: string[] = [];
    for (let n = 1; n <= 101; n++) {
      const said = { words: `Remark number ${n}.`, place: 'high-street', by: 'jonas' };
      const press = { source: 'web', key: `remark ${n}` };
      captured.push((await capture(pages.shop.db.heed, said, { channel: 'web', press })).id);
    }
    const jonas = await pages.as('jonas');
    const newest = await jonas.get('/mine');
    expect(newest.text).toContain('Remark number 101.');
    expect(newest.text).not.toContain('Remark number 1.');
    expect(newest.html).toContain('href="/mine?skip=100"');
    const oldest = await jonas.get('/mine?skip=100');
    expect(oldest.text).toContain('Remark number 1.');
    expect(oldest.text).toContain('Later ones');
    expect(oldest.text).not.toContain('Earlier ones');
    // What was said first has the latest news: it stays where it was captured, and nothing is lost for it.
    const { heed } = pages.shop.db;
    await acknowledge(heed, { loopId: captured[0]!, by: 'jonas', press: pages.shop.press() });
    const [first, second] = [await jonas.get('/mine'), await jonas.get('/mine?skip=100')];
    const shown = `${first.html}${second.html}`.match(/(?<=href="\/signals\/)[^"]+/g)!;
    expect(shown).toHaveLength(101);
    expect(new Set(shown)).toEqual(new Set(captured));
  });

  test('shows nobody what others captured', async () => {
    await pages.shop.hears({ words: 'Too loud in here', place: 'harbour', by: 'aisha' });
    expect((await (await pages.as('mina')).get('/mine')).text).toContain('You have not captured anything yet.');
  });
});
