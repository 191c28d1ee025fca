import { html } from 'hono/html';
import type { Html } from './page.ts';
import { drawMrkdwn } from './slackMrkdwn.ts';

/** Slack's Block Kit as it comes over the wire: loosely typed here on purpose, what is wrong with it says slackLimits.ts. */
export interface Text {
  type: string;
  text: string;
}
export interface Option {
  text?: Text;
  value?: string;
  description?: Text;
}
export interface Element {
  type: string;
  action_id?: string;
  text?: Text;
  value?: string;
  url?: string;
  style?: string;
  confirm?: { title?: Text; text?: Text; confirm?: Text; deny?: Text; style?: string };
  options?: Option[];
  placeholder?: Text;
  initial_option?: Option;
  initial_options?: Option[];
  initial_value?: string;
  initial_date?: string;
  initial_time?: string;
  initial_user?: string;
  multiline?: boolean;
  min_length?: number;
  max_length?: number;
  image_url?: string;
  alt_text?: string;
}
export interface Block {
  type: string;
  block_id?: string;
  text?: Text;
  fields?: Text[];
  accessory?: Element;
  element?: Element;
  elements?: (Element | RichElement)[];
  label?: Text;
  hint?: Text;
  optional?: boolean;
  title?: Text;
  image_url?: string;
  alt_text?: string;
}
/** A piece of rich text, where `text` and `style` mean something else than on a button. */
interface RichElement {
  type: string;
  text?: string;
  url?: string;
  name?: string;
  user_id?: string;
  range?: string;
  style?: { bold?: boolean; italic?: boolean; strike?: boolean; code?: boolean } | string;
  elements?: RichElement[];
}
export interface Attachment {
  color?: string;
  blocks?: Block[];
  pretext?: string;
  title?: string;
  title_link?: string;
  text?: string;
  fallback?: string;
  footer?: string;
}

/** How the page around it draws what can be pressed or filled in, and what it calls people. */
export interface Surroundings {
  nameOf: (userId: string) => string;
  control: (block: Block, element: Element) => Html;
  input: (block: Block, element: Element) => Html;
}

export const drawBlocks = (blocks: Block[], around: Surroundings): Html[] =>
  blocks.map((block) => html`<div class="dev-block">${drawBlock(block, around)}</div>`);

export function drawAttachment(attachment: Attachment, around: Surroundings): Html {
  const { pretext, title, title_link: link, text, footer } = attachment;
  const words = (of: string | undefined) =>
    of ? html`<div class="dev-block">${drawMrkdwn(of, around.nameOf)}</div>` : '';
  const content = attachment.blocks
    ? drawBlocks(attachment.blocks, around)
    : html`${title ? html`<p>${link ? html`<a href="${link}">${title}</a>` : html`<b>${title}</b>`}</p>` : ''}
      ${words(text ?? attachment.fallback)}${footer ? html`<p class="dev-soft">${footer}</p>` : ''}`;
  // An svg, because a page that allows no inline style still may have any colour in it.
  return html`${words(pretext)}
    <div class="dev-attachment">
      <svg class="dev-bar" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
        <rect width="1" height="1" fill="${colour(attachment.color)}" />
      </svg>
      <div>${content}</div>
    </div>`;
}

/** Elements that can be pressed or filled in, with the block each stands in. */
export const elementsOf = (blocks: Block[]): { block: Block; element: Element }[] =>
  blocks.flatMap((block) =>
    [block.accessory, block.element, ...(block.type === 'actions' ? (block.elements ?? []) : [])]
      .filter((element) => element !== undefined)
      .map((element) => ({ block, element: element as Element })),
  );

function drawBlock(block: Block, around: Surroundings): Html {
  const text = (of: Text | undefined) => (of ? drawText(of, around) : '');
  switch (block.type) {
    case 'header':
      return html`<h2>${block.text?.text}</h2>`;
    case 'section':
      return html`<div class="dev-row">
        <div>
          ${text(block.text)}
          ${
            block.fields
              ? html`<ul class="dev-fields">
                  ${block.fields.map((field) => html`<li>${text(field)}</li>`)}
                </ul>`
              : ''
          }
        </div>
        ${block.accessory ? around.control(block, block.accessory) : ''}
      </div>`;
    case 'context':
      return html`<p class="dev-soft">
        ${(block.elements ?? []).map((element) =>
          element.type === 'image'
            ? html`${(element as Element).alt_text} `
            : html`${drawText(element as Text, around)} `,
        )}
      </p>`;
    case 'divider':
      return html`<hr />`;
    case 'actions':
      return html`<div class="dev-actions">
        ${(block.elements ?? []).map((element) => around.control(block, element as Element))}
      </div>`;
    case 'input':
      return block.element ? around.input(block, block.element) : html``;
    case 'rich_text':
      return html`${((block.elements ?? []) as RichElement[]).map((part) => drawRichPart(part, around))}`;
    case 'image':
      // Nothing is loaded from elsewhere: what the picture shows is said in words.
      return html`<p class="dev-soft">Picture: ${block.alt_text}</p>`;
    default:
      return html`<p class="dev-error">This room cannot draw a block of type “${block.type}”.</p>`;
  }
}

const drawText = (text: Text, around: Surroundings): Html =>
  text.type === 'mrkdwn' ? drawMrkdwn(text.text, around.nameOf) : html`<span class="dev-plain">${text.text}</span>`;

function drawRichPart(part: RichElement, around: Surroundings): Html {
  const inside = (part.elements ?? []).map((piece) => drawRichPiece(piece, around));
  switch (part.type) {
    case 'rich_text_quote':
      return html`<blockquote class="dev-quote dev-plain">${inside}</blockquote>`;
    case 'rich_text_preformatted':
      return html`<pre class="dev-code">${inside}</pre>`;
    case 'rich_text_list': {
      const items = (part.elements ?? []).map((item) => html`<li>${drawRichPart(item, around)}</li>`);
      return part.style === 'ordered'
        ? html`<ol class="dev-points">
            ${items}
          </ol>`
        : html`<ul class="dev-points">
            ${items}
          </ul>`;
    }
    default:
      return html`<div class="dev-plain">${inside}</div>`;
  }
}

function drawRichPiece(piece: RichElement, around: Surroundings): Html {
  const style = typeof piece.style === 'object' ? piece.style : {};
  let drawn = richWords(piece, around);
  if (style.code) drawn = html`<code>${drawn}</code>`;
  if (style.strike) drawn = html`<s>${drawn}</s>`;
  if (style.italic) drawn = html`<i>${drawn}</i>`;
  if (style.bold) drawn = html`<b>${drawn}</b>`;
  return drawn;
}

function richWords(piece: RichElement, around: Surroundings): Html {
  switch (piece.type) {
    case 'link':
      return html`<a href="${piece.url ?? ''}" rel="noreferrer">${piece.text ?? piece.url}</a>`;
    case 'user':
      return html`<span class="dev-mention">@${around.nameOf(piece.user_id ?? '')}</span>`;
    case 'broadcast':
      return html`<span class="dev-mention">@${piece.range}</span>`;
    case 'emoji':
      return html`:${piece.name}:`;
    default:
      return html`${piece.text}`;
  }
}

const colour = (named = ''): string => {
  const known: Record<string, string> = { good: '#2eb67d', warning: '#ecb22e', danger: '#e01e5a' };
  const code = known[named] ?? named;
  return /^#?[0-9a-f]{6}$/i.test(code) ? `#${code.replace('#', '')}` : '#9a9a9a';
};
