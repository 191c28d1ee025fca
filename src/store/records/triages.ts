/** How a signal was read: by rule once, by a person where the rules were unsure; and what we knew of the customer by then. */

import type { Course } from '../../domain/company.ts';
import type { Judgement } from '../../domain/triage.ts';
import { sql, type Tx } from '../pool.ts';

/** False when it had been read before. */
export async function recordTriage(tx: Tx, signalId: string, j: Judgement, configuration: number): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    insert into triages (signal_id, verdict, course, kind, priority, rule, why, reason, configuration)
    values (${signalId}, ${j.verdict}, ${j.course ?? null}, ${j.kind}, ${j.priority}, ${j.rule}, ${j.why}, ${j.reason ?? null}, ${configuration})
    on conflict (signal_id) do nothing`);
  return rowCount === 1;
}

export interface Review {
  signalId: string;
  verdict: 'pursue' | 'dismiss';
  course?: Course | undefined;
  kind?: string | undefined;
  priority?: number | undefined;
  reason?: string | undefined;
  by: string;
}

export async function recordReview(tx: Tx, r: Review): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    insert into reviews (signal_id, verdict, course, kind, priority, reason, by)
    values (${r.signalId}, ${r.verdict}, ${r.course ?? null}, ${r.kind ?? null}, ${r.priority ?? null}, ${r.reason ?? null}, ${r.by})
    on conflict (signal_id) do nothing`);
  return rowCount === 1;
}

/** Counts what is known at this moment and keeps it: this customer's earlier signals, what we still owe them, how many asked the same. */
export async function recordEnrichment(tx: Tx, signalId: string): Promise<void> {
  await tx.query(sql.unsafe`
    insert into enrichments (signal_id, earlier, owed, asked_the_same)
    select s.id,
      (select count(*) from signals e where e.customer_id = s.customer_id and e.id <> s.id and e.captured_at <= s.captured_at),
      (select count(*) from signals e join now.open_loops o on o.id = e.id where e.customer_id = s.customer_id and e.id <> s.id),
      -- Each attribute of theirs, whatever else was asked: found by its value, since there are ever more signals.
      (select count(*) from (
        select from signal_attributes a
        join signal_attributes same on same.name = a.name and same.value = a.value and same.signal_id <> a.signal_id
        where a.signal_id = s.id
        group by same.signal_id
        having count(*) = (select count(*) from signal_attributes a where a.signal_id = s.id)) as alike)
    from signals s where s.id = ${signalId}
    on conflict (signal_id) do nothing`);
}
