/** Everything that is held about one customer, as they are given it: what they said, how they can be reached, what was sent, what was decided. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { sql, type Db } from '../pool.ts';
import { RestrictedRow } from '../rows.ts';

const HeldRow = z.object({ id: z.string(), name: z.string().nullable(), since: z.date() });
const AttributeRow = z.object({ name: z.string(), value: z.string() });
const DueOnRow = z.object({ due_on: z.string() });

const Address = z.object({ kind: z.string(), value: z.string(), since: z.date() });
const Consent = z.object({ purpose: z.string(), channel: z.string(), wording: z.string(), givenAt: z.date() });
const Message = z.object({
  purpose: z.string(),
  channel: z.string(),
  state: z.string(),
  at: z.date(),
  subject: z.string().nullable(),
  text: z.string().nullable(),
});
const Confirmation = z.object({ says: z.string(), question: z.string(), words: z.string().nullable(), at: z.date() });
const Call = z.object({ outcome: z.string(), by: z.string(), at: z.date() });
const Decided = z.object({
  outcome: z.string(),
  reason: z.string(),
  by: z.string(),
  at: z.date(),
  toldAt: z.date().nullable(),
});
const Said = z.object({
  id: z.string(),
  reference: z.string(),
  place: z.string(),
  channel: z.string(),
  saidAt: z.date(),
  capturedBy: z.string().nullable(),
  words: z.string().nullable(),
  note: z.string().nullable(),
  unmet: z.string().nullable(),
  offered: z.string().nullable(),
  mood: z.string().nullable(),
  kind: z.string().nullable(),
  why: z.string().nullable(),
  closed: z.string().nullable(),
  closedReason: z.string().nullable(),
});
const Right = z.object({ kind: z.string(), by: z.string(), at: z.date() });

export interface Held {
  customer: { id: string; name: string | null; since: Date };
  addresses: readonly z.infer<typeof Address>[];
  /** Whether they asked that nothing be done for now, and how they used their rights before. */
  restricted: boolean;
  rights: readonly z.infer<typeof Right>[];
  said: readonly (z.infer<typeof Said> & {
    wanted: Record<string, string>;
    consents: readonly z.infer<typeof Consent>[];
    messages: readonly z.infer<typeof Message>[];
    calls: readonly z.infer<typeof Call>[];
    confirmations: readonly z.infer<typeof Confirmation>[];
    promisedBy: string | null;
    decisions: readonly z.infer<typeof Decided>[];
  })[];
}

/** Times in UTC. Colleagues appear by the name in the company file. */
export async function everythingHeld(db: Db, company: Company, customerId: string): Promise<Held> {
  const nameOf = (code: string | null): string | null => (code ? (company.staff[code]?.name ?? code) : null);
  const customer = await db.one(sql.type(HeldRow)`
    select id, name, created_at as since from customers where id = ${customerId}`);
  const said = await db.any(sql.type(Said)`
    select s.id, s.reference, s.place, s.channel, s.said_at as "saidAt", s.captured_by as "capturedBy", w.words, w.note, w.unmet, w.offered,
      s.mood, s.kind, s.why, s.closed_how as closed, case when s.closed_how = 'dismissed' then s.closed_reason end as "closedReason"
    from now.signals s left join words w on w.signal_id = s.id
    where s.customer_id = ${customerId} order by s.said_at, s.id`);
  return {
    customer,
    addresses: await db.any(sql.type(Address)`
      select kind, value, min(added_at) as since from identities where customer_id = ${customerId} group by kind, value order by kind, since`),
    restricted: await db.oneFirst(sql.type(RestrictedRow)`
      select exists (select from now.restrictions where customer_id = ${customerId}) as restricted`),
    rights: await db.any(sql.type(Right)`
      select kind, by, exercised_at as at from rights where customer_id = ${customerId} order by exercised_at, id`),
    said: await Promise.all(
      said.map(async (one) => ({
        ...one,
        place: company.places[one.place]?.name ?? one.place,
        capturedBy: nameOf(one.capturedBy),
        ...(await aroundSignal(db, one.id, customerId, nameOf)),
      })),
    ),
  };
}

async function aroundSignal(db: Db, id: string, customerId: string, nameOf: (code: string | null) => string | null) {
  const wanted = await db.any(sql.type(AttributeRow)`
    select name, value from signal_attributes where signal_id = ${id} order by name`);
  const calls = await db.any(sql.type(Call)`
    select outcome, by, called_at as at from calls where loop_id = ${id} order by called_at`);
  const decisions = await db.any(sql.type(Decided)`
    select d.outcome, d.reason, d.by, d.decided_at as at, ts.settled_at as "toldAt"
    from told_signals ts join decisions d on d.id = ts.decision_id
    where ts.signal_id = ${id} and ts.reason is null order by d.decided_at`);
  return {
    wanted: Object.fromEntries(wanted.map(({ name, value }) => [name, value])),
    consents: await db.any(sql.type(Consent)`
      select purpose, channel, wording, given_at as "givenAt" from consents where signal_id = ${id} order by given_at, id`),
    messages: await db.any(sql.type(Message)`
      select d.purpose, d.channel, d.state, coalesce(d.ended_at, d.planned_at) as at, b.subject, b.body as text
      from deliveries d left join delivery_bodies b on b.delivery_id = d.id
      where d.loop_id = ${id} and d.customer_id = ${customerId} order by d.planned_at, d.id`),
    calls: calls.map((call) => ({ ...call, by: nameOf(call.by) ?? call.by })),
    confirmations: await db.any(sql.type(Confirmation)`
      select says, question, words, confirmed_at as at from confirmations where loop_id = ${id} order by confirmed_at`),
    promisedBy: await db.maybeOneFirst(sql.type(DueOnRow)`
      select due_on from promises where loop_id = ${id} order by promised_at desc limit 1`),
    decisions: decisions.map((one) => ({ ...one, by: nameOf(one.by) ?? one.by })),
  };
}
