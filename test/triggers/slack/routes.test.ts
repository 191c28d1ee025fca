import { createHmac, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { serve, type ServerType } from '@hono/node-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { Hono } from 'hono';
import { z } from 'zod';
import { startSlackRoom, type SlackRoom } from '../../../src/embedded/slackRoom.ts';
import type { SlackMessage } from '../../../src/integrations/letter.ts';
import { openSlack } from '../../../src/integrations/slack.ts';
import { sql } from '../../../src/store/pool.ts';
import { applyConfiguration } from '../../../src/store/records/configurations.ts';
import { suppress } from '../../../src/store/records/customers.ts';
import { refusalsSince } from '../../../src/store/records/refusals.ts';
import { keepCard } from '../../../src/store/records/cards.ts';
import { staffByCode } from '../../../src/store/records/staff.ts';
import type { Purpose } from '../../../src/store/records/deliveries.ts';
import { insightNow } from '../../../src/store/views/insights.ts';
import type { SignalNow } from '../../../src/store/views/signals.ts';
import type { Web } from '../../../src/triggers/http/web.ts';
import { acknowledge } from '../../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../../src/triggers/responses/approveFollowUp.ts';
import { decide } from '../../../src/triggers/responses/decide.ts';
import { recordCall } from '../../../src/triggers/responses/recordCall.ts';
import { lift, restrict } from '../../../src/triggers/rights/restrict.ts';
import { slackRoutes } from '../../../src/triggers/slack/routes.ts';
import { isFromSlack } from '../../../src/triggers/slack/signature.ts';
import { green, openShop, type Shop } from '../../activities/messages/shop.ts';

let shop: Shop;
let room: SlackRoom;
let slack: ReturnType<typeof openSlack>;
let app: Hono;
let server: ServerType;
/** Whether what people press in the room reaches us. */
let heard = true;

const address = (staff: string): string => `${staff}@linden-vale.example`;

beforeAll(async () => {
  shop = await openShop({ connections: 8 });
  await shop.db.apply((company) => {
    for (const code of ['jonas', 'priya', 'tomas', 'femke']) company.staff[code]!.prompts = 'slack';
  });
  let port = 0;
  room = await startSlackRoom({
    interactivityUrl: () => `http://127.0.0.1:${port}/${heard ? 'slack/interactions' : 'nowhere'}`,
  });
  slack = openSlack({ token: room.token, apiUrl: room.apiUrl });
  app = new Hono().route(
    '/slack',
    slackRoutes({ heed: shop.db.heed, slack: { ...slack, signingSecret: room.signingSecret } } as unknown as Web),
  );
  server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  await new Promise((listening) => server.once('listening', listening));
  port = (server.address() as AddressInfo).port;
});
afterAll(async () => {
  await room.stop();
  await new Promise((closed) => server.close(closed));
  await shop.close();
});

/** Sends what is planned for somebody about a loop, as a delivery would. */
async function delivers(purpose: Purpose, staff: string, loopId: string): Promise<void> {
  const delivery = await shop.planned(purpose, staff, loopId);
  const composed = await shop.composes(delivery);
  if (!('slack' in composed)) throw new Error(JSON.stringify(composed));
  const sent = await slack.send(composed.slack, delivery.id);
  if (!sent.accepted) throw new Error(sent.code);
  await shop.db.pool.transaction(async (tx) => {
    if (purpose === 'prompt') await keepCard(tx, delivery, sent.ref!);
    await tx.query(
      sql.unsafe`update deliveries set state = 'sent', provider_ref = ${sent.ref ?? null} where id = ${delivery.id}`,
    );
  });
}

/** The form that somebody has open, as it would be sent. */
async function submittedBy(staff: string): Promise<string> {
  await room.submit(address(staff), { reason: 'Found.' });
  return room.interactions().at(-1)!.body;
}

let asked = 0;
const latestWords = (): string => `Do you have this coat in green, number ${asked}?`;
/** A fresh signal, with its card before Jonas. */
async function onesCard(more: object = {}): Promise<SignalNow> {
  asked += 1;
  const signal = await shop.hears({ ...green, words: latestWords(), kind: 'question', ...more });
  await delivers('prompt', 'jonas', signal.id);
  return signal;
}

/** A fresh insight, with its card before Tomás. */
async function tomasCard(words: string): Promise<string> {
  const signal = await shop.hears({ ...green, words });
  await delivers('prompt', 'tomas', signal.insight_id!);
  return signal.insight_id!;
}

const cardOf = (staff: string) =>
  room.messages(address(staff)).findLast((message) => !message.ephemeral && !message.threadTs)!;
const textOf = (message: object): string => JSON.stringify(message);
/** Whom the ladders of a loop have called so far. */
const called = async (loopId: string): Promise<readonly string[]> =>
  shop.db.pool.anyFirst(sql.type(z.object({ staff: z.string() }))`
    select distinct e.staff from escalations e join plans p on p.id = e.plan_id where p.loop_id = ${loopId} order by e.staff`);
const whispered = (staff: string): string | undefined =>
  room.messages(address(staff)).findLast((message) => message.ephemeral)?.text;
/** The form that somebody has open; each that opens takes the place of the one before. */
const formOf = (staff: string) => room.views(address(staff)).at(-1);
const shownTo = (staff: string): string => textOf(formOf(staff)?.blocks ?? []);
/** How often somebody was turned away here; nobody by name, where we know none. */
const refused = async (why: string, whose = ''): Promise<number> =>
  (await refusalsSince(shop.db.pool, 1)).find((one) => one.door === 'slack' && one.why === why && one.whose === whose)
    ?.times ?? 0;
/** How many wait for somebody else to let go of a row. */
const waiting = (): Promise<number> =>
  shop.db.pool.oneFirst(sql.type(z.object({ n: z.number() }))`
    select count(*)::integer as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
const facts = (table: 'acknowledgements' | 'follow_ups' | 'decisions' | 'closures' | 'presses'): Promise<number> =>
  shop.db.pool.oneFirst(
    sql.type(z.object({ count: z.number() }))`select count(*)::integer as count from ${sql.identifier([table])}`,
  );

describe('round the corner and back', () => {
  test('a press takes it, and the card says who did', async () => {
    const signal = await onesCard();
    const pressed = await room.press({ email: address('jonas'), actionId: 'action_signal_acknowledge' });
    expect(pressed).toMatchObject({ ok: true, status: 200 });
    expect((await shop.signal(signal.id)).acknowledged_at).not.toBeNull();

    await delivers('card', 'jonas', signal.id);
    expect(textOf(cardOf('jonas'))).toContain('Taken by you at 10:0');
    expect(
      room.messages(address('jonas')).filter((message) => !message.ephemeral && textOf(message).includes(signal.id)),
    ).toHaveLength(1);
  });

  test('the slower person is told who was faster, privately', async () => {
    const signal = await onesCard();
    await acknowledge(shop.db.heed, { loopId: signal.id, by: 'priya', press: shop.press() });
    const pressed = await room.press({ email: address('jonas'), actionId: 'action_signal_acknowledge' });

    expect(pressed.ok).toBe(true);
    expect(whispered('jonas')).toMatch(/^Priya Nair took this at 10:\d\d, a moment before you\.$/);
  });

  test('an answer is written in a form that holds the draft, and leaves in the name of whoever sent it', async () => {
    const signal = await onesCard();
    await room.press({ email: address('jonas'), actionId: 'action_signal_acknowledge' });
    await delivers('card', 'jonas', signal.id);
    const { view } = await room.press({ email: address('jonas'), actionId: 'action_signal_answer' });
    expect(textOf(view!.blocks)).toContain('Dear Kim Adler,');
    expect(view!.given['private_metadata']).toBe(`${signal.id}:1`);

    const past = await room.submit(address('jonas'), { promiseOn: '2020-01-01' });
    expect(past.errors).toEqual({ promiseOn: 'The promised day is over. Promise a day to come, or nothing.' });

    const sent = await room.submit(address('jonas'), { words: 'Dear Kim, yes.', promiseOn: '2026-06-19' });
    expect(sent).toMatchObject({ ok: true, errors: {} });
    expect(textOf(sent.view!.blocks)).toContain('Sent in your name.');
    expect((await shop.letter('answer', undefined, signal.id)).text).toContain('Dear Kim, yes.');
    expect(await shop.signal(signal.id)).toMatchObject({ answered_by: 'jonas', promised_on: '2026-06-19' });
  });

  test('a decision is taken seeing the words, how many, and who hears of it; evidence is ticked by hand', async () => {
    const insightId = await tomasCard('Have you got this shirt in linen?');
    await shop.hears({ words: 'A linen shirt, do you have one?' });
    const { view } = await room.press({ email: address('tomas'), actionId: 'action_decision_adopt_these' });
    const shown = textOf(view!.blocks);
    expect(shown).toContain('Have you got this shirt in linen?');
    expect(shown).toContain('2 people ask for this. 1 refused teal.');
    expect(shown).toContain('1 will be written to, 1 cannot (1: gave no name).');
    expect(view!.values['evidence']!['action_evidence']!.selected_options).toEqual([]);
    expect(shown).not.toContain('These are the latest');
    expect(view!.values['scope']!['action_scope']!.selected_option?.value).toBe('these');

    const incomplete = await room.submit(address('tomas'), { reason: 'We weave it.' });
    expect(Object.keys(incomplete.errors)).toEqual(['doneBy']);
    const signalId = view!.blocks.find((block) => block.block_id === 'evidence')!.element!.options![0]!.value!;
    const done = await room.submit(address('tomas'), {
      reason: 'We weave it.',
      internalReason: 'Cheap',
      doneBy: '2026-09-01',
      evidence: [signalId],
    });
    expect(textOf(done.view!.blocks)).toContain('Decided. You can take it back for 10 minutes');

    await delivers('card', 'tomas', insightId);
    expect(textOf(cardOf('tomas'))).toContain('You can take it back until 10:1');
    await room.press({ email: address('tomas'), actionId: 'action_decision_take_back' });
    await delivers('card', 'tomas', insightId);
    expect(textOf(cardOf('tomas'))).toContain('Not decided yet');
  });

  test('a form to decide that was open while a colleague decided, and people were told, tells nobody the opposite', async () => {
    const insightId = await tomasCard('Do you have a woollen scarf?');
    await room.press({ email: address('tomas'), actionId: 'action_decision_decline' });
    const adopted = { outcome: 'adopted', scope: 'everyone', reason: 'We order it.', doneBy: '2026-09-01' } as const;
    await decide(shop.db.heed, { loopId: insightId, by: 'ingrid', press: shop.press() }, adopted);
    await shop.tells(insightId);

    const late = await room.submit(address('tomas'), { reason: 'No room for scarves.' });
    expect(textOf(late.view!.blocks)).toContain('Ingrid');
    expect(textOf(late.view!.blocks)).toContain('since you began, and people are told.');
    expect(await insightNow(shop.db.pool, insightId)).toMatchObject({ outcome: 'adopted', decision_version: 1 });
  });

  test('handing over takes nothing from whoever has it by then, and gives back what was written', async () => {
    const signal = await onesCard();
    await room.press({ email: address('jonas'), actionId: 'action_signal_hand_over' });
    await acknowledge(shop.db.heed, { loopId: signal.id, by: 'priya', press: shop.press() });

    const late = await room.submit(address('jonas'), { to: 'mina', reason: 'She knows <this> coat.' });
    expect(textOf(late.view!.blocks)).toContain('Priya Nair took it');
    expect(textOf(late.view!.blocks)).toContain('She knows <this> coat.');
    expect((await shop.signal(signal.id)).owner).toBe('priya');
  });

  test('an answer that a colleague was faster with is given back to whoever wrote it', async () => {
    const signal = await onesCard();
    await room.press({ email: address('jonas'), actionId: 'action_signal_acknowledge' });
    await delivers('card', 'jonas', signal.id);
    await room.press({ email: address('jonas'), actionId: 'action_signal_answer' });
    const words = 'Dear Kim,\n\nit took me an hour to find out.';
    await approveFollowUp(
      shop.db.heed,
      { loopId: signal.id, by: 'priya', press: shop.press() },
      { words: 'Dear Kim.' },
    );

    const late = await room.submit(address('jonas'), { words });
    expect(textOf(late.view!.blocks)).toContain('Priya Nair answered');
    expect(late.view!.blocks.map(textOf).join()).toContain(JSON.stringify(words));
  });

  test('declining asks for the reason that customers read; keeping listening for a day', async () => {
    await tomasCard('Do you have a silk scarf?');
    await room.press({ email: address('tomas'), actionId: 'action_decision_decline' });
    const declined = await room.submit(address('tomas'), { reason: 'Silk does not hold the dye.' });
    expect(textOf(declined.view!.blocks)).toContain('Decided.');

    const jacket = await tomasCard('Do you have a leather jacket?');
    const { view } = await room.press({ email: address('tomas'), actionId: 'action_decision_defer' });
    expect(view!.values['wakeAt']!['action_wakeAt']!.selected_date).toBe('2026-07-15');
    const many = await room.submit(address('tomas'), { reason: 'Too few yet.', untilPeople: 'many' });
    expect(Object.keys(many.errors)).toEqual(['untilPeople']);
    const deferred = await room.submit(address('tomas'), { untilPeople: '3' });
    expect(textOf(deferred.view!.blocks)).toContain('we keep listening');
    expect((await insightNow(shop.db.pool, jacket))!.wake_at).toEqual(new Date('2026-07-15T09:00:00+02:00'));
  });

  test('handing over, dismissing and reading are forms, too', async () => {
    const handed = await onesCard();
    await room.press({ email: address('jonas'), actionId: 'action_signal_hand_over' });
    await room.submit(address('jonas'), { to: 'priya', reason: 'It is about the till.' });
    expect((await shop.signal(handed.id)).owner).toBe('priya');

    const dismissed = await onesCard();
    await room.press({ email: address('jonas'), actionId: 'action_signal_dismiss' });
    await room.submit(address('jonas'), { reason: 'Found meanwhile.' });
    expect(await shop.signal(dismissed.id)).toMatchObject({
      closed_how: 'dismissed',
      closed_reason: 'Found meanwhile.',
    });

    const unsure = await shop.hears({ words: 'Purple monkey dishwasher.' });
    await delivers('prompt', 'priya', unsure.id);
    await room.press({ email: address('priya'), actionId: 'action_signal_review' });
    expect((await room.submit(address('priya'), { verdict: 'pursue' })).errors).toHaveProperty('course');
    await shop.db.heed.turnedAway.write();
    expect(await refusalsSince(shop.db.pool, 1)).toContainEqual(
      expect.objectContaining({ door: 'slack', why: 'unfit', whose: '' }),
    );
    expect((await room.submit(address('priya'), { course: 'answer' })).errors).toEqual({});
    expect(await shop.signal(unsure.id)).toMatchObject({ verdict: 'pursue', course: 'answer', reviewed_by: 'priya' });
  });

  test('whoever is handed a decision says in Slack that it is theirs, and nobody above is called for it', async () => {
    const insightId = await tomasCard('Do you have a cashmere scarf?');
    expect(textOf(cardOf('tomas'))).not.toContain('I’ll take it');
    await room.press({ email: address('tomas'), actionId: 'action_decision_hand_over' });
    await room.submit(address('tomas'), { to: 'jonas', reason: 'He knows scarves.' });
    await shop.climbs(insightId);
    await delivers('prompt', 'jonas', insightId);
    expect(textOf(cardOf('jonas'))).toContain('I’ll take it');
    await room.press({ email: address('jonas'), actionId: 'action_decision_acknowledge' });
    expect((await insightNow(shop.db.pool, insightId))!.acknowledged_at).not.toBeNull();
    await shop.db.passTime('2 days');
    await shop.climbs(insightId);
    expect(await called(insightId)).toEqual(['jonas', 'tomas']);
    await shop.db.passTime('-2 days');
  });

  test('what is to be done is taken and given on in Slack, and so is a call that is owed', async () => {
    const insightId = await tomasCard('Do you have a cashmere jacket?');
    const press = { loopId: insightId, by: 'tomas', press: shop.press() };
    await decide(shop.db.heed, press, {
      outcome: 'adopted',
      scope: 'everyone',
      reason: 'Many asked.',
      doneBy: '2999-01-01',
    });
    await shop.tells(insightId);
    await delivers('card', 'tomas', insightId);
    expect(textOf(cardOf('tomas'))).toContain('It is done');
    await room.press({ email: address('tomas'), actionId: 'action_decision_hand_over' });
    await room.submit(address('tomas'), { to: 'jonas', reason: 'He orders them.' });
    await shop.climbs(insightId);
    await delivers('prompt', 'jonas', insightId);
    await room.press({ email: address('jonas'), actionId: 'action_decision_acknowledge' });
    expect((await insightNow(shop.db.pool, insightId))!.acknowledged_at).not.toBeNull();
    await delivers('card', 'jonas', insightId);
    expect(textOf(cardOf('jonas'))).not.toContain('I’ll take it');
    expect(textOf(cardOf('jonas'))).toContain('Hand over');
  });

  test('to hand over to, whoever works at the place stands first, and so does whoever works at all of them', async () => {
    await onesCard();
    const { view } = await room.press({ email: address('jonas'), actionId: 'action_signal_hand_over' });
    const listed = [...textOf(view!.blocks).matchAll(/"value":"(\w+)"/g)].map(([, code]) => code);
    expect(listed).toEqual(['mina', 'priya', 'tomas', 'ingrid', 'luca', 'femke', 'aisha', 'omar']);
  });

  test('a call that is owed is recorded with how it went', async () => {
    const signal = await onesCard({
      customer: { name: 'Ada Blom', phone: '+31 6 12345678' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    await room.press({ email: address('jonas'), actionId: 'action_signal_acknowledge' });
    await delivers('card', 'jonas', signal.id);
    const { view } = await room.press({ email: address('jonas'), actionId: 'action_signal_call' });
    expect(textOf(view!.blocks)).toContain('Say who you are');
    await room.submit(address('jonas'), { outcome: 'reached' });
    expect(await shop.signal(signal.id)).toMatchObject({ answered_by: 'jonas', answer_channel: 'phone' });
  });

  test('a button to answer that was drawn before mail bounced asks for the call that is owed since', async () => {
    const customer = { name: 'Ria Ring', email: 'ria@ring.example', phone: '+31 6 12345675' };
    const consent = (['email', 'phone'] as const).map((channel) => ({
      purpose: 'follow_up',
      channel,
      wording: '2026-06',
    }));
    const signal = await onesCard({ customer, consent });
    await room.press({ email: address('jonas'), actionId: 'action_signal_acknowledge' });
    await delivers('card', 'jonas', signal.id);
    await shop.db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: customer.email }], 'bounced'));
    const { view } = await room.press({ email: address('jonas'), actionId: 'action_signal_answer' });
    expect(textOf(view!.blocks)).toContain('Say who you are');
    await room.submit(address('jonas'), { outcome: 'reached' });
    expect(await shop.signal(signal.id)).toMatchObject({ answered_by: 'jonas', answer_channel: 'phone' });
  });

  test('a call about what was decided shows what was decided, and why', async () => {
    const signal = await shop.hears({
      ...green,
      words: 'Do you have this scarf in mauve?',
      customer: { name: 'Ada Blom', phone: '+31 6 12345678' },
      consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
    });
    await acknowledge(shop.db.heed, { loopId: signal.id, by: 'jonas', press: shop.press() });
    await recordCall(
      shop.db.heed,
      { loopId: signal.id, by: 'jonas', press: shop.press() },
      { outcome: 'reached', promiseOn: '2026-06-19' },
    );
    await decide(
      shop.db.heed,
      { loopId: signal.insight_id!, by: 'tomas', press: shop.press() },
      { outcome: 'declined', reason: 'Mauve does not sell.' },
    );
    await shop.tells(signal.insight_id!);
    await shop.climbs(signal.id);
    await delivers('prompt', 'jonas', signal.id);

    expect(textOf(cardOf('jonas'))).toMatch(/Decided by Tomás Rey at 10:\d\d: no\. The customer waits for a call\./);
    const { view } = await room.press({ email: address('jonas'), actionId: 'action_signal_call' });
    expect(textOf(view!.blocks)).toMatch(
      /Tell them what was decided, no, and why: Mauve does not sell\. At the end, ask: Did we explain it clearly\?/,
    );
    expect(textOf(view!.blocks)).not.toContain('promiseOn');
    await room.submit(address('jonas'), { outcome: 'reached' });
    expect(await shop.signal(signal.id)).toMatchObject({ told_at: expect.any(Date) });
  });
});

describe('who may', () => {
  test('a stranger of the workspace is told so, privately, and nothing happens', async () => {
    await room.introduce([{ email: 'guest@elsewhere.example', name: 'A Guest' }]);
    const signal = await onesCard();
    const guest = (await slack.idOf('guest@elsewhere.example'))!;
    const before = await facts('acknowledgements');
    const answer = await send(
      await pressOf({ user: guest, action: 'action_signal_acknowledge', value: `${signal.id}:1` }),
    );

    expect(answer.status).toBe(200);
    expect(await facts('acknowledgements')).toBe(before);
    expect(room.messages('guest@elsewhere.example').at(-1)).toMatchObject({
      ephemeral: true,
      text: expect.stringContaining('not authorised'),
    });
  });

  test('press no button and send no form by a name that only JavaScript knows', async () => {
    const signal = await onesCard();
    await room.press({ email: address('jonas'), actionId: 'action_signal_dismiss' });
    const form = new URLSearchParams(await submittedBy('jonas'));
    const before = await facts('presses');
    const jonas = (await slack.idOf(address('jonas')))!;
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      const pressed = await send(await pressOf({ user: jonas, action: name, value: `${signal.id}:1` }));
      expect([name, pressed.status, await pressed.text()]).toEqual([name, 200, '']);
      const payload = JSON.parse(form.get('payload')!) as { view: { callback_id: string } };
      payload.view.callback_id = name;
      expect(JSON.stringify(await (await send(payload)).json())).toContain('of an earlier time');
    }
    expect(await facts('presses')).toBe(before);
  });

  test('whom Slack cannot tell us about just now is asked to press again', async () => {
    const signal = await onesCard();
    const user = (await slack.idOf('newcomer@linden-vale.example'))!;
    room.faults.script({ at: 'users.info', do: 'error', error: 'internal_error' });
    const press = await pressOf({ user, action: 'action_signal_acknowledge', value: `${signal.id}:1` });
    await send(press);
    expect(room.messages('newcomer@linden-vale.example').at(-1)?.text).toBe(
      'Slack could not tell us who you are just now. Press again in a moment.',
    );

    // However long Slack is silent, it has our answer in time.
    room.faults.script({ at: 'users.info', do: 'hang' });
    expect((await send(press)).status).toBe(200);
  });

  test('what somebody has written stays before them while Slack cannot say who they are', async () => {
    await onesCard();
    await room.press({ email: address('jonas'), actionId: 'action_signal_dismiss' });
    const form = new URLSearchParams(await submittedBy('jonas'));
    const speechless = { ...slack, emailOf: () => Promise.reject(new Error('no answer')) };
    const door = { ...speechless, signingSecret: room.signingSecret };
    const answer = await send(
      JSON.parse(form.get('payload')!) as object,
      new Hono().route('/slack', slackRoutes({ heed: shop.db.heed, slack: door } as unknown as Web)),
    );
    expect(await answer.json()).toEqual({
      response_action: 'errors',
      errors: { reason: 'Slack could not tell us who you are just now. Press again in a moment.' },
    });
  });

  test('somebody of another team in a shared channel is a stranger, whatever their id', async () => {
    const signal = await onesCard();
    const jonas = (await slack.idOf(address('jonas')))!;
    const before = await facts('acknowledgements');
    await send(
      await pressOf({
        user: jonas,
        userTeam: 'T0ELSEWHERE',
        action: 'action_signal_acknowledge',
        value: `${signal.id}:1`,
      }),
    );
    expect(await facts('acknowledgements')).toBe(before);
  });

  test.each([
    ['a guest of the workspace', { standing: 'guest' }],
    ['a guest of one channel', { standing: 'guest of one channel' }],
    ['somebody whose address Slack has not confirmed', { standing: 'unconfirmed' }],
    ['a bot', { standing: 'bot' }],
    ['somebody of a shared channel', { standing: 'stranger' }],
    ['somebody who has left Slack', { standing: 'deactivated' }],
    ['somebody of another workspace, by our own address', { team: 'T0ELSEWHERE' }],
    ['somebody who has left the company file', { leaves: true }],
  ] as const)('%s is refused, whoever they were before, and it is written down', async (_, now) => {
    const signal = await onesCard();
    const jonas = (await slack.idOf(address('jonas')))!;
    const presses = async (action: string, team?: string) =>
      send(await pressOf({ user: jonas, action, value: `${signal.id}:1`, team }));
    // Known from an earlier press.
    await presses('action_signal_answer');
    expect(shownTo('jonas')).toContain(latestWords());
    const opened = formOf('jonas')!.id;

    const [strangers, facts_] = [await refused('stranger'), await facts('presses')];
    const jonasIs = (standing?: Extract<typeof now, { standing: string }>['standing']) =>
      room.introduce([{ email: address('jonas'), name: 'Jonas Weber', standing }]);
    if ('standing' in now) await jonasIs(now.standing);
    if ('leaves' in now) await shop.db.apply((company) => void delete company.staff['jonas']);
    // Until then a member is believed to be one.
    aMinutePasses();
    for (const action of ['action_signal_acknowledge', 'action_signal_answer', 'action_signal_hand_over'])
      expect((await presses(action, 'team' in now ? now.team : undefined)).status).toBe(200);
    expect([await facts('presses'), formOf('jonas')!.id]).toEqual([facts_, opened]);
    expect(await refused('stranger')).toBe(strangers + 3);
    expect(whispered('jonas')).toBe('You are not authorised to respond here: we do not know you as one of the staff.');
    await jonasIs();
    await shop.db.apply((company) => {
      company.staff['jonas'] ??= { ...company.staff['priya']!, name: 'Jonas Weber', email: address('jonas') };
    });
  });

  test('a loop of another place is told from one that never was by nothing', async () => {
    const signal = await onesCard();
    const femke = (await slack.idOf(address('femke')))!;
    const answers: unknown[] = [];
    for (const id of [signal.id, signal.insight_id ?? signal.id, '0197f000-0000-7000-8000-000000000000']) {
      for (const round of [1, 2]) {
        await send(await pressOf({ user: femke, action: 'action_signal_acknowledge', value: `${id}:${round}` }));
        answers.push(whispered('femke'));
      }
    }
    expect(new Set(answers)).toEqual(new Set(['You are not authorised to respond here: this was not given to you.']));
  });

  test.each([
    ['jonas', true],
    ['priya', true],
    ['ingrid', true],
    ['femke', false],
    ['omar', false],
  ])('%s may take a signal of the high street, and read it in a form: %s', async (staff, may) => {
    const signal = await onesCard();
    const user = (await slack.idOf(address(staff)))!;
    const value = `${signal.id}:1`;
    const before = [await facts('acknowledgements'), await refused('not_theirs', staff)] as const;
    const answer = await send(await pressOf({ user, action: 'action_signal_acknowledge', value }));
    expect(answer.status).toBe(200);
    expect((await facts('acknowledgements')) - before[0]).toBe(may ? 1 : 0);
    // A form shows what somebody said: it opens for nobody else either.
    await send(await pressOf({ user, action: 'action_signal_answer', value }));
    expect(shownTo(staff).includes(latestWords())).toBe(may);
    expect((await refused('not_theirs', staff)) - before[1]).toBe(may ? 0 : 2);
    if (!may) expect(whispered(staff)).toBe('You are not authorised to respond here: this was not given to you.');
  });

  test.each([
    ['tomas', true],
    ['ingrid', true],
    ['jonas', false],
    ['femke', false],
  ])('%s may read in a form what Tomás is to decide: %s', async (staff, may) => {
    const words = 'Do you have a velvet scarf?';
    const { insight_id } = await shop.hears({ ...green, words });
    const user = (await slack.idOf(address(staff)))!;
    const before = await refused('not_theirs', staff);
    await send(await pressOf({ user, action: 'action_decision_decline', value: `${insight_id}:1` }));
    expect(shownTo(staff).includes(words)).toBe(may);
    expect((await refused('not_theirs', staff)) - before).toBe(may ? 0 : 1);
  });

  test('what somebody saw in an earlier round is not acted on in the next', async () => {
    const signal = await onesCard();
    const user = (await slack.idOf(address('jonas')))!;
    await send(await pressOf({ user, action: 'action_signal_acknowledge', value: `${signal.id}:2` }));
    expect((await shop.signal(signal.id)).acknowledged_at).toBeNull();
    expect(whispered('jonas')).toContain('moved on since you were asked');
  });
});

test('no form opens about what its customer lets rest, whatever button is left: it would quote them', async () => {
  const signal = await onesCard();
  await acknowledge(shop.db.heed, { loopId: signal.id, by: 'jonas', press: shop.press() });
  await restrict(shop.db.heed, signal.customer_id!, { by: 'priya' });
  const user = (await slack.idOf(address('jonas')))!;
  const before = formOf('jonas');
  for (const action of ['answer', 'call', 'review', 'dismiss', 'hand_over']) {
    await send(await pressOf({ user, action: `action_signal_${action}`, value: `${signal.id}:1` }));
    expect(formOf('jonas')).toEqual(before);
    expect(whispered('jonas')).toContain('The customer has asked that nothing be done with this for now.');
  }
  await lift(shop.db.heed, signal.customer_id!, { by: 'priya' });
});

describe('whoever gets a code after somebody else', () => {
  const [former, present] = [address('jonas'), 'jona.new@linden-vale.example'];
  const livesAt = (staff: string, email: string) =>
    shop.db.apply((company) => void (company.staff[staff]!.email = email));
  const before = (email: string) => room.messages(email).filter(({ deleted }) => !deleted);

  test.each([
    ['at once', async () => {}],
    ['after a while without anybody', () => shop.db.apply(({ staff }) => void delete staff['jonas'])],
  ])('%s is asked in a room of their own, and the former one hears nothing more', async (_, meanwhile) => {
    const signal = await onesCard();
    const left = structuredClone(before(former));
    const jonas = shop.db.company.staff['jonas']!;
    await meanwhile();
    await shop.db.apply((company) => void (company.staff['jonas'] = { ...jonas, email: present }));

    await acknowledge(shop.db.heed, { loopId: signal.id, by: 'jonas', press: shop.press() });
    await expect(shop.planned('card', 'jonas', signal.id)).rejects.toThrow();
    await shop.db.passTime('1 day 1 hour');
    await shop.climbs(signal.id);
    await delivers('prompt', 'jonas', signal.id);
    expect(textOf(before(present).at(-1)!)).toContain(signal.reference);
    expect(before(present).at(-1)!.threadTs).toBeUndefined();
    expect(before(former)).toEqual(left);

    await shop.db.passTime('-1 day -1 hour');
    await livesAt('jonas', former);
  });

  test('a card about several people is taken from the former one, since nobody would find it once one of them is erased', async () => {
    const insight = await tomasCard('Do you have this jacket in green?');
    expect(textOf(before(address('tomas')))).toContain('this jacket in green');
    await livesAt('tomas', 'tom.new@linden-vale.example');
    const taken = await shop.composes(await shop.planned('redaction', 'tomas', insight));
    await slack.send((taken as { slack: SlackMessage }).slack, 'taken back');
    expect(textOf(before(address('tomas')))).not.toContain('this jacket in green');
    await livesAt('tomas', address('tomas'));
  });

  test('whoever comes back to the address they had goes on with the cards they had', async () => {
    const signal = await onesCard();
    const jonas = shop.db.company.staff['jonas']!;
    await shop.db.apply(({ staff }) => void delete staff['jonas']);
    await shop.db.apply((company) => void (company.staff['jonas'] = jonas));
    await acknowledge(shop.db.heed, { loopId: signal.id, by: 'jonas', press: shop.press() });
    await delivers('card', 'jonas', signal.id);
    expect(textOf(cardOf('jonas'))).toContain('Taken by you');
  });
});

describe('once and no more', () => {
  test('a press sent again, fifty times at once, has one effect', async () => {
    const signal = await onesCard();
    const user = (await slack.idOf(address('jonas')))!;
    const press = await pressOf({ user, action: 'action_signal_acknowledge', value: `${signal.id}:1` });
    const before = [await facts('acknowledgements'), await facts('presses')];
    const answers = await Promise.all(Array.from({ length: 50 }, () => send(press)));

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect([await facts('acknowledgements'), await facts('presses')]).toEqual([before[0]! + 1, before[1]! + 1]);
  });

  test('a form sent again is answered as the first time, and sent once', async () => {
    await onesCard();
    await room.press({ email: address('jonas'), actionId: 'action_signal_dismiss' });
    const before = await facts('closures');
    await room.submit(address('jonas'), { reason: 'Found.' });
    const { headers, body } = room.interactions().at(-1)!;
    const again = await app.request('/slack/interactions', { method: 'POST', headers, body });

    expect(await again.json()).toMatchObject({
      response_action: 'update',
      view: { blocks: [{ text: { text: 'Dismissed. Whoever captured it is told why.' } }] },
    });
    expect(await facts('closures')).toBe(before + 1);
  });
});

describe('what is not from Slack, or not lately', () => {
  const body = 'payload=%7B%22type%22%3A%22view_closed%22%7D';
  const at = (seconds: number): string => String(Math.floor(Date.now() / 1000) + seconds);
  const sign = (timestamp: string, raw: string, secret = room.signingSecret): string =>
    `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${raw}`).digest('hex')}`;
  const request = (timestamp: string | undefined, signature: string | undefined, raw = body) =>
    app.request('/slack/interactions', {
      method: 'POST',
      body: raw,
      headers: {
        ...(timestamp !== undefined && { 'X-Slack-Request-Timestamp': timestamp }),
        ...(signature !== undefined && { 'X-Slack-Signature': signature }),
      },
    });

  test('is answered 401, as a problem, and nothing else', async () => {
    const now = at(0);
    const good = sign(now, body);
    const table: [string, Promise<Response> | Response][] = [
      ['no signature', request(now, undefined)],
      ['no time', request(undefined, good)],
      ['too old', request(at(-301), sign(at(-301), body))],
      ['of the future', request(at(302), sign(at(302), body))],
      ['another time than was signed', request(at(-10), good)],
      ['an altered body', request(now, good, body.replace('closed', 'opened'))],
      ['another secret', request(now, sign(now, body, 'wrong'))],
      ['longer', request(now, `${good}0`)],
      ['another version', request(now, good.replace('v0', 'v1'))],
      ['upper case', request(now, good.toUpperCase())],
      ['empty', request(now, '')],
      ['a time that is none', request('soon', sign('soon', body))],
      ['another spelling of now', request(`${now}.0`, sign(`${now}.0`, body))],
    ];
    for (const [name, asking] of table) {
      const answer = await asking;
      expect([name, answer.status, answer.headers.get('content-type')]).toEqual([
        name,
        401,
        'application/problem+json',
      ]);
      expect(await answer.json()).toMatchObject({ type: 'urn:heed:problem:unauthorized', code: 'unauthorized' });
    }
    expect((await request(now, good)).status).toBe(200);
    expect((await request(at(-298), sign(at(-298), body))).status).toBe(200);
  });

  test('is taken for five minutes either way, and not a second longer', () => {
    const body = Buffer.from('payload=x');
    const signedAt = 1_750_000_000;
    const signature = `v0=${createHmac('sha256', 'a secret').update(`v0:${signedAt}:`).update(body).digest('hex')}`;
    const taken = [-301, -300, -299, 0, 299, 300, 301].filter((later) =>
      isFromSlack('a secret', { timestamp: String(signedAt), signature, body }, (signedAt + later) * 1000),
    );
    expect(taken).toEqual([-300, -299, 0, 299, 300]);
  });

  test('is never accepted with one bit changed anywhere', () => {
    const secret = 'a secret';
    const now = 1_750_000_000_000;
    const timestamp = '1750000000';
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.nat(),
        fc.integer({ min: 0, max: 7 }),
        (bytes, where, bit) => {
          const raw = Buffer.from(bytes);
          const signature = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:`).update(raw).digest('hex')}`;
          expect(isFromSlack(secret, { timestamp, signature, body: raw }, now)).toBe(true);
          const altered = Buffer.from(raw);
          altered[where % raw.length]! ^= 1 << bit;
          expect(isFromSlack(secret, { timestamp, signature, body: altered }, now)).toBe(false);
          const forged = Buffer.from(signature);
          forged[where % forged.length]! ^= 1 << bit;
          expect(isFromSlack(secret, { timestamp, signature: forged.toString('latin1'), body: raw }, now)).toBe(false);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('signed nonsense is refused in words, and other kinds of interaction are none of ours', async () => {
    for (const raw of [
      '',
      'payload=',
      'payload=%7B',
      'payload=%7B%22type%22%3A%22block_actions%22%7D',
      'payload=5',
      '{"type":"block_actions"}',
    ]) {
      const now = at(0);
      const answer = await request(now, sign(now, raw), raw);
      expect([raw, answer.status]).toEqual([raw, 400]);
      expect(await answer.json()).toMatchObject({ code: 'bad_request' });
    }
  });
});

beforeEach(() => room.faults.clear());
afterEach(() => {
  jest.restoreAllMocks();
});

/** For us and for the room; the database has a clock of its own. */
function aMinutePasses(): void {
  const { now } = Date;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + 60_000);
}

/** What Slack tells of a press, on its way to us: of a button that stands before somebody, however it came there. So a form may open for it. */
async function pressOf({
  user,
  team,
  userTeam = team,
  action,
  value,
}: {
  user: string;
  team?: string | undefined;
  userTeam?: string | undefined;
  action: string;
  value: string;
}): Promise<object> {
  const button = { type: 'button', action_id: action, value, text: { type: 'plain_text', text: 'Press' } };
  const card = { to: user, text: 'A button', colour: '', blocks: [{ type: 'actions', elements: [button] }] };
  await slack.send(card, randomUUID());
  heard = false;
  await room.press({ email: room.messages().at(-1)!.email, actionId: action });
  heard = true;
  const { payload } = Object.fromEntries(new URLSearchParams(room.interactions().at(-1)!.body));
  const told = JSON.parse(payload!) as { team: object; user: object };
  return {
    ...told,
    team: { ...told.team, ...(team && { id: team }) },
    user: { ...told.user, ...(userTeam && { team_id: userTeam }) },
  };
}

async function send(payload: object, to = app): Promise<Response> {
  const body = `payload=${encodeURIComponent(JSON.stringify(payload))}`;
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = `v0=${createHmac('sha256', room.signingSecret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
  return to.request('/slack/interactions', {
    method: 'POST',
    body,
    headers: { 'X-Slack-Request-Timestamp': timestamp, 'X-Slack-Signature': signature },
  });
}

test('what Slack signs is measured by the secret of the moment', async () => {
  let inForce = room.signingSecret;
  const renewed = { ...slack, signingSecret: () => inForce };
  const door = new Hono().route('/slack', slackRoutes({ heed: shop.db.heed, slack: renewed } as unknown as Web));
  const other = { type: 'shortcut', user: { id: 'U1' } };
  expect((await send(other, door)).status).toBe(200);
  inForce = 'another secret of Slack';
  expect((await send(other, door)).status).toBe(401);
});

test('somebody pressing in Slack is known by their address once, and by their id from then on', async () => {
  await onesCard();
  await room.press({ email: address('jonas'), actionId: 'action_signal_acknowledge' });
  const id = await shop.db.pool.oneFirst(
    sql.type(z.object({ slack_id: z.string() }))`select slack_id from staff where code = 'jonas'`,
  );
  expect(id).toBe(await slack.idOf(address('jonas')));
});

test('whoever presses just while a company file gives their code to somebody else is not taken for them from then on', async () => {
  const signal = await shop.hears({ ...green, words: 'Where is the waiting room?', place: 'station', by: 'aisha' });
  const press = await pressOf({ user: address('luca'), action: 'action_signal_acknowledge', value: signal.id });
  const company = structuredClone(shop.db.company);
  company.staff['luca']!.email = 'lucia.marino@linden-vale.example';
  const [applied, answering] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const given = shop.db.pool.transaction(async (tx) => {
    await applyConfiguration(tx, { yaml: '# Lucia Marino follows Luca', company, by: 'test' });
    applied.resolve();
    await answering.promise;
  });
  await applied.promise;
  const pressed = send(press);
  while ((await waiting()) < 1) await setImmediate();
  answering.resolve();
  await given;
  expect((await pressed).status).toBe(200);
  expect(whispered('luca')).toMatch(/^You are not authorised to respond here/);
  expect((await staffByCode(shop.db.pool, 'luca'))!.slack_id).toBeNull();
  expect((await shop.signal(signal.id)).acknowledged_at).toBeNull();
});
