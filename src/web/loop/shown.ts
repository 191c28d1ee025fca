/** What the parts of the leaders' page share: the report, how it was asked for, and numbers that lead to their people. */

import { html } from 'hono/html';
import { measures, type Figure, type Measure } from '../../domain/measures.ts';
import type { LoopReport, Numbers } from '../../domain/loopReport.ts';
import type { Html } from '../page.ts';
import type { Clock } from '../when.ts';

export interface Asked {
  days: number;
  place: string | undefined;
}

export interface LoopShown {
  report: LoopReport;
  asked: Asked;
  /** Periods to choose from, in days. */
  periods: readonly number[];
  /** Those that whoever looks sees, to choose from. */
  places: { code: string; name: string }[];
  /** Whether these are all there are. */
  everywhere: boolean;
  /** Names for what the report holds as codes. */
  titleOf: (insight: { kind: string; attributes: Record<string, string> }) => string;
  nameOf: (staff: string) => string;
  /** Who a rung would tell. */
  roleOf: (role: NonNullable<LoopReport['unused'][number]['nextRole']>, decider: string, place: string) => string;
  clock: Clock;
}

/** The sample history while there is one; what is one's own stands beside it and is never added. */
export const mainNumbers = ({ report }: LoopShown): Numbers => report.sample ?? report.own;

/** Null where the main numbers are one's own. */
export const yourNumbers = ({ report }: LoopShown): Numbers | null => (report.sample ? report.own : null);

export type Whose = 'sample' | 'own';

export function address(asked: Asked, figure?: Figure, of?: Whose, skip?: number): string {
  const query = new URLSearchParams();
  if (asked.days !== 90) query.set('days', String(asked.days));
  if (asked.place !== undefined) query.set('place', asked.place);
  if (of === 'own') query.set('of', of);
  if (skip) query.set('skip', String(skip));
  const path = figure ? `/loop/${figure}` : '/loop';
  return query.size > 0 ? `${path}?${query.toString()}` : path;
}

/** A number that leads to its people, and beside it what the visitor's own facts add up to. */
export function number(shown: LoopShown, figure: Figure, count: (numbers: Numbers) => number): Html {
  const main = count(mainNumbers(shown));
  const whose = shown.report.sample ? 'sample' : 'own';
  return html`<a class="number" href="${address(shown.asked, figure, whose)}">${main}</a
    >${yours(shown, figure, count)}`;
}

export function yours(shown: LoopShown, figure: Figure, count: (numbers: Numbers) => number): Html | '' {
  const own = yourNumbers(shown);
  const more = own ? count(own) : 0;
  return more > 0 ? html` <a class="yours" href="${address(shown.asked, figure, 'own')}">yours: +${more}</a>` : '';
}

/** The definitions, one tap away. */
export const means = (...of: [Measure, ...Measure[]]): Html =>
  html`<details class="means" id="means-${of[0]}">
    <summary>What that means<span class="unseen">: ${measures[of[0]].name}</span></summary>
    ${of.map((measure, n) => html`<p>${n > 0 ? html`<b>${measures[measure].name}.</b> ` : ''}${measures[measure].means}</p>`)}
  </details>`;
