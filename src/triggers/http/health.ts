/** Is it alive, is it ready, and does work move? In JSON, for load balancers and for whoever is woken at night. */

import { Hono } from 'hono';
import { longestWaiting, migrationsMissing, progressOf, type Waiting } from '../../store/views/health.ts';
import type { Web } from './web.ts';

/** A wake that was not carried for this long means that the relay or Temporal stands still. */
const slowWakeSeconds = 60;
/** What was captured is read by its story within seconds; a restart takes two minutes at most. */
const slowReadingSeconds = 120;
/** Deliveries wait for the pace and are tried again, so they may take longer. */
const slowDeliverySeconds = 600;

export function health(web: Web): Hono {
  const app = new Hono();
  const { pool } = web.heed;

  app.get('/', (c) => c.json({ status: 'alive' }));

  // Captures and responses work without Temporal, so its absence degrades and does not make unready.
  app.get('/ready', async (c) => {
    const missing = await migrationsMissing(pool);
    if (missing.length > 0)
      return c.json(
        {
          status: 'unready',
          postgres: 'reachable',
          schema: `behind by ${missing.length}: run heed migrate`,
          engine: 'unknown',
        },
        503,
      );
    const arriving = web.arriving();
    const engine =
      arriving.length > 0
        ? `still arriving: ${arriving.join(', ')}`
        : (standstill(await longestWaiting(pool)) ?? 'moving');
    return c.json({
      status: engine === 'moving' ? 'ready' : 'degraded',
      postgres: 'reachable',
      schema: 'current',
      engine,
    });
  });

  app.get('/engine', async (c) => {
    const progress = await progressOf(pool);
    const stands = standstill(progress);
    return c.json(
      {
        status: stands ? 'stalled' : 'moving',
        ...(stands && { detail: stands }),
        openLoops: progress.open_loops,
        wakesWaiting: progress.wakes,
        oldestWakeSeconds: rounded(progress.oldest_wake_seconds),
        deliveriesDue: progress.deliveries_due,
        oldestDeliverySeconds: rounded(progress.oldest_delivery_seconds),
        deliveriesForAPerson: progress.needs_human,
        lastRungTakenAt: progress.last_rung_at?.toISOString() ?? null,
        lastDeliverySentAt: progress.last_delivery_at?.toISOString() ?? null,
      },
      stands ? 503 : 200,
    );
  });
  return app;
}

/** Whether somebody has read what was captured is not looked at for load balancers, who ask every second. */
function standstill(waiting: Waiting & { oldest_unread_seconds?: number | null }): string | undefined {
  if ((waiting.oldest_wake_seconds ?? 0) > slowWakeSeconds)
    return 'Nothing is carried to Temporal: see whether the relay runs and Temporal can be reached. What is recorded stays recorded.';
  if ((waiting.oldest_unread_seconds ?? 0) > slowReadingSeconds)
    return 'What was captured is not read: see whether a worker runs (heed stuck, and its log). What is recorded stays recorded.';
  if ((waiting.oldest_delivery_seconds ?? 0) > slowDeliverySeconds)
    return 'Messages are due and do not leave: see whether a worker runs, and whether mail and Slack can be reached.';
  return undefined;
}

const rounded = (seconds: number | null): number => Math.max(0, Math.round(seconds ?? 0));
