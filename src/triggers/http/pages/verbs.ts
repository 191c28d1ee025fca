/** What people press on pages and behind links: a form, parsed once, and the response it becomes. */

import { isDate, morningOf } from '../../../domain/calendar.ts';
import type { Company } from '../../../domain/company.ts';
import { DomainError } from '../../../domain/errors.ts';
import type { Heed } from '../../heed.ts';
import { acknowledge, acknowledgeInsight } from '../../responses/acknowledge.ts';
import { approveFollowUp, FollowUp } from '../../responses/approveFollowUp.ts';
import { Confirmation, confirm } from '../../responses/confirm.ts';
import { complete, Completion, decide, Decision, takeBack } from '../../responses/decide.ts';
import { dismiss, Dismissal } from '../../responses/dismiss.ts';
import { HandOver, handOver, handOverInsight } from '../../responses/handOver.ts';
import { join, Joining } from '../../responses/join.ts';
import { Call, recordCall } from '../../responses/recordCall.ts';
import type { Responding, Response } from '../../responses/respond.ts';
import { Review, review } from '../../responses/review.ts';
import { settle, Settlement } from '../../responses/settle.ts';
import { vouchOnPage } from '../../responses/vouch.ts';
import { choices } from '../../../web/decision.ts';
import { asUnfit, given, many, one, parse, type Form } from './forms.ts';

export interface Pressed {
  loopId: string;
  /** Staff code. */
  by: string;
  verb: string;
  form: Form;
  /** 'web', or 'link' for somebody who came by one. */
  source: 'web' | 'link';
}

/** The key under which this gesture counts: one drawing of a page, one loop, one verb. */
export const keyOf = ({ form, loopId, verb }: Pick<Pressed, 'form' | 'loopId' | 'verb'>): string =>
  `${one(form, 'key') ?? ''}:${loopId}:${verb}`;

type Act = (heed: Heed, responding: Responding, form: Form, company: Company) => Promise<Response>;

const signalVerbs: Record<string, Act> = {
  acknowledgement: (heed, responding) => acknowledge(heed, responding),
  handover: (heed, responding, form) =>
    handOver(heed, responding, parse(HandOver, given(form, ['to', 'reason', 'holder']), form)),
  review: (heed, responding, form) =>
    review(heed, responding, parse(Review, given(form, ['verdict', 'course', 'kind', 'reason']), form)),
  dismissal: (heed, responding, form) => dismiss(heed, responding, parse(Dismissal, given(form, ['reason']), form)),
  'follow-up': (heed, responding, form) =>
    approveFollowUp(
      heed,
      responding,
      parse(
        FollowUp,
        { ...given(form, ['words', 'subject', 'promiseOn']), ...(one(form, 'final') && { final: true }) },
        form,
      ),
    ),
  call: (heed, responding, form) =>
    recordCall(
      heed,
      responding,
      parse(Call, { ...given(form, ['outcome', 'promiseOn']), ...(one(form, 'final') && { final: true }) }, form),
    ),
  repair: (heed, responding, form) =>
    settle(heed, responding, parse(Settlement, given(form, ['action', 'letter', 'reason']), form)),
  vouching: (heed, responding) => vouchOnPage(heed, responding),
  joining: (heed, responding, form) => join(heed, responding, parse(Joining, given(form, ['insight']), form)),
  confirmation: (heed, responding, form) =>
    confirm(heed, responding, parse(Confirmation, given(form, ['says', 'words']), form)),
};

const insightVerbs: Record<string, Act> = {
  acknowledgement: (heed, responding) => acknowledgeInsight(heed, responding),
  handover: (heed, responding, form) =>
    handOverInsight(heed, responding, parse(HandOver, given(form, ['to', 'reason', 'holder']), form)),
  decision: (heed, responding, form, company) =>
    decide(heed, responding, parseDecision(form, company), { decision: one(form, 'seen') }),
  withdrawal: (heed, responding, form) => takeBack(heed, responding, { decision: one(form, 'seen') }),
  completion: (heed, responding, form) =>
    complete(heed, responding, parse(Completion, given(form, ['evidence']), form)),
};

const acts = { signal: signalVerbs, insight: insightVerbs };

/** Every verb that may be pressed about one. */
export const verbsAbout = (kind: keyof typeof acts): string[] => Object.keys(acts[kind]);

/** What may be pressed behind a link, wait by wait: nothing else. */
export const verbsOfWait: Record<string, readonly string[]> = {
  reviewed: ['review', 'dismissal', 'handover'],
  acknowledged: ['acknowledgement', 'handover', 'dismissal', 'follow-up', 'call'],
  answered: ['acknowledgement', 'follow-up', 'call', 'handover', 'dismissal'],
  told: ['acknowledgement', 'call', 'handover'],
  repaired: ['repair', 'handover'],
  decided: ['acknowledgement', 'decision', 'withdrawal', 'handover'],
  completed: ['acknowledgement', 'completion', 'handover'],
};

/** Throws Unfit (to show the form again) and `not_found` for a verb there is none of. */
export async function respondWith(heed: Heed, kind: keyof typeof acts, pressed: Pressed): Promise<Response> {
  const { verb, form, loopId, by, source } = pressed;
  const act = Object.hasOwn(acts[kind], verb) ? acts[kind][verb] : undefined;
  if (!act) throw new DomainError('not_found', 'There is nothing here under that address.');
  const { company } = await heed.configuration();
  const { key: _, from: __, link: ___, ...content } = form;
  const press = { source, key: keyOf(pressed), content: JSON.stringify(content) };
  try {
    return await act(heed, { loopId, by, press }, form, company);
  } catch (error) {
    throw asUnfit(error, form, formFields);
  }
}

/** What the schema of a decision calls otherwise than its form. */
const formFields = { wakeAt: 'wakeOn', scope: 'do', outcome: 'do' };

function parseDecision(form: Form, company: Company): Decision {
  const choice = choices.find((each) => each === one(form, 'do'));
  const wakeOn = one(form, 'wakeOn');
  const said = {
    ...given(form, ['reason', 'internalReason']),
    ...(choice === 'adopt' || choice === 'these'
      ? { outcome: 'adopted', scope: choice === 'these' ? 'these' : 'everyone', ...given(form, ['doneBy']) }
      : { outcome: choice === 'decline' ? 'declined' : choice === 'defer' ? 'deferred' : undefined }),
    ...(choice === 'defer'
      ? { ...given(form, ['untilPeople']), ...(wakeOn && { wakeAt: wakeAt(wakeOn, company.timezone) }) }
      : { evidence: many(form, 'evidence') }),
  };
  return parse(Decision, said, form, formFields);
}

/** When they are asked again, or what was typed, for the schema to refuse. */
const wakeAt = (day: string, timezone: string): string => (isDate(day) ? morningOf(day, timezone).toISOString() : day);
