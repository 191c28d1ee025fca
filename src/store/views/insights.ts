/** What is true of insights now: rows of the view now.insights. */

import { z } from 'zod';
import { endOfDay } from '../../domain/calendar.ts';
import type { Company } from '../../domain/company.ts';
import { decisionOutcomes, decisionScopes } from '../../domain/decisions.ts';
import {
  ladderPlansOfInsight,
  stageOfInsight,
  type InsightFacts,
  type InsightStage,
  type PlanDue,
} from '../../domain/loop.ts';
import { sql, type Db } from '../pool.ts';

export const InsightNow = z.object({
  id: z.string(),
  reference: z.string(),
  kind: z.string(),
  attributes: z.record(z.string(), z.string()),
  sameness_key: z.string(),
  decide_by: z.date(),
  opened_at: z.date(),
  place: z.string(),
  sample: z.boolean(),
  round: z.number(),
  level: z.number(),
  ownership_id: z.string(),
  decider: z.string(),
  owner_cause: z.string(),
  decider_reason: z.string(),
  owned_since: z.date(),
  acknowledged_at: z.date().nullable(),
  open_to_join: z.boolean(),
  signals: z.number(),
  people: z.number(),
  refused: z.number(),
  places: z.number(),
  decision_id: z.string().nullable(),
  decision_version: z.number().nullable(),
  outcome: z.enum(decisionOutcomes).nullable(),
  scope: z.enum(decisionScopes).nullable(),
  reason: z.string().nullable(),
  internal_reason: z.string().nullable(),
  done_by: z.string().nullable(),
  wake_at: z.date().nullable(),
  until_people: z.number().nullable(),
  decided_by: z.string().nullable(),
  decided_at: z.date().nullable(),
  final_at: z.date().nullable(),
  completed_at: z.date().nullable(),
  completed_by: z.string().nullable(),
  tellings: z.number(),
  closed_how: z.string().nullable(),
  closed_at: z.date().nullable(),
});
export type InsightNow = z.infer<typeof InsightNow>;

/** Whoever decided it, who may have handed it over since; null while nothing is decided, and while it is put off. */
export const whoDecided = ({ outcome, decided_by: by }: Pick<InsightNow, 'outcome' | 'decided_by'>): string | null =>
  outcome === 'deferred' ? null : by;

/** By when it is to be decided as things stand: once it was put off, when it is looked at again. */
export const dueNow = ({
  outcome,
  wake_at: wakes,
  decide_by: by,
}: Pick<InsightNow, 'outcome' | 'wake_at' | 'decide_by'>): Date => (outcome === 'deferred' && wakes ? wakes : by);

/** Put off until so many had asked, and so many have: it is to be looked at again now, before its day. */
export const enoughHaveAsked = ({
  outcome,
  until_people: awaited,
  people,
}: Pick<InsightNow, 'outcome' | 'until_people' | 'people'>): boolean =>
  outcome === 'deferred' && awaited !== null && people >= awaited;

/** Put off, and not to be looked at again yet. */
export const isPutOff = (
  insight: Pick<InsightNow, 'outcome' | 'wake_at' | 'decide_by' | 'until_people' | 'people'>,
  now: Date,
): boolean => insight.outcome === 'deferred' && dueNow(insight) > now && !enoughHaveAsked(insight);

/** Where an insight stands at `now`. */
export function stageOf(insight: InsightNow, company: Company, now: Date): InsightStage {
  return stageOfInsight(factsOf(insight, company), now);
}

/** The ladders that must be running on an insight at `now`. */
export function plansOf(insight: InsightNow, company: Company, now: Date): PlanDue[] {
  return ladderPlansOfInsight(factsOf(insight, company), now);
}

/** What was adopted for a day is due when that day is over in the company's zone. */
export const factsOf = (insight: InsightNow, company: Company): InsightFacts => ({
  ...insight,
  done_by_end: insight.done_by ? endOfDay(insight.done_by, company.timezone) : null,
});

export async function insightNow(db: Db, id: string): Promise<InsightNow | null> {
  return db.maybeOne(sql.type(InsightNow)`select * from now.insight(${id}::uuid)`);
}
