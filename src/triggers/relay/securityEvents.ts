/** Carries what a collector of security events does not have yet, at least once and in order: nobody waits for it, and while the collector is away
 *  it stays where it is, in Postgres. */

import { CollectorTrouble, type Collector } from '../../integrations/otlp.ts';
import type { Log } from '../../log.ts';
import {
  eventsCarried,
  eventsToCarry,
  leaseCollector,
  letGoOfCollector,
  wantNoCollector,
} from '../../store/records/securityEvents.ts';
import type { Pool } from '../../store/pool.ts';
import { backOffMs } from './backOff.ts';
import { codeOf } from './codeOf.ts';

export interface Carrying {
  pool: Pool;
  /** Undefined: none is set, and nothing waits for one. */
  collector?: Collector | undefined;
  log: Log;
}

const carryEveryMs = 2_000;

/** Runs until `stopping`; `idle` waits, and ends early when it does. */
export async function carrySecurityEvents(
  { pool, collector, log }: Carrying,
  stopping: () => boolean,
  idle: (ms: number) => Promise<void>,
): Promise<void> {
  let failed = 0;
  while (!stopping()) {
    let restMs = carryEveryMs;
    try {
      if (!collector) return await wantNoCollector(pool);
      if (await carryBatch(pool, collector, log)) restMs = 0;
      failed = 0;
    } catch (error) {
      failed += 1;
      restMs = Math.max(backOffMs(failed), error instanceof CollectorTrouble ? error.restMs : 0);
      log[failed > 5 ? 'error' : 'warn']({ code: codeOf(error), attempts: failed }, whatToDo(error));
    }
    await idle(restMs);
  }
}

/** Returns whether there is more to carry at once; false also while another relay is at it. */
async function carryBatch(pool: Pool, collector: Collector, log: Log): Promise<boolean> {
  const lease = await leaseCollector(pool);
  if (!lease) return false;
  try {
    const batch = await eventsToCarry(pool, lease);
    if (batch.events.length > 0) {
      const { rejected } = await collector.take(batch.events);
      if (rejected > 0)
        log.error(
          { rejected },
          'The collector has rejected some security events for good, so they are not sent again: its own log says why.',
        );
    }
    await eventsCarried(pool, lease, batch);
    return batch.more;
  } catch (error) {
    // Else nobody would try for half a minute.
    await letGoOfCollector(pool, lease).catch(() => {});
    throw error;
  }
}

function whatToDo(error: unknown): string {
  if (!(error instanceof CollectorTrouble))
    return 'Security events could not be read or noted as carried; they wait, and are carried later.';
  const { status } = error;
  if (status === 401 || status === 403)
    return 'The collector refuses security events from us: correct OTEL_EXPORTER_OTLP_HEADERS. They wait, and are carried later.';
  if (status !== undefined && status < 500 && status !== 408 && status !== 429)
    return 'The collector does not take security events as we send them: let OTEL_EXPORTER_OTLP_LOGS_ENDPOINT name where it takes logs by OTLP over HTTP, in JSON. They wait, and are carried later.';
  return 'The collector does not take security events now: see whether it runs, and can be reached from here. They wait, and are carried later.';
}
