/** /v1/insights: what is to be decided, by whom and by when; what was decided, and what came of it. */

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Company } from '../../../domain/company.ts';
import { decisionOutcomes, decisionScopes } from '../../../domain/decisions.ts';
import type { InsightStage } from '../../../domain/loop.ts';
import { insightTitle } from '../../../domain/sameness.ts';
import { momentOf } from '../../../store/records/clock.ts';
import { stageOf, type InsightNow } from '../../../store/views/insights.ts';
import { insightsPage, signalsOfInsight } from '../../../store/views/lists.ts';
import { readInsight } from '../../../store/views/signalReading.ts';
import type { Heed } from '../../heed.ts';
import { acknowledgeInsight } from '../../responses/acknowledge.ts';
import { complete, Completion, decide, Decision, takeBack } from '../../responses/decide.ts';
import { handOverInsight, HandOver } from '../../responses/handOver.ts';
import { allowedTo, mustBeInSight, type ApiEnv } from './door.ts';
import { addResponse, by } from './responses.ts';
import {
  cursorOf,
  entriesOf,
  Id,
  json,
  orNull,
  pageOf,
  Paging,
  Person,
  positionIn,
  problemsOfReading,
  TimelineEntry,
} from './shapes.ts';

const stages = ['decide', 'undo', 'tell', 'complete', 'finish', 'closed'] as const;

const DecisionInForce = z
  .object({
    id: z.uuid(),
    version: z.number().int(),
    outcome: z.enum(decisionOutcomes),
    scope: z.enum(decisionScopes).nullable(),
    reason: z.string().meta({ description: 'For customers' }),
    internalReason: z.string().nullable(),
    doneBy: z.iso.date().nullable(),
    wakeAt: z.iso.datetime().nullable(),
    untilPeople: z.number().int().nullable(),
    decider: Person,
    decidedAt: z.iso.datetime(),
    finalAt: z.iso.datetime().meta({ description: 'Until then it can be taken back' }),
    completedAt: z.iso.datetime().nullable(),
  })
  .openapi('Decision');

const InsightSummary = z
  .object({
    id: z.uuid(),
    reference: z.string(),
    title: z.string(),
    kind: z.string(),
    openedAt: z.iso.datetime(),
    stage: z.enum(stages).meta({ description: 'What it waits for' }),
    decider: Person,
    decideBy: z.iso.datetime(),
    people: z.number().int().meta({ description: 'How many asked' }),
    decision: orNull(DecisionInForce),
  })
  .openapi('InsightSummary');

const Insight = InsightSummary.extend({
  signals: z.array(z.uuid()).meta({ description: 'The signals it holds from the places of the key, oldest first' }),
  timeline: z.array(TimelineEntry),
}).openapi('Insight');

const getInsights = createRoute({
  method: 'get',
  path: '/insights',
  tags: ['insights'],
  summary: 'Insights, newest first',
  middleware: allowedTo('read'),
  request: { query: Paging },
  responses: { 200: json(pageOf(InsightSummary), 'A page'), ...problemsOfReading },
});

const getInsight = createRoute({
  method: 'get',
  path: '/insights/{id}',
  tags: ['insights'],
  summary: 'What an insight rests on and what became of it',
  middleware: allowedTo('read'),
  request: { params: Id },
  responses: { 200: json(Insight, 'The insight'), ...problemsOfReading },
});

export function addInsights(api: OpenAPIHono<ApiEnv>, heed: Heed): void {
  api.openapi(getInsights, async (c) => {
    const { limit, cursor, open } = c.req.valid('query');
    const { company } = await heed.configuration();
    const now = await momentOf(heed.pool);
    const rows = await insightsPage(heed.pool, c.get('sight'), limit + 1, {
      open,
      after: positionIn('insights', cursor),
    });
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    const data = rows.slice(0, limit).map((row) => summary(row, stageOf(row, company, now), company));
    return c.json({ data, limit, nextCursor: last ? cursorOf('insights', [last.position, last.id]) : null }, 200);
  });

  api.openapi(getInsight, async (c) => {
    const { company } = await heed.configuration();
    const { id } = c.req.valid('param');
    await mustBeInSight(heed, c, 'insight', id);
    const { insight, stage, timeline } = (await readInsight(heed.pool, company, id))!;
    const signals = [...(await signalsOfInsight(heed.pool, id, c.get('sight')))];
    return c.json({ ...summary(insight, stage, company), signals, timeline: entriesOf(timeline) }, 200);
  });

  const add = addResponse(api, heed, 'insights');
  add({ noun: 'acknowledgement', summary: 'Take it', body: z.strictObject({ by }), respond: acknowledgeInsight });
  add({
    noun: 'handover',
    summary: 'Give it to another decider, with a reason',
    body: HandOver.safeExtend({ by }),
    respond: handOverInsight,
  });
  add({
    noun: 'decision',
    summary: 'Adopt, decline, or keep listening',
    body: Decision.safeExtend({ by }),
    respond: decide,
  });
  add({
    noun: 'withdrawal',
    summary: 'Take the decision back, before anything leaves',
    body: z.strictObject({ by }),
    respond: takeBack,
  });
  add({
    noun: 'completion',
    summary: 'Say that it is done, with what shows it',
    body: Completion.safeExtend({ by }),
    respond: complete,
  });
}

function summary(insight: InsightNow, stage: InsightStage, company: Company): z.infer<typeof InsightSummary> {
  const { item, ...attributes } = insight.attributes;
  return {
    id: insight.id,
    reference: insight.reference,
    title: insightTitle(company, { kind: insight.kind, ...(item !== undefined && { item }), attributes }),
    kind: insight.kind,
    openedAt: insight.opened_at.toISOString(),
    stage,
    decider: person(insight.decider, company),
    decideBy: insight.decide_by.toISOString(),
    people: insight.people,
    decision: decisionOf(insight, company),
  };
}

function decisionOf(insight: InsightNow, company: Company): z.infer<typeof DecisionInForce> | null {
  if (!insight.decision_id) return null;
  return {
    id: insight.decision_id,
    version: insight.decision_version!,
    outcome: insight.outcome!,
    scope: insight.scope,
    reason: insight.reason!,
    internalReason: insight.internal_reason,
    doneBy: insight.done_by,
    wakeAt: insight.wake_at?.toISOString() ?? null,
    untilPeople: insight.until_people,
    decider: person(insight.decided_by!, company),
    decidedAt: insight.decided_at!.toISOString(),
    finalAt: insight.final_at!.toISOString(),
    completedAt: insight.completed_at?.toISOString() ?? null,
  };
}

const person = (code: string, company: Company): z.infer<typeof Person> => ({
  code,
  name: company.staff[code]?.name ?? code,
});
