/** The frame around every page: head, the demonstration's bar, top with navigation, main. */

import { html } from 'hono/html';

export type Html = ReturnType<typeof html>;

/** The colleague who is looking. */
export interface Viewer {
  code: string;
  name: string;
  /** Whether the report for leaders is theirs to read. */
  leads: boolean;
  /** How many people wait for them. */
  waiting: number;
}

export interface DemoBar {
  people: { code: string; name: string }[];
  standingIn: string | undefined;
  /** First name of the customer one can stand in for. */
  customer: string;
  unread: { slack: number; mail: number };
  /** Whether there is a Slack room and a mailbox of our own. */
  slack: boolean;
  mail: boolean;
  temporal: string | undefined;
  /** What is still arriving, as sentences. */
  arriving: string[];
}

export interface Frame {
  title: string;
  company: string;
  viewer?: Viewer | undefined;
  here?: 'capture' | 'tasks' | 'mine' | 'insights' | 'loop' | undefined;
  demo?: DemoBar | undefined;
  /** Draws itself anew while it is open. */
  live?: boolean | undefined;
  /** Files of assets/ that this page needs beside the live one. */
  scripts?: string[] | undefined;
  shape?: 'wide' | 'narrow' | 'letter' | undefined;
}

/** A whole document. Without a viewer there is no navigation: such a page stands alone. */
export function page(frame: Frame, main: Html): Html {
  const scripts = [...(frame.live ? ['live.js'] : []), ...(frame.scripts ?? [])];
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${frame.title} · ${frame.company}</title>
        <link rel="stylesheet" href="/assets/app.css" />
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
        ${scripts.map((file) => html`<script src="/assets/${file}" type="module"></script>`)}
      </head>
      <body>
        <a class="skip" href="#main">To the page itself</a>
        ${frame.demo ? demoBar(frame.demo) : ''} ${frame.viewer ? top(frame, frame.viewer) : ''}
        <main id="main" tabindex="-1" class="page ${shapes[frame.shape ?? 'wide']}" data-version="">${main}</main>
        ${
          frame.live
            ? html`<footer class="foot soft">
                  <noscript><a href="">Refresh</a> to see what has happened since.</noscript>
                </footer>
                <p class="unseen" role="status" id="news"></p>`
            : ''
        }
      </body>
    </html>`;
}

/** A page of the mailbox or the Slack room, which bring their own main part and style. */
export const bare = (title: string, demo: DemoBar | undefined, body: Html): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/assets/app.css" />
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
      </head>
      <body>
        ${demo ? demoBar(demo) : ''} ${body}
      </body>
    </html>`;

const shapes = { wide: 'stack', narrow: 'narrow stack', letter: 'narrow stack letter' };

function top({ company, here }: Frame, viewer: Viewer): Html {
  const link = (href: string, key: Frame['here'], text: string | Html, count = 0): Html =>
    html`<a href="${href}" ${here === key ? html`aria-current="page"` : ''}
      >${text}${count > 0 ? html` <span class="count">${count}<span class="unseen"> waiting</span></span>` : ''}</a
    >`;
  return html`<header class="top">
    <a class="brand" href="/" title="${company}">Heed</a>
    <div class="who">
      <small><a href="/sessions">${viewer.name}</a></small>
      <form method="post" action="/sign-out"><button class="plain">Sign out</button></form>
    </div>
    <nav aria-label="Pages">
      ${link('/capture', 'capture', 'Capture')}
      ${link('/tasks', 'tasks', html`<span class="desk">My tasks</span><span class="phone">Tasks</span>`, viewer.waiting)}
      ${link('/mine', 'mine', 'Mine')} ${link('/insights', 'insights', 'Decisions')}
      ${viewer.leads ? link('/loop', 'loop', 'The loop') : ''}
    </nav>
  </header>`;
}

/** Who one is on this stage, and the parts behind it. Only where embedded parts are in use. */
function demoBar(demo: DemoBar): Html {
  const unread = (count: number): Html | '' =>
    count > 0 ? html`<span class="unread">${count}<span class="unseen"> unread</span></span>` : '';
  return html`<aside class="demo" id="demo" aria-label="Demonstration">
    ${
      demo.arriving.length > 0
        ? html`<p class="arriving">
            Still arriving: ${demo.arriving.join(' · ')}. Captures and responses are kept meanwhile.
          </p>`
        : ''
    }
    <form method="post" action="/dev/stand-in">
      <span>Stand in for</span>
      ${demo.people.map(
        ({ code, name }) =>
          html`<button name="person" value="${code}" ${demo.standingIn === code ? html`aria-current="true"` : ''}>
            ${name}
          </button>`,
      )}
      <button name="customer" value="yes">${demo.customer}<span class="unseen">, the customer</span></button>
    </form>
    <ul>
      ${demo.slack ? html`<li><a href="/dev/slack">Slack ${unread(demo.unread.slack)}</a></li>` : ''}
      ${demo.mail ? html`<li><a href="/dev/mailbox">E-mail ${unread(demo.unread.mail)}</a></li>` : ''}
      ${demo.temporal ? html`<li><a href="${demo.temporal}">Temporal</a></li>` : ''}
    </ul>
  </aside>`;
}
