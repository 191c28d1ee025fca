import { createHmac, timingSafeEqual } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LogLevel, WebClient } from '@slack/web-api';
import type { KnownBlock, View } from '@slack/types';
import fc from 'fast-check';
import { blockRefusals } from '../../src/embedded/slackLimits.ts';
import { parseMrkdwn } from '../../src/embedded/slackMrkdwn.ts';
import type { Span } from '../../src/embedded/slackMrkdwn.ts';
import { startSlackRoom } from '../../src/embedded/slackRoom.ts';
import type { SlackRoom } from '../../src/embedded/slackRoom.ts';

const jonas = 'jonas.weber@linden.example';

// What the app answers to an interaction: each test says so. It checks the signature as the product does.
type Answer = (payload: any) => Promise<object | string | number> | object | string | number;
let answerWith: Answer;
let received: any[];
let app: Server;
let room: SlackRoom;
let slack: WebClient;
let dataDir: string;

const startRoom = async () => {
  room = await startSlackRoom({
    dataDir,
    interactivityUrl: () => `http://127.0.0.1:${(app.address() as AddressInfo).port}/slack/interactions`,
    people: [{ email: jonas, name: 'Jonas Weber' }],
  });
  slack = new WebClient(room.token, {
    slackApiUrl: room.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 8000,
    logLevel: LogLevel.ERROR,
    logger: {
      debug() {},
      info() {},
      warn() {},
      error() {},
      setLevel() {},
      getLevel: () => LogLevel.ERROR,
      setName() {},
    },
  });
};

beforeEach(async () => {
  received = [];
  answerWith = () => '';
  app = createServer((request, response) => {
    const act = async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const raw = Buffer.concat(chunks).toString();
      const timestamp = String(request.headers['x-slack-request-timestamp']);
      const mine = Buffer.from(
        `v0=${createHmac('sha256', room.signingSecret).update(`v0:${timestamp}:${raw}`).digest('hex')}`,
      );
      const theirs = Buffer.from(String(request.headers['x-slack-signature']));
      if (mine.length !== theirs.length || !timingSafeEqual(mine, theirs)) return void response.writeHead(401).end();
      const payload = JSON.parse(new URLSearchParams(raw).get('payload') ?? '');
      received.push(payload);
      const answer = await answerWith(payload);
      if (typeof answer === 'number') response.writeHead(answer).end();
      else response.writeHead(200).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    };
    void act();
  });
  await new Promise<void>((listening) => app.listen(0, '127.0.0.1', listening));
  dataDir = await mkdtemp(path.join(tmpdir(), 'heed-slack-'));
  await startRoom();
});
afterEach(async () => {
  await room.stop();
  app.closeAllConnections();
  await new Promise((closed) => app.close(closed));
  await rm(dataDir, { recursive: true });
});

const channelOf = async (email: string) => {
  const { user } = await slack.users.lookupByEmail({ email });
  const { channel } = await slack.conversations.open({ users: String(user?.id) });
  return String(channel?.id);
};
const task: KnownBlock[] = [
  { type: 'header', text: { type: 'plain_text', text: 'Somebody asks for green' } },
  {
    type: 'rich_text',
    elements: [
      {
        type: 'rich_text_quote',
        elements: [{ type: 'text', text: 'Do you have <!channel> & <script>alert(1)</script> in *green*?' }],
      },
    ],
  },
  {
    type: 'context',
    elements: [{ type: 'mrkdwn', text: 'for *you* &amp; _us_, <https://heed.example/s/1|see it> &lt;3' }],
  },
  {
    type: 'actions',
    block_id: 'block_signal_response',
    elements: [
      {
        type: 'button',
        action_id: 'action_signal_acknowledge',
        text: { type: 'plain_text', text: "I'll take it" },
        style: 'primary',
        value: 's1.3',
      },
      {
        type: 'button',
        action_id: 'action_signal_dismiss',
        text: { type: 'plain_text', text: 'No action' },
        style: 'danger',
        value: 's1.3',
        confirm: {
          title: { type: 'plain_text', text: 'No action?' },
          text: { type: 'plain_text', text: 'It will be closed.' },
          confirm: { type: 'plain_text', text: 'Close it' },
          deny: { type: 'plain_text', text: 'Keep it' },
        },
      },
    ],
  },
];
const metadata = { event_type: 'delivery', event_payload: { id: 'd1' } };
const post = async (more: object = {}) => {
  const channel = await channelOf(jonas);
  const posted = await slack.chat.postMessage({ channel, text: 'Green?', blocks: task, metadata, ...more });
  return { channel, ts: String(posted.ts) };
};
const answerForm: View = {
  type: 'modal',
  callback_id: 'view_signal_answer',
  private_metadata: 's1.3',
  title: { type: 'plain_text', text: 'Answer Kim' },
  submit: { type: 'plain_text', text: 'Send' },
  notify_on_close: true,
  blocks: [
    {
      type: 'input',
      block_id: 'words',
      label: { type: 'plain_text', text: 'Your words' },
      element: { type: 'plain_text_input', action_id: 'typed', multiline: true, initial_value: 'Dear Kim,' },
    },
    {
      type: 'input',
      block_id: 'outcome',
      label: { type: 'plain_text', text: 'Outcome' },
      element: {
        type: 'radio_buttons',
        action_id: 'chosen',
        options: [
          { text: { type: 'plain_text', text: 'For everyone' }, value: 'everyone' },
          { text: { type: 'plain_text', text: 'For these' }, value: 'these' },
        ],
      },
    },
    {
      type: 'input',
      block_id: 'by',
      optional: true,
      label: { type: 'plain_text', text: 'By when' },
      element: { type: 'datepicker', action_id: 'date' },
    },
    {
      type: 'actions',
      block_id: 'more',
      elements: [{ type: 'button', action_id: 'preview', text: { type: 'plain_text', text: 'Preview' }, value: 'p' }],
    },
  ],
};
const opensForm: Answer = async (payload) => {
  if (payload.type === 'block_actions') await slack.views.open({ trigger_id: payload.trigger_id, view: answerForm });
  return '';
};
const page = async (url = `/?as=${encodeURIComponent(jonas)}`) => (await room.app.request(url)).text();
const submitForm = (to: string, fields: Record<string, string>) =>
  room.app.request(to, { method: 'POST', body: new URLSearchParams(fields) });

describe('the Web API', () => {
  test('knows every address, under one id, and gives it a channel', async () => {
    expect(await slack.auth.test()).toMatchObject({ ok: true, user: 'heed' });
    const one = await slack.users.lookupByEmail({ email: 'Kim.Adler@example.com' });
    const again = await slack.users.lookupByEmail({ email: 'kim.adler@example.com' });
    expect(one.user).toMatchObject({ real_name: 'Kim Adler', profile: { email: 'kim.adler@example.com' } });
    expect(again.user?.id).toBe(one.user?.id);
    expect((await slack.users.info({ user: String(one.user?.id) })).user?.real_name).toBe('Kim Adler');
    expect(await channelOf('kim.adler@example.com')).toMatch(/^D/);
  });

  test('a message can be found again by its metadata, edited in place and deleted', async () => {
    const { channel, ts } = await post();

    const history = await slack.conversations.history({
      channel,
      oldest: ts,
      inclusive: true,
      include_all_metadata: true,
    });
    expect(history.messages).toEqual([expect.objectContaining({ ts, metadata })]);
    expect((await slack.conversations.history({ channel })).messages?.[0]).not.toHaveProperty('metadata');
    expect((await slack.conversations.history({ channel, oldest: ts })).messages).toEqual([]);

    await slack.chat.update({ channel, ts, text: 'taken by Priya', blocks: task.slice(0, 2) });
    expect(room.messages(jonas)).toEqual([
      expect.objectContaining({ text: 'taken by Priya', metadata, edited: expect.any(String) }),
    ]);
    expect(room.messages(jonas)[0]?.blocks).toHaveLength(2);

    await slack.chat.delete({ channel, ts });
    expect((await slack.conversations.history({ channel })).messages).toEqual([]);
    await expect(slack.chat.update({ channel, ts, text: 'x' })).rejects.toMatchObject({
      data: { error: 'message_not_found' },
    });
  });

  test('replies stand in their thread, and in the history only when broadcast', async () => {
    const { channel, ts } = await post();
    await slack.chat.postMessage({ channel, thread_ts: ts, text: 'quietly' });
    await slack.chat.postMessage({ channel, thread_ts: ts, text: 'aloud', reply_broadcast: true });

    const texts = (messages: { text?: string }[] | undefined) => messages?.map(({ text }) => text);
    expect(texts((await slack.conversations.replies({ channel, ts })).messages)).toEqual([
      'Green?',
      'quietly',
      'aloud',
    ]);
    expect(texts((await slack.conversations.history({ channel })).messages)).toEqual(['aloud', 'Green?']);
  });

  test('a long history comes in pages', async () => {
    const channel = await channelOf(jonas);
    for (const text of ['1', '2', '3']) await slack.chat.postMessage({ channel, text });

    const first = await slack.conversations.history({ channel, limit: 2 });
    const cursor = String(first.response_metadata?.next_cursor);
    const rest = await slack.conversations.history({ channel, limit: 2, cursor });
    expect([first, rest].map(({ messages }) => messages?.map(({ text }) => text))).toEqual([['3', '2'], ['1']]);
  });

  test('takes JSON as well as forms, and refuses a wrong token or an unknown method with Slack’s codes', async () => {
    const channel = await channelOf(jonas);
    const call = async (method: string, token: string, body: object) => {
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      return (await fetch(room.apiUrl + method, { method: 'POST', headers, body: JSON.stringify(body) })).json();
    };
    expect(await call('chat.postMessage', room.token, { channel, text: 'hello' })).toMatchObject({ ok: true });
    expect(await call('chat.postMessage', 'xoxb-other', { channel, text: 'hello' })).toEqual({
      ok: false,
      error: 'invalid_auth',
    });
    expect(await call('chat.shout', room.token, {})).toMatchObject({ ok: false, error: 'unknown_method' });
    expect(await call('chat.postMessage', room.token, { channel: 'C1', text: 'x' })).toEqual({
      ok: false,
      error: 'channel_not_found',
    });
    expect(await call('chat.postMessage', room.token, { channel })).toEqual({ ok: false, error: 'no_text' });
  });

  test('refuses blocks that Slack would refuse', async () => {
    const button = { type: 'button', text: { type: 'plain_text', text: 'x'.repeat(76) } };
    const blocks = [{ type: 'actions', elements: [button] }] as unknown as KnownBlock[];

    await expect(post({ blocks })).rejects.toMatchObject({ data: { error: 'invalid_blocks' } });
    expect(blockRefusals(blocks, 'message')).toEqual([
      '[ERROR] must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]',
    ]);
    expect(blockRefusals(task, 'message')).toEqual([]);
  });

  test('keeps people and messages over a restart', async () => {
    const { channel, ts } = await post();
    await slack.chat.update({ channel, ts, text: 'taken' });
    await channelOf('kim@example.com');
    const before = room.messages();
    expect(room.unread()).toBe(1);
    await page();

    await room.stop();
    await startRoom();
    expect(room.messages()).toEqual(before);
    expect(room.unread()).toBe(0);
    expect((await slack.conversations.history({ channel })).messages?.[0]).toMatchObject({ ts, text: 'taken' });
    expect(await page('/')).toContain('Kim');
  });

  test('what the full disk does not let go of stays, is deleted when that is asked again, and is gone after a restart', async () => {
    const { channel, ts } = await post();
    await symlink('/dev/full', path.join(dataDir, 'slack.ndjson.new'));
    await expect(slack.chat.delete({ channel, ts })).rejects.toMatchObject({ data: { error: 'internal_error' } });
    expect(room.messages().map(({ deleted }) => deleted)).toEqual([false]);

    await slack.chat.delete({ channel, ts });
    await room.stop();
    await startRoom();
    expect(room.messages().map(({ deleted, text }) => [deleted, text])).toEqual([[true, '']]);
  });
});

describe('faults', () => {
  test('a rate limit says when to come back', async () => {
    room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 429, retryAfter: 30 });
    await expect(post()).rejects.toMatchObject({ code: 'slack_webapi_rate_limited_error', retryAfter: 30 });
    await post();
  });

  test('Slack’s own codes and HTTP errors come as scripted, as often as scripted', async () => {
    room.faults.script({ at: 'chat.postMessage', do: 'error', error: 'account_inactive' }, 2);
    room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 503 });
    await expect(post()).rejects.toMatchObject({ data: { error: 'account_inactive' } });
    await expect(post()).rejects.toMatchObject({ data: { error: 'account_inactive' } });
    await expect(post()).rejects.toMatchObject({ statusCode: 503 });
    expect(room.messages()).toEqual([]);
    await post();
  });

  test('a lost response leaves the message posted, and findable', async () => {
    room.faults.script({ at: 'chat.postMessage', do: 'lose' });
    await expect(post()).rejects.toMatchObject({ code: 'slack_webapi_request_error' });

    const channel = await channelOf(jonas);
    const { messages } = await slack.conversations.history({ channel, include_all_metadata: true });
    expect(messages).toEqual([expect.objectContaining({ metadata })]);
  });

  test.each([
    { do: 'error', error: 'internal_error', done: true },
    { do: 'answer', status: 500, done: true },
  ] as const)('%j is an error after which the message stands there all the same', async (fault) => {
    room.faults.script({ at: 'chat.postMessage', ...fault });
    await expect(post()).rejects.toThrow();
    expect(room.messages()).toHaveLength(1);
  });

  test('a slow call is done and answered in the end', async () => {
    room.faults.script({ at: 'chat.postMessage', do: 'slow', ms: 30 });
    await post();
    expect(room.messages()).toHaveLength(1);
  });

  test('a hanging call does nothing and ends with the room', async () => {
    room.faults.script({ at: 'auth.test', do: 'hang' });
    const hanging = expect(slack.auth.test()).rejects.toMatchObject({ code: 'slack_webapi_request_error' });
    await slack.users.lookupByEmail({ email: jonas });
    await room.stop();
    await hanging;
    await startRoom();
  });
});

describe('pressing', () => {
  test('sends a signed interaction with everything the app needs', async () => {
    const { channel, ts } = await post({ attachments: [{ color: '#a30200', blocks: task.slice(0, 1) }] });
    const outcome = await room.press({ email: jonas, actionId: 'action_signal_acknowledge' });

    expect(outcome).toMatchObject({ ok: true, status: 200, view: undefined });
    const { user } = await slack.users.lookupByEmail({ email: jonas });
    expect(received).toEqual([
      expect.objectContaining({
        type: 'block_actions',
        team: expect.objectContaining({ id: expect.stringMatching(/^T/) }),
        user: expect.objectContaining({ id: user?.id, username: 'jonas.weber' }),
        container: { type: 'message', message_ts: ts, channel_id: channel, is_ephemeral: false },
        channel: { id: channel, name: 'directmessage' },
        message: expect.objectContaining({ ts, text: 'Green?' }),
        response_url: expect.stringContaining('http://127.0.0.1:'),
        actions: [
          expect.objectContaining({
            type: 'button',
            action_id: 'action_signal_acknowledge',
            block_id: 'block_signal_response',
            value: 's1.3',
            action_ts: expect.stringMatching(/^\d+\.\d{6}$/),
          }),
        ],
      }),
    ]);
  });

  test('a button inside an attachment says so', async () => {
    await post({ blocks: undefined, attachments: [{ color: 'danger', blocks: task }] });
    await room.press({ email: jonas, actionId: 'action_signal_acknowledge' });
    expect(received[0].container).toMatchObject({ type: 'message_attachment', attachment_id: 1 });
  });

  test('works by plain form, asking first where the button asks', async () => {
    const { channel, ts } = await post();
    const press = { channel, ts, press: 'block_signal_response/action_signal_dismiss' };

    expect(await (await submitForm('/press', press)).text()).toMatch(/No action\?[^]*It will be closed\.[^]*Keep it/);
    expect(received).toEqual([]);
    const done = await submitForm('/press', { ...press, confirmed: 'yes' });
    expect(done.status).toBe(303);
    expect(received[0].actions[0].action_id).toBe('action_signal_dismiss');
  });

  test('an app that fails is told to the person, until something works again', async () => {
    await post();
    answerWith = () => 500;
    expect(await room.press({ email: jonas, actionId: 'action_signal_acknowledge' })).toMatchObject({
      ok: false,
      status: 500,
    });
    expect(await page()).toContain('It answered 500.');

    answerWith = () => '';
    await room.press({ email: jonas, actionId: 'action_signal_acknowledge' });
    expect(await page()).not.toContain('some trouble');
  });

  test('an app that takes longer than three seconds has failed', async () => {
    await post();
    answerWith = () => new Promise(() => {});
    const { ok, notice } = await room.press({ email: jonas, actionId: 'action_signal_acknowledge' });
    expect(ok).toBe(false);
    expect(notice).toContain('within 3 seconds');
  });

  test('a response_url adds a private notice, or replaces the message, five times at most', async () => {
    await post();
    await room.press({ email: jonas, actionId: 'action_signal_acknowledge' });
    const respond = async (body: object) =>
      (
        await fetch(received[0].response_url, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).json();

    expect(await respond({ text: 'Only you may see this' })).toEqual({ ok: true });
    expect(await respond({ replace_original: true, text: 'Taken by Jonas' })).toEqual({ ok: true });
    expect(room.messages(jonas)).toEqual([
      expect.objectContaining({ text: 'Taken by Jonas', blocks: [], ephemeral: false }),
      expect.objectContaining({ text: 'Only you may see this', ephemeral: true }),
    ]);
    for (const _ of [3, 4, 5]) await respond({ text: 'again' });
    expect(await respond({ text: 'again' })).toEqual({ ok: false, error: 'used_url' });
  });

  test('a button that is gone cannot be pressed', async () => {
    const { channel, ts } = await post();
    await slack.chat.update({ channel, ts, text: 'taken', blocks: task.slice(0, 1) });
    const answer = await room.app.request('/press', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ channel, messageTs: ts, actionId: 'action_signal_acknowledge' }),
    });
    expect(answer.status).toBe(404);
    expect(received).toEqual([]);
  });
});

describe('modals', () => {
  beforeEach(async () => {
    await post();
    answerWith = opensForm;
  });
  const open = () => room.press({ email: jonas, actionId: 'action_signal_acknowledge' });

  test('a modal opened by a press is before the person, filled in, and comes back in Slack’s own shapes', async () => {
    expect((await open()).view).toMatchObject({ email: jonas });
    const shown = await page();
    expect(shown).toContain('Answer Kim');
    expect(shown).toContain('>\nDear Kim,</textarea');

    const view = String(room.views(jonas)[0]?.id);
    const done = await submitForm('/submit', {
      view,
      'words/typed': 'Dear Kim,\r\nwe heard you.',
      'outcome/chosen': 'these',
      'by/date': '2026-12-01',
    });
    expect(done.status).toBe(303);
    expect(received[1]).toMatchObject({
      type: 'view_submission',
      view: {
        id: view,
        callback_id: 'view_signal_answer',
        private_metadata: 's1.3',
        hash: expect.any(String),
        state: {
          values: {
            words: { typed: { type: 'plain_text_input', value: 'Dear Kim,\nwe heard you.' } },
            outcome: {
              chosen: {
                type: 'radio_buttons',
                selected_option: { text: { type: 'plain_text', text: 'For these' }, value: 'these' },
              },
            },
            by: { date: { type: 'datepicker', selected_date: '2026-12-01' } },
          },
        },
      },
    });
    expect(room.views(jonas)).toEqual([]);
    expect(await page()).toContain('Somebody asks for green');
  });

  test('what is missing is asked for before the app is', async () => {
    await open();
    expect(await room.submit(jonas, { words: '' })).toMatchObject({
      ok: false,
      errors: { words: 'Please complete this required field.', outcome: 'Please complete this required field.' },
    });
    expect(received).toHaveLength(1);
    expect(await page()).toMatch(/aria-invalid="true"[^]*Please complete this required field/);
  });

  test('errors of the app stand beside the fields, and what was typed stays', async () => {
    await open();
    answerWith = () => ({ response_action: 'errors', errors: { words: 'Too short for Kim.' } });
    expect(await room.submit(jonas, { words: 'Hm', outcome: 'these' })).toMatchObject({
      ok: false,
      errors: { words: 'Too short for Kim.' },
    });
    expect(await page()).toMatch(/>\nHm<\/textarea[^]*Too short for Kim\./);

    answerWith = () => ({ response_action: 'errors', errors: { nowhere: 'x' } });
    expect((await room.submit(jonas)).notice).toContain('must name input blocks');
  });

  test('an answer may show another modal in its place, on top of it, or clear them all', async () => {
    await open();
    const next = (title: string): View => ({ ...answerForm, title: { type: 'plain_text', text: title } });
    answerWith = () => ({ response_action: 'update', view: next('Second') });
    await room.submit(jonas, { outcome: 'these', words: 'kept' });
    expect(await page()).toMatch(/Second[^]*>\nkept<\/textarea/);

    answerWith = () => ({ response_action: 'push', view: next('On top') });
    await room.submit(jonas);
    expect(room.views(jonas).map(({ given }) => (given['title'] as { text: string }).text)).toEqual([
      'Second',
      'On top',
    ]);

    answerWith = () => ({ response_action: 'clear' });
    await room.submit(jonas, { outcome: 'everyone' });
    expect(room.views(jonas)).toEqual([]);
  });

  test('a button inside a modal carries what was typed so far, and the app may change the modal', async () => {
    await open();
    const [view] = room.views(jonas);
    answerWith = async (payload) => {
      await slack.views.update({ view_id: payload.view.id, hash: payload.view.hash, view: answerForm });
      return '';
    };
    await submitForm('/press', { view: String(view?.id), press: 'more/preview', 'words/typed': 'half a sen' });
    expect(received[1]).toMatchObject({
      container: { type: 'view', view_id: view?.id },
      actions: [{ action_id: 'preview', value: 'p' }],
      view: { state: { values: { words: { typed: { value: 'half a sen' } } } } },
    });
    expect(await page()).toContain('>\nhalf a sen</textarea');
    await expect(
      slack.views.update({ view_id: String(view?.id), hash: 'old', view: answerForm }),
    ).rejects.toMatchObject({ data: { error: 'hash_conflict' } });
  });

  test('a press opens one modal only, and not later than Slack allows', async () => {
    await open();
    const trigger = received[0].trigger_id;
    const again = (trigger_id: string) => slack.views.open({ trigger_id, view: answerForm });
    await expect(again(trigger)).rejects.toMatchObject({ data: { error: 'exchanged_trigger_id' } });
    await expect(again('1.2')).rejects.toMatchObject({ data: { error: 'invalid_trigger_id' } });
  });

  test('closing it is told to an app that asked to know', async () => {
    await open();
    await submitForm('/close', { view: String(room.views(jonas)[0]?.id) });
    expect(received[1]).toMatchObject({ type: 'view_closed', view: { callback_id: 'view_signal_answer' } });
    expect(room.views(jonas)).toEqual([]);
  });

  test('does the same by JSON', async () => {
    const json = async (to: string, body: object) => {
      const headers = { 'Content-Type': 'application/json' };
      return (await room.app.request(to, { method: 'POST', headers, body: JSON.stringify(body) })).json() as any;
    };
    const [message] = room.messages(jonas);
    const { view } = await json('/press', {
      channel: message?.channel,
      messageTs: message?.ts,
      actionId: 'action_signal_acknowledge',
    });
    expect(view).toMatchObject({ callback_id: 'view_signal_answer', email: jonas });
    expect(await json('/submit', { viewId: view.id, values: { words: 'Dear Kim' } })).toMatchObject({
      ok: false,
      errors: { outcome: expect.any(String) },
    });
    expect(await json('/submit', { viewId: view.id, values: { outcome: 'everyone' } })).toMatchObject({ ok: true });
    const state = await (await room.app.request('/', { headers: { Accept: 'application/json' } })).json();
    expect(state).toMatchObject({ people: [{ email: jonas, unread: 1 }], messages: [{ ts: message?.ts }], views: [] });
  });
});

describe('what is drawn', () => {
  test('the customer’s words are literal, whatever is in them', async () => {
    await post({ attachments: [{ color: '#a30200', blocks: [{ type: 'divider' }] }] });
    const shown = await page();

    expect(shown).toContain('Do you have &lt;!channel&gt; &amp; &lt;script&gt;alert(1)&lt;/script&gt; in *green*?');
    expect(shown).toContain(
      'for <b>you</b> &amp; <i>us</i>, <a href="https://heed.example/s/1" rel="noreferrer">see it</a> &lt;3',
    );
    expect(shown).toContain('fill="#a30200"');
    expect(shown).not.toMatch(/<script>|class="dev-mention"| style=/);
  });

  test('a mention that slipped into mrkdwn is shown as one', async () => {
    const channel = await channelOf(jonas);
    await slack.chat.postMessage({ channel, text: 'Hello <!channel>, says <@U1|Kim>' });
    expect(await page()).toContain('<span class="dev-mention">@channel</span>');
  });

  test('text that was escaped never becomes a mention, a named link, or markup', () => {
    const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const kinds = (spans: Span[]): string[] =>
      spans.flatMap((span) => [span.kind, ...('spans' in span ? kinds(span.spans) : [])]);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('<', '>', '!channel', '@U1', '|', '&', 'lt;', '*', '_', '`', '\n', 'a')),
        (parts) => {
          expect(kinds(parseMrkdwn(escape(parts.join(''))))).not.toEqual(
            expect.arrayContaining([expect.stringMatching(/mention|link|date/)]),
          );
        },
      ),
    );
  });

  test('a page says that it is the demonstration’s, and counts what is unread per person', async () => {
    await post();
    expect(await page('/')).toMatch(/Slack room of this demonstration[^]*Jonas Weber <small>1 unread<\/small>/);
    const before = await page('/version');
    await page();
    expect(await page('/')).not.toContain('unread');
    expect(await page('/version')).not.toBe(before);
  });

  test('an unknown id is a page that says so', async () => {
    expect((await room.app.request('/?as=U123')).status).toBe(404);
  });
});
