/** Insights, and the signals that joined them. An open insight holds its sameness key; deciding it frees the key. */

import { z } from 'zod';
import { newReference } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { ReferenceRow } from '../rows.ts';

const AttributeRow = z.object({ name: z.string(), value: z.string() });
const Open = z.object({ id: z.string(), sample: z.boolean() });

/** The insight that signals of this key join now. */
export async function openInsightFor(db: Db, samenessKey: string): Promise<z.infer<typeof Open> | null> {
  return db.maybeOne(sql.type(Open)`
    select o.insight_id as id, l.sample from open_insights o join loops l on l.id = o.insight_id where o.sameness_key = ${samenessKey}`);
}

/** Two signals of one key at the same moment must not open two insights. */
export async function lockSameness(tx: Tx, samenessKey: string): Promise<void> {
  await tx.query(sql.unsafe`select pg_advisory_xact_lock(hashtext(${`insight:${samenessKey}`}))`);
}

export interface NewInsight {
  id: string;
  kind: string;
  samenessKey: string;
  attributes: Record<string, string>;
  decideBy: Date;
  configuration: number;
}

/** The loop must have been opened. Takes the key's slot: whoever comes second waits for the first and finds it taken. */
export async function recordInsight(tx: Tx, i: NewInsight): Promise<string> {
  for (let length = 4; ; length++) {
    const reference = newReference(length).replace('HD-', 'IN-');
    const recorded = await tx.maybeOneFirst(sql.type(ReferenceRow)`
      insert into insights (id, reference, kind, sameness_key, attributes, decide_by, configuration)
      values (${i.id}, ${reference}, ${i.kind}, ${i.samenessKey}, ${sql.jsonb(i.attributes)}, ${sql.timestamp(i.decideBy)}, ${i.configuration})
      on conflict (reference) do nothing returning reference`);
    if (recorded === null) continue;
    await tx.query(sql.unsafe`
      insert into open_insights (sameness_key, insight_id) values (${i.samenessKey}, ${i.id})
      on conflict (sameness_key) do update set insight_id = excluded.insight_id`);
    return recorded;
  }
}

/** A decided insight can't be joined; what comes later opens a successor. */
export async function freeSameness(tx: Tx, insightId: string): Promise<void> {
  await tx.query(sql.unsafe`delete from open_insights where insight_id = ${insightId}`);
}

/** Taking a decision back opens the insight again, unless a successor holds the key by now. */
export async function takeSamenessBack(tx: Tx, insightId: string): Promise<void> {
  await tx.query(sql.unsafe`
    insert into open_insights (sameness_key, insight_id) select sameness_key, id from insights where id = ${insightId}
    on conflict do nothing`);
}

/** Of these attributes those that one of `signals` (a query of their ids) has, too. */
export async function saidBy(
  db: Db,
  signals: ReturnType<typeof sql.fragment>,
  attributes: Record<string, string>,
): Promise<Record<string, string>> {
  const said = await db.any(sql.type(AttributeRow)`
    select distinct a.name, a.value
    from (${signals}) s (id)
    join signal_attributes a on a.signal_id = s.id
    join ${sql.unnest(Object.entries(attributes), ['text', 'text'])} as given (name, value) using (name, value)`);
  return Object.fromEntries(said.map(({ name, value }) => [name, value]));
}

/** Called by what is left of its title once what was typed there is erased. Nothing joins it by itself any more: it held the key by those words. A
 *  person can join to it what is similar, as long as they could before. */
export async function renameInsight(tx: Tx, insightId: string, attributes: Record<string, string>): Promise<void> {
  const key = `erased:${insightId}`;
  await tx.query(sql.unsafe`
    update insights set attributes = ${sql.jsonb(attributes)}, sameness_key = ${key} where id = ${insightId}`);
  await tx.query(sql.unsafe`update open_insights set sameness_key = ${key} where insight_id = ${insightId}`);
}

/** False when it had joined before. */
export async function joinInsight(tx: Tx, insightId: string, signalId: string, by: string | null): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    insert into insight_signals (insight_id, signal_id, joined_by) values (${insightId}, ${signalId}, ${by}) on conflict do nothing`);
  return rowCount === 1;
}

/** What a sample insight had gathered is taken over by the live one that a visitor's signal opens. */
export async function takeOverSamples(tx: Tx, fromInsightId: string, toInsightId: string): Promise<void> {
  await tx.query(sql.unsafe`
    insert into insight_signals (insight_id, signal_id, joined_at)
    select ${toInsightId}, signal_id, joined_at from insight_signals where insight_id = ${fromInsightId}
    on conflict do nothing`);
}
