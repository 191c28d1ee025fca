import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { parseMrkdwn, type Span } from '../../src/embedded/slackMrkdwn.ts';
import { startSlackRoom, type SlackRoom } from '../../src/embedded/slackRoom.ts';
import { OutsideFailed, type SlackMessage } from '../../src/integrations/letter.ts';
import { mrkdwn, openSlack } from '../../src/integrations/slack.ts';

const jonas = 'jonas@linden-vale.example';
let room: SlackRoom;
let slack: ReturnType<typeof openSlack>;
let jonasId: string;

beforeAll(async () => {
  room = await startSlackRoom({
    interactivityUrl: () => 'http://127.0.0.1:9/slack/interactions',
    people: [{ email: jonas, name: 'Jonas Weber' }],
  });
  slack = openSlack({ token: room.token, apiUrl: room.apiUrl });
  jonasId = (await slack.idOf(jonas))!;
});
afterEach(() => {
  room.faults.clear();
  jest.restoreAllMocks();
});
afterAll(() => room.stop());

const section = (text: string) => ({ type: 'section', text: { type: 'plain_text', text } });
const message = (more: Partial<SlackMessage> = {}): SlackMessage => ({
  to: jonasId,
  text: 'Green?',
  colour: '#a3341c',
  blocks: [section('head'), section('rest')],
  ...more,
});
const last = () => room.messages(jonas).at(-1)!;
let given = 0;
const fresh = (): string => `delivery-${(given += 1)}`;

const listening = async (answer: RequestListener): Promise<{ server: Server; url: string }> => {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
};

describe('a message', () => {
  test('is posted once, marked with its delivery, with its colour beside all but the head', async () => {
    const sent = await slack.send(message(), 'd-1');

    expect(sent).toEqual({ accepted: true, ref: `${last().channel}:${last().ts}` });
    expect(last()).toMatchObject({
      text: 'Green?',
      metadata: { event_type: 'delivery', event_payload: { id: 'd-1' } },
      blocks: [{ text: { text: 'head' } }],
      attachments: [{ color: '#a3341c', blocks: [{ text: { text: 'rest' } }] }],
    });
  });

  test('has nothing fetched and shown that an address in it leads to', async () => {
    let asked = '';
    const elsewhere = await listening((request, response) => {
      request.on('data', (chunk: Buffer) => (asked += chunk.toString()));
      request.on('end', () => response.end('{"ok":true,"channel":"D1","ts":"1.1"}'));
    });
    const told = openSlack({ token: 'xoxb', apiUrl: `${elsewhere.url}api/` });
    await told.send(message({ under: { channel: 'D1', ts: '1.1' } }), fresh());
    const { unfurl_links, unfurl_media } = Object.fromEntries(new URLSearchParams(asked));
    expect([unfurl_links, unfurl_media]).toEqual(['false', 'false']);
    elsewhere.server.close();
  });

  test('goes with the token of the moment, which stands in its header alone', async () => {
    const asked: unknown[] = [];
    const { server, url } = await listening((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        asked.push([request.headers.authorization, body.includes('xoxb')]);
        response.end('{"ok":true,"channel":"D1","ts":"1.1"}');
      });
    });
    let token = 'xoxb-first';
    const renewed = openSlack({ token: () => token, apiUrl: `${url}api/` });
    for (const next of ['xoxb-first', 'xoxe.xoxb-second']) {
      token = next;
      await renewed.send(message({ under: { channel: 'D1', ts: '1.1' } }), fresh());
    }
    expect(asked).toEqual([
      ['Bearer xoxb-first', false],
      ['Bearer xoxe.xoxb-second', false],
    ]);
    server.close();
  });

  test('goes nowhere else, whoever says it should', async () => {
    let asked = 0;
    const elsewhere = await listening((_, response) => {
      asked += 1;
      response.end('{"ok":true}');
    });
    const misled = await listening((_, response) => response.writeHead(307, { Location: elsewhere.url }).end());
    const apiUrl = `${misled.url}api/`;
    const misguided = openSlack({ token: 'xoxb-secret', apiUrl });
    await expect(misguided.send(message({ under: { channel: 'D1', ts: '1.1' } }), fresh())).rejects.toMatchObject({
      code: 'slack_lost',
    });
    expect(asked).toBe(0);
    for (const { server } of [elsewhere, misled]) server.close();
  });

  test('finds somebody whose id is not known yet by their address, and says when Slack has nobody there', async () => {
    expect(await slack.send(message({ to: jonas }), fresh())).toMatchObject({ accepted: true });

    room.faults.script({ at: 'users.lookupByEmail', do: 'error', error: 'users_not_found' });
    expect(await slack.send(message({ to: 'nobody@example.com' }), fresh())).toEqual({
      accepted: false,
      permanent: true,
      code: 'slack_users_not_found',
    });
  });

  test('rings under another one, seen in the room as well', async () => {
    await slack.send(message(), fresh());
    const card = { channel: last().channel, ts: last().ts };
    await slack.send(message({ text: 'Still waiting', blocks: [], under: card }), fresh());

    expect(last()).toMatchObject({
      text: 'Still waiting',
      threadTs: card.ts,
      broadcast: true,
      blocks: [],
      attachments: [],
    });
  });

  test('is edited in place, and keeps the mark of the delivery that posted it', async () => {
    await slack.send(message(), 'd-9');
    const { channel, ts } = last();
    const edited = await slack.send(message({ text: 'Taken', colour: '#0b5d4e', edit: { channel, ts } }), 'd-10');

    expect(edited).toEqual({ accepted: true, ref: `${channel}:${ts}` });
    expect(last()).toMatchObject({
      ts,
      text: 'Taken',
      metadata: { event_payload: { id: 'd-9' } },
      attachments: [{ color: '#0b5d4e' }],
    });
  });
});

describe('what is known after trouble', () => {
  test('too much at once is a no for now, for as long as Slack says', async () => {
    room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 429, retryAfter: 30 });
    expect(await slack.send(message(), fresh())).toEqual({
      accepted: false,
      permanent: false,
      code: 'slack_rate_limited',
      againInMs: 30_000,
    });
    room.faults.script({ at: 'chat.postMessage', do: 'answer', status: 429 });
    expect(await slack.send(message(), fresh())).toMatchObject({ permanent: false, code: 'slack_rate_limited' });
  });

  test.each([
    'account_inactive',
    'token_revoked',
    'channel_not_found',
    'is_archived',
    'user_not_found',
    'invalid_blocks',
  ])('%s is a no for good', async (error) => {
    room.faults.script({ at: 'chat.postMessage', do: 'error', error });
    expect(await slack.send(message(), fresh())).toEqual({ accepted: false, permanent: true, code: `slack_${error}` });
  });

  test.each([
    ['internal_error', { do: 'error', error: 'internal_error' }, 'slack_internal_error'],
    ['fatal_error', { do: 'error', error: 'fatal_error' }, 'slack_fatal_error'],
    ['a 500', { do: 'answer', status: 500 }, 'slack_http_500'],
    ['a 503', { do: 'answer', status: 503 }, 'slack_http_503'],
    ['a lost answer', { do: 'lose' }, 'slack_lost'],
  ] as const)('after %s nobody knows, and one post at most was made', async (_name, fault, code) => {
    const before = room.messages(jonas).length;
    room.faults.script({ at: 'chat.postMessage', ...fault });
    const error = await slack.send(message(), fresh()).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(OutsideFailed);
    expect(error).toMatchObject({ code, message: code });
    expect(room.messages(jonas).length - before).toBe(fault.do === 'lose' ? 1 : 0);
  });

  test('silence is given up after eight seconds, and nobody knows', async () => {
    room.faults.script({ at: 'chat.postMessage', do: 'hang' });
    await expect(slack.send(message(), fresh())).rejects.toMatchObject({ code: 'slack_timeout' });
  }, 12_000);

  test('before the post nothing was said, whatever went wrong', async () => {
    room.faults.script({ at: 'conversations.open', do: 'answer', status: 500 });
    expect(await slack.send(message({ to: (await slack.idOf('new@linden-vale.example'))! }), fresh())).toEqual({
      accepted: false,
      permanent: false,
      code: 'slack_http_500',
    });
  });

  test('a connection refused at the post itself is a no: nothing left the house', async () => {
    // Answers the opening of the channel and is gone by the time of the post.
    const once = createServer((_request, response) => {
      response
        .writeHead(200, { 'Content-Type': 'application/json', Connection: 'close' })
        .end('{"ok":true,"channel":{"id":"D1"}}');
      once.close();
      once.closeIdleConnections();
    });
    await new Promise<void>((listening) => once.listen(0, '127.0.0.1', listening));
    const leaving = openSlack({
      token: 'xoxb',
      apiUrl: `http://127.0.0.1:${(once.address() as AddressInfo).port}/api/`,
    });
    expect(await leaving.send(message(), fresh())).toMatchObject({
      accepted: false,
      permanent: false,
      code: 'slack_unreachable',
    });
  });

  test('an edit in doubt is simply made again: the same twice does no harm', async () => {
    await slack.send(message(), fresh());
    const { channel, ts } = last();
    room.faults.script({ at: 'chat.update', do: 'lose' });
    expect(await slack.send(message({ text: 'Taken', edit: { channel, ts } }), fresh())).toMatchObject({
      accepted: false,
      permanent: false,
    });
    expect(await slack.send(message({ text: 'Taken', edit: { channel, ts: '1.000001' } }), fresh())).toMatchObject({
      permanent: true,
      code: 'slack_message_not_found',
    });
  });
});

describe('doubt about a post', () => {
  test('is settled by looking: it is there, or it is not, or nobody could look', async () => {
    const since = new Date(Date.now() - 60_000);
    room.faults.script({ at: 'chat.postMessage', do: 'lose' });
    await expect(slack.send(message(), 'd-lost')).rejects.toThrow();
    expect(await slack.find(jonasId, 'd-lost', since)).toBe(`${last().channel}:${last().ts}`);
    expect(await slack.find(jonasId, 'd-never', since)).toBeNull();

    room.faults.script({ at: 'conversations.history', do: 'answer', status: 500 });
    await expect(slack.find(jonasId, 'd-lost', since)).rejects.toMatchObject({ code: 'slack_http_500' });
  });
});

describe('people', () => {
  test('are known by their address both ways', async () => {
    expect(await slack.emailOf(jonasId)).toBe(jonas);
    await expect(slack.emailOf('U404')).rejects.toMatchObject({ code: 'slack_user_not_found' });
  });

  test.each(['guest', 'guest of one channel', 'stranger', 'deactivated', 'unconfirmed', 'bot'] as const)(
    'are nobody we know as %s',
    async (standing) => {
      const email = `${standing.replaceAll(' ', '-')}@linden-vale.example`;
      await room.introduce([{ email, name: 'Jonas Weber' }]);
      const id = (await slack.idOf(email))!;
      await room.introduce([{ email, name: 'Jonas Weber', standing }]);
      expect(await slack.emailOf(id)).toBeUndefined();
    },
  );

  test('who have left are believed to be members for a minute, and not a millisecond longer', async () => {
    const email = 'leaver@linden-vale.example';
    const began = Date.now();
    const clock = jest.spyOn(Date, 'now').mockReturnValue(began);
    const id = (await slack.idOf(email))!;
    expect(await slack.emailOf(id)).toBe(email);
    await room.introduce([{ email, name: 'Lee', standing: 'deactivated' }]);

    // Slack is not asked meanwhile, and being seen does not prolong it.
    clock.mockReturnValue(began + 59_999);
    expect(await slack.emailOf(id)).toBe(email);
    clock.mockReturnValue(began + 60_000);
    room.faults.script({ at: 'users.info', do: 'error', error: 'internal_error' });
    await expect(slack.emailOf(id)).rejects.toMatchObject({ code: 'slack_internal_error' });
    expect(await slack.emailOf(id)).toBeUndefined();
  });

  test('are told something privately, and nothing of it is read as a mention or a link', async () => {
    await slack.send(message(), fresh());
    await slack.whisper(last().channel, jonasId, 'Priya <!channel> took it: https://evil.example & <@U1>');
    expect(last().ephemeral).toBe(true);
    expect(kindsIn(last().text)).toEqual(['text']);
  });
});

test('out of no text whatever comes a mention or a link', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc
          .array(
            fc.constantFrom(
              '<',
              '>',
              '!channel',
              '@U1',
              '#C1',
              '|',
              'https://e.example',
              'mailto:',
              '&lt;',
              '&',
              '!',
              '*',
              '`',
              ' ',
              '://',
              'http',
            ),
            { maxLength: 12 },
          )
          .map((parts) => parts.join('')),
      ),
      (text) => {
        expect(kindsIn(mrkdwn(text)).filter((kind) => kind === 'mention' || kind === 'link')).toEqual([]);
      },
    ),
    { numRuns: 2000 },
  );
  // The parser would find them.
  expect(kindsIn('<!channel> https://e.example')).toEqual(['mention', 'text', 'link']);
});

const kindsIn = (text: string): string[] => kinds(parseMrkdwn(text));
const kinds = (spans: Span[]): string[] => spans.flatMap((span) => ('spans' in span ? kinds(span.spans) : [span.kind]));
