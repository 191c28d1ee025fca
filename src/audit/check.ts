/** What a check is: one promise, and the query that finds where it was broken. The auditor knows the tables, and nothing of the product's code. */

import type pg from 'pg';
import type { Journals } from './journals.ts';

export interface Check {
  /** Its name in the list of promises: I1 nothing accepted is lost, I2 one key one signal … (docs/proof.md). */
  invariant: string;
  claim: string;
  /** What somebody must have kept of the world for it to be asked at all: without that, nobody knows whether it holds. */
  needs?: keyof Journals;
  /** Every place where the claim does not hold. One read-only snapshot serves all checks. */
  find(db: pg.Client, journals: Journals | undefined, scope: Scope): Promise<Violation[]>;
}

export interface Violation {
  /** The id of what it is about. */
  about: string;
  /** What is wrong and what to do. Ids and codes only: it may stand in a log. */
  sentence: string;
}

export interface Scope {
  /** Only what was opened, planned or recorded from then on. */
  since: Date;
  /** How late something may be before it counts as missed. */
  objectiveSeconds: number;
}

/** Runs a query of (since, objective in seconds) whose rows are violations. */
export async function violationsIn(db: pg.Client, text: string, scope: Scope): Promise<Violation[]> {
  const values = [scope.since, scope.objectiveSeconds].slice(0, text.includes('$2') ? 2 : 1);
  const { rows } = await db.query<Violation>(text, values);
  return rows;
}
