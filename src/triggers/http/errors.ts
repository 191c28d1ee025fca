/** The one place where what went wrong becomes an answer: RFC 9457 for programs, a page in sentences for people. */

import type { Context, ErrorHandler, Hono, NotFoundHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { DomainError, type ErrorCode, type InvalidParam } from '../../domain/errors.ts';
import { isDatabaseTrouble } from '../../store/trouble.ts';
import { errorPage } from '../../web/errorPage.ts';

export type ProblemCode = ErrorCode | 'method_not_allowed' | 'internal_server_error';

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  instance: string;
  requestId: string;
  invalidParams?: readonly InvalidParam[];
}

/** Told of everything that is our fault, with the reference that the person was shown. */
export type Report = (error: unknown, requestId: string) => void;

/** Answers whatever was thrown. What is not meant for people is reported and shows only a reference. */
export function answerErrors(report: Report): ErrorHandler {
  return (thrown, c) => {
    const { error, status, headers } = understood(thrown);
    if (error) return answer(c, error, status, headers);
    report(thrown, requestIdOf(c));
    const sentence =
      'Something went wrong on our side. Nothing was half-done; try again, and mention the reference if it stays.';
    return answer(c, { code: 'internal_server_error', message: sentence, invalidParams: [] }, 500);
  };
}

/** Where nothing answers: another method may (405 with Allow), else 404. */
export function answerNotFound(app: Hono): NotFoundHandler {
  return (c) => {
    const allowed = methodsOf(app, c.req.path);
    if (allowed.length === 0)
      return answer(c, new DomainError('not_found', 'There is nothing here under that address.'), 404);
    const sentence = `${c.req.method} is not possible here; ${allowed.join(' or ')} is.`;
    return answer(c, { code: 'method_not_allowed', message: sentence, invalidParams: [] }, 405, {
      Allow: allowed.flatMap((method) => (method === 'GET' ? [method, 'HEAD'] : [method])).join(', '),
    });
  };
}

/** The title of each problem; its type is `urn:heed:problem:<code>`. */
export const titles: Record<ProblemCode, string> = {
  validation: 'Something in it is not right',
  bad_request: 'The request can’t be read',
  unauthorized: 'Who is asking?',
  forbidden: 'Not yours to do',
  not_found: 'Nothing here',
  gone: 'Erased',
  method_not_allowed: 'Not possible here',
  conflict: 'Somebody was faster',
  idempotency_mismatch: 'The key was used before',
  content_too_large: 'Too large',
  too_many_requests: 'Too many at once',
  service_unavailable: 'Not possible just now',
  internal_server_error: 'Our fault',
};

export const statuses: Record<ErrorCode, ContentfulStatusCode> = {
  validation: 400,
  bad_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  gone: 410,
  conflict: 409,
  idempotency_mismatch: 422,
  content_too_large: 413,
  too_many_requests: 429,
  service_unavailable: 503,
};

type Said = { code: ProblemCode; message: string; invalidParams: readonly InvalidParam[] };

interface Understood {
  error?: Said;
  status: ContentfulStatusCode;
  headers?: Record<string, string>;
}

function understood(thrown: unknown): Understood {
  if (thrown instanceof DomainError) {
    const retry = thrown.code === 'service_unavailable' ? { 'Retry-After': '5' } : undefined;
    const who = thrown.code === 'unauthorized' ? { 'WWW-Authenticate': 'Bearer realm="Heed"' } : undefined;
    return { error: thrown, status: statuses[thrown.code], headers: { ...retry, ...who } };
  }
  if (thrown instanceof TooMany)
    return { error: thrown.error, status: 429, headers: { 'Retry-After': String(thrown.retryAfter) } };
  if (isDatabaseTrouble(thrown)) {
    const error = new DomainError(
      'service_unavailable',
      'Our memory can’t be reached just now. Nothing was lost; try again in a moment.',
    );
    return { error, status: 503, headers: { 'Retry-After': '5' } };
  }
  if (thrown instanceof HTTPException && thrown.status === 415)
    return { error: new DomainError('bad_request', 'This must be sent as application/json.'), status: 415 };
  if (thrown instanceof HTTPException && thrown.status === 503)
    return {
      error: new DomainError('service_unavailable', thrown.message),
      status: 503,
      headers: { 'Retry-After': '5' },
    };
  if (thrown instanceof HTTPException && thrown.status < 500)
    return {
      error: new DomainError('bad_request', thrown.message || 'The request can’t be read.'),
      status: thrown.status as ContentfulStatusCode,
    };
  return { status: 500 };
}

/** Somebody asks faster than we serve one caller; they may come again after so many seconds. */
export class TooMany extends Error {
  readonly retryAfter: number;
  readonly error = new DomainError(
    'too_many_requests',
    'That is more than we take at once from one caller. Wait a moment, then go on.',
  );

  constructor(retryAfter: number) {
    super('too many requests');
    this.retryAfter = retryAfter;
  }
}

async function answer(
  c: Context,
  error: Said,
  status: ContentfulStatusCode,
  headers: Record<string, string> = {},
): Promise<Response> {
  for (const [name, value] of Object.entries(headers)) c.header(name, value);
  c.header('Cache-Control', 'no-store');
  const requestId = requestIdOf(c);
  if (!readsJson(c)) return c.html(await errorPage({ status, sentence: error.message, reference: requestId }), status);
  const problem: Problem = {
    type: `urn:heed:problem:${error.code}`,
    title: titles[error.code],
    status,
    code: error.code,
    detail: error.message,
    // The path alone: a query may hold what nobody should log.
    instance: c.req.path,
    requestId,
    ...(error.invalidParams.length > 0 && { invalidParams: error.invalidParams }),
  };
  return c.body(JSON.stringify(problem), status, { 'Content-Type': 'application/problem+json' });
}

/** Programs are those that use the program's addresses, or ask for JSON. */
function readsJson(c: Context): boolean {
  const accept = c.req.header('Accept') ?? '';
  return (
    /^\/(v1|openapi|health|metrics)\b/.test(c.req.path) || (accept.includes('json') && !accept.includes('text/html'))
  );
}

const requestIdOf = (c: Context): string => (c.get('requestId') as string | undefined) ?? 'unknown';

/** The methods under which an address does answer. Hono keeps no list, so each is tried in its router; what every method passes through is
 *  no answer. */
function methodsOf(app: Hono, path: string): string[] {
  return ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) =>
    app.router.match(method, path)[0].some(([[, route]]) => route.method === method),
  );
}
