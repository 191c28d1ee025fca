import { createHmac, randomBytes } from 'node:crypto';
import { elementsOf } from './slackBlocks.ts';
import type { Block, Element } from './slackBlocks.ts';
import { complaints, fieldsOf, initialValues, isField, readField, valuesOf } from './slackFields.ts';
import type { Person, Values } from './slackFields.ts';
import { bot, plainText, Refused, team } from './slackState.ts';
import type { RoomMessage, RoomState, RoomView } from './slackState.ts';
import { Triggers } from './slackTriggers.ts';
import { asMessage, asView, content, drawn, putView } from './slackWebApi.ts';

/** What a form or a test sent for a field: texts, or undefined when it said nothing and the field stays as it is. */
export type Sent = (field: { block: Block; element: Element }) => string[] | undefined;

/** What came of pressing or submitting. `ok` is false when the app didn't answer 200 in time, or refused; the person then reads `notice`. */
export interface Outcome {
  ok: boolean;
  /** HTTP status of the app's answer; undefined when there was none, or nothing was sent. */
  status: number | undefined;
  notice: string | undefined;
  /** What is wrong, by block, when a modal was not accepted. */
  errors: Record<string, string>;
  /** The modal that this person now has before them. */
  view: RoomView | undefined;
}

/** One signed request as it was sent; sending it again is a replay. */
export interface Interaction {
  headers: Record<string, string>;
  body: string;
  status: number | undefined;
}

interface Answer {
  status: number | undefined;
  body: string;
  notice: string | undefined;
}

/** What people do, told to the app as Slack tells it: signed, over HTTP, with 3 s to answer. */
export class Interactions {
  /** The latest hundred that were sent, oldest first. */
  readonly sent: Interaction[] = [];
  readonly triggers = new Triggers();
  #responses = new Map<string, { message: RoomMessage; uses: number; until: number }>();
  #room: RoomState;
  #options: { interactivityUrl: () => string; signingSecret: string; responseUrl: (token: string) => string };

  constructor(
    room: RoomState,
    options: { interactivityUrl: () => string; signingSecret: string; responseUrl: (token: string) => string },
  ) {
    this.#room = room;
    this.#options = options;
  }

  /** Presses a button, or takes a choice, under a message. Throws when there is no such message or element. */
  async press(
    message: RoomMessage,
    pressed: { actionId: string; blockId?: string | undefined },
    sent: Sent,
  ): Promise<Outcome> {
    const person = this.#person(message.email);
    const parts = [
      { blocks: message.blocks, attachment: undefined },
      ...message.attachments.map(({ blocks = [] }, i) => ({ blocks, attachment: i + 1 })),
    ];
    const found = parts.flatMap(({ blocks, attachment }) => elementsOf(blocks).map((one) => ({ ...one, attachment })));
    const target = find(found, pressed);
    const blocks = parts.flatMap((part) => part.blocks);
    const values = read(blocks, initialValues(blocks), sent);
    const inAttachment =
      target.attachment === undefined ? {} : { attachment_id: target.attachment, is_app_unfurl: false };
    const answer = await this.#send({
      ...this.#from(person, 'block_actions'),
      container: {
        type: target.attachment === undefined ? 'message' : 'message_attachment',
        message_ts: message.ts,
        ...inAttachment,
        channel_id: message.channel,
        is_ephemeral: message.ephemeral,
        ...(message.threadTs ? { thread_ts: message.threadTs } : {}),
      },
      channel: { id: message.channel, name: 'directmessage' },
      ...(message.ephemeral ? {} : { message: asMessage(this.#room, message) }),
      state: { values },
      response_url: this.#responseUrl(message),
      actions: [action(target, values, this.#room.nextTs())],
    });
    return this.#outcome(person.id, answer);
  }

  /** Presses a button inside a modal; what was typed so far goes with it. */
  async pressInView(
    view: RoomView,
    pressed: { actionId: string; blockId?: string | undefined },
    sent: Sent,
  ): Promise<Outcome> {
    const target = find(elementsOf(view.blocks), pressed);
    const current = putView(this.#room, { ...view, values: read(view.blocks, view.values, sent) });
    const answer = await this.#send({
      ...this.#from(this.#person(view.email), 'block_actions'),
      container: { type: 'view', view_id: view.id },
      view: asView(current),
      actions: [action(target, current.values, this.#room.nextTs())],
    });
    return this.#outcome(view.userId, answer);
  }

  /** Submits a modal and obeys the answer: close it, show errors beside the fields, or show another. */
  async submit(view: RoomView, sent: Sent): Promise<Outcome> {
    const values = read(view.blocks, view.values, sent);
    const errors = complaints(view.blocks, values);
    const filled = putView(this.#room, { ...view, values, errors });
    if (Object.keys(errors).length > 0) {
      return this.#outcome(view.userId, { status: undefined, body: '', notice: undefined }, errors);
    }
    const answer = await this.#send({
      ...this.#from(this.#person(view.email), 'view_submission'),
      view: asView(filled),
      response_urls: [],
    });
    if (answer.notice !== undefined) return this.#outcome(view.userId, answer);
    try {
      return this.#outcome(view.userId, answer, this.#obey(filled, answer.body));
    } catch (error) {
      if (!(error instanceof Refused || error instanceof SyntaxError)) throw error;
      const why = error instanceof Refused ? [error.message, ...error.details].join(' ') : 'it is not JSON';
      return this.#outcome(view.userId, { ...answer, notice: trouble(`Its answer was not understood: ${why}.`) });
    }
  }

  /** Puts a modal away unsent; the app hears of it if it asked to. */
  async close(view: RoomView): Promise<void> {
    this.#takeAway(view);
    if (view.given['notify_on_close'] === true) {
      const { trigger_id: _none, ...payload } = this.#from(this.#person(view.email), 'view_closed');
      await this.#send({ ...payload, view: asView(view), is_cleared: false });
    }
  }

  /** A post to a response_url: five within half an hour, as on Slack. Returns Slack's code when it is refused. */
  async respond(token: string, body: Record<string, unknown>): Promise<string | undefined> {
    const response = this.#responses.get(token);
    if (!response || response.until < Date.now()) return 'expired_url';
    if (response.uses >= 5) return 'used_url';
    response.uses += 1;
    const { message } = response;
    try {
      if (body['delete_original'] === true) {
        await this.#room.remove(message);
      } else if (body['replace_original'] === true) {
        const before = this.#room.message(message.channel, message.ts) ?? message;
        await this.#room.keep({ ...before, ...content(body, before), edited: this.#room.nextTs() });
      } else {
        const nothing = { text: '', blocks: [], attachments: [], metadata: undefined };
        const ephemeral = body['response_type'] !== 'in_channel';
        const threadTs = body['thread_ts'] === undefined ? undefined : plainText(body['thread_ts']);
        const ts = this.#room.nextTs();
        await this.#room.keep({
          ...message,
          ...content(body, nothing),
          ts,
          threadTs,
          ephemeral,
          edited: undefined,
          broadcast: false,
        });
      }
      return undefined;
    } catch (error) {
      if (error instanceof Refused) return error.message;
      throw error;
    }
  }

  #person(email: string): Person {
    const person = [...this.#room.people.values()].find((one) => one.email === email);
    if (!person) throw new Error(`Nobody with the address ${email} is in the room.`);
    return person;
  }

  #from(person: Person, type: string) {
    const name = person.email.split('@')[0];
    return {
      type,
      team: { id: team.id, domain: team.domain },
      user: { id: person.id, username: name, name, team_id: team.id },
      api_app_id: bot.appId,
      token: 'verified-by-signature',
      trigger_id: this.triggers.issue(person.id),
      is_enterprise_install: false,
      enterprise: null,
    };
  }

  async #send(payload: object): Promise<Answer> {
    const body = `payload=${encodeURIComponent(JSON.stringify(payload))}`;
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = createHmac('sha256', this.#options.signingSecret).update(`v0:${timestamp}:${body}`).digest('hex');
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded',
      'X-Slack-Request-Timestamp': timestamp,
      'X-Slack-Signature': `v0=${signature}`,
    };
    const interaction: Interaction = { headers, body, status: undefined };
    this.sent.push(interaction);
    if (this.sent.length > 100) this.sent.shift();
    try {
      const response = await fetch(this.#options.interactivityUrl(), {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(3000),
      });
      interaction.status = response.status;
      const answer = { status: response.status, body: await response.text() };
      return { ...answer, notice: response.status === 200 ? undefined : trouble(`It answered ${response.status}.`) };
    } catch (error) {
      const late = (error as { name?: string }).name === 'TimeoutError';
      const why = late ? 'It did not answer within 3 seconds.' : 'It could not be reached.';
      return { status: undefined, body: '', notice: trouble(why) };
    }
  }

  #responseUrl(message: RoomMessage): string {
    for (const [token, { until }] of this.#responses) if (until < Date.now()) this.#responses.delete(token);
    const token = randomBytes(16).toString('hex');
    this.#responses.set(token, { message, uses: 0, until: Date.now() + 30 * 60_000 });
    return this.#options.responseUrl(token);
  }

  /** Does what the app answered to a submission; returns the errors to show. Throws Refused or SyntaxError for an answer Slack would not accept. */
  #obey(view: RoomView, body: string): Record<string, string> {
    const { response_action: kind, ...answer } = (body.trim() === '' ? {} : JSON.parse(body)) as {
      response_action?: string;
      errors?: Record<string, string>;
      view?: unknown;
    };
    switch (kind) {
      case undefined:
        this.#takeAway(view);
        return {};
      case 'clear':
        this.#room.views.delete(view.userId);
        this.#room.changed();
        return {};
      case 'errors': {
        const errors = answer.errors ?? {};
        const blocks = view.blocks.filter(({ type }) => type === 'input').map((block) => block.block_id);
        const astray = Object.keys(errors).filter((block) => !blocks.includes(block));
        if (astray.length > 0 || Object.keys(errors).length === 0) {
          throw new Refused('errors must name input blocks of the view', astray);
        }
        putView(this.#room, { ...view, errors });
        return errors;
      }
      case 'update':
        putView(this.#room, { ...view, ...drawn(answer.view, view) });
        return {};
      case 'push': {
        const id = `V${randomBytes(5).toString('hex').toUpperCase()}`;
        const pushed = { ...view, ...drawn(answer.view), id, previousId: view.id };
        putView(this.#room, pushed, this.#room.views.get(view.userId) ?? []);
        return {};
      }
      default:
        throw new Refused(`unknown response_action ${kind}`);
    }
  }

  #takeAway(view: RoomView): void {
    const left = (this.#room.views.get(view.userId) ?? []).filter(({ id }) => id !== view.id);
    this.#room.views.set(view.userId, left);
    this.#room.changed();
  }

  #outcome(userId: string, { status, notice }: Answer, errors: Record<string, string> = {}): Outcome {
    if (notice === undefined) this.#room.notices.delete(userId);
    else this.#room.notices.set(userId, notice);
    this.#room.changed();
    const ok = notice === undefined && Object.keys(errors).length === 0;
    return { ok, status, notice, errors, view: this.#room.views.get(userId)?.at(-1) };
  }
}

const trouble = (why: string) => `We had some trouble connecting to ${bot.name}. ${why} Try again?`;

function find<Found extends { block: Block; element: Element }>(
  among: Found[],
  { actionId, blockId }: { actionId: string; blockId?: string | undefined },
): Found {
  const found = among.find(
    ({ block, element }) => element.action_id === actionId && (blockId === undefined || block.block_id === blockId),
  );
  if (!found) throw new Error('This is no longer there to be pressed: the message has changed meanwhile.');
  return found;
}

/** The values as they stand after what was sent. */
const read = (blocks: Block[], before: Values, sent: Sent): Values =>
  valuesOf(blocks, (field) => {
    const said = sent(field);
    const stood = before[String(field.block.block_id)]?.[String(field.element.action_id)];
    return said === undefined && stood ? stood : readField(field.element, said ?? []);
  });

function action({ block, element }: { block: Block; element: Element }, values: Values, ts: string) {
  const { action_id: actionId, type, text, value, style } = element;
  const ids = { action_id: actionId, block_id: block.block_id, type, action_ts: ts };
  if (isField(element) && fieldsOf([block]).length > 0) {
    return { ...ids, ...values[String(block.block_id)]?.[String(actionId)] };
  }
  return { ...ids, text, ...(value === undefined ? {} : { value }), ...(style === undefined ? {} : { style }) };
}
