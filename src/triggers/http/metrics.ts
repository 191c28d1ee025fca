/** /metrics for Prometheus: read from Postgres when it is asked for, so that every web process says the same and a restart forgets nothing. */

import { Hono } from 'hono';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Pool } from '../../store/pool.ts';
import { refusalsOfTheHour } from '../../store/records/refusals.ts';
import { countsOf, progressOf } from '../../store/views/health.ts';

export function metrics(pool: Pool): Hono {
  const registers = [new Registry()];
  const registry = registers[0]!;
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers });

  const captured = counter('heed_signals_captured_total', 'Signals captured', ['channel']);
  const escalated = counter('heed_escalations_total', 'Rungs taken; rung 0 is the first prompt', ['rung']);
  const breached = counter('heed_sla_breached_total', 'Waits in which somebody had to be told because nobody acted', [
    'phase',
  ]);
  const sent = counter('heed_deliveries_sent_total', 'Messages sent', ['dest_type', 'message_type']);
  const held = counter('heed_deliveries_held_total', 'Messages that were not sent, by what became of them', ['reason']);
  const unused = gauge('heed_insights_unused', 'Insights past their date with no decision');
  const refused = gauge('heed_refusals', 'Who was turned away in the last hour, by door and reason', ['door', 'why']);
  const oldest = gauge('heed_queue_oldest_age_seconds', 'How long the oldest has waited', ['queue']);

  const write: Record<string, (label: string, label2: string | null, count: number) => void> = {
    captured: (channel, _, count) => captured.inc({ channel }, count),
    escalated: (rung, _, count) => escalated.inc({ rung }, count),
    breached: (phase, _, count) => breached.inc({ phase }, count),
    sent: (dest_type, message_type, count) => sent.inc({ dest_type, message_type: message_type ?? '' }, count),
    held: (reason, _, count) => held.inc({ reason }, count),
    unused: (_, __, count) => unused.set(count),
  };

  const app = new Hono();
  app.get('/', async (c) => {
    const [counts, progress, refusals] = await Promise.all([countsOf(pool), progressOf(pool), refusalsOfTheHour(pool)]);
    // From here to the text nothing is awaited that another scrape could come between.
    registry.resetMetrics();
    for (const { metric, label, label2, count } of counts) write[metric]?.(label, label2, count);
    for (const { door, why, times } of refusals) refused.set({ door, why }, times);
    oldest.set({ queue: 'wakes' }, progress.oldest_wake_seconds ?? 0);
    oldest.set({ queue: 'deliveries' }, Math.max(0, progress.oldest_delivery_seconds ?? 0));
    return c.body(await registry.metrics(), 200, { 'Content-Type': registry.contentType });
  });
  return app;
}
