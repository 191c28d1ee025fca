/** Signing in: an address, a link by e-mail, one press, and a code where that is in another browser; or by the company's own sign-in service. */

import { html } from 'hono/html';
import { line, linkKey, nothingFilled, wrongs, type Filled } from './fields.ts';
import type { Html } from './page.ts';

export function signIn(filled: Filled, ways: { link: boolean; provider: boolean }): Html {
  return html`<h1>Sign in</h1>
    ${ways.provider ? html`<p><a class="button go wide" href="/oidc">Sign in with the company</a></p>` : ''}
    ${ways.link ? byLink(filled, !ways.provider) : ''}`;
}

const byLink = (filled: Filled, first: boolean): Html =>
  html`<form method="post" action="/sign-in" class="stack" id="sign-in">
    ${wrongs('sign-in', filled)}
    ${line({
      form: 'sign-in',
      name: 'email',
      label: 'Your e-mail at work',
      type: 'email',
      filled,
      required: true,
      focus: first,
      autocomplete: 'email',
      hint: 'We send you a link. There is no password to remember.',
    })}
    <button class="${first ? 'go wide' : 'wide'}">Send me a link</button>
  </form>`;

/** The same whether the address is known or not, the code included. */
export const linkSent = (email: string, code: string): Html =>
  html`<h1>Look at your mail</h1>
    <p class="claim">
      If ${email} belongs to somebody here, a link is on its way. It lets you in once, within ten minutes.
    </p>
    <p>Open it in this browser. Anywhere else, such as on your phone, it asks for this code:</p>
    <p class="figure">${code.slice(0, 4)} ${code.slice(4)}</p>
    <p><a class="alone" href="/sign-in">Another address</a></p>`;

/** Mail scanners open links; only a press lets somebody in. */
export const signInLink = (token: string, name: string): Html =>
  html`<h1>You are ${name}?</h1>
    <form method="post" action="/sign-in/link">${linkKey(token)}<button class="go wide">Sign in</button></form>
    <p class="hint">The link works once. If you did not ask for it, close this page and nothing happens.</p>`;

/** The link in another browser than the one that asked for it. */
export const signInElsewhere = (token: string, name: string, refusal?: string): Html => {
  const filled = { ...nothingFilled, refusal };
  return html`<h1>You are ${name}?</h1>
    <p class="claim">You asked for this link in another browser. Type the code that is shown there.</p>
    <form method="post" action="/sign-in/link" class="stack" id="sign-in">
      ${linkKey(token)} ${wrongs('sign-in', filled)}
      ${line({
        form: 'sign-in',
        name: 'code',
        label: 'The code',
        hint: 'Eight digits. After five wrong ones the link is over.',
        filled,
        required: true,
        focus: true,
        digits: true,
        autocomplete: 'one-time-code',
      })}
      <button class="go wide">Sign in</button>
    </form>
    <p class="hint">The link works once. If you did not ask for it, close this page and nothing happens.</p>
    <p><a class="alone" href="/sign-in">Ask for a link here instead</a></p>`;
};
