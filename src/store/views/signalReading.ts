/** Everything there is to read about one loop: what is true of it, what happened, and what happens next if nobody acts. */

import { endOfDay } from '../../domain/calendar.ts';
import type { Company } from '../../domain/company.ts';
import { stageOfInsight, stageOfSignal, type InsightStage, type SignalStage } from '../../domain/loop.ts';
import { timelineOf, type Telling, type TimelineLine } from '../../domain/timeline.ts';
import { whatIsNext, type Next } from '../../domain/whatIsNext.ts';
import { momentOf } from '../records/clock.ts';
import type { Db } from '../pool.ts';
import { insightNow, type InsightNow } from './insights.ts';
import { signalNow, type SignalNow } from './signals.ts';
import { rungsAheadOf, timelineOfLoop } from './timeline.ts';

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
  const { place, owner, course } = signal;
  const next = whatIsNext({ company, now, stage, place, owner, rungs, course, reachable: signal.reach !== null });
  const decision = stage === 'decision' && insight ? await nextOfInsight(db, company, insight, now) : [];
  return {
    signal,
    stage,
    timeline: timelineOf(events, company, telling),
    next: [...decision.filter(({ at }) => at !== undefined), ...next],
    insight,
  };
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

/** Where an insight stands at `now`. What was adopted for a day is due when that day is over in the company's zone. */
export function stageOf(insight: InsightNow, company: Company, now: Date): InsightStage {
  const done_by_end = insight.done_by ? endOfDay(insight.done_by, company.timezone) : null;
  return stageOfInsight({ ...insight, done_by_end }, now);
}

async function nextOfInsight(db: Db, company: Company, insight: InsightNow, now: Date): Promise<Next[]> {
  const rungs = await rungsAheadOf(db, insight.id);
  const stage = stageOf(insight, company, now);
  return whatIsNext({
    company,
    now,
    stage,
    place: insight.place,
    owner: insight.decider,
    rungs,
    finalAt: insight.final_at,
  });
}
