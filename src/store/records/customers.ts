/** Who a customer is and how they may be reached. An address alone does not make two remarks one person's: a name that differs does not merge. */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { formerPhone, inEverySpelling, spellingsOf } from '../../domain/customer.ts';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';
import { IdRow, NormalisedRow } from '../rows.ts';
import { notHandedOver } from './deliveries.ts';
import { factRecorded } from './loops.ts';

export interface Identity {
  kind: 'email' | 'phone' | 'loyalty';
  value: string;
  /** Lower case, without blanks: see domain/customer.ts. */
  normalised: string;
}

export interface Customer {
  id: string;
  name: string | null;
  identities: readonly Identity[];
}

/**
 * The customer whose identities these are, all of them, and whose name does not speak against it; or a new one, who is not recorded yet.
 * Whoever knows one address of somebody does not make another theirs: it would be written to. Nor is somebody who has a mailbox whoever leaves
 * their number alone: behind a letter stands all that they said, and anybody may have given a number of others with a mailbox of their own.
 * Where one of the two has no name, they are one only as far as this tells no place a name that was given at another: the place where it is
 * known already, or the only one that they spoke at.
 */
export async function recogniseCustomer(
  tx: Tx,
  { name, identities, place }: { name: string | null; identities: readonly Identity[]; place: string },
): Promise<Customer> {
  // Two captures of one new customer at the same moment would make two people of them. A statement of its own, so that the look-up sees
  // what the other one recorded.
  await lockIdentities(tx, identities);
  for (const identity of identities) await keepFormerObjection(tx, identity);
  const known = await tx.maybeOneFirst(sql.type(IdRow)`
    with given as (
      select * from ${sql.unnest(
        identities.flatMap((identity, nth) => spellingsOf(identity).map((spelling) => [nth, identity.kind, spelling])),
        ['int4', 'text', 'text'],
      )} as given (nth, kind, normalised)
    )
    select c.id from customers c
    where not c.sample
      -- One look-up each (offset 0 keeps it so): joined, everybody there is would be read for as long as the plan lives that was made when they were few.
      and c.id in (
        select known.customer_id from given g cross join lateral (
          select i.customer_id from identities i where i.kind = g.kind and i.normalised = g.normalised offset 0
        ) known)
      and not exists (
        select from given g group by g.nth
        having not bool_or(exists (
          select from identities i where i.customer_id = c.id and i.kind = g.kind and i.normalised = g.normalised offset 0)))
      and not exists (
        select from identities i
        where i.customer_id = c.id and i.kind = 'email'
          and not exists (select from given g where g.kind = 'email' and g.normalised = i.normalised))
      and (
        lower(c.name) is not distinct from lower(${name}::text)
        or (${name}::text is null and exists (
          select from signals s join loops l on l.id = s.id where s.customer_id = c.id and l.place = ${place} offset 0))
        or (c.name is null and not exists (
          select from signals s join loops l on l.id = s.id where s.customer_id = c.id and l.place <> ${place})))
    order by (c.name is not null) desc, c.created_at
    limit 1`);
  return known
    ? { id: known, name, identities: await notYetTheirs(tx, known, identities) }
    : { id: newId(), name, identities };
}

/** A mailbox that somebody was known by in two spellings would count for two: a letter there would be given up twice, and news of it told twice. */
async function notYetTheirs(tx: Tx, customerId: string, identities: readonly Identity[]): Promise<readonly Identity[]> {
  if (identities.every((one) => spellingsOf(one).length === 1)) return identities;
  const held = new Set(await mailboxesOf(tx, customerId));
  return identities.filter((one) => one.kind !== 'email' || !spellingsOf(one).some((spelling) => held.has(spelling)));
}

/** Whoever looks whose addresses these are does so alone; in one order, so that two never wait for each other. */
export async function lockIdentities(
  tx: Tx,
  identities: readonly { kind: string; normalised: string }[],
): Promise<void> {
  const locks = identities.map((identity) => `identity:${identity.kind}:${spellingsOf(identity)[0]}`).sort();
  await tx.query(sql.unsafe`
    select pg_advisory_xact_lock(hashtext(name))
    from (select name from unnest(${sql.array(locks, 'text')}) with ordinality as u (name, n) order by n) as lock`);
}

/** What is kept of an address that is erased or must not be written to: enough to know it again. Statements say the same as sha256(convert_to(…)). */
export const addressHash = (normalised: string): Buffer => createHash('sha256').update(normalised).digest();

export type SuppressionCause = 'unsubscribed' | 'not_me' | 'bounced' | 'complained';

const Ended = z.object({
  id: z.string(),
  purpose: z.string(),
  loop_id: z.string().nullable(),
  occasion: z.string().nullable(),
  customer_id: z.string().nullable(),
});
type Ended = z.infer<typeof Ended>;

const Address = z.object({ kind: z.enum(['email', 'phone']), normalised: z.string() });
/** Where somebody is written to or called. */
export type Address = z.infer<typeof Address>;

/** From now on nothing goes to these addresses; what waits for whoever has one of them ends here, and their loops look
 *  again, in the same transaction. Returns what ended. */
export async function suppress(
  tx: Tx,
  addresses: readonly Address[],
  cause: SuppressionCause,
): Promise<readonly Ended[]> {
  const ended: Ended[] = [];
  const spelled = inEverySpelling(addresses);
  for (const { kind, normalised } of spelled) {
    // Mail may bounce anew once somebody has vouched for the address.
    await tx.query(sql.unsafe`
      insert into suppressions (id, address_hash, channel, cause)
      select ${newId()}::uuid, given.hash, given.channel, given.cause
      from (select ${sql.binary(addressHash(normalised))}::bytea as hash, ${kind}::text as channel, ${cause}::text as cause) given
      where not exists (
        select from now.suppressions p where (p.address_hash, p.channel, p.cause) = (given.hash, given.channel, given.cause))
      on conflict do nothing`);
    const these = await tx.any(sql.type(Ended)`
      update deliveries set state = 'suppressed', last_error_code = ${cause}, ended_at = heed_now()
      where channel = ${kind} and customer_id in (select customer_id from identities where kind = ${kind} and normalised = ${normalised})
        and ${notHandedOver}
      returning id, purpose, loop_id, occasion, customer_id`);
    ended.push(...these);
  }
  await wakeLoopsAt(tx, spelled);
  return ended;
}

/** Who says that an address is right although mail bounced there: its customer, who gave it anew with what they said; whoever put what is held of
 *  them right to it; or a colleague, or whoever operates Heed. */
type Voucher =
  | { how: 'given'; by: 'customer'; signalId: string; saidAt: Date | undefined }
  | { how: 'put_right' | 'confirmed'; by: string };

/** Those of these mailboxes that nothing but a bounce speaks against are written to again, and loops of whoever has one look again, in the same
 *  transaction. Nothing that ended is sent anew by that. Returns whether there were any. A customer's own word counts from after the bounce, and
 *  once a day: a form that is filled in without end tries a dead mailbox no oftener. */
export async function vouch(tx: Tx, mailboxes: readonly string[], voucher: Voucher): Promise<boolean> {
  const theirs = voucher.how === 'given' ? voucher : null;
  const vouched: Address[] = [];
  for (const { kind, normalised } of inEverySpelling(
    mailboxes.map((one) => ({ kind: 'email', normalised: one }) as const),
  )) {
    // It comes after the bounce that it ends, whenever this transaction began.
    const id = await tx.maybeOneFirst(sql.type(IdRow)`
      insert into vouchings (id, address_hash, how, by, signal_id, vouched_at)
      select ${newId()}::uuid, p.address_hash, ${voucher.how}::text, ${voucher.by}::text, ${theirs?.signalId ?? null}::uuid,
        greatest(heed_now(), max(p.suppressed_at) + interval '1 microsecond')
      from now.suppressions p
      where p.channel = 'email' and p.address_hash = ${sql.binary(addressHash(normalised))}
      group by p.address_hash
      having bool_and(p.cause = 'bounced') ${theirs ? isNews(theirs.saidAt) : sql.fragment``}
      returning id`);
    if (id) vouched.push({ kind, normalised });
  }
  if (vouched.length > 0) await wakeLoopsAt(tx, vouched);
  return vouched.length > 0;
}

/** They said it after the bounce, and for the first time that day. */
const isNews = (saidAt: Date | undefined) => sql.fragment`
  and max(p.suppressed_at) < least(${saidAt ? sql.timestamp(saidAt) : null}::timestamptz, heed_now())
  and not exists (
    select from vouchings v where v.address_hash = p.address_hash and v.how = 'given' and v.vouched_at > heed_now() - interval '1 day')`;

/** The mailboxes of somebody, as they are known by. */
export function mailboxesOf(db: Db, customerId: string): Promise<readonly string[]> {
  return db.anyFirst(sql.type(NormalisedRow)`
    select normalised from identities where customer_id = ${customerId} and kind = 'email'`);
}

/** Whether they agreed to be written to about a remark, and nothing but a bounce speaks against a mailbox of theirs. */
export function isOnlyBounced(db: Db, signalId: string): Promise<boolean> {
  return db.exists(sql.unsafe`
    select from signals s
    join consents c on c.signal_id = s.id and c.channel = 'email'
    join identities i on i.customer_id = s.customer_id and i.kind = c.channel
    join now.suppressions p on p.channel = i.kind and p.address_hash = sha256(convert_to(i.normalised, 'UTF8'))
    where s.id = ${signalId} and not exists (select from disavowals d where d.signal_id = s.id)
    group by i.id
    having bool_and(p.cause = 'bounced')`);
}

/** Where they are reached by these channels. */
export function addressesOf(
  db: Db,
  customerId: string,
  channels: readonly Address['kind'][],
): Promise<readonly Address[]> {
  return db.any(sql.type(Address)`
    select kind, normalised from identities where customer_id = ${customerId} and kind = any(${sql.array([...channels], 'text')})`);
}

/** The loops of whoever has one of these addresses, which a family may share, look again: there may be nobody to reach any more, or somebody
 *  again. All at once, in the order of their ids, so that two who stop never wait for each other. */
async function wakeLoopsAt(tx: Tx, addresses: readonly Address[]): Promise<void> {
  const loops = await tx.anyFirst(sql.type(IdRow)`
    select s.id from signals s join now.open_loops o on o.id = s.id
    where s.customer_id in (
      select i.customer_id from identities i
      join ${sql.unnest(
        addresses.map(({ kind, normalised }) => [kind, normalised]),
        ['text', 'text'],
      )} as given (kind, normalised) on i.kind = given.kind and i.normalised = given.normalised)
    order by s.id`);
  for (const id of loops) await factRecorded(tx, id);
}

/** Whoever objected while theirs was compared in another spelling (a zero in brackets, a domain in its own letters) is not reached under the one by
 *  which it is compared now. Mail that bounces there does so again. */
export async function keepFormerObjection(
  tx: Tx,
  { kind, value, normalised }: Pick<Identity, 'kind' | 'value' | 'normalised'>,
): Promise<void> {
  if (kind === 'loyalty') return;
  const spellings = spellingsOf({ kind, normalised });
  const known = kind === 'phone' ? [...new Set([formerPhone(value), normalised])] : spellings;
  if (known.length === 1) return;
  const { rowCount } = await tx.query(sql.unsafe`
    insert into suppressions (id, address_hash, channel, cause)
    select distinct on (spelled.hash, p.cause) gen_random_uuid(), spelled.hash, p.channel, p.cause
    from suppressions p
    cross join (
      select sha256(convert_to(u.spelling, 'UTF8')) as hash from unnest(${sql.array([...spellings], 'text')}) as u (spelling)
    ) spelled
    where p.channel = ${kind} and p.cause <> 'bounced'
      and p.address_hash in (select sha256(convert_to(u.spelling, 'UTF8')) from unnest(${sql.array(known, 'text')}) as u (spelling))
    on conflict do nothing`);
  if (rowCount > 0) await wakeLoopsAt(tx, inEverySpelling([{ kind, normalised }]));
}

/** Whoever writes to a customer does so alone. */
export async function lockCustomer(tx: Tx, id: string): Promise<void> {
  await tx.query(sql.unsafe`select id from customers where id = ${id} for no key update`);
}

const Person = z.object({
  id: z.string(),
  name: z.string().nullable(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
  sample: z.boolean(),
});

export async function customerOf(db: Db, id: string): Promise<z.infer<typeof Person> | null> {
  return db.maybeOne(sql.type(Person)`
    select c.id, c.name, c.sample,
      (select i.value from identities i where i.customer_id = c.id and i.kind = 'email' order by i.added_at desc, i.id limit 1) as email,
      (select i.value from identities i where i.customer_id = c.id and i.kind = 'phone' order by i.added_at desc, i.id limit 1) as phone
    from customers c where c.id = ${id}`);
}
