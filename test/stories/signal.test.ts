import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { complete, decide } from '../../src/triggers/responses/decide.ts';
import { sql } from '../../src/store/pool.ts';
import { openWorld, type World } from '../support/world.ts';

let world: World;
beforeAll(async () => {
  world = await openWorld('demo');
});
afterAll(() => world.close());

const kim = { name: 'Kim Adler', email: 'kim@adler.example' };
const mayWrite = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: 'demo-1' }];
const greenCoat = {
  words: 'Do you have this coat in green, size 42?',
  unmet: 'we don’t carry it',
  offered: { item: 'Coat in teal', taken: 'refused' as const },
};

describe('one signal goes all the way round', () => {
  test('from the counter to a decision, an answer and the customer’s yes, with four people and no reminder', async () => {
    const { id } = await world.capture({ ...greenCoat, customer: kim, consent: mayWrite });
    await world.settle();
    const opened = await world.signal(id);
    expect(opened).toMatchObject({
      verdict: 'pursue',
      course: 'decide',
      kind: 'unmet-demand',
      owner: 'jonas',
      owner_cause: 'routed',
    });
    expect(world.mailsTo(kim.email).map((mail) => mail.subject)).toHaveLength(1);
    expect((await world.history(id)).length).toBeLessThanOrEqual(18);

    await acknowledge(world.heed, { loopId: id, by: 'jonas', press: world.press() });
    await approveFollowUp(
      world.heed,
      { loopId: id, by: 'jonas', press: world.press() },
      { words: 'Dear Kim, we don’t have it yet. You will hear by Friday.' },
    );
    await world.settle();
    expect(world.mailsTo(kim.email)).toHaveLength(2);

    const insight = await world.insight((await world.signal(id)).insight_id!);
    expect(insight).toMatchObject({ decider: 'tomas', people: 1, refused: 1 });
    expect(world.mailsTo('tomas@linden-vale.example').length).toBeGreaterThan(0);
    await decide(
      world.heed,
      { loopId: insight.id, by: 'tomas', press: world.press() },
      { outcome: 'adopted', scope: 'everyone', reason: 'Green comes in spring.', doneBy: '2099-03-01', evidence: [id] },
    );
    await world.pass('10 seconds');
    expect(world.mailsTo(kim.email)).toHaveLength(3);
    expect(await world.signal(id)).toMatchObject({ told_channel: 'email', asked_at: expect.any(Date) });

    await confirm(world.heed, { loopId: id, press: world.press() }, { says: 'yes' });
    await world.settle();
    expect(await world.signal(id)).toMatchObject({ says: 'yes', closed_how: 'settled' });
    const isOver = async () => (await world.history(id)).at(-1) === 'workflowExecutionCompletedEventAttributes';
    await world.until('its story is over', isOver);
    expect((await world.history(id)).length).toBeLessThanOrEqual(75);

    await complete(
      world.heed,
      { loopId: insight.id, by: 'tomas', press: world.press() },
      { evidence: 'In the shop since Monday.' },
    );
    await world.settle();
    expect(await world.insight(insight.id)).toMatchObject({ closed_how: 'completed' });
  });

  test('a signal nobody takes climbs: the holder at once, the manager, the executive, then daily, and no longer once it is taken', async () => {
    const { id } = await world.capture({
      words: 'Cheaper online than here?',
      customer: { email: 'lee@example.com' },
      consent: mayWrite,
    });
    await world.pass('2 minutes');
    const climbed = await world.db.pool.any(sql.unsafe`
      select e.staff, g.step, g.repeat from escalations e join rungs g using (plan_id, step, repeat) join plans p on p.id = plan_id
      where p.loop_id = ${id} and p.wait = 'acknowledged' order by e.taken_at, g.step`);
    expect(climbed).toEqual([
      { staff: expect.any(String), step: 0, repeat: 0 },
      { staff: 'priya', step: 1, repeat: 0 },
      { staff: 'ingrid', step: 2, repeat: 0 },
    ]);
    await world.pass('3 days');
    const daily = await world.db.pool.oneFirst(
      sql.unsafe`select count(*) from escalations e join plans p on p.id = e.plan_id where p.loop_id = ${id} and step = 3 and wait = 'acknowledged'`,
    );
    expect(daily).toBe(3);

    await acknowledge(world.heed, { loopId: id, by: 'priya', press: world.press() });
    await world.pass('2 days');
    expect(
      await world.db.pool.oneFirst(
        sql.unsafe`select count(*) from escalations e join plans p on p.id = e.plan_id where p.loop_id = ${id} and step = 3 and wait = 'acknowledged'`,
      ),
    ).toBe(daily);
    expect(await world.signal(id)).toMatchObject({ owner: 'priya', acknowledged_at: expect.any(Date) });
  });

  test('a story terminated by an operator is back, and does nothing twice', async () => {
    const { id } = await world.capture({ ...greenCoat, customer: { email: 'ana@example.com' }, consent: mayWrite });
    await world.settle();
    const mails = world.mailsTo('ana@example.com').length;
    await world.client.workflow.getHandle(`signal:${id}`).terminate('test');
    for (let tries = 0; tries < 100; tries++) {
      const { status } = await world.client.workflow.getHandle(`signal:${id}`).describe();
      if (status.name === 'RUNNING') break;
      await new Promise((r) => setTimeout(r, 100));
    }
    await world.settle();
    expect((await world.client.workflow.getHandle(`signal:${id}`).describe()).status.name).toBe('RUNNING');
    expect(world.mailsTo('ana@example.com')).toHaveLength(mails);
  });
});
