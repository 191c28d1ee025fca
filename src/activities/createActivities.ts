/** The loop's hands, with what they work with. Workflows import the types alone. */

import { Context } from '@temporalio/activity';
import type { PostOffice, Slack } from '../integrations/letter.ts';
import type { Configuration } from '../store/records/configurations.ts';
import type { Pool } from '../store/pool.ts';
import { catchUp, climb } from './climb.ts';
import { deliver } from './deliver.ts';
import { inCodes } from './failures.ts';
import { finish, tell } from './tell.ts';
import { enrich, joinInsight, refineOwner, triage } from './triage.ts';

export interface Hands {
  pool: Pool;
  configuration: () => Promise<Configuration>;
  /** Where people reach the web. */
  publicUrl: string;
  post: PostOffice;
  slack: Slack | undefined;
  /** Takes a mail back by its Message-ID: only where the mailbox is ours. */
  recall?: ((messageId: string) => Promise<void>) | undefined;
  /** How many people one stage tells what was decided, before another goes on; fifty unless said otherwise. */
  toldAtOnce?: number | undefined;
}

/** Stages of stories: idempotent, on Postgres alone, as local activities. */
export function createStages(hands: Hands) {
  return inCodes({
    triage: (signalId: string) => triage(hands, signalId),
    enrich: (signalId: string) => enrich(hands, signalId),
    joinInsight: (signalId: string) => joinInsight(hands, signalId),
    refineOwner: (signalId: string) => refineOwner(hands, signalId),
    catchUp: (loopId: string, roundKnown: number) => catchUp(hands, loopId, roundKnown),
    climb: (loopId: string) => climb(hands, loopId),
    tell: (insightId: string) => tell(hands, insightId),
    finish: (insightId: string) => finish(hands, insightId),
  });
}
export type Stages = ReturnType<typeof createStages>;

/** The only thing that speaks to the world, as a standalone activity on its own queue. */
export function createDeliveries(hands: Hands) {
  return inCodes({
    async deliver(deliveryId: string) {
      const context = Context.current();
      return deliver(hands, deliveryId, {
        inItsPlace: context.info.attempt > 1,
        beat: () => context.heartbeat(),
      });
    },
  });
}
