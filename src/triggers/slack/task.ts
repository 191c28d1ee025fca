/** The loop somebody has before them in Slack, read for a form: only for whoever may act on it, and only while it is what they saw. */

import { mayActOnSignal, mayDecide } from '../../domain/entitlement.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Configuration } from '../../store/records/configurations.ts';
import { toldByLadder } from '../../store/records/plans.ts';
import { roundOf } from '../../store/views/messages.ts';
import { insightNow, type InsightNow } from '../../store/views/insights.ts';
import { signalNow, type SignalNow } from '../../store/views/signals.ts';
import type { Heed } from '../heed.ts';

export type Task = { configuration: Configuration; by: string; value: string } & (
  { kind: 'signal'; signal: SignalNow } | { kind: 'insight'; insight: InsightNow }
);

/** Throws `not_found`, `forbidden`, or `conflict` when another round has begun or everything is over. */
export async function taskFor(
  heed: Heed,
  by: string,
  { loopId, round }: { loopId: string; round: number },
): Promise<Task> {
  const configuration = await heed.configuration();
  const { company } = configuration;
  const signal = await signalNow(heed.pool, loopId);
  const insight = signal ? null : await insightNow(heed.pool, loopId);
  const loop = signal ?? insight;
  if (!loop) throw new DomainError('not_found', 'There is nothing here under that address.');
  const told = await toldByLadder(heed.pool, loopId, loop.round);
  const may = signal
    ? mayActOnSignal(company, by, { place: signal.place, owner: signal.owner, told })
    : mayDecide(company, by, { decider: insight!.decider, told });
  if (!may) throw new DomainError('forbidden', 'This was not given to you, and it is not of your place.');
  if (loop.round !== round) throw movedOn();
  if (loop.closed_at) throw new DomainError('conflict', 'This was closed meanwhile; there is nothing left to do.');
  const rest = { configuration, by, value: `${loopId}:${round}` };
  return signal ? { ...rest, kind: 'signal', signal } : { ...rest, kind: 'insight', insight: insight! };
}

/** Throws `conflict` when another round has begun since somebody saw what they respond to. */
export async function mustBeAsSeen(heed: Heed, { loopId, round }: { loopId: string; round: number }): Promise<void> {
  const now = await roundOf(heed.pool, loopId);
  if (now !== null && now !== round) throw movedOn();
}

const movedOn = (): DomainError =>
  new DomainError('conflict', 'It has moved on since you were asked: the customer has said something meanwhile.');
