/** Who asked us to stop, let it rest or was erased is left in peace, and nobody is called to what is over. */

import { createHash } from 'node:crypto';
import { violationsIn, type Check, type Violation } from './check.ts';

/** What had been handed over may still be under way when somebody asks us to stop, closes a round or gives a loop away: to us for as long as a
 *  hand-over may take, which is twelve minutes (its longest lease, since a mail server may think for ten after the last dot); to the mail server,
 *  which says when it took it, for a moment. */
const handOver = '13 minutes';
const underWayMs = 60_000;

const leftInPeace: Check = {
  invariant: 'I6',
  claim:
    'nothing was sent to a customer after they had asked us to stop, while they let it rest, or after they were erased, but for the mail by which they may see what is held',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with letters as (
         select d.id, d.loop_id, d.customer_id, d.planned_at,
           -- What was in doubt ends when that is settled, which may be long after it left: its links were made just before.
           least(d.ended_at, (select max(k.created_at) from links k where k.loop_id = d.loop_id and k.delivery_id = d.id) + interval '${handOver}') as left_by
         from deliveries d
         where d.customer_id is not null and d.channel = 'email' and d.planned_at >= $1
           -- The way to what is held about them is mailed because they ask for it, and what takes a letter back is none.
           and d.purpose not in ('rights', 'redaction')
           and d.phase = 'handed' and d.state in ('sent', 'delivered', 'bounced', 'complained', 'uncertain', 'needs_human')
       ),
       stopped as (
         select d.*, least(x.disavowed_at, mailboxes.stopped_at) as stopped_at
         from letters d
         left join disavowals x on x.signal_id = d.loop_id
         -- All that they have: each by the first who stopped it, the last of them ends it.
         cross join lateral (
           select case when bool_and(stop.at is not null) then max(stop.at) end as stopped_at
           from identities i
           cross join lateral (
             select min(u.suppressed_at) as at from suppressions u
             where u.channel = 'email' and u.address_hash = sha256(convert_to(i.normalised, 'UTF8'))
               -- That mail bounced is over where somebody had vouched for the address by the time the letter left.
               and not (u.cause = 'bounced' and exists (
                 select from vouchings v
                 where v.address_hash = u.address_hash and v.vouched_at > u.suppressed_at
                   and v.vouched_at <= coalesce(d.left_by, d.planned_at)))
           ) stop
           where i.customer_id = d.customer_id and i.kind = 'email'
         ) mailboxes
       )
       select id::text as about, 'It was sent after this customer had asked us to stop. Apologise, and find out how.' as sentence
       from stopped where stopped_at < planned_at or stopped_at + interval '${handOver}' < left_by
       union all
       select d.id::text, 'It was sent while this customer let everything of theirs rest. Apologise, and find out how.'
       from letters d
       where exists (
         select from rights r
         where r.customer_id = d.customer_id and r.kind = 'restriction'
           -- What was planned a moment later had looked before it was recorded.
           and (r.exercised_at + interval '1 minute' < d.planned_at or r.exercised_at + interval '${handOver}' < d.left_by)
           and not exists (
             select from rights o
             where o.customer_id = r.customer_id and o.kind = 'lifting' and o.exercised_at between r.exercised_at and d.left_by))
       union all
       select d.id::text, 'It was sent after what it is about had been erased. Find out how, and what stood in it.'
       from letters d
       join erased_signals g on g.signal_id = d.loop_id
       join erasures e on e.id = g.erasure_id
       where e.erased_at < d.planned_at or e.erased_at + interval '${handOver}' < d.left_by`,
      scope,
    ),
};

const mailboxIsLeftInPeace: Check = {
  invariant: 'I6',
  claim:
    'the mail server took nothing for an address after it had been suppressed, but for the mail by which somebody may see what is held',
  needs: 'mails',
  async find(db, journals) {
    if (!journals?.mails) return [];
    const { rows } = await db.query<{ hash: string; at: Date; until: Date | null }>(
      `select encode(u.address_hash, 'hex') as hash, u.suppressed_at as at, (
         select min(v.vouched_at) from vouchings v
         where u.cause = 'bounced' and v.address_hash = u.address_hash and v.vouched_at > u.suppressed_at) as until
       from suppressions u where u.channel = 'email'`,
    );
    if (rows.length === 0) return [];
    const suppressed = Map.groupBy(rows, ({ hash }) => hash);
    const wasSuppressed = (address: string, when: number): boolean =>
      (suppressed.get(hashOf(address)) ?? []).some(
        ({ at, until }) => when > at.getTime() + underWayMs && !(until && until.getTime() <= when),
      );
    const { rows: letters } = await db.query<{ message_id: string; id: string }>(
      `select message_id, id from deliveries where customer_id is not null and channel = 'email' and purpose <> 'rights'`,
    );
    const idOf = new Map(letters.map(({ message_id, id }) => [message_id, id]));
    return journals.mails.flatMap(({ messageId, to, at }): Violation[] => {
      const id = idOf.get(messageId);
      return id !== undefined && to.some((address) => wasSuppressed(address, at.getTime()))
        ? [{ about: id, sentence: 'It left after this address had been suppressed. Apologise, and find out how.' }]
        : [];
    });
  },
};

const nothingAfterTheEnd: Check = {
  invariant: 'I6',
  claim: 'nobody was called to a round that was closed, nor as the holder of what they had given away',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with prompts as (
         select d.id, d.loop_id, d.round, d.occasion, d.staff, d.planned_at,
           -- What was in doubt ends when that is settled, which may be long after it left: a mail left just after its links were made; what was
           -- found in Slack keeps the code of the doubt, and nobody knows when it left.
           case when d.state = 'sent' and d.last_error_code is null then least(
             d.ended_at,
             (select max(k.created_at) from links k where k.loop_id = d.loop_id and k.delivery_id = d.id) + interval '${handOver}') end as left_by
         from deliveries d
         where d.purpose = 'prompt' and d.state <> 'cancelled' and d.planned_at >= $1
       )
       select d.id::text as about, 'This prompt was planned after its round had been closed.' as sentence
       from prompts d join closures z on z.loop_id = d.loop_id and z.round = d.round
       where d.planned_at > z.closed_at
       union all
       select d.id::text, 'This prompt was sent long after its round had been closed.'
       from prompts d join closures z on z.loop_id = d.loop_id and z.round = d.round
       where d.left_by > z.closed_at + interval '${handOver}'
       union all
       select d.id::text, 'This prompt calls somebody as the holder of what was not theirs any more.'
       from prompts d
       join plans p on p.id = d.occasion and p.wait = 'acknowledged'
       join ownerships o on o.id = p.occasion
       where d.planned_at > o.ended_at
       union all
       select d.id::text, 'This prompt was sent long after ' || d.staff || ' had given away what it calls them to take.'
       from prompts d
       join plans p on p.id = d.occasion and p.wait = 'acknowledged'
       join ownerships o on o.id = p.occasion and o.staff = d.staff
       where d.left_by > o.ended_at + interval '${handOver}'
         -- It is theirs again. Who is above the next holder is called by that one's ladder, which is another plan.
         and not exists (
           select from ownerships n
           where n.loop_id = d.loop_id and n.staff = d.staff and n.started_at <= d.left_by
             and coalesce(n.ended_at + interval '${handOver}' >= d.left_by, true))`,
      scope,
    ),
};

const hashOf = (address: string): string => createHash('sha256').update(address.trim().toLowerCase()).digest('hex');

export const peaceChecks = [leftInPeace, mailboxIsLeftInPeace, nothingAfterTheEnd];
