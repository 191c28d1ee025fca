/** What people said, and the small marks around it. */

import { html } from 'hono/html';
import type { Html } from './page.ts';

/** The customer's words, larger than anything else; or the plain statement that they were erased. */
export function quote(words: string | null, options: { big?: boolean; href?: string } = {}): Html {
  if (words === null) return html`<p class="gone">What was said here has been erased.</p>`;
  // Line breaks are theirs and kept; nothing else may stand inside the paragraph.
  const said = options.href
    ? html`<a href="${options.href}" class="${words.trim().length < 6 ? 'short' : ''}">${words.trim()}</a>`
    : words.trim();
  return html`<blockquote class="words ${options.big ? 'big' : ''}"><p dir="auto">${said}</p></blockquote>`;
}

export const tag = (text: string, tone: 'late' | 'soon' | 'done' | 'sample' | '' = ''): Html =>
  html`<span class="tag ${tone}">${text}</span>`;

/** History that came with the demonstration: nothing is done to it and nothing comes from it. */
export const sampleTag = (sample: boolean): Html | '' => (sample ? tag('sample', 'sample') : '');

/** Whoever reads it knows that nothing is to be done with it, nor passed on. */
export const restsTag = (rests: boolean): Html | '' => (rests ? tag('rests, as they asked', 'soon') : '');

/** One sentence about what just happened, said first. */
export const said = (sentence: string | undefined, tone: 'late' | '' = ''): Html | '' =>
  sentence ? html`<p class="said ${tone}" role="status" id="said">${sentence}</p>` : '';

export const moodWords = {
  annoyed: 'annoyed',
  'let-down': 'let down',
  fine: 'fine with it',
  pleased: 'pleased',
} as const;

export const count = (many: number, one: string, more: string): string => `${many} ${many === 1 ? one : more}`;
