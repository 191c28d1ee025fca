/** Keys that are asked for again and again. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { apiKeys, keepApiKey, openApiKeys, revokeApiKeys } from '../../src/store/records/apiKeys.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

test('a key that was let in is not looked up again for as long as is said, and then it is', async () => {
  await keepApiKey(db.pool, 'key-of-the-till', 'till', ['capture']);
  const patient = openApiKeys(db.pool, { knownForMs: 60_000 });
  const asking = openApiKeys(db.pool, { knownForMs: 0 });
  expect(await patient('key-of-the-till')).toMatchObject({ name: 'till' });
  expect(await asking('key-of-the-till')).toMatchObject({ name: 'till' });
  await revokeApiKeys(db.pool, 'till');
  expect(await patient('key-of-the-till')).toMatchObject({ name: 'till' });
  expect(await asking('key-of-the-till')).toBeNull();
});

test('what was no key of ours is one from the moment that it is kept', async () => {
  const keys = openApiKeys(db.pool, { knownForMs: 60_000 });
  expect(await keys('key-of-the-desk')).toBeNull();
  await keepApiKey(db.pool, 'key-of-the-desk', 'desk', ['read']);
  expect(await keys('key-of-the-desk')).toMatchObject({ name: 'desk' });
});

test('a key that is named after somebody who has left opens nothing, however lately it was made; all others go on', async () => {
  const zoe = { ...Object.values(db.company.staff)[0]!, name: 'Zoe Zane', email: 'zoe@example.com' };
  await db.apply((company) => (company.staff['zoe'] = zoe));
  for (const name of ['zoe', 'counter']) await keepApiKey(db.pool, `key-of-the-${name}`, name, ['read']);
  const keys = openApiKeys(db.pool, { knownForMs: 0 });
  expect(await keys('key-of-the-zoe')).toMatchObject({ name: 'zoe' });
  await db.apply((company) => delete company.staff['zoe']);
  await keepApiKey(db.pool, 'key-of-late', 'zoe', ['read']);
  expect([await keys('key-of-the-zoe'), await keys('key-of-late')]).toEqual([null, null]);
  expect(await keys('key-of-the-counter')).toMatchObject({ name: 'counter' });
  expect((await apiKeys(db.pool)).filter((key) => key.in_force).map(({ name }) => name)).toContain('counter');
  expect((await apiKeys(db.pool)).filter((key) => key.in_force).map(({ name }) => name)).not.toContain('zoe');
});

test('when a key was last used is on record, written once a minute at most and waited for by nobody', async () => {
  await keepApiKey(db.pool, 'key-of-the-report', 'report', ['read']);
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
  await keepApiKey(db.pool, 'key-of-the-night', 'night', ['read']);
  const full = new Proxy(db.pool, {
    get: (pool, name) =>
      name === 'query' ? () => Promise.reject(new Error('the disk is full')) : (Reflect.get(pool, name) as unknown),
  });
  expect(await openApiKeys(full, { knownForMs: 0 })('key-of-the-night')).toMatchObject({ name: 'night' });
});
