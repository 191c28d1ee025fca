/** To act on a thing is to create its fact: one route for each response, all of one shape. */

import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi';
import type { Heed } from '../../heed.ts';
import type { Responding, Response as Recording } from '../../responses/respond.ts';
import {
  allowedTo,
  IdempotencyKey,
  inWhoseName,
  mustBeInSight,
  pressOf,
  speaksForOthers,
  type ApiEnv,
} from './door.ts';
import { Id, json, problemsOfWriting, Recorded, replayedHeader } from './shapes.ts';

/** Staff code of the person who responds. */
export const by = z.string().trim().min(1).max(64).optional().meta({
  description:
    'Staff code of the person who responds. Needs the scope respond-for, unless the key is named after them.',
});

export interface ResponseRoute<Body extends { by?: string | undefined }> {
  /** The noun of the fact. */
  noun: string;
  summary: string;
  body: z.ZodType<Body>;
  respond: (heed: Heed, responding: Responding, said: Omit<Body, 'by'>) => Promise<Recording>;
  /** Where the customer may say it themselves: without a colleague who heard it, by a key that speaks for others. */
  fromCustomer?: (heed: Heed, responding: Omit<Responding, 'by'>, said: Omit<Body, 'by'>) => Promise<Recording>;
}

export function addResponse(
  api: OpenAPIHono<ApiEnv>,
  heed: Heed,
  of: 'signals' | 'insights',
): <Body extends { by?: string | undefined }>(response: ResponseRoute<Body>) => void {
  return <Body extends { by?: string | undefined }>({
    noun,
    summary,
    body,
    respond,
    fromCustomer,
  }: ResponseRoute<Body>) => {
    const route = createRoute({
      method: 'post',
      path: `/${of}/{id}/${noun}`,
      tags: [of],
      summary,
      middleware: allowedTo('respond'),
      request: {
        params: Id,
        headers: IdempotencyKey,
        body: { required: true, content: { 'application/json': { schema: body } } },
      },
      responses: {
        200: { ...json(Recorded, 'Nothing had to be recorded; the sentence says why'), ...replayedHeader },
        201: { ...json(Recorded, 'Recorded'), ...replayedHeader },
        ...problemsOfWriting,
      },
    });
    api.openapi(route, async (c) => {
      const { by: name, ...said } = c.req.valid('json') as Body;
      const { company } = await heed.configuration();
      await mustBeInSight(heed, c, of === 'signals' ? 'signal' : 'insight', c.req.valid('param').id);
      const responding = { loopId: c.req.valid('param').id, press: pressOf(c, `${c.req.path}\n`) };
      const recorded =
        fromCustomer && name === undefined && speaksForOthers(c)
          ? await fromCustomer(heed, responding, said)
          : await respond(heed, { ...responding, by: await inWhoseName(c, name, company) }, said);
      if (recorded.replayed) c.header('Idempotency-Replayed', 'true');
      return c.json({ id: recorded.factId, sentence: recorded.sentence }, recorded.factId ? 201 : 200);
    });
  };
}
