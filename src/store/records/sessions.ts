/** Who is signed in, and which keys may call the API. Tokens and keys are kept as hashes and can be revoked. */

import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db } from '../pool.ts';
import { hashOf } from './links.ts';

/** Signs a person in for 30 days. Returns the token for the cookie. */
export async function openSession(db: Db, staff: string): Promise<string> {
  const token = randomBytes(24).toString('base64url');
  await db.query(sql.unsafe`
    insert into sessions (token_hash, staff, expires_at) values (${sql.binary(hashOf(token))}, ${staff}, heed_now() + interval '30 days')`);
  return token;
}

const Person = z.object({ code: z.string(), name: z.string() });

export async function personOfSession(db: Db, token: string): Promise<z.infer<typeof Person> | null> {
  return db.maybeOne(sql.type(Person)`
    select p.code, p.name from sessions s join staff p on p.code = s.staff
    where s.token_hash = ${sql.binary(hashOf(token))} and s.revoked_at is null and s.expires_at > heed_now() and p.removed_at is null`);
}

export async function endSession(db: Db, token: string): Promise<void> {
  await db.query(
    sql.unsafe`update sessions set revoked_at = heed_now() where token_hash = ${sql.binary(hashOf(token))} and revoked_at is null`,
  );
}

const ApiKey = z.object({ id: z.string(), name: z.string(), scopes: z.array(z.string()) });
export type ApiKey = z.infer<typeof ApiKey>;

/** Keeps a key (or finds it kept) under a name. */
export async function keepApiKey(db: Db, key: string, name: string, scopes: readonly string[]): Promise<void> {
  await db.query(sql.unsafe`
    insert into api_keys (id, name, key_hash, scopes) values (${newId()}, ${name}, ${sql.binary(hashOf(key))}, ${sql.array([...scopes], 'text')})
    on conflict (key_hash) do nothing`);
}

export async function apiKey(db: Db, key: string): Promise<ApiKey | null> {
  return db.maybeOne(sql.type(ApiKey)`
    select id, name, scopes from api_keys where key_hash = ${sql.binary(hashOf(key))} and revoked_at is null`);
}

export async function anyApiKey(db: Db): Promise<boolean> {
  return db.exists(sql.unsafe`select from api_keys where revoked_at is null`);
}
