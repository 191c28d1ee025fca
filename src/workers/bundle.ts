/** The workflow code as one file: made once, because every worker would bundle it again. */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundleWorkflowCode } from '@temporalio/worker';

const workflows = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

/** Bundles the stories, or what `workflowsPath` exports in place of them, into `path` and returns it. */
export async function bundleWorkflows(path: string, workflowsPath = workflows): Promise<string> {
  const { code } = await bundleWorkflowCode({ workflowsPath, logger: quiet });
  await writeFile(path, code);
  return path;
}

/** The same in a process of its own: bundling takes a hundred megabytes, which a process that goes on would keep for a while. */
export async function bundleWorkflowsApart(path: string): Promise<string> {
  const apart = fileURLToPath(new URL('bundleApart.ts', import.meta.url));
  await promisify(execFile)(process.execPath, ['--disable-warning=ExperimentalWarning', apart, path]);
  return path;
}

/** webpack is talkative; its errors are thrown anyway. */
const quiet = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
