/** The plain page that the mailbox and the Slack room are shown in. */

import { readFileSync } from 'node:fs';
import type { Context, Hono } from 'hono';
import { html } from 'hono/html';

export type Html = ReturnType<typeof html>;

/** Puts a body into a page. The web hands in one that adds its own bar; without it the page is a plain one of our own. */
export type Frame = (title: string, body: Html) => Html;

export const plainFrame: Frame = (title, body) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
      </head>
      <body class="dev-page">
        ${body}
      </body>
    </html>`;

/** A part of a page that `refresh.js` replaces when the version at `${base}/version` is no longer the one drawn here. */
export const livePage = (page: { base: string; version: string; body: Html; still?: boolean }): Html => html`
  <link rel="stylesheet" href="${page.base}/dev.css" />
  <main class="dev" data-version="${page.version}" ${page.still ? '' : 'data-live'} data-watch="${page.base}/version">
    ${page.body}
  </main>
  <script src="${page.base}/room.js" defer></script>
`;

/** Serves the stylesheet, the refreshing script and the version under the app's own folder. */
export function serveAssets(app: Hono, version: () => string): void {
  const asset = (name: string, type: string) => {
    const text = readFileSync(new URL(name, import.meta.url), 'utf8');
    return (c: Context) => c.body(text, 200, { 'Content-Type': `${type}; charset=utf-8`, 'Cache-Control': 'no-cache' });
  };
  app.get('/dev.css', asset('dev.css', 'text/css'));
  app.get('/room.js', asset('room.js', 'text/javascript'));
  app.get('/version', (c) => c.text(version(), 200, { 'Cache-Control': 'no-store' }));
}

export const wantsJson = (c: Context): boolean => (c.req.header('accept') ?? '').includes('application/json');

/** A moment as people near the machine read it, with the zone, which may be another than the shop's; the exact instant (UTC) stays in the element. */
export const moment = (at: Date): Html => html`<time datetime="${at.toISOString()}">${readable.format(at)}</time>`;

const readable = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});

/** Text with its web addresses made into links; everything else is escaped. */
export const withLinks = (text: string): Html[] =>
  text
    .split(webAddress)
    .map((piece, i) => (i % 2 === 1 ? html`<a href="${piece}" rel="noreferrer">${piece}</a>` : html`${piece}`));

// Not the full stop or bracket behind an address.
const webAddress = /(https?:\/\/[^\s<>"]*[^\s<>"'.,;:!?)\]}])/;
