/**
 * A Temporal development server for machines that have none, kept in
 *
 *     <dataDir>/temporal/temporal.db     its histories; Heed's own facts are in Postgres, so losing this file loses no loop
 *                        /server.log     what it said since it was started; server.log.1 the time before
 *                        /server.json    the version that made the file, the ports, so that links to the Web UI stay valid, and when it runs
 *
 * It does not wait for the disk: whatever is killed, nothing is lost, and when the machine itself goes down the file is not trusted any more.
 */

import { mkdtemp, open, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import {
  becomes,
  claim,
  commandOf,
  end,
  folderIn,
  freePort,
  isFree,
  isListening,
  lastWords,
  launch,
  lookAfter,
  names,
  orStop,
  processesNaming,
  yieldToOthers,
} from './processes.ts';
import { findTemporalCli, serverVersionOf } from './temporalCli.ts';

export interface EmbeddedTemporal {
  /** Of the gRPC service, host:port. */
  address: string;
  uiUrl: string | undefined;
  /** True when the server was still running from a Heed that had been killed. */
  adopted: boolean;
  stop(): Promise<void>;
}

export interface TemporalOptions {
  /** Undefined: in memory, for tests; then Ctrl-C reaches the server too. */
  dataDir: string | undefined;
  cacheDir: string;
  /** TEMPORAL_CLI_PATH */
  cliPath?: string;
  /** Exactly this port. Without it the one used last, when free, else any free one; so with the Web UI's. */
  port?: number;
  uiPort?: number | 'none';
  /** Once it is ready it runs after what a person waits for. */
  yields?: boolean;
  /** Lets a test pass time for one workflow. */
  timeSkipping?: boolean;
  /** After so many events a story is told to continue as new; 4096 unless said otherwise. */
  longHistory?: number;
  /** More in a second than so many it refuses, as a service that is shared does. */
  requestsPerSecond?: number;
  /** Name to type: Keyword, Int, Datetime … */
  searchAttributes: Record<string, string>;
  onProgress?: (sentence: string) => void;
  /** Given: a server that ends by itself is started again on its ports, and this is told so. */
  onTrouble?: (sentence: string) => void;
}

/**
 * Starts the server, or takes over the one that runs on `dataDir` since Heed was killed; returns when the namespace `default` and the
 * search attributes are there. Throws sentences: no server to be had, another live Heed owns the folder, a port is taken.
 */
export async function startTemporal(options: TemporalOptions): Promise<EmbeddedTemporal> {
  const home = await homeOf(options.dataDir);
  const release = await claim(home);
  const leave = async () => {
    await release();
    if (options.dataDir === undefined) await rm(home, { recursive: true, force: true });
  };
  try {
    const adopted = await adopt(home, options);
    const server = adopted ?? (await start(home, options));
    const { port, uiPort = 'none' } = server;
    const lookAway = options.onTrouble
      ? lookAfter('Temporal', {
          isAlive: () => runs(server.mark),
          again: async () => void (await start(home, { ...options, port, uiPort })),
          say: options.onTrouble,
        })
      : async () => {};
    let stopped: Promise<void> | undefined;
    return {
      address: `127.0.0.1:${server.port}`,
      uiUrl: server.uiPort === undefined ? undefined : `http://127.0.0.1:${server.uiPort}`,
      adopted: adopted !== undefined,
      stop: () =>
        (stopped ??= lookAway()
          .then(() => stop(server.mark, options))
          .then(() => endedInOrder(home, options))
          .then(leave)),
    };
  } catch (error) {
    await leave();
    throw error;
  }
}

interface Server {
  port: number;
  uiPort: number | undefined;
  /** Words of its command line that no other process has. */
  mark: readonly string[];
}

async function homeOf(dataDir: string | undefined): Promise<string> {
  if (dataDir === undefined) return mkdtemp(join(await realpath(tmpdir()), 'heed-temporal-'));
  return folderIn(dataDir, 'temporal', 0o700);
}

/** A server that still holds our file and was started as we would start it is taken over; any other that holds it is ended. */
async function adopt(home: string, options: TemporalOptions): Promise<Server | undefined> {
  if (options.dataDir === undefined) return undefined;
  const mark = markOf(home, options);
  const [found] = await processesNaming(mark);
  if (found === undefined) return undefined;
  const { port, uiPort } = portsIn(found.command);
  const wanted = flags(
    home,
    options,
    options.port ?? port ?? 0,
    options.uiPort === 'none' ? undefined : (options.uiPort ?? uiPort ?? 0),
  );
  const [program, ...given] = found.command;
  if (
    port !== undefined &&
    program !== undefined &&
    given.join(' ') === wanted.join(' ') &&
    (await isReady(found.pid, port, options, mark))
  ) {
    // Killed in its very first second, Heed had not yet written down what made the file, or that it is in use.
    const note = async (): Promise<void> =>
      keep(home, { version: await serverVersionOf(program), port, uiPort, boot: await boot() });
    if ((await keptIn(home))?.boot !== (await boot())) await orStop(note(), () => stop(mark, options));
    return { port, uiPort, mark };
  }
  await stop(mark, options);
  return undefined;
}

function portsIn(command: readonly string[]): { port: number | undefined; uiPort: number | undefined } {
  const after = (flag: string) => Number(command[command.indexOf(flag) + 1]) || undefined;
  return { port: after('--port'), uiPort: after('--ui-port') };
}

/** The words that its own folder puts into a server's command line. In memory it is a file of settings, which does not exist. */
const markOf = (home: string, { dataDir }: TemporalOptions): string[] =>
  dataDir === undefined ? ['--env-file', join(home, 'cli.yaml')] : ['--db-filename', join(home, 'temporal.db')];

function flags(home: string, options: TemporalOptions, port: number, uiPort: number | undefined): string[] {
  // 255 is what SQL databases can hold; the refresh lets a new search attribute be used at once.
  const dynamic = ['limit.maxIDLength=255', 'system.forceSearchAttributesCacheRefreshOnRead=true'];
  // A queue is cut into four otherwise, for many machines: on one, a task that passes through one of them takes a twelfth more of the server.
  dynamic.push('matching.numTaskqueueReadPartitions=1', 'matching.numTaskqueueWritePartitions=1');
  // Timers are looked at every second otherwise, and a clock that is stepped would wait for that each time.
  if (options.timeSkipping)
    dynamic.push('frontend.WorkflowTimeSkippingEnabled=true', 'history.timerProcessorMaxTimeShift="10ms"');
  if (options.longHistory) dynamic.push(`limit.historyCount.suggestContinueAsNew=${options.longHistory}`);
  if (options.requestsPerSecond) dynamic.push(`frontend.namespaceRPS=${options.requestsPerSecond}`);
  const ui = uiPort === undefined ? ['--headless'] : ['--ui-disable-news-fetch', '--ui-port', String(uiPort)];
  return [
    'server',
    'start-dev',
    ...markOf(home, options),
    // Half as much again goes through. SQLite's file outlives the server's own death all the same; endedInOrder minds the machine's.
    ...(options.dataDir === undefined
      ? []
      : ['--sqlite-pragma', 'synchronous=0', '--sqlite-pragma', 'journal_mode=wal']),
    ...dynamic.flatMap((value) => ['--dynamic-config-value', value]),
    '--log-level',
    'warn',
    '--ip',
    '127.0.0.1',
    '--port',
    String(port),
    ...ui,
  ];
}

async function start(home: string, options: TemporalOptions): Promise<Server> {
  const { cliPath, cacheDir, onProgress } = options;
  const program = await findTemporalCli({
    ...(cliPath === undefined ? {} : { cliPath }),
    cacheDir,
    onProgress: (sentence, percent) => onProgress?.(percent === undefined ? sentence : `${sentence}: ${percent} %`),
  });
  const version = await serverVersionOf(program);
  const kept = await keptIn(home);
  if (options.dataDir !== undefined) await setAsideUnlessOf(version, home, kept, onProgress);
  for (const port of [options.port, options.uiPort])
    if (typeof port === 'number' && !(await isFree(port))) throw portTaken(port);

  const log = join(home, 'server.log');
  for (let attempt = 1; ; attempt += 1) {
    // The usual ports where there is a file to keep; in-memory servers come in numbers.
    const usual = options.dataDir === undefined ? [] : [7233, 8233];
    const port = options.port ?? (await freePort(kept?.port, usual[0]));
    const uiPort = options.uiPort === 'none' ? undefined : (options.uiPort ?? (await freePort(kept?.uiPort, usual[1])));
    const mark = markOf(home, options);
    const pid = await launch({
      program,
      args: flags(home, options, port, uiPort),
      folder: home,
      log,
      lasts: options.dataDir !== undefined,
      // Collects garbage a third as often, until it has grown: a tenth less work for all there is.
      env: { GOGC: '300', GOMEMLIMIT: '500MiB' },
    });
    if (await isReady(pid, port, options, mark)) {
      const settling = async (): Promise<void> => {
        if (options.yields) await yieldToOthers(pid);
        await keep(home, { version, port, uiPort, boot: await boot() });
      };
      await orStop(settling(), () => stop(mark, options));
      return { port, uiPort, mark };
    }
    await stop(mark, options);
    const said = await lastWords(log);
    // Somebody took the port between our look and the server's.
    if (!said.includes('address already in use') || attempt === 5)
      throw new Error(`The Temporal development server did not start. It said:\n${said}`);
  }
}

interface Kept {
  version: string;
  port: number;
  uiPort: number | undefined;
  /** The start of this machine in which the server runs; null once it has ended in order. Files of Heed 0.1 say nothing. */
  boot?: string | null;
}

/** Another one for each time that the machine is started. */
const boot = async (): Promise<string> => (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();

/** What the server wrote is brought to the disk, and only then is it said that the file is whole. */
async function endedInOrder(home: string, { dataDir }: TemporalOptions): Promise<void> {
  const kept = dataDir === undefined ? undefined : await keptIn(home);
  if (!kept) return;
  for (const part of ['', '-wal']) await bringToDisk(join(home, `temporal.db${part}`));
  await keep(home, { ...kept, boot: null });
}

/** Renamed into place: a half-written one would make the histories look half-made. On the disk before anything is told to the server: else the file
 *  of one that was in use when the power failed would be taken for one that had ended in order before that. */
async function keep(home: string, kept: Kept): Promise<void> {
  await writeFile(join(home, 'server.json.new'), `${JSON.stringify(kept)}\n`);
  await bringToDisk(join(home, 'server.json.new'));
  await rename(join(home, 'server.json.new'), join(home, 'server.json'));
  await bringToDisk(home);
}

/** What was written to a file, or which names a folder gives; nothing where there is none. */
async function bringToDisk(path: string): Promise<void> {
  const it = await open(path).catch(() => undefined);
  await it?.sync();
  await it?.close();
}

async function keptIn(home: string): Promise<Kept | undefined> {
  const text = await readFile(join(home, 'server.json'), 'utf8').catch(() => undefined);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Kept);
  } catch {
    return undefined;
  }
}

/**
 * The server writes its schema only into a file that does not exist yet, and never migrates one. So a file of another version, or one
 * whose first start was cut off, is moved away, and so is one that was in use when the machine went down: it may lack what came last, or be
 * damaged. The relay then meets a new Temporal and wakes every open loop.
 */
async function setAsideUnlessOf(
  version: string,
  home: string,
  kept: Kept | undefined,
  onProgress: TemporalOptions['onProgress'],
): Promise<void> {
  const now = await boot();
  const isWhole = !kept?.boot || kept.boot === now;
  // In use from now on: what is launched writes to it before it is ready.
  if (kept?.version === version && isWhole) return keep(home, { ...kept, boot: now });
  const file = join(home, 'temporal.db');
  const aside = `temporal-${kept?.version ?? 'unfinished'}.db`;
  for (const part of ['', '-wal', '-shm', '-journal'])
    await rename(`${file}${part}`, join(home, `${aside}${part}`)).catch(() => undefined);
  if (!kept) return;
  onProgress?.(
    kept.version === version
      ? `The machine went down while Temporal was running: its histories may be damaged, are kept in ${aside}, and open loops go on from Postgres`
      : `Temporal was ${kept.version} and is now ${version}: its old histories are kept in ${aside}, and open loops go on from Postgres`,
  );
}

const portTaken = (port: number): Error =>
  new Error(
    `Port ${port} of 127.0.0.1 is in use, so Temporal cannot have it. Stop what listens there, or ask for no port: a free one is found.`,
  );

/** True when the namespace `default` and our search attributes can be used; false when the server ended or took over a minute. */
async function isReady(
  pid: number,
  port: number,
  { searchAttributes }: TemporalOptions,
  mark: readonly string[],
): Promise<boolean> {
  // The usual pauses between attempts are made for networks; this server is up in a third of a second.
  const channelArgs = {
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.min_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 100,
  };
  const connection = Connection.lazy({ address: `127.0.0.1:${port}`, channelArgs });
  const attempt = async () => {
    try {
      return await connection.withDeadline(Date.now() + 1_000, () => hasAttributes(connection, searchAttributes));
    } catch {
      return false;
    }
  };
  let ready = false;
  const hasEnded = async () => !names(await commandOf(pid), mark);
  await becomes(async () => (ready = (await attempt()) && (await isListening(pid, port))) || hasEnded(), 60_000);
  await connection.close();
  return ready;
}

/** Adds those that are missing. The server's own flag does so only while it makes a file, so an attribute of a later Heed would never arrive. */
async function hasAttributes({ operatorService }: Connection, wanted: Record<string, string>): Promise<boolean> {
  const namespace = 'default';
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  const missing = Object.entries(wanted).filter(([name]) => !(name in customAttributes));
  if (missing.length === 0) return true;
  const searchAttributes = Object.fromEntries(missing.map(([name, type]) => [name, attributeTypes.indexOf(type)]));
  await operatorService.addSearchAttributes({ namespace, searchAttributes });
  return false;
}

/** In the order of temporal.api.enums.v1.IndexedValueType, whose zero is "unspecified". */
const attributeTypes = ['', 'Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList'];

/** Whether a process with this mark lives. The one seen last is looked at first: reading all of /proc twice a second would be too much. */
const runs = (() => {
  let last: number | undefined;
  return async (mark: readonly string[]): Promise<boolean> => {
    if (last !== undefined && names(await commandOf(last), mark)) return true;
    [last] = (await processesNaming(mark)).map(({ pid }) => pid);
    return last !== undefined;
  };
})();

/** On SIGTERM it takes a second to leave its services in order; a server in memory has nothing to put in order. */
async function stop(mark: readonly string[], { dataDir }: TemporalOptions): Promise<void> {
  const found = await processesNaming(mark);
  const left = async () => {
    const commands = await Promise.all(found.map(async ({ pid }) => ({ pid, command: await commandOf(pid) })));
    return commands.filter(({ command }) => names(command, mark)).map(({ pid }) => pid);
  };
  await end(left, [...(dataDir === undefined ? [] : [['SIGTERM', 15_000] as const]), ['SIGKILL', 5_000]]);
}
