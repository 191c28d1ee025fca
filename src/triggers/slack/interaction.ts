/** What Slack tells of a press or a form: parsed once, and of it only what is used. Nothing in it is trusted beyond ids. */

import { z } from 'zod';

const Who = {
  team: z.object({ id: z.string() }),
  user: z.object({ id: z.string(), team_id: z.string().optional() }),
};

const Chosen = z.object({ value: z.string() });
const Value = z.object({
  value: z.string().nullish(),
  selected_option: Chosen.nullish(),
  selected_options: z.array(Chosen).nullish(),
  selected_date: z.string().nullish(),
});

const Pressed = z.object({
  ...Who,
  type: z.literal('block_actions'),
  trigger_id: z.string(),
  channel: z.object({ id: z.string() }).optional(),
  actions: z.array(z.object({ action_id: z.string(), action_ts: z.string(), value: z.string().optional() })).min(1),
});
export type Pressed = z.infer<typeof Pressed>;

const Submitted = z.object({
  ...Who,
  type: z.literal('view_submission'),
  view: z.object({
    id: z.string(),
    hash: z.string(),
    callback_id: z.string(),
    private_metadata: z.string(),
    title: z.object({ text: z.string() }),
    blocks: z.array(z.object({ type: z.string(), block_id: z.string() })),
    state: z.object({ values: z.record(z.string(), z.record(z.string(), Value)) }),
  }),
});
export type Submitted = z.infer<typeof Submitted>;

/** Other kinds of interaction are none of ours and are answered with nothing. */
const Other = z.object({ type: z.string() });

export type Interaction = Pressed | Submitted | 'other';

/** Undefined when it can't be read. */
export function readInteraction(body: Buffer): Interaction | undefined {
  let payload: unknown;
  try {
    payload = JSON.parse(new URLSearchParams(body.toString('utf8')).get('payload') ?? '', keepable);
  } catch {
    return undefined;
  }
  const read = z.union([Pressed, Submitted, Other]).safeParse(payload);
  if (!read.success) return undefined;
  if ('actions' in read.data || 'view' in read.data) return read.data;
  return ['block_actions', 'view_submission'].includes(read.data.type) ? undefined : 'other';
}

/** Throws for text that no database keeps; Slack sends none. */
function keepable(_key: string, value: unknown): unknown {
  if (typeof value === 'string' && (value.includes('\0') || !value.isWellFormed())) throw new Error('not kept');
  return value;
}

/** What stands in the fields of a form, by block: a text, a choice, a date, or several choices. Empty ones are left out. */
export function fieldsOf({ view }: Submitted): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = {};
  for (const [name, elements] of Object.entries(view.state.values)) {
    for (const { value, selected_option, selected_options, selected_date } of Object.values(elements)) {
      const one = value ?? selected_option?.value ?? selected_date;
      const several = selected_options?.map((option) => option.value);
      if (one) fields[name] = one;
      else if (several?.length) fields[name] = several;
    }
  }
  return fields;
}

const Reference = z.templateLiteral([z.uuid(), ':', z.number().int().positive()]);

/** The loop a button or form is about and the round its person saw: '<loop>:<round>'. Where that matters with what else they saw behind it: the
 *  decision that stood, or whom it was with. */
export function loopIn(value = ''): { loopId: string; round: number; seen: string | undefined } | undefined {
  const [, reference, seen] = /^([^:]+:[^:]+)(?::([a-z\d-]+))?$/.exec(value) ?? [];
  const read = Reference.safeParse(reference);
  if (!read.success) return undefined;
  const [loopId = '', round] = read.data.split(':');
  return { loopId, round: Number(round), seen };
}
