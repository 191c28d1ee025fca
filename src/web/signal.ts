/** One signal: the words, then what became of them and what happens next; beside it who is answerable, what is waited for, and the customer. */

import { html } from 'hono/html';
import type { SignalStage } from '../domain/loop.ts';
import type { Question } from '../domain/questions.ts';
import { letterName, type TimelineLine } from '../domain/timeline.ts';
import { decidedAnew, type Next } from '../domain/whatIsNext.ts';
import {
  act,
  confirmation,
  dismissal,
  handOver,
  reply,
  replyAtOnce,
  review,
  settlement,
  take,
  vouching,
  type Acting,
  type Letter,
} from './acts.ts';
import type { Html } from './page.ts';
import { timeline } from './timeline.ts';
import { moment, type Clock } from './when.ts';
import { count, moodWords, quote, said, sampleTag, tag } from './words.ts';

export interface SignalShown {
  id: string;
  reference: string;
  sample: boolean;
  /** Null once erased. */
  words: string | null;
  note: string | null;
  /** "coat · green · 42"; empty when nothing was named. */
  wanted: string;
  kind: string | undefined;
  mood: keyof typeof moodWords | null;
  place: string;
  saidAt: Date;
  stage: SignalStage;
  past: readonly TimelineLine[];
  next: readonly Next[];
  owner: { code: string; name: string; title: string; since: Date; reason: string; taken: boolean };
  customer: Customer | undefined;
  insight:
    | {
        /** Undefined for whoever does not see it. */
        id: string | undefined;
        title: string;
        people: number;
        /** Who decides, or has decided. */
        decider: string;
        decideBy: Date;
        outcome: string | null;
      }
    | undefined;
  /** Who else asked; 0 when nobody, or not known yet. */
  others: number;
  similar: readonly { id: string; title: string; people: number; words: string | null }[];
  /** It was decided anew since a call became owed: when it is certain what to say in it. */
  anew: Date | null;
  /** Letters of which nobody knows whether they arrived; and where whoever looks may say what to do about them. */
  doubtful: readonly DoubtfulLetter[];
  settling: Acting | undefined;
  closed: { how: string; by: string | undefined; at: Date; reason: string | null } | undefined;
  /** What may be done about it by whoever looks; undefined where nothing may. */
  act: Possible | undefined;
}

export interface Customer {
  name: string | null;
  /** "e-mail, about this" or why not. */
  mayHear: string;
  reachable: boolean;
  /** Where mail bounced at their address, whether or not they can be called, and whoever looks may say that it is right. */
  vouching: Acting | undefined;
  earlier: readonly { id: string; reference: string; words: string | null; at: Date; state: string }[];
  /** Earlier ones that whoever looks may not see. */
  earlierElsewhere: number;
  /** "one promise, until Friday 18 June" */
  owed: string;
}

export interface DoubtfulLetter {
  id: string;
  purpose: string;
  since: Date;
  /** Until then a trace of it is looked for; undefined once a person has to say. */
  until: Date | undefined;
  /** It may have left before our database was put back to an earlier moment; else the line broke while it was handed over. */
  restored: boolean;
}

export interface Possible {
  acting: Acting;
  /** What the stage asks for; `nothing` where others are waited for. */
  asks: 'review' | 'take' | 'letter' | 'call' | 'nothing';
  letter: Letter | undefined;
  /** YYYY-MM-DD at the place. */
  today: string;
  mayConfirm: boolean;
  /** What the customer was asked. */
  question: Question;
  /** It was given to somebody after it had been answered, and they have not taken it. */
  mayTake: boolean;
  mayGiveAway: boolean;
  mayDismiss: boolean;
}

export interface Said {
  /** What was just pressed led to. */
  sentence?: string | undefined;
  /** Just captured by whoever looks. */
  thanks?: string | undefined;
  refusal?: string | undefined;
}

export function signal(s: SignalShown, clock: Clock, after: Said, run: string | undefined): Html {
  return html`${after.thanks ? thanks(s, after.thanks) : ''} ${said(after.sentence)} ${said(after.refusal, 'late')}
    <h1 class="unseen">What a customer said at ${s.place}, ${s.reference}</h1>
    ${quote(s.words, { big: true })}
    <div class="row">
      ${s.kind ? tag(s.kind) : ''} ${s.wanted ? tag(s.wanted) : ''} ${s.mood ? tag(moodWords[s.mood]) : ''}
      <span class="tag">${s.place}, ${moment(s.saidAt, clock)}</span> ${sampleTag(s.sample)}
      <small>${s.reference}</small>
    </div>
    ${s.act ? firstOf(s.act) : ''} ${s.anew ? notYet(s.anew, clock) : ''}
    <div class="two">
      <div class="stack">
        <section aria-labelledby="became">
          <h2 class="quiet" id="became">What became of it</h2>
          ${timeline(s.past, s.next, clock, s.insight?.id === undefined ? undefined : (insight) => `/insights/${insight}`)}
        </section>
        ${s.act ? possible(s, s.act) : ''} ${s.similar.length > 0 && s.act ? similar(s, s.act.acting) : ''}
      </div>
      <aside class="stack">
        ${s.doubtful.length > 0 ? doubt(s, clock) : ''} ${s.closed ? closed(s.closed, clock) : answerable(s, clock)}
        ${s.insight && !s.closed ? waitingFor(s.insight, clock) : ''}
        ${s.customer ? customer(s.customer, clock) : nobody()} ${s.note ? note(s.note) : ''}
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

/** The one thing asked for, right under the words: done here if it takes one press, else a step away. */
function firstOf({ asks, acting }: Possible): Html | '' {
  if (asks === 'take') return take(acting);
  const ways: Partial<Record<Possible['asks'], string>> = {
    review: 'Say what it is',
    letter: 'Write the answer',
    call: 'Make the call',
  };
  const way = ways[asks];
  return way ? html`<p><a class="button go" href="#act">${way}</a></p>` : '';
}

/** Whoever heard the old word would not be told the new one. */
export const notYet = (certain: Date, clock: Clock): Html =>
  html`<p>Wait: ${decidedAnew} at ${moment(certain, clock)}.</p>`;

function thanks({ reference, others }: SignalShown, name: string): Html {
  return html`<p class="said" role="status" id="said">
    Thank you, ${name}. ${reference}.
    ${others > 0 ? `${count(others, 'other', 'others')} asked.` : 'You are the first to tell us.'}
    <a href="/capture">Capture another</a>
  </p>`;
}

function answerable({ owner }: SignalShown, clock: Clock): Html {
  return html`<section class="card tight">
    <h2>${owner.taken ? 'Answerable now' : 'With'}</h2>
    <p>${owner.name}, ${owner.title}</p>
    <small>since ${moment(owner.since, clock)}: “${owner.reason}”</small>
  </section>`;
}

function closed({ how, by, at, reason }: NonNullable<SignalShown['closed']>, clock: Clock): Html {
  return html`<section class="card tight">
    <h2>${how}</h2>
    <p>${by ? `${by}, ` : ''}${moment(at, clock)}</p>
    ${reason ? html`<p class="soft">${reason}</p>` : ''}
  </section>`;
}

function waitingFor(insight: NonNullable<SignalShown['insight']>, clock: Clock): Html {
  return html`<section class="card tight">
    <h2>${insight.outcome ? 'Decided together with' : 'Waiting for'}</h2>
    <p>
      ${insight.outcome ? '' : 'the decision on '}${insight.id === undefined ? insight.title : html`<a href="/insights/${insight.id}">${insight.title}</a>`}${
        insight.outcome ? `: ${insight.outcome}` : html`, due <b>${moment(insight.decideBy, clock)}</b>`
      }
    </p>
    <small
      >${insight.decider} ${insight.outcome ? 'decided' : 'decides'};
      ${count(insight.people, 'person has', 'people have')} asked</small
    >
  </section>`;
}

function customer(c: Customer, clock: Clock): Html {
  return html`<section class="card tight">
    <h2>${c.name ?? 'The customer'}</h2>
    <dl class="facts">
      <dt>may hear</dt>
      <dd>${c.mayHear}</dd>
      <dt>we owe</dt>
      <dd>${c.owed}</dd>
      <dt>they said</dt>
      <dd>${earlier(c)}</dd>
    </dl>
    ${c.vouching ? vouching(c.vouching) : ''}
    ${
      c.earlier.length > 0
        ? html`<ul class="tight">
            ${c.earlier.map(
              (e) =>
                html`<li>
                  <a href="/signals/${e.id}">${e.words === null ? e.reference : `“${e.words.trim()}”`}</a><br /><small
                    >${moment(e.at, clock)}, ${e.state}</small
                  >
                </li>`,
            )}
          </ul>`
        : ''
    }
  </section>`;
}

function earlier({ earlier: here, earlierElsewhere }: Customer): string {
  const elsewhere = earlierElsewhere > 0 ? `${earlierElsewhere} elsewhere` : '';
  if (here.length === 0) return elsewhere || 'nothing but this';
  return [count(here.length, 'other remark', 'other remarks'), elsewhere].filter(Boolean).join(', ');
}

const nobody = (): Html =>
  html`<section class="card tight">
    <h2>The customer</h2>
    <p class="soft">Left no name. There is nobody to answer, but the words count.</p>
  </section>`;

const note = (words: string): Html =>
  html`<section class="card tight">
    <h2>Among colleagues</h2>
    <p>${words}</p>
    <small>Never shown to the customer.</small>
  </section>`;

function doubt({ doubtful, settling }: SignalShown, clock: Clock): Html {
  return html`<section class="card tight" id="doubt" aria-labelledby="doubt-title">
    <h2 id="doubt-title">${tag('may not have been sent', 'late')}</h2>
    ${doubtful.map(
      (letter) =>
        html`${doubtAbout(letter, clock)} ${settling && !letter.until ? settlement(settling, letter.id) : ''}`,
    )}
  </section>`;
}

/** What is known of a letter that may not have been sent, and who does what about it. */
export const doubtAbout = ({ purpose, since, until, restored }: DoubtfulLetter, clock: Clock): Html =>
  html`<p>
    ${letterName(purpose)} (${moment(since, clock)})
    ${restored ? 'may have left before our database was put back to an earlier moment.' : 'was being handed over when the line broke.'}
    We do not know whether it arrived, and do not write twice on a guess.
    ${until ? html`Until ${moment(until, clock)} we look for a trace of it; then somebody has to say.` : ''}
  </p>`;

function possible(s: SignalShown, p: Possible): Html {
  const { acting } = p;
  const name = s.customer?.name ?? 'the customer';
  const others = [
    p.mayTake ? take(acting) : '',
    p.mayGiveAway ? handOver(acting, s.owner.code) : '',
    p.mayDismiss ? dismissal(acting) : '',
    p.mayConfirm ? confirmation(acting, s.customer?.name ?? 'The customer', p.question) : '',
  ];
  const main = primary(p, name);
  if (!main && others.every((each) => each === '')) return html``;
  return html`<section class="card stack" id="act" aria-labelledby="act-title">
    <h2 id="act-title">${headings[p.asks]}</h2>
    ${
      p.asks === 'take'
        ? html`<div class="acts">${main ?? ''}${others}</div>`
        : html`${main ?? ''}
            <div class="acts">${others}</div>`
    }
  </section>`;
}

const headings: Record<Possible['asks'], string> = {
  review: 'The rules were not sure. What is it?',
  take: 'What else you can do',
  letter: 'The answer',
  call: 'The call',
  nothing: 'What else you can do',
};

/** What the stage asks for. Whoever takes it may answer in the same breath. */
function primary(p: Possible, name: string): Html | undefined {
  const { acting, letter, today } = p;
  const written = letter && { ...letter, to: name, today };
  switch (p.asks) {
    case 'review':
      return review(acting);
    case 'take':
      return written && replyAtOnce(acting, written);
    case 'letter':
    case 'call':
      return written && reply(acting, written);
    case 'nothing':
      return undefined;
  }
}

/** Merely similar: offered, never joined by itself, because being told a stranger's decision is worse than being a second one. */
function similar({ similar: found }: SignalShown, acting: Acting): Html {
  return html`<section class="stack" aria-labelledby="similar-title">
    <h2 id="similar-title">Is it one of these?</h2>
    <ul class="list">
      ${found.map(
        (each) =>
          html`<li class="tight">
            ${each.words ? quote(each.words) : ''}
            <div class="row spread">
              <small
                >${each.words === null ? each.title : html`<a href="/insights/${each.id}">${each.title}</a>`},
                ${count(each.people, 'person', 'people')}</small
              >
              ${act(
                { ...acting, id: each.id },
                'joining',
                html`<input type="hidden" name="insight" value="${each.id}" /><button>It belongs to that</button>`,
                '',
              )}
            </div>
          </li>`,
      )}
    </ul>
  </section>`;
}
