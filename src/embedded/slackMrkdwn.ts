import { html } from 'hono/html';
import type { Html } from './page.ts';

/** Slack's mrkdwn, taken apart. Of what customers said there must never come a mention or a link out of this. */
export type Span =
  | { kind: 'text' | 'code' | 'block' | 'mention' | 'date'; text: string }
  | { kind: 'link'; url: string; text: string }
  | { kind: 'bold' | 'italic' | 'strike' | 'quote'; spans: Span[] }
  | { kind: 'break' };

/** Reads `*bold*`, `_italic_`, `~gone~`, code, quotes, `<url|text>`, `<@person>`, `<!channel>`, `<!date>` and bare addresses, and the entities
 *  &amp;amp; &amp;lt; &amp;gt;. `nameOf` gives a person's name for their id. */
export function parseMrkdwn(text: string, nameOf: (id: string) => string = (id) => id): Span[] {
  return text
    .split(/```([^]*?)```/)
    .flatMap((piece, i): Span[] =>
      i % 2 === 1 ? [{ kind: 'block', text: decode(piece.replace(/^\n/, '')) }] : paragraphs(piece, nameOf),
    );
}

export function drawMrkdwn(text: string, nameOf: (id: string) => string): Html {
  return html`${drawSpans(parseMrkdwn(text, nameOf))}`;
}

const drawSpans = (spans: Span[]): Html[] => spans.map(drawSpan);

function drawSpan(span: Span): Html {
  switch (span.kind) {
    case 'text':
    case 'date':
      return html`${span.text}`;
    case 'code':
      return html`<code>${span.text}</code>`;
    case 'block':
      return html`<pre class="dev-code">${span.text}</pre>`;
    case 'mention':
      return html`<span class="dev-mention">${span.text}</span>`;
    case 'link':
      return html`<a href="${span.url}" rel="noreferrer">${span.text}</a>`;
    case 'bold':
      return html`<b>${drawSpans(span.spans)}</b>`;
    case 'italic':
      return html`<i>${drawSpans(span.spans)}</i>`;
    case 'strike':
      return html`<s>${drawSpans(span.spans)}</s>`;
    case 'quote':
      return html`<blockquote class="dev-quote">${drawSpans(span.spans)}</blockquote>`;
    case 'break':
      return html`<br />`;
  }
}

function paragraphs(text: string, nameOf: (id: string) => string): Span[] {
  const spans: Span[] = [];
  for (const line of text.split('\n')) {
    const quoted = /^(?:>|&gt;) ?(.*)$/.exec(line)?.[1];
    const before = spans.at(-1);
    if (quoted === undefined) {
      if (before && before.kind !== 'quote') spans.push({ kind: 'break' });
      spans.push(...inline(line, nameOf));
    } else if (before?.kind === 'quote') {
      before.spans.push({ kind: 'break' }, ...inline(quoted, nameOf));
    } else {
      spans.push({ kind: 'quote', spans: inline(quoted, nameOf) });
    }
  }
  return spans;
}

// In the order Slack gives them: what stands in angle brackets or code is not searched for bold and the like.
const marked =
  /<(?<entity>[^<>\n]+)>|`(?<code>[^`\n]+)`|(?<![\p{L}\p{N}*])\*(?<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\p{L}\p{N}*])|(?<![\p{L}\p{N}_])_(?<italic>[^\s_](?:[^_\n]*[^\s_])?)_(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}~])~(?<strike>[^\s~](?:[^~\n]*[^\s~])?)~(?![\p{L}\p{N}~])|(?<bare>https?:\/\/[^\s<>|]*[^\s<>|"'.,;:!?)\]}*_~])/gu;

function inline(text: string, nameOf: (id: string) => string): Span[] {
  const spans: Span[] = [];
  let done = 0;
  for (const match of text.matchAll(marked)) {
    if (match.index > done) spans.push({ kind: 'text', text: decode(text.slice(done, match.index)) });
    done = match.index + match[0].length;
    const { entity, code, bold, italic, strike, bare } = match.groups ?? {};
    if (entity !== undefined) spans.push(angled(entity, nameOf));
    else if (code !== undefined) spans.push({ kind: 'code', text: decode(code) });
    else if (bold !== undefined) spans.push({ kind: 'bold', spans: inline(bold, nameOf) });
    else if (italic !== undefined) spans.push({ kind: 'italic', spans: inline(italic, nameOf) });
    else if (strike !== undefined) spans.push({ kind: 'strike', spans: inline(strike, nameOf) });
    else if (bare !== undefined) spans.push({ kind: 'link', url: decode(bare), text: decode(bare) });
  }
  if (done < text.length) spans.push({ kind: 'text', text: decode(text.slice(done)) });
  return spans;
}

function angled(entity: string, nameOf: (id: string) => string): Span {
  const [target = '', label] = entity.split('|', 2).map(decode);
  if (target.startsWith('@')) return { kind: 'mention', text: `@${label ?? nameOf(target.slice(1))}` };
  if (target.startsWith('#')) return { kind: 'mention', text: `#${label ?? target.slice(1)}` };
  if (target.startsWith('!date^')) return { kind: 'date', text: label ?? target };
  if (target.startsWith('!')) return { kind: 'mention', text: `@${target.slice(1)}` };
  if (/^(https?:|mailto:)/i.test(target)) {
    return { kind: 'link', url: target, text: label ?? target.replace(/^mailto:/i, '') };
  }
  return { kind: 'text', text: `<${decode(entity)}>` };
}

const decode = (text: string) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
