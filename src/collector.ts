/** What its settings, which are OpenTelemetry's own, say about a collector of security events. */

import type { Credential } from './domain/credential.ts';

export interface Collector {
  url: string;
  headers: Credential<Record<string, string>>;
}

/** Of the two addresses the one of logs alone is taken as it is; the one of everything has their path behind it. */
export function collectorIn(
  settings: {
    OTEL_EXPORTER_OTLP_LOGS_ENDPOINT?: string | undefined;
    OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  },
  headers: Collector['headers'] = {},
): Collector | undefined {
  const everything = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  const url = settings.OTEL_EXPORTER_OTLP_LOGS_ENDPOINT ?? (everything && `${everything.replace(/\/+$/, '')}/v1/logs`);
  return url ? { url, headers } : undefined;
}

/** Undefined where it is no list of headers. What a comma or a space would end is coded as in an address. */
export function headersIn(text: string): Record<string, string> | undefined {
  try {
    const pairs = text.split(',').filter((pair) => pair.trim() !== '');
    return Object.fromEntries(
      new Headers(
        pairs.map((pair): [string, string] => {
          const at = pair.indexOf('=');
          return [pair.slice(0, Math.max(0, at)).trim(), decodeURIComponent(pair.slice(at + 1)).trim()];
        }),
      ),
    );
  } catch {
    return undefined;
  }
}
