/** The engine: worker and relay, the processes that talk to Temporal; and how `npm start` keeps one beside the web. */

import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Hands } from './activities/createActivities.ts';
import { environmentWith, type Config } from './config.ts';
import { yieldToOthers } from './embedded/processes.ts';
import { openPostOffice } from './integrations/email.ts';
import { openSlack } from './integrations/slack.ts';
import { openLog } from './log.ts';
import type { Stop } from './stops.ts';
import type { Pool } from './store/pool.ts';
import { openConfigurations } from './store/records/configurations.ts';
import { startRelay } from './triggers/relay/relay.ts';
import { bundleWorkflows } from './workers/bundle.ts';
import { startWorkers } from './workers/createWorker.ts';

type Say = (sentence: string) => void;

/** Said to an engine whose parent has the mailbox. */
const recalls = 'recalls';

/**
 * Starts an engine as a process of its own, at a lower priority: on a small machine whoever stands at a counter goes before what can wait.
 * Returns when it works; from then on it is started again when it ends by itself. It ends with us, whichever way we end. Its settings go
 * by the environment, which no other user of the machine reads.
 */
export async function keepEngine(
  main: string,
  settings: NodeJS.ProcessEnv,
  { recall }: Pick<Hands, 'recall'>,
  stops: Stop[],
  say: Say,
): Promise<void> {
  let child: ChildProcess | undefined;
  let stopping = false;

  const start = async (): Promise<void> => {
    const engine = fork(main, ['engine', ...(recall ? [recalls] : [])], {
      env: environmentWith(settings),
      // A group of its own: Ctrl-C in the terminal then reaches us only, who end things in order.
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child = engine;
    engine.on('message', (said) => {
      const { recall: messageId } = said as { recall?: string };
      if (messageId) void recall?.(messageId).then(() => engine.connected && engine.send({ recalled: messageId }));
    });
    const working = new Promise<void>((ready, failed) => {
      engine.once('message', () => ready());
      engine.once('exit', () => failed(new Error('The engine ended before it was ready; what it said stands above.')));
    });
    await Promise.all([working, yieldToOthers(engine.pid!)]);
    engine.once('exit', () => {
      if (!stopping) void startAgain();
    });
  };

  const startAgain = async (): Promise<void> => {
    say('The engine ended by itself. It is started again; nothing that was kept is lost.');
    while (!stopping) {
      try {
        await start();
        return say('The engine is back.');
      } catch {
        await sleep(500);
      }
    }
  };

  stops.push({
    name: 'Engine',
    stop: async () => {
      stopping = true;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child!.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  });
  await start();
}

/** The mailbox is our parent's, who is asked and says when it is done; where there is none, no mail can be taken back. */
function recallThroughParent(): Hands['recall'] {
  if (!process.send || !process.argv.includes(recalls)) return undefined;
  return (messageId) =>
    new Promise((done) => {
      const hear = (said: unknown): void => {
        if ((said as { recalled?: string }).recalled !== messageId) return;
        process.off('message', hear);
        done();
      };
      process.on('message', hear);
      process.send!({ recall: messageId });
    });
}

/** Tells whoever keeps this process that it works, and ends it when they are gone. False when nobody does. */
export function isReadyForParent(): boolean {
  if (!process.send) return false;
  process.send({ ready: true });
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  return true;
}

/** Starts worker, relay or both. With Temporal down they wait for it, and say so once. Needs the addresses of all parts in `config`. */
export async function startEngine(
  config: Config,
  pool: Pool,
  which: readonly ('worker' | 'relay')[],
  stops: Stop[],
  say: Say,
): Promise<void> {
  const log = openLog(config.logLevel);
  const { connectionOptions } = loadClientConnectConfig();
  const connection = { ...connectionOptions, address: config.temporalAddress! };
  await untilTemporalAnswers(connection, say);
  if (which.includes('worker')) {
    // Read once, by the workers that start; nothing of it stays behind.
    const folder = await mkdtemp(join(config.dataDir ?? tmpdir(), 'stories-'));
    const workers = await startWorkers({
      hands: {
        pool,
        configuration: openConfigurations(pool),
        publicUrl: config.publicUrl,
        post: openPostOffice(config.smtpUrl!, config.signature),
        slack: config.slack && openSlack(config.slack),
        recall: recallThroughParent(),
      },
      connection,
      namespace: config.temporalNamespace,
      bundle: await bundleWorkflows(join(folder, 'stories.js')),
      log,
      messagesPerSecond: config.smtpRate,
    }).finally(() => rm(folder, { force: true, recursive: true }));
    stops.push({ name: 'Workers', stop: () => workers.stop() });
    workers.died.catch((error: unknown) => {
      say(`The worker died: ${error instanceof Error ? error.message : String(error)}. Nothing is lost.`);
      process.kill(process.pid, 'SIGTERM');
    });
  }
  if (which.includes('relay')) {
    const toTemporal = await Connection.connect(connection);
    stops.push({ name: 'Temporal connection', stop: () => toTemporal.close() });
    const relay = startRelay({
      pool,
      databaseUrl: config.databaseUrl!,
      client: new Client({ connection: toTemporal, namespace: config.temporalNamespace }),
      temporalAddress: config.temporalAddress!,
      log,
    });
    stops.push({ name: 'Relay', stop: () => relay.stop() });
  }
}

async function untilTemporalAnswers(
  connection: { address: string } & Parameters<typeof Connection.connect>[0],
  say: Say,
): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await (await Connection.connect({ ...connection, connectTimeout: '3s' })).close();
      return;
    } catch {
      if (tries === 0)
        say(
          `Temporal at ${connection.address} does not answer yet. Captures and responses are kept meanwhile; trying again …`,
        );
      await sleep(2_000);
    }
  }
}
