/** Captures, open-loop: fifty a second for a minute, while the relay opens at most eight stories a second; and three hundred a second, with the
 *  web and Postgres alone on the machine and with everything on it. */

import type { Figure } from './main.ts';
import { forget, pause, percentile, startHeed, startWeb, type Running } from './running.ts';

/** Nobody goes from nothing to three hundred a second: the first seconds, in which the process is still being compiled, are not counted. */
const rush = { rate: 300, seconds: 35, warmUpSeconds: 5 };

export async function captures(): Promise<Figure[]> {
  const heed = await startHeed({ company: 'samples/demo.yaml' });
  const before = await openedStories(heed);
  const began = performance.now();
  const usual = await load(heed, { rate: 50, seconds: 60, warmUpSeconds: 0 });
  const opened = ((await openedStories(heed)) - before) / ((performance.now() - began) / 1000);
  const rushTogether = await load(heed, rush);
  await forget(heed);
  const web = await startWeb('samples/demo.yaml');
  const rushAlone = await load(web, rush);
  await forget(web);
  return [
    ...figures('50 a second', usual, 50),
    {
      what: 'stories opened meanwhile',
      measured: `${opened.toFixed(1)} a second`,
      goal: '≤ 8 a second',
      holds: opened <= 8.5,
    },
    ...figures('300 a second, web and Postgres', rushAlone, 100),
    ...figures('300 a second, with worker, relay and Temporal on the same cores', rushTogether, 100),
  ];
}

interface Load {
  rate: number;
  seconds: number;
  /** Of those, the first that are not counted. */
  warmUpSeconds: number;
}

async function load(heed: Pick<Running, 'post'>, { rate, seconds, warmUpSeconds }: Load) {
  const latencies: number[] = [];
  let refused = 0;
  const sent: Promise<void>[] = [];
  const began = performance.now();
  for (let n = 0; n < rate * seconds; n++) {
    // Open-loop: the next is sent when its time has come, whether or not earlier ones were answered.
    const due = began + (n * 1000) / rate;
    const wait = due - performance.now();
    if (wait > 0) await pause(wait);
    sent.push(
      heed.post('/v1/signals', { words: `Do you have socks number ${n}?`, place: 'high-street', by: 'mina' }).then(
        ({ status }) => {
          if (status !== 202) refused += 1;
          else if (due - began >= warmUpSeconds * 1000) latencies.push(performance.now() - due);
        },
        () => void (refused += 1),
      ),
    );
  }
  await Promise.all(sent);
  return { latencies, refused };
}

function figures(name: string, { latencies, refused }: Awaited<ReturnType<typeof load>>, goalMs: number): Figure[] {
  const p99 = percentile(latencies, 0.99);
  return [
    {
      what: `${name}: ${latencies.length} captures accepted, ${refused} refused, p50`,
      measured: `${percentile(latencies, 0.5).toFixed(1)} ms`,
      goal: 'none',
      holds: refused === 0,
    },
    {
      what: `${name}: p99 of the acknowledgement`,
      measured: `${p99.toFixed(1)} ms`,
      goal: `≤ ${goalMs} ms`,
      holds: p99 <= goalMs,
    },
  ];
}

/** Triaged signals: each had its story opened. */
async function openedStories(heed: Running): Promise<number> {
  const { rows } = await heed.query<{ n: number }>(
    'select count(*)::integer as n from triages t join loops l on l.id = t.signal_id where not l.sample',
  );
  return rows[0]!.n;
}
