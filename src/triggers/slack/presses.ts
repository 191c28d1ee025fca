/** A button under a message: some say everything there is to say, the others open a form. */

import { momentOf } from '../../store/records/clock.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Heed } from '../heed.ts';
import { acknowledge, acknowledgeInsight } from '../responses/acknowledge.ts';
import { takeBack, type Seen } from '../responses/decide.ts';
import type { Responding } from '../responses/respond.ts';
import type { SlackDoor } from '../http/web.ts';
import { loopIn, type Pressed } from './interaction.ts';
import {
  answerForm,
  callForm,
  completeForm,
  decideForm,
  dismissForm,
  handOverForm,
  reviewForm,
  type Outcome,
} from './modals.ts';
import { within } from './patience.ts';
import { mustBeAsSeen, taskFor, type Task } from './task.ts';

/** Does what a button says, or opens its form. Throws DomainError when it can't be done. */
export async function press(
  heed: Heed,
  door: SlackDoor,
  by: string,
  { team, user, trigger_id, actions }: Pressed,
): Promise<void> {
  const { action_id: id, action_ts, value } = actions[0]!;
  const loop = loopIn(value);
  // A link in the message, or a button of a message from before an update.
  if (!loop) return;
  const gesture = { source: 'slack', key: `${team.id}:${user.id}:${id}:${action_ts}`, content: value ?? '' };
  const responding: Responding = { loopId: loop.loopId, by, press: gesture };
  const said = Object.hasOwn(atOnce, id) ? atOnce[id] : undefined;
  if (said) {
    await mustBeAsSeen(heed, by, loop);
    await said(heed, responding, { decision: loop.seen });
    return;
  }
  const form = await formFor(heed, id, () => taskFor(heed, by, loop));
  // Slack waits three seconds for us, and the form goes a way of its own; a spent trigger (a replay) opens nothing.
  if (form) await within(1500, door.openView(trigger_id, form)).catch(() => {});
}

/** These need no form. Who may, and whether somebody was faster, the response itself finds out. */
const atOnce: Record<string, (heed: Heed, responding: Responding, seen: Seen) => Promise<unknown>> = {
  action_signal_acknowledge: acknowledge,
  action_decision_acknowledge: acknowledgeInsight,
  action_decision_take_back: takeBack,
};

async function formFor(heed: Heed, actionId: string, read: () => Promise<Task>): Promise<object | undefined> {
  const decision = /^action_decision_(adopt|adopt_these|decline|defer)$/.exec(actionId)?.[1];
  const known = /^action_(signal_(hand_over|answer|dismiss|review|call)|decision_(hand_over|complete))$/.test(actionId);
  if (!decision && !known) return undefined;
  const task = await read();
  if (actionId.endsWith('_hand_over')) return handOverForm(task);
  if (task.kind === 'insight') {
    return decision ? decideForm(heed.pool, task, decision as Outcome, await momentOf(heed.pool)) : completeForm(task);
  }
  switch (actionId) {
    case 'action_signal_answer':
      if (task.signal.answered_by) throw new DomainError('conflict', 'The customer has been answered meanwhile.');
      // Mail may have bounced since the button was drawn.
      return task.signal.owed_by === 'phone' ? callForm(heed.pool, task) : answerForm(heed.pool, task);
    case 'action_signal_call':
      return callForm(heed.pool, task);
    case 'action_signal_review':
      return reviewForm(heed.pool, task);
    default:
      return dismissForm(task);
  }
}
