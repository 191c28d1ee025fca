/** Keys that are asked for again and again. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { keepApiKey, openApiKeys, revokeApiKeys } from '../../src/store/records/apiKeys.ts';
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
