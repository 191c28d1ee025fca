/** Many open loops at once, for measuring what becomes of them. */

import { until, type Running } from './running.ts';

/** Complaints that a call is owed for, each of which somebody was asked to take. The first comes the usual way; the others are written as it
 *  was, since opening ten thousand stories, eight a second, would take twenty minutes. */
export async function openLoops(heed: Running, many: number): Promise<void> {
  const { body } = await heed.post('/v1/signals', {
    words: 'I was charged twice.',
    kind: 'complaint',
    place: 'high-street',
    by: 'mina',
    customer: { name: 'Kim', phone: '+31 6 00000000' },
    consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
  });
  const first = String(body['id']);
  const isAsked = async (): Promise<boolean> => {
    const { rows } = await heed.query<{ waits: number }>(
      'select count(distinct p.wait)::integer as waits from plans p join escalations e on e.plan_id = p.id where p.loop_id = $1',
      [first],
    );
    return rows[0]!.waits >= 2;
  };
  await until(isAsked);
  await heed.query(
    `with people as materialized (
       select gen_random_uuid() as signal_id, gen_random_uuid() as customer_id, gen_random_uuid() as ownership_id, n
       from generate_series(2, $2::integer) n
     ),
     planned as materialized (
       select gen_random_uuid() as id, x.id as was, p.signal_id, x.wait, x.clock, x.counted_from, x.configuration,
         case when x.occasion = $1 then p.signal_id else p.ownership_id end as occasion
       from people p, plans x where x.loop_id = $1
     ),
     c as (insert into customers (id, name) select customer_id, 'Kim ' || n from people),
     i as (insert into identities (id, customer_id, kind, value, normalised)
       select gen_random_uuid(), customer_id, 'phone', '+31 6 ' || n, '+316' || n from people),
     l as (insert into loops (id, kind, place) select signal_id, 'signal', 'high-street' from people),
     r as (insert into rounds (loop_id, round, cause) select signal_id, 1, 'opened' from people),
     s as (insert into signals (id, reference, channel, customer_id, said_at)
       select signal_id, 'RB-' || n, 'api', customer_id, heed_now() from people),
     w as (insert into words (signal_id, words) select signal_id, 'I was charged twice.' from people),
     k as (insert into consents (id, signal_id, customer_id, purpose, channel, wording)
       select gen_random_uuid(), signal_id, customer_id, 'follow_up', 'phone', '2026-06' from people),
     t as (insert into triages (signal_id, verdict, course, kind, priority, rule, why, configuration)
       select p.signal_id, x.verdict, x.course, x.kind, x.priority, x.rule, x.why, x.configuration from people p, triages x where x.signal_id = $1),
     e as (insert into enrichments (signal_id, earlier, owed, asked_the_same) select signal_id, 0, 0, 0 from people),
     o as (insert into ownerships (id, loop_id, round, staff, cause, reason, configuration)
       select p.ownership_id, p.signal_id, 1, x.staff, 'routed', x.reason, x.configuration
       from people p, ownerships x where x.loop_id = $1 and x.ended_at is null),
     pl as (insert into plans (id, loop_id, round, wait, clock, occasion, counted_from, configuration)
       select id, signal_id, 1, wait, clock, occasion, counted_from, configuration from planned),
     g as (insert into rungs (plan_id, step, repeat, role, due_at)
       select p.id, x.step, x.repeat, x.role, x.due_at from planned p join rungs x on x.plan_id = p.was)
     insert into escalations (plan_id, step, repeat, staff, reason, collapsed)
     select p.id, x.step, x.repeat, x.staff, x.reason, x.collapsed from planned p join escalations x on x.plan_id = p.was`,
    [first, many],
  );
  await heed.query('analyze');
}
