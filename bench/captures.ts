/** Captures at fifty a second for a minute, open-loop, while the relay opens at most eight stories a second. */

import type { Figure } from './main.ts';
import { forget, percentile, startHeed, type Running } from './running.ts';

const rate = 50;
const secondsLong = 60;

export async function captures(): Promise<Figure[]> {
  const heed = await startHeed({ company: 'samples/demo.yaml' });
  const before = await openedStories(heed);
  const latencies: number[] = [];
  let refused = 0;
  const sent: Promise<void>[] = [];
  const began = performance.now();
  for (let n = 0; n < rate * secondsLong; n++) {
    // Open-loop: the next is sent when its time has come, whether or not earlier ones were answered.
    const due = began + (n * 1000) / rate;
    const wait = due - performance.now();
    if (wait > 0) await new Promise((on) => setTimeout(on, wait));
    sent.push(
      heed.post('/v1/signals', { words: `Do you have socks number ${n}?`, place: 'high-street', by: 'mina' }).then(
        ({ status }) => {
          if (status === 202) latencies.push(performance.now() - due);
          else refused += 1;
        },
        () => void (refused += 1),
      ),
    );
  }
  await Promise.all(sent);
  const opened = (await openedStories(heed)) - before;
  const perSecond = opened / ((performance.now() - began) / 1000);
  await forget(heed);
  const p99 = percentile(latencies, 0.99);
  return [
    {
      what: `${latencies.length} captures accepted, ${refused} refused, p50`,
      measured: `${percentile(latencies, 0.5).toFixed(1)} ms`,
      goal: 'none',
      holds: refused === 0,
    },
    { what: 'p99 of the acknowledgement', measured: `${p99.toFixed(1)} ms`, goal: '≤ 50 ms', holds: p99 <= 50 },
    {
      what: 'stories opened meanwhile',
      measured: `${perSecond.toFixed(1)} a second`,
      goal: '≤ 8 a second',
      holds: perSecond <= 8.5,
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
