/** Where a loop stands, said once: from the facts (one row of now.signals or now.insights) to stage, waits and the ladders that run. Pure. */

import type { Course, LadderName, Verdict } from './company.ts';

export const waits = ['reviewed', 'acknowledged', 'answered', 'told', 'confirmed', 'decided', 'completed'] as const;
export type Wait = (typeof waits)[number];

export type SignalStage = 'captured' | 'review' | 'acknowledge' | 'answer' | 'decision' | 'confirmation' | 'closed';
export type InsightStage = 'decide' | 'undo' | 'tell' | 'complete' | 'finish' | 'closed';

/** The facts of a signal's latest round that decide what comes next. */
export interface SignalFacts {
  id: string;
  round: number;
  round_opened_at: Date;
  verdict: Verdict | null;
  course: Course | null;
  reviewed_at: Date | null;
  owner_cause: string;
  ownership_id: string;
  owned_since: Date;
  acknowledged_at: Date | null;
  answered_at: Date | null;
  reach: string | null;
  /** The customer asked that nothing be done with it for now. */
  restricted: boolean;
  /** When they last said that it goes on, if they ever let it rest. */
  lifted_at: Date | null;
  lifting_id: string | null;
  promised_for: Date | null;
  follow_up_id: string | null;
  telling_id: string | null;
  telling_since: Date | null;
  told_channel: string | null;
  told_at: Date | null;
  asked_at: Date | null;
  could_not_be_asked: string | null;
  closed_at: Date | null;
}

/** The facts of an insight that decide what comes next. */
export interface InsightFacts {
  id: string;
  opened_at: Date;
  owner_cause: string;
  ownership_id: string;
  owned_since: Date;
  acknowledged_at: Date | null;
  decision_id: string | null;
  outcome: 'adopted' | 'declined' | 'deferred' | null;
  wake_at: Date | null;
  decided_at: Date | null;
  /** End of the promised day in the company's zone. */
  done_by_end: Date | null;
  final_at: Date | null;
  signals: number;
  tellings: number;
  completed_at: Date | null;
  closed_at: Date | null;
}

export function stageOfSignal(s: SignalFacts): SignalStage {
  if (s.closed_at) return 'closed';
  if (!s.verdict) return 'captured';
  if (s.verdict === 'review') return 'review';
  // Later facts meet earlier waits: whoever has been answered or told need not be acknowledged any more.
  if (!s.acknowledged_at && !s.answered_at && !s.told_at) return 'acknowledge';
  if (!s.answered_at && !s.told_at) return 'answer';
  if (s.course === 'decide' && !s.told_at) return 'decision';
  return 'confirmation';
}

/** Whether it may end without an answer: whoever had one and said no to it was promised another, which may be our final one. */
export const mayBeDismissed = ({ round }: Pick<SignalFacts, 'round'>): boolean => round === 1;

/** When we said our last word of this round, after which the customer has theirs; null before. After a "no" that is an answer again. */
export const lastWordOf = (s: Pick<SignalFacts, 'course' | 'answered_at' | 'told_at'>): Date | null =>
  s.course === 'decide' ? s.told_at : s.answered_at;

/** The same to the customer themselves: while an answer waits to leave they cannot speak of it yet. What was decided stands on their page by then. */
export const lastWordHeard = (
  s: Parameters<typeof lastWordOf>[0] & Pick<SignalFacts, 'closed_at'> & { last_letter_state: string | null },
): Date | null => {
  const isOnItsWay = s.last_letter_state === 'planned' || s.last_letter_state === 'ready';
  return isOnItsWay && s.course !== 'decide' && !s.closed_at ? null : lastWordOf(s);
};

export function stageOfInsight(i: InsightFacts, now: Date): InsightStage {
  if (i.closed_at) return 'closed';
  if (!i.outcome || i.outcome === 'deferred') return 'decide';
  if (i.final_at! > now) return 'undo';
  if (i.tellings < i.signals) return 'tell';
  if (i.outcome === 'adopted' && !i.completed_at) return 'complete';
  return 'finish';
}

const order = [
  'captured',
  'review',
  'acknowledge',
  'answer',
  'decision',
  'confirmation',
  'closed',
] as const satisfies SignalStage[];
const metBeyond = { reviewed: 'review', acknowledged: 'acknowledge', answered: 'answer', told: 'decision' } as const;

/** The waits a signal has met by standing where it stands. The customer's last word is waited for until it comes, or the next round. */
export function waitsMetBySignal(s: SignalFacts, roundKnown: number): Wait[] {
  const at = order.indexOf(stageOfSignal(s));
  const met = (Object.keys(metBeyond) as (keyof typeof metBeyond)[]).filter(
    (wait) => at > order.indexOf(metBeyond[wait]),
  );
  return roundKnown > 0 && s.round > roundKnown ? [...met, 'confirmed'] : met;
}

/** The waits an insight has met. What was decided anew is to be told, not completed. */
export function waitsMetByInsight(i: InsightFacts, now: Date): Wait[] {
  switch (stageOfInsight(i, now)) {
    case 'decide':
    case 'undo':
      return [];
    case 'complete':
      return ['decided'];
    default:
      return ['decided', 'completed'];
  }
}

/** A ladder that must be running now: planned once for its occasion, counted from `from`. */
export interface PlanDue {
  wait: Wait;
  ladder: LadderName | 'window';
  clock: 'customer' | 'person';
  occasion: string;
  from: Date;
}

/** The ladders of the stage a signal is in. Several may run: the customer's clock goes on while a new holder's begins. None while it rests. */
export function ladderPlansOfSignal(s: SignalFacts): PlanDue[] {
  if (s.restricted) return [];
  const stage = stageOfSignal(s);
  const holder = planOfHolder(s);
  const answer: PlanDue = {
    wait: 'answered',
    ladder: 'answering',
    clock: 'customer',
    occasion: s.id,
    from: later(s.round_opened_at, s.reviewed_at),
  };
  switch (stage) {
    case 'review':
      return [
        { wait: 'reviewed', ladder: 'reviewing', clock: 'customer', occasion: s.id, from: s.round_opened_at },
        // The ladder of reading calls those above; whoever is given it is called by their own clock, to read it.
        ...(isHandedOverSince(s, s.round_opened_at) ? [holder] : []),
      ];
    case 'acknowledge':
      return s.reach ? [holder, answer] : [holder];
    case 'answer':
      return [answer];
    case 'decision':
      if (s.told_channel === 'phone')
        return [
          { wait: 'told', ladder: 'answering', clock: 'customer', occasion: s.telling_id!, from: s.telling_since! },
          ...(isHandedOverSince(s, s.telling_since!) ? [holder] : []),
        ];
      if (s.promised_for)
        return [
          { wait: 'told', ladder: 'promising', clock: 'customer', occasion: s.follow_up_id!, from: s.promised_for },
          ...(isHandedOverSince(s, s.promised_for) ? [holder] : []),
        ];
      return [];
    case 'confirmation':
      return s.asked_at ? [windowFrom(s, silentFrom(s, s.asked_at))] : [];
    default:
      return [];
  }
}

/** Whoever was promised something waits for its day, and says nothing until then. What was promised of a decision is kept by telling it. */
const silentFrom = (s: SignalFacts, asked: Date): Date =>
  s.course === 'decide' ? asked : later(asked, s.promised_for);

/** Nobody listens while it rests, so that is no silence: whoever lets it go on has the whole window from then. */
const windowFrom = (s: SignalFacts, from: Date): PlanDue => ({
  wait: 'confirmed',
  ladder: 'window',
  clock: 'customer',
  occasion: s.lifted_at && s.lifted_at > from ? s.lifting_id! : s.id,
  from: later(from, s.lifted_at),
});

/** Whoever holds something has a clock of their own. */
const planOfHolder = (l: Pick<SignalFacts | InsightFacts, 'ownership_id' | 'owned_since'>): PlanDue => ({
  wait: 'acknowledged',
  ladder: 'acknowledging',
  clock: 'person',
  occasion: l.ownership_id,
  from: l.owned_since,
});

/** Whether somebody is called because they have not taken what they were given. */
export const waitsToBeTaken = (plans: readonly PlanDue[]): boolean => plans.some(({ wait }) => wait === 'acknowledged');

/** Whoever holds it when something falls due is called by its own ladder; whoever is given it afterwards has to be called, too. */
const isHandedOverSince = (
  l: Pick<SignalFacts | InsightFacts, 'owner_cause' | 'owned_since' | 'acknowledged_at'>,
  due: Date,
): boolean => l.owner_cause === 'handed_over' && !l.acknowledged_at && l.owned_since > due;

/** The ladders of the stage an insight is in. Deferring plans anew, from the date it wakes. */
export function ladderPlansOfInsight(i: InsightFacts, now: Date): PlanDue[] {
  const holder = planOfHolder(i);
  switch (stageOfInsight(i, now)) {
    case 'decide': {
      const decide: PlanDue = {
        wait: 'decided',
        ladder: 'deciding',
        clock: 'customer',
        occasion: i.decision_id ?? i.id,
        from: i.wake_at ?? i.opened_at,
      };
      return i.owner_cause === 'handed_over' && !i.acknowledged_at ? [decide, holder] : [decide];
    }
    case 'complete':
      return [
        { wait: 'completed', ladder: 'completing', clock: 'customer', occasion: i.decision_id!, from: i.done_by_end! },
        // To be done is theirs from the day they are given it, not only from the day on which it was to be done.
        ...(isHandedOverSince(i, i.decided_at!) ? [holder] : []),
      ];
    default:
      return [];
  }
}

/** What follows by rule, with nobody's judgement in it. */
export type ByRule = 'nobody_to_answer' | 'nobody_to_ask' | 'finished';

export function followsByRuleForSignal(s: SignalFacts): ByRule | undefined {
  if (s.restricted) return undefined;
  const stage = stageOfSignal(s);
  if (stage === 'answer' && !s.reach) return 'nobody_to_answer';
  // To be called about what was decided, and no way to them is left since.
  if (stage === 'decision' && s.told_channel === 'phone' && !s.reach) return 'nobody_to_ask';
  if (stage === 'confirmation' && s.could_not_be_asked) return 'nobody_to_ask';
  return undefined;
}

export function followsByRuleForInsight(i: InsightFacts, now: Date): ByRule | undefined {
  return stageOfInsight(i, now) === 'finish' ? 'finished' : undefined;
}

const later = (a: Date, b: Date | null): Date => (b && b > a ? b : a);
