/** The auditor against a real database: it finds nothing in a sound shop, and each broken promise that is planted in it. */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { finish } from '../../src/activities/tell.ts';
import type { Hands } from '../../src/activities/createActivities.ts';
import { audit, checks, report } from '../../src/audit/audit.ts';
import type { Journals } from '../../src/audit/journals.ts';
import { newId } from '../../src/domain/ids.ts';
import { sql } from '../../src/store/pool.ts';
import { momentOf } from '../../src/store/records/clock.ts';
import { suppress } from '../../src/store/records/customers.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { handOver } from '../../src/triggers/responses/handOver.ts';
import { disavow, stopWriting } from '../../src/triggers/responses/stop.ts';
import { vouchByHand } from '../../src/triggers/responses/vouch.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { mailRights } from '../../src/triggers/rights/mailRights.ts';
import { rectify } from '../../src/triggers/rights/rectify.ts';
import { lift, restrict } from '../../src/triggers/rights/restrict.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import { loadSampleHistory } from '../../src/triggers/sampleHistory.ts';
import { green, kim, openShop, type Shop } from '../activities/messages/shop.ts';
import { openTestDatabase } from '../support/database.ts';

let shop: Shop;
let db: pg.Client;
let journals: Required<Journals>;
/** Answered, and "no": in its second round. */
let again: string;
/** Waiting for the person it was given to. */
let waiting: string;
/** What was decided, told and closed; who asked for it. */
let declined: string;
let asked: string;

beforeAll(async () => {
  shop = await openShop();
  const as = (by: string, loopId: string) => ({ by, loopId, press: shop.press() });
  const question = await shop.hears({ words: 'Why is the lining torn?', kind: 'question', ...kim });
  again = question.id;
  await acknowledge(shop.db.heed, as(question.owner, again));
  await approveFollowUp(shop.db.heed, as(question.owner, again), { words: 'We mend it for you.' });
  await allIsSent();
  await confirm(shop.db.heed, { loopId: again, press: shop.press() }, { says: 'no' });
  await shop.climbs(again);

  const wish = await shop.hears(green);
  [asked, declined] = [wish.id, wish.insight_id!];
  await decide(shop.db.heed, as('tomas', declined), { outcome: 'declined', reason: 'Green does not sell.' });
  await shop.tells(declined);
  await finish({ pool: shop.db.pool, configuration: shop.db.heed.configuration } as Hands, declined);

  const ada = { customer: { name: 'Ada', email: 'ada@example.com' }, consent: kim.consent };
  const stopped = await shop.hears({ words: 'When do you open?', kind: 'question', ...ada });
  await allIsSent();
  await stopWriting(shop.db.heed, stopped.customer_id!);
  waiting = (await shop.hears({ words: 'How much is the scarf?', kind: 'question', customer: { name: 'Bo' } })).id;
  await allIsSent();

  db = new pg.Client({ connectionString: shop.db.url });
  await db.connect();
  journals = { ...(await seenBy(db)), accepted: [again, asked, waiting].map((id) => ({ id, key: `key of ${id}` })) };
});
afterAll(async () => {
  await db.end();
  await shop.close();
});

/** Where mails to our own people are seen to go. */
const colleague = 'somebody@example.com';

/** As if everything planned had arrived. */
async function allIsSent(of: Shop = shop): Promise<void> {
  const client = new pg.Client({ connectionString: of.db.url });
  await client.connect();
  await client.query(
    `update deliveries set state = 'sent', phase = 'handed', attempts = 1, ended_at = heed_now() where state = 'planned' and purpose <> 'card'`,
  );
  await client.query(`delete from deliveries where purpose = 'card'`);
  await client.query(`delete from wakes`);
  await client.end();
}

/** With nothing said against its address. */
async function isRefused({ db }: Shop, purpose: 'answer' | 'told'): Promise<void> {
  await db.pool.query(sql.unsafe`
    update deliveries set state = 'failed', phase = 'handed', attempts = 1, last_error_code = 'smtp_554', ended_at = heed_now()
    where purpose = ${purpose} and state = 'planned'`);
}

/** What a mailbox and a Slack room would hold by now; what was taken back is not there any more. */
async function seenBy(client: pg.Client): Promise<Required<Omit<Journals, 'accepted'>>> {
  const { rows } = await client.query<{ id: string; message_id: string; channel: string; address: string; at: Date }>(
    `select d.id, d.message_id, d.channel, d.ended_at as at,
       coalesce((select i.normalised from identities i where i.customer_id = d.customer_id and i.kind = 'email'), '${colleague}') as address
     from deliveries d
     where d.state = 'sent' and d.purpose <> 'redaction'
       and not exists (select from deliveries r where r.purpose = 'redaction' and r.state = 'sent' and r.occasion = d.id)`,
  );
  return {
    mails: rows
      .filter(({ channel }) => channel === 'email')
      .map(({ message_id, address, at }) => ({ messageId: message_id, to: [address], at })),
    posts: rows
      .filter(({ channel }) => channel === 'slack')
      .map(({ id }, n) => ({ deliveryId: id, channel: 'D1', ts: String(n) })),
  };
}

describe('in a sound shop', () => {
  test('every promise holds, and each of them is told in docs/proof.md', async () => {
    const { findings } = await audit({ databaseUrl: shop.db.url, journals });
    expect(findings.flatMap(({ violations }) => violations)).toEqual([]);
    const told = (await readFile(new URL('../../docs/proof.md', import.meta.url), 'utf8')).matchAll(/^\| (I\d+) /gm);
    expect(new Set(findings.map(({ invariant }) => invariant))).toEqual(new Set([...told].map(([, name]) => name)));
    expect(report(findings).at(-1)).toBe('Every promise holds.');
    expect(journals.mails.length).toBeGreaterThan(3);
    expect(journals.posts.length).toBeGreaterThan(0);
  });

  test('what only the world could show is not said to hold where nobody kept it', async () => {
    const { findings } = await audit({ databaseUrl: shop.db.url });
    expect(findings.flatMap(({ unasked }) => unasked ?? [])).toEqual(['accepted', 'mails', 'posts', 'mails']);
    expect(report(findings).at(-1)).toBe('Every promise that was asked about holds.');
  });
});

describe('in a shop in which people used their rights', () => {
  let rights: Shop;
  let client: pg.Client;
  const operator = { by: 'operator', reason: 'asked by letter' };
  beforeAll(async () => {
    rights = await openShop();
    client = new pg.Client({ connectionString: rights.db.url });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await rights.close();
  });
  const broken = async (journals?: Journals) => {
    const { findings } = await audit({ databaseUrl: rights.db.url, journals });
    return findings.flatMap(({ violations }) => violations);
  };

  test('every promise holds: while it rests, after they stopped us and asked what we hold, and when they are gone', async () => {
    const resting = { words: 'Is it wool?', kind: 'question', customer: { name: 'Rae', phone: '+31 6 1111 2222' } };
    const first = await rights.hears(resting);
    await restrict(rights.db.heed, first.customer_id!, operator);
    const second = await rights.hears({ ...resting, words: 'Is it lined?' });
    expect(second.customer_id).toBe(first.customer_id);

    const ada = { customer: { name: 'Ada', email: 'ada@example.com' }, consent: kim.consent };
    const stopped = await rights.hears({ words: 'When do you open?', kind: 'question', ...ada });
    await allIsSent(rights);
    await stopWriting(rights.db.heed, stopped.customer_id!);
    const gone = await rights.hears({ words: 'Who is it by?', kind: 'question', ...kim });
    await allIsSent(rights);
    await disavow(rights.db.heed, gone.id, gone.customer_id!);
    await rights.db.passTime('1 hour');
    await mailRights(rights.db.heed, stopped.customer_id!);
    await erase(rights.db.heed, await subjectNamed(rights.db.pool, gone.reference), operator);

    await rights.db.passTime('3 days');
    await rights.climbs(stopped.id);
    await allIsSent(rights);
    const { rows } = await client.query<{ channel: string }>(
      `select distinct channel from deliveries where purpose = 'redaction' and state = 'sent' order by 1`,
    );
    expect(rows.map(({ channel }) => channel)).toEqual(['email', 'slack']);
    const seen = await seenBy(client);
    expect(seen.mails.filter(({ to }) => to.includes('ada@example.com'))).toHaveLength(2);
    expect(await broken(seen)).toEqual([]);

    await lift(rights.db.heed, first.customer_id!, operator);
    await client.query('delete from wakes');
    expect(await broken(seen)).toEqual([]);
    for (const { id } of [first, second]) await rights.climbs(id);
    await allIsSent(rights);
    expect(await broken(await seenBy(client))).toEqual([]);
  });

  test('what is not taken once they let it go on is found', async () => {
    const { id, customer_id } = await rights.hears({
      words: 'Is it warm?',
      kind: 'question',
      customer: { name: 'Lou' },
    });
    await allIsSent(rights);
    await restrict(rights.db.heed, customer_id!, operator);
    await rights.db.passTime('3 days');
    await lift(rights.db.heed, customer_id!, operator);
    const about = async () => (await broken()).map((violation) => violation.about);
    expect(await about()).not.toContain(id);
    await rights.db.passTime('2 minutes');
    expect(await about()).toContain(id);
  });

  test('what had not been taken before they let it rest is found', async () => {
    const { id, customer_id } = await rights.hears({
      words: 'Is it soft?',
      kind: 'question',
      customer: { name: 'Mo' },
    });
    await allIsSent(rights);
    await rights.db.passTime('3 days');
    await restrict(rights.db.heed, customer_id!, operator);
    expect((await broken()).map((violation) => violation.about)).toContain(id);
  });

  const missedAnswers = async (loopId: string) =>
    (await broken()).filter(({ about, sentence }) => about === loopId && sentence.includes('waiting to be answered'));

  test('a loop that waits for a call after its customer stopped letters breaks no promise, and its untaken rung is found', async () => {
    const { id, owner, customer_id } = await rights.hears({
      words: 'Will it shrink?',
      kind: 'question',
      customer: { name: 'Cal', email: 'cal@example.com', phone: '+31 6 3333 4444' },
      consent: [...kim.consent, { purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    await allIsSent(rights);
    await stopWriting(rights.db.heed, customer_id!);
    expect(await rights.signal(id)).toMatchObject({ reach: 'phone' });
    await acknowledge(rights.db.heed, { by: owner, loopId: id, press: rights.press() });
    await rights.climbs(id);
    await allIsSent(rights);

    await rights.db.passTime('2 minutes');
    expect((await broken()).filter(({ about }) => about === id)).toEqual([]);
    await rights.db.passTime('7 days');
    expect(await missedAnswers(id)).not.toEqual([]);
  });

  test('so it is where their answer was refused with nothing said against their address', async () => {
    const { id, owner } = await rights.hears({
      words: 'Will it fray?',
      kind: 'question',
      customer: { name: 'Fay', email: 'fay@example.com', phone: '+31 6 3333 4445' },
      consent: [...kim.consent, { purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    await allIsSent(rights);
    await approveFollowUp(rights.db.heed, { by: owner, loopId: id, press: rights.press() }, { words: 'It will not.' });
    await isRefused(rights, 'answer');
    await rights.climbs(id);
    await allIsSent(rights);

    await rights.db.passTime('2 minutes');
    expect((await broken()).filter(({ about }) => about === id)).toEqual([]);
    await rights.db.passTime('7 days');
    expect(await missedAnswers(id)).not.toEqual([]);
  });

  test.each<[string, string, (of: string) => Promise<void>]>([
    [
      'put right',
      'bo@unced.example',
      (of: string) => rectify(rights.db.heed, of, { email: 'bob@unced.example' }, operator),
    ],
    ['vouched for', 'bee@unced.example', (of: string) => vouchByHand(rights.db.heed, of, 'otto')],
  ])('what fell due while an address bounced is due from the moment it is %s', async (_, email, isGood) => {
    const { id, customer_id } = await rights.hears({
      words: 'Will it fade?',
      kind: 'question',
      customer: { name: 'Bo Unced', email },
      consent: kim.consent,
    });
    await allIsSent(rights);
    await rights.db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: email }], 'bounced'));
    await rights.db.passTime('7 days');
    expect(await missedAnswers(id)).toEqual([]);

    await isGood(customer_id!);
    expect(await missedAnswers(id)).toEqual([]);
    await rights.db.passTime('2 minutes');
    expect(await missedAnswers(id)).not.toEqual([]);
  });
});

describe.each([
  [
    'their mailbox is gone',
    ({ db }: Shop) =>
      db.pool.transaction(async (tx) => {
        await suppress(tx, [{ kind: 'email', normalised: kim.customer.email }], 'bounced');
      }),
  ],
  ['it was refused as unwanted', (of: Shop) => isRefused(of, 'told')],
])(
  'where the letter that was to tell a decision did not arrive (%s), and they can be called',
  (_why, doesNotArrive) => {
    let of: Shop;
    let client: pg.Client;
    let id: string;
    beforeAll(async () => {
      of = await openShop();
      client = new pg.Client({ connectionString: of.db.url });
      await client.connect();
      const phone = { purpose: 'follow_up' as const, channel: 'phone' as const, wording: '2026-06' };
      const customer = { ...kim.customer, phone: '+31 6 5555 6666' };
      const wish = await of.hears({ ...green, customer, consent: [...kim.consent, phone] });
      id = wish.id;
      const as = (by: string, loopId: string) => ({ by, loopId, press: of.press() });
      await approveFollowUp(of.db.heed, as(wish.owner, id), { words: 'Not yet.' });
      await allIsSent(of);
      const adopted = {
        outcome: 'adopted' as const,
        scope: 'everyone' as const,
        reason: 'Soon.',
        doneBy: '2027-01-01',
      };
      await decide(of.db.heed, as('tomas', wish.insight_id!), adopted);
      await of.tells(wish.insight_id!);
      await doesNotArrive(of);
      for (const loop of [id, wish.insight_id!]) await of.climbs(loop);
      await allIsSent(of);
      await of.db.passTime('2 minutes');
    });
    afterAll(async () => {
      await client.end();
      await of.close();
    });
    const found = async (claim: string) => {
      const violations = await checks
        .find((one) => one.claim.includes(claim))!
        .find(client, undefined, { since: new Date(0), objectiveSeconds: 60 });
      return violations.filter(({ about }) => about === id).map(({ sentence }) => sentence);
    };

    test('every promise holds while a call is asked for', async () => {
      expect(await of.signal(id)).toMatchObject({ told_channel: 'phone', told_at: null });
      const { findings } = await audit({ databaseUrl: of.db.url });
      expect(findings.flatMap(({ violations }) => violations)).toEqual([]);
    });

    test('a call that nobody is asked for is found, though what was decided is still to be done', async () => {
      await client.query('begin');
      await client.query('set local session_replication_role = replica');
      await client.query(`delete from plans where loop_id = '${id}' and wait = 'told'`);
      const missed = await found('goes on by itself');
      await client.query('rollback');
      expect(missed).toEqual([expect.stringContaining('Nothing will ever happen to this')]);
    });

    test('a call that nobody is reminded of is found', async () => {
      await of.db.passTime('7 days');
      expect(await found('was taken in time')).toContainEqual(expect.stringContaining('waiting to be told was due'));
    });
  },
);

/** The call of whoever holds what waits; what they hold; that they gave it away a second later; and when the call left. */
const theCall = () => `purpose = 'prompt' and loop_id = '${waiting}'`;
const calledAsHolder = () =>
  `(select occasion from plans where id in (select occasion from deliveries where ${theCall()}))`;
const givenAway = () =>
  `update ownerships set ended_at = (select planned_at + interval '1 second' from deliveries where ${theCall()}) where id in ${calledAsHolder()}`;
const sentAfter = (later: string) =>
  `update deliveries set ended_at = planned_at + interval '${later}' where ${theCall()}`;

/** A step of another clock that was due at the same moment as that call, which stands for it. */
const folded = () => `
    insert into plans (id, loop_id, round, wait, clock, occasion, counted_from, configuration, planned_at)
    select '00000000-0000-7000-8000-000000000002', loop_id, round, 'answered', clock, loop_id, counted_from, configuration, planned_at
    from plans where loop_id = '${waiting}';
    insert into rungs select '00000000-0000-7000-8000-000000000002', 2, 0, 'manager', due_at from rungs
    where step = 0 and plan_id in (select occasion from deliveries where purpose = 'prompt' and loop_id = '${waiting}');
    insert into escalations (plan_id, step, repeat, staff, reason, collapsed, taken_at)
    select '00000000-0000-7000-8000-000000000002', 2, 0, 'tomas', reason, true, taken_at from escalations
    where not collapsed and plan_id in (select occasion from deliveries where purpose = 'prompt' and loop_id = '${waiting}');`;

const nothingAhead = () => `
    delete from rungs where plan_id in (select id from plans where loop_id = '${waiting}') and not exists (
      select from escalations e where e.plan_id = rungs.plan_id and e.step = rungs.step);
    update rounds set opened_at = opened_at - interval '1 hour' where loop_id = '${waiting}';
    update ownerships set started_at = started_at - interval '1 hour', ended_at = ended_at - interval '1 hour' where loop_id = '${waiting}';
    update escalations set taken_at = taken_at - interval '1 hour' where plan_id in (select id from plans where loop_id = '${waiting}');
    update deliveries set ended_at = ended_at - interval '1 hour' where loop_id = '${waiting}';
    update triages set triaged_at = triaged_at - interval '1 hour' where signal_id = '${waiting}'`;

/** What went wrong, whose claim that breaks, what is said of it, and how it comes to be: by hand in the tables, or in what the world saw. */
type Planted = [wrong: string, claim: string, says: string, plant: () => string | ((seen: Required<Journals>) => void)];
const planted: Planted[] = [
  [
    'an accepted capture is nowhere',
    'answered with 202 is there',
    'It was accepted',
    () => (seen) => void seen.accepted.push({ key: 'k', id: newId() }),
  ],
  [
    'the words of a signal are gone',
    'its words, its round',
    'What the customer said is gone',
    () => `delete from words where signal_id = '${waiting}'`,
  ],
  [
    'a signal is gone',
    'its words, its round',
    'Its press was answered',
    () => `delete from signals where id = '${waiting}'`,
  ],
  [
    'a signal is in no round',
    'its words, its round',
    'It has no round to be in',
    () => `delete from rounds where loop_id = '${waiting}'`,
  ],
  [
    'a signal came by no press',
    'its words, its round',
    'No press says how it came in',
    () => `delete from presses where fact_id = '${waiting}'`,
  ],
  [
    'one key was answered with two signals',
    'one key, one signal',
    'One key was answered',
    () => (seen) => void seen.accepted.push({ key: `key of ${again}`, id: asked }),
  ],
  [
    'one key counts twice',
    'one key, one signal',
    'This key counts twice',
    () => `
    alter table presses drop constraint a_press_counts_once;
    insert into presses (id, source, key_hash) select '${newId()}', source, key_hash from presses limit 1`,
  ],
  [
    'nobody was ever answerable',
    'exactly one person is answerable',
    'Nobody was ever answerable',
    () => `delete from ownerships where loop_id = '${waiting}'`,
  ],
  [
    'nobody is answerable any more',
    'exactly one person is answerable',
    'Nobody is answerable for it now',
    () => `update ownerships set ended_at = heed_now() where loop_id = '${waiting}' and ended_at is null`,
  ],
  [
    'nobody was answerable at first',
    'exactly one person is answerable',
    'answerable for it at first',
    () => `update loops set opened_at = opened_at - interval '1 second' where id = '${waiting}'`,
  ],
  [
    'nobody was answerable for a second',
    'exactly one person is answerable',
    'There was a time in which nobody',
    () =>
      `update ownerships set started_at = started_at + interval '1 second' where loop_id = '${again}' and ended_at is null`,
  ],
  [
    'two people are answerable',
    'exactly one person is answerable',
    'Several are answerable',
    () => `
    drop index exactly_one_person_is_answerable;
    insert into ownerships (id, loop_id, round, staff, cause, reason, configuration)
    select '${newId()}', loop_id, round, 'ingrid', 'taken', 'you took it', configuration from ownerships where loop_id = '${waiting}' limit 1`,
  ],
  [
    'somebody else was answerable for a while, beside whoever is to this day',
    'exactly one person is answerable',
    'There was a time in which nobody, or more than one',
    () => `
    update ownerships set ended_at = heed_now() where loop_id = '${again}' and ended_at is null;
    update ownerships set ended_at = null
    where id = (select id from ownerships where loop_id = '${again}' order by started_at, ended_at nulls last limit 1)`,
  ],
  [
    'a round is there, and the one before it is not',
    'a round begins when',
    'and the one before it is not',
    () => `delete from rounds where loop_id = '${again}' and round = 1`,
  ],
  [
    'a round began while the other was open',
    'a round begins when',
    'while the one before it was open',
    () => `delete from closures where loop_id = '${again}'`,
  ],
  [
    'a round began while the other was open for another hour',
    'a round begins when',
    'while the one before it was open',
    () => `update closures set closed_at = closed_at + interval '1 hour' where loop_id = '${again}'`,
  ],
  [
    'an open loop is listed with the round that is over',
    'listed as open',
    'It is open and nothing looks at it',
    () => `update open_rounds set round = 1 where loop_id = '${again}'`,
  ],
  [
    'an open loop is not listed',
    'listed as open',
    'It is open and nothing looks at it',
    () => `delete from open_rounds where loop_id = '${waiting}'`,
  ],
  [
    'a closed loop is listed',
    'listed as open',
    'It is closed and looked at as open',
    () => `insert into open_rounds (loop_id, round) values ('${declined}', 1)`,
  ],
  [
    'an open loop is not listed with whom it waits for',
    'listed with everybody',
    'It is open and not looked for among the tasks of',
    () => `delete from open_round_staff where loop_id = '${waiting}'`,
  ],
  [
    'an open loop is listed with somebody else',
    'listed with everybody',
    'It is looked for among the tasks of',
    () => `insert into open_round_staff (loop_id, staff) values ('${waiting}', 'luca')`,
  ],
  ['an open loop has nothing ahead', 'goes on by itself', 'Nothing will ever happen', () => nothingAhead()],
  [
    'an open loop has nothing ahead but a message to a colleague',
    'goes on by itself',
    'Nothing will ever happen',
    () => `${nothingAhead()};
      update deliveries set state = 'planned' where loop_id = '${waiting}' and staff is not null`,
  ],
  [
    'a rung was due an hour ago',
    'was taken in time',
    'was due and was not taken',
    () => `
    update plans set planned_at = planned_at - interval '2 hours' where loop_id = '${waiting}';
    update rungs set due_at = heed_now() - interval '1 hour' where step = 1 and plan_id in (select id from plans where loop_id = '${waiting}')`,
  ],
  [
    'a rung was due long before somebody took it',
    'was taken in time',
    'was due and was not taken',
    () => `
    update plans set planned_at = planned_at - interval '2 hours' where loop_id = '${again}';
    update rungs set due_at = heed_now() - interval '1 hour' where step = 1 and plan_id in (select id from plans where loop_id = '${again}' and round = 1)`,
  ],
  [
    'a rung was taken by a clock that was ahead',
    'no rung was taken before',
    'before it was due',
    () =>
      `update rungs set due_at = due_at + interval '1 minute' where plan_id in (select id from plans where loop_id = '${waiting}')`,
  ],
  [
    'an escalation told nobody',
    'each escalation is a message',
    'and no message was ever planned',
    () => `delete from deliveries where purpose = 'prompt' and loop_id = '${waiting}'`,
  ],
  [
    'Slack took a prompt not, and nothing took its place',
    'each escalation is a message',
    'Slack did not take this prompt',
    () => `
    update deliveries set state = 'failed', last_error_code = 'slack_is_archived' where purpose = 'prompt' and channel = 'slack'`,
  ],
  [
    'a prompt never left',
    'each escalation is a message',
    'waits far too long',
    () => `
    update escalations set taken_at = taken_at - interval '1 hour' where plan_id in (select id from plans where loop_id = '${waiting}');
    update deliveries set state = 'ready', not_before = heed_now() - interval '1 hour' where purpose = 'prompt' and loop_id = '${waiting}'`,
  ],
  [
    'a prompt was given up in silence',
    'each escalation is a message',
    'This prompt was given up',
    () => `
    update deliveries set state = 'failed', last_error_code = null where purpose = 'prompt' and channel = 'email'`,
  ],
  [
    'a prompt was cancelled while its plan and holder stand',
    'each escalation is a message',
    'what it asked for was still waited for',
    () => `
    update deliveries set state = 'cancelled', last_error_code = 'met' where purpose = 'prompt' and loop_id = '${waiting}'`,
  ],
  [
    'a prompt was cancelled as asked again, and nobody was',
    'each escalation is a message',
    'what it asked for was still waited for',
    () => `
    update deliveries set state = 'cancelled', last_error_code = 'asked_again' where purpose = 'prompt' and loop_id = '${waiting}'`,
  ],
  [
    'a prompt that stood for another step was refused for good, and nobody was called for that',
    'each escalation is a message',
    'This prompt reached nobody',
    () => `
    ${folded()}
    update deliveries set state = 'failed', channel = 'email', last_error_code = 'smtp_550', ended_at = heed_now() where ${theCall()}`,
  ],
  [
    'a prompt that stood for another step was given up by an operator, and nobody was called for that',
    'each escalation is a message',
    'This prompt reached nobody',
    () => `
    ${folded()}
    update deliveries set state = 'expired', channel = 'email', last_error_code = 'too_late', ended_at = heed_now() where ${theCall()}`,
  ],
  [
    'a prompt was called off as met, and another step that it stood for was not',
    'each escalation is a message',
    'another step that it stood for',
    () => `
    insert into acknowledgements (id, loop_id, round, ownership_id, by)
    select '${newId()}', loop_id, round, id, staff from ownerships where loop_id = '${waiting}' and ended_at is null;
    ${folded()}
    update deliveries set state = 'cancelled', last_error_code = 'met', ended_at = heed_now() where purpose = 'prompt' and loop_id = '${waiting}'`,
  ],
  [
    'what somebody was not called for was named nowhere',
    'what somebody was not called for singly',
    'in a digest, and none was sent',
    () => `
    update deliveries set state = 'cancelled', last_error_code = 'bundled', bundled_into = gen_random_uuid() where purpose = 'prompt' and loop_id = '${waiting}'`,
  ],
  [
    'what somebody was not called for was named in the digest of somebody else',
    'what somebody was not called for singly',
    'in a digest, and none was sent',
    () => `
    insert into deliveries (id, dedupe_key, purpose, channel, policy, staff, occasion, state, phase, message_id)
    values ('${newId()}', 'another', 'digest', 'email', 'at_least_once', 'luca', '00000000-0000-7000-8000-000000000003', 'sent', 'handed', '<d.another@heed>');
    update deliveries set state = 'cancelled', last_error_code = 'bundled', bundled_into = '00000000-0000-7000-8000-000000000003'
    where purpose = 'prompt' and loop_id = '${waiting}'`,
  ],
  [
    'nobody was asked about a letter in doubt',
    'is shown to whoever answers',
    'and nobody was asked',
    () => `update deliveries set state = 'needs_human' where purpose = 'answer'`,
  ],
  ...['delayed.1781510400000', 'refused', '0'].map((told): Planted => [
    `nobody was asked about a letter in doubt of which they know another thing (${told})`,
    'is shown to whoever answers',
    'and nobody was asked',
    () => `
    insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, staff, occasion, state, phase, message_id)
    select gen_random_uuid(), concat_ws(':', 'notice', loop_id, round, id || '.${told}', 'priya:email'), 'notice', 'email', 'at_least_once',
      loop_id, round, 'priya', id, 'sent', 'handed', '<d.notice.' || id || '@heed>'
    from deliveries where purpose = 'answer';
    update deliveries set state = 'needs_human', fence = 1 where purpose = 'answer'`,
  ]),
  [
    'a mail server puts a letter off without end',
    'has been tried for an hour',
    'was tried once',
    () => `
    update deliveries set state = 'ready', attempts = 1, last_error_code = 'smtp_452', failing_since = heed_now() - interval '61 minutes',
      not_before = heed_now() + interval '4 minutes'
    where purpose = 'answer'`,
  ],
  [
    'a letter was due an hour ago, and nobody tried it',
    'has been tried for an hour',
    'was due more than an hour ago',
    () => `
    update deliveries set state = 'planned', phase = 'none', attempts = 0, not_before = heed_now() - interval '61 minutes' where purpose = 'answer'`,
  ],
  [
    'a customer was answered twice',
    'at most one message for one purpose',
    'times for one occasion',
    () => `
    insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, customer_id, occasion, state, phase, message_id)
    select '${newId()}', 'another', purpose, channel, policy, loop_id, round, customer_id, occasion, state, phase, '<d.another@heed>'
    from deliveries where purpose = 'answer' limit 1`,
  ],
  [
    'a letter was taken twice',
    'took each letter once',
    'times. Apologise',
    () => (seen) => void seen.mails.push(seen.mails.find(({ to }) => to.includes('kim@example.com'))!),
  ],
  [
    'a mail to one of us was taken more often than it was tried',
    'took each letter once',
    ' attempts.',
    () => (seen) => void seen.mails.push(seen.mails.find(({ to }) => to.includes(colleague))!),
  ],
  [
    'a letter went to two people',
    'took each letter once',
    'several people at once',
    () => (seen) => void seen.mails.push({ ...seen.mails.shift()!, to: ['kim@example.com', 'ada@example.com'] }),
  ],
  [
    'a letter left that the ledger does not know',
    'took each letter once',
    'This mail left',
    () => (seen) => void seen.mails.push({ ...seen.mails[0]!, messageId: '<d.unknown@heed>' }),
  ],
  [
    'a letter never left',
    'took each letter once',
    'the mail server never took it',
    () => (seen) => void seen.mails.shift(),
  ],
  [
    'a letter left although the ledger says it did not',
    'took each letter once',
    'the ledger says it never left',
    () => `update deliveries set state = 'suppressed' where purpose = 'answer'`,
  ],
  [
    'somebody was called twice for one rung',
    'called its person once',
    'One step called ',
    () => `
    insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, staff, occasion, state, phase, message_id)
    select '${newId()}', dedupe_key || ':again', purpose, channel, policy, loop_id, round, staff, occasion, state, phase, '<d.again@heed>'
    from deliveries where purpose = 'prompt' and loop_id = '${waiting}' limit 1`,
  ],
  [
    'somebody was called for a rung that nobody took',
    'called its person once',
    'for a step that was not taken',
    () => `
    update deliveries set dedupe_key = replace(dedupe_key, '.0.0:', '.9.0:') where purpose = 'prompt' and loop_id = '${waiting}'`,
  ],
  [
    'a prompt stands twice in Slack',
    'stands in Slack once',
    'times in Slack',
    () => (seen) => void seen.posts.push({ ...seen.posts[0]!, ts: '99' }),
  ],
  [
    'a message stands in Slack that the ledger does not know',
    'stands in Slack once',
    'It was posted in Slack, and the ledger does not know it',
    () => (seen) => void seen.posts.push({ ...seen.posts[0]!, deliveryId: newId(), ts: '99' }),
  ],
  [
    'a prompt does not stand in Slack',
    'stands in Slack once',
    'posted in Slack, and it is not there',
    () => (seen) => void seen.posts.shift(),
  ],
  [
    'a customer was written to who had asked us to stop',
    'after they had asked us to stop',
    'after this customer had asked us to stop',
    () => `
    update suppressions set suppressed_at = suppressed_at - interval '1 hour'`,
  ],
  [
    'a letter planned before was sent a day after they had asked us to stop',
    'after they had asked us to stop',
    'after this customer had asked us to stop',
    () => `
    update deliveries set ended_at = ended_at + interval '1 day'
    where purpose = 'receipt' and customer_id = (select customer_id from identities where normalised = 'ada@example.com')`,
  ],
  [
    'a letter planned before was sent a day after they had let it rest',
    'while they let it rest',
    'while this customer let everything of theirs rest',
    () => `
    insert into rights (id, customer_id, kind, by, exercised_at)
    select '${newId()}', customer_id, 'restriction', 'operator', ended_at + interval '1 hour' from deliveries where purpose = 'answer';
    update deliveries set ended_at = ended_at + interval '1 day' where purpose = 'answer'`,
  ],
  [
    'a letter was planned while they let it rest, and sent within minutes',
    'while they let it rest',
    'while this customer let everything of theirs rest',
    () => `
    insert into rights (id, customer_id, kind, by, exercised_at)
    select '${newId()}', customer_id, 'restriction', 'operator', planned_at - interval '2 minutes' from deliveries where purpose = 'answer'`,
  ],
  [
    'a letter planned before was sent a day after its words had been erased',
    'after they were erased',
    'after what it is about had been erased',
    () => `
    insert into erasures (id, cause, by, reason, erased_at)
    select '00000000-0000-7000-8000-000000000001', 'asked', 'operator', 'asked by letter', ended_at + interval '1 hour'
    from deliveries where purpose = 'answer';
    insert into erased_signals (signal_id, erasure_id) values ('${again}', '00000000-0000-7000-8000-000000000001');
    update deliveries set ended_at = ended_at + interval '1 day' where purpose = 'answer'`,
  ],
  [
    'a letter left for a suppressed address',
    'took nothing for an address',
    'after this address had been suppressed',
    () => (seen) => {
      const last = seen.mails.findLastIndex(() => true);
      seen.mails.splice(last, 1, { ...seen.mails[last]!, to: ['Ada@example.com'], at: new Date('2030-01-01') });
    },
  ],
  [
    'somebody was called to a closed round',
    'nobody was called',
    'planned after its round had been closed',
    () => `
    update closures set closed_at = closed_at - interval '1 hour' where loop_id = '${again}'`,
  ],
  [
    'a prompt planned before was sent a day after its round had been closed',
    'nobody was called',
    'sent long after its round had been closed',
    () =>
      `update deliveries set ended_at = ended_at + interval '1 day' where purpose = 'prompt' and loop_id = '${again}' and round = 1`,
  ],
  [
    'somebody was called as the holder of what they had given away',
    'nobody was called',
    'as the holder of what was not theirs any more',
    () => `update ownerships set ended_at = started_at where id in ${calledAsHolder()}`,
  ],
  [
    'a prompt planned before was sent an hour after its holder had given the loop away',
    'nobody was called',
    'had given away what it calls them to take',
    () => `${givenAway()}; ${sentAfter('1 hour')}`,
  ],
  [
    'a contributor was never told',
    'every customer who asked',
    'nothing says whether they were told',
    () => `delete from told_signals where signal_id = '${asked}'`,
  ],
  [
    'a capturer was never told',
    'every customer who asked',
    'Whoever captured this was not told',
    () => `delete from tellings where staff is not null`,
  ],
  [
    'a telling is no message',
    'each telling by letter',
    'It counts as told by ',
    () => `delete from deliveries where purpose = 'told'`,
  ],
  [
    'an address stands in a result',
    'outside the tables of personal words',
    'An address of a customer stands',
    () => `
    update presses set result = result || '{"note": "write to kim@example.com"}' where fact_id = '${waiting}'`,
  ],
  [
    'an address stands behind one of our own',
    'outside the tables of personal words',
    'An address of a customer stands',
    () => `
    update presses set result = result || '{"note": "tomas@linden-vale.example wrote to kim@example.com"}' where fact_id = '${waiting}'`,
  ],
  [
    'an address stands below more of our own than are told one by one',
    'outside the tables of personal words',
    'An address of a customer stands',
    () => `
    insert into signal_attributes (signal_id, name, value)
    select '${waiting}', 'n' || n, 'tomas@linden-vale.example' from generate_series(1, 60) n;
    insert into signal_attributes (signal_id, name, value) values ('${waiting}', 'from', 'kim@example.com')`,
  ],
  [
    'a number stands in an attribute',
    'outside the tables of personal words',
    'An address of a customer stands',
    () => `
    insert into signal_attributes (signal_id, name, value) values ('${waiting}', 'phone', '+31 6 1234 5678')`,
  ],
  [
    'something was captured where its capturer does not work',
    'works at the place where it was said',
    'by somebody who does not work there',
    () => `update signals set captured_by = 'femke' where id = '${waiting}'`,
  ],
  [
    'it was captured by somebody who had left',
    'works at the place where it was said',
    'by somebody who does not work there',
    () => `update signals set captured_by = 'nobody' where id = '${waiting}'`,
  ],
  ...(
    [
      [
        'took it',
        'acknowledgements (id, loop_id, round, ownership_id, by)',
        'gen_random_uuid(), loop_id, round, gen_random_uuid(), $',
      ],
      ['answered', 'follow_ups (id, loop_id, round, channel, by)', `gen_random_uuid(), loop_id, 9, 'email', $`],
      [
        'called',
        'calls (id, loop_id, round, purpose, outcome, by)',
        `gen_random_uuid(), loop_id, round, 'answer', 'no_reply', $`,
      ],
      ['said what it is', 'reviews (signal_id, verdict, reason, by)', `loop_id, 'dismiss', 'noise', $`],
      ['dismissed it', 'closures (id, loop_id, round, how, by)', `gen_random_uuid(), loop_id, 9, 'dismissed', $`],
      [
        'heard a yes',
        'confirmations (id, loop_id, round, says, question, by)',
        `gen_random_uuid(), loop_id, 9, 'yes', 'settled', $`,
      ],
      [
        'took it away',
        'ownerships (id, loop_id, round, staff, cause, reason, by, configuration, ended_at)',
        `gen_random_uuid(), loop_id, round, $, 'taken', 'mine', $, 1, heed_now()`,
      ],
      ['moved it on', 'insight_signals (insight_id, signal_id, joined_by)', 'gen_random_uuid(), loop_id, $'],
    ] as const
  ).map(
    ([what, into, values]) =>
      [
        `somebody of another place ${what}`,
        'whoever acted on a loop',
        'Somebody acted on it who had it not',
        () =>
          `insert into ${into} select ${values.replaceAll('$', `'femke'`)} from ownerships where loop_id = '${waiting}' and ended_at is null`,
      ] as Planted,
  ),
  ...(
    [
      [
        'decided',
        `insert into decisions (id, insight_id, version, outcome, reason, by, final_at) select gen_random_uuid(), $, 9, 'declined', 'no', 'priya', heed_now()`,
      ],
      [
        'took the decision back',
        `insert into withdrawals (decision_id, by) select id, 'priya' from decisions where insight_id = $`,
      ],
      [
        'said it was done',
        `insert into completions (decision_id, evidence, by) select id, 'done', 'priya' from decisions where insight_id = $`,
      ],
    ] as const
  ).map(
    ([what, insert]) =>
      [
        `somebody who works where it was asked for ${what}`,
        'whoever acted on a loop',
        'Somebody had a say in it who',
        () => insert.replaceAll('$', `'${declined}'`),
      ] as Planted,
  ),
  [
    'somebody of another place was asked to act',
    'whoever is asked to act',
    'Somebody was asked to act on',
    () => `update deliveries set staff = 'femke' where purpose = 'prompt' and loop_id = '${waiting}'`,
  ],
];

/** What the checks can say, read from their source: of each sentence the line in which it begins, and in how many places there is one. */
async function sentencesOfChecks(): Promise<{ sentences: string[]; places: number }> {
  const folder = new URL('../../src/audit/', import.meta.url);
  const sources = await Promise.all((await readdir(folder)).map((file) => readFile(new URL(file, folder), 'utf8')));
  // The chain has tests of its own.
  const ofChecks = sources.filter((source) => /^export const \w+Checks = \[/m.test(source)).join('\n');
  return {
    sentences: ofChecks.split('\n').flatMap((line) => /['`]([A-Z][a-z]* .*)/.exec(line)?.[1] ?? []),
    // The first of a query is named, and each of the others is a branch of it.
    places: [...ofChecks.matchAll(/ as sentence\b|^ {7}union all$|\bsentence:/gm)].length,
  };
}

test('no check reads the presses once for each signal, so that it ends also where there are very many', async () => {
  const scope = { since: new Date(0), objectiveSeconds: 60 };
  const { rows } = await db.query<{ n: number }>(`select count(*)::integer as n from presses`);
  const timesRead = async (): Promise<number> => {
    const { rows: read } = await db.query<{ rows: number }>(
      `select (seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as rows from pg_stat_xact_user_tables where relname = 'presses'`,
    );
    return read[0]!.rows / rows[0]!.n;
  };
  const read: Record<string, number> = {};
  await db.query('begin');
  for (const check of checks) {
    const before = await timesRead();
    await check.find(db, journals, scope);
    read[check.claim] = (await timesRead()) - before;
  }
  await db.query('rollback');
  expect(Object.entries(read).filter(([, times]) => times > 3)).toEqual([]);
});

describe('it finds', () => {
  test.each(planted)('that %s', async (_wrong, claim, says, plant) => {
    const seen = structuredClone(journals);
    const how = plant();
    await db.query('begin');
    try {
      // Constraints and triggers would not let it happen.
      await db.query('set local session_replication_role = replica');
      if (typeof how === 'string') await db.query(how);
      else how(seen);
      const check = checks.find((one) => one.claim.includes(claim))!;
      const found = await check.find(db, seen, { since: new Date(0), objectiveSeconds: 60 });
      expect(found).toContainEqual({ about: expect.stringMatching(/./), sentence: expect.stringContaining(says) });
      for (const { sentence } of found) expect(sentence).toMatch(/[.…?]$/);
      if (check.needs || check.invariant === 'I8') return;
      // Nor is it any part of what began later.
      expect(await check.find(db, undefined, { since: new Date('2030-01-01'), objectiveSeconds: 60 })).toEqual([]);
    } finally {
      await db.query('rollback');
    }
  });

  test('a second copy of the answer, although the thanks of the same loop were resent by hand', async () => {
    const letter = async (purpose: string) => {
      const { rows } = await db.query<{ id: string; message_id: string }>(
        `select id, message_id from deliveries where loop_id = $1 and purpose = $2`,
        [again, purpose],
      );
      return rows[0]!;
    };
    const [thanks, answer] = [await letter('receipt'), await letter('answer')];
    const mails = [thanks, answer].map(({ message_id }) =>
      journals.mails.find((mail) => mail.messageId === message_id)!,
    );
    const copies = checks.find(({ claim }) => claim.includes('took each letter once'))!;
    await db.query('begin');
    await db.query(
      `insert into repairs (id, loop_id, action, by, reason, delivery_id, fence) values ($1, $2, 'resend', 'ops', 'it never came', $3, 1)`,
      [newId(), again, thanks.id],
    );
    const seen = { ...journals, mails: [...journals.mails, ...mails] };
    const found = await copies.find(db, seen, { since: new Date(0), objectiveSeconds: 60 });
    await db.query('rollback');
    expect(found.map(({ about }) => about)).toEqual([answer.id]);
  });

  test('every claim has something planted against it', () => {
    const unproven = checks.filter(({ claim }) => !planted.some(([, part]) => claim.includes(part)));
    expect(unproven).toEqual([]);
    const vague = planted.filter(([, part]) => checks.filter(({ claim }) => claim.includes(part)).length !== 1);
    expect(vague.map(([wrong]) => wrong)).toEqual([]);
  });

  test('every sentence that a check can say has something planted which it is said of, and it alone', async () => {
    const { sentences, places } = await sentencesOfChecks();
    expect(sentences).toHaveLength(places);
    expect(sentences.filter((sentence) => !planted.some(([, , says]) => sentence.includes(says)))).toEqual([]);
    const vague = planted.filter(([, , says]) => sentences.filter((sentence) => sentence.includes(says)).length !== 1);
    expect(vague.map(([wrong]) => wrong)).toEqual([]);
  });

  test('every claim that a journal can speak against is asked only where there is one, but for the one that the tables can, too', () => {
    const seen = planted.filter(([, , , plant]) => typeof plant() === 'function');
    const asked = checks.filter(({ claim, needs }) => !needs && seen.some(([, part]) => claim.includes(part)));
    expect(asked.map(({ claim }) => claim)).toEqual(['one key, one signal']);
  });
});

/** What a claim finds in what the world saw, and in the tables once this was done to them by hand; then it is undone. */
async function foundBy(claim: string, how: readonly string[], seen: Journals = journals): Promise<string[]> {
  await db.query('begin');
  try {
    await db.query('set local session_replication_role = replica');
    for (const statement of how) await db.query(statement);
    const check = checks.find((one) => one.claim.includes(claim))!;
    const found = await check.find(db, seen, { since: new Date(0), objectiveSeconds: 60 });
    return found.map(({ sentence }) => sentence);
  } finally {
    await db.query('rollback');
  }
}

describe('it tells apart', () => {
  test('whom an open loop has to be listed with: whoever holds it, was to be told of it, or was called to it', async () => {
    const listed = 'listed with everybody';
    const missing = [expect.stringContaining('among the tasks of luca')];
    const holds = `update ownerships set staff = 'luca' where loop_id = '${waiting}' and ended_at is null`;
    expect(await foundBy(listed, [holds])).toEqual(missing);
    const held = `update ownerships set staff = 'luca' where loop_id = '${waiting}' and ended_at is not null`;
    expect(await foundBy(listed, [held])).toEqual([]);
    const told = `
      update escalations set staff = 'luca' where plan_id in (select id from plans where loop_id = '${waiting}')`;
    expect(await foundBy(listed, [told])).toEqual(missing);
    const nobody = told.replace(`'luca'`, 'null');
    expect(await foundBy(listed, [nobody])).toEqual([]);
    expect(await foundBy(listed, [`update deliveries set staff = 'luca' where ${theCall()}`])).toEqual(missing);
    // Of what is closed, or of an earlier round, nobody has to be.
    const earlier = `update deliveries set staff = 'luca' where purpose = 'prompt' and loop_id = '${again}' and round = 1`;
    expect(await foundBy(listed, [earlier])).toEqual([]);
    const toldEarlier = `
      update escalations set staff = 'luca' where plan_id in (select id from plans where loop_id = '${again}' and round = 1)`;
    expect(await foundBy(listed, [toldEarlier])).toEqual([]);
    const only = `delete from open_round_staff where loop_id = '${again}' and staff = 'ingrid'`;
    expect(await foundBy(listed, [only])).toEqual([expect.stringContaining('among the tasks of ingrid')]);
  });

  test('a rung that was taken together with one before it from one that was taken early', async () => {
    const due = (later: string) => `
      update rungs set due_at = due_at + interval '${later}' where plan_id in (select occasion from deliveries where ${theCall()})`;
    expect(await foundBy('no rung was taken before', [due('5 seconds')])).toEqual([]);
    expect(await foundBy('no rung was taken before', [due('7 seconds')])).toHaveLength(1);
  });

  test('a letter in doubt that somebody was asked about, and thanks, about which nobody is, from one that was left alone', async () => {
    const shown = 'is shown to whoever answers';
    const inDoubt = (purpose: string) =>
      `update deliveries set state = 'needs_human', fence = 1 where purpose = '${purpose}' and loop_id = '${again}'`;
    const asked = (more: { purpose?: string; loop?: string }) => `
      insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, staff, occasion, state, phase, message_id)
      select gen_random_uuid(), concat_ws(':', 'notice', loop_id, round, id || '.1', 'priya:email'), '${more.purpose ?? 'notice'}', 'email',
        'at_least_once', '${more.loop ?? again}', round, 'priya', id, 'sent', 'handed', '<d.notice.' || id || '@heed>'
      from deliveries where purpose = 'answer'`;
    for (const purpose of ['receipt', 'news', 'prompt']) expect(await foundBy(shown, [inDoubt(purpose)])).toEqual([]);
    expect(await foundBy(shown, [inDoubt('answer')])).toHaveLength(1);
    expect(await foundBy(shown, [inDoubt('answer'), asked({})])).toEqual([]);
    expect(await foundBy(shown, [inDoubt('answer'), asked({ purpose: 'news' })])).toHaveLength(1);
    expect(await foundBy(shown, [inDoubt('answer'), asked({ loop: waiting })])).toHaveLength(1);
  });

  test('what is tried for more than an hour, also at this moment, from the edit of a card, which nobody waits for, and what has an end of its own', async () => {
    const tried = (how: string) => [
      `update deliveries set attempts = 3, last_error_code = 'slack_500', failing_since = heed_now() - interval '61 minutes', ${how} where ${theCall()}`,
    ];
    for (const state of ['ready', 'sending'])
      expect(await foundBy('has been tried for an hour', tried(`state = '${state}'`))).toHaveLength(1);
    const ends = `state = 'ready', expires_at = heed_now() + interval '1 hour'`;
    for (const how of [`state = 'ready', purpose = 'card'`, ends, `state = 'sent'`, `state = 'cancelled'`])
      expect(await foundBy('has been tried for an hour', tried(how))).toEqual([]);
    const nobodyTries = tried(`${ends}, not_before = heed_now() - interval '61 minutes'`);
    expect(await foundBy('has been tried for an hour', nobodyTries)).toHaveLength(1);
  });

  test('what was due an hour ago, and nobody has tried or settled since, from what is held, under way, or the edit of a card', async () => {
    const lies = (state: string, how = `not_before = heed_now() - interval '61 minutes'`) =>
      foundBy('has been tried for an hour', [
        `update deliveries set state = '${state}', ${how} where purpose = 'answer'`,
      ]);
    for (const state of ['planned', 'ready', 'sending', 'uncertain'])
      expect([state, await lies(state)]).toEqual([state, [expect.stringContaining('nothing has come of it')]]);
    for (const state of ['sent', 'needs_human', 'cancelled']) expect([state, await lies(state)]).toEqual([state, []]);
    for (const later of ['59 minutes ago', '1 day'])
      expect(await lies('ready', `not_before = heed_now() + interval '${later}'`)).toEqual([]);
    const longDue = `not_before = heed_now() - interval '1 day'`;
    expect(await lies('sending', `${longDue}, lease_until = heed_now() - interval '59 minutes'`)).toEqual([]);
    expect(await lies('sending', `${longDue}, lease_until = heed_now() - interval '61 minutes'`)).toHaveLength(1);
    expect(await lies('ready', `${longDue}, purpose = 'card'`)).toEqual([]);
    // Tried, and not for an hour; once it is in doubt, it is to be settled.
    const tried = `${longDue}, failing_since = heed_now() - interval '59 minutes'`;
    expect(await lies('ready', tried)).toEqual([]);
    expect(await lies('uncertain', tried)).toHaveLength(1);
  });

  test('a digest that told them, is about to, or ended for a reason, from one that is late or came to nothing', async () => {
    const digest = '00000000-0000-7000-8000-000000000004';
    const named = (as: string) => [
      `insert into deliveries (id, dedupe_key, purpose, channel, policy, staff, occasion, state, phase, message_id, last_error_code, not_before)
       select '${newId()}', 'their digest', x.purpose, x.channel, 'at_least_once', d.staff, x.occasion, x.state, 'handed', '<d.digest@heed>', x.code,
         heed_now() + x.later
       from (select staff from deliveries where ${theCall()}) d, (values ${as}) as x (state, channel, code, later, purpose, occasion)`,
      `update deliveries set state = 'cancelled', last_error_code = 'bundled', bundled_into = '${digest}' where ${theCall()}`,
    ];
    const is = (
      state: string,
      { channel = 'email', code = 'null::text', later = '1 day ago', purpose = 'digest', of = digest } = {},
    ) =>
      foundBy(
        'what somebody was not called for singly',
        named(`('${state}', '${channel}', ${code}, interval '${later}', '${purpose}', '${of}'::uuid)`),
      );
    for (const state of ['sent', 'delivered']) expect(await is(state)).toEqual([]);
    for (const state of ['planned', 'ready', 'sending', 'uncertain']) {
      expect(await is(state, { later: '15 minutes ago' })).toEqual([]);
      expect(await is(state, { later: '17 minutes ago' })).toHaveLength(1);
    }
    for (const code of [`'met'`, `'left'`]) expect(await is('cancelled', { code })).toEqual([]);
    for (const code of [`'handed_over'`, 'null::text']) expect(await is('cancelled', { code })).toHaveLength(1);
    expect(await is('failed', { code: `'smtp_550'` })).toEqual([]);
    // Given up by an operator.
    expect(await is('expired', { code: `'too_late'` })).toEqual([]);
    expect(await is('expired', { code: `'too_late'`, channel: 'slack' })).toHaveLength(1);
    expect(await is('failed', { code: `'met'`, channel: 'slack' })).toHaveLength(1);
    for (const state of ['failed', 'bounced', 'expired']) expect(await is(state)).toHaveLength(1);
    expect(await is('sent', { purpose: 'news' })).toHaveLength(1);
    expect(await is('sent', { of: newId() })).toHaveLength(1);
  });

  test('a second letter for one occasion from another occasion, and from one in whose place it was written', async () => {
    const second = (first: string, { occasion = 'occasion', loop = 'loop_id', of = 'answer', phase = 'handed' } = {}) =>
      foundBy('at most one message for one purpose', [
        `insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, customer_id, occasion, state, phase, message_id)
         select gen_random_uuid(), 'another', purpose, channel, policy, ${loop}, round, customer_id, ${occasion}, '${first}', '${phase}', '<d.another@heed>'
         from deliveries where purpose = '${of}' and loop_id = '${again}'`,
      ]);
    for (const state of ['sent', 'delivered', 'complained', 'uncertain', 'needs_human'])
      expect([state, await second(state)]).toEqual([state, [expect.stringContaining('2 times')]]);
    for (const state of ['bounced', 'failed', 'ready', 'cancelled'])
      expect([state, await second(state)]).toEqual([state, []]);
    expect(await second('uncertain', { phase: 'open' })).toEqual([]);
    expect(await second('sent', { occasion: 'gen_random_uuid()' })).toEqual([]);
    const ways = `update deliveries set purpose = 'rights', loop_id = null, round = null, occasion = null where customer_id is not null`;
    expect(await foundBy('at most one message for one purpose', [ways])).toEqual([]);
    // Thanks have no occasion but the loop.
    expect(await second('sent', { of: 'receipt' })).toHaveLength(1);
    expect(await second('sent', { of: 'receipt', loop: `'${waiting}'` })).toEqual([]);
  });

  test('a second call for one step from that of another way, and one for a step that was not taken from that of who stands in', async () => {
    const once = 'called its person once';
    const second = (state: string, { channel = 'channel', phase = 'handed' } = {}) =>
      foundBy(once, [
        `insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, staff, occasion, state, phase, message_id)
         select gen_random_uuid(), dedupe_key || ':again', purpose, ${channel}, policy, loop_id, round, staff, occasion, '${state}', '${phase}', '<d.again@heed>'
         from deliveries where ${theCall()}`,
      ]);
    for (const state of ['sent', 'delivered', 'uncertain'])
      expect([state, await second(state)]).toEqual([state, [expect.anything()]]);
    for (const state of ['failed', 'ready', 'cancelled']) expect([state, await second(state)]).toEqual([state, []]);
    expect(await second('sent', { channel: `'email'` })).toEqual([]);
    expect(await second('uncertain', { phase: 'open' })).toEqual([]);

    const elsewhere = `update deliveries set occasion = (select id from plans where loop_id = '${again}' and round = 2 limit 1) where ${theCall()}`;
    expect(await foundBy(once, [elsewhere])).toHaveLength(1);
    const standsIn = `update deliveries set staff = 'luca' where ${theCall()}`;
    const was = (of: { code: string; staff?: string; occasion?: string; step?: string; purpose?: string }) => `
      insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, staff, occasion, state, message_id, last_error_code)
      select gen_random_uuid(), replace(dedupe_key, '.0.0:', '.${of.step ?? '0.0'}:') || ':first', '${of.purpose ?? 'prompt'}', channel, policy, loop_id,
        round, '${of.staff ?? 'priya'}', ${of.occasion ?? 'occasion'}, 'cancelled', '<d.first@heed>', '${of.code}'
      from deliveries where ${theCall()}`;
    expect(await foundBy(once, [standsIn])).toHaveLength(1);
    for (const code of ['left', 'bundled']) expect(await foundBy(once, [standsIn, was({ code })])).toEqual([]);
    for (const other of [
      { code: 'met' },
      { code: 'left', staff: 'luca' },
      { code: 'left', occasion: 'gen_random_uuid()' },
      { code: 'left', step: '1.0' },
      { code: 'left', purpose: 'news' },
    ])
      expect([other, await foundBy(once, [standsIn, was(other)])]).toEqual([other, [expect.anything()]]);
  });

  test('a letter that the mail server took, and that the ledger says never left, from one that may have left or was sent again', async () => {
    const took = 'took each letter once';
    const is = (state: string, ...more: string[]) =>
      foundBy(took, [`update deliveries set state = '${state}' where purpose = 'answer'`, ...more]);
    for (const state of ['planned', 'ready', 'cancelled', 'suppressed', 'expired'])
      expect(await is(state)).toEqual([expect.stringContaining(`never left (${state})`)]);
    for (const state of ['sending', 'uncertain', 'needs_human', 'bounced', 'failed'])
      expect([state, await is(state)]).toEqual([state, []]);
    const resent = (action = 'resend', loop = again) =>
      `insert into repairs (id, loop_id, action, by, reason) values ('${newId()}', '${loop}', '${action}', 'ops', 'it never came')`;
    // An older Heed did not keep which letter of the loop it was.
    expect(await is('ready', resent())).toEqual([]);
    expect(await is('ready', resent('wake'))).toHaveLength(1);
    expect(await is('ready', resent('resend', waiting))).toHaveLength(1);
    // A colleague is called again, and may be twice; what is not from here is nobody's.
    const mail = journals.mails.find(({ to }) => to.includes(colleague))!;
    const twice = {
      ...journals,
      mails: [...journals.mails, mail, { ...mail, messageId: '<hello@elsewhere.example>' }],
    };
    expect(await foundBy(took, [`update deliveries set attempts = 2`], twice)).toEqual([]);
    const toTwo = { ...journals, mails: [...journals.mails, { ...mail, to: [colleague, 'kim@example.com'] }] };
    expect(await foundBy(took, [`update deliveries set attempts = 2`], toTwo)).toEqual([
      expect.stringContaining('several people'),
    ]);
    // The mail of before that stands in the mailbox.
    expect(
      await foundBy(took, [`update deliveries set state = 'ready' where channel = 'email' and staff is not null`]),
    ).toEqual([]);
  });

  test('a letter that the mail server never took from one that did not leave, or was taken back', async () => {
    const took = 'took each letter once';
    const unseen = { ...journals, mails: journals.mails.filter(({ to }) => !to.includes('kim@example.com')) };
    const answers = `purpose = 'answer' and loop_id = '${again}'`;
    const rest = `update deliveries set state = 'failed' where customer_id is not null and not (${answers})`;
    const takenBack = ({ state = 'sent', phase = 'handed', purpose = 'redaction', occasion = 'id' }) => `
      insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, customer_id, occasion, state, phase, message_id)
      select gen_random_uuid(), 'taken back', '${purpose}', 'email', 'at_least_once', loop_id, customer_id, ${occasion}, '${state}', '${phase}', '<d.back@heed>'
      from deliveries where ${answers}`;
    const never = [expect.stringContaining('never took it')];
    expect(await foundBy(took, [rest], unseen)).toEqual(never);
    for (const how of [{}, { state: 'uncertain' }])
      expect(await foundBy(took, [rest, takenBack(how)], unseen)).toEqual([]);
    for (const how of [{ state: 'failed' }, { phase: 'none' }, { purpose: 'news' }, { occasion: 'gen_random_uuid()' }])
      expect([how, await foundBy(took, [rest, takenBack(how)], unseen)]).toEqual([how, never]);
  });

  test('a post that is not there from one that was not made, and from the edit of a card', async () => {
    const unseen = { ...journals, posts: journals.posts.slice(1) };
    const [post] = journals.posts;
    const is = (how: string) =>
      foundBy('stands in Slack once', [`update deliveries set ${how} where id = '${post!.deliveryId}'`], unseen);
    expect(await is(`state = 'sent'`)).toEqual([expect.stringContaining('it is not there')]);
    for (const how of [`state = 'failed'`, `state = 'uncertain'`, `purpose = 'card'`])
      expect([how, await is(how)]).toEqual([how, []]);
  });

  const peace = 'after they had asked us to stop';
  const stop = (address: string, when: string, { cause = 'unsubscribed', channel = 'email' } = {}) => `
    insert into suppressions (id, address_hash, channel, cause, suppressed_at)
    select gen_random_uuid(), sha256('${address}'), '${channel}', '${cause}', ${when} from deliveries where purpose = 'answer'`;

  test('a letter after they had asked us to stop, however that was, from one by an address that they left open', async () => {
    // Their thanks were planned before that.
    const before = `planned_at - interval '1 microsecond'`;
    const stopped = stop('kim@example.com', before);
    const all = (await foundBy(peace, [stopped])).length;
    expect(all).toBeGreaterThan(0);
    const other = (address: string) => `
      insert into identities (id, customer_id, kind, value, normalised)
      select gen_random_uuid(), customer_id, 'email', '${address}', '${address}' from deliveries where purpose = 'answer'`;
    expect(await foundBy(peace, [stopped, other('kim@work.example')])).toEqual([]);
    const phone = other('+31 6 5555 7777').replace("'email'", "'phone'");
    expect(await foundBy(peace, [stopped, phone])).toHaveLength(all);
    const both = [stopped, other('kim@work.example'), stop('kim@work.example', before)];
    expect(await foundBy(peace, both)).toHaveLength(all);
    const lastLater = [stopped, other('kim@work.example'), stop('kim@work.example', `ended_at + interval '1 day'`)];
    expect(await foundBy(peace, lastLater)).toEqual([]);
    expect(
      await foundBy(peace, [stopped, stop('kim@example.com', `ended_at + interval '1 day'`, { cause: 'complained' })]),
    ).toHaveLength(all);
    expect(await foundBy(peace, [stop('kim@example.com', before, { channel: 'phone' })])).toEqual([]);
    const disavowed = (when: string) => `
      insert into disavowals (signal_id, disavowed_at) select loop_id, ${when} from deliveries where purpose = 'answer'`;
    expect(await foundBy(peace, [disavowed(before)])).toHaveLength(1);
    expect(await foundBy(peace, [disavowed('ended_at')])).toEqual([]);
    expect(
      await foundBy(peace, [
        disavowed(before),
        stop('kim@example.com', `ended_at + interval '1 day'`, { cause: 'complained' }),
      ]),
    ).toHaveLength(1);
    // What they ask for themselves, and what takes a letter back, is sent all the same; as is what is sent to nobody but us.
    for (const how of [
      `purpose = 'rights'`,
      `purpose = 'redaction'`,
      `state = 'failed'`,
      `phase = 'open', state = 'uncertain'`,
    ])
      expect([
        how,
        await foundBy(peace, [stopped, `update deliveries set ${how} where customer_id is not null`]),
      ]).toEqual([how, []]);
    for (const state of ['sent', 'delivered', 'bounced', 'complained', 'uncertain', 'needs_human'])
      expect([
        state,
        await foundBy(peace, [stopped, `update deliveries set state = '${state}' where customer_id is not null`]),
      ]).toEqual([state, Array.from({ length: all }, () => expect.anything())]);
  });

  test('what left a quarter of an hour after they had asked us to stop, or to let it rest, or were erased, from what was under way', async () => {
    const left = (later: string) =>
      `update deliveries set ended_at = planned_at + interval '${later}' where purpose = 'answer'`;
    const rests = `
      insert into rights (id, customer_id, kind, by, exercised_at)
      select gen_random_uuid(), customer_id, 'restriction', 'operator', planned_at from deliveries where purpose = 'answer'`;
    const erased = (when = 'planned_at') => `
      insert into erasures (id, cause, by, reason, erased_at)
      select '00000000-0000-7000-8000-000000000001', 'asked', 'operator', 'asked by letter', ${when} from deliveries where purpose = 'answer';
      insert into erased_signals (signal_id, erasure_id) values ('${again}', '00000000-0000-7000-8000-000000000001')`;
    // Of the others of this customer nothing is asked here.
    const alone = `update deliveries set state = 'failed' where customer_id is not null and purpose <> 'answer'`;
    for (const how of [stop('kim@example.com', 'planned_at'), rests, erased()]) {
      expect(await foundBy(peace, [alone, how, left('12 minutes')])).toEqual([]);
      expect(await foundBy(peace, [alone, how, left('14 minutes')])).toHaveLength(1);
    }
    expect(await foundBy(peace, [alone, erased(`planned_at - interval '1 second'`)])).toHaveLength(1);
    // When a doubt was settled says less than when its own links were made, the last of them.
    const linked = (later: string, { of = 'answer', as = '\\x01' } = {}) => `
      insert into links (token_hash, kind, customer_id, loop_id, delivery_id, created_at)
      select '${as}', 'not_me', x.customer_id, x.loop_id, x.id, d.planned_at + interval '${later}' from deliveries x, deliveries d
      where d.purpose = 'answer' and x.purpose = '${of}' and x.loop_id = d.loop_id`;
    const settled = [alone, stop('kim@example.com', 'planned_at'), left('1 day')];
    expect(await foundBy(peace, [...settled, linked('0 minutes')])).toEqual([]);
    expect(await foundBy(peace, [...settled, linked('5 minutes')])).toHaveLength(1);
    expect(await foundBy(peace, [...settled, linked('0 minutes', { of: 'receipt' })])).toHaveLength(1);
    expect(await foundBy(peace, [...settled, linked('0 minutes'), linked('5 minutes', { as: '\\x02' })])).toHaveLength(
      1,
    );
    // Another right than this, and the lifting of somebody else's or of another time, changes nothing of it.
    const late = [alone, rests, left('14 minutes')];
    expect(await foundBy(peace, [...late, `update rights set kind = 'access'`])).toEqual([]);
    const lifted = (of: string, when: string) => `
      insert into rights (id, customer_id, kind, by, exercised_at)
      select gen_random_uuid(), ${of}, 'lifting', 'operator', ${when} from deliveries where purpose = 'answer'`;
    expect(await foundBy(peace, [...late, lifted('customer_id', `planned_at + interval '1 minute'`)])).toEqual([]);
    for (const when of [`planned_at - interval '1 minute'`, `planned_at + interval '15 minutes'`])
      expect(await foundBy(peace, [...late, lifted('customer_id', when)])).toHaveLength(1);
    expect(await foundBy(peace, [...late, lifted(`'${newId()}'`, `planned_at + interval '1 minute'`)])).toHaveLength(1);
  });

  test('an address that bounced and was vouched for from one whose owner asked us to stop, which nobody can vouch for', async () => {
    const vouched = `
      insert into vouchings (id, address_hash, how, by, vouched_at)
      select gen_random_uuid(), sha256('kim@example.com'), 'confirmed', 'otto', planned_at - interval '1 hour' from deliveries where purpose = 'answer'`;
    const hoursAgo = `planned_at - interval '3 hours'`;
    for (const claim of [peace, 'took nothing for an address']) {
      expect(await foundBy(claim, [stop('kim@example.com', hoursAgo, { cause: 'bounced' }), vouched])).toEqual([]);
      for (const cause of ['unsubscribed', 'complained', 'not_me'])
        expect([
          claim,
          cause,
          await foundBy(claim, [stop('kim@example.com', hoursAgo, { cause }), vouched]),
        ]).not.toEqual([claim, cause, []]);
      const another = vouched.replace('kim@', 'ada@');
      expect(await foundBy(claim, [stop('kim@example.com', hoursAgo, { cause: 'bounced' }), another])).not.toEqual([]);
    }
    const inDoubt = `update deliveries set state = 'uncertain', ended_at = null where purpose = 'answer'`;
    const bounced = stop('kim@example.com', hoursAgo, { cause: 'bounced' });
    expect(await foundBy(peace, [bounced, vouched, inDoubt])).toEqual([]);
    // A number that is stopped, and what went to one of us, is no letter to them.
    const mailbox = 'took nothing for an address';
    expect(await foundBy(mailbox, [stop('kim@example.com', hoursAgo, { channel: 'phone' })])).toEqual([]);
    expect(await foundBy(mailbox, [stop(colleague, hoursAgo)])).toEqual([]);
  });

  test('a call that left a quarter of an hour after its round was closed, or its holder had given it away, from one that was under way', async () => {
    const called = 'nobody was called';
    const sentInRoundOne = (later: string) => `
      update deliveries d set ended_at = z.closed_at + interval '${later}' from closures z
      where d.purpose = 'prompt' and d.loop_id = '${again}' and d.round = 1 and z.loop_id = d.loop_id and z.round = 1`;
    expect(await foundBy(called, [sentInRoundOne('12 minutes')])).toEqual([]);
    expect(await foundBy(called, [sentInRoundOne('14 minutes')])).toHaveLength(1);
    expect(await foundBy(called, [givenAway(), sentAfter('12 minutes')])).toEqual([]);
    expect(await foundBy(called, [givenAway(), sentAfter('14 minutes')])).toHaveLength(1);
    // Of the second round the first says nothing, nor does what was never sent, nor who is above the one that gave it away.
    const late = `update deliveries set ended_at = ended_at + interval '1 day' where purpose = 'prompt' and loop_id = '${again}' and round = 2`;
    expect(await foundBy(called, [late])).toEqual([]);
    const closedBefore = `update closures set closed_at = closed_at - interval '1 hour' where loop_id = '${again}'`;
    expect(await foundBy(called, [closedBefore])).not.toEqual([]);
    const calledOff = `update deliveries set state = 'cancelled' where purpose = 'prompt' and loop_id = '${again}'`;
    expect(await foundBy(called, [closedBefore, calledOff])).toEqual([]);
    for (const how of [`state = 'cancelled'`, `purpose = 'news'`])
      expect(
        await foundBy(called, [
          sentInRoundOne('1 day'),
          `update deliveries set ${how} where purpose = 'prompt' and loop_id = '${again}'`,
        ]),
      ).toEqual([]);
    expect(
      await foundBy(called, [
        givenAway(),
        sentAfter('14 minutes'),
        `update deliveries set staff = 'tomas' where ${theCall()}`,
      ]),
    ).toEqual([]);
    const held = (by: string, from: string) => `
      insert into ownerships (id, loop_id, round, staff, cause, reason, configuration, started_at)
      select '${newId()}', loop_id, round, '${by}', 'taken', 'you took it', configuration, ended_at + interval '${from}'
      from ownerships where id in ${calledAsHolder()}`;
    expect(await foundBy(called, [givenAway(), sentAfter('14 minutes'), held('priya', '5 minutes')])).toEqual([]);
    expect(await foundBy(called, [givenAway(), sentAfter('14 minutes'), held('priya', '1 hour')])).toHaveLength(1);
    expect(await foundBy(called, [givenAway(), sentAfter('14 minutes'), held('luca', '5 minutes')])).toHaveLength(1);
  });

  test('whom an insight has to be told to, once it was declined or done: not who was moved on by a person, nor what was taken back', async () => {
    const told = 'every customer who asked';
    const untold = [`delete from told_signals where signal_id = '${asked}'`, `delete from tellings`];
    expect(await foundBy(told, untold)).toHaveLength(2);
    expect(
      await foundBy(told, [...untold, `update closures set how = 'completed' where loop_id = '${declined}'`]),
    ).toHaveLength(2);
    for (const how of ['joined', 'erased'])
      expect(
        await foundBy(told, [...untold, `update closures set how = '${how}' where loop_id = '${declined}'`]),
      ).toEqual([]);
    const joined = (by: string, later: string) => `
      insert into insight_signals (insight_id, signal_id, joined_by, joined_at)
      select '${again}', signal_id, ${by}, joined_at + interval '${later}' from insight_signals where signal_id = '${asked}'`;
    expect(await foundBy(told, [...untold, joined(`'priya'`, '1 minute')])).toEqual([]);
    expect(await foundBy(told, [...untold, joined('null', '1 minute')])).toHaveLength(2);
    expect(await foundBy(told, [...untold, joined(`'priya'`, '1 minute ago')])).toHaveLength(2);
    expect(
      await foundBy(told, [
        ...untold,
        `update decisions set outcome = 'deferred', wake_at = decided_at where insight_id = '${declined}'`,
      ]),
    ).toEqual([]);
    const late = `update decisions set decided_at = decided_at + interval '1 day' where insight_id = '${declined}'`;
    expect(await foundBy(told, [...untold, late])).toEqual([]);
    const others = `
      insert into insight_signals (insight_id, signal_id, joined_by, joined_at)
      select '${again}', '${waiting}', 'priya', joined_at + interval '1 minute' from insight_signals where signal_id = '${asked}'`;
    expect(await foundBy(told, [...untold, others])).toHaveLength(2);
    // Told of what was decided at first, and not of what took its place; unless that was taken back.
    const anew = `
      insert into decisions (id, insight_id, version, outcome, reason, by, decided_at, final_at)
      select '00000000-0000-7000-8000-000000000005', insight_id, version + 1, outcome, reason, by, decided_at, final_at
      from decisions where insight_id = '${declined}'`;
    expect(await foundBy(told, [anew])).toHaveLength(2);
    const withdrawn = `insert into withdrawals (decision_id, by) values ('00000000-0000-7000-8000-000000000005', 'tomas')`;
    expect(await foundBy(told, [anew, withdrawn])).toEqual([]);
    // What nobody of us captured is told to no colleague.
    expect(
      await foundBy(told, [...untold, `update signals set captured_by = null where id = '${asked}'`]),
    ).toHaveLength(1);
    // That they were told of something else, or somebody else of this, is no word to them.
    for (const how of [
      `update told_signals set signal_id = '${again}'`,
      `update told_signals set decision_id = '${newId()}'`,
    ])
      expect(await foundBy(told, [how])).toHaveLength(1);
    for (const how of [`staff = 'luca'`, `decision_id = '${newId()}'`])
      expect(await foundBy(told, [`update tellings set ${how} where staff is not null`])).toHaveLength(1);
  });

  test('a telling that is in the ledger, to whom it is to and as what it is, from one that is there for somebody else', async () => {
    const ledger = 'each telling by letter';
    for (const how of [`purpose = 'answer'`, `customer_id = '${newId()}'`, `occasion = '${newId()}'`])
      expect([how, await foundBy(ledger, [`update deliveries set ${how} where purpose = 'told'`])]).toEqual([
        how,
        [expect.anything()],
      ]);
    for (const how of [`purpose = 'notice'`, `staff = 'luca'`, `occasion = '${newId()}'`])
      expect([how, await foundBy(ledger, [`update deliveries set ${how} where purpose = 'news'`])]).toEqual([
        how,
        [expect.anything()],
      ]);
    const gone = `delete from deliveries where purpose in ('told', 'news')`;
    expect(await foundBy(ledger, [gone, `update tellings set channel = 'slack'`])).toHaveLength(2);
    expect(await foundBy(ledger, [gone, `update tellings set channel = 'phone'`])).toEqual([]);
  });

  test('what people typed, and the tables made for it, from where an address must not stand', async () => {
    const personal = 'outside the tables of personal words';
    for (const where of [
      'words.words',
      'customers.name',
      'identities.value',
      'delivery_bodies.body',
      'staff.name',
      'configurations.applied_by',
      'closures.reason',
      'decisions.reason',
      'decisions.internal_reason',
      'ownerships.reason',
      'confirmations.words',
    ]) {
      const [table, column] = where.split('.');
      expect([where, await foundBy(personal, [`update ${table} set ${column} = 'write to kim@example.com'`])]).toEqual([
        where,
        [],
      ]);
    }
    const repaired = `
      insert into repairs (id, loop_id, action, by, reason) values ('${newId()}', '${again}', 'wake', 'ops', 'kim@example.com says it stands still')`;
    expect(await foundBy(personal, [repaired])).toEqual([]);
    expect(await foundBy(personal, [`update closures set rule = 'write to kim@example.com'`])).not.toEqual([]);
  });
});

describe('it leaves alone', () => {
  test('sample history: nothing of it climbs, calls or tells anybody', async () => {
    const of = await openTestDatabase({ company: 'demo' });
    await loadSampleHistory(of.pool, { company: of.company, configuration: 1, now: await momentOf(of.pool) });
    await of.passTime('2 days');
    const { findings } = await audit({ databaseUrl: of.url });
    await of.close();
    expect(findings.flatMap(({ violations }) => violations)).toEqual([]);
  });

  test('a prompt that was called off because it was answered, or given to somebody else', async () => {
    const of = await openShop();
    const client = new pg.Client({ connectionString: of.db.url });
    await client.connect();
    const hears = (words: string) => of.hears({ words, kind: 'question', ...kim });
    const as = ({ id, owner }: { id: string; owner: string }) => ({ by: owner, loopId: id, press: of.press() });

    const answered = await hears('Is it wool?');
    await approveFollowUp(of.db.heed, as(answered), { words: 'It is.' });
    await client.query(
      `update deliveries set state = 'cancelled', last_error_code = 'met', ended_at = heed_now() where purpose = 'prompt' and loop_id = $1`,
      [answered.id],
    );
    const given = await hears('Is it lined?');
    await handOver(of.db.heed, as(given), { to: given.owner === 'jonas' ? 'priya' : 'jonas', reason: 'they know' });
    // In doubt at that moment, and called off when that was over.
    const later = await hears('Is it warm?');
    await client.query(`update deliveries set state = 'uncertain' where purpose = 'prompt' and loop_id = $1`, [
      later.id,
    ]);
    await handOver(of.db.heed, as(later), { to: later.owner === 'jonas' ? 'priya' : 'jonas', reason: 'they know' });
    await client.query(
      `update deliveries set state = 'cancelled', last_error_code = 'handed_over', ended_at = heed_now() + interval '41 seconds'
       where purpose = 'prompt' and loop_id = $1 and state = 'uncertain'`,
      [later.id],
    );
    const { rows } = await client.query<{ calledOff: string }>(
      `select distinct loop_id as "calledOff" from deliveries where purpose = 'prompt' and state = 'cancelled'`,
    );
    expect(rows.map(({ calledOff }) => calledOff).sort()).toEqual([answered.id, given.id, later.id].sort());
    const { findings } = await audit({ databaseUrl: of.db.url });
    await client.end();
    await of.close();
    expect(findings.flatMap(({ violations }) => violations)).toEqual([]);
  });

  test('somebody who is called rung by rung, and at the end of the ladder again and again, by both ways', async () => {
    const of = await openShop();
    await of.db.apply(({ staff }) => void (staff['ingrid']!.prompts = 'slack'));
    const client = new pg.Client({ connectionString: of.db.url });
    await client.connect();
    const { id } = await of.hears({ words: 'Is it wool?', kind: 'question', ...kim });
    for (let day = 0; day < 15; day += 1) {
      await allIsSent(of);
      await of.db.passTime('1 day');
      await of.climbs(id);
    }
    await allIsSent(of);
    const { rows } = await client.query<{ channels: number }>(
      `select count(distinct d.channel)::integer as channels
       from deliveries d join escalations e on e.plan_id = d.occasion and strpos(d.dedupe_key, '.' || e.step || '.' || e.repeat || ':') > 0
       where d.purpose = 'prompt' and e.repeat > 0 group by d.occasion, e.step, e.repeat, d.staff`,
    );
    expect(rows.filter(({ channels }) => channels === 2).length).toBeGreaterThan(1);
    const once = checks.find(({ claim }) => claim.includes('called its person once'))!;
    const found = await once.find(client, undefined, { since: new Date(0), objectiveSeconds: 60 });
    await client.end();
    await of.close();
    expect(found).toEqual([]);
  });

  test('what began before the moment it is asked about', async () => {
    await db.query('begin');
    await db.query('set local session_replication_role = replica');
    await db.query(`delete from words`);
    const whole = checks.find(({ claim }) => claim.includes('its words, its round'))!;
    const found = (since: Date) => whole.find(db, undefined, { since, objectiveSeconds: 60 });
    expect((await found(new Date(0))).length).toBeGreaterThan(0);
    expect(await found(new Date('2030-01-01'))).toEqual([]);
    await db.query('rollback');
  });

  test('a letter that left before they stopped us or had lifted what rested, whenever it was known to have left', async () => {
    const check = checks.find(({ claim }) => claim.includes('after they had asked us to stop'))!;
    const found = async (how: string) => {
      await db.query('begin');
      await db.query('set local session_replication_role = replica');
      await db.query(how);
      const violations = await check.find(db, undefined, { since: new Date(0), objectiveSeconds: 60 });
      await db.query('rollback');
      return violations;
    };
    const thanks = `purpose = 'receipt' and customer_id = (select customer_id from identities where normalised = 'ada@example.com')`;
    const settled = `
      update deliveries set ended_at = ended_at + interval '1 day' where ${thanks};
      insert into links (token_hash, kind, customer_id, loop_id, delivery_id, created_at)
      select '\\x01', 'unsubscribe', customer_id, loop_id, id, planned_at from deliveries where ${thanks}`;
    expect(await found(settled)).toEqual([]);
    const handedOver = `update deliveries set ended_at = ended_at + interval '12 minutes' where ${thanks}`;
    expect(await found(handedOver)).toEqual([]);
    const lifted = `
      update deliveries set ended_at = ended_at + interval '1 day' where purpose = 'answer';
      insert into rights (id, customer_id, kind, by, exercised_at)
      select gen_random_uuid(), d.customer_id, x.kind, 'operator', d.planned_at + x.later
      from deliveries d, (values ('restriction', interval '1 second'), ('lifting', interval '23 hours')) as x (kind, later)
      where d.purpose = 'answer'`;
    expect(await found(lifted)).toEqual([]);
  });

  test('a letter to where mail had bounced, once somebody had vouched for the address, and not before that', async () => {
    const found = async (claim: string, vouched: string) => {
      const check = checks.find((one) => one.claim.includes(claim))!;
      await db.query('begin');
      await db.query('set local session_replication_role = replica');
      await db.query(`
        insert into suppressions (id, address_hash, channel, cause, suppressed_at)
        select gen_random_uuid(), sha256('kim@example.com'), 'email', 'bounced', planned_at - interval '3 hours'
        from deliveries where purpose = 'answer';
        insert into vouchings (id, address_hash, how, by, vouched_at)
        select gen_random_uuid(), sha256('kim@example.com'), 'confirmed', 'otto', ${vouched} from deliveries where purpose = 'answer'`);
      const violations = await check.find(db, journals, { since: new Date(0), objectiveSeconds: 60 });
      const { rows } = await db.query<{ id: string }>(`select id from deliveries where purpose = 'answer'`);
      await db.query('rollback');
      return violations.filter(({ about }) => about === rows[0]!.id).length;
    };
    for (const claim of ['after they had asked us to stop', 'took nothing for an address']) {
      expect([claim, await found(claim, `planned_at - interval '1 hour'`)]).toEqual([claim, 0]);
      expect([claim, await found(claim, `planned_at - interval '5 hours'`)]).toEqual([claim, 1]);
      expect([claim, await found(claim, `ended_at + interval '1 second'`)]).toEqual([claim, 1]);
    }
  });

  test('a prompt that was held until a moment ago, and not one that was let go long since', async () => {
    const check = checks.find(({ claim }) => claim.includes('each escalation is a message'))!;
    const found = async (letGo: string) => {
      await db.query('begin');
      await db.query('set local session_replication_role = replica');
      await db.query(`
        update escalations set taken_at = taken_at - interval '1 hour' where plan_id in (select id from plans where loop_id = '${waiting}');
        update deliveries set state = 'planned', attempts = 0, last_error_code = 'decided_anew', not_before = heed_now() - interval '${letGo}'
        where purpose = 'prompt' and loop_id = '${waiting}'`);
      const violations = await check.find(db, undefined, { since: new Date(0), objectiveSeconds: 60 });
      await db.query('rollback');
      return violations.length;
    };
    expect(await found('1 second')).toBe(0);
    expect(await found('17 minutes')).toBe(1);
  });

  test('what was tried for half an hour, held for days, and put off a moment ago', async () => {
    const check = checks.find(({ claim }) => claim.includes('has been tried for an hour'))!;
    const found = async (code: string, failingSince: string) => {
      await db.query('begin');
      await db.query('set local session_replication_role = replica');
      await db.query(`
        update deliveries set state = 'ready', attempts = 14, last_error_code = '${code}', planned_at = heed_now() - interval '3 days',
          failing_since = ${failingSince}
        where purpose = 'answer'`);
      const violations = await check.find(db, undefined, { since: new Date(0), objectiveSeconds: 60 });
      await db.query('rollback');
      return violations.length;
    };
    expect(await found('quiet_hours', 'null')).toBe(0);
    expect(await found('smtp_450', `heed_now() - interval '5 minutes'`)).toBe(0);
    expect(await found('smtp_450', `heed_now() - interval '61 minutes'`)).toBeGreaterThan(0);
  });

  test('a prompt that was under way when it was given away, whose doubt was settled later, or that calls whoever holds it again', async () => {
    const found = async (...how: string[]) => (await foundBy('nobody was called', how)).length;
    expect(await found(givenAway(), sentAfter('12 minutes'))).toBe(0);
    const anHourLater = [givenAway(), sentAfter('1 hour')];
    expect(await found(...anHourLater)).toBe(1);
    const foundInSlack = `update deliveries set last_error_code = 'lease_ran_out' where ${theCall()}`;
    expect(await found(...anHourLater, foundInSlack)).toBe(0);
    const pressedByThen = `
      insert into links (token_hash, kind, staff, loop_id, delivery_id, created_at)
      select '\\x01', 'task', staff, loop_id, id, planned_at from deliveries where ${theCall()}`;
    expect(await found(...anHourLater, pressedByThen)).toBe(0);
    const takenBack = `
      insert into ownerships (id, loop_id, round, staff, cause, reason, configuration, started_at)
      select '${newId()}', loop_id, round, staff, 'taken', 'you took it', configuration, ended_at + interval '5 minutes'
      from ownerships where id in ${calledAsHolder()}`;
    expect(await found(...anHourLater, takenBack)).toBe(0);
    const goneAgain = `update ownerships set ended_at = started_at + interval '5 minutes' where ended_at is null and loop_id = '${waiting}'`;
    expect(await found(...anHourLater, takenBack, goneAgain)).toBe(1);
  });

  test('whoever acted because they had it, were asked to, or worked there by the company file of that day', async () => {
    const found = async (...how: string[]) => (await foundBy('whoever acted on a loop', how)).length;
    const tookIt = (by: string): string => `
      insert into acknowledgements (id, loop_id, round, ownership_id, by)
      select gen_random_uuid(), loop_id, round, gen_random_uuid(), '${by}' from ownerships where loop_id = '${waiting}' and ended_at is null`;
    expect(await found(tookIt('femke'))).toBe(1);
    const hadIt = `
      insert into ownerships (id, loop_id, round, staff, cause, reason, configuration, started_at, ended_at)
      select gen_random_uuid(), loop_id, round, 'femke', 'handed_over', 'hers', 1, started_at, heed_now()
      from ownerships where loop_id = '${waiting}' and ended_at is null`;
    expect(await found(hadIt, tookIt('femke'))).toBe(0);
    const wasAsked = `update deliveries set staff = 'femke' where purpose = 'prompt' and loop_id = '${waiting}'`;
    expect(await found(wasAsked, tookIt('femke'))).toBe(0);
    const stoodOnTheLadder = `
      update escalations set staff = 'femke' where plan_id in (select id from plans where loop_id = '${waiting}')`;
    expect(await found(stoodOnTheLadder, tookIt('femke'))).toBe(0);

    const worksThereNoMore = (since: string): string => `
      insert into configurations (yaml, document, applied_by, applied_at)
      select 'later', jsonb_set(document::jsonb, '{staff,mina,places}', '["station"]')::json, 'ops', heed_now() - interval '${since}'
      from configurations order by version desc limit 1`;
    const forgotten = `delete from ownerships where staff = 'mina'`;
    expect(await found(forgotten, worksThereNoMore('1 minute'), tookIt('mina'))).toBe(0);
    expect(await found(forgotten, worksThereNoMore('3 minutes'), tookIt('mina'))).toBe(1);
  });

  test('the accounts that colleagues come by and operators type at, of whatever domain: nobody could take them out', async () => {
    await db.query('begin');
    const account = 'tomas@former.example';
    await db.query(`
      insert into bindings (id, staff, issuer, subject, email) values ('${newId()}', 'tomas', 'https://login.example', '${account}', '${account}')`);
    await db.query(
      `insert into door_acts (id, act, staff, by) values ('${newId()}', 'invited', 'tomas', 'ops@ad.corp.example')`,
    );
    const personal = checks.find(({ invariant }) => invariant === 'I8')!;
    expect(await personal.find(db, undefined, { since: new Date(0), objectiveSeconds: 60 })).toEqual([]);
    await db.query('rollback');
  });

  test('an address of our own, wherever it stands', async () => {
    await db.query('begin');
    await db.query('set local session_replication_role = replica');
    await db.query(`update presses set result = result || '{"by": "tomas@linden-vale.example"}'`);
    const personal = checks.find(({ invariant }) => invariant === 'I8')!;
    expect(await personal.find(db, undefined, { since: new Date(0), objectiveSeconds: 60 })).toEqual([]);
    await db.query('rollback');
  });
});

test('hashes of addresses are those the product keeps', async () => {
  const { rows } = await db.query<{ hash: Buffer }>('select address_hash as hash from suppressions');
  expect(rows.map(({ hash }) => hash.toString('hex'))).toEqual([
    createHash('sha256').update('ada@example.com').digest('hex'),
  ]);
});

test.each([
  ['an earlier', sql.unsafe`alter table open_rounds rename to closed_rounds`],
  ['another', sql.unsafe`alter table deliveries rename column state to stage`],
])('of the database of %s version nothing is said, but what to do', async (_, change) => {
  const db = await openTestDatabase();
  await (await db.owner()).query(sql.unsafe`drop schema now cascade`);
  await (await db.owner()).query(change);
  await expect(audit({ databaseUrl: db.url })).rejects.toThrow(
    'This database is not of this version of Heed, so nothing can be said of it. Audit it with the version that works there, or run heed migrate first.',
  );
  await db.close();
});
