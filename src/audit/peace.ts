/** Who asked us to stop is left in peace, and nobody is called to what is over. */

import { createHash } from 'node:crypto';
import { violationsIn, type Check, type Violation } from './check.ts';

/** What had been handed over may still be under way when somebody asks us to stop. */
const underWayMs = 60_000;

const suppressedIsFinal: Check = {
  invariant: 'I6',
  claim: 'nothing was planned and sent to a customer after they had asked us to stop',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `select d.id::text as about, 'It was sent after this customer had asked us to stop. Apologise, and find out how.' as sentence
       from deliveries d
       where d.customer_id is not null and d.channel = 'email' and d.planned_at >= $1
         -- The way to what is held about them is mailed because they ask for it, and what takes a letter back is none.
         and d.purpose not in ('rights', 'redaction')
         and d.phase = 'handed' and d.state in ('sent', 'delivered', 'bounced', 'complained', 'uncertain', 'needs_human')
         and (
           exists (select from disavowals x where x.signal_id = d.loop_id and x.disavowed_at < d.planned_at)
           or exists (select from identities i where i.customer_id = d.customer_id and i.kind = 'email')
           and not exists (
             select from identities i
             where i.customer_id = d.customer_id and i.kind = 'email'
               and not exists (
                 select from suppressions u
                 where u.channel = 'email' and u.address_hash = sha256(convert_to(i.normalised, 'UTF8')) and u.suppressed_at < d.planned_at)))`,
      scope,
    ),
};

const mailboxIsLeftInPeace: Check = {
  invariant: 'I6',
  claim: 'the mail server took nothing for an address after it had been suppressed',
  async find(db, journals) {
    if (!journals?.mails) return [];
    const { rows } = await db.query<{ hash: string; at: Date }>(
      `select encode(address_hash, 'hex') as hash, min(suppressed_at) as at from suppressions where channel = 'email' group by 1`,
    );
    if (rows.length === 0) return [];
    const since = new Map(rows.map(({ hash, at }) => [hash, at.getTime()]));
    const { rows: letters } = await db.query<{ message_id: string; id: string }>(
      `select message_id, id from deliveries where customer_id is not null and channel = 'email' and purpose <> 'rights'`,
    );
    const idOf = new Map(letters.map(({ message_id, id }) => [message_id, id]));
    return journals.mails.flatMap(({ messageId, to, at }): Violation[] => {
      const id = idOf.get(messageId);
      const stopped = Math.min(...to.map((address) => since.get(hashOf(address)) ?? Infinity));
      return id !== undefined && at.getTime() > stopped + underWayMs
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
      `select d.id::text as about, 'This prompt was planned after its round had been closed.' as sentence
       from deliveries d join closures z on z.loop_id = d.loop_id and z.round = d.round
       where d.purpose = 'prompt' and d.planned_at > z.closed_at and d.state not in ('cancelled') and d.planned_at >= $1
       union all
       select d.id::text, 'This prompt calls somebody as the holder of what was not theirs any more.'
       from deliveries d
       join plans p on p.id = d.occasion and p.wait = 'acknowledged'
       join ownerships o on o.id = p.occasion
       where d.purpose = 'prompt' and d.planned_at > o.ended_at and d.state not in ('cancelled') and d.planned_at >= $1
       union all
       select d.id::text, 'This prompt was sent long after its round had been closed.'
       from deliveries d join closures z on z.loop_id = d.loop_id and z.round = d.round
       where d.purpose = 'prompt' and d.state = 'sent' and d.planned_at >= $1
         -- A hand-over may take twelve minutes.
         and d.ended_at > z.closed_at + interval '13 minutes'`,
      scope,
    ),
};

const hashOf = (address: string): string => createHash('sha256').update(address.trim().toLowerCase()).digest('hex');

export const peaceChecks = [suppressedIsFinal, mailboxIsLeftInPeace, nothingAfterTheEnd];
