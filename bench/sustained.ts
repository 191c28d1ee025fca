/** Two captures a second for a minute: how soon the customer is thanked, and how soon a response is seen by its story. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Figure } from './main.ts';
import { forget, percentile, startHeed } from './running.ts';

const rate = 2;
const secondsLong = 60;

export async function sustained(): Promise<Figure[]> {
  const heed = await startHeed({ company: 'samples/demo.yaml' });
  const { databaseUrl } = JSON.parse(await readFile(join(heed.dataDir, 'running.json'), 'utf8')) as { databaseUrl: string };
  const db = new pg.Client({ connectionString: databaseUrl });
  await db.connect();
  const ids: string[] = [];
  for (let n = 0; n < rate * secondsLong; n++) {
    const { body } = await heed.post('/v1/signals', {
      words: `Cheaper online than here, number ${n}?`,
      place: 'high-street',
      by: 'mina',
      customer: { email: `bench-${n}@example.com` },
      consent: [{ purpose: 'follow_up', channel: 'email', wording: 'demo-1' }],
    });
    ids.push(String(body['id']));
    // Somebody takes what was captured ten seconds ago.
    const earlier = ids[n - rate * 10];
    if (earlier) await heed.post(`/v1/signals/${earlier}/acknowledgement`, { by: 'priya' });
    await new Promise((on) => setTimeout(on, 1000 / rate));
  }
  await new Promise((on) => setTimeout(on, 5_000));
  const thanks = await numbers(db, `
    select extract(epoch from d.ended_at - s.captured_at)::float8 as n
    from deliveries d join signals s on s.id = d.loop_id where d.purpose = 'receipt' and d.state = 'sent' and s.id = any($1)`, ids);
  // The next ladder is planned by the story as soon as it has seen the acknowledgement; until then its wake stands in the way.
  const waiting = await numbers(db, `select extract(epoch from clock_timestamp() - since)::float8 as n from wakes where loop_id = any($1)`, ids);
  const metrics = await (await fetch(`${heed.url}/metrics`)).text();
  const lag = quantileOf(metrics, 'heed_workflow_nudge_lag_seconds', 0.99);
  await db.end();
  await forget(heed);
  const slowest = Math.max(...thanks);
  return [
    { what: `${thanks.length} of ${ids.length} customers thanked, the slowest after`, measured: `${slowest.toFixed(1)} s`, goal: '≤ 60 s', holds: slowest <= 60 && thanks.length === ids.length },
    { what: 'p50 of the thanks', measured: `${percentile(thanks, 0.5).toFixed(1)} s`, goal: 'none', holds: true },
    { what: 'a response carried to its story, p99', measured: lag, goal: '≤ 1 s', holds: Number.parseFloat(lag) <= 1 },
    { what: 'wakes still waiting at the end', measured: String(waiting.length), goal: '0', holds: waiting.length === 0 },
  ];
}

async function numbers(db: pg.Client, query: string, ids: string[]): Promise<number[]> {
  const { rows } = await db.query<{ n: number }>(query, [ids]);
  return rows.map(({ n }) => n);
}

/** The upper bound of the bucket in which the share lies. */
function quantileOf(metrics: string, name: string, share: number): string {
  const buckets = [...metrics.matchAll(new RegExp(`^${name}_bucket\\{[^}]*le="([^"]+)"[^}]*\\} (\\d+)`, 'gm'))].map(([, le, count]) => ({ le: le!, count: Number(count) }));
  const total = buckets.at(-1)?.count ?? 0;
  const found = buckets.find(({ count }) => count >= total * share);
  return total === 0 ? 'no response was carried' : `≤ ${found?.le} s`;
}
