import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { momentOf } from '../../../../src/store/records/clock.ts';
import { acknowledge } from '../../../../src/triggers/responses/acknowledge.ts';
import { loadSampleHistory } from '../../../../src/triggers/sampleHistory.ts';
import { green } from '../../../activities/messages/shop.ts';
import { openPages, type Pages, type Visitor } from './visitors.ts';

let pages: Pages;
let ingrid: Visitor;
let priya: Visitor;

beforeAll(async () => {
  pages = await openPages({ demo: true });
  const { db } = pages.shop;
  await loadSampleHistory(db.pool, { company: db.company, configuration: 1, now: await momentOf(db.pool) });
  [ingrid, priya] = [await pages.as('ingrid'), await pages.as('priya')];
});
afterAll(() => pages.shop.close());

describe('the loop', () => {
  test('begins with one sentence, and reading it changes nothing', async () => {
    const before = await pages.facts();
    const page = await ingrid.get('/loop');
    expect(page.text).toContain('Of 31 insights that were due, 22 were decided with the customers’ words in hand');
    expect(page.text).toContain('sample history');
    expect(page.text).not.toContain('yours: +');
    expect(await pages.facts()).toBe(before);
  });

  test('leads from every number to exactly that many people', async () => {
    const { html } = await ingrid.get('/loop');
    const numbers = [...html.matchAll(/<a class="number" href="([^"]+)"\s*>(\d+)<\/a/g)].map(
      ([, href, number]) => [href!, number!] as const,
    );
    expect(numbers.length).toBeGreaterThan(15);
    for (const [href, number] of numbers) {
      const list = await ingrid.get(href);
      expect([href, list.status]).toEqual([href, 200]);
      expect(/<h1>[^<]*: (\d+)<\/h1>/.exec(list.html)?.[1]).toBe(number);
      const shown = list.html.match(/<li class="tight">/g)?.length ?? 0;
      expect([href, shown]).toEqual([href, Math.min(50, Number(number))]);
    }
  });

  test('is for those who lead, and asks everybody else to sign in', async () => {
    const mina = await pages.as('mina');
    expect(await mina.get('/loop')).toMatchObject({ status: 403 });
    expect(await mina.get('/loop/silent')).toMatchObject({ status: 403 });
    expect((await pages.nobody().get('/loop')).headers.get('Location')).toBe('/sign-in');
  });

  test('counts one place alone, and another period', async () => {
    const [all, harbour] = [await ingrid.get('/loop'), await ingrid.get('/loop?place=harbour&days=30')];
    const due = (text: string): number => Number(/Of (\d+) insights/.exec(text)?.[1]);
    expect(due(harbour.text)).toBeGreaterThan(0);
    expect(due(harbour.text)).toBeLessThan(due(all.text));
    expect((await ingrid.get('/loop?place=nowhere&days=12')).text).toContain('Of 31 insights');
  });

  test('counts and lists for each reader the places they see, and no others', async () => {
    const counted = (page: { text: string }): number => Number(/could not be asked: (\d+)/i.exec(page.text)![1]);
    const list = await priya.get('/loop/could-not-be-asked');
    expect(list.html.match(/<li class="tight">/g)).toHaveLength(counted(list));
    expect(counted(list)).toBe(counted(await ingrid.get('/loop/could-not-be-asked?place=high-street')));
    expect(counted(list)).toBeLessThan(counted(await ingrid.get('/loop/could-not-be-asked')));
    expect(counted(await priya.get('/loop/could-not-be-asked?place=harbour'))).toBe(counted(list));
    expect(list.html).toContain('High Street');
    expect(list.html).not.toContain('Harbour ·');
  });

  test('a long list goes on, page after page', async () => {
    const first = await ingrid.get('/loop/captured');
    const next = /href="([^"]+)">Earlier ones/.exec(first.html)![1]!.replaceAll('&amp;', '&');
    const second = await ingrid.get(next);
    expect(second.text).toContain('51 to 100 of 413');
    expect(second.text).toContain('Later ones');
  });

  test('a number nobody has is not found', async () => {
    expect(await ingrid.get('/loop/happiness')).toMatchObject({ status: 404 });
    expect(await ingrid.get('/loop/constructor')).toMatchObject({ status: 404 });
  });

  test('what the visitor adds stands beside, and takes the place of the sample that it took over', async () => {
    const signal = await pages.shop.hears(green);
    await acknowledge(pages.shop.db.heed, { loopId: signal.id, by: 'jonas', press: pages.shop.press() });
    let page = await ingrid.get('/loop');
    // One that took more than a second to work out is shown for a while.
    for (const end = Date.now() + 65_000; Date.now() < end && !page.text.includes('captured, yours: +1');)
      [page] = await Promise.all([ingrid.get('/loop'), sleep(100)]);
    expect(page.text).toContain('captured, yours: +1');
    expect(page.text).toContain('owned, yours: +1');
    expect(page.text).toContain('Of 31 insights that were due');
    const rows = page.html.match(/<tr>.*?<\/tr>/gs)!.filter((row) => row.includes('green · 42'));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toContain('>14<');
    expect(rows[0]).not.toContain('sample');
    const list = await ingrid.get('/loop/owned?of=own');
    expect(list.text).toContain('Owned by somebody: 1');
    expect(list.text).toContain('Kim Adler');
  });
});
