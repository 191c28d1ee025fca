/** Backups by themselves, for a Postgres that nobody else backs up: at most five minutes can be lost. */

import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Credential } from '../domain/credential.ts';
import { backUp, unfinished } from './backup.ts';
import { connect } from './connection.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** `everyMs` is half a minute less than what is promised, because what is said while one is written is not in it. One that failed is tried
 *  again after `againMs`; in between it is looked every `lookMs`. Where nothing is recorded the last is followed by another after `dailyMs`,
 *  or it would outlive its time. */
export const rhythm = { everyMs: 4.5 * 60_000, againMs: 60_000, lookMs: 5_000, dailyMs: day };

/**
 * A backup at the start, then whenever something was recorded since the last, in the rhythm above, counted from begin to begin, and once a day
 * in any case. Kept are those of the last hour, one an hour for a day, one a day for thirty; what is too much goes whether one could be made or
 * not. `say` is told when they begin to fail, and when they are made again. Returns what ends it.
 */
export function keepBackups(
  databaseUrl: Credential,
  folder: string,
  say: (sentence: string) => void,
  changed: Partial<typeof rhythm> = {},
): { stop(): Promise<void> } {
  const { everyMs, againMs, lookMs, dailyMs } = { ...rhythm, ...changed };
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
    let madeAt = -Infinity;
    let began: Date | undefined;
    let failing = false;
    for (let next = -Infinity; !stopped; await pause(lookMs)) {
      // By a clock that nobody sets: after one that was ahead is set back, none would be made until that time has come.
      const at = performance.now();
      if (at < next) continue;
      const now = new Date();
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        try {
          const state = await stateOf(databaseUrl);
          began = state.began;
          if (state.changes !== before || at - madeAt >= dailyMs) {
            await backUp(databaseUrl, join(folder, nameAt(now)));
            next = at + everyMs;
            before = state.changes;
            madeAt = at;
          }
        } finally {
          // In any case: a folder that has filled the disk gets smaller by nothing else, and who was erased is in what has passed its time. As
          // long as the database was never reached, nobody knows which of them are of another.
          if (began) await thinOut(folder, now, { began, made: madeAt === at });
        }
        if (failing) say('Backups are made again.');
        failing = false;
      } catch (error) {
        next = performance.now() + againMs;
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
async function stateOf(databaseUrl: Credential): Promise<{ changes: string; began: Date }> {
  const client = await connect(databaseUrl, 'heed-backup');
  try {
    const { rows } = await client.query<{ changes: string; began: Date }>(
      `select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text as changes,
         (select min(run_on)::timestamptz from migrations) as began
       from pg_stat_user_tables where relname not in ('engines', 'cleanings', 'collectors')`,
    );
    return rows[0]!;
  } finally {
    await client.end();
  }
}

/** Also what was left behind by one that was killed: it holds what customers said, and nobody would ever look at it. Unless one was just made,
 *  so that nobody else is at it, it may still be being written for an hour. */
async function thinOut(folder: string, now: Date, { began, made }: { began: Date; made: boolean }): Promise<void> {
  const files = await readdir(folder);
  const left = files.filter((file) => {
    const at = file.endsWith(unfinished) && timeIn(file.slice(0, -unfinished.length));
    return at && (made || now.getTime() - at.getTime() > hour);
  });
  for (const file of [...tooMany(files, now, began), ...left]) await rm(join(folder, file), { force: true });
}

/**
 * Of these files those that need not be kept at `now` (UTC): an hour whole, a day by the hour, thirty days by the day; the latest of each. The
 * newest of all stays, however old. What is older than this database counts by itself: a blank one that has come in place of one that was lost
 * takes no room from its backups.
 */
export function tooMany(names: readonly string[], now: Date, began: Date): string[] {
  const kept = new Set<string>();
  return names
    .filter((name) => timeIn(name))
    .toSorted()
    .toReversed()
    .filter((name, n) => {
      const at = timeIn(name)!;
      const age = now.getTime() - at.getTime();
      if (age <= hour) return false;
      if (age > 30 * day) return n > 0;
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
