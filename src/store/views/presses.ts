/** What a press led to: the sentence a person reads after the page has moved on. */

import { z } from 'zod';
import { sql, type Db } from '../pool.ts';
import { hashesOf } from '../records/presses.ts';

const SentenceRow = z.object({ sentence: z.string().nullable() });

/** The sentence recorded for this press by this person ('customer' for a customer); null when there was none. Behind a link it is shown for a
 *  quarter of an hour: what the link was for is over, and it may have been handed on. */
export function sentenceOf(db: Db, press: { source: string; key: string; person: string }): Promise<string | null> {
  return db.maybeOneFirst(sql.type(SentenceRow)`
    select result ->> 'sentence' as sentence from presses
    where source = ${press.source} and key_hash = ${sql.binary(hashesOf(press).keyHash)} and person = ${press.person}
      and (source <> 'link' or pressed_at > heed_now() - interval '15 minutes')`);
}
