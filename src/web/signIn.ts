/** Signing in: an address, a link by e-mail, one press; or by the company's own sign-in service. */

import { html } from 'hono/html';
import { line, wrongs, type Filled } from './fields.ts';
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

/** The same whether the address is known or not. */
export const linkSent = (email: string): Html =>
  html`<h1>Look at your mail</h1>
    <p class="claim">
      If ${email} belongs to somebody here, a link is on its way. It lets you in once, within ten minutes.
    </p>
    <p><a class="alone" href="/sign-in">Another address</a></p>`;

/** Mail scanners open links; only a press lets somebody in. */
export const signInLink = (token: string, name: string): Html =>
  html`<h1>You are ${name}?</h1>
    <form method="post" action="/sign-in/${token}"><button class="go wide">Sign in</button></form>
    <p class="hint">The link works once. If you did not ask for it, close this page and nothing happens.</p>`;
