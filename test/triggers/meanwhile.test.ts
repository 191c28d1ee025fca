/** Rights, retention and tellings while somebody else is at it: each comes before the other or after it, and nothing falls between. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { newId } from '../../src/domain/ids.ts';
import { capture, type Capture } from '../../src/triggers/capture.ts';
import type { Heed } from '../../src/triggers/heed.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import { openTestDatabase, type TestDatabase } from '../support/database.ts';
import { meanwhile } from '../support/meanwhile.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const press = () => ({ source: 'test', key: newId() });
const operator = { by: 'operator', reason: 'asked by letter' };
const consent: Capture['consent'] = [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }];
const hears = (said: Partial<Capture> & { words: string }, heed: Heed = db.heed) =>
  capture(
    heed,
    { place: 'high-street', by: 'mina', consent: said.customer?.email ? consent : undefined, ...said },
    { channel: 'web', press: press() },
  );

test('an old list that is read in again while its customer is being erased brings nothing back', async () => {
  const customer = { name: 'Ola List', email: 'ola@list.example' };
  await hears({ words: 'It squeaks', customer });
  const subject = await subjectNamed(db.pool, customer.email);
  const saidAt = new Date(Date.now() - 86_400_000).toISOString();
  const [erasing, again] = await meanwhile(
    db,
    (heed) => erase(heed, subject, operator),
    () => hears({ words: 'It squeaked', customer, saidAt }),
  );
  expect(erasing).toMatchObject({ status: 'fulfilled' });
  expect(again).toMatchObject({ status: 'rejected', reason: { code: 'gone' } });
  await expect(subjectNamed(db.pool, customer.email)).rejects.toMatchObject({ code: 'not_found' });
});
