/** What people ask for: what is to be decided first, then what was. */

import { html } from 'hono/html';
import { headline, standing, type InsightShown } from './insight.ts';
import type { Html } from './page.ts';
import type { Clock } from './when.ts';
import { quote, restsTag, sampleTag, tag } from './words.ts';

export type InsightLine = Pick<
  InsightShown,
  | 'id'
  | 'sample'
  | 'title'
  | 'kind'
  | 'stage'
  | 'people'
  | 'places'
  | 'refused'
  | 'decideBy'
  | 'enough'
  | 'outcome'
  | 'reason'
> & {
  /** Who decides, or has decided; and whether that is whoever looks. */
  decider: string;
  mine: boolean;
  words: string | null;
  rests: boolean;
};

/** `more`: the list goes on. */
export function insights(
  all: readonly InsightLine[],
  clock: Clock,
  { skip, most, more }: { skip: number; most: number; more: boolean },
): Html {
  const open = all.filter(({ stage }) => stage === 'decide');
  const decided = all.filter(({ stage }) => stage !== 'decide');
  return html`<h1>What people ask for</h1>
    ${all.length === 0 && skip === 0 ? html`<p class="claim soft">Nothing yet. When several people ask for the same, it stands here, with who decides and by when.</p>` : ''}
    ${open.length > 0 ? section('To be decided', open, clock) : ''}
    ${decided.length > 0 ? section('Decided', decided, clock) : ''}
    <nav class="row" aria-label="More of the list">
      ${skip > 0 ? html`<a class="button" href="/insights?skip=${Math.max(0, skip - most)}">Back</a>` : ''}
      ${more ? html`<a class="button" href="/insights?skip=${skip + most}">More</a>` : ''}
    </nav>`;
}

function section(title: string, lines: readonly InsightLine[], clock: Clock): Html {
  return html`<section class="apart">
    <h2 class="quiet">${title}</h2>
    <ul class="list">
      ${lines.map(
        (i) =>
          html`<li class="tight">
            <h3 class="words-title"><a href="/insights/${i.id}">${headline(i)}</a></h3>
            ${i.words ? quote(i.words) : ''}
            ${i.reason && i.stage !== 'decide' ? html`<p class="soft">${i.reason}</p>` : ''}
            <div class="row">
              ${standing(i, clock)} ${i.places > 1 ? tag(`${i.places} places`) : ''}
              ${i.refused > 0 ? tag(`${i.refused} refused what was offered`) : ''} ${restsTag(i.rests)}
              ${sampleTag(i.sample)}
              <small
                >${i.mine ? `You ${i.stage === 'decide' ? 'decide' : 'decided'}` : `${i.decider} ${i.stage === 'decide' ? 'decides' : 'decided'}`}</small
              >
            </div>
          </li>`,
      )}
    </ul>
  </section>`;
}
