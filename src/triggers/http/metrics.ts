/** /metrics for Prometheus: read from Postgres when it is asked for, so that every web process says the same and a restart forgets nothing;
 *  and beside it the timings of this process, which only it can know. */

import { Hono } from 'hono';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Credential } from '../../domain/credential.ts';
import type { Pool } from '../../store/pool.ts';
import { refusalsOfTheHour, type Tally } from '../../store/records/refusals.ts';
import { longestUncarried } from '../../store/records/securityEvents.ts';
import { audiences, standingStops } from '../../store/records/sendingOrders.ts';
import { bounds, countsOf, progressOf, spreadsOf } from '../../store/views/health.ts';
import { timings } from '../timings.ts';
import { answerErrors } from './errors.ts';
import { onlyWatchers } from './security.ts';

/** A door for nothing but the timings of a process that has no web. */
export function timingsDoor(metricsToken: Credential | undefined, turnedAway: Tally): Hono {
  const app = new Hono();
  app.onError(answerErrors(() => {}));
  app.get('/metrics', onlyWatchers(metricsToken, turnedAway), async (c) =>
    c.body(await timings.metrics(), 200, { 'Content-Type': timings.contentType }),
  );
  return app;
}

export function metrics(pool: Pool): Hono {
  const registers = [new Registry()];
  const registry = registers[0]!;
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers });

  /** Of facts, as health.ts counts them. */
  const counted = (name: string, help: string, labelNames: string[]) =>
    counter(name, `${help}, since Monday (UTC)`, labelNames);

  const captured = counted('heed_signals_captured_total', 'Signals captured', ['channel']);
  const escalated = counted('heed_escalations_total', 'Rungs taken (rung 0 is the first prompt)', ['rung']);
  const breached = counted('heed_sla_breached_total', 'Waits in which somebody had to be told because nobody acted', [
    'phase',
  ]);
  const sent = counted('heed_deliveries_sent_total', 'Messages sent', ['dest_type', 'message_type']);
  const held = counter(
    'heed_deliveries_held_total',
    'Messages that were not sent, by what became of them since Monday (UTC); needs_human: that wait for a person now',
    ['reason'],
  );
  const unused = gauge('heed_insights_unused', 'Insights past their date with no decision');
  const stopped = gauge('heed_sending_stopped', 'Whether somebody has stopped all that is sent to them', ['audience']);
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
    const [counts, progress, spreads, refusals, stops, uncarried] = await Promise.all([
      countsOf(pool),
      progressOf(pool),
      spreadsOf(pool),
      refusalsOfTheHour(pool),
      standingStops(pool),
      longestUncarried(pool),
    ]);
    // From here to the text nothing is awaited that another scrape could come between.
    registry.resetMetrics();
    for (const { metric, label, label2, count } of counts) write[metric]?.(label, label2, count);
    for (const { door, why, times } of refusals) refused.set({ door, why }, times);
    for (const audience of audiences)
      stopped.set({ audience }, stops.some((stop) => stop.audience === audience) ? 1 : 0);
    oldest.set({ queue: 'wakes' }, progress.oldest_wake_seconds ?? 0);
    oldest.set({ queue: 'deliveries' }, Math.max(0, progress.oldest_delivery_seconds ?? 0));
    oldest.set({ queue: 'chain' }, progress.oldest_unchained_seconds ?? 0);
    if (uncarried !== null) oldest.set({ queue: 'security_events' }, uncarried);
    const texts = [
      await registry.metrics(),
      histogram(
        'heed_signal_stage_duration_seconds',
        'From the opening of a round (decided: of the insight) to this stage, reached since Monday (UTC)',
        spreads
          .filter(({ metric }) => metric === 'stage')
          .map((spread) => ({ ...spread, labels: { stage: spread.label! } })),
      ),
      histogram(
        'heed_escalation_lateness_seconds',
        'How long after it was due a rung was taken, since Monday (UTC)',
        spreads.filter(({ metric }) => metric === 'lateness').map((spread) => ({ ...spread, labels: {} })),
      ),
      await timings.metrics(),
    ];
    return c.body(texts.join('\n'), 200, { 'Content-Type': registry.contentType });
  });
  return app;
}

interface Spread {
  labels: Record<string, string>;
  bound: number | null;
  count: number;
  seconds: number;
}

/** As text: prom-client's histograms only count what they are shown one by one. */
function histogram(name: string, help: string, spreads: Spread[]): string {
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
  for (const { labels, count, seconds } of spreads.filter(({ bound }) => bound === null)) {
    const told = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const of = spreads.filter((spread) => spread.bound !== null && same(spread.labels, labels));
    for (const [at, le] of bounds.entries()) {
      const below = of.reduce((sum, spread) => (spread.bound! <= at ? sum + spread.count : sum), 0);
      lines.push(`${name}_bucket{${[...told, `le="${le}"`].join(',')}} ${below}`);
    }
    const all = told.length > 0 ? `{${told.join(',')}}` : '';
    lines.push(
      `${name}_bucket{${[...told, 'le="+Inf"'].join(',')}} ${count}`,
      `${name}_sum${all} ${seconds}`,
      `${name}_count${all} ${count}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

const same = (a: Record<string, string>, b: Record<string, string>): boolean => JSON.stringify(a) === JSON.stringify(b);
