/** The API as an outsider sees it: requests with a key, and every answer held against /openapi.json. */

import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Hono } from 'hono';
import { keepApiKey } from '../../../src/store/records/apiKeys.ts';
import { createApp, type AppOptions } from '../../../src/triggers/http/app.ts';
import type { Web } from '../../../src/triggers/http/web.ts';
import type { TestDatabase } from '../../support/database.ts';

export interface Answer {
  status: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- what came back, before anybody looked at it
  body: any;
  headers: Headers;
}

export interface Api {
  app: Hono;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
}

export const webOf = (db: TestDatabase): Web => ({
  heed: db.heed,
  publicUrl: 'http://localhost:4000',
  temporalUi: () => undefined,
  slack: undefined,
  signInService: undefined,
  demo: undefined,
  arriving: () => [],
});

/** An API whose answers are checked: each must be documented for its route and status, and fit the schema there. */
export async function openApi(
  db: TestDatabase,
  scopes: string[] = ['*'],
  options: AppOptions = { rateLimiting: false },
): Promise<Api> {
  const key = `test-${randomUUID()}`;
  await keepApiKey(db.pool, key, { name: 'test', scopes, by: 'ops' });
  const app = createApp(webOf(db), options);
  const mustFit = await contractOf(app);

  const send = async (
    method: string,
    path: string,
    init: { body?: string | Uint8Array; headers?: Record<string, string> },
  ): Promise<Answer> => {
    const response = await app.request(path, {
      method,
      ...init,
      headers: { Authorization: `Bearer ${key}`, ...init.headers },
    });
    const body: unknown = await response.json();
    mustFit(method, path, response, body);
    return { status: response.status, body, headers: response.headers };
  };
  return {
    app,
    get: (path, headers = {}) => send('GET', path, { headers }),
    post: (path, body, headers = {}) =>
      send('POST', path, {
        body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID(), ...headers },
      }),
  };
}

/** Holds an answer against what /openapi.json says of its route and status. Throws where it was not promised. */
export type MustFit = (method: string, path: string, response: Response, body: unknown) => void;

export async function contractOf(app: Hono): Promise<MustFit> {
  // JSON Schema keeps what is shared under $defs, OpenAPI under components.
  const text = await (await app.request('/openapi.json')).text();
  const document = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/'), closed) as Document;
  const routes = Object.entries(document.paths).map(([pattern, methods]) => ({
    pattern: new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    methods,
  }));
  // Made once for each: a schema costs far more to read than an answer.
  const schemas = new Map<object, z.ZodType>();
  const schemaOf = (schema: object): z.ZodType => {
    const known = schemas.get(schema) ?? z.fromJSONSchema({ ...schema, $defs: document.components.schemas } as never);
    schemas.set(schema, known);
    return known;
  };

  return (method, path, response, body) => {
    const pathname = path.split('?')[0]!;
    const route = routes.find(({ pattern }) => pattern.test(pathname));
    const operation = route?.methods[method.toLowerCase()];
    // Of other methods nothing is promised.
    if (!operation) return;
    const documented = operation.responses[response.status];
    if (!documented)
      throw new Error(
        `${method} ${pathname} answered ${response.status}, which /openapi.json does not mention: ${JSON.stringify(body)}`,
      );
    const type = response.headers.get('Content-Type')?.split(';')[0] ?? '';
    const schema = documented.content?.[type]?.schema;
    if (!schema)
      throw new Error(
        `${method} ${pathname} answered ${response.status} as ${type}, which /openapi.json does not mention.`,
      );
    const fits = schemaOf(schema).safeParse(body);
    if (!fits.success)
      throw new Error(
        `${method} ${pathname} answered what does not fit /openapi.json: ${fits.error.message}\n${JSON.stringify(body, null, 2)}`,
      );
  };
}

/** What is described holds the fields that are described, and no other: else one that nobody promised would pass. */
function closed(_name: string, value: unknown): unknown {
  const isObject = typeof value === 'object' && value !== null && 'properties' in value && !Array.isArray(value);
  return isObject ? { additionalProperties: false, ...value } : value;
}

interface Document {
  paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>
  >;
  components: { schemas: Record<string, object> };
}
