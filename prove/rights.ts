/** What customers ask of whoever holds something about them, carried out by command as an operator would: everything of theirs is erased, or rests
 *  for a while. It happens whenever they ask, in the middle of whatever is being done about what they said. */

import { chanceOf } from './chance.ts';
import type { Finding } from '../src/audit/audit.ts';
import type { House } from './house.ts';
import type { Loop, Loops, Verb } from './loops.ts';
import { query } from './query.ts';

/** Something to be typed. */
interface Wish {
  of: Loop;
  at: number;
  verb: Verb;
  argv: readonly string[];
}

/** They ask within so long of having said something: before anybody has read it, or after they were answered. */
const eraseWithinMs = 25_000;
const restWithinMs = 4_000;
const restMs = 8_000;
/** It was done before, and whoever typed it did not hear so. */
const doneBefore = /erased before|rests already|Nothing of theirs rests/;

export function asCustomersAsk({
  house,
  loops,
  did,
  pace,
}: {
  house: Pick<House, 'heed'>;
  loops: Loops;
  did: (deed: string) => void;
  pace: number;
}): () => Promise<void> {
  let seen = 0;
  let waiting: Wish[] = [];
  return async () => {
    for (; seen < loops.wishes.length; seen += 1) waiting.push(wishOf(loops.wishes[seen]!, pace));
    for (const wish of waiting.filter(({ at }) => at <= performance.now())) {
      loops.asked[wish.verb].add(wish.of);
      try {
        await house.heed(wish.argv);
      } catch (error) {
        // Postgres may be away, or whoever carries it out was thrown out of it: it is typed again.
        if (!doneBefore.test(String(error))) {
          did('tried in vain');
          continue;
        }
      }
      did(`command: ${wish.verb}`);
      waiting = waiting.filter((other) => other !== wish);
      // Only once it rests: what never rested could not be let go on.
      if (wish.verb === 'restrict')
        waiting.push({ ...wish, at: performance.now() + restMs * pace, verb: 'lift', argv: [...wish.argv, '--lift'] });
    }
  };
}

function wishOf(of: Loop, pace: number): Wish {
  const { fate, nth, key, reference, acceptedAt } = of;
  const [verb, withinMs] =
    fate === 'erased' ? (['erase', eraseWithinMs] as const) : (['restrict', restWithinMs] as const);
  return {
    of,
    at: acceptedAt! + chanceOf(nth, `wish ${key}`).below(withinMs) * pace,
    verb,
    argv: [verb, '--subject', reference!, '--reason', 'they asked for it'],
  };
}

/** Whoever asked that everything of theirs rests, or that it goes on, was heard, however often it took: it stands in the tables that they asked.
 *  What is sent and done meanwhile is the auditor's. Whether whoever asked to be erased was, is said in erased.ts. */
export async function whoWasNotHeard(databaseUrl: string, { asked }: Pick<Loops, 'asked'>): Promise<Finding> {
  const heard = await query<{ id: string; kind: string }>(
    databaseUrl,
    `select distinct s.id, r.kind
     from signals s join rights r on r.customer_id = s.customer_id
     where r.kind in ('restriction', 'lifting') and s.id = any($1::uuid[])`,
    [[...asked.restrict].map(({ id }) => id)],
  );
  const unheard = (verb: Verb, kind: string, sentence: string): Finding['violations'] =>
    [...asked[verb]]
      .filter(({ id }) => !heard.some((right) => right.id === id && right.kind === kind))
      .map(({ id }) => ({ about: id!, sentence }));
  return {
    invariant: 'I6',
    claim: 'whoever asked that everything of theirs rests, or goes on, was heard',
    violations: [
      ...unheard('restrict', 'restriction', 'Its customer asked that it rests, and it never did.'),
      ...unheard('lift', 'lifting', 'Its customer asked that it goes on, and it rests.'),
    ],
  };
}
