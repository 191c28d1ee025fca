/** What happens to one captured signal, from the counter to the customer's last word. */

import { continueAsNew, patched } from '@temporalio/workflow';
import type { FollowSignal } from './messages.ts';
import { endWell, openLoop, stages, type Loop } from './until.ts';

export async function followSignal({ signalId }: FollowSignal): Promise<void> {
  const again = (): Promise<never> => continueAsNew<typeof followSignal>({ signalId });
  try {
    const loop = await openLoop(signalId, again);

    const verdict = await stages.triage(signalId);
    if (verdict === 'dismiss') return;
    if (verdict === 'review') await loop.until('reviewed');
    await stages.enrich(signalId);
    await stages.joinInsight(signalId);
    await stages.refineOwner(signalId);

    // A round a pass: a customer's "no" opens the next, and "confirmed" is met by that too.
    for (;;) {
      if (patched('one-look-a-waking')) await loop.until('acknowledged', 'answered', 'told', 'confirmed');
      else await lookForEach(loop);
    }
  } catch (reason) {
    await endWell(reason, again);
  }
}

/** A round that began under 0.1: there each wait looks for itself, up to four times when the story wakes. */
async function lookForEach(loop: Loop): Promise<void> {
  await loop.until('acknowledged');
  await loop.until('answered');
  await loop.until('told');
  await loop.until('confirmed');
}
