/** Sample history: many backdated facts written at once, and taken away again with all that only they refer to. */

import { sql, type Db, type Tx } from '../pool.ts';
import { FoundRow } from '../rows.ts';

/** What a sample story may record, in the order in which the rows may refer to each other. */
const columns = {
  customers: { id: 'uuid', name: 'text', sample: 'bool', created_at: 'timestamptz' },
  identities: {
    id: 'uuid',
    customer_id: 'uuid',
    kind: 'text',
    value: 'text',
    normalised: 'text',
    added_at: 'timestamptz',
  },
  loops: { id: 'uuid', kind: 'text', place: 'text', sample: 'bool', opened_at: 'timestamptz' },
  rounds: { loop_id: 'uuid', round: 'int4', level: 'int4', cause: 'text', opened_at: 'timestamptz' },
  signals: {
    id: 'uuid',
    reference: 'text',
    channel: 'text',
    captured_by: 'text',
    customer_id: 'uuid',
    mood: 'text',
    taken: 'text',
    said_at: 'timestamptz',
    captured_at: 'timestamptz',
  },
  words: { signal_id: 'uuid', words: 'text', unmet: 'text', offered: 'text' },
  signal_attributes: { signal_id: 'uuid', name: 'text', value: 'text' },
  consents: {
    id: 'uuid',
    signal_id: 'uuid',
    customer_id: 'uuid',
    purpose: 'text',
    channel: 'text',
    wording: 'text',
    recorded_by: 'text',
    given_at: 'timestamptz',
  },
  ownerships: {
    id: 'uuid',
    loop_id: 'uuid',
    round: 'int4',
    staff: 'text',
    cause: 'text',
    reason: 'text',
    by: 'text',
    configuration: 'int4',
    started_at: 'timestamptz',
    ended_at: 'timestamptz',
  },
  triages: {
    signal_id: 'uuid',
    verdict: 'text',
    course: 'text',
    kind: 'text',
    priority: 'int4',
    rule: 'text',
    why: 'text',
    reason: 'text',
    configuration: 'int4',
    triaged_at: 'timestamptz',
  },
  reviews: {
    signal_id: 'uuid',
    verdict: 'text',
    course: 'text',
    kind: 'text',
    reason: 'text',
    by: 'text',
    reviewed_at: 'timestamptz',
  },
  enrichments: {
    signal_id: 'uuid',
    earlier: 'int4',
    owed: 'int4',
    asked_the_same: 'int4',
    enriched_at: 'timestamptz',
  },
  insights: {
    id: 'uuid',
    reference: 'text',
    kind: 'text',
    sameness_key: 'text',
    attributes: 'jsonb',
    decide_by: 'timestamptz',
    configuration: 'int4',
    opened_at: 'timestamptz',
  },
  insight_signals: { insight_id: 'uuid', signal_id: 'uuid', joined_at: 'timestamptz' },
  decisions: {
    id: 'uuid',
    insight_id: 'uuid',
    version: 'int4',
    outcome: 'text',
    scope: 'text',
    reason: 'text',
    internal_reason: 'text',
    done_by: 'date',
    wake_at: 'timestamptz',
    until_people: 'int4',
    by: 'text',
    decided_at: 'timestamptz',
    final_at: 'timestamptz',
  },
  decision_evidence: { decision_id: 'uuid', signal_id: 'uuid' },
  completions: { decision_id: 'uuid', evidence: 'text', by: 'text', completed_at: 'timestamptz' },
  acknowledgements: {
    id: 'uuid',
    loop_id: 'uuid',
    round: 'int4',
    ownership_id: 'uuid',
    by: 'text',
    acknowledged_at: 'timestamptz',
  },
  follow_ups: {
    id: 'uuid',
    loop_id: 'uuid',
    round: 'int4',
    channel: 'text',
    by: 'text',
    rule: 'text',
    final: 'bool',
    followed_up_at: 'timestamptz',
  },
  calls: {
    id: 'uuid',
    loop_id: 'uuid',
    round: 'int4',
    purpose: 'text',
    outcome: 'text',
    by: 'text',
    called_at: 'timestamptz',
  },
  promises: {
    id: 'uuid',
    loop_id: 'uuid',
    follow_up_id: 'uuid',
    due_on: 'date',
    due_at: 'timestamptz',
    promised_at: 'timestamptz',
  },
  tellings: {
    id: 'uuid',
    decision_id: 'uuid',
    signal_id: 'uuid',
    customer_id: 'uuid',
    staff: 'text',
    channel: 'text',
    told_at: 'timestamptz',
  },
  told_signals: {
    decision_id: 'uuid',
    signal_id: 'uuid',
    telling_id: 'uuid',
    reason: 'text',
    settled_at: 'timestamptz',
  },
  confirmations: {
    id: 'uuid',
    loop_id: 'uuid',
    round: 'int4',
    says: 'text',
    question: 'text',
    words: 'text',
    late: 'bool',
    confirmed_at: 'timestamptz',
  },
  closures: {
    id: 'uuid',
    loop_id: 'uuid',
    round: 'int4',
    how: 'text',
    by: 'text',
    rule: 'text',
    reason: 'text',
    closed_at: 'timestamptz',
  },
  plans: {
    id: 'uuid',
    loop_id: 'uuid',
    round: 'int4',
    wait: 'text',
    clock: 'text',
    occasion: 'uuid',
    counted_from: 'timestamptz',
    configuration: 'int4',
    planned_at: 'timestamptz',
  },
  rungs: { plan_id: 'uuid', step: 'int4', repeat: 'int4', role: 'text', due_at: 'timestamptz' },
  escalations: {
    plan_id: 'uuid',
    step: 'int4',
    repeat: 'int4',
    staff: 'text',
    reason: 'text',
    taken_at: 'timestamptz',
  },
} as const;

type Columns = typeof columns;
export type SampleTable = keyof Columns;
type Value = string | number | boolean | Date | Record<string, string> | null;
/** A row of one of these tables; a column left out is null. */
export type SampleRow<Table extends SampleTable> = { -readonly [Column in keyof Columns[Table]]?: Value };
export type SampleFacts = { [Table in SampleTable]?: SampleRow<Table>[] };

export function hasSamples(db: Db): Promise<boolean> {
  return db.oneFirst(sql.type(FoundRow)`select exists (select from loops where sample) as found`);
}

/** One statement a table, in the order above. What has not been decided can be joined, unless a live insight holds its key. */
export async function recordSampleFacts(tx: Tx, facts: SampleFacts): Promise<void> {
  await apartFromTheChain(tx);
  for (const [table, types] of Object.entries(columns)) {
    const rows = (facts[table as SampleTable] ?? []) as Record<string, Value | undefined>[];
    const names = Object.keys(types);
    const list = sql.join(
      names.map((name) => sql.identifier([name])),
      sql.fragment`, `,
    );
    const values = sql.unnest(
      rows.map((row) => names.map((name) => asParameter(row[name]))),
      Object.values(types),
    );
    await tx.query(
      sql.unsafe`insert into ${sql.identifier([table])} (${list}) select * from ${values} as given (${list})`,
    );
  }
  await tx.query(sql.unsafe`
    insert into open_insights (sameness_key, insight_id)
    select i.sameness_key, i.id from insights i
    where i.id in (select id from loops where sample)
      and not exists (select from decisions d where d.insight_id = i.id and d.outcome <> 'deferred')
    on conflict do nothing`);
}

function asParameter(value: Value | undefined): string | number | boolean | null {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value ?? null);
}

/** Deletes every sample loop and customer with all that refers to them. What others recorded since stays; only their mentions of samples
 *  go: signals a live insight had taken over, and that sample people were shown as told. Returns how many loops it removed. */
export async function deleteSamples(tx: Tx): Promise<number> {
  await apartFromTheChain(tx);
  const loops = sql.fragment`(select id from loops where sample)`;
  const decisions = sql.fragment`(select id from decisions where insight_id in ${loops})`;
  const plans = sql.fragment`(select id from plans where loop_id in ${loops})`;
  const customers = sql.fragment`(select id from customers where sample)`;
  for (const deletion of [
    sql.fragment`escalations where plan_id in ${plans}`,
    sql.fragment`rungs where plan_id in ${plans}`,
    sql.fragment`plans where loop_id in ${loops}`,
    sql.fragment`closures where loop_id in ${loops}`,
    sql.fragment`confirmations where loop_id in ${loops}`,
    sql.fragment`told_signals where signal_id in ${loops} or decision_id in ${decisions}`,
    sql.fragment`tellings where signal_id in ${loops} or decision_id in ${decisions}`,
    sql.fragment`promises where loop_id in ${loops}`,
    sql.fragment`calls where loop_id in ${loops}`,
    sql.fragment`follow_ups where loop_id in ${loops}`,
    sql.fragment`acknowledgements where loop_id in ${loops}`,
    sql.fragment`completions where decision_id in ${decisions}`,
    sql.fragment`withdrawals where decision_id in ${decisions}`,
    sql.fragment`decision_evidence where signal_id in ${loops} or decision_id in ${decisions}`,
    sql.fragment`decisions where insight_id in ${loops}`,
    sql.fragment`insight_signals where signal_id in ${loops} or insight_id in ${loops}`,
    sql.fragment`open_insights where insight_id in ${loops}`,
    sql.fragment`insights where id in ${loops}`,
    sql.fragment`enrichments where signal_id in ${loops}`,
    sql.fragment`reviews where signal_id in ${loops}`,
    sql.fragment`triages where signal_id in ${loops}`,
    sql.fragment`ownerships where loop_id in ${loops}`,
    sql.fragment`consents where signal_id in ${loops}`,
    sql.fragment`disavowals where signal_id in ${loops}`,
    sql.fragment`signal_attributes where signal_id in ${loops}`,
    sql.fragment`words where signal_id in ${loops}`,
    sql.fragment`signals where id in ${loops}`,
    sql.fragment`rounds where loop_id in ${loops}`,
    sql.fragment`repairs where loop_id in ${loops}`,
    sql.fragment`links where loop_id in ${loops} or customer_id in ${customers}`,
    sql.fragment`identities where customer_id in ${customers}`,
    sql.fragment`customers where sample`,
  ]) {
    await tx.query(sql.unsafe`delete from ${deletion}`);
  }
  const { rowCount } = await tx.query(sql.unsafe`delete from loops where sample`);
  return rowCount;
}

/** Facts stay and are chained; what a demonstration shows comes and goes. For this transaction alone. */
async function apartFromTheChain(tx: Tx): Promise<void> {
  await tx.query(sql.unsafe`select set_config('heed.may', 'samples', true)`);
}
