/** What happened at the doors, to people's rights and by operators' hands, and the head of the chain: read from the rows that say so, oldest first,
 *  until a collector has it. What was taken is noted only then, so whatever is cut short is carried again. */

import { z } from 'zod';
import type { SecurityEvent, SecurityEventName } from '../../domain/securityEvents.ts';
import { sql, type Db } from '../pool.ts';
import { endOfSession } from './sessions.ts';

const Lease = z.object({
  fence: z.number(),
  /** The last link of the chain that was looked through. */
  links: z.number(),
});
export type Lease = z.infer<typeof Lease>;

/** Of each kind, in one request: a megabyte in all, where collectors take four at least. */
const atOnce = 500;

/** For half a minute whoever has it carries alone. Null while another one does. */
export function leaseCollector(db: Db): Promise<Lease | null> {
  return db.maybeOne(sql.type(Lease)`
    update collectors set wanted = true, leased_until = clock_timestamp() + interval '30 s', fence = fence + 1
    where leased_until is null or leased_until < clock_timestamp()
    returning fence, links`);
}

export async function letGoOfCollector(db: Db, { fence }: Lease): Promise<void> {
  await db.query(sql.unsafe`update collectors set leased_until = null where fence = ${fence}`);
}

/** None is set any more: nothing waits for one. */
export async function wantNoCollector(db: Db): Promise<void> {
  await db.query(sql.unsafe`update collectors set wanted = false where wanted`);
}

const Attributes = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));
const SessionRow = z.object({
  id: z.string(),
  /** 1: that it began; 2: that it ended. */
  part: z.number(),
  at: z.date(),
  attributes: Attributes,
});
const RefusedRow = z.object({
  minute: z.date(),
  door: z.string(),
  whose: z.string(),
  why: z.string(),
  times: z.number(),
});
const LinkRow = z.object({ seq: z.number(), fact: z.string(), key: z.string(), hash: z.string() });
const FactRow = z.object({ key: z.string(), at: z.date(), attributes: Attributes });
const HeadRow = z.object({ seq: z.number(), hash: z.string(), at: z.date() });
const AgeRow = z.object({ seconds: z.number().nullable() });

/** What waits to be carried, and what to note once it was. */
export interface Batch {
  events: SecurityEvent[];
  sessions: readonly z.infer<typeof SessionRow>[];
  refusals: readonly z.infer<typeof RefusedRow>[];
  links: number;
  head: number | null;
  /** There may be more of it at once. */
  more: boolean;
}

export async function eventsToCarry(db: Db, { links: after }: Lease): Promise<Batch> {
  const sessions = await sessionsToCarry(db);
  const refusals = await refusalsToCarry(db);
  // A link has its number under the chain's lock and is seen before the next one has its own: none turns up later below one that was read.
  const links = await db.any(sql.type(LinkRow)`
    select seq, fact, key, encode(hash, 'hex') as hash from chain where seq > ${after} order by seq limit ${atOnce}`);
  const head = await headToCarry(db);
  const events = [
    ...sessions.map(sessionEvent),
    ...refusals.map(refusalEvent),
    ...(await factEvents(db, links)),
    ...(head ? [headEvent(head)] : []),
  ];
  return {
    events: events.toSorted((a, b) => a.at.getTime() - b.at.getTime()),
    sessions,
    refusals,
    links: links.at(-1)?.seq ?? after,
    head: head?.seq ?? null,
    more: [sessions, refusals, links].some(({ length }) => length === atOnce),
  };
}

const hasEnded = sql.fragment`s.carried < 2 and e.at <= heed_now()`;

/** That they began, and that they ended: revoked, past their time, or without their person for days. */
function sessionsToCarry(db: Db) {
  return db.any(sql.type(SessionRow)`
    select s.id, 1 as part, s.created_at as at,
      jsonb_build_object('heed.session.id', s.id, 'user.id', s.staff, 'heed.session.through', s.through) as attributes
    from sessions s where s.carried = 0
    union all
    select s.id, 2, e.at,
      jsonb_build_object('heed.session.id', s.id, 'user.id', s.staff, 'heed.session.how',
        case e.at when s.revoked_at then 'revoked' when s.expires_at then 'expired' else 'idle' end)
    from sessions s cross join lateral (select ${endOfSession} as at) e
    where ${hasEnded}
    order by at, part, id limit ${atOnce}`);
}

function sessionEvent({ id, part, at, attributes }: z.infer<typeof SessionRow>): SecurityEvent {
  return {
    name: part === 1 ? 'heed.session.begun' : 'heed.session.ended',
    uid: `session/${id}/${part}`,
    at,
    attributes,
  };
}

/** Of minutes that are over. Whoever writes across the end of one has it carried again, with all of it. */
function refusalsToCarry(db: Db) {
  return db.any(sql.type(RefusedRow)`
    select minute, door, whose, why, times from refusals
    where carried < times and minute <= heed_now() - interval '1 minute'
    order by minute, door, whose, why limit ${atOnce}`);
}

function refusalEvent({ minute, door, whose, why, times }: z.infer<typeof RefusedRow>): SecurityEvent {
  return {
    name: 'heed.refusals',
    uid: ['refusals', minute.toISOString(), door, why, whose, times].join('/'),
    at: minute,
    attributes: {
      'heed.refusal.door': door,
      'heed.refusal.why': why,
      'heed.refusal.times': times,
      ...(whose && { 'heed.refusal.whose': whose }),
    },
  };
}

/** The kinds of facts that are told, and how each is read by its keys. */
const facts = {
  configurations: {
    name: 'heed.company.applied',
    read: (keys: string[]) => sql.type(FactRow)`
      select version::text as key, applied_at as at, jsonb_build_object('heed.company.version', version, 'heed.by', applied_by,
        'heed.company.sha256', encode(sha256(convert_to(yaml, 'UTF8')), 'hex')) as attributes
      from configurations where version = any(${sql.array(keys, 'text')}::int4[])`,
  },
  api_keys: {
    name: 'heed.api_key.made',
    read: (keys: string[]) => sql.type(FactRow)`
      select k.id as key, k.created_at as at, jsonb_strip_nulls(jsonb_build_object('heed.api_key.id', k.id, 'heed.api_key.scopes', k.scopes,
        'heed.api_key.places', k.places, 'user.id', (select p.code from staff p where p.code = k.name), 'heed.by', k.made_by)) as attributes
      from api_keys k where k.id = any(${sql.array(keys, 'text')}::uuid[])`,
  },
  key_revocations: {
    name: 'heed.api_key.revoked',
    read: (keys: string[]) => sql.type(FactRow)`
      select key_id as key, revoked_at as at, jsonb_strip_nulls(jsonb_build_object('heed.api_key.id', key_id, 'heed.by', by,
        'heed.company.version', configuration)) as attributes
      from key_revocations where key_id = any(${sql.array(keys, 'text')}::uuid[])`,
  },
  door_acts: {
    name: 'heed.door.act',
    read: (keys: string[]) => sql.type(FactRow)`
      select id as key, acted_at as at, jsonb_strip_nulls(jsonb_build_object('heed.door.act', act, 'user.id', staff,
        'heed.session.id', session_id, 'heed.by', by)) as attributes
      from door_acts where id = any(${sql.array(keys, 'text')}::uuid[])`,
  },
  bindings: {
    name: 'heed.binding.made',
    read: (keys: string[]) => sql.type(FactRow)`
      select id as key, bound_at as at,
        jsonb_build_object('heed.binding.id', id, 'user.id', staff, 'heed.binding.issuer', issuer) as attributes
      from bindings where id = any(${sql.array(keys, 'text')}::uuid[])`,
  },
  freeings: {
    name: 'heed.binding.freed',
    read: (keys: string[]) => sql.type(FactRow)`
      select f.binding_id as key, f.freed_at as at, jsonb_strip_nulls(jsonb_build_object('heed.binding.id', f.binding_id,
        'user.id', b.staff, 'heed.by', f.by, 'heed.company.version', f.configuration)) as attributes
      from freeings f join bindings b on b.id = f.binding_id where f.binding_id = any(${sql.array(keys, 'text')}::uuid[])`,
  },
  rights: {
    name: 'heed.right.exercised',
    read: (keys: string[]) => sql.type(FactRow)`
      select id as key, exercised_at as at,
        jsonb_build_object('heed.right', kind, 'heed.customer.id', customer_id, 'heed.by', by) as attributes
      from rights where id = any(${sql.array(keys, 'text')}::uuid[])`,
  },
  erasures: {
    name: 'heed.right.exercised',
    read: (keys: string[]) => sql.type(FactRow)`
      select id as key, erased_at as at, jsonb_strip_nulls(jsonb_build_object('heed.right', 'erasure', 'heed.erasure.cause', cause,
        'heed.customer.id', customer_id, 'heed.by', by)) as attributes
      from erasures where id = any(${sql.array(keys, 'text')}::uuid[])`,
  },
  repairs: {
    name: 'heed.repair.made',
    read: (keys: string[]) => sql.type(FactRow)`
      select id as key, repaired_at as at, jsonb_strip_nulls(jsonb_build_object('heed.repair.action', action, 'heed.loop.id', loop_id,
        'heed.delivery.id', delivery_id, 'heed.by', by)) as attributes
      from repairs where id = any(${sql.array(keys, 'text')}::uuid[])`,
  },
  sending_orders: {
    name: 'heed.sending.ordered',
    read: (keys: string[]) => sql.type(FactRow)`
      select id as key, ordered_at as at,
        jsonb_build_object('heed.sending.audience', audience, 'heed.sending.stops', stops, 'heed.by', by) as attributes
      from sending_orders where id = any(${sql.array(keys, 'text')}::uuid[])`,
  },
  // The first begins with the database itself.
  epochs: {
    name: 'heed.database.restored',
    read: (keys: string[]) => sql.type(FactRow)`
      select epoch::text as key, began_at as at, jsonb_build_object('heed.epoch', epoch, 'heed.by', by) as attributes
      from epochs where epoch > 1 and epoch = any(${sql.array(keys, 'text')}::int4[])`,
  },
} satisfies Record<string, { name: SecurityEventName; read: unknown }>;

async function factEvents(db: Db, links: readonly z.infer<typeof LinkRow>[]): Promise<SecurityEvent[]> {
  const found: SecurityEvent[] = [];
  for (const [fact, { name, read }] of Object.entries(facts)) {
    const linked = new Map(links.filter((link) => link.fact === fact).map((link) => [link.key, link]));
    if (linked.size === 0) continue;
    for (const { key, at, attributes } of await db.any(read([...linked.keys()]))) {
      const { seq, hash } = linked.get(key)!;
      // Of a database that was put back the numbers come again, with other facts.
      found.push({ name, uid: `link/${hash}`, at, attributes: { ...attributes, 'heed.chain.seq': seq } });
    }
  }
  return found;
}

/** A minute after the last one, if anything was chained since; a day after it in any case, so that its silence means something. */
function headToCarry(db: Db) {
  return db.maybeOne(sql.type(HeadRow)`
    select h.seq, encode(h.hash, 'hex') as hash, heed_now() as at
    from (select seq, hash from chain order by seq desc limit 1) h, collectors k
    where k.head_at is null or k.head_at <= heed_now() - case when k.head = h.seq then interval '1 day' else interval '1 minute' end`);
}

function headEvent({ seq, hash, at }: z.infer<typeof HeadRow>): SecurityEvent {
  return {
    name: 'heed.chain.head',
    uid: `head/${seq}/${at.toISOString()}`,
    at,
    attributes: { 'heed.chain.seq': seq, 'heed.chain.hash': hash },
  };
}

/** Notes what was taken, and lets go. Whatever is not noted, because this is cut short, is carried again. */
export async function eventsCarried(db: Db, { fence }: Lease, batch: Batch): Promise<void> {
  if (batch.sessions.length > 0)
    await db.query(sql.unsafe`
      update sessions s set carried = greatest(s.carried, taken.part)
      from (select id, max(part) as part from ${sql.unnest(
        batch.sessions.map(({ id, part }) => [id, part]),
        ['uuid', 'int4'],
      )} as t (id, part) group by id) taken
      where s.id = taken.id`);
  if (batch.refusals.length > 0)
    await db.query(sql.unsafe`
      update refusals r set carried = greatest(r.carried, taken.times)
      from ${sql.unnest(
        batch.refusals.map(({ minute, door, whose, why, times }) => [minute.toISOString(), door, whose, why, times]),
        ['text', 'text', 'text', 'text', 'int4'],
      )} as taken (minute, door, whose, why, times)
      where r.minute = taken.minute::timestamptz and r.door = taken.door and r.whose = taken.whose and r.why = taken.why`);
  const head = sql.fragment`${batch.head}::bigint`;
  await db.query(sql.unsafe`
    update collectors set
      links = ${batch.links},
      head = coalesce(${head}, head),
      head_at = case when ${head} is null then head_at else heed_now() end,
      leased_until = null
    where fence = ${fence}`);
}

/** For how many seconds the oldest of what a collector does not have has waited; null where none is set. Of the chain no more is looked through
 *  than is carried at once: what lies behind that is younger. */
export async function longestUncarried(db: Db): Promise<number | null> {
  return db.oneFirst(sql.type(AgeRow)`
    select case when k.wanted then greatest(0, coalesce(extract(epoch from heed_now() - (
      select min(w.at) from (
        select s.created_at as at from sessions s where s.carried = 0
        union all
        select e.at from sessions s cross join lateral (select ${endOfSession} as at) e where ${hasEnded}
        union all
        select r.minute + interval '1 minute' from refusals r where r.carried < r.times and r.minute <= heed_now() - interval '1 minute'
        union all
        select c.chained_at from chain c
        where c.seq > k.links and c.seq <= k.links + ${atOnce} and c.fact = any(${sql.array(Object.keys(facts), 'text')})
      ) w)), 0))::float8 end as seconds
    from collectors k`);
}
