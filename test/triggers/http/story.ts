/** The stages of a story, told by hand on Postgres alone, for tests of what people are answered. */

import type { Hands } from '../../../src/activities/createActivities.ts';
import { catchUp, climb } from '../../../src/activities/climb.ts';
import { finish, tell } from '../../../src/activities/tell.ts';
import { enrich, joinInsight, refineOwner, triage } from '../../../src/activities/triage.ts';
import { signalNow } from '../../../src/store/views/signals.ts';
import type { TestDatabase } from '../../support/database.ts';

/** What the stories of a signal, and of the insight it joined, do next: everything that is due. */
export async function goOn(db: TestDatabase, signalId: string): Promise<void> {
  const hands = {
    pool: db.pool,
    configuration: db.heed.configuration,
    publicUrl: 'http://heed.test',
    slack: undefined,
  } as unknown as Hands;
  if ((await triage(hands, signalId)) === 'pursue') {
    await enrich(hands, signalId);
    await joinInsight(hands, signalId);
    await refineOwner(hands, signalId);
  }
  const insightId = (await signalNow(db.pool, signalId))?.insight_id;
  if (insightId) {
    await walk(hands, insightId);
    if ((await catchUp(hands, insightId, 1)).attributes.Stage === 'tell') await tell(hands, insightId);
    await finish(hands, insightId);
  }
  await walk(hands, signalId);
}

async function walk(hands: Hands, loopId: string): Promise<void> {
  for (let standing = await catchUp(hands, loopId, 1); !standing.over && standing.sleepMs <= 0;) {
    await climb(hands, loopId);
    standing = await catchUp(hands, loopId, 1);
  }
}
