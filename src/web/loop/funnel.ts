/** From heard to settled, as one chart drawn twice: for a desk, and for a phone. Widths are shares of whatever room there is, letters keep
 *  their size, and every step is a link to its people. */

import { html } from 'hono/html';
import type { Step } from '../../domain/measures.ts';
import type { Stage } from '../../domain/loopReport.ts';
import type { Html } from '../page.ts';
import { howLong } from './howLong.ts';
import { address, mainNumbers, means, yourNumbers, type LoopShown } from './shown.ts';

export function funnel(shown: LoopShown): Html {
  const bars = barsOf(shown);
  return html`<section class="card tight funnel">
    <h2>From heard to settled</h2>
    ${
      bars[0]!.count + bars[0]!.yours === 0
        ? html`<p class="soft">Nothing has been captured in this time.</p>`
        : html`${desk(bars)} ${phone(bars)}`
    }
    ${yoursLine(shown, bars)} ${means('funnel')}
  </section>`;
}

interface Bar {
  step: Step;
  count: number;
  /** Of what was captured. */
  share: number;
  waiting: number;
  yours: number;
  /** "40 min · 9 h": half within, nine in ten within. */
  times: string;
  /** The same in working time, where that is another. */
  working: string;
  href: string;
}

function barsOf(shown: LoopShown): Bar[] {
  const main = mainNumbers(shown).funnel;
  const own = yourNumbers(shown)?.funnel;
  const all = main[0]?.count ?? 0;
  return main.map((stage, n) => {
    const times = spread(stage.wall);
    const working = spread(stage.working);
    const yours = own?.[n]?.count ?? 0;
    return {
      step: stage.step,
      count: stage.count,
      share: all === 0 ? 0 : stage.count / all,
      waiting: stage.waiting,
      yours,
      times,
      working: working === times ? '' : working,
      href: address(shown.asked, stage.step, shown.report.sample ? 'sample' : 'own'),
    };
  });
}

const spread = (of: Stage['wall']): string => (of ? `${howLong(of.p50)} · ${howLong(of.p90)}` : '');

const summary = (bars: Bar[]): string => {
  const [captured, ...rest] = bars;
  const parts = rest.map(({ step, count }) => `${count} ${step}`);
  return `Of ${captured!.count} captured: ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}. Times: half within, nine in ten within`;
};

const percent = (share: number, of: number): string => `${(share * of).toFixed(2)}%`;

/** Names to the left, bars in the middle, how long it took to the right. */
function desk(bars: Bar[]): Html {
  const row = 44;
  const from = 11;
  const most = 50;
  return html`<svg
    class="desk"
    width="100%"
    height="${bars.length * row + 18}"
    role="group"
    aria-label="${summary(bars)}"
  >
    <text x="100%" y="11" text-anchor="end" aria-hidden="true">half within · nine in ten within</text>
    ${bars.map(
      (bar, n) =>
        html`<a href="${bar.href}">
          <rect class="touch" x="0" y="${n * row + 18}" width="100%" height="${row}" rx="6" />
          <text x="0" y="${n * row + 45}">${bar.step}</text>
          <rect class="rest" x="${from}%" y="${n * row + 28}" width="${most}%" height="24" rx="4" />
          <rect class="bar" x="${from}%" y="${n * row + 28}" width="${percent(bar.share, most)}" height="24" rx="4" />
          ${two('start', from + most + 1.5, n * row, html`<tspan class="strong">${bar.count}</tspan>`, bar.waiting > 0 ? `${bar.waiting} waiting` : '')}
          ${two('end', 100, n * row, bar.times, bar.working && `working ${bar.working}`)}
        </a>`,
    )}
  </svg>`;
}

/** One line beside the bar, or two where there is more to say. */
function two(anchor: 'start' | 'end', x: number, top: number, first: Html | string, second: string): Html {
  return html`<text x="${x}%" y="${top + (second ? 37 : 45)}" text-anchor="${anchor}">${first}</text>${
      second ? html` <text class="small" x="${x}%" y="${top + 53}" text-anchor="${anchor}">${second}</text>` : ''
    }`;
}

/** Each step its own block: name and number, bar, times beneath. */
function phone(bars: Bar[]): Html {
  const heights = bars.map((bar) => (bar.working ? 74 : bar.times || bar.waiting ? 60 : 44));
  const tops = heights.map((_, n) => heights.slice(0, n).reduce((sum, height) => sum + height, 0));
  const total = heights.reduce((sum, height) => sum + height, 0);
  return html`<svg class="phone" width="100%" height="${total}" role="group" aria-label="${summary(bars)}">
      ${bars.map((bar, n) => {
        const y = tops[n]!;
        return html`<a href="${bar.href}">
          <rect class="touch" x="0" y="${y}" width="100%" height="${heights[n]!}" rx="6" />
          <text x="0" y="${y + 15}">${bar.step}</text>
          <text class="strong" x="100%" y="${y + 15}" text-anchor="end">${bar.count}</text>
          <rect class="rest" x="0" y="${y + 21}" width="100%" height="14" rx="3" />
          <rect class="bar" x="0" y="${y + 21}" width="${percent(bar.share, 100)}" height="14" rx="3" />
          <text class="small" x="0" y="${y + 49}">${bar.times}</text>
          ${
            bar.waiting > 0
              ? html`<text class="small" x="100%" y="${y + 49}" text-anchor="end">${bar.waiting} waiting</text>`
              : ''
          }
          ${bar.working ? html`<text class="small" x="0" y="${y + 63}">working time ${bar.working}</text>` : ''}
        </a>`;
      })}
    </svg>
    <p class="phone soft hint">Times: half within · nine in ten within</p>`;
}

/** What the visitor's own facts have come to, one after the other. */
function yoursLine({ asked }: LoopShown, bars: Bar[]): Html | '' {
  const own = bars.filter(({ yours }) => yours > 0);
  if (own.length === 0) return '';
  return html`<p class="row">
    ${own.map(
      ({ step, yours }) => html`<a class="yours" href="${address(asked, step, 'own')}">${step}, yours: +${yours}</a>`,
    )}
  </p>`;
}
