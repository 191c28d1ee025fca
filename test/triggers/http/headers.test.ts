import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPages, type Pages } from './pages/visitors.ts';
import { createApp } from '../../../src/triggers/http/app.ts';
import { makeLink } from '../../../src/store/records/links.ts';
import { green } from '../../activities/messages/shop.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages({ demo: true, publicUrl: 'https://heed.example' });
});
afterAll(() => pages.shop.close());

/** As far as a page of another site may ask by itself. */
const fromElsewhere = { headers: { Origin: 'https://elsewhere.example' } };

/** An answer of every kind there is, with its status: pages, links, files, data, and everything that can go wrong. */
async function everyAnswer(): Promise<[what: string, status: number, answer: Response][]> {
  const { shop, web } = pages;
  const signal = await shop.hears({ ...green, words: 'Have you this coat in green?' });
  const yours = await makeLink(shop.db.pool, { kind: 'yours', customerId: signal.customer_id!, loopId: signal.id });
  const task = await makeLink(shop.db.pool, { kind: 'task', staff: 'jonas', loopId: signal.id, wait: 'acknowledged' });
  const app = createApp(web, { rateLimiting: false });
  const limited = createApp(web);
  const away = createApp(
    {
      ...web,
      heed: { ...web.heed, configuration: () => Promise.reject(Object.assign(new Error(), { code: 'ECONNREFUSED' })) },
    },
    { rateLimiting: false },
  );
  const pressing = () => limited.request('/sign-in', { method: 'POST', headers: { 'Sec-Fetch-Site': 'same-origin' } });
  /** Once the bucket is empty, which fills again on a slow machine between two presses. */
  const pressingOn = async (): Promise<Response> => {
    for (let n = 0; n < 100; n++) {
      const answer = await pressing();
      if (answer.status === 429) return answer;
    }
    return pressing();
  };
  const post = { method: 'POST', headers: { 'Sec-Fetch-Site': 'same-origin' } };
  const bringing = (path: string, link: string) =>
    app.request(path, { ...post, body: new URLSearchParams({ link, key: '1' }) });
  const asked: [string, number, Response | Promise<Response>][] = [
    ['the first page', 200, app.request('/', fromElsewhere)],
    ['a page for people we know', 303, app.request('/tasks')],
    ['signing in', 200, app.request('/sign-in', fromElsewhere)],
    ['the page that asks for a link', 200, app.request('/t', fromElsewhere)],
    ['a link of before', 303, app.request(`/yours/${yours}?says=no`, fromElsewhere)],
    ['the customer’s page, by their link', 200, bringing('/t/open', yours)],
    ['a task by a link', 200, bringing('/t/open', task)],
    ['a press by a link', 200, bringing('/t/acknowledgement', task)],
    ['a link that never was', 404, bringing('/t/open', 'AAAAAAAAAAAAAAAAAAAAAA')],
    ['a link of which a part was lost', 400, bringing('/t/open', 'AAAA')],
    ['a stylesheet', 200, app.request('/assets/app.css')],
    ['the viewer of the API', 200, app.request('/docs')],
    ['the description of the API', 200, app.request('/openapi.json', fromElsewhere)],
    ['health', 200, app.request('/health', fromElsewhere)],
    ['the API without a key', 401, app.request('/v1/signals', fromElsewhere)],
    [
      'another site that asks for leave',
      401,
      app.request('/v1/signals', {
        method: 'OPTIONS',
        headers: { ...fromElsewhere.headers, 'Access-Control-Request-Method': 'POST' },
      }),
    ],
    ['nothing', 404, app.request('/nothing')],
    ['nothing, for a program', 404, app.request('/v1x', { headers: { Accept: 'application/json' } })],
    [
      'a form of another site',
      403,
      app.request('/capture', { method: 'POST', headers: { 'Sec-Fetch-Site': 'cross-site' } }),
    ],
    ['another method', 405, app.request('/capture', { ...post, method: 'DELETE' })],
    ['another method, for a program', 405, app.request('/health', { method: 'PUT' })],
    ['a body without end', 413, app.request('/sign-in', { ...post, body: 'x'.repeat(70_000) })],
    ['too much at once', 429, pressingOn()],
    ['a database that is away', 503, away.request('/sign-in')],
  ];
  return Promise.all(asked.map(async ([what, status, answer]) => [what, status, await answer] as const)) as never;
}

test('every answer, errors included, keeps strangers out: by policy, by type, by frame, by referrer', async () => {
  for (const [what, expected, { status, headers }] of await everyAnswer()) {
    const policy = headers.get('Content-Security-Policy') ?? '';
    expect({ what, status }).toEqual({ what, status: expected });
    expect({ what, policy }).toEqual({
      what,
      policy: expect.stringContaining("default-src 'none'; script-src 'self';"),
    });
    expect({ what, policy }).toEqual({
      what,
      policy: expect.stringMatching(/base-uri 'none'; frame-ancestors 'none'/),
    });
    expect({ what, unsafe: policy.includes('unsafe') }).toEqual({ what, unsafe: false });
    // The viewer of the API writes HTML by itself.
    if (what !== 'the viewer of the API')
      expect({ what, policy }).toEqual({
        what,
        policy: expect.stringContaining("require-trusted-types-for 'script'; trusted-types 'none'"),
      });
    expect({ what, headers: Object.fromEntries(headers) }).toEqual({
      what,
      headers: expect.objectContaining({
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
        'permissions-policy': expect.stringContaining('camera=()'),
        'referrer-policy': /link|customer|sign/.test(what)
          ? 'no-referrer'
          : expect.stringMatching(/^(same-origin|no-referrer)$/),
        'cache-control': what === 'a stylesheet' ? 'public, max-age=300, must-revalidate' : 'no-store',
        'x-request-id': expect.any(String),
      }),
    });
    // Nobody is told what runs here.
    expect(headers.get('Server') ?? headers.get('X-Powered-By')).toBeNull();
  }
});

test('no answer may be read by other sites, and each says what it is, text with its letters too', async () => {
  const app = createApp(pages.web, { rateLimiting: false });
  const files = [
    '/assets/live.js',
    '/assets/icon.svg',
    '/docs/swagger-ui.css',
    '/docs/start.js',
    '/metrics',
    '/openapi.yaml',
  ];
  const more = files.map(async (file) => [file, 200, await app.request(file, fromElsewhere)] as const);
  for (const [what, , answer] of [...(await everyAnswer()), ...(await Promise.all(more))]) {
    const leave = [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'));
    expect({ what, leave }).toEqual({ what, leave: [] });
    const text = await answer.text();
    const type = answer.headers.get('Content-Type') ?? '';
    const saysItsLetters = /^(text\/|image\/svg\+xml).*; charset=utf-8$/i;
    // Of these UTF-8 is the only one.
    const needsNot = /^application\/(json|problem\+json|yaml)$/;
    if (text !== '')
      expect({ what, type, well: saysItsLetters.test(type) || needsNot.test(type) }).toEqual({
        what,
        type,
        well: true,
      });
    if (type.endsWith('json')) expect(JSON.parse(text)).toBeInstanceOf(Object);
  }
});

test('no file is served but those of the pages: neither repository, nor source, nor settings, however it is asked for', async () => {
  const app = createApp(pages.web, { rateLimiting: false });
  const files = ['.git/HEAD', '.git/config', '.env', 'package.json', 'package-lock.json', 'src/main.ts', 'Dockerfile'];
  const ways = [
    '/',
    '/assets/',
    '/docs/',
    '/assets/../',
    '/assets/..%2f',
    '/assets/%2e%2e%2f',
    '/docs/..%5c',
    '//',
    '/assets/....//',
  ];
  for (const path of files.flatMap((file) => [
    ...ways.map((way) => `${way}${file}`),
    `/assets/${encodeURIComponent(`../../../${file}`)}`,
  ])) {
    const { status } = await app.request(path);
    expect({ path, status }).toEqual({ path, status: 404 });
  }
});

test('what is not possible says what is, and what is too much says when to come again', async () => {
  const answers = new Map((await everyAnswer()).map(([what, , answer]) => [what, answer]));
  expect(answers.get('another method')!.headers.get('Allow')).toBe('GET, HEAD, POST');
  expect(answers.get('another method, for a program')!.headers.get('Allow')).toBe('GET, HEAD');
  for (const what of ['too much at once', 'a database that is away'])
    expect(Number(answers.get(what)!.headers.get('Retry-After'))).toBeGreaterThan(0);
});
