/** The frame of every e-mail: a text part that reads well alone, and a plain page for 320 px, light and dark. Nothing is loaded from anywhere. */

import { html } from 'hono/html';

/** What stands in a mail, from top to bottom. */
export type Part =
  /** Paragraphs; a blank line parts them. */
  | { text: string }
  /** Somebody's words, and one line about who said them. */
  | { words: string; of?: string }
  /** One quiet line. */
  | { aside: string }
  | { question: string }
  /** What can be done, the first before all others. Opening a link changes nothing. */
  | { links: { label: string; url: string }[] }
  /** A link that nobody should be drawn to. */
  | { small: string; url: string };

export interface Mail {
  subject: string;
  parts: Part[];
  /** Under the line: who writes, and why to you. */
  foot: Part[];
}

/** Draws a mail. Everything in it is text: what was typed is shown, never read. */
export async function drawMail({ subject, parts, foot }: Mail): Promise<{ text: string; html: string }> {
  const text = `${parts.map(asText).join('\n\n')}\n\n-- \n${foot.map(asText).join('\n')}\n`;
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        <title>${subject}</title>
        <style>
          :root {
            color-scheme: light dark;
          }
          body {
            margin: 0;
            padding: 16px;
            background: #faf8f4;
            color: #1d1f23;
            font:
              16px/1.5 system-ui,
              'Segoe UI',
              'Helvetica Neue',
              Arial,
              sans-serif;
          }
          .page {
            max-width: 560px;
            margin: 0 auto;
            overflow-wrap: anywhere;
          }
          p,
          blockquote {
            margin: 0 0 16px;
          }
          .words {
            font:
              20px/1.4 Georgia,
              serif;
          }
          .soft {
            color: #5d6068;
            font-size: 14px;
          }
          a {
            color: #0b5d4e;
          }
          a.go {
            display: inline-block;
            margin: 0 8px 8px 0;
            padding: 12px 20px;
            border: 1px solid #0b5d4e;
            border-radius: 10px;
            color: #0b5d4e;
            font-weight: 600;
            text-decoration: none;
          }
          a.first {
            background: #0b5d4e;
            color: #ffffff;
          }
          .foot {
            border-top: 1px solid #e6e1d8;
            padding-top: 16px;
          }
          @media (prefers-color-scheme: dark) {
            body {
              background: #16171a;
              color: #eceae5;
            }
            .soft {
              color: #a6a9b1;
            }
            a,
            a.go {
              color: #6fd3bd;
              border-color: #6fd3bd;
            }
            a.first {
              background: #6fd3bd;
              color: #0b1f1b;
            }
            .foot {
              border-color: #33363d;
            }
          }
        </style>
      </head>
      <body>
        <div class="page">
          ${parts.map(asHtml)}
          <div class="foot soft">${foot.map(asHtml)}</div>
        </div>
      </body>
    </html>`;
  return { text, html: String(page) };
}

function asText(part: Part): string {
  if ('text' in part) return part.text.trim();
  if ('words' in part) return `“${part.words}”${part.of ? `\n${part.of}` : ''}`;
  if ('aside' in part) return part.aside;
  if ('question' in part) return part.question;
  if ('links' in part) return part.links.map(({ label, url }) => `${label}: ${url}`).join('\n');
  return `${part.small}: ${part.url}`;
}

function asHtml(part: Part): ReturnType<typeof html> {
  if ('text' in part)
    return html`${part.text
      .trim()
      .split(/\n{2,}/)
      .map((paragraph) => html`<p>${lines(paragraph)}</p>`)}`;
  if ('words' in part) {
    return html`<blockquote class="words">“${lines(part.words)}”</blockquote>
      ${part.of ? html`<p class="soft">${part.of}</p>` : ''}`;
  }
  if ('aside' in part) return html`<p class="soft">${part.aside}</p>`;
  if ('question' in part) return html`<p><b>${part.question}</b></p>`;
  if ('links' in part) {
    return html`<p>
      ${part.links.map(({ label, url }, i) => html`<a class="${i === 0 ? 'go first' : 'go'}" href="${url}">${label}</a> `)}
    </p>`;
  }
  return html`<p class="soft"><a href="${part.url}">${part.small}</a></p>`;
}

const lines = (text: string): ReturnType<typeof html>[] =>
  text.split('\n').map((line, i) => (i === 0 ? html`${line}` : html`<br />${line}`));
