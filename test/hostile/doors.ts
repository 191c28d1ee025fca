/** Every door of ours with somebody hostile before it. Each knocks once, and throws where what we promise does not hold. */

import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { stringify } from 'yaml';
import type { Hono } from 'hono';
import { readCompany } from '../../src/domain/companyFile.ts';
import { linkKinds, type Link } from '../../src/store/records/links.ts';
import type { Rule } from '../../src/triggers/http/rules.ts';
import type { MustFit } from '../triggers/http/contract.ts';
import type { Dice } from './dice.ts';
import { garbled, mutated, valid, type Known, type Schema } from './mutations.ts';
import { naughty } from './naughty.ts';

/** What stands behind the doors, and what has been let in so far. */
export interface Target {
  app: Hono;
  mustFit: MustFit;
  /** Of /openapi.json. */
  operations: Operation[];
  schemas: Record<string, Schema>;
  /** Every address that answers, from the route table, the API aside. */
  pages: { method: string; path: string; rule: Rule }[];
  known: Known;
  keys: string[];
  cookies: string[];
  /** Of links, by what they open. */
  tokens: Record<Link['kind'], string[]>;
  /** Whoever was signed out signs in again, and what a link of somebody's opened is over: somebody else has one. In place of the one that is. */
  anew: { session(cookie: string): Promise<void>; link(kind: Link['kind'], token: string): Promise<void> };
  signals: string[];
  insights: string[];
  slack: { secret: string; users: string[] };
  port: number;
  /** A company file that takes little time to check. */
  company: Record<string, unknown>;
  /** What was answered as taken: presses through the API, and signals by id. Each must be a fact, and nothing else may be one. */
  taken: { api: number; captured: Set<string> };
}

export interface Operation {
  method: string;
  path: string;
  body: Schema | undefined;
  query: { name: string; schema: Schema }[];
}

/** Knocks once. */
export type Door = (target: Target, dice: Dice) => Promise<Came>;

/** What came of it. */
export interface Came {
  /** In a word, to count by. */
  answer: string;
  /** What they were let in to; none where they were turned away at the door. */
  inside?: string | undefined;
}

/** Shares of a thousand: what costs a round trip to the database comes seldom, in a million often enough. */
export const doors: Record<string, { share: number; knock: Door }> = {
  api: { share: 80, knock: knockAtApi },
  pages: { share: 36, knock: knockAtPages },
  slack: { share: 460, knock: knockAtSlack },
  raw: { share: 396, knock: knockRaw },
  sockets: { share: 4, knock: knockBySocket },
  'company files': { share: 24, knock: readCompanyFile },
};

async function knockAtApi(target: Target, dice: Dice): Promise<Came> {
  const operation = dice.pick(target.operations);
  const id = dice.often(85)
    ? dice.pick(operation.path.includes('/insights/') ? target.insights : target.signals)
    : segment(dice);
  const query = operation.query.flatMap(({ name, schema }) =>
    dice.often(40) ? [[name, dice.often(60) ? text(valid(dice, schema, target.known, name)) : dice.words()]] : [],
  );
  if (dice.often(5)) query.push([dice.words(), dice.words()]);
  const path = `${operation.path.replace('{id}', id)}${query.length > 0 ? `?${new URLSearchParams(query as [string, string][]).toString()}` : ''}`;
  const method = dice.often(2) ? dice.pick(['PUT', 'DELETE', 'PATCH', 'OPTIONS']) : operation.method.toUpperCase();
  let body: Buffer | undefined;
  if (method !== 'GET') {
    let said = operation.body ? valid(dice, operation.body, target.known) : dice.value();
    for (let n = dice.pick([0, 0, 0, 1, 1, 2, 4]); n > 0; n--) said = mutated(dice, said);
    body = Buffer.from(JSON.stringify(said));
    if (dice.often(12)) body = garbled(dice, body);
  }
  const headers = headersOf({
    Authorization: dice.often(94)
      ? `Bearer ${dice.often(85) ? target.keys[0]! : dice.pick(target.keys)}`
      : dice.words(),
    'Content-Type': dice.often(95)
      ? 'application/json'
      : dice.pick([
          'text/plain',
          'application/x-www-form-urlencoded',
          'application/problem+json; charset=utf-16',
          dice.words(),
        ]),
    'Idempotency-Key': dice.often(85)
      ? dice.uuid()
      : dice.pick(['again', 'and again', '', 'x'.repeat(300), dice.words()]),
    'X-Request-Id': dice.often(5) ? dice.words() : undefined,
  });
  const response = await target.app.request(path, { method, headers, ...(body && { body }) });
  const answer = await mustAnswer(response, `${method} ${path}`);
  if (method === 'OPTIONS') return { answer: `${response.status}` };
  const said = readJson(answer, path);
  target.mustFit(method, path, response, said);
  if (response.ok && method === 'POST' && !response.headers.get('Idempotency-Replayed')) {
    target.taken.api += 1;
    if (response.status === 202) {
      const { id: captured } = said as { id: string };
      target.taken.captured.add(captured);
      if (target.signals.length < 300) target.signals.push(captured);
    }
  }
  return came(response, method, operation.method.toUpperCase() === method && operation.path.replace('{id}', ':id'));
}

async function knockAtPages(target: Target, dice: Dice): Promise<Came> {
  const route = dice.pick(target.pages);
  const { rule } = route;
  let token = '';
  let kind: Link['kind'] = 'task';
  const tokenFor = (): string => {
    kind = rule.for === 'link' && rule.kind !== 'any' && dice.often(90) ? rule.kind : dice.pick(linkKinds);
    return dice.pick(target.tokens[kind]);
  };
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => {
    if (dice.often(12)) return segment(dice);
    if (name === 'id') return dice.pick(route.path.includes('/insights') ? target.insights : target.signals);
    if (name !== 'token') return text(dice.pick(target.known[name] ?? ['x']));
    return (token = tokenFor());
  });
  const form = new URLSearchParams();
  if (rule.for === 'link' && !token && dice.often(90)) form.append('link', (token = tokenFor()));
  for (let n = dice.below(9); n > 0; n--) {
    const name = dice.often(90) ? dice.pick(fields) : dice.words();
    form.append(
      name,
      (target.known[name] && dice.often(60) ? text(dice.pick(target.known[name])) : dice.words()).toWellFormed(),
    );
  }
  const method = dice.often(3) ? dice.pick(['HEAD', 'PUT', 'DELETE', 'OPTIONS']) : route.method;
  const posts = method === 'POST';
  const multipart = posts && dice.often(10);
  const boundary = 'xxxxxxxx';
  let body: Buffer | undefined;
  if (posts) {
    body = Buffer.from(
      multipart
        ? `${[...form].map(([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${dice.often(20) ? '; filename="x.svg"' : ''}\r\n\r\n${value}\r\n`).join('')}--${boundary}--`
        : form.toString(),
    );
    if (dice.often(8)) body = garbled(dice, body);
  }
  const begun = route.path.startsWith('/oidc/') ? ['heed-way=begun'] : target.cookies;
  const cookie = dice.often(85) ? dice.pick(begun) : dice.words();
  const type = multipart ? `multipart/form-data; boundary=${boundary}` : 'application/x-www-form-urlencoded';
  const headers = headersOf({
    Accept: dice.often(90) ? 'text/html' : dice.pick(['application/json', '*/*', dice.words()]),
    Cookie: cookie,
    'Sec-Fetch-Site': dice.often(95) ? 'same-origin' : dice.pick(['cross-site', 'none', dice.words()]),
    'Content-Type': posts ? (dice.often(95) ? type : dice.words()) : undefined,
    'If-None-Match': dice.often(5) ? dice.words() : undefined,
  });
  const address = posts || form.size === 0 ? path : `${path}?${form.toString()}`;
  const response = await target.app.request(address, { method, headers, ...(body && { body }) });
  const answer = await mustAnswer(response, `${method} ${address}`);
  const leadsTo = response.status === 303 ? (response.headers.get('Location') ?? '') : '';
  if (posts && path === '/capture')
    target.taken.captured.add(/^\/signals\/([\w-]+)/.exec(leadsTo)?.[1] ?? target.signals[0]!);
  if (response.headers.get('Content-Type')?.startsWith('text/html') && answer.includes(`fetch('/was-run')`))
    throw new Error(`${method} ${address}: what somebody said stands in the page unescaped.`);
  if (isAskedWhoItIs(response, method)) await target.anew.session(cookie);
  const isOver = rule.for === 'link' && response.status === 410;
  if (isOver) await target.anew.link(kind, token);
  return came(response, method, method === route.method && !isOver && route.path);
}

/** What our forms and addresses call their fields, all of them at once. */
const fields = `
  words place kind item unmet unmetOther offered taken mood note name contact consent look attribute-colour to
  reason verdict course subject promiseOn final outcome insight says evidence do doneBy wakeOn untilPeople internalReason key
  email code person customer link said stopped captured of from skip as view press channel ts
`
  .trim()
  .split(/\s+/);

async function knockAtSlack(target: Target, dice: Dice): Promise<Came> {
  const now = Math.floor(Date.now() / 1000);
  let payload = dice.often(50) ? pressed(target, dice) : submitted(target, dice);
  for (let n = dice.pick([0, 0, 1, 2]); n > 0; n--) payload = mutated(dice, payload);
  let body = Buffer.from(`payload=${encodeURIComponent(JSON.stringify(payload))}`);
  if (dice.often(10)) body = Buffer.from(garbled(dice, body));
  const signedAt = String(now + dice.pick([0, 0, -250, 250]));
  const right = `v0=${createHmac('sha256', target.slack.secret).update(`v0:${signedAt}:`).update(body).digest('hex')}`;
  let signature = right;
  let timestamp = signedAt;
  const forged = dice.often(92);
  if (forged) {
    const way = dice.below(7);
    if (way === 0) signature = right.slice(0, dice.below(right.length));
    else if (way === 1) timestamp = String(Number(signedAt) + 1 + dice.below(20));
    else if (way === 2) body = Buffer.concat([body, Buffer.from(dice.pick(['&', '\n', ' ', '&x=1']))]);
    else if (way === 3) signature = right.replace('v0', dice.pick(['v1', 'V0', '', 'v0=v0']));
    else if (way === 4) signature = dice.words();
    else if (way === 5) timestamp = dice.words();
    else {
      const at = 3 + dice.below(right.length - 3);
      signature = `${right.slice(0, at)}${right[at] === 'a' ? 'b' : 'a'}${right.slice(at + 1)}`;
    }
  }
  const response = await target.app.request('/slack/interactions', {
    method: 'POST',
    body: new Uint8Array(body),
    headers: headersOf({
      'X-Slack-Signature': signature,
      'X-Slack-Request-Timestamp': timestamp,
      'Content-Type': 'application/x-www-form-urlencoded',
    }),
  });
  await mustAnswer(response, `Slack: ${JSON.stringify(payload).slice(0, 300)}`);
  if (forged !== (response.status === 401 || (forged && response.status === 413)))
    throw new Error(
      `Slack: ${forged ? 'forged' : 'signed'} ${signature} ${timestamp} was answered ${response.status}.`,
    );
  return came(response, 'POST', '/slack/interactions');
}

const reference = (target: Target, dice: Dice): string =>
  dice.often(85)
    ? `${dice.pick([...target.signals.slice(0, 10), ...target.insights])}:${1 + dice.below(2)}`
    : dice.words();

function pressed(target: Target, dice: Dice): unknown {
  return {
    type: 'block_actions',
    team: { id: 'T0HEEDDEMO' },
    user: { id: dice.pick(target.slack.users), team_id: 'T0HEEDDEMO' },
    trigger_id: '1.none',
    actions: [
      {
        action_id: dice.often(85) ? dice.pick(actions) : dice.words(),
        action_ts: `${dice.below(1e9)}.1`,
        value: reference(target, dice),
      },
    ],
  };
}

function submitted(target: Target, dice: Dice): unknown {
  const values = Object.fromEntries(
    Array.from({ length: dice.below(5) }, () => {
      const name = dice.often(90) ? dice.pick(fields) : dice.words();
      const value = target.known[name] && dice.often(60) ? text(dice.pick(target.known[name])) : dice.words();
      return [
        name,
        {
          [`action_${name}`]: dice.pick([
            { value },
            { selected_option: { value } },
            { selected_date: value },
            { selected_options: [{ value }] },
          ]),
        },
      ];
    }),
  );
  return {
    type: 'view_submission',
    team: { id: 'T0HEEDDEMO' },
    user: { id: dice.pick(target.slack.users) },
    view: {
      id: `V${dice.below(1e9)}`,
      hash: `${dice.below(1e9)}`,
      callback_id: dice.often(85) ? dice.pick(views) : dice.words(),
      private_metadata: reference(target, dice),
      title: { text: dice.words() },
      blocks: [{ type: 'input', block_id: dice.pick(fields) }],
      state: { values },
    },
  };
}

const actions = [
  ...['acknowledge', 'hand_over', 'answer', 'dismiss', 'review', 'call'].map((verb) => `action_signal_${verb}`),
  ...['acknowledge', 'adopt', 'adopt_these', 'decline', 'defer', 'take_back', 'hand_over', 'complete'].map(
    (verb) => `action_decision_${verb}`,
  ),
];
const views = [
  ...['hand_over', 'answer', 'dismiss', 'review', 'call'].map((verb) => `view_signal_${verb}`),
  ...['adopt', 'adopt_these', 'decline', 'defer', 'hand_over', 'complete'].map((verb) => `view_decision_${verb}`),
];

/** Addresses, methods and headers that are none, and bodies of bytes: what comes before anybody is asked who they are. */
async function knockRaw(target: Target, dice: Dice): Promise<Came> {
  const path = dice.often(40)
    ? `/${Array.from({ length: dice.below(4) }, () => segment(dice)).join('/')}`
    : dice.pick(target.operations).path.replace('{id}', segment(dice));
  const method = dice.pick(['GET', 'POST', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']);
  const withBody = !['GET', 'HEAD'].includes(method);
  const headers: Record<string, string | undefined> = {
    'Content-Type': dice.pick([
      'application/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'multipart/form-data',
      'text/xml',
      dice.words(),
    ]),
  };
  for (let n = dice.below(4); n > 0; n--)
    headers[
      dice.pick([
        'Accept',
        'Origin',
        'Cookie',
        'X-Forwarded-For',
        'X-Request-Id',
        'Content-Encoding',
        'If-None-Match',
        'Range',
        'Host',
        'X-HTTP-Method-Override',
      ])
    ] = dice.words();
  const response = await target.app.request(path, {
    method,
    headers: headersOf(headers),
    ...(withBody && {
      body: new Uint8Array(dice.often(50) ? dice.bytes(300) : Buffer.from(JSON.stringify(dice.value()))),
    }),
  });
  await mustAnswer(response, `${method} ${path}`);
  if (response.ok && withBody && path.startsWith('/v1/')) throw new Error(`${method} ${path} was taken from nobody.`);
  return came(response, method, 'what anyone may open');
}

/** Over a real connection, what no client library would send. */
async function knockBySocket(target: Target, dice: Dice): Promise<Came> {
  const body = JSON.stringify(dice.value());
  const size = Buffer.byteLength(body);
  const request = [
    `${dice.pick(['GET', 'POST', 'POST', 'POST', 'get', dice.words()])} ${dice.pick(['/v1/signals', '/sign-in', '/v1/../v1/signals', '//', '*', 'http://elsewhere/', dice.words()])} HTTP/${dice.pick(['1.1', '1.1', '1.1', '1.0', '2.0'])}`,
    `Host: ${dice.pick(['heed', 'heed', 'heed', '', 'a b', dice.words()])}`,
    `Content-Length: ${dice.pick([size, size, size, size, -1, '1e3', size + 5, 'x'])}`,
    ...(dice.often(20) ? ['Transfer-Encoding: chunked'] : []),
    `Authorization: Bearer ${dice.pick(target.keys)}`,
    ...(dice.often(10) ? [`X-Long: ${'x'.repeat(dice.below(40_000))}`] : []),
    '',
    body,
  ].join('\r\n');
  const bytes = dice.often(35) ? garbled(dice, Buffer.from(request)) : Buffer.from(request);
  const said = await new Promise<string>((ended, refused) => {
    let answer = '';
    const socket = connect(target.port, '127.0.0.1', () => socket.end(bytes));
    socket.setTimeout(15_000, () => refused(new Error(`Nobody answered ${JSON.stringify(bytes.toString('latin1'))}`)));
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => ended(answer));
  });
  const status = /^HTTP\/1\.1 (\d+)/.exec(said)?.[1] ?? 'cut';
  if (status.startsWith('5') && status !== '505')
    throw new Error(`A socket was answered ${said.slice(0, 300)} to ${JSON.stringify(bytes.toString('latin1'))}`);
  return { answer: status, ...(/^[23]|^4(09|22|29)/.test(status) && { inside: 'what stands behind' }) };
}

async function readCompanyFile(target: Target, dice: Dice): Promise<Came> {
  let yaml: string;
  if (dice.often(70)) {
    let company: unknown = target.company;
    for (let n = 1 + dice.below(3); n > 0; n--) company = mutated(dice, company);
    yaml = stringify(company);
  } else {
    const whole = stringify(target.company);
    const lines = whole.split('\n');
    const at = dice.below(lines.length);
    const how = dice.below(5);
    if (how === 0) lines.splice(at, 1 + dice.below(5));
    else if (how === 1) lines.splice(at, 0, `${' '.repeat(dice.below(8))}${dice.words()}`);
    else if (how === 2) lines[at] = ` ${lines[at]!}`;
    else if (how === 3) lines[at] = lines[at]!.replace(/: .*/, () => `: ${dice.words()}`);
    yaml = how === 4 ? garbled(dice, Buffer.from(whole)).toString() : lines.join('\n');
  }
  const read = readCompany(yaml);
  if ('company' in read) return { answer: 'sound', inside: 'a company file' };
  if (read.problems.length === 0) throw new Error('A company file was refused, and nobody says why.');
  for (const { line, column, message } of read.problems) {
    if (!(line >= 1 && line <= yaml.split('\n').length + 1 && column >= 1))
      throw new Error(`There is no line ${line}:${column}: ${message}`);
    if (!/[.?!)…"]$/.test(message)) throw new Error(`This is no sentence: ${message}`);
  }
  return { answer: 'refused', inside: 'a company file' };
}

/** At the door stay those who are not known or may not, those for whom there is none, and what is too large or of a kind that is not taken. */
function came(response: Response, method: string, what: string | false): Came {
  const stays = [401, 403, 404, 405, 413, 415].includes(response.status) || isAskedWhoItIs(response, method);
  return { answer: `${response.status}`, inside: what && !stays ? `${method} ${what}` : undefined };
}

const isAskedWhoItIs = (response: Response, method: string): boolean =>
  method === 'GET' ? response.headers.get('Location') === '/sign-in' : response.status === 401;

/** Reads the answer. Throws where it is our fault, where strangers are let in, or where something has crept into every object. */
async function mustAnswer(response: Response, what: string): Promise<string> {
  const answer = await response.text();
  const policy = response.headers.get('Content-Security-Policy');
  // While nothing is carried on, whoever asks for that is told so; whoever asks for the head alone, by its status.
  const isToldSo =
    answer.startsWith('{"status":"stalled"') || (what.startsWith('HEAD /health/engine') && answer === '');
  const isStalled = response.status === 503 && isToldSo;
  if (response.status >= 500 && !isStalled)
    throw new Error(`${what} was answered ${response.status}: ${answer.slice(0, 500)}`);
  if (!policy?.includes("frame-ancestors 'none'")) throw new Error(`${what} was answered without a policy.`);
  if (/node_modules|\bat \S+ \(\S+:\d+:\d+\)/.test(answer)) throw new Error(`${what} tells where our code is.`);
  if ('polluted' in {}) throw new Error(`${what} reached every object.`);
  return answer;
}

function readJson(answer: string, path: string): unknown {
  try {
    return JSON.parse(answer);
  } catch {
    throw new Error(`${path} was answered what is not JSON: ${answer.slice(0, 200)}`);
  }
}

/** A part of an address: something naughty, spelt so that it is one part and stays one. */
function segment(dice: Dice): string {
  if (dice.often(50)) return dice.uuid();
  const said = (dice.often(90) ? dice.pick(naughty) : dice.words()).slice(0, 200).toWellFormed();
  return /^\.*$/.test(said) ? 'dots' : encodeURIComponent(said);
}

const text = (value: unknown): string =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed();

/** What a client library lets pass in a header. */
function headersOf(all: Record<string, string | undefined>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) continue;
    headers.set(name, value.slice(0, 8000));
  }
  return headers;
}
