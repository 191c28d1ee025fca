/** heed backup and heed restore: everything Heed knows in one file, and back again. */

import { dirname, resolve } from 'node:path';
import { mkdir } from 'node:fs/promises';
import type { Command } from 'commander';
// oxlint-disable-next-line no-restricted-imports -- a Heed that was stopped has no server, and its data is restored into that server
import { defaultDataDir, startPostgres } from '../../embedded/postgres.ts';
import { elapsedInWords } from '../../domain/moments.ts';
import { backUp } from '../../store/backup.ts';
import { restore } from '../../store/restore.ts';
import { findDatabase } from './place.ts';
import { sayJson, type Terminal } from './terminal.ts';

export function addBackup(program: Command, terminal: Terminal): void {
  program
    .command('backup')
    .argument('<file>', 'where to write it; by name it should end in .backup')
    .description('write everything Heed knows to one file, for this account alone, while it goes on working')
    .option('--json', 'for programs')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const { databaseUrl } = await findDatabase(terminal.config());
      const file = resolve(terminal.folder(), name);
      await mkdir(dirname(file), { recursive: true });
      const made = await backUp(databaseUrl, file);
      if (json) sayJson(terminal, made);
      else
        terminal.say(
          `${file}: ${made.tables} tables, ${(made.bytes / 1e6).toFixed(1)} MB. It holds what customers said: keep it as you keep that.`,
        );
    });

  program
    .command('restore')
    .argument('<file>', 'a backup')
    .description('bring a backup back into a blank database; what was erased since it was made is erased again')
    .option('--replace', 'in place of what the database holds, which is lost')
    .option(
      '--erasures <file...>',
      'later backups, for what was erased since; those in the same folder are read anyway',
    )
    .option('--json', 'for programs')
    .action(async (name: string, asked: { replace?: boolean; erasures?: string[]; json?: boolean }) => {
      const config = terminal.config();
      const file = resolve(terminal.folder(), name);
      const erasuresFrom = (asked.erasures ?? []).map((one) => resolve(terminal.folder(), one));
      // Throws the sentence that says so while a Heed is running on it.
      const own = config.databaseUrl
        ? undefined
        : await startPostgres({ dataDir: config.dataDir ?? defaultDataDir(config.home) });
      try {
        const done = await restore(own?.url ?? config.databaseUrl!, file, {
          replace: asked.replace ?? false,
          erasuresFrom,
        });
        if (asked.json) sayJson(terminal, done);
        else
          for (const line of [
            `Restored as of ${done.takenAt.toISOString()}, ${elapsedInWords(done.takenAt, new Date())} ago: what was recorded since is lost.`,
            `${done.tables} tables. ${done.erasedAgain} later erasures were carried out again.`,
            `${done.loops} open loops are woken as soon as the relay runs. ${done.messages} messages may have been sent since, ${done.letters} of them letters: they are in doubt until that is settled.`,
            'The chain of facts ends where the backup did: put the old anchor away, then take a new one: heed audit --anchor FILE.',
          ])
            terminal.say(line);
      } finally {
        await own?.stop();
      }
    });
}
