/** When something is not there, not theirs, or not possible now: what happened, and what still is possible. */

import { html } from 'hono/html';
import { page, type Frame, type Html } from './page.ts';

export interface Trouble {
  status: number;
  sentence: string;
  /** Shown where it is our fault. */
  reference?: string | undefined;
  /** Read by whoever opened a link of their own, and has nowhere else to go here. */
  alone?: boolean | undefined;
  /** What was typed into something that is over: to be read and copied, as it can't be sent any more. */
  typed?: readonly string[] | undefined;
  /** What was sent, to be sent again: nothing that was typed is lost. */
  again?: { action: string; fields: [name: string, value: string][] } | undefined;
}

const titles: Record<number, string> = {
  401: 'Please sign in',
  403: 'Not yours to do',
  404: 'Nothing here',
  409: 'Somebody was faster',
  410: 'This has ended',
  503: 'Not possible just now',
};

/** A page that stands without a database: nothing in it is looked up. */
export function errorPage(trouble: Trouble, frame: Partial<Frame> = {}): Html {
  const title = titles[trouble.status] ?? (trouble.status >= 500 ? 'Something went wrong' : 'That did not work');
  return page({ company: 'Heed', ...frame, title, shape: 'letter' }, troubleIn(title, trouble));
}

function troubleIn(title: string, { status, sentence, reference, alone, typed = [], again }: Trouble): Html {
  return html`<h1>${title}</h1>
    <p class="claim">${sentence}</p>
    ${
      status === 503
        ? html`<div class="card tight">
            <h2>What is still possible</h2>
            <p>
              Whatever was captured before is safe, and what is due is looked at again as soon as our memory is back. If
              a customer stands before you, keep their words on this page or on paper, and send them then.
            </p>
          </div>`
        : ''
    }
    ${typed.length > 0 ? toCopy(typed) : ''} ${again ? sendAgain(again) : ''}
    ${status >= 500 && status !== 503 && reference ? html`<p class="soft">If it stays, mention the reference ${reference}.</p>` : ''}
    ${status === 401 ? html`<p><a class="button go" href="/sign-in">Sign in</a></p>` : ''}
    ${status !== 401 && !alone ? html`<p><a class="alone" href="/">To the first page</a></p>` : ''}`;
}

/** What was typed into a form that is over. */
export const toCopy = (typed: readonly string[]): Html =>
  html`<section class="card tight" aria-labelledby="typed">
    <h2 id="typed">What you typed</h2>
    <p class="hint">This press has changed nothing. Copy what you still need: it stands on this page alone.</p>
    ${typed.map((text) => html`<blockquote class="words"><p>${text}</p></blockquote>`)}
  </section>`;

function sendAgain({ action, fields }: NonNullable<Trouble['again']>): Html {
  const typed = fields.find(([name]) => name === 'words' || name === 'reason');
  return html`<form method="post" action="${action}" class="stack">
    ${typed ? html`<blockquote class="words"><p>${typed[1]}</p></blockquote>` : ''}
    ${fields.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    <button class="go">Send it again</button>
    <p class="hint">Everything you typed is kept in this page. It counts once, however often you press.</p>
  </form>`;
}
