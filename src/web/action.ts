/** The page behind a link from an e-mail: what one is about to do, in whose name. Opening it changes nothing; a press does. */

import { html } from 'hono/html';
import { ended } from '../domain/ended.ts';
import { resting } from '../domain/whatIsNext.ts';
import {
  completion,
  dismissal,
  handOver,
  reply,
  replyAtOnce,
  review,
  settlement,
  take,
  takeDecision,
  type Acting,
  type Letter,
} from './acts.ts';
import { decision, takeBack, type Deciding } from './decision.ts';
import type { Html } from './page.ts';
import { doubtAbout, notYet, type DoubtfulLetter } from './signal.ts';
import { moment, type Clock } from './when.ts';
import { count, moodWords, quote, restsTag, said, tag } from './words.ts';

interface Shared {
  /** Whose press it is. */
  name: string;
  acting: Acting;
  sentence: string | undefined;
  refusal: string | undefined;
  clock: Clock;
  /** Completes "You, because …". */
  whyYou: string;
}

export interface SignalAction extends Shared {
  asks: 'review' | 'take' | 'letter' | 'call' | 'doubt' | 'rests' | 'nothing';
  /** It was given to them after it had been answered. */
  mayTake: boolean;
  mayDismiss: boolean;
  words: string | null;
  reference: string;
  place: string;
  saidAt: Date;
  mood: keyof typeof moodWords | null;
  holder: string;
  customer: string | undefined;
  letter: Letter | undefined;
  /** It was decided anew since a call became owed: when it is certain what to say in it. */
  anew: Date | null;
  doubtful: readonly DoubtfulLetter[];
  today: string;
}

export function signalAction(a: SignalAction): Html {
  const { acting, letter } = a;
  const to = a.customer ?? 'the customer';
  const written = letter && { ...letter, to, today: a.today };
  return html`${opening(a, a.anew && a.asks === 'nothing' ? 'Don’t call them yet' : titles[a.asks])}
    ${quote(a.words, { big: true })}
    <div class="row">
      <span class="tag">${a.place}, ${moment(a.saidAt, a.clock)}</span> ${a.mood ? tag(moodWords[a.mood]) : ''}
      <small>${a.reference}</small>
    </div>
    <p class="soft">You, because ${ended(a.whyYou)}</p>
    ${a.asks === 'rests' && !a.refusal ? html`<p>${resting}</p>` : ''}
    ${a.asks === 'doubt' ? a.doubtful.map((each) => html`${doubtAbout(each, a.clock)} ${settlement(acting, each.id)}`) : ''}
    ${a.anew && a.asks !== 'doubt' ? notYet(a.anew, a.clock) : ''} ${a.mayTake ? take(acting) : ''}
    ${a.asks === 'take' ? take(acting) : a.asks === 'review' ? review(acting) : written ? reply(acting, written) : ''}
    ${
      a.asks === 'nothing' || a.asks === 'rests' || a.asks === 'doubt'
        ? ''
        : html`<div class="acts">
            ${a.asks === 'take' && written ? replyAtOnce(acting, written) : ''} ${handOver(acting, a.holder)}
            ${a.mayDismiss ? dismissal(acting) : ''}
          </div>`
    }`;
}

const titles: Record<SignalAction['asks'], string> = {
  review: 'The rules were not sure. What is it?',
  take: 'Somebody waits for you',
  letter: 'Answer, in your name',
  call: 'Call them',
  doubt: 'A letter may not have arrived',
  rests: 'It rests for now',
  nothing: 'Thank you',
};

export interface InsightAction extends Shared {
  asks: 'decide' | 'undo' | 'complete' | 'nothing';
  headline: string;
  decideBy: Date;
  people: number;
  places: number;
  refused: number;
  holder: string;
  taken: boolean;
  /** It was given to them after it had been decided. */
  mayTake: boolean;
  finalAt: Date | null;
  /** Where to decide, and hand over, once signed in; undefined where the link alone will do. */
  signInAt: string | undefined;
  deciding: Deciding;
}

export function insightAction(a: InsightAction): Html {
  const [first, ...others] = a.deciding.verbatims;
  return html`${opening(a, a.headline)}
    ${first ? html`${quote(first.words, { big: true })} ${restsTag(first.rests)}` : ''}
    ${
      others.length > 0
        ? html`<ul class="verbatims">
            ${others.slice(0, 4).map(({ words, place, rests }) => html`<li>${quote(words)}<small>${place} ${restsTag(rests)}</small></li>`)}
          </ul>`
        : ''
    }
    <div class="row">
      ${tag(count(a.people, 'person', 'people'))} ${a.places > 1 ? tag(`${a.places} places`) : ''}
      ${a.refused > 0 ? tag(`${a.refused} did not want what was offered`) : ''}
      <span class="tag">by ${moment(a.decideBy, a.clock)}</span>
    </div>
    <p class="soft">You, because ${ended(a.whyYou)}</p>
    ${
      a.signInAt && (a.asks === 'decide' || a.asks === 'undo')
        ? decisionOnceSignedIn(a.signInAt, a.asks === 'decide' ? 'decide' : 'take it back')
        : a.asks === 'decide'
          ? html`${decision(a.deciding)}
              <div class="acts">${a.taken ? '' : takeDecision(a.acting)} ${handOver(a.acting, a.holder)}</div>`
          : a.asks === 'undo' && a.finalAt
            ? takeBack(a.acting, a.deciding.seen, moment(a.finalAt, a.clock))
            : a.asks === 'complete'
              ? html`${a.mayTake ? take(a.acting) : ''} ${completion(a.acting)}
                ${a.signInAt ? '' : html`<div class="acts">${handOver(a.acting, a.holder)}</div>`}`
              : ''
    }`;
}

/** Where signing in takes two factors, and whoever has the link has not done so: all that they read. */
export const actionOnceSignedIn = (name: string): Html =>
  html`<p class="soft">You are ${name}. Opening this has changed nothing.</p>
    <h1>Something waits for you</h1>
    ${signInFirst('/sign-in', 'It takes two factors to sign in here', { next: 'you are led back', label: 'Sign in' })}`;

/** Much hangs on it, and mails are forwarded. */
const decisionOnceSignedIn = (href: string, verb: string): Html =>
  signInFirst(href, 'Much hangs on this', { next: `${verb} on its page`, label: `Sign in and ${verb}` });

const signInFirst = (href: string, because: string, { next, label }: { next: string; label: string }): Html =>
  html`<div class="card tight">
    <p>${because}, so the link alone is not enough: sign in, and ${next}.</p>
    <p><a class="button go" href="${href}">${label}</a></p>
  </div>`;

const opening = ({ name, sentence, refusal, asks }: Shared & { asks: string }, title: string): Html =>
  html`${said(sentence)} ${said(refusal, 'late')}
    <p class="soft">
      ${asks === 'nothing' || asks === 'rests' ? name : `You are ${name}. Opening this has changed nothing; what you press is done in your name.`}
    </p>
    <h1>${title}</h1>`;
