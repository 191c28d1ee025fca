/** Which Heed a command is about: the one named by DATABASE_URL, else the one that `npm start` runs on this machine. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import { asOfNow, type Credential } from '../../domain/credential.ts';
// oxlint-disable-next-line no-restricted-imports -- where npm start keeps its data is said there, once
import { defaultDataDir } from '../../embedded/postgres.ts';
import { migrationsMissing, mustNotBeLater } from '../../store/views/health.ts';
import { openPool, type Pool } from '../../store/pool.ts';
import { openConfigurations } from '../../store/records/configurations.ts';
import { isDatabaseTrouble } from '../../store/trouble.ts';
import { openHeed, type Heed } from '../heed.ts';
import type { Terminal } from './terminal.ts';

export interface Place {
  heed: Heed;
  pool: Pool;
  /** Where people reach the web, without a slash at the end. */
  publicUrl: string;
}

const Running = z.object({
  pid: z.number(),
  /** Not there where a file holds it: a copy would be out of date when that is renewed. */
  databaseUrl: z.string().optional(),
  ownerUrl: z.string().optional(),
  publicUrl: z.string(),
});
type Running = z.infer<typeof Running>;

/** Where the database is, for the work and for its owner. Throws a sentence saying how to name or start one. */
export async function findDatabase(
  config: Config,
): Promise<{ databaseUrl: Credential; ownerUrl: Credential; publicUrl: string }> {
  const { databaseUrl, publicUrl } = config;
  if (databaseUrl) return { databaseUrl, ownerUrl: config.databaseOwnerUrl ?? databaseUrl, publicUrl };
  const dataDir = config.dataDir ?? defaultDataDir(config.home);
  const running = await runningIn(dataDir);
  if (running && isAlive(running.pid)) {
    if (!running.databaseUrl)
      throw new Error(
        `The Heed that runs here (process ${running.pid}) reads from a file where its database is. Name that to this command, too: DATABASE_URL_FILE=…`,
      );
    return {
      databaseUrl: running.databaseUrl,
      ownerUrl: running.ownerUrl ?? running.databaseUrl,
      publicUrl: running.publicUrl,
    };
  }
  throw new Error(
    `No Heed runs here (looked in ${dataDir}). Start it with npm start, or name a database: DATABASE_URL=postgres://…`,
  );
}

/** Says that a Heed which was started with the file `.env` is not the one that is meant, where that names another place and is not read.
 *  Undefined where it does not, and where the environment names the database. */
export function anotherHeed({ databaseUrl }: Config, { leftUnread }: Pick<Terminal, 'leftUnread'>): string | undefined {
  const places = (leftUnread?.() ?? []).filter((name) => name === 'DATABASE_URL' || name === 'HEED_DATA_DIR');
  if (databaseUrl || places.length === 0) return undefined;
  return `The file .env sets ${places.join(' and ')} and is not read here: a Heed that was started with it is another than this. For that one: scripts/node --as-installed --env-file=.env src/triggers/cli/main.ts --in "$PWD" …`;
}

/** Does something with that Heed, and lets go of it. Throws a sentence when it can't be reached or its schema is of another version. */
export async function inPlace<T>(config: Config, act: (place: Place) => Promise<T>): Promise<T> {
  const { databaseUrl, publicUrl } = await findDatabase(config);
  const pool = await openPool(databaseUrl, { statementTimeoutMs: 30_000, connections: 4 }).catch((cause: unknown) => {
    throw unreachable(databaseUrl, cause);
  });
  try {
    const missing = await migrationsMissing(pool).catch((cause: unknown) => {
      if (isDatabaseTrouble(cause)) throw unreachable(databaseUrl, cause);
      return ['all'];
    });
    if (missing.length > 0) throw new Error('The database is not on this version yet. Run: heed migrate');
    await mustNotBeLater(pool);
    return await act({ heed: openHeed(pool, openConfigurations(pool)), pool, publicUrl });
  } finally {
    await pool.end();
  }
}

async function runningIn(dataDir: string): Promise<Running | undefined> {
  try {
    return Running.parse(JSON.parse(await readFile(join(dataDir, 'running.json'), 'utf8')));
  } catch {
    return undefined;
  }
}

/** After a crash the file is still there, and its process is not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** What to say where a database that was found can't be had. Its password is not said. */
export function unreachable(databaseUrl: Credential, cause: unknown): Error {
  const { hostname, port } = new URL(asOfNow(databaseUrl));
  return new Error(
    `Postgres at ${hostname}:${port || 5432} can't be reached. Start it, or correct DATABASE_URL; heed doctor says more.`,
    { cause },
  );
}
