/** From a row of the ledger to the message itself, as it is true at this moment. One file for each kind of message. */

import type { Configuration } from '../../store/records/configurations.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import type { Db } from '../../store/pool.ts';
import { answer } from './answer.ts';
import { card } from './card.ts';
import type { Composed, Composing } from './composing.ts';
import { digest } from './digest.ts';
import { news } from './news.ts';
import { notice } from './notice.ts';
import { prompt } from './prompt.ts';
import { receipt } from './receipt.ts';
import { redaction } from './redaction.ts';
import { rights } from './rights.ts';
import { signIn } from './signIn.ts';
import { told } from './told.ts';

/** Composes one message, with links made for this attempt. Reads and writes Postgres alone; whoever sends re-checks consent and the hour. */
export async function compose(
  deps: { db: Db; publicUrl: string; configuration: () => Promise<Configuration> },
  delivery: Delivery,
): Promise<Composed> {
  const { company, version } = await deps.configuration();
  const composing: Composing = { db: deps.db, publicUrl: deps.publicUrl, company, configuration: version };
  const kinds = { receipt, answer, told, prompt, card, news, notice, sign_in: signIn, redaction, rights, digest };
  return kinds[delivery.purpose](composing, delivery);
}
