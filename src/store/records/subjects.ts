/** Whom somebody means who wants to use a right: found by an address, a loyalty number, an id or the reference of a remark. Never guessed. */

import { z } from 'zod';
import { inEverySpelling, normaliseEmail, normalisePhone } from '../../domain/customer.ts';
import { sql, type Db } from '../pool.ts';
import { CountRow } from '../rows.ts';
import { addressesOf } from './customers.ts';

const Subject = z.object({
  /** Null: a remark that names no customer. */
  customer_id: z.string().nullable(),
  name: z.string().nullable(),
  signals: z.array(z.string()),
  references: z.array(z.string()),
  /** When everything of theirs was erased; what they said since is not counted in. */
  erased_at: z.date().nullable(),
});
export type Subject = z.infer<typeof Subject>;

/** Everybody it may mean: a family may share an address. Sample customers are nobody. */
export function subjectsNamed(db: Db, named: string): Promise<readonly Subject[]> {
  const text = named.trim();
  const id = z.uuid().safeParse(text.toLowerCase()).data ?? null;
  const addresses = inEverySpelling([
    { kind: 'email', normalised: normaliseEmail(text) ?? '' },
    { kind: 'phone', normalised: normalisePhone(text) ?? '' },
    { kind: 'loyalty', normalised: text.toLowerCase() },
  ]).filter(({ normalised }) => normalised !== '');
  return db.any(sql.type(Subject)`
    with meant as (
      select c.id from customers c
      where not c.sample and (
        c.id = ${id}
        or c.id in (
          select i.customer_id from identities i
          where (i.kind, i.normalised) in (
            select * from ${sql.unnest(
              addresses.map(({ kind, normalised }) => [kind, normalised]),
              ['text', 'text'],
            )} as given (kind, normalised)))
        or c.id in (select s.customer_id from signals s where s.reference = ${text.toUpperCase()} or s.id = ${id}))
    )
    select c.id as customer_id, c.name,
      coalesce(array_agg(s.id order by s.captured_at) filter (where s.id is not null), '{}')::text[] as signals,
      coalesce(array_agg(s.reference order by s.captured_at) filter (where s.id is not null), '{}') as references,
      (select max(e.erased_at) from erasures e where e.customer_id = c.id) as erased_at
    from meant m join customers c on c.id = m.id left join signals s on s.customer_id = c.id
    group by c.id, c.name
    union all
    select null, null, array[s.id]::text[], array[s.reference],
      (select e.erased_at from erased_signals x join erasures e on e.id = x.erasure_id where x.signal_id = s.id)
    from signals s join loops l on l.id = s.id
    where s.customer_id is null and not l.sample and (s.reference = ${text.toUpperCase()} or s.id = ${id})`);
}

/** One subject by its customer. */
export async function subjectOf(db: Db, customerId: string): Promise<Subject | undefined> {
  return (await subjectsNamed(db, customerId)).find(({ customer_id }) => customer_id === customerId);
}

/** How many others are noted with a mailbox or a phone number of theirs, in any spelling: a family, or they themselves under another name. */
export async function othersReachedAsThey(db: Db, customerId: string): Promise<number> {
  const addresses = inEverySpelling(await addressesOf(db, customerId, ['email', 'phone']));
  return db.oneFirst(sql.type(CountRow)`
    select count(distinct i.customer_id)::integer as count
    from identities i
    join customers c on c.id = i.customer_id and not c.sample
    where i.customer_id <> ${customerId}
      and (i.kind, i.normalised) in (
        select * from ${sql.unnest(
          addresses.map(({ kind, normalised }) => [kind, normalised]),
          ['text', 'text'],
        )} as given (kind, normalised))`);
}
