/** Backups by themselves, for a Postgres that nobody else backs up: at most five minutes can be lost. */

import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { backUp, unfinished } from './backup.ts';
import { connect } from './connection.ts';

/** `everyMs` is half a minute less than what is promised, because what is said while one is written is not in it. One that failed is tried
 *  again after `againMs`; in between it is looked every `lookMs`. */
const rhythm = { everyMs: 4.5 * 60_000, againMs: 60_000, lookMs: 5_000 };

/**
 * A backup at the start, then whenever something was recorded since the last, in the rhythm above, counted from begin to begin. Kept are those of
 * the last hour, one an hour for a day, one a day for thirty. `say` is told when they begin to fail, and when they are made again. Returns what
 * ends it.
 */
export function keepBackups(
  databaseUrl: string,
  folder: string,
  say: (sentence: string) => void,
  { everyMs, againMs, lookMs }: typeof rhythm = rhythm,
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
    let failing = false;
    for (let next = 0; !stopped; await pause(lookMs)) {
      const now = new Date();
      if (now.getTime() < next) continue;
      try {
        const { changes, began } = await stateOf(databaseUrl);
        if (changes !== before) {
          await mkdir(folder, { recursive: true, mode: 0o700 });
          await backUp(databaseUrl, join(folder, nameAt(now)));
          next = now.getTime() + everyMs;
          before = changes;
          await thinOut(folder, now, began);
        }
        if (failing) say('Backups are made again.');
        failing = false;
      } catch (error) {
        next = Date.now() + againMs;
        if (!failing) say(`A backup could not be made: ${error instanceof Error ? error.message : String(error)}`);
        failing = true;
      }
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

/** A number that changes when any row does, but for the relay's own notes; and when this database was made or restored. */
async function stateOf(databaseUrl: string): Promise<{ changes: string; began: Date }> {
  const client = await connect(databaseUrl, 'heed-backup');
  try {
    const { rows } = await client.query<{ changes: string; began: Date }>(
      `select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text as changes,
         (select min(run_on)::timestamptz from migrations) as began
       from pg_stat_user_tables where relname not in ('engines', 'cleanings')`,
    );
    return rows[0]!;
  } finally {
    await client.end();
  }
}

/** Also what was left behind by one that was killed: it holds what customers said, and nobody would ever look at it. */
async function thinOut(folder: string, now: Date, began: Date): Promise<void> {
  const files = await readdir(folder);
  const left = files.filter((file) => file.endsWith(unfinished) && timeIn(file.slice(0, -unfinished.length)));
  for (const file of [...tooMany(files, now, began), ...left]) await rm(join(folder, file), { force: true });
}

/**
 * Of these files those that need not be kept at `now` (UTC): an hour whole, a day by the hour, thirty days by the day; the latest of each. What
 * is older than this database counts by itself: a blank one that has come in place of one that was lost takes no room from its backups.
 */
export function tooMany(names: readonly string[], now: Date, began: Date): string[] {
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
      const slot = `${at < began ? 'before' : 'since'} ${at.toISOString().slice(0, age <= day ? 13 : 10)}`;
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
