/** What happens to one captured signal, from the counter to the customer's last word. */

import { continueAsNew } from '@temporalio/workflow';
import type { FollowSignal } from './messages.ts';
import { LoopOver, openLoop, stages } from './until.ts';

export async function followSignal({ signalId }: FollowSignal): Promise<void> {
  try {
    const loop = await openLoop(signalId, () => continueAsNew<typeof followSignal>({ signalId }));

    const verdict = await stages.triage(signalId);
    if (verdict === 'dismiss') return;
    if (verdict === 'review') await loop.until('reviewed');
    await stages.enrich(signalId);
    await stages.joinInsight(signalId);
    await stages.refineOwner(signalId);

    // A round a pass: a customer's "no" opens the next, and "confirmed" is met by that too.
    for (;;) {
      await loop.until('acknowledged');
      await loop.until('answered');
      await loop.until('told');
      await loop.until('confirmed');
    }
  } catch (reason) {
    if (!(reason instanceof LoopOver)) throw reason;
  }
}
