/** A backup of ten thousand loops, made while it runs, and brought back into a Heed that knows nothing; and what making it costs the process that
 *  does, which with npm start is the web's. */

import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { backUp } from '../src/store/backup.ts';
import type { Figure } from './main.ts';
import { openLoops } from './openLoops.ts';
import { blankDataDir, forget, percentile, pause, startHeed, type Running } from './running.ts';

const many = 10_000;
const company = 'samples/shop.yaml';

export async function backup(): Promise<Figure[]> {
  const heed = await startHeed({ company });
  await openLoops(heed, many);
  await erasures(heed, many);
  const file = join(heed.dataDir, 'bench.backup');
  // The first of a database whose pages nobody has read since they were written is no measure.
  await command(['backup', file], heed.dataDir);
  const meanwhile = capturing(heed);
  const seconds = await command(['backup', `${file}.again.backup`], heed.dataDir);
  const thanks = await meanwhile.stop();
  const cost = await costOf(heed, `${file}.here.backup`);
  const megabytes = (await stat(file)).size / 2 ** 20;
  const {
    rows: [database],
  } = await heed.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes');

  const blank = await blankDataDir();
  const restoring = await command(['restore', file], blank);
  const again = await startHeed({ company, dataDir: blank });
  const { rows } = await again.query<{ open: number }>('select count(*)::integer as open from now.open_loops');
  await forget(again);
  await forget(heed);
  const open = rows[0]!.open;
  return [
    {
      what: `a backup of ${many} open loops, ${megabytes.toFixed(1)} MB of a database of ${Math.round(Number(database!.bytes) / 2 ** 20)} MB`,
      measured: `${seconds.toFixed(1)} s`,
      goal: '≤ 60 s, as one is made every five minutes',
      holds: seconds <= 60,
    },
    {
      what: `captures at 20 a second meanwhile (${thanks.length} of them), p99`,
      measured: `${percentile(thanks, 0.99).toFixed(0)} ms`,
      goal: '≤ 500 ms',
      holds: percentile(thanks, 0.99) <= 500,
    },
    {
      what: `the longest that the process which makes it, of ${many} erasures, too, does nothing else`,
      measured: `${cost.longestMs.toFixed(0)} ms`,
      goal: '≤ 50 ms',
      holds: cost.longestMs <= 50,
    },
    {
      what: 'what it takes of its memory meanwhile',
      measured: `${cost.megabytes.toFixed(0)} MB`,
      goal: '≤ 50 MB, however much there is',
      holds: cost.megabytes <= 50,
    },
    {
      what: `brought back: ${open} open loops`,
      measured: `${restoring.toFixed(1)} s`,
      goal: '≤ 300 s, none missing',
      holds: restoring <= 300 && open >= many,
    },
  ];
}

/** As after years of letting go of what is kept no longer: every backup tells of each. */
async function erasures(heed: Running, count: number): Promise<void> {
  await heed.query(
    `with e as (
       insert into erasures (id, cause, by, reason)
       select gen_random_uuid(), 'retention', 'heed', 'kept no longer' from generate_series(1, $1::integer)
       returning id)
     insert into tombstones (erasure_id, kind, address_hash) select id, 'email', sha256(id::text::bytea) from e`,
    [count],
  );
  await heed.query('analyze');
}

/** Makes one in this process. */
async function costOf(heed: Running, file: string): Promise<{ longestMs: number; megabytes: number }> {
  const { databaseUrl } = JSON.parse(await readFile(join(heed.dataDir, 'running.json'), 'utf8')) as {
    databaseUrl: string;
  };
  const inUse = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = inUse();
  let most = before;
  const looking = setInterval(() => (most = Math.max(most, inUse())), 20);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await backUp(databaseUrl, file);
  delay.disable();
  clearInterval(looking);
  return { longestMs: delay.max / 1e6, megabytes: (most - before) / 2 ** 20 };
}

/** Types a command of Heed's about a data folder; resolves with how many seconds it took. */
async function command(words: string[], dataDir: string): Promise<number> {
  const began = performance.now();
  await promisify(execFile)('scripts/heed', words, { env: { ...process.env, HEED_DATA_DIR: dataDir } });
  return (performance.now() - began) / 1000;
}

/** Captures twenty times a second until it is stopped; resolves with how long each took, in milliseconds. */
function capturing(heed: Running): { stop(): Promise<number[]> } {
  const state = { stopping: false };
  const took: number[] = [];
  const going = (async () => {
    const answers: Promise<void>[] = [];
    while (!state.stopping) {
      const began = performance.now();
      const body = { words: 'Do you open on Sundays?', place: 'high-street', by: 'mina' };
      answers.push(heed.post('/v1/signals', body).then(() => void took.push(performance.now() - began)));
      await pause(50);
    }
    await Promise.all(answers);
  })();
  return {
    async stop() {
      state.stopping = true;
      await going;
      return took;
    },
  };
}
