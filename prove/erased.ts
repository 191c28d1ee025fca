/** Whether whoever asked to be erased was, and whether anything is left of them: looked for wherever the run may have written it, by what was
 *  theirs alone. */

import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../src/audit/audit.ts';
import { askToKeep } from './captures.ts';
import type { House } from './house.ts';
import type { Loops } from './loops.ts';
import { query } from './query.ts';

type Violation = Finding['violations'][number];
/** What is looked at beside the folder. */
type Looked = Pick<House, 'url' | 'apiKey' | 'databaseUrl'> & {
  mailbox: Pick<House['mailbox'], 'mails'>;
  room: Pick<House['room'], 'forget'>;
};

/** Whoever asked was erased, however often it took. Their loops are over, their keys answer 410, and nothing of theirs stands in Postgres, in Slack,
 *  in a log, in Temporal, or in a letter that the ledger does not take back: what a mail server of somebody else's took is out of reach. The files
 *  of Postgres are not read: what was deleted leaves them later (docs/privacy.md). */
export async function whatIsLeftOfErased(house: Looked, folder: string, loops: Loops): Promise<Finding> {
  const done = await query<{ id: string; open: boolean }>(
    house.databaseUrl,
    `select e.signal_id as id,
       not exists (
         select from closures z
         where z.loop_id = e.signal_id and z.round = (select max(r.round) from rounds r where r.loop_id = e.signal_id)) as open
     from erased_signals e`,
  );
  const erased = done.flatMap(({ id }) => loops.byId.get(id) ?? []);
  const ownerOf = new Map(erased.flatMap((loop) => loop.canaries.map((canary) => [canary, loop] as const)));
  const found: Violation[] = done
    .filter(({ open }) => open)
    .map(({ id }) => ({ about: id, sentence: 'What was said here was erased, and its loop is still open.' }));
  for (const loop of loops.asked.erase)
    if (!erased.includes(loop))
      found.push({ about: loop.id!, sentence: 'Its customer asked to be erased, and was not.' });
  const foundIn = (where: string, canaries: Iterable<string>): void => {
    for (const { id } of new Set([...canaries].flatMap((canary) => ownerOf.get(canary) ?? [])))
      found.push({ about: id!, sentence: `What was erased of it still stands in ${where}.` });
  };

  for (const loop of erased) {
    // A connection of before may have ended unnoticed.
    const { status } = await askToKeep(house, loop).catch(() => askToKeep(house, loop));
    if (status !== 410)
      found.push({ about: loop.id!, sentence: `Its key was answered with ${status} and not with 410.` });
  }
  for (const [table, canaries] of await inPostgres(house.databaseUrl)) foundIn(table, canaries);
  foundIn('a letter that nothing takes back', await inLetters(house));
  await house.room.forget();
  for (const file of await filesOf(folder)) foundIn(file, await inFile(join(folder, file)));
  return {
    invariant: 'I8',
    claim: 'whoever asked is erased, nothing of them is left, their loops are over, and their keys answer 410',
    violations: found,
  };
}

/** Everything by which a customer of loops.ts who may be erased is known. */
const canaries = /heron\d+n\d+x|customer-\d+@/g;
/** The same where it is kept as bytes, which Postgres shows as digits. */
const asBytes = `${Buffer.from('heron').toString('hex')}[0-9a-f]+`;

const canariesIn = (text: string): string[] => text.match(canaries) ?? [];

/** By table. */
async function inPostgres(databaseUrl: string): Promise<Map<string, string[]>> {
  const byTable = new Map<string, string[]>();
  const tables = await query<{ name: string }>(
    databaseUrl,
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  for (const { name } of tables) {
    const rows = await query<{ text: string }>(
      databaseUrl,
      `select distinct found[1] as text from ${name} it, regexp_matches(it::text, $1, 'g') found`,
      [`(${canaries.source}|${asBytes})`],
    );
    const said = rows.map(({ text }) => (text.startsWith('68') ? Buffer.from(text, 'hex').toString('latin1') : text));
    byTable.set(name, said.flatMap(canariesIn));
  }
  return byTable;
}

/** But for letters that the ledger takes back, and those of which nobody knew whether they had arrived. */
async function inLetters({ mailbox, databaseUrl }: Looked): Promise<Set<string>> {
  const quoting = mailbox.mails().flatMap((mail) => {
    const quoted = canariesIn([mail.subject, mail.text, mail.html, ...mail.to].join('\n'));
    return quoted.length > 0 ? [{ id: mail.messageId, quoted }] : [];
  });
  const known = await query<{ id: string }>(
    databaseUrl,
    `select d.message_id as id from deliveries d
     where d.message_id = any($1)
       and (exists (select from deliveries r where r.purpose = 'redaction' and r.occasion = d.id)
         or d.phase = 'handed' and d.state in ('sending', 'uncertain', 'needs_human', 'failed'))`,
    [quoting.map(({ id }) => id)],
  );
  const takenBack = new Set(known.map(({ id }) => id));
  return new Set(quoting.flatMap(({ id, quoted }) => (takenBack.has(id) ? [] : quoted)));
}

/** The files of Postgres, and the mailbox, which is read letter by letter. */
const leftOut = /^(disk\/)?postgres\/(data|native)|^mailbox\.ndjson$/;

/** Whatever else the run wrote. */
async function filesOf(folder: string, within = ''): Promise<string[]> {
  const entries = await readdir(join(folder, within), { withFileTypes: true });
  const found = entries.map(async (entry) => {
    const name = join(within, entry.name);
    if (leftOut.test(name)) return [];
    if (entry.isDirectory()) return filesOf(folder, name);
    return entry.isFile() ? [name] : [];
  });
  return (await Promise.all(found)).flat();
}

async function inFile(file: string): Promise<Set<string>> {
  const found = new Set<string>();
  let last = '';
  for await (const chunk of createReadStream(file, 'latin1') as AsyncIterable<string>) {
    const text = last + chunk;
    for (const canary of canariesIn(text)) found.add(canary);
    // One may stand across two chunks.
    last = text.slice(-64);
  }
  return found;
}
