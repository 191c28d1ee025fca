/** A customer said something. Every door (page, API, command line) comes through here: one transaction, after which one person is
 *  answerable and nothing can be lost. */

import { z } from 'zod';
import { moods, offers, type Company } from '../domain/company.ts';
import { longest, mostAttributes } from '../domain/longest.ts';
import { formerPhone, inEverySpelling, normaliseEmail, normalisePhone } from '../domain/customer.ts';
import { maySeePlace } from '../domain/entitlement.ts';
import { DomainError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { normalise, readWords } from '../domain/reading.ts';
import { resolveRole } from '../domain/routing.ts';
import type { Db, Tx } from '../store/pool.ts';
import { recogniseCustomer, vouch, type Customer, type Identity } from '../store/records/customers.ts';
import { lastErasureOf } from '../store/records/erased.ts';
import { firstPress, type Press } from '../store/records/presses.ts';
import { isIdTaken, isReferenceTaken, recordSignal } from '../store/records/signals.ts';
import type { Heed } from './heed.ts';
import { writtenMoment } from './writtenMoment.ts';
import { captureCommit } from './timings.ts';

const line = (most: number) =>
  z.string().trim().min(1, 'must not be empty').max(most, `must be at most ${most} characters`);

/** What may be captured. Only words and place are required. Text may hold anything but NUL, which Postgres cannot keep. */
export const Capture = z
  .strictObject({
    id: z.uuid('must be a UUID').optional(),
    words: z
      .string()
      .max(longest.words, 'must be at most 10,000 characters')
      .refine((text) => text.trim() !== '', 'must not be empty: what did they say?'),
    place: line(64),
    by: line(64).optional(),
    saidAt: writtenMoment('2026-06-12T15:20:00Z').optional(),
    kind: line(64).optional(),
    customer: z
      .strictObject({
        name: line(200).optional(),
        email: line(254).optional(),
        phone: line(40).optional(),
        loyalty: line(64).optional(),
      })
      .optional(),
    wanted: z
      .strictObject({
        item: line(100).optional(),
        attributes: z
          .record(line(longest.attribute), line(100))
          .refine((named) => Object.keys(named).length <= mostAttributes, `must be at most ${mostAttributes}`)
          .optional(),
      })
      .optional(),
    unmet: line(longest.unmet).optional(),
    offered: z.strictObject({ item: line(200), taken: z.enum(offers) }).optional(),
    mood: z.enum(moods).optional(),
    note: line(2000).optional(),
    consent: z
      .array(
        z.strictObject({
          purpose: z.enum(['follow_up']),
          channel: z.enum(['email', 'phone']),
          wording: line(longest.wording),
        }),
      )
      .max(4)
      .optional(),
  })
  // In JSON a NUL is the escape of it; behind an odd backslash it is somebody's text about one.
  .refine((capture) => !/(?<!\\)(\\\\)*\\u0000/.test(JSON.stringify(capture)), 'must not contain the character NUL');
export type Capture = z.infer<typeof Capture>;

export interface Captured {
  id: string;
  reference: string;
}

/**
 * Records what a customer said and who is answerable from now on: the place's manager, until routing refines it. The same press again gives
 * the same answer. Throws `validation` (unknown place, person or kind; a time to come; an address that can't be one; consent without an
 * address), `idempotency_mismatch`, `gone`, `conflict` (the id is taken).
 */
export async function capture(
  heed: Heed,
  said: Capture,
  through: {
    channel: 'web' | 'api' | 'cli' | 'slack';
    press: Press;
    /** Where whoever comes through this door may capture, as codes; everywhere when left out. Another place does not exist for them. */
    places?: readonly string[];
    /** Whether it came from the customer without anybody of ours in between, and not out of an old record. */
    fromCustomer?: boolean;
  },
): Promise<Captured & { replayed: boolean }> {
  const { version, company } = await heed.configuration();
  const places = through.places ?? Object.keys(company.places);
  const place = places.includes(said.place) ? company.places[said.place] : undefined;
  if (!place) throw invalid('place', `There is no place "${said.place}" here. Places are: ${places.join(', ')}.`);
  if (said.by && !company.staff[said.by]) throw invalid('by', `There is nobody called "${said.by}" among the staff.`);
  if (said.kind && !company.kinds[said.kind])
    throw invalid('kind', `There is no kind "${said.kind}". Kinds are: ${Object.keys(company.kinds).join(', ')}.`);
  const saidAt = said.saidAt ? new Date(said.saidAt) : undefined;
  if (saidAt && saidAt.getTime() > Date.now() + 10 * 60_000) throw invalid('saidAt', 'This time has not come yet.');
  const identities = identitiesOf(said);
  for (const consent of said.consent ?? []) {
    if (!identities.some((identity) => identity.kind === consent.channel)) {
      throw invalid(
        'consent',
        `They agreed to hear by ${consent.channel}, but there is no ${consent.channel} address. Add it, or leave the consent out.`,
      );
    }
  }
  const wanted = wantedIn(said, company.vocabulary);

  const id = said.id ?? newId();
  const record = (db: Db, customer: Customer | null) =>
    recordSignal(db, {
      id,
      place: said.place,
      channel: through.channel,
      capturedBy: said.by ?? null,
      customer,
      consents: said.consent ?? [],
      mood: said.mood,
      taken: said.offered?.taken,
      kind: said.kind,
      saidAt,
      words: said.words,
      note: said.note,
      unmet: said.unmet,
      offered: said.offered?.item,
      attributes: wanted,
      owner: {
        staff: resolveRole(company, 'manager', { owner: '', place: said.place }),
        reason: `${place.name} is yours`,
        configuration: version,
      },
      press: through.press,
    });
  const name = said.customer?.name ?? null;
  const recordOnce = () =>
    identities.length > 0
      ? heed.pool.transaction(async (tx) => {
          const customer = await recogniseCustomer(tx, { name, identities, place: said.place });
          if (saidAt) await mustNotBeErased(tx, identities, saidAt);
          const reference = await record(tx, customer);
          // Where mail had bounced: they say anew that it is theirs, and want to hear there (decision 20).
          if (reference !== null && through.fromCustomer)
            await vouch(tx, mailboxesAgreedTo(said, identities), {
              how: 'given',
              by: 'customer',
              signalId: id,
              saidAt,
            });
          return reference;
        })
      : record(heed.pool, name === null ? null : { id: newId(), name, identities });
  const committed = captureCommit.startTimer();
  const reference = await recordOnce()
    .catch((error: unknown) => (isReferenceTaken(error) ? recordOnce() : Promise.reject(error)))
    .catch((cause: unknown) => {
      if (!isIdTaken(cause)) throw cause;
      throw new DomainError('conflict', 'This id is taken. Leave it out, or use a new one.', { cause });
    });
  committed();
  if (reference === null) {
    const { first } = await firstPress(heed.pool, through.press);
    return { ...(first as unknown as Captured), replayed: true };
  }
  heed.hint();
  return { id, reference, replayed: false };
}

/** An old list read in again must not bring back what its customer had erased. What they say since is welcome. Asked once the addresses are
 *  locked: an erasure that is under way holds them until it has left its hashes. */
async function mustNotBeErased(tx: Tx, identities: readonly Identity[], saidAt: Date): Promise<void> {
  const known = inEverySpelling(identities).flatMap(({ kind, value, normalised }) => [
    { kind, normalised },
    ...(kind === 'phone' ? [{ kind, normalised: formerPhone(value) }] : []),
  ]);
  const erasedAt = await lastErasureOf(tx, known);
  if (erasedAt && saidAt <= erasedAt)
    throw new DomainError(
      'gone',
      'What was said under this address until then has been erased, and is not taken in again.',
    );
}

/** Where a door takes somebody's word for who heard it: they work at that place. Throws `validation`. */
export function mustWorkThere(company: Company, { by, place }: Pick<Capture, 'by' | 'place'>): void {
  if (by && company.staff[by] && company.places[place] && !maySeePlace(company, by, place))
    throw invalid('by', `${company.staff[by].name} does not work at ${company.places[place].name}.`);
}

const mailboxesAgreedTo = ({ consent }: Capture, identities: readonly Identity[]): string[] =>
  consent?.some(({ channel }) => channel === 'email')
    ? identities.filter(({ kind }) => kind === 'email').map(({ normalised }) => normalised)
    : [];

const invalid = (name: string, reason: string): DomainError =>
  new DomainError('validation', reason, { invalidParams: [{ name, reason }] });

function identitiesOf({ customer }: Capture): Identity[] {
  const identities: Identity[] = [];
  if (customer?.email) {
    const normalised = normaliseEmail(customer.email);
    if (!normalised) throw invalid('customer.email', `"${customer.email}" can't be an e-mail address.`);
    identities.push({ kind: 'email', value: customer.email.trim(), normalised });
  }
  if (customer?.phone) {
    const normalised = normalisePhone(customer.phone);
    if (!normalised)
      throw invalid('customer.phone', `"${customer.phone}" can't be a phone number. Write it like +31 6 12345678.`);
    identities.push({ kind: 'phone', value: customer.phone.trim(), normalised });
  }
  if (customer?.loyalty)
    identities.push({ kind: 'loyalty', value: customer.loyalty, normalised: customer.loyalty.toLowerCase() });
  return identities;
}

/** What was said to be wanted, completed by what the words themselves say; the item stands among the attributes. */
function wantedIn(said: Capture, vocabulary: Parameters<typeof readWords>[1]): Record<string, string> {
  const read = readWords(said.words, vocabulary);
  const item = said.wanted?.item ?? read.item;
  const given = normalise(
    { ...(item && { item }), attributes: { ...read.attributes, ...said.wanted?.attributes } },
    vocabulary,
  );
  return { ...given.attributes, ...(given.item && { item: given.item }) };
}
