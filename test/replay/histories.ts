/** Histories as they are kept, test/histories/<version>/<path>.json: written, read, and counted. */

import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyFromJSON, historyToJSON, type History } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { bundleWorkflows } from '../../src/workers/bundle.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const folder = join(root, 'test/histories');

/** Of the Heed that is being written: what `npm run histories` keeps is its. */
export const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };

export interface Kept {
  version: string;
  path: string;
  history: History;
}

/** Every history of every version. */
export async function keptHistories(): Promise<Kept[]> {
  const folders = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const kept: Kept[] = [];
  for (const { name } of folders)
    for (const path of (await readdir(join(folder, name))).map((file) => file.replace(/\.json$/, '')).sort()) {
      const text = await readFile(join(folder, name, `${path}.json`), 'utf8');
      kept.push({ version: name, path, history: historyFromJSON(JSON.parse(text)) });
    }
  return kept;
}

/** "sum  version/path.json" for each history of a version that is out: they are never written again. */
export async function releasedHistories(): Promise<string[]> {
  return (await readFile(join(folder, 'released.sha256'), 'utf8')).trim().split('\n');
}

/** Writes these as the histories of the present version, in place of those that are there. Throws when that version is out. */
export async function keepHistories(histories: { path: string; history: History }[]): Promise<void> {
  if ((await releasedHistories()).some((line) => line.includes(`  ${version}/`)))
    throw new Error(`${version} is released, so its histories stay as they are. Raise the version in package.json.`);
  await rm(join(folder, version), { recursive: true, force: true });
  await mkdir(join(folder, version), { recursive: true });
  for (const { path, history } of histories) {
    const events = eventsOf(history).map((event) => JSON.stringify(event, withoutPlace));
    await writeFile(join(folder, version, `${path}.json`), `{"events":[\n${events.join(',\n')}\n]}\n`);
  }
}

/** Who ran it, and on which machine, is nobody's business and never replayed. */
const withoutPlace = (key: string, value: unknown): unknown =>
  key === 'identity' || key === 'requestId' ? undefined : value;

/** Replays them on the stories of a bundle: what each that fails says, by its name. */
export async function replayFailures(
  histories: Iterable<[name: string, history: History]>,
  codePath: string,
): Promise<Record<string, string>> {
  const named = [...histories].map(([workflowId, history]) => ({ workflowId, history }));
  const failures: Record<string, string> = {};
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: { codePath } }, named))
    if (error) failures[workflowId] = error.message;
  return failures;
}

/** The stories as they would be had somebody written `file` otherwise, as a bundle in a folder of its own. */
export async function storiesWith(
  file: string,
  change: (code: string) => string,
): Promise<{ bundle: string; remove(): Promise<void> }> {
  const elsewhere = await mkdtemp(join(tmpdir(), 'heed-stories-'));
  const workflows = join(elsewhere, 'workflows');
  await cp(join(root, 'src/workflows'), workflows, { recursive: true });
  await symlink(join(root, 'node_modules'), join(elsewhere, 'node_modules'));
  await rewrite(join(workflows, file), join(workflows, file), change);
  return {
    bundle: await bundleWorkflows(join(elsewhere, 'stories.js'), join(workflows, 'index.ts')),
    remove: () => rm(elsewhere, { recursive: true }),
  };
}

/** The same, changed in the bundle that all tests share: for what reads there as it was written, and without the seconds that bundling takes. */
export async function bundleWith(
  change: (code: string) => string,
): Promise<{ bundle: string; remove(): Promise<void> }> {
  const elsewhere = await mkdtemp(join(tmpdir(), 'heed-stories-'));
  const bundle = join(elsewhere, 'stories.js');
  await rewrite(process.env['HEED_TEST_BUNDLE']!, bundle, change);
  return { bundle, remove: () => rm(elsewhere, { recursive: true }) };
}

async function rewrite(from: string, to: string, change: (code: string) => string): Promise<void> {
  const written = await readFile(from, 'utf8');
  const changed = change(written);
  if (changed === written) throw new Error(`${basename(from)} does not say any more what was to be changed.`);
  await writeFile(to, changed);
}

interface Event {
  eventId: string;
  eventType: string;
  [attributes: string]: unknown;
}

export function eventsOf(history: History): Event[] {
  return (JSON.parse(historyToJSON(history)) as { events: Event[] }).events;
}

/** What a history costs, held against what one may: in sentences, none when it keeps within. */
export function overBudget(path: string, history: History): string[] {
  const events = eventsOf(history);
  // A run that was continued as new had its length made by whoever woke it.
  const rounds = path.endsWith('continued-as-new')
    ? Infinity
    : ['second-round', 'final', 'crossed'].includes(path)
      ? 2
      : 1;
  const at = (type: string): number => events.findIndex(({ eventType }) => eventType === `EVENT_TYPE_${type}`);
  // A first task that a busy machine lost was given once more, which is none of the story's doing.
  const lost = at('WORKFLOW_TASK_TIMED_OUT') === 4 ? 3 : 0;
  const untilItWaits = at('TIMER_STARTED') + 1 - lost;
  const spent: [what: string, spent: number, budget: number][] = [
    ['events until it first waits', untilItWaits, 18],
    ['events', events.length - lost, 75 * rounds],
    ['actions', actionsIn(events), 26 * rounds],
    ['bytes in one payload', largestPayload(history), 2048],
  ];
  return spent
    .filter(([, much, budget]) => much > budget)
    .map(([what, much, budget]) => `${path}: ${much} ${what}, and ${budget} are planned for`);
}

/** Of the largest argument, result, attribute or detail. */
export function largestPayload(history: History): number {
  let largest = 0;
  JSON.stringify(eventsOf(history), (_, value: unknown) => {
    if (typeof value === 'object' && value !== null && 'metadata' in value && 'data' in value)
      largest = Math.max(largest, Buffer.from(String(value.data), 'base64').length);
    return value;
  });
  return largest;
}

/** What Temporal Cloud would bill: signals (the first with the start), timers, changes of attributes, and once the stages of one task. */
function actionsIn(events: Event[]): number {
  const of = (type: string): Event[] => events.filter(({ eventType }) => eventType === `EVENT_TYPE_${type}`);
  const tasks = of('MARKER_RECORDED').map(
    (event) =>
      (event['markerRecordedEventAttributes'] as { workflowTaskCompletedEventId: string }).workflowTaskCompletedEventId,
  );
  return (
    of('WORKFLOW_EXECUTION_SIGNALED').length +
    of('TIMER_STARTED').length +
    of('UPSERT_WORKFLOW_SEARCH_ATTRIBUTES').length +
    new Set(tasks).size
  );
}
