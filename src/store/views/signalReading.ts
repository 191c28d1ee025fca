/** Everything there is to read about one loop: what is true of it, what happened, and what happens next if nobody acts. */

import type { Company } from '../../domain/company.ts';
import {
  ladderPlansOfSignal,
  lastWordHeard,
  stageOfSignal,
  type InsightStage,
  type PlanDue,
  type SignalStage,
} from '../../domain/loop.ts';
import { timelineOf, type Telling, type TimelineLine } from '../../domain/timeline.ts';
import { whatIsNext, whatIsNextForCustomer, type Next } from '../../domain/whatIsNext.ts';
import { momentOf } from '../records/clock.ts';
import type { Db } from '../pool.ts';
import { insightNow, plansOf, stageOf, type InsightNow } from './insights.ts';
import { signalNow, type SignalNow } from './signals.ts';
import { rungsAheadOf, timelineOfLoop, type RungNext } from './timeline.ts';

export interface SignalReading {
  signal: SignalNow;
  stage: SignalStage;
  timeline: TimelineLine[];
  next: Next[];
  /** What it joined, once it has. */
  insight: InsightNow | null;
}

/** Null when there is no such signal. While a decision is awaited, what is next is that of its insight too. */
export async function readSignal(
  db: Db,
  company: Company,
  id: string,
  telling: Telling,
): Promise<SignalReading | null> {
  const signal = await signalNow(db, id);
  if (!signal) return null;
  const stage = stageOfSignal(signal);
  const [now, events, rungs, insight] = await Promise.all([
    momentOf(db),
    timelineOfLoop(db, id),
    rungsAheadOf(db, id),
    signal.insight_id ? insightNow(db, signal.insight_id) : null,
  ]);
  const timeline = timelineOf(events, company, telling);
  const { place, owner, course } = signal;
  if (telling.audience === 'customer') {
    const next = whatIsNextForCustomer({
      company,
      now,
      // What was answered, and waits to leave, is still to come to them.
      stage: stage === 'confirmation' && !lastWordHeard(signal) ? 'answer' : stage,
      place,
      owner,
      restricted: signal.restricted,
      decider: insight?.decider,
      promisedOn: signal.promised_on,
      called: signal.told_channel === 'phone',
    });
    return { signal, stage, timeline, next, insight };
  }
  const next = whatIsNext({
    company,
    now,
    stage,
    place,
    owner,
    rungs: running(rungs, ladderPlansOfSignal(signal)),
    course,
    reachable: signal.reach !== null,
    restricted: signal.restricted,
  });
  const decision = stage === 'decision' && insight ? await nextOfInsight(db, company, insight, now) : [];
  return { signal, stage, timeline, next: [...decision.filter(({ at }) => at !== undefined), ...next], insight };
}

export interface InsightReading {
  insight: InsightNow;
  stage: InsightStage;
  timeline: TimelineLine[];
  next: Next[];
}

/** Null when there is no such insight. */
export async function readInsight(db: Db, company: Company, id: string): Promise<InsightReading | null> {
  const insight = await insightNow(db, id);
  if (!insight) return null;
  const [now, events] = await Promise.all([momentOf(db), timelineOfLoop(db, id)]);
  return {
    insight,
    stage: stageOf(insight, company, now),
    timeline: timelineOf(events, company, { audience: 'staff' }),
    next: await nextOfInsight(db, company, insight, now),
  };
}

async function nextOfInsight(db: Db, company: Company, insight: InsightNow, now: Date): Promise<Next[]> {
  return whatIsNext({
    company,
    now,
    stage: stageOf(insight, company, now),
    place: insight.place,
    owner: insight.decider,
    rungs: running(await rungsAheadOf(db, insight.id), plansOf(insight, company, now)),
    finalAt: insight.final_at,
  });
}

const running = (rungs: readonly RungNext[], plans: readonly PlanDue[]): RungNext[] =>
  rungs.filter(({ wait }) => plans.some((plan) => plan.wait === wait));
