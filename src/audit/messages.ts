/** To a customer at most once, to staff once a channel; and the ledger says what really happened. */

import type pg from 'pg';
import { violationsIn, type Check, type Violation } from './check.ts';
import type { TakenMail } from './journals.ts';

const oneLetterAnOccasion: Check = {
  invariant: 'I3',
  claim: 'at most one message for one purpose, occasion and customer was handed over',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `select string_agg(id::text, ' ' order by id) as about,
         'A customer was written to ' || count(*) || ' times for one occasion (' || purpose || '). Apologise, and find out how.' as sentence
       from deliveries
       where customer_id is not null and phase = 'handed' and planned_at >= $1
         -- One that came back is written again where the address is put right.
         and state in ('sent', 'delivered', 'complained', 'uncertain', 'needs_human')
       group by purpose, coalesce(occasion::text, loop_id::text, dedupe_key), customer_id
       having count(*) > 1`,
      scope,
    ),
};

/** "2.0", the step and the repeat for which a prompt was planned, out of its key (activities/prompt.ts). */
const stepOf = (key: string): string => `substring(${key} from '[.]([0-9]+[.][0-9]+):')`;

/** The step is what counts, whatever key it was planned under. What is made again after a doubt, by itself or by a person, is the same row. */
const onePromptAStep: Check = {
  invariant: 'I4',
  claim: 'each step that was taken called its person once by each channel, and no other step called anybody',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with called as (
         select id, loop_id, round, occasion, staff, channel, ${stepOf('dedupe_key')} as step
         from deliveries
         where purpose = 'prompt' and phase = 'handed' and state in ('sent', 'delivered', 'uncertain') and planned_at >= $1
       )
       select string_agg(id::text, ' ' order by id) as about,
         'One step called ' || staff || ' ' || count(*) || ' times by ' || channel || '. Find out what planned it again.' as sentence
       from called
       group by loop_id, round, occasion, staff, channel, step
       having count(*) > 1
       union all
       select c.id::text, 'It called ' || c.staff || ' for a step that was not taken. Find out what planned it.'
       from called c
       where not exists (
         select from escalations e
         where e.plan_id = c.occasion and e.step || '.' || e.repeat = c.step
           and (e.staff = c.staff or exists (
             -- Who stands in for somebody who had left before their own call could.
             select from deliveries l
             where l.loop_id = c.loop_id and l.purpose = 'prompt' and l.occasion = c.occasion and l.staff <> c.staff
               and l.last_error_code in ('left', 'bundled') and ${stepOf('l.dedupe_key')} = c.step)))`,
      scope,
    ),
};

const mailboxAgrees: Check = {
  invariant: 'I3',
  claim: 'the mail server took each letter once, and only what the ledger says was sent',
  needs: 'mails',
  async find(db, journals) {
    if (!journals?.mails) return [];
    const copies = Map.groupBy(journals.mails, ({ messageId }) => messageId);
    const ledger = await ledgerOf(db, 'email');
    const violations: Violation[] = [];
    for (const [messageId, mails] of copies) {
      const delivery = ledger.get(messageId);
      if (delivery) violations.push(...wrongAbout(delivery, mails));
      else if (messageId.startsWith('<d.'))
        violations.push({ about: messageId, sentence: 'This mail left, and the ledger does not know it.' });
    }
    for (const delivery of ledger.values()) {
      if (delivery.state === 'sent' && !delivery.gone && !copies.has(delivery.message_id))
        violations.push({
          about: delivery.id,
          sentence: 'The ledger says it was sent, and the mail server never took it. Send it by hand.',
        });
    }
    return violations;
  },
};

const roomAgrees: Check = {
  invariant: 'I4',
  claim: 'each message stands in Slack once, and what the ledger says was sent stands there',
  needs: 'posts',
  async find(db, journals) {
    if (!journals?.posts) return [];
    const copies = Map.groupBy(journals.posts, ({ deliveryId }) => deliveryId);
    const ledger = new Map([...(await ledgerOf(db, 'slack')).values()].map((one) => [one.id, one]));
    const violations: Violation[] = [];
    for (const [id, posts] of copies) {
      if (posts.length > 1)
        violations.push({
          about: id,
          sentence: `It was posted ${posts.length} times in Slack. Delete what is too much.`,
        });
      if (!ledger.has(id))
        violations.push({ about: id, sentence: 'It was posted in Slack, and the ledger does not know it.' });
    }
    for (const { id, state, purpose, gone } of ledger.values()) {
      // A card is the edit of a message that stands there under another delivery.
      if (state === 'sent' && purpose !== 'card' && !gone && !copies.has(id))
        violations.push({ about: id, sentence: 'The ledger says it was posted in Slack, and it is not there.' });
    }
    return violations;
  },
};

interface Entry {
  id: string;
  message_id: string;
  purpose: string;
  state: string;
  attempts: number;
  to_customer: boolean;
  /** How often somebody had it sent again, knowing that it might be the second time. */
  resends: number;
  /** It takes another back, or was taken back, as far as anybody knows: after an erasure neither is found in what the world saw. */
  gone: boolean;
}

async function ledgerOf(db: pg.Client, channel: 'email' | 'slack'): Promise<Map<string, Entry>> {
  const { rows } = await db.query<Entry>(
    `select d.id, d.message_id, d.purpose, d.state, d.attempts, d.customer_id is not null as to_customer,
       (select count(*) from repairs r
        -- Older ones name no letter, and stand for each of their loop.
        where r.loop_id = d.loop_id and r.action = 'resend' and coalesce(r.delivery_id, d.id) = d.id)::integer as resends,
       d.purpose = 'redaction' or exists (
         select from deliveries r
         where r.purpose = 'redaction' and r.occasion = d.id and r.phase = 'handed' and r.state <> 'failed') as gone
     from deliveries d where d.channel = $1 and d.attempts > 0`,
    [channel],
  );
  return new Map(rows.map((entry) => [entry.message_id, entry]));
}

/** Staff may be sent the same message again under the same Message-ID once nobody knows whether it arrived: at most once an attempt. */
function wrongAbout(delivery: Entry, mails: readonly TakenMail[]): Violation[] {
  const { id, state, to_customer: toCustomer, resends } = delivery;
  const violations: Violation[] = [];
  if (toCustomer && mails.length > 1 + resends)
    violations.push({
      about: id,
      sentence: `The mail server took it ${mails.length} times. Apologise, and find out how.`,
    });
  if (!toCustomer && mails.length > delivery.attempts)
    violations.push({
      about: id,
      sentence: `The mail server took it ${mails.length} times in ${delivery.attempts} attempts.`,
    });
  if (toCustomer && ['planned', 'ready', 'cancelled', 'suppressed', 'expired'].includes(state) && resends === 0)
    violations.push({ about: id, sentence: `The mail server took it, and the ledger says it never left (${state}).` });
  if (mails.some(({ to }) => to.length !== 1))
    violations.push({ about: id, sentence: 'It went to several people at once.' });
  return violations;
}

export const messageChecks = [oneLetterAnOccasion, onePromptAStep, mailboxAgrees, roomAgrees];
