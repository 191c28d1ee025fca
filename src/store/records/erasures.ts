/** Erasing: what somebody said, wrote and is called goes; that it was said, what was done about it and when stays, in ids, codes and times. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { mayDecide } from '../../domain/entitlement.ts';
import { DomainError } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { codesIn } from '../../domain/reading.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { IdRow, SignalIdRow, StaffRow } from '../rows.ts';
import { holdTheChain } from './chain.ts';
import { addressHash, lockIdentities, type Identity } from './customers.ts';
import { freeSameness, renameInsight, saidBy } from './insights.ts';
import { closeRound, factRecorded, redrawCards } from './loops.ts';
import { eraseMentions, erased, mentionsOf } from './mentions.ts';
import { toldByLadder } from './plans.ts';
import { planRedactions, takeCards, takeNews, takeRightsMails } from './redactions.ts';

const IdentityRow = z.object({
  kind: z.enum(['email', 'phone', 'loyalty']),
  value: z.string(),
  normalised: z.string(),
});
const NameRow = z.object({ name: z.string().nullable() });
const AttributeRow = z.object({ signal_id: z.string(), name: z.string(), value: z.string() });
const OpenLoopRow = z.object({ id: z.string(), round: z.number() });
const TouchedRow = z.object({
  id: z.string(),
  attributes: z.record(z.string(), z.string()),
  round: z.number(),
  closed: z.boolean(),
  undecided: z.boolean(),
});
const DeciderRow = z.object({ decider: z.string(), round: z.number() });
const AnybodyRow = z.object({ anybody: z.boolean() });
const HoldsRow = z.object({ holds: z.boolean() });

/** Whom or what an erasure is about: a customer with all their signals, or signals alone. */
export interface ToErase {
  customerId: string | null;
  signalIds: readonly string[];
}

export interface Erasing {
  /** Given when an erasure is repeated on a restored backup: the same act, at its own time. */
  id?: string;
  cause: 'asked' | 'retention';
  by: string;
  reason: string;
  erasedAt?: Date;
  /** Says what is in its own words, and so nobody's personal ones; and to whom a card is still given, and so drawn anew without what was said. */
  company: Company;
}

export interface Erased {
  id: string;
  signals: number;
  /** Loops that were open, and are closed by it. */
  closed: number;
  /** Messages that had been planned and are not sent. */
  stopped: number;
  /** Messages already sent that are taken back where that can be done. */
  redacted: number;
}

/** The signals of a customer that hold anything to erase. */
export function signalsOf(db: Db, customerId: string): Promise<readonly string[]> {
  return db.anyFirst(sql.type(IdRow)`
    select s.id from signals s where s.customer_id = ${customerId} order by s.id`);
}

/**
 * Everything in one transaction: afterwards nothing more is sent, shown or found. Doing it twice does no harm. Captures of the same person
 * wait, because they lock the same addresses (recogniseCustomer).
 */
export async function erase(tx: Tx, whom: ToErase, erasing: Erasing): Promise<Erased> {
  const id = erasing.id ?? newId();
  await holdTheChain(tx);
  await tx.query(sql.unsafe`
    select set_config('heed.may', 'erase', true), set_config('heed.cause', ${id}, true), set_config('statement_timeout', '60s', true)`);
  const addresses = whom.customerId ? await lockAddresses(tx, [whom.customerId]) : [];
  const theirs = whom.customerId ? await signalsOf(tx, whom.customerId) : [];
  const signals = [...new Set([...theirs, ...whom.signalIds])].sort();
  const insights = await lockLoopsOf(tx, signals);

  const fresh = await recordErasure(tx, id, { customerId: whom.customerId, signals, addresses }, erasing);
  const name = whom.customerId ? await nameOf(tx, whom.customerId) : null;
  await eraseWords(tx, signals, erasing);
  await eraseWhatStaffWrote(tx, signals, insights);
  const decisions: string[] = [];
  for (const insight of insights) decisions.push(...(await eraseMentions(tx, insight, mentionsOf(name, addresses))));
  // The messages first: whoever is about to send one of them locks it, and then its customer.
  const stopped = await endMessages(tx, whom.customerId, signals);
  await composeAnew(tx, insights);
  if (whom.customerId) await eraseCustomer(tx, whom.customerId);
  // Of those that were erased before, nobody has pressed anything since.
  if (fresh.length > 0) await forgetPresses(tx, fresh);
  await revokeLinks(tx, whom.customerId, signals);
  const closed = await closeOpen(tx, signals, erasing);
  const touched: Touched[] = [];
  for (const insight of insights) touched.push(await eraseFromInsight(tx, insight, erasing));
  const renamed = touched.filter((insight) => insight.renamed).map(({ id }) => id);
  // What was kept for its time is taken back in its time; what somebody asked for, at once.
  const unhurried = erasing.cause === 'retention';
  let redacted = await planRedactions(tx, { signals, insights }, unhurried);
  redacted += await takeNews(tx, { decisions, insights: renamed }, unhurried);
  if (whom.customerId) redacted += await takeRightsMails(tx, whom.customerId, unhurried);
  for (const insight of insights) redacted += await takeCardsNotDrawnAnew(tx, insight, erasing, unhurried);
  await tx.query(sql.unsafe`delete from slack_cards where loop_id = any(${ids(signals)})`);
  // The story of one that was closed is over, and is not told again for nothing.
  for (const { id, wasClosed } of touched) await (wasClosed ? redrawCards(tx, [id], unhurried) : factRecorded(tx, id));
  await tx.query(sql.unsafe`select set_config('heed.may', '', true)`);
  return { id, signals: signals.length, closed, stopped, redacted };
}

/** The same locks, in the same order, that a capture takes before it looks whose address this is; with those of addresses they are given. Whoever
 *  has no address is locked, too. Returns the addresses they have. */
export async function lockAddresses(
  tx: Tx,
  customerIds: readonly string[],
  given: readonly Pick<Identity, 'kind' | 'normalised'>[] = [],
): Promise<readonly Identity[]> {
  const themselves = customerIds.map((id) => ({ kind: 'customer', normalised: id }));
  await lockIdentities(tx, [...themselves, ...(await addressesOf(tx, customerIds)), ...given]);
  return addressesOf(tx, customerIds);
}

function addressesOf(tx: Tx, customerIds: readonly string[]): Promise<readonly Identity[]> {
  return tx.any(sql.type(IdentityRow)`
    select kind, value, normalised from identities where customer_id = any(${ids(customerIds)}) order by normalised, kind`);
}

/** Signals first, then the insights they are part of, each in the order of their ids. Returns the insights. */
export async function lockLoopsOf(tx: Tx, signals: readonly string[]): Promise<readonly string[]> {
  await tx.query(sql.unsafe`select id from loops where id = any(${ids(signals)}) order by id for no key update`);
  const insights = await tx.anyFirst(sql.type(IdRow)`
    select l.id from loops l
    where l.id in (select x.insight_id from insight_signals x where x.signal_id = any(${ids(signals)}))
    order by l.id for no key update`);
  await tx.query(sql.unsafe`select heed_take_moment()`);
  return insights;
}

/** Returns those of the signals that were not erased before. */
async function recordErasure(
  tx: Tx,
  id: string,
  of: { customerId: string | null; signals: readonly string[]; addresses: readonly Identity[] },
  { cause, by, reason, erasedAt }: Erasing,
): Promise<readonly string[]> {
  await tx.query(sql.unsafe`
    insert into erasures (id, customer_id, cause, by, reason, erased_at)
    values (${id}, ${of.customerId}, ${cause}, ${by}, ${reason}, ${erasedAt ? sql.timestamp(erasedAt) : sql.fragment`heed_now()`})
    on conflict (id) do nothing`);
  const fresh = await tx.anyFirst(sql.type(SignalIdRow)`
    insert into erased_signals (signal_id, erasure_id)
    select id, ${id} from signals where id = any(${ids(of.signals)}) on conflict do nothing
    returning signal_id`);
  // Nobody asked that they are heard no more whose words are kept no longer.
  if (cause === 'asked') await leaveTombstones(tx, id, of);
  return fresh;
}

/** Of what they are known by, and of what they were until it was put right, unless somebody else is known by that now: they go on being heard. */
async function leaveTombstones(
  tx: Tx,
  id: string,
  { customerId, addresses }: { customerId: string | null; addresses: readonly Identity[] },
): Promise<void> {
  for (const { kind, normalised } of addresses)
    await tx.query(sql.unsafe`
      insert into tombstones (erasure_id, kind, address_hash) values (${id}, ${kind}, ${sql.binary(addressHash(normalised))})
      on conflict do nothing`);
  await tx.query(sql.unsafe`
    insert into tombstones (erasure_id, kind, address_hash)
    select ${id}::uuid, f.kind, f.address_hash
    from rights r join former_addresses f on f.right_id = r.id
    where r.customer_id = ${customerId}
      and not exists (
        select from identities i
        where i.kind = f.kind and sha256(convert_to(i.normalised, 'UTF8')) = f.address_hash and i.customer_id <> r.customer_id)
    on conflict do nothing`);
}

export function nameOf(tx: Tx, customerId: string): Promise<string | null> {
  return tx.oneFirst(sql.type(NameRow)`select name from customers where id = ${customerId}`);
}

/** What was said and written about it; of what was wanted, the company's own words stay. */
async function eraseWords(tx: Tx, signals: readonly string[], { company }: Erasing): Promise<void> {
  await tx.query(sql.unsafe`delete from words where signal_id = any(${ids(signals)})`);
  const wanted = await tx.any(sql.type(AttributeRow)`
    select signal_id, name, value from signal_attributes where signal_id = any(${ids(signals)})`);
  for (const { signal_id, name, value } of wanted)
    if (!Object.hasOwn(codesIn({ [name]: value }, company.vocabulary), name))
      await tx.query(sql.unsafe`delete from signal_attributes where signal_id = ${signal_id} and name = ${name}`);
  await tx.query(
    sql.unsafe`update confirmations set words = null where loop_id = any(${ids(signals)}) and words is not null`,
  );
}

/** Reasons typed about this one remark may name whoever made it, so they go with it: also where an insight was closed with the one for which the last
 *  of its remarks was dismissed, as it was in 0.1. What a rule gave as its reason stays. */
async function eraseWhatStaffWrote(tx: Tx, signals: readonly string[], insights: readonly string[]): Promise<void> {
  for (const text of [
    sql.fragment`ownerships set reason = ${erased} where cause = 'handed_over' and loop_id = any(${ids(signals)})`,
    sql.fragment`closures set reason = ${erased} where by is not null and reason is not null and loop_id = any(${ids(signals)})`,
    sql.fragment`closures set reason = ${erased} where by is not null and how = 'dismissed' and loop_id = any(${ids(insights)})`,
    sql.fragment`reviews set reason = ${erased} where reason is not null and signal_id = any(${ids(signals)})`,
    sql.fragment`repairs set reason = ${erased} where loop_id = any(${ids(signals)})`,
  ])
    await tx.query(sql.unsafe`update ${text}`);
}

/** What is typed as the reason for using a right is kept. Throws `validation` where it names the person it would outlive. */
export async function mustNotName(tx: Tx, customerId: string, reason: string): Promise<void> {
  const mentions = mentionsOf(await nameOf(tx, customerId), await addressesOf(tx, [customerId]));
  if (mentions(reason))
    throw new DomainError(
      'validation',
      'The reason is kept, so it must not name them. Say it without the name and without an address.',
    );
}

/** The row stays, as an id that facts refer to; and that rights were used, without why. */
async function eraseCustomer(tx: Tx, customerId: string): Promise<void> {
  await tx.query(sql.unsafe`update customers set name = null where id = ${customerId} and name is not null`);
  await tx.query(sql.unsafe`delete from identities where customer_id = ${customerId}`);
  await tx.query(
    sql.unsafe`update rights set reason = ${erased} where customer_id = ${customerId} and reason is not null`,
  );
}

/** A repeat of what they or anybody pressed about it is told that it was erased (410). A press is found by the fact it made, without an index that every
 *  capture would pay for: all of them are read for it. */
async function forgetPresses(tx: Tx, signals: readonly string[]): Promise<void> {
  await tx.query(sql.unsafe`
    update presses set fingerprint = null, result = '{}'
    where fact_id in (
      select unnest(${ids(signals)})
      union all select id from ownerships where loop_id = any(${ids(signals)})
      union all select id from acknowledgements where loop_id = any(${ids(signals)})
      union all select id from follow_ups where loop_id = any(${ids(signals)})
      union all select id from repairs where loop_id = any(${ids(signals)})
      union all select id from calls where loop_id = any(${ids(signals)})
      union all select id from confirmations where loop_id = any(${ids(signals)}))`);
}

/** Where one remark goes and its customer stays, our letters can still be stopped by the one about it: they are written to about others. */
async function revokeLinks(tx: Tx, customerId: string | null, signals: readonly string[]): Promise<void> {
  await tx.query(sql.unsafe`
    update links set revoked_at = heed_now()
    where revoked_at is null
      and (customer_id = ${customerId} or loop_id = any(${ids(signals)}) and kind <> 'unsubscribe')`);
}

/** Nothing that waits is sent, and nothing in doubt is sent again. What a colleague may have before them in Slack stays in doubt until its
 *  history has been read: if it is there it is taken out (settleErased). Returns how many messages that ended. */
async function endMessages(tx: Tx, customerId: string | null, signals: readonly string[]): Promise<number> {
  const theirs = sql.fragment`(d.customer_id = ${customerId} or d.loop_id = any(${ids(signals)})) and d.purpose <> 'redaction'`;
  await tx.query(sql.unsafe`
    delete from delivery_bodies b using deliveries d where d.id = b.delivery_id and ${theirs}`);
  const { rowCount } = await tx.query(sql.unsafe`
    update deliveries d set
      state = case when state in ('uncertain', 'needs_human') then 'failed' else 'cancelled' end,
      last_error_code = 'erased', lease_until = null, ended_at = heed_now()
    where ${theirs}
      and (state in ('planned', 'ready', 'needs_human') or (state = 'uncertain' and d.channel = 'email') or (state = 'sending' and phase = 'open'))`);
  return rowCount;
}

/** A call to whoever decides quotes those who asked. One that is being composed at this moment is shut out at the gate, and composed anew; whoever is
 *  about to begin one waits for this, and reads what is left. */
export async function composeAnew(tx: Tx, loops: readonly string[]): Promise<void> {
  const about = sql.fragment`d.loop_id = any(${ids(loops)}) and d.purpose <> 'redaction'`;
  await tx.query(sql.unsafe`
    select d.id from deliveries d
    where ${about} and d.state in ('planned', 'ready', 'sending', 'uncertain') order by d.id for no key update`);
  await tx.query(sql.unsafe`
    update deliveries d set state = 'ready', phase = 'none', fence = fence + 1, lease_until = null, started_until = null
    where ${about} and d.state = 'sending' and d.phase = 'open'`);
}

async function closeOpen(tx: Tx, signals: readonly string[], erasing: Erasing): Promise<number> {
  const open = await tx.any(sql.type(OpenLoopRow)`
    select id, round from now.open_loops where id = any(${ids(signals)}) order by id`);
  for (const { id, round } of open) {
    await closeRound(tx, { loopId: id, round, how: 'erased', rule: ruleOf(erasing) });
    await factRecorded(tx, id);
  }
  return open.length;
}

const ruleOf = ({ cause }: Erasing): string =>
  cause === 'asked' ? 'what was said was erased' : 'what was said is kept no longer';

/** What became of an insight by it: whether it is called otherwise now. */
interface Touched {
  id: string;
  renamed: boolean;
  wasClosed: boolean;
}

/** What nobody who is left has said goes from its title, and what nobody is left to have asked for, and nobody has decided, is closed. */
async function eraseFromInsight(tx: Tx, insight: string, erasing: Erasing): Promise<Touched> {
  const it = await tx.one(sql.type(TouchedRow)`
    select id, attributes, round, closed_at is not null as closed, outcome is null or outcome = 'deferred' as undecided
    from now.insight(${insight}::uuid)`);
  const renamed = await eraseFromTitle(tx, it, erasing);
  if (it.undecided && !it.closed && !(await isAnybodyLeft(tx, insight)))
    await closeForgotten(tx, it, { how: 'erased', rule: ruleOf(erasing) });
  return { id: insight, renamed, wasClosed: it.closed };
}

async function eraseFromTitle(tx: Tx, it: z.infer<typeof TouchedRow>, { company }: Erasing): Promise<boolean> {
  const { id, attributes } = it;
  const codes = codesIn(attributes, company.vocabulary);
  const all = Object.keys(attributes).length;
  if (Object.keys(codes).length === all) return false;
  const stays = { ...(await saidBy(tx, whoIsLeft(id), attributes)), ...codes };
  if (Object.keys(stays).length === all) return false;
  await renameInsight(tx, id, stays);
  return true;
}

/** A card quotes them until it is drawn anew, which it is not for whoever has left, or has nothing to do with it in this round. */
async function takeCardsNotDrawnAnew(
  tx: Tx,
  insight: string,
  { company }: Erasing,
  unhurried: boolean,
): Promise<number> {
  const having = await tx.anyFirst(sql.type(StaffRow)`
    select staff from slack_cards where loop_id = ${insight}`);
  if (having.length === 0) return 0;
  const { decider, round } = await tx.one(sql.type(DeciderRow)`
    select decider, round from now.insight(${insight}::uuid)`);
  const told = await toldByLadder(tx, insight, round);
  return takeCards(
    tx,
    insight,
    having.filter((staff) => !mayDecide(company, staff, { decider, told })),
    unhurried,
  );
}

/** An insight that nobody is left to have asked for, and nobody has decided: whatever was decided would reach nobody. */
export async function closeForgotten(
  tx: Tx,
  { id, round }: { id: string; round: number },
  because: { how: 'erased' | 'dismissed'; rule: string },
): Promise<void> {
  await freeSameness(tx, id);
  await closeRound(tx, { loopId: id, round, ...because });
}

/** Why nobody is left, where nobody does anything about it at this moment. */
export async function whyForgotten(db: Db, insightId: string): Promise<{ how: 'erased' | 'dismissed'; rule: string }> {
  const dismissed = await db.exists(sql.unsafe`
    select from now.insight_signals x
    where x.insight_id = ${insightId} and not exists (select from erased_signals e where e.signal_id = x.signal_id)`);
  return dismissed
    ? { how: 'dismissed', rule: 'what asked for it has been dismissed' }
    : { how: 'erased', rule: 'whoever asked for it has been erased' };
}

/** Whether anybody is left who asked for this. */
export function isAnybodyLeft(db: Db, insightId: string): Promise<boolean> {
  return db.oneFirst(sql.type(AnybodyRow)`select exists (${whoIsLeft(insightId)}) as anybody`);
}

/** What asked for this and is left: neither erased nor dismissed since, nor moved on to another. */
const whoIsLeft = (insightId: string) => sql.fragment`
  select x.signal_id from now.insight_signals x
  where x.insight_id = ${insightId}
    and not exists (select from erased_signals e where e.signal_id = x.signal_id)
    and not exists (select from closures z where z.loop_id = x.signal_id and z.how = 'dismissed')`;

/** Whether anything is held that an erasure would take away. */
export function holdsWords(db: Db, { customerId, signalIds }: ToErase): Promise<boolean> {
  return db.oneFirst(sql.type(HoldsRow)`
    select exists (select from words w where w.signal_id = any(${ids(signalIds)}))
      or exists (select from identities i where i.customer_id = ${customerId})
      or exists (select from customers c where c.id = ${customerId} and c.name is not null) as holds`);
}

const ids = (list: readonly string[]) => sql.array([...list], 'uuid');
