import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { readCompany } from '../../src/domain/companyFile.ts';
import { sql } from '../../src/store/pool.ts';
import { applyConfiguration } from '../../src/store/records/configurations.ts';
import { openSession, personOfSession } from '../../src/store/records/sessions.ts';
import { applyCompany } from '../../src/triggers/companyAtStart.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let folder: string;
beforeAll(async () => {
  db = await openTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'heed-company-'));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

const inForce = () =>
  db.pool.oneFirst(sql.type(z.object({ yaml: z.string() }))`
    select yaml from configurations order by version desc limit 1`);

test('a start puts back no company file that another has taken the place of, and says what to type; nobody is signed out by it', async () => {
  const file = join(folder, 'heed.yaml');
  const before = await readFile('samples/shop.yaml', 'utf8');
  await writeFile(file, `${before}\n# as it was\n`);
  const told: string[] = [];
  const start = () => applyCompany(db.pool, { companyFile: file }, (sentence) => void told.push(sentence));
  await start();
  expect(told).toEqual([expect.stringMatching(/^Applied .* as version 2\.$/)]);
  // Applied from a copy: Zoe has come.
  const after = before.replace(
    /^ {2}mina:$/m,
    '  zoe: { name: Zoe, email: zoe@linden-vale.example, title: at the till, prompts: email, places: [station] }\n$&',
  );
  const read = readCompany(after);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  const { company } = read;
  await db.pool.transaction((tx) => applyConfiguration(tx, { yaml: after, company, by: 'operator' }));
  const token = await openSession(db.pool, 'zoe');

  await start();
  expect(told.at(-1)).toBe(
    `${file} is version 2, and version 3 took its place: that stays in force. To put this one back: heed apply ${file}`,
  );
  expect(await inForce()).toBe(after);
  expect(await personOfSession(db.pool, token)).toMatchObject({ code: 'zoe' });

  // What was changed since is applied, as ever.
  await writeFile(file, `${before}\n# as it is\n`);
  await start();
  expect(await inForce()).toMatch(/# as it is\n$/);
});

test('an edit of the company file that is taken back is applied at the next start: whoever it brought is let in no more', async () => {
  const file = join(folder, 'edited.yaml');
  const before = `${await readFile('samples/shop.yaml', 'utf8')}\n# edited\n`;
  const helped = before.replace(
    /^ {2}mina:$/m,
    '  holly: { name: Holly, email: holly@linden-vale.example, title: at the till, prompts: email, places: [station] }\n$&',
  );
  const told: string[] = [];
  const startWith = async (yaml: string) => {
    await writeFile(file, yaml);
    await applyCompany(db.pool, { companyFile: file }, (sentence) => void told.push(sentence));
  };
  await startWith(before);
  await startWith(helped);
  const token = await openSession(db.pool, 'holly');
  expect(await personOfSession(db.pool, token)).toMatchObject({ code: 'holly' });

  await startWith(before);
  expect(await inForce()).toBe(before);
  expect(await personOfSession(db.pool, token)).toBeNull();
  expect(told.at(-1)).toMatch(/^Applied .* as version \d+\.$/);
});
