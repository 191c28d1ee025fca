/** What a person may ask for, each as a recorded act: to see, to correct, to object, to let it rest; and that nothing is kept too long. */

import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import { catchUp, climb } from '../../src/activities/climb.ts';
import { compose } from '../../src/activities/messages/compose.ts';
import { tell } from '../../src/activities/tell.ts';
import { triage } from '../../src/activities/triage.ts';
import type { Hands } from '../../src/activities/createActivities.ts';
import { newId } from '../../src/domain/ids.ts';
import { sql, type Pool } from '../../src/store/pool.ts';
import { suppress, vouch } from '../../src/store/records/customers.ts';
import { lockDelivery, openAttempt, passGate } from '../../src/store/records/deliveries.ts';
import { erase as eraseFacts } from '../../src/store/records/erasures.ts';
import { findLink, makeLink } from '../../src/store/records/links.ts';
import { closeRound, redrawCards } from '../../src/store/records/loops.ts';
import { wordsOf } from '../../src/store/records/signals.ts';
import { emptied, scrub } from '../../src/store/scrub.ts';
import { insightNow } from '../../src/store/views/insights.ts';
import { readInsight, readSignal } from '../../src/store/views/signalReading.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { yoursPage } from '../../src/store/views/yours.ts';
import { capture, type Capture } from '../../src/triggers/capture.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { complete, decide, takeBack } from '../../src/triggers/responses/decide.ts';
import { dismiss } from '../../src/triggers/responses/dismiss.ts';
import { handOver } from '../../src/triggers/responses/handOver.ts';
import { join } from '../../src/triggers/responses/join.ts';
import { repair } from '../../src/triggers/responses/repair.ts';
import { review } from '../../src/triggers/responses/review.ts';
import { disavow, stopWriting } from '../../src/triggers/responses/stop.ts';
import { access } from '../../src/triggers/rights/access.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { letGo, remarksPastTheirTime } from '../../src/triggers/rights/letGo.ts';
import { mailRights } from '../../src/triggers/rights/mailRights.ts';
import { object } from '../../src/triggers/rights/object.ts';
import { rectify } from '../../src/triggers/rights/rectify.ts';
import { lift, restrict } from '../../src/triggers/rights/restrict.ts';
import { customerIn, subjectNamed } from '../../src/triggers/rights/subject.ts';
import { foundInDatabase } from '../support/canaries.ts';
import { handsOf, lettersLeave, openTestDatabase, type TestDatabase } from '../support/database.ts';
import { goOn } from './http/story.ts';

let db: TestDatabase;
let hands: Hands;
beforeAll(async () => {
  db = await openTestDatabase();
  hands = handsOf(db);
});
afterAll(() => db.close());

const press = () => ({ source: 'test', key: newId() });
const consent: Capture['consent'] = [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }];
const hears = (said: Partial<Capture> & { words: string }) =>
  capture(
    db.heed,
    { place: 'high-street', by: 'mina', consent: said.customer?.email ? consent : undefined, ...said },
    { channel: 'web', press: press() },
  );
const operator = { by: 'operator', reason: 'asked by letter' };
const used = (customerId: string) =>
  db.pool.anyFirst(sql.type(z.object({ kind: z.string() }))`
    select kind from rights where customer_id = ${customerId} order by exercised_at, id`);
const ledger = (loopId: string) =>
  db.pool.any(sql.type(
    z.object({ id: z.string(), purpose: z.string(), state: z.string(), last_error_code: z.string().nullable() }),
  )`
    select id, purpose, state, last_error_code from deliveries where loop_id = ${loopId} order by planned_at`);

const woken = () =>
  db.pool.anyFirst(sql.type(z.object({ loop_id: z.string() }))`select loop_id from wakes order by loop_id`);

describe('whom it is about', () => {
  test('is found by address, number, id or reference, in any spelling', async () => {
    const { id, reference } = await hears({
      words: 'The door is heavy',
      customer: { name: 'Ada Found', email: 'Ada@Found.example', phone: '+31 (6) 1111-2222', loyalty: 'L-77' },
    });
    const { customer_id } = (await signalNow(db.pool, id))!;
    for (const named of [
      'ada@found.example',
      ' ADA@found.example ',
      '+31 6 1111 2222',
      'l-77',
      reference.toLowerCase(),
      id,
      customer_id!,
    ])
      expect(await subjectNamed(db.pool, named)).toMatchObject({ customer_id, references: [reference] });
  });

  test('is never guessed: of a family with one address it asks which, and nobody is found under what nobody left', async () => {
    for (const name of ['Fay Family', 'Finn Family'])
      await hears({ words: 'Hello', customer: { name, email: 'we@family.example' } });
    await expect(subjectNamed(db.pool, 'we@family.example')).rejects.toThrow(
      /That is 2 people[\s\S]*Fay Family[\s\S]*Finn Family/,
    );
    await expect(subjectNamed(db.pool, 'nobody@nowhere.example')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('may be a remark without a customer: it can be erased, and is nobody’s to see', async () => {
    const { id, reference } = await hears({ words: 'My name is Anon Ymous and I was here' });
    const subject = await subjectNamed(db.pool, reference);
    expect(() => customerIn(subject)).toThrow(/names no customer/);
    await erase(db.heed, subject, operator as { by: string; reason: string });
    expect(await wordsOf(db.pool, id)).toBeNull();
    await expect(erase(db.heed, subject, operator as { by: string; reason: string })).rejects.toThrow(/erased before/);
  });
});

test('access gives all that is held as one document, and is recorded', async () => {
  const { id } = await hears({
    words: 'Is the café open on Sundays?',
    note: 'asked twice',
    customer: { name: 'Sue See', email: 'sue@see.example' },
  });
  await triage(hands, id);
  const customer = customerIn(await subjectNamed(db.pool, 'sue@see.example'));
  const held = await access(db.heed, customer, operator);
  expect(held).toMatchObject({
    customer: { id: customer, name: 'Sue See' },
    addresses: [{ kind: 'email', value: 'sue@see.example' }],
    restricted: false,
    rights: [{ kind: 'access', by: 'operator' }],
    said: [
      {
        words: 'Is the café open on Sundays?',
        note: 'asked twice',
        capturedBy: 'Mina Okafor',
        consents: [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }],
        messages: [{ purpose: 'receipt', channel: 'email', state: 'planned' }],
      },
    ],
  });
  expect(JSON.stringify(held)).not.toContain('Fay Family');
});

test('access tells what was taken of an offer, what was answered, disavowed and objected to, and what was mailed about no remark', async () => {
  const given = { name: 'Al Told', email: 'al@told.example' };
  const offered = { item: 'a teapot', taken: 'accepted' } as const;
  const { id } = await hears({ words: 'A kettle?', kind: 'question', offered, customer: given });
  await hears({ words: 'And it rained in', customer: given });
  await goOn(db, id);
  await approveFollowUp(db.heed, { loopId: id, by: 'priya', press: press() }, { words: 'We have some.' });
  const customer = customerIn(await subjectNamed(db.pool, given.email));
  await mailRights(db.heed, customer);
  await disavow(db.heed, id, customer);
  await stopWriting(db.heed, customer);
  expect(await access(db.heed, customer, operator)).toMatchObject({
    suppressions: [{ channel: 'email', address: given.email, cause: 'unsubscribed' }],
    rights: [{ kind: 'objection' }, { kind: 'access', reason: operator.reason }],
    messages: [{ purpose: 'rights', channel: 'email' }],
    said: [
      {
        offered: offered.item,
        taken: offered.taken,
        done: expect.arrayContaining([
          expect.objectContaining({ what: 'answered', channel: 'email', by: 'Priya Nair' }),
          expect.objectContaining({ what: 'disavowed' }),
        ]),
      },
      { words: 'And it rained in' },
    ],
  });
});

test('whatever an erasure takes away stood in what access gave before, but for what is left out for a reason', async () => {
  const customer = { name: 'Zara Quexhibit', email: 'zara@quexhibit.example', phone: '0612345699', loyalty: 'Q-4711' };
  const as = (by: string, loopId: string) => ({ loopId, by, press: press() });
  const owner = async (id: string) => as((await signalNow(db.pool, id))!.owner, id);
  const answered = await hears({ words: 'The buttons came off', kind: 'complaint', note: 'in a hurry', customer });
  const wish = {
    kind: 'unmet-demand',
    unmet: 'None in the back',
    wanted: { item: 'parasol', attributes: { monogram: 'zq' } },
  };
  const wished = await hears({
    words: 'A parasol?',
    offered: { item: 'a stick', taken: 'refused' },
    customer,
    ...wish,
  });
  const unclear = await hears({ words: 'Mumbling by the door', customer });
  for (const { id } of [answered, wished, unclear]) await goOn(db, id);

  const to = Object.keys(db.company.staff).find((staff) => staff !== 'priya')!;
  await handOver(db.heed, as('priya', answered.id), { to, reason: 'knows how to soothe her' });
  const letter = { subject: 'Your buttons', words: 'Dear Zara, we sew them on.' };
  await approveFollowUp(db.heed, await owner(answered.id), letter);
  await lettersLeave(db, answered.id);
  await confirm(db.heed, { loopId: answered.id, press: press() }, { says: 'no', words: 'They came off again' });
  await repair(db.heed, { loopId: answered.id, by: 'operator' }, { action: 'wake', reason: 'her button stood still' });
  await review(db.heed, await owner(unclear.id), { verdict: 'dismiss', reason: 'she always mumbles' });

  const insight = (await signalNow(db.pool, wished.id))!.insight_id!;
  const decider = async () => as((await insightNow(db.pool, insight))!.decider, insight);
  const yes = { outcome: 'adopted', scope: 'everyone', doneBy: '2999-01-01' } as const;
  const internalReason = 'Ms Quexhibit will not let go';
  await decide(db.heed, await decider(), { ...yes, reason: 'Ms Quexhibit is right', internalReason });
  await db.passTime('1 hour');
  await goOn(db, wished.id);
  await complete(db.heed, await decider(), { evidence: 'Shown to Ms Quexhibit' });

  const subject = await subjectNamed(db.pool, customer.email);
  const why = { by: 'operator', reason: 'asked at the fitting room' };
  const held = JSON.stringify(await access(db.heed, customerIn(subject), why));
  const before = await erasable();
  await erase(db.heed, subject, operator);
  const after = await erasable();
  const gone = [...before].flatMap(([column, texts]) =>
    texts.filter((text) => !after.get(column)!.includes(text)).map((text) => ({ column, text })),
  );
  const leftOut: Record<string, string> = {
    'identities.normalised': 'an address, as it is compared',
    'insights.attributes': 'made of what was wanted',
    'insights.sameness_key': 'the same',
    'open_insights.sameness_key': 'the same',
    'presses.fingerprint': 'a hash',
    'presses.result': 'what was answered at once',
    'decisions.internal_reason': 'about many people',
    'completions.evidence': 'the same',
  };
  const given = gone.filter(({ column }) => !(column in leftOut));
  expect(given.filter(({ text }) => !held.includes(JSON.stringify(text).slice(1, -1)))).toEqual([]);
  expect(held).not.toContain(internalReason);
  // It would prove nothing about what nobody typed.
  expect([...new Set(gone.map(({ column }) => column))]).toEqual(
    expect.arrayContaining([
      'closures.reason',
      'completions.evidence',
      'confirmations.words',
      'customers.name',
      'decisions.internal_reason',
      'decisions.reason',
      'delivery_bodies.body',
      'delivery_bodies.subject',
      'identities.value',
      'ownerships.reason',
      'repairs.reason',
      'reviews.reason',
      'rights.reason',
      'signal_attributes.name',
      'signal_attributes.value',
      'words.note',
      'words.offered',
      'words.unmet',
      'words.words',
    ]),
  );
});

/** Every text in the columns that docs/privacy.md names as erased, by column. */
async function erasable(): Promise<Map<string, readonly string[]>> {
  const page = await readFile(new URL('../../docs/privacy.md', import.meta.url), 'utf8');
  const erased = /^### Words and names: erased$(.*?)^### /ms.exec(page)![1]!;
  const found = new Map<string, readonly string[]>();
  for (const [, table, listed] of erased.matchAll(/^\| `(\w+)`\s*\| ([^|]*)\|/gm))
    for (const [, column] of listed!.matchAll(/`(\w+)`/g))
      found.set(
        `${table}.${column}`,
        await db.pool.anyFirst(sql.type(z.object({ text: z.string() }))`
          select distinct ${sql.identifier([column!])}::text as text from ${sql.identifier([table!])} where ${sql.identifier([column!])} is not null`),
      );
  return found;
}

test('rectification replaces what was wrong, which is gone, and records that it did without saying what it was', async () => {
  const { id } = await hears({ words: 'Hello', customer: { name: 'Wrong Name', email: 'wrong@name.example' } });
  const customer = customerIn(await subjectNamed(db.pool, 'wrong@name.example'));
  await rectify(db.heed, customer, { name: 'Right Name', email: 'right@name.example' }, operator);
  expect(await subjectNamed(db.pool, 'right@name.example')).toMatchObject({
    customer_id: customer,
    name: 'Right Name',
  });
  await expect(subjectNamed(db.pool, 'wrong@name.example')).rejects.toMatchObject({ code: 'not_found' });
  expect((await signalNow(db.pool, id))!.reach).toBe('email');
  expect(
    JSON.stringify(await db.pool.any(sql.unsafe`select * from rights where customer_id = ${customer}`)),
  ).not.toMatch(/rong/);
  await expect(rectify(db.heed, customer, { email: 'no address' }, operator)).rejects.toMatchObject({
    code: 'validation',
  });
});

test('an objection ends every way to them, letters and calls', async () => {
  const { id } = await hears({
    words: 'Hello',
    customer: { name: 'Ob Ject', email: 'ob@ject.example', phone: '0612345670' },
  });
  const customer = customerIn(await subjectNamed(db.pool, 'ob@ject.example'));
  await triage(hands, id);
  await object(db.heed, customer, operator);
  expect(await signalNow(db.pool, id)).toMatchObject({ reach: null, unreachable: 'suppressed' });
  expect(await ledger(id)).toMatchObject([{ purpose: 'receipt', state: 'suppressed' }]);
  expect(await used(customer)).toEqual(['objection']);
});

test('when one of two with one address says stop, the other’s open loop has a wake', async () => {
  const from = async (name: string) => {
    const customer = { name, email: 'both@home.example' };
    const { id } = await hears({ words: 'Are you open on Sundays?', kind: 'question', customer });
    await triage(hands, id);
    return id;
  };
  const [kims, lees] = [await from('Kim Home'), await from('Lee Home')];
  await approveFollowUp(db.heed, { loopId: lees, by: 'priya', press: press() }, { words: 'We are.' });
  await db.pool.query(sql.unsafe`delete from wakes`);
  await stopWriting(db.heed, (await signalNow(db.pool, kims))!.customer_id!);
  expect(await ledger(lees)).toContainEqual(
    expect.objectContaining({ purpose: 'answer', state: 'suppressed', last_error_code: 'unsubscribed' }),
  );
  expect(await woken()).toEqual([kims, lees].sort());
});

describe('a number with the zero of its country in brackets', () => {
  const called = (phone: string, name: string) =>
    hears({
      words: 'Hello',
      customer: { name, phone },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
  const suppressed = { reach: null, unreachable: 'suppressed' };
  const upgrade = async () => {
    const statement = await readFile(
      new URL('../../sql/migrations/0021_zero_in_brackets.sql', import.meta.url),
      'utf8',
    );
    const client = new pg.Client({ connectionString: db.url });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };

  test('is the one without it: whoever objected under the one is not called under the other', async () => {
    const { reference } = await called('+31 (0)6 87654321', 'Ze Ro');
    const { customer_id: customer, references } = await subjectNamed(db.pool, '0031 (0)6 87654321');
    expect(references).toEqual([reference]);
    await object(db.heed, customer!, operator);
    expect(await signalNow(db.pool, (await called('+31 6 87654321', 'Zoe Ro')).id)).toMatchObject(suppressed);
  });

  test('counted as another before: by the upgrade they are known by it, and an objection of then holds', async () => {
    const { id, reference } = await called('+31 (0)6 87654322', 'Be Fore');
    const { customer_id: customer } = await subjectNamed(db.pool, reference);
    await db.rewrite(sql.unsafe`update identities set normalised = '+310687654322' where customer_id = ${customer}`);
    await object(db.heed, customer!, operator);
    await upgrade();
    expect(await subjectNamed(db.pool, '+31 6 87654322')).toMatchObject({ customer_id: customer });
    for (const each of [id, (await called('+31 6 87654322', 'Af Ter')).id])
      expect(await signalNow(db.pool, each)).toMatchObject(suppressed);
  });

  test('counted as another before: who objects to it since is not called under the former one, which is shown once', async () => {
    const known = async (phone: string, before: string) => {
      const { id, reference } = await called(phone, 'Ol Der');
      const customer = customerIn(await subjectNamed(db.pool, reference));
      await db.rewrite(sql.unsafe`update identities set normalised = ${before} where customer_id = ${customer}`);
      return { id, customer };
    };
    // Blanks that do not break, as they are copied from a page.
    const older = await known('+31\u00a0(0)6\u202f87654323', '+310687654323');
    const plain = await known('+31\u00a06\u202f87654324', '+31687654324');
    await upgrade();
    const { reference } = await called('+31 6 87654323', 'New Er');
    await object(db.heed, customerIn(await subjectNamed(db.pool, reference)), operator);
    expect(await signalNow(db.pool, older.id)).toMatchObject(suppressed);
    expect(await signalNow(db.pool, plain.id)).toMatchObject({ reach: 'phone' });
    for (const { customer } of [older, plain])
      expect((await access(db.heed, customer, operator)).addresses).toHaveLength(1);
    expect(await subjectNamed(db.pool, '+31 6 87654324')).toMatchObject({ customer_id: plain.customer });
  });

  test('counted as another before they were erased: a list read in again brings nobody back, and their objection holds', async () => {
    const written = '+31 (0)6 87654325';
    const { reference } = await called(written, 'Go Ne');
    const subject = await subjectNamed(db.pool, reference);
    await db.rewrite(
      sql.unsafe`update identities set normalised = '+310687654325' where customer_id = ${subject.customer_id}`,
    );
    const saidAt = new Date(Date.now() - 3_600_000).toISOString();
    await object(db.heed, subject.customer_id!, operator);
    await erase(db.heed, subject, operator as { by: string; reason: string });
    await expect(hears({ words: 'Hello', saidAt, customer: { name: 'Go Ne', phone: written } })).rejects.toMatchObject({
      code: 'gone',
    });
    expect(await signalNow(db.pool, (await called(written, 'Go Ne')).id)).toMatchObject(suppressed);
    expect(await signalNow(db.pool, (await called('+31 6 87654325', 'Go Ne')).id)).toMatchObject(suppressed);
  });

  test('counted as another before: whoever has the number by the time that it is known again has a wake', async () => {
    await db.pool.transaction((tx) => suppress(tx, [{ kind: 'phone', normalised: '+310687654328' }], 'unsubscribed'));
    const { id } = await called('+31 6 87654328', 'Wa Ke');
    await db.pool.query(sql.unsafe`delete from wakes`);
    await called('+31 (0)6 87654328', 'La Ter');
    expect(await signalNow(db.pool, id)).toMatchObject(suppressed);
    expect(await woken()).toContain(id);
  });

  test('counted as another before: their objection holds for whoever’s number is put right to it', async () => {
    await db.pool.transaction((tx) => suppress(tx, [{ kind: 'phone', normalised: '+310687654326' }], 'unsubscribed'));
    const { id } = await called('+31 6 87654327', 'Ri Ght');
    const customer = customerIn(await subjectNamed(db.pool, '+31 6 87654327'));
    await rectify(db.heed, customer, { phone: '+31 (0)6 87654326' }, operator);
    expect(await signalNow(db.pool, id)).toMatchObject(suppressed);
  });
});

describe('an address that can be written in several ways', () => {
  const writes = (email: string, name = 'U Mlaut') => hears({ words: 'Hello', customer: { name, email } });
  const suppressed = { reach: null, unreachable: 'suppressed' };
  const ways = (local: string) => {
    const letters = `${local}@b\u00fccher.example`;
    return [letters, letters.normalize('NFD'), `${local}@xn--bcher-kva.example`] as const;
  };
  /** Heard by a Heed that compared addresses as they were typed. */
  const heardBefore = async (email: string, name?: string) => {
    const { id, reference } = await writes(email, name);
    const customer = customerIn(await subjectNamed(db.pool, reference));
    await db.rewrite(
      sql.unsafe`update identities set normalised = ${email.toLowerCase()} where customer_id = ${customer}`,
    );
    return { id, customer };
  };

  test('is one, in whichever it is given: one customer, who is found by each', async () => {
    const [letters, decomposed, ascii] = ways('one');
    const { id } = await writes(letters);
    const { customer_id: customer } = (await signalNow(db.pool, id))!;
    for (const email of [decomposed, ascii]) {
      expect((await signalNow(db.pool, (await writes(email)).id))!.customer_id).toBe(customer);
      expect((await subjectNamed(db.pool, email)).customer_id).toBe(customer);
    }
  });

  test.each([0, 1, 2])('known by the %s. of them alone: they are recognised by each, and stay one', async (nth) => {
    const all = ways(`before${nth}`);
    const { customer } = await heardBefore(all[nth]!);
    for (const email of all) {
      expect((await signalNow(db.pool, (await writes(email)).id))!.customer_id).toBe(customer);
      expect((await subjectNamed(db.pool, email)).customer_id).toBe(customer);
    }
  });

  test('given anew in another, it is theirs once: that it is written to again is told once', async () => {
    const all = ways('once');
    const { id, customer } = await heardBefore(all[0]);
    for (const email of all.toReversed())
      expect((await signalNow(db.pool, (await writes(email)).id))!.customer_id).toBe(customer);
    expect((await access(db.heed, customer, operator)).addresses).toHaveLength(1);
    await db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: all[2] }], 'bounced'));
    await db.pool.transaction((tx) => vouch(tx, [all[1]], { how: 'confirmed', by: 'mina' }));
    const { timeline } = (await readSignal(db.pool, (await db.heed.configuration()).company, id, {
      audience: 'staff',
    }))!;
    expect(timeline.filter(({ kind }) => kind === 'vouched')).toHaveLength(1);
  });

  test('objected to in one: nothing goes to it in another, whoever had it before or gives it since', async () => {
    const [letters, decomposed, ascii] = ways('stop');
    const held = await Promise.all([heardBefore(letters, 'A'), heardBefore(decomposed, 'B'), heardBefore(ascii, 'C')]);
    await object(db.heed, held[1].customer, operator);
    for (const { id } of held) expect(await signalNow(db.pool, id)).toMatchObject(suppressed);
    for (const email of [letters, decomposed, ascii])
      expect(await signalNow(db.pool, (await writes(email, 'D')).id)).toMatchObject(suppressed);
  });

  test('objected to while it was compared as it was typed: they are not written to where they speak again in another way', async () => {
    const [letters, decomposed, ascii] = ways('of-then');
    const other = await heardBefore(decomposed, 'E');
    await db.pool.query(sql.unsafe`
      insert into suppressions (id, address_hash, channel, cause)
      values (${newId()}, sha256(convert_to(${letters}, 'UTF8')), 'email', 'unsubscribed')`);
    expect(await signalNow(db.pool, (await writes(ascii, 'F')).id)).toMatchObject(suppressed);
    expect(await signalNow(db.pool, other.id)).toMatchObject(suppressed);
  });

  test('erased in one: a list read in again in another brings nobody back', async () => {
    const [letters, , ascii] = ways('gone');
    const saidAt = new Date(Date.now() - 3_600_000).toISOString();
    await heardBefore(letters);
    await erase(db.heed, await subjectNamed(db.pool, ascii), operator as { by: string; reason: string });
    for (const email of ways('gone'))
      await expect(hears({ words: 'Hello', saidAt, customer: { name: 'U Mlaut', email } })).rejects.toMatchObject({
        code: 'gone',
      });
  });

  test.each([0, 1, 2])('names its person in each, given in the %s. of them', async (nth) => {
    const all = ways(`named${nth}`);
    const { id } = await writes(all[nth]!);
    const { customer_id: customer } = (await signalNow(db.pool, id))!;
    for (const email of all)
      await expect(access(db.heed, customer!, { by: 'operator', reason: `mail from ${email}` })).rejects.toThrow(
        /must not name them/,
      );
  });

  test('vouched for in one after mail bounced at another, it is written to again', async () => {
    const [letters, , ascii] = ways('bounced');
    const { id } = await heardBefore(letters);
    await db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: ascii }], 'bounced'));
    expect(await signalNow(db.pool, id)).toMatchObject({ reach: null, unreachable: 'bounced' });
    await db.pool.transaction((tx) => vouch(tx, [ascii], { how: 'confirmed', by: 'mina' }));
    expect(await signalNow(db.pool, id)).toMatchObject({ reach: 'email' });
  });
});

test('whoever objected is not written to at an address that was put right', async () => {
  const { id } = await hears({
    words: 'Hello',
    customer: { name: 'Ob Jected', email: 'old@jected.example', phone: '0612345671' },
    consent: [...consent!, { purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
  });
  const customer = customerIn(await subjectNamed(db.pool, 'old@jected.example'));
  await object(db.heed, customer, operator);
  await rectify(db.heed, customer, { email: 'new@jected.example', phone: '0612345672' }, operator);
  expect(await signalNow(db.pool, id)).toMatchObject({ reach: null, unreachable: 'suppressed' });
});

test('whoever objected is not written to at a later address either, when what they had was taken away first', async () => {
  const { id } = await hears({ words: 'Hello', customer: { name: 'Ob Stinate', email: 'ob@stinate.example' } });
  const customer = customerIn(await subjectNamed(db.pool, 'ob@stinate.example'));
  await stopWriting(db.heed, customer);
  await rectify(db.heed, customer, { email: null }, operator);
  await rectify(db.heed, customer, { email: 'new@stinate.example' }, operator);
  expect(await signalNow(db.pool, id)).toMatchObject({ reach: null, unreachable: 'suppressed' });
});

test('whoever stops letters while their answer waits, and agreed to a call, is owed one', async () => {
  const { id } = await hears({
    words: 'Hello',
    kind: 'question',
    customer: { name: 'Wai Ting', email: 'wai@ting.example', phone: '0612345683' },
    consent: [...consent!, { purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
  });
  await triage(hands, id);
  const { owner, customer_id: customer } = (await signalNow(db.pool, id))!;
  await approveFollowUp(db.heed, { loopId: id, by: owner, press: press() }, { words: 'It comes tomorrow.' });
  expect(await signalNow(db.pool, id)).toMatchObject({ answered_at: expect.any(Date) });
  await stopWriting(db.heed, customer!);
  expect((await ledger(id)).find(({ purpose }) => purpose === 'answer')).toMatchObject({ state: 'suppressed' });
  await catchUp(hands, id, 0);
  expect(await signalNow(db.pool, id)).toMatchObject({ reach: 'phone', answered_at: null, closed_at: null });
});

test('where it was recorded that there was nobody to answer, an address put right since is told so, and not answered twice', async () => {
  const { id } = await hears({
    words: 'Do you have this coat in green?',
    kind: 'unmet-demand',
    customer: { name: 'Bou Nced', email: 'bou@nced.example' },
  });
  await triage(hands, id);
  await db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: 'bou@nced.example' }], 'bounced'));
  const { owner, customer_id: customer } = (await signalNow(db.pool, id))!;
  await acknowledge(db.heed, { loopId: id, by: owner, press: press() });
  await catchUp(hands, id, 0);
  expect(await signalNow(db.pool, id)).toMatchObject({ answer_channel: 'none', closed_at: null });
  await rectify(db.heed, customer!, { email: 'right@nced.example' }, operator);
  const answering = approveFollowUp(
    db.heed,
    { loopId: id, by: owner, press: press() },
    { words: 'It comes tomorrow.' },
  );
  await expect(answering).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('nobody to answer'),
  });
});

test('what whoever reads a stranger’s mailbox objected to does not bind the right address', async () => {
  const { id } = await hears({ words: 'Hello', customer: { name: 'Mis Typed', email: 'stranger@typed.example' } });
  const customer = customerIn(await subjectNamed(db.pool, 'stranger@typed.example'));
  await stopWriting(db.heed, customer);
  await disavow(db.heed, id, customer);
  await rectify(db.heed, customer, { email: 'mis@typed.example' }, operator);
  const later = await hears({ words: 'Hello again', customer: { name: 'Mis Typed', email: 'mis@typed.example' } });
  expect(await signalNow(db.pool, later.id)).toMatchObject({ reach: 'email' });
});

test('whoever stopped our letters is called, at another number too when theirs was taken away first', async () => {
  const { id } = await hears({
    words: 'Hello',
    customer: { name: 'Cal Lable', email: 'cal@lable.example', phone: '0612345681' },
    consent: [...consent!, { purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
  });
  const customer = customerIn(await subjectNamed(db.pool, 'cal@lable.example'));
  await stopWriting(db.heed, customer);
  await rectify(db.heed, customer, { phone: null }, operator);
  await rectify(db.heed, customer, { phone: '0612345682' }, operator);
  expect(await signalNow(db.pool, id)).toMatchObject({ reach: 'phone' });
});

test('what was mailed to somebody goes on opening their page while their address stays what it is, however much else is put right', async () => {
  await hears({ words: 'Hello', customer: { name: 'Sta Ying', email: 'sta@ying.example', phone: '0612345675' } });
  const customer = customerIn(await subjectNamed(db.pool, 'sta@ying.example'));
  const mailed = await makeLink(db.pool, { kind: 'unsubscribe', customerId: customer });
  const right = { name: 'Sta Ing', email: 'STA@ying.example', phone: '0612345676' };
  await rectify(db.heed, customer, right, operator);
  expect(await findLink(db.pool, mailed, ['unsubscribe'])).toMatchObject({ revoked: false });
});

test('an address that bounced is put right, and they are written to there', async () => {
  const { id } = await hears({ words: 'Hello', customer: { name: 'Bo Unced', email: 'bo@unced.example' } });
  const customer = customerIn(await subjectNamed(db.pool, 'bo@unced.example'));
  await db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: 'bo@unced.example' }], 'bounced'));
  expect(await signalNow(db.pool, id)).toMatchObject({ reach: null, unreachable: 'bounced' });
  await rectify(db.heed, customer, { email: 'bob@unced.example' }, operator);
  expect(await signalNow(db.pool, id)).toMatchObject({ reach: 'email' });
});

test('whoever says it was not them is not given what the other one said', async () => {
  const bob = { name: 'Bob Other', email: 'ann@mistaken.example', phone: '0612345674' };
  const { id, reference } = await hears({ words: 'I was overcharged', customer: bob });
  const again = await hears({ words: 'And it rained in', customer: bob });
  const customer = customerIn(await subjectNamed(db.pool, bob.phone));
  const mailed = await makeLink(db.pool, { kind: 'rights', customerId: customer });
  // The other remark may be theirs, for all we know.
  await disavow(db.heed, id, customer);
  expect(await subjectNamed(db.pool, bob.email)).toMatchObject({ customer_id: customer });

  await disavow(db.heed, again.id, customer);
  await expect(subjectNamed(db.pool, bob.email)).rejects.toMatchObject({ code: 'not_found' });
  expect(await subjectNamed(db.pool, bob.phone)).toMatchObject({ references: [reference, again.reference] });
  const yours = await yoursPage(db.pool, db.company, { signalId: id, customerId: customer });
  expect(yours).toMatchObject({ mailed: false, writes: false });
  expect(await findLink(db.pool, mailed, ['rights'])).toMatchObject({ revoked: true });
  await disavow(db.heed, again.id, customer);
  expect(await used(customer)).toEqual(['rectification']);
});

test('a restriction lets everything rest: nothing leaves, nobody is asked, nobody can act; lifted, it goes on where it stopped', async () => {
  const { id } = await hears({
    words: 'A word about prices',
    kind: 'question',
    customer: { name: 'Res Ting', email: 'res@ting.example' },
  });
  const customer = customerIn(await subjectNamed(db.pool, 'res@ting.example'));
  await triage(hands, id);
  await catchUp(hands, id, 0);
  await restrict(db.heed, customer, operator);
  await expect(restrict(db.heed, customer, operator)).rejects.toMatchObject({ code: 'conflict' });

  await db.passTime('3 days');
  expect(await catchUp(hands, id, 0)).toMatchObject({ over: false, attributes: { WaitingOn: 'restriction' } });
  await climb(hands, id);
  expect((await ledger(id)).filter(({ purpose }) => purpose === 'prompt')).toEqual([]);
  const [receipt] = await ledger(id);
  expect(receipt).toMatchObject({ purpose: 'receipt', state: 'ready', last_error_code: 'restricted' });
  await expect(acknowledge(db.heed, { loopId: id, by: 'priya', press: press() })).rejects.toThrow(
    /nothing be done with this/,
  );

  await lift(db.heed, customer, operator);
  await catchUp(hands, id, 0);
  await climb(hands, id);
  expect((await ledger(id)).filter(({ purpose }) => purpose === 'prompt').length).toBeGreaterThan(0);
  await acknowledge(db.heed, { loopId: id, by: 'priya', press: press() });
  expect(await used(customer)).toEqual(['restriction', 'lifting']);
  await expect(lift(db.heed, customer, operator)).rejects.toMatchObject({ code: 'conflict' });
});

describe('nothing leaves that was about to', () => {
  /** What is planned about it stands just before the gate: the attempts are open, and nothing is handed over. */
  async function aboutToLeave(
    email: string,
  ): Promise<{ id: string; customer: string; leaves: () => Promise<boolean[]> }> {
    const { id } = await hears({ words: 'Soon gone', kind: 'question', customer: { name: 'Soon Gone', email } });
    await triage(hands, id);
    await catchUp(hands, id, 0);
    await climb(hands, id);
    await db.pool.query(sql.unsafe`
      update deliveries set state = 'sending', phase = 'open', fence = 1, lease_until = clock_timestamp() + interval '2 min' where loop_id = ${id}`);
    expect([...new Set((await ledger(id)).map(({ purpose }) => purpose))].sort()).toEqual(['prompt', 'receipt']);
    return {
      id,
      customer: customerIn(await subjectNamed(db.pool, email)),
      leaves: async () => {
        const messages = await ledger(id);
        return Promise.all(messages.map((message) => passGate(db.pool, message.id, 1, 1)));
      },
    };
  }
  const became = async (id: string) =>
    (await ledger(id)).map((m) => `${m.purpose} ${m.state} ${m.last_error_code}`).sort();

  test('for somebody who is erased at that moment', async () => {
    const { id, leaves } = await aboutToLeave('soon@gone.example');
    await erase(db.heed, await subjectNamed(db.pool, 'soon@gone.example'), operator as { by: string; reason: string });
    expect(await leaves()).not.toContain(true);
    expect(await became(id)).toContain('receipt cancelled erased');
  });

  test('for somebody who lets everything rest at that moment: a letter waits, and nobody is asked', async () => {
    const { id, customer, leaves } = await aboutToLeave('soon@resting.example');
    await restrict(db.heed, customer, operator);
    expect(await leaves()).not.toContain(true);
    expect([...new Set(await became(id))]).toEqual(['prompt cancelled restricted', 'receipt ready restricted']);
  });

  test('to somebody who says at that moment that it was not them', async () => {
    const { id, customer, leaves } = await aboutToLeave('soon@nother.example');
    await disavow(db.heed, id, customer);
    const [receipt] = (await ledger(id)).filter(({ purpose }) => purpose === 'receipt');
    expect(receipt).toMatchObject({ state: 'suppressed', last_error_code: 'not_me' });
    expect((await leaves()).filter(Boolean)).toHaveLength((await ledger(id)).length - 1);
  });
});

test('nothing is written to somebody who was erased while the others were being told', async () => {
  const customer = { name: 'Mid Way', email: 'mid@way.example' };
  const { id } = await hears({ words: 'A spindle?', kind: 'unmet-demand', wanted: { item: 'spindle' }, customer });
  await goOn(db, id);
  const loopId = (await signalNow(db.pool, id))!.insight_id!;
  const by = (await insightNow(db.pool, loopId))!.decider;
  await decide(db.heed, { loopId, by, press: press() }, { outcome: 'declined', reason: 'We spin none.' });
  await db.passTime('1 hour');
  // It was looked up who is to be told, and nobody has been.
  const erasing = new Proxy(db.pool, {
    get: (pool, name: keyof Pool) =>
      name !== 'transaction'
        ? pool[name]
        : async (...given: Parameters<Pool['transaction']>) => {
            await erase(db.heed, await subjectNamed(pool, id), operator);
            return pool.transaction(...given);
          },
  });
  await tell({ ...hands, pool: erasing }, loopId);
  expect((await ledger(id)).filter(({ purpose }) => purpose === 'told')).toEqual([]);
  expect(
    await db.pool.anyFirst(sql.type(z.object({ reason: z.string() }))`
      select reason from told_signals where signal_id = ${id}`),
  ).toEqual(['closed']);
});

test('what a decision said of whoever is erased leaves in no letter to others that waits', async () => {
  const asks = async (name: string, email: string) => {
    const { id } = await hears({
      words: 'A stole?',
      kind: 'unmet-demand',
      wanted: { item: 'stole' },
      customer: { name, email },
    });
    await goOn(db, id);
    return id;
  };
  const [named, other] = [
    await asks('Nan Quarrell', 'nan@quarrell.example'),
    await asks('Ola Other', 'ola@other.example'),
  ];
  const loopId = (await signalNow(db.pool, named))!.insight_id!;
  const by = (await insightNow(db.pool, loopId))!.decider;
  const reason = 'We weave none,\nas Ms Quarrell & her sister “know” <well>.';
  await decide(db.heed, { loopId, by, press: press() }, { outcome: 'declined', reason });
  await db.passTime('1 hour');
  await tell(hands, loopId);
  const { id } = (await ledger(other)).find(({ purpose }) => purpose === 'told')!;
  const composed = async () =>
    JSON.stringify(
      await compose(
        { db: db.pool, publicUrl: hands.publicUrl, configuration: db.heed.configuration },
        (await db.pool.transaction((tx) => lockDelivery(tx, id)))!,
      ),
    );
  // An attempt has read it, and stands just before the gate.
  const fence = await db.pool.transaction((tx) => openAttempt(tx, id));
  expect(await composed()).toContain('Quarrell');
  await erase(db.heed, await subjectNamed(db.pool, named), operator);
  expect(await passGate(db.pool, id, fence, 1)).toBe(false);
  expect(await ledger(other)).toContainEqual(expect.objectContaining({ id, state: 'ready' }));
  expect(await composed()).toContain('(erased)');
  expect(await composed()).not.toMatch(/Quarrell|her sister/);
  expect(await foundInDatabase(db.url, ['Quarrell'])).toEqual([]);
});

test('nobody speaks for whoever was erased: a colleague who heard a no opens nothing again, and it is not kept', async () => {
  const { id } = await hears({ words: 'Do you iron?', kind: 'question', customer: { email: 'once@heard.example' } });
  await triage(hands, id);
  await approveFollowUp(db.heed, { loopId: id, by: 'priya', press: press() }, { words: 'We do.' });
  await erase(db.heed, await subjectNamed(db.pool, id), operator);
  const heard = confirm(db.heed, { loopId: id, by: 'jonas', press: press() }, { says: 'no', words: 'Otto Once waits' });
  await expect(heard).rejects.toThrow(/has been erased, so there is nothing to confirm/);
  expect(await signalNow(db.pool, id)).toMatchObject({ round: 1, closed_how: 'erased', says: null });
});

test('whatever was pressed about somebody who was erased is gone, and the hash of what they wrote with it', async () => {
  const customer = { name: 'Una Wares', email: 'una@wares.example' };
  const { id } = await hears({ words: 'Two of them were torn', kind: 'complaint', customer });
  await goOn(db, id);
  const by = (await signalNow(db.pool, id))!.owner;
  const pressed = () => ({ source: 'una', key: newId() });
  const [taken, again, answer, no, repeated] = [pressed(), pressed(), pressed(), pressed(), pressed()];
  const presses = [
    () => acknowledge(db.heed, { loopId: id, by, press: taken }),
    () => acknowledge(db.heed, { loopId: id, by, press: again }),
    () => approveFollowUp(db.heed, { loopId: id, by, press: answer }, { words: 'We mend them.' }),
    async () => {
      await lettersLeave(db, id);
      return confirm(db.heed, { loopId: id, press: no }, { says: 'no', words: 'Una Wares still waits' });
    },
    () => confirm(db.heed, { loopId: id, press: repeated }, { says: 'no', words: 'Una Wares waits and waits' }),
  ];
  for (const press of presses) await press();
  await erase(db.heed, await subjectNamed(db.pool, id), operator);
  for (const press of presses) await expect(press()).rejects.toMatchObject({ code: 'gone' });
  expect(await db.pool.exists(sql.unsafe`select from presses where source = 'una' and fingerprint is not null`)).toBe(
    false,
  );
});

describe('what nobody is left to have asked for', () => {
  const asks = async (item: string, email: string) => {
    const { id } = await hears({ words: `A ${item}?`, kind: 'unmet-demand', wanted: { item }, customer: { email } });
    await goOn(db, id);
    return { id, insight: (await signalNow(db.pool, id))!.insight_id! };
  };
  const decider = async (insight: string) => ({
    loopId: insight,
    by: (await insightNow(db.pool, insight))!.decider,
    press: press(),
  });
  const no = { outcome: 'declined', reason: 'We make none.' } as const;

  test('is decided no more: nobody would hear of it', async () => {
    const { id, insight } = await asks('samovar', 'asks@alone.example');
    await erase(db.heed, await subjectNamed(db.pool, id), operator);
    await expect(decide(db.heed, await decider(insight), no)).rejects.toThrow(/has been erased; there is nothing left/);
    expect(await insightNow(db.pool, insight)).toMatchObject({ round: 1, closed_how: 'erased' });
  });

  test('is closed when the decision on it is taken back', async () => {
    const { id, insight } = await asks('gramophone', 'asks@before.example');
    await decide(db.heed, await decider(insight), no);
    await erase(db.heed, await subjectNamed(db.pool, id), operator);
    await takeBack(db.heed, await decider(insight));
    expect(await insightNow(db.pool, insight)).toMatchObject({ closed_how: 'erased', open_to_join: false });
  });

  test('is closed when everybody else is moved on', async () => {
    const gone = await asks('spinet', 'asks@first.example');
    const moved = await asks('spinet', 'asks@second.example');
    const { insight } = await asks('harpsichord', 'asks@other.example');
    expect(moved.insight).toBe(gone.insight);
    await erase(db.heed, await subjectNamed(db.pool, gone.id), operator);
    const moving = { loopId: moved.id, by: 'priya', press: press() };
    await join(db.heed, moving, { insight });
    expect(await insightNow(db.pool, gone.insight)).toMatchObject({ closed_how: 'joined', open_to_join: false });
    await erase(db.heed, await subjectNamed(db.pool, moved.id), operator);
    await expect(join(db.heed, moving, { insight })).rejects.toMatchObject({ code: 'gone' });
  });
});

describe('why a remark was dismissed is about that remark', () => {
  const reason = 'The lady from the corner, whom all of us call Quibbly';
  const asksFor = async (item: string) => {
    const { id } = await hears({ words: `A ${item}?`, kind: 'unmet-demand', wanted: { item } });
    await goOn(db, id);
    return { id, insight: (await signalNow(db.pool, id))!.insight_id! };
  };

  test('it is not said on what nobody asks for any more: people of other places read that', async () => {
    const { id, insight } = await asksFor('zither');
    await dismiss(db.heed, { loopId: id, by: 'priya', press: press() }, { reason });
    const { timeline } = (await readInsight(db.pool, (await db.heed.configuration()).company, insight))!;
    expect(timeline.at(-1)).toMatchObject({ kind: 'closed' });
    expect(JSON.stringify(timeline)).not.toContain('Quibbly');
    await erase(db.heed, await subjectNamed(db.pool, id), operator);
    expect(await foundInDatabase(db.url, ['Quibbly'])).toEqual([]);
  });

  test('nor is it left there once they are erased, where it was said until now', async () => {
    const { id, insight } = await asksFor('psaltery');
    await dismiss(db.heed, { loopId: id, by: 'priya', press: press() }, { reason });
    await db.rewrite(
      sql.unsafe`update closures set by = 'priya', rule = null, reason = ${reason} where loop_id = ${insight}`,
    );
    await erase(db.heed, await subjectNamed(db.pool, id), operator);
    const found = await db.pool.anyFirst(sql.type(z.object({ reason: z.string() }))`
      select reason from closures where loop_id in (${id}, ${insight})`);
    expect(found).toEqual(['(erased)', '(erased)']);
  });
});

test('of an insight that another was joined to by hand, nothing an erased person typed is left in Postgres', async () => {
  const asks = async (email: string, attributes: Record<string, string>) => {
    const wanted = { item: 'tapestry', attributes };
    const { id } = await hears({ words: 'A tapestry?', kind: 'unmet-demand', wanted, customer: { email } });
    await goOn(db, id);
    return { id, insight: (await signalNow(db.pool, id))!.insight_id! };
  };
  const typed = ['for aunt quorndon', 'sewn by quimby'];
  const gone = await asks('types@freely.example', { colour: 'green', occasion: typed[0]!, constructor: typed[1]! });
  const other = await asks('asks@plainly.example', { colour: 'green' });
  expect(other.insight).not.toBe(gone.insight);
  await join(db.heed, { loopId: other.id, by: 'priya', press: press() }, { insight: gone.insight });
  expect(await foundInDatabase(db.url, typed)).not.toEqual([]);

  await erase(db.heed, await subjectNamed(db.pool, gone.id), operator);
  expect(await foundInDatabase(db.url, typed)).toEqual([]);
  // The tapestry is no word of the company's either, and somebody who is left asked for it.
  expect(await insightNow(db.pool, gone.insight)).toMatchObject({
    attributes: { item: 'tapestry', colour: 'green' },
    closed_at: null,
    open_to_join: true,
  });
  await erase(db.heed, await subjectNamed(db.pool, other.id), operator);
  expect(await insightNow(db.pool, gone.insight)).toMatchObject({
    attributes: { colour: 'green' },
    closed_how: 'erased',
    open_to_join: false,
  });
});

describe('what was put right before somebody was erased', () => {
  const saidAt = new Date(Date.now() - 3_600_000).toISOString();

  test('brings them back by no old list, under any address that was theirs', async () => {
    const customer = { name: 'Ola Lister', email: 'ola@lister.example', phone: '0612345690' };
    await hears({ words: 'Hello', customer });
    const theirs = customerIn(await subjectNamed(db.pool, customer.email));
    await rectify(db.heed, theirs, { email: 'ola@right.example', phone: null }, operator);
    await rectify(db.heed, theirs, { email: 'ola@righter.example' }, operator);
    expect(await foundInDatabase(db.url, [customer.email, customer.phone, 'ola@right.example'])).toEqual([]);
    await erase(db.heed, await subjectNamed(db.pool, theirs), operator);
    for (const address of [
      { email: customer.email },
      { phone: customer.phone },
      { email: 'ola@right.example' },
      { email: 'ola@righter.example' },
    ])
      await expect(
        hears({ words: 'Hello', saidAt, customer: { name: customer.name, ...address } }),
      ).rejects.toMatchObject({ code: 'gone' });
  });

  test('keeps nobody else from being heard whose mailbox had been taken for theirs', async () => {
    const email = 'ann@never-theirs.example';
    const { id } = await hears({ words: 'Hello', customer: { name: 'Bo Strange', email } });
    const { customer_id: customer } = (await signalNow(db.pool, id))!;
    await disavow(db.heed, id, customer!);
    await erase(db.heed, await subjectNamed(db.pool, customer!), operator);
    await hears({ words: 'I was here before', saidAt, customer: { name: 'Ann Never', email } });
  });

  test('keeps nobody else from being heard by whose address they had been noted, where that is known', async () => {
    const email = 'an@typo.example';
    await hears({ words: 'Hello', customer: { name: 'Ann Typo', email } });
    const ann = customerIn(await subjectNamed(db.pool, email));
    await rectify(db.heed, ann, { email: 'ann@typo.example' }, operator);
    await hears({ words: 'Good morning', customer: { name: 'An Other', email } });
    await erase(db.heed, await subjectNamed(db.pool, ann), operator);
    await hears({ words: 'I was here before', saidAt, customer: { name: 'An Other', email } });
  });

  test('names them in no decision: by what was wrong from then on, by what was right until they are erased', async () => {
    const asks = async (name: string, email: string) => {
      const wanted = { item: 'bodkin' };
      const { id } = await hears({ words: 'A bodkin?', kind: 'unmet-demand', wanted, customer: { name, email } });
      await goOn(db, id);
      return id;
    };
    const named = await asks('Norah Miscalled', 'norah@bodkin.example');
    const other = await asks('Ola Other', 'ola@bodkin.example');
    const { customer_id: customer, insight_id: loopId } = (await signalNow(db.pool, named))!;
    const by = (await insightNow(db.pool, loopId!))!.decider;
    const reason = 'We forge none, and Ms Miscalled has one.';
    await decide(db.heed, { loopId: loopId!, by, press: press() }, { outcome: 'declined', reason });
    await db.passTime('1 hour');
    await goOn(db, named);
    await db.pool.query(sql.unsafe`
      update deliveries set state = 'sent', ended_at = heed_now() where purpose = 'news' and loop_id in (${named}, ${other})`);
    const decided = async () => (await insightNow(db.pool, loopId!))!.reason;

    await rectify(db.heed, customer!, { name: 'Nora Miscalled' }, operator);
    expect(await decided()).toBe(reason);
    await rectify(db.heed, customer!, { name: 'Nora Quartzen' }, operator);
    expect(await decided()).toBe('(erased)');
    const messages = [...(await ledger(named)), ...(await ledger(other))];
    expect(messages.map(({ purpose }) => purpose)).toContain('redaction');
    await erase(db.heed, await subjectNamed(db.pool, named), operator);
    expect(await foundInDatabase(db.url, ['Miscalled', 'Quartzen'])).toEqual([]);
  });

  test.each([
    { was: 'Will', is: 'Bo Adler', reason: 'We will forge some, and were willing to before.' },
    { was: 'Will', is: 'Will Adler', reason: 'Will asked for one with a hook, and so it is.' },
    { was: 'GUEST', is: 'Ann Adler', reason: 'Every guest asks for one.' },
  ])('takes nothing from a decision that only looks like $was, who is $is', async ({ was, is, reason }) => {
    const email = `${newId()}@whittle.example`;
    const wanted = { item: `whittle ${newId().slice(-8)}` };
    const customer = { name: was, email };
    const { id } = await hears({ words: 'A whittle?', kind: 'unmet-demand', wanted, customer });
    await goOn(db, id);
    const { customer_id: theirs, insight_id: loopId } = (await signalNow(db.pool, id))!;
    const by = (await insightNow(db.pool, loopId!))!.decider;
    await decide(db.heed, { loopId: loopId!, by, press: press() }, { outcome: 'declined', reason });
    await rectify(db.heed, theirs!, { name: is }, operator);
    expect(await insightNow(db.pool, loopId!)).toMatchObject({ reason });
  });
});

test('a reason that names the person would outlive them, and is refused', async () => {
  await hears({ words: 'Hello', customer: { name: 'Nora Named', email: 'nora@named.example' } });
  const subject = await subjectNamed(db.pool, 'nora@named.example');
  await expect(erase(db.heed, subject, { by: 'operator', reason: 'Nora Named asked' })).rejects.toThrow(
    /must not name them/,
  );
});

test('a reason that holds their surname or an address is refused, whatever right it is about; and what was written before goes with them', async () => {
  const given = { name: 'Nora Quillon', email: 'nora@quillon.example', phone: '0612345673' };
  await hears({ words: 'Hello', customer: given });
  const subject = await subjectNamed(db.pool, given.email);
  const customer = customerIn(subject);
  for (const reason of ['Ms Quillon asked', 'mail from nora@quillon.example', 'call from 0612345673']) {
    const by = { by: 'operator', reason };
    for (const use of [
      () => access(db.heed, customer, by),
      () => rectify(db.heed, customer, { name: 'Nora Quill' }, by),
      () => object(db.heed, customer, by),
      () => restrict(db.heed, customer, by),
      () => erase(db.heed, subject, by),
    ])
      await expect(use()).rejects.toThrow(/must not name them/);
  }
  await restrict(db.heed, customer, operator);
  await expect(lift(db.heed, customer, { by: 'operator', reason: 'Ms Quillon agreed' })).rejects.toThrow(
    /must not name them/,
  );
  // Nor what they are called from then on.
  const married = { by: 'operator', reason: 'she is Ms Quartzen now' };
  await expect(rectify(db.heed, customer, { name: 'Nora Quartzen' }, married)).rejects.toThrow(/must not name them/);
  expect(await used(customer)).toEqual(['restriction']);

  await db.pool.query(sql.unsafe`
    insert into rights (id, customer_id, kind, by, reason) values (${newId()}, ${customer}, 'access', 'operator', 'a letter of Ms Quillon')`);
  await erase(db.heed, subject, operator);
  expect(await foundInDatabase(db.url, ['Quillon', given.email, given.phone])).toEqual([]);
});

test.each([
  ['with an apostrophe, typed as the other one', "Una O'Brien", 'Ms O’Brien asked'],
  ['with the other apostrophe', 'Una O’Brien', "Ms O'Brien's sister asked"],
  ['of two names', 'Una Adler-Voss', 'Mrs Adler-Voss asked'],
  ['of two names, by one of them', 'Una Adler-Voss', 'Mrs Adler asked'],
  ['of three letters', 'Una Lee', 'Lee, Ms, asked'],
  ['of two letters', 'Una Li', 'asked by Ms Li'],
  ['whose letters are put together otherwise', 'Una Noe\u0308l', 'Ms No\u00ebl asked'],
  ['kept in small letters', 'una quimby', 'Ms Quimby asked'],
  ['kept in capitals', 'UNA O’BRIEN', "Ms O'Brien asked"],
  ['of two names, kept in small letters, by one of them', 'una adler-voss', 'Mrs Voss asked'],
] as const)('a surname %s names its person', async (_, name, reason) => {
  const { id } = await hears({ words: 'Hello', customer: { name, loyalty: newId() } });
  const { customer_id } = (await signalNow(db.pool, id))!;
  await expect(access(db.heed, customer_id!, { by: 'operator', reason })).rejects.toThrow(/must not name them/);
  // A word that holds it is another one.
  const another = { by: 'operator', reason: 'Leeds, Lisbon, Noëlle, Vossberg, O, Brienz' };
  await access(db.heed, customer_id!, another);
});

test.each(['Kim Green', 'KIM GREEN'])(
  'the surname of %s names nobody where it is a word in small letters',
  async (name) => {
    const { id } = await hears({ words: 'Hello', customer: { name, loyalty: newId() } });
    const { customer_id } = (await signalNow(db.pool, id))!;
    await access(db.heed, customer_id!, { by: 'operator', reason: 'asked about a green coat' });
  },
);

test('what was decided says (erased) in place of somebody whose surname has an apostrophe, however that was typed', async () => {
  const asks = async (name: string, email: string) => {
    const customer = { name, email };
    const { id } = await hears({ words: 'A bobbin?', kind: 'unmet-demand', wanted: { item: 'bobbin' }, customer });
    await goOn(db, id);
    return id;
  };
  const named = await asks("Una O'Brannagh", 'una@brannagh.example');
  await asks('Ola Other', 'ola@bobbin.example');
  const loopId = (await signalNow(db.pool, named))!.insight_id!;
  const by = (await insightNow(db.pool, loopId))!.decider;
  const no = { outcome: 'declined', reason: 'Only Ms O’Brannagh would buy it.' } as const;
  await decide(db.heed, { loopId, by, press: press() }, no);
  await erase(db.heed, await subjectNamed(db.pool, named), operator);
  expect(await insightNow(db.pool, loopId)).toMatchObject({ outcome: 'declined', reason: '(erased)' });
  expect(await foundInDatabase(db.url, ['Brannagh'])).toEqual([]);
});

test('what is past its time is let go as a recorded act, with letters and name; what is open stays', async () => {
  await db.apply((company) => {
    company.retention = { words: { amount: 90, unit: 'd' }, kinds: {}, letters: { amount: 30, unit: 'd' } };
  });
  const closed = await hears({ words: 'An old remark', customer: { name: 'Ol Der', email: 'ol@der.example' } });
  const open = await hears({ words: 'Still waiting', customer: { name: 'Wai Ting', email: 'wai@ting.example' } });
  for (const { id } of [closed, open]) await triage(hands, id);
  await db.pool.transaction((tx) => closeRound(tx, { loopId: closed.id, round: 1, how: 'silent', rule: 'test' }));
  await db.pool.query(
    sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where loop_id in (${closed.id}, ${open.id})`,
  );
  const scrubbed: string[] = [];
  const cleaned = () =>
    letGo({ pool: db.pool, configuration: db.heed.configuration }, async () => {
      scrubbed.push('scrubbed');
      return { swept: [], inUse: [] };
    });
  await cleaned();
  expect(await cleaned()).toBeNull();

  await db.passTime('31 days');
  expect(await cleaned()).toMatchObject({ remarks: 0 });
  expect(
    await db.pool.exists(
      sql.unsafe`select from delivery_bodies b join deliveries d on d.id = b.delivery_id where d.loop_id = ${open.id}`,
    ),
  ).toBe(false);
  expect(await wordsOf(db.pool, closed.id)).not.toBeNull();

  await db.passTime('60 days');
  expect(await cleaned()).toMatchObject({ remarks: 1 });
  expect(scrubbed.length).toBeGreaterThan(0);
  expect(await wordsOf(db.pool, closed.id)).toBeNull();
  expect(await wordsOf(db.pool, open.id)).not.toBeNull();
  await expect(subjectNamed(db.pool, 'ol@der.example')).rejects.toMatchObject({ code: 'not_found' });
  expect(await subjectNamed(db.pool, 'wai@ting.example')).toMatchObject({ name: 'Wai Ting' });
  expect(
    await db.pool.anyFirst(sql.unsafe`
      select reason from erasures e join erased_signals x on x.erasure_id = e.id where x.signal_id = ${closed.id} and cause = 'retention'`),
  ).toEqual(['kept no longer than 90 days']);
});

test('a kind with a time of its own keeps its words for that time, be it longer or shorter than that of the others', async () => {
  const days = (amount: number) => ({ amount, unit: 'd' as const });
  await db.apply((company) => {
    company.retention = { words: days(90), kinds: { complaint: days(1825), praise: days(30) }, letters: days(30) };
  });
  const said = new Map<string, string>();
  for (const kind of ['praise', 'question', 'complaint']) {
    const { id } = await hears({ words: 'The lamp flickers', kind });
    await db.pool.transaction((tx) => closeRound(tx, { loopId: id, round: 1, how: 'silent', rule: 'test' }));
    said.set(kind, id);
  }
  const keptAfter = async (time: string) => {
    await db.passTime(time);
    await letGo({ pool: db.pool, configuration: db.heed.configuration }, async () => ({ swept: [], inUse: [] }));
    const kept = await Promise.all([...said].map(async ([kind, id]) => ((await wordsOf(db.pool, id)) ? [kind] : [])));
    return kept.flat();
  };

  expect(await keptAfter('29 days')).toEqual(['praise', 'question', 'complaint']);
  expect(await keptAfter('2 days')).toEqual(['question', 'complaint']);
  expect(await keptAfter('60 days')).toEqual(['complaint']);
  expect(await keptAfter('1733 days')).toEqual(['complaint']);
  expect(await keptAfter('2 days')).toEqual([]);
  expect(
    await db.pool.anyFirst(sql.unsafe`
      select e.reason from erasures e join erased_signals x on x.erasure_id = e.id
      where x.signal_id = any(${sql.array([...said.values()], 'uuid')}) order by e.erased_at`),
  ).toEqual(['kept no longer than 30 days', 'kept no longer than 90 days', 'kept no longer than 1825 days']);
});

test('what somebody said before their old remark was let go, and is brought in after that, is heard: they did not ask to be erased', async () => {
  await db.apply((company) => {
    company.retention = { words: { amount: 90, unit: 'd' }, kinds: {}, letters: { amount: 30, unit: 'd' } };
  });
  const customer = { name: 'Ret Urning', email: 'ret@urning.example' };
  const { id: loopId } = await hears({ words: 'It squeaks', customer });
  await db.pool.transaction((tx) => closeRound(tx, { loopId, round: 1, how: 'silent', rule: 'test' }));
  await db.passTime('91 days');
  const saidAt = new Date(Date.now() - 3_600_000).toISOString();
  await letGo({ pool: db.pool, configuration: db.heed.configuration }, async () => ({ swept: [], inUse: [] }));
  await expect(subjectNamed(db.pool, customer.email)).rejects.toMatchObject({ code: 'not_found' });
  // Nor is there a trace of the address, which nothing would need.
  expect(
    await db.pool.exists(sql.unsafe`
      select from tombstones where address_hash = sha256(convert_to(${customer.email}, 'UTF8'))`),
  ).toBe(false);
  // Until now there was.
  await db.pool.query(sql.unsafe`
    insert into tombstones (erasure_id, kind, address_hash)
    select erasure_id, 'email', sha256(convert_to(${customer.email}, 'UTF8')) from erased_signals where signal_id = ${loopId}`);
  const { id } = await hears({ words: 'It squeaks again', saidAt, customer });
  expect(await wordsOf(db.pool, id)).toMatchObject({ words: 'It squeaks again' });
});

test('what is past its time is let go however much is kept: also where Postgres has time for no more than a thousand in one statement', async () => {
  const full = await openTestDatabase();
  await full.apply((company) => {
    company.retention = { words: { amount: 90, unit: 'd' }, kinds: {}, letters: { amount: 30, unit: 'd' } };
  });
  const { id } = await capture(
    full.heed,
    { words: 'The first remark', place: 'high-street', by: 'mina' },
    { channel: 'web', press: press() },
  );
  await full.pool.transaction((tx) => closeRound(tx, { loopId: id, round: 1, how: 'silent', rule: 'test' }));
  await full.pool.query(sql.unsafe`
    with said as (select gen_random_uuid() as id, n from generate_series(1, 2500) n),
    l as (insert into loops (id, kind, place) select id, 'signal', 'high-street' from said),
    r as (insert into rounds (loop_id, round, cause) select id, 1, 'opened' from said),
    s as (insert into signals (id, reference, channel, said_at) select id, 'OPEN-' || n, 'api', heed_now() from said),
    w as (insert into words (signal_id, words) select id, 'Still open' from said),
    k as (
      insert into links (token_hash, kind, staff, expires_at)
      select sha256(id::text::bytea), 'sign_in', 'priya', heed_now() from said),
    d as (
      insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, staff, state, message_id, ended_at)
      select id, 'news:' || id, 'news', 'email', 'at_least_once', id, 'priya', 'sent', '<' || id || '>', heed_now() from said)
    insert into delivery_bodies (delivery_id, subject, body) select id, 'News', 'It goes on' from said`);
  const owner = await full.owner();
  await owner.query(sql.unsafe`
    create function is_in_time() returns boolean language plpgsql as $$
    declare
      statement text := statement_timestamp()::text;
      seen integer := case when current_setting('test.statement', true) = statement then current_setting('test.seen')::integer + 1 else 1 end;
    begin
      perform set_config('test.statement', statement, false), set_config('test.seen', seen::text, false);
      if seen > 1000 then
        raise 'canceling statement due to statement timeout' using errcode = 'query_canceled';
      end if;
      return true;
    end $$`);
  for (const table of ['words', 'delivery_bodies', 'links']) {
    await owner.query(sql.unsafe`alter table ${sql.identifier([table])} enable row level security`);
    await owner.query(sql.unsafe`create policy in_time on ${sql.identifier([table])} using (is_in_time())`);
  }
  await full.passTime('91 days');

  expect(await remarksPastTheirTime(full.pool, full.company)).toBe(1);
  const nothing = { swept: [], inUse: [] };
  const gone = await letGo({ pool: full.pool, configuration: full.heed.configuration }, async () => nothing);
  expect(gone).toMatchObject({ remarks: 1, letters: 2500, links: 2500 });
  expect(await wordsOf(full.pool, id)).toBeNull();
  await full.close();
});

test('what is past its time and those of whom nothing is left are let go of with one look at all that was ever pressed', async () => {
  // One connection, so that all it has looked at is told at once.
  const one = await openTestDatabase({ connections: 1 });
  await one.apply((company) => {
    company.retention = { words: { amount: 90, unit: 'd' }, kinds: {}, letters: { amount: 30, unit: 'd' } };
  });
  for (const name of ['one', 'two', 'three']) {
    const customer = { email: `${name}@pressed.example` };
    const { id } = await capture(
      one.heed,
      { words: 'The lamp flickers', place: 'high-street', by: 'mina', customer },
      { channel: 'web', press: press() },
    );
    await one.pool.transaction((tx) => closeRound(tx, { loopId: id, round: 1, how: 'silent', rule: 'test' }));
  }
  const looks = async (): Promise<number> => {
    await one.pool.query(sql.unsafe`select pg_stat_force_next_flush()`);
    return Number(
      await one.pool.oneFirst(sql.unsafe`select seq_scan from pg_stat_user_tables where relname = 'presses'`),
    );
  };
  await one.passTime('91 days');
  const before = await looks();
  const nothing = { swept: [], inUse: [] };
  const gone = await letGo({ pool: one.pool, configuration: one.heed.configuration }, async () => nothing);
  expect(gone).toMatchObject({ remarks: 3 });
  expect((await looks()) - before).toBe(1);
  await expect(subjectNamed(one.pool, 'two@pressed.example')).rejects.toMatchObject({ code: 'not_found' });
  await one.close();
});

test('what is kept no longer is taken back in its time and wakes no story that is over; what somebody asks for, at once', async () => {
  await db.apply((company) => {
    company.retention = { words: { amount: 90, unit: 'd' }, kinds: {}, letters: { amount: 30, unit: 'd' } };
  });
  const wishes = async (email: string): Promise<string> => {
    const said = { words: 'A distaff?', kind: 'unmet-demand', wanted: { item: 'distaff' }, customer: { email } };
    const { id } = await hears(said);
    await goOn(db, id);
    return id;
  };
  const [old, asks] = [await wishes('old@distaff.example'), await wishes('asks@distaff.example')];
  const loopId = (await signalNow(db.pool, old))!.insight_id!;
  const by = (await insightNow(db.pool, loopId))!.decider;
  await decide(db.heed, { loopId, by, press: press() }, { outcome: 'declined', reason: 'We turn none.' });
  await db.passTime('1 hour');
  await goOn(db, old);
  expect(await insightNow(db.pool, loopId)).toMatchObject({ closed_how: 'declined' });
  for (const id of [old, asks]) {
    await db.pool.query(sql.unsafe`
      update deliveries set state = 'sent', ended_at = heed_now() where loop_id = ${id} and ended_at is null`);
    await db.pool.transaction((tx) => closeRound(tx, { loopId: id, round: 1, how: 'silent', rule: 'test' }));
  }
  await db.pool.query(sql.unsafe`delete from wakes`);
  const takenBackUnhurried = (id: string) =>
    db.pool.anyFirst(sql.type(z.object({ unhurried: z.boolean() }))`
      select distinct unhurried from deliveries where purpose = 'redaction' and loop_id = ${id}`);

  await erase(db.heed, await subjectNamed(db.pool, asks), operator);
  expect(await takenBackUnhurried(asks)).toEqual([false]);
  await db.passTime('91 days');
  await letGo({ pool: db.pool, configuration: db.heed.configuration }, async () => ({ swept: [], inUse: [] }));
  expect(await wordsOf(db.pool, old)).toBeNull();
  expect(await takenBackUnhurried(old)).toEqual([true]);
  expect(await woken()).not.toContain(loopId);
});

test('a card that is drawn anew for nobody in a hurry keeps none from being drawn at once', async () => {
  const { id } = await hears({ words: 'The spindle wobbles', customer: { email: 'wobbles@spindle.example' } });
  await db.pool.query(
    sql.unsafe`insert into slack_cards (loop_id, staff, channel, ts) values (${id}, 'priya', 'D1', '1.1')`,
  );
  for (const unhurried of [true, true, false, false, true])
    await db.pool.transaction((tx) => redrawCards(tx, [id], unhurried));
  const drawn = await db.pool.anyFirst(sql.type(z.object({ unhurried: z.boolean() }))`
    select unhurried from deliveries where purpose = 'card' and loop_id = ${id} order by unhurried`);
  expect(drawn).toEqual([false, true]);
});

test('links to what was closed go once they have led nowhere for as long as others; our letters can be stopped by the oldest of them', async () => {
  await db.apply((company) => void delete company.retention);
  const customer = { name: 'Lin Kerr', email: 'lin@kerr.example' };
  const { id: loopId } = await hears({ words: 'The bench rocks', customer });
  const open = await hears({ words: 'The bench squeaks', customer });
  await triage(hands, loopId);
  const customerId = customerIn(await subjectNamed(db.pool, customer.email));
  const theirs = ['yours', 'not_me', 'unsubscribe'] as const;
  const links = [
    ...(await Promise.all(theirs.map((kind) => makeLink(db.pool, { kind, customerId, loopId })))),
    await makeLink(db.pool, { kind: 'task', staff: 'priya', loopId, wait: 'answered' }),
    await makeLink(db.pool, { kind: 'yours', customerId, loopId: open.id }),
  ];
  const kept = async () => {
    await letGo({ pool: db.pool, configuration: db.heed.configuration }, async () => ({ swept: [], inUse: [] }));
    const found = await Promise.all(links.map((link) => findLink(db.pool, link, [...theirs, 'task'])));
    return found.map((link) => link && link.kind);
  };
  await db.pool.transaction((tx) => closeRound(tx, { loopId, round: 1, how: 'silent', rule: 'test' }));
  await db.passTime('179 days');
  expect(await kept()).toEqual(['yours', 'not_me', 'unsubscribe', 'task', 'yours']);
  await db.passTime('2 days');
  expect(await kept()).toEqual([null, null, 'unsubscribe', null, 'yours']);
  expect(await findLink(db.pool, links[2]!, ['unsubscribe'])).toMatchObject({ ended: false });
});

test('what rests is kept past its time, and let go once that is lifted', async () => {
  await db.apply((company) => {
    company.retention = { words: { amount: 90, unit: 'd' }, kinds: {}, letters: { amount: 30, unit: 'd' } };
  });
  const differ = { name: 'Dis Pute', email: 'dis@pute.example' };
  const { id } = await hears({ words: 'That is not what I was promised', customer: differ });
  await triage(hands, id);
  await db.pool.transaction((tx) => closeRound(tx, { loopId: id, round: 1, how: 'silent', rule: 'test' }));
  await db.pool.query(sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where loop_id = ${id}`);
  const customer = customerIn(await subjectNamed(db.pool, differ.email));
  await restrict(db.heed, customer, operator);
  const letters = () =>
    db.pool.oneFirst(sql.type(z.object({ count: z.number() }))`
      select count(*)::integer as count from delivery_bodies b join deliveries d on d.id = b.delivery_id where d.loop_id = ${id}`);
  const cleaned = () =>
    letGo({ pool: db.pool, configuration: db.heed.configuration }, async () => ({ swept: [], inUse: [] }));

  await db.passTime('91 days');
  expect(await cleaned()).not.toBeNull();
  expect(await wordsOf(db.pool, id)).not.toBeNull();
  expect(await letters()).toBe(1);
  expect(await subjectNamed(db.pool, differ.email)).toMatchObject({ name: differ.name });

  await lift(db.heed, customer, operator);
  await db.passTime('2 days');
  expect(await cleaned()).toMatchObject({ remarks: 1 });
  expect(await wordsOf(db.pool, id)).toBeNull();
  expect(await letters()).toBe(0);
  await expect(subjectNamed(db.pool, differ.email)).rejects.toMatchObject({ code: 'not_found' });
});

test('somebody erased while the tables are written anew, or while one of them is in use, makes the cleaning due again', async () => {
  const cleaned = (written: () => ReturnType<typeof scrub>) =>
    letGo({ pool: db.pool, configuration: db.heed.configuration }, written);
  const anew = () => scrub(db.workingUrl);
  const whole = expect.objectContaining({ inUse: [] });
  const goes = async (email: string) => {
    await hears({ words: 'Forget me', customer: { email } });
    await erase(db.heed, await subjectNamed(db.pool, email), operator);
  };
  await goes('before@goes.example');
  expect(
    await cleaned(async () => {
      const written = await anew();
      await goes('meanwhile@goes.example');
      return written;
    }),
  ).toEqual(whole);

  // Whoever copies a table keeps it, and whoever has begun to copy them all still sees what was deleted since.
  const reader = new pg.Client({ connectionString: db.url });
  await reader.connect();
  await reader.query('begin; select from words');
  expect(await cleaned(anew)).toMatchObject({ inUse: ['words'] });
  await reader.query('commit; begin isolation level repeatable read; select heed_now()');
  await sleep(2_100);
  expect(await cleaned(anew)).toMatchObject({ inUse: expect.arrayContaining([...emptied]) });
  await reader.end();

  // Whoever is in the middle of erasing is waited for: the date of it is from before.
  const { id } = await hears({ words: 'Forget me', customer: { email: 'slowly@goes.example' } });
  const [begun, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const erasing = db.pool.transaction(async (tx) => {
    await eraseFacts(tx, { customerId: null, signalIds: [id] }, { cause: 'asked', ...operator, company: db.company });
    begun.resolve();
    await goesOn.promise;
  });
  await begun.promise;
  let gone = false;
  const cleaning = cleaned(async () => {
    gone = (await wordsOf(db.pool, id)) === null;
    return anew();
  });
  await sleep(300);
  goesOn.resolve();
  await erasing;
  expect(await cleaning).toEqual(whole);
  expect(gone).toBe(true);
  expect(await cleaned(anew)).toBeNull();
});

test('whatever right somebody uses leaves everything of others as it was: what they said, what was written and pressed about it, what waits for them', async () => {
  const leaving = { name: 'Lea Verwood', email: 'lea@verwood.example' };
  const staying = { name: 'Sten Blyham', email: 'sten@blyham.example' };
  const stays = new Set<string>();
  for (const customer of [leaving, staying]) {
    const wish = { kind: 'unmet-demand', wanted: { item: `a cape for ${customer.name}` } };
    const torn = await hears({ words: 'The lining is torn', kind: 'complaint', customer });
    const wished = await hears({ words: 'A cape?', customer, ...wish });
    const unclear = await hears({ words: 'Mumbling by the door', customer });
    const about = [torn.id, wished.id, unclear.id];
    for (const id of about) await goOn(db, id);
    const of = async (id: string) => ({ loopId: id, by: (await signalNow(db.pool, id))!.owner, press: press() });
    const by = await of(torn.id);
    const to = Object.keys(db.company.staff).find((staff) => staff !== by.by)!;
    await handOver(db.heed, by, { to, reason: `${customer.name} trusts them` });
    await acknowledge(db.heed, await of(torn.id));
    await approveFollowUp(db.heed, await of(torn.id), { words: 'We mend it.' });
    await lettersLeave(db, torn.id);
    await confirm(db.heed, { loopId: torn.id, press: press() }, { says: 'no', words: 'It tore again' });
    await repair(db.heed, { loopId: torn.id, by: 'operator' }, { action: 'wake', reason: 'It stood still.' });
    await review(db.heed, await of(unclear.id), { verdict: 'dismiss', reason: 'Nothing was said.' });
    const { customer_id: customerId, insight_id: insight } = (await signalNow(db.pool, wished.id))!;
    await makeLink(db.pool, { kind: 'yours', customerId: customerId!, loopId: torn.id });
    await mailRights(db.heed, customerId!);
    await db.pool.query(sql.unsafe`
      insert into slack_cards (loop_id, staff, channel, ts) values (${torn.id}, ${to}, 'D1', '1.0')`);
    if (customer === staying) for (const id of [customerId!, insight!, ...about]) stays.add(id);
  }
  const subject = await subjectNamed(db.pool, staying.email);
  await access(db.heed, customerIn(subject), operator);
  // What is about them: by their ids, or by the id of such a row.
  const all = await everyRow();
  for (const _ of [1, 2])
    for (const row of all) {
      const id = /"id": "([^"]+)"/.exec(row)?.[1];
      if (id && [...stays].some((one) => row.includes(one))) stays.add(id);
    }
  const theirs = (rows: string[]) => rows.filter((row) => [...stays].some((one) => row.includes(one))).toSorted();
  const before = theirs(all);
  expect([...new Set(before.map((row) => row.split(' ')[0]))]).toEqual(
    expect.arrayContaining([
      'closures',
      'confirmations',
      'deliveries',
      'links',
      'presses',
      'repairs',
      'reviews',
      'slack_cards',
      'words',
    ]),
  );

  const whom = await subjectNamed(db.pool, leaving.email);
  for (const use of [restrict, lift, object]) await use(db.heed, whom.customer_id!, operator);
  await rectify(db.heed, whom.customer_id!, { name: 'Lea Rightley', email: 'lea@right.example' }, operator);
  await erase(db.heed, whom, operator);
  expect(theirs(await everyRow())).toEqual(before);
});

/** All there is in Postgres, by table. */
async function everyRow(): Promise<string[]> {
  const tables = await db.pool.anyFirst(sql.type(z.object({ name: z.string() }))`
    select tablename::text as name from pg_tables where schemaname = 'public'`);
  const rows = await Promise.all(
    tables.map((table) =>
      db.pool.anyFirst(sql.type(z.object({ row: z.string() }))`
        select ${table} || ' ' || to_jsonb(t)::text as row from ${sql.identifier([table])} t`),
    ),
  );
  return rows.flat();
}
