/** Looks for what must not be there any more: in every column of a database, in files, and in what Temporal keeps, in any spelling a program uses. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

/** The same words as programs write them: plain, and in base64, hexadecimal and addresses. */
export function spellings(canary: string): Buffer[] {
  const bytes = Buffer.from(canary);
  // Base64 of it depends on where in the whole it stands: the inner part is the same in each of three.
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before, 32), bytes])
      .toString('base64')
      .slice(before === 0 ? 0 : 4, -4),
  );
  return [
    bytes,
    ...base64.map((text) => Buffer.from(text)),
    Buffer.from(bytes.toString('hex')),
    Buffer.from(encodeURIComponent(canary)),
  ];
}

/** Which canaries are in here, named by where it is. */
export function foundIn(where: string, content: Buffer | string, canaries: readonly string[]): string[] {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return canaries
    .filter((canary) => spellings(canary).some((one) => bytes.includes(one)))
    .map((canary) => `${canary} in ${where}`);
}

/** Every column of every table, as text. */
export async function foundInDatabase(url: string, canaries: readonly string[]): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'public'`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
      found.push(...new Set(rows.flatMap(({ row }) => foundIn(name, row, canaries))));
    }
    return found;
  } finally {
    await client.end();
  }
}

/** Every file under a folder. */
export async function foundInFiles(folder: string, canaries: readonly string[]): Promise<string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = await Promise.all(
    files
      .filter((file) => file.isFile())
      .map(async (file) => {
        const path = join(file.parentPath, file.name);
        return foundIn(path, await readFile(path).catch(() => Buffer.alloc(0)), canaries);
      }),
  );
  return found.flat();
}
