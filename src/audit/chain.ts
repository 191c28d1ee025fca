/** Whether the chain of facts is whole: recomputed from the rows as they are, without a line of the code that linked them. */

import { createHash } from 'node:crypto';
import type pg from 'pg';
import { besideTheChain } from './besideTheChain.ts';
import type { Check, Violation } from './check.ts';

/** The last link as somebody keeps it outside the database. Only against that can a cut tail, or a chain made anew, be noticed. */
export interface Anchor {
  seq: number;
  /** In hexadecimal. */
  hash: string;
  /** ISO, UTC. */
  at: string;
}

/** What a whole chain is; with an anchor, also that it is still the one that was anchored. */
export function chainIsWhole(anchor?: Anchor): Check {
  return {
    invariant: 'I7',
    claim: 'every fact is chained exactly once, and nobody has altered one since',
    async find(db, _, { objectiveSeconds }) {
      // Local to the one snapshot that serves all checks: what a row looks like as text is part of what is recomputed.
      await db.query(`set local timezone = 'UTC'`);
      await db.query(`set local datestyle = 'ISO, MDY'`);
      await db.query(`set local bytea_output = 'hex'`);
      return [
        ...(await links(db, anchor)),
        ...(await facts(db)),
        ...(await besideTheChain(db)),
        ...(await waiting(db, objectiveSeconds)),
      ];
    },
  };
}

/** A head of the chain as it was told to somebody outside. Also one of long ago: what was linked by then is not altered by what came since. */
export type ToldHead = Pick<Anchor, 'seq' | 'hash'>;

export function chainHolds({ seq, hash }: ToldHead): Check {
  return {
    invariant: 'I7',
    claim: `link ${seq} of the chain is the one that was told outside`,
    async find(db) {
      const { rows } = await db.query<{ hash: string | null; last: string | null }>(
        `select (select encode(hash, 'hex') from chain where seq = $1) as hash, (select max(seq) from chain) as last`,
        [seq],
      );
      const { hash: held, last } = rows[0]!;
      const about = 'chain';
      if (held === hash) return [];
      if (held === null && Number(last) < seq)
        return [
          {
            about,
            sentence: `The chain ends with link ${last ?? 0}, and link ${seq} was told outside: its end was cut off, or an earlier backup was restored.`,
          },
        ];
      if (held === null) return [{ about, sentence: `Link ${seq} was told outside, and is not there any more.` }];
      return [
        {
          about,
          sentence: `Link ${seq} is not the one that was told outside: what was recorded up to it was altered, and the chain made anew.`,
        },
      ];
    },
  };
}

/** The head as it is now, for anchoring; undefined while nothing is chained. */
export async function headOf(db: pg.Client): Promise<Anchor | undefined> {
  const { rows } = await db.query<{ seq: string; hash: string; at: Date }>(
    `select seq, encode(hash, 'hex') as hash, chained_at as at from chain order by seq desc limit 1`,
  );
  return rows[0] && { seq: Number(rows[0].seq), hash: rows[0].hash, at: rows[0].at.toISOString() };
}

/** At once in memory; a chain may have millions of links. */
const atOnce = 5_000;

interface LinkRow {
  seq: string;
  fact: string;
  key: string;
  form: number;
  digest: string;
  seal: string | null;
  hash: string;
}

/** The chain by itself: numbered without a gap, each link made from the one before, and what was anchored still in it. */
async function links(db: pg.Client, anchor: Anchor | undefined): Promise<Violation[]> {
  const found: Violation[] = [];
  let before = '0'.repeat(64);
  let last = 0;
  let anchored = false;
  for (;;) {
    const { rows } = await db.query<LinkRow>(
      `select seq, fact, key, form, encode(digest, 'hex') as digest, encode(seal, 'hex') as seal, encode(hash, 'hex') as hash
       from chain where seq > $1 order by seq limit $2`,
      [last, atOnce],
    );
    for (const link of rows) {
      const seq = Number(link.seq);
      const about = `${link.fact} ${link.key}`;
      if (seq !== last + 1)
        found.push({ about, sentence: `Links ${last + 1} to ${seq - 1} of the chain are missing before it.` });
      const hash = sha256([before, seq, link.fact, link.key, link.form, link.digest, link.seal ?? ''].join('\n'));
      if (hash !== link.hash)
        found.push({
          about,
          sentence: `Link ${seq} does not follow from the one before: it, or that one, was altered.`,
        });
      if (seq === anchor?.seq) {
        anchored = true;
        if (link.hash !== anchor.hash)
          found.push({
            about,
            sentence: `Link ${seq} is not the one that was anchored on ${anchor.at}: the chain was made anew.`,
          });
      }
      before = link.hash;
      last = seq;
    }
    if (rows.length < atOnce) break;
  }
  if (anchor && !anchored)
    found.push({
      about: 'chain',
      sentence: `The chain ends with link ${last}, and link ${anchor.seq} was anchored on ${anchor.at}: its end was cut off.`,
    });
  return found;
}

interface Form {
  fact: string;
  form: number;
  keys: string[];
  kept: string[];
  sealed: string[];
}

async function facts(db: pg.Client): Promise<Violation[]> {
  const { rows: forms } = await db.query<Form>(
    'select fact, form, keys, kept, sealed from fact_forms order by fact, form',
  );
  const { rows: linked } = await db.query<{ fact: string; form: number }>('select distinct fact, form from chain');
  const found: Violation[] = [];
  for (const { fact, form: version } of linked) {
    const form = forms.find((one) => one.fact === fact && one.form === version);
    if (form) found.push(...(await altered(db, form)));
    else
      found.push({
        about: `fact_forms ${fact} ${version}`,
        sentence: `It was taken away, so that no change in ${fact} would be noticed. Put it back as its migration has it, and look again.`,
      });
  }
  found.push(...(await unlinked(db, forms)), ...(await neverUnsealed(db)));
  return found;
}

interface FactRow {
  seq: string;
  key: string;
  digest: string;
  seal: string | null;
  salt: string | null;
  unsealed: boolean;
  rows: string;
  kept: string | null;
  sealed: string | null;
}

/** Rows that are not what was linked: changed, or gone. */
async function altered(db: pg.Client, form: Form): Promise<Violation[]> {
  const found: Violation[] = [];
  const row = (columns: string[]) =>
    columns.length === 0
      ? `'[]'::jsonb`
      : `jsonb_build_array(${columns.map((column) => `t.${name(column)}::text`).join(', ')})`;
  const order = `${row([...form.kept, ...form.sealed])}::text`;
  const keys = form.keys.map((key) => key.split(':') as [string, string]);
  const same = keys.map(([column, type], n) => `t.${name(column)} = split_part(c.key, ':', ${n + 1})::${name(type)}`);
  for (let last = 0; ;) {
    const { rows } = await db.query<FactRow>(
      `select c.seq, c.key, encode(c.digest, 'hex') as digest, encode(c.seal, 'hex') as seal, encode(s.salt, 'hex') as salt,
         exists (select from unsealings u where u.fact = c.fact and u.key = c.key) as unsealed,
         it.rows, it.kept, it.sealed
       from chain c
       left join salts s on s.seq = c.seq
       cross join lateral (
         select count(*) as rows, jsonb_agg(distinct ${row(form.kept)})::text as kept,
           jsonb_agg(${row(form.sealed)} order by ${order})::text as sealed
         from ${name(form.fact)} t
         where ${same.join(' and ')}
       ) it
       where c.fact = $1 and c.form = $2 and c.seq > $3 order by c.seq limit $4`,
      [form.fact, form.form, last, atOnce],
    );
    for (const one of rows) {
      last = Number(one.seq);
      const sentence = whatIsWrong(form, one);
      if (sentence) found.push({ about: `${form.fact} ${one.key}`, sentence });
    }
    if (rows.length < atOnce) return found;
  }
}

/** What an erasure deletes whole. Of what was wanted it leaves the company's own words; of every other fact it empties words, and the row stays. */
const deletedWhole = ['words', 'identities'];
const deletedByErasing = [...deletedWhole, 'signal_attributes'];

function whatIsWrong({ fact, sealed }: Form, row: FactRow): string | undefined {
  const kept = sha256(row.kept ?? '[]');
  if (row.rows === '0' && row.digest !== sha256('[]'))
    return row.unsealed && deletedByErasing.includes(fact) ? undefined : 'It was recorded, and is not there any more.';
  if (row.rows !== '0' && row.unsealed && deletedWhole.includes(fact)) return 'It was erased, and is there again.';
  if (kept !== row.digest) return 'It is not what was recorded: one of its columns was altered.';
  if (sealed.length === 0) return row.seal === null ? undefined : 'It bears a seal that its kind does not have.';
  if (row.salt !== null)
    return sha256(Buffer.concat([Buffer.from(row.salt, 'hex'), Buffer.from(row.sealed ?? '[]')])) === row.seal
      ? undefined
      : 'What was said or written in it was altered.';
  if (!row.unsealed) return 'Its seal was broken, and no erasure says why.';
  // Where several columns may be erased, one of them may have been left for a reason.
  const left = sealed.length === 1 ? (JSON.parse(row.sealed ?? '[]') as (string | null)[][]).flat() : [];
  return left.some((words) => words !== null && words !== '(erased)')
    ? 'It was erased, and something has been written in its place.'
    : undefined;
}

/** Rows that nobody recorded through the product: neither linked nor waiting to be. Sample history is no part of the chain. */
async function unlinked(db: pg.Client, forms: readonly Form[]): Promise<Violation[]> {
  const { rows: columns } = await db.query<{ table: string; column: string }>(
    `select table_name as table, column_name as column from information_schema.columns where table_schema = 'public'`,
  );
  const has = (fact: string, column: string): boolean =>
    columns.some((one) => one.table === fact && one.column === column);
  const ofSamples = 'select id from loops where sample';
  // The first that it names says whether it is a sample's: somebody's remark is no sample, whatever stands beside it.
  const samples = {
    signal_id: ofSamples,
    loop_id: ofSamples,
    insight_id: ofSamples,
    decision_id: 'select d.id from decisions d join loops l on l.id = d.insight_id where l.sample',
    plan_id: 'select p.id from plans p join loops l on l.id = p.loop_id where l.sample',
    customer_id: 'select id from customers where sample',
  };
  const ofEach = forms
    .filter((form) => forms.findLast(({ fact }) => fact === form.fact) === form)
    .map(({ fact, keys }) => {
      const key = keys.map((one) => `t.${name(one.split(':')[0]!)}::text`).join(` || ':' || `);
      const ofSample = [
        ...(['loops', 'signals', 'insights'].includes(fact) ? [['id', ofSamples] as const] : []),
        ...Object.entries(samples).filter(([column]) => has(fact, column)),
      ].map(([column, ids]) => `t.${name(column)} in (${ids})`);
      return `(select distinct '${fact}' as fact, ${key} as key from ${name(fact)} t
        where not exists (select from chain c where c.fact = '${fact}' and c.key = ${key})
          and not exists (select from unchained u where u.fact = '${fact}' and u.key = ${key})
          ${fact === 'deliveries' ? `and t.state in ('sent', 'delivered')` : ''}
          and not coalesce(${[...ofSample, 'false'].join(', ')})
        limit 100)`;
    });
  // To find a hundred soon Postgres may go through all that waits for each fact there is: for days, where a million facts wait.
  await db.query('set local enable_nestloop = off');
  const { rows } = await db.query<{ fact: string; key: string }>(ofEach.join(' union all '));
  await db.query('set local enable_nestloop = on');
  return rows.map(({ fact, key }) => ({
    about: `${fact} ${key}`,
    sentence: 'It is there, and was never recorded: no link of the chain is about it.',
  }));
}

/** An unsealing without the act that caused it, or behind one that is about somebody else. */
async function neverUnsealed(db: pg.Client): Promise<Violation[]> {
  const { rows } = await db.query<{ fact: string; key: string; caused: boolean }>(
    `with unsealed as (
       select u.fact, u.key, u.cause, c.act, c.customer_id,
         case when u.key ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then u.key::uuid end as id
       from unsealings u
       left join (
         select id, 'erasure' as act, customer_id from erasures
         union all
         select id, kind, customer_id from rights where kind = 'rectification'
       ) c on c.id = u.cause
     ),
     -- The remark or the insight that it is about. A kind of fact that is not named here is never taken for theirs.
     about as (
       select u.*, case u.fact
         when 'words' then u.id
         when 'signal_attributes' then u.id
         when 'reviews' then u.id
         when 'insights' then u.id
         when 'decisions' then (select d.insight_id from decisions d where d.id = u.id)
         when 'completions' then (select d.insight_id from decisions d where d.id = u.id)
         when 'ownerships' then (select o.loop_id from ownerships o where o.id = u.id)
         when 'closures' then (select z.loop_id from closures z where z.id = u.id)
         when 'confirmations' then (select n.loop_id from confirmations n where n.id = u.id)
         when 'repairs' then (select r.loop_id from repairs r where r.id = u.id)
         when 'presses' then (
           select coalesce(o.loop_id, a.loop_id, f.loop_id, r.loop_id, c.loop_id, n.loop_id, p.fact_id)
           from presses p
           left join ownerships o on o.id = p.fact_id
           left join acknowledgements a on a.id = p.fact_id
           left join follow_ups f on f.id = p.fact_id
           left join repairs r on r.id = p.fact_id
           left join calls c on c.id = p.fact_id
           left join confirmations n on n.id = p.fact_id
           where p.id = u.id)
       end as loop_id
       from unsealed u
     )
     select fact, key, act is not null as caused
     from about u
     where act is null or not case
       when fact = 'identities' then ${wasTheirs}
       -- What was written about what they asked for together with others may have named them by what was wrong. Nothing else is put right.
       when act = 'rectification' then fact in ('decisions', 'completions', 'ownerships', 'closures', 'repairs') and exists (
         select from insight_signals x join signals s on s.id = x.signal_id
         where x.insight_id = u.loop_id and s.customer_id = u.customer_id)
       when fact = 'rights' then exists (select from rights r where r.id = u.id and r.customer_id = u.customer_id)
       else exists (
         select from signals s
         where s.id in (select u.loop_id union all select x.signal_id from insight_signals x where x.insight_id = u.loop_id)
           and (s.customer_id = u.customer_id
             -- Without a customer, or its words' time was over.
             or exists (select from erased_signals e where e.signal_id = s.id and e.erasure_id = u.cause)))
     end
     limit 100`,
  );
  return rows.map(({ fact, key, caused }) => ({
    about: `${fact} ${key}`,
    sentence: caused
      ? 'Its words are gone, and the erasure or rectification that is named as the cause is not about them.'
      : 'Its words are gone, and neither an erasure nor a rectification says why.',
  }));
}

/** Whether a deleted address was that customer's. Its row is gone, so its link is made again from what it can have been: it came with a remark
 *  of theirs, or by being put right. What was deleted before it was linked says nothing of whose it was. */
const wasTheirs = `(
  not exists (select from chain c where c.fact = u.fact and c.key = u.key and c.digest <> sha256('[]'))
  or exists (
    select from chain c,
      (select s.captured_at as at from signals s where s.customer_id = u.customer_id
       union select r.exercised_at from rights r where r.customer_id = u.customer_id) came,
      unnest(array['email', 'phone', 'loyalty']) as kind
    where c.fact = u.fact and c.key = u.key
      and c.digest = sha256(convert_to(jsonb_build_array(jsonb_build_array(u.key, u.customer_id::text, kind, came.at::text))::text, 'UTF8')))
)`;

/** While a fact waits to be linked, a change in it is not found. Longer than ten minutes is only right where an outage is known and over. */
async function waiting(db: pg.Client, knownSeconds: number): Promise<Violation[]> {
  const { rows } = await db.query<{ count: string; since: string }>(
    `select count(*) as count, to_char(min(since), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since from unchained
     where since < clock_timestamp() - make_interval(secs => greatest(600, $1))
     having count(*) > 0`,
    [knownSeconds],
  );
  return rows.map(({ count, since }) => ({
    about: 'unchained',
    sentence: `Facts wait to be chained since ${since}, ${count} by now: until they are, nobody could tell whether they were altered. See whether a relay runs: heed status.`,
  }));
}

const name = (column: string): string => `"${column.replaceAll('"', '""')}"`;
const sha256 = (of: string | Buffer): string => createHash('sha256').update(of).digest('hex');
