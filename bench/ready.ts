/** How soon it is ready again, and what it takes while idle. */

import type { Figure } from './main.ts';
import { forget, pause, startHeed } from './running.ts';

export async function ready(): Promise<Figure[]> {
  const first = await startHeed();
  await first.stop();
  const again = await startHeed({ dataDir: first.dataDir });
  await pause(15_000);
  const memory = await again.memory();
  await forget(again);
  return [
    { what: 'first start', measured: seconds(first.readyMs), goal: 'none: it may have to fetch Temporal', holds: true },
    { what: 'ready again', measured: seconds(again.readyMs), goal: '≤ 10 s', holds: again.readyMs <= 10_000 },
    {
      what: 'idle, all processes, 15 s after ready',
      measured: `${memory} MB PSS`,
      goal: '≤ 700 MB',
      holds: memory <= 700,
    },
  ];
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
