/** Carries what Postgres holds to Temporal: wakes as the signal `nudge`, due deliveries as standalone activities; and security events to a
 *  collector, where one is set. Several may run. It never decides anything, and never gives up: a row that could not be carried is carried later. */

import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import type pg from 'pg';
import type { Credential } from '../../domain/credential.ts';
import type { Collector } from '../../integrations/otlp.ts';
import type { Log } from '../../log.ts';
import { connect as connectTo, relayName } from '../../store/connection.ts';
import { deliveryNotStarted, leaseDueDeliveries, type DeliveryClass } from '../../store/records/deliveries.ts';
import {
  leaseWakes,
  moreWakesThan,
  wakeCarried,
  wakePostponed,
  type LeasedWake,
  type WakeClass,
} from '../../store/records/wakes.ts';
import type { Pool } from '../../store/pool.ts';
import { loopsQueue, messagesQueue, nudge } from '../../workflows/messages.ts';
import { nudgeLag } from '../timings.ts';
import { ahead, type Ahead } from './ahead.ts';
import { backOffMs } from './backOff.ts';
import { codeOf } from './codeOf.ts';
import { keepChain, keepNoLonger } from './keeping.ts';
import { lacksNamespace, reconcile } from './reconcile.ts';
import { carrySecurityEvents } from './securityEvents.ts';

export interface Relay {
  stop(): Promise<void>;
}

export interface RelayOptions {
  pool: Pool;
  /** For LISTEN, on a connection of its own. */
  databaseUrl: Credential;
  client: Client;
  /** Names the Temporal that is talked to, in the database. */
  temporalAddress: string;
  /** Of security events; undefined: none is set. */
  collector?: Collector | undefined;
  log: Log;
  /** Stories opened a second, at most; measured on two cores: more delays the responses of others. */
  startsPerSecond?: number;
  wavesPerSecond?: number;
  /** For how long what was carried, and no worker has looked at, holds back more of its class; ten seconds unless said otherwise. */
  waitsForWorkerMs?: number;
}

/** Without a hint it looks this often. */
const sweepMs = 1_000;
/** Hints that come thick and fast are one look: each is two or three statements. What is paced can wait for a tenth of a second. */
const promptlyRestMs = 20;
const inItsTurnRestMs = 100;
/** A terminated run is back within ten seconds. */
const reconcileMs = 4_000;
/** Longest a call to Temporal may take. */
const deadlineMs = 5_000;
const atOnce = 10;
/** Where more waves wait than leave in five minutes, everything is rebuilt, and takes all the room that responses and starts leave, to its end. Told by
 *  what waits, so that it is so for whichever relay there is by then. A telling to five thousand people leaves no more than that waiting, and keeps its
 *  pace. */
const rebuildingFrom = (wavesPerSecond: number): number => 300 * wavesPerSecond;
const rebuiltAtOnce = 20;
/** Who waits for a worker: what half a second has room for, so that nobody's response waits for much longer than that. A slow machine sets the pace. */
const aheadOf = (perSecond: number): number => Math.max(1, Math.ceil(perSecond / 2));

export function startRelay(options: RelayOptions): Relay {
  const { log, startsPerSecond = 8, wavesPerSecond = 10, waitsForWorkerMs = 10_000 } = options;
  const ears = listen(options.databaseUrl, log);
  const starts = bucket(startsPerSecond);
  const opening = ahead(options.client, waitsForWorkerMs);
  const waves = bucket(wavesPerSecond);
  const waving = ahead(options.client, waitsForWorkerMs);
  // Letters about one decision stand in line here and not in Temporal's queue, where an answer would stand behind all of them.
  const letters = bucket(wavesPerSecond);
  // So does what takes back in one night whatever is kept no longer.
  const unhurried = bucket(wavesPerSecond);
  const state = { stopping: false, rebuilding: false };

  // Apart from the rest, so that nobody's response stands behind a handful of waves that is under way.
  const promptly = goOn(promptlyRestMs, async () => {
    const woken = await carry(options, 'response', 50);
    const started = await startDeliveries(options, 'other', 20);
    return woken === 50 || started === 20;
  });

  const inItsTurn = goOn(inItsTurnRestMs, async () => {
    const openable = await opening.room(aheadOf(startsPerSecond));
    const opened = await carry(options, 'start', Math.min(starts.room(), openable), opening);
    starts.take(opened);
    const { rebuilding } = state;
    const wakeable = await waving.room(rebuilding ? 2 * rebuiltAtOnce : aheadOf(wavesPerSecond));
    const most = Math.min(rebuilding ? rebuiltAtOnce : waves.room(), wakeable);
    const waved = await carry(options, 'wave', most, waving);
    state.rebuilding =
      waved === most && (await moreWakesThan(options.pool, 'wave', rebuilding ? 0 : rebuildingFrom(wavesPerSecond)));
    waves.take(waved);
    const isHeldBack = openable < 1 || wakeable < 1;
    // What can wait waits, too, for a worker that can't keep up.
    if (isHeldBack) return true;
    const told = await startDeliveries(options, 'wave', letters.room());
    letters.take(told);
    const last = await startDeliveries(options, 'unhurried', unhurried.room());
    unhurried.take(last);
    return opened + waved + told + last > 0;
  });

  /** Again and again: while `work` may have left something, else at the next hint or sweep; no more often than every `restMs`. */
  async function goOn(restMs: number, work: () => Promise<boolean>): Promise<void> {
    let heard = 0;
    while (!state.stopping) {
      const began = performance.now();
      let more = false;
      try {
        more = await work();
      } catch (error) {
        log.warn({ code: codeOf(error) }, 'The relay could not reach Postgres; it goes on trying.');
      }
      if (!more) heard = await ears.next(sweepMs, heard);
      await ears.idle(began + restMs - performance.now());
    }
  }

  const reconciling = (async () => {
    while (!state.stopping) {
      try {
        await reconcile(options);
      } catch (error) {
        log.warn(
          { code: codeOf(error) },
          lacksNamespace(error)
            ? `Temporal has no namespace ${options.client.options.namespace}, and nothing is carried until it has: run docker compose up -d, or docker/temporal/namespace.sh.`
            : 'The relay could not compare itself with Temporal; it tries again in a few seconds.',
        );
      }
      await ears.idle(reconcileMs);
    }
  })();

  const keeping = [keepChain, keepNoLonger, carrySecurityEvents].map((keep) =>
    keep(
      options,
      () => state.stopping,
      (ms) => ears.idle(ms),
    ),
  );

  return {
    async stop() {
      state.stopping = true;
      await ears.close();
      await Promise.all([promptly, inItsTurn, reconciling, ...keeping]);
    },
  };
}

/** One class of wakes: leased in a short statement, carried outside any transaction, deleted unless somebody asked again. */
async function carry(options: RelayOptions, as: WakeClass, most: number, sent?: Ahead): Promise<number> {
  if (most < 1) return 0;
  const wakes = await leaseWakes(options.pool, as, most);
  await inParallel(wakes, (wake) => carryOne(options, wake));
  sent?.sent(wakes.map(workflowIdOf));
  return wakes.length;
}

const workflowIdOf = ({ kind, loop_id }: LeasedWake): string => `${kind}:${loop_id}`;

async function carryOne({ pool, client, log }: RelayOptions, wake: LeasedWake): Promise<void> {
  const story = wake.kind === 'signal' ? 'followSignal' : 'followInsight';
  const subject = wake.kind === 'signal' ? { signalId: wake.loop_id } : { insightId: wake.loop_id };
  const leasedAt = performance.now();
  try {
    await client.withDeadline(Date.now() + deadlineMs, () =>
      client.workflow.signalWithStart(story, {
        workflowId: workflowIdOf(wake),
        taskQueue: loopsQueue,
        args: [subject],
        signal: nudge,
        signalArgs: [],
        // Starts, wakes, and revives one that was terminated; a run whose loop is over ends at once.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: wake.anew ? 'TERMINATE_EXISTING' : 'USE_EXISTING',
        staticSummary: wake.reference,
      }),
    );
    nudgeLag.observe((wake.waited_ms + performance.now() - leasedAt) / 1000);
    await wakeCarried(pool, wake.loop_id, wake.asked);
  } catch (error) {
    await wakePostponed(pool, wake.loop_id, wake.asked, backOffMs(wake.attempts));
    log[wake.attempts > 5 ? 'error' : 'warn'](
      { loop: wake.loop_id, attempts: wake.attempts, code: codeOf(error) },
      'A wake could not be carried to Temporal; it stays and is carried later.',
    );
  }
}

/** Temporal's, of one to five: where mail leaves more slowly than letters of a decision are started, whatever else there is to say goes before them,
 *  and what nobody waits for after them. */
const priorities: Record<DeliveryClass, number> = { other: 2, wave: 4, unhurried: 5 };

async function startDeliveries({ pool, client, log }: RelayOptions, as: DeliveryClass, most: number): Promise<number> {
  if (most < 1) return 0;
  const due = await leaseDueDeliveries(pool, as, most);
  await inParallel(due, async ({ id, channel, purpose }) => {
    try {
      await client.withDeadline(Date.now() + deadlineMs, () =>
        client.activity.start('deliver', {
          id: `delivery:${id}`,
          taskQueue: messagesQueue,
          args: [id],
          startToCloseTimeout: channel === 'email' ? '13m' : '30s',
          heartbeatTimeout: '30s',
          idConflictPolicy: 'USE_EXISTING',
          priority: { priorityKey: priorities[as] },
          summary: `${purpose} by ${channel}`,
        }),
      );
    } catch (error) {
      await deliveryNotStarted(pool, id);
      log.warn(
        { delivery: id, code: codeOf(error) },
        'A delivery could not be started in Temporal; it is due again in a moment.',
      );
    }
  });
  return due.length;
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: Math.min(atOnce, queue.length) }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
    }),
  );
}

/** Room for `rate` a second, saved up for one second at most. */
function bucket(rate: number) {
  let tokens = rate;
  let filledAt = performance.now();
  return {
    room(): number {
      const now = performance.now();
      tokens = Math.min(rate, tokens + ((now - filledAt) / 1000) * rate);
      filledAt = now;
      return Math.floor(tokens);
    },
    /** What was taken beyond it, in a rebuild, is nobody's debt: whoever is told something next would wait for as long as all of that took. */
    take(count: number): void {
      tokens = Math.max(0, tokens - count);
    },
  };
}

/** Hints from commits. Correctness rests on the sweep: a lost connection costs a second, and is opened again. */
function listen(databaseUrl: Credential, log: Log) {
  let client: pg.Client | undefined;
  let closed = false;
  let hints = 0;
  const sleepers = new Set<() => void>();
  const wakeAll = (): void => {
    for (const wakeOne of sleepers) wakeOne();
  };

  const connect = async (): Promise<void> => {
    while (!closed) {
      let opened: pg.Client | undefined;
      try {
        const next = await connectTo(databaseUrl, `${relayName}${randomUUID().slice(0, 8)}`);
        opened = next;
        next.on('notification', () => {
          hints += 1;
          wakeAll();
        });
        await next.query('listen heed_due');
        client = next;
        await new Promise<void>((lost) => {
          next.on('error', () => lost());
          next.on('end', () => lost());
          // Closed while it was being opened: nobody else would end it.
          if (closed) lost();
        });
      } catch (error) {
        log.warn({ code: codeOf((error as Error).cause ?? error) }, 'The relay hears no hints; it sweeps meanwhile.');
      }
      client = undefined;
      await opened?.end().catch(() => {});
      if (!closed) await sleep(1_000);
    }
  };
  const connecting = connect();

  const sleep = (ms: number, hints = false): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        sleepers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      if (hints || closed) sleepers.add(done);
    });

  return {
    /** Until a hint beyond the first `heard`, at most `ms`; one that was given meanwhile counts. Returns how many there were. */
    async next(ms: number, heard: number): Promise<number> {
      if (hints === heard && !closed) await sleep(ms, true);
      return hints;
    },
    /** At most `ms`, shorter only when closing. */
    async idle(ms: number): Promise<void> {
      for (let left = ms; left > 0 && !closed; left -= 200) await sleep(Math.min(200, left));
    },
    async close(): Promise<void> {
      closed = true;
      wakeAll();
      await client?.end().catch(() => {});
      await connecting;
    },
  };
}
