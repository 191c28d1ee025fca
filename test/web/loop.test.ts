import { describe, expect, test } from '@jest/globals';
import type { LoopReport, Numbers, Unused } from '../../src/domain/loopReport.ts';
import { steps } from '../../src/domain/measures.ts';
import { howLong } from '../../src/web/loop/howLong.ts';
import { loop } from '../../src/web/loop/loop.ts';
import type { LoopShown } from '../../src/web/loop/shown.ts';

const now = new Date('2026-06-15T12:00:00Z');
const hour = 3_600_000;
const replies = { rounds: 0, yes: 0, no: 0, silent: 0, waiting: 0, couldNotBeAsked: 0 };

const nothing: Numbers = {
  used: { due: 0, citing: 0, otherwise: 0, postponed: 0, expired: 0, undecided: 0, inTime: 0, share: null },
  claimed: { ...replies, confirmed: null, gap: null },
  afterDecline: replies,
  promises: { due: 0, kept: 0, moved: 0, late: 0, open: 0, share: null },
  funnel: steps.map((step) => ({ step, count: 0, waiting: 0, wall: null, working: null })),
  unused: 0,
};

const history: Numbers = {
  ...nothing,
  used: { due: 31, citing: 22, otherwise: 5, postponed: 1, expired: 0, undecided: 3, inTime: 24, share: 22 / 31 },
  claimed: {
    rounds: 412,
    yes: 268,
    no: 23,
    silent: 121,
    waiting: 0,
    couldNotBeAsked: 0,
    confirmed: 268 / 412,
    gap: 144 / 412,
  },
  promises: { due: 195, kept: 187, moved: 0, late: 5, open: 3, share: 187 / 195 },
  funnel: steps.map((step, n) => ({
    step,
    count: [530, 512, 471, 439, 431, 268][n]!,
    waiting: n === 3 ? 32 : 0,
    wall: n === 0 ? null : { p50: n * hour, p90: n * 4 * hour },
    working: n === 0 ? null : { p50: (n * hour) / 2, p90: n * 2 * hour },
  })),
};

async function page(report: Partial<LoopReport>, asked: LoopShown['asked'] = { days: 90, place: undefined }) {
  const drawn = String(
    await loop({
      report: { from: now, to: now, asOf: now, place: null, sample: null, own: nothing, unused: [], ...report },
      asked,
      periods: [30, 90],
      places: [{ code: 'harbour', name: 'Harbour' }],
      everywhere: true,
      titleOf: ({ attributes }) => Object.values(attributes).join(' · '),
      nameOf: (code) => ({ tomas: 'Tomás Rey' })[code] ?? code,
      roleOf: (role) => (role === 'executive' ? 'Ingrid Solberg' : 'Tomás Rey'),
      clock: { now, zone: 'Europe/Amsterdam' },
    }),
  );
  // Line breaks that only please the eye.
  const html = drawn.replace(/\s+/g, ' ').replace(/\s+>/g, '>');
  return { html, text: html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ') };
}

describe('the first sentence', () => {
  const used = (due: number, citing: number): Numbers => ({ ...nothing, used: { ...nothing.used, due, citing } });
  const heading = async (own: Numbers): Promise<string> =>
    /<h1>(.*?)<\/h1>/s
      .exec((await page({ own })).html)![1]!
      .replace(/\s+/g, ' ')
      .trim();

  test('says how many of those due were decided with the customers’ words in hand', async () => {
    expect(await heading(used(31, 22))).toBe(
      'Of 31 insights that were due, 22 were decided with the customers’ words in hand',
    );
    expect(await heading(used(2, 1))).toBe(
      'Of 2 insights that were due, 1 was decided with the customers’ words in hand',
    );
    expect(await heading(used(1, 0))).toBe(
      'The one insight that was due was not decided with the customers’ words in hand',
    );
  });

  test('says none due yet where there is nothing to divide by', async () => {
    expect(await heading(nothing)).toMatch(/^None due yet/);
    expect((await page({})).text).not.toContain('%');
    expect((await page({})).text).not.toContain('NaN');
  });
});

test('268 confirmed, 121 silent and 23 no are three numbers, and each leads to its people', async () => {
  const { html } = await page({ own: history });
  for (const [figure, number] of [
    ['confirmed', 268],
    ['silent', 121],
    ['not-settled', 23],
    ['promises-open', 3],
    ['undecided', 3],
  ])
    expect(html).toContain(`<a class="number" href="/loop/${figure}?of=own">${number}</a>`);
});

test('below ten there are counts and no shares', async () => {
  const few = { ...nothing, promises: { due: 9, kept: 7, moved: 0, late: 2, open: 0, share: null } };
  const { text } = await page({ own: few });
  expect(text).toContain('7 of 9');
  expect(text).not.toContain('%');
});

test('what is the visitor’s own stands beside the sample history and is not added to it', async () => {
  const own = { ...nothing, claimed: { ...nothing.claimed, rounds: 1, yes: 1 } };
  const { html, text } = await page({ sample: history, own });
  expect(text).toContain('sample history');
  expect(html).toMatch(
    /href="\/loop\/confirmed">268<\/a> ?<a class="yours" href="\/loop\/confirmed\?of=own">yours: \+1<\/a>/,
  );
  expect(text).not.toContain('269');
  expect((await page({ own: history })).text).not.toContain('yours');
});

describe('the chart', () => {
  test('says aloud what it draws, for a desk and for a phone, and each step leads to its people', async () => {
    const { html } = await page({ own: history });
    const labels = [...html.matchAll(/<svg\s+class="(\w+)"[^>]*role="group"[^>]*aria-label="([^"]*)"/gs)];
    expect(labels.map(([, kind]) => kind)).toEqual(['desk', 'phone']);
    for (const [, , label] of labels)
      expect(label).toMatch(/^Of 530 captured: 512 owned, 471 answered, 439 decided, 431 told and 268 settled\./);
    for (const step of steps) expect(html.match(new RegExp(`href="/loop/${step}\\?of=own"`, 'g'))).toHaveLength(2);
  });

  test('draws each step as its share of what was captured', async () => {
    const { html } = await page({ own: history });
    const phone = /<svg\s+class="phone".*?<\/svg>/s.exec(html)![0];
    const widths = [...phone.matchAll(/class="bar"[^>]*width="([\d.]+)%"/gs)].map(([, width]) => Number(width));
    expect(widths).toEqual([100, 96.6, 88.87, 82.83, 81.32, 50.57]);
  });

  test('shows what waits, and working time where it is another', async () => {
    const { text } = await page({ own: history });
    expect(text).toContain('32 waiting');
    expect(text).toContain('3 h · 12 h');
    expect(text).toContain('working 1.5 h · 6 h');
  });
});

describe('about to die unused', () => {
  const green: Unused = {
    id: '0197-green',
    reference: 'IN-GREEN',
    sample: false,
    place: 'harbour',
    kind: 'unmet-demand',
    attributes: { item: 'coat', colour: 'green' },
    decider: 'tomas',
    people: 14,
    dueAt: new Date(now.getTime() - 9 * 24 * hour),
    past: true,
    attention: 'seen',
    nextRole: 'executive',
    nextAt: new Date(now.getTime() + hour),
  };

  test('says what they ask for, who decides, how many, how long, and who is told next', async () => {
    const { text, html } = await page({ unused: [green] });
    expect(text).toMatch(/Coat · green seen, not decided Tomás Rey 14 9 days Ingrid Solberg is told 15:00/);
    expect(html).toContain('href="/insights/0197-green"');
  });

  test('what is not past its date yet says when it is due', async () => {
    const { text } = await page({
      unused: [{ ...green, past: false, dueAt: new Date(now.getTime() + hour), nextRole: 'owner' }],
    });
    expect(text).toMatch(/not past its date yet Tomás Rey 14 due 15:00 Tomás Rey is reminded 15:00/);
  });

  test('an empty list says so', async () => {
    expect((await page({})).text).toContain('Nothing: whatever was due has been decided, or put off to a day to come.');
  });
});

test('another period and another place are addresses, and stay chosen on the way to the people', async () => {
  const { html } = await page({ own: history }, { days: 30, place: 'harbour' });
  expect(html).toContain('href="/loop?place=harbour"');
  expect(html).toContain('href="/loop?days=30"');
  expect(html).toContain('href="/loop/silent?days=30&amp;place=harbour&amp;of=own"');
  expect(html.match(/aria-current="true"/g)).toHaveLength(2);
});

test('lengths of time have two digits of sense', () => {
  const lengths = [
    0,
    40_000,
    12 * 60_000,
    89 * 60_000,
    3.14 * hour,
    19.6 * hour,
    36 * hour,
    100.4 * hour,
    11 * 24 * hour,
  ];
  expect(lengths.map(howLong)).toEqual([
    '0 s',
    '40 s',
    '12 min',
    '89 min',
    '3.1 h',
    '20 h',
    '1.5 days',
    '4.2 days',
    '11 days',
  ]);
});
