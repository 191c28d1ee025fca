/** "It's mine." Whoever was told may take a signal that its holder has not taken. */

import { DomainError } from '../../domain/errors.ts';
import { ladderPlansOfSignal, waitsToBeTaken } from '../../domain/loop.ts';
import { recordAcknowledgement } from '../../store/records/acknowledgements.ts';
import { own } from '../../store/records/ownerships.ts';
import { plansOf, stageOf } from '../../store/views/insights.ts';
import type { Heed } from '../heed.ts';
import {
  beforeYou,
  mustBeOpen,
  mustBeUndecided,
  nameOf,
  respondToInsight,
  respondToSignal,
  type Responding,
  type Response,
} from './respond.ts';

/** Throws `conflict` when a colleague was faster. */
export function acknowledge(heed: Heed, responding: Responding): Promise<Response> {
  return respondToSignal(heed, responding, async (signal, moment) => {
    const { tx, by, version } = moment;
    mustBeOpen(signal, moment);
    if (signal.verdict === 'review')
      throw new DomainError(
        'conflict',
        'Nobody has said yet what this is. Read it first: pursue it, or dismiss it with a reason.',
      );
    if (signal.acknowledged_at && signal.owner === by) return { sentence: 'It is yours already.', factId: null };
    if (signal.acknowledged_at) {
      throw new DomainError(
        'conflict',
        `${nameOf(moment, signal.owner)} took this ${beforeYou(signal.acknowledged_at, moment)}.`,
      );
    }
    // Whoever answers without pressing "I'll take it" has it none the less: a page or card that was drawn before still offers it to others.
    // What they gave away since waits to be taken.
    const isGiven = waitsToBeTaken(ladderPlansOfSignal(signal));
    if (signal.answered_by && signal.answered_by !== by && signal.owner !== by && !isGiven) {
      throw new DomainError(
        'conflict',
        `${nameOf(moment, signal.answered_by)} answered ${beforeYou(signal.answered_at!, moment)}.`,
      );
    }
    const ownershipId =
      signal.owner === by
        ? signal.ownership_id
        : await own(tx, {
            loopId: signal.id,
            round: signal.round,
            staff: by,
            cause: 'taken',
            reason: 'you took it',
            by,
            configuration: version,
          });
    const factId = await recordAcknowledgement(tx, { loopId: signal.id, round: signal.round, ownershipId, by });
    const next = signal.answered_at ? '' : ' Next: answer the customer.';
    return { sentence: `It is yours.${next}`, factId };
  });
}

/** The decider has seen it; or whoever it was given to after the decision, that it is theirs to do. This ends no wait of the customers'. */
export function acknowledgeInsight(heed: Heed, responding: Responding): Promise<Response> {
  return respondToInsight(heed, responding, async (insight, moment) => {
    const { tx, by, version } = moment;
    const isToBeDone = stageOf(insight, moment.company, moment.now) === 'complete';
    const isGiven = waitsToBeTaken(plansOf(insight, moment.company, moment.now));
    if (!isToBeDone || !isGiven) mustBeUndecided(insight, moment);
    if (insight.acknowledged_at && insight.decider === by) return { sentence: 'It is yours already.', factId: null };
    if (insight.acknowledged_at) {
      throw new DomainError(
        'conflict',
        `${nameOf(moment, insight.decider)} took this ${beforeYou(insight.acknowledged_at, moment)}.`,
      );
    }
    const ownershipId =
      insight.decider === by
        ? insight.ownership_id
        : await own(tx, {
            loopId: insight.id,
            round: insight.round,
            staff: by,
            cause: 'taken',
            reason: 'you took it',
            by,
            configuration: version,
          });
    const factId = await recordAcknowledgement(tx, { loopId: insight.id, round: insight.round, ownershipId, by });
    return { sentence: isToBeDone ? 'It is yours to do.' : 'It is yours to decide.', factId };
  });
}
