/** Whom an outage calls, of all whose time has come meanwhile. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { catchUp, climb } from '../../src/activities/climb.ts';
import { refineOwner, triage } from '../../src/activities/triage.ts';
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

/** Rungs come an hour after each other. */
const rungsAre = (...roles: Role[]): Promise<void> =>
  db.apply((company) => {
    company.staff['jonas']!.lead = 'tomas';
    company.ladders['acknowledging']!.rungs = roles.map((notify, n) => ({ after: { amount: n, unit: 'h' }, notify }));
  });
async function hears(): Promise<string> {
  const said = { words: 'How much is the coat?', place: 'high-street', by: 'mina' };
  return (await capture(db.heed, said, { channel: 'web', press: { source: 'test', key: newId() } })).id;
}
const taken = (id: string) =>
  db.pool.any(sql.type(Called)`
    select e.staff, e.collapsed from escalations e join plans p on p.id = e.plan_id
    where p.loop_id = ${id} and p.wait = 'acknowledged' order by e.step, e.repeat`);
const called = async (id: string): Promise<string[]> =>
  (await taken(id)).filter(({ collapsed }) => !collapsed).map(({ staff }) => staff);

/** All of them are due by the time that somebody looks. */
async function calledAfterOutage(...roles: Role[]): Promise<string[]> {
  await rungsAre(...roles);
  const id = await hears();
  await goOn(db, id);
  await db.passTime(`${roles.length} hours`);
  await climb(handsOf(db), id);
  expect(await taken(id)).toHaveLength(roles.length);
  return called(id);
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

test('an outage that began before anybody was asked calls whoever it is for, too: they know of nothing yet', async () => {
  await rungsAre('owner', 'lead', 'manager');
  const id = await hears();
  await triage(handsOf(db), id);
  await refineOwner(handsOf(db), id);
  await db.passTime('3 hours');
  await catchUp(handsOf(db), id, 0);
  await climb(handsOf(db), id);
  expect(await called(id)).toEqual(['jonas', 'priya']);
});

test('nobody is asked before it was found whose it is', async () => {
  await rungsAre('owner', 'lead');
  const id = await hears();
  await triage(handsOf(db), id);
  await catchUp(handsOf(db), id, 0);
  expect(await taken(id)).toEqual([]);
  await goOn(db, id);
  expect(await called(id)).toEqual(['jonas']);
});
