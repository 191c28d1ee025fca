/** What a press led to: the sentence a person reads after the page has moved on. */

import { z } from 'zod';
import { sql, type Db } from '../pool.ts';
import { hashesOf } from '../records/presses.ts';

const SentenceRow = z.object({ sentence: z.string().nullable() });

/** `person`: staff code, or 'customer' for a customer. */
interface PressOf {
  source: string;
  key: string;
  person: string;
}

const pressedBy = ({ source, key, person }: PressOf) => sql.fragment`
  source = ${source} and key_hash = ${sql.binary(hashesOf({ source, key }).keyHash)} and person = ${person}`;

/** The sentence recorded for this press by this person; null when there was none. Behind a link it is shown for a
 *  quarter of an hour: what the link was for is over, and it may have been handed on. */
export function sentenceOf(db: Db, press: PressOf): Promise<string | null> {
  return db.maybeOneFirst(sql.type(SentenceRow)`
    select result ->> 'sentence' as sentence from presses
    where ${pressedBy(press)}
      and (source <> 'link' or pressed_at > heed_now() - interval '15 minutes')`);
}

/** Whether this person has pressed this, however long ago. */
export const wasPressed = (db: Db, press: PressOf): Promise<boolean> =>
  db.exists(sql.unsafe`select from presses where ${pressedBy(press)}`);
