/** Temporal has lost everything while ten thousand loops were open: how long until each has its story again, carried by the relay alone. */

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Figure } from './main.ts';
import { openLoops } from './openLoops.ts';
import { forget, pause, startHeed, type Running } from './running.ts';

const many = 10_000;
const withinMinutes = 15;

export async function rebuild(): Promise<Figure[]> {
  const before = await startHeed({ company: 'samples/shop.yaml' });
  await openLoops(before, many);
  const messages = await messagesOf(before);
  await before.stop();
  const folder = join(before.dataDir, 'temporal');
  for (const file of await readdir(folder)) if (file.startsWith('temporal.db')) await rm(join(folder, file));

  const heed = await startHeed({ company: 'samples/shop.yaml', dataDir: before.dataDir });
  const began = performance.now();
  const connection = await Connection.connect({ address: await heed.temporalAddress() });
  const client = new Client({ connection });
  const rebuilt = async (): Promise<number> => (await client.workflow.count(`ExecutionStatus = 'Running'`)).count;
  let last = 0;
  while ((last = await rebuilt()) < many && performance.now() < began + 2 * withinMinutes * 60_000) {
    await pause(5_000);
    console.log(`  … ${last} of ${many} after ${((performance.now() - began) / 1000).toFixed(0)} s`);
  }
  const minutes = (performance.now() - began) / 60_000;
  const more = (await messagesOf(heed)) - messages;
  await connection.close();
  await forget(heed);
  return [
    {
      what: `${last} of ${many} open loops rebuilt, ${(last / minutes / 60).toFixed(1)} a second`,
      measured: `${minutes.toFixed(1)} minutes`,
      goal: `≤ ${withinMinutes} minutes`,
      holds: last >= many && minutes <= withinMinutes,
    },
    {
      what: 'messages that this made anybody be sent',
      measured: String(more),
      goal: '0',
      holds: more === 0,
    },
  ];
}

async function messagesOf(heed: Running): Promise<number> {
  const { rows } = await heed.query<{ n: number }>('select count(*)::integer as n from deliveries');
  return rows[0]!.n;
}
