/** The workflow code as one file: made once, because every worker would bundle it again. */

import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundleWorkflowCode } from '@temporalio/worker';

const workflows = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));
const preloadModules = [fileURLToPath(new URL('../workflows/shortStacks.ts', import.meta.url))];

/** Bundles the stories, or what `workflowsPath` exports in place of them, into `path` and returns it. */
export async function bundleWorkflows(path: string, workflowsPath = workflows): Promise<string> {
  const { code } = await bundleWorkflowCode({ workflowsPath, preloadModules, logger: quiet });
  await writeFile(path, code);
  return path;
}

/**
 * The bundle that was made of the same code before, kept in `folder`; made and kept where there is none. A worker that was killed is back
 * two seconds sooner by it. Throws when `folder` can't be written to.
 */
export async function keptBundle(folder: string, code = codeOfStories, bundle = bundleWorkflowsApart): Promise<string> {
  const path = join(folder, `${await fingerprintOf(code)}.js`);
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  // Under a name of its own first: two workers may start at once, and one may be killed in the middle.
  const making = `${path}.${randomUUID()}`;
  await bundle(making);
  await rename(making, path);
  for (const name of await readdir(folder)) if (!name.startsWith(basename(path))) await rm(join(folder, name));
  return path;
}

/** Bundles in a process of its own: it takes a hundred megabytes, which a process that goes on would keep for a while. */
export async function bundleWorkflowsApart(path: string): Promise<string> {
  const apart = fileURLToPath(new URL('bundleApart.ts', import.meta.url));
  await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', apart, path]);
  return path;
}

/** What a bundle is made of: the stories with whatever they may import, and the packages of the lock file. */
const codeOfStories = [
  fileURLToPath(new URL('..', import.meta.url)),
  fileURLToPath(new URL('../../package-lock.json', import.meta.url)),
];

async function fingerprintOf(paths: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  for (const path of paths) for (const file of await filesUnder(path)) hash.update(file).update(await readFile(file));
  return hash.digest('hex');
}

async function filesUnder(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (!entries) return [path];
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

/** webpack is talkative; its errors are thrown anyway. */
const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
