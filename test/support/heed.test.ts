import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { leftovers, newHeed } from './heed.ts';

test.each([
  ['is given up before it is up', 'SIGINT', 'heard'],
  ['loses its terminal', 'SIGHUP', 'unheard'],
  ['hears Ctrl-C a moment after whoever read along (npm start | tee log)', 'SIGINT', 'unheard'],
] as const)('a Heed that %s leaves nothing running, and none of its servers', async (_, signal, heard) => {
  const heed = await newHeed();
  try {
    const given = expect(heed.start()).rejects.toThrow(/npm start ended with 0/);
    while (!(await leftovers(heed.dataDir)).some((running) => running.includes('postgres'))) await sleep(50);
    if (heard === 'unheard') heed.unheard();
    await heed.stop(signal);
    expect(await leftovers(heed.dataDir)).toEqual([]);
    await given;
  } finally {
    await heed.forget();
  }
});
