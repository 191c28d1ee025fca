/** Everything that is held about one customer, as they are given it: what they said, how they can be reached, what was sent, written about it and
 *  decided. What is left out, and why, is in docs/privacy.md. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { isRestricted } from '../records/rights.ts';
import { sql, type Db } from '../pool.ts';

const HeldRow = z.object({ id: z.string(), name: z.string().nullable(), since: z.date() });
const AttributeRow = z.object({ name: z.string(), value: z.string() });
const DueOnRow = z.object({ due_on: z.string() });

const Address = z.object({ kind: z.string(), value: z.string(), since: z.date() });
const Suppression = z.object({ channel: z.string(), address: z.string(), cause: z.string(), at: z.date() });
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
  taken: z.string().nullable(),
  mood: z.string().nullable(),
  kind: z.string().nullable(),
  why: z.string().nullable(),
  closed: z.string().nullable(),
  closedReason: z.string().nullable(),
});
const Right = z.object({ kind: z.string(), by: z.string(), reason: z.string().nullable(), at: z.date() });
const Done = z.object({
  at: z.date(),
  what: z.string(),
  by: z.string().nullable(),
  detail: z.looseObject({ staff: z.string().nullish(), by: z.string().nullish() }),
});

export interface Held {
  customer: { id: string; name: string | null; since: Date };
  addresses: readonly z.infer<typeof Address>[];
  /** Of these addresses those that nothing goes to, and why. */
  suppressions: readonly z.infer<typeof Suppression>[];
  /** Whether they asked that nothing be done for now, and how they used their rights before. */
  restricted: boolean;
  rights: readonly z.infer<typeof Right>[];
  /** Sent to them about nothing that they said: the way to all of this. */
  messages: readonly z.infer<typeof Message>[];
  said: readonly (z.infer<typeof Said> & {
    wanted: Record<string, string>;
    consents: readonly z.infer<typeof Consent>[];
    messages: readonly z.infer<typeof Message>[];
    calls: readonly z.infer<typeof Call>[];
    confirmations: readonly z.infer<typeof Confirmation>[];
    promisedBy: string | null;
    decisions: readonly z.infer<typeof Decided>[];
    done: readonly Record<string, unknown>[];
  })[];
}

/** Times in UTC. Colleagues appear by the name in the company file. */
export async function everythingHeld(db: Db, company: Company, customerId: string): Promise<Held> {
  const nameOf = (code: string | null): string | null => (code ? (company.staff[code]?.name ?? code) : null);
  const customer = await db.one(sql.type(HeldRow)`
    select id, name, created_at as since from customers where id = ${customerId}`);
  const said = await db.any(sql.type(Said)`
    select s.id, s.reference, s.place, s.channel, s.said_at as "saidAt", s.captured_by as "capturedBy", w.words, w.note, w.unmet, w.offered,
      s.taken, s.mood, s.kind, s.why, s.closed_how as closed, case when s.closed_how = 'dismissed' then s.closed_reason end as "closedReason"
    from now.signals s left join words w on w.signal_id = s.id
    where s.customer_id = ${customerId} order by s.said_at, s.id`);
  return {
    customer,
    addresses: await db.any(sql.type(Address)`
      select kind, value, min(added_at) as since from identities where customer_id = ${customerId} group by kind, value order by kind, since`),
    suppressions: await db.any(sql.type(Suppression)`
      select i.kind as channel, i.value as address, p.cause, min(p.suppressed_at) as at
      from identities i
      join now.suppressions p on p.channel = i.kind and p.address_hash = sha256(convert_to(i.normalised, 'UTF8'))
      where i.customer_id = ${customerId}
      group by i.kind, i.value, p.cause order by min(p.suppressed_at), i.kind, i.value, p.cause`),
    restricted: await isRestricted(db, customerId),
    rights: await db.any(sql.type(Right)`
      select kind, by, reason, exercised_at as at from rights where customer_id = ${customerId} order by exercised_at, id`),
    messages: await messagesTo(db, customerId, null),
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
    select d.outcome, d.reason, d.by, d.decided_at as at, t.at as "toldAt"
    from now.told t join decisions d on d.id = t.decision_id
    where t.signal_id = ${id} and t.reason is null order by d.decided_at`);
  return {
    wanted: Object.fromEntries(wanted.map(({ name, value }) => [name, value])),
    consents: await db.any(sql.type(Consent)`
      select purpose, channel, wording, given_at as "givenAt" from consents where signal_id = ${id} order by given_at, id`),
    messages: await messagesTo(db, customerId, id),
    calls: calls.map((call) => ({ ...call, by: nameOf(call.by) ?? call.by })),
    confirmations: await db.any(sql.type(Confirmation)`
      select says, question, words, confirmed_at as at from confirmations where loop_id = ${id} order by confirmed_at`),
    promisedBy: await db.maybeOneFirst(sql.type(DueOnRow)`
      select due_on from promises where loop_id = ${id} order by promised_at desc limit 1`),
    decisions: decisions.map((one) => ({ ...one, by: nameOf(one.by) ?? one.by })),
    done: await doneAbout(db, id, nameOf),
  };
}

/** About one remark of theirs, or about none. */
function messagesTo(db: Db, customerId: string, signalId: string | null) {
  return db.any(sql.type(Message)`
    select d.purpose, d.channel, d.state, coalesce(d.ended_at, d.planned_at) as at, b.subject, b.body as text
    from deliveries d left join delivery_bodies b on b.delivery_id = d.id
    where d.customer_id = ${customerId} and d.loop_id is not distinct from ${signalId}::uuid order by d.planned_at, d.id`);
}

/** What became of it, from the timeline, with whatever somebody wrote as a reason. Not whom we called to it; nor what it joined, which is called
 *  after what somebody else said. The rest of the timeline stands elsewhere in what they are given. */
async function doneAbout(db: Db, id: string, nameOf: (code: string | null) => string | null) {
  const done = await db.any(sql.type(Done)`
    select at, kind as what, by, detail from now.timeline
    where loop_id = ${id} and kind in (
      'triaged', 'reviewed', 'enriched', 'disavowed', 'owned', 'acknowledged', 'answered', 'vouched', 'reopened', 'closed', 'repaired')
    order by at, rank`);
  return done.map(({ at, what, by, detail: { staff, by: operator, ...detail } }) => ({
    at,
    what,
    by: nameOf(by ?? operator ?? null),
    ...(staff && { owner: nameOf(staff) }),
    ...detail,
  }));
}
