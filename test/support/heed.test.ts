import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { leftovers, newHeed } from './heed.ts';

test.each([
  ['is given up before it is up', 'SIGINT', {}],
  ['loses its terminal, and can say nothing any more,', 'SIGHUP', { unheard: true }],
] as const)('a Heed that %s leaves nothing running, and none of its servers', async (_, signal, terminal) => {
  const heed = await newHeed({}, terminal);
  try {
    const given = expect(heed.start()).rejects.toThrow(/npm start ended with 0/);
    while (!(await leftovers(heed.dataDir)).some((running) => running.includes('postgres'))) await sleep(50);
    await heed.stop(signal);
    expect(await leftovers(heed.dataDir)).toEqual([]);
    await given;
  } finally {
    await heed.forget();
  }
});
