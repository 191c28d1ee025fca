/** Whom an outage calls, of all whose time has come meanwhile. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { climb } from '../../src/activities/climb.ts';
import type { Role } from '../../src/domain/company.ts';
import { newId } from '../../src/domain/ids.ts';
import { sql } from '../../src/store/pool.ts';
import { capture } from '../../src/triggers/capture.ts';
import { handsOf, openTestDatabase, type TestDatabase } from '../support/database.ts';
import { goOn } from '../triggers/http/story.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const Called = z.object({ staff: z.string(), collapsed: z.boolean() });

/** Rungs come an hour after each other, and all of them are due by the time that somebody looks. */
async function calledAfterOutage(...roles: Exclude<Role, 'nobody'>[]): Promise<string[]> {
  await db.apply((company) => {
    company.staff['jonas']!.lead = 'tomas';
    company.ladders['acknowledging']!.rungs = roles.map((notify, n) => ({ after: { amount: n, unit: 'h' }, notify }));
  });
  const { id } = await capture(
    db.heed,
    { words: 'How much is the coat?', place: 'high-street', by: 'mina' },
    { channel: 'web', press: { source: 'test', key: newId() } },
  );
  await goOn(db, id);
  await db.passTime(`${roles.length} hours`);
  await climb(handsOf(db), id);
  const taken = await db.pool.any(sql.type(Called)`
    select e.staff, e.collapsed from escalations e join plans p on p.id = e.plan_id
    where p.loop_id = ${id} and p.wait = 'acknowledged' order by e.step, e.repeat`);
  expect(taken).toHaveLength(roles.length);
  return taken.filter(({ collapsed }) => !collapsed).map(({ staff }) => staff);
}

test('after an outage whoever stands highest is called beside whoever was asked first, and nobody between or below', async () => {
  expect(await calledAfterOutage('owner', 'lead')).toEqual(['jonas', 'tomas']);
  expect(await calledAfterOutage('owner', 'lead', 'manager')).toEqual(['jonas', 'priya']);
  expect(await calledAfterOutage('owner', 'lead', 'manager', 'executive')).toEqual(['jonas', 'ingrid']);
});

test('whoever stands highest does so also where somebody below was due after them', async () => {
  expect(await calledAfterOutage('owner', 'manager', 'lead')).toEqual(['jonas', 'priya']);
  expect(await calledAfterOutage('owner', 'executive', 'manager', 'lead', 'owner')).toEqual(['jonas', 'ingrid']);
});
