/** Who may see what, asked of every route that there is: people, places, keys and links against signals and insights of three places. What is
 *  expected is worked out here from the company file and the facts alone, not by the code that is asked. */

import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Hono } from 'hono';
import { z } from 'zod';
import { figures } from '../../../src/domain/measures.ts';
import { sql } from '../../../src/store/pool.ts';
import { keepApiKey, revokeApiKeys, scopes, type Scope } from '../../../src/store/records/apiKeys.ts';
import { refusalsSince } from '../../../src/store/records/refusals.ts';
import { linkKinds, makeLink, type NewLink } from '../../../src/store/records/links.ts';
import { signalNow, type SignalNow } from '../../../src/store/views/signals.ts';
import { createApp } from '../../../src/triggers/http/app.ts';
import { verbsAbout } from '../../../src/triggers/http/pages/verbs.ts';
import { handOver, handOverInsight } from '../../../src/triggers/responses/handOver.ts';
import { passedThrough, ruleOf, rules, type Rule } from '../../../src/triggers/http/rules.ts';
import { openPages, type Fields, type Page, type Pages, type Visitor } from './pages/visitors.ts';

let pages: Pages;
let app: Hono;
/** Every route, as 'GET /signals/:id'. */
let routes: string[];
let visitors: Map<string, Visitor>;
let said: Said[];
let asked: Asked[];

/** A signal as the matrix knows it. Its mark stands in its words, its customer's name has the mark, too. */
interface Said {
  signal: SignalNow;
  mark: string;
}
interface Asked {
  id: string;
  reference: string;
  /** Where it was asked for, and the marks of what was said. */
  places: string[];
  marks: string[];
}

/** By the company file: whoever runs a place, leads somebody, or sees all of it. */
const leaders = ['jonas', 'femke', 'omar', 'tomas', 'ingrid'];
const nobodyHas = '0197f000-0000-7000-8000-000000000000';

beforeAll(async () => {
  pages = await openPages();
  const { shop, web } = pages;
  web.slack = {
    signingSecret: 'a secret that nobody signs with here',
    openView: () => Promise.reject(new Error('nobody presses here')),
    whisper: () => Promise.resolve(),
    workspace: () => Promise.resolve('T0'),
    emailOf: () => Promise.resolve(undefined),
  };
  // Its answers are tested with a real one; here it only has to be there.
  web.signInService = {
    begin: () => Promise.resolve(undefined),
    finish: () => Promise.resolve({ trouble: 'refused' }),
    besideLinks: true,
    secondFactorRequired: false,
    acrValues: [],
  };
  app = createApp(web, { rateLimiting: false });
  routes = [
    ...new Set(app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`)),
  ];

  said = [];
  await hears('coat in green', 'high-street', 'mina');
  await hears('coat in green', 'station', 'luca');
  await hears('scarf in navy', 'harbour', 'aisha');
  await hears('shirt in white', 'station', 'luca');
  const [coat, , scarf, shirt] = said.map(({ signal }) => signal);
  // Somebody answers for a signal of another place, and somebody decides what was asked for elsewhere.
  const press = () => shop.press();
  await handOver(shop.db.heed, { loopId: scarf!.id, by: 'omar', press: press() }, { to: 'luca', reason: 'yours' });
  await handOverInsight(
    shop.db.heed,
    { loopId: coat!.insight_id!, by: 'tomas', press: press() },
    { to: 'femke', reason: 'yours' },
  );
  await handOverInsight(
    shop.db.heed,
    { loopId: shirt!.insight_id!, by: 'tomas', press: press() },
    { to: 'luca', reason: 'yours' },
  );
  asked = await insights();
  visitors = new Map();
  // Priya and Aisha see what Jonas and Omar see.
  for (const code of ['mina', 'jonas', 'luca', 'femke', 'omar', 'tomas', 'ingrid'])
    visitors.set(code, await pages.as(code));
});
afterAll(() => pages.shop.close());

async function hears(what: string, place: string, by: string): Promise<void> {
  const mark = `quokka${said.length}${place.replace('-', '')}`;
  const { id } = await pages.shop.hears({
    words: `Do you have this ${what}? ${mark}`,
    place,
    by,
    customer: { name: `Kim ${mark}`, email: `${mark}@example.com` },
    consent: [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }],
  });
  said.push({ mark, signal: (await signalNow(pages.shop.db.pool, id))! });
}

async function insights(): Promise<Asked[]> {
  const found = await pages.shop.db.pool.any(
    sql.type(
      z.object({ id: z.string(), reference: z.string(), signals: z.array(z.string()) }),
    )`select i.id, i.reference, array_agg(x.signal_id::text) as signals from insights i join insight_signals x on x.insight_id = i.id group by 1, 2`,
  );
  return found.map(({ signals, ...insight }) => {
    const held = said.filter(({ signal }) => signals.includes(signal.id));
    return { ...insight, places: held.map(({ signal }) => signal.place), marks: held.map(({ mark }) => mark) };
  });
}

/** From the company file, and whoever holds a loop or was told by its ladder. */
const sees = (who: string, place: string): boolean => {
  const { places } = pages.shop.db.company.staff[who]!;
  return places === 'all' || places.includes(place);
};
async function has(who: string, loopId: string): Promise<boolean> {
  return pages.shop.db.pool.oneFirst(sql.type(z.object({ has: z.boolean() }))`
    select exists (select from ownerships where loop_id = ${loopId} and ended_at is null and staff = ${who})
      or exists (select from escalations e join plans p on p.id = e.plan_id where p.loop_id = ${loopId} and e.staff = ${who}) as has`);
}
const seesSignal = async (who: string, { signal }: Said): Promise<boolean> =>
  sees(who, signal.place) || (await has(who, signal.id));
const decides = async (who: string, { id }: Asked): Promise<boolean> => {
  const { company } = pages.shop.db;
  const decider = await pages.shop.db.pool.oneFirst(
    sql.type(z.object({ staff: z.string() }))`select staff from ownerships where loop_id = ${id} and ended_at is null`,
  );
  return (await has(who, id)) || company.executive === who || company.staff[decider]!.lead === who;
};
const seesInsight = async (who: string, insight: Asked): Promise<boolean> =>
  insight.places.some((place) => sees(who, place)) || (await decides(who, insight));

/** What must not stand in anything that somebody reads: marks, names, references and ids of what is not theirs. */
async function foreignTo(who: string): Promise<string[]> {
  const known = await Promise.all(asked.map(async (insight) => ((await decides(who, insight)) ? insight.marks : [])));
  const marks = new Set(known.flat());
  const foreign: string[] = [];
  for (const one of said) {
    if (await seesSignal(who, one)) continue;
    // Whoever decides reads the words wherever they were said, and ticks what they rest on; the person stays with the place.
    if (marks.has(one.mark)) foreign.push(`Kim ${one.mark}`, one.signal.reference);
    else foreign.push(one.mark, one.signal.reference, one.signal.id);
  }
  for (const insight of asked) if (!(await seesInsight(who, insight))) foreign.push(insight.id, insight.reference);
  return foreign;
}

const patternOf = (route: string): [method: 'GET' | 'POST', pattern: string] =>
  route.split(' ') as ['GET' | 'POST', string];
const under = (rule: Rule['for']): [route: string, rule: Rule][] =>
  routes.flatMap((route) => {
    const its = ruleOf(...patternOf(route));
    return its?.for === rule ? [[route, its] as [string, Rule]] : [];
  });

/** A form that would be taken, were it theirs to send. */
const fit: Record<string, Fields> = {
  acknowledgement: {},
  handover: { to: 'ingrid', reason: 'because' },
  review: { verdict: 'pursue', course: 'answer', kind: 'question' },
  dismissal: { reason: 'because' },
  'follow-up': { words: 'Dear Kim, yes.' },
  call: { outcome: 'reached' },
  repair: { action: 'leave', reason: 'because' },
  vouching: {},
  joining: { insight: nobodyHas },
  confirmation: { says: 'yes' },
  decision: { do: 'decline', reason: 'because' },
  withdrawal: {},
  completion: { evidence: 'there' },
};
/** The same for the API. */
const fitBody: Record<string, object> = {
  ...fit,
  decision: { outcome: 'declined', reason: 'because' },
  signals: { words: 'Do you have this coat in green?', place: 'station' },
};
/** What may be sent to every address for colleagues that is about nothing in particular: it is looked at, and changes nothing. */
const typed: Fields = { words: 'Do you have this coat in green?', look: 'yes', session: nobodyHas };
const ours = { 'Sec-Fetch-Site': 'same-origin' };

/** Told apart by nothing but the address that was asked for. */
const alike = (page: Page, id: string): string =>
  page.html.replaceAll(id, nobodyHas).replaceAll(/name="key" value="[^"]*"/g, '');

describe('every route has a rule', () => {
  test('and every rule a route', () => {
    expect(routes.filter((route) => !ruleOf(...patternOf(route)))).toEqual([]);
    expect(Object.keys(rules).filter((route) => !routes.includes(route))).toEqual([]);
    expect(routes.length).toBeGreaterThan(60);
    const forAllMethods = app.routes.filter(({ method }) => method === 'ALL').map(({ path }) => path);
    expect([...new Set(forAllMethods)].sort()).toEqual(passedThrough.toSorted());
  });

  test('and one without is not there, whatever it would have answered', async () => {
    const careless = createApp(pages.web, { rateLimiting: false });
    careless.get('/everything', (c) => c.text('everything'));
    careless.all('/all/of/it', (c) => c.text('everything'));
    careless.use('/passing/through', async (c) => c.text('everything'));
    careless.on('PURGE', '/everything', (c) => c.text('gone'));
    const answered: string[] = [];
    for (const path of ['/everything', '/all/of/it', '/passing/through'])
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PURGE']) {
        const { status } = await careless.request(path, { method });
        if (status !== 404 && status !== 405) answered.push(`${method} ${path}: ${status}`);
      }
    expect(answered).toEqual([]);
  });

  test('and what stands in an address is something that the rule is about, or nothing of anybody', () => {
    const named = routes.flatMap((route) =>
      (route.match(/:\w+/g) ?? []).map((what) => ({ route, what, rule: ruleOf(...patternOf(route))! })),
    );
    expect(named.length).toBeGreaterThan(20);
    const open = named.filter(({ what, rule }) => {
      if (rule.for === 'colleague' || rule.for === 'key')
        return !((what === ':id' && 'about' in rule) || what === ':verb' || what === ':figure');
      return what !== ':token' && what !== ':verb';
    });
    expect(open.filter(({ rule }) => rule.for !== 'demonstration')).toEqual([]);
  });

  test('what only the demonstration has is not there without it', async () => {
    for (const [route] of under('demonstration')) {
      const [method, path] = patternOf(route);
      expect([route, (await app.request(path, { method, headers: ours })).status]).toEqual([route, 404]);
    }
  });

  test('what anyone may open holds nothing of anybody', async () => {
    const all = [
      ...said.flatMap(({ mark, signal }) => [mark, signal.id, signal.reference]),
      ...asked.map(({ id }) => id),
    ];
    for (const [route] of under('anyone')) {
      const [method, path] = patternOf(route);
      const answer = await app.request(path, { method, headers: ours });
      const text = await answer.text();
      expect([route, answer.status === 401 || answer.status === 404]).toEqual([route, false]);
      expect([route, all.filter((one) => text.includes(one))]).toEqual([route, []]);
    }
  });

  test('Slack’s is for Slack', async () => {
    for (const [route] of under('slack')) {
      const [method, path] = patternOf(route);
      const forms = { 'Content-Type': 'application/x-www-form-urlencoded' };
      const answer = await app.request(path, { method, headers: forms, body: 'payload={}' });
      expect([route, answer.status]).toEqual([route, 401]);
    }
  });
});

describe('people and places', () => {
  interface Address {
    method: 'GET' | 'POST';
    pattern: string;
    path: string;
    about?: Said | Asked;
    verb?: string;
  }
  /** Each address of a route for colleagues, and what it is about. */
  const addressesOf = (route: string, rule: Rule): Address[] => {
    const [method, pattern] = patternOf(route);
    return pathsOf(pattern, rule).map((found) => ({ method, pattern, ...found }));
  };
  const pathsOf = (pattern: string, rule: Rule): Omit<Address, 'method' | 'pattern'>[] => {
    if (rule.for !== 'colleague') return [];
    if (pattern === '/loop/:figure')
      return [...Object.keys(figures), 'captured?place=harbour'].map((figure) => ({
        path: `/loop/${figure}${figure.includes('?') ? '&' : '?'}of=own`,
      }));
    if (pattern === '/loop')
      return [{ path: '/loop' }, { path: '/loop?place=harbour' }, { path: '/loop?place=station&days=30' }];
    if (!rule.about) return [{ path: pattern }];
    const objects: (Said | Asked)[] = rule.about === 'signal' ? said : asked;
    return objects.flatMap((about) => {
      const path = pattern.replace(':id', 'id' in about ? about.id : about.signal.id);
      return pattern.includes(':verb')
        ? verbsAbout(rule.about!).map((verb) => ({ path: path.replace(':verb', verb), about, verb }))
        : [{ path, about }];
    });
  };

  /** Each address as each colleague has it, asked for once: nothing is captured before the last of these tests, and no press is taken. */
  const had = new Map<string, Promise<Page>>();
  const open = (who: string, path: string): Promise<Page> => {
    const known = had.get(`${who} ${path}`) ?? visitors.get(who)!.get(path);
    had.set(`${who} ${path}`, known);
    return known;
  };

  test('somebody who is not signed in is asked who they are, everywhere', async () => {
    for (const [route, rule] of under('colleague')) {
      const [method] = patternOf(route);
      for (const { path } of addressesOf(route, rule)) {
        const answer = await app.request(path, { method, headers: ours });
        const asksWho = method === 'GET' ? answer.headers.get('Location') === '/sign-in' : answer.status === 401;
        expect([method, path, asksWho]).toEqual([method, path, true]);
      }
    }
  });

  test('what is of a place that somebody does not see is not there for them: page and press', async () => {
    const before = await pages.facts();
    const [refused, taken]: string[][] = [[], []];
    const nothings = new Map<string, Promise<Page>>();
    const cell = async (who: string, visitor: Visitor, address: Address): Promise<void> => {
      const { method, pattern, path, about, verb } = address;
      const isSignal = 'signal' in about!;
      const may = isSignal ? await seesSignal(who, about) : await seesInsight(who, about!);
      const form = verb === undefined ? {} : fit[verb]!;
      const ask = (at: string, fields: Fields): Promise<Page> =>
        method === 'GET' ? open(who, at) : visitor.post(at, fields, ours);
      const name = `${who} ${method} ${path}`;
      if (!may) {
        const answer = await ask(path, form);
        const nowhere = pattern.replace(':id', nobodyHas).replace(':verb', verb ?? '');
        if (!nothings.has(`${who} ${nowhere}`)) nothings.set(`${who} ${nowhere}`, ask(nowhere, form));
        const nothing = await nothings.get(`${who} ${nowhere}`)!;
        expect([name, answer.status, nothing.status]).toEqual([name, 404, 404]);
        expect([name, alike(answer, isSignal ? about.signal.id : about!.id)]).toEqual([
          name,
          alike(nothing, nobodyHas),
        ]);
        refused!.push(name);
      } else if (verb === undefined) {
        expect([name, (await ask(path, form)).status]).toEqual([name, 200]);
        taken!.push(name);
      } else if (!isSignal && !(await decides(who, about!))) {
        // Seen, and not theirs to decide.
        expect([name, (await ask(path, form)).status]).toEqual([name, 403]);
        refused!.push(name);
      } else if (verb !== 'acknowledgement' && verb !== 'vouching' && verb !== 'withdrawal') {
        // Let through as far as its form, which is empty: nothing is changed for the next.
        expect([name, (await ask(path, {})).status]).toEqual([name, 400]);
        taken!.push(name);
      }
    };
    for (const [route, rule] of under('colleague').filter(([, its]) => 'about' in its))
      for (const address of addressesOf(route, rule))
        await Promise.all([...visitors].map(([who, visitor]) => cell(who, visitor, address)));
    expect(Math.min(refused!.length, taken!.length)).toBeGreaterThan(120);
    expect(await pages.facts()).toBe(before);
  });

  test('nothing that somebody reads holds what is not theirs: no word, name, reference or id', async () => {
    const read = async (who: string): Promise<void> => {
      const foreign = await foreignTo(who);
      for (const [route, rule] of under('colleague')) {
        for (const { method, path, about } of addressesOf(route, rule)) {
          if (method === 'POST' && about) continue;
          const page = method === 'GET' ? await open(who, path) : await visitors.get(who)!.post(path, typed, ours);
          if (page.status === 404 && about) continue;
          expect([who, path, foreign.filter((one) => page.html.includes(one))]).toEqual([who, path, []]);
        }
      }
    };
    await Promise.all([...visitors.keys()].map(read));
  });

  test('lists and numbers count what somebody sees, and no more', async () => {
    for (const who of visitors.keys()) {
      const list = await open(who, '/insights');
      for (const insight of asked) {
        const shown = list.html.includes(`/insights/${insight.id}`);
        const holds = await pages.shop.db.pool.exists(sql.unsafe`
          select from ownerships where loop_id = ${insight.id} and ended_at is null and staff = ${who}`);
        expect([who, insight.reference, shown]).toEqual([
          who,
          insight.reference,
          insight.places.some((place) => sees(who, place)) || holds,
        ]);
      }
      const captured = await open(who, '/loop/captured?of=own');
      if (captured.status === 403) continue;
      const many = said.filter(({ signal }) => sees(who, signal.place)).length;
      expect([who, captured.text.includes(`: ${many} `)]).toEqual([who, true]);
      expect([who, (captured.html.match(/href="\/signals\//g) ?? []).length]).toEqual([who, many]);
    }
  });

  test('the numbers of the loop are for those who lead', async () => {
    for (const [route] of under('colleague').filter(([, its]) => 'leading' in its)) {
      const path = patternOf(route)[1].replace(':figure', 'captured');
      for (const who of visitors.keys())
        expect([who, path, (await open(who, path)).status]).toEqual([who, path, leaders.includes(who) ? 200 : 403]);
    }
  });

  test('nothing is captured into a place that somebody does not see', async () => {
    for (const [who, visitor] of visitors) {
      for (const place of Object.keys(pages.shop.db.company.places)) {
        const before = await pages.facts();
        const answer = await visitor.post('/capture', { words: 'Do you have it?', place, look: '' }, ours);
        expect([who, place, answer.status]).toEqual([who, place, sees(who, place) ? 303 : 400]);
        if (!sees(who, place)) expect([who, place, await pages.facts()]).toEqual([who, place, before]);
      }
    }
  });
});

describe('keys', () => {
  const made = async (name: string, may: readonly string[], places: string[] | null): Promise<string> => {
    const key = `key-${randomUUID()}`;
    await keepApiKey(pages.shop.db.pool, key, { name, scopes: may, places, by: 'ops' });
    return key;
  };
  const ask = async (key: string | undefined, route: string, id = nobodyHas, body: object = {}) => {
    const [method, pattern] = patternOf(route);
    const path = pattern.replace(':id', id);
    const answer = await app.request(path, {
      method,
      headers: {
        ...(key && { Authorization: `Bearer ${key}` }),
        'Content-Type': 'application/json',
        'Idempotency-Key': randomUUID(),
        'X-Request-Id': 'the-same',
      },
      ...(method === 'POST' && { body: JSON.stringify(body) }),
    });
    return { status: answer.status, text: (await answer.text()).replaceAll(id, nobodyHas) };
  };
  const ofPlace = (place: string): string[] => [
    ...said.filter(({ signal }) => signal.place === place).map(({ signal }) => signal.id),
    ...asked.filter(({ places }) => places.includes(place)).map(({ id }) => id),
  ];
  /** What must not stand in anything that a key of this place alone is answered; '' for one of none. */
  const foreignTo = (place: string): string[] => [
    ...said
      .filter(({ signal }) => signal.place !== place)
      .flatMap(({ mark, signal }) => [mark, signal.reference, signal.id]),
    ...asked.filter(({ places }) => !places.includes(place)).flatMap(({ id, reference }) => [id, reference]),
  ];
  const scopeOf = (rule: Rule): Scope => (rule as Extract<Rule, { for: 'key' }>).scope;

  test('nobody comes in without one, with one that was ended, or with one that never was', async () => {
    const ended = await made('ended', ['*'], null);
    await revokeApiKeys(pages.shop.db.pool, 'ended', 'ops');
    for (const [route] of under('key'))
      for (const key of [undefined, 'never-was-a-key', ended])
        expect([route, key, (await ask(key, route)).status]).toEqual([route, key, 401]);
  });

  test('each opens what its scope says, and nothing else', async () => {
    const keys = await Promise.all(scopes.map(async (scope) => [scope, await made(scope, [scope], null)] as const));
    for (const [route, rule] of under('key')) {
      for (const [scope, key] of keys) {
        const { status } = await ask(key, route);
        expect([route, scope, status === 403]).toEqual([route, scope, scope !== scopeOf(rule)]);
        if (scope === scopeOf(rule)) expect([route, status === 401]).toEqual([route, false]);
      }
    }
  });

  test.each([
    ['given one place', 'till', ['station'], 'station'],
    ['named after somebody of one place', 'luca', null, 'station'],
    ['named after somebody and given a place that is not theirs', 'luca', ['harbour'], ''],
    ['given a place that is gone', 'old', ['attic'], ''],
  ])('one that is %s knows of no other', async (_, name, places, place) => {
    const key = await made(name, ['*'], places);
    const [mine, foreign] = [ofPlace(place), foreignTo(place)];
    const read: string[] = [];
    const reads = async (route: string, body: object, id?: string) => {
      const answer = await ask(key, route, id, body);
      expect([route, id, foreign.filter((one) => answer.text.includes(one))]).toEqual([route, id, []]);
      read.push(answer.text);
      return answer;
    };
    const tellsNumbers = name !== 'luca';
    const refuses: Record<string, boolean> = {
      'GET /v1/reports/loop': !tellsNumbers,
      'POST /v1/signals': place === '',
    };
    for (const [route, rule] of under('key')) {
      const { about } = rule as Extract<Rule, { for: 'key' }>;
      const body = { by: 'ingrid', ...fitBody[route.split('/').at(-1)!] };
      const nothing = await reads(route, body);
      expect([route, nothing.status < 300]).toEqual([route, !about && !refuses[route]]);
      if (!about) continue;
      expect([route, nothing.status]).toEqual([route, 404]);
      // As far as its body, which is nobody’s: nothing is changed for the next.
      const letIn = route.startsWith('GET') ? 200 : 400;
      for (const id of about === 'signal' ? said.map(({ signal }) => signal.id) : asked.map((insight) => insight.id)) {
        const isMine = mine.includes(id);
        const answer = await reads(route, isMine ? { by: 'nobody' } : body, id);
        expect([route, id, answer.status]).toEqual([route, id, isMine ? letIn : 404]);
        if (!isMine) expect([route, answer.text]).toEqual([route, nothing.text]);
      }
    }
    expect(mine.filter((id) => !read.some((text) => text.includes(id)))).toEqual([]);
    if (!tellsNumbers) return;
    const report = JSON.parse((await ask(key, 'GET /v1/reports/loop')).text) as {
      own: { funnel: { count: number }[] };
    };
    const captured = await pages.shop.db.pool.oneFirst(
      sql.type(
        z.object({ n: z.number() }),
      )`select count(*)::integer as n from loops where kind = 'signal' and place = ${place}`,
    );
    expect(report.own.funnel[0]!.count).toBe(captured);
  });

  test('captures only into its places, and in the name only of somebody who works there', async () => {
    const till = await made('till', ['capture'], ['station']);
    const capture = (body: object) => ask(till, 'POST /v1/signals', undefined, { words: 'Hello?', ...body });
    const before = await pages.facts();
    for (const body of [{ place: 'harbour' }, { place: 'moon' }, { place: 'station', by: 'mina' }]) {
      const { status, text } = await capture(body);
      expect([body, status]).toEqual([body, 400]);
      const { detail } = JSON.parse(text) as { detail: string };
      expect(detail).toMatch(/Places are: station\.$|^Mina Okafor does not work at Station\.$/);
    }
    expect(await pages.facts()).toBe(before);
    expect((await capture({ place: 'station', by: 'luca' })).status).toBe(202);
  });

  test('one that is named after somebody tells the numbers of the loop where they lead, as their page does', async () => {
    const refused = async (): Promise<number> =>
      (await refusalsSince(pages.shop.db.pool, 1)).filter(({ door, why }) => door === 'api' && why === 'does_not_lead')
        .length;
    const before = await refused();
    for (const who of visitors.keys()) {
      const { status } = await ask(await made(who, ['read'], null), 'GET /v1/reports/loop');
      expect([who, status]).toEqual([who, leaders.includes(who) ? 200 : 403]);
    }
    expect(await refused()).toBe(before + 2);
  });

  test('one that is named after somebody answers for nobody else', async () => {
    const key = await made('luca', ['respond'], null);
    const shirt = said.find(({ mark }) => mark === 'quokka3station')!.signal.id;
    expect((await ask(key, 'POST /v1/signals/:id/acknowledgement', shirt, { by: 'femke' })).status).toBe(403);
  });
});

describe('links', () => {
  const kindsOf = (rule: Rule): readonly NewLink['kind'][] => {
    const { kind } = rule as Extract<Rule, { for: 'link' }>;
    return kind === 'any' ? linkKinds : [kind];
  };
  const facets = async (kind: NewLink['kind']): Promise<Omit<NewLink, 'kind'>> => {
    const { signal } = said[0]!;
    const staff = { sign_in: 'mina', task: signal.owner }[kind as string];
    return staff
      ? { staff, ...(kind === 'task' && { loopId: signal.id, round: 1, wait: 'acknowledged' }) }
      : { customerId: signal.customer_id!, ...(kind !== 'unsubscribe' && { loopId: signal.id }) };
  };
  const open = async (route: string, token: string) => {
    const [method, pattern] = patternOf(route);
    const path = pattern.replace(':token', token).replace(':verb', 'handover');
    const body = pattern.includes(':token') ? {} : { body: new URLSearchParams({ link: token }) };
    const answer = await app.request(path, { method, headers: ours, ...body });
    return { status: answer.status, text: (await answer.text()).replaceAll(token, '') };
  };
  const refused = (why: string): Promise<number> =>
    pages.shop.db.pool.oneFirst(sql.type(z.object({ n: z.number() }))`
      select coalesce(sum(times), 0)::integer as n from refusals where door in ('link', 'sign_in') and why = ${why}`);

  test('a good one opens its own page, and one of another kind is as little there as one that never was', async () => {
    for (const [route, rule] of under('link')) {
      const never = await open(route, 'AAAAAAAAAAAAAAAAAAAAAA');
      expect([route, never.status]).toEqual([route, 404]);
      for (const kind of linkKinds) {
        const token = await makeLink(pages.shop.db.pool, { kind, ...(await facets(kind)) });
        if (kindsOf(rule).includes(kind)) {
          if (route.startsWith('GET') || route === 'POST /t/open')
            expect([route, kind, (await open(route, token)).status]).toEqual([route, kind, 200]);
        } else expect([route, kind, await open(route, token)]).toEqual([route, kind, never]);
      }
    }
  });

  test('one that has ended says so and does nothing, and that somebody tried is written down', async () => {
    for (const [route, rule] of under('link')) {
      const [kind] = kindsOf(rule) as [NewLink['kind']];
      const past = await makeLink(pages.shop.db.pool, { kind, ...(await facets(kind)), expiresAt: new Date(0) });
      const revoked = await makeLink(pages.shop.db.pool, { kind, ...(await facets(kind)) });
      await pages.shop.db.pool.query(sql.unsafe`
        update links set revoked_at = heed_now() where token_hash = sha256(convert_to(${revoked}, 'UTF8'))`);
      const [facts, ended, void_] = [await pages.facts(), await refused('ended'), await refused('revoked')];
      expect([route, (await open(route, past)).status, (await open(route, revoked)).status]).toEqual([route, 410, 410]);
      expect([route, await pages.facts()]).toEqual([route, facts]);
      expect([route, await refused('ended'), await refused('revoked')]).toEqual([route, ended + 1, void_ + 1]);
    }
  });
});

describe('a place that has left the company file', () => {
  test('is still there for whoever sees everything or was given it by name, in lists and numbers too, and in no list for anybody else', async () => {
    const { db } = pages.shop;
    const scarf = said.find(({ signal }) => signal.place === 'harbour')!.signal;
    const key = async (places: string[] | null, name = `of ${places?.join() ?? 'all places'}`): Promise<string> => {
      const token = `key-${randomUUID()}`;
      await keepApiKey(db.pool, token, { name, scopes: ['read'], places, by: 'ops' });
      return token;
    };
    const reading = [await key(null), await key(['station', 'harbour']), await key(null, 'aisha')];
    const others = [await key(['station']), await key(['harbour'], 'luca')];
    await db.apply((company) => {
      delete company.places['harbour'];
    });

    const lists = async (who: string) => [
      (await visitors.get(who)!.get('/insights')).html.includes(`/insights/${scarf.insight_id}`),
      (await visitors.get(who)!.get('/loop/captured?of=own')).html.includes(`/signals/${scarf.id}`),
    ];
    for (const who of ['tomas', 'ingrid']) expect([who, await lists(who)]).toEqual([who, [true, true]]);
    expect(await lists('femke')).toEqual([false, false]);
    // He ran it, which is over; he works there by the file all the same.
    expect(await lists('omar')).toEqual([true, false]);

    const read = async (token: string, path: string) => {
      const answer = await app.request(path, { headers: { Authorization: `Bearer ${token}` } });
      return { status: answer.status, holds: (await answer.text()).includes(scarf.id) };
    };
    const paths = ['/v1/signals', `/v1/signals/${scarf.id}`, `/v1/insights/${scarf.insight_id}`];
    const readWith = (token: string) => Promise.all(paths.map((path) => read(token, path)));
    for (const token of reading) expect(await readWith(token)).toEqual(paths.map(() => ({ status: 200, holds: true })));
    for (const token of others) {
      const [list, ...each] = await readWith(token);
      expect(list).toEqual({ status: 200, holds: false });
      expect(each.map(({ status }) => status)).toEqual([404, 404]);
    }
  });
});
