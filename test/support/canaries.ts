/** Looks for what must not be there any more: in every column of a database, in files, and in what Temporal keeps, in any coat that a program gives it. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { canaries } from '../replay/canaries.ts';

/** What is looked for: names and words as they are, or whatever finds it. */
export type Sought = readonly string[] | ((content: Buffer | string) => string[]);

/** What of it is in here, named by where it is. */
export function foundIn(where: string, content: Buffer | string, sought: Sought): string[] {
  return lookFor(sought)(content).map((found) => `${found} in ${where}`);
}

function lookFor(sought: Sought): (content: Buffer | string) => string[] {
  if (typeof sought === 'function') return sought;
  const birds = canaries();
  for (const each of sought) birds.watch(each, each);
  return birds.found;
}

/** Every column of every table, as text. */
export async function foundInDatabase(url: string, sought: Sought): Promise<string[]> {
  const look = lookFor(sought);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'public'`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      found.push(...new Set(rows.flatMap(({ row }) => foundIn(name, row, look))));
    }
    return found;
  } finally {
    await client.end();
  }
}

/** Every file under a folder. */
export async function foundInFiles(folder: string, sought: Sought): Promise<string[]> {
  const look = lookFor(sought);
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async (file) => {
        const path = join(file.parentPath, file.name);
        return foundIn(path, await readFile(path).catch(() => Buffer.alloc(0)), look);
      }),
  );
  return found.flat();
}
