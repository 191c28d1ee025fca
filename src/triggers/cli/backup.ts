/** heed backup and heed restore: everything Heed knows in one file, and back again. */

import { dirname, resolve } from 'node:path';
import { lstat, mkdir } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Config } from '../../config.ts';
// oxlint-disable-next-line no-restricted-imports -- a Heed that was stopped has no server, and its data is restored into that server
import { defaultDataDir, startPostgres } from '../../embedded/postgres.ts';
import type { Credential } from '../../domain/credential.ts';
import { DomainError } from '../../domain/errors.ts';
import { elapsedInWords } from '../../domain/moments.ts';
import { backUp, readHeader } from '../../store/backup.ts';
import { restore, type Restored } from '../../store/restore.ts';
import { setPassword } from '../../store/workingRole.ts';
import { stopAll, stoppedWhenUp, toldToEnd, type Stop } from '../../stops.ts';
import { doorsOfBefore } from './doors.ts';
import { anotherHeed, findDatabase } from './place.ts';
import { sayJson, type Terminal } from './terminal.ts';

export function addBackup(program: Command, terminal: Terminal): void {
  program
    .command('backup')
    .argument('<file>', 'where to write it; by name it should end in .backup, or .erasures for those only')
    .description('write everything Heed knows to one file, for this account alone, while it goes on working')
    .option(
      '--erasures-only',
      'only what was erased, objected to and revoked: for heed restored, where something else backs up the database',
    )
    .option('--json', 'for programs')
    .action(async (name: string, { erasuresOnly, json }: { erasuresOnly?: boolean; json?: boolean }) => {
      const { databaseUrl } = await findDatabase(terminal.config());
      const file = resolve(terminal.folder(), name);
      await leaveOthersBe(file);
      await mkdir(dirname(file), { recursive: true });
      const made = await backUp(databaseUrl, file, { erasuresOnly: erasuresOnly ?? false });
      if (json) sayJson(terminal, made);
      else if (erasuresOnly)
        terminal.say(
          `${file}: what was erased, objected to and revoked until now, without any words. Keep it apart from the database.`,
        );
      else
        terminal.say(
          `${file}: ${made.tables} tables, ${(made.bytes / 1e6).toFixed(1)} MB. It holds what customers said: keep it as you keep that.`,
        );
    });

  program
    .command('restore')
    .argument('<file>', 'a backup')
    .description(
      'bring a backup back into a blank database; what was erased, objected to or revoked since it was made is so again',
    )
    .option('--replace', 'in place of what the database holds, which is lost')
    .option(
      '--erasures <file...>',
      'later backups, for what was erased, objected to and revoked since; those in the same folder are read anyway',
    )
    .option('--json', 'for programs')
    .action(async (name: string, asked: { replace?: boolean; erasures?: string[]; json?: boolean }) => {
      const config = terminal.config();
      // A folder that is named is meant; the one it would be otherwise may be anybody's.
      if (!config.dataDir && anotherHeed(config, terminal))
        throw new DomainError(
          'conflict',
          'Nothing was restored. Type it as said above, or name the place you mean: HEED_DATA_DIR=… or DATABASE_URL=…',
        );
      const file = resolve(terminal.folder(), name);
      const erasuresFrom = (asked.erasures ?? []).map((one) => resolve(terminal.folder(), one));
      const into = (ownerUrl: Credential, databaseUrl = ownerUrl): Promise<Restored> =>
        restore(ownerUrl, file, { replace: asked.replace ?? false, erasuresFrom, databaseUrl });
      const done = await (config.databaseUrl
        ? into(config.databaseOwnerUrl ?? config.databaseUrl, config.databaseUrl)
        : onOwnServer(config, terminal, into));
      if (asked.json) sayJson(terminal, done);
      else
        for (const line of [
          `Restored as of ${done.takenAt.toISOString()}, ${elapsedInWords(done.takenAt, new Date())} ago: what was recorded since is lost.`,
          `${done.tables} tables. ${done.erasedAgain} later erasures were carried out again; ${done.heldAgain} later objections, rests, "not me" and revocations of keys hold again.`,
          `${done.loops} open loops are woken as soon as the relay runs. ${done.messages} messages may have been sent since, ${done.letters} of them letters: they are in doubt until that is settled.`,
          'The chain of facts ends where the backup did: put the old anchor away, then take a new one: heed audit --anchor FILE.',
          ...doorsOfBefore,
        ])
          terminal.say(line);
    });
}

/** A backup takes the place of an earlier one, or of a blank file that waits for it, and of nothing else: a company file that it took the place of
 *  is gone, and /dev/stdout, by the account of a container, is a file from then on. */
async function leaveOthersBe(file: string): Promise<void> {
  const there = await lstat(file).catch(() => undefined);
  const isBackup = async (): Promise<boolean> =>
    there?.size === 0 ||
    readHeader(file).then(
      () => true,
      () => false,
    );
  if (!there || (there.isFile() && (await isBackup()))) return;
  throw new DomainError(
    'conflict',
    `${file} is there already, and is no backup that this version can read, so it stays as it is. Give the backup a name of its own.`,
  );
}

/** The server of a Heed that was stopped, started for as long as this takes. No terminal reaches it, so when we are told to end it is ours to stop.
 *  Throws the sentence that says so while a Heed is running on it. */
async function onOwnServer(
  { dataDir, home }: Config,
  terminal: Terminal,
  act: (ownerUrl: string) => Promise<Restored>,
): Promise<Restored> {
  const stops: Stop[] = [];
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopAll(stops, terminal.complain));
  let told = false;
  const hear = (): void => {
    told = true;
    void stop();
  };
  for (const signal of toldToEnd) process.on(signal, hear);
  try {
    const starting = startPostgres({ dataDir: dataDir ?? defaultDataDir(home), setPassword });
    return await act((await stoppedWhenUp(starting, 'Postgres', stops)).url);
  } catch (cause) {
    if (!told) throw cause;
    throw new Error('Broken off. What was there is not lost; restore again before Heed is started.', { cause });
  } finally {
    await stop();
    for (const signal of toldToEnd) process.off(signal, hear);
  }
}
