/** The one waiting routine of all stories, and the stages they are made of: local activities that record and never send. */

import {
  CancellationScope,
  condition,
  isCancellation,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { Standing } from '../activities/climb.ts';
import type { Stages } from '../activities/createActivities.ts';
import type { Wait } from '../domain/loop.ts';
import { nudge } from './messages.ts';

// The retry cap stays above the threshold: with it below, a database outage keeps the task alive by heartbeats and fills the history.
export const stages = proxyLocalActivities<Stages>({
  startToCloseTimeout: '4s',
  localRetryThreshold: '10s',
  retry: { initialInterval: '200ms', maximumInterval: '1m' },
});

/** Closed, dismissed, erased: nothing is left to wait for. */
class LoopOver extends Error {}

export interface Loop {
  /** Waits as long as it takes, climbing whenever nobody acts, until each of these is met, one after the other. Throws LoopOver. */
  until(...waits: Wait[]): Promise<void>;
}

/** Continues a story as new: a run of it from the top, which passes on over what is recorded. */
type Again = () => Promise<never>;

/** `again` is what happens when Temporal suggests it. */
export async function openLoop(id: string, again: Again): Promise<Loop> {
  let nudged = false;
  let round = 0;
  let shown = '';
  setHandler(nudge, () => {
    nudged = true;
  });

  const read = async (): Promise<Standing> => {
    // Cleared before reading: a nudge that arrives meanwhile must not be lost.
    nudged = false;
    const now = await stages.catchUp(id, round);
    if (now.over) throw new LoopOver();
    round = now.round;
    show(now);
    return now;
  };

  const show = ({ attributes, details }: Standing): void => {
    setCurrentDetails(details);
    // All together, once per change of stage: each upsert is an event.
    const stage = `${attributes.Stage} ${attributes.WaitingOn} ${attributes.Level}`;
    if (stage === shown) return;
    shown = stage;
    upsertSearchAttributes(pairs(attributes));
  };

  if ((await stages.catchUp(id, 0)).over) throw new LoopOver();

  return {
    async until(...waits) {
      for (;;) {
        const standing = await read();
        while (waits[0] && standing.meets.includes(waits[0])) waits.shift();
        if (waits.length === 0) return;
        if (workflowInfo().continueAsNewSuggested) await again();
        // Nobody acted: every rung now due is taken.
        if (standing.sleepMs <= 0) await stages.climb(id);
        else await condition(() => nudged, standing.sleepMs, { summary: standing.label });
      }
    },
  };
}

/** What is caught at the top of each story: it ends well when its loop is over. */
export async function endWell(reason: unknown, again: Again): Promise<void> {
  if (reason instanceof LoopOver) return;
  // A worker that needs the room puts stories out of its memory, and cuts off a stage that is being tried again. Nobody asked for that.
  if (isCancellation(reason) && !CancellationScope.current().consideredCancelled) await again();
  throw reason;
}

const keys = {
  Stage: defineSearchAttributeKey('Stage', 'KEYWORD'),
  WaitingOn: defineSearchAttributeKey('WaitingOn', 'KEYWORD'),
  Place: defineSearchAttributeKey('Place', 'KEYWORD'),
  Kind: defineSearchAttributeKey('Kind', 'KEYWORD'),
  InsightId: defineSearchAttributeKey('InsightId', 'KEYWORD'),
  Priority: defineSearchAttributeKey('Priority', 'INT'),
  Level: defineSearchAttributeKey('Level', 'INT'),
  DueAt: defineSearchAttributeKey('DueAt', 'DATETIME'),
};

function pairs(a: Standing['attributes']) {
  return [
    { key: keys.Stage, value: a.Stage },
    { key: keys.WaitingOn, value: a.WaitingOn },
    { key: keys.Place, value: a.Place },
    { key: keys.Kind, value: a.Kind },
    { key: keys.InsightId, value: a.InsightId },
    { key: keys.Priority, value: a.Priority },
    { key: keys.Level, value: a.Level },
    { key: keys.DueAt, value: a.DueAt === null ? null : new Date(a.DueAt) },
  ];
}
