/** What docker compose relies on where everything runs apart: Temporal is made ready by a script, and a worker is known by its work. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Connection } from '@temporalio/client';
import getPort from 'get-port';
import { defaultCacheDir, findTemporalCli } from '../../src/embedded/temporalCli.ts';
import { openPostOffice } from '../../src/integrations/email.ts';
import type { Log } from '../../src/log.ts';
import { sql } from '../../src/store/pool.ts';
import { startWorkers, type RunningWorkers } from '../../src/workers/createWorker.ts';
import { searchAttributes } from '../../src/workflows/messages.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const address = process.env['HEED_TEST_TEMPORAL'] ?? '';
const namespace = `apart-${randomBytes(4).toString('hex')}`;
let bin: string;
let db: TestDatabase;
let connection: Connection;

beforeAll(async () => {
  bin = await mkdtemp(join(tmpdir(), 'heed-apart-'));
  const { TEMPORAL_CLI_PATH: cliPath } = process.env;
  await symlink(
    await findTemporalCli({ cacheDir: defaultCacheDir(process.env), ...(cliPath && { cliPath }) }),
    join(bin, 'temporal'),
  );
  db = await openTestDatabase();
  connection = await Connection.connect({ address });
});
afterAll(async () => {
  await connection.close();
  await db.close();
  await rm(bin, { recursive: true });
});

const makeReady = (): Promise<unknown> =>
  run('sh', [join(root, 'docker/temporal/namespace.sh')], {
    env: {
      PATH: `${bin}:${process.env['PATH'] ?? ''}`,
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      TEMPORAL_RETENTION: '30d',
    },
  });

/** As a container asks; what it says when it is not well. */
const healthy = (part: string): Promise<string | undefined> =>
  run(process.execPath, [join(root, 'scripts/healthy.ts'), part], {
    env: {
      DATABASE_URL: db.workingUrl,
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: namespace,
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
    },
  }).then(
    () => undefined,
    (refused: { stdout: string }) => refused.stdout,
  );

test('the namespace and every search attribute are made, and running it again does no harm', async () => {
  await makeReady();
  await makeReady();
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const codes: Record<string, number> = { Keyword: 2, Int: 3, Datetime: 6 };
  expect(customAttributes).toMatchObject(
    Object.fromEntries(Object.entries(searchAttributes).map(([name, type]) => [name, codes[type]])),
  );
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 24 * 3600);
});

test('a worker is well once it listens to both queues, and not before', async () => {
  await makeReady();
  expect(await healthy('worker')).toMatch(/^No worker of .+ listens to the queue loops/);
  let workers: RunningWorkers | undefined;
  try {
    workers = await startWorkers({
      hands: {
        pool: db.pool,
        configuration: db.heed.configuration,
        publicUrl: 'http://heed.test',
        post: openPostOffice('smtp://127.0.0.1:9'),
        slack: undefined,
      },
      connection: { address },
      namespace,
      bundle: process.env['HEED_TEST_BUNDLE'] ?? '',
      log: { debug() {}, info() {}, warn() {}, error() {} } as unknown as Log,
    });
    while (await healthy('worker'));
  } finally {
    await workers?.stop();
  }
});

test('a worker that dies by itself ends with 1, so that whoever keeps it starts it again, and with 0 where it is told to end', async () => {
  await makeReady();
  const worker = (env: NodeJS.ProcessEnv): ChildProcess =>
    spawn('scripts/node', ['src/main.ts', 'worker'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        DATABASE_URL: db.workingUrl,
        TEMPORAL_ADDRESS: address,
        TEMPORAL_NAMESPACE: namespace,
        SMTP_URL: 'smtp://127.0.0.1:9',
        ...env,
      },
    });
  // As when Temporal has refused a worker for a minute: it stops polling, and its run fails.
  const dying = `
    import { createRequire } from 'node:module';
    import { isMainThread } from 'node:worker_threads';
    if (isMainThread) {
      const { Worker } = createRequire(${JSON.stringify(join(root, 'package.json'))})('@temporalio/worker');
      const { run } = Worker.prototype;
      Worker.prototype.run = async function () {
        setImmediate(() => this.shutdown());
        await run.call(this);
        throw new Error('Permission denied');
      };
    }`;
  const dead = worker({ NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(dying)}` });
  let said = '';
  dead.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(dead, 'close')) as [number | null];
  expect({ code, said }).toEqual({ code: 1, said: expect.stringContaining('The worker died: Permission denied.') });

  const told = worker({});
  await once(told.stdout!, 'data');
  told.kill('SIGTERM');
  expect(await once(told, 'close')).toEqual([0, null]);
});

test('a relay is well as long as it has compared itself with Temporal in the last minute', async () => {
  expect(await healthy('relay')).toMatch(/^No relay has compared itself/);
  const seen = (ago: string): Promise<unknown> =>
    db.pool.query(sql.unsafe`
      insert into engines (address, namespace_id, seen_at) values ('there', 'one', clock_timestamp() - ${ago}::interval)
      on conflict (address) do update set seen_at = excluded.seen_at`);
  await seen('5 seconds');
  expect(await healthy('relay')).toBeUndefined();
  await seen('2 minutes');
  expect(await healthy('relay')).toMatch(/^No relay has compared itself/);
});

test('a part that is started alone leaves the company as it is, whatever file it finds: heed apply applies', async () => {
  const inForce = (): Promise<unknown> => db.pool.oneFirst(sql.unsafe`select max(version) from configurations`);
  const before = await inForce();
  const port = await getPort();
  const web = spawn('scripts/node', ['src/main.ts', 'web'], {
    cwd: root,
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: db.workingUrl,
      PORT: String(port),
      HEED_CONFIG: join(root, 'samples/demo.yaml'),
    },
  });
  const isUp = (): Promise<boolean> =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (web.exitCode === null && !(await isUp())) await sleep(50);
  web.kill();
  if (web.exitCode === null) await once(web, 'exit');
  expect(await inForce()).toBe(before);
});
