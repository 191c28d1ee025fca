/** The parts of a form in Slack. A field is named as the response names it, so that what is wrong with it finds its way back. */

import { plainText } from '../../integrations/slack.ts';

export interface Modal {
  callbackId: string;
  /** At most 24 characters. */
  title: string;
  submit: string;
  /** '<loop>:<round>', and what else was seen where that matters: nothing else. */
  value: string;
  blocks: object[];
}

export const modal = ({ callbackId, title, submit, value, blocks }: Modal): object => ({
  type: 'modal',
  callback_id: callbackId,
  private_metadata: value,
  title: plainText(title, 24),
  submit: plainText(submit, 24),
  close: plainText('Leave it', 24),
  blocks,
});

/** What a form turns into when it has been sent: one sentence; and what was typed, where nothing came of it. */
export const sentence = (title: string, said: string, typed: readonly string[] = []): object => ({
  type: 'modal',
  title: plainText(title, 24),
  close: plainText('Close', 24),
  blocks: [
    prose(said),
    ...(typed.length > 0 ? [prose('What you typed, to copy what you still need:'), ...typed.map(prose)] : []),
  ],
});

export const prose = (text: string): object => ({ type: 'section', text: plainText(text, 3000) });

interface Field {
  label: string;
  hint?: string;
  optional?: boolean;
}

export function field(name: string, { label, hint, optional }: Field, element: object): object {
  return {
    type: 'input',
    block_id: name,
    label: plainText(label, 200),
    ...(hint && { hint: plainText(hint, 200) }),
    ...(optional && { optional }),
    element: { action_id: `action_${name}`, ...element },
  };
}

export const text = (options: { initial?: string; lines?: boolean } = {}): object => ({
  type: 'plain_text_input',
  multiline: options.lines ?? false,
  ...(options.initial && { initial_value: options.initial }),
});

export const date = (initial?: string): object => ({ type: 'datepicker', ...(initial && { initial_date: initial }) });

export interface Choice {
  value: string;
  label: string;
  description?: string;
}

const option = ({ value, label, description }: Choice): object => ({
  value,
  text: plainText(label, 75),
  ...(description && { description: plainText(description, 75) }),
});

/** One of a few, all of them in sight; `chosen` is the value that is set at first. */
export function radio(choices: Choice[], chosen?: string): object {
  const initial = choices.find(({ value }) => value === chosen);
  return {
    type: 'radio_buttons',
    options: choices.map(option),
    ...(initial && { initial_option: option(initial) }),
  };
}

/** One of many. Slack takes a hundred. */
export const select = (choices: Choice[]): object => ({
  type: 'static_select',
  options: choices.slice(0, 100).map(option),
});

/** As many as Slack takes to be ticked. */
export const mostCheckboxes = 10;

/** Any of a few, none of them ticked for anybody. */
export const checkboxes = (choices: Choice[]): object => ({
  type: 'checkboxes',
  options: choices.slice(0, mostCheckboxes).map(option),
});
