/** A whole Heed as a newcomer starts it: the real processes, in a data folder of their own. */

import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import getPort from 'get-port';

export const apiKey = 'a-key-for-tests-only';

export interface RunningHeed {
  url: string;
  dataDir: string;
  /** What the terminal has shown so far. */
  terminal(): string;
  /** Where this one's Temporal Web UI is. */
  temporalUi(): string;
  /** kill -9, as when the power goes. */
  kill(): Promise<void>;
  /** Its disk and its machine: the data folder goes while it runs, then every process of it. */
  lose(): Promise<void>;
  startAgain(): Promise<void>;
  /** Ctrl-C. */
  stop(): Promise<void>;
  /** Stops and forgets. */
  forget(): Promise<void>;
}

/** In a blank data folder, unless the environment names one. */
export async function startHeed(environment: NodeJS.ProcessEnv = {}): Promise<RunningHeed> {
  const dataDir = environment['HEED_DATA_DIR'] ?? (await mkdtemp(join(tmpdir(), 'heed-e2e-')));
  await chmod(dataDir, 0o711);
  const port = await getPort();
  let said = '';
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    said = '';
    child = spawn('scripts/node', ['src/main.ts'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PORT: String(port), HEED_DATA_DIR: dataDir, HEED_API_KEY: apiKey, ...environment },
    });
    await new Promise<void>((ready, refused) => {
      const hear = (chunk: Buffer): void => {
        said += chunk.toString();
        if (said.includes('Start here')) ready();
      };
      child.stdout!.on('data', hear);
      child.stderr!.on('data', hear);
      child.once('exit', (code) => refused(new Error(`npm start ended with ${code}: ${said}`)));
    });
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  };
  await start();
  const stop = (): Promise<void> => end('SIGINT');
  return {
    url: `http://localhost:${port}`,
    dataDir,
    terminal: () => said,
    temporalUi: () => /Temporal is up: (\S+?)\.?\n/.exec(said)?.[1] ?? '',
    kill: () => end('SIGKILL'),
    async lose() {
      // Postgres goes on writing into it for a while.
      await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
      await end('SIGKILL');
      for (const one of await leftovers(dataDir)) process.kill(parseInt(one), 'SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    },
    startAgain: start,
    stop,
    async forget() {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Processes that name this data folder, or were given it: servers that outlived their Heed. */
export async function leftovers(dataDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (`${command}${environment}`.includes(dataDir))
      found.push(`${pid} ${command.replaceAll('\0', ' ').slice(0, 80)}`);
  }
  return found;
}
