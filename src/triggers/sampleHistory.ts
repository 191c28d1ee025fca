/** Ninety days of sample history, so that lists, plots and the first screen mean something before anybody has captured anything. Sample loops
 *  never wake, prompt or write to anybody, and are never mixed with real ones. */

import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { Company } from '../domain/company.ts';
import { DomainError } from '../domain/errors.ts';
import { deleteSamples, hasSamples, recordSampleFacts } from '../store/records/samples.ts';
import { sql, type Pool, type Tx } from '../store/pool.ts';
import { History, sampleFacts } from './sampleStories.ts';

/** Loads it once, ending at `now` (UTC); with sample loops already there it does nothing and counts 0. Throws `validation` when the company
 *  lacks a place or person of samples/history.yaml. */
export async function loadSampleHistory(
  pool: Pool,
  of: { company: Company; configuration: number; now: Date },
): Promise<{ signals: number; insights: number }> {
  const history = await readHistory();
  mustFit(history, of.company);
  return pool.transaction(async (tx) => {
    await oneAtATime(tx);
    if (await hasSamples(tx)) return { signals: 0, insights: 0 };
    const facts = sampleFacts(history, of);
    await recordSampleFacts(tx, facts);
    return { signals: facts.signals?.length ?? 0, insights: facts.insights?.length ?? 0 };
  });
}

/** Takes all of it away; whatever the company's own people and customers did stays. Returns how many loops it removed. */
export async function clearSampleHistory(pool: Pool): Promise<number> {
  return pool.transaction(async (tx) => {
    await oneAtATime(tx);
    return deleteSamples(tx);
  });
}

async function readHistory(): Promise<History> {
  return History.parse(parse(await readFile(new URL('../../samples/history.yaml', import.meta.url), 'utf8')));
}

function mustFit({ remarks }: History, company: Company): void {
  for (const { place, by } of remarks) {
    if (place && !company.places[place])
      throw new DomainError(
        'validation',
        `The sample history belongs to samples/demo.yaml: this company has no place "${place}".`,
      );
    if (by && !company.staff[by])
      throw new DomainError(
        'validation',
        `The sample history belongs to samples/demo.yaml: nobody here is called "${by}".`,
      );
  }
}

async function oneAtATime(tx: Tx): Promise<void> {
  await tx.query(sql.unsafe`select pg_advisory_xact_lock(hashtext('heed.samples'))`);
}
