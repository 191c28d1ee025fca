/** The shapes that several routes share, as they stand in /openapi.json. */

import { z } from '@hono/zod-openapi';
import { DomainError } from '../../../domain/errors.ts';
import type { TimelineLine } from '../../../domain/timeline.ts';
import { titles, type ProblemCode } from '../errors.ts';

const codes = Object.keys(titles) as [ProblemCode, ...ProblemCode[]];

const Problem = z
  .object({
    type: z.string().meta({ example: 'urn:heed:problem:conflict' }),
    title: z.string(),
    status: z.number().int(),
    code: z.enum(codes).meta({ description: 'Branch on this.' }),
    detail: z.string().meta({ description: 'A sentence for people: what happened and what to do.' }),
    instance: z.string(),
    requestId: z.string(),
    invalidParams: z.array(z.object({ name: z.string(), reason: z.string() })).optional(),
  })
  .openapi('Problem');

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: Problem } },
});

export const problemsOfReading = {
  400: problem('A parameter is not right'),
  401: problem('No key, or not one of ours'),
  403: problem('The key lacks the scope, or is named after somebody who may not'),
  404: problem('Nothing under that id'),
  429: problem('Too many requests; see Retry-After'),
  503: problem('Not possible just now; see Retry-After'),
};

export const problemsOfWriting = {
  ...problemsOfReading,
  409: problem('Somebody was faster, or its turn has passed'),
  410: problem('What this key recorded has been erased'),
  413: problem('The body is too large'),
  415: problem('The body is not application/json'),
  422: problem('The key was used before with other content'),
};

export const Id = z.object({ id: z.uuid().meta({ description: 'UUID of the signal or insight' }) });

export const Person = z.object({ code: z.string(), name: z.string() }).openapi('Person');

export const TimelineEntry = z
  .object({ at: z.iso.datetime(), kind: z.string(), sentence: z.string() })
  .openapi('TimelineEntry');

export const entriesOf = (lines: readonly TimelineLine[]): z.infer<typeof TimelineEntry>[] =>
  lines.map(({ at, kind, sentence }) => ({ at: at.toISOString(), kind, sentence }));

/** What a response led to. */
export const Recorded = z
  .object({
    id: z.uuid().nullable().meta({ description: 'The fact it made; null when nothing had to be recorded' }),
    sentence: z.string(),
  })
  .openapi('Recorded');

export const replayedHeader = {
  headers: z.object({
    'Idempotency-Replayed': z.enum(['true']).optional().meta({ description: 'The first answer, again' }),
  }),
};

/** A shape of its own, or null. (`nullable()` would make the shared shape itself nullable, or allow null nowhere.) */
export const orNull = <Schema extends z.ZodType>(schema: Schema) => z.union([schema, z.null()]);

export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

/** `limit` and `cursor` of every list, newest first, and whether only what is `open` is wanted, or only what is not. */
export const Paging = z.strictObject({
  limit: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(1000, 'must be at most 1000')
    .default(100),
  cursor: z.string().max(200).optional().meta({ description: '`nextCursor` of the page before' }),
  open: z
    .enum(['true', 'false'])
    .transform((said) => said === 'true')
    .optional()
    .meta({ description: 'Only what still owes somebody something, or only what does not' }),
});

export const pageOf = <Schema extends z.ZodType>(schema: Schema) =>
  z.object({ data: z.array(schema), limit: z.number().int(), nextCursor: z.string().nullable() });

/** Where a page ends: the moment in microseconds since 1970, and the id. Opaque to whoever carries it. */
const Position = z.tuple([z.string().regex(/^\d{1,16}$/), z.uuid()]);
export type Position = z.infer<typeof Position>;

export const cursorOf = (sort: string, position: Position): string =>
  Buffer.from(JSON.stringify([sort, ...position])).toString('base64url');

/** Throws `validation` for what is no cursor of this list. */
export function positionIn(sort: string, cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  try {
    const [of, ...position] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown[];
    if (of === sort) return Position.parse(position);
  } catch {
    // Said below.
  }
  const reason = 'belongs to another list, or was altered. Begin again without it.';
  throw new DomainError('validation', `The cursor ${reason}`, { invalidParams: [{ name: 'cursor', reason }] });
}
