import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { leftovers, newHeed } from './heed.ts';

test('a Heed that is given up before it is up leaves nothing running, and none of its servers', async () => {
  const heed = await newHeed();
  const given = expect(heed.start()).rejects.toThrow(/npm start ended with/);
  while (!(await leftovers(heed.dataDir)).some((running) => running.includes('postgres'))) await sleep(50);
  await heed.forget();
  expect(await leftovers(heed.dataDir)).toEqual([]);
  await given;
});
