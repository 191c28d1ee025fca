/** The rights of a person and the backup, as whoever operates Heed types them. */

import { lstat, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config.ts';
import { sql } from '../../../src/store/pool.ts';
import { suppress } from '../../../src/store/records/customers.ts';
import { readHeader } from '../../../src/store/backup.ts';
import { runCommand } from '../../../src/triggers/cli/program.ts';
import { newId } from '../../../src/domain/ids.ts';
import { capture } from '../../../src/triggers/capture.ts';
import { openTestDatabase, type TestDatabase } from '../../support/database.ts';

let db: TestDatabase;
let folder: string;
beforeAll(async () => {
  db = await openTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'heed-cli-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await db.close();
});

async function heed(...argv: string[]) {
  const said: string[] = [];
  const complained: string[] = [];
  const code = await runCommand(argv, {
    say: (line) => said.push(line),
    complain: (line) => complained.push(line),
    config: () => readConfig({ HOME: folder, DATABASE_URL: db.workingUrl }),
    folder: () => folder,
    account: 'otto',
  });
  return { code, said: said.join('\n'), complained: complained.join('\n') };
}

const hears = (name: string, email: string) =>
  capture(
    db.heed,
    { words: `Hello from ${name}`, place: 'high-street', customer: { name, email } },
    { channel: 'cli', press: { source: 'test', key: newId() } },
  );

test('export prints one document, or writes it for this account alone', async () => {
  await hears('Ex Port', 'ex@port.example');
  expect(JSON.parse((await heed('export', '--subject', 'ex@port.example')).said)).toMatchObject({
    customer: { name: 'Ex Port' },
    said: [{ words: 'Hello from Ex Port' }],
  });
  expect((await heed('export', '--subject', 'ex@port.example', '--to', 'them.json')).code).toBe(0);
  expect(JSON.parse(await readFile(join(folder, 'them.json'), 'utf8')).customer.name).toBe('Ex Port');
  expect((await stat(join(folder, 'them.json'))).mode & 0o777).toBe(0o600);
  expect(await heed('export', '--subject', 'nobody@nowhere.example')).toMatchObject({
    code: 1,
    complained: expect.stringContaining('Nobody is held under that'),
  });
});

test('export records nothing as given out that could not be written, and takes the place of no other file', async () => {
  await hears('Un Written', 'un@written.example');
  await writeFile(join(folder, 'another.json'), 'what is held about somebody else');
  for (const file of ['nowhere/them.json', 'another.json'])
    expect(await heed('export', '--subject', 'un@written.example', '--to', file)).toMatchObject({
      code: 1,
      complained: expect.stringContaining(`${file} can't be made. Name with --to a file that is not there yet.`),
    });
  expect(await readFile(join(folder, 'another.json'), 'utf8')).toBe('what is held about somebody else');
  expect(JSON.parse((await heed('export', '--subject', 'un@written.example')).said).rights).toHaveLength(1);
});

test('erase asks for a reason, says first what it would do, and does it in the name of whoever typed it', async () => {
  const { reference } = await hears('Era Se', 'era@se.example');
  expect((await heed('erase', '--subject', 'era@se.example')).code).toBe(2);
  const dry = await heed('erase', '--subject', reference, '--reason', 'asked by phone', '--dry-run');
  expect(dry.said).toBe(`Would erase 1 remark (${reference}), the name and every address.`);
  expect((await heed('export', '--subject', 'era@se.example')).code).toBe(0);
  const done = await heed('erase', '--subject', reference, '--reason', 'asked by phone');
  expect(done.said).toContain(`Erased: 1 remark (${reference}), the name and every address. 1 open loop closed`);
  expect(await db.pool.anyFirst(sql.unsafe`select by from erasures where reason = 'asked by phone'`)).toEqual(['otto']);
  expect(await heed('erase', '--subject', reference, '--reason', 'again')).toMatchObject({
    code: 1,
    complained: expect.stringContaining('it has been erased before'),
  });
});

test('rectify, restrict and object say what they did, and refuse what makes no sense', async () => {
  await hears('Rec Tify', 'rec@tify.example');
  const whom = ['--subject', 'rec@tify.example'];
  expect((await heed('rectify', ...whom)).complained).toContain('name what is to be put right');
  expect((await heed('rectify', ...whom, '--name', 'Right Fy', '--phone', '')).said).toBe('Put right: name, phone.');
  const butForOne = 'but for the mail by which they may see what is held';
  expect((await heed('restrict', ...whom)).said).toBe(
    `Everything of theirs rests, ${butForOne}. heed restrict --lift lets it go on.`,
  );
  expect((await heed('restrict', ...whom)).code).toBe(1);
  expect((await heed('restrict', ...whom, '--lift')).said).toBe('It goes on where it stopped.');
  expect(JSON.parse((await heed('object', ...whom, '--json')).said)).toMatchObject({
    sentence: `Nothing more is sent to any address of theirs, ${butForOne}, and nobody calls.`,
  });
});

test('restrict says how many others are noted with the same address: nothing of theirs rests', async () => {
  await hears('Rest Alone', 'rest@shared.example');
  const theirs = await hears('Rest Shared', 'rest@shared.example');
  await hears('Rest Sharing', 'REST@shared.example');
  expect((await heed('restrict', '--subject', theirs.reference)).said).toMatch(
    /That does not hold for whoever else is noted with the same address or number \(2\)\.$/,
  );
});

test('rectify, restrict and object say first whom they are about and what they would do, and do nothing', async () => {
  const { reference } = await hears('Dry Run', 'dry@run.example');
  const it = `It is about Dry Run, ${reference}.`;
  const dry = async (...argv: string[]) => (await heed(...argv, '--subject', reference, '--dry-run')).said;
  expect(await dry('object')).toBe(`Would end letters and calls for good: nobody can take it back. ${it}`);
  expect(await dry('restrict')).toBe(`Would let everything of theirs rest. ${it}`);
  expect(await dry('restrict', '--lift')).toBe(`Would let it go on where it stopped. ${it}`);
  expect(await dry('rectify', '--name', 'Wet Run', '--phone', '')).toBe(`Would put right: name, phone. ${it}`);
  expect(JSON.parse((await heed('export', '--subject', reference)).said)).toMatchObject({
    customer: { name: 'Dry Run' },
    restricted: false,
    rights: [{ kind: 'access' }],
  });
});

test('vouch has an address written to again at which mail has bounced, and says where there is none', async () => {
  await hears('Vou Ch', 'vou@ch.example');
  const whom = ['--subject', 'vou@ch.example'];
  expect(await heed('vouch', ...whom)).toMatchObject({
    code: 1,
    complained: expect.stringContaining('no address of theirs that only a bounce speaks against'),
  });
  await db.pool.transaction((tx) => suppress(tx, [{ kind: 'email', normalised: 'vou@ch.example' }], 'bounced'));
  expect((await heed('vouch', ...whom)).said).toContain('They are written to at that address again.');
  expect(await db.pool.anyFirst(sql.unsafe`select by from vouchings`)).toEqual(['otto']);
});

test('backup writes one file; restore refuses to take the place of a Heed that is in use', async () => {
  const made = await heed('backup', 'today.backup');
  expect(made.said).toMatch(/today\.backup: \d+ tables, .* keep it as you keep that\./);
  expect((await readHeader(join(folder, 'today.backup'))).erasures).toMatchObject([{ reason: 'asked by phone' }]);
  expect(await heed('restore', 'today.backup')).toMatchObject({
    code: 1,
    complained: expect.stringContaining('Stop web, worker and relay first'),
  });
  expect(await heed('restore', 'them.json')).toMatchObject({
    code: 1,
    complained: expect.stringContaining('is no backup of Heed'),
  });
});

test('backup takes the place of an earlier one, and of nothing that is none', async () => {
  await writeFile(join(folder, 'blank.backup'), '');
  await writeFile(join(folder, 'heed.yaml'), 'version: 1');
  await symlink('/dev/null', join(folder, 'stdout'));
  for (const file of ['today.backup', 'blank.backup']) expect((await heed('backup', file)).code).toBe(0);
  for (const file of ['heed.yaml', 'stdout', '.'])
    expect(await heed('backup', file)).toMatchObject({
      code: 1,
      complained: expect.stringContaining('is there already, and is no backup that this version can read'),
    });
  expect(await readFile(join(folder, 'heed.yaml'), 'utf8')).toBe('version: 1');
  expect((await lstat(join(folder, 'stdout'))).isSymbolicLink()).toBe(true);
});
