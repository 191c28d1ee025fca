/** The methods of Slack's Web API that the room answers, as Slack would. */

import { randomBytes } from 'node:crypto';
import type { Attachment, Block } from './slackBlocks.ts';
import { initialValues } from './slackFields.ts';
import type { Person } from './slackFields.ts';
import { attachmentRefusals, blockRefusals, viewRefusals } from './slackLimits.ts';
import { bot, channelOf, named, plainText, Refused, team } from './slackState.ts';
import type { RoomMessage, RoomState, RoomView } from './slackState.ts';
import type { Triggers } from './slackTriggers.ts';

type Args = Record<string, unknown>;
type Answer = { ok: boolean; error?: string; [field: string]: unknown };

/** The methods of Slack's Web API that the room knows, each from arguments to the body of the answer. Errors are Slack's own codes. */
export function webApi(room: RoomState, triggers: Triggers, pageOf: (person: Person, ts: string) => string) {
  const methods: Record<string, (args: Args) => Promise<object>> = {
    'auth.test': async () => ({
      url: `https://${team.domain}.slack.com/`,
      team: team.name,
      user: bot.name.toLowerCase(),
      team_id: team.id,
      user_id: bot.userId,
      bot_id: bot.botId,
      is_enterprise_install: false,
    }),

    'users.lookupByEmail': async ({ email }) => {
      if (!plainText(email).includes('@')) throw new Refused('users_not_found');
      return { user: asUser(await room.personOf(plainText(email))) };
    },

    'users.info': async ({ user }) => ({ user: asUser(known(room.people.get(plainText(user)), 'user_not_found')) }),

    'conversations.open': async ({ users, channel }) => {
      const person = known(await room.find(plainText(users ?? channel)), 'user_not_found');
      return { channel: { id: channelOf(person), is_im: true, user: person.id }, no_op: true, already_open: true };
    },

    'conversations.history': async (args) => {
      const person = await recipient(args['channel']);
      const among = room.messages.filter(
        (one) => one.channel === channelOf(person) && (!one.threadTs || one.broadcast),
      );
      return page(among, args, 'newest first');
    },

    'conversations.replies': async (args) => {
      const person = await recipient(args['channel']);
      const root = known(room.message(channelOf(person), plainText(args['ts'])), 'thread_not_found');
      return page([root, ...room.messages.filter((one) => isReply(one, root))], args, 'oldest first');
    },

    'chat.postMessage': async (args) => {
      const message = await compose(args, await recipient(args['channel']));
      await room.keep(message);
      return { channel: message.channel, ts: message.ts, message: asMessage(room, message) };
    },

    'chat.postEphemeral': async (args) => {
      const person = known(room.people.get(plainText(args['user'])), 'user_not_in_channel');
      if ((await recipient(args['channel'])).id !== person.id) throw new Refused('user_not_in_channel');
      const message = { ...(await compose(args, person)), ephemeral: true };
      await room.keep(message);
      return { message_ts: message.ts };
    },

    'chat.update': async (args) => {
      const person = await recipient(args['channel']);
      const before = known(room.message(channelOf(person), plainText(args['ts'])), 'message_not_found');
      const message = { ...before, ...content(args, before), edited: room.nextTs() };
      await room.keep(message);
      const { channel, ts, text } = message;
      return { channel, ts, text, message: asMessage(room, message) };
    },

    'chat.delete': async (args) => {
      const person = await recipient(args['channel']);
      const message = known(room.message(channelOf(person), plainText(args['ts'])), 'message_not_found');
      await room.remove(message);
      return { channel: message.channel, ts: message.ts };
    },

    'chat.getPermalink': async (args) => {
      const person = await recipient(args['channel']);
      const message = known(room.message(channelOf(person), plainText(args['message_ts'])), 'message_not_found');
      return { channel: message.channel, permalink: pageOf(person, message.ts) };
    },

    'views.open': async (args) => ({ view: asView(openView(args, [])) }),

    'views.push': async (args) => {
      const beneath = room.views.get(triggers.peek(args['trigger_id'])) ?? [];
      if (beneath.length >= 3) throw new Refused('push_limit_reached');
      return { view: asView(openView(args, beneath)) };
    },

    'views.update': async ({ view_id: id, external_id: externalId, ...args }) => {
      const isMeant = (one: RoomView) =>
        id === undefined ? externalId !== undefined && one.given['external_id'] === externalId : one.id === id;
      const view = known([...room.views.values()].flat().find(isMeant), 'not_found');
      if (args['hash'] !== undefined && args['hash'] !== view.hash) throw new Refused('hash_conflict');
      return { view: asView(putView(room, { ...view, ...drawn(args['view'], view) })) };
    },
  };

  const recipient = async (channel: unknown): Promise<Person> => {
    const known = typeof channel === 'string' && /^[UD]/.test(channel) ? await room.find(channel) : undefined;
    if (!known) throw new Refused('channel_not_found');
    return known;
  };

  const compose = async (args: Args, person: Person): Promise<RoomMessage> => {
    const nothing = { text: '', blocks: [], attachments: [], metadata: undefined };
    const said = content(args, nothing);
    if (said.text === '' && said.blocks.length === 0 && said.attachments.length === 0) throw new Refused('no_text');
    return {
      ...said,
      ts: room.nextTs(),
      channel: channelOf(person),
      email: person.email,
      threadTs: args['thread_ts'] === undefined ? undefined : plainText(args['thread_ts']),
      broadcast: plainText(args['reply_broadcast']) === 'true',
      edited: undefined,
      deleted: false,
      ephemeral: false,
    };
  };

  const openView = (args: Args, beneath: RoomView[]): RoomView => {
    const given = drawn(args['view']);
    const userId = triggers.exchange(args['trigger_id']);
    const id = `V${randomBytes(5).toString('hex').toUpperCase()}`;
    const email = room.people.get(userId)?.email ?? '';
    const under = beneath.at(-1);
    const ids = { id, email, userId, rootId: under?.rootId ?? id, previousId: under?.id ?? null };
    return putView(room, { ...given, ...ids }, beneath);
  };

  /** Answers one call as Slack would. Never throws for what the caller did; what is our own fault is `internal_error`. */
  return async (method: string, args: Args): Promise<Answer> => {
    try {
      const answer = methods[method];
      if (!answer) return { ok: false, error: 'unknown_method', req_method: method };
      return { ok: true, ...(await answer(args)) };
    } catch (error) {
      if (!(error instanceof Refused)) return { ok: false, error: 'internal_error' };
      const details = error.details.length > 0 ? { response_metadata: { messages: error.details } } : {};
      return { ok: false, error: error.message, ...details };
    }
  };

  function page(among: RoomMessage[], args: Args, order: 'newest first' | 'oldest first'): object {
    const inclusive = plainText(args['inclusive']) === 'true';
    const after = (ts: string, bound: unknown) =>
      bound === undefined || ts > plainText(bound) || (inclusive && ts === bound);
    const before = (ts: string, bound: unknown) =>
      bound === undefined || ts < plainText(bound) || (inclusive && ts === bound);
    const beyond = (ts: string) =>
      args['cursor'] === undefined ||
      (order === 'newest first' ? ts < plainText(args['cursor']) : ts > plainText(args['cursor']));
    const found = among
      .filter(({ deleted, ephemeral }) => !deleted && !ephemeral)
      .filter(({ ts }) => after(ts, args['oldest']) && before(ts, args['latest']) && beyond(ts))
      .toSorted((a, b) => (order === 'newest first' ? b.ts.localeCompare(a.ts) : a.ts.localeCompare(b.ts)));
    const shown = found.slice(0, Math.min(Number(args['limit'] ?? 100), 999));
    const more = found.length > shown.length;
    const withMetadata = plainText(args['include_all_metadata']) === 'true';
    return {
      messages: shown.map((message) => asMessage(room, message, withMetadata)),
      has_more: more,
      ...(more ? { response_metadata: { next_cursor: shown.at(-1)?.ts } } : {}),
    };
  }
}

/** What somebody's message says, new or changed. As on Slack a text without blocks takes the blocks away, and what isn't named otherwise stays. */
export function content(args: Args, before: Pick<RoomMessage, 'text' | 'blocks' | 'attachments' | 'metadata'>) {
  const blocks = fromJson(args['blocks'], 'invalid_blocks_format');
  const attachments = fromJson(args['attachments'], 'invalid_attachments');
  const metadata = fromJson(args['metadata'], 'metadata_must_be_an_object');
  const text = args['text'] === undefined ? undefined : plainText(args['text']);
  const refusals = [
    ...(blocks === undefined ? [] : blockRefusals(blocks, 'message')),
    ...(attachments === undefined ? [] : attachmentRefusals(attachments)),
  ];
  if (refusals.length > 0) throw new Refused('invalid_blocks', refusals);
  if ((text ?? '').length > 40_000) throw new Refused('msg_too_long');
  return {
    text: text ?? before.text,
    blocks: blocks === undefined ? (text === undefined ? before.blocks : []) : named(blocks as Block[]),
    attachments:
      attachments === undefined
        ? before.attachments
        : (attachments as Attachment[]).map((one) => (one.blocks ? { ...one, blocks: named(one.blocks) } : one)),
    metadata: metadata === undefined ? before.metadata : (metadata as RoomMessage['metadata']),
  };
}

/** A view as the app gave it, checked, with what was typed kept under the same ids. Throws when Slack would refuse it. */
export function drawn(given: unknown, before?: RoomView) {
  const view = fromJson(given, 'invalid_arguments') as Record<string, unknown> | undefined;
  if (!view || typeof view !== 'object')
    throw new Refused('invalid_arguments', ['[ERROR] missing required field: view']);
  const refusals = viewRefusals(view);
  if (refusals.length > 0) throw new Refused('invalid_arguments', refusals);
  const blocks = named(view['blocks'] as Block[]);
  return {
    given: view,
    blocks,
    values: initialValues(blocks, before?.values),
    errors: {},
    hash: `${Math.floor(Date.now() / 1000)}.${randomBytes(4).toString('hex')}`,
  };
}

/** Shows a view: in the place of the one with its id, or on top of `beneath`. */
export function putView(room: RoomState, view: RoomView, beneath?: RoomView[]): RoomView {
  const stack = room.views.get(view.userId) ?? [];
  room.views.set(view.userId, beneath ? [...beneath, view] : stack.map((one) => (one.id === view.id ? view : one)));
  room.changed();
  return view;
}

/** A view in Slack's shape, as it stands in answers and interactions. */
export const asView = ({ given, ...view }: RoomView) => ({
  id: view.id,
  team_id: team.id,
  type: 'modal',
  blocks: view.blocks,
  private_metadata: given['private_metadata'] ?? '',
  callback_id: given['callback_id'] ?? '',
  state: { values: view.values },
  hash: view.hash,
  title: given['title'],
  clear_on_close: given['clear_on_close'] ?? false,
  notify_on_close: given['notify_on_close'] ?? false,
  close: given['close'] ?? null,
  submit: given['submit'] ?? null,
  previous_view_id: view.previousId,
  root_view_id: view.rootId,
  app_id: bot.appId,
  external_id: given['external_id'] ?? '',
  app_installed_team_id: team.id,
  bot_id: bot.botId,
});

/** A message in Slack's shape. */
export function asMessage(room: RoomState, message: RoomMessage, withMetadata = false) {
  const replies = room.messages.filter((one) => isReply(one, message) && !one.deleted);
  return {
    type: 'message',
    ...(message.broadcast ? { subtype: 'thread_broadcast' } : {}),
    user: bot.userId,
    bot_id: bot.botId,
    app_id: bot.appId,
    team: team.id,
    ts: message.ts,
    text: message.text,
    ...(message.blocks.length > 0 ? { blocks: message.blocks } : {}),
    ...(message.attachments.length > 0
      ? { attachments: message.attachments.map((one, i) => ({ id: i + 1, ...one })) }
      : {}),
    ...(withMetadata && message.metadata ? { metadata: message.metadata } : {}),
    ...(message.threadTs ? { thread_ts: message.threadTs } : {}),
    ...(message.edited ? { edited: { user: bot.botId, ts: message.edited } } : {}),
    ...(replies.length > 0
      ? { thread_ts: message.ts, reply_count: replies.length, latest_reply: replies.at(-1)?.ts }
      : {}),
  };
}

const asUser = (person: Person) => ({
  id: person.id,
  team_id: team.id,
  name: person.email.split('@')[0],
  deleted: person.standing === 'deactivated',
  real_name: person.name,
  is_bot: person.standing === 'bot',
  is_restricted: person.standing === 'guest' || person.standing === 'guest of one channel',
  is_ultra_restricted: person.standing === 'guest of one channel',
  is_stranger: person.standing === 'stranger',
  is_email_confirmed: person.standing !== 'unconfirmed',
  profile: { real_name: person.name, display_name: person.name, email: person.email, team: team.id },
});

export const isReply = (message: RoomMessage, root: RoomMessage): boolean =>
  message.channel === root.channel && message.threadTs === root.ts && message.ts !== root.ts;

function known<T>(found: T | undefined, otherwise: string): T {
  if (found === undefined) throw new Refused(otherwise);
  return found;
}

/** Blocks and the like are strings of JSON inside a form, and themselves inside a JSON body. */
function fromJson(value: unknown, otherwise: string): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    throw new Refused(otherwise);
  }
}
