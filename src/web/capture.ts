/** Capturing, with one hand and somebody standing there: the text box first, everything else a tap. */

import { capital } from '../domain/capital.ts';
import { html } from 'hono/html';
import { moods, type Company } from '../domain/company.ts';
import type { Wanted } from '../domain/reading.ts';
import { chips, line, pressKey, select, text, tick, valueOf, wrongs, type Filled } from './fields.ts';
import type { Html } from './page.ts';
import { count, moodWords } from './words.ts';

export interface Capturing {
  company: Company;
  key: string;
  filled: Filled;
  /** Places that may be chosen; with one there is nothing to choose. */
  places: { code: string; name: string }[];
  /** What the words say by themselves. */
  reading: Wanted;
  others: number;
}

/** The form's name for an attribute: a field's name may hold what an attribute is called. */
export const attributeField = (name: string): string => `attribute.${name}`;

const form = 'capture';
const ownWords = 'other';

export function capture(c: Capturing): Html {
  const { company, filled, places } = c;
  const field = { form, filled };
  const known = company.capture.unmet.filter((reason) => reason.toLowerCase() !== ownWords);
  return html`<h1 class="unseen">Capture what a customer said</h1>
    <form method="post" action="/capture" class="stack" id="${form}">
      ${pressKey(c.key)} ${wrongs(form, filled)}
      ${text({ ...field, name: 'words', label: 'What did they say?', look: 'spoken', required: true, focus: true })}
      ${reading(c)}
      ${chips({
        ...field,
        name: 'unmet',
        label: 'Why could we not?',
        also: 'if we could not',
        other: ownWords,
        options: [...known.map((reason) => ({ value: reason, label: reason })), { value: ownWords, label: 'Other' }],
        after: html`<div class="other">
          ${line({ ...field, name: 'unmetOther', label: 'Why, in your words', most: 300 })}
        </div>`,
      })}
      <div class="offer stack">
        ${line({ ...field, name: 'offered', label: 'Offered instead', placeholder: 'nothing', most: 200 })}
        <div class="taken">
          ${chips({
            ...field,
            name: 'taken',
            label: 'And they',
            options: [
              { value: 'accepted', label: 'took it' },
              { value: 'refused', label: 'didn’t want it' },
              { value: 'unsure', label: 'were not sure' },
            ],
          })}
        </div>
      </div>
      ${chips({
        ...field,
        name: 'mood',
        label: 'How did they take it?',
        options: moods.map((mood) => ({ value: mood, label: capital(moodWords[mood]) })),
      })}
      <fieldset class="stack">
        <legend>Who are they? <span class="also">leave it empty if they’d rather not say</span></legend>
        <div class="fields">
          ${line({ ...field, name: 'name', label: 'Name', most: 200 })}
          ${line({ ...field, name: 'contact', label: 'E-mail or phone', most: 254 })}
        </div>
        ${tick({
          ...field,
          name: 'consent',
          value: company.customers.consent.wording,
          label: 'They agree to hear from us about this',
          also: `“${company.customers.consent.text}”`,
        })}
      </fieldset>
      <details class="more" id="more-capture" ${valueOf(filled, 'note') || filled.faults['note'] ? html`open` : ''}>
        <summary>Note to colleagues${places.length > 1 ? ', place' : ''}</summary>
        <div class="stack">
          ${text({
            ...field,
            name: 'note',
            label: 'Note to colleagues',
            rows: 2,
            hint: 'Kept apart from what they said, and never shown to them.',
          })}
        </div>
      </details>
      ${
        places.length > 1
          ? select({
              ...field,
              name: 'place',
              label: 'Where',
              options: places.map(({ code, name }) => ({ value: code, label: name })),
            })
          : html`<input type="hidden" name="place" value="${places[0]?.code ?? ''}" />`
      }
      <p class="hint">It will be answered by somebody with a name.</p>
      <button class="go wide last">Capture</button>
    </form>`;
}

/** What the words were read as. Each can be corrected: a field left empty keeps what was read. */
export function reading({ company, filled, reading: read, others }: Omit<Capturing, 'key' | 'places'>): Html {
  const attributes = Object.keys(company.vocabulary.attributes);
  const corrected = (name: string): string => valueOf(filled, name).trim();
  const found = [
    [undefined, corrected('item') || read.item] as const,
    ...[...new Set([...attributes, ...Object.keys(read.attributes)])].map(
      (name) => [name, corrected(attributeField(name)) || read.attributes[name]] as const,
    ),
  ].filter((each): each is [string | undefined, string] => Boolean(each[1]));
  const wrong = Object.keys(filled.faults).some((name) => name === 'item' || name.startsWith('attribute.'));
  return html`<div id="reading" class="tight">
    <details class="more" id="more-reading" ${wrong ? html`open` : ''}>
      <summary>
        ${
          found.length === 0
            ? html`<span class="hint">Say what they wanted, if it is not in the words</span>`
            : html`Read as:
              ${found.map(([name, value], at) => html`${at > 0 ? ' · ' : ''}${name ? html`<span class="soft">${name}</span> ` : ''}<b>${value}</b>`)}`
        }
      </summary>
      <div class="fields">
        ${line({ form, filled, name: 'item', label: 'What', placeholder: read.item ?? '', most: 100, list: 'known-item' })}
        ${attributes.map((name) =>
          line({
            form,
            filled,
            name: attributeField(name),
            label: capital(name),
            placeholder: read.attributes[name] ?? '',
            most: 100,
            list: `known-${name.replace(/\W/g, '-')}`,
          }),
        )}
      </div>
      ${known('item', company.vocabulary.items)}
      ${attributes.map((name) => known(name.replace(/\W/g, '-'), company.vocabulary.attributes[name] ?? {}))}
    </details>
    ${others > 0 ? html`<p class="hint" role="status">${count(others, 'other', 'others')} asked for the same.</p>` : ''}
    <noscript><button name="look" value="yes" formnovalidate>See how it is read</button></noscript>
  </div>`;
}

const known = (name: string, values: Record<string, string[]>): Html =>
  html`<datalist id="known-${name}">
    ${Object.keys(values)
      .filter((value) => !value.startsWith('/'))
      .map((value) => html`<option value="${value}"></option>`)}
  </datalist>`;
