/** The mailbox as pages to read in a browser, and as JSON. */

import { createHash } from 'node:crypto';
import { Hono } from 'hono';
import { html } from 'hono/html';
import type { Mail } from './mailbox.ts';
import { livePage, moment, serveAssets, wantsJson, withLinks } from './page.ts';
import type { Frame, Html } from './page.ts';

interface Shown {
  mails: () => Mail[];
  to: (address: string) => Mail[];
  markRead: (mail: Mail) => Promise<void>;
  version: () => string;
  frame: Frame;
}

const base = '/dev/mailbox';
const shownAtOnce = 200;

/** GET / (newest first, ?to= for one recipient) and GET /:id, each also as JSON. Only a page marks a mail as read. */
export function mailboxPages({ mails, to, markRead, version, frame }: Shown): Hono {
  const app = new Hono();
  serveAssets(app, version);

  app.get('/', (c) => {
    const recipient = c.req.query('to');
    const found = (recipient === undefined ? [...mails()] : to(recipient)).toReversed();
    if (wantsJson(c)) return c.json({ mails: found });
    const body = list(found, recipient, recipients(mails()));
    return c.html(frame('Mailbox of this demonstration', livePage({ base, version: version(), body })));
  });

  app.get('/:id', async (c) => {
    const mail = mails().find(({ id }) => id === c.req.param('id'));
    if (!mail) {
      if (wantsJson(c)) return c.json({ error: 'There is no such mail.' }, 404);
      const body = html`<h1>There is no such mail</h1>
        <p><a href="${base}">All mails</a></p>`;
      return c.html(frame('No such mail', livePage({ base, version: version(), body, still: true })), 404);
    }
    if (wantsJson(c)) return c.json(mail);
    await markRead(mail);
    c.header('Content-Security-Policy', policyFor(mail));
    const page = livePage({ base, version: version(), body: letter(mail), still: true });
    return c.html(frame(mail.subject || 'Without a subject', page));
  });

  return app;
}

/** A frame without an address inherits this policy: nothing in the mail may run or be loaded, and of styles only the sheet it came with, known
 *  by its hash. */
function policyFor({ html: page = '' }: Mail): string {
  const sheets = [...page.matchAll(/<style\b[^>]*>(.*?)<\/style>/gis)].map(
    ([, sheet = '']) => `'sha256-${createHash('sha256').update(sheet).digest('base64')}'`,
  );
  return [
    "default-src 'none'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'",
    ['style-src', "'self'", ...sheets].join(' '),
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  ].join('; ');
}

interface Recipient {
  address: string;
  count: number;
  unread: number;
}

function recipients(mails: Mail[]): Recipient[] {
  const byAddress = new Map<string, Recipient>();
  for (const mail of mails) {
    for (const address of mail.to.map((one) => one.toLowerCase())) {
      const counted = byAddress.get(address) ?? { address, count: 0, unread: 0 };
      byAddress.set(address, counted);
      counted.count += 1;
      if (!mail.read) counted.unread += 1;
    }
  }
  return [...byAddress.values()].toSorted((a, b) => a.address.localeCompare(b.address));
}

const list = (found: Mail[], recipient: string | undefined, everybody: Recipient[]): Html => html`
  <header>
    <p class="dev-kind">Mailbox of this demonstration</p>
    <h1>${recipient === undefined ? 'Every mail that was sent' : html`Mails to ${recipient}`}</h1>
    <p class="dev-soft">Received by real SMTP and kept here: nothing left this machine. <a href="">Refresh</a></p>
  </header>
  ${
    everybody.length > 0
      ? html`<nav class="dev-people" aria-label="By recipient">
          <a href="${base}" ${recipient === undefined ? html`aria-current="page"` : ''}>Everybody</a>
          ${everybody.map(
            ({ address, count, unread }) =>
              html`<a
                href="${base}?to=${encodeURIComponent(address)}"
                ${recipient?.toLowerCase() === address ? html`aria-current="page"` : ''}
                >${address} <small>${unread > 0 ? `${unread} unread` : count}</small></a
              >`,
          )}
        </nav>`
      : ''
  }
  ${
    found.length === 0
      ? html`<p class="dev-card">No mail yet. When Heed writes to somebody, it appears here.</p>`
      : html`<ol class="dev-list">
          ${found.slice(0, shownAtOnce).map(line)}
        </ol>`
  }
  ${
    found.length > shownAtOnce
      ? html`<p class="dev-soft">${found.length - shownAtOnce} older mails are not shown; choose a recipient.</p>`
      : ''
  }
`;

const line = (mail: Mail): Html =>
  html`<li class="dev-card dev-row">
    <div>
      <a class="${mail.read ? '' : 'dev-unread'}" href="${base}/${mail.id}">${mail.subject || 'Without a subject'}</a>
      ${mail.read ? '' : html`<span class="dev-tag">unread</span>`}
      <p class="dev-soft">to ${mail.to.join(', ')}, from ${mail.from || 'nobody'}</p>
    </div>
    <small>${moment(new Date(mail.at))}</small>
  </li>`;

const letter = (mail: Mail): Html => html`
  <header>
    <p class="dev-kind"><a href="${base}">Mailbox of this demonstration</a></p>
    <h1>${mail.subject || 'Without a subject'}</h1>
    <p class="dev-soft">
      to ${mail.to.map((address) => html`<a href="${base}?to=${encodeURIComponent(address)}">${address}</a> `)} · from
      ${mail.from || 'nobody'} · ${moment(new Date(mail.at))}
    </p>
  </header>
  <div class="${mail.html === undefined ? '' : 'dev-beside'}">
    ${
      mail.html === undefined
        ? ''
        : html`<section aria-labelledby="as-sent">
            <h2 id="as-sent">As it looks</h2>
            <iframe
              title="The mail as it looks"
              sandbox="allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
              srcdoc="${`<base target="_top">${mail.html}`}"
            ></iframe>
          </section>`
    }
    <section aria-labelledby="as-text">
      <h2 id="as-text">As plain text</h2>
      <pre class="dev-card dev-text">${withLinks(mail.text)}</pre>
    </section>
  </div>
  <details>
    <summary>Headers, ${mail.size} bytes in all</summary>
    <dl class="dev-facts">
      ${mail.headers.map(
        ({ key, value }) =>
          html`<dt>${key}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
  </details>
`;
