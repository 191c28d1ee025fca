/** What happened at the doors, to people's rights and by operators' hands is carried to another machine, and what that has tells whether anybody
 *  altered the facts here since. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { audit } from '../../../src/audit/audit.ts';
import { newId } from '../../../src/domain/ids.ts';
import { openCollector } from '../../../src/integrations/otlp.ts';
import { openLog } from '../../../src/log.ts';
import { openPool, sql, type Pool } from '../../../src/store/pool.ts';
import { keepApiKey, newApiKey, revokeApiKeys } from '../../../src/store/records/apiKeys.ts';
import { freeBindings, isKnownBy } from '../../../src/store/records/bindings.ts';
import { chainFacts } from '../../../src/store/records/chain.ts';
import { putBack } from '../../../src/store/records/epochs.ts';
import { recordRefusal } from '../../../src/store/records/refusals.ts';
import { eventsToCarry, leaseCollector, longestUncarried } from '../../../src/store/records/securityEvents.ts';
import { orderSending } from '../../../src/store/records/sendingOrders.ts';
import {
  endSession,
  openSession,
  personOfSession,
  revokeSessions,
  sessionSeen,
} from '../../../src/store/records/sessions.ts';
import { capture } from '../../../src/triggers/capture.ts';
import { carrySecurityEvents } from '../../../src/triggers/relay/securityEvents.ts';
import { repair } from '../../../src/triggers/responses/repair.ts';
import { access } from '../../../src/triggers/rights/access.ts';
import { erase } from '../../../src/triggers/rights/erase.ts';
import { object } from '../../../src/triggers/rights/object.ts';
import { rectify } from '../../../src/triggers/rights/rectify.ts';
import { lift, restrict } from '../../../src/triggers/rights/restrict.ts';
import { customerIn, subjectNamed } from '../../../src/triggers/rights/subject.ts';
import { canaries } from '../../replay/canaries.ts';
import { startCollector, type Taken, type TestCollector } from '../../support/collector.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';

const headers = { authorization: 'Bearer of events' };
let db: TestDatabase;
let it: TestCollector;
const running: (() => Promise<void>)[] = [];
beforeAll(async () => {
  db = await openTestDatabase();
});
beforeEach(async () => {
  it = await startCollector();
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((stop) => stop()));
  await it.stop();
  expect(it.wrong).toEqual([]);
});
afterAll(() => db.close());

/** The part of a relay that carries them, in a hurry. What it would have waited for is noted in `rests`, what it said in `said`. */
function relay(pool: Pool = db.pool) {
  const [rests, said]: [number[], string[]] = [[], []];
  let stopping = false;
  const ended = carrySecurityEvents(
    {
      pool,
      collector: openCollector({ url: `${it.url}/v1/logs`, headers }),
      log: openLog('warn', { write: (line) => void said.push(line) }),
    },
    () => stopping,
    async (ms) => {
      rests.push(ms);
      await sleep(Math.min(ms, 10));
    },
  );
  const stop = async (): Promise<void> => {
    stopping = true;
    await ended;
  };
  running.push(stop);
  return { rests, said, stop };
}

const until = async (holds: () => Promise<boolean> | boolean): Promise<void> => {
  while (!(await holds())) await sleep(10);
};
const notCarried = async (): Promise<number> => {
  const links = await db.pool.oneFirst(sql.type(z.object({ links: z.number() }))`select links from collectors`);
  return (await eventsToCarry(db.pool, { fence: 0, links })).events.length;
};
const chainAll = async (pool = db.pool): Promise<void> => {
  while ((await chainFacts(pool, 500)) > 0);
};
/** Everything that waits, until nothing does. Returns what came. */
async function carried(): Promise<Taken[]> {
  await chainAll();
  const before = it.taken.length;
  const one = relay();
  await until(async () => (await notCarried()) === 0);
  await one.stop();
  return it.taken.slice(before);
}
const named = (taken: readonly Taken[], ...names: string[]): Taken[] =>
  taken.filter(({ name }) => names.includes(name));
const beside = (known: string, attributes: Taken['attributes']): Taken['attributes'] =>
  Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== known));
/** So that what happens within a moment is of one minute. */
const beginMinute = () =>
  db.pool.query(sql.unsafe`
    update test_clock set ahead = ahead + (date_trunc('minute', heed_now()) + interval '1 minute' - heed_now())`);
const turnedAway = (times = 1) =>
  Promise.all(Array.from({ length: times }, () => recordRefusal(db.pool, { door: 'link', why: 'unknown' })));

describe('a collector is told', () => {
  const birds = canaries();
  const operator = { by: 'otto', reason: birds.in('a reason', 'because') };
  const press = () => ({ source: 'test', key: newId() });
  const ids: Record<string, string> = {};
  let taken: Taken[];
  let bodies: string[];
  let heads: TestCollector['heads'];
  let yaml: string;

  beforeAll(async () => {
    const { pool, heed } = db;
    for (const { name, email } of Object.values(db.company.staff)) {
      birds.watch('a colleague’s name', name);
      birds.watch('a colleague’s address', email);
    }
    // What stood there before.
    it = await startCollector();
    await carried();
    await it.stop();

    // Whoever is signed in then is so no more.
    await pool.transaction((tx) => putBack(tx, operator));
    const [out, revoked, stays] = [
      await openSession(pool, 'priya'),
      await openSession(pool, 'mina', 'provider'),
      await openSession(pool, 'luca', 'provider'),
    ];
    for (const [name, token] of Object.entries({ out, revoked, stays })) {
      birds.watch('a token', token);
      ids[name] = (await personOfSession(pool, token))!.session;
    }
    await endSession(pool, out);
    await pool.transaction((tx) => revokeSessions(tx, 'mina', { by: 'ops' }));

    for (const [name, scopes, places] of [
      [birds.inWord('a name of a key', 'till'), ['capture'], ['high-street']],
      ['luca', ['read', 'respond'], null],
    ] as const) {
      const key = newApiKey();
      birds.watch('a key', key);
      await keepApiKey(pool, key, { name, scopes, places, by: 'ops' });
      ids[name === 'luca' ? 'named' : 'till'] = String(
        await pool.oneFirst(sql.unsafe`select id from api_keys where name = ${name}`),
      );
    }
    await revokeApiKeys(pool, ids['till']!, 'ops');
    await beginMinute();
    await turnedAway(3);
    await recordRefusal(pool, { door: 'api', why: 'revoked', whose: ids['till'] });

    const subject = birds.inWord('an account', 'account');
    const { email } = db.company.staff['priya']!;
    await isKnownBy(pool, { code: 'priya', email }, { issuer: 'https://login.example.com', subject });
    ids['binding'] = String(await pool.oneFirst(sql.unsafe`select id from bindings where staff = 'priya'`));
    await pool.transaction((tx) => freeBindings(tx, 'priya', operator));

    const said = await capture(
      heed,
      {
        words: birds.in('words', 'Do you have this in green?'),
        note: birds.in('a note', 'asked twice'),
        place: 'high-street',
        by: 'mina',
        customer: {
          name: birds.in('a name', 'Kim'),
          email: birds.email('an address'),
          phone: birds.phone('a number'),
          loyalty: birds.inWord('a loyalty number', 'L'),
        },
      },
      { channel: 'web', press: press() },
    );
    ids['signal'] = said.id;
    const customer = customerIn(await subjectNamed(pool, said.id));
    ids['customer'] = customer;
    await access(heed, customer, operator);
    await rectify(heed, customer, { name: birds.in('another name', 'Kit') }, operator);
    await object(heed, customer, operator);
    await restrict(heed, customer, operator);
    await lift(heed, customer, operator);
    await repair(heed, { loopId: said.id, by: 'otto' }, { action: 'wake', reason: operator.reason });
    await erase(heed, await subjectNamed(pool, said.id), operator);
    for (const stops of [true, false])
      await pool.transaction((tx) => orderSending(tx, { audience: 'staff', stops, ...operator }));
    await db.apply((company) => {
      company.staff['mina']!.name = birds.in('a name in the company file', 'Mina');
    });
    yaml = String(await pool.oneFirst(sql.unsafe`select yaml from configurations order by version desc limit 1`));
    await db.passTime('13 hours');
    it = await startCollector();
    taken = await carried();
    ({ bodies, heads } = it);
    expect(it.wrong).toEqual([]);
    await it.stop();
  });

  test('how sessions began and ended, by the codes of colleagues', () => {
    const of = (session: string) =>
      named(taken, 'heed.session.begun', 'heed.session.ended')
        .filter(({ attributes }) => attributes['heed.session.id'] === ids[session])
        .map(({ name, attributes }) => ({ name, ...beside('heed.session.id', attributes) }));
    const begun = (code: string, through: string) => ({
      name: 'heed.session.begun',
      'user.id': code,
      'heed.session.through': through,
    });
    const ended = (code: string, how: string) => ({
      name: 'heed.session.ended',
      'user.id': code,
      'heed.session.how': how,
    });
    expect(of('out')).toEqual([begun('priya', 'link'), ended('priya', 'revoked')]);
    expect(of('revoked')).toEqual([begun('mina', 'provider'), ended('mina', 'revoked')]);
    expect(of('stays')).toEqual([begun('luca', 'provider'), ended('luca', 'expired')]);
  });

  test('which keys were made and revoked', () => {
    expect(
      named(taken, 'heed.api_key.made', 'heed.api_key.revoked').map(({ name, attributes }) => ({
        name,
        ...attributes,
      })),
    ).toEqual([
      {
        name: 'heed.api_key.made',
        'heed.api_key.id': ids['till'],
        'heed.api_key.scopes': ['capture'],
        'heed.api_key.places': ['high-street'],
        'heed.by': 'ops',
        'heed.chain.seq': expect.any(Number),
      },
      {
        name: 'heed.api_key.made',
        'heed.api_key.id': ids['named'],
        'heed.api_key.scopes': ['read', 'respond'],
        'user.id': 'luca',
        'heed.by': 'ops',
        'heed.chain.seq': expect.any(Number),
      },
      {
        name: 'heed.api_key.revoked',
        'heed.api_key.id': ids['till'],
        'heed.by': 'ops',
        'heed.chain.seq': expect.any(Number),
      },
    ]);
  });

  test('who was turned away, how often in each minute, as a warning', () => {
    const refusals = named(taken, 'heed.refusals');
    expect(refusals.map(({ attributes }) => attributes)).toEqual([
      {
        'heed.refusal.door': 'api',
        'heed.refusal.why': 'revoked',
        'heed.refusal.whose': ids['till'],
        'heed.refusal.times': 1,
      },
      { 'heed.refusal.door': 'link', 'heed.refusal.why': 'unknown', 'heed.refusal.times': 3 },
    ]);
    for (const { severity, at } of refusals) expect([severity, at.getTime() % 60_000]).toEqual([13, 0]);
  });

  test('which account somebody is known by, and that they are no more', () => {
    expect(named(taken, 'heed.binding.made', 'heed.binding.freed').map(({ attributes }) => attributes)).toEqual([
      {
        'heed.binding.id': ids['binding'],
        'user.id': 'priya',
        'heed.binding.issuer': 'https://login.example.com',
        'heed.chain.seq': expect.any(Number),
      },
      {
        'heed.binding.id': ids['binding'],
        'user.id': 'priya',
        'heed.by': 'otto',
        'heed.chain.seq': expect.any(Number),
      },
    ]);
  });

  test('which rights of whom were used', () => {
    const rights = named(taken, 'heed.right.exercised').map(({ attributes }) => attributes);
    expect(rights.map((right) => right['heed.right'])).toEqual([
      'access',
      'rectification',
      'objection',
      'restriction',
      'lifting',
      'erasure',
    ]);
    for (const right of rights) expect(right).toMatchObject({ 'heed.customer.id': ids['customer'], 'heed.by': 'otto' });
    expect(rights.at(-1)).toMatchObject({ 'heed.erasure.cause': 'asked' });
  });

  test('what operators did: repairs, sessions ended, sending stopped and let go on, a database put back, another company file', () => {
    const did = (name: string) => named(taken, name).map(({ attributes }) => beside('heed.chain.seq', attributes));
    expect(did('heed.repair.made')).toEqual([
      { 'heed.repair.action': 'wake', 'heed.loop.id': ids['signal'], 'heed.by': 'otto' },
    ]);
    expect(did('heed.sending.ordered')).toEqual(
      [true, false].map((stops) => ({
        'heed.sending.audience': 'staff',
        'heed.sending.stops': stops,
        'heed.by': 'otto',
      })),
    );
    expect(did('heed.door.act')).toEqual([{ 'heed.door.act': 'signed_out', 'user.id': 'mina', 'heed.by': 'ops' }]);
    expect(did('heed.database.restored')).toEqual([{ 'heed.epoch': 2, 'heed.by': 'otto' }]);
    expect(did('heed.company.applied')).toEqual([
      {
        'heed.company.version': 2,
        'heed.company.sha256': createHash('sha256').update(yaml).digest('hex'),
        'heed.by': 'test',
      },
    ]);
  });

  test('the head of the chain, as it stands', async () => {
    const head = await db.pool.one(sql.type(z.object({ seq: z.number(), hash: z.string() }))`
      select seq, encode(hash, 'hex') as hash from chain order by seq desc limit 1`);
    expect(named(taken, 'heed.chain.head').map(({ attributes }) => attributes)).toEqual([
      { 'heed.chain.seq': head.seq, 'heed.chain.hash': head.hash },
    ]);
  });

  test('each with a sentence and an id of its own, the oldest first, where it takes logs and with what it asks for', () => {
    for (const { body } of taken) expect(body).toMatch(/^[A-Z].*\.$/);
    expect(new Set(taken.map(({ uid }) => uid)).size).toBe(taken.length);
    const times = taken.map(({ at }) => at.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    for (const head of heads)
      expect(head).toEqual({ path: '/v1/logs', type: 'application/json', authorization: 'Bearer of events' });
  });

  test('nothing that people said, wrote or are called, and nothing that opens a door', () => {
    expect(birds.marked()).toEqual(expect.arrayContaining(['words', 'a name', 'an address', 'a number', 'a reason']));
    expect(bodies.join('\n')).toContain(ids['customer']);
    expect(bodies.flatMap(birds.found)).toEqual([]);
  });
});

describe('nothing is lost', () => {
  test('while the collector is away for a day: it stays, is said to wait, and is carried in order', async () => {
    await carried();
    it.answers({ status: 503 });
    await Promise.all(['mina', 'priya'].map((code) => openSession(db.pool, code)));
    const one = relay();
    await db.passTime('1 day');
    await openSession(db.pool, 'luca');
    await until(() => one.said.length >= 8);
    expect(await longestUncarried(db.pool)).toBeGreaterThan(86_000);
    const complaints = one.said.map((line) => JSON.parse(line) as { level: number; code: string; msg: string });
    expect(complaints[0]).toMatchObject({ code: 'http_503', msg: expect.stringContaining('see whether it runs') });
    expect([complaints[0]!.level, complaints[6]!.level]).toEqual([40, 50]);
    // Tried less and less often.
    expect(one.rests[6]).toBeGreaterThan(one.rests[0]! * 4);

    const before = it.taken.length;
    it.answers(undefined);
    await until(async () => (await notCarried()) === 0);
    const sessions = named(it.taken.slice(before), 'heed.session.begun');
    expect(sessions.map(({ attributes }) => String(attributes['user.id'])).toSorted()).toEqual([
      'luca',
      'mina',
      'priya',
    ]);
    expect(sessions.at(-1)!.attributes['user.id']).toBe('luca');
    expect(await longestUncarried(db.pool)).toBe(0);
  });

  test('of a backlog that is too much for one request', async () => {
    await carried();
    await db.pool.query(sql.unsafe`
      insert into refusals (minute, door, whose, why, times)
      select date_trunc('minute', heed_now()) - make_interval(mins => n), 'page', '', 'too_much', n from generate_series(2, 1201) n`);
    const taken = named(await carried(), 'heed.refusals');
    expect(taken).toHaveLength(1200);
    expect(new Set(taken.map(({ attributes }) => attributes['heed.refusal.times'])).size).toBe(1200);
    expect(taken[0]!.attributes['heed.refusal.times']).toBe(1201);
    expect(Math.max(...it.sizes)).toBeLessThan(1200);
  });

  test('by a relay that is killed when the collector has them, and it does not know: they come again, and are known to', async () => {
    await carried();
    const before = it.taken.length;
    await openSession(db.pool, 'priya');
    await turnedAway();
    await db.passTime('2 minutes');
    const src = fileURLToPath(new URL('../../../src/', import.meta.url));
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '--eval',
        `const [{ openPool }, { openCollector }, { carrySecurityEvents }, { openLog }] = await Promise.all(
           ['store/pool.ts', 'integrations/otlp.ts', 'triggers/relay/securityEvents.ts', 'log.ts'].map((file) => import(${JSON.stringify(src)} + file)));
         const pool = await openPool(${JSON.stringify(db.url)}, { connections: 1 });
         const collector = openCollector({ url: ${JSON.stringify(`${it.url}/v1/logs`)}, headers: {} });
         await carrySecurityEvents({ pool, collector, log: openLog('warn') }, () => false, (ms) => new Promise((done) => setTimeout(done, ms)));`,
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const killed = once(child, 'exit');
    it.answers({
      first: async () => {
        child.kill('SIGKILL');
        await killed;
      },
    });
    const [, signal] = (await killed) as [number | null, string | null];
    expect(signal).toBe('SIGKILL');
    it.answers(undefined);
    const first = it.taken.slice(before);
    expect(named(first, 'heed.session.begun', 'heed.refusals')).toHaveLength(2);

    // Whoever follows waits until its half a minute is over.
    const next = relay();
    await until(() => next.rests.length > 3);
    expect(it.taken).toHaveLength(before + first.length);
    await db.pool.query(sql.unsafe`update collectors set leased_until = clock_timestamp() - interval '1 second'`);
    await until(async () => (await notCarried()) === 0);
    const again = new Set(it.taken.slice(before + first.length).map(({ uid }) => uid));
    for (const { name, uid } of first) if (name !== 'heed.chain.head') expect(again).toContain(uid);
  });

  test('where the line breaks before the collector has said that it took them', async () => {
    await carried();
    const before = it.taken.length;
    await openSession(db.pool, 'priya');
    it.answers({ hangsUp: true });
    const one = relay();
    await until(() => one.said.length > 0);
    it.answers(undefined);
    await until(async () => (await notCarried()) === 0);
    const begun = named(it.taken.slice(before), 'heed.session.begun');
    expect(begun.length).toBeGreaterThan(1);
    expect(new Set(begun.map(({ uid }) => uid)).size).toBe(1);
  });

  test('of what is committed late: a sign-in, and a refusal in a minute that was carried', async () => {
    await carried();
    const opened = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const late = db.pool.transaction(async (tx) => {
      await openSession(tx, 'femke');
      opened.resolve();
      await go.promise;
    });
    await opened.promise;
    await openSession(db.pool, 'priya');
    await beginMinute();
    await turnedAway(2);
    await db.passTime('2 minutes');
    expect(named(await carried(), 'heed.session.begun').map(({ attributes }) => attributes['user.id'])).toEqual([
      'priya',
    ]);
    go.resolve();
    await late;
    await db.pool.query(sql.unsafe`
      update refusals set times = times + 5 where minute = (select max(minute) from refusals) and why = 'unknown'`);
    const then = await carried();
    expect(named(then, 'heed.session.begun').map(({ attributes }) => attributes['user.id'])).toEqual(['femke']);
    expect(named(then, 'heed.refusals').map(({ attributes }) => attributes['heed.refusal.times'])).toEqual([7]);
  });

  test('nor sent twice by two relays that are there at once', async () => {
    await carried();
    const before = it.taken.length;
    const pools = [await openPool(db.url, { connections: 2 }), await openPool(db.url, { connections: 2 })];
    it.answers({ first: () => sleep(50) });
    const both = pools.map((pool) => relay(pool));
    for (let n = 0; n < 30; n += 1) {
      await openSession(db.pool, 'priya');
      await sleep(10);
    }
    await until(async () => (await notCarried()) === 0);
    await Promise.all(both.map(({ stop }) => stop()));
    await Promise.all(pools.map((pool) => pool.end()));
    const uids = named(it.taken.slice(before), 'heed.session.begun').map(({ uid }) => uid);
    expect(uids).toHaveLength(30);
    expect(new Set(uids).size).toBe(30);
  });
});

describe('a collector', () => {
  test.each([
    [401, 'correct OTEL_EXPORTER_OTLP_HEADERS'],
    [404, 'let OTEL_EXPORTER_OTLP_LOGS_ENDPOINT name where it takes logs'],
    [307, 'let OTEL_EXPORTER_OTLP_LOGS_ENDPOINT name where it takes logs'],
    [500, 'see whether it runs'],
  ])('that answers %i is told of in a sentence, and what it was sent waits', async (status, sentence) => {
    await openSession(db.pool, 'priya');
    it.answers({ status, headers: { Location: `${it.url}/elsewhere` } });
    const one = relay();
    await until(() => one.said.length > 0);
    expect(JSON.parse(one.said[0]!)).toMatchObject({ code: `http_${status}`, msg: expect.stringContaining(sentence) });
    expect(it.heads.map(({ path }) => path)).not.toContain('/elsewhere');
    expect(await notCarried()).toBeGreaterThan(0);
  });

  test('where nobody answers is told of, too, and asked less often', async () => {
    await openSession(db.pool, 'priya');
    await it.stop();
    const one = relay();
    await until(() => one.said.length > 1);
    expect(JSON.parse(one.said[0]!)).toMatchObject({
      code: 'ECONNREFUSED',
      msg: expect.stringContaining('see whether it runs'),
    });
  });

  test('that asks to be left alone for a while is', async () => {
    await openSession(db.pool, 'priya');
    it.answers({ status: 429, headers: { 'Retry-After': '90' } });
    const one = relay();
    await until(() => one.rests.length > 0);
    expect(one.rests[0]).toBe(90_000);
  });

  test('that rejects some of them for good has that written down, and is not sent them again', async () => {
    await openSession(db.pool, 'priya');
    it.answers({ body: { partialSuccess: { rejectedLogRecords: '2', errorMessage: 'too old' } } });
    const one = relay();
    await until(async () => (await notCarried()) === 0);
    expect(one.said.map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 50, rejected: 2, msg: expect.stringContaining('rejected some') }),
    ]);
  });

  test('that nobody has set is not waited for', async () => {
    expect(await longestUncarried(db.pool)).not.toBeNull();
    await carrySecurityEvents({ pool: db.pool, log: openLog('silent') }, () => false, sleep);
    expect(await longestUncarried(db.pool)).toBeNull();
    await openSession(db.pool, 'priya');
    await carried();
    expect(await longestUncarried(db.pool)).toBe(0);
  });

  test('has a head of the chain of each minute in which something was chained, and of each day', async () => {
    const fact = () =>
      db.pool.query(sql.unsafe`
        insert into suppressions (id, address_hash, channel, cause)
        values (${newId()}, ${sql.binary(Buffer.from(newId()))}, 'email', 'bounced')`);
    await fact();
    await db.passTime('2 minutes');
    await carried();
    const headsAfter = async (time: string): Promise<number> => {
      await db.passTime(time);
      return named(await carried(), 'heed.chain.head').length;
    };
    await fact();
    expect(await headsAfter('50 seconds')).toBe(0);
    expect(await headsAfter('11 seconds')).toBe(1);
    expect(await headsAfter('23 hours')).toBe(0);
    expect(await headsAfter('1 hour')).toBe(1);
  });
});

describe('a head of the chain that was told outside', () => {
  let own: TestDatabase;
  beforeEach(async () => {
    own = await openTestDatabase();
    for (let n = 0; n < 3; n += 1)
      await capture(
        own.heed,
        { words: `Remark ${n}`, place: 'high-street', by: 'mina' },
        { channel: 'web', press: { source: 'test', key: newId() } },
      );
    await chainAll(own.pool);
  });
  afterEach(() => own.close());

  const told = async () => {
    const lease = (await leaseCollector(own.pool))!;
    const { events } = await eventsToCarry(own.pool, lease);
    const { attributes } = events.find(({ name }) => name === 'heed.chain.head')!;
    return { seq: Number(attributes['heed.chain.seq']), hash: String(attributes['heed.chain.hash']) };
  };
  /** What is found of the chain by itself, and of the head. */
  const found = async (head: { seq: number; hash: string }): Promise<[string[], string[]]> => {
    const { findings } = await audit({ databaseUrl: own.url, since: new Date('2031-01-01'), heads: [head] });
    const said = (claim: RegExp) =>
      findings
        .filter((one) => claim.test(one.claim))
        .flatMap(({ violations }) => violations.map((one) => one.sentence));
    return [said(/chained exactly once/), said(/told outside/)];
  };
  /** As whoever has all power over the database covers their tracks: the chain is made anew from what stands there. */
  const makeAnew = async (): Promise<void> => {
    await own.rewrite(sql.unsafe`
      insert into unchained (fact, key) select fact, key from chain order by seq`);
    for (const table of ['salts', 'chain']) await own.rewrite(sql.unsafe`delete from ${sql.identifier([table])}`);
    await chainAll(own.pool);
  };

  test('is still in it, also when much was chained since', async () => {
    const head = await told();
    await own.apply(() => {});
    await chainAll(own.pool);
    expect(await found(head)).toEqual([[], []]);
  });

  test('shows that a fact was altered and the chain made anew, which the chain itself does not show', async () => {
    const head = await told();
    await own.rewrite(sql.unsafe`update signals set captured_by = 'luca' where captured_by = 'mina'`);
    await makeAnew();
    const [chain, outside] = await found(head);
    expect(chain).toEqual([]);
    expect(outside).toEqual([expect.stringMatching(/^Link \d+ is not the one that was told outside: .* altered/)]);
  });

  test('shows that its end was cut off', async () => {
    const head = await told();
    await own.rewrite(sql.unsafe`delete from salts where seq > 2`);
    await own.rewrite(sql.unsafe`delete from chain where seq > 2`);
    const [, outside] = await found(head);
    expect(outside).toEqual([expect.stringMatching(/^The chain ends with link 2, and link \d+ was told outside/)]);
  });
});

describe('until its time is over stays as it was recorded', () => {
  const refused = (statement: ReturnType<typeof sql.unsafe>) =>
    expect(db.pool.query(statement)).rejects.toThrow(/stays as it was recorded/);

  test('who was in: nothing opens again what has ended, and nobody is put in another’s place', async () => {
    const token = await openSession(db.pool, 'priya');
    const { session } = (await personOfSession(db.pool, token))!;
    await sessionSeen(db.pool, session);
    await endSession(db.pool, token);
    await refused(sql.unsafe`update sessions set revoked_at = null where id = ${session}`);
    await refused(sql.unsafe`update sessions set staff = 'mina' where id = ${session}`);
    await refused(sql.unsafe`update sessions set expires_at = 'infinity' where id = ${session}`);
    await refused(sql.unsafe`update sessions set through = 'provider', two_methods = true where id = ${session}`);
    await refused(sql.unsafe`update sessions set through = 'provider', acr = 'urn:two' where id = ${session}`);
    await refused(sql.unsafe`delete from sessions where id = ${session}`);
    await expect((await db.owner()).query(sql.unsafe`truncate sessions`)).rejects.toThrow(/stays as it was recorded/);
  });

  test('who was turned away, and how often at least', async () => {
    await turnedAway(2);
    await refused(sql.unsafe`update refusals set times = 1 where times > 1`);
    await refused(sql.unsafe`update refusals set whose = 'mina'`);
    await refused(sql.unsafe`delete from refusals`);
  });
});
