/** One insight: how many people ask for what, in their words; then what became of it, who decides, and the decision. */

import { html } from 'hono/html';
import type { InsightStage } from '../domain/loop.ts';
import type { TimelineLine } from '../domain/timeline.ts';
import type { Next } from '../domain/whatIsNext.ts';
import { completion, handOver, take, takeDecision, type Acting } from './acts.ts';
import { decision, takeBack, type Deciding } from './decision.ts';
import type { Html } from './page.ts';
import { timeline } from './timeline.ts';
import { due, moment, type Clock } from './when.ts';
import { count, moodWords, quote, restsTag, said, sampleTag, tag } from './words.ts';

export interface InsightShown {
  id: string;
  reference: string;
  sample: boolean;
  title: string;
  kind: string;
  stage: InsightStage;
  people: number;
  places: number;
  refused: number;
  /** Once it was put off, when it is looked at again. */
  decideBy: Date;
  /** Put off until so many had asked, and so many have. */
  enough: boolean;
  outcome: 'adopted' | 'declined' | 'deferred' | null;
  reason: string | null;
  finalAt: Date | null;
  /** Who decided it; undefined while nothing is, and while it is put off. */
  decided: { code: string; name: string; title: string; at: Date } | undefined;
  /** Who has it now. */
  decider: { code: string; name: string; title: string; reason: string; since: Date; taken: boolean; mayTake: boolean };
  verbatims: readonly Verbatim[];
  /** Said before those, and not shown. */
  older: number;
  /** Said at places that are not the viewer's. */
  elsewhere: number;
  past: readonly TimelineLine[];
  next: readonly Next[];
  told: { written: number; called: number; toCall: number; notTold: number } | undefined;
  act: { acting: Acting; deciding: Deciding } | undefined;
}

export interface Verbatim {
  id: string;
  words: string | null;
  place: string;
  saidAt: Date;
  mood: keyof typeof moodWords | null;
  /** "teal, not wanted" */
  offered: string | null;
  refused: boolean;
  sample: boolean;
  rests: boolean;
  /** Whether whoever looks may open its own page. */
  opens: boolean;
  /** Among what the decision rests on. */
  cited: boolean;
}

export function insight(
  i: InsightShown,
  clock: Clock,
  after: { sentence?: string | undefined; refusal?: string | undefined },
  run: string | undefined,
): Html {
  const [first, ...others] = i.verbatims;
  return html`${said(after.sentence)} ${said(after.refusal, 'late')}
    <div class="tight">
      <h1>${headline(i)}</h1>
      <div class="row">
        ${standing(i, clock)} ${tag(i.kind)} ${i.places > 1 ? tag(`${i.places} places`) : ''}
        ${i.refused > 0 ? tag(`${i.refused} did not want what was offered`) : ''} ${sampleTag(i.sample)}
        <small>${i.reference}</small>
      </div>
    </div>
    ${first ? html`${quote(first.words, { big: true, ...hrefOf(first) })} ${restsTag(first.rests)}` : ''}
    ${i.act && i.stage === 'decide' && !i.act.deciding.choice ? html`<p><a class="button go" href="#act">Decide</a></p>` : ''}
    <div class="two">
      <div class="stack">
        ${
          others.length + i.elsewhere > 0
            ? html`<section aria-labelledby="words-title" class="stack">
                <h2 class="quiet" id="words-title">They said too</h2>
                ${verbatims(others.slice(0, 3), clock)}
                ${
                  others.length > 3
                    ? html`<details class="more" id="more-words">
                        <summary>${others.length - 3} more</summary>
                        ${verbatims(others.slice(3), clock)}
                      </details>`
                    : ''
                }
                ${i.older > 0 ? html`<p class="soft">${count(i.older, 'older one is', 'older ones are')} not shown.</p>` : ''}
                ${i.elsewhere > 0 ? html`<p class="soft">${count(i.elsewhere, 'more was', 'more were')} said at other places.</p>` : ''}
              </section>`
            : ''
        }
        ${i.act ? possible(i, i.act, clock) : ''}
      </div>
      <aside class="stack">
        ${answerable(i, clock)}
        ${
          i.told
            ? html`<section class="card tight">
                <h2>Told</h2>
                <dl class="facts">
                  <dt>written to</dt>
                  <dd>${i.told.written}</dd>
                  <dt>called</dt>
                  <dd>${i.told.called}</dd>
                  ${
                    i.told.toCall > 0
                      ? html`<dt>still to be called</dt>
                          <dd>${i.told.toCall}</dd>`
                      : ''
                  }
                  <dt>not told</dt>
                  <dd>${i.told.notTold}</dd>
                </dl>
              </section>`
            : ''
        }
        <section aria-labelledby="became">
          <h2 class="quiet" id="became">What became of it</h2>
          ${timeline(i.past, i.next, clock)}
        </section>
        ${
          run
            ? html`<p>
                <small><a href="${run}">Its run in Temporal</a></small>
              </p>`
            : ''
        }
      </aside>
    </div>`;
}

export const headline = ({ people, title, kind }: Pick<InsightShown, 'people' | 'title' | 'kind'>): string =>
  title === kind
    ? `${count(people, 'person', 'people')} ${kind}`
    : `${count(people, 'person asks', 'people ask')} for ${title}`;

export function standing(i: Pick<InsightShown, 'outcome' | 'decideBy' | 'enough'>, clock: Clock): Html {
  if (i.outcome === 'adopted') return tag('yes', 'done');
  if (i.outcome === 'declined') return tag('no, with a reason', 'done');
  const when = due('decide', i.decideBy, clock);
  if (when.tone === 'late') return tag('past its date, undecided', 'late');
  if (i.enough) return tag('enough have asked', 'late');
  return i.outcome === 'deferred' ? tag('still listening', 'soon') : tag(when.text, when.tone);
}

/** Whoever has it now did not decide it, where it was handed over since. */
function answerable({ decided, decider }: InsightShown, clock: Clock): Html {
  const isTheirs = decided?.code === decider.code;
  return html`${
      decided && !isTheirs
        ? html`<section class="card tight">
            <h2>Decided by</h2>
            <p>${decided.name}, ${decided.title}</p>
            <small>${moment(decided.at, clock)}</small>
          </section>`
        : ''
    }
    <section class="card tight">
      <h2>${!decided ? 'Decides' : isTheirs ? 'Decided by' : 'With'}</h2>
      <p>${decider.name}, ${decider.title}</p>
      <small>since ${moment(decider.since, clock)}: “${decider.reason}”</small>
    </section>`;
}

const hrefOf = ({ id, opens }: Verbatim): { href?: string } => (opens ? { href: `/signals/${id}` } : {});

function verbatims(all: readonly Verbatim[], clock: Clock): Html {
  return html`<ul class="verbatims">
    ${all.map(
      (v) =>
        html`<li>
          ${quote(v.words, hrefOf(v))}
          <small
            >${[v.place, v.mood ? moodWords[v.mood] : '', v.offered ?? ''].filter(Boolean).join(' · ')} ·
            ${moment(v.saidAt, clock)} ${v.cited ? tag('the decision rests on it', 'done') : ''} ${restsTag(v.rests)}
            ${sampleTag(v.sample)}</small
          >
        </li>`,
    )}
  </ul>`;
}

function possible(i: InsightShown, { acting, deciding }: NonNullable<InsightShown['act']>, clock: Clock): Html {
  const anew = i.stage !== 'decide' && i.stage !== 'undo';
  return html`<section class="card stack" id="act" aria-labelledby="act-title">
    <h2 id="act-title">${headings[i.stage]}</h2>
    ${i.stage === 'undo' && i.finalAt ? takeBack(acting, deciding.seen, moment(i.finalAt, clock)) : ''}
    ${i.decider.mayTake ? take(acting) : ''} ${i.stage === 'complete' ? completion(acting) : ''}
    ${i.stage === 'decide' ? decision(deciding) : ''}
    ${
      anew
        ? html`<details id="anew" ${deciding.choice ? html`open` : ''}>
            <summary>Decide anew</summary>
            ${decision(deciding)}
          </details>`
        : ''
    }
    ${
      i.stage === 'decide' || i.stage === 'complete'
        ? html`<div class="acts">
            ${i.stage === 'decide' && !i.decider.taken ? takeDecision(acting) : ''} ${handOver(acting, i.decider.code)}
          </div>`
        : ''
    }
  </section>`;
}

const headings: Record<InsightStage, string> = {
  decide: 'What do we do?',
  undo: 'Decided',
  tell: 'Being told',
  complete: 'Is it done?',
  finish: 'Told',
  closed: 'Told',
};
