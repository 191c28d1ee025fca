import { html } from 'hono/html';
import type { Html } from './page.ts';
import type { Block, Element, Option } from './slackBlocks.ts';

/** What a person has typed or chosen, in Slack's own shapes: `values[block_id][action_id]`. */
export type Values = Record<string, Record<string, Value>>;
export interface Value {
  type: string;
  value?: string | null;
  selected_option?: Option | null;
  selected_options?: Option[];
  selected_date?: string | null;
  selected_time?: string | null;
  selected_user?: string | null;
}

export interface Person {
  id: string;
  email: string;
  name: string;
  /** Left out for a member of the workspace. */
  standing?: 'guest' | 'guest of one channel' | 'stranger' | 'deactivated' | 'unconfirmed' | 'bot' | undefined;
}

const typed: Record<string, string> = {
  plain_text_input: 'text',
  email_text_input: 'email',
  url_text_input: 'url',
  number_input: 'number',
  datepicker: 'date',
  timepicker: 'time',
};
const chosen = ['static_select', 'multi_static_select', 'radio_buttons', 'checkboxes', 'users_select'];

export const isField = (element: Element): boolean => element.type in typed || chosen.includes(element.type);

/** The elements of these blocks that hold a value. */
export const fieldsOf = (blocks: Block[]): { block: Block; element: Element }[] =>
  blocks.flatMap((block) =>
    [block.element, block.accessory, ...(block.type === 'actions' ? (block.elements ?? []) : [])].flatMap((element) =>
      element && isField(element as Element) ? [{ block, element: element as Element }] : [],
    ),
  );

/** What the form shows before anybody has typed: initial values, or what was `kept` under the same ids. */
export function initialValues(blocks: Block[], kept: Values = {}): Values {
  return valuesOf(blocks, ({ block, element }) => {
    const before = kept[String(block.block_id)]?.[String(element.action_id)];
    if (before?.type === element.type) return before;
    switch (element.type) {
      case 'static_select':
      case 'radio_buttons':
        return { type: element.type, selected_option: element.initial_option ?? null };
      case 'multi_static_select':
      case 'checkboxes':
        return { type: element.type, selected_options: element.initial_options ?? [] };
      default:
        return readField(element, [
          element.initial_value ?? element.initial_date ?? element.initial_time ?? element.initial_user ?? '',
        ]);
    }
  });
}

export function valuesOf(blocks: Block[], read: (field: { block: Block; element: Element }) => Value): Values {
  const values: Values = {};
  for (const field of fieldsOf(blocks)) {
    const ofBlock = (values[String(field.block.block_id)] ??= {});
    ofBlock[String(field.element.action_id)] = read(field);
  }
  return values;
}

/** What a form, or a test, sent for this element: the text, or the `value` of each chosen option. */
export function readField(element: Element, sent: string[]): Value {
  const { type } = element;
  const first = sent[0] === undefined || sent[0] === '' ? null : sent[0];
  const options = (element.options ?? []).filter((option) => sent.includes(String(option.value)));
  switch (type) {
    case 'static_select':
    case 'radio_buttons':
      return { type, selected_option: options[0] ?? null };
    case 'multi_static_select':
    case 'checkboxes':
      return { type, selected_options: options };
    case 'datepicker':
      return { type, selected_date: first };
    case 'timepicker':
      return { type, selected_time: first };
    case 'users_select':
      return { type, selected_user: first };
    default:
      // Browsers send line ends as two characters, Slack as one.
      return { type, value: first?.replaceAll('\r\n', '\n') ?? null };
  }
}

/** What Slack itself would refuse before it asks the app, by block; empty when the form may be sent. */
export function complaints(blocks: Block[], values: Values): Record<string, string> {
  const found: Record<string, string> = {};
  for (const block of blocks) {
    const element = block.element;
    const value = element && values[String(block.block_id)]?.[String(element.action_id)];
    if (block.type !== 'input' || !element || !value) continue;
    const words = value.value ?? '';
    if (isEmpty(value)) {
      if (!block.optional) found[String(block.block_id)] = 'Please complete this required field.';
    } else if (element.min_length && words.length < element.min_length) {
      found[String(block.block_id)] = `Please write at least ${element.min_length} characters.`;
    } else if (element.max_length && words.length > element.max_length) {
      found[String(block.block_id)] = `Please write at most ${element.max_length} characters.`;
    }
  }
  return found;
}

const isEmpty = (value: Value): boolean =>
  !(value.value ?? value.selected_option ?? value.selected_date ?? value.selected_time ?? value.selected_user) &&
  (value.selected_options ?? []).length === 0;

export const fieldName = (block: Block, element: Element): string =>
  `${encodeURIComponent(String(block.block_id))}/${encodeURIComponent(String(element.action_id))}`;

/** A labelled form control for one element. `label` is its visible name; `error` and `hint` stand under it and belong to it. */
export function drawField(field: {
  block: Block;
  element: Element;
  value: Value | undefined;
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  people: Person[];
}): Html {
  const { block, element, value, label, hint, error } = field;
  const name = fieldName(block, element);
  const notes = html`${hint ? html`<p class="dev-soft" id="${name}-hint">${hint}</p>` : ''}${
    error ? html`<p class="dev-error" id="${name}-error">${error}</p>` : ''
  }`;
  const described = [hint && `${name}-hint`, error && `${name}-error`].filter(Boolean).join(' ');
  const optional = block.type === 'input' && block.optional ? html` <small>(optional)</small>` : '';
  const required = block.type === 'input' && !block.optional;
  const about = html`${required ? html` required` : ''}${error ? html` aria-invalid="true"` : ''}${
    described ? html` aria-describedby="${described}"` : ''
  }`;
  const caption = html`<label for="${name}">${label}${optional}</label>`;

  if (element.type === 'radio_buttons' || element.type === 'checkboxes') {
    const kind = element.type === 'checkboxes' ? 'checkbox' : 'radio';
    const picked = [value?.selected_option, ...(value?.selected_options ?? [])].map((option) => option?.value);
    return html`<fieldset class="dev-field" ${described ? html`aria-describedby="${described}"` : ''}>
      <legend>${label}${optional}</legend>
      ${(element.options ?? []).map(
        (option, i) =>
          html`<label class="dev-choice">
            <input
              type="${kind}"
              name="${name}"
              id="${name}-${i}"
              value="${option.value ?? ''}"
              ${picked.includes(option.value) ? html`checked` : ''}
              ${required && kind === 'radio' ? html`required` : ''}
            />
            <span
              >${option.text?.text}${option.description ? html` <small>${option.description.text}</small>` : ''}</span
            >
          </label>`,
      )}
      ${notes}
    </fieldset>`;
  }

  if (chosen.includes(element.type)) {
    const people = field.people.map((person) => ({
      text: { type: 'plain_text', text: person.name },
      value: person.id,
    }));
    const options: Option[] = element.type === 'users_select' ? people : (element.options ?? []);
    const picked = [value?.selected_option, ...(value?.selected_options ?? [])].map((option) => option?.value);
    const several = element.type === 'multi_static_select';
    return html`<div class="dev-field">
      ${caption}
      <select id="${name}" name="${name}" ${several ? html`multiple` : ''} ${about}>
        ${several ? '' : html`<option value="">${element.placeholder?.text ?? 'Choose'}</option>`}
        ${options.map(
          (option) =>
            html`<option
              value="${option.value ?? ''}"
              ${picked.includes(option.value) || option.value === value?.selected_user ? html`selected` : ''}
            >
              ${option.text?.text}
            </option>`,
        )}
      </select>
      ${notes}
    </div>`;
  }

  const text = value?.value ?? value?.selected_date ?? value?.selected_time ?? '';
  const limits = html`${element.max_length ? html` maxlength="${element.max_length}"` : ''}${
    element.placeholder ? html` placeholder="${element.placeholder.text}"` : ''
  }`;
  // A textarea swallows the first line end after its tag, so one is given to it.
  return html`<div class="dev-field">
    ${caption}
    ${
      element.multiline
        ? html`<textarea id="${name}" name="${name}" rows="5" ${about}${limits}>${`\n${text}`}</textarea>`
        : html`<input
            id="${name}"
            name="${name}"
            type="${typed[element.type] ?? 'text'}"
            value="${text}"
            ${about}${limits}
          />`
    }
    ${notes}
  </div>`;
}
