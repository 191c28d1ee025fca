/** A collector of logs, as OpenTelemetry's protocol has it (OTLP 1 over HTTP, in JSON): a real server that takes nothing else. */

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const Text = z.strictObject({ stringValue: z.string() });
const Value = z.union([
  Text,
  z.strictObject({ intValue: z.string().regex(/^-?\d+$/) }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ arrayValue: z.strictObject({ values: z.array(Text) }) }),
]);
const Attributes = z
  .array(z.strictObject({ key: z.string().min(1), value: Value }))
  .refine((all) => new Set(all.map(({ key }) => key)).size === all.length, 'names one twice');
/** Nanoseconds since 1970, as text: the number has no room in a number of JSON. */
const Nano = z.string().regex(/^[1-9]\d{18}$/);
const LogRecord = z.strictObject({
  timeUnixNano: Nano,
  observedTimeUnixNano: Nano,
  severityNumber: z.number().int().min(1).max(24),
  severityText: z.string(),
  eventName: z.string().min(1),
  body: Text,
  attributes: Attributes,
});
const Request = z.strictObject({
  resourceLogs: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: Attributes }),
      scopeLogs: z.array(
        z.strictObject({ scope: z.strictObject({ name: z.string().min(1) }), logRecords: z.array(LogRecord).min(1) }),
      ),
    }),
  ),
});

export interface Taken {
  name: string;
  severity: number;
  at: Date;
  body: string;
  uid: string;
  attributes: Record<string, string | number | boolean | string[]>;
}

export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** Takes it, and breaks the line before it says so. */
  hangsUp?: boolean;
  /** Before it answers, and after it has taken what came. */
  first?: () => Promise<void>;
}

export interface TestCollector {
  url: string;
  /** What it took, in order, the same twice where it came twice. */
  taken: Taken[];
  /** Every body that came, also what it refused. */
  bodies: string[];
  /** How many records came in each request that it took. */
  sizes: number[];
  /** Where they came from and how: path, type, authorization. */
  heads: { path: string; type: string; authorization: string }[];
  /** What was wrong with what it refused by itself. */
  wrong: string[];
  /** How it answers from now on; without one it takes everything. */
  answers(how: Answer | undefined): void;
  stop(): Promise<void>;
}

export async function startCollector(): Promise<TestCollector> {
  let how: Answer = {};
  const seen: Pick<TestCollector, 'taken' | 'bodies' | 'sizes' | 'heads' | 'wrong'> = {
    taken: [],
    bodies: [],
    sizes: [],
    heads: [],
    wrong: [],
  };
  const server = createServer((request, response) => {
    void (async () => {
      const body = await textOf(request);
      const { status = 200, headers, body: said = {}, hangsUp, first } = how;
      const end = (code: number, answer: unknown): void => {
        response.writeHead(code, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(answer));
      };
      seen.bodies.push(body);
      seen.heads.push({
        path: request.url ?? '',
        type: request.headers['content-type'] ?? '',
        authorization: request.headers.authorization ?? '',
      });
      if (status !== 200) return end(status, said);
      const read = request.method === 'POST' ? Request.safeParse(JSON.parse(body)) : undefined;
      if (!read?.success) {
        seen.wrong.push(read ? z.prettifyError(read.error) : String(request.method));
        return end(400, { message: 'No ExportLogsServiceRequest.' });
      }
      const records = read.data.resourceLogs.flatMap(({ scopeLogs }) =>
        scopeLogs.flatMap(({ logRecords }) => logRecords),
      );
      seen.taken.push(...records.map(takenAs));
      if (records.length > 0) seen.sizes.push(records.length);
      await first?.();
      if (hangsUp) request.socket.destroy();
      else end(200, said);
    })();
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  return {
    ...seen,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers(next) {
      how = next ?? {};
    },
    stop: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function takenAs(record: z.infer<typeof LogRecord>): Taken {
  const { 'log.record.uid': uid, ...attributes } = Object.fromEntries(
    record.attributes.map(({ key, value }) => [key, plain(value)]),
  );
  return {
    name: record.eventName,
    severity: record.severityNumber,
    at: new Date(Number(BigInt(record.timeUnixNano) / 1_000_000n)),
    body: record.body.stringValue,
    uid: String(uid),
    attributes,
  };
}

function plain(value: z.infer<typeof Value>): string | number | boolean | string[] {
  if ('stringValue' in value) return value.stringValue;
  if ('intValue' in value) return Number(value.intValue);
  if ('boolValue' in value) return value.boolValue;
  return value.arrayValue.values.map(({ stringValue }) => stringValue);
}
