/** What people asked of us that must outlive a loss: every backup carries it at its head, so that an earlier one, or a server put back to before
 *  it was made, learns of what was asked since. */

import type pg from 'pg';
import { z } from 'zod';
import type { Company } from '../domain/company.ts';
import { sql, type Pool, type Tx } from './pool.ts';
import { revokeAgain } from './records/apiKeys.ts';
import { holdTheChain } from './records/chain.ts';
import { erase } from './records/erasures.ts';
import { takeMailboxOfAnother } from './records/rights.ts';
import { IdRow } from './rows.ts';

const RecordedErasure = z.object({
  id: z.string(),
  customerId: z.string().nullable(),
  cause: z.enum(['asked', 'retention']),
  by: z.string(),
  reason: z.string(),
  erasedAt: z.coerce.date(),
  signals: z.array(z.string()),
  tombstones: z.array(z.object({ kind: z.string(), hash: z.string() })),
});
type RecordedErasure = z.infer<typeof RecordedErasure>;

/** Moments are as Postgres writes them, to the microsecond: which of two came later decides what is true. */
export const Wishes = z.object({
  erasures: z.array(RecordedErasure),
  /** Addresses to which nothing goes any more. In backups made by 0.1 there is none, nor of what follows. */
  suppressions: z
    .array(
      z.object({
        hash: z.string(),
        channel: z.enum(['email', 'phone']),
        cause: z.enum(['unsubscribed', 'not_me', 'bounced', 'complained']),
        at: z.string(),
      }),
    )
    .default([]),
  /** Who said of an address where mail had bounced that it is right. Not with which remark. */
  vouchings: z
    .array(
      z.object({
        id: z.string(),
        hash: z.string(),
        how: z.enum(['given', 'put_right', 'confirmed']),
        by: z.string(),
        at: z.string(),
      }),
    )
    .default([]),
  /** Objections, and what is to rest or rests no longer. Not why: that is in the words of whoever typed it. */
  rights: z
    .array(
      z.object({
        id: z.string(),
        customerId: z.string(),
        kind: z.enum(['objection', 'restriction', 'lifting']),
        by: z.string(),
        at: z.string(),
      }),
    )
    .default([]),
  /** Signals of which somebody said that it was not them. */
  disavowals: z.array(z.object({ signalId: z.string(), at: z.string() })).default([]),
  /** Keys of the API that were revoked; by whom, since that is written down. */
  key_revocations: z
    .array(z.object({ id: z.string(), by: z.string().nullable().default(null), at: z.string() }))
    .default([]),
});
export type Wishes = z.infer<typeof Wishes>;

/** What a backup tells, under today's names: until a revocation was a fact of its own, those of keys were told as `api_keys`. */
export const underTodaysNames = (told: unknown): unknown =>
  typeof told === 'object' && told !== null && 'api_keys' in told ? { ...told, key_revocations: told.api_keys } : told;

/** What several tellings say, each thing once: every backup tells of what those before it tell of. They are taken in one by one, since a folder of
 *  them is too much to hold. */
export async function gathered(tellings: AsyncIterable<Wishes>): Promise<Wishes> {
  const erasures = new Map<string, RecordedErasure>();
  const others = new Map(otherWishes.map((kind) => [kind, new Map<string, object>()]));
  for await (const telling of tellings) {
    for (const told of telling.erasures) erasures.set(told.id, together(told, erasures.get(told.id)));
    for (const kind of otherWishes)
      for (const wish of telling[kind]) others.get(kind)!.set('id' in wish ? wish.id : JSON.stringify(wish), wish);
  }
  const listed = Object.fromEntries(otherWishes.map((kind) => [kind, [...others.get(kind)!.values()]]));
  return { ...(listed as Omit<Wishes, 'erasures'>), erasures: [...erasures.values()] };
}

const otherWishes = ['suppressions', 'vouchings', 'rights', 'disavowals', 'key_revocations'] as const;

/** A database in which an erasure was repeated tells only of those signals that it had itself. */
const together = (told: RecordedErasure, before: RecordedErasure = told): RecordedErasure => ({
  ...told,
  signals: [...new Set([...before.signals, ...told.signals])],
  tombstones: [
    ...new Map([...before.tombstones, ...told.tombstones].map((one) => [one.kind + one.hash, one])).values(),
  ],
});

const UsedRow = z.object({ id: z.string(), kind: z.string() });
const SaidByRow = z.object({ customer_id: z.string().nullable() });

export interface Repeated {
  /** Erasures that this database did not know, and that were carried out again. */
  erasedAgain: number;
  /** Objections, rests, "not me" and revocations of keys that it did not know, and that hold again. */
  heldAgain: number;
}

/** Asks for what each kind of them is in a database: a JSON object for each. Each kind is called as the table that it is in. */
const statements: Record<keyof Wishes, string> = {
  erasures: `
    declare wishes no scroll cursor for select jsonb_build_object(
      'id', e.id, 'customerId', e.customer_id, 'cause', e.cause, 'by', e.by, 'reason', e.reason, 'erasedAt', e.erased_at,
      'signals', (select coalesce(jsonb_agg(x.signal_id order by x.signal_id), '[]') from erased_signals x where x.erasure_id = e.id),
      'tombstones', (
        select coalesce(jsonb_agg(jsonb_build_object('kind', t.kind, 'hash', encode(t.address_hash, 'hex'))), '[]')
        from tombstones t where t.erasure_id = e.id))::text as wish
    from erasures e order by e.erased_at, e.id`,
  suppressions: `
    declare wishes no scroll cursor for select jsonb_build_object('hash', encode(address_hash, 'hex'), 'channel', channel, 'cause', cause, 'at', suppressed_at)::text as wish
    from suppressions order by suppressed_at, id`,
  vouchings: `
    declare wishes no scroll cursor for select jsonb_build_object('id', id, 'hash', encode(address_hash, 'hex'), 'how', how, 'by', by, 'at', vouched_at)::text as wish
    from vouchings order by vouched_at, id`,
  rights: `
    declare wishes no scroll cursor for select jsonb_build_object('id', id, 'customerId', customer_id, 'kind', kind, 'by', by, 'at', exercised_at)::text as wish
    from rights where kind in ('objection', 'restriction', 'lifting') order by exercised_at, id`,
  disavowals: `
    declare wishes no scroll cursor for select jsonb_build_object('signalId', signal_id, 'at', disavowed_at)::text as wish
    from disavowals order by disavowed_at, signal_id`,
  key_revocations: `
    declare wishes no scroll cursor for select jsonb_build_object('id', key_id, 'by', by, 'at', revoked_at)::text as wish
    from key_revocations order by revoked_at, key_id`,
};

/** The same, of a schema that is older than the table: it is about to be replaced, and what it knows is told by it alone. */
const statementsBefore: Partial<typeof statements> = {
  key_revocations: `
    declare wishes no scroll cursor for select jsonb_build_object('id', id, 'at', revoked_at)::text as wish
    from api_keys where revoked_at is not null order by revoked_at, id`,
};

/** Everything that was ever asked; nothing of it where the schema is older than that. */
export async function wishesIn(client: pg.Client): Promise<Wishes> {
  const found = new Map<string, unknown[]>();
  await client.query('begin isolation level repeatable read read only');
  for (const kind of kinds) {
    const ofKind: unknown[] = [];
    for await (const wishes of someOf(client, kind)) ofKind.push(...wishes.map((wish): unknown => JSON.parse(wish)));
    found.set(kind, ofKind);
  }
  await client.query('commit');
  return Wishes.parse(Object.fromEntries(found));
}

/**
 * The same as text, to stand in a JSON object behind what else it holds, in one line and piece by piece: it is for whoever must not have all of it
 * in memory, nor keep anybody waiting while it is put together. To be called in a transaction.
 */
export async function* writtenWishes(client: pg.Client): AsyncGenerator<string> {
  for (const kind of kinds) {
    yield `,${JSON.stringify(kind)}:[`;
    let between = '';
    for await (const wishes of someOf(client, kind)) {
      yield between + wishes.join(',');
      between = ',';
    }
    yield ']';
  }
}

const kinds = Object.keys(statements) as (keyof Wishes)[];

/** As JSON, a thousand at once; never none. */
async function* someOf(client: pg.Client, kind: keyof Wishes): AsyncGenerator<string[]> {
  const { rows: there } = await client.query<{ known: boolean; heed: boolean }>(
    `select to_regclass($1) is not null as known, to_regclass('public.api_keys') is not null as heed`,
    [`public.${kind}`],
  );
  const { known, heed } = there[0]!;
  const statement = known ? statements[kind] : heed ? statementsBefore[kind] : undefined;
  if (!statement) return;
  await client.query(statement);
  for (;;) {
    // Some hundred kilobytes.
    const { rows } = await client.query<{ wish: string }>('fetch 1000 from wishes');
    if (rows.length === 0) break;
    yield rows.map(({ wish }) => wish);
  }
  await client.query('close wishes');
}

/** To be called while nothing else is at work on this database, and before its loops are woken. Doing it twice does no harm. */
export async function repeatWishes(pool: Pool, company: Company, wishes: Wishes): Promise<Repeated> {
  const erasedAgain = await eraseAgain(pool, company, wishes.erasures);
  const heldAgain = await pool.transaction(async (tx) => {
    await holdTheChain(tx);
    const suppressed = await suppressAgain(tx, wishes.suppressions);
    await vouchAgain(tx, wishes.vouchings);
    const used = await useAgain(tx, wishes.rights);
    const disavowed = await disavowAgain(tx, wishes.disavowals);
    return suppressed + used + disavowed + (await revokeAgain(tx, wishes.key_revocations));
  });
  return { erasedAgain, heldAgain };
}

async function eraseAgain(pool: Pool, company: Company, erasures: readonly RecordedErasure[]): Promise<number> {
  const known = new Set(await pool.anyFirst(sql.type(IdRow)`select id from erasures`));
  let erasedAgain = 0;
  for (const one of erasures) {
    if (known.has(one.id)) continue;
    await pool.transaction(async (tx) => {
      // Whoever came after the backup is not in it, but what they said may be sent again. They are known by their id, as whoever was erased here, so
      // that the next backup says of whom it was.
      if (one.customerId)
        await tx.query(sql.unsafe`insert into customers (id) values (${one.customerId}) on conflict do nothing`);
      else if (one.signals.length + one.tombstones.length === 0) return;
      await erase(tx, { customerId: one.customerId, signalIds: one.signals }, { ...one, company });
      for (const { kind, hash } of one.tombstones)
        await tx.query(sql.unsafe`
          insert into tombstones (erasure_id, kind, address_hash) values (${one.id}, ${kind}, ${sql.binary(Buffer.from(hash, 'hex'))})
          on conflict do nothing`);
      erasedAgain += 1;
    });
  }
  return erasedAgain;
}

/** What waits in the ledger is left as it is: the gate before sending asks for the way to a customer, and what may have left is in doubt. */
async function suppressAgain(tx: Tx, suppressions: Wishes['suppressions']): Promise<number> {
  const { rowCount } = await tx.query(sql.unsafe`
    insert into suppressions (id, address_hash, channel, cause, suppressed_at)
    select gen_random_uuid(), decode(w.hash, 'hex'), w.channel, w.cause, w.at::timestamptz
    from ${sql.unnest(
      suppressions.map(({ hash, channel, cause, at }) => [hash, channel, cause, at]),
      ['text', 'text', 'text', 'text'],
    )} as w (hash, channel, cause, at)
    on conflict do nothing`);
  return rowCount;
}

/** Else a mailbox that had been full would stay suppressed for good. */
async function vouchAgain(tx: Tx, vouchings: Wishes['vouchings']): Promise<void> {
  await tx.query(sql.unsafe`
    insert into vouchings (id, address_hash, how, by, vouched_at)
    select w.id, decode(w.hash, 'hex'), w.how, w.by, w.at::timestamptz
    from ${sql.unnest(
      vouchings.map(({ id, hash, how, by, at }) => [id, hash, how, by, at]),
      ['uuid', 'text', 'text', 'text', 'text'],
    )} as w (id, hash, how, by, at)
    on conflict do nothing`);
}

/** Whoever came later is not in this database, and has nothing in it that could rest. */
async function useAgain(tx: Tx, rights: Wishes['rights']): Promise<number> {
  const used = await tx.any(sql.type(UsedRow)`
    insert into rights (id, customer_id, kind, by, exercised_at)
    select w.id, w.customer_id, w.kind, w.by, w.at::timestamptz
    from ${sql.unnest(
      rights.map(({ id, customerId, kind, by, at }) => [id, customerId, kind, by, at]),
      ['uuid', 'uuid', 'text', 'text', 'text'],
    )} as w (id, customer_id, kind, by, at)
    join customers c on c.id = w.customer_id
    on conflict do nothing
    returning id, kind`);
  // An address that was put right since is the former one again here, and nobody objected to that.
  const objections = used.filter(({ kind }) => kind === 'objection').map(({ id }) => id);
  await tx.query(sql.unsafe`
    insert into suppressions (id, address_hash, channel, cause, suppressed_at)
    select gen_random_uuid(), sha256(convert_to(i.normalised, 'UTF8')), i.kind, 'unsubscribed', r.exercised_at
    from rights r
    join identities i on i.customer_id = r.customer_id and (i.kind = 'email' or i.kind = 'phone' and r.by <> 'customer')
    where r.id = any(${sql.array(objections, 'uuid')})
    on conflict do nothing`);
  return used.length;
}

async function disavowAgain(tx: Tx, disavowals: Wishes['disavowals']): Promise<number> {
  const disavowed = await tx.any(sql.type(SaidByRow)`
    with repeated as (
      insert into disavowals (signal_id, disavowed_at)
      select w.signal_id, w.at::timestamptz
      from ${sql.unnest(
        disavowals.map(({ signalId, at }) => [signalId, at]),
        ['uuid', 'text'],
      )} as w (signal_id, at)
      join signals s on s.id = w.signal_id
      on conflict do nothing
      returning signal_id)
    select s.customer_id from repeated r join signals s on s.id = r.signal_id`);
  const customers = new Set(disavowed.map(({ customer_id }) => customer_id));
  for (const customer of customers) if (customer) await takeMailboxOfAnother(tx, customer);
  return disavowed.length;
}
