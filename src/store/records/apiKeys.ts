/** Which keys may call the API, what they may do and where. Kept as hashes; one that is named after somebody ends with them. */

import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { hashOf } from './links.ts';
import { holdPerson } from './staff.ts';

/** What a key may do; `*` is all of it. */
export const scopes = ['capture', 'respond', 'respond-for', 'read'] as const;
export type Scope = (typeof scopes)[number];

const ApiKey = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.string()),
  /** Codes; null: every place. */
  places: z.array(z.string()).nullable(),
});
export type ApiKey = z.infer<typeof ApiKey>;

const Found = ApiKey.extend({
  /** Not used for a minute: to be written down when it is. */
  quiet: z.boolean(),
});

const quiet = sql.fragment`coalesce(k.last_used_at < heed_now() - interval '1 minute', true)`;

const inForce = sql.fragment`
  not exists (select from key_revocations r where r.key_id = k.id)
  and not exists (select from staff p where p.code = k.name and p.removed_at is not null)`;

export interface KeptKey {
  /** Whose it is: somebody's code, or what it is for. */
  name: string;
  scopes: readonly string[];
  /** Codes; every place without. */
  places?: readonly string[] | null;
  /** Who made it: the account of whoever typed it. */
  by: string;
}

/** Keeps a key, or finds it kept. */
export async function keepApiKey(db: Db, key: string, { name, scopes, places, by }: KeptKey): Promise<void> {
  // Else a key that is made for somebody just when they leave would be theirs again once they are back.
  await holdPerson(db, name);
  await db.query(sql.unsafe`
    insert into api_keys (id, name, key_hash, scopes, places, made_by)
    values (
      ${newId()}, ${name}, ${sql.binary(hashOf(key))}, ${sql.array([...scopes], 'text')},
      ${places ? sql.array([...places], 'text') : null}, ${by})
    on conflict (key_hash) do nothing`);
}

/** Null for what is no key of ours, or no longer. */
export async function apiKey(db: Db, key: string): Promise<z.infer<typeof Found> | null> {
  return db.maybeOne(sql.type(Found)`
    select k.id, k.name, k.scopes, k.places, (${quiet}) as quiet
    from api_keys k where k.key_hash = ${sql.binary(hashOf(key))} and ${inForce}`);
}

/** Keys as they are now. Whoever asks for one again within `knownForMs` hears the same: a busy key is looked up once for many requests, and one
 *  that is revoked opens doors for so much longer. What is no key of ours is asked for each time, and not kept. That a key was used is
 *  written down once a minute at most, and nobody waits for it. */
export function openApiKeys(db: Db, { knownForMs }: { knownForMs: number }): (key: string) => Promise<ApiKey | null> {
  const known = new Map<string, { key: ApiKey; askedAt: number }>();
  const writing = new Set<string>();
  const used = (id: string): void => {
    // All who come in the same moment find it quiet.
    if (writing.has(id)) return;
    writing.add(id);
    void apiKeyUsed(db, id)
      .catch(() => {})
      .finally(() => writing.delete(id));
  };
  return async (given) => {
    const name = hashOf(given).toString('base64');
    const before = known.get(name);
    const askedAt = performance.now();
    if (before && askedAt - before.askedAt < knownForMs) return before.key;
    const key = await apiKey(db, given);
    if (key) known.set(name, { key, askedAt });
    else known.delete(name);
    if (key?.quiet) used(key.id);
    return key;
  };
}

async function apiKeyUsed(db: Db, id: string): Promise<void> {
  await db.query(sql.unsafe`update api_keys k set last_used_at = heed_now() where k.id = ${id} and ${quiet}`);
}

const Listed = ApiKey.extend({
  created_at: z.date(),
  /** Accounts; null: not written down at the time. */
  made_by: z.string().nullable(),
  revoked_at: z.date().nullable(),
  revoked_by: z.string().nullable(),
  last_used_at: z.date().nullable(),
  in_force: z.boolean(),
});

/** All there ever were, newest first. */
export function apiKeys(db: Db): Promise<readonly z.infer<typeof Listed>[]> {
  return db.any(sql.type(Listed)`
    select k.id, k.name, k.scopes, k.places, k.created_at, k.made_by, e.revoked_at, e.by as revoked_by, k.last_used_at, (${inForce}) as in_force
    from api_keys k left join key_revocations e on e.key_id = k.id order by k.created_at desc, k.id desc`);
}

/** Ends a key for ever, named by its id, or every key of that name. Returns how many it ended. */
export async function revokeApiKeys(db: Db, idOrName: string, by: string): Promise<number> {
  return revoke(db, sql.fragment`k.id::text = ${idOrName} or k.name = ${idOrName}`, { by });
}

/** Ends the keys of people who have left the company file of that version, or have another address in it. */
export async function revokeApiKeysOf(
  tx: Tx,
  gone: ReturnType<typeof sql.fragment>,
  why: { by: string; configuration: number },
): Promise<void> {
  await revoke(tx, sql.fragment`k.name in ${gone}`, why);
}

async function revoke(
  db: Db,
  which: ReturnType<typeof sql.fragment>,
  { by, configuration = null }: { by: string; configuration?: number | null },
): Promise<number> {
  const { rowCount } = await db.query(sql.unsafe`
    insert into key_revocations (key_id, by, configuration)
    select k.id, ${by}, ${configuration}::integer from api_keys k where ${which}
    on conflict do nothing`);
  return rowCount;
}

/** Revokes those that a restored database still takes, as of when they were. Returns how many. */
export async function revokeAgain(
  db: Db,
  revoked: readonly { id: string; by: string | null; at: string }[],
): Promise<number> {
  const { rowCount } = await db.query(sql.unsafe`
    insert into key_revocations (key_id, by, revoked_at)
    select k.id, w.by, w.at::timestamptz
    from ${sql.unnest(
      revoked.map(({ id, by, at }) => [id, by, at]),
      ['uuid', 'text', 'text'],
    )} as w (id, by, at)
    join api_keys k on k.id = w.id
    on conflict do nothing`);
  return rowCount;
}

/** Keeps the key that was given from outside, which ends the former one: what has left the environment must open nothing. One that was ended before,
 *  as in the environment of a web that was not told of another, ends nothing. Without one, makes the first there is, and returns it, to be shown
 *  this once. */
export async function keepInitialApiKey(db: Db, given: string | undefined): Promise<string | undefined> {
  if (given !== undefined) {
    await keepApiKey(db, given, { name: outside, scopes: ['*'], by: outside });
    if (await apiKey(db, given))
      await revoke(db, sql.fragment`k.name = ${outside} and k.key_hash <> ${sql.binary(hashOf(given))}`, {
        by: outside,
      });
    return undefined;
  }
  if (await db.exists(sql.unsafe`select from api_keys k where ${inForce}`)) return undefined;
  const made = newApiKey();
  await keepApiKey(db, made, { name: 'first key', scopes: ['*'], by: 'start' });
  return made;
}

const outside = 'HEED_API_KEY';

export const newApiKey = (): string => `heed_${randomBytes(24).toString('base64url')}`;
