import { fieldsOf, isField } from './slackFields.ts';
import type { Attachment, Block, Element, Option, Text } from './slackBlocks.ts';

/**
 * What Slack would refuse, so that what passes here passes there: sizes, counts and ids as its Block Kit reference has them.
 * One sentence each, in Slack's own form; empty when all is well.
 */
export function blockRefusals(blocks: unknown, surface: 'message' | 'modal', at = '/blocks'): string[] {
  if (!Array.isArray(blocks)) return [refusal(at, 'must be an array')];
  const most = surface === 'message' ? 50 : 100;
  const all = blocks as Block[];
  const ids = all.flatMap((block) => block?.block_id ?? []);
  return [
    ...(all.length > most ? [refusal(at, `no more than ${most} items allowed`)] : []),
    ...(new Set(ids).size < ids.length ? [refusal(at, 'block_id already exists')] : []),
    ...all.flatMap((block, i) => blockRefusal(block, surface, `${at}/${i}`)),
  ];
}

export const attachmentRefusals = (attachments: unknown): string[] =>
  Array.isArray(attachments)
    ? (attachments as Attachment[]).flatMap(({ blocks }, i) =>
        blocks === undefined ? [] : blockRefusals(blocks, 'message', `/attachments/${i}/blocks`),
      )
    : [refusal('/attachments', 'must be an array')];

export function viewRefusals(view: Record<string, unknown>): string[] {
  const blocks = (view['blocks'] ?? []) as Block[];
  return [
    ...(view['type'] === 'modal' ? [] : [refusal('/view/type', 'must be modal')]),
    ...plain(view['title'], 24, '/view/title'),
    ...(view['submit'] === undefined ? [] : plain(view['submit'], 24, '/view/submit')),
    ...(view['close'] === undefined ? [] : plain(view['close'], 24, '/view/close')),
    ...long(view['private_metadata'], 3000, '/view/private_metadata'),
    ...long(view['callback_id'], 255, '/view/callback_id'),
    ...(view['submit'] === undefined && Array.isArray(blocks) && blocks.some(({ type }) => type === 'input')
      ? [refusal('/view', 'missing required field: submit')]
      : []),
    ...blockRefusals(view['blocks'], 'modal', '/view/blocks'),
  ];
}

const refusal = (at: string, what: string) => `[ERROR] ${what} [json-pointer:${at}]`;

function blockRefusal(block: Block, surface: 'message' | 'modal', at: string): string[] {
  const elements = (block.elements ?? []) as Element[];
  const count = (most: number) =>
    elements.length < 1 || elements.length > most ? [refusal(`${at}/elements`, `must have 1 to ${most} items`)] : [];
  const ids = elements.flatMap(({ action_id: id }) => id ?? []);
  const common = long(block.block_id, 255, `${at}/block_id`);
  switch (block.type) {
    case 'header':
      return [...common, ...plain(block.text, 150, `${at}/text`)];
    case 'section':
      return [
        ...common,
        ...(block.text || block.fields?.length ? [] : [refusal(at, 'missing required field: text or fields')]),
        ...(block.text ? words(block.text, 3000, `${at}/text`) : []),
        ...((block.fields?.length ?? 0) > 10 ? [refusal(`${at}/fields`, 'no more than 10 items allowed')] : []),
        ...(block.fields ?? []).flatMap((field, i) => words(field, 2000, `${at}/fields/${i}`)),
        ...(block.accessory ? elementRefusal(block.accessory, `${at}/accessory`) : []),
      ];
    case 'context':
      return [
        ...common,
        ...count(10),
        ...elements.flatMap((element, i) =>
          element.type === 'image' ? [] : words(element as unknown as Text, 3000, `${at}/elements/${i}`),
        ),
      ];
    case 'actions':
      return [
        ...common,
        ...count(25),
        ...(new Set(ids).size < ids.length ? [refusal(at, 'action_id already exists')] : []),
        ...elements.flatMap((element, i) => elementRefusal(element, `${at}/elements/${i}`)),
      ];
    case 'input':
      return [
        ...common,
        ...(surface === 'message' ? [refusal(at, 'unsupported type: input')] : []),
        ...plain(block.label, 2000, `${at}/label`),
        ...(block.hint ? plain(block.hint, 2000, `${at}/hint`) : []),
        ...(block.element && isField(block.element)
          ? elementRefusal(block.element, `${at}/element`)
          : [refusal(`${at}/element`, 'must be an input element')]),
      ];
    case 'rich_text':
      return [...common, ...(Array.isArray(block.elements) ? [] : [refusal(at, 'missing required field: elements')])];
    case 'image':
      return [...common, ...(block.alt_text ? [] : [refusal(at, 'missing required field: alt_text')])];
    case 'divider':
      return common;
    default:
      return [refusal(at, `unsupported type: ${block.type}`)];
  }
}

function elementRefusal(element: Element, at: string): string[] {
  const common = [...long(element.action_id, 255, `${at}/action_id`), ...confirmRefusal(element, at)];
  if (element.type === 'button') {
    return [
      ...common,
      ...plain(element.text, 75, `${at}/text`),
      ...long(element.value, 2000, `${at}/value`),
      ...long(element.url, 3000, `${at}/url`),
      ...(element.style === undefined || ['primary', 'danger'].includes(element.style)
        ? []
        : [refusal(`${at}/style`, 'must be primary or danger')]),
    ];
  }
  if (element.type === 'image') return [];
  if (fieldsOf([{ type: 'input', element }]).length === 0) return [refusal(at, `unsupported type: ${element.type}`)];
  return [
    ...common,
    ...(element.placeholder ? plain(element.placeholder, 150, `${at}/placeholder`) : []),
    ...long(element.initial_value, 3000, `${at}/initial_value`),
    ...optionRefusals(element, at),
  ];
}

function optionRefusals(element: Element, at: string): string[] {
  if (!/select$|radio|checkboxes/.test(element.type) || element.type === 'users_select') return [];
  const most = element.type.endsWith('select') ? 100 : 10;
  const options = element.options ?? [];
  const offered = (chosen: Option) => options.some((option) => JSON.stringify(option) === JSON.stringify(chosen));
  return [
    ...(options.length < 1 || options.length > most
      ? [refusal(`${at}/options`, `must have 1 to ${most} items`)]
      : options.flatMap((option, i) => [
          ...words(option.text, 75, `${at}/options/${i}/text`),
          ...(option.value
            ? long(option.value, 150, `${at}/options/${i}/value`)
            : [refusal(`${at}/options/${i}`, 'missing required field: value')]),
        ])),
    ...[element.initial_option ?? [], element.initial_options ?? []]
      .flat()
      .flatMap((chosen) =>
        offered(chosen) ? [] : [refusal(`${at}/initial_option`, 'must exactly match one of the options')],
      ),
  ];
}

const confirmRefusal = ({ confirm }: Element, at: string): string[] =>
  confirm
    ? [
        ...plain(confirm.title, 100, `${at}/confirm/title`),
        ...words(confirm.text, 300, `${at}/confirm/text`),
        ...plain(confirm.confirm, 30, `${at}/confirm/confirm`),
        ...plain(confirm.deny, 30, `${at}/confirm/deny`),
      ]
    : [];

function plain(text: unknown, most: number, at: string): string[] {
  if ((text as Text | undefined)?.type !== 'plain_text') return [refusal(at, 'must be a plain_text object')];
  return words(text as Text, most, at);
}

function words(text: Text | undefined, most: number, at: string): string[] {
  if (typeof text?.text !== 'string' || text.text === '')
    return [refusal(`${at}/text`, 'must be more than 0 characters')];
  return long(text.text, most, `${at}/text`);
}

const long = (text: unknown, most: number, at: string): string[] =>
  typeof text === 'string' && Array.from(text).length > most
    ? [refusal(at, `must be less than ${most + 1} characters`)]
    : [];
