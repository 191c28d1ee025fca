/**
 * Is the process of this container doing its work? `scripts/node scripts/healthy.ts web|worker|relay` ends with 0 or 1 and says why. The web is
 * asked. A worker and a relay have no door, so they are known by their work: a worker by the queues that Temporal sees it listening
 * to, a relay by having compared itself with Temporal a moment ago. So with Temporal down both are unhealthy, and the web is not.
 */

import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { readConfig, type Config } from '../src/config.ts';
import { asOfNow } from '../src/domain/credential.ts';
import { loopsQueue, messagesQueue } from '../src/workflows/messages.ts';

/** Pollers ask again at least once a minute. */
const pollersMayBeSilentMs = 120_000;
/** The relay compares every few seconds. */
const relayMayBeSilent = '60 seconds';

const checks: Record<string, (config: Config) => Promise<string | undefined>> = { web, worker, relay };

const part = process.argv[2] ?? '';
const check = checks[part];
if (!check) {
  console.error('Say which process is meant: web, worker or relay.');
  process.exit(2);
}
const wrong = await check(readConfig()).catch((error: unknown) => `The ${part} could not be asked: ${String(error)}`);
console.log(wrong ?? `The ${part} is doing its work.`);
process.exit(wrong ? 1 : 0);

async function web({ port, certificate }: Config): Promise<string | undefined> {
  const asked = { host: '127.0.0.1', port, path: '/health/ready', signal: AbortSignal.timeout(5_000) };
  // Its certificate is for the name that people know it by, and nobody stands between us and ourselves.
  const request = certificate ? https.get({ ...asked, rejectUnauthorized: false }) : http.get(asked);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const said = await text(answer);
  return answer.statusCode === 200 ? undefined : `The web is not ready: ${said}`;
}

async function worker({
  temporalAddress,
  temporalConnection,
  temporalNamespace: namespace,
}: Config): Promise<string | undefined> {
  const connection = await Connection.connect({
    ...temporalConnection,
    ...(temporalAddress && { address: temporalAddress }),
    connectTimeout: '5s',
  });
  const { workflowService } = new Client({ connection, namespace });
  // Stories are polled as workflow tasks (1), messages as activities (2).
  for (const [name, taskQueueType] of [
    [loopsQueue, 1],
    [messagesQueue, 2],
  ] as const) {
    const { pollers } = await workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType });
    const here = pollers?.some(
      ({ identity, lastAccessTime }) =>
        identity?.endsWith(`@${hostname()}`) &&
        Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1_000 < pollersMayBeSilentMs,
    );
    if (!here) return `No worker of ${hostname()} listens to the queue ${name}.`;
  }
  return undefined;
}

async function relay({ databaseUrl }: Config): Promise<string | undefined> {
  const client = new pg.Client({
    connectionString: databaseUrl && asOfNow(databaseUrl),
    connectionTimeoutMillis: 5_000,
  });
  await client.connect();
  const { rows } = await client.query(`select max(seen_at) > clock_timestamp() - $1::interval as recent from engines`, [
    relayMayBeSilent,
  ]);
  await client.end();
  return rows[0]?.recent ? undefined : 'No relay has compared itself with Temporal in the last minute.';
}
