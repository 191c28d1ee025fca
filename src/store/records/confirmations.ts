/** What the customer said of how it ended. */

import { z } from 'zod';
import { newId } from '../../domain/ids.ts';
import { questionCodes, type Question } from '../../domain/questions.ts';
import { sql, type Db, type Tx } from '../pool.ts';

const QuestionRow = z.object({ question: z.enum(questionCodes) });

export interface NewConfirmation {
  loopId: string;
  round: number;
  says: 'yes' | 'no';
  question: Question;
  words?: string | undefined;
  /** The member of staff who heard it; absent when the customer pressed it. */
  by?: string | undefined;
  late: boolean;
}

/** The fact's id, or null when this was said before in this round. */
export async function recordConfirmation(tx: Tx, c: NewConfirmation): Promise<string | null> {
  const id = newId();
  const { rowCount } = await tx.query(sql.unsafe`
    insert into confirmations (id, loop_id, round, says, question, words, by, late)
    values (${id}, ${c.loopId}, ${c.round}, ${c.says}, ${c.question}, ${c.words ?? null}, ${c.by ?? null}, ${c.late})
    on conflict do nothing`);
  return rowCount === 1 ? id : null;
}

/** What they said something to in this round; null where they said nothing. */
export function questionSaidTo(db: Db, loopId: string, round: number): Promise<Question | null> {
  return db.maybeOneFirst(sql.type(QuestionRow)`
    select question from confirmations where loop_id = ${loopId} and round = ${round} order by confirmed_at limit 1`);
}
