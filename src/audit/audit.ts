/** The auditor: whether what we promise is true, from the tables alone and, where somebody kept them, from what the world saw. It imports nothing
 *  of the product, so that the two can't be wrong in the same way. */

import pg from 'pg';
import { acceptedChecks } from './accepted.ts';
import { answerableChecks } from './answerable.ts';
import { chainHolds, chainIsWhole, headOf, type Anchor, type ToldHead } from './chain.ts';
import type { Check, Violation } from './check.ts';
import { journalFiles, type Journals } from './journals.ts';
import { ladderChecks } from './ladders.ts';
import { messageChecks } from './messages.ts';
import { peaceChecks } from './peace.ts';
import { personalChecks } from './personal.ts';
import { promptChecks } from './prompts.ts';
import { tellingChecks } from './tellings.ts';
import { theirChecks } from './theirs.ts';

/** All but the chain, which wants to know the anchor. */
export const checks: readonly Check[] = [
  ...acceptedChecks,
  ...answerableChecks,
  ...ladderChecks,
  ...promptChecks,
  ...messageChecks,
  ...peaceChecks,
  ...tellingChecks,
  ...personalChecks,
  ...theirChecks,
];

export interface Finding extends Pick<Check, 'invariant' | 'claim'> {
  violations: Violation[];
  /** The journal that it needs and was not shown: whether the claim holds was not asked. */
  unasked?: keyof Journals;
}

export interface AuditOptions {
  databaseUrl: string;
  journals?: Journals | undefined;
  /** Only what was opened or planned from then on (UTC). Absent: everything. */
  since?: Date | undefined;
  /** How late a rung may be before it counts as missed. */
  objectiveSeconds?: number;
  /** The head of the chain as it was kept outside the database. */
  anchor?: Anchor | undefined;
  /** Heads of the chain as they were told to somebody outside. */
  heads?: readonly ToldHead[];
}

export interface Audited {
  findings: Finding[];
  /** The head of the chain now, for keeping outside; undefined while nothing is chained. */
  head: Anchor | undefined;
}

/** Nobody lets us in there, or nobody is there. */
export class Unreachable extends Error {}

/** Runs every check on one snapshot of the database, which it only reads. Rejects with Unreachable when it can't be reached, and with a sentence when it
 *  is of another version. */
export async function audit(options: AuditOptions): Promise<Audited> {
  const scope = { since: options.since ?? new Date(0), objectiveSeconds: options.objectiveSeconds ?? 60 };
  const db = new pg.Client({ connectionString: options.databaseUrl, application_name: 'heed-audit' });
  await db.connect().catch((cause: unknown) => {
    throw new Unreachable('Postgres can’t be reached.', { cause });
  });
  try {
    await db.query('begin transaction isolation level repeatable read, read only');
    const findings: Finding[] = [];
    for (const check of [...checks, chainIsWhole(options.anchor), ...(options.heads ?? []).map(chainHolds)]) {
      const { invariant, claim, needs } = check;
      if (needs && !options.journals?.[needs]) findings.push({ invariant, claim, violations: [], unasked: needs });
      else findings.push({ invariant, claim, violations: await check.find(db, options.journals, scope) });
    }
    return { findings, head: await headOf(db) };
  } catch (cause) {
    if (!isOfAnotherVersion(cause)) throw cause;
    throw new Error(
      'This database is not of this version of Heed, so nothing can be said of it. Audit it with the version that works there, or run heed migrate first.',
      { cause },
    );
  } finally {
    await db.end();
  }
}

/** A table, a column or a function that is asked for is not there. */
const isOfAnotherVersion = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && ['42P01', '42703', '42883'].includes(error.code ?? '');

/** How many of a kind are told one by one. */
const most = 20;

/** What was found, as lines to read: a line for each claim, and below it each place where it does not hold. */
export function report(findings: readonly Finding[]): string[] {
  const broken = findings.reduce((count, { violations }) => count + violations.length, 0);
  const asked = findings.some(({ unasked }) => unasked) ? 'that was asked about ' : '';
  return [
    ...findings.flatMap(({ invariant, claim, violations, unasked }) => [
      unasked
        ? `– ${invariant}  ${claim}  (not asked: --journals with ${journalFiles[unasked]})`
        : `${violations.length === 0 ? '✓' : '✗'} ${invariant}  ${claim}`,
      ...violations.slice(0, most).map(({ about, sentence }) => `      ${about}  ${sentence}`),
      ...(violations.length > most ? [`      … and ${violations.length - most} more`] : []),
    ]),
    broken === 0 ? `Every promise ${asked}holds.` : `${broken} times a promise does not hold.`,
  ];
}
