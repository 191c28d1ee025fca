/** Fields of forms: a label, what was typed, and beside it, in a sentence, what is wrong with it. */

import { html } from 'hono/html';
import type { Html } from './page.ts';

/** A form that came back: what was typed, field by field, and what is wrong. */
export interface Filled {
  values: Record<string, string | string[] | undefined>;
  /** Field → sentence. */
  faults: Record<string, string>;
  /** What is wrong with all of it, said on top. */
  refusal?: string | undefined;
}

export const nothingFilled: Filled = { values: {}, faults: {} };

export const valueOf = ({ values }: Filled, name: string): string => {
  const value = values[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
};

export const valuesOf = ({ values }: Filled, name: string): string[] => {
  const value = values[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
};

interface Field {
  /** Of the form: several forms on a page may ask for the same name. */
  form: string;
  name: string;
  label: string;
  hint?: string;
  filled: Filled;
  /** When nothing was typed yet. */
  preset?: string | undefined;
  placeholder?: string;
  required?: boolean;
  focus?: boolean;
  also?: string;
}

const idOf = ({ form, name }: Pick<Field, 'form' | 'name'>): string => `${form}-${name}`.replace(/[^\w-]/g, '-');

const shownValue = ({ filled, name, preset }: Field): string =>
  name in filled.values ? valueOf(filled, name) : (preset ?? '');

const around = (field: Field): Html =>
  html`<label for="${idOf(field)}"
    >${field.label}${field.also ? html` <span class="also">${field.also}</span>` : ''}</label
  >`;

const beneath = (field: Field): Html => {
  const fault = field.filled.faults[field.name];
  return html`${fault ? html`<p class="fault" id="${idOf(field)}-fault">${fault}</p>` : ''}${
    field.hint ? html`<p class="hint" id="${idOf(field)}-hint">${field.hint}</p>` : ''
  }`;
};

const marks = (field: Field): Html => {
  const fault = field.filled.faults[field.name];
  const described = [fault && `${idOf(field)}-fault`, field.hint && `${idOf(field)}-hint`].filter(Boolean).join(' ');
  return html`id="${idOf(field)}" name="${field.name}" ${field.required ? html`required` : ''}
  ${field.focus ? html`autofocus` : ''} ${field.placeholder ? html`placeholder="${field.placeholder}"` : ''}
  ${fault ? html`aria-invalid="true"` : ''} ${described ? html`aria-describedby="${described}"` : ''}`;
};

export const line = (
  field: Field & {
    type?: 'text' | 'email' | 'date' | 'number' | 'tel';
    min?: string;
    most?: number;
    autocomplete?: string;
    list?: string;
    /** A phone offers the keys for these. */
    digits?: boolean;
  },
): Html =>
  html`<div class="tight">
    ${around(field)}
    <input
      type="${field.type ?? 'text'}"
      ${marks(field)}
      value="${shownValue(field)}"
      autocomplete="${field.autocomplete ?? 'off'}"
      ${field.min ? html`min="${field.min}"` : ''}
      ${field.most ? html`maxlength="${field.most}"` : ''}
      ${field.list ? html`list="${field.list}"` : ''}
      ${field.digits ? html`inputmode="numeric"` : ''}
    />
    ${beneath(field)}
  </div>`;

export const text = (field: Field & { look?: 'spoken' | 'epistle'; rows?: number }): Html => {
  // A browser drops one line break behind the opening tag: this one, and not the first that was typed.
  const typed = `\n${shownValue(field)}`;
  return html`<div class="tight">
    ${around(field)}
    <textarea class="${field.look ?? ''}" rows="${field.rows ?? 3}" ${marks(field)}>${typed}</textarea>
    ${beneath(field)}
  </div>`;
};

export interface Option {
  value: string;
  label: string;
  hint?: string;
}

export const select = (field: Field & { options: Option[]; empty?: string }): Html =>
  html`<div class="tight">
    ${around(field)}
    <select ${marks(field)}>
      ${field.empty === undefined ? '' : html`<option value="">${field.empty}</option>`}
      ${field.options.map(
        ({ value, label }) =>
          html`<option value="${value}" ${shownValue(field) === value ? html`selected` : ''}>${label}</option>`,
      )}
    </select>
    ${beneath(field)}
  </div>`;

/** One of several, as chips to tap; `other` names the choice that asks for own words in the field after it. */
export const chips = (field: Field & { options: Option[]; other?: string; after?: Html; block?: boolean }): Html =>
  html`<fieldset
    class="tight"
    id="${idOf(field)}"
    tabindex="-1"
    ${field.filled.faults[field.name] ? html`aria-describedby="${idOf(field)}-fault"` : ''}
  >
    <legend>${field.label}${field.also ? html` <span class="also">${field.also}</span>` : ''}</legend>
    <div class="${field.block ? 'tight' : 'row'}">
      ${field.options.map(
        (option) =>
          html`<label class="choice ${field.block ? 'block' : 'chip'}"
            ><input
              type="radio"
              name="${field.name}"
              value="${option.value}"
              ${shownValue(field) === option.value ? html`checked` : ''}
              ${field.other === option.value ? html`data-other` : ''}
              ${field.required ? html`required` : ''}
            /><span
              >${option.label}${option.hint ? html`<br /><span class="hint">${option.hint}</span>` : ''}</span
            ></label
          >`,
      )}
    </div>
    ${beneath(field)} ${field.after ?? ''}
  </fieldset>`;

export const tick = (field: Field & { value: string }): Html =>
  html`<div class="tight">
    <label class="choice block"
      ><input
        type="checkbox"
        id="${idOf(field)}"
        name="${field.name}"
        value="${field.value}"
        ${valuesOf(field.filled, field.name).includes(field.value) ? html`checked` : ''}
        ${field.filled.faults[field.name] ? html`aria-describedby="${idOf(field)}-fault" aria-invalid="true"` : ''}
      /><span>${field.label}${field.also ? html`<br /><span class="hint">${field.also}</span>` : ''}</span></label
    >
    ${beneath(field)}
  </div>`;

/** What is wrong, on top of a form that came back, with a link to each field. */
export function wrongs(form: string, { faults, refusal }: Filled): Html | '' {
  const names = Object.keys(faults);
  if (!refusal && names.length === 0) return '';
  return html`<div class="wrong tight" role="alert">
    <p>${refusal ?? 'Nothing is lost; this is still missing:'}</p>
    ${
      names.length > 0
        ? html`<ul>
            ${names.map((name) => html`<li><a href="#${idOf({ form, name })}">${faults[name]}</a></li>`)}
          </ul>`
        : ''
    }
  </div>`;
}

/** Whose page it is, behind a link: the token goes along in the body, never in an address. */
export const linkKey = (token: string): Html => html`<input type="hidden" name="link" value="${token}" />`;

/** One gesture, told from the next, so that a double click counts once. */
export const pressKey = (key: string): Html => html`<input type="hidden" name="key" value="${key}" />`;
