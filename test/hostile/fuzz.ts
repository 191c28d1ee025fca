/** Hostile input of every kind, against everything that takes input, on a real database. The same seed sends the same. */

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { serve } from '@hono/node-server';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { explainProblems, readCompany } from '../../src/domain/companyFile.ts';
import { oneFactor } from '../../src/domain/secondFactor.ts';
import { figures } from '../../src/domain/measures.ts';
import { startMailbox } from '../../src/embedded/mailbox.ts';
import { startSlackRoom } from '../../src/embedded/slackRoom.ts';
import { openSlack } from '../../src/integrations/slack.ts';
import { sql } from '../../src/store/pool.ts';
import { codeOf, keepAsking } from '../../src/store/records/askings.ts';
import { idOfDelivery, planDelivery } from '../../src/store/records/deliveries.ts';
import { linkKinds, makeLink, type NewLink } from '../../src/store/records/links.ts';
import { keepApiKey } from '../../src/store/records/apiKeys.ts';
import { openSession } from '../../src/store/records/sessions.ts';
import { insightNow } from '../../src/store/views/insights.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { Capture, capture } from '../../src/triggers/capture.ts';
import { createApp } from '../../src/triggers/http/app.ts';
import { verbsAbout } from '../../src/triggers/http/pages/verbs.ts';
import { ruleOf } from '../../src/triggers/http/rules.ts';
import { serverLimits } from '../../src/triggers/http/requests.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { contractOf, webOf } from '../triggers/http/contract.ts';
import { goOn } from '../triggers/http/story.ts';
import { Dice } from './dice.ts';
import { doors, type Came, type Operation, type Target } from './doors.ts';
import type { Schema } from './mutations.ts';

export interface Report {
  seed: number;
  /** How many were sent. */
  inputs: number;
  /** By door and answer. */
  counts: Record<string, Record<string, number>>;
  /** By door, and by what they were let in to; whoever is not among these was turned away at the door. */
  inside: Record<string, Record<string, number>>;
  /** What did not hold, with the input by which it can be tried again; the first hundred. */
  broken: string[];
  /** Bytes of heap at a quarter of the way (0 where it did not get there) and at the end, after collecting. */
  heap: { early: number; late: number };
}

export interface Fuzzing {
  seed: number;
  inputs: number;
  /** From this input on; to try one again. */
  from?: number;
  onProgress?: (done: number, broken: number) => void;
  /** Ends it before its time, with what is under way. */
  stopped?: AbortSignal;
}

export async function fuzz({ seed, inputs, from = 0, onProgress, stopped }: Fuzzing): Promise<Report> {
  const db = await openTestDatabase({ connections: 8 });
  const broken: string[] = [];
  const unhandled = (error: unknown): void => void broken.push(`Nobody caught: ${String(error)}`);
  process.on('unhandledRejection', unhandled);
  const { target, close } = await openTarget(db, (error) => broken.push(`Our fault: ${String(error)}`));
  const counts: Report['counts'] = {};
  const inside: Report['inside'] = {};
  const count = (sums: Report['counts'], door: string, what: string): void => {
    const of = (sums[door] ??= {});
    of[what] = (of[what] ?? 0) + 1;
  };
  const heap = { early: 0, late: 0 };

  let next = from;
  const end = from + inputs;
  let sent = 0;
  const knock = async (): Promise<void> => {
    for (let input = next++; input < end && !stopped?.aborted; input = next++) {
      sent += 1;
      const dice = new Dice(seed, input);
      const door = doorFor(dice.below(1000));
      let came: Came;
      try {
        came = await doors[door]!.knock(target, dice);
      } catch (error) {
        came = { answer: 'broken' };
        if (broken.length < 100)
          broken.push(`input ${input}, ${door}: ${error instanceof Error ? error.message : String(error)}`);
      }
      count(counts, door, came.answer);
      if (came.inside) count(inside, door, came.inside);
      if (input === from + Math.floor(inputs / 4)) heap.early = heapUsed();
      if ((input + 1 - from) % 1000 === 0) onProgress?.(input + 1 - from, broken.length);
    }
  };
  try {
    await Promise.all(Array.from({ length: 8 }, knock));
    heap.late = heapUsed();
    broken.push(...(await halfDone(db, target)));
  } finally {
    process.off('unhandledRejection', unhandled);
    await close();
    await db.close();
  }
  return { seed, inputs: sent, counts, inside, broken, heap };
}

function doorFor(thrown: number): string {
  let left = thrown;
  for (const [name, { share }] of Object.entries(doors)) if ((left -= share) < 0) return name;
  return 'raw';
}

/** Whatever was taken is a whole fact, and nothing is one that was not taken. */
async function halfDone(db: TestDatabase, { taken }: Target): Promise<string[]> {
  const counted = await db.pool.one(sql.type(
    z.object({ signals: z.number(), words: z.number(), unowned: z.number(), presses: z.number(), asleep: z.number() }),
  )`
    select (select count(*) from signals) as signals,
      (select count(*) from words) + (select count(*) from erased_signals) as words,
      (select count(*) from loops l where not exists (select from ownerships o where o.loop_id = l.id and o.ended_at is null)) as unowned,
      (select count(*) from presses where source like 'api:%') as presses,
      (select count(*) from signals s where not exists (select from wakes w where w.loop_id = s.id)) as asleep`);
  const expected = {
    signals: taken.captured.size,
    words: taken.captured.size,
    unowned: 0,
    presses: taken.api,
    asleep: 0,
  };
  return Object.entries(expected).flatMap(([what, number]) => {
    const found = counted[what as keyof typeof counted];
    return found === number ? [] : [`Half-done: ${what} are ${found}, and should be ${number}.`];
  });
}

async function openTarget(
  db: TestDatabase,
  report: (error: unknown) => void,
): Promise<{ target: Target; close: () => Promise<void> }> {
  let port = 0;
  const mailbox = await startMailbox();
  const room = await startSlackRoom({ interactivityUrl: () => `http://127.0.0.1:${port}/slack/interactions` });
  const slack = openSlack({ token: room.token, apiUrl: room.apiUrl });
  const web = {
    ...webOf(db),
    slack: { ...slack, signingSecret: room.signingSecret },
    signInService: {
      begin: async () => ({ url: 'https://sign-in.example/', memory: 'begun' }),
      finish: async () => ({
        email: db.company.staff['mina']!.email,
        issuer: 'https://sign-in.example',
        subject: 'mina',
        strength: oneFactor,
        provedSecondsAgo: 0,
      }),
      besideLinks: true,
      secondFactorRequired: false,
      acrValues: [],
    },
    demo: { mailbox: mailbox.app, slackRoom: room.app, unread: () => ({ slack: 0, mail: 0 }) },
  };
  const app = createApp(web, { rateLimiting: false, report });
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', serverOptions: serverLimits });
  await new Promise((listening) => server.once('listening', listening));
  port = (server.address() as AddressInfo).port;

  const { company } = db;
  const staff = Object.keys(company.staff);
  const captured = new Set<string>();
  const insights = new Set<string>();
  let heard = 0;
  /** Somebody says something, and it goes as far as it goes by itself. */
  const hear = async (): Promise<string> => {
    const n = heard++;
    const said = Capture.parse({
      words: [
        'Do you have this coat in green, size 42?',
        'I was charged twice.',
        'A dress in white, do you have it?',
        'Blue.',
      ][n % 4],
      place: Object.keys(company.places)[n % 2],
      customer: { name: 'Kim', email: `kim${n}@example.com` },
      consent: [{ purpose: 'follow_up', channel: 'email', wording: company.customers.consent.wording }],
    });
    const { id } = await capture(db.heed, said, { channel: 'web', press: { source: 'test', key: `${n}` } });
    await goOn(db, id);
    captured.add(id);
    const insight = (await signalNow(db.pool, id))?.insight_id;
    if (insight) insights.add(insight);
    return id;
  };
  const signals: string[] = [];
  while (signals.length < 10) signals.push(await hear());

  const keys: string[] = [];
  for (const scopes of [['*'], ['capture'], ['read'], ['respond'], ['respond', 'respond-for']]) {
    const key = `fuzz-${randomUUID()}`;
    await keepApiKey(db.pool, key, { name: scopes.join(), scopes, by: 'ops' });
    keys.push(key);
  }
  const signIn = async (code: string): Promise<string> => `heed=${await openSession(db.pool, code)}`;
  const cookies = await Promise.all(staff.slice(0, 8).map(signIn));
  // Links to sign in that were asked for in a browser which shows this code, and are opened in others.
  const [secret, mail] = ['AAAAAAAAAAAAAAAAAAAAAA', { purpose: 'sign_in', channel: 'email', staff: 'mina' } as const];
  const mailed = idOfDelivery('asked for');
  await db.pool.transaction(async (tx) => {
    await planDelivery(tx, { key: 'asked for', ...mail });
    await keepAsking(tx, secret, mailed);
  });
  let made = 0;
  /** A link of this kind about what somebody said; of those to act by, to each wait in turn. */
  const linkTo = async (kind: NewLink['kind'], signalId: string): Promise<string> => {
    const { owner, customer_id, insight_id } = (await signalNow(db.pool, signalId))!;
    if (kind === 'sign_in')
      return made++ % 2
        ? makeLink(db.pool, { kind, staff: owner })
        : makeLink(db.pool, { kind, staff: 'mina', deliveryId: mailed });
    if (kind !== 'task') return makeLink(db.pool, { kind, customerId: customer_id!, loopId: signalId });
    const wait = (['acknowledged', 'answered', 'decided'] as const)[made++ % 3]!;
    const insight = wait === 'decided' && insight_id ? await insightNow(db.pool, insight_id) : null;
    return insight
      ? makeLink(db.pool, { kind, staff: insight.decider, loopId: insight.id, wait })
      : makeLink(db.pool, { kind, staff: owner, loopId: signalId, wait: wait === 'decided' ? 'answered' : wait });
  };
  const tokens = Object.fromEntries(
    await Promise.all(
      linkKinds.map(async (kind) => [kind, await Promise.all(signals.slice(0, 6).map((id) => linkTo(kind, id)))]),
    ),
  ) as Target['tokens'];
  const inPlaceOf = async (of: string[], over: string, make: () => Promise<string>): Promise<void> => {
    const at = of.indexOf(over);
    if (at >= 0) of[at] = await make();
  };
  await room.introduce(staff.map((code) => ({ email: company.staff[code]!.email, name: company.staff[code]!.name })));
  const users = await Promise.all(
    staff.slice(0, 6).map(async (code) => (await slack.idOf(company.staff[code]!.email))!),
  );

  const document = (await (await app.request('/openapi.json')).json()) as OpenApi;
  const yaml = await readFile(new URL('../../samples/shop.yaml', import.meta.url), 'utf8');
  const kinds = Object.keys(company.kinds);
  const target: Target = {
    app,
    mustFit: await contractOf(app),
    operations: operationsOf(document),
    schemas: document.components.schemas,
    pages: [
      ...new Map(
        app.routes
          // The viewer of the API is a megabyte, and the same each time.
          .filter(
            ({ method, path }) => method !== 'ALL' && !path.startsWith('/v1') && !path.startsWith('/docs/swagger'),
          )
          .map(({ method, path }) => [`${method} ${path}`, { method, path, rule: ruleOf(method, path)! }]),
      ).values(),
    ],
    known: {
      place: Object.keys(company.places),
      by: staff,
      to: [...staff, '2026-06-30T00:00:00Z'],
      kind: kinds,
      verb: [...new Set([...verbsAbout('signal'), ...verbsAbout('insight')])],
      figure: Object.keys(figures),
      person: staff,
      code: [codeOf(secret), '12345678'],
      email: ['kim@example.com', 'k\0m@example.com', ...staff.map((code) => company.staff[code]!.email)],
      phone: ['+31 6 12345678'],
      wording: [company.customers.consent.wording],
      evidence: signals,
      insight: [...insights],
      do: ['adopt', 'these', 'decline', 'defer'],
      outcome: ['adopted', 'declined', 'deferred', 'reached', 'not_reached'],
      says: ['yes', 'no'],
      doneBy: ['2099-03-01', '2020-01-01', '9999-12-31'],
      promiseOn: ['2099-03-01', '2026-02-30', '9999-12-31'],
      wakeOn: ['2099-03-01', '0000-01-01', '9999-12-31'],
      reason: ['They asked for it.', 'a\0b'],
      untilPeople: ['3', '0', '1e9'],
    },
    keys,
    cookies,
    tokens,
    anew: {
      session: (cookie) => inPlaceOf(cookies, cookie, () => signIn(staff[cookies.indexOf(cookie)]!)),
      link: (kind, token) => inPlaceOf(tokens[kind], token, async () => linkTo(kind, await hear())),
    },
    signals,
    insights: [...insights],
    slack: { secret: room.signingSecret, users },
    port,
    company: smallCompany(yaml),
    taken: { api: 0, captured },
  };
  return {
    target,
    async close() {
      await new Promise<void>((closed) => {
        server.close(() => closed());
        if ('closeAllConnections' in server) server.closeAllConnections();
      });
      await Promise.all([room.stop(), mailbox.stop()]);
    },
  };
}

interface OpenApi {
  paths: Record<
    string,
    Record<
      string,
      {
        parameters?: { name: string; in: string; schema: Schema }[];
        requestBody?: { content: Record<string, { schema: Schema }> };
      }
    >
  >;
  components: { schemas: Record<string, Schema> };
}

const operationsOf = ({ paths }: OpenApi): Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      method,
      path,
      body: requestBody?.content['application/json']?.schema,
      query: parameters.filter((one) => one.in === 'query'),
    })),
  );

/** The shop with every ladder on one clock. Where units are mixed each file is tried out at every hour of a year, which is another test's business. */
function smallCompany(yaml: string): Record<string, unknown> {
  const company = parse(yaml) as { ladders: Record<string, unknown> };
  const ladder = {
    rungs: [
      { after: '0s', notify: 'owner' },
      { after: '2h', notify: 'manager' },
    ],
    at_end: { notify: 'executive', every: '1d' },
  };
  company.ladders = Object.fromEntries(Object.keys(company.ladders).map((name) => [name, structuredClone(ladder)]));
  const read = readCompany(stringify(company));
  if ('problems' in read) throw new Error(explainProblems('the small company', read.problems));
  return company;
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
