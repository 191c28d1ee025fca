/** A person used a right of theirs: which, by whom and why; and what follows for what is sent and waited for. */

import { z } from 'zod';
import { spellingsOf } from '../../domain/customer.ts';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { CountRow, IdRow, NormalisedRow } from '../rows.ts';
import { holdTheChain } from './chain.ts';
import { addressHash, keepFormerObjection, suppress, type Address, type Identity } from './customers.ts';
import { notHandedOver, readyAgain } from './deliveries.ts';
import { mustNotName } from './erasures.ts';
import { eraseMentions, isCompletedBy, mentionsOf } from './mentions.ts';
import { takeNews } from './redactions.ts';

const RestrictedRow = z.object({ restricted: z.boolean() });
const Disavowed = z.object({ purpose: z.string(), occasion: z.string().nullable() });

export type Right = 'access' | 'rectification' | 'objection' | 'restriction' | 'lifting';

/** Throws `validation` when the reason names whose right it is. */
export async function recordRight(
  tx: Tx,
  r: { customerId: string; kind: Right; by: string; reason?: string | undefined },
): Promise<string> {
  const id = newId();
  if (r.reason !== undefined) await mustNotName(tx, r.customerId, r.reason);
  await tx.query(sql.unsafe`
    insert into rights (id, customer_id, kind, by, reason) values (${id}, ${r.customerId}, ${r.kind}, ${r.by}, ${r.reason ?? null})`);
  return id;
}

export function isRestricted(db: Db, customerId: string): Promise<boolean> {
  return db.oneFirst(sql.type(RestrictedRow)`
    select exists (select from now.restrictions where customer_id = ${customerId}) as restricted`);
}

/** Whether a customer lets everything of theirs rest; `customer` is their id in the statement that asks. */
export const restsOf = (customer: ReturnType<typeof sql.fragment>) =>
  sql.fragment`exists (select from now.restrictions r where r.customer_id = ${customer})`;

/** Whether whoever said this, or somebody who asked for it, lets it rest. */
export function restsBehind(db: Db, loopId: string): Promise<boolean> {
  return db.exists(sql.unsafe`
    select from signals s
    where s.id in (select ${loopId}::uuid union all select y.signal_id from insight_signals y where y.insight_id = ${loopId})
      and ${restsOf(sql.fragment`s.customer_id`)}`);
}

/** What they asked for together with others, or alone. */
export function insightsBehind(db: Db, customerId: string): Promise<readonly string[]> {
  return db.anyFirst(sql.type(IdRow)`
    select distinct x.insight_id as id from now.insight_signals x join signals s on s.id = x.signal_id
    where s.customer_id = ${customerId} order by id`);
}

/** How often within the last day they were to be mailed a way to all that is held about them. */
export function waysInMailed(db: Db, customerId: string): Promise<number> {
  return db.oneFirst(sql.type(CountRow)`
    select count(*)::integer as count from deliveries
    where customer_id = ${customerId} and purpose = 'rights' and planned_at > heed_now() - interval '24 hours'`);
}

/** What waits for them goes on waiting; what was about to leave does not pass the gate any more. */
export async function holdMessagesTo(tx: Tx, customerId: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set ${readyAgain}, last_error_code = 'restricted', not_before = heed_now() + interval '1 hour'
    where customer_id = ${customerId} and purpose not in ('redaction', 'rights')
      and ${notHandedOver}`);
}

/** With what colleagues are to be asked about letters to them. */
export async function releaseMessagesTo(tx: Tx, customerId: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set not_before = heed_now(), started_until = null
    where (customer_id = ${customerId}
        or purpose = 'notice' and loop_id in (select id from signals where customer_id = ${customerId}))
      and state in ('planned', 'ready') and last_error_code = 'restricted'`);
}

/** Before it is recorded that it goes on. Whoever is looking at a message to them, at a call or a question about their remarks, or at a digest that was
 *  to name one has put it off by then, which is found below; whoever looks later waits for this, and sees it. In one order, so that two never wait for each other. */
export async function awaitLastLooks(tx: Tx, customerId: string): Promise<void> {
  const theirs = sql.fragment`(select id from signals where customer_id = ${customerId})`;
  await tx.query(sql.unsafe`
    select d.id from deliveries d
    where d.state in ('planned', 'ready', 'sending', 'uncertain')
      and (d.customer_id = ${customerId}
        or d.purpose in ('prompt', 'notice') and d.loop_id in ${theirs}
        or d.purpose = 'digest' and d.occasion in (
          select b.bundled_into from deliveries b where b.last_error_code = 'bundled' and b.loop_id in ${theirs}))
    order by d.id
    for no key update`);
}

/** Whoever was to be called about their remarks and has not been, because they rested, is called when they go on: also whom a digest was to tell,
 *  that was looked over meanwhile, and whose message was refused for good meanwhile, when nobody could be called in their place: refused once more,
 *  somebody is. Before the lifting is recorded. What nobody waits for any more is found out as each is about to leave. */
export async function revivePromptsAbout(tx: Tx, customerId: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries d set ${readyAgain}, last_error_code = null, not_before = heed_now()
    from now.restrictions x
    where x.customer_id = ${customerId} and d.purpose = 'prompt'
      and d.loop_id in (select id from signals where customer_id = ${customerId})
      and (d.state = 'cancelled' and d.last_error_code = 'restricted' and d.ended_at >= x.since
        -- Recorded at the same time as the restricting, it is dated a moment before; once too often costs an attempt.
        or d.state = 'failed' and d.channel = 'email' and d.ended_at >= x.since - interval '1 minute'
        or d.state = 'cancelled' and d.last_error_code = 'bundled' and (
          -- One that is being sent may have been looked over while they rested.
          select bool_and(g.state not in ('planned', 'ready')) and max(coalesce(g.ended_at, heed_now())) >= x.since
          from deliveries g where g.purpose = 'digest' and g.occasion = d.bundled_into))`);
}

/** Prompts about their remarks are void while nothing may be done; the ladder goes on when it is lifted. */
export async function endPromptsAbout(tx: Tx, customerId: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set state = 'cancelled', last_error_code = 'restricted', ended_at = heed_now()
    where purpose = 'prompt' and loop_id in (select id from signals where customer_id = ${customerId})
      and ${notHandedOver}`);
}

/** By what somebody is called and known. */
interface Known {
  name: string | null;
  addresses: readonly Identity[];
}

/** Before it is put right. What was written about what they asked for together with others names them no more by what was wrong; what names them by
 *  what is right, too, an erasure finds. Nobody asked that anything goes which only looks like it: what a name is part of, and what was right as far
 *  as it went, stays. Of an address that was wrong its hash is left: whoever asked to be erased is not brought back under it. */
export async function forgetFormer(
  tx: Tx,
  cause: string,
  { insights, wrong, right }: { insights: readonly string[]; wrong: Known; right: Known },
): Promise<void> {
  for (const { kind, normalised } of wrong.addresses)
    await tx.query(sql.unsafe`
      insert into former_addresses (right_id, kind, address_hash) values (${cause}, ${kind}, ${sql.binary(addressHash(normalised))})
      on conflict do nothing`);
  const isCompleted = wrong.name !== null && right.name !== null && isCompletedBy(wrong.name, right.name);
  const byWhatWasWrong = mentionsOf(isCompleted ? null : wrong.name, wrong.addresses, { onlyAsWord: true });
  const byWhatIsRight = mentionsOf(right.name, right.addresses);
  await tx.query(sql.unsafe`select set_config('heed.may', 'erase', true), set_config('heed.cause', ${cause}, true)`);
  const decisions: string[] = [];
  for (const insight of insights)
    decisions.push(...(await eraseMentions(tx, insight, (text) => byWhatWasWrong(text) && !byWhatIsRight(text))));
  await takeNews(tx, { decisions, insights: [] });
  await tx.query(sql.unsafe`select set_config('heed.may', '', true)`);
}

/** A name, or all addresses of a kind, put right; what was wrong is gone, and so is the way in by what was mailed to it. Null takes it away.
 *  Whoever objected did so as a person: what takes the place of an address they are not written to at is not written to either. */
export async function putRight(
  tx: Tx,
  customerId: string,
  cause: string,
  correct: {
    name?: string | null;
    addresses: readonly { kind: 'email' | 'phone' | 'loyalty'; to: { value: string; normalised: string } | null }[];
  },
): Promise<void> {
  await holdTheChain(tx);
  await tx.query(sql.unsafe`select set_config('heed.may', 'erase', true), set_config('heed.cause', ${cause}, true)`);
  const objectedTo: Address[] = [];
  for (const { kind, to } of correct.addresses) {
    const objected = kind !== 'loyalty' && (await hasObjected(tx, customerId, kind));
    const former = await tx.anyFirst(sql.type(NormalisedRow)`
      delete from identities where customer_id = ${customerId} and kind = ${kind} returning normalised`);
    if (
      kind === 'email' &&
      former.some((address) => !to || !spellingsOf({ kind, normalised: to.normalised }).includes(address))
    )
      await leaveMailbox(tx, customerId);
    if (to)
      await tx.query(sql.unsafe`
        insert into identities (id, customer_id, kind, value, normalised)
        values (${newId()}, ${customerId}, ${kind}, ${to.value}, ${to.normalised})`);
    if (to) await keepFormerObjection(tx, { kind, ...to });
    if (to && objected) objectedTo.push({ kind, normalised: to.normalised });
  }
  await suppress(tx, objectedTo, 'unsubscribed');
  // Whoever sends to them locks the message before the person, so this comes after what is done about messages.
  if (correct.name !== undefined)
    await tx.query(sql.unsafe`update customers set name = ${correct.name} where id = ${customerId}`);
  await tx.query(sql.unsafe`select set_config('heed.may', '', true)`);
}

/** What was mailed to a former address opens nothing any more, and a letter that is being prepared for it is prepared anew. In this order:
 *  whatever passes the gate before has made its links by then. */
async function leaveMailbox(tx: Tx, customerId: string): Promise<void> {
  await tx.query(sql.unsafe`
    update deliveries set state = 'ready', phase = 'none', lease_until = null, started_until = null, last_error_code = 'address_changed'
    where customer_id = ${customerId} and channel = 'email' and state = 'sending' and phase = 'open'`);
  await tx.query(sql.unsafe`
    update links set revoked_at = heed_now()
    where customer_id = ${customerId} and kind in ('yours', 'not_me', 'unsubscribe', 'rights') and revoked_at is null`);
}

/** That whoever reads their customer's address did not say this. What waits to be sent there about it ends. Returns what ended. */
export async function recordDisavowal(
  tx: Tx,
  { signalId, customerId }: { signalId: string; customerId: string },
): Promise<readonly z.infer<typeof Disavowed>[]> {
  await tx.query(sql.unsafe`insert into disavowals (signal_id) values (${signalId}) on conflict do nothing`);
  return tx.any(sql.type(Disavowed)`
    update deliveries set state = 'suppressed', last_error_code = 'not_me', ended_at = heed_now()
    where loop_id = ${signalId} and customer_id = ${customerId} and ${notHandedOver}
    returning purpose, occasion`);
}

/** Where whoever reads it has said of everything that this customer said that it was not them, their e-mail address is somebody else's: it is put
 *  right. */
export async function takeMailboxOfAnother(tx: Tx, customerId: string): Promise<void> {
  if (!(await isSomebodyElses(tx, customerId))) return;
  const id = await recordRight(tx, { customerId, kind: 'rectification', by: 'customer' });
  await putRight(tx, customerId, id, { addresses: [{ kind: 'email', to: null }] });
}

function isSomebodyElses(tx: Tx, customerId: string): Promise<boolean> {
  return tx.exists(sql.unsafe`
    select from identities i
    where i.customer_id = ${customerId} and i.kind = 'email'
      and not exists (
        select from signals s
        where s.customer_id = ${customerId} and not exists (select from disavowals d where d.signal_id = s.id))`);
}

/** At an address they still have, or, where the one they had was taken away, by the objection itself: a button in a letter ends letters, a
 *  colleague records it for calls, too. That an address bounces is no word of theirs, nor is what somebody pressed who then said that the mailbox
 *  is theirs and not this customer's. */
function hasObjected(tx: Tx, customerId: string, channel: 'email' | 'phone'): Promise<boolean> {
  return tx.exists(sql.unsafe`
    select 1 from identities i
    join suppressions p on p.channel = i.kind and p.address_hash = sha256(convert_to(i.normalised, 'UTF8'))
    where i.customer_id = ${customerId} and i.kind = ${channel} and p.cause = 'unsubscribed'
    union all
    select 1 from rights r
    where r.customer_id = ${customerId} and r.kind = 'objection' ${channel === 'phone' ? sql.fragment`and r.by <> 'customer'` : sql.fragment``}
      and not exists (select from identities i where i.customer_id = ${customerId} and i.kind = ${channel})
      and not (r.by = 'customer' and exists (
        select from rights x
        where x.customer_id = r.customer_id and x.kind = 'rectification' and x.by = 'customer' and x.exercised_at >= r.exercised_at))`);
}
