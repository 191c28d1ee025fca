import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { z } from 'zod';
import type { Hands } from '../../src/activities/createActivities.ts';
import { deliver } from '../../src/activities/deliver.ts';
import { localDate } from '../../src/domain/calendar.ts';
import { ladderNames, type Company } from '../../src/domain/company.ts';
import { explainStuck } from '../../src/domain/stuck.ts';
import { startMailbox, type MailFault } from '../../src/embedded/mailbox.ts';
import { openPostOffice } from '../../src/integrations/email.ts';
import { handOverMs } from '../../src/integrations/letter.ts';
import { sql, type Pool } from '../../src/store/pool.ts';
import { suppress } from '../../src/store/records/customers.ts';
import {
  openAttempt,
  passGate,
  planDelivery,
  idOfDelivery,
  recordOutcome,
  settleLeftOpen,
} from '../../src/store/records/deliveries.ts';
import { audit } from '../../src/audit/audit.ts';
import { signInLinkMs } from '../../src/store/records/links.ts';
import { orderSending } from '../../src/store/records/sendingOrders.ts';
import { readSignal } from '../../src/store/views/signalReading.ts';
import { stuckLoops } from '../../src/store/views/stuck.ts';
import { tasksOf } from '../../src/store/views/tasks.ts';
import { messagesQueue } from '../../src/workflows/messages.ts';
import type { Heed } from '../../src/triggers/heed.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { dismiss } from '../../src/triggers/responses/dismiss.ts';
import { draftAnswer } from '../../src/triggers/responses/draft.ts';
import { handOver, handOverInsight } from '../../src/triggers/responses/handOver.ts';
import { recordCall } from '../../src/triggers/responses/recordCall.ts';
import { repair } from '../../src/triggers/responses/repair.ts';
import { arrived, settle } from '../../src/triggers/responses/settle.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { mailRights } from '../../src/triggers/rights/mailRights.ts';
import { vouchByHand } from '../../src/triggers/responses/vouch.ts';
import { rectify } from '../../src/triggers/rights/rectify.ts';
import { lift, restrict } from '../../src/triggers/rights/restrict.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import { foundIn } from '../support/canaries.ts';
import { meanwhile } from '../support/meanwhile.ts';
import { openWorld, type World } from '../support/world.ts';

/** A shop that is always open and asks once, so that only the message in question is on its way. */
let world: World;
let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'heed-deliver-'));
  const asksOnce = (company: Company): void => {
    for (const name of ladderNames) {
      company.ladders[name].rungs = [{ after: { amount: 0, unit: 's' }, notify: 'owner' }];
      company.ladders[name].atEnd = { notify: 'executive', every: { amount: 20, unit: 'd' } };
    }
    company.customers.window = { amount: 300, unit: 'd' };
  };
  world = await openWorld('demo', asksOnce, { dataDir });
});
afterEach(async () => {
  world.mailbox.faults.clear();
  world.room.faults.clear();
  await world.closeAll();
});
afterAll(async () => {
  await world.close();
  await rm(dataDir, { recursive: true });
});

const mayWrite = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: 'demo-1' }];
let guests = 0;
const guest = () => ({ email: `guest${(guests += 1)}@example.com` });
/** For Jonas, who is prompted in Slack. */
const coat = () => world.capture({ words: 'How much is the coat?', customer: guest() });
const cardsOf = (loopId: string) =>
  world.room
    .messages()
    .filter((message) => !message.deleted && message.metadata && JSON.stringify(message).includes(loopId));
const promptTo = async (loopId: string, channel: 'slack' | 'email') =>
  (await world.messages({ loopId, purpose: 'prompt' })).filter((message) => message.channel === channel);
const jonas = 'jonas@linden-vale.example';
/** Somebody who waits for a call, so that the customer's clock runs and no letter is on its way. */
const waits = (said: Parameters<World['capture']>[0]) =>
  world.capture({
    customer: { phone: '0612345678' },
    consent: [{ purpose: 'follow_up', channel: 'phone', wording: 'demo-1' }],
    ...said,
  });

/** A question whose answer was approved; what becomes of the letter is the fault's. */
async function answerTo(customer: { email: string }): Promise<string> {
  const { id } = await world.capture({ words: 'Where is my parcel?', customer, consent: mayWrite });
  await world.settle();
  return id;
}
const approve = (id: string, promise: { promiseOn?: string } = {}) =>
  approveFollowUp(world.heed, world.as('priya', id), { words: 'It comes tomorrow.', ...promise });
const giveUp = (id: string) =>
  repair(world.heed, { loopId: id, by: 'ops' }, { action: 'leave', reason: 'Full for weeks.' });
const operator = { by: 'operator', reason: 'asked by letter' } as const;
const noticesOf = (loopId: string) => world.messages({ loopId, purpose: 'notice' });
/** Those above are asked only if nobody says anything for long. */
const askedBy = async (loopId: string) => (await noticesOf(loopId)).filter(({ state }) => state !== 'planned');
const unwanted = { at: 'data', do: 'answer', code: 554 } as const;
const nobodyThere = { at: 'rcpt', do: 'answer', code: 550, text: '5.1.1 No such user' } as const;
const toldPriya = async (id: string, what = 'An answer did not arrive') => {
  const { reference } = await world.signal(id);
  return JSON.stringify(world.slackTo('priya').filter(({ text }) => text === `${what}: ${reference}`));
};
const stuckOf = async (id: string) =>
  (await stuckLoops(world.db.pool, world.db.company)).flatMap((one) =>
    one.what === 'tries' && one.loopId === id ? [`${one.purpose} ${one.code}`] : [],
  );
/** For an attempt that a test makes itself. */
const handsWith = (post: Hands['post'], pool = world.db.pool): Hands => ({
  pool,
  configuration: world.heed.configuration,
  publicUrl: 'http://heed.test',
  post,
  slack: undefined,
});
const partOf = (id: string) =>
  world.db.pool.anyFirst(sql.unsafe`select part from now.claims where signal_id = ${id} order by round`);
const brokenSince = async (since: Date) => {
  const { findings } = await audit({ databaseUrl: world.db.url, since });
  return findings.flatMap(({ invariant, violations }) => (/I1|I5/.test(invariant) ? violations : []));
};
const letterOf = async (id: string) => (await world.messages({ loopId: id, purpose: 'answer' }))[0]!;

describe('in doubt, Slack’s own history decides: a colleague has one message before them, not two and not none', () => {
  // These look at Slack's clock, which is the real one: they stand first, before time has been passed.
  /** What is left of it everywhere in Slack, deleted messages included. */
  const canary = 'Quibblewick';
  const inSlack = () => foundIn('Slack', JSON.stringify(world.room.messages()), [canary]);
  const heardOf = () => world.capture({ words: `How much is the coat of ${canary}?`, customer: guest() });
  const eraseWhoSaid = async (id: string) =>
    erase(world.heed, await subjectNamed(world.db.pool, id), { by: 'operator', reason: 'asked by letter' });

  describe('before somebody who', () => {
    /** A prompt that is in doubt, though it arrived. */
    const inDoubtBefore = async (staff: string): Promise<string> => {
      await world.db.apply(
        (company) =>
          (company.staff[staff] = { ...company.staff['jonas']!, email: `${staff}@linden-vale.example`, name: staff }),
      );
      const { id } = await world.capture({ words: `Where is the parcel of ${canary}?`, customer: guest() });
      await world.settle();
      world.room.faults.script({ at: 'chat.postMessage', do: 'lose' });
      await handOver(world.heed, world.as('priya', id), { to: staff, reason: 'Theirs.' });
      await world.until('it is in doubt', async () =>
        (await promptTo(id, 'slack')).some((message) => message.staff === staff && message.state === 'uncertain'),
      );
      expect(inSlackOf(staff)).toHaveLength(1);
      return id;
    };
    const isLookedFor = async (): Promise<void> => {
      await world.db.pool.query(
        sql.unsafe`update deliveries set not_before = heed_now(), started_until = null where state = 'uncertain'`,
      );
      await world.settle();
    };
    const inSlackOf = (staff: string) =>
      foundIn('Slack', JSON.stringify(world.room.messages(`${staff}@linden-vale.example`)), [canary]);

    test.each([
      ['has left', 'quinn', (company: Company) => delete company.staff['quinn']],
      ['has another address', 'rosa', (company: Company) => (company.staff['rosa']!.email = 'r@linden-vale.example')],
    ])('%s since, it is taken out all the same when its customer is erased', async (_, staff, change) => {
      const id = await inDoubtBefore(staff);
      await world.db.apply((company) => void change(company));
      await eraseWhoSaid(id);
      await isLookedFor();
      expect(inSlackOf(staff)).toEqual([]);
    });

    test('had the code before somebody else, it is taken back, and whoever has it now is called by e-mail', async () => {
      const id = await inDoubtBefore('sven');
      await world.db.apply((company) => (company.staff['sven']!.email = 's@linden-vale.example'));
      await isLookedFor();
      expect(inSlackOf('sven')).toEqual([]);
      expect(await world.db.pool.anyFirst(sql.unsafe`select staff from slack_cards where loop_id = ${id}`)).toEqual([
        'priya',
      ]);
      expect(world.mailsTo('s@linden-vale.example')).toHaveLength(1);
      await eraseWhoSaid(id);
      await world.settle();
    });
  });

  test.each([
    ['is taken back', 'blue', false],
    ['is looked for and taken back where nobody knew whether it arrived', 'navy', true],
  ])(
    'what rang below a card, in the words of whoever handed it over, %s once whom it names is erased',
    async (_, colour, isInDoubt) => {
      const scarf = { kind: 'unmet-demand', wanted: { item: 'scarf', attributes: { colour } } };
      const asksFor = (customer: object) => world.capture({ words: 'Have you a scarf?', customer, ...scarf });
      await world.db.apply((company) => (company.staff['tomas']!.prompts = 'slack'));
      const { id } = await asksFor({ ...guest(), name: `Kim ${canary}` });
      await asksFor(guest());
      await world.settle();
      const insight = (await world.signal(id)).insight_id!;
      await handOverInsight(world.heed, world.as('tomas', insight), { to: 'priya', reason: 'Hers.' });
      await world.settle();
      await handOverInsight(world.heed, world.as('priya', insight), {
        to: 'tomas',
        reason: `Kim ${canary} asked you.`,
      });
      await world.settle();
      const rings = world.slackTo('tomas').filter(({ text, threadTs }) => threadTs && text.includes(canary));
      expect(rings).toHaveLength(1);
      // Posted, and nobody lived to record it.
      if (isInDoubt)
        await world.db.pool.query(sql.unsafe`
          update deliveries set state = 'sending', provider_ref = null, ended_at = null, lease_until = clock_timestamp() - interval '1 second', started_until = null
          where provider_ref like ${`%:${rings[0]!.ts}`}`);
      await eraseWhoSaid(id);
      await world.settle();
      expect(inSlack()).toEqual([]);
    },
  );

  test('posted, and the answer lost', async () => {
    world.room.faults.script({ at: 'chat.postMessage', do: 'lose' });
    const { id } = await coat();
    await world.until('it is in doubt', async () => (await promptTo(id, 'slack'))[0]?.state === 'uncertain');
    await world.pass('41 seconds');
    expect((await promptTo(id, 'slack')).map((message) => message.state)).toEqual(['sent']);
    expect(cardsOf(id)).toHaveLength(1);
    expect(await promptTo(id, 'email')).toEqual([]);
  });

  test('a prompt that was under way when its customer was erased is taken out of Slack, though its worker died', async () => {
    const { id } = await heardOf();
    await world.settle();
    const [{ id: message } = { id: '' }] = await promptTo(id, 'slack');
    expect(inSlack()).toHaveLength(1);
    // Posted, and nobody lived to record it.
    await world.db.pool.query(sql.unsafe`delete from slack_cards where loop_id = ${id}`);
    await world.db.pool.query(sql.unsafe`
      update deliveries set state = 'sending', provider_ref = null, ended_at = null, lease_until = clock_timestamp() + interval '1 hour'
      where id = ${message}`);
    await eraseWhoSaid(id);
    await world.db.pool.query(sql.unsafe`
      update deliveries set lease_until = clock_timestamp() - interval '1 second', started_until = null where id = ${message}`);
    await world.settle();
    expect(inSlack()).toEqual([]);
    expect(await world.db.pool.exists(sql.unsafe`select from slack_cards where loop_id = ${id}`)).toBe(false);
  });

  test('one about what several ask for, of which nobody knew, quotes nobody who was erased meanwhile', async () => {
    const asksFor = (words: string) => world.capture({ words, customer: guest() });
    await world.db.apply((company) => (company.staff['tomas']!.prompts = 'slack'));
    const { id } = await asksFor(`Do you have this coat in green, ${canary}?`);
    await world.settle();
    const insight = (await world.signal(id)).insight_id!;
    const cards = () => cardsOf(insight);
    expect(foundIn('Slack', JSON.stringify(cards()), [canary])).toHaveLength(1);
    await asksFor('Do you have this coat in green?');
    await world.settle();
    // Posted, and nobody lived to record it.
    await world.db.pool.query(sql.unsafe`delete from slack_cards where loop_id = ${insight}`);
    await world.db.pool.query(sql.unsafe`
      update deliveries set state = 'sending', provider_ref = null, ended_at = null, lease_until = clock_timestamp() - interval '1 second', started_until = null
      where loop_id = ${insight} and purpose = 'prompt' and channel = 'slack'`);
    await eraseWhoSaid(id);
    await world.settle();
    expect(cards()).toHaveLength(1);
    expect(inSlack()).toEqual([]);
  });

  test('one of which nobody knew, when they were called again, is not a second card: it is taken out, and quotes nobody who is erased', async () => {
    await world.db.apply((company) => (company.staff['tomas']!.prompts = 'slack'));
    const { id } = await world.capture({ words: `Do you have this coat in green, ${canary}?`, customer: guest() });
    await world.settle();
    const insight = (await world.signal(id)).insight_id!;
    await world.capture({ words: 'Do you have this coat in green?', customer: guest() });
    await world.settle();
    const cards = () => cardsOf(insight);
    const first = cards()[0]!.ts;
    // Posted, and nobody lived to record it.
    await world.db.pool.query(sql.unsafe`delete from slack_cards where loop_id = ${insight}`);
    const [lost] = await promptTo(insight, 'slack');
    await world.db.pool.query(sql.unsafe`
      update deliveries set state = 'sending', provider_ref = null, ended_at = null, lease_until = clock_timestamp() + interval '1 hour'
      where id = ${lost!.id}`);
    await world.db.pool.transaction(async (tx) => {
      const plan = await tx.oneFirst(sql.type(z.object({ occasion: z.string() }))`
        select occasion from deliveries where id = ${lost!.id}`);
      const again = { key: `prompt:${insight}:1:again:tomas:slack`, purpose: 'prompt', channel: 'slack' } as const;
      await planDelivery(tx, { ...again, loopId: insight, round: 1, staff: 'tomas', occasion: plan });
    });
    world.heed.hint();
    await world.until('they are called again', async () => (await promptTo(insight, 'slack'))[1]?.state === 'sent');
    expect(cards()).toHaveLength(2);
    await world.db.pool.query(sql.unsafe`
      update deliveries set lease_until = clock_timestamp() - interval '1 second', started_until = null where id = ${lost!.id}`);
    await world.settle();
    expect(cards().map(({ ts }) => ts)).toEqual([expect.not.stringMatching(first)]);
    await eraseWhoSaid(id);
    await world.settle();
    expect(cards()).toHaveLength(1);
    expect(inSlack()).toEqual([]);
  });

  test('a prompt of which nobody knew whether it arrived is taken out of Slack when its customer was erased meanwhile', async () => {
    world.room.faults.script({ at: 'chat.postMessage', do: 'lose' });
    const { id } = await heardOf();
    await world.until('it is in doubt', async () => (await promptTo(id, 'slack'))[0]?.state === 'uncertain');
    expect(inSlack()).toHaveLength(1);
    await eraseWhoSaid(id);
    await world.pass('41 seconds');
    expect(inSlack()).toEqual([]);
    expect(await promptTo(id, 'email')).toEqual([]);
  });

  test('one that had not arrived when they were erased is not made again, in Slack or by e-mail', async () => {
    world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 500 });
    const { id } = await heardOf();
    await world.until('it is in doubt', async () => (await promptTo(id, 'slack'))[0]?.state === 'uncertain');
    await eraseWhoSaid(id);
    await world.pass('41 seconds');
    expect(await promptTo(id, 'slack')).toMatchObject([{ state: 'cancelled', last_error_code: 'erased' }]);
    expect(await promptTo(id, 'email')).toEqual([]);
    expect(inSlack()).toEqual([]);
  });

  test('one that had not arrived when its loop was handed over is not made again to whoever gave it away', async () => {
    world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 500 });
    const { id } = await waits({ words: 'How much is the coat?' });
    await world.until('it is in doubt', async () => (await promptTo(id, 'slack'))[0]?.state === 'uncertain');
    await handOver(world.heed, world.as('jonas', id), { to: 'priya', reason: 'Hers.' });
    await world.pass('41 seconds');
    expect(await promptTo(id, 'slack')).toMatchObject([
      { staff: 'jonas', state: 'cancelled', last_error_code: 'handed_over' },
      { staff: 'priya', state: 'sent' },
    ]);
    expect(await promptTo(id, 'email')).toEqual([]);
    expect(cardsOf(id)).toHaveLength(1);
  });

  test.each([
    ['an HTTP 500', { do: 'answer', status: 500 }],
    ['an internal error', { do: 'error', error: 'internal_error' }],
  ] as const)('%s, and nothing posted: posted again', async (_, fault) => {
    world.room.faults.script({ at: 'chat.postMessage', ...fault });
    const { id } = await coat();
    await world.until('it is in doubt', async () => (await promptTo(id, 'slack'))[0]?.state === 'uncertain');
    expect(cardsOf(id)).toEqual([]);
    await world.pass('45 seconds');
    expect((await promptTo(id, 'slack')).map((message) => message.state)).toEqual(['sent']);
    expect(cardsOf(id)).toHaveLength(1);
    expect(await promptTo(id, 'email')).toEqual([]);
  });
});

test('a mail that could not be taken from the disk is asked for again, and is gone after a restart', async () => {
  const kim = guest();
  const id = await answerTo(kim);
  expect(world.mailsTo(kim.email)).not.toEqual([]);
  const takenBack = async () =>
    (await world.messages({ loopId: id, purpose: 'redaction' })).filter(({ channel }) => channel === 'email');
  await symlink('/dev/full', join(dataDir, 'mailbox.ndjson.new'));
  await erase(world.heed, await subjectNamed(world.db.pool, id), operator);
  await world.until('its disk is full', async () =>
    (await takenBack()).some(({ last_error_code: code }) => code === 'mailbox_kept_it'),
  );

  await world.pass('1 minute');
  expect(new Set((await takenBack()).map(({ state }) => state))).toEqual(new Set(['sent']));
  expect(world.mailsTo(kim.email)).toEqual([]);
  const restarted = join(dataDir, 'restarted');
  await mkdir(restarted);
  await copyFile(join(dataDir, 'mailbox.ndjson'), join(restarted, 'mailbox.ndjson'));
  const mailbox = await startMailbox({ dataDir: restarted });
  expect(mailbox.mails(kim.email)).toEqual([]);
  await mailbox.stop();
});

test('a mail that a real mail server took stays with whoever received it, and takes no letter’s place to be left there', async () => {
  const { id: loopId } = await coat();
  const key = `redaction:${loopId}`;
  await world.db.pool.transaction(async (tx) => {
    await planDelivery(tx, { key, purpose: 'redaction', channel: 'email', loopId, staff: 'priya' });
    await tx.query(sql.unsafe`
      update deliveries set started_until = clock_timestamp() + interval '1 hour' where id = ${idOfDelivery(key)}`);
  });
  const full: Hands['post'] = { takeRoom: () => undefined, connect: () => Promise.reject(new Error('not asked')) };
  expect(await deliver(handsWith(full), idOfDelivery(key))).toBe('suppressed:out_of_reach');
});

test('a letter that finds nobody at the mail server ten times has made no link, and one that is put off keeps those alone that it left with', async () => {
  const id = await answerTo(guest());
  const links = async () =>
    world.db.pool.oneFirst(
      sql.type(z.object({ n: z.number() }))`
        select count(*)::integer as n from links where delivery_id = ${(await letterOf(id)).id}`,
    );
  world.mailbox.faults.script({ at: 'connect', do: 'drop' }, Infinity);
  await approve(id);
  await world.pass('30 minutes');
  expect((await letterOf(id)).fence).toBeGreaterThanOrEqual(10);
  expect(await links()).toBe(0);

  world.mailbox.faults.clear();
  world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 450 }, 2);
  await world.pass('6 minutes');
  expect(await letterOf(id)).toMatchObject({ state: 'ready', last_error_code: 'smtp_450' });
  expect(await links()).toBe(0);
  await world.pass('11 minutes');
  expect(await letterOf(id)).toMatchObject({ state: 'sent' });
  // Their page, and the way out.
  expect(await links()).toBe(2);
});

test('a way in that could not be mailed while it was good is not mailed at all, also when the mail server is well again', async () => {
  const { email } = world.db.company.staff['jonas']!;
  const key = 'sign_in:-:-:late:jonas:email';
  const expiresAt = new Date((await world.now()).getTime() + signInLinkMs);
  const mailed = async () => (await world.messages({ purpose: 'sign_in' })).find(({ id }) => id === idOfDelivery(key));
  world.mailbox.faults.script({ at: 'connect', do: 'drop' }, Infinity);
  await world.db.pool.transaction((tx) =>
    planDelivery(tx, { key, purpose: 'sign_in', channel: 'email', staff: 'jonas', expiresAt }),
  );
  await world.pass('9 minutes');
  expect(await mailed()).toMatchObject({ state: 'ready', last_error_code: 'smtp_econnection' });
  world.mailbox.faults.clear();
  await world.pass('30 minutes');
  expect(await mailed()).toMatchObject({ state: 'expired', last_error_code: 'too_late' });
  expect(world.mailsTo(email).filter(({ subject }) => subject.startsWith('Sign in'))).toEqual([]);
});

test('what is posted while somebody’s code becomes another’s is not the card of the new one', async () => {
  const former = world.db.company.staff['jonas']!.email;
  world.room.faults.script({ at: 'chat.postMessage', do: 'slow', ms: 1_500 });
  const { id } = await coat();
  const state = async () => (await promptTo(id, 'slack'))[0]?.state;
  await world.until('it is on its way', async () => (await state()) === 'sending');
  await world.db.apply((company) => (company.staff['jonas']!.email = 'jonas.winter@linden-vale.example'));
  expect(await state()).toBe('sending');
  await world.settle();
  expect(await state()).toBe('sent');
  expect(await world.db.pool.exists(sql.unsafe`select from slack_cards where loop_id = ${id}`)).toBe(false);
  expect(cardsOf(id)).toEqual([]);
  await world.db.apply((company) => (company.staff['jonas']!.email = former));
});

describe('when Slack will not take it', () => {
  test('too many at once: again when it says so, and once', async () => {
    world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 429, retryAfter: 30 });
    const { id } = await coat();
    await world.settle();
    const [held] = await promptTo(id, 'slack');
    expect(held).toMatchObject({ state: 'ready', last_error_code: 'slack_rate_limited' });
    await world.pass('35 seconds');
    expect(cardsOf(id)).toHaveLength(1);
    expect(await promptTo(id, 'email')).toEqual([]);
  });

  test('too many at once for longer than somebody can wait: by e-mail now, and not in Slack later', async () => {
    world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 429, retryAfter: 300 });
    const { id } = await coat();
    await world.settle();
    expect((await promptTo(id, 'email')).map((message) => message.state)).toEqual(['sent']);
    await world.pass('10 minutes');
    expect(cardsOf(id)).toEqual([]);
  });

  test('too many at once for what was held until a moment ago: again when it says so, as for any other', async () => {
    const order = (stops: boolean) =>
      world.db.pool.transaction((tx) =>
        orderSending(tx, { audience: 'staff', stops, by: 'operator', reason: 'a drill' }),
      );
    await order(true);
    const { id } = await coat();
    await world.pass('10 minutes');
    expect(await promptTo(id, 'slack')).toMatchObject([{ state: 'planned', last_error_code: 'stopped' }]);
    world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 429, retryAfter: 30 });
    await order(false);
    await world.pass('35 seconds');
    expect(cardsOf(id)).toHaveLength(1);
    expect(await promptTo(id, 'email')).toEqual([]);
  });

  test('for good: by e-mail at once', async () => {
    world.room.faults.script({ at: 'chat.postMessage', do: 'error', error: 'account_inactive' });
    const before = world.mailsTo(jonas).length;
    const { id, reference } = await coat();
    await world.settle();
    expect((await promptTo(id, 'slack')).map((message) => message.state)).toEqual(['failed']);
    expect(
      world
        .mailsTo(jonas)
        .slice(before)
        .map((mail) => mail.subject.includes(reference)),
    ).toEqual([true]);
  });

  test('because it is down: by e-mail within two minutes, and nothing stale when it is back', async () => {
    world.room.faults.script({ at: '*', do: 'answer', status: 503 }, Infinity);
    const before = world.mailsTo(jonas).length;
    const { id } = await coat();
    await world.pass('2 minutes');
    expect(world.mailsTo(jonas)).toHaveLength(before + 1);
    world.room.faults.clear();
    await world.pass('10 minutes');
    expect(cardsOf(id)).toEqual([]);
    expect(world.mailsTo(jonas)).toHaveLength(before + 1);
  });

  test('in doubt, with a history that cannot be read: by e-mail, and reconciled once it can be', async () => {
    world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 500 });
    world.room.faults.script({ at: 'conversations.history', do: 'answer', status: 500 });
    const { id } = await coat();
    await world.until('it is in doubt', async () => (await promptTo(id, 'slack'))[0]?.state === 'uncertain');
    await world.db.passTime('45 seconds');
    await world.until('it went by e-mail', async () => (await promptTo(id, 'email'))[0]?.state === 'sent');
    await world.pass('3 minutes');
    expect((await promptTo(id, 'slack')).map((m) => m.last_error_code)).toEqual(['went_by_email']);
    expect(cardsOf(id)).toEqual([]);
  });

  test('in doubt, with a history that cannot be read for hours: looked for more and more rarely, and not forgotten', async () => {
    const since = await world.now();
    world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 500 });
    world.room.faults.script({ at: 'conversations.history', do: 'answer', status: 500 }, Infinity);
    const { id } = await coat();
    await world.until('it is in doubt', async () => (await promptTo(id, 'slack'))[0]?.state === 'uncertain');
    const minutesUntilNext = async () =>
      ((await promptTo(id, 'slack'))[0]!.not_before.getTime() - (await world.now()).getTime()) / 60_000;
    await world.pass('1 minute');
    expect(await minutesUntilNext()).toBeLessThan(2);
    await world.pass('20 minutes');
    expect(await minutesUntilNext()).toBeLessThan(15);
    await world.pass('6 hours');
    expect(await minutesUntilNext()).toBeLessThan(61);
    expect(await promptTo(id, 'slack')).toMatchObject([{ state: 'uncertain', last_error_code: 'went_by_email' }]);
    expect(await brokenSince(since)).toEqual([]);
    world.room.faults.clear();
    await world.pass('1 hour');
    expect(await promptTo(id, 'slack')).toMatchObject([{ state: 'expired', last_error_code: 'went_by_email' }]);
    expect(cardsOf(id)).toEqual([]);
  });

  test('what went by e-mail while Slack took nothing has whoever is called later called as ever, and not in a digest', async () => {
    const { attention } = world.db.company;
    await world.db.passTime('10 minutes');
    await world.db.apply((company) => (company.attention = { prompts: 1, within: { amount: 5, unit: 'm' } }));
    try {
      world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 500 });
      world.room.faults.script({ at: 'conversations.history', do: 'answer', status: 500 }, Infinity);
      const { id } = await coat();
      await world.until('it is in doubt', async () => (await promptTo(id, 'slack'))[0]?.state === 'uncertain');
      await world.db.passTime('45 seconds');
      await world.until('it went by e-mail', async () => (await promptTo(id, 'email'))[0]?.state === 'sent');
      const { id: later } = await coat();
      await world.until('they are called', async () =>
        (await promptTo(later, 'slack')).some(({ state }) => ['sent', 'cancelled'].includes(state)),
      );
      expect(await promptTo(later, 'slack')).toMatchObject([{ state: 'sent' }]);
    } finally {
      await world.db.apply((company) => {
        if (attention) company.attention = attention;
        else delete company.attention;
      });
    }
  });

  test('in doubt, with a history that cannot be read, when its loop was handed over: not by e-mail to whoever gave it away', async () => {
    world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 500 });
    world.room.faults.script({ at: 'conversations.history', do: 'answer', status: 500 });
    const before = world.mailsTo(jonas).length;
    const { id } = await waits({ words: 'How much is the coat?' });
    await world.until('it is in doubt', async () => (await promptTo(id, 'slack'))[0]?.state === 'uncertain');
    await handOver(world.heed, world.as('jonas', id), { to: 'priya', reason: 'Hers.' });
    await world.db.passTime('45 seconds');
    await world.until('it is known what becomes of it', async () =>
      (await promptTo(id, 'email')).some(({ state }) => ['cancelled', 'sent'].includes(state)),
    );
    expect(await promptTo(id, 'email')).toMatchObject([
      { staff: 'jonas', state: 'cancelled', last_error_code: 'handed_over' },
    ]);
    await world.pass('3 minutes');
    expect(await promptTo(id, 'slack')).toMatchObject([
      { staff: 'jonas', state: 'expired', last_error_code: 'went_by_email' },
      { staff: 'priya', state: 'sent' },
    ]);
    expect(world.mailsTo(jonas)).toHaveLength(before);
  });

  test('what is to be taken back is done again after a worker was lost with it, also where Slack knows that colleague no more', async () => {
    const { id } = await coat();
    await world.settle();
    const unknown = () => {
      world.room.faults.script({ at: 'users.lookupByEmail', do: 'error', error: 'users_not_found' }, Infinity);
      world.room.faults.script({ at: 'conversations.history', do: 'error', error: 'channel_not_found' }, Infinity);
    };
    world.room.faults.script({ at: 'chat.delete', do: 'error', error: 'ratelimited' }, Infinity);
    unknown();
    await erase(world.heed, await subjectNamed(world.db.pool, id), operator);
    const taking = async () =>
      (await world.messages({ loopId: id, purpose: 'redaction' })).filter(({ channel }) => channel === 'slack');
    await world.until('it is tried', async () => (await taking()).some(({ state }) => state === 'ready'));
    await world.settle();
    // As a worker leaves it that is killed behind the gate.
    await world.db.pool.query(sql.unsafe`
      update deliveries set state = 'uncertain', phase = 'handed', not_before = heed_now(), started_until = null
      where loop_id = ${id} and purpose = 'redaction' and channel = 'slack'`);
    await world.db.pool.query(sql.unsafe`update staff set slack_id = null`);
    world.room.faults.clear();
    unknown();
    await world.pass('2 minutes');
    for (const one of await taking()) expect(one).toMatchObject({ state: 'sent' });
    world.room.faults.clear();
  });

  test('what Slack will never give back is left there by an operator alone, who says why', async () => {
    const { id, reference } = await coat();
    await world.settle();
    const leave = () => repair(world.heed, { loopId: id, by: 'ops' }, { action: 'leave', reason: 'Deleted by hand.' });
    world.room.faults.script({ at: 'chat.delete', do: 'error', error: 'cant_delete_message' }, Infinity);
    await erase(world.heed, await subjectNamed(world.db.pool, id), operator);
    await world.settle();
    // Nor is it given up where there is no token at all.
    const taking = (await world.messages({ loopId: id, purpose: 'redaction' })).find(
      ({ channel }) => channel === 'slack',
    )!;
    await world.db.pool.query(sql.unsafe`
      update deliveries set not_before = heed_now(), started_until = clock_timestamp() + interval '1 hour' where id = ${taking.id}`);
    const without = handsWith(openPostOffice(world.mailbox.smtpUrl));
    expect(await deliver(without, taking.id)).toBe('ready:slack_not_configured');
    await world.pass('30 minutes');
    await expect(leave()).rejects.toThrow('nothing that Slack has refused to take back for as long');
    await world.pass('35 minutes');
    expect(await stuckOf(id)).toEqual(['redaction slack_cant_delete_message']);
    const offered = (await stuckLoops(world.db.pool, world.db.company)).find((one) => one.reference === reference);
    expect(explainStuck(offered!)).toMatchObject({
      sentence: expect.stringContaining('it stands there (slack_cant_delete_message, after'),
      whatToDo: expect.stringContaining(`heed repair ${reference} --action leave --message`),
    });

    expect((await leave()).sentence).toBe('One message will be left where it stands, and not be taken back.');
    expect(await stuckOf(id)).toEqual([]);
    world.room.faults.clear();
    await world.pass('10 minutes');
    expect(await world.messages({ loopId: id, purpose: 'redaction' })).toContainEqual(
      expect.objectContaining({ channel: 'slack', state: 'failed', last_error_code: 'left_by_hand' }),
    );
    expect(
      await world.db.pool.anyFirst(
        sql.unsafe`select action || ' by ' || by || ': ' || reason from repairs where loop_id = ${id}`,
      ),
    ).toEqual(['leave by ops: Deleted by hand.']);
  });

  test('news to whoever captured it takes the same way, and the last step, which goes both ways anyway, is one e-mail', async () => {
    world.room.faults.script({ at: '*', do: 'error', error: 'account_inactive' }, Infinity);
    const before = world.mailsTo('priya@linden-vale.example').length;
    await world.capture({ words: '...', by: 'priya' });
    await world.settle();
    expect(world.mailsTo('priya@linden-vale.example')).toHaveLength(before + 1);

    await world.db.apply((company) => (company.executive = 'priya'));
    const { id } = await world.capture({ words: 'How much is the sock?', customer: guest() });
    await world.pass('21 days');
    expect((await promptTo(id, 'email')).map((message) => message.staff)).toEqual(['priya', 'priya']);
    await world.db.apply((company) => (company.executive = 'ingrid'));
  });
});

describe('a letter to a customer is sent at most once', () => {
  test('nobody answers the door: nothing was sent, and it goes out later', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'connect', do: 'drop' });
    await approve(id);
    await world.settle();
    expect(await letterOf(id)).toMatchObject({ state: 'ready', last_error_code: 'smtp_econnection' });
    await world.pass('5 seconds');
    expect(await letterOf(id)).toMatchObject({ state: 'sent' });
    expect(world.mailsTo(kim.email)).toHaveLength(2);
  });

  test('our password is not taken any more: no letter is given up, and each is sent once it is put right', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'mail', do: 'answer', code: 530, text: '5.7.0 Sign in first' }, Infinity);
    await approve(id);
    await world.pass('30 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'ready', last_error_code: 'smtp_sender_530' });
    world.mailbox.faults.clear();
    await world.pass('6 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'sent' });
    expect(world.mailsTo(kim.email)).toHaveLength(2);
  });

  test('refused for now: again after five minutes, and once', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 450 });
    await approve(id);
    await world.pass('4 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'ready', last_error_code: 'smtp_450' });
    await world.pass('2 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'sent' });
    expect(world.mailsTo(kim.email)).toHaveLength(2);
  });

  test('put off for an hour: whoever answers for it is told, once; it is found by who looks, tried on, and sent', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 452 }, Infinity);
    await approve(id);
    const notices = () => world.messages({ loopId: id, purpose: 'notice' });
    const found = () => stuckOf(id);
    await world.pass('50 minutes');
    expect([await notices(), await found()]).toEqual([[], []]);
    await world.pass('20 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'ready', last_error_code: 'smtp_452' });
    expect(await found()).toContain('answer smtp_452');
    await world.pass('30 minutes');
    expect(await notices()).toEqual([expect.objectContaining({ staff: 'priya', state: 'sent' })]);
    expect(await toldPriya(id, 'A letter has not left yet')).toContain('has not left (smtp_452)');

    world.mailbox.faults.clear();
    await world.pass('6 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'sent' });
    expect(world.mailsTo(kim.email)).toHaveLength(2);
    expect(await found()).toEqual([]);
  });

  test('one that a full mailbox puts off without end is given up by an operator, who says why; whoever answers for it is told, and nothing else goes there', async () => {
    const kim = guest();
    const [id, other] = [await answerTo(kim), await answerTo(kim)];
    world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 452 }, Infinity);
    await approve(id);
    await world.pass('50 minutes');
    await expect(giveUp(id)).rejects.toThrow('no letter to a customer that the mail server has put off for an hour');
    await approve(other);
    await world.pass('20 minutes');
    const { reference } = await world.signal(id);
    expect((await stuckLoops(world.db.pool, world.db.company)).map((one) => explainStuck(one).whatToDo)).toContainEqual(
      expect.stringContaining(`heed repair ${reference} --action leave`),
    );

    expect((await giveUp(id)).sentence).toContain('One letter is given up');
    await world.settle();
    for (const one of [id, other]) {
      expect(await letterOf(one)).toMatchObject({ state: 'suppressed', last_error_code: 'bounced' });
      expect(await world.signal(one)).toMatchObject({ unreachable: 'bounced', closed_how: 'nobody_to_reach' });
      expect(await toldPriya(one)).toContain('has taken no mail for too long, and it was given up');
    }
    expect(await stuckOf(id)).toEqual([]);
    expect(
      await world.db.pool.anyFirst(
        sql.unsafe`select action || ' by ' || by || ': ' || reason from repairs where loop_id = ${id}`,
      ),
    ).toEqual(['leave by ops: Full for weeks.']);
    world.mailbox.faults.clear();
    await world.pass('1 day');
    expect(world.mailsTo(kim.email)).toHaveLength(2);
    await expect(giveUp(id)).rejects.toThrow('no message of it in doubt');
  });

  test.each([
    ['no mail server has answered', { at: 'connect', do: 'drop' }, 'smtp_econnection'],
    ['it answered before there was a letter', { at: 'connect', do: 'answer', code: 454 }, 'smtp_connect_454'],
    ['it refuses us', { at: 'rcpt', do: 'answer', code: 554, text: '5.7.1 Relay access denied' }, 'smtp_sender_554'],
  ] as const)('where %s, nothing speaks against an address: such a letter is not given up', async (_, fault, code) => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script(fault, Infinity);
    await approve(id);
    await world.pass('70 minutes');
    expect(await stuckOf(id)).toContain(`answer ${code}`);
    const { reference } = await world.signal(id);
    const offered = (await stuckLoops(world.db.pool, world.db.company)).filter((one) => one.reference === reference);
    expect(offered.map((one) => explainStuck(one).whatToDo).join()).not.toContain('--action leave');
    await expect(giveUp(id)).rejects.toThrow('no letter to a customer that the mail server has put off');
    world.mailbox.faults.clear();
    await world.pass('6 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'sent' });
  });

  test('for which there was no room in an hour: whoever answers for it is told that, and it leaves once there is', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    await world.without(async () => {
      await approve(id);
      const full = handsWith({ ...openPostOffice(world.mailbox.smtpUrl), takeRoom: () => undefined });
      const finds = async () => deliver(full, (await letterOf(id)).id);
      expect(await finds()).toBe('no_room');
      await world.db.passTime('50 minutes');
      expect(await finds()).toBe('no_room');
      expect(await noticesOf(id)).toEqual([]);
      await world.db.passTime('11 minutes');
      expect(await finds()).toBe('no_room');
      await world.db.passTime('1 minute');
      expect(await finds()).toBe('no_room');
      expect(await noticesOf(id)).toEqual([expect.objectContaining({ staff: 'priya', state: 'planned' })]);
      // Priya is told before the letter may be looked at again.
      await world.db.pool.query(sql.unsafe`
        update deliveries set not_before = heed_now() + interval '1 minute' where loop_id = ${id} and purpose = 'answer'`);
    });
    await world.until('she is told', async () => (await noticesOf(id))[0]?.state === 'sent');
    expect(await toldPriya(id, 'A letter has not left yet')).toContain('are with the mail server (no_room)');
    await world.pass('2 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'sent', fence: 1 });
    expect(world.mailsTo(kim.email)).toHaveLength(2);
  });

  test('for a mail server that would not encrypt, though it must, waits and is told; nothing of it was heard, and it leaves once that is settled', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    const before = world.mailsTo(kim.email).length;
    await world.without(async () => {
      await approve(id);
      const demanding = handsWith(openPostOffice(`${world.mailbox.smtpUrl}?requireTLS=true`));
      const tries = async () => deliver(demanding, (await letterOf(id)).id);
      expect(await tries()).toBe('ready:smtp_unencrypted');
      await world.db.passTime('61 minutes');
      expect(await tries()).toBe('ready:smtp_unencrypted');
      const found = (await stuckLoops(world.db.pool, world.db.company)).filter(({ loopId }) => loopId === id);
      expect(found.map(explainStuck)).toContainEqual(
        expect.objectContaining({
          sentence: expect.stringContaining('the mail server offers no encryption (smtp_unencrypted)'),
          whatToDo: expect.stringMatching(/STARTTLS.*smtps:\/\/ in SMTP_URL.*UNENCRYPTED=mail/),
        }),
      );
    });
    expect(world.mailsTo(kim.email)).toHaveLength(before);
    await world.pass('6 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'sent' });
    expect(world.mailsTo(kim.email)).toHaveLength(before + 1);
  });

  test('a letter tried thirteen times in half an hour, then held until morning, and put off once, is not tried in vain', async () => {
    await world.db.apply((company) => (company.customers.quietHours = { from: 20 * 60, to: 8 * 60 }));
    await world.passTo('friday', '19:25');
    const id = await answerTo(guest());
    world.mailbox.faults.script({ at: 'connect', do: 'drop' }, Infinity);
    await approve(id);
    await world.passTo('saturday', '07:59');
    expect(await letterOf(id)).toMatchObject({ state: 'ready', last_error_code: 'quiet_hours' });
    expect((await letterOf(id)).fence).toBeGreaterThanOrEqual(13);
    world.mailbox.faults.clear();
    world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 451 }, Infinity);
    await world.pass('4 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'ready', last_error_code: 'smtp_451' });
    expect([await stuckOf(id), await noticesOf(id)]).toEqual([[], []]);

    await world.pass('50 minutes');
    expect([await stuckOf(id), await noticesOf(id)]).toEqual([[], []]);
    await world.pass('20 minutes');
    expect(await stuckOf(id)).toContain('answer smtp_451');
    expect(await noticesOf(id)).toHaveLength(1);
    world.mailbox.faults.clear();
    await world.pass('6 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'sent' });
    await world.db.apply((company) => void delete company.customers.quietHours);
  });

  test('whoever is told by e-mail that a letter has not left is not told so once it has', async () => {
    await world.db.apply((company) => (company.staff['priya']!.prompts = 'email'));
    const id = await answerTo(guest());
    world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 452 }, Infinity);
    await approve(id);
    await world.pass('70 minutes');
    expect(await noticesOf(id)).toEqual([expect.objectContaining({ channel: 'email', state: 'ready' })]);

    // The letter is let through first.
    world.mailbox.faults.clear();
    const order = (what: string, later: string) =>
      world.db.pool.query(sql.unsafe`
        update deliveries set not_before = heed_now() + ${later}::interval where loop_id = ${id} and purpose = ${what}`);
    await order('notice', '5 minutes');
    await order('answer', '0 minutes');
    await world.settle();
    expect(await letterOf(id)).toMatchObject({ state: 'sent' });
    await world.pass('6 minutes');
    expect(await noticesOf(id)).toEqual([expect.objectContaining({ state: 'cancelled', last_error_code: 'met' })]);
    await world.db.apply((company) => (company.staff['priya']!.prompts = 'slack'));
  });

  test('of many letters that do not leave, whoever answers is told once; and of one that has not left when that one has', async () => {
    const ids = [await answerTo(guest()), await answerTo(guest()), await answerTo(guest())];
    world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 452 }, Infinity);
    const [last, ...others] = ids;
    for (const id of others) await approve(id);
    const told = async () => (await Promise.all(ids.map(noticesOf))).flat();
    await world.pass('70 minutes');
    expect(await told()).toEqual([expect.objectContaining({ staff: 'priya', state: 'sent' })]);
    // One that begins not to leave only after she was told is one of those that she was told there may be.
    await approve(last!);
    await world.settle();
    // Each is tried once an hour here, not every five minutes: it is the same, and sooner over.
    for (let hour = 1; hour <= 4; hour += 1) {
      await world.db.passTime('1 hour');
      world.heed.hint();
      await world.settle();
      expect(await told()).toHaveLength(1);
    }
    expect(await stuckOf(last!)).toContain('answer smtp_452');

    const [first] = await told();
    await world.db.pool.query(sql.unsafe`
      update deliveries set state = 'cancelled', ended_at = heed_now()
      where id = (select occasion from deliveries where id = ${first!.id})`);
    await world.pass('10 minutes');
    expect(await told()).toHaveLength(2);
  });

  test('one that never leaves keeps whoever answers from hearing of another for a day, and no longer', async () => {
    const [stuck, other] = [await answerTo(guest()), await answerTo(guest())];
    world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 452 }, Infinity);
    await approve(stuck);
    await world.pass('70 minutes');
    expect(await noticesOf(stuck)).toHaveLength(1);
    const triedAfter = async (later: string) => {
      await world.db.passTime(later);
      world.heed.hint();
      await world.settle();
    };
    await approve(other);
    await world.settle();
    for (const later of ['2 hours', '20 hours']) {
      await triedAfter(later);
      expect(await noticesOf(other)).toEqual([]);
    }
    await triedAfter('3 hours');
    expect(await noticesOf(other)).toEqual([expect.objectContaining({ staff: 'priya', state: 'sent' })]);
  });

  test('one that is refused as if we were meant, and alone is, ends where an operator names it: nothing is held against the address', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'data', do: 'answer', code: 550, text: '5.7.26 Not signed' }, Infinity);
    await approve(id);
    await world.pass('70 minutes');
    const { id: letter } = await letterOf(id);
    const leave = () =>
      repair(
        world.heed,
        { loopId: id, by: 'ops' },
        { action: 'leave', message: `<d.${letter}@heed>`, reason: 'All others leave.' },
      );
    await expect(giveUp(id)).rejects.toThrow('no letter to a customer that the mail server has put off');
    expect((await leave()).sentence).toContain('That message is given up, and no other');
    await world.settle();
    expect(await letterOf(id)).toMatchObject({ state: 'failed', last_error_code: 'smtp_sender_550' });
    expect(await world.signal(id)).toMatchObject({ reach: 'email', closed_how: 'nobody_to_reach' });
    expect(await toldPriya(id)).toContain('refused for good (smtp_sender_550)');
    await expect(leave()).rejects.toThrow('no such message of it in doubt');
  });

  test('one that no mail server has seen for an hour ends where an operator names it: whoever answers is told, and it stays open until they write anew', async () => {
    const since = await world.now();
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'connect', do: 'drop' }, Infinity);
    await approve(id);
    await world.pass('70 minutes');
    const { id: letter } = await letterOf(id);
    await repair(
      world.heed,
      { loopId: id, by: 'ops' },
      { action: 'leave', message: `<d.${letter}@heed>`, reason: 'It will never be composed.' },
    );
    await world.settle();
    expect(await letterOf(id)).toMatchObject({ state: 'suppressed', last_error_code: 'left_unsent' });
    expect(await world.signal(id)).toMatchObject({
      reach: 'email',
      owed_by: 'email',
      answered_at: null,
      closed_at: null,
    });
    expect(await toldPriya(id)).toContain('could not be sent (smtp_econnection), and was given up');
    expect(await toldPriya(id)).toContain(
      'But it stays open until they have been answered: please write to them again.',
    );
    world.mailbox.faults.clear();

    await approve(id);
    await world.settle();
    expect(world.mailsTo(kim.email)).toHaveLength(2);
    expect(await world.signal(id)).toMatchObject({ answered_by: 'priya', asked_at: expect.any(Date) });
    expect(await brokenSince(since)).toEqual([]);
  });

  test('an answer refused for good is told to whoever answers for it; it never leaves again, and the loop ends as one that could not be asked', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script(nobodyThere);
    await approve(id);
    await world.pass('1 day');
    expect(await letterOf(id)).toMatchObject({ state: 'failed', last_error_code: 'smtp_550' });
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach', could_not_be_asked: 'failed' });
    expect(world.mailsTo(kim.email)).toHaveLength(1);
    expect((await noticesOf(id)).map((m) => `${m.staff} ${m.state}`)).toEqual(['priya sent']);
    expect(await toldPriya(id)).toContain('There is nobody at the address that this customer left');

    // As where mail has bounced: whoever has that address again is not written to.
    const { id: later } = await world.capture({ words: 'Where is my parcel?', customer: kim, consent: mayWrite });
    await world.settle();
    expect(await world.signal(later)).toMatchObject({ reach: null, unreachable: 'bounced' });
    expect(await world.messages({ loopId: later, purpose: 'receipt' })).toEqual([]);

    // Until somebody says that it is right: they are thanked there for what they say next, and nothing of before is sent.
    await vouchByHand(world.heed, (await world.signal(id)).customer_id!, 'otto');
    await world.capture({ words: 'Is it on its way?', customer: kim, consent: mayWrite });
    await world.settle();
    expect(world.mailsTo(kim.email)).toHaveLength(2);
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach', reach: 'email' });
  });

  test.each([
    ['is taken for unwanted mail', 'data', 554],
    ['no relay will carry', 'rcpt', 550],
  ] as const)('one that %s is told, too, and says nothing against the address', async (_, at, code) => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at, do: 'answer', code });
    await approve(id);
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach', reach: 'email' });
    expect((await noticesOf(id)).map((m) => `${m.staff} ${m.state}`)).toEqual(['priya sent']);
    expect(await toldPriya(id)).toContain(`refused for good (smtp_${code})`);
    expect(await toldPriya(id)).toContain('Nothing more is sent about it by itself.');
    expect(await partOf(id)).toEqual(['could-not-be-asked']);
  });

  test('an answer that could not leave before the day that it promised was over is not sent; whoever answers is told, and writes anew, which leaves', async () => {
    await world.passTo('monday', '23:00');
    const since = await world.now();
    const kim = guest();
    const id = await answerTo(kim);
    const today = localDate(since, 'Europe/Amsterdam');
    world.mailbox.faults.script({ at: 'connect', do: 'drop' }, Infinity);
    await approve(id, { promiseOn: today });
    await world.pass('70 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'suppressed', last_error_code: 'promise_over' });
    world.mailbox.faults.clear();
    expect(await world.signal(id)).toMatchObject({
      answered_at: null,
      owed_by: 'email',
      promised_on: null,
      closed_at: null,
    });
    expect(await toldPriya(id)).toContain(
      'was over before it could leave. But it stays open until they have been answered',
    );
    expect(world.mailsTo(kim.email)).toHaveLength(1);
    const said = async (audience: 'staff' | 'customer') =>
      (await readSignal(world.db.pool, world.db.company, id, { audience }))!.timeline.flatMap(({ kind, sentence }) =>
        /answered|undelivered/.test(kind) ? [sentence] : [],
      );
    expect((await said('staff')).at(-1)).toBe('The answer was not sent: the day that it promised was over by then.');
    expect(await said('customer')).toEqual([]);

    await approve(id);
    await world.settle();
    expect(world.mailsTo(kim.email)).toHaveLength(2);
    expect(await world.signal(id)).toMatchObject({
      answered_by: 'priya',
      asked_at: expect.any(Date),
      promised_on: null,
    });
    expect(await brokenSince(since)).toEqual([]);
  });

  test('one that may have arrived is not sent again once the day that it promises is over: whoever answers hears so and writes anew, and the promise stands', async () => {
    await world.passTo('monday', '23:00');
    const since = await world.now();
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'data', do: 'drop' });
    await approve(id, { promiseOn: localDate(since, 'Europe/Amsterdam') });
    await world.pass('70 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'needs_human' });
    const again = await settle(world.heed, world.as('priya', id), { action: 'resend', reason: 'It never came.' });
    expect(again.sentence).toBe(
      'It is not sent again: the day that it promises is over before it could leave. Answer them anew.',
    );
    await world.settle();
    expect(await letterOf(id)).toMatchObject({ state: 'suppressed', last_error_code: 'promise_over' });
    expect(await world.signal(id)).toMatchObject({ answered_at: null, owed_by: 'email', closed_at: null });
    expect(await toldPriya(id)).toContain('The letter to this customer is not sent any more');
    const theirs = (await readSignal(world.db.pool, world.db.company, id, { audience: 'customer' }))!.timeline;
    expect(theirs.at(-1)?.sentence).toMatch(/wrote to you and promised that you hear from us by/);
    const part = () => world.db.pool.oneFirst(sql.unsafe`select part from now.promises where signal_id = ${id}`);
    expect(await part()).toBe('open');

    await approve(id);
    await world.settle();
    expect(world.mailsTo(kim.email)).toHaveLength(3);
    expect(await world.signal(id)).toMatchObject({ answered_by: 'priya', asked_at: expect.any(Date) });
    expect(await brokenSince(since)).toEqual([]);
  });

  test('that a promised day is over is told once it is known that the letter which promised it left', async () => {
    await world.passTo('monday', '20:30');
    const id = await answerTo(guest());
    world.mailbox.faults.script({ at: 'data', do: 'drop' });
    await approve(id, { promiseOn: localDate(await world.now(), 'Europe/Amsterdam') });
    await world.passTo('tuesday', '09:00');
    const letter = await letterOf(id);
    expect(letter).toMatchObject({ state: 'needs_human' });
    // What is not about the letter itself.
    const told = () =>
      world.db.pool.anyFirst(sql.unsafe`
        select concat_ws(' ', staff, state, last_error_code) from deliveries
        where loop_id = ${id} and purpose = 'notice' and occasion is distinct from ${letter.id}`);
    expect(await told()).toEqual(['priya planned in_doubt']);
    await world.db.pool.query(sql.unsafe`
      update deliveries set state = 'sent', ended_at = heed_now(), last_error_code = null where id = ${letter.id}`);
    await world.pass('61 minutes');
    expect(await told()).toEqual(['priya sent']);
  });

  test('what else was to go to an address where there is nobody is not sent, and whoever answers for that is told, too', async () => {
    const kim = guest();
    const [one, other] = [await answerTo(kim), await answerTo(kim)];
    world.mailbox.faults.script(nobodyThere, Infinity);
    const order = (stops: boolean) =>
      world.db.pool.transaction((tx) =>
        orderSending(tx, { audience: 'customers', stops, by: 'otto', reason: 'a drill' }),
      );
    await order(true);
    try {
      await approve(one);
      await approve(other);
      await world.settle();
    } finally {
      await order(false);
    }
    world.heed.hint();
    await world.settle();
    for (const id of [one, other]) {
      expect(['failed', 'suppressed']).toContain((await letterOf(id)).state);
      expect(await noticesOf(id)).toHaveLength(1);
      expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach' });
    }
    expect(world.mailsTo(kim.email)).toHaveLength(2);
  });

  test('put right while everything of theirs rested, an answer that could not go to their address is owed by letter; once the loop is closed it stays closed', async () => {
    const [kim, right] = [guest(), guest()];
    const id = await answerTo(kim);
    const customer = (await world.signal(id)).customer_id!;
    await world.db.pool.transaction((tx) =>
      orderSending(tx, { audience: 'customers', stops: true, by: 'otto', reason: 'a drill' }),
    );
    try {
      await approve(id);
      await restrict(world.heed, customer, operator);
      await world.db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: kim.email }], 'bounced'));
      await rectify(world.heed, customer, right, operator);
      await lift(world.heed, customer, operator);
    } finally {
      await world.db.pool.transaction((tx) =>
        orderSending(tx, { audience: 'customers', stops: false, by: 'otto', reason: 'a drill' }),
      );
    }
    await world.settle();
    expect(await letterOf(id)).toMatchObject({ state: 'suppressed', last_error_code: 'bounced' });
    expect(await world.signal(id)).toMatchObject({ reach: 'email', answered_at: null, closed_at: null });
    world.mailbox.faults.script(nobodyThere);
    await approve(id);
    await world.pass('10 minutes');
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach', could_not_be_asked: 'failed' });

    await rectify(world.heed, customer, guest(), operator);
    await world.pass('1 day');
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach', round: 1 });
    await expect(approve(id)).rejects.toThrow('was closed');
  });

  describe('and a customer who also agreed to a call', () => {
    const mayCall = { purpose: 'follow_up' as const, channel: 'phone' as const, wording: 'demo-1' };
    /** Taken and answered by Priya; refused at the door, a while ago. */
    async function refused(
      phone: string,
      { by = nobodyThere, ...promise }: { by?: MailFault; promiseOn?: string } = {},
    ): Promise<string> {
      const { id } = await world.capture({
        words: 'Where is my parcel?',
        customer: { ...guest(), phone },
        consent: [...mayWrite, mayCall],
      });
      await world.settle();
      await acknowledge(world.heed, world.as('priya', id));
      world.mailbox.faults.script(by);
      await approve(id, promise);
      await world.pass('10 minutes');
      return id;
    }
    const call = (id: string, outcome: 'reached' | 'no_reply' | 'wrong_number') =>
      recordCall(world.heed, world.as('priya', id), { outcome });
    /** Who was asked says yes, which closes it and counts. */
    async function saysYes(id: string): Promise<void> {
      await confirm(world.heed, { loopId: id, press: world.press() }, { says: 'yes' });
      await world.settle();
      expect(await world.signal(id)).toMatchObject({ closed_how: 'settled' });
      expect(await partOf(id)).toEqual(['yes']);
    }
    const becameOf = async (id: string) => {
      const { timeline } = (await readSignal(world.db.pool, world.db.company, id, { audience: 'staff' }))!;
      return timeline.flatMap(({ kind, sentence }) => (/answered|undelivered|called/.test(kind) ? [sentence] : []));
    };

    test('is owed one: the call that reaches them is the answer, and asks', async () => {
      const since = await world.now();
      const id = await refused('+31 6 55550001');
      expect(await world.signal(id)).toMatchObject({ reach: 'phone', answered_at: null, closed_at: null });
      expect(await toldPriya(id)).toContain('it stays open until somebody has called them.');
      await expect(approve(id)).rejects.toThrow('is a call, not a letter');
      await call(id, 'no_reply');
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({ answered_at: null, closed_at: null });
      expect(await brokenSince(since)).toEqual([]);

      await call(id, 'reached');
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({
        answer_channel: 'phone',
        answered_by: 'priya',
        asked_at: expect.any(Date),
        closed_at: null,
      });
      expect(await brokenSince(since)).toEqual([]);
      await expect(call(id, 'reached')).rejects.toThrow('answered');
      await saysYes(id);
    });

    test('is owed one, too, where nothing was said against their address: those above are asked, and what else is said goes there', async () => {
      const since = await world.now();
      const id = await refused('+31 6 55550011', { by: unwanted });
      expect(await world.signal(id)).toMatchObject({
        reach: 'email',
        owed_by: 'phone',
        answered_at: null,
        closed_at: null,
      });
      expect(await toldPriya(id)).toContain('refused for good (smtp_554)');
      expect(await toldPriya(id)).toContain('it stays open until somebody has called them.');
      await expect(approve(id)).rejects.toThrow('is a call, not a letter');
      const { tasks } = await tasksOf(world.db.pool, world.db.company, 'priya');
      expect(tasks.flatMap((task) => (task.about === 'signal' && task.signal.id === id ? task.asks : []))).toEqual([
        'call',
      ]);
      const { text } = await draftAnswer(world.db.pool, world.db, await world.signal(id), 'priya');
      expect(text).toContain('Say who you are');
      await call(id, 'no_reply');
      await world.pass('21 days');
      expect((await world.escalations(id, 'answered')).map(({ staff }) => staff)).toContain('ingrid');
      expect(await brokenSince(since)).toEqual([]);

      await call(id, 'reached');
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({
        answer_channel: 'phone',
        answered_by: 'priya',
        asked_at: expect.any(Date),
        closed_at: null,
      });
      await confirm(world.heed, { loopId: id, press: world.press() }, { says: 'no' });
      await world.settle();
      expect(await world.signal(id)).toMatchObject({ round: 2, owed_by: 'email' });
      // A letter about the same, later on, is another letter; and refused as well, it is owed as a call as well.
      world.mailbox.faults.script(unwanted);
      await approve(id);
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({ round: 2, owed_by: 'phone', answered_at: null, closed_at: null });
      await call(id, 'wrong_number');
      await world.settle();
      expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach' });
      expect(await partOf(id)).toEqual(['no', 'could-not-be-asked']);
      expect(await brokenSince(since)).toEqual([]);
    });

    test('or a letter to an address that was put right since, where nothing was said against the one it went to', async () => {
      const id = await refused('+31 6 55550012', { by: unwanted });
      const right = guest();
      await rectify(world.heed, (await world.signal(id)).customer_id!, right, operator);
      await world.settle();
      expect(await world.signal(id)).toMatchObject({ owed_by: 'email', answered_at: null, closed_at: null });
      await approve(id);
      await world.settle();
      expect(world.mailsTo(right.email)).toHaveLength(1);
      expect(await world.signal(id)).toMatchObject({ answer_channel: 'email', asked_at: expect.any(Date) });
    });

    test('is owed one where a letter that their mailbox puts off is given up', async () => {
      const since = await world.now();
      const { id } = await world.capture({
        words: 'Where is my parcel?',
        customer: { ...guest(), phone: '+31 6 55550007' },
        consent: [...mayWrite, mayCall],
      });
      await world.settle();
      await acknowledge(world.heed, world.as('priya', id));
      world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 452 }, Infinity);
      await approve(id);
      await world.pass('70 minutes');
      expect(await world.signal(id)).toMatchObject({ reach: 'email', answered_by: 'priya' });
      await giveUp(id);
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({ reach: 'phone', answered_at: null, closed_at: null });
      expect(await toldPriya(id)).toContain('it stays open until somebody has called them.');
      expect(await brokenSince(since)).toEqual([]);
      await call(id, 'reached');
      await world.settle();
      expect(await world.signal(id)).toMatchObject({ answer_channel: 'phone', answered_by: 'priya', closed_at: null });
    });

    test('an answer refused at the door is still owed after the address is put right, and goes to the right one', async () => {
      const since = await world.now();
      const id = await refused('+31 6 55550003');
      const right = guest();
      await rectify(world.heed, (await world.signal(id)).customer_id!, right, operator);
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({ reach: 'email', answered_at: null, closed_at: null });
      expect(await brokenSince(since)).toEqual([]);

      // A colleague writes, in their own name.
      await approveFollowUp(world.heed, world.as('mina', id), { words: 'It comes tomorrow.' });
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({
        answer_channel: 'email',
        answered_by: 'mina',
        asked_at: expect.any(Date),
        last_letter_state: 'sent',
        closed_at: null,
      });
      const [mail, ...others] = world.mailsTo(right.email);
      expect(others).toEqual([]);
      expect(mail?.text).toContain('It comes tomorrow.');
      expect(mail?.from).toContain('Mina');
      await expect(approve(id)).rejects.toThrow('answered');
      expect(await brokenSince(since)).toEqual([]);
      expect(await becameOf(id)).toEqual([
        expect.stringMatching(/^Answered by e-mail by Priya/),
        'The answer could not be delivered.',
        expect.stringMatching(
          /^Answered again by e-mail by Mina .*, in the place of the letter that did not arrive\.$/,
        ),
      ]);

      await saysYes(id);
    });

    test('whoever had called them by the time that the address was put right says so: that is the answer, and nobody writes it', async () => {
      const since = await world.now();
      const id = await refused('+31 6 55550013');
      const right = guest();
      await rectify(world.heed, (await world.signal(id)).customer_id!, right, operator);
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({ owed_by: 'email', answered_at: null });
      await call(id, 'no_reply');
      expect(await world.signal(id)).toMatchObject({ owed_by: 'email', answered_at: null });
      await call(id, 'reached');
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({
        answer_channel: 'phone',
        answered_by: 'priya',
        asked_at: expect.any(Date),
        closed_at: null,
      });
      await expect(approve(id)).rejects.toThrow('answered');
      expect(world.mailsTo(right.email)).toEqual([]);
      expect(await brokenSince(since)).toEqual([]);
      await saysYes(id);
    });

    test('the call that promises what the letter had not is told with that day, and the letter without', async () => {
      const promiseOn = localDate(new Date((await world.now()).getTime() + 2 * 86_400_000), 'Europe/Amsterdam');
      const id = await refused('+31 6 55550010');
      await recordCall(world.heed, world.as('priya', id), { outcome: 'reached', promiseOn });
      const [letter, , spoken] = await becameOf(id);
      expect(letter).not.toContain('A promise');
      expect(spoken).toMatch(
        /^Priya .* told them on the phone what stands in the letter\. A promise until the end of /,
      );
    });

    test('the call that passes a promise on does not keep it', async () => {
      const promiseOn = localDate(new Date((await world.now()).getTime() + 2 * 86_400_000), 'Europe/Amsterdam');
      const id = await refused('+31 6 55550005', { promiseOn });
      const part = () => world.db.pool.oneFirst(sql.unsafe`select part from now.promises where signal_id = ${id}`);
      await call(id, 'reached');
      await world.pass('10 minutes');
      expect(await part()).toBe('ahead');
      await world.pass('4 days');
      expect(await part()).toBe('open');
      await confirm(world.heed, { loopId: id, press: world.press() }, { says: 'yes' });
      expect(await part()).toBe('late');
    });

    test('hears what the letter would have said: a call does not make it the final answer', async () => {
      const { id } = await world.capture({
        words: 'Where is my parcel?',
        customer: { ...guest(), phone: '+31 6 55550006' },
        consent: [...mayWrite, mayCall],
      });
      await world.settle();
      await approve(id);
      await world.settle();
      await confirm(world.heed, { loopId: id, press: world.press() }, { says: 'no' });
      await world.settle();
      world.mailbox.faults.script(nobodyThere);
      await approve(id);
      await world.pass('10 minutes');
      const reached = (final?: boolean) =>
        recordCall(world.heed, world.as('priya', id), { outcome: 'reached', ...(final !== undefined && { final }) });
      await expect(reached(true)).rejects.toThrow('was not our final answer, and that stands');
      expect(await world.signal(id)).toMatchObject({ round: 2, answered_at: null, closed_at: null });
      await reached();
      expect(await world.signal(id)).toMatchObject({ answer_channel: 'phone', final: false });
    });

    test('refused at the right address, too, is owed as a call again', async () => {
      const id = await refused('+31 6 55550004');
      await rectify(world.heed, (await world.signal(id)).customer_id!, guest(), operator);
      world.mailbox.faults.script(nobodyThere);
      await approve(id);
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({ reach: 'phone', answered_at: null, closed_at: null });
      expect(await noticesOf(id)).toHaveLength(2);
      await call(id, 'reached');
      await world.settle();
      expect(await world.signal(id)).toMatchObject({ answer_channel: 'phone', closed_at: null });
    });

    test('is owed one at the right number, where that is known as soon as the one they left was somebody else’s', async () => {
      const since = await world.now();
      const id = await refused('+31 6 55550007');
      // Before the story looks again: its round would be closed.
      await world.without(async () => {
        await call(id, 'wrong_number');
        await rectify(world.heed, (await world.signal(id)).customer_id!, { phone: '+31 6 55550008' }, operator);
      });
      await world.pass('10 minutes');
      expect(await world.signal(id)).toMatchObject({ reach: 'phone', answered_at: null, closed_at: null });
      expect(await brokenSince(since)).toEqual([]);
      await call(id, 'reached');
      await world.settle();
      expect(await world.signal(id)).toMatchObject({
        answer_channel: 'phone',
        asked_at: expect.any(Date),
        could_not_be_asked: null,
        closed_at: null,
      });
      expect(await partOf(id)).toEqual(['waiting']);
    });

    test('is called by nobody for ever: where the number is somebody else’s there is nobody to reach', async () => {
      const id = await refused('+31 6 55550002');
      await call(id, 'wrong_number');
      await world.settle();
      expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach' });
    });
  });

  test('taken, and the connection lost before it was said so: never sent twice; after a quarter of an hour whoever answers is asked', async () => {
    const since = await world.now();
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'data', do: 'drop' });
    await approve(id);
    await world.settle();
    expect(await letterOf(id)).toMatchObject({ state: 'uncertain' });
    await world.pass('14 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'uncertain' });
    await world.pass('2 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'needs_human' });
    expect(await askedBy(id)).toEqual([expect.objectContaining({ staff: 'priya', state: 'sent' })]);
    expect(await brokenSince(since)).toEqual([]);
    await world.pass('3 days');
    expect(world.mailsTo(kim.email)).toHaveLength(2);
    expect(await world.signal(id)).toMatchObject({ closed_at: null });

    await settle(world.heed, world.as('priya', id), { action: 'leave', reason: 'They wrote back.' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ closed_how: 'nobody_to_reach' });
  });

  test('and what a person sends again in spite of that is the same message', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'data', do: 'drop' });
    await approve(id);
    await world.pass('16 minutes');
    await repair(world.heed, { loopId: id, by: 'ops' }, { action: 'resend', reason: 'It never came.' });
    await world.settle();
    const [, first, second] = world.mailsTo(kim.email);
    expect(second?.messageId).toBe(first?.messageId);
    expect(await world.signal(id)).toMatchObject({ asked_at: expect.any(Date) });
  });

  test('but not to a customer who answers to what they have of it before it could leave again: it has arrived', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    world.mailbox.faults.script({ at: 'data', do: 'drop' });
    await approve(id);
    await world.pass('16 minutes');
    const order = (stops: boolean) =>
      world.db.pool.transaction((tx) =>
        orderSending(tx, { audience: 'customers', stops, by: 'otto', reason: 'a drill' }),
      );
    await order(true);
    try {
      await settle(world.heed, world.as('priya', id), { action: 'resend', reason: 'It never came.' });
      await world.settle();
      expect(await letterOf(id)).toMatchObject({ state: 'ready', last_error_code: 'stopped' });
      const [, token] = /What became of it: \S+#([\w-]{22})/.exec(world.mailsTo(kim.email).at(-1)!.text)!;
      await arrived(world.heed, token!);
      expect(await world.signal(id)).toMatchObject({ last_letter_state: 'sent', asked_at: expect.any(Date) });
      // As one that left, and is counted among those.
      expect(
        await world.db.pool.oneFirst(
          sql.unsafe`select phase from deliveries where loop_id = ${id} and purpose = 'answer'`,
        ),
      ).toBe('handed');
    } finally {
      await order(false);
    }
    world.heed.hint();
    await world.pass('1 minute');
    expect(world.mailsTo(kim.email)).toHaveLength(2);
  });

  test('sent again and lost again is another doubt, and asked about again', async () => {
    const id = await answerTo(guest());
    for (const times of [1, 2]) {
      world.mailbox.faults.script({ at: 'data', do: 'drop' });
      await (times === 1
        ? approve(id)
        : settle(world.heed, world.as('priya', id), { action: 'resend', reason: 'No trace.' }));
      await world.pass('16 minutes');
      expect(await letterOf(id)).toMatchObject({ state: 'needs_human' });
      expect(await askedBy(id)).toHaveLength(times);
    }
  });

  test('handed over while it is in doubt: whoever answers for it from then on is asked, and settles it', async () => {
    const id = await answerTo(guest());
    world.mailbox.faults.script({ at: 'data', do: 'drop' });
    await approve(id);
    await world.pass('16 minutes');
    await handOver(world.heed, world.as('priya', id), { to: 'mina', reason: 'She knows them.' });
    await world.settle();
    expect((await askedBy(id)).map((m) => `${m.staff} ${m.state}`)).toEqual(['priya sent', 'mina sent']);
    await settle(world.heed, world.as('mina', id), { action: 'leave', reason: 'They wrote back.' });
    await world.settle();
    expect(await letterOf(id)).toMatchObject({ state: 'failed', last_error_code: 'left_by_hand' });
  });

  test('whoever answered has left by the time it is in doubt: whoever stands in for them is asked', async () => {
    await world.db.apply((company) => {
      company.staff['zoe'] = { ...company.staff['jonas']!, name: 'Zoe Zane', email: 'zoe@linden-vale.example' };
    });
    const id = await answerTo(guest());
    await handOver(world.heed, world.as((await world.signal(id)).owner, id), { to: 'zoe', reason: 'She knows.' });
    await world.settle();
    world.mailbox.faults.script({ at: 'data', do: 'drop' });
    await approveFollowUp(world.heed, world.as('zoe', id), { words: 'It comes tomorrow.' });
    await world.settle();
    await world.db.apply((company) => void delete company.staff['zoe']);
    await world.pass('16 minutes');
    expect(await letterOf(id)).toMatchObject({ state: 'needs_human' });
    expect(await askedBy(id)).toEqual([expect.objectContaining({ staff: 'priya', state: 'sent' })]);
  });

  test('one of which nobody knows, and one that somebody was asked about, count among those that a customer may get', async () => {
    const { cap } = world.db.company.customers;
    // Three thanks, and one more.
    await world.db.apply((company) => (company.customers.cap = { messages: 4, within: { amount: 30, unit: 'd' } }));
    try {
      const kim = guest();
      const [one, two, three] = [await answerTo(kim), await answerTo(kim), await answerTo(kim)];
      world.mailbox.faults.script({ at: 'data', do: 'drop' });
      await approve(one);
      await world.settle();
      expect(await letterOf(one)).toMatchObject({ state: 'uncertain' });
      await approve(two);
      await world.pass('16 minutes');
      expect(await letterOf(one)).toMatchObject({ state: 'needs_human' });
      await approve(three);
      await world.settle();
      for (const id of [two, three])
        expect(await letterOf(id)).toMatchObject({ state: 'planned', last_error_code: 'cap' });
    } finally {
      await world.db.apply((company) => (company.customers.cap = cap));
    }
  });

  test('thanks of which nobody knows are left at that: nobody is asked, and they are not sent twice', async () => {
    const kim = guest();
    world.mailbox.faults.script({ at: 'data', do: 'drop' });
    const id = await answerTo(kim);
    await world.pass('16 minutes');
    expect(await world.messages({ loopId: id, purpose: 'receipt' })).toEqual([
      expect.objectContaining({ state: 'failed', last_error_code: 'left_in_doubt' }),
    ]);
    expect(await world.messages({ loopId: id, purpose: 'notice' })).toEqual([]);
    expect(world.mailsTo(kim.email)).toHaveLength(1);
  });

  test('a prompt in the same trouble is sent again, with the same Message-ID', async () => {
    world.mailbox.faults.script({ at: 'data', do: 'drop' });
    const { id, reference } = await world.capture({ words: 'Where is the lamp?', place: 'station', by: 'luca' });
    await world.settle();
    await world.pass('3 minutes');
    const mails = world.mailsTo('femke@linden-vale.example').filter((mail) => mail.subject.includes(reference));
    expect(mails).toHaveLength(2);
    expect(new Set(mails.map((mail) => mail.messageId)).size).toBe(1);
    expect((await promptTo(id, 'email')).map((message) => message.state)).toEqual(['sent']);
  });
});

describe('what has been answered, decided or closed meanwhile is not thanked for or asked about any more', () => {
  const write = (stops: boolean, { pool }: Pick<Heed, 'pool'> = world.db) =>
    pool.transaction((tx) =>
      orderSending(tx, { audience: 'customers', stops, by: 'otto', reason: 'a wrong template' }),
    );
  afterEach(() => write(false));
  const goesOn = async () => {
    await write(false);
    world.heed.hint();
    await world.settle();
    // What was about to leave in that moment is held for a few seconds.
    await world.pass('10 seconds');
  };
  const lettersAbout = async (id: string) =>
    (await world.messages({ loopId: id }))
      .filter(({ customer_id: customer }) => customer)
      .map((letter) => `${letter.purpose} ${letter.last_error_code ?? letter.state}`)
      .sort();
  const hears = (id: string, says: 'yes' | 'no') => confirm(world.heed, world.as('priya', id), { says });

  test('what was to leave in the moment in which sending goes on leaves within seconds', async () => {
    await write(true);
    const kim = guest();
    await meanwhile(
      world.db,
      (heed) => write(false, heed),
      async () => {
        await world.capture({ words: 'Where is my parcel?', customer: kim, consent: mayWrite });
        await world.settle();
      },
    );
    await world.pass('10 seconds');
    expect(world.mailsTo(kim.email)).toHaveLength(1);
  });

  test('neither is what they said of it at the counter, before the answer had left', async () => {
    for (const [says, round] of [
      ['yes', 1],
      ['no', 2],
    ] as const) {
      await write(true);
      const kim = guest();
      const id = await answerTo(kim);
      await approve(id);
      await hears(id, says);
      await goesOn();
      expect(await lettersAbout(id)).toEqual(['answer overtaken', 'receipt overtaken']);
      expect(world.mailsTo(kim.email)).toEqual([]);
      expect(await world.signal(id)).toMatchObject({ round, closed_how: says === 'yes' ? 'settled' : null });
    }
  });

  test('but for our final answer, which they are still to read', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    await approve(id);
    await world.settle();
    await hears(id, 'no');
    await write(true);
    await approveFollowUp(world.heed, world.as((await world.signal(id)).owner, id), {
      words: 'We can do no more.',
      final: true,
    });
    await hears(id, 'no');
    expect(await world.signal(id)).toMatchObject({ round: 2, closed_how: 'final' });
    await goesOn();
    expect(world.mailsTo(kim.email).at(-1)?.text).toContain('We can do no more.');
  });

  test('nor is somebody thanked for what a colleague has dismissed', async () => {
    await write(true);
    const kim = guest();
    const { id } = await world.capture({ words: 'Where is my parcel?', customer: kim, consent: mayWrite });
    await world.settle();
    await dismiss(world.heed, world.as((await world.signal(id)).owner, id), { reason: 'A test of the till.' });
    await goesOn();
    expect(await lettersAbout(id)).toEqual(['receipt overtaken']);
    expect(world.mailsTo(kim.email)).toEqual([]);
  });

  describe('of an answer and a decision after it', () => {
    /** Answered, and then declined; neither letter has left. */
    async function declined(kim: { email: string }): Promise<string> {
      await write(true);
      const { id } = await world.capture({
        words: 'Do you have this coat in green?',
        customer: kim,
        consent: mayWrite,
      });
      await world.settle();
      const { insight_id: insight, owner } = await world.signal(id);
      await approveFollowUp(world.heed, world.as(owner, id), { words: 'Not yet: Tomás decides.' });
      await world.pass('1 minute');
      await decide(world.heed, world.as((await world.insight(insight!)).decider, insight!), {
        outcome: 'declined',
        reason: 'Green does not sell.',
      });
      await world.pass('15 minutes');
      return id;
    }
    const later = (id: string, purpose: string) =>
      world.db.pool.query(sql.unsafe`
        update deliveries set not_before = heed_now() + interval '5 minutes', last_error_code = null
        where loop_id = ${id} and purpose = ${purpose}`);
    const read = (kim: { email: string }) =>
      world.mailsTo(kim.email).map(({ text }) => /Tomás decides|Green does not sell/.exec(text)?.[0]);

    test('only the decision is read, where that came first', async () => {
      const kim = guest();
      const id = await declined(kim);
      await later(id, 'answer');
      await goesOn();
      await world.pass('6 minutes');
      expect(await lettersAbout(id)).toEqual(['answer overtaken', 'receipt overtaken', 'told sent']);
      expect(read(kim)).toEqual(['Green does not sell']);
      const { timeline } = (await readSignal(world.db.pool, world.db.company, id, { audience: 'staff' }))!;
      expect(timeline.map(({ sentence }) => sentence)).toContain(
        'The answer was not sent: it was out of date by then.',
      );
      expect(await world.signal(id)).toMatchObject({ asked_at: expect.any(Date), closed_at: null });
    });

    test('the decision is read last, however long it takes until it is known whether the answer left', async () => {
      const kim = guest();
      const id = await declined(kim);
      await later(id, 'told');
      world.mailbox.faults.script({ at: 'data', do: 'drop' });
      await goesOn();
      await world.pass('6 minutes');
      expect(await letterOf(id)).toMatchObject({ state: 'uncertain' });
      expect(await lettersAbout(id)).toEqual(expect.arrayContaining(['receipt overtaken', 'told one_by_one']));
      await world.pass('11 minutes');
      expect(await letterOf(id)).toMatchObject({ state: 'needs_human' });
      expect(read(kim)).toEqual(['Tomás decides', 'Green does not sell']);
      // By then nobody needs it again.
      await settle(world.heed, world.as((await world.signal(id)).owner, id), { action: 'resend', reason: 'No trace.' });
      await world.settle();
      expect(await letterOf(id)).toMatchObject({ state: 'cancelled', last_error_code: 'overtaken' });
      expect(read(kim)).toHaveLength(2);
    });

    test('what somebody writes once it was decided is the later word, and leaves', async () => {
      const kim = guest();
      const { id } = await world.capture({
        words: 'Do you have this coat in green?',
        customer: kim,
        consent: mayWrite,
      });
      await world.settle();
      const { insight_id: insight, owner } = await world.signal(id);
      await decide(world.heed, world.as((await world.insight(insight!)).decider, insight!), {
        outcome: 'declined',
        reason: 'Green does not sell.',
      });
      await world.pass('15 minutes');
      await approveFollowUp(world.heed, world.as(owner, id), { words: 'Tomás decides, and I am sorry.' });
      await world.settle();
      expect(read(kim)).toEqual([undefined, 'Green does not sell', 'Tomás decides']);
    });
  });
});

test('the way to what is held about somebody, which their mailbox puts off without end, calls nobody, and ends in a day', async () => {
  const kim = guest();
  const id = await answerTo(kim);
  const since = await world.now();
  const { customer_id: customer } = await subjectNamed(world.db.pool, id);
  const theirs = () =>
    world.db.pool.oneFirst(
      sql.type(z.object({ is: z.string() }))`
        select state || ' ' || last_error_code as is from deliveries where purpose = 'rights' and customer_id = ${customer}`,
    );
  world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 450 }, Infinity);
  await mailRights(world.heed, customer!);
  await world.pass('70 minutes');
  expect(await theirs()).toBe('ready smtp_450');
  expect((await stuckLoops(world.db.pool, world.db.company)).filter(({ what }) => what === 'tries')).toEqual([]);
  expect(await brokenSince(since)).toEqual([]);
  await world.db.passTime('23 hours');
  world.heed.hint();
  await world.settle();
  expect(await theirs()).toBe('expired too_late');
});

test('the way to what is held about somebody, handed over while they are erased, is taken back once it has left', async () => {
  const customer = guest();
  const { id } = await world.capture({ words: 'Where is my parcel?', customer, consent: mayWrite });
  await world.settle();
  const subject = await subjectNamed(world.db.pool, id);
  world.mailbox.faults.script({ at: 'body', do: 'slow', ms: 1_500 });
  await mailRights(world.heed, subject.customer_id!);
  const underWay = () =>
    world.db.pool.exists(sql.unsafe`
      select from deliveries
      where purpose = 'rights' and customer_id = ${subject.customer_id} and state = 'sending' and phase = 'handed'`);
  await world.until('it is handed over', underWay);
  await erase(world.heed, subject, { by: 'customer', reason: 'asked by themselves' });
  expect(await underWay()).toBe(true);
  await world.settle();
  expect(world.mailsTo(customer.email)).toEqual([]);
});

describe('a call to whoever decides what several ask for, by e-mail, while one of them is erased', () => {
  const canary = 'Quillfeather';
  const office = (): Hands['post'] => openPostOffice(world.mailbox.smtpUrl);
  const promptsOfTomas = (by: 'email' | 'slack') => world.db.apply((company) => (company.staff['tomas']!.prompts = by));
  let before: 'email' | 'slack';
  beforeAll(async () => {
    before = world.db.company.staff['tomas']!.prompts;
    await promptsOfTomas('email');
  });
  afterAll(() => promptsOfTomas(before));

  /** It waits for an attempt that a test makes itself. */
  async function callToTomas() {
    const asks = (words: string) => world.capture({ words, customer: guest() });
    const { id } = await asks(`Do you have this coat in green, ${canary}?`);
    await asks('Do you have this coat in green, please?');
    await world.settle();
    const [{ id: call } = { id: '' }] = await promptTo((await world.signal(id)).insight_id!, 'email');
    const messageId = `<d.${call}@heed>`;
    await world.mailbox.forget(messageId);
    await world.db.pool.query(sql.unsafe`
      update deliveries set state = 'ready', phase = 'none', ended_at = null, started_until = clock_timestamp() + interval '1 hour' where id = ${call}`);
    const subject = await subjectNamed(world.db.pool, id);
    return {
      call,
      eraseOne: (heed = world.heed) => erase(heed, subject, operator),
      /** Of each mail with it, whether it quotes them. */
      quotes: () =>
        world.mailbox
          .mails()
          .filter((mail) => mail.messageId === messageId)
          .map((mail) => JSON.stringify(mail).includes(canary)),
    };
  }
  /** An attempt in which something happens while the letter is handed over. */
  const whileItIsHandedOver = (call: string, act: () => Promise<unknown>, then = async (): Promise<void> => {}) =>
    deliver(
      handsWith({
        ...office(),
        connect: async () => {
          const opened = await office().connect();
          return {
            send: async (letter) => {
              await act();
              const sent = await opened.send(letter);
              await then();
              return sent;
            },
            close: () => opened.close(),
          };
        },
      }),
      call,
    );

  test('and it is being composed: it is shut out at the gate, and leaves without their words', async () => {
    const { call, eraseOne, quotes } = await callToTomas();
    const atTheGate = new Proxy(world.db.pool, {
      get: (pool, name: keyof Pool) =>
        name !== 'query'
          ? pool[name]
          : async (statement: Parameters<Pool['query']>[0]) => {
              if (statement.sql.includes(`set phase = 'handed'`)) await eraseOne();
              return pool.query(statement);
            },
    });
    expect(await deliver(handsWith(office(), atTheGate), call)).toBe('overtaken');
    await world.settle();
    expect(quotes()).toEqual([false]);
  });

  test('and it is about to be: it waits, and leaves without their words', async () => {
    const { call, eraseOne, quotes } = await callToTomas();
    const came = await meanwhile(world.db, eraseOne, () => deliver(handsWith(office()), call));
    expect(came).toMatchObject([{ status: 'fulfilled' }, { value: 'sent' }]);
    await world.settle();
    expect(quotes()).toEqual([false]);
  });

  test('and it is being handed over: it is taken back once it has left', async () => {
    const { call, eraseOne, quotes } = await callToTomas();
    expect(await whileItIsHandedOver(call, eraseOne)).toBe('sent');
    expect(quotes()).toEqual([true]);
    await world.settle();
    expect(quotes()).toEqual([]);
  });

  test('and nobody knows whether it arrived: it is taken back, and what is sent in its place stays', async () => {
    const { call, eraseOne, quotes } = await callToTomas();
    const lost = async () => {
      throw new Error('The line broke.');
    };
    expect(await whileItIsHandedOver(call, eraseOne, lost)).toBe('uncertain:unknown');
    await world.settle();
    expect(quotes()).toEqual([]);
    await world.pass('3 minutes');
    expect(quotes()).toEqual([false]);
  });

  test('and whoever was handing it over has died: it is taken back all the same', async () => {
    const { call, eraseOne, quotes } = await callToTomas();
    await whileItIsHandedOver(call, async () => {});
    expect(quotes()).toEqual([true]);
    // It left, and nobody lived to record it.
    await world.db.pool.query(sql.unsafe`
      update deliveries set state = 'sending', ended_at = null, lease_until = clock_timestamp() + interval '3 minutes' where id = ${call}`);
    await eraseOne();
    await world.db.pool.query(sql.unsafe`
      update deliveries set lease_until = clock_timestamp() - interval '1 second', started_until = null where id = ${call}`);
    await world.pass('4 minutes');
    expect(quotes()).not.toContain(true);
  });
});

test('a prompt in doubt when its loop was handed over is not made again to whoever gave it away', async () => {
  world.mailbox.faults.script({ at: 'data', do: 'drop' });
  const { id, reference } = await waits({ words: 'Where is the lamp?', place: 'station', by: 'luca' });
  await world.until('it is in doubt', async () => (await promptTo(id, 'email'))[0]?.state === 'uncertain');
  await handOver(world.heed, world.as('femke', id), { to: 'luca', reason: 'He sold it.' });
  await world.pass('3 minutes');
  expect(await promptTo(id, 'email')).toMatchObject([
    { staff: 'femke', state: 'cancelled', last_error_code: 'handed_over' },
    { staff: 'luca', state: 'sent' },
  ]);
  // The one of which nobody knew whether it had arrived.
  const mails = world.mailsTo('femke@linden-vale.example').filter((mail) => mail.subject.includes(reference));
  expect(mails).toHaveLength(1);
});

describe('whoever holds the newest fence sends, and nobody else', () => {
  const letter = async (): Promise<{ id: string; email: string; loopId: string }> => {
    const kim = guest();
    const loopId = await answerTo(kim);
    const { customer_id: customerId } = await world.signal(loopId);
    const key = `answer:${loopId}:1:by-hand:${customerId}`;
    // Far enough away that the relay leaves it to this test.
    const notBefore = new Date((await world.now()).getTime() + 86_400_000);
    await world.db.pool.transaction((tx) =>
      planDelivery(tx, {
        key,
        purpose: 'answer',
        channel: 'email',
        loopId,
        round: 1,
        customerId: customerId!,
        body: { subject: 'S', text: 'T' },
        notBefore,
      }),
    );
    return { id: idOfDelivery(key), email: kim.email, loopId };
  };
  const take = (id: string) => world.db.pool.transaction((tx) => openAttempt(tx, id));
  const state = (id: string) => world.db.pool.oneFirst(sql.unsafe`select state from deliveries where id = ${id}`);
  const leaseRanOut = (id: string) =>
    world.db.pool.query(
      sql.unsafe`update deliveries set lease_until = clock_timestamp() - interval '1 second' where id = ${id}`,
    );

  test('an attempt that slept through its lease is stopped at the gate, and can record nothing', async () => {
    const { id } = await letter();
    const zombie = await take(id);
    await leaseRanOut(id);
    expect(await passGate(world.db.pool, id, zombie, 12)).toBe(false);
    await world.db.pool.transaction((tx) => settleLeftOpen(tx, id));
    const newest = await take(id);
    expect(newest).toBe(zombie + 1);
    expect(await passGate(world.db.pool, id, zombie, 12)).toBe(false);
    expect(await passGate(world.db.pool, id, newest, 12)).toBe(true);
    expect(await passGate(world.db.pool, id, newest, 12)).toBe(false);
    expect(await world.db.pool.transaction((tx) => recordOutcome(tx, id, zombie, { state: 'sent' }))).toBe(false);
    expect(await state(id)).toBe('sending');
    expect(await world.db.pool.transaction((tx) => recordOutcome(tx, id, newest, { state: 'sent' }))).toBe(true);
  });

  test('a customer who asks us to stop while a letter is being prepared does not get it', async () => {
    const { id, email } = await letter();
    const fence = await take(id);
    await world.db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: email }], 'unsubscribed'));
    expect(await passGate(world.db.pool, id, fence, 12)).toBe(false);
    expect(await state(id)).toBe('suppressed');
  });

  test('a call that is being prepared when its holder gives the loop away, or closes it, does not reach them', async () => {
    for (const act of ['hand over', 'dismiss'] as const) {
      world.room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 429, retryAfter: 30 });
      const { id } = await coat();
      const call = async () => (await promptTo(id, 'slack'))[0]!;
      await world.until('it is held back', async () => (await promptTo(id, 'slack'))[0]?.state === 'ready');
      const fence = await take((await call()).id);
      if (act === 'dismiss') await dismiss(world.heed, world.as('jonas', id), { reason: 'A test of the till.' });
      else await handOver(world.heed, world.as('jonas', id), { to: 'mina', reason: 'She knows.' });
      expect(await passGate(world.db.pool, (await call()).id, fence, 1)).toBe(false);
      expect(await call()).toMatchObject({ state: 'cancelled' });
    }
  });

  test('a letter that is being prepared when their address is put right goes to the right one alone', async () => {
    const { id, email, loopId } = await letter();
    const fence = await take(id);
    const right = guest();
    await rectify(world.heed, (await world.signal(loopId)).customer_id!, right, { by: 'operator' });
    expect(await passGate(world.db.pool, id, fence, 12)).toBe(false);
    await world.db.pool.query(sql.unsafe`update deliveries set not_before = heed_now() where id = ${id}`);
    await world.until('it is sent', async () => (await state(id)) === 'sent');
    expect(world.mailsTo(email)).toHaveLength(1);
    expect(world.mailsTo(right.email)).toHaveLength(1);
  });

  test('a worker that died before the gate has sent nothing: another one sends it', async () => {
    const { id, email } = await letter();
    await take(id);
    await leaseRanOut(id);
    await world.db.pool.query(sql.unsafe`update deliveries set not_before = heed_now() where id = ${id}`);
    await world.until('it is sent', async () => (await state(id)) === 'sent');
    expect(world.mailsTo(email)).toHaveLength(2);
  });

  test('a worker that died behind the gate may have sent it: nobody sends it again, and whoever answers is asked once evidence was waited for', async () => {
    const { id, email } = await letter();
    await passGate(world.db.pool, id, await take(id), 12);
    await leaseRanOut(id);
    await world.db.pool.query(sql.unsafe`update deliveries set not_before = heed_now() where id = ${id}`);
    await world.until('it is in doubt', async () => (await state(id)) !== 'sending');
    await world.pass('14 minutes');
    expect(await state(id)).toBe('uncertain');
    await world.pass('2 minutes');
    expect(await state(id)).toBe('needs_human');
    expect(world.mailsTo(email)).toHaveLength(1);
  });

  test('a customer’s lease outlasts the hand-over, so that nobody settles what a mail server may still take', async () => {
    const { id } = await letter();
    await world.db.pool.query(
      sql.unsafe`update deliveries set started_until = clock_timestamp() + interval '1 hour', not_before = heed_now() where id = ${id}`,
    );
    let leaseMs = 0;
    const post: Hands['post'] = {
      takeRoom: () => () => {},
      connect: async () => ({
        async send() {
          const left = await world.db.pool.oneFirst(
            sql.unsafe`select extract(epoch from lease_until - clock_timestamp())::float8 from deliveries where id = ${id}`,
          );
          leaseMs = Number(left) * 1000;
          return { accepted: true };
        },
        close() {},
      }),
    };
    expect(await deliver(handsWith(post), id)).toBe('sent');
    // With what it takes to record what came of it while Postgres is away for a moment.
    expect(leaseMs).toBeGreaterThan(handOverMs + 30_000);
  });

  test('two letters to one customer at the same moment count each other', async () => {
    const { id: first, loopId } = await letter();
    const { customer_id: customerId } = await world.signal(loopId);
    const key = `answer:${loopId}:1:by-hand-too:${customerId}`;
    const body = { subject: 'S', text: 'T' };
    await world.db.pool.transaction(async (tx) => {
      await planDelivery(tx, {
        key,
        purpose: 'answer',
        channel: 'email',
        loopId,
        round: 1,
        customerId: customerId!,
        body,
      });
      await tx.query(sql.unsafe`
        update deliveries set started_until = clock_timestamp() + interval '1 hour', not_before = heed_now()
        where id in (${first}, ${idOfDelivery(key)})`);
    });
    const by = (pool: Pool): Hands => ({
      pool,
      configuration: world.heed.configuration,
      publicUrl: 'http://heed.test',
      post: openPostOffice(world.mailbox.smtpUrl),
      slack: undefined,
    });
    const { cap } = world.db.company.customers;
    // Their thanks, and one more.
    await world.db.apply((company) => (company.customers.cap = { messages: 2, within: { amount: 30, unit: 'd' } }));
    try {
      const came = await meanwhile(
        world.db,
        ({ pool }) => deliver(by(pool), first),
        () => deliver(by(world.db.pool), idOfDelivery(key)),
      );
      expect(came).toEqual(['sent', 'held'].map((value) => ({ status: 'fulfilled', value })));
    } finally {
      await world.db.apply((company) => (company.customers.cap = cap));
    }
  });

  /** Postgres fails once, when a message of this loop is to become so; what it counts with is not undone with the rest. */
  async function failsOnce(loopId: string, when: string): Promise<void> {
    const name = `fails_once_${loopId.replaceAll('-', '_')}`;
    // Made of an id and of words that stand below.
    const client = new pg.Client({ connectionString: world.db.url });
    await client.connect();
    await client.query(`
      create sequence ${name};
      grant usage on sequence ${name} to public;
      create function ${name}() returns trigger language plpgsql as $$
        begin if nextval('${name}') = 1 then raise exception 'away for a moment' using errcode = '57P01'; end if; return new; end $$;
      create trigger ${name} before update on deliveries for each row
        when (new.loop_id = '${loopId}' and new.purpose = 'answer' and ${when}) execute function ${name}()`);
    await client.end();
  }

  test('an attempt that fails before the gate is made again at once, and does not wait for a lease that nobody holds', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    await failsOnce(id, `new.phase = 'handed'`);
    await approve(id);
    // In real seconds, of which the lease lasts a hundred and twenty.
    await world.until('it is sent', async () => (await letterOf(id)).state === 'sent');
    expect(await letterOf(id)).toMatchObject({ fence: 2 });
    expect(world.mailsTo(kim.email).filter(({ text }) => text.includes('It comes tomorrow.'))).toHaveLength(1);
  });

  test('what came of a letter is recorded although Postgres was away for a moment: nobody is asked about it', async () => {
    const kim = guest();
    const id = await answerTo(kim);
    await failsOnce(id, `new.state = 'sent'`);
    await approve(id);
    await world.until('it is recorded', async () => (await letterOf(id)).state === 'sent');
    expect(await letterOf(id)).toMatchObject({ fence: 1, last_error_code: null });
    expect(world.mailsTo(kim.email).filter(({ text }) => text.includes('It comes tomorrow.'))).toHaveLength(1);
  });

  test('a gate of which nobody knows whether it opened has let nothing through: the letter leaves in a moment, and nobody is asked', async () => {
    const { id, email } = await letter();
    await world.db.pool.query(
      sql.unsafe`update deliveries set started_until = clock_timestamp() + interval '1 hour', not_before = heed_now() where id = ${id}`,
    );
    const { pool } = world.db;
    const unheard: Pool = {
      ...pool,
      async query(asked: Parameters<Pool['query']>[0]) {
        const answer = await pool.query(asked);
        if (asked.sql.includes(`set phase = 'handed'`)) throw new Error('Connection terminated');
        return answer;
      },
    } as Pool;
    const hands = handsWith(openPostOffice(world.mailbox.smtpUrl), unheard);
    expect(await deliver(hands, id)).toBe('ready:gate_unknown');
    expect(world.mailsTo(email)).toHaveLength(1);
    await world.until('it is sent', async () => (await state(id)) === 'sent');
    expect(world.mailsTo(email)).toHaveLength(2);
  });

  test('a mail server that says yes when somebody has been asked already is believed: nothing is sent again', async () => {
    const { id, loopId } = await letter();
    const fence = await take(id);
    await passGate(world.db.pool, id, fence, 12);
    await leaseRanOut(id);
    await world.db.pool.query(sql.unsafe`update deliveries set not_before = heed_now() where id = ${id}`);
    await world.until('it is in doubt', async () => (await state(id)) !== 'sending');
    await world.pass('16 minutes');
    expect(await state(id)).toBe('needs_human');
    expect(await world.db.pool.transaction((tx) => recordOutcome(tx, id, fence, { state: 'sent' }))).toBe(true);
    expect(await state(id)).toBe('sent');
    await expect(
      settle(world.heed, world.as('priya', loopId), { action: 'resend', reason: 'No trace.' }),
    ).rejects.toThrow('There is no letter in doubt here');
  });

  test('ten attempts at once are one letter; and one that is over is not sent by starting it again', async () => {
    const { id, email } = await letter();
    await world.db.pool.query(
      sql.unsafe`update deliveries set started_until = clock_timestamp() + interval '1 hour', not_before = heed_now() where id = ${id}`,
    );
    const start = (as: string) =>
      world.client.activity
        .start('deliver', { id: as, taskQueue: messagesQueue, args: [id], startToCloseTimeout: '30s' })
        .then((attempt) => attempt.result());
    const outcomes = await Promise.all(Array.from({ length: 10 }, (_, n) => start(`delivery:${id}:${n}`)));
    expect(outcomes).toContain('sent');
    await world.until('it is sent', async () => (await state(id)) === 'sent');
    expect(world.mailsTo(email)).toHaveLength(2);
    expect(await start(`delivery:${id}:0`)).toBe('sent');
    expect(world.mailsTo(email)).toHaveLength(2);
  });
});

test('a message that cannot be composed blocks nobody: it is tried again, more and more rarely, and is not sent half-made', async () => {
  const kim = guest();
  const id = await answerTo(kim);
  await world.db.apply((company) => (company.customers = { ...company.customers, mailFrom: undefined as never }));
  await approve(id);
  await world.until('it is put off', async () => (await letterOf(id))?.last_error_code === 'not_composed');
  await world.db.apply((company) => (company.customers.mailFrom = { name: 'L', address: 'hello@linden-vale.example' }));
  await world.pass('2 minutes');
  expect(await letterOf(id)).toMatchObject({ state: 'sent' });
  expect(world.mailsTo(kim.email)).toHaveLength(2);
});
