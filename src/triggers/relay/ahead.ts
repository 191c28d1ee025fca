/** How far the relay is ahead of the worker: stories that were told to look and have not looked yet. Sent faster than a worker takes them up, they
 *  would stand in Temporal's queue, first come first served, and whoever responds meanwhile would stand behind all of them. */

import type { Client } from '@temporalio/client';

export interface Ahead {
  /** How many more may be sent, with at most `most` that have not looked. */
  room(most: number): Promise<number>;
  sent(workflowIds: readonly string[]): void;
}

/** Whoever has not looked after `forgottenAfterMs` is no longer waited for: where no worker is there, or one story fails and fails, the others go on. */
export function ahead(client: Client, forgottenAfterMs: number): Ahead {
  const waiting: { workflowId: string; sentAt: number }[] = [];

  return {
    async room(most) {
      const isOld = ({ sentAt }: { sentAt: number }): boolean => performance.now() - sentAt > forgottenAfterMs;
      // Oldest first: whoever was sent first is taken up first.
      while (waiting[0] && (isOld(waiting[0]) || !(await isInLine(client, waiting[0].workflowId)))) waiting.shift();
      return Math.max(0, most - waiting.length);
    },
    sent(workflowIds) {
      for (const workflowId of workflowIds) waiting.push({ workflowId, sentAt: performance.now() });
    },
  };
}

/** Whether it still has to look, or is looking. Where nobody can say, it is not waited for. */
async function isInLine(client: Client, workflowId: string): Promise<boolean> {
  try {
    const { pendingWorkflowTask } = await client.withDeadline(Date.now() + 1_000, () =>
      client.workflowService.describeWorkflowExecution({
        namespace: client.options.namespace,
        execution: { workflowId },
      }),
    );
    return Boolean(pendingWorkflowTask);
  } catch {
    return false;
  }
}
