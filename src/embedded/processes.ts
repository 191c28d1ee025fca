/**
 * What the embedded servers share: one owner a folder, a start that no terminal reaches, finding a server again after Heed itself
 * was killed, and an end that is certain. Linux only: it reads /proc.
 */

import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdir, open, readdir, readFile, readlink, realpath, rename, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { constants, getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import getPort from 'get-port';

/** An account of the host that a server runs as, when Heed itself runs as root. */
export interface Account {
  uid: number;
  gid: number;
}

/** A server's own folder in the data folder, made if need be. Throws a sentence where nothing can be kept. */
export async function folderIn(dataDir: string, name: string, mode?: number): Promise<string> {
  const folder = join(dataDir, name);
  try {
    await mkdir(dataDir, { recursive: true });
    await mkdir(folder, { recursive: true, ...(mode !== undefined && { mode }) });
  } catch (cause) {
    throw new Error(
      `Heed cannot keep its data in ${dataDir}. Set HEED_DATA_DIR to a folder that this user may write to.`,
      { cause },
    );
  }
  return realpath(folder);
}

/**
 * Makes this process the one owner of an existing folder until the returned function is called. Throws a sentence when another
 * live process owns it.
 */
export async function claim(folder: string): Promise<() => Promise<void>> {
  // An abstract socket and no pid file: the kernel gives the name to one process only and takes it back whichever way that one ends.
  const name = `\0heed-${createHash('sha256')
    .update(await realpath(folder))
    .digest('hex')
    .slice(0, 40)}`;
  const door = createServer((caller) => {
    caller.on('error', () => caller.destroy());
    caller.end(String(process.pid));
  });
  door.unref();
  if (!(await listens(door, name))) {
    const owner = await ask(name);
    throw new Error(
      `Another Heed is running on ${folder}${owner === undefined ? '' : ` (process ${owner})`}. Stop that one first, or give this one a folder of its own: HEED_DATA_DIR.`,
    );
  }
  return async () => {
    if (!door.listening) return;
    door.close();
    await once(door, 'close');
  };
}

async function listens(door: Server, name: string): Promise<boolean> {
  const settled = new Promise<boolean>((resolve, reject) => {
    door.once('listening', () => resolve(true));
    door.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
  });
  door.listen(name);
  return settled;
}

async function ask(name: string): Promise<string | undefined> {
  const caller = connect(name);
  caller.setTimeout(1_000, () => caller.destroy());
  const said: Buffer[] = [];
  caller.on('data', (chunk) => said.push(chunk));
  await new Promise<void>((resolve) => {
    caller.on('error', () => resolve());
    caller.on('close', () => resolve());
  });
  return said.length === 0 ? undefined : Buffer.concat(said).toString();
}

/**
 * Starts a server and returns its process id. One that `lasts` gets a session of its own: Ctrl-C in the terminal then reaches Heed
 * only, which ends its servers in order. One for tests stays in ours and ends with it. Both outputs go to the file `log`; the one before
 * is kept as `log.1`.
 */
export async function launch(server: {
  program: string;
  args: string[];
  folder: string;
  log: string;
  lasts: boolean;
  /** What it needs to be told by its environment. */
  env?: Record<string, string>;
  account?: Account | undefined;
}): Promise<number> {
  await rename(server.log, `${server.log}.1`).catch(() => undefined);
  const log = await open(server.log, 'a', 0o600);
  try {
    const child = spawn(server.program, server.args, {
      cwd: server.folder,
      detached: server.lasts,
      stdio: ['ignore', log.fd, log.fd],
      // Nothing of the caller's environment: PGDATA, TEMPORAL_… and the like must not change what the flags say.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: server.folder, LANG: 'C.UTF-8', ...server.env },
      ...server.account,
    });
    await once(child, 'spawn');
    child.unref();
    return child.pid!;
  } finally {
    await log.close();
  }
}

/** Puts a process that has a session of its own behind those that somebody waits for. Linux weighs sessions against each other, and within
 *  each of them processes (sched_autogroup): a nice value alone says nothing to another session. */
export async function yieldToOthers(pid: number): Promise<void> {
  const nice = constants.priority.PRIORITY_BELOW_NORMAL;
  // One that is behind already (nice npm start) stays where it is: only root may bring it forward.
  if (getPriority(pid) < nice) setPriority(pid, nice);
  // Absent where the kernel weighs no sessions, or does not let us.
  await writeFile(`/proc/${pid}/autogroup`, String(nice)).catch(() => undefined);
}

/** The command line of a live process; empty when there is none with this id, or only its remains. */
export async function commandOf(pid: number): Promise<string[]> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return line.split('\0').slice(0, -1);
}

/** Live processes that have `words` next to each other in their command line. */
export async function processesNaming(words: readonly string[]): Promise<{ pid: number; command: string[] }[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = await Promise.all(pids.map(async (pid) => ({ pid, command: await commandOf(pid) })));
  return all.filter(({ command }) => names(command, words));
}

/** Whether a command line has `words` next to each other. */
export const names = (command: readonly string[], words: readonly string[]): boolean =>
  command.some((_, at) => words.every((word, offset) => command[at + offset] === word));

/**
 * Ends the processes that `find` reports: each signal in turn, with the milliseconds to wait before the next. Asks `find` again
 * before every signal, because a process id may by then belong to somebody else.
 */
export async function end(
  find: () => Promise<number[]>,
  signals: readonly (readonly [NodeJS.Signals, number])[],
): Promise<void> {
  for (const [signal, patience] of signals) {
    for (const pid of await find()) {
      try {
        process.kill(pid, signal);
      } catch {
        // Gone in between.
      }
    }
    if (await becomes(async () => (await find()).length === 0, patience)) return;
  }
  throw new Error(
    `Process ${(await find()).join(', ')} does not end, not even with ${signals.at(-1)?.[0]}. Look at it by hand.`,
  );
}

/** What there is still to do when a server is up. Where that fails nobody else knows of the server, and it must not outlive us: it is stopped. */
export async function orStop<T>(doing: Promise<T>, stop: () => Promise<void>): Promise<T> {
  try {
    return await doing;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until `condition` holds; false when it did not within `patience` milliseconds. */
export async function becomes(condition: () => Promise<boolean>, patience: number): Promise<boolean> {
  const until = performance.now() + patience;
  while (!(await condition())) {
    if (performance.now() > until) return false;
    await sleep(25);
  }
  return true;
}

/** The first of the `wanted` ports that is free on 127.0.0.1, else any free one. */
export async function freePort(...wanted: (number | undefined)[]): Promise<number> {
  for (const port of wanted) if (port !== undefined && (await isFree(port))) return port;
  return getPort({ host: '127.0.0.1' });
}

/** Whether a server could listen on this port of 127.0.0.1 now. (get-port cannot say: it holds back what it gave out lately.) */
export async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  const free = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (free) {
    probe.close();
    await once(probe, 'close');
  }
  return free;
}

/** Whether it is this process that listens on this port of 127.0.0.1: when two took the same free port, whoever was slower still lives for a
 *  moment, and the other answers in its place. */
export async function isListening(pid: number, port: number): Promise<boolean> {
  const sockets = await readFile('/proc/net/tcp', 'utf8');
  const at = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const listening = '0A';
  const inode = sockets
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, local, , state]) => local === at && state === listening)?.[9];
  if (inode === undefined) return false;
  const files = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')));
  return targets.includes(`socket:[${inode}]`);
}

/**
 * Looks after a server until the returned function is called: when it ends by itself (killed for want of memory, say), `again` starts it,
 * as often as it takes, and `say` is told once when it was lost and once when it is back.
 */
export function lookAfter(
  name: string,
  {
    isAlive,
    again,
    say,
  }: { isAlive: () => Promise<boolean>; again: () => Promise<void>; say: (sentence: string) => void },
): () => Promise<void> {
  const enough = new AbortController();
  const pause = (): Promise<void> =>
    sleep(500, undefined, { signal: enough.signal, ref: false }).catch(() => undefined);
  const looking = (async () => {
    for (await pause(); !enough.signal.aborted; await pause()) {
      if (await isAlive()) continue;
      say(`${name} ended by itself. It is started again; nothing that was kept is lost.`);
      let said = '';
      while (!enough.signal.aborted) {
        try {
          await again();
          say(`${name} is back.`);
          break;
        } catch (error) {
          const why = (error as Error).message;
          if (!said) say(`${name} does not start again yet: ${(said = why)}`);
          await pause();
        }
      }
    }
  })();
  return async () => {
    enough.abort();
    await looking;
  };
}

/** What a server's log says of why it ended, for an error message: the errors in it, else its last lines. (A panic ends in a page of addresses.) */
export async function lastWords(log: string): Promise<string> {
  const lines = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n');
  const errors = lines.filter((line) => /\berror\b|^panic:|\bFATAL\b/i.test(line) && !/\bWARN\b/.test(line));
  return (errors.length > 0 ? errors : lines).slice(-5).join('\n');
}
