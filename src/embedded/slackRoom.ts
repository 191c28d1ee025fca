import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hono } from 'hono';
import { Faults } from './faults.ts';
import { openJournal } from './journal.ts';
import { plainFrame } from './page.ts';
import type { Frame } from './page.ts';
import { elementsOf } from './slackBlocks.ts';
import type { Person } from './slackFields.ts';
import { Interactions } from './slackInteractions.ts';
import type { Interaction, Outcome } from './slackInteractions.ts';
import { byName, slackRoomPages } from './slackRoomPages.ts';
import { RoomState } from './slackState.ts';
import type { RoomEntry, RoomMessage, RoomView } from './slackState.ts';
import { webApi } from './slackWebApi.ts';

/**
 * What goes wrong with the next call of a method ('*': of any). `lose`: it is done, and the connection is cut before the answer. `hang`: nothing
 * is done and nothing said until the room stops. `slow`: it is done and answered after so many milliseconds. `error` is Slack's own code; `status`
 * an HTTP status, with 429 a `retryAfter` in seconds; `done`: it is done all the same, as Slack says may happen with its own errors.
 */
export type SlackFault = { at: string } & (
  | { do: 'error'; error: string; done?: boolean }
  | { do: 'answer'; status: number; retryAfter?: number; done?: boolean }
  | { do: 'hang' }
  | { do: 'slow'; ms: number }
  | { do: 'lose' }
);

/** Which button: the newest message of this person that has it, unless `messageTs` names one. `values` by action or block, where it is a choice. */
export interface Press {
  email: string;
  actionId: string;
  blockId?: string;
  messageTs?: string;
  values?: Record<string, string | string[]>;
}

export interface SlackRoom {
  /** What Slack's client takes as `slackApiUrl`. */
  apiUrl: string;
  token: string;
  signingSecret: string;
  /** The pages, to be mounted at /dev/slack; also as JSON. */
  app: Hono;
  /** Everything posted, oldest first, deleted and ephemeral ones included; with an address, to that person. */
  messages(email?: string): RoomMessage[];
  /** Open modals; of one person the topmost last. */
  views(email?: string): RoomView[];
  unread(): number;
  /** Nothing of what was deleted, or stood there before an edit, is on disk when this resolves; by itself it is so within half a minute. */
  forget(): Promise<void>;
  /** The latest hundred interactions sent to the app, oldest first, as they went over the wire. */
  interactions(): readonly Interaction[];
  /** Makes people known before anybody writes to them, or changes what they are. */
  introduce(people: Pick<Person, 'email' | 'name' | 'standing'>[]): Promise<void>;
  /** Presses a button under a message. Rejects when it isn't there. */
  press(press: Press): Promise<Outcome>;
  /** Presses a button in the modal this person has before them. Rejects when it isn't there. */
  pressInView(press: Omit<Press, 'messageTs'>): Promise<Outcome>;
  /** Submits the modal this person has before them; `values` by action or block, the rest as it stands. Rejects when there is none. */
  submit(email: string, values?: Record<string, string | string[]>): Promise<Outcome>;
  /** Calls back after every change; what it returns ends that. */
  onChange(listener: () => void): () => void;
  faults: Faults<SlackFault>;
  stop(): Promise<void>;
}

export interface SlackRoomOptions {
  /** Where slack.ndjson is kept. Without it everything is forgotten when the process ends. */
  dataDir?: string;
  /** Of the Web API; 0, the default, takes a free one. */
  port?: number;
  /** Where the app takes interactions, asked at each press. Links to messages lead to /dev/slack on the same origin. */
  interactivityUrl: () => string;
  people?: { email: string; name: string }[];
  frame?: Frame;
}

/** Speaks Slack's Web API over HTTP on 127.0.0.1, shows what was posted, and sends what people press back, signed. Rejects when the port is taken. */
export async function startSlackRoom(options: SlackRoomOptions): Promise<SlackRoom> {
  const { entries, journal } = await openJournal<RoomEntry>(
    options.dataDir && path.join(options.dataDir, 'slack.ndjson'),
  );
  const room = new RoomState(entries, journal);
  // A Heed that was killed may have left on disk what was edited or deleted before.
  await room.forget();
  const token = `xoxb-${randomBytes(16).toString('hex')}`;
  const signingSecret = randomBytes(16).toString('hex');
  const faults = new Faults<SlackFault>();

  const server = createServer();
  await new Promise<void>((listening, refused) => {
    server.once('error', refused);
    server.listen(options.port ?? 0, '127.0.0.1', listening);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const interactions = new Interactions(room, {
    interactivityUrl: options.interactivityUrl,
    signingSecret,
    responseUrl: (secret) => `${origin}/response/${secret}`,
  });
  const answer = webApi(room, interactions.triggers, ({ email }, ts) => {
    const page = new URL('/dev/slack', options.interactivityUrl());
    page.searchParams.set('as', email);
    page.hash = `m-${ts.replace('.', '-')}`;
    return page.href;
  });

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [, folder, name = ''] = new URL(request.url ?? '/', origin).pathname.split('/');
    const args = await readArguments(request);
    const say = (body: object, status = 200, headers = {}) =>
      response
        .writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers })
        .end(JSON.stringify(body));

    if (folder === 'response') {
      const error = await interactions.respond(name, args);
      return void say(error === undefined ? { ok: true } : { ok: false, error }, error === undefined ? 200 : 404);
    }
    if (folder !== 'api') return void say({ ok: false, error: 'not_found' }, 404);

    const fault = faults.take(name);
    if (fault?.do === 'hang') return;
    if (fault?.do === 'slow') await sleep(fault.ms);
    if (fault && 'done' in fault && fault.done) await answer(name, args);
    if (fault?.do === 'error') return void say({ ok: false, error: fault.error });
    if (fault?.do === 'answer') {
      const headers = fault.retryAfter === undefined ? {} : { 'Retry-After': String(fault.retryAfter) };
      return void say(
        { ok: false, error: fault.status === 429 ? 'ratelimited' : 'internal_error' },
        fault.status,
        headers,
      );
    }
    const bearer = request.headers.authorization?.replace(/^Bearer /, '') ?? args['token'];
    if (bearer === undefined) return void say({ ok: false, error: 'not_authed' });
    if (bearer !== token) return void say({ ok: false, error: 'invalid_auth' });
    const body = await answer(name, args);
    if (fault?.do === 'lose') response.destroy();
    else say(body, 200, { 'X-OAuth-Scopes': 'chat:write,im:write,im:history,users:read,users:read.email' });
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    serve(request, response).catch((error) => {
      if (!(error instanceof SyntaxError)) return response.destroy();
      return response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"ok":false,"error":"invalid_json"}');
    });
  });

  const introduce = async (people: Pick<Person, 'email' | 'name' | 'standing'>[]): Promise<void> => {
    for (const { email, name, standing } of people) await room.personOf(email, name, standing);
  };
  await introduce(options.people ?? []);

  const messages = (email?: string) => room.messages.filter((message) => email === undefined || isTo(message, email));
  const views = (email?: string) =>
    [...room.views.values()].flat().filter((view) => email === undefined || isTo(view, email));
  const topView = (email: string): RoomView => {
    const view = views(email).at(-1);
    if (!view) throw new Error(`${email} has no form open.`);
    return view;
  };
  return {
    apiUrl: `${origin}/api/`,
    token,
    signingSecret,
    app: slackRoomPages(room, interactions, options.frame ?? plainFrame),
    messages,
    views,
    unread: () => room.unread(),
    interactions: () => interactions.sent,
    introduce,
    async press({ email, actionId, blockId, messageTs, values = {} }) {
      const message = messages(email).findLast(
        (one) => !one.deleted && (messageTs === undefined ? has(one, actionId, blockId) : one.ts === messageTs),
      );
      if (!message) throw new Error(`${email} has no message with ${actionId}.`);
      return interactions.press(message, { actionId, blockId }, byName(values));
    },
    pressInView: async ({ email, actionId, blockId, values = {} }) =>
      interactions.pressInView(topView(email), { actionId, blockId }, byName(values)),
    submit: async (email, values = {}) => interactions.submit(topView(email), byName(values)),
    onChange(listener) {
      room.listeners.add(listener);
      return () => room.listeners.delete(listener);
    },
    faults,
    forget: () => room.forget(),
    async stop() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
      await room.forget();
      await journal.close();
    },
  };
}

const isTo = ({ email }: { email: string }, other: string) => email === other.toLowerCase();

const has = ({ blocks, attachments }: RoomMessage, actionId: string, blockId: string | undefined): boolean =>
  elementsOf([...blocks, ...attachments.flatMap((one) => one.blocks ?? [])]).some(
    ({ block, element }) => element.action_id === actionId && (blockId === undefined || block.block_id === blockId),
  );

/** Slack takes arguments in the address, as a form, or as JSON. */
async function readArguments(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  const inAddress = new URL(request.url ?? '/', 'http://127.0.0.1').searchParams;
  const given = (request.headers['content-type'] ?? '').includes('json')
    ? (JSON.parse(body || '{}') as Record<string, unknown>)
    : Object.fromEntries(new URLSearchParams(body));
  return { ...Object.fromEntries(inAddress), ...given };
}
