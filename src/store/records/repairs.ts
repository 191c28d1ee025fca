/** What was put right by hand, with the reason: by an operator, or by whoever answers for a letter that may not have been sent. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { newId } from '../../domain/ids.ts';
import { planLadder } from '../../domain/ladder.ts';
import { leftUnsent, putOffByMailbox } from '../../domain/notArrived.ts';
import { resolveRole } from '../../domain/routing.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { momentOf } from './clock.ts';
import { isAbout, planDelivery } from './deliveries.ts';
import { calendarOf } from './ladders.ts';

export const repairActions = ['wake', 'resend', 'leave'] as const;
export type RepairAction = (typeof repairActions)[number];
/** What can be done about a message of which nobody knows whether it was sent: again, or no more. */
export const settlements = ['resend', 'leave'] as const;
export type Settlement = (typeof settlements)[number];

export interface NewRepair {
  /** Null: it is about the message alone. */
  loopId: string | null;
  action: RepairAction;
  /** Who: the account of an operator, or a staff code, which `staff` says too. */
  by: string;
  staff?: string;
  /** The message it settles. */
  of?: { id: string; fence: number };
  reason: string;
}

export async function recordRepair(tx: Tx, r: NewRepair): Promise<string> {
  const id = newId();
  await tx.query(sql.unsafe`
    insert into repairs (id, loop_id, action, by, staff, delivery_id, fence, reason)
    values (${id}, ${r.loopId}, ${r.action}, ${r.by}, ${r.staff ?? null}, ${r.of?.id ?? null}, ${r.of?.fence ?? null}, ${r.reason})`);
  return id;
}

const Doubtful = z.object({
  id: z.string(),
  purpose: z.string(),
  state: z.string(),
  fence: z.number(),
  customer_id: z.string().nullable(),
  occasion: z.string().nullable(),
  loop_id: z.string().nullable(),
  planned_at: z.date(),
  not_before: z.date(),
  /** 'restored': our database was put back to an earlier moment. */
  last_error_code: z.string().nullable(),
});
export type Doubtful = z.infer<typeof Doubtful>;

/** Messages of a loop of which nobody knows whether they were sent, oldest first: for 15 minutes evidence is looked for (`uncertain`), then
 *  a person is asked (`needs_human`). */
export async function inDoubt(db: Db, loopId: string | null): Promise<readonly Doubtful[]> {
  return db.any(sql.type(Doubtful)`
    select d.id, d.purpose, d.state, d.fence, d.customer_id, d.occasion, d.loop_id, d.planned_at, d.not_before, d.last_error_code
    from deliveries d
    where ${isAbout(loopId)} and d.state in ('uncertain', 'needs_human')
    order by d.planned_at, d.id`);
}

const PutOff = z.object({ id: z.string(), fence: z.number(), address: z.string() });
export type PutOff = z.infer<typeof PutOff>;

/** Letters of a loop that the mail server has put off for an hour now, and each address they are for, as it is compared. Where no server answered, or
 *  what it said was said of us (`smtp_connect_…`, `smtp_sender_…`), nothing is known against the address; nor where it was put right since. */
export function lettersPutOff(db: Db, loopId: string): Promise<readonly PutOff[]> {
  return db.any(sql.type(PutOff)`
    select d.id, d.fence, i.normalised as address
    from now.tried_in_vain v
    join deliveries d on d.id = v.id
    join now.reach w on w.signal_id = d.loop_id and w.customer_id = d.customer_id and w.channel = d.channel
    join identities i on i.customer_id = w.customer_id and i.kind = w.channel and i.value = w.address
    where v.loop_id = ${loopId} and d.channel = 'email' and d.last_error_code ~ ${putOffByMailbox.source} and i.added_at <= v.failing_since
    order by d.planned_at, d.id`);
}

const InVain = z.object({
  id: z.string(),
  fence: z.number(),
  purpose: z.string(),
  loop_id: z.string().nullable(),
  occasion: z.string().nullable(),
  customer_id: z.string().nullable(),
  code: z.string(),
});
export type InVain = z.infer<typeof InVain>;

/** Messages of a loop that have been tried for an hour and have not left, for whatever reason; what takes another back is tried until it has. */
export function triedInVain(db: Db, loopId: string | null): Promise<readonly InVain[]> {
  return db.any(sql.type(InVain)`
    select d.id, d.fence, d.purpose, d.loop_id, d.occasion, d.customer_id, d.last_error_code as code
    from now.tried_in_vain v
    join deliveries d on d.id = v.id
    where ${isAbout(loopId)} and d.purpose <> 'redaction'
    order by d.planned_at, d.id`);
}

/** Whether a letter is refused with a word about whoever writes. */
export const isRefusedToUs = ({ code }: { code: string }): boolean => code.startsWith('smtp_sender_5');

/** Ends a letter to a customer that has not left, with the code that says by what it was refused, if it was. False while it is being handed over,
 *  and where it has left. */
export async function endUnsent(tx: Tx, letter: InVain): Promise<boolean> {
  const [state, code] = isRefusedToUs(letter) ? ['failed', letter.code] : ['suppressed', leftUnsent];
  const { rowCount } = await tx.query(sql.unsafe`
    update deliveries set state = ${state}, last_error_code = ${code}, ended_at = heed_now(), lease_until = null, started_until = null
    where id = ${letter.id} and state = 'ready' and last_error_code = ${letter.code}`);
  return rowCount === 1;
}

/** Has a message to one of us end as one that comes too late, as soon as a worker looks at it: at once, and whoever else was to be called by it is
 *  called then. False as above. */
export async function endNext(tx: Tx, id: string): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    update deliveries set expires_at = heed_now(), not_before = heed_now(), started_until = null where id = ${id} and state = 'ready'`);
  return rowCount === 1;
}

/** The signal that a letter is about. */
interface About {
  id: string;
  round: number;
  owner: string;
  place: string;
}

/** Whoever answers for a letter of which nobody knows whether it arrived is asked what to do. Where that is not said in the time in which an answer
 *  is to be given, those above are asked, as by that ladder: what is settled by then is asked of nobody. */
export async function askAboutDoubt(
  tx: Tx,
  company: Company,
  signal: About,
  letter: { id: string; fence: number },
): Promise<void> {
  // Sent again and lost again is another doubt.
  const doubt = { what: `${letter.id}.${letter.fence}`, occasion: letter.id };
  await notify(tx, company, signal, { staff: whoAnswers(company, signal), ...doubt });
  const { answering } = company.ladders;
  const rungs = planLadder(answering, await momentOf(tx), calendarOf(company, answering, signal.place));
  const toAsk = rungs.filter(({ role }) => isAbove(role));
  // A ladder that calls nobody above would leave it with whoever says nothing: at its end the manager is asked.
  if (toAsk.length === 0) toAsk.push({ ...rungs.at(-1)!, role: 'manager' });
  for (const { role, dueAt } of toAsk)
    // Apart from what they are asked at once when it is handed to them.
    await notify(tx, company, signal, {
      staff: resolveRole(company, role, signal),
      notBefore: dueAt,
      ...doubt,
      what: `${doubt.what}:${role}`,
    });
}

/** A day was promised to a customer whom nothing is told by itself: whoever answers for it then is told when that is over. */
export function askAboutPromise(
  tx: Tx,
  company: Company,
  signal: About,
  { followUpId, dueAt }: { followUpId: string; dueAt: Date },
): Promise<void> {
  const staff = whoAnswers(company, signal);
  return notify(tx, company, signal, { staff, what: promiseOf(followUpId), occasion: followUpId, notBefore: dueAt });
}

const promiseOf = (followUpId: string | null): string => `${followUpId}.promised`;

/** Of a notice: whether it is about what an answer promised. */
export const isAboutPromise = ({
  dedupe_key: key,
  occasion,
}: {
  dedupe_key: string;
  occasion: string | null;
}): boolean => key.includes(`:${promiseOf(occasion)}:`);

/** Who is asked is known when it is their turn: where somebody else answers for the letter by then, or stands above it, they are asked instead. True
 *  where it is so. */
export async function askInPlaceOf(
  tx: Tx,
  company: Company,
  signal: About,
  asked: { staff: string | null; dedupe_key: string; occasion: string | null },
): Promise<boolean> {
  const what = asked.dedupe_key.split(':').slice(3, -2);
  const [doubt, role = 'owner'] = what;
  const isOpen =
    isAboutPromise(asked) || (await inDoubt(tx, signal.id)).some(({ id, fence }) => doubt === `${id}.${fence}`);
  const staff = resolveRole(company, isAbove(role) ? role : 'owner', signal);
  if (!isOpen || staff === asked.staff) return false;
  await notify(tx, company, signal, { staff, what: what.join(':'), occasion: asked.occasion! });
  return true;
}

export interface AboutLetter {
  letter: string;
  subject: string;
  text: string;
}

/** Whoever answers for a signal is told, once, that a letter which it waits for was refused. */
export function tellOfOneRefused(
  tx: Tx,
  company: Company,
  signal: About,
  { letter, ...body }: AboutLetter,
): Promise<void> {
  return notify(tx, company, signal, { staff: whoAnswers(company, signal), what: `${letter}.refused`, body });
}

/** The same of one that has not left since `since`: once an hour at most, and while the one they were told of has not left, for a day not of
 *  another. */
export async function tellOfOneDelayed(
  tx: Tx,
  company: Company,
  signal: About,
  { letter, since, ...body }: AboutLetter & { since: Date },
): Promise<void> {
  const staff = whoAnswers(company, signal);
  // Many are tried at the same moment: one after the other asks whether the person has been told.
  await tx.query(sql.unsafe`select pg_advisory_xact_lock(hashtextextended('heed.delayed', 0))`);
  if (await knowsOfDelay(tx, staff)) return;
  // Let go and not leaving again is another delay.
  const what = `${letter}.delayed.${since.getTime()}`;
  await notify(tx, company, signal, { staff, what, occasion: letter, body });
}

/** Who has left is stood in for, as on a ladder. */
export const whoAnswers = (company: Company, { owner, place }: Pick<About, 'owner' | 'place'>): string =>
  resolveRole(company, 'owner', { owner, place });

const above = ['manager', 'executive'] as const;
const isAbove = (role: string): role is (typeof above)[number] => above.some((each) => each === role);

/** Everybody who is asked about a letter in doubt, now or later: whoever answers for it, and those above. */
export const whoSettles = (company: Company, signal: Pick<About, 'owner' | 'place'>): string[] => [
  whoAnswers(company, signal),
  ...above.map((role) => resolveRole(company, role, signal)),
];

/** A notice about a signal by the way its person prefers, once for each `what`. */
async function notify(
  tx: Tx,
  company: Company,
  { id, round }: About,
  {
    staff,
    what,
    ...more
  }: { staff: string; what: string; occasion?: string; body?: { subject: string; text: string }; notBefore?: Date },
): Promise<void> {
  const channel = company.staff[staff]?.prompts ?? 'email';
  const key = `notice:${id}:${round}:${what}:${staff}:${channel}`;
  await planDelivery(tx, { key, purpose: 'notice', channel, loopId: id, round, staff, ...more });
}

/** What was taken back because that letter had left told nobody anything; nor does one in doubt, which is asked about without fixed words. */
function knowsOfDelay(tx: Tx, staff: string): Promise<boolean> {
  return tx.exists(sql.unsafe`
    select from deliveries n
    where n.purpose = 'notice' and n.occasion is not null and n.staff = ${staff} and strpos(n.dedupe_key, '.delayed') > 0
      and n.state in ('planned', 'ready', 'sending', 'uncertain', 'sent')
      and (
        n.planned_at > heed_now() - interval '1 hour'
        -- What never leaves keeps them from hearing of others for no longer.
        or n.planned_at > heed_now() - interval '1 day'
          and exists (select from now.tried_in_vain v where v.id = n.occasion and v.failing_since <= n.planned_at))`);
}

/** Settles one doubt: sent again as if it had not been, or left as it is and not looked at again. Whatever that attempt still has to say
 *  comes too late, so the next one has another fence. False: it was settled before. */
export async function settleByHand(tx: Tx, id: string, as: Settlement): Promise<boolean> {
  const settled =
    as === 'resend'
      ? sql.fragment`state = 'ready', phase = 'none', last_error_code = 'resent_by_hand', not_before = heed_now(), failing_since = null`
      : sql.fragment`state = 'failed', last_error_code = 'left_by_hand', ended_at = heed_now()`;
  const { rowCount } = await tx.query(sql.unsafe`
    update deliveries set ${settled}, fence = fence + 1, lease_until = null, started_until = null
    where id = ${id} and state in ('uncertain', 'needs_human')`);
  return rowCount === 1;
}

/** Evidence of the best kind: somebody pressed what stands in that letter alone, so it has arrived; also where nobody lived to say so, and the lease
 *  still runs, and where it waits to be sent again, which nobody needs any more. Of an attempt that did not leave there are no links (forgetLinks).
 *  Whatever else is to be said of it comes too late. Null where it was in no doubt. */
export async function settleByLink(tx: Tx, tokenHash: Buffer): Promise<Doubtful | null> {
  return tx.maybeOne(sql.type(Doubtful)`
    update deliveries d set state = 'sent', phase = 'handed', ended_at = heed_now(), last_error_code = null, lease_until = null, started_until = null,
      failing_since = null
    from links l
    where l.token_hash = ${sql.binary(tokenHash)} and d.id = l.delivery_id
      and d.state in ('ready', 'sending', 'uncertain', 'needs_human')
    returning d.id, d.purpose, d.state, d.fence, d.customer_id, d.occasion, d.planned_at, d.not_before, d.last_error_code, d.loop_id`);
}

const Settled = z.object({ action: z.enum(settlements), by: z.string(), staff: z.string().nullable(), at: z.date() });

/** Who settled the latest doubt about messages of a loop, and how. */
export async function lastSettled(db: Db, loopId: string): Promise<z.infer<typeof Settled> | null> {
  return db.maybeOne(sql.type(Settled)`
    select action, by, staff, repaired_at as at from repairs
    where loop_id = ${loopId} and action in ('resend', 'leave')
    order by repaired_at desc, id desc limit 1`);
}

const Named = z.object({ id: z.string(), reference: z.string() });

/** The loop behind a reference as people say it (HD-7F3K, in any case) or an id. */
export async function loopNamed(db: Db, name: string): Promise<z.infer<typeof Named> | null> {
  return db.maybeOne(sql.type(Named)`
    select id, reference from signals where reference = ${name.toUpperCase()} or id::text = ${name.toLowerCase()}
    union all
    select id, reference from insights where reference = ${name.toUpperCase()} or id::text = ${name.toLowerCase()}`);
}

const OfMessage = z.object({ id: z.string().nullable(), reference: z.string().nullable() });

/** The loop that a message is about, by its Message-ID: nulls where it is about none; null where there is no such message. */
export async function loopOfMessage(db: Db, messageId: string): Promise<z.infer<typeof OfMessage> | null> {
  const [id] = /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/.exec(messageId) ?? [];
  if (!id) return null;
  return db.maybeOne(sql.type(OfMessage)`
    select d.loop_id as id, coalesce(s.reference, i.reference) as reference
    from deliveries d
    left join signals s on s.id = d.loop_id
    left join insights i on i.id = d.loop_id
    where d.id = ${id}`);
}
