/** What all responses share: counted once, recorded under the loop's lock, answered from the database, and only then carried to Temporal. */

import { DomainError } from '../../domain/errors.ts';
import { mayActOnSignal, mayDecide } from '../../domain/entitlement.ts';
import { resting } from '../../domain/whatIsNext.ts';
import { zoneOf } from '../../domain/localTime.ts';
import { happenedAt } from '../../domain/moments.ts';
import type { Configuration } from '../../store/records/configurations.ts';
import { factRecorded, lockLoop } from '../../store/records/loops.ts';
import { toldByLadder } from '../../store/records/plans.ts';
import { press, pressed, type Press } from '../../store/records/presses.ts';
import type { Refusal } from '../../store/records/refusals.ts';
import type { Tx } from '../../store/pool.ts';
import { insightNow, type InsightNow } from '../../store/views/insights.ts';
import { signalNow, type SignalNow } from '../../store/views/signals.ts';
import type { Heed } from '../heed.ts';

/** Somebody responding to a loop: who, and by which press. */
export interface Responding {
  loopId: string;
  /** Staff code. */
  by: string;
  press: Press;
}

/** What the person is told: one sentence, from what the database now holds. */
export interface Response {
  sentence: string;
  /** The fact it made. */
  factId: string | null;
  replayed?: boolean;
}

export interface Moment extends Configuration {
  tx: Tx;
  /** heed_now() of this transaction. */
  now: Date;
  /** Of the loop's place; of the company for what people of several places ask for. */
  zone: string;
  by: string;
}

/** Records one response to a signal. Throws `not_found`, `forbidden` (not their place, not their turn), `conflict` (somebody was faster). */
export function respondToSignal(
  heed: Heed,
  responding: Responding,
  record: (signal: SignalNow, moment: Moment) => Promise<Response>,
): Promise<Response> {
  return respond(heed, responding, 'signal', async (moment) => {
    const signal = await signalNow(moment.tx, responding.loopId);
    if (!signal) throw nothingThere();
    const told = await toldByLadder(moment.tx, signal.id, signal.round);
    if (!mayActOnSignal(moment.company, moment.by, { place: signal.place, owner: signal.owner, told })) {
      throw new DomainError('forbidden', `This is with ${nameOf(moment, signal.owner)}. It was not given to you.`);
    }
    if (signal.restricted) throw new DomainError('conflict', resting);
    return record(signal, moment);
  });
}

/** Records one response to an insight. Throws as respondToSignal. */
export function respondToInsight(
  heed: Heed,
  responding: Responding,
  record: (insight: InsightNow, moment: Moment) => Promise<Response>,
): Promise<Response> {
  return respond(heed, responding, 'insight', async (moment) => {
    const insight = await insightNow(moment.tx, responding.loopId);
    if (!insight) throw nothingThere();
    const told = await toldByLadder(moment.tx, insight.id, insight.round);
    if (!mayDecide(moment.company, moment.by, { decider: insight.decider, told })) {
      throw new DomainError('forbidden', `${nameOf(moment, insight.decider)} decides this. It was not given to you.`);
    }
    return record(insight, moment);
  });
}

async function respond(
  heed: Heed,
  { loopId, by, press: gesture }: Responding,
  kind: 'signal' | 'insight',
  record: (moment: Moment) => Promise<Response>,
): Promise<Response> {
  const configuration = await heed.configuration();
  if (!configuration.company.staff[by])
    throw new DomainError('forbidden', `There is nobody called "${by}" among the staff.`);
  const response = await inTurn(heed, { by, press: gesture }, async (tx) => {
    // One key, one gesture: used again for another loop or by somebody else, it is refused and not answered with what it led to first.
    const about = `${loopId} ${by} ${gesture.content ?? ''}`;
    const made = await press(tx, { ...gesture, content: about }, by);
    if (made.first) return { ...(made.first as unknown as Response), replayed: true };
    const loop = await lockLoop(tx, loopId);
    if (loop.kind !== kind) throw nothingThere();
    if (loop.sample)
      throw new DomainError(
        'conflict',
        'This is sample history: it shows what a finished loop looks like, and nothing can be done to it.',
      );
    const zone = kind === 'signal' ? zoneOf(configuration.company, loop.place) : configuration.company.timezone;
    const recorded = await record({ ...configuration, tx, by, now: loop.now, zone });
    await factRecorded(tx, loopId);
    // What made no fact is kept as about the loop, or an erasure would not find it.
    await pressed(tx, made.id, recorded.factId ?? loopId, recorded);
    return recorded;
  });
  heed.hint();
  return response;
}

/** Records it, all or nothing. That it was not somebody's turn is counted once everything is undone. By command line nobody is turned away. */
export function inTurn(
  heed: Heed,
  { by, press: { source } }: { by: string | undefined; press: Press },
  record: (tx: Tx) => Promise<Response>,
): Promise<Response> {
  return heed.pool.transaction(record).catch((error: unknown) => {
    const door = doorOf[source.replace(/:.*$/, '')];
    if (door && error instanceof DomainError && error.code === 'forbidden')
      heed.turnedAway.count({ door, why: 'not_their_turn', whose: by });
    throw error;
  });
}

const doorOf: Record<string, Refusal['door']> = { web: 'page', link: 'link', slack: 'slack', api: 'api' };

const nothingThere = (): DomainError => new DomainError('not_found', 'There is nothing here under that address.');

export const nameOf = ({ company }: Pick<Moment, 'company'>, staff: string): string =>
  company.staff[staff]?.name ?? staff;

/** Throws when nothing more can be done about a signal, and says who closed it. */
export function mustBeOpen(signal: SignalNow, moment: Moment): void {
  if (!signal.closed_at) return;
  const who = signal.closed_by ? ` by ${nameOf(moment, signal.closed_by)}` : '';
  throw new DomainError(
    'conflict',
    `This was closed${who} (${signal.closed_how?.replaceAll('_', ' ')}) a while ago; there is nothing left to do.`,
  );
}

/** Throws when everybody who asked was moved on to another insight, dismissed, or erased: nobody would hear of what is said about this one. */
export function mustHoldSomebody({ closed_how: how }: InsightNow): void {
  if (how === 'joined')
    throw new DomainError(
      'conflict',
      'Whoever asked for this belongs to another one now; there is nothing left to do.',
    );
  if (how === 'dismissed')
    throw new DomainError('conflict', 'What asked for this has been dismissed; there is nothing left to do.');
  if (how === 'erased')
    throw new DomainError('conflict', 'What was said about this has been erased; there is nothing left to do.');
}

/** Throws when an insight has been decided for good: what it asked of people is over. */
export function mustBeUndecided(insight: InsightNow, moment: Moment): void {
  mustHoldSomebody(insight);
  if (!insight.outcome || insight.outcome === 'deferred') return;
  throw new DomainError(
    'conflict',
    `${nameOf(moment, insight.decided_by!)} decided this ${atTime(insight.decided_at!, moment)}.`,
  );
}

/** "at 13:06", "yesterday at 13:06": on the clock that whoever acts has before them. */
export const atTime = (at: Date, { now, zone }: Pick<Moment, 'now' | 'zone'>): string => happenedAt(at, now, zone);

/** For telling the slower person how much faster somebody was: by a moment only where it was one. */
export const beforeYou = (at: Date, moment: Pick<Moment, 'now' | 'zone'>): string =>
  `${atTime(at, moment)}${moment.now.getTime() - at.getTime() < 10 * 60_000 ? ', a moment before you' : ''}`;
