/** A form that was sent: one response, answered in its place with a sentence, or beside the fields with what is wrong. */

import type { z } from 'zod';
import { isDate, morningOf } from '../../domain/calendar.ts';
import { DomainError, type InvalidParam } from '../../domain/errors.ts';
import type { Heed } from '../heed.ts';
import { approveFollowUp, FollowUp } from '../responses/approveFollowUp.ts';
import { complete, Completion, decide, Decision } from '../responses/decide.ts';
import { Dismissal, dismiss } from '../responses/dismiss.ts';
import { HandOver, handOver, handOverInsight } from '../responses/handOver.ts';
import { Call, recordCall } from '../responses/recordCall.ts';
import type { Responding, Response } from '../responses/respond.ts';
import { Review, review } from '../responses/review.ts';
import { fieldsOf, loopIn, type Submitted } from './interaction.ts';
import { sentence } from './modal.ts';
import { mustBeAsSeen } from './task.ts';

type Fields = Record<string, string | string[]>;
type Form = (heed: Heed, responding: Responding, fields: Fields, seen: string | undefined) => Promise<Response>;

/** Records what a form says and gives what Slack is answered. Anything but a DomainError is thrown. */
export async function submit(heed: Heed, by: string, submitted: Submitted): Promise<object> {
  const { team, user, view } = submitted;
  const loop = loopIn(view.private_metadata);
  const form = Object.hasOwn(forms, view.callback_id) ? forms[view.callback_id] : undefined;
  if (!loop || !form)
    return update(view.title.text, 'This form is of an earlier time. Close it and press the button again.');
  const fields = fieldsOf(submitted);
  const gesture = {
    source: 'slack',
    key: `${team.id}:${user.id}:${view.id}:${view.hash}`,
    content: JSON.stringify(fields),
  };
  try {
    await mustBeAsSeen(heed, by, loop);
    const response = await form(heed, { loopId: loop.loopId, by, press: gesture }, fields, loop.seen);
    return update(view.title.text, response.sentence);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    if (error.code === 'validation') {
      heed.turnedAway.count({ door: 'slack', why: 'unfit' });
      return { response_action: 'errors', errors: besideFields(error, view.blocks) };
    }
    if (error.code === 'idempotency_mismatch')
      return update(view.title.text, 'This was recorded a moment ago, as you first sent it.');
    // The form gives way to the sentence, and what they wrote would go with it.
    return update(view.title.text, error.message, typedInto(fields));
  }
}

const update = (title: string, said: string, typed: readonly string[] = []): object => ({
  response_action: 'update',
  view: sentence(title, said, typed),
});

/** What somebody wrote in sentences of their own, as it stands in the form's fields: choices and days are said again in a moment. */
const typedInto = (fields: Fields): string[] =>
  ['words', 'reason', 'internalReason', 'evidence'].flatMap((name) => {
    const text = fields[name];
    return typeof text === 'string' ? [text] : [];
  });

const forms: Record<string, Form> = {
  view_signal_hand_over: (heed, responding, fields, holder) =>
    handOver(heed, responding, parse(HandOver, { ...fields, ...(holder && { holder }) })),
  view_decision_hand_over: (heed, responding, fields, holder) =>
    handOverInsight(heed, responding, parse(HandOver, { ...fields, ...(holder && { holder }) })),
  view_signal_dismiss: (heed, responding, fields) => dismiss(heed, responding, parse(Dismissal, fields)),
  view_signal_review: (heed, responding, fields) => review(heed, responding, parse(Review, fields)),
  view_signal_call: (heed, responding, fields) => recordCall(heed, responding, parse(Call, fields)),
  view_signal_answer: (heed, responding, { final, ...fields }) =>
    approveFollowUp(heed, responding, parse(FollowUp, { ...fields, ...(final && { final: true }) })),
  view_decision_adopt: (heed, responding, fields, decision) =>
    decide(heed, responding, parse(Decision, { outcome: 'adopted', ...fields }), { decision }),
  view_decision_decline: (heed, responding, fields, decision) =>
    decide(heed, responding, parse(Decision, { outcome: 'declined', ...fields }), { decision }),
  view_decision_defer: async (heed, responding, { wakeAt, ...fields }, decision) => {
    const { company } = await heed.configuration();
    const woken =
      typeof wakeAt === 'string' && isDate(wakeAt) ? { wakeAt: morningOf(wakeAt, company.timezone).toISOString() } : {};
    return decide(heed, responding, parse(Decision, { outcome: 'deferred', ...fields, ...woken }), { decision });
  },
  view_decision_complete: (heed, responding, fields) => complete(heed, responding, parse(Completion, fields)),
};

/** Throws `validation`, naming each field. */
function parse<T>(schema: z.ZodType<T>, fields: unknown): T {
  const read = schema.safeParse(fields);
  if (read.success) return read.data;
  const invalidParams: InvalidParam[] = read.error.issues.map(({ path, message }) => ({
    name: String(path[0] ?? ''),
    reason: message,
  }));
  throw new DomainError('validation', read.error.issues[0]?.message ?? 'Something in it is not right.', {
    invalidParams,
  });
}

/** Slack shows an error only beside a field that the form has: what belongs to none stands beside the first. */
export function besideFields(error: DomainError, blocks: { type: string; block_id: string }[]): Record<string, string> {
  const inputs = blocks.filter(({ type }) => type === 'input').map((block) => block.block_id);
  const first = inputs[0] ?? '';
  const one = error.invalidParams.length === 1;
  const said = error.invalidParams.map(({ name, reason }) => [
    inputs.includes(name) ? name : first,
    // A response's own sentence says more than the field's reason.
    one && error.message.length > reason.length ? error.message : reason,
  ]);
  return said.length > 0 ? Object.fromEntries(said) : { [first]: error.message };
}
