/** The chain of facts: what was recorded is linked after its commit, by one writer at a time, so that no capture waits for it. */

import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { sql, type Db, type Pool, type Tx } from '../pool.ts';

const AloneRow = z.object({ alone: z.boolean() });
const LinkedRow = z.object({ fact: z.string(), key: z.string() });
const HeadRow = z.object({ seq: z.number(), hash: z.instanceof(Buffer) });

const Waiting = z.object({ id: z.number(), fact: z.string(), key: z.string() });
const Form = z.object({
  fact: z.string(),
  form: z.number(),
  keys: z.array(z.string()),
  kept: z.array(z.string()),
  sealed: z.array(z.string()),
});
type Form = z.infer<typeof Form>;
const Written = z.object({ key: z.string(), kept: z.string(), sealed: z.string() });

/**
 * Links up to `most` facts that wait, in the order in which they were recorded, in one transaction: killed at any moment, each is linked once.
 * Returns how many were taken from the list; 0 also while another writer is at it.
 */
export async function chainFacts(pool: Pool, most: number): Promise<number> {
  return pool.transaction(async (tx) => {
    const alone = await tx.oneFirst(sql.type(AloneRow)`select pg_try_advisory_xact_lock(hashtext(${lock})) as alone`);
    if (!alone) return 0;
    const waiting = await tx.any(sql.type(Waiting)`select id, fact, key from unchained order by id limit ${most}`);
    if (waiting.length === 0) return 0;
    // The same text for the same fact, whoever asks and wherever they are.
    await tx.query(sql.unsafe`
      select set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO, MDY', true), set_config('bytea_output', 'hex', true)`);
    await link(tx, await written(tx, await notLinked(tx, waiting)));
    await tx.query(
      sql.unsafe`delete from unchained where id = any(${sql.array(
        waiting.map(({ id }) => id),
        'int8',
      )})`,
    );
    return waiting.length;
  });
}

const lock = 'heed.chain';

/** Waits until nobody links, and keeps it so until the end of the transaction. What is erased while it is being linked would be linked as it
 *  was, with a salt that the erasure has not seen. */
export async function holdTheChain(tx: Tx): Promise<void> {
  await tx.query(sql.unsafe`select pg_advisory_xact_lock(hashtext(${lock}))`);
}

/** Several rows may be one fact (the attributes of a remark), and a message may be sent again: each is linked once. */
async function notLinked(
  tx: Tx,
  waiting: readonly z.infer<typeof Waiting>[],
): Promise<{ fact: string; key: string }[]> {
  const linked = await tx.any(sql.type(LinkedRow)`
    select c.fact, c.key from chain c join ${sql.unnest(
      waiting.map(({ fact, key }) => [fact, key]),
      ['text', 'text'],
    )} as given (fact, key) on c.fact = given.fact and c.key = given.key`);
  const nameOf = ({ fact, key }: { fact: string; key: string }): string => `${fact} ${key}`;
  const seen = new Set(linked.map(nameOf));
  return waiting.filter((one) => !seen.has(nameOf(one)) && seen.add(nameOf(one)));
}

interface Link {
  fact: string;
  key: string;
  form: Form;
  kept: string;
  /** Null where nothing of it may ever be erased. */
  sealed: string | null;
}

/** Each fact as text: a list of its rows, each a list of its columns. A fact that was erased before its turn is an empty list. */
async function written(tx: Tx, facts: readonly { fact: string; key: string }[]): Promise<Link[]> {
  const forms = new Map(
    (
      await tx.any(sql.type(Form)`
        select distinct on (fact) fact, form, keys, kept, sealed from fact_forms order by fact, form desc`)
    ).map((form) => [form.fact, form]),
  );
  const texts = new Map<string, z.infer<typeof Written>>();
  for (const fact of new Set(facts.map((one) => one.fact))) {
    const keys = facts.filter((one) => one.fact === fact).map(({ key }) => key);
    for (const text of await textsOf(tx, forms.get(fact)!, keys)) texts.set(`${fact} ${text.key}`, text);
  }
  return facts.map(({ fact, key }) => {
    const form = forms.get(fact)!;
    const text = texts.get(`${fact} ${key}`);
    return {
      fact,
      key,
      form,
      kept: text?.kept ?? '[]',
      sealed: form.sealed.length > 0 ? (text?.sealed ?? '[]') : null,
    };
  });
}

function textsOf(db: Db, { fact, keys, kept, sealed }: Form, wanted: readonly string[]) {
  const row = (columns: readonly string[]) =>
    sql.fragment`jsonb_build_array(${sql.join(
      columns.map((column) => sql.fragment`t.${sql.identifier([column])}::text`),
      sql.fragment`, `,
    )})`;
  const parts = keys.map((key) => key.split(':') as [string, 'uuid' | 'int4' | 'text' | 'bytea']);
  // Compared in the key's own type, so that its index serves.
  const same = parts.map(
    ([column, type], n) =>
      sql.fragment`t.${sql.identifier([column])} = split_part(given.key, ':', ${n + 1})::${sql.identifier([type])}`,
  );
  return db.any(sql.type(Written)`
    select given.key,
      jsonb_agg(distinct ${row(kept)})::text as kept,
      ${sealed.length > 0 ? sql.fragment`jsonb_agg(${row(sealed)} order by ${row([...kept, ...sealed])}::text)::text` : sql.fragment`''`} as sealed
    from unnest(${sql.array([...wanted], 'text')}) as given (key)
    join ${sql.identifier([fact])} t on ${sql.join(same, sql.fragment` and `)}
    group by given.key`);
}

/** Each link names the one before: none can be changed, taken out, put in or swapped without all later ones being wrong. */
async function link(tx: Tx, links: readonly Link[]): Promise<void> {
  if (links.length === 0) return;
  const head = await tx.maybeOne(sql.type(HeadRow)`
    select seq, hash from chain order by seq desc limit 1`);
  let seq = head?.seq ?? 0;
  let before = head?.hash ?? Buffer.alloc(32);
  const rows: [number, string, string, number, string, string | null, string][] = [];
  const salts: [number, string][] = [];
  for (const { fact, key, form, kept, sealed } of links) {
    seq += 1;
    const digest = sha256(kept);
    const salt = randomBytes(16);
    const seal = sealed === null ? null : sha256(Buffer.concat([salt, Buffer.from(sealed)]));
    if (seal) salts.push([seq, hex(salt)]);
    before = sha256([hex(before), seq, fact, key, form.form, hex(digest), seal ? hex(seal) : ''].join('\n'));
    rows.push([seq, fact, key, form.form, hex(digest), seal && hex(seal), hex(before)]);
  }
  await tx.query(sql.unsafe`
    insert into chain (seq, fact, key, form, digest, seal, hash)
    select seq, fact, key, form, decode(digest, 'hex'), decode(seal, 'hex'), decode(hash, 'hex')
    from ${sql.unnest(rows, ['int8', 'text', 'text', 'int4', 'text', 'text', 'text'])} as link (seq, fact, key, form, digest, seal, hash)`);
  // What was erased while it waited keeps no salt.
  await tx.query(sql.unsafe`
    insert into salts (seq, salt)
    select s.seq, decode(s.salt, 'hex')
    from ${sql.unnest(salts, ['int8', 'text'])} as s (seq, salt)
    join chain c on c.seq = s.seq
    where not exists (select from unsealings u where u.fact = c.fact and u.key = c.key)`);
}

const sha256 = (of: string | Buffer): Buffer => createHash('sha256').update(of).digest();
const hex = (bytes: Buffer): string => bytes.toString('hex');
