import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { linkTo } from '../../../../src/domain/links.ts';
import { openPool } from '../../../../src/store/pool.ts';
import { openConfigurations } from '../../../../src/store/records/configurations.ts';
import { makeLink } from '../../../../src/store/records/links.ts';
import { createApp } from '../../../../src/triggers/http/app.ts';
import { green } from '../../../activities/messages/shop.ts';
import { openPages, type Pages } from './visitors.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages();
});
afterAll(() => pages.shop.close());

/** A line to the database that can be cut. */
async function lineTo(url: string): Promise<{ url: string; cut(): Promise<void> }> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}));
    near.pipe(far).pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const here = new URL(url);
  here.port = String((server.address() as AddressInfo).port);
  here.hostname = '127.0.0.1';
  return {
    url: here.href,
    async cut() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

describe('when a page cannot be had', () => {
  test('a dead database says what is still possible, and gives back what was typed', async () => {
    const line = await lineTo(pages.shop.db.url);
    const pool = await openPool(line.url, { connections: 2 });
    const heed = { ...pages.web.heed, pool, configuration: openConfigurations(pool) };
    const app = createApp({ ...pages.web, heed }, { rateLimiting: false });
    const mina = await pages.as('mina');
    const body = new URLSearchParams({ words: 'Do not lose <me>', key: 'k-1' }).toString();
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded',
      Cookie: `heed=${mina.cookies.get('heed')}`,
    };
    expect((await app.request('/mine', { headers })).status).toBe(200);
    await line.cut();

    const answer = await app.request('/capture', { method: 'POST', body, headers });
    const html = await answer.text();
    expect(answer.status).toBe(503);
    expect(answer.headers.get('Retry-After')).toBe('5');
    expect(html).toContain('What is still possible');
    expect(html).toContain('<p>Do not lose &lt;me&gt;</p>');
    expect(html).toContain('name="key" value="k-1"');
    const opening = await app.request('/t/open?says=no', {
      method: 'POST',
      body: new URLSearchParams({ link: 'x'.repeat(22) }),
    });
    const again = await opening.text();
    expect([opening.status, again]).toEqual([503, expect.stringContaining('Send it again')]);
    // With what was chosen in the letter.
    expect(again).toContain('action="/t/open?says=no"');
    await pool.end().catch(() => {});
  });

  test('an address that is nothing says so in a sentence, in the frame of whoever looks', async () => {
    const mina = await pages.as('mina');
    const page = await mina.get('/signals/not-an-id');
    expect(page.status).toBe(404);
    expect(page.text).toContain('Mina Okafor Sign out');
    expect(page.text).toContain('There is nothing here under that address, or it is not yours to see.');
    expect((await mina.post('/signals/01a20d66-832b-7174-a70b-cba7ca556bc6/acknowledgement')).status).toBe(404);
  });

  test('what came to be somebody else’s while it was being answered gives back the answer', async () => {
    const signal = await pages.shop.hears(green);
    const luca = await pages.as('luca');
    const late = await luca.post(`/signals/${signal.id}/answer`, { words: 'Dear Kim, <b>yes</b>.' });
    expect(late.status).toBe(404);
    expect(late.text).toContain('it is not yours to see');
    expect(late.html).toContain('<p>Dear Kim, &lt;b&gt;yes&lt;/b&gt;.</p>');
  });

  test('a form from another site does nothing', async () => {
    const signal = await pages.shop.hears(green);
    const jonas = await pages.as('jonas');
    const before = await pages.facts();
    for (const from of [{ Origin: 'https://evil.example' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      expect((await jonas.post(`/signals/${signal.id}/acknowledgement`, {}, from)).status).toBe(403);
      expect((await jonas.post('/capture', { words: 'x', place: 'high-street' }, from)).status).toBe(403);
    }
    expect(await pages.facts()).toBe(before);
  });

  test('a form that breaks off is refused in a sentence, and does nothing', async () => {
    const app = createApp(pages.web, { rateLimiting: false });
    const before = await pages.facts();
    const mina = await pages.as('mina');
    const signedIn = await pages.facts();
    expect(signedIn).toBeGreaterThan(before);
    const answer = await app.request('/capture', {
      method: 'POST',
      headers: {
        Cookie: [...mina.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'Content-Type': 'multipart/form-data; boundary=x',
        'Sec-Fetch-Site': 'same-origin',
      },
      body: '--x\r\nContent-Disposition: form-data; name="words"\r\n\r\nHello',
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('This form can’t be read.');
    expect(await pages.facts()).toBe(signedIn);
  });

  test('whoever has left the company file sees nothing from that moment', async () => {
    const luca = await pages.as('luca');
    expect((await luca.get('/mine')).status).toBe(200);
    const token = await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'luca' });
    await pages.shop.db.apply((company) => {
      delete company.staff['luca'];
    });
    expect((await luca.get('/mine')).headers.get('Location')).toBe('/sign-in');
    expect((await pages.nobody().post('/sign-in/link', { link: token })).status).toBe(410);
  });
});

describe('the stylesheet and scripts', () => {
  test('are served with their type, and not again while they are the same', async () => {
    const visitor = pages.nobody();
    const css = await visitor.get('/assets/app.css');
    expect(css.headers.get('Content-Type')).toBe('text/css; charset=utf-8');
    const etag = css.headers.get('ETag')!;
    expect((await visitor.get('/assets/app.css', { 'If-None-Match': etag })).status).toBe(304);
    for (const script of ['live.js', 'capture.js', 'tasks.js', 'entrance.js'])
      expect((await visitor.get(`/assets/${script}`)).headers.get('Content-Type')).toBe(
        'text/javascript; charset=utf-8',
      );
    expect((await visitor.get('/assets/../../config.ts')).status).toBe(404);
  });
});

describe('what people type', () => {
  test('stands on every page as text, whatever it looks like', async () => {
    const nasty = `"><img src=x onerror=alert(1)></textarea><script>alert(2)</script>\${alert(3)}'`;
    const signal = await pages.shop.hears({
      words: `${nasty} coat in green?`,
      unmet: nasty,
      note: nasty,
      offered: { item: nasty, taken: 'refused' },
      wanted: { item: nasty.slice(0, 90), attributes: { colour: nasty.slice(0, 90) } },
      customer: { name: nasty, email: 'n@example.com' },
      consent: green.consent,
    });
    const yours = await makeLink(pages.shop.db.pool, {
      kind: 'yours',
      customerId: signal.customer_id!,
      loopId: signal.id,
    });
    const priya = await pages.as('priya');
    const tomas = await pages.as('tomas');
    const mina = await pages.as('mina');
    const shown = [
      await priya.get(`/signals/${signal.id}`),
      await priya.get('/tasks'),
      await priya.press(await priya.get(`/signals/${signal.id}`), `/signals/${signal.id}/handover`, { reason: nasty }),
      await tomas.get(`/insights/${signal.insight_id}?do=adopt`),
      await tomas.get('/insights'),
      await mina.get('/mine'),
      await mina.get(
        `/capture?words=${encodeURIComponent(nasty)}&offered=${encodeURIComponent(nasty)}&taken=${encodeURIComponent(nasty)}`,
      ),
      await pages.nobody().get(linkTo('', yours)),
    ];
    for (const { html } of shown) {
      expect(html).toContain('&lt;img');
      expect(html).not.toMatch(/<img|<script>|onerror=alert\(1\)>(?!.*&quot;)/);
    }
  });
});
