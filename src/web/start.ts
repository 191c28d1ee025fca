/** The first screen: why this exists, in the words of a shop; and one true sentence about how it goes. */

import { html } from 'hono/html';
import type { Html } from './page.ts';
import { sampleTag } from './words.ts';

export interface Headline {
  /** Insights whose date came in the last ninety days, and those of them decided with customers’ words chosen as evidence. */
  due: number;
  citing: number;
  sample: boolean;
}

/** In the demonstration a stranger begins here, as Mina at the till. */
export function demoStart(first: { code: string; name: string }, headline: Headline): Html {
  return html`<div class="hero stack">
      <h1>A customer is at the till. She wants what you don’t have.</h1>
      <form method="post" action="/dev/stand-in">
        <input type="hidden" name="to" value="story" />
        <button class="go wide" name="person" value="${first.code}">Capture what she said</button>
      </form>
      <p class="soft">You stand in for ${first.name}. What happens next takes five minutes, on real parts.</p>
    </div>
    ${claim(headline)}`;
}

/** What strangers read: how it goes is for those who belong to the company. */
export function start(company: string): Html {
  return html`<div class="hero stack">
    <h1>Nothing a customer says dies of silence.</h1>
    <p class="claim soft">
      ${company} keeps what people say, gives it to somebody with a name, and tells everyone what was decided.
    </p>
    <p><a class="button go" href="/sign-in">Sign in</a></p>
  </div>`;
}

/** A number is a claim: its definition stands one tap away. */
const claim = ({ due, citing, sample }: Headline): Html =>
  html`<section class="tight">
    <p class="claim">
      ${
        due === 0
          ? 'None due yet.'
          : html`Of <b>${due}</b> due, <b>${citing}</b> ${citing === 1 ? 'was' : 'were'} decided with customers’ words
              in hand.`
      }
      ${sampleTag(sample)}
    </p>
    <details class="more">
      <summary class="soft">What that means</summary>
      <p class="soft">
        Due: what several people asked for, whose date for a decision came in the last ninety days; putting it off does
        not take it out. In hand: whoever decided chose at least one customer’s own words as what the decision rests on.
      </p>
    </details>
  </section>`;
