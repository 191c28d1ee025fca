import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { openLog } from '../../../src/log.ts';
import { reportTo } from '../../../src/start/web.ts';
import { openPool, sql } from '../../../src/store/pool.ts';
import { planDelivery } from '../../../src/store/records/deliveries.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { openApi, webOf, type Api } from './contract.ts';
import { capture } from '../../../src/triggers/capture.ts';
import { createApp } from '../../../src/triggers/http/app.ts';
import { erase } from '../../../src/triggers/rights/erase.ts';
import { lift, restrict } from '../../../src/triggers/rights/restrict.ts';
import { subjectNamed } from '../../../src/triggers/rights/subject.ts';

let db: TestDatabase;
let api: Api;
beforeAll(async () => {
  db = await openTestDatabase({ connections: 8 });
  api = await openApi(db);
});
afterAll(() => db.close());

const said = (words = 'Do you have this coat in green, size 42?') => ({ words, place: 'high-street', by: 'mina' });
const counted = async (): Promise<unknown> => db.pool.oneFirst(sql.unsafe`select count(*) from loops`);

describe('capturing through the API', () => {
  test('answers 202 with an id and a short reference, and the signal can be read', async () => {
    const { status, body } = await api.post('/v1/signals', {
      ...said(),
      saidAt: '2026-06-12T15:20:00+02:00',
      customer: { name: 'Kim Adler', email: 'kim@example.com' },
      wanted: { item: 'coat', attributes: { colour: 'green', size: '42' } },
      unmet: "Don't carry it",
      offered: { item: 'teal', taken: 'refused' },
      mood: 'let-down',
      note: 'She seemed in a hurry',
      consent: [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }],
    });
    expect(status).toBe(202);
    expect(Object.keys(body).sort()).toEqual(['id', 'reference']);
    const read = await api.get(`/v1/signals/${body.id}`);
    expect(read.body).toMatchObject({
      id: body.id,
      reference: body.reference,
      stage: 'captured',
      round: 1,
      owner: { code: 'priya', name: 'Priya Nair' },
      insight: null,
    });
    expect(read.body.timeline[0]).toMatchObject({
      kind: 'captured',
      sentence: expect.stringContaining('Captured by Mina Okafor'),
    });
    expect(read.body.timeline[0].sentence).toContain('Teal was offered and not wanted. May be written to by e-mail.');
  });

  test('says of a signal, read alone or in a list, that its customer lets it rest', async () => {
    const customer = { name: 'Api Rests', email: 'api@rests.example' };
    const { id } = (await api.post('/v1/signals', { ...said(), customer })).body;
    const { customer_id: whose } = await subjectNamed(db.pool, 'api@rests.example');
    const read = async () => [
      (await api.get(`/v1/signals/${id}`)).body.rests,
      (await api.get('/v1/signals')).body.data.find((each: { id: string }) => each.id === id).rests,
    ];
    expect(await read()).toEqual([false, false]);
    await restrict(db.heed, whose!, { by: 'operator' });
    expect(await read()).toEqual([true, true]);
    await lift(db.heed, whose!, { by: 'operator' });
    expect(await read()).toEqual([false, false]);
  });

  test('a client may bring its own id; one that is taken is refused', async () => {
    const id = randomUUID();
    expect((await api.post('/v1/signals', { ...said(), id })).body.id).toBe(id);
    expect((await api.post('/v1/signals', { ...said(), id })).body.code).toBe('conflict');
  });

  test('without an Idempotency-Key nothing is taken', async () => {
    const before = await counted();
    const { status, body } = await api.post('/v1/signals', said(), { 'Idempotency-Key': '' });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'validation', invalidParams: [{ name: 'Idempotency-Key' }] });
    expect(await counted()).toBe(before);
  });

  test('the same key and body is answered as the first time; with another body it is refused; after an erasure it is gone', async () => {
    const key = { 'Idempotency-Key': randomUUID() };
    const first = await api.post('/v1/signals', said(), key);
    expect(first.headers.get('Idempotency-Replayed')).toBeNull();
    const again = await api.post('/v1/signals', said(), key);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('Idempotency-Replayed')).toBe('true');
    const other = await api.post('/v1/signals', said('Something else'), key);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    const subject = await subjectNamed(db.pool, first.body.reference);
    await erase(db.heed, subject, { by: 'test', reason: 'asked for it' });
    expect(await api.post('/v1/signals', said(), key)).toMatchObject({ status: 410, body: { code: 'gone' } });
  });

  test('sixteen at once on one key are one signal, and all get its answer', async () => {
    const before = Number(await counted());
    const key = { 'Idempotency-Key': randomUUID() };
    const answers = await Promise.all(Array.from({ length: 16 }, () => api.post('/v1/signals', said('Once'), key)));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ headers }) => !headers.get('Idempotency-Replayed'))).toHaveLength(1);
    expect(await counted()).toBe(before + 1);
  });
});

describe('what cannot be taken is refused in sentences, and nothing is half-done', () => {
  const post = (body: unknown, headers?: Record<string, string>) => api.post('/v1/signals', body, headers);
  type Refusal = [
    what: string,
    act: () => Promise<{ status: number; body: { code: string; detail: string; invalidParams?: unknown } }>,
    status: number,
    code: string,
    invalidParams: unknown,
  ];
  const wanting = (many: number) => ({
    ...said(),
    wanted: { attributes: Object.fromEntries(Array.from({ length: many }, (_, n) => [`a${n}`, 'x'])) },
  });
  const refusals: Refusal[] = [
    ['broken JSON', () => post('{"words": "Hello", '), 400, 'bad_request', undefined],
    [
      'no JSON at all',
      () => post('words=Hello', { 'Content-Type': 'application/x-www-form-urlencoded' }),
      415,
      'bad_request',
      undefined,
    ],
    [
      'a body of another shape',
      () => post(['Hello']),
      400,
      'validation',
      [{ name: 'body', reason: 'must be an object' }],
    ],
    ['more than 64 KiB', () => post(said('x'.repeat(70_000))), 413, 'content_too_large', undefined],
    [
      'unknown fields',
      () => post({ ...said(), mod: 'fine', customer: { nick: 'K' } }),
      400,
      'validation',
      [
        { name: 'customer.nick', reason: 'is not a field we know' },
        { name: 'mod', reason: 'is not a field we know' },
      ],
    ],
    ['no words', () => post({ place: 'high-street' }), 400, 'validation', [{ name: 'words', reason: 'is needed' }]],
    [
      'blank words',
      () => post(said(' \n ')),
      400,
      'validation',
      [{ name: 'words', reason: 'must not be empty: what did they say?' }],
    ],
    [
      'an unknown place',
      () => post({ ...said(), place: 'moon' }),
      400,
      'validation',
      [{ name: 'place', reason: expect.stringContaining('high-street') }],
    ],
    [
      'an unknown colleague',
      () => post({ ...said(), by: 'zoe' }),
      400,
      'validation',
      [{ name: 'by', reason: expect.stringContaining('"zoe"') }],
    ],
    [
      'an impossible date',
      () => post({ ...said(), saidAt: '2026-02-30T10:00:00Z' }),
      400,
      'validation',
      [{ name: 'saidAt', reason: expect.stringContaining('must be a time like') }],
    ],
    [
      'a time to come',
      () => post({ ...said(), saidAt: '2999-01-01T10:00:00Z' }),
      400,
      'validation',
      [{ name: 'saidAt', reason: 'This time has not come yet.' }],
    ],
    [
      'an address that can’t be one',
      () => post({ ...said(), customer: { email: 'kim' } }),
      400,
      'validation',
      [{ name: 'customer.email', reason: expect.any(String) }],
    ],
    [
      'consent without an address',
      () => post({ ...said(), consent: [{ purpose: 'follow_up', channel: 'email', wording: '1' }] }),
      400,
      'validation',
      [{ name: 'consent', reason: expect.any(String) }],
    ],
    [
      'a mood nobody knows',
      () => post({ ...said(), mood: 'furious' }),
      400,
      'validation',
      [{ name: 'mood', reason: 'must be one of: annoyed, let-down, fine, pleased' }],
    ],
    [
      'the character NUL',
      () => post(said('a\u0000b')),
      400,
      'validation',
      [{ name: 'words', reason: 'must not contain the character NUL' }],
    ],
    [
      'half a character',
      () => post(`{"words":"\\ud83d","place":"high-street"}`),
      400,
      'validation',
      [{ name: 'words', reason: 'contains half of a character' }],
    ],
    [
      'names that mean something to JavaScript',
      () => post('{"words":"a","place":"high-street","__proto__":{"polluted":true}}'),
      400,
      'validation',
      [{ name: 'body', reason: 'must not have a field "__proto__"' }],
    ],
    [
      'more fields than anybody means',
      () => post(wanting(300)),
      400,
      'validation',
      [{ name: 'body', reason: 'has more than 200 fields' }],
    ],
    [
      'more properties than anybody names',
      () => post(wanting(21)),
      400,
      'validation',
      [{ name: 'wanted.attributes', reason: 'must be at most 20' }],
    ],
    ...['0000-01-01T00:00:00Z', '0001-01-01T00:00:00+01:00', '1969-12-31T23:59:59Z', '9999-12-31T23:00:00-02:00'].map(
      (saidAt): Refusal => [
        `the time ${saidAt}, as programs write that there is none`,
        () => post({ ...said(), saidAt }),
        400,
        'validation',
        [{ name: 'saidAt', reason: 'must be in one of the years from 1970 to 2999' }],
      ],
    ),
    [
      'a nesting without end',
      () => post(`{"words":${'['.repeat(500)}${']'.repeat(500)}}`),
      400,
      'validation',
      [{ name: expect.any(String), reason: 'is nested deeper than 10 levels' }],
    ],
  ];
  test.each(refusals)('%s', async (_, act, status, code, invalidParams) => {
    const before = await counted();
    const answer = await act();
    expect(answer).toMatchObject({
      status,
      body: { code, status, type: `urn:heed:problem:${code}`, instance: '/v1/signals' },
    });
    expect(answer.body.detail).toMatch(/^\S.*[.?!]$/s);
    if (invalidParams) expect(answer.body.invalidParams).toEqual(expect.arrayContaining(invalidParams as unknown[]));
    expect(await counted()).toBe(before);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('bytes that are not UTF-8', async () => {
    const answer = await api.post('/v1/signals', Uint8Array.of(0x22, 0xff, 0x22));
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 'bad_request', detail: 'The body is not UTF-8. Nothing was recorded.' },
    });
  });

  test('an id that is none, and the id of something else, name nothing', async () => {
    const { body } = await api.post('/v1/signals', said());
    for (const path of [
      '/v1/signals/42',
      `/v1/signals/${randomUUID()}`,
      `/v1/insights/${body.id}`,
      '/v1/insights/%00',
    ]) {
      expect(await api.get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    for (const path of [
      '/v1/signals/42/acknowledgement',
      `/v1/signals/${randomUUID()}/acknowledgement`,
      `/v1/insights/${body.id}/acknowledgement`,
    ]) {
      expect(await api.post(path, { by: 'priya' })).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });

  test('a method that is not possible says which is; an address that is nothing is 404', async () => {
    const response = await api.app.request('/v1/signals/acknowledge', { method: 'PUT' });
    expect(response.status).toBe(401);
    const health = await api.app.request('/health', { method: 'POST' });
    expect([health.status, health.headers.get('Allow'), ((await health.json()) as { code: string }).code]).toEqual([
      405,
      'GET, HEAD',
      'method_not_allowed',
    ]);
    expect(await api.get('/v1/nothing')).toMatchObject({ status: 404 });
  });
});

describe('keys', () => {
  test('no key, or one that is not ours, is asked who it is', async () => {
    for (const headers of [
      { Authorization: '' },
      { Authorization: 'Bearer nobody' },
      { Authorization: 'Basic bm9ib2R5Og==' },
    ]) {
      const answer = await api.get('/v1/signals', headers);
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
      expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer/);
    }
  });

  test('a key does what its scopes say and no more', async () => {
    const capturing = await openApi(db, ['capture']);
    const { body } = await capturing.post('/v1/signals', said());
    expect(body.reference).toMatch(/^HD-/);
    expect(await capturing.get('/v1/signals')).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('“read”') },
    });
    expect(await capturing.post(`/v1/signals/${body.id}/acknowledgement`, { by: 'priya' })).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('“respond”') },
    });
    const responding = await openApi(db, ['respond']);
    expect(await responding.post(`/v1/signals/${body.id}/acknowledgement`, { by: 'priya' })).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('“respond-for”') },
    });
    expect(await responding.post(`/v1/signals/${body.id}/acknowledgement`, {})).toMatchObject({
      status: 400,
      body: { invalidParams: [{ name: 'by' }] },
    });
    expect(await responding.post('/v1/signals', said())).toMatchObject({ status: 403 });
    // Nor does it speak as the customer.
    expect(await responding.post(`/v1/signals/${body.id}/confirmation`, { says: 'yes' })).toMatchObject({
      status: 400,
      body: { invalidParams: [{ name: 'by' }] },
    });
  });
});

describe('lists', () => {
  test('are read page by page, newest first, each signal once', async () => {
    for (let n = 0; n < 5; n++) await api.post('/v1/signals', said(`One of several, ${n}`));
    const total = Number(await db.pool.oneFirst(sql.unsafe`select count(*) from signals`));
    const seen: string[] = [];
    for (let path: string | undefined = '/v1/signals?limit=2'; path;) {
      const { body } = await api.get(path);
      expect(body.limit).toBe(2);
      seen.push(...body.data.map((signal: { id: string }) => signal.id));
      path = body.nextCursor ? `/v1/signals?limit=2&cursor=${body.nextCursor}` : undefined;
    }
    expect(seen).toHaveLength(total);
    expect(new Set(seen).size).toBe(total);
  });

  test('are of all there is, of what is open, or of what is not', async () => {
    const { body: closed } = await api.post('/v1/signals', said('I did not mean it.'));
    await api.post(`/v1/signals/${closed.id}/dismissal`, { by: 'mina', reason: 'It was said in jest.' });
    const { body: open } = await api.post('/v1/signals', said('I meant it.'));
    const listed = async (query: string): Promise<string[]> =>
      (await api.get(`/v1/signals${query}`)).body.data.map((signal: { id: string }) => signal.id);
    expect(await listed('?limit=2')).toEqual([open.id, closed.id]);
    expect(await listed('?open=true&limit=1')).toEqual([open.id]);
    expect(await listed('?open=false&limit=1')).toEqual([closed.id]);
    expect(await listed('?open=true&limit=1000')).not.toContain(closed.id);
    expect(await listed('?open=false&limit=1000')).not.toContain(open.id);
    expect((await api.get('/v1/insights?open=true')).body.data).toEqual([]);
  });

  test('a cursor of another list, an altered one and a wild limit are refused', async () => {
    const { body } = await api.get('/v1/signals?limit=1');
    const [list, , id] = JSON.parse(Buffer.from(body.nextCursor, 'base64url').toString()) as string[];
    const altered = (moment: string) => Buffer.from(JSON.stringify([list, moment, id])).toString('base64url');
    // The latest that can be said is a moment, too.
    expect((await api.get(`/v1/signals?cursor=${altered('9'.repeat(16))}`)).status).toBe(200);
    for (const query of [
      `/v1/insights?cursor=${body.nextCursor}`,
      '/v1/signals?cursor=abc',
      ...['9999-99-99 99:99:99+99', '2026-02-30 10:00:00+00', '-1', '1e3', '9'.repeat(17), 'now'].map(
        (moment) => `/v1/signals?cursor=${altered(moment)}`,
      ),
      '/v1/signals?limit=0',
      '/v1/signals?limit=1001',
      '/v1/signals?limit=x',
      '/v1/signals?open=yes',
      '/v1/signals?sort=up',
    ]) {
      expect(await api.get(query)).toMatchObject({ status: 400, body: { code: 'validation' } });
    }
  });
});

describe('every answer', () => {
  test('carries the headers that keep strangers out, errors included', async () => {
    for (const path of ['/health', '/v1/signals', '/nothing', '/docs']) {
      const { headers } = await api.app.request(path);
      expect(headers.get('Content-Security-Policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff');
      expect(headers.get('Referrer-Policy')).toBe('same-origin');
      expect(headers.get('X-Request-Id')).toMatch(/^[\w-]{36}$/);
    }
    const echoed = await api.app.request('/v1/signals', { headers: { 'X-Request-Id': 'till-4-99' } });
    expect(((await echoed.json()) as { requestId: string }).requestId).toBe('till-4-99');
  });

  test('is a page in sentences for people, and shows only a reference where it is our fault', async () => {
    const reported: unknown[] = [];
    const web = webOf(db);
    const broken = createApp(
      {
        ...web,
        heed: {
          ...web.heed,
          pool: new Proxy(web.heed.pool, {
            get: () => {
              throw new Error('secret detail');
            },
          }),
        },
      },
      { rateLimiting: false, report: (error) => reported.push(error) },
    );
    const response = await broken.request('/health/ready', { headers: { 'X-Request-Id': 'ref-1' } });
    const body = await response.text();
    expect(response.status).toBe(500);
    expect(body).toContain('ref-1');
    expect(body).not.toContain('secret');
    expect(reported).toHaveLength(1);
    const page = await api.app.request('/nothing', { headers: { Accept: 'text/html' } });
    expect(page.status).toBe(404);
    expect(await page.text()).toContain('There is nothing here under that address.');
  });

  test('where it is our fault is one line in the log, in which nothing stands that was sent but a reference of letters and digits', async () => {
    const lines: string[] = [];
    const web = webOf(db);
    const failing = () => Promise.reject(new Error('of ours'));
    const app = createApp(
      { ...web, heed: { ...web.heed, configuration: failing } },
      { rateLimiting: false, report: reportTo(openLog('warn', { write: (line) => void lines.push(line) })) },
    );
    const forged = '{"level":30,"msg":"forged"}';
    const form = { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' };
    const references = [`a"}\t${forged}`, 'a%0Aforged', 'a forged', `${'forged'.repeat(50)}`, 'till-4_99='];
    for (const reference of references) {
      const answer = await app.request(`/sign-in?forged=%0A${encodeURIComponent(forged)}`, {
        method: 'POST',
        headers: { ...form, 'X-Request-Id': reference, 'User-Agent': forged, Cookie: `heed=${forged}` },
        body: new URLSearchParams({ email: `\r\n${forged}\r\n` }),
      });
      expect(answer.status).toBe(500);
    }
    expect(lines).toHaveLength(references.length);
    for (const line of lines) {
      expect(line).toMatch(/^[^\r\n]+\n$/);
      expect(line).not.toContain('forged');
      const { request, ...said } = JSON.parse(line) as { request: string };
      expect(said).toEqual({
        level: 50,
        time: expect.stringMatching(/Z$/),
        at: expect.any(String),
        msg: 'A request failed for a reason of ours.',
      });
      expect(request).toMatch(/^([\da-f-]{36}|till-4_99=)$/);
    }
  });

  test('says 503 and when to come again while Postgres is away', async () => {
    const line = await cuttable(db.url);
    const pool = await openPool(line.url);
    const web = webOf(db);
    const app = createApp({ ...web, heed: { ...web.heed, pool } }, { rateLimiting: false });
    expect((await app.request('/v1/signals', { headers: { Authorization: 'Bearer x' } })).status).toBe(401);
    line.cut();
    const response = await app.request('/v1/signals', { headers: { Authorization: 'Bearer x' } });
    expect(response.status).toBe(503);
    expect(response.headers.get('Retry-After')).toBe('5');
    expect(await response.json()).toMatchObject({
      code: 'service_unavailable',
      detail: expect.stringContaining('Nothing was lost'),
    });
    await pool.end();
  });

  test('comes later for whoever asks too much at once', async () => {
    const limited = createApp(webOf(db));
    let refused = await limited.request('/health');
    for (let n = 0; n < 20_000 && refused.status === 200; n++) refused = await limited.request('/health');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThanOrEqual(1);
    expect(await refused.json()).toMatchObject({ code: 'too_many_requests' });
  });
});

describe('forms of other sites', () => {
  test('press for nobody: a post that comes from elsewhere is refused before anything happens', async () => {
    for (const headers of [
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
    ]) {
      const response = await api.app.request('/signals', {
        method: 'POST',
        headers: { ...headers } as Record<string, string>,
      });
      expect(response.status).toBe(403);
    }
    const alone = await api.app.request('/yours/nothing', { method: 'POST', headers: { Origin: 'null' } });
    expect(alone.status).not.toBe(403);
    const own = await api.app.request('/nothing-here', {
      method: 'POST',
      headers: { Origin: 'http://localhost:4000' },
    });
    expect(own.status).not.toBe(403);
  });
});

describe('operations', () => {
  test('health tells alive, ready and moving apart', async () => {
    expect(await (await api.app.request('/health')).json()).toEqual({ status: 'alive' });
    const engine = (await (await api.app.request('/health/engine')).json()) as Record<string, unknown>;
    expect(engine).toMatchObject({
      openLoops: expect.any(Number),
      wakesWaiting: expect.any(Number),
      lastRungTakenAt: null,
    });
    const ready = await api.app.request('/health/ready');
    expect(ready.status).toBe(200);
    await db.pool.query(sql.unsafe`update wakes set since = clock_timestamp() - interval '5 min'`);
    expect(await (await api.app.request('/health/ready')).json()).toMatchObject({
      status: 'degraded',
      schema: 'current',
    });
    expect((await api.app.request('/health/engine')).status).toBe(503);
  });

  test('a message that is put off again and again for an hour means that work does not move', async () => {
    await db.pool.query(sql.unsafe`delete from wakes`);
    await db.pool.transaction((tx) =>
      planDelivery(tx, { key: 'put-off', purpose: 'prompt', channel: 'email', staff: 'priya' }),
    );
    const engineAt = async (code: string, failingMinutes: number | null) => {
      await db.pool.query(sql.unsafe`
        update deliveries set state = 'ready', attempts = 14, last_error_code = ${code}, planned_at = heed_now() - interval '1 day',
          failing_since = heed_now() - make_interval(mins => ${failingMinutes}),
          not_before = heed_now() + interval '4 minutes'
        where dedupe_key = 'put-off'`);
      const { status } = await api.app.request('/health/engine');
      return { status, ready: ((await (await api.app.request('/health/ready')).json()) as { status: string }).status };
    };
    expect(await engineAt('smtp_452', 61)).toEqual({ status: 503, ready: 'degraded' });
    // Held by us, or put off for the first time after it was.
    expect(await engineAt('quiet_hours', null)).toEqual({ status: 200, ready: 'ready' });
    expect(await engineAt('smtp_452', 5)).toEqual({ status: 200, ready: 'ready' });
    await db.pool.query(sql.unsafe`update deliveries set state = 'cancelled' where dedupe_key = 'put-off'`);
  });

  test('metrics count what is in the facts, twice asked the same, without ids or names', async () => {
    const once = await (await api.app.request('/metrics')).text();
    const total = Number(await db.pool.oneFirst(sql.unsafe`select count(*) from signals`));
    expect(once).toContain(`heed_signals_captured_total{channel="api"} ${total}`);
    expect(once).toContain('heed_queue_oldest_age_seconds{queue="wakes"}');
    expect(once).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}|priya|HD-/);
    const counters = (text: string): string[] => text.split('\n').filter((line) => line.includes('_total'));
    expect(counters(await (await api.app.request('/metrics')).text())).toEqual(counters(once));
  });

  test('what was captured, carried to Temporal and read by nobody means that work does not move', async () => {
    await capture(
      db.heed,
      { words: 'Is anybody there?', place: 'high-street', by: 'mina' },
      { channel: 'web', press: { source: 'test', key: randomUUID() } },
    );
    await db.pool.query(sql.unsafe`delete from wakes`);
    expect((await api.app.request('/health/engine')).status).toBe(200);
    await db.passTime('3 minutes');
    const stalled = await api.app.request('/health/engine');
    expect(stalled.status).toBe(503);
    expect(await stalled.json()).toMatchObject({ detail: expect.stringContaining('What was captured is not read') });
    await db.passTime('-3 minutes');
  });

  test('the API is described, and its page loads nothing from elsewhere', async () => {
    const document = (await (await api.app.request('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, unknown>;
    };
    expect(document.openapi).toBe('3.1.0');
    for (const noun of ['acknowledgement', 'handover', 'review', 'dismissal', 'follow-up', 'call', 'confirmation'])
      expect(document.paths).toHaveProperty([`/v1/signals/{id}/${noun}`, 'post']);
    for (const noun of ['acknowledgement', 'handover', 'decision', 'withdrawal', 'completion'])
      expect(document.paths).toHaveProperty([`/v1/insights/{id}/${noun}`, 'post']);
    expect(await (await api.app.request('/openapi.yaml')).text()).toMatch(/^openapi: 3\.1\.0/);
    const page = await (await api.app.request('/docs')).text();
    for (const [, address] of page.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect(address).toMatch(/^\//);
      expect((await api.app.request(address!)).status).toBe(200);
    }
  });
});

/** The way to a database, through a line that can be cut. */
async function cuttable(url: string): Promise<{ url: string; cut: () => void }> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  const cut = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: through.href, cut };
}
