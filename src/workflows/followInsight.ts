/** What happens to one insight, however many signals joined it: until somebody with a name has decided, everyone has been told, and it is done. */

import { continueAsNew } from '@temporalio/workflow';
import type { FollowInsight } from './messages.ts';
import { endWell, openLoop, stages } from './until.ts';

export async function followInsight({ insightId }: FollowInsight): Promise<void> {
  const again = (): Promise<never> => continueAsNew<typeof followInsight>({ insightId });
  try {
    const loop = await openLoop(insightId, again);

    // A pass a decision: one that is decided anew, while or after people are told, is told anew.
    for (;;) {
      await loop.until('decided');
      while (await stages.tell(insightId));
      await loop.until('completed');
      if (await stages.finish(insightId)) return;
    }
  } catch (reason) {
    await endWell(reason, again);
  }
}
