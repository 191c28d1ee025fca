/** The engine: worker and relay, the processes that talk to Temporal. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Config } from './config.ts';
import { openPostOffice } from './integrations/email.ts';
import { openSlack } from './integrations/slack.ts';
import { recallThroughParent } from './keepEngine.ts';
import { openLog } from './log.ts';
import type { Stop } from './stops.ts';
import type { Pool } from './store/pool.ts';
import { openConfigurations } from './store/records/configurations.ts';
import { startRelay } from './triggers/relay/relay.ts';
import { bundleWorkflowsApart } from './workers/bundle.ts';
import { startWorkers } from './workers/createWorker.ts';

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
      bundle: await bundleWorkflowsApart(join(folder, 'stories.js')),
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
