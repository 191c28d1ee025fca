/** A whole Heed as a newcomer starts it, in a data folder of its own, for measuring from outside. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, chmod } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import getPort from 'get-port';
import pg from 'pg';
import { explainProblems, readCompany } from '../src/domain/companyFile.ts';
import { startPostgres } from '../src/embedded/postgres.ts';
import { migrateOurs } from '../src/store/migrate.ts';
import { openPool } from '../src/store/pool.ts';
import { applyConfiguration } from '../src/store/records/configurations.ts';

export const apiKey = 'bench-key-bench-key';

export interface Running {
  url: string;
  dataDir: string;
  /** Milliseconds from the command to the line to click. */
  readyMs: number;
  /** PSS of all its processes, in MB. */
  memory(): Promise<number>;
  post(path: string, body: object, key?: string): Promise<{ status: number; body: Record<string, unknown> }>;
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<pg.QueryResult<Row>>;
  /** host:port of its Temporal. */
  temporalAddress(): Promise<string>;
  stop(): Promise<void>;
}

/** A data folder of its own, which Postgres's own account may pass through. */
export async function blankDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'heed-bench-'));
  await chmod(dataDir, 0o711);
  return dataDir;
}

/** Starts it; with the data folder of an earlier one it is started again. */
export async function startHeed(options: { dataDir?: string; company?: string } = {}): Promise<Running> {
  const dataDir = options.dataDir ?? (await blankDataDir());
  const port = await getPort();
  const url = `http://127.0.0.1:${port}`;
  const began = performance.now();
  const child = spawn('scripts/node', ['src/main.ts'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      PORT: String(port),
      HEED_DATA_DIR: dataDir,
      HEED_API_KEY: apiKey,
      RATE_LIMITING_DISABLED: 'true',
      ...(options.company && { HEED_CONFIG: options.company }),
    },
  });
  const readyMs = await untilReady(child, began);
  const running = JSON.parse(await readFile(join(dataDir, 'running.json'), 'utf8')) as { ownerUrl: string };
  const db = new pg.Client({ connectionString: running.ownerUrl });
  await db.connect();
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    url,
    dataDir,
    readyMs,
    memory: () => memoryOf(dataDir, child.pid!),
    post: (path, body, key = crypto.randomUUID()) => post(agent, `${url}${path}`, body, key),
    query: (text, values) => db.query(text, values),
    async temporalAddress() {
      const { port: temporal } = JSON.parse(await readFile(join(dataDir, 'temporal', 'server.json'), 'utf8')) as {
        port: number;
      };
      return `127.0.0.1:${temporal}`;
    },
    async stop() {
      await db.end();
      agent.destroy();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await ended;
    },
  };
}

/** The web alone, with a Postgres of its own: the rest is on another machine, say. */
export async function startWeb(company: string): Promise<Pick<Running, 'post' | 'stop' | 'dataDir'>> {
  const dataDir = await blankDataDir();
  const postgres = await startPostgres({ dataDir });
  const databaseUrl = await migrateOurs(postgres.url);
  await apply(databaseUrl, company);
  const port = await getPort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn('scripts/node', ['src/main.ts', 'web'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      PORT: String(port),
      HEED_API_KEY: apiKey,
      RATE_LIMITING_DISABLED: 'true',
    },
  });
  const isUp = (): Promise<boolean> =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(isUp);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  return {
    dataDir,
    post: (path, body, key = crypto.randomUUID()) => post(agent, `${url}${path}`, body, key),
    async stop() {
      agent.destroy();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
      await postgres.stop();
    },
  };
}

/** As `heed apply` does. */
async function apply(databaseUrl: string, file: string): Promise<void> {
  const pool = await openPool(databaseUrl);
  const yaml = await readFile(file, 'utf8');
  const read = readCompany(yaml);
  if ('problems' in read) throw new Error(explainProblems(file, read.problems));
  await pool.transaction((tx) => applyConfiguration(tx, { yaml, company: read.company, by: 'bench' }));
  await pool.end();
}

/** By node:http, which takes half of what fetch does: whoever asks shares the cores with what is measured. */
function post(
  agent: Agent,
  url: string,
  body: object,
  key: string,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const sent = JSON.stringify(body);
  const headers = {
    authorization: `Bearer ${apiKey}`,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(sent),
    'idempotency-key': key,
  };
  return new Promise((answered, failed) => {
    const asking = request(url, { agent, method: 'POST', headers }, (response) => {
      text(response).then(
        (said) => answered({ status: response.statusCode!, body: JSON.parse(said) as Record<string, unknown> }),
        failed,
      );
    });
    asking.once('error', failed);
    asking.end(sent);
  });
}

export async function forget(running: Pick<Running, 'stop' | 'dataDir'>): Promise<void> {
  await running.stop();
  await rm(running.dataDir, { recursive: true, force: true });
}

export const pause = (ms: number): Promise<void> => new Promise((on) => setTimeout(on, ms));

/** Looks ten times a second. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(100);
}

/** The value below which `share` of the sorted values lie. */
export function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

function untilReady(child: ChildProcess, began: number): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code} before it was ready.`)));
    let said = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Start here')) resolve(performance.now() - began);
    });
  });
}

/** Its own process and whatever names its data folder: the servers it started. */
async function memoryOf(dataDir: string, pid: number): Promise<number> {
  let kilobytes = 0;
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const environment = await readFile(`/proc/${entry}/environ`, 'utf8').catch(() => '');
    const parent = /^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${entry}/status`, 'utf8').catch(() => ''))?.[1];
    if (Number(entry) !== pid && Number(parent) !== pid && !command.includes(dataDir) && !environment.includes(dataDir))
      continue;
    const rollup = await readFile(`/proc/${entry}/smaps_rollup`, 'utf8').catch(() => '');
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
  }
  return Math.round(kilobytes / 1024);
}
