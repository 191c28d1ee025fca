/** Keys that are asked for again and again. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { sql } from '../../src/store/pool.ts';
import { apiKeys, keepApiKey, keepInitialApiKey, openApiKeys, revokeApiKeys } from '../../src/store/records/apiKeys.ts';
import { chainFacts } from '../../src/store/records/chain.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { meanwhile } from '../support/meanwhile.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

test('a key that was let in is not looked up again for as long as is said, and then it is', async () => {
  await keepApiKey(db.pool, 'key-of-the-till', { name: 'till', scopes: ['capture'], by: 'ops' });
  const patient = openApiKeys(db.pool, { knownForMs: 60_000 });
  const asking = openApiKeys(db.pool, { knownForMs: 0 });
  expect(await patient('key-of-the-till')).toMatchObject({ name: 'till' });
  expect(await asking('key-of-the-till')).toMatchObject({ name: 'till' });
  await revokeApiKeys(db.pool, 'till', 'ops');
  expect(await patient('key-of-the-till')).toMatchObject({ name: 'till' });
  expect(await asking('key-of-the-till')).toBeNull();
});

test('what was no key of ours is one from the moment that it is kept', async () => {
  const keys = openApiKeys(db.pool, { knownForMs: 60_000 });
  expect(await keys('key-of-the-desk')).toBeNull();
  await keepApiKey(db.pool, 'key-of-the-desk', { name: 'desk', scopes: ['read'], by: 'ops' });
  expect(await keys('key-of-the-desk')).toMatchObject({ name: 'desk' });
});

test('a key that is named after somebody who has left opens nothing, however lately it was made; all others go on', async () => {
  const zoe = { ...Object.values(db.company.staff)[0]!, name: 'Zoe Zane', email: 'zoe@example.com' };
  await db.apply((company) => (company.staff['zoe'] = zoe));
  for (const name of ['zoe', 'counter'])
    await keepApiKey(db.pool, `key-of-the-${name}`, { name, scopes: ['read'], by: 'ops' });
  const keys = openApiKeys(db.pool, { knownForMs: 0 });
  expect(await keys('key-of-the-zoe')).toMatchObject({ name: 'zoe' });
  await db.apply((company) => delete company.staff['zoe']);
  await keepApiKey(db.pool, 'key-of-late', { name: 'zoe', scopes: ['read'], by: 'ops' });
  expect([await keys('key-of-the-zoe'), await keys('key-of-late')]).toEqual([null, null]);
  expect(await keys('key-of-the-counter')).toMatchObject({ name: 'counter' });
  expect((await apiKeys(db.pool)).filter((key) => key.in_force).map(({ name }) => name)).toContain('counter');
  expect((await apiKeys(db.pool)).filter((key) => key.in_force).map(({ name }) => name)).not.toContain('zoe');
});

test('a key that is made for somebody just when they leave ends with it, and opens nothing once they are back', async () => {
  const ida = { ...Object.values(db.company.staff)[0]!, name: 'Ida Inger', email: 'ida@example.com' };
  await db.apply((company) => (company.staff['ida'] = ida));
  const came = await meanwhile(
    db,
    ({ pool }) => pool.transaction((tx) => keepApiKey(tx, 'key-of-ida', { name: 'ida', scopes: ['read'], by: 'otto' })),
    () => db.apply((company) => delete company.staff['ida']),
  );
  expect(came.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
  await db.apply((company) => (company.staff['ida'] = ida));
  const keys = openApiKeys(db.pool, { knownForMs: 0 });
  expect(await keys('key-of-ida')).toBeNull();
});

test('when a key was last used is on record, written once a minute at most and waited for by nobody', async () => {
  await keepApiKey(db.pool, 'key-of-the-report', { name: 'report', scopes: ['read'], by: 'ops' });
  const written: Promise<unknown>[] = [];
  const seen = new Proxy(db.pool, {
    get: (pool, name) =>
      name === 'query'
        ? (statement: never) => {
            const asked = pool.query(statement);
            written.push(asked);
            return asked;
          }
        : (Reflect.get(pool, name) as unknown),
  });
  const keys = openApiKeys(seen, { knownForMs: 0 });
  const lastUsed = async (): Promise<Date | null> => {
    await Promise.all(written);
    return (await apiKeys(db.pool)).find(({ name }) => name === 'report')!.last_used_at;
  };
  expect(await lastUsed()).toBeNull();
  await Promise.all(Array.from({ length: 20 }, () => keys('key-of-the-report')));
  const first = await lastUsed();
  expect(first).not.toBeNull();
  const many = written.length;
  await db.passTime('40 seconds');
  await keys('key-of-the-report');
  expect([written.length, await lastUsed()]).toEqual([many, first]);
  await db.passTime('30 seconds');
  await keys('key-of-the-report');
  expect((await lastUsed())!.getTime() - first!.getTime()).toBeGreaterThanOrEqual(70_000);
  expect(written).toHaveLength(many + 1);
});

test('a key that can’t be written down lets in as before', async () => {
  await keepApiKey(db.pool, 'key-of-the-night', { name: 'night', scopes: ['read'], by: 'ops' });
  const full = new Proxy(db.pool, {
    get: (pool, name) =>
      name === 'query' ? () => Promise.reject(new Error('the disk is full')) : (Reflect.get(pool, name) as unknown),
  });
  expect(await openApiKeys(full, { knownForMs: 0 })('key-of-the-night')).toMatchObject({ name: 'night' });
});

/** Each link about keys, in its order: what was recorded of which key, and by whom. */
async function chained(): Promise<string[]> {
  while ((await chainFacts(db.pool, 500)) > 0);
  return [
    ...(await db.pool.anyFirst(sql.type(z.object({ act: z.string() }))`
      select concat_ws(' ', c.fact, k.name, coalesce(r.by, k.made_by), r.configuration is not null) as act
      from chain c
      left join key_revocations r on c.fact = 'key_revocations' and r.key_id = c.key::uuid
      join api_keys k on c.fact in ('api_keys', 'key_revocations') and k.id = c.key::uuid
      order by c.seq`)),
  ];
}

test('who made a key and who ended it stands in the chain, once each', async () => {
  const kim = { ...Object.values(db.company.staff)[0]!, name: 'Kim Kast', email: 'kim@example.com' };
  await db.apply((company) => (company.staff['kim'] = kim));
  const before = await chained();
  await keepApiKey(db.pool, 'key-of-the-booth', { name: 'booth', scopes: ['read'], by: 'otto' });
  await keepApiKey(db.pool, 'key-of-kim', { name: 'kim', scopes: ['read'], by: 'otto' });
  for (const by of ['ann', 'otto']) await revokeApiKeys(db.pool, 'booth', by);
  await db.apply((company) => delete company.staff['kim']);
  await db.apply((company) => (company.staff['kim'] = kim));
  await db.apply((company) => delete company.staff['kim']);
  await keepInitialApiKey(db.pool, 'the-first-from-outside');
  await keepInitialApiKey(db.pool, 'the-next-from-outside');
  await keepInitialApiKey(db.pool, 'the-next-from-outside');
  expect((await chained()).slice(before.length)).toEqual([
    'api_keys booth otto f',
    'api_keys kim otto f',
    'key_revocations booth ann f',
    'key_revocations kim test t',
    'api_keys HEED_API_KEY HEED_API_KEY f',
    'api_keys HEED_API_KEY HEED_API_KEY f',
    'key_revocations HEED_API_KEY HEED_API_KEY f',
  ]);
});

test('a key refuses to open more than it did, or again', async () => {
  await keepApiKey(db.pool, 'key-of-the-stand', { name: 'stand', scopes: ['read'], places: ['station'], by: 'ops' });
  await revokeApiKeys(db.pool, 'stand', 'ops');
  for (const statement of [
    sql.unsafe`update api_keys set scopes = '{*}' where name = 'stand'`,
    sql.unsafe`update api_keys set places = null where name = 'stand'`,
    sql.unsafe`delete from api_keys where name = 'stand'`,
    sql.unsafe`delete from key_revocations`,
    sql.unsafe`update key_revocations set by = 'nobody'`,
  ])
    await expect(db.pool.query(statement)).rejects.toThrow(/Facts stay/);
});
