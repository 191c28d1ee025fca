/** What no link holds, and what facts decide all the same: with all power over the database it could be altered, and the chain would be whole. */

import type pg from 'pg';
import type { Violation } from './check.ts';

export async function besideTheChain(db: pg.Client): Promise<Violation[]> {
  return [...(await takenForSamples(db)), ...(await notAsInTheFile(db)), ...(await freedAndTaken(db))];
}

/** Whoever is of the sample history is written to by nobody, and what stands about them alone is no part of the chain. Whether a loop is of it was
 *  linked; of a customer it was not. */
async function takenForSamples(db: pg.Client): Promise<Violation[]> {
  const { rows } = await db.query<{ id: string }>(
    `select c.id from customers c
     where c.sample and exists (select from signals s join loops l on l.id = s.id where s.customer_id = c.id and not l.sample)
     limit 100`,
  );
  return rows.map(({ id }) => ({
    about: `customers ${id}`,
    sentence:
      'They said something, and are taken for one of the sample history: nobody writes to them, and what stands about them was not looked at.',
  }));
}

/** Rows of colleagues are made from the company file: who is let in, and to which mailbox links to sign in are sent. */
async function notAsInTheFile(db: pg.Client): Promise<Violation[]> {
  const { rows: files } = await db.query<{ staff: Record<string, { email: string }> }>(
    `select document->'staff' as staff from configurations order by version desc limit 1`,
  );
  const { rows } = await db.query<{ code: string; email: string; left: boolean }>(
    'select code, email, removed_at is not null as left from staff order by code',
  );
  const inFile = new Map(Object.entries(files[0]?.staff ?? {}));
  return rows.flatMap(({ code, email, left }) => {
    const theirs = inFile.get(code)?.email.toLowerCase();
    if (theirs === undefined ? left : !left && theirs === email.toLowerCase()) return [];
    const what = theirs === undefined ? 'They are not in the company file' : 'They are in the company file otherwise';
    return [
      {
        about: `staff ${code}`,
        sentence: `${what}: whom Heed lets in and mails was altered beside it. Apply the file once more, with a word in it changed, and see where they are signed in.`,
      },
    ];
  });
}

/** That a binding was freed is a fact; whether its account lets somebody in is a slot of the binding, which may be emptied again. */
async function freedAndTaken(db: pg.Client): Promise<Violation[]> {
  const { rows } = await db.query<{ id: string }>(
    `select b.id from bindings b
     where (b.freed_at is not null) <> exists (select from freeings f where f.binding_id = b.id)
     limit 100`,
  );
  return rows.map(({ id }) => ({
    about: `bindings ${id}`,
    sentence:
      'Its account lets somebody in though it was freed, or nobody though it was not. Put its freed_at back as freeings has it, and see who came in by it.',
  }));
}
