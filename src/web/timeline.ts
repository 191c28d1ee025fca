/** A loop as sentences: its past as it was, and under it, dashed, what is next. */

import { html } from 'hono/html';
import type { TimelineLine } from '../domain/timeline.ts';
import type { Next } from '../domain/whatIsNext.ts';
import type { Html } from './page.ts';
import { moment, type Clock } from './when.ts';

/** `link`: where a sentence about an insight leads, for readers who may follow. */
export function timeline(
  past: readonly TimelineLine[],
  next: readonly Next[],
  clock: Clock,
  link?: (insight: string) => string,
): Html {
  return html`<ol class="timeline">
    ${past.map(
      (line) =>
        html`<li class="line ${line.tone === 'late' ? 'up' : line.tone === 'now' ? 'now' : ''}">
          ${moment(line.at, clock)} ${line.sentence}
          ${line.insight && link ? html`<a href="${link(line.insight)}">See it</a>` : ''}
        </li>`,
    )}
    ${next.map(
      (line, at) =>
        html`<li class="line next"><span class="time">${at === 0 ? 'next' : 'then'}</span> ${line.sentence}</li>`,
    )}
  </ol>`;
}
