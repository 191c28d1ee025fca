/** Where somebody is signed in, and the way out of each. */

import { html } from 'hono/html';
import type { Html } from './page.ts';
import { ago, moment, type Clock } from './when.ts';
import { said, tag } from './words.ts';

export interface SessionShown {
  id: string;
  /** By a link from an e-mail, or by the company's own sign-in service. */
  through: 'link' | 'provider';
  /** The service says that they proved as many. */
  twoFactors: boolean;
  /** False where it takes two factors and it was begun with one. */
  opens: boolean;
  since: Date;
  seenAt: Date;
  until: Date;
  /** The one they are looking from. */
  here: boolean;
}

/** What the press before came to. */
export interface SessionsSaid {
  sentence?: string | undefined;
  refusal?: string;
}

/** `mayEnd`: they have signed in lately enough to end any of them. */
export function sessions(
  { all, mayEnd }: { all: readonly SessionShown[]; mayEnd: boolean },
  clock: Clock,
  { sentence, refusal }: SessionsSaid,
): Html {
  return html`${said(sentence)} ${said(refusal, 'late')}
    <h1>Where you are signed in</h1>
    <p class="soft">
      What you do not know ends with one press. Whoever leaves the company file is out everywhere at once, links in
      e-mails included.
    </p>
    ${mayEnd ? '' : signInAgain}
    <ul class="list">
      ${all.map((each) => session(each, mayEnd, clock))}
    </ul>
    ${mayEnd ? everywhere : ''}`;
}

const signInAgain = html`<p class="claim">
    To end any of these, sign in again: you proved who you are more than ten minutes ago, or nobody says when, and
    whoever finds your browser open shall not shut you out. Signing out here is always possible.
  </p>
  <p><a class="button go wide" href="/sign-in">Sign in again</a></p>`;

const everywhere = html`<form method="post" action="/sessions/end">
  <button class="go wide">Sign out everywhere</button>
  <p class="hint">Here too. Sign-in links that wait in your mail no longer let anybody in.</p>
</form>`;

const session = (
  { id, through, twoFactors, opens, since, seenAt, until, here }: SessionShown,
  mayEnd: boolean,
  clock: Clock,
): Html =>
  html`<li class="tight">
    <p>
      ${through === 'link' ? 'By a link from an e-mail' : 'By the company’s sign-in'}${twoFactors ? ', with two factors' : ''},
      ${moment(since, clock)} ${here ? tag('this one', 'done') : ''}
      ${opens ? '' : tag('one factor: opens nothing now')}
    </p>
    <p class="soft">Last used ${ago(seenAt, clock)}. Ends by itself ${moment(until, clock)}.</p>
    ${
      here || !mayEnd
        ? ''
        : html`<form method="post" action="/sessions/end">
            <button name="session" value="${id}">End it</button>
          </form>`
    }
  </li>`;
