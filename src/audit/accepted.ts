/** Nothing accepted is lost, and nothing is accepted twice. */

import { violationsIn, type Check, type Violation } from './check.ts';

const acceptedIsKept: Check = {
  invariant: 'I1',
  claim: 'every capture that was answered with 202 is there',
  needs: 'accepted',
  async find(db, journals) {
    const ids = [...new Set(journals?.accepted?.map(({ id }) => id) ?? [])];
    const { rows } = await db.query<Violation>(
      `select id::text as about, 'It was accepted, and there is no such signal. Restore it from a backup.' as sentence
       from unnest($1::uuid[]) as accepted (id)
       where not exists (select from signals s where s.id = accepted.id)`,
      [ids],
    );
    return rows;
  },
};

const capturesAreWhole: Check = {
  invariant: 'I1',
  claim: 'every capture has its signal, and every signal its words, its round and the press it came by',
  find: (db, _, scope) =>
    violationsIn(
      db,
      // Presses are known by their key: asked about one signal after the other, all of them would be read for each.
      `with pressed as (
         select p.fact_id as id, bool_or(p.fingerprint is null) as erased
         from presses p join signals s on s.id = p.fact_id
         where s.captured_at >= $1
         group by p.fact_id
       ),
       captured as (
         select s.id, l.id is not null and r.loop_id is not null as opened, w.signal_id is not null as said,
           p.id is not null as pressed, coalesce(p.erased, false) as erased
         from signals s
         left join pressed p on p.id = s.id
         left join loops l on l.id = s.id
         left join rounds r on r.loop_id = s.id and r.round = 1
         left join words w on w.signal_id = s.id
         where not coalesce(l.sample, false) and s.captured_at >= $1
       )
       select id::text as about, 'It has no round to be in. Restore it from a backup.' as sentence from captured where not opened
       union all
       select id::text, 'What the customer said is gone, and was not erased. Restore it from a backup.' from captured where not said and not erased
       union all
       select id::text, 'No press says how it came in. Find out who wrote into the tables.' from captured where not pressed
       union all
       select p.fact_id::text, 'Its press was answered, and there is no such signal. Restore it from a backup.'
       from presses p
       where p.result ? 'reference' and p.pressed_at >= $1 and not exists (select from signals s where s.id = p.fact_id)`,
      scope,
    ),
};

const oneKeyOneSignal: Check = {
  invariant: 'I2',
  claim: 'one key, one signal',
  async find(db, journals, scope) {
    const idsOf = new Map<string, Set<string>>();
    for (const { key, id } of journals?.accepted ?? []) {
      const ids = idsOf.get(key);
      if (ids) ids.add(id);
      else idsOf.set(key, new Set([id]));
    }
    const answered = [...idsOf.values()]
      .filter((ids) => ids.size > 1)
      .map((ids) => ({
        about: [...ids].join(' '),
        sentence: 'One key was answered with these two signals. Dismiss one.',
      }));
    const kept = await violationsIn(
      db,
      `select source || ' ' || encode(key_hash, 'hex') as about, 'This key counts twice. Its unique constraint is gone: run heed migrate.' as sentence
       from presses where pressed_at >= $1
       group by source, key_hash having count(*) > 1`,
      scope,
    );
    return [...answered, ...kept];
  },
};

export const acceptedChecks = [acceptedIsKept, capturesAreWhole, oneKeyOneSignal];
