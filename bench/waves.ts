/** One decision told to five thousand customers, while colleagues respond to other loops: how soon those responses are seen. */

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import type { Figure } from './main.ts';
import { forget, pause, percentile, startHeed, until, type Running } from './running.ts';
import { seenAfter } from './sustained.ts';

const contributors = 5_000;
/** Colleagues' responses while the wave runs, one a second. */
const responses = 90;

export async function waves(): Promise<Figure[]> {
  const company = await companyThatTellsAtOnce();
  const heed = await startHeed({ company });
  const insight = await insightWith(heed, contributors);
  const others = await otherLoops(heed, responses);
  await heed.post(`/v1/insights/${insight}/decision`, {
    by: 'tomas',
    outcome: 'declined',
    reason: 'Nobody weaves it.',
  });
  await until(async () => (await count(heed, 'select count(*)::integer as n from told_signals')) > 0);

  const began = performance.now();
  for (const [n, id] of others.entries()) {
    await heed.post(`/v1/signals/${id}/acknowledgement`, { by: 'priya' });
    await pause(Math.max(0, began + (n + 1) * 1000 - performance.now()));
  }
  const seconds = (performance.now() - began) / 1000;
  const told = await count(heed, 'select count(*)::integer as n from told_signals');
  const letters = await count(
    heed,
    `select count(*)::integer as n from deliveries where purpose = 'told' and state = 'sent'`,
  );
  await until(
    async () => (await count(heed, `select count(*)::integer as n from wakes where class = 'response'`)) === 0,
  );
  const seen = await seenAfter(heed, others);
  await forget(heed);
  await rm(company);
  const p99 = percentile(seen, 0.99);
  return [
    {
      what: `${told} of ${contributors} tellings written in ${seconds.toFixed(0)} s, letters sent meanwhile`,
      measured: `${(letters / seconds).toFixed(1)} a second`,
      goal: '≤ 10 a second',
      holds: letters / seconds <= 10.5,
    },
    {
      what: `${seen.length} of ${others.length} responses to other loops seen by their story meanwhile, p99`,
      measured: `${p99.toFixed(2)} s`,
      goal: '≤ 1 s',
      holds: p99 <= 1 && seen.length === others.length,
    },
    { what: 'p50 of the same', measured: `${percentile(seen, 0.5).toFixed(2)} s`, goal: 'none', holds: true },
  ];
}

/** The sample shop, with five seconds to take a decision back and nobody's quiet hours. */
async function companyThatTellsAtOnce(): Promise<string> {
  const yaml = (await readFile('samples/shop.yaml', 'utf8'))
    .replace(/^undo: .*$/m, 'undo: 5s')
    .replace(/^ *quiet_hours:.*\n/m, '');
  const path = join(tmpdir(), `heed-bench-waves-${process.pid}.yaml`);
  await writeFile(path, yaml);
  return path;
}

/** An insight that so many customers stand behind. The first comes the usual way; the others are written as they would be in the end, since
 *  opening five thousand stories, eight a second, is another measurement. */
async function insightWith(heed: Running, many: number): Promise<string> {
  const { body } = await heed.post('/v1/signals', {
    words: 'Do you have this coat in green, size 42?',
    kind: 'unmet-demand',
    place: 'high-street',
    by: 'mina',
    wanted: { item: 'coat', attributes: { colour: 'green' } },
  });
  const first = String(body['id']);
  let insight = '';
  await until(async () => {
    const { rows } = await heed.query<{ insight_id: string }>(
      'select insight_id from insight_signals where signal_id = $1',
      [first],
    );
    insight = rows[0]?.insight_id ?? '';
    return insight !== '';
  });
  await heed.query(
    `with people as (
       select gen_random_uuid() as signal_id, gen_random_uuid() as customer_id, n from generate_series(1, $2::integer) n
     ),
     c as (insert into customers (id, name) select customer_id, 'Kim ' || n from people),
     i as (insert into identities (id, customer_id, kind, value, normalised)
       select gen_random_uuid(), customer_id, 'email', 'wave-' || n || '@example.com', 'wave-' || n || '@example.com' from people),
     l as (insert into loops (id, kind, place) select signal_id, 'signal', 'high-street' from people),
     r as (insert into rounds (loop_id, round, cause) select signal_id, 1, 'opened' from people),
     s as (insert into signals (id, reference, channel, customer_id, said_at)
       select signal_id, 'WV-' || n, 'api', customer_id, heed_now() from people),
     w as (insert into words (signal_id, words) select signal_id, 'Do you have this coat in green?' from people),
     k as (insert into consents (id, signal_id, customer_id, purpose, channel, wording)
       select gen_random_uuid(), signal_id, customer_id, 'follow_up', 'email', 'bench' from people),
     t as (insert into triages (signal_id, verdict, course, kind, priority, rule, why, configuration)
       select p.signal_id, 'pursue', 'decide', x.kind, x.priority, x.rule, x.why, x.configuration from people p, triages x where x.signal_id = $1),
     o as (insert into ownerships (id, loop_id, round, staff, cause, reason, configuration)
       select gen_random_uuid(), p.signal_id, 1, x.staff, 'routed', x.reason, x.configuration
       from people p, ownerships x where x.loop_id = $1 and x.ended_at is null)
     insert into insight_signals (insight_id, signal_id) select $3, signal_id from people`,
    [first, many, insight],
  );
  await heed.query('analyze');
  return insight;
}

/** Complaints whose stories have come to where somebody may take them. */
async function otherLoops(heed: Running, many: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < many; n++) {
    const { body } = await heed.post('/v1/signals', {
      words: `Charged twice, number ${n}`,
      kind: 'complaint',
      place: 'high-street',
      by: 'mina',
    });
    ids.push(String(body['id']));
  }
  await until(
    async () =>
      (await count(heed, 'select count(distinct loop_id)::integer as n from plans where loop_id = any($1)', [ids])) ===
      many,
  );
  return ids;
}

async function count(heed: Running, text: string, values: unknown[] = []): Promise<number> {
  return (await heed.query<{ n: number }>(text, values)).rows[0]!.n;
}
