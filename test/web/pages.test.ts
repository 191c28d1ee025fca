import { describe, expect, test } from '@jest/globals';
import type { TimelineLine } from '../../src/domain/timeline.ts';
import { decision, type Deciding } from '../../src/web/decision.ts';
import { errorPage } from '../../src/web/errorPage.ts';
import { line, nothingFilled, text } from '../../src/web/fields.ts';
import { news, type MineShown } from '../../src/web/mine.ts';
import { page, type Html } from '../../src/web/page.ts';
import { timeline } from '../../src/web/timeline.ts';
import { due } from '../../src/web/when.ts';
import { quote } from '../../src/web/words.ts';
import { sample } from '../domain/samples.ts';

const drawn = async (html: Html): Promise<string> => String(await html);
const company = sample('shop');
const clock = { now: new Date('2026-06-15T10:00:00Z'), zone: 'Europe/Amsterdam' };

describe('words', () => {
  test('are kept as they were said, line breaks included, and never become markup', async () => {
    const html = await drawn(quote('One\n<b>two</b>'));
    expect(html).toContain('<p dir="auto">One\n&lt;b&gt;two&lt;/b&gt;</p>');
  });

  test('that were erased leave a plain statement', async () => {
    expect(await drawn(quote(null))).toContain('What was said here has been erased.');
  });
});

describe('a timeline', () => {
  test('marks in words and shape who had to be told, and dashes what is next', async () => {
    const past: TimelineLine[] = [
      { at: clock.now, kind: 'captured', sentence: 'Captured.', tone: 'plain' },
      { at: clock.now, kind: 'escalated', sentence: 'Nobody had taken it.', tone: 'late' },
      { at: clock.now, kind: 'joined', sentence: 'Joined.', tone: 'now', insight: 'i-1' },
    ];
    const html = await drawn(timeline(past, [{ sentence: 'Then this.' }], clock, (id) => `/insights/${id}`));
    expect(html.match(/class="line[^"]*"/g)).toEqual([
      'class="line "',
      'class="line up"',
      'class="line now"',
      'class="line next"',
    ]);
    expect(html).toContain('<time datetime="2026-06-15T10:00:00.000Z">12:00</time>');
    expect(html).toContain('href="/insights/i-1"');
    expect(await drawn(timeline(past, [], clock))).not.toContain('href=');
  });
});

describe('what is due', () => {
  const at = (minutes: number) => new Date(clock.now.getTime() + minutes * 60_000);

  test('says how late or how soon, in words before colour', () => {
    expect(due('answer', at(-40), clock)).toEqual({ text: 'answer due 40 minutes ago', tone: 'late' });
    expect(due('answer', at(0.5), clock)).toEqual({ text: 'answer within 30 seconds', tone: 'soon' });
    expect(due('answer', at(60), clock)).toEqual({ text: 'answer by 13:00', tone: 'soon' });
    expect(due('answer', at(3 * 24 * 60), clock)).toEqual({ text: 'answer by Thursday 12:00', tone: '' });
  });
});

describe('a field that came back', () => {
  const filled = { values: { name: 'Kim "K"', note: '\n<b>' }, faults: { name: 'The name is too long.' } };

  test('keeps what was typed and names its fault where assistive technology finds it', async () => {
    const html = await drawn(line({ form: 'f', name: 'name', label: 'Name', filled }));
    expect(html).toContain('value="Kim &quot;K&quot;"');
    expect(html).toContain('aria-invalid="true"');
    expect(html).toContain('aria-describedby="f-name-fault"');
    expect(html).toContain('id="f-name-fault">The name is too long.');
  });

  test('keeps a line break at the beginning', async () => {
    const html = await drawn(text({ form: 'f', name: 'note', label: 'Note', filled }));
    const inside = html.slice(html.indexOf('>', html.indexOf('<textarea')) + 1, html.indexOf('</textarea>'));
    expect(inside.replace(/^\n/, '')).toBe('\n&lt;b&gt;');
  });

  test('has its preset only until something was typed, be it nothing', async () => {
    const field = { form: 'f', name: 'note', label: 'Note', preset: 'draft' };
    expect(await drawn(line({ ...field, filled: nothingFilled }))).toContain('value="draft"');
    expect(await drawn(line({ ...field, filled: { values: { note: '' }, faults: {} } }))).toContain('value=""');
  });
});

describe('deciding', () => {
  const deciding: Deciding = {
    acting: { company, base: '/insights/1', id: '1', key: 'k' },
    choice: undefined,
    here: '/insights/1',
    people: 14,
    verbatims: [],
    older: 0,
    preview: { written: 12, called: 1, cannot: 2, reasons: { no_consent: 1, suppressed: 1 } },
    today: '2026-06-15',
    seen: 'none',
    undo: '10 minutes',
  };

  test('puts four answers side by side, and asks nothing before one is chosen', async () => {
    const html = await drawn(decision(deciding));
    expect(html.match(/href="\/insights\/1\?do=(adopt|these|decline|defer)#/g)).toHaveLength(4);
    expect(html).not.toContain('<form');
  });

  test('says who will hear, who cannot, and why, before the button', async () => {
    const html = await drawn(decision({ ...deciding, choice: 'decline' }));
    expect(html).toContain('12 will be written to, 1 will be called, 2 cannot.');
    expect(html).toContain('1 did not agree to hear from us · 1 asked us to stop writing');
    expect(html.indexOf('2 cannot')).toBeLessThan(html.indexOf('>Decide<'));
    expect(html).not.toContain('name="doneBy"');
  });
});

describe('news for whoever captured', () => {
  const captured: MineShown = {
    id: '1',
    reference: 'HD-AAAA',
    sample: false,
    elsewhere: undefined,
    rests: false,
    words: 'Green?',
    at: clock.now,
    newsAt: clock.now,
    clock,
    stage: 'closed',
    attributes: { item: 'coat', colour: 'green', size: '42' },
    kind: 'unmet-demand',
    unmet: true,
    owner: 'Jonas Weber',
    answeredBy: 'Priya Nair',
    decision: { outcome: 'adopted', scope: 'everyone', reason: 'Many asked.', doneBy: null, by: 'Tomás Rey' },
    told: true,
    round: 1,
    decider: 'Tomás Rey',
    says: null,
    closedHow: 'silent',
    closedReason: null,
  };

  test('says what is coming', () => {
    expect(news(captured, company).headline).toBe('Green is coming. You heard it.');
    const wish = { ...captured, unmet: false, attributes: { item: 'repairs' }, kind: 'wish' };
    expect(news(wish, company).headline).toBe('Yes to repairs. You heard it.');
    const decision = { ...captured.decision!, scope: 'these' as const };
    expect(news({ ...captured, decision }, company).headline).toBe(
      'Green is coming, for everyone who asked. You heard it.',
    );
    expect(news({ ...wish, decision }, company).headline).toBe('Yes to repairs, for everyone who asked. You heard it.');
  });

  test('says a no as plainly, with its reason, and that it ended without action', () => {
    const declined = { ...captured, decision: { ...captured.decision!, outcome: 'declined' as const } };
    expect(news(declined, company)).toMatchObject({
      headline: 'The answer is no, and they are told why.',
      more: 'Tomás Rey decided: Many asked.',
    });
    expect(news({ ...declined, told: false }, company).headline).toBe(
      'The answer is no. There is no way to tell them.',
    );
    const dismissed = { ...captured, decision: undefined, closedHow: 'dismissed', closedReason: 'A test' };
    expect(news(dismissed, company)).toEqual({ headline: 'No action, and why', more: 'A test' });
  });

  test('says that they were not content, and who answers them now, whatever was decided', () => {
    const again = { ...captured, round: 2, stage: 'answer' as const, owner: 'Priya Nair', closedHow: null };
    expect(news(again, company)).toEqual({
      headline: 'Not settled, they say. Priya Nair takes it up again.',
      more: 'Tomás Rey decided: Many asked.',
      tone: 'soon',
    });
    expect(news({ ...again, decision: undefined }, company)).toEqual({
      headline: 'Not settled, they say. Priya Nair takes it up again.',
      tone: 'soon',
    });
    const final = { ...again, stage: 'closed' as const, says: 'no' as const, closedHow: 'final', decision: undefined };
    expect(news(final, company)).toEqual({
      headline: 'Not settled, they say. A final answer was given.',
      tone: 'done',
    });
    const settled = { ...again, stage: 'closed' as const, says: 'yes' as const, closedHow: 'settled' };
    expect(news(settled, company).headline).toBe('Green is coming. You heard it. And it is settled, they say.');
  });
});

describe('a page', () => {
  test('has no navigation and no script for whoever has no account', async () => {
    const html = await drawn(page({ title: 'Yours', company: 'Linden & Vale' }, 'x' as unknown as Html));
    expect(html).not.toContain('<nav');
    expect(html).not.toContain('<script');
    expect(html).not.toContain('class="demo"');
    expect(html).toContain('<title>Yours · Linden &amp; Vale</title>');
  });

  test('about a dead database needs nothing that would have to be looked up', async () => {
    const html = await drawn(errorPage({ status: 503, sentence: 'No memory.' }));
    expect(html).toContain('Not possible just now');
    expect(html).toContain('What is still possible');
  });
});
