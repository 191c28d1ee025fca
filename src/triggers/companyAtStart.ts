/** Whose Heed it is, when all of it is started in one: the company of the file, the one that is there, or else the sample. */

import { readFile } from 'node:fs/promises';
import { ConfigError } from '../config.ts';
import { explainProblems, readCompany } from '../domain/companyFile.ts';
import type { Pool } from '../store/pool.ts';
import { applyConfiguration, isBlank, madeFrom } from '../store/records/configurations.ts';
import { loadSampleHistory } from './sampleHistory.ts';

/** Who applied it, where nobody typed `heed apply`. */
const byStart = 'npm start';

const sample = new URL('../../samples/demo.yaml', import.meta.url);

/** Applies the company file, if one is named, unless it was in force before and somebody put another in its place since: then it says so. A blank
 *  installation that has none gets the sample company with its history. Throws a sentence when the file can't be read or is not sound, and whatever
 *  keeps it from being known what is there. */
export async function applyCompany(
  pool: Pool,
  { companyFile }: { companyFile: string | undefined },
  say: (sentence: string) => void,
): Promise<void> {
  const file = companyFile ?? ((await isBlank(pool)) ? sample : undefined);
  if (!file) return;
  const yaml = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`The company file ${String(file)} can't be read. Correct HEED_CONFIG.`, { cause });
  });
  // What is in force was read when it was applied. To read it takes as long as all the rest of a start.
  const made = await madeFrom(pool, yaml);
  if (made && made.version === made.latest) return;
  // Somebody else put another in its place, and nobody asked for this one back: whoever has left since would be let in again, and who has come be
  // shut out. Where the start itself did, from this file or the one named then, the file is what says who works here: an edit was taken back.
  if (made && made.latest_by !== byStart) {
    say(
      `${String(file)} is version ${made.version}, and version ${made.latest} took its place: that stays in force. To put this one back: heed apply ${String(file)}`,
    );
    return;
  }
  const read = readCompany(yaml);
  if ('problems' in read) throw new ConfigError(explainProblems(String(file), read.problems));
  const applied = await pool.transaction((tx) => applyConfiguration(tx, { yaml, company: read.company, by: byStart }));
  if (file === sample && applied.changed) {
    await loadSampleHistory(pool, { company: read.company, configuration: applied.version, now: new Date() });
  } else if (applied.changed) say(`Applied ${String(file)} as version ${applied.version}.`);
}
