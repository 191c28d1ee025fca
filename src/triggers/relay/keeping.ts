/** What the relay does beside carrying: it links facts to the chain, and once a day lets go of what is kept no longer. */

import type { Credential } from '../../domain/credential.ts';
import type { Log } from '../../log.ts';
import { chainFacts } from '../../store/records/chain.ts';
import { scrub } from '../../store/scrub.ts';
import type { Pool } from '../../store/pool.ts';
import { openConfigurations } from '../../store/records/configurations.ts';
import { letGo } from '../rights/letGo.ts';
import { codeOf } from './codeOf.ts';

export interface Keeping {
  pool: Pool;
  databaseUrl: Credential;
  log: Log;
}

/** Linked a second after it was recorded at the latest, in portions that hold nobody up. */
const chainEveryMs = 1_000;
const linksAtOnce = 500;
/** Whether a day has passed is asked this often. */
const letGoEveryMs = 600_000;

/** Runs until `stopping`; `idle` waits, and ends early when it does. */
export async function keepChain(
  { pool, log }: Keeping,
  stopping: () => boolean,
  idle: (ms: number) => Promise<void>,
): Promise<void> {
  while (!stopping()) {
    try {
      if ((await chainFacts(pool, linksAtOnce)) === linksAtOnce) continue;
    } catch (error) {
      log.warn({ code: codeOf(error) }, 'Facts could not be chained; they wait, and are chained later.');
    }
    await idle(chainEveryMs);
  }
}

/** The same, for what is kept no longer. What is deleted leaves the disk, too. */
export async function keepNoLonger(
  { pool, databaseUrl, log }: Keeping,
  stopping: () => boolean,
  idle: (ms: number) => Promise<void>,
): Promise<void> {
  const configuration = openConfigurations(pool);
  while (!stopping()) {
    try {
      const gone = await letGo({ pool, configuration }, () => scrub(databaseUrl));
      if (gone) log.info({ ...gone }, 'What is kept no longer has been let go.');
    } catch (error) {
      log.warn({ code: codeOf(error) }, 'What is kept no longer could not be let go; it is tried again.');
    }
    await idle(letGoEveryMs);
  }
}
