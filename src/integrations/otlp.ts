/** A collector of logs that speaks OpenTelemetry's protocol over HTTP, in JSON (OTLP 1, github.com/open-telemetry/opentelemetry-proto). */

import { z } from 'zod';
import { asOfNow, type Credential } from '../domain/credential.ts';
import { securityEventNames, type AttributeValue, type SecurityEvent } from '../domain/securityEvents.ts';

export interface Collector {
  /** Hands them over. Returns how many of them it took note of and will never keep, which are not to be sent again. Throws CollectorTrouble when
   *  it has not taken them, or nobody knows. */
  take(events: readonly SecurityEvent[]): Promise<{ rejected: number }>;
}

/** They were not taken. A status, or the code of what lies between us and it; what was answered is not repeated. */
export class CollectorTrouble extends Error {
  readonly code: string;
  readonly status: number | undefined;
  /** For how long it asks to be left alone. */
  readonly restMs: number;

  constructor(code: string, { status, restMs = 0, cause }: { status?: number; restMs?: number; cause?: unknown } = {}) {
    super('The collector has not taken the events.', { cause });
    this.code = code;
    this.status = status;
    this.restMs = restMs;
  }
}

const patienceMs = 5_000;
/** Whatever it asks for, it is asked again after that. */
const longestRestMs = 600_000;

export function openCollector({
  url,
  headers,
}: {
  url: string;
  headers: Credential<Record<string, string>>;
}): Collector {
  return {
    async take(events) {
      const { response, text } = await post(url, asOfNow(headers), JSON.stringify(requestOf(events))).catch(
        (cause: unknown) => {
          throw new CollectorTrouble(codeOf(cause), { cause });
        },
      );
      if (!response.ok)
        throw new CollectorTrouble(`http_${response.status}`, { status: response.status, restMs: restMsIn(response) });
      return { rejected: rejectedIn(text) };
    },
  };
}

async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<{ response: Response; text: string }> {
  const response = await fetch(url, {
    method: 'POST',
    // Wherever it leads, nobody has set that address.
    redirect: 'manual',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body,
    signal: AbortSignal.timeout(patienceMs),
  });
  return { response, text: await response.text() };
}

/** As the protocol has it: names in camel case, 64-bit numbers as text, severities by their number. */
function requestOf(events: readonly SecurityEvent[]): object {
  const observedTimeUnixNano = nanoOf(new Date());
  return {
    resourceLogs: [
      {
        resource: { attributes: attributesOf({ 'service.name': 'heed' }) },
        scopeLogs: [
          {
            scope: { name: 'heed.security' },
            logRecords: events.map(({ name, uid, at, attributes }) => ({
              timeUnixNano: nanoOf(at),
              observedTimeUnixNano,
              ...(name === 'heed.refusals' ? warning : information),
              eventName: name,
              body: { stringValue: securityEventNames[name] },
              attributes: attributesOf({ 'log.record.uid': uid, ...attributes }),
            })),
          },
        ],
      },
    ],
  };
}

const information = { severityNumber: 9, severityText: 'INFO' };
const warning = { severityNumber: 13, severityText: 'WARN' };

const nanoOf = (at: Date): string => `${at.getTime()}000000`;

const attributesOf = (attributes: Record<string, AttributeValue>): object[] =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));

function valueOf(value: AttributeValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  // None of ours has a fraction.
  if (typeof value === 'number') return { intValue: String(value) };
  return { arrayValue: { values: value.map((stringValue) => ({ stringValue })) } };
}

const Answer = z.object({
  partialSuccess: z.object({ rejectedLogRecords: z.coerce.number().int().min(0).default(0) }),
});

/** What can't be read as an answer says nothing against what it answers. */
function rejectedIn(text: string): number {
  try {
    return Answer.safeParse(JSON.parse(text)).data?.partialSuccess.rejectedLogRecords ?? 0;
  } catch {
    return 0;
  }
}

/** In seconds; a date, which is allowed too, is taken for none. */
function restMsIn(response: Response): number {
  const seconds = Number(response.headers.get('Retry-After') ?? 0);
  return Number.isFinite(seconds) ? Math.min(longestRestMs, Math.max(0, seconds * 1000)) : 0;
}

/** Of fetch's errors the one beneath says what it was. */
function codeOf(error: unknown): string {
  const { name, cause } = Object(error) as { name?: string; cause?: { code?: string } };
  return cause?.code ?? name ?? 'unknown';
}
