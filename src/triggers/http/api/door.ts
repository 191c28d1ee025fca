/** The way into the API: a key with the right scope, JSON that can be read, and a key for each request so that nothing counts twice. */

import { z } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import type { Company } from '../../../domain/company.ts';
import { isInSight, placesSeenWith, sightWith, type Sight } from '../../../domain/entitlement.ts';
import { DomainError, type InvalidParam } from '../../../domain/errors.ts';
import type { Press } from '../../../store/records/presses.ts';
import { recordRefusal, type Refusal } from '../../../store/records/refusals.ts';
import { placesOfLoop } from '../../../store/views/sight.ts';
import { openApiKeys, type ApiKey, type Scope } from '../../../store/records/apiKeys.ts';
import type { Heed } from '../../heed.ts';

export interface ApiEnv {
  Variables: {
    key: ApiKey;
    /** Codes of the places it captures into: another does not exist for whoever carries it. */
    places: string[];
    /** Where what it reads was said: what is of elsewhere is not there. */
    sight: Sight;
    /** Writes down that the key was turned away. */
    refused: (why: Refusal['why']) => Promise<void>;
    /** The body, byte for byte, for telling a repeat from a mistake. */
    raw: string;
  };
}

/** The key that was brought, however it was spaced. */
export const bearerOf = (c: Context): string | undefined =>
  /^Bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1];

/** Lets in who carries a key of ours; one that was is let in for `knownForMs` without being asked for again. */
export function keyed(heed: Heed, knownForMs: number): MiddlewareHandler<ApiEnv> {
  const apiKey = openApiKeys(heed.pool, { knownForMs });
  return async (c, next) => {
    const token = bearerOf(c);
    if (!token) throw new DomainError('unauthorized', 'Send the key with the request: Authorization: Bearer <key>.');
    const key = await apiKey(token);
    if (!key) {
      await recordRefusal(heed.pool, { door: 'api', why: 'unknown' });
      throw new DomainError(
        'unauthorized',
        'This key is not known, or was revoked. Ask whoever runs Heed for another.',
      );
    }
    const { company } = await heed.configuration();
    c.set('key', key);
    c.set('places', placesSeenWith(company, key));
    c.set('sight', sightWith(company, key));
    c.set('refused', (why) => recordRefusal(heed.pool, { door: 'api', why, whose: key.id }));
    return next();
  };
}

/** Lets through who may do this with their key. */
export function allowedTo(scope: Scope): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    if (may(c.get('key'), scope)) return next();
    await c.get('refused')('no_scope');
    throw new DomainError('forbidden', `This key may not do that: it lacks the scope “${scope}”.`);
  };
}

/** Throws `not_found` for a loop of another kind or of places that the key does not open, as if it were not there. */
export async function mustBeInSight(
  heed: Heed,
  c: Context<ApiEnv>,
  kind: 'signal' | 'insight',
  id: string,
): Promise<void> {
  const loop = await placesOfLoop(heed.pool, id);
  if (loop?.kind === kind && loop.places.some((place) => isInSight(c.get('sight'), place))) return;
  if (loop) await c.get('refused')('not_theirs');
  throw new DomainError('not_found', `There is no ${kind} under that id.`);
}

const may = (key: ApiKey, scope: Scope): boolean => key.scopes.includes(scope) || key.scopes.includes('*');

/** Whether what comes with this key may be somebody else's word: a colleague's, or the customer's own. */
export const speaksForOthers = (c: Context<ApiEnv>): boolean => may(c.get('key'), 'respond-for');

/** In whose name a response is given: `by`, where the key may speak for others; else the person the key is named after. */
export async function inWhoseName(c: Context<ApiEnv>, by: string | undefined, company: Company): Promise<string> {
  const key = c.get('key');
  const name = by ?? key.name;
  if (by !== undefined && by !== key.name && !speaksForOthers(c)) {
    await c.get('refused')('no_scope');
    throw new DomainError(
      'forbidden',
      'This key may not respond in the name of others: it lacks the scope “respond-for”.',
    );
  }
  if (company.staff[name]) return name;
  const reason =
    by === undefined
      ? 'is needed: the code of the person who responds'
      : `There is nobody called "${by}" among the staff.`;
  throw new DomainError('validation', by === undefined ? `"by" ${reason}.` : reason, {
    invalidParams: [{ name: 'by', reason }],
  });
}

/** The header by which a repeat is known. */
export const IdempotencyKey = z.object({
  'idempotency-key': z
    .string('is needed: any text that is new for each request, such as a UUID')
    .min(1, 'must not be empty')
    .max(255, 'must be at most 255 characters')
    .meta({
      description: 'New for each request. The same key with the same body is answered again as the first time.',
    }),
});

/** One request, as the database counts it. `about` keeps a key from being used for two different things. */
export function pressOf(c: Context<ApiEnv>, about = ''): Press {
  return {
    source: `api:${c.get('key').id}`,
    key: c.req.header('Idempotency-Key') ?? '',
    content: `${about}${c.get('raw')}`,
  };
}

/** Reads the body once, strictly: UTF-8, JSON, of a size that somebody may have meant. */
export const readableJson: MiddlewareHandler<ApiEnv> = async (c, next) => {
  if (c.req.method !== 'POST') return next();
  const raw = utf8(await c.req.arrayBuffer());
  c.set('raw', raw);
  // Without a content type, or with another, the route answers 415.
  if (!/^application\/([\w.-]+\+)?json\b/i.test(c.req.header('Content-Type') ?? '')) return next();
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch (error) {
    const where = error instanceof Error ? /position \d+|end of JSON input/i.exec(error.message)?.[0] : undefined;
    throw new DomainError(
      'bad_request',
      `The body is not JSON${where ? ` (at ${where})` : ''}. Nothing was recorded.`,
      { cause: error },
    );
  }
  const problem = oddity(value, []);
  if (problem) throw new DomainError('validation', 'The body can’t be taken as it is.', { invalidParams: [problem] });
  return next();
};

function utf8(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new DomainError('bad_request', 'The body is not UTF-8. Nothing was recorded.', { cause: error });
  }
}

const deepest = 10;
const mostKeys = 200;
const nul = String.fromCharCode(0);

/** What no schema should have to think of: depth, names that mean something to JavaScript, characters that Postgres cannot keep. */
function oddity(value: unknown, path: (string | number)[], counted = { keys: 0 }): InvalidParam | undefined {
  const at = (reason: string): InvalidParam => ({ name: path.join('.') || 'body', reason });
  if (typeof value === 'string') {
    if (value.includes(nul)) return at('must not contain the character NUL');
    return value.isWellFormed() ? undefined : at('contains half of a character');
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (path.length >= deepest) return at(`is nested deeper than ${deepest} levels`);
  for (const [name, inner] of Object.entries(value)) {
    counted.keys += 1;
    if (counted.keys > mostKeys) return { name: 'body', reason: `has more than ${mostKeys} fields` };
    if (['__proto__', 'constructor', 'prototype'].includes(name)) return at(`must not have a field "${name}"`);
    const problem = oddity(name, path, counted) ?? oddity(inner, [...path, name], counted);
    if (problem) return problem;
  }
  return undefined;
}
