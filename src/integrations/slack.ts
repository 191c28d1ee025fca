/** Speaks to Slack: one attempt a call, because its client would repeat posts by itself and wait for ever (measured). */

import {
  LogLevel,
  WebAPIHTTPError,
  WebAPIPlatformError,
  WebAPIRateLimitedError,
  WebAPIRequestError,
  WebClient,
} from '@slack/web-api';
import { z } from 'zod';
import { asOfNow, type Credential } from '../domain/credential.ts';
import { OutsideFailed, type Sent, type Slack, type SlackMessage } from './letter.ts';

/** What the web needs of Slack beside sending: SlackDoor without its secret. */
interface Door {
  openView(triggerId: string, view: object): Promise<void>;
  whisper(channel: string, slackId: string, text: string): Promise<void>;
  workspace(): Promise<string>;
  emailOf(slackId: string): Promise<string | undefined>;
}

/** Whoever leaves the workspace is nobody within that time. */
const knownForMs = 60_000;

/**
 * Slack with a bot token; `apiUrl` for another than Slack's own. Everything throws OutsideFailed (a code, no text), with one exception: `send`
 * answers with what is certain, and throws only when nobody knows whether the message was posted.
 */
export function openSlack({ token, apiUrl }: { token: Credential; apiUrl?: string | undefined }): Slack & Door {
  const client = new WebClient(undefined, {
    ...(apiUrl && { slackApiUrl: apiUrl }),
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: 8000,
    logger: silent,
    // Here, and not as an argument of each call, which would stand in its body as well.
    fetch: (url, options) =>
      inOneWord(url, { ...options, headers: { ...options?.headers, Authorization: `Bearer ${asOfNow(token)}` } }),
  });
  const ask = async <T>(method: string, args: Record<string, unknown>, answer: z.ZodType<T>): Promise<T> =>
    answer.parse(await client.apiCall(method, args));
  const channels = new Map<string, string>();
  const members = new Map<string, { email: string; until: number }>();
  let workspace: string | undefined;

  const idOf = async (email: string): Promise<string | undefined> => {
    try {
      const { user } = await ask('users.lookupByEmail', { email }, z.object({ user: User }));
      return user.deleted ? undefined : user.id;
    } catch (error) {
      if (troubleOf(error).code === 'slack_users_not_found') return undefined;
      throw error;
    }
  };
  /** The direct messages with somebody. */
  const channelWith = async (slackId: string): Promise<string> => {
    const known = channels.get(slackId);
    if (known) return known;
    const { channel } = await ask(
      'conversations.open',
      { users: slackId },
      z.object({ channel: z.object({ id: z.string() }) }),
    );
    channels.set(slackId, channel.id);
    return channel.id;
  };
  const post = async (message: SlackMessage, channel: string, deliveryId: string): Promise<Sent> => {
    const answer = await ask(
      'chat.postMessage',
      {
        channel,
        ...contentOf(message),
        ...(message.under && { thread_ts: message.under.ts, reply_broadcast: true }),
        unfurl_links: false,
        unfurl_media: false,
        metadata: { event_type: 'delivery', event_payload: { id: deliveryId } },
      },
      Posted,
    );
    return { accepted: true, ref: `${answer.channel}:${answer.ts}` };
  };

  return {
    idOf: (email) => inCodes(idOf(email)),

    async send(message, deliveryId) {
      if (message.remove) {
        // What is gone already is as good as taken away, so doing it again does no harm.
        return ask('chat.delete', message.remove, z.unknown()).then(
          (): Sent => ({ accepted: true }),
          (error) => {
            const trouble = troubleOf(error);
            return trouble.code === 'slack_message_not_found' ? { accepted: true } : refusal(trouble);
          },
        );
      }
      if (message.edit) {
        // The same edit again does no harm, so here doubt is only a reason to do it again.
        const { channel, ts } = message.edit;
        return ask('chat.update', { channel, ts, ...contentOf(message) }, Posted).then(
          (answer): Sent => ({ accepted: true, ref: `${answer.channel}:${answer.ts}` }),
          (error) => refusal(troubleOf(error)),
        );
      }
      let channel: string;
      try {
        // Until the post itself nothing has been said, whatever goes wrong.
        const slackId = message.to.includes('@') ? await idOf(message.to) : message.to;
        if (!slackId) return { accepted: false, permanent: true, code: 'slack_users_not_found' };
        channel = message.under?.channel ?? (await channelWith(slackId));
      } catch (error) {
        return refusal(troubleOf(error));
      }
      return post(message, channel, deliveryId).catch((error) => {
        const trouble = troubleOf(error);
        if (trouble.done === 'nobody knows') throw new OutsideFailed(trouble.code);
        return refusal(trouble);
      });
    },

    find: (to, deliveryId, since) =>
      inCodes(
        (async () => {
          const channel = await channelWith(to);
          // Two clocks: a minute earlier finds nothing that is not ours.
          const oldest = (since.getTime() / 1000 - 60).toFixed(6);
          let cursor: string | undefined;
          do {
            const page: z.infer<typeof History> = await ask(
              'conversations.history',
              { channel, oldest, limit: 200, include_all_metadata: true, ...(cursor && { cursor }) },
              History,
            );
            const found = page.messages.find((message) => message.metadata?.event_payload['id'] === deliveryId);
            if (found) return `${channel}:${found.ts}`;
            cursor = page.response_metadata?.next_cursor || undefined;
          } while (cursor);
          return null;
        })(),
      ),

    openView: (triggerId, view) =>
      inCodes(ask('views.open', { trigger_id: triggerId, view }, z.unknown()).then(() => {})),

    whisper: (channel, slackId, text) =>
      inCodes(ask('chat.postEphemeral', { channel, user: slackId, text: mrkdwn(text) }, z.unknown()).then(() => {})),

    workspace: async () => {
      workspace ??= (await inCodes(ask('auth.test', {}, z.object({ team_id: z.string() })))).team_id;
      return workspace;
    },

    /** Only of members: a guest, a bot, a stranger of another workspace, whoever has left or has not confirmed their address is nobody we know. */
    emailOf: async (slackId) => {
      const known = members.get(slackId);
      if (known && known.until > Date.now()) return known.email;
      members.delete(slackId);
      const { user } = await inCodes(ask('users.info', { user: slackId }, z.object({ user: User })));
      const isMember =
        !user.deleted && !user.is_bot && !user.is_stranger && !user.is_restricted && !user.is_ultra_restricted;
      const email = isMember && user.is_email_confirmed !== false ? user.profile?.email : undefined;
      if (email) members.set(slackId, { email, until: Date.now() + knownForMs });
      return email;
    },
  };
}

/** Text for a field that Slack reads as mrkdwn: no mention and no link can come out of it. A bare address would still be one, so it is broken. */
export const mrkdwn = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replace(/:\/\//g, ':\u2060//');

/** Text that Slack shows as it is, cut on a character. */
export const plainText = (text: string, most: number): { type: 'plain_text'; text: string; emoji: false } => ({
  type: 'plain_text',
  text: cut(text, most) || ' ',
  emoji: false,
});

/** Somebody's words as a quotation; in rich text nothing is ever read as a mention or a link. */
export const quotation = (words: string, blockId?: string): object => ({
  type: 'rich_text',
  ...(blockId && { block_id: blockId }),
  elements: [{ type: 'rich_text_quote', elements: [{ type: 'text', text: cut(words, 1500) || ' ' }] }],
});

function cut(text: string, most: number): string {
  const points = Array.from(text.toWellFormed().replaceAll('\0', ''));
  return points.length > most ? `${points.slice(0, most - 1).join('')}…` : points.join('');
}

/** Blocks beside a coloured bar are an attachment; with the first block above it, Slack takes `text` for the notification alone. */
function contentOf({ text, blocks, colour }: SlackMessage): object {
  const [first, ...rest] = blocks;
  return {
    text,
    ...(first && {
      blocks: [first],
      attachments: rest.length > 0 ? [{ color: colour, fallback: text, blocks: rest }] : [],
    }),
  };
}

const Posted = z.object({ channel: z.string(), ts: z.string() });

const User = z.object({
  id: z.string(),
  deleted: z.boolean().optional(),
  is_bot: z.boolean().optional(),
  is_stranger: z.boolean().optional(),
  is_restricted: z.boolean().optional(),
  is_ultra_restricted: z.boolean().optional(),
  is_email_confirmed: z.boolean().optional(),
  profile: z.object({ email: z.string().optional() }).optional(),
});

const History = z.object({
  messages: z.array(
    z.object({
      ts: z.string(),
      metadata: z.object({ event_payload: z.record(z.string(), z.unknown()) }).optional(),
    }),
  ),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});

interface Trouble {
  code: string;
  done: 'no, for now' | 'no, for good' | 'nobody knows';
  againInMs?: number;
}

/** What an error of Slack's client says of the call: not done for now, not done for good, or nobody knows. */
function troubleOf(error: unknown): Trouble {
  if (error instanceof WebAPIRateLimitedError) return limited(error.retryAfter);
  if (error instanceof WebAPIPlatformError) {
    const code = `slack_${/^\w{1,60}$/.test(error.data.error) ? error.data.error : 'refused'}`;
    if (partlyDone.includes(code)) return { code, done: 'nobody knows' };
    return { code, done: passing.includes(code) ? 'no, for now' : 'no, for good' };
  }
  if (error instanceof WebAPIHTTPError) {
    const { statusCode } = error;
    const refused = statusCode >= 400 && statusCode < 500 && statusCode !== 408;
    return { code: `slack_http_${statusCode}`, done: refused ? 'no, for good' : 'nobody knows' };
  }
  if (error instanceof WebAPIRequestError) {
    const said = error.original.message;
    const code = /^slack_\w+$/.test(said) ? said : 'slack_lost';
    return { code, done: code === 'slack_unreachable' ? 'no, for now' : 'nobody knows' };
  }
  // A 429 that does not say for how long is an error without a class.
  if (error instanceof Error && error.message.startsWith('Retry header did not contain')) return limited(30);
  return { code: 'slack_not_understood', done: 'nobody knows' };
}

/** fetch, whose errors say in one word what is known: never connected, no answer in time, or lost on the way. */
const inOneWord: typeof fetch = async (url, options) => {
  try {
    return await fetch(url, options);
  } catch (error) {
    const { name, cause } = error as { name?: string; cause?: { code?: string } };
    if (neverConnected.includes(cause?.code ?? '')) throw new Error('slack_unreachable');
    throw new Error(name === 'TimeoutError' ? 'slack_timeout' : 'slack_lost');
  }
};

const limited = (seconds: number): Trouble => ({
  code: 'slack_rate_limited',
  done: 'no, for now',
  againInMs: seconds * 1000,
});

/** "Some aspect of the operation may have succeeded", in Slack's own words. */
const partlyDone = ['slack_internal_error', 'slack_fatal_error', 'slack_request_timeout'];
const passing = [
  'slack_ratelimited',
  'slack_rate_limited',
  'slack_message_limit_exceeded',
  'slack_service_unavailable',
];
const neverConnected = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
];

const refusal = ({ code, done, againInMs }: Trouble): Sent => ({
  accepted: false,
  permanent: done === 'no, for good',
  code,
  ...(againInMs !== undefined && { againInMs }),
});

const inCodes = <T>(call: Promise<T>): Promise<T> =>
  call.catch((error) => {
    throw new OutsideFailed(troubleOf(error).code);
  });

const nothing = (): void => {};
/** The client's own log would hold texts. */
const silent = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  setLevel: nothing,
  setName: nothing,
  getLevel: () => LogLevel.ERROR,
};
