/** The API under /v1, and its description. */

import { OpenAPIHono } from '@hono/zod-openapi';
import type { z } from 'zod';
import { DomainError, type InvalidParam } from '../../domain/errors.ts';
import type { Heed } from '../heed.ts';
import { keyed, readableJson, type ApiEnv } from './api/door.ts';
import { addInsights } from './api/insights.ts';
import { addReports } from './api/reports.ts';
import { addSignals } from './api/signals.ts';

/** `knownForMs`: how long a key that was let in is not asked for again. */
export function api(heed: Heed, knownForMs = 0): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw refusal(result.target, result.error);
    },
  });
  app.use(keyed(heed, knownForMs), readableJson);
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  addSignals(app, heed);
  addInsights(app, heed);
  addReports(app, heed);
  return app;
}

/** The OpenAPI 3.1 document of the API, as it stands under /v1. */
export function describe(app: OpenAPIHono<ApiEnv>, publicUrl: string): ReturnType<OpenAPIHono['getOpenAPI31Document']> {
  return new OpenAPIHono().route('/v1', app).getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Heed',
      version: '1',
      description:
        'Makes sure nothing a customer says dies of silence. Times are RFC 3339 in UTC, ids are opaque UUIDs, unknown fields are refused by name. ' +
        'An answer of 2xx to a request that writes means that it is kept. Errors are `application/problem+json`; branch on `code`.',
      license: { name: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    security: [{ key: [] }],
    tags: [
      { name: 'signals', description: 'What one customer said' },
      { name: 'insights', description: 'What is worth deciding on' },
      { name: 'reports', description: 'What came of it all' },
    ],
  });
}

/** What zod found, for people: which field, and what about it. An id that can't be one names nothing. */
function refusal(target: string, error: z.ZodError): DomainError {
  if (target === 'param') return new DomainError('not_found', 'There is nothing here under that id.');
  const invalidParams = error.issues.flatMap((issue) => paramsOf(issue, target));
  const first = invalidParams[0];
  const sentence = first
    ? `${first.name}: ${first.reason}${/[.?!]$/.test(first.reason) ? '' : '.'}`
    : 'Something in it is not right.';
  return new DomainError('validation', sentence, { invalidParams });
}

function paramsOf(issue: z.core.$ZodIssue, target: string): InvalidParam[] {
  const path = target === 'header' ? issue.path.map((name) => headerNames[String(name)] ?? name) : issue.path;
  const name = path.join('.') || 'body';
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ name: [...path, key].join('.'), reason: 'is not a field we know' }));
  return [{ name, reason: readable(issue) }];
}

const headerNames: Record<string, string> = { 'idempotency-key': 'Idempotency-Key' };

/** Our own messages are worded already; zod's are made plainer. */
function readable(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input'))
    return issue.message.endsWith('received undefined')
      ? 'is needed'
      : `must be ${article[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `must be one of: ${issue.values.join(', ')}`;
  return issue.message;
}

const article: Record<string, string> = {
  string: 'text',
  object: 'an object',
  array: 'a list',
  number: 'a number',
  boolean: 'true or false',
};
