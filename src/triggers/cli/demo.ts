/** heed demo: the sample company's ninety days, so that a look around means something; and taking them away again. */

import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { readCompany } from '../../domain/companyFile.ts';
import { applyConfiguration, isBlank } from '../../store/records/configurations.ts';
import { momentOf } from '../../store/records/clock.ts';
import type { Pool } from '../../store/pool.ts';
import type { Heed } from '../heed.ts';
import { clearSampleHistory, loadSampleHistory } from '../sampleHistory.ts';
import { inPlace } from './place.ts';
import { sayJson, type Terminal } from './terminal.ts';

export function addDemo(program: Command, terminal: Terminal): void {
  program
    .command('demo')
    .description('load ninety days of sample history, which never wakes, prompts or writes to anybody')
    .option('--clear', 'take it away again; what your own people did stays')
    .option('--json', 'for programs')
    .action(async ({ clear, json }: { clear?: boolean; json?: boolean }) => {
      await inPlace(terminal.config(), async ({ heed, pool }) => {
        if (clear) {
          const cleared = await clearSampleHistory(pool);
          if (json) sayJson(terminal, { cleared });
          else
            terminal.say(
              cleared === 0 ? 'There was no sample history.' : `The sample history is gone: ${cleared} loops.`,
            );
          return;
        }
        const { company, version } = await companyFor(heed, pool, terminal.account);
        const loaded = await loadSampleHistory(pool, { company, configuration: version, now: await momentOf(pool) });
        if (json) sayJson(terminal, loaded);
        else if (loaded.signals === 0)
          terminal.say('The sample history is there already. heed demo --clear takes it away.');
        else
          terminal.say(
            `Loaded ${loaded.signals} signals and ${loaded.insights} insights of sample history, each marked as such.`,
          );
      });
    });
}

/** The company in force; the sample company where none is yet. */
async function companyFor(heed: Heed, pool: Pool, by: string): ReturnType<Heed['configuration']> {
  if (!(await isBlank(pool))) return heed.configuration();
  const yaml = await readFile(new URL('../../../samples/demo.yaml', import.meta.url), 'utf8');
  const read = readCompany(yaml);
  if ('problems' in read) throw new Error('samples/demo.yaml is not sound. heed check samples/demo.yaml explains.');
  await pool.transaction((tx) => applyConfiguration(tx, { yaml, company: read.company, by }));
  return heed.configuration();
}
