/** Who a customer is and how they may be reached. An address alone does not make two remarks one person's: a name that differs does not merge. */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { sql, type Db, type Tx } from '../pool.ts';

export interface Identity {
  kind: 'email' | 'phone' | 'loyalty';
  value: string;
  /** Lower case, without blanks: see domain/customer.ts. */
  normalised: string;
}

const Id = z.object({ id: z.string() });

/** Finds the customer with one of these identities whose name does not speak against it, else makes one. */
export async function recogniseCustomer(
  tx: Tx,
  given: { name?: string | undefined; identities: Identity[] },
): Promise<string> {
  const name = given.name ?? null;
  // Two captures of one new customer at the same moment would make two people of them.
  for (const identity of [...given.identities].sort((a, b) => (a.normalised < b.normalised ? -1 : 1))) {
    await tx.query(
      sql.unsafe`select pg_advisory_xact_lock(hashtext(${`identity:${identity.kind}:${identity.normalised}`}))`,
    );
  }
  const known = given.identities.length
    ? await tx.maybeOneFirst(sql.type(Id)`
        select c.id from customers c
        join identities i on i.customer_id = c.id
        where not c.sample
          and (i.kind, i.normalised) in (${sql.join(
            given.identities.map((i) => sql.fragment`(${i.kind}, ${i.normalised})`),
            sql.fragment`, `,
          )})
          and (c.name is null or ${name}::text is null or lower(c.name) = lower(${name}))
        order by (c.name is not null) desc, c.created_at
        limit 1`)
    : null;
  const id = known ?? newId();
  if (!known) await tx.query(sql.unsafe`insert into customers (id, name) values (${id}, ${name})`);
  else if (name) await tx.query(sql.unsafe`update customers set name = ${name} where id = ${id} and name is null`);
  for (const identity of given.identities) {
    await tx.query(sql.unsafe`
      insert into identities (id, customer_id, kind, value, normalised)
      values (${newId()}, ${id}, ${identity.kind}, ${identity.value}, ${identity.normalised})
      on conflict (customer_id, kind, normalised) do nothing`);
  }
  return id;
}

export async function recordConsent(
  tx: Tx,
  c: { signalId: string; customerId: string; channel: 'email' | 'phone'; wording: string; recordedBy: string | null },
): Promise<void> {
  await tx.query(sql.unsafe`
    insert into consents (id, signal_id, customer_id, purpose, channel, wording, recorded_by)
    values (${newId()}, ${c.signalId}, ${c.customerId}, 'follow_up', ${c.channel}, ${c.wording}, ${c.recordedBy})
    on conflict (signal_id, purpose, channel) do nothing`);
}

export type SuppressionCause = 'unsubscribed' | 'not_me' | 'bounced' | 'complained';

/** From now on nothing goes to this address; what waits for it ends here, in the same transaction. */
export async function suppress(
  tx: Tx,
  channel: 'email' | 'phone',
  normalised: string,
  cause: SuppressionCause,
): Promise<void> {
  const hash = createHash('sha256').update(normalised).digest();
  await tx.query(sql.unsafe`
    insert into suppressions (id, address_hash, channel, cause) values (${newId()}, ${sql.binary(hash)}, ${channel}, ${cause})
    on conflict (address_hash, channel, cause) do nothing`);
  await tx.query(sql.unsafe`
    update deliveries set state = 'suppressed', last_error_code = ${cause}, ended_at = heed_now()
    where channel = ${channel} and customer_id in (select customer_id from identities where kind = ${channel} and normalised = ${normalised})
      and (state in ('planned', 'ready') or (state = 'sending' and phase = 'open'))`);
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
