/** What tells who somebody is stands in the tables made for it, and nowhere else. */

import type { Check, Violation } from './check.ts';

/** Erasing a person empties these. */
const personal = new Set(['words', 'customers', 'identities', 'delivery_bodies']);
/** Our own people, by which account of the sign-in service they are known, also under an address that they had before, and the company's file. */
const ours = new Set(['staff', 'bindings', 'configurations', 'pgmigrations']);
/** Who did something: a code, or the account of a machine, which in a directory looks like an address. */
const isAccount = (column: string): boolean => /(^|_)by$/.test(column);
/** What people typed as a reason, for colleagues or customers to read; of a customer, what they added to a yes or no. */
const typed = new Set([
  'closures.reason',
  'completions.evidence',
  'confirmations.words',
  'decisions.internal_reason',
  'decisions.reason',
  'ownerships.reason',
  'repairs.reason',
  'reviews.reason',
]);

const addresses = String.raw`[[:alnum:]._%+-]+@[[:alnum:]-]+(\.[[:alnum:]-]+)*\.[[:alpha:]]{2,}|\+[0-9][0-9 ()-]{8,}[0-9]`;

const nothingPersonalElsewhere: Check = {
  invariant: 'I8',
  claim: 'no e-mail address and no phone number of a customer stands outside the tables of personal words',
  async find(db) {
    const { rows: columns } = await db.query<{ table_name: string; column_name: string }>(
      `select c.table_name, c.column_name
       from information_schema.columns c
       join information_schema.tables t on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type = 'BASE TABLE'
       where c.table_schema = 'public' and c.data_type in ('text', 'json', 'jsonb', 'ARRAY', 'character varying')
       order by 1, 2`,
    );
    const violations: Violation[] = [];
    for (const { table_name: table, column_name: column } of columns) {
      if (personal.has(table) || ours.has(table) || typed.has(`${table}.${column}`) || isAccount(column)) continue;
      const { rows } = await db.query<{ at: string }>(
        // Our own addresses may stand anywhere, in a reason, in a rule; and a customer's behind them.
        `select ctid::text as at from "${table}"
         where "${column}"::text ~ $1 and exists (
           select from regexp_matches("${column}"::text, $1, 'g') as found
           where not exists (select from staff where lower(split_part(email, '@', 2)) = lower(split_part(found[1], '@', 2))))
         limit 50`,
        [`(${addresses})`],
      );
      for (const { at } of rows)
        violations.push({
          about: `${table}.${column} ${at}`,
          sentence:
            'An address of a customer stands where erasing would not find it. Take it out, and find out how it came there.',
        });
    }
    return violations;
  },
};

export const personalChecks = [nothingPersonalElsewhere];
