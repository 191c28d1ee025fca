/** A whole Heed as a newcomer starts it: the real processes, in a data folder of their own. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';
import { end as endProcesses } from '../../src/embedded/processes.ts';

export const apiKey = 'a-key-for-tests-only';

export interface RunningHeed {
  url: string;
  dataDir: string;
  /** What the terminal has shown so far. */
  terminal(): string;
  /** Where this one's Temporal Web UI is. */
  temporalUi(): string;
  /** Ends when it is up. Also starts one again that was killed. */
  start(): Promise<void>;
  /** kill -9, as when the power goes. */
  kill(): Promise<void>;
  /** Its disk and its machine: the data folder goes while it runs, then every process of it. */
  lose(): Promise<void>;
  /** Ctrl-C, or as another one of those that tell it to end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Nothing of it is left, however far it has come: what does not end when it is told to is killed, with its servers. */
  forget(): Promise<void>;
}

/** Longer than it takes to end in order, on a machine with much else to do. */
const patienceMs = 60_000;

/** One that is not started yet, so that whoever has it can end it, also when it is never up. In a blank data folder, unless the environment
 *  names one. Unheard, it can say nothing, as on a terminal that is gone: every word of it fails. */
export async function newHeed(
  environment: NodeJS.ProcessEnv = {},
  { unheard = false }: { unheard?: boolean } = {},
): Promise<RunningHeed> {
  const dataDir = environment['HEED_DATA_DIR'] ?? (await mkdtemp(join(tmpdir(), 'heed-e2e-')));
  await chmod(dataDir, 0o711);
  const port = await getPort();
  let said = '';
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    said = '';
    const nowhere = unheard ? await open('/dev/full', 'w') : undefined;
    const terminal = nowhere?.fd ?? 'pipe';
    const started = spawn('scripts/node', ['src/main.ts'], {
      stdio: ['ignore', terminal, terminal],
      env: { ...process.env, PORT: String(port), HEED_DATA_DIR: dataDir, HEED_API_KEY: apiKey, ...environment },
    });
    child = started;
    await nowhere?.close();
    await new Promise<void>((ready, refused) => {
      const hear = (chunk: Buffer): void => {
        said += chunk.toString();
        if (said.includes('Start here')) ready();
      };
      started.stdout?.on('data', hear);
      started.stderr?.on('data', hear);
      started.once('exit', (code) => refused(new Error(`npm start ended with ${code}: ${said}`)));
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const stop = (signal: NodeJS.Signals = 'SIGINT'): Promise<void> => end(signal);
  /** They have sessions of their own and outlive it where it is killed. */
  const killServers = async (): Promise<void> => {
    await endProcesses(async () => (await processesOf(dataDir)).map(({ pid }) => pid), [['SIGKILL', patienceMs]]);
  };
  return {
    url: `http://localhost:${port}`,
    dataDir,
    terminal: () => said,
    temporalUi: () => /Temporal is up: (\S+?)\.?\n/.exec(said)?.[1] ?? '',
    start,
    kill: () => end('SIGKILL'),
    async lose() {
      // Postgres goes on writing into it for a while.
      await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
      await end('SIGKILL');
      await killServers();
      await rm(dataDir, { recursive: true, force: true });
    },
    stop,
    async forget() {
      await Promise.race([stop(), sleep(patienceMs, undefined, { ref: false })]);
      await killServers();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Servers that outlived their Heed. */
export const leftovers = async (dataDir: string): Promise<string[]> =>
  (await processesOf(dataDir)).map(({ pid, command }) => `${pid} ${command}`);

/** Processes that name this data folder, or were given it. */
async function processesOf(dataDir: string): Promise<{ pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (`${command}${environment}`.includes(dataDir))
      found.push({ pid: Number(pid), command: command.replaceAll('\0', ' ').slice(0, 80) });
  }
  return found;
}
