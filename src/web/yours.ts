/** The customer's own page: their words, what was done, what was decided. No account, plain language, nothing of what colleagues wrote. */

import { html } from 'hono/html';
import type { TimelineLine } from '../domain/timeline.ts';
import { questions, type Question } from '../domain/questions.ts';
import type { Next } from '../domain/whatIsNext.ts';
import { toCopy } from './errorPage.ts';
import { linkKey, pressKey, text, valueOf, wrongs, type Filled } from './fields.ts';
import type { Html } from './page.ts';
import { timeline } from './timeline.ts';
import type { Clock } from './when.ts';
import { quote, said } from './words.ts';

export interface YoursShown {
  token: string;
  key: string;
  company: string;
  place: string;
  words: string | null;
  past: readonly TimelineLine[];
  next: readonly Next[];
  /** What can be said now; undefined before we have answered, and once there is nothing to add. */
  question: Question | undefined;
  says: 'yes' | 'no' | null;
  /** Who reads a "not really", where anybody answers it. */
  reader: string;
  /** We have given our final answer: nobody answers a "not really". */
  final: boolean;
  /** They asked us to let everything rest: nobody answers before they lift that. */
  rests: boolean;
  /** The answer they pressed in the letter: nearest here, but not given yet. */
  leaning: 'yes' | 'no' | undefined;
  /** Whether we still write to them. */
  writes: boolean;
  /** Whether they have an e-mail address, so that a link can be sent there. */
  mailed: boolean;
  filled: Filled;
  sentence: string | undefined;
}

export function yours(y: YoursShown, clock: Clock): Html {
  return html`<p class="soft">${y.company}, ${y.place}</p>
    <h1>What became of what you told us</h1>
    ${said(y.sentence)} ${quote(y.words, { big: true })} ${timeline(y.past, y.next, clock)}
    ${y.question ? question(y, y.question) : cameLate(y.filled)}
    <section class="tight" aria-labelledby="may">
      <h2 id="may">What we may do</h2>
      ${
        y.writes
          ? html`<p>Write to you by e-mail about this, and only about this.</p>
              <form method="post" action="/yours/stop">${linkKey(y.token)}<button>Stop writing to me</button></form>`
          : html`<p>We do not write to you any more. This page stays as it is.</p>`
      }
      ${
        y.mailed
          ? html`<form method="post" action="/yours/rights">
                ${linkKey(y.token)} ${pressKey(y.key)}<button>See or erase what you hold about me</button>
              </form>
              <p class="hint">
                So that nobody else can, we send a link to your e-mail address. It works for an hour. We send three a
                day at most.
              </p>`
          : ''
      }
    </section>`;
}

export interface RightsShown {
  token: string;
  company: string;
  said: readonly { words: string | null; place: string; saidAt: Date }[];
  addresses: readonly { kind: string; value: string }[];
  name: string | null;
}

/** Everything held, in short; all of it as a document; and erasing, for good. */
export function rights({ token, company, said: remarks, addresses, name }: RightsShown): Html {
  return html`<h1>What ${company} holds about you</h1>
    <section class="tight" aria-labelledby="held">
      <h2 id="held">In short</h2>
      <p>${name ?? 'No name'}${addresses.map(({ value }) => html`, ${value}`)}</p>
      ${remarks.map(
        ({ words, place }) =>
          html`${quote(words)}
            <p class="soft">${place}</p>`,
      )}
    </section>
    <form method="post" action="/rights/export">${linkKey(token)}<button>All of it, as a file</button></form>
    <section class="tight" aria-labelledby="erase">
      <h2 id="erase">Erase it</h2>
      <p>What you said, your name and every address of yours are erased at once, for good. Nobody answers you then.</p>
      <form method="post" action="/rights/erase">${linkKey(token)}<button class="go">Erase it all</button></form>
    </section>`;
}

export const rightsErased = (): Html =>
  html`<h1>It is erased.</h1>
    <p class="claim">
      What you said, your name and your addresses are gone. If you come by, you are as welcome as before.
    </p>`;

function question(y: YoursShown, asks: Question): Html {
  return html`<section class="card stack" aria-labelledby="question">
    <h2 id="question">${questions[asks]}</h2>
    ${y.says ? html`<p class="soft">You said ${y.says === 'yes' ? 'yes' : 'no'}. You can still change it.</p>` : ''}
    <form method="post" action="/yours/say" class="stack">
      ${linkKey(y.token)} ${pressKey(y.key)} ${wrongs('say', y.filled)}
      <div class="row">
        <button class="${y.leaning === 'no' ? '' : 'go'}" name="says" value="yes">Yes, thank you</button>
        <button class="${y.leaning === 'no' ? 'go' : ''}" name="says" value="no">Not really</button>
      </div>
      ${text({ form: 'say', name: 'words', label: 'Anything to add?', also: 'only if you like', rows: 2, filled: y.filled })}
      <p class="hint">
        ${y.final ? 'We have given our final answer: what you say is kept with it.' : y.rests ? 'You asked us to let this rest: what you say is kept, and goes on when you tell us so.' : `If not, ${y.reader} reads it and answers you.`}
      </p>
    </form>
  </section>`;
}

/** Nothing is asked any more: why what was sent from a page of before does not count, and the words that were written with it. */
const cameLate = (filled: Filled): Html | '' => {
  const words = valueOf(filled, 'words');
  return html`${wrongs('say', filled)} ${words ? toCopy([words]) : ''}`;
};

/** Asks before stopping: opening a link never does anything by itself. */
export function unsubscribe(token: string, company: string): Html {
  return html`<h1>Stop writing to you?</h1>
    <p class="claim">
      ${company} writes to you about what you told us, and about nothing else. If you stop it, you will not hear what
      becomes of it.
    </p>
    <form method="post" action="/unsubscribe">
      ${linkKey(token)}<button class="go wide">Stop writing to me</button>
    </form>`;
}

export const stopped = (): Html =>
  html`<h1>Done. We have stopped.</h1>
    <p class="claim">Nothing more is sent to this address. If you come by, you are as welcome as before.</p>`;

export function notMe(token: string, company: string, place: string): Html {
  return html`<h1>This wasn’t you?</h1>
    <p class="claim">
      Somebody gave this address when they told ${company} something at ${place}. If it wasn’t you, we stop writing
      about it at once.
    </p>
    <form method="post" action="/not-me">${linkKey(token)}<button class="go wide">It wasn’t me</button></form>`;
}

export const notMeDone = (): Html =>
  html`<h1>Thank you. We have noted it.</h1>
    <p class="claim">Nothing more about this is sent to your address. We are sorry for the disturbance.</p>`;
