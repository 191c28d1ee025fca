/** Somebody with a name decides, says why to the customers, and chooses what it rests on. A later version supersedes; nothing is overwritten. */

import { z } from 'zod';
import { addSpan, isDate, localDate } from '../../domain/calendar.ts';
import type { Calendar } from '../../domain/company.ts';
import { decisionOutcomes, decisionScopes, seenWhenDrawn } from '../../domain/decisions.ts';
import { DomainError } from '../../domain/errors.ts';
import { spanText } from '../../domain/span.ts';
import { lastWithdrawal, recordCompletion, recordDecision, recordWithdrawal } from '../../store/records/decisions.ts';
import { releasePrompts } from '../../store/records/deliveries.ts';
import { closeForgotten, isAnybodyLeft, whyForgotten } from '../../store/records/erasures.ts';
import { freeSameness, takeSamenessBack } from '../../store/records/insights.ts';
import { planWait } from '../../store/records/ladders.ts';
import { openRound, redrawCards } from '../../store/records/loops.ts';
import { own } from '../../store/records/ownerships.ts';
import { signalsToCallAbout } from '../../store/records/tellings.ts';
import type { Heed } from '../heed.ts';
import { writtenMoment } from '../writtenMoment.ts';
import { insightNow } from '../../store/views/insights.ts';
import { atTime, mustHoldSomebody, nameOf, respondToInsight, type Responding, type Response } from './respond.ts';

const words = (most: number) =>
  z.string().trim().min(1, 'must not be empty').max(most, `must be at most ${most} characters`);

export const Decision = z
  .strictObject({
    outcome: z.enum(decisionOutcomes),
    scope: z.enum(decisionScopes).optional(),
    /** For customers. */
    reason: words(1000),
    /** For colleagues only. */
    internalReason: words(1000).optional(),
    doneBy: z.string().refine(isDate, 'must be a date like 2026-09-01').optional(),
    wakeAt: writtenMoment('2026-09-01T09:00:00Z').optional(),
    untilPeople: z.coerce.number().int().min(1).max(1_000_000).optional(),
    /** The signals it rests on, chosen one by one. */
    evidence: z.array(z.uuid()).max(10_000).optional(),
  })
  .refine((d) => d.outcome !== 'adopted' || d.scope, {
    path: ['scope'],
    error: 'is needed: for everyone, or for these people',
  })
  .refine((d) => d.outcome !== 'adopted' || d.doneBy, {
    path: ['doneBy'],
    error: 'is needed: by which day is it done?',
  })
  .refine((d) => d.outcome === 'adopted' || !d.doneBy, { path: ['doneBy'], error: 'goes with "adopted" only' })
  .refine((d) => d.outcome !== 'deferred' || d.wakeAt, {
    path: ['wakeAt'],
    error: 'is needed: when is it looked at again?',
  })
  .refine((d) => d.outcome === 'deferred' || (!d.wakeAt && !d.untilPeople), {
    path: ['wakeAt'],
    error: 'goes with "deferred" only',
  });
export type Decision = z.infer<typeof Decision>;

const everyHour: Calendar = { timezone: 'UTC', week: 'always', daysOff: [] };

/** What whoever responds had before them (`seenWhenDrawn`); undefined where that is not known, as of a program. */
export interface Seen {
  decision?: string | undefined;
}

/** Throws `conflict` when it was decided a moment ago, or has been since they saw it; `validation` when a date is over. */
export function decide(heed: Heed, responding: Responding, decision: Decision, seen: Seen = {}): Promise<Response> {
  return respondToInsight(heed, responding, async (insight, moment) => {
    const { tx, by, company, now, version } = moment;
    mustHoldSomebody(insight);
    if (insight.outcome && insight.outcome !== 'deferred' && insight.final_at! > now) {
      throw new DomainError(
        'conflict',
        `${nameOf(moment, insight.decided_by!)} decided this ${atTime(insight.decided_at!, moment)}. To change it, take that back first.`,
      );
    }
    // Whoever was told the one would be told the other, by somebody who knows of no other.
    if (seen.decision && ![seen.decision, 'none'].includes(seenWhenDrawn(insight)))
      throw new DomainError(
        'conflict',
        `${nameOf(moment, insight.decided_by!)} decided this ${atTime(insight.decided_at!, moment)}, since you began, and people are told. Nothing was recorded: read that first. It can still be decided anew on its page.`,
      );
    if (insight.outcome && insight.outcome !== 'deferred' && decision.outcome === 'deferred')
      throw new DomainError('conflict', 'This was decided and told; it can be decided anew, but not put off.');
    if (decision.untilPeople && decision.untilPeople <= insight.people) {
      throw new DomainError('validation', `${insight.people} have asked already. Wait for more, or decide now.`, {
        invalidParams: [{ name: 'untilPeople', reason: 'are there already' }],
      });
    }
    if (decision.doneBy && decision.doneBy < localDate(now, company.timezone)) {
      throw new DomainError('validation', 'The day by which it is done is over.', {
        invalidParams: [{ name: 'doneBy', reason: 'is over' }],
      });
    }
    const wakeAt = decision.wakeAt ? new Date(decision.wakeAt) : undefined;
    if (wakeAt && wakeAt <= now) {
      throw new DomainError('validation', 'The time at which it is looked at again is over.', {
        invalidParams: [{ name: 'wakeAt', reason: 'is over' }],
      });
    }
    if (insight.decider !== by) {
      await own(tx, {
        loopId: insight.id,
        round: insight.round,
        staff: by,
        cause: 'taken',
        reason: 'you decided it',
        by,
        configuration: version,
      });
    }
    const final = decision.outcome !== 'deferred';
    // What was told and closed is decided anew in a round of its own; the earlier version stays.
    if (insight.closed_at) await openRound(tx, insight.id, 'decided_anew');
    const factId = await recordDecision(tx, {
      ...decision,
      insightId: insight.id,
      wakeAt,
      by,
      finalAt: final ? addSpan(now, company.undo, everyHour) : now,
      evidence: decision.evidence ?? [],
    });
    await redrawCards(tx, await signalsToCallAbout(tx, insight.id));
    if (final) await freeSameness(tx, insight.id);
    // Planned here and not by the story, which may look only after enough people have asked: theirs must be the later plan.
    else if (wakeAt) {
      const due = { wait: 'decided', ladder: 'deciding', clock: 'customer', occasion: factId, from: wakeAt } as const;
      await planWait(tx, {
        loopId: insight.id,
        round: insight.round,
        place: insight.place,
        due,
        company,
        configuration: version,
      });
    }
    return {
      sentence: final
        ? `Decided. You can take it back for ${spanText(company.undo)}; then everyone who asked is told.`
        : 'Noted: we keep listening, and you are asked again.',
      factId,
    };
  });
}

/** Throws `conflict` when there is nothing to take back any more, or it was decided anew since they saw it. */
export function takeBack(heed: Heed, responding: Responding, seen: Seen = {}): Promise<Response> {
  return respondToInsight(heed, responding, async (insight, moment) => {
    const { tx, by, now } = moment;
    mustHoldSomebody(insight);
    if (!insight.decision_id || insight.outcome === 'deferred') {
      const taken = await lastWithdrawal(tx, insight.id);
      throw new DomainError(
        'conflict',
        taken
          ? `${nameOf(moment, taken.by)} took this back ${atTime(taken.withdrawn_at, moment)}.`
          : 'Nothing has been decided yet.',
      );
    }
    if (insight.final_at! <= now)
      throw new DomainError('conflict', 'It is too late to take it back: people are being told. Decide anew instead.');
    if (seen.decision && seen.decision !== insight.decision_id)
      throw new DomainError(
        'conflict',
        `What you saw was taken back before, and ${nameOf(moment, insight.decided_by!)} decided this anew ${atTime(insight.decided_at!, moment)}. That stands: read it first.`,
      );
    await recordWithdrawal(tx, insight.decision_id, by);
    const toCall = await signalsToCallAbout(tx, insight.id);
    await releasePrompts(tx, toCall, 'decided_anew');
    await redrawCards(tx, toCall);
    // What stands again may be a decision that was told: that one stays closed to others.
    const before = (await insightNow(tx, insight.id))?.outcome;
    if (!before || before === 'deferred')
      await ((await isAnybodyLeft(tx, insight.id))
        ? takeSamenessBack(tx, insight.id)
        : closeForgotten(tx, insight, await whyForgotten(tx, insight.id)));
    return { sentence: 'Taken back. Nothing has left.', factId: insight.decision_id };
  });
}

export const Completion = z.strictObject({ evidence: words(2000) });
export type Completion = z.infer<typeof Completion>;

/** What was decided has been done, and this shows it. Throws `conflict` when nothing was adopted, or it was completed before. */
export function complete(heed: Heed, responding: Responding, { evidence }: Completion): Promise<Response> {
  return respondToInsight(heed, responding, async (insight, moment) => {
    const { tx, by, now } = moment;
    mustHoldSomebody(insight);
    if (insight.outcome !== 'adopted' || insight.final_at! > now)
      throw new DomainError('conflict', 'Nothing has been adopted here that could be done.');
    if (!(await recordCompletion(tx, { decisionId: insight.decision_id!, evidence, by }))) {
      throw new DomainError('conflict', `${nameOf(moment, insight.completed_by!)} has recorded this as done.`);
    }
    return { sentence: 'Done, and recorded.', factId: insight.decision_id };
  });
}
