/** A backup of ten thousand loops, made while it runs, and brought back into a Heed that knows nothing. */

import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Figure } from './main.ts';
import { openLoops } from './openLoops.ts';
import { blankDataDir, forget, percentile, pause, startHeed, type Running } from './running.ts';

const many = 10_000;
const company = 'samples/shop.yaml';

export async function backup(): Promise<Figure[]> {
  const heed = await startHeed({ company });
  await openLoops(heed, many);
  const file = join(heed.dataDir, 'bench.backup');
  // The first of a database whose pages nobody has read since they were written is no measure.
  await command(['backup', file], heed.dataDir);
  const meanwhile = capturing(heed);
  const seconds = await command(['backup', `${file}.again.backup`], heed.dataDir);
  const thanks = await meanwhile.stop();
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
      what: `brought back: ${open} open loops`,
      measured: `${restoring.toFixed(1)} s`,
      goal: '≤ 300 s, none missing',
      holds: restoring <= 300 && open >= many,
    },
  ];
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
