/** The loop somebody has before them in Slack, read for a form: only for whoever may act on it, and only while it is what they saw. */

import type { Company } from '../../domain/company.ts';
import { mayActOnSignal, mayDecide } from '../../domain/entitlement.ts';
import { DomainError } from '../../domain/errors.ts';
import { resting } from '../../domain/whatIsNext.ts';
import type { Configuration } from '../../store/records/configurations.ts';
import { recordRefusal } from '../../store/records/refusals.ts';
import { toldByLadder } from '../../store/records/plans.ts';
import { insightNow, type InsightNow } from '../../store/views/insights.ts';
import { signalNow, type SignalNow } from '../../store/views/signals.ts';
import type { Heed } from '../heed.ts';

export type Task = { configuration: Configuration; by: string; value: string } & (
  { kind: 'signal'; signal: SignalNow } | { kind: 'insight'; insight: InsightNow }
);

/** Throws `not_found` for whoever it was not given to, or `conflict` when another round has begun, everything is over or everything rests: a form
 *  quotes the customer, and nothing could be done with it. */
export async function taskFor(
  heed: Heed,
  by: string,
  { loopId, round }: { loopId: string; round: number },
): Promise<Task> {
  const configuration = await heed.configuration();
  const { company } = configuration;
  const { signal, insight } = await loopGivenTo(heed, company, by, loopId);
  const loop = signal ?? insight;
  if (loop.round !== round) throw movedOn();
  if (loop.closed_at) throw new DomainError('conflict', 'This was closed meanwhile; there is nothing left to do.');
  if (signal?.restricted) throw new DomainError('conflict', resting);
  const rest = { configuration, by, value: `${loopId}:${round}` };
  return signal ? { ...rest, kind: 'signal', signal } : { ...rest, kind: 'insight', insight };
}

/** Throws `not_found` for whoever it was not given to, and `conflict` when another round has begun since they saw what they respond to. */
export async function mustBeAsSeen(
  heed: Heed,
  by: string,
  { loopId, round }: { loopId: string; round: number },
): Promise<void> {
  const { company } = await heed.configuration();
  const { signal, insight } = await loopGivenTo(heed, company, by, loopId);
  if ((signal ?? insight).round !== round) throw movedOn();
}

type Given = { signal: SignalNow; insight: null } | { signal: null; insight: InsightNow };

/** What does not exist and what is somebody else's are refused alike. */
async function loopGivenTo(heed: Heed, company: Company, by: string, loopId: string): Promise<Given> {
  const signal = await signalNow(heed.pool, loopId);
  const insight = signal ? null : await insightNow(heed.pool, loopId);
  const loop = signal ?? insight;
  const told = loop ? await toldByLadder(heed.pool, loopId, loop.round) : [];
  if (signal && mayActOnSignal(company, by, { ...signal, told })) return { signal, insight: null };
  if (insight && mayDecide(company, by, { ...insight, told })) return { signal: null, insight };
  if (loop) await recordRefusal(heed.pool, { door: 'slack', why: 'not_theirs', whose: by });
  throw new DomainError('not_found', 'You are not authorised to respond here: this was not given to you.');
}

const movedOn = (): DomainError =>
  new DomainError('conflict', 'It has moved on since you were asked: the customer has said something meanwhile.');
