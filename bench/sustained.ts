/** Two captures a second for a minute: how soon the customer is thanked, and how soon a response is seen by its story. */

import { Client, Connection } from '@temporalio/client';
import type { Figure } from './main.ts';
import { forget, pause, percentile, startHeed, type Running } from './running.ts';

const rate = 2;
const secondsLong = 60;

export async function sustained(): Promise<Figure[]> {
  const heed = await startHeed({ company: 'samples/demo.yaml' });
  const ids: string[] = [];
  for (let n = 0; n < rate * secondsLong; n++) {
    const { body } = await heed.post('/v1/signals', {
      words: `Cheaper online than here, number ${n}?`,
      place: 'high-street',
      by: 'mina',
      customer: { email: `bench-${n}@example.com` },
      consent: [{ purpose: 'follow_up', channel: 'email', wording: 'bench' }],
    });
    ids.push(String(body['id']));
    // Somebody takes what was captured ten seconds ago.
    const earlier = ids[n - rate * 10];
    if (earlier) await heed.post(`/v1/signals/${earlier}/acknowledgement`, { by: 'priya' });
    await pause(1000 / rate);
  }
  await pause(5_000);
  const thanks = await thanksAfter(heed, ids);
  const seen = await seenAfter(heed, ids);
  await forget(heed);
  const slowest = Math.max(...thanks);
  const p99 = percentile(seen, 0.99);
  return [
    {
      what: `${thanks.length} of ${ids.length} customers thanked, the slowest after`,
      measured: `${slowest.toFixed(1)} s`,
      goal: '≤ 60 s',
      holds: slowest <= 60 && thanks.length === ids.length,
    },
    { what: 'p50 of the thanks', measured: `${percentile(thanks, 0.5).toFixed(2)} s`, goal: 'none', holds: true },
    {
      what: `${seen.length} responses seen by their story, p99`,
      measured: `${p99.toFixed(2)} s`,
      goal: '≤ 1 s',
      holds: p99 <= 1,
    },
    { what: 'p50 of the same', measured: `${percentile(seen, 0.5).toFixed(2)} s`, goal: 'none', holds: true },
  ];
}

async function thanksAfter(heed: Running, ids: string[]): Promise<number[]> {
  const { rows } = await heed.query<{ seconds: number }>(
    `select extract(epoch from d.ended_at - s.captured_at)::float8 as seconds
     from deliveries d join signals s on s.id = d.loop_id
     where d.purpose = 'receipt' and d.state = 'sent' and s.id = any($1)`,
    [ids],
  );
  return rows.map(({ seconds }) => seconds);
}

/** From the commit of the acknowledgement to the story's own completed task after it, by Temporal's history. */
export async function seenAfter(heed: Running, ids: string[]): Promise<number[]> {
  const { rows } = await heed.query<{ loop_id: string; at: Date }>(
    'select loop_id, acknowledged_at as at from acknowledgements where loop_id = any($1)',
    [ids],
  );
  const connection = await Connection.connect({ address: await heed.temporalAddress() });
  const client = new Client({ connection });
  const seconds: number[] = [];
  for (const { loop_id, at } of rows) {
    const { events } = await client.workflow.getHandle(`signal:${loop_id}`).fetchHistory();
    const completed = (events ?? [])
      .filter((event) => event.workflowTaskCompletedEventAttributes)
      .map(({ eventTime }) => Number(eventTime?.seconds ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6)
      .find((time) => time > at.getTime());
    if (completed) seconds.push((completed - at.getTime()) / 1000);
  }
  await connection.close();
  return seconds;
}
