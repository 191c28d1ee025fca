/** The engine: worker and relay, the processes that talk to Temporal. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { Config } from './config.ts';
import { defaultCacheDir } from './embedded/temporalCli.ts';
import { recallThroughParent } from './keepEngine.ts';
import { openLog } from './log.ts';
import type { Stop } from './stops.ts';
import type { Pool } from './store/pool.ts';
import { knownForMs, openConfigurations } from './store/records/configurations.ts';

type Say = (sentence: string) => void;

/** Starts worker, relay or both. With Temporal down they wait for it, and say so once. Needs the addresses of all parts in `config`. */
export async function startEngine(
  config: Config,
  pool: Pool,
  which: readonly ('worker' | 'relay')[],
  stops: Stop[],
  say: Say,
): Promise<void> {
  const log = openLog(config.logLevel);
  const connection = { ...config.temporalConnection, address: config.temporalAddress! };
  await untilTemporalAnswers(connection, say);
  // Each is loaded where it is started: a relay does without whatever makes messages, and without the stories.
  if (which.includes('worker')) {
    const [{ openPostOffice }, { openSlack }, { startWorkers }] = await Promise.all([
      import('./integrations/email.ts'),
      import('./integrations/slack.ts'),
      import('./workers/createWorker.ts'),
    ]);
    const stories = await bundledStories(config);
    const workers = await startWorkers({
      hands: {
        pool,
        // Asked for twenty times on the way through one loop.
        configuration: openConfigurations(pool, { knownForMs }),
        publicUrl: config.publicUrl,
        post: openPostOffice(config.smtpUrl!, config.signature),
        slack: config.slack && openSlack(config.slack),
        recall: recallThroughParent(),
      },
      connection,
      namespace: config.temporalNamespace,
      bundle: stories.path,
      log,
      messagesPerSecond: config.smtpRate,
    }).finally(() => stories.read());
    stops.push({ name: 'Workers', stop: () => workers.stop() });
    workers.died.catch((error: unknown) => {
      say(`The worker died: ${error instanceof Error ? error.message : String(error)}. Nothing is lost.`);
      // Whoever keeps us (systemd, docker) starts again what has failed, and leaves alone what ended well.
      process.exitCode = 1;
      process.kill(process.pid, 'SIGTERM');
    });
  }
  if (which.includes('relay')) {
    const [{ openCollector }, { startRelay }] = await Promise.all([
      import('./integrations/otlp.ts'),
      import('./triggers/relay/relay.ts'),
    ]);
    const toTemporal = await Connection.connect(connection);
    stops.push({ name: 'Temporal connection', stop: () => toTemporal.close() });
    const relay = startRelay({
      pool,
      databaseUrl: config.databaseUrl!,
      client: new Client({ connection: toTemporal, namespace: config.temporalNamespace }),
      temporalAddress: config.temporalAddress!,
      collector: config.collector && openCollector(config.collector),
      log,
    });
    stops.push({ name: 'Relay', stop: () => relay.stop() });
  }
}

/** The stories as one file, kept between starts where this machine lets us; `read` is called when the workers have read it. */
async function bundledStories({ home }: Config): Promise<{ path: string; read(): Promise<void> }> {
  const { bundleWorkflowsApart, keptBundle } = await import('./workers/bundle.ts');
  const path = await keptBundle(join(defaultCacheDir(home), 'stories')).catch(() => undefined);
  if (path !== undefined) return { path, read: async () => {} };
  const folder = await mkdtemp(join(tmpdir(), 'stories-'));
  return {
    path: await bundleWorkflowsApart(join(folder, 'stories.js')),
    read: () => rm(folder, { force: true, recursive: true }),
  };
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
