/** Backups by themselves, for a Postgres that nobody else backs up: at most five minutes can be lost. */

import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { backUp } from './backup.ts';

const everyMs = 5 * 60_000;
/** Begun anew this often while nothing has changed, it is only looked. */
const lookMs = 5_000;

/**
 * A backup at the start, then whenever something was recorded since the last, every five minutes counted from begin to begin. Kept are those of
 * the last hour, one an hour for a day, one a day for thirty. `say` is told when one fails. Returns what ends it.
 */
export function keepBackups(
  databaseUrl: string,
  folder: string,
  say: (sentence: string) => void,
): { stop(): Promise<void> } {
  const stopping = Promise.withResolvers<void>();
  let stopped = false;
  const pause = (ms: number): Promise<unknown> => {
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((done) => {
      timer = setTimeout(done, ms);
    });
    return Promise.race([waited, stopping.promise]).finally(() => clearTimeout(timer));
  };
  const running = (async () => {
    let before: string | undefined;
    let told = false;
    let next = Date.now();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    while (!stopped) {
      try {
        const now = Date.now();
        if (now >= next) {
          const changes = await changesIn(databaseUrl);
          if (changes !== before) {
            next = now + everyMs;
            await backUp(databaseUrl, join(folder, nameAt(new Date(now))));
            before = changes;
            await thinOut(folder, new Date(now));
          }
        }
        told = false;
      } catch (error) {
        if (!told) say(`A backup could not be made: ${error instanceof Error ? error.message : String(error)}`);
        told = true;
      }
      await pause(lookMs);
    }
  })();
  return {
    stop() {
      stopped = true;
      stopping.resolve();
      return running;
    },
  };
}

/** heed-2026-11-28T01-40-05Z.backup */
export const nameAt = (at: Date): string => `heed-${at.toISOString().slice(0, 19).replaceAll(':', '-')}Z.backup`;

/** A number that changes when any row does, but for the relay's own notes. */
async function changesIn(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'heed-backup' });
  await client.connect();
  try {
    const { rows } = await client.query<{ changes: string }>(
      `select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text as changes
       from pg_stat_user_tables where relname not in ('engines', 'cleanings')`,
    );
    return rows[0]!.changes;
  } finally {
    await client.end();
  }
}

async function thinOut(folder: string, now: Date): Promise<void> {
  const names = (await readdir(folder)).filter((name) => timeIn(name));
  for (const name of tooMany(names, now)) await rm(join(folder, name), { force: true });
}

/** Of these files those that need not be kept at `now` (UTC): an hour whole, a day by the hour, thirty days by the day; the latest of each. */
export function tooMany(names: readonly string[], now: Date): string[] {
  const kept = new Set<string>();
  return names
    .toSorted()
    .toReversed()
    .filter((name) => {
      const at = timeIn(name);
      if (!at) return false;
      const age = now.getTime() - at.getTime();
      if (age <= hour) return false;
      if (age > 30 * day) return true;
      const slot = at.toISOString().slice(0, age <= day ? 13 : 10);
      if (kept.has(slot)) return true;
      kept.add(slot);
      return false;
    });
}

function timeIn(name: string): Date | undefined {
  const match = /^heed-(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z\.backup$/.exec(name);
  return match ? new Date(`${match[1]}T${match[2]}:${match[3]}:${match[4]}Z`) : undefined;
}

const hour = 3_600_000;
const day = 24 * hour;
