/** Two workers in one process: stories with their stages, and messages. */

import {
  NativeConnection,
  Runtime,
  Worker,
  type Logger as CoreLogger,
  type NativeConnectionOptions,
} from '@temporalio/worker';
import { failures } from '../activities/failures.ts';
import { createDeliveries, createStages, type Hands } from '../activities/createActivities.ts';
import { placeOf, type Log } from '../log.ts';
import { loopsQueue, messagesQueue } from '../workflows/messages.ts';

export interface RunningWorkers {
  /** Waits for what is under way, then closes. */
  stop(): Promise<void>;
  /** Rejects when a worker dies by itself. */
  died: Promise<never>;
}

export interface WorkerOptions {
  hands: Hands;
  connection: NativeConnectionOptions;
  namespace: string;
  /** The bundled stories (bundle.ts). */
  bundle: string;
  log: Log;
  /** Messages a second over all workers of the queue. */
  messagesPerSecond?: number;
  /** Stories kept in memory; others are replayed when they are woken. */
  cachedStories?: number;
}

/** Starts both workers. Rejects when Temporal can't be reached. */
export async function startWorkers(options: WorkerOptions): Promise<RunningWorkers> {
  installRuntime(options.log);
  failures.report = (error) => options.log.warn({ at: placeOf(error) }, 'An activity failed; Temporal tries it again.');
  const connection = await NativeConnection.connect(options.connection);
  const shared = {
    connection,
    namespace: options.namespace,
    shutdownGraceTime: '5s',
    shutdownForceTime: '8s',
  } as const;
  const stories = await Worker.create({
    ...shared,
    taskQueue: loopsQueue,
    workflowBundle: { codePath: options.bundle },
    activities: createStages(options.hands),
    maxCachedWorkflows: options.cachedStories ?? 500,
    maxConcurrentWorkflowTaskExecutions: 20,
    maxConcurrentLocalActivityExecutions: 10,
    workflowTaskPollerBehavior: { type: 'autoscaling', minimum: 1, maximum: 5 },
  });
  const messages = await Worker.create({
    ...shared,
    taskQueue: messagesQueue,
    activities: createDeliveries(options.hands),
    // A mail server may take minutes over a letter; what goes by Slack must not stand behind that, nor behind all those in hand (email.ts).
    maxConcurrentActivityTaskExecutions: 15,
    maxTaskQueueActivitiesPerSecond: options.messagesPerSecond ?? 30,
  });
  const running = [stories, messages].map((worker) => ({ worker, run: worker.run() }));
  let stopping = false;
  const never = (): Promise<never> => new Promise(() => {});
  return {
    died: Promise.race(running.map(({ run }) => run)).then(never, (error: unknown) => {
      // Told to stop, it also fails where what is under way takes longer than its grace.
      if (stopping) return never();
      throw error;
    }),
    async stop() {
      stopping = true;
      for (const { worker } of running) if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.allSettled(running.map(({ run }) => run));
      await connection.close();
    },
  };
}

let installed = false;

/** One runtime a process; what it has to say goes into our log. */
function installRuntime(log: Log): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    logger: intoOurLog(log),
    telemetryOptions: { logging: { filter: 'WARN', forward: {} } },
    shutdownSignals: [],
  });
}

function intoOurLog(log: Log): CoreLogger {
  // The worker of the queue `messages` has no stories, and says so at every start.
  const expected = /^No workflows registered/;
  const say = (level: 'debug' | 'info' | 'warn' | 'error') => (message: string) =>
    log[expected.test(message) ? 'debug' : level]({}, message);
  return {
    log: (level, message) => say(level === 'ERROR' ? 'error' : level === 'WARN' ? 'warn' : 'debug')(message),
    trace: say('debug'),
    debug: say('debug'),
    info: say('debug'),
    warn: say('warn'),
    error: say('error'),
  };
}
