/** The ledger: every message to anybody, planned once, and what is known about it. Each arrow between states is one guarded update. */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { noRoom } from '../../domain/notArrived.ts';
import { letterPurposes, type LetterPurpose } from '../../domain/objection.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { IdRow } from '../rows.ts';
import { doubtIfFromBefore } from './epochs.ts';

const FenceRow = z.object({ fence: z.number() });
const LeftRow = z.object({ left: z.date() });
const SinceRow = z.object({ since: z.date() });

export const purposes = [
  ...letterPurposes,
  'prompt',
  'card',
  'news',
  'notice',
  'sign_in',
  'redaction',
  'rights',
  'digest',
] as const;
export type Purpose = (typeof purposes)[number];

/** Of a delivery that may still be taken back: nothing of it has passed the gate. */
export const notHandedOver = sql.fragment`(state in ('planned', 'ready') or (state = 'sending' and phase = 'open'))`;

/** To a customer go the letters that quiet hours and cap are promised of, and what they ask for themselves. */
type ToWhom = { customerId: string; purpose: LetterPurpose | 'rights' } | { customerId?: never; purpose: Purpose };

export type NewDelivery = ToWhom & {
  /** '<purpose>:<loop>:<round>:<occasion>:<person>', for staff also ':<channel>'. The same key is the same message, for ever. */
  key: string;
  channel: 'email' | 'slack';
  loopId?: string | null;
  round?: number;
  staff?: string;
  occasion?: string;
  /** Fixed wording, without links: those are made when it is sent. Absent where the message says what is true at that moment. */
  body?: { subject: string; text: string };
  notBefore?: Date;
  expiresAt?: Date;
};

/** Plans a message. False when it had been planned before. To customers at most once, to staff at least once. */
export async function planDelivery(tx: Tx, d: NewDelivery): Promise<boolean> {
  const id = idOfDelivery(d.key);
  const planned = await tx.maybeOne(sql.type(IdRow)`
    insert into deliveries (id, dedupe_key, purpose, channel, policy, loop_id, round, customer_id, staff, occasion, not_before, expires_at, message_id)
    values (${id}, ${d.key}, ${d.purpose}, ${d.channel}, ${d.customerId ? 'at_most_once' : 'at_least_once'}, ${d.loopId ?? null}, ${d.round ?? null},
      ${d.customerId ?? null}, ${d.staff ?? null}, ${d.occasion ?? null},
      ${d.notBefore ? sql.timestamp(d.notBefore) : sql.fragment`heed_now()`}, ${d.expiresAt ? sql.timestamp(d.expiresAt) : null},
      ${`<d.${id}@heed>`})
    on conflict (dedupe_key) do nothing
    returning id`);
  if (planned && d.body) {
    await tx.query(
      sql.unsafe`insert into delivery_bodies (delivery_id, subject, body) values (${id}, ${d.body.subject}, ${d.body.text})`,
    );
  }
  if (planned && d.customerId) await doubtIfFromBefore(tx, id);
  return planned !== null;
}

/** UUIDv5 of the key: the same on every replay, even where the database was restored in between. */
export function idOfDelivery(key: string): string {
  const hash = createHash('sha1').update(Buffer.from('8f6d1c1e5a1b4a53a2f0c1d7e6b94d20', 'hex')).update(key).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

const Delivery = z.object({
  id: z.string(),
  dedupe_key: z.string(),
  purpose: z.enum(purposes),
  channel: z.enum(['email', 'slack']),
  policy: z.enum(['at_most_once', 'at_least_once']),
  loop_id: z.string().nullable(),
  round: z.number().nullable(),
  customer_id: z.string().nullable(),
  staff: z.string().nullable(),
  occasion: z.string().nullable(),
  state: z.string(),
  phase: z.string(),
  fence: z.number(),
  attempts: z.number(),
  lease_is_live: z.boolean(),
  expired: z.boolean(),
  held_until: z.date().nullable(),
  lease_until: z.date().nullable(),
  message_id: z.string(),
  planned_at: z.date(),
  /** When it may be tried: later than it was planned where it was held, or is tried again. */
  due_at: z.date(),
  last_error_code: z.string().nullable(),
  sample: z.boolean(),
  /** Nothing is sent to whom this is for, until somebody lets it go on (sendingOrders.ts). */
  stopped: z.boolean(),
  now: z.date(),
});
export type Delivery = z.infer<typeof Delivery>;

/** Messages d of a loop. About none are digests to one of us; and what a customer asks for themselves, which ends by itself. */
export const isAbout = (loopId: string | null) =>
  loopId === null ? sql.fragment`d.loop_id is null and d.customer_id is null` : sql.fragment`d.loop_id = ${loopId}`;

/** The row, locked: whoever decides what to do with a message does so alone. */
export async function lockDelivery(tx: Tx, id: string): Promise<Delivery | null> {
  return tx.maybeOne(sql.type(Delivery)`
    select d.id, d.dedupe_key, d.purpose, d.channel, d.policy, d.loop_id, d.round, d.customer_id, d.staff, d.occasion, d.state, d.phase, d.fence,
      d.attempts, d.lease_until, d.message_id, d.planned_at, d.not_before as due_at, d.last_error_code,
      coalesce(d.lease_until > clock_timestamp(), false) as lease_is_live, coalesce(d.expires_at <= heed_now(), false) as expired,
      case when d.not_before > heed_now() then d.not_before end as held_until,
      coalesce(l.sample, false) as sample,
      exists (select from now.stops s where s.audience = case when d.customer_id is null then 'staff' else 'customers' end) as stopped,
      heed_now() as now
    from deliveries d left join loops l on l.id = d.loop_id
    where d.id = ${id} for no key update of d`);
}

/** Takes the message for one attempt under a new fence, for two minutes. Returns the fence. */
export async function openAttempt(tx: Tx, id: string): Promise<number> {
  return tx.oneFirst(sql.type(FenceRow)`
    update deliveries set state = 'sending', phase = 'open', fence = fence + 1, attempts = attempts + 1, lease_until = clock_timestamp() + interval '2 min'
    where id = ${id} and state in ('planned', 'ready')
    returning fence`);
}

/** The gate before handing over. False: a newer attempt or a cancellation exists, and nothing may be sent. `leaseMinutes` must outlast
 *  the hand-over itself. */
export async function passGate(db: Db, id: string, fence: number, leaseMinutes: number): Promise<boolean> {
  const { rowCount } = await db.query(sql.unsafe`
    update deliveries set phase = 'handed', lease_until = clock_timestamp() + make_interval(mins => ${leaseMinutes})
    where id = ${id} and fence = ${fence} and state = 'sending' and phase = 'open' and lease_until > clock_timestamp()`);
  return rowCount === 1;
}

export type Outcome =
  | { state: 'sent'; providerRef?: string | undefined }
  | { state: 'ready'; code: string; againInMs: number }
  | { state: 'uncertain'; code: string; againInMs: number }
  /** `gone`: the address it was for, where there is nobody. */
  | { state: 'failed'; code: string; gone?: string };

/** What one attempt led to. An acceptance also settles doubt; anything else only moves the attempt of the newest fence. False: it came too late. */
export async function recordOutcome(tx: Tx, id: string, fence: number, outcome: Outcome): Promise<boolean> {
  const from =
    outcome.state === 'sent' ? sql.fragment`('sending', 'uncertain', 'needs_human')` : sql.fragment`('sending')`;
  // In doubt it may go on failing; what left, or was refused, does not.
  const failing =
    outcome.state === 'ready' ? failingOn : outcome.state === 'uncertain' ? sql.fragment`failing_since` : null;
  const { rowCount } = await tx.query(sql.unsafe`
    update deliveries set
      state = ${outcome.state},
      phase = ${outcome.state === 'ready' ? 'none' : sql.fragment`phase`},
      lease_until = null,
      provider_ref = ${outcome.state === 'sent' ? (outcome.providerRef ?? null) : null},
      last_error_code = ${outcome.state === 'sent' ? null : outcome.code},
      not_before = ${'againInMs' in outcome ? sql.fragment`heed_now() + make_interval(secs => ${outcome.againInMs / 1000})` : sql.fragment`not_before`},
      started_until = null,
      failing_since = ${failing},
      ended_at = ${outcome.state === 'sent' || outcome.state === 'failed' ? sql.fragment`heed_now()` : null}
    where id = ${id} and fence = ${fence} and state in ${from}`);
  return rowCount === 1;
}

/** Since its first try that failed, from when it was planned, last held, or let go by somebody (`now.tried_in_vain`). */
const failingOn = sql.fragment`coalesce(failing_since, heed_now())`;

/** Ends a message that must not be sent (any more): suppressed, cancelled, expired. */
export async function endDelivery(
  tx: Tx,
  id: string,
  state: 'suppressed' | 'cancelled' | 'expired' | 'failed',
  code: string,
): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set state = ${state}, last_error_code = ${code}, lease_until = null, ended_at = heed_now()
    where id = ${id} and ${notHandedOver}`);
}

/** What was done about a message while nobody knows whether it was sent. */
export async function noteDoubt(tx: Tx, id: string, code: string): Promise<void> {
  await tx.query(sql.unsafe`update deliveries set last_error_code = ${code} where id = ${id} and state = 'uncertain'`);
}

/** The code of what Slack would not take, or may have taken: an e-mail went in its place. */
export const wentByEmail = 'went_by_email';

/** Nobody can say yet whether it is there: looked for again, the later the longer it was looked for in vain. Where it is not there after all, it is
 *  tried in vain since then. */
export async function lookAgain(tx: Tx, id: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set
      failing_since = ${failingOn},
      not_before = heed_now() + make_interval(secs => least(3600, 120 + coalesce(extract(epoch from heed_now() - failing_since), 0) / 2)::float8),
      started_until = null
    where id = ${id} and state = 'uncertain'`);
}

/** Nothing is against it, but there are no hands free for it just now: it is looked at again when some may be, the later the longer it has waited
 *  for that. What stays so for an hour does not leave, as what is tried in vain. */
export async function putOff(tx: Tx, id: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set
      state = 'ready', last_error_code = ${noRoom}, failing_since = coalesce(failing_since, heed_now()),
      not_before = heed_now() + make_interval(secs => least(60, 5 + coalesce(extract(epoch from heed_now() - failing_since), 0) / 10)::float8),
      started_until = null
    where id = ${id} and state in ('planned', 'ready')`);
}

/** Not now: consent stands but the hour or the pace does not. Nobody tries it meanwhile. */
export async function holdDelivery(tx: Tx, id: string, until: Date, code: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set not_before = ${sql.timestamp(until)}, last_error_code = ${code}, started_until = null, failing_since = null
    where id = ${id} and state in ('planned', 'ready')`);
}

/** What a message is set to that is to leave as if nobody had tried it, and nothing had ended it: when, and held for what, is said beside it. */
export const readyAgain = sql.fragment`
  state = 'ready', phase = 'none', lease_until = null, started_until = null, failing_since = null, ended_at = null, bundled_into = null`;

/** Prompts about these loops that were held for this are looked over anew at once. */
export async function releasePrompts(tx: Tx, loopIds: readonly string[], code: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set not_before = heed_now(), started_until = null
    where loop_id = any(${sql.array([...loopIds], 'uuid')}) and purpose = 'prompt' and state in ('planned', 'ready') and last_error_code = ${code}`);
}

/** How long evidence is waited for of a letter to a customer: a bounce may still come, or a press by what stands in it. */
export const evidenceMs = 15 * 60_000;

/** An attempt that ended without a word: known not sent while it had not handed over, else nobody knows. Its lease is waited for, but for one
 *  that another attempt is made `inItsPlace`: before the gate the newer fence shuts it out, whatever it is still doing. A colleague waits for no
 *  evidence after that. */
export async function settleLeftOpen(tx: Tx, id: string, { inItsPlace = false } = {}): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set
      state = case when phase = 'handed' then 'uncertain' else 'ready' end,
      failing_since = case when phase = 'handed' then failing_since else ${failingOn} end,
      last_error_code = case when lease_until <= clock_timestamp() then 'lease_ran_out' else 'attempt_failed' end,
      not_before = case when phase = 'handed' and policy = 'at_most_once' then heed_now() + make_interval(secs => ${evidenceMs / 1000}) else not_before end,
      lease_until = null, started_until = null
    where id = ${id} and state = 'sending' and (lease_until <= clock_timestamp() or (${inItsPlace} and phase = 'open'))`);
}

/** Doubt settled: by evidence ("it is there", under the name `ref`; "it is not"), handed to a person, or left. */
export async function settleUncertain(
  tx: Tx,
  id: string,
  as: 'sent' | 'ready' | 'needs_human' | 'failed',
  { ref, code }: { ref?: string; code?: string } = {},
): Promise<boolean> {
  const { rowCount } = await tx.query(sql.unsafe`
    update deliveries set
      state = ${as},
      phase = ${as === 'ready' ? 'none' : sql.fragment`phase`},
      provider_ref = coalesce(${ref ?? null}, provider_ref),
      last_error_code = coalesce(${code ?? null}, last_error_code),
      failing_since = ${as === 'ready' ? failingOn : null},
      ended_at = ${as === 'sent' || as === 'failed' ? sql.fragment`heed_now()` : null},
      started_until = null
    where id = ${id} and state in ('uncertain', 'needs_human')`);
  return rowCount === 1;
}

/** Whether somebody has since been asked about the same loop, the same way, again: by a later prompt that has left or is about to. One of
 *  a plan that is none of `running` is about to be void, and takes nobody's place. */
export function laterPrompt(
  db: Db,
  d: Pick<Delivery, 'id' | 'loop_id' | 'staff' | 'channel'>,
  running: readonly string[],
): Promise<boolean> {
  return db.exists(sql.unsafe`
    select from deliveries d
    where d.loop_id = ${d.loop_id} and d.staff = ${d.staff} and d.channel = ${d.channel} and d.purpose = 'prompt' and d.id <> ${d.id}
      -- As Postgres has it: a Date has no microseconds, and of two calls within one millisecond each would be the later.
      and d.planned_at > (select x.planned_at from deliveries x where x.id = ${d.id}) and d.state in ('planned', 'ready', 'sending', 'uncertain', 'sent')
      and (d.occasion = any(${sql.array([...running], 'uuid')}) or d.state = 'sent')`);
}

/** When the latest other letters to a customer left, latest first. One that is being handed over counts as leaving now, one that may have
 *  left as having left when that was last looked into. What they asked for themselves, to see what is held, and what takes a letter back fill
 *  no cap. */
export function lettersLeft(
  db: Db,
  customerId: string,
  { except, most }: { except?: string; most: number },
): Promise<readonly Date[]> {
  return db.anyFirst(sql.type(LeftRow)`
    select case
      when state = 'sending' then heed_now()
      when state in ('uncertain', 'needs_human') then least(not_before, heed_now())
      else ended_at
    end as left
    from deliveries
    where customer_id = ${customerId} and id is distinct from ${except ?? null}::uuid and purpose not in ('rights', 'redaction')
      and (state in ('sending', 'uncertain', 'needs_human') or (state in ('sent', 'delivered') and ended_at is not null))
    order by 1 desc limit ${most}`);
}

const Due = z.object({ id: z.string(), channel: z.enum(['email', 'slack']), purpose: z.enum(purposes) });

/** `wave`: one decision told to many; `unhurried`: nobody waits for it; `other`: somebody does. */
export type DeliveryClass = 'other' | 'wave' | 'unhurried';

/** Up to `most` messages of a class to start now: due, with a dead lease, or in doubt and to be looked for. Handed out for a minute. */
export async function leaseDueDeliveries(
  db: Db,
  as: DeliveryClass,
  most: number,
): Promise<readonly z.infer<typeof Due>[]> {
  // Chosen before any is taken: joined to the update, the choice may be made again for each row, and takes more than there is room for.
  return db.any(sql.type(Due)`
    with due as materialized (
      select id from deliveries
      where state in ('planned', 'ready', 'sending', 'uncertain')
        and unhurried = ${as === 'unhurried'}
        and (purpose in ('told', 'news')) = ${as === 'wave'}
        and not_before <= heed_now()
        and (started_until is null or started_until < clock_timestamp())
        and (state <> 'sending' or lease_until < clock_timestamp())
      order by not_before
      limit ${most}
      for update skip locked)
    update deliveries d set started_until = clock_timestamp() + interval '1 min'
    from due where d.id = due.id
    returning d.id, d.channel, d.purpose`);
}

/** Since when it has been tried and has not left, where that is an hour by now. */
export function triedInVainSince(db: Db, id: string): Promise<Date | null> {
  return db.maybeOneFirst(sql.type(SinceRow)`select failing_since as since from now.tried_in_vain where id = ${id}`);
}

/** The relay could not start it: due again. */
export async function deliveryNotStarted(db: Db, id: string): Promise<void> {
  await db.query(sql.unsafe`update deliveries set started_until = clock_timestamp() + interval '2 s' where id = ${id}`);
}

const Body = z.object({ subject: z.string(), body: z.string() });

export async function bodyOf(db: Db, id: string): Promise<z.infer<typeof Body> | null> {
  return db.maybeOne(sql.type(Body)`select subject, body from delivery_bodies where delivery_id = ${id}`);
}
