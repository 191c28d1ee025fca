/** Every path is lived here, with canaries in everything people say, on a Temporal that keeps its memory in a file. Then all that Temporal and
 *  our log know is looked through. With HEED_HISTORIES=1 (`npm run histories`) it is also kept. */

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { History } from '@temporalio/common/lib/proto-utils.js';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { startTemporal, type EmbeddedTemporal } from '../../src/embedded/temporal.ts';
import { defaultCacheDir } from '../../src/embedded/temporalCli.ts';
import type { Company } from '../../src/domain/company.ts';
import { openLog } from '../../src/log.ts';
import { sql } from '../../src/store/pool.ts';
import { searchAttributes } from '../../src/workflows/messages.ts';
import { openWorld, type World } from '../support/world.ts';
import { canaries } from './canaries.ts';
import { keepHistories, keptHistories, largestPayload, replayFailures, storiesWith, version } from './histories.ts';
import { crossing, Life, paths, patientPaths, refused, type Path } from './paths.ts';

/** What is kept is whole: there everything stays in memory. Otherwise hardly anything does, so that stories are replayed all the time. */
const recording = Boolean(process.env['HEED_HISTORIES']);
const birds = canaries();
const log: string[] = [];
let dataDir: string;
let temporal: EmbeddedTemporal;
let world: World;
let life: Life;
/** What the database says when it refuses. */
let quoted = '';
/** By the name they are kept under. */
const lived = new Map<string, History>();

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'heed-paths-'));
  const { TEMPORAL_CLI_PATH: cliPath } = process.env;
  temporal = await startTemporal({
    dataDir,
    cacheDir: defaultCacheDir(process.env),
    uiPort: 'none',
    searchAttributes,
    // No loop that people act on gets so long, and one can.
    longHistory: 100,
    ...(cliPath && { cliPath }),
  });
  const former = recording
    ? await storiesWith('followSignal.ts', (code) => code.replace("patched('one-look-a-waking')", 'false'))
    : undefined;
  world = await openWorld('demo', unhurried, {
    ...(former && { bundle: former.bundle }),
    temporal: temporal.address,
    cachedStories: recording ? 100 : 3,
    // A decision that many wait for is told in several goes, and nobody here has fifty to wait for one.
    toldAtOnce: 2,
    log: openLog('debug', { write: (line) => void log.push(line) }),
  });
  for (const { name, email } of Object.values(world.db.company.staff)) {
    birds.watch('a colleague’s name', name);
    birds.watch('a colleague’s address', email);
  }
  life = new Life(world, birds);
  const crossed = former ? [await crossing(life)] : [];
  if (former) await world.upgrade(process.env['HEED_TEST_BUNDLE']!);
  await former?.remove();
  const troubled = recording ? undefined : trouble();
  await live([...paths, ...crossed]);
  await world.db.apply(hurried);
  await live(patientPaths);
  await live([refused]);
  await troubled;
  await refusals();
  if (recording) await keepHistories([...lived].map(([path, history]) => ({ path, history })));
});
afterAll(async () => {
  await world?.close();
  await temporal?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

/** Ladders that nobody here is too slow for. */
function unhurried(company: Company): void {
  company.undo = { amount: 1, unit: 's' };
  // All paths call the same few people at once; which of it a digest would name is a matter of how fast this machine is.
  company.attention = { prompts: 1000, within: { amount: 5, unit: 'm' } };
  for (const ladder of Object.values(company.ladders))
    for (const [at, rung] of ladder.rungs.entries()) rung.after = { amount: at, unit: 'h' };
}

/** And such that are climbed while one waits. */
function hurried(company: Company): void {
  company.customers.window = { amount: 1, unit: 's' };
  for (const ladder of Object.values(company.ladders))
    // Further apart than what falls due together.
    for (const [at, rung] of ladder.rungs.entries()) rung.after = { amount: 6 * at, unit: 's' };
}

async function live(some: Path[]): Promise<void> {
  await Promise.all(
    some.map(async (path) => {
      for (const run of await path.live(life)) lived.set(run.path, await historyOf(run.workflowId, run.runId));
    }),
  );
}

const historyOf = (workflowId: string, runId: string): Promise<History> =>
  world.client.workflow.getHandle(workflowId, runId).fetchHistory();

/** What goes wrong, and says in its message what nobody may read in Temporal: the database quotes the row it refuses, first to a stage, for
 *  longer than a workflow task lasts, then to a message. */
async function trouble(): Promise<void> {
  const owner = await world.db.owner();
  await owner.query(sql.unsafe`create table cured ()`);
  await owner.query(sql.unsafe`grant select on cured to public`);
  await owner.query(sql.unsafe`
    create function refuse() returns trigger language plpgsql as $$
    declare said text;
    begin
      select words into said from words where signal_id = coalesce(to_jsonb(new)->>'signal_id', to_jsonb(new)->>'loop_id')::uuid;
      if said like 'Poison%' and not exists (select from cured) then
        raise exception using message = 'the row of ' || said || ' is refused', detail = said, hint = said;
      end if;
      return new;
    end $$`);
  await owner.query(
    sql.unsafe`create trigger refuse before insert on enrichments for each row execute function refuse()`,
  );
  await owner.query(sql.unsafe`
    create trigger refuse before update on deliveries for each row when (new.state = 'sent') execute function refuse()`);

  const id = await life.capture({ words: life.says('Poison is what your coffee tastes of!'), kind: 'question' });
  quoted = await world.db.pool
    .query(sql.unsafe`insert into enrichments (signal_id) values (${id})`)
    .then(String, (error: unknown) => String(error));
  const first = await life.begun(id);
  await life.until('a message has failed', async () =>
    (await messages()).some((message) => message.includes('"lastFailure":{')),
  );
  // Put off by a timer or, where the story had to leave the worker's memory meanwhile, cut off.
  await life.until('a stage has failed for longer than a task lasts', async () =>
    historyToJSON(await historyOf(first.workflowId, first.runId)).includes('"failure"'),
  );
  await owner.query(sql.unsafe`insert into cured default values`);
  await life.stands(id, 'acknowledge');
}

/** The mail server quotes the address it refuses, and Slack what it was sent. */
async function refusals(): Promise<void> {
  const text = life.says('550 5.1.1 <kim@adler.example>, who asked for a coat: no such person');
  world.mailbox.faults.script({ at: 'rcpt', do: 'answer', code: 550, text }, Infinity);
  world.room.faults.script({ at: '*', do: 'error', error: life.says('invalid_blocks: "Kim"') }, Infinity);
  const id = await life.capture({ words: life.says('Where is the lift?'), kind: 'question' });
  await life.until('both have refused', async () => {
    const refused = (await world.messages({ loopId: id })).filter(({ state }) => /failed|expired/.test(state));
    return new Set(refused.map(({ channel }) => channel)).size === 2;
  });
  world.mailbox.faults.clear();
  world.room.faults.clear();
}

/** What Temporal tells of each standalone activity: what went in, what came out, how it failed. */
async function messages(): Promise<string[]> {
  const all: string[] = [];
  for await (const { activityId, activityRunId: runId, rawListInfo } of world.client.activity.list('')) {
    const described = await world.client.workflowService.describeActivityExecution({
      namespace: world.client.options.namespace,
      activityId,
      runId,
      includeInput: true,
      includeOutcome: true,
      includeLastFailure: true,
      includeHeartbeatDetails: true,
    });
    all.push(JSON.stringify([rawListInfo, described]));
  }
  return all;
}

/** Of each run of each story, as it is read by `read`. */
async function ofEachRun(read: (workflowId: string, runId: string) => Promise<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const { workflowId, runId } of world.client.workflow.list()) all.push(await read(workflowId, runId));
  return all;
}

/** Everywhere Temporal, and whoever looks into it, could learn something; and what our processes write down. */
const places: [where: string, look: () => Promise<(string | Buffer)[]>][] = [
  [
    'the history of a run',
    () => ofEachRun(async (workflowId, runId) => historyToJSON(await historyOf(workflowId, runId))),
  ],
  [
    'its summary and attributes',
    () =>
      ofEachRun(async (workflowId, runId) => {
        const { namespace } = world.client.options;
        const execution = { workflowId, runId };
        return JSON.stringify(await world.client.workflowService.describeWorkflowExecution({ namespace, execution }));
      }),
  ],
  ['a message: its input, result and failures', messages],
  [
    'a file of Temporal’s own',
    async () => {
      const files = await readdir(join(dataDir, 'temporal'), { recursive: true, withFileTypes: true });
      return Promise.all(
        files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name))),
      );
    },
  ],
  ['a line of our log', async () => [log.join('')]],
];
const found = async (look: () => Promise<(string | Buffer)[]>): Promise<string[]> => [
  ...new Set((await look()).flatMap((text) => birds.found(text))),
];

describe('of what people say, write and are called', () => {
  test.each(places)('nothing is in %s', async (_, look) => {
    expect((await look()).length).toBeGreaterThan(0);
    expect(await found(look)).toEqual([]);
  });

  test('nothing is in the card that operators read', async () => {
    const cards = await ofEachRun(async (workflowId, runId) => {
      const run = world.client.workflow.getHandle(workflowId, runId);
      const { status } = await run.describe();
      return status.name === 'RUNNING' ? JSON.stringify(await run.query('__temporal_workflow_metadata')) : '';
    });
    expect(cards.join()).toContain('stands at');
    expect(birds.found(cards.join())).toEqual([]);
  });

  (recording ? test.skip : test)(
    'although it was in every error: those are told to nobody but by where they happened',
    () => {
      expect(birds.found(quoted)).toEqual([expect.stringMatching(/^Poison/)]);
      // The stage and the message, each at least once; how often they were tried in that time is chance.
      expect(log.filter((line) => line.includes('An activity failed')).length).toBeGreaterThan(1);
    },
  );

  test('all would be found, were it there', async () => {
    const planted = (): string => life.says('Planted');
    const [id, args, taskQueue] = [planted(), [planted()], 'nobody-works-here'];
    const staticSummary = planted();
    await world.client.workflow.start('followSignal', { workflowId: id, args, taskQueue, staticSummary });
    await world.client.activity.start('deliver', {
      id,
      args,
      taskQueue,
      summary: planted(),
      startToCloseTimeout: '1m',
    });
    log.push(`${planted()}\n`, Buffer.from(planted()).toString('base64'), Buffer.from(planted()).toString('hex'));
    birds.watch('a name', 'Zoë Quist');
    log.push(encodeURIComponent('Zoë Quist'));
    // Lists lag by a second.
    for (const [where, look] of places)
      await life.until(`what was planted is found in ${where}`, async () => (await found(look)).length > 0);
    expect((await found(places.at(-1)![1])).sort()).toEqual([
      'Planted (base64)',
      'Planted (hex)',
      'Planted (plain)',
      'a name (URL-coded)',
    ]);
    await world.client.workflow.getHandle(id).terminate();
  });
});

describe('every path', () => {
  test('is kept as a history: npm run histories', async () => {
    const kept = (await keptHistories()).filter((history) => history.version === version);
    expect(kept.map(({ path }) => path)).toEqual([...new Set([...lived.keys(), 'crossed'])].sort());
  });

  test('replays, as people lived it just now', async () => {
    expect(await replayFailures(lived, process.env['HEED_TEST_BUNDLE']!)).toEqual({});
  });

  test('ends well, or goes on: no story has failed, although stages did', async () => {
    const failed: string[] = [];
    for await (const { workflowId } of world.client.workflow.list({ query: `ExecutionStatus = 'Failed'` }))
      failed.push(workflowId);
    expect(failed).toEqual([]);
  });

  test('puts nothing larger than 2 KB into Temporal', () => {
    expect(Math.max(...[...lived.values()].map(largestPayload))).toBeLessThanOrEqual(2048);
  });
});
