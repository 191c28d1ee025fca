/** /v1/signals: capture what a customer said, read what became of it, respond to it. */

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Company } from '../../../domain/company.ts';
import { stageOfSignal, type SignalStage } from '../../../domain/loop.ts';
import { signalsPage } from '../../../store/views/lists.ts';
import type { SignalNow } from '../../../store/views/signals.ts';
import { readSignal } from '../../../store/views/signalReading.ts';
import { Capture, capture, mustWorkThere } from '../../capture.ts';
import type { Heed } from '../../heed.ts';
import { acknowledge } from '../../responses/acknowledge.ts';
import { approveFollowUp, FollowUp } from '../../responses/approveFollowUp.ts';
import { confirm, Confirmation } from '../../responses/confirm.ts';
import { dismiss, Dismissal } from '../../responses/dismiss.ts';
import { handOver, HandOver } from '../../responses/handOver.ts';
import { Call, recordCall } from '../../responses/recordCall.ts';
import { review, Review } from '../../responses/review.ts';
import { settle, Settlement } from '../../responses/settle.ts';
import { allowedTo, IdempotencyKey, mustBeInSight, pressOf, speaksForOthers, type ApiEnv } from './door.ts';
import { addResponse, by } from './responses.ts';
import {
  cursorOf,
  entriesOf,
  Id,
  json,
  pageOf,
  Paging,
  Person,
  positionIn,
  problemsOfReading,
  problemsOfWriting,
  replayedHeader,
  TimelineEntry,
} from './shapes.ts';

const stages = ['captured', 'review', 'acknowledge', 'answer', 'decision', 'confirmation', 'closed'] as const;

const Captured = z.object({ id: z.uuid(), reference: z.string() }).openapi('Captured');

const SignalSummary = z
  .object({
    id: z.uuid(),
    reference: z.string(),
    capturedAt: z.iso.datetime(),
    place: z.string(),
    stage: z.enum(stages).meta({ description: 'What it waits for' }),
    round: z.number().int().meta({ description: 'A “no, not settled” opens the next' }),
    owner: Person.meta({ description: 'The one person answerable now' }),
    rests: z.boolean().meta({
      description:
        'Its customer has asked that nothing be done with it for now: responses are refused, and it is to be passed on to nobody',
    }),
    insight: z.uuid().nullable().meta({ description: 'The insight it joined' }),
  })
  .openapi('SignalSummary');

const Signal = SignalSummary.extend({ timeline: z.array(TimelineEntry) }).openapi('Signal');

const postSignal = createRoute({
  method: 'post',
  path: '/signals',
  tags: ['signals'],
  summary: 'Capture what a customer said',
  description:
    'From the answer on it is kept, and one person is answerable for it. Only words and place are required. Without `by`, and with the scope respond-for, it is the customer’s own word: where mail had bounced at the address they give to be written to, it is tried again.',
  middleware: allowedTo('capture'),
  request: { headers: IdempotencyKey, body: { required: true, content: { 'application/json': { schema: Capture } } } },
  responses: { 202: { ...json(Captured, 'Kept'), ...replayedHeader }, ...problemsOfWriting },
});

const getSignals = createRoute({
  method: 'get',
  path: '/signals',
  tags: ['signals'],
  summary: 'Signals, newest first',
  middleware: allowedTo('read'),
  request: { query: Paging },
  responses: { 200: json(pageOf(SignalSummary), 'A page'), ...problemsOfReading },
});

const getSignal = createRoute({
  method: 'get',
  path: '/signals/{id}',
  tags: ['signals'],
  summary: 'What became of a signal',
  middleware: allowedTo('read'),
  request: { params: Id },
  responses: { 200: json(Signal, 'The signal'), ...problemsOfReading },
});

export function addSignals(api: OpenAPIHono<ApiEnv>, heed: Heed): void {
  api.openapi(postSignal, async (c) => {
    const said = c.req.valid('json');
    const { company } = await heed.configuration();
    const places = c.get('places');
    if (places.includes(said.place)) mustWorkThere(company, said);
    const fromCustomer = said.by === undefined && speaksForOthers(c);
    const through = { channel: 'api' as const, press: pressOf(c), places, fromCustomer };
    const { id, reference, replayed } = await capture(heed, said, through);
    if (replayed) c.header('Idempotency-Replayed', 'true');
    return c.json({ id, reference }, 202);
  });

  api.openapi(getSignals, async (c) => {
    const { limit, cursor, open } = c.req.valid('query');
    const { company } = await heed.configuration();
    const rows = await signalsPage(heed.pool, c.get('sight'), limit + 1, {
      open,
      after: positionIn('signals', cursor),
    });
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    const data = rows.slice(0, limit).map((row) => summary(row, stageOfSignal(row), company.staff));
    return c.json({ data, limit, nextCursor: last ? cursorOf('signals', [last.position, last.id]) : null }, 200);
  });

  api.openapi(getSignal, async (c) => {
    const { company } = await heed.configuration();
    const { id } = c.req.valid('param');
    await mustBeInSight(heed, c, 'signal', id);
    const { signal, stage, timeline } = (await readSignal(heed.pool, company, id, { audience: 'staff' }))!;
    return c.json({ ...summary(signal, stage, company.staff), timeline: entriesOf(timeline) }, 200);
  });

  const add = addResponse(api, heed, 'signals');
  add({ noun: 'acknowledgement', summary: 'Take it: “It’s mine”', body: z.strictObject({ by }), respond: acknowledge });
  add({
    noun: 'handover',
    summary: 'Give it to a colleague, with a reason',
    body: HandOver.safeExtend({ by }),
    respond: handOver,
  });
  add({
    noun: 'review',
    summary: 'Say what it is, where the rules were not sure',
    body: Review.safeExtend({ by }),
    respond: review,
  });
  add({
    noun: 'dismissal',
    summary: 'End it without action, with a reason',
    body: Dismissal.safeExtend({ by }),
    respond: dismiss,
  });
  add({
    noun: 'follow-up',
    summary: 'Approve the answer to the customer, and send it',
    body: FollowUp.safeExtend({ by }),
    respond: approveFollowUp,
  });
  add({ noun: 'call', summary: 'Record a call to the customer', body: Call.safeExtend({ by }), respond: recordCall });
  add({
    noun: 'repair',
    summary: 'Settle a letter that may not have been sent: send it again, or leave it',
    body: Settlement.safeExtend({ by }),
    respond: settle,
  });
  add({
    noun: 'confirmation',
    summary: 'The customer says whether it is settled; `by` is the colleague who heard it',
    body: Confirmation.safeExtend({
      by: by.meta({
        description:
          'Staff code of the colleague who heard it. Left out with the scope respond-for, it is the customer’s own word; without that scope, the word of the person the key is named after.',
      }),
    }),
    respond: confirm,
    fromCustomer: confirm,
  });
}

const summary = (signal: SignalNow, stage: SignalStage, staff: Company['staff']): z.infer<typeof SignalSummary> => ({
  id: signal.id,
  reference: signal.reference,
  capturedAt: signal.captured_at.toISOString(),
  place: signal.place,
  stage,
  round: signal.round,
  owner: { code: signal.owner, name: staff[signal.owner]?.name ?? signal.owner },
  rests: signal.restricted,
  insight: signal.insight_id,
});
