/** Rights, retention and tellings while somebody else is at it: each comes before the other or after it, and nothing falls between. */

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QuerySqlToken } from 'slonik';
import { z } from 'zod';
import type { Hands } from '../../src/activities/createActivities.ts';
import { deliver } from '../../src/activities/deliver.ts';
import { tell } from '../../src/activities/tell.ts';
import { audit } from '../../src/audit/audit.ts';
import { newId } from '../../src/domain/ids.ts';
import type { Sent } from '../../src/integrations/letter.ts';
import { sql } from '../../src/store/pool.ts';
import {
  endDelivery,
  lockDelivery,
  openAttempt,
  settleUncertain,
  type Purpose,
} from '../../src/store/records/deliveries.ts';
import { bundle } from '../../src/store/records/digests.ts';
import { closeRound, lockLoop, redrawCards } from '../../src/store/records/loops.ts';
import { wordsOf } from '../../src/store/records/signals.ts';
import { IdRow } from '../../src/store/rows.ts';
import { insightNow } from '../../src/store/views/insights.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { capture, type Capture, type Captured } from '../../src/triggers/capture.ts';
import type { Heed } from '../../src/triggers/heed.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { join } from '../../src/triggers/responses/join.ts';
import { stopWriting } from '../../src/triggers/responses/stop.ts';
import { dismiss } from '../../src/triggers/responses/dismiss.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { letGo } from '../../src/triggers/rights/letGo.ts';
import { mailRights } from '../../src/triggers/rights/mailRights.ts';
import { rectify } from '../../src/triggers/rights/rectify.ts';
import { lift, restrict } from '../../src/triggers/rights/restrict.ts';
import { customerIn, subjectNamed } from '../../src/triggers/rights/subject.ts';
import { handsOf, openTestDatabase, type TestDatabase } from '../support/database.ts';
import { meanwhile, waiting } from '../support/meanwhile.ts';
import { goOn } from './http/story.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase({ connections: 8 });
});
afterAll(() => db.close());

const press = () => ({ source: 'test', key: newId() });
const operator = { by: 'operator', reason: 'asked by letter' };
const consent: Capture['consent'] = [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }];
const hears = (said: Partial<Capture> & { words: string }, heed: Heed = db.heed) =>
  capture(
    heed,
    { place: 'high-street', by: 'mina', consent: said.customer?.email ? consent : undefined, ...said },
    { channel: 'web', press: press() },
  );

test('an old list that is read in again while its customer is being erased brings nothing back', async () => {
  const customer = { name: 'Ola List', email: 'ola@list.example' };
  await hears({ words: 'It squeaks', customer });
  const subject = await subjectNamed(db.pool, customer.email);
  const saidAt = new Date(Date.now() - 86_400_000).toISOString();
  const [erasing, again] = await meanwhile(
    db,
    (heed) => erase(heed, subject, operator),
    () => hears({ words: 'It squeaked', customer, saidAt }),
  );
  expect(erasing).toMatchObject({ status: 'fulfilled' });
  expect(again).toMatchObject({ status: 'rejected', reason: { code: 'gone' } });
  await expect(subjectNamed(db.pool, customer.email)).rejects.toMatchObject({ code: 'not_found' });
});

describe('what is past its time', () => {
  const cleaned = (pool = db.pool) =>
    letGo({ pool, configuration: db.heed.configuration }, async () => ({ swept: [], inUse: [] }));
  const pastItsTime = async (customer: Capture['customer']): Promise<string> => {
    const { id } = await hears({ words: 'It was late', kind: 'complaint', customer });
    await goOn(db, id);
    await approveFollowUp(db.heed, { loopId: id, by: 'priya', press: press() }, { words: 'We are sorry.' });
    await db.pool.query(sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where loop_id = ${id}`);
    await db.pool.transaction((tx) => closeRound(tx, { loopId: id, round: 1, how: 'silent', rule: 'test' }));
    await db.passTime('100 days');
    return id;
  };
  beforeAll(() =>
    db.apply((company) => {
      company.retention = { words: { amount: 90, unit: 'd' }, kinds: {}, letters: { amount: 30, unit: 'd' } };
    }),
  );

  test('goes without what its customer says at that moment, and without their name', async () => {
    const customer = { name: 'Rea Turns', email: 'rea@turns.example' };
    const old = await pastItsTime(customer);
    const words = 'It is late again';
    const [again, letting] = await meanwhile(db, (heed) => hears({ words, customer }, heed), cleaned);
    expect(letting).toMatchObject({ status: 'fulfilled', value: { remarks: 1 } });
    const { id } = (again as PromiseFulfilledResult<Captured>).value;
    expect(await wordsOf(db.pool, old)).toBeNull();
    expect(await wordsOf(db.pool, id)).toMatchObject({ words });
    expect(await signalNow(db.pool, id)).toMatchObject({ closed_at: null });
    expect(await subjectNamed(db.pool, customer.email)).toMatchObject({ name: customer.name });
  });

  test('is kept where its customer says at that moment that it is not settled', async () => {
    const id = await pastItsTime({ name: 'Nell Open', email: 'nell@open.example' });
    const [no, letting] = await meanwhile(
      db,
      (heed) => confirm(heed, { loopId: id, by: 'priya', press: press() }, { says: 'no' }),
      cleaned,
    );
    expect([no, letting]).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled', value: { remarks: 0 } }]);
    expect(await wordsOf(db.pool, id)).not.toBeNull();
    expect(await signalNow(db.pool, id)).toMatchObject({ round: 2, closed_at: null });
  });

  test('is kept where its customer lets everything rest at that moment', async () => {
    const customer = { name: 'Quinn Still', email: 'quinn@still.example' };
    const id = await pastItsTime(customer);
    const theirs = customerIn(await subjectNamed(db.pool, customer.email));
    const [resting, letting] = await meanwhile(db, (heed) => restrict(heed, theirs, operator), cleaned);
    expect([resting, letting]).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled', value: { remarks: 0 } }]);
    expect(await wordsOf(db.pool, id)).not.toBeNull();
    expect(await subjectNamed(db.pool, customer.email)).toMatchObject({ name: customer.name });
  });

  test('is not said to rest by whoever lets everything rest while it is let go', async () => {
    const customer = { name: 'Quinn Gone', email: 'quinn@gone.example' };
    const id = await pastItsTime(customer);
    const theirs = customerIn(await subjectNamed(db.pool, customer.email));
    const [letting, resting] = await meanwhile(
      db,
      ({ pool }) => cleaned(pool),
      () => restrict(db.heed, theirs, operator),
    );
    expect(letting).toMatchObject({ status: 'fulfilled', value: { remarks: 1 } });
    expect(resting).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
    expect(await wordsOf(db.pool, id)).toBeNull();
  });
});

describe('while people are being told', () => {
  const wants = async (item: string, name: string): Promise<{ id: string; insight: string }> => {
    const email = `${name.toLowerCase().replace(' ', '@')}.example`;
    const { id } = await hears({
      words: `A ${item}?`,
      kind: 'unmet-demand',
      wanted: { item },
      customer: { name, email },
    });
    await goOn(db, id);
    return { id, insight: (await signalNow(db.pool, id))!.insight_id! };
  };
  const declined = async (insight: string, reason: string): Promise<void> => {
    const by = (await insightNow(db.pool, insight))!.decider;
    await decide(db.heed, { loopId: insight, by, press: press() }, { outcome: 'declined', reason });
    await db.passTime('1 hour');
  };
  const told = (signalId: string) =>
    db.pool.anyFirst(sql.type(z.object({ body: z.string() }))`
      select b.body from deliveries d join delivery_bodies b on b.delivery_id = d.id
      where d.loop_id = ${signalId} and d.purpose = 'told'`);

  test('whoever is moved on to another insight is not told what was decided about the one they left', async () => {
    const [moved, other] = [await wants('bobbin', 'Mo Ved'), await wants('thimble', 'Thi Mble')];
    await declined(moved.insight, 'We make none.');
    const both = await meanwhile(
      db,
      (heed) => join(heed, { loopId: moved.id, by: 'priya', press: press() }, { insight: other.insight }),
      () => tell(handsOf(db), moved.insight),
    );
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    expect(await told(moved.id)).toEqual([]);
    expect(await db.pool.exists(sql.unsafe`select from told_signals where signal_id = ${moved.id}`)).toBe(false);
  });

  test('a reason that names somebody who is being erased is told to nobody else', async () => {
    const [named, hearing] = [await wants('spool', 'Nadia Named'), await wants('spool', 'Otto Hears')];
    expect(hearing.insight).toBe(named.insight);
    await declined(named.insight, 'Nadia Named alone asked.');
    const subject = await subjectNamed(db.pool, named.id);
    const both = await meanwhile(
      db,
      (heed) => erase(heed, subject, operator),
      () => tell(handsOf(db), named.insight),
    );
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    expect(await told(named.id)).toEqual([]);
    expect(await told(hearing.id)).toEqual([expect.not.stringContaining('Nadia')]);
  });

  test('who spoke twice, and whose second remark was not settled before it was decided anew, is not left open', async () => {
    const [first, second] = [await wants('bodkin', 'Kim Twice'), await wants('bodkin', 'Kim Twice')];
    expect(second.insight).toBe(first.insight);
    const answer = { words: 'You will hear.' };
    await approveFollowUp(db.heed, { loopId: second.id, by: 'priya', press: press() }, answer);
    await declined(first.insight, 'We make none.');
    const [locked, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const inTheWay = db.pool.transaction(async (tx) => {
      await lockLoop(tx, second.id);
      locked.resolve();
      await free.promise;
    });
    await locked.promise;
    const telling = tell(handsOf(db), first.insight);
    while ((await waiting(db.pool)) === 0) await sleep(5);
    // The letter that goes by the first of the two leaves before anything is known of the second.
    await db.pool.query(sql.unsafe`
      update deliveries set state = 'sent', ended_at = heed_now() where loop_id = ${first.id} and purpose = 'told'`);
    const { decider } = (await insightNow(db.pool, first.insight))!;
    await decide(
      db.heed,
      { loopId: first.insight, by: decider, press: press() },
      { outcome: 'declined', reason: 'We make none, nor do others.' },
    );
    free.resolve();
    await inTheWay;
    expect(await telling).toBe(false);
    await db.passTime('1 hour');
    await goOn(db, second.id);

    expect(await told(second.id)).toEqual([]);
    expect(await signalNow(db.pool, second.id)).toMatchObject({
      told_reason: 'told_before',
      closed_how: 'nobody_to_reach',
    });
    expect(
      await db.pool.oneFirst(
        sql.type(z.object({ part: z.string() }))`select part from now.claims where signal_id = ${second.id}`,
      ),
    ).toBe('could-not-be-asked');
    // The first waits for their word on what they heard.
    expect(await signalNow(db.pool, first.id)).toMatchObject({
      told_channel: 'email',
      asked_at: expect.any(Date),
      closed_at: null,
    });
    await db.passTime('1 hour');
    const { findings } = await audit({ databaseUrl: db.url });
    expect(findings.flatMap(({ violations }) => violations.filter(({ about }) => about === second.id))).toEqual([]);
  });
});

describe('while an address is put right', () => {
  const known = async (email: string): Promise<{ id: string; customer: string }> => {
    const { id } = await hears({ words: 'Hello', customer: { name: 'Wren Ong', email } });
    return { id, customer: (await signalNow(db.pool, id))!.customer_id! };
  };
  const fulfilled = [{ status: 'fulfilled' }, { status: 'fulfilled' }];

  test('whoever stops our letters is not written to at the new one', async () => {
    const { id, customer } = await known('wren@before.example');
    const both = await meanwhile(
      db,
      (heed) => stopWriting(heed, customer),
      () => rectify(db.heed, customer, { email: 'wren@after.example' }, operator),
    );
    expect(both).toMatchObject(fulfilled);
    expect(await signalNow(db.pool, id)).toMatchObject({ reach: null, unreachable: 'suppressed' });
  });

  test('whoever stops our letters is not written to at the first one they give again', async () => {
    const { id, customer } = await known('wren@taken.example');
    await rectify(db.heed, customer, { email: null }, operator);
    const both = await meanwhile(
      db,
      (heed) => stopWriting(heed, customer),
      () => rectify(db.heed, customer, { email: 'wren@again.example' }, operator),
    );
    expect(both).toMatchObject(fulfilled);
    expect(await signalNow(db.pool, id)).toMatchObject({ reach: null, unreachable: 'suppressed' });
  });

  test('whoever is erased is not called or known by anything again', async () => {
    const { customer } = await known('wren@gone.example');
    const subject = await subjectNamed(db.pool, customer);
    const [erasing, righting] = await meanwhile(
      db,
      (heed) => erase(heed, subject, operator),
      () => rectify(db.heed, customer, { name: 'Renn Ong', email: 'renn@gone.example' }, operator),
    );
    expect(erasing).toMatchObject({ status: 'fulfilled' });
    expect(righting).toMatchObject({ status: 'rejected', reason: { code: 'conflict' } });
    expect(await subjectNamed(db.pool, customer)).toMatchObject({ name: null });
    await expect(subjectNamed(db.pool, 'renn@gone.example')).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('what is put off because everything of theirs rests, in the moment in which it goes on', () => {
  const rests = async (
    name: string,
  ): Promise<{ id: string; customer: { name: string; email: string }; whose: string }> => {
    const customer = { name, email: `${name.toLowerCase().replace(' ', '@')}.example` };
    const { id } = await hears({ words: 'Where is my parcel?', customer });
    await goOn(db, id);
    return { id, customer, whose: (await signalNow(db.pool, id))!.customer_id! };
  };
  const messageOf = (loopId: string, purpose: Purpose): Promise<string> =>
    db.pool.oneFirst(sql.type(IdRow)`select id from deliveries where loop_id = ${loopId} and purpose = ${purpose}`);
  const looksOver =
    (id: string) =>
    ({ pool }: Heed): Promise<string> =>
      deliver({ ...handsOf(db), pool }, id);
  const now = (id: string) =>
    db.pool.one(sql.type(z.object({ state: z.string(), due: z.boolean() }))`
      select state, not_before <= heed_now() as due from deliveries where id = ${id}`);

  test('a letter leaves at once', async () => {
    const { customer, whose } = await rests('Res Ting');
    await restrict(db.heed, whose, operator);
    const { id } = await hears({ words: 'And where is the other one?', customer });
    await goOn(db, id);
    const thanks = await messageOf(id, 'receipt');
    const both = await meanwhile(db, looksOver(thanks), () => lift(db.heed, whose, operator));
    expect(both).toMatchObject([{ status: 'fulfilled', value: 'held' }, { status: 'fulfilled' }]);
    expect(await now(thanks)).toEqual({ state: 'planned', due: true });
  });

  test('a call that had been in doubt is made', async () => {
    const { id, whose } = await rests('Call Ing');
    const call = await messageOf(id, 'prompt');
    await db.pool.query(sql.unsafe`update deliveries set state = 'uncertain', phase = 'handed' where id = ${call}`);
    await restrict(db.heed, whose, operator);
    await db.pool.transaction((tx) => settleUncertain(tx, call, 'ready'));
    const both = await meanwhile(db, looksOver(call), () => lift(db.heed, whose, operator));
    expect(both).toMatchObject([{ status: 'fulfilled', value: 'cancelled:restricted' }, { status: 'fulfilled' }]);
    expect(await now(call)).toEqual({ state: 'ready', due: true });
  });

  test('a call that a digest was to name is made, for that may have been looked over before', async () => {
    const { id, whose } = await rests('Dig Est');
    const call = await messageOf(id, 'prompt');
    const digest = await db.pool.transaction(async (tx) => {
      const prompt = (await lockDelivery(tx, call))!;
      await bundle(tx, { ...prompt, staff: prompt.staff! }, 0);
      await endDelivery(tx, call, 'cancelled', 'bundled');
      return tx.oneFirst(sql.type(IdRow)`
        select g.id from deliveries g join deliveries d on d.bundled_into = g.occasion where d.id = ${call} and g.purpose = 'digest'`);
    });
    await restrict(db.heed, whose, operator);
    await db.pool.transaction((tx) => openAttempt(tx, digest));
    await lift(db.heed, whose, operator);
    expect(await now(call)).toEqual({ state: 'ready', due: true });
  });
});

describe('a card that is drawn in the moment in which its task is taken', () => {
  /** With the edit of a card of Priya's that waits. */
  const waits = async (): Promise<{ id: string; edit: string }> => {
    const { id } = await hears({ words: 'Where is my parcel?' });
    await goOn(db, id);
    await db.pool.query(
      sql.unsafe`insert into slack_cards (loop_id, staff, channel, ts) values (${id}, 'priya', 'D1', ${id})`,
    );
    await db.pool.transaction((tx) => redrawCards(tx, [id]));
    return { id, edit: (await edits(id))[0]!.id };
  };
  const edits = (id: string) =>
    db.pool.any(sql.type(z.object({ id: z.string(), state: z.string() }))`
      select id, state from deliveries where loop_id = ${id} and purpose = 'card' order by planned_at`);
  const takes = (edit: string, pool = db.pool) =>
    pool.transaction(async (tx) => {
      await lockDelivery(tx, edit);
      await openAttempt(tx, edit);
    });
  const takesIt = (id: string, heed: Heed = db.heed) => acknowledge(heed, { loopId: id, by: 'priya', press: press() });

  test('before that is drawn again', async () => {
    const { id, edit } = await waits();
    const both = await meanwhile(
      db,
      ({ pool }) => takes(edit, pool),
      () => takesIt(id),
    );
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    expect((await edits(id)).map(({ state }) => state)).toEqual(['sending', 'planned']);
  });

  test('after that shows it', async () => {
    const { id, edit } = await waits();
    const taken = async () => {
      await takes(edit);
      return (await signalNow(db.pool, id))!.acknowledged_at;
    };
    const both = await meanwhile(db, (heed) => takesIt(id, heed), taken);
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled', value: expect.any(Date) }]);
    expect((await edits(id)).map(({ state }) => state)).toEqual(['sending']);
  });
});

describe('what has left is taken back where its customer is erased in the moment in which that is recorded:', () => {
  const isTakenBack = (id: string) =>
    db.pool.exists(sql.unsafe`select from deliveries where purpose = 'redaction' and occasion = ${id}`);
  const said = async (email: string, purpose: Purpose) => {
    const { id: loopId } = await hears({ words: 'A tassel is gone', kind: 'question', customer: { email } });
    await goOn(db, loopId);
    const subject = await subjectNamed(db.pool, loopId);
    await mailRights(db.heed, customerIn(subject));
    const id = await db.pool.oneFirst(sql.type(IdRow)`
      select id from deliveries where (loop_id = ${loopId} or customer_id = ${subject.customer_id}) and purpose = ${purpose} limit 1`);
    return { id, subject };
  };

  test.each([
    ['a letter that is handed over', 'receipt'],
    ['the way to all that is held about them', 'rights'],
  ] as const)('%s', async (_, purpose) => {
    const { id, subject } = await said(`tess@${purpose}.example`, purpose);
    const [handed, goes] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const send = async (): Promise<Sent> => {
      handed.resolve();
      await goes.promise;
      return { accepted: true };
    };
    const post = { takeRoom: () => () => {}, connect: async () => ({ send, close() {} }) };
    const sending = deliver({ ...handsOf(db), post }, id);
    await handed.promise;
    const both = await meanwhile(
      db,
      (heed) => erase(heed, subject, operator),
      () => {
        goes.resolve();
        return sending;
      },
    );
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled', value: 'sent' }]);
    expect(await isTakenBack(id)).toBe(true);
  });

  test('a call of which nobody knew, and which Slack has', async () => {
    const { id, subject } = await said('tess@ellated.example', 'prompt');
    await db.pool.query(sql.unsafe`
      update deliveries set state = 'uncertain', phase = 'handed', channel = 'slack', not_before = heed_now() where id = ${id}`);
    const slack = { idOf: async () => 'U1', find: async () => 'D1:1.0' } as unknown as Hands['slack'];
    const both = await meanwhile(
      db,
      (heed) => erase(heed, subject, operator),
      () => deliver({ ...handsOf(db), slack }, id),
    );
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled', value: 'sent' }]);
    expect(await isTakenBack(id)).toBe(true);
  });
});

describe('while it waits for somebody', () => {
  /** What the one who is waited for needs then is free: otherwise each of the two would wait for the other. */
  const waitsWithout = async (
    locked: QuerySqlToken,
    act: () => Promise<unknown>,
    needed: QuerySqlToken,
  ): Promise<void> => {
    const held = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const holding = db.pool.transaction(async (tx) => {
      await tx.query(locked);
      held.resolve();
      await gate.promise;
      await tx.query(needed);
    });
    await held.promise;
    const acting = Promise.allSettled([act()]);
    while ((await waiting(db.pool)) === 0) await sleep(5);
    gate.resolve();
    await holding;
    expect(await acting).toMatchObject([{ status: 'fulfilled' }]);
  };

  test('erasing somebody leaves free what sending them a letter needs', async () => {
    const { id } = await hears({ words: 'Hello', customer: { name: 'Lea Ving', email: 'lea@ving.example' } });
    await goOn(db, id);
    const subject = await subjectNamed(db.pool, id);
    await waitsWithout(
      sql.unsafe`select from deliveries where customer_id = ${subject.customer_id} for update`,
      () => erase(db.heed, subject, operator),
      sql.unsafe`select from customers where id = ${subject.customer_id} for no key update nowait`,
    );
    expect(await subjectNamed(db.pool, id)).toMatchObject({ name: null });
  });

  test('dismissing what asked for something leaves free what taking a decision back needs', async () => {
    const { id } = await hears({ words: 'A distaff?', kind: 'unmet-demand', wanted: { item: 'distaff' } });
    await goOn(db, id);
    const { insight_id: insight } = (await signalNow(db.pool, id))!;
    await waitsWithout(
      sql.unsafe`select from loops where id = ${insight} for no key update`,
      () => dismiss(db.heed, { loopId: id, by: 'priya', press: press() }, { reason: 'Said in jest' }),
      sql.unsafe`select from deliveries where loop_id = ${id} for update nowait`,
    );
    expect(await signalNow(db.pool, id)).toMatchObject({ closed_how: 'dismissed' });
  });
});

test('a company file that changes nobody’s address waits for nobody who names colleagues', async () => {
  await db.pool.transaction(async (tx) => {
    await tx.query(sql.unsafe`select from staff for key share`);
    await db.apply((company) => {
      company.name = 'Linden, Vale & Sons';
    });
  });
  expect((await db.heed.configuration()).company.name).toBe('Linden, Vale & Sons');
});
