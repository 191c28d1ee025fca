/** What is said to and about stories: the one signal, the queues, the ids, and the attributes operators search by. Codes and ids only. */

import { defineSignal } from '@temporalio/workflow';

/** "Look again": no payload, because the story reads everything it needs from Postgres. */
export const nudge = defineSignal('nudge');

/** Stories and their stages. */
export const loopsQueue = 'loops';
/** Deliveries, paced. */
export const messagesQueue = 'messages';

export interface FollowSignal {
  signalId: string;
}

export interface FollowInsight {
  insightId: string;
}

/** Set together, once per change of stage. */
export const searchAttributes = {
  Stage: 'Keyword',
  WaitingOn: 'Keyword',
  Place: 'Keyword',
  Kind: 'Keyword',
  InsightId: 'Keyword',
  Priority: 'Int',
  Level: 'Int',
  DueAt: 'Datetime',
} as const;
