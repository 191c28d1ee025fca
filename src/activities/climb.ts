/** The two stages that every wait is made of: where does the loop stand, and whom to tell when nobody acted. */

import type { Company, Role } from '../domain/company.ts';
import { nextRepeat } from '../domain/ladder.ts';
import {
  followsByRuleForSignal,
  ladderPlansOfInsight,
  ladderPlansOfSignal,
  stageOfInsight,
  stageOfSignal,
  waitsMetByInsight,
  waitsMetBySignal,
  type PlanDue,
  type Wait,
} from '../domain/loop.ts';
import { answerNotArrived } from '../domain/notArrived.ts';
import { resolveRole } from '../domain/routing.ts';
import { spanText } from '../domain/span.ts';
import { isAnsweredInVain, recordFollowUp } from '../store/records/followUps.ts';
import { calendarOf, planWait } from '../store/records/ladders.ts';
import { closeRound, lockLoop, lockLoopIfAny } from '../store/records/loops.ts';
import { isPlanned, recordEscalation, recordRungs, rungsAhead, type RungAhead } from '../store/records/plans.ts';
import type { Tx } from '../store/pool.ts';
import { factsOf, insightNow, type InsightNow } from '../store/views/insights.ts';
import { signalNow, type SignalNow } from '../store/views/signals.ts';
import type { Hands } from './createActivities.ts';
import { prompt } from './prompt.ts';
import { tellByItself } from './tell.ts';

/** Where a loop stands, in codes. */
export interface Standing {
  over: boolean;
  round: number;
  /** The waits that are met. */
  meets: Wait[];
  /** Until the next rung, or the next moment something changes by itself; 0 or less: rungs are due. */
  sleepMs: number;
  /** One line for the timer. */
  label: string;
  /** A card for operators, in Markdown. */
  details: string;
  attributes: {
    Stage: string;
    WaitingOn: string | null;
    Place: string;
    Kind: string | null;
    InsightId: string | null;
    Priority: number | null;
    Level: number;
    DueAt: string | null;
  };
}

/** With no rung ahead (a decision of others is waited for) the story still looks again once a week. */
const longestSleepMs = 7 * 24 * 3600_000;
/** Timers may fire a moment early by the database's clock. */
const slackMs = 20;

/** What falls due within the same seconds is one message: the ladders of a signal begin a moment apart, when it is said and when it is routed. */
const togetherMs = 5_000;

/** What the reducer says of a loop, with what follows from it: the same for signals and insights. */
interface Reading {
  round: number;
  place: string;
  sample: boolean;
  owner: string;
  stage: string;
  over: boolean;
  meets: Wait[];
  plans: PlanDue[];
  /** A moment, other than a rung, at which something changes. */
  until: Date | null;
  kind: string | null;
  insightId: string | null;
  priority: number | null;
  level: number;
  reference: string;
  /** The customer asked that nothing be done with it for now. */
  restricted: boolean;
  /** Whoever it is for has been found: before that nobody is asked. */
  owned: boolean;
}

/**
 * Records what follows by rule (nobody to reach; the plans of ladders that must run by now) and says where the loop stands. Doing it again
 * does no harm. `roundKnown`: the round the story was in when it last looked, 0 at first.
 */
export async function catchUp(hands: Hands, loopId: string, roundKnown: number): Promise<Standing> {
  const { company, version } = await hands.configuration();
  return hands.pool.transaction(async (tx) => {
    const loop = await lockLoopIfAny(tx, loopId);
    if (!loop) return unknown(roundKnown);
    const reading =
      loop.kind === 'signal'
        ? readSignal(await signalAfterRules(tx, loopId, company), roundKnown)
        : readInsight((await insightNow(tx, loopId))!, loop.now, company);
    if (!reading.over) {
      for (const due of reading.plans) {
        const plan = { loopId, round: reading.round, wait: due.wait, occasion: due.occasion };
        if (!(await isPlanned(tx, plan)))
          await planWait(tx, { ...plan, place: reading.place, due, company, configuration: version });
      }
    }
    let ahead = reading.over ? [] : await rungsOf(tx, loopId, reading);
    if (asksNow(reading, ahead, loop.now)) {
      await take(tx, { loopId, reading, ahead, now: loop.now, company });
      ahead = await rungsOf(tx, loopId, reading);
    }
    return standing(reading, ahead[0], loop.now, hands.publicUrl, loop.kind, loopId);
  });
}

/** A database that was put back to an earlier moment does not know what was captured since: a story of it that still runs has nothing to wait for. */
const unknown = (round: number): Standing => ({
  over: true,
  round,
  meets: [],
  sleepMs: longestSleepMs,
  label: 'unknown',
  details: 'Postgres knows nothing of this loop.',
  attributes: {
    Stage: 'unknown',
    WaitingOn: null,
    Place: '',
    Kind: null,
    InsightId: null,
    Priority: null,
    Level: 0,
    DueAt: null,
  },
});

/** Takes every rung that is due: each is recorded, all of them are one message, to whoever the highest names; and one to whoever is asked at all
 *  for the first time. */
export async function climb(hands: Hands, loopId: string): Promise<void> {
  const { company } = await hands.configuration();
  await hands.pool.transaction(async (tx) => {
    const loop = await lockLoop(tx, loopId);
    const reading =
      loop.kind === 'signal'
        ? readSignal((await signalNow(tx, loopId))!, 0)
        : readInsight((await insightNow(tx, loopId))!, loop.now, company);
    if (reading.over || reading.sample) return;
    await take(tx, { loopId, reading, ahead: await rungsOf(tx, loopId, reading), now: loop.now, company });
  });
}

const rungsOf = (tx: Tx, loopId: string, { round, plans }: Reading): Promise<readonly RungAhead[]> =>
  rungsAhead(
    tx,
    loopId,
    round,
    plans.map(({ wait }) => wait),
  );

/** Whether nothing is due but first rungs. Nobody has failed to act yet, so that somebody is asked is part of the wait and not a climb. */
const asksNow = (reading: Reading, ahead: readonly RungAhead[], now: Date): boolean => {
  const due = ahead.filter((rung) => rung.due_at <= now);
  return reading.owned && !reading.sample && due.length > 0 && due.every(({ first }) => first);
};

async function take(
  tx: Tx,
  {
    loopId,
    reading,
    ahead,
    now,
    company,
  }: { loopId: string; reading: Reading; ahead: readonly RungAhead[]; now: Date; company: Company },
): Promise<void> {
  if (!ahead.some((rung) => rung.due_at <= now)) return;
  const due = ahead.filter((rung) => rung.due_at.getTime() <= now.getTime() + togetherMs);
  const highest = due.reduce<RungAhead | undefined>((a, b) => (a && height(a) >= height(b) ? a : b), undefined);
  if (!highest) return;

  const staffOf = ({ role }: RungAhead): string | null =>
    role === 'nobody' ? null : resolveRole(company, role, { owner: reading.owner, place: reading.place });
  const notArrived = await isAnsweredInVain(tx, loopId, reading);
  // Whoever it has only just come to, or has never been asked, is asked in any case: those above would chase somebody who knows of nothing.
  const calls = new Map<string | null, RungAhead>();
  for (const rung of [highest, ...due.filter(({ first }) => first)])
    if (!calls.has(staffOf(rung))) calls.set(staffOf(rung), rung);
  const called = [...calls.values()];

  for (const rung of due) {
    const taken = await recordEscalation(tx, {
      planId: rung.plan_id,
      step: rung.step,
      repeat: rung.repeat,
      staff: staffOf(rung),
      reason: reasonOf(rung, { ...reading, notArrived }),
      collapsed: !called.includes(rung),
    });
    if (taken) await goOnAtTheEnd(tx, rung, company, reading, now);
  }
  if (highest.role === 'nobody') {
    await closeRound(tx, {
      loopId,
      round: reading.round,
      how: 'silent',
      rule: `window of ${spanText(company.customers.window)} passed`,
    });
    return;
  }
  for (const [staff, rung] of calls)
    if (staff) await prompt(tx, company, { loopId, round: reading.round, staff, rung });
}

function height(rung: RungAhead): number {
  const heights: Record<RungAhead['role'], number> = { nobody: -1, owner: 0, lead: 1, manager: 2, executive: 3 };
  // A customer's window closes the round: it stands above all prompts.
  return rung.role === 'nobody' ? 1_000_000 : heights[rung.role] * 1000 + rung.step;
}

/** "nobody had taken it": what the rung waits for, said as the reason it was taken. */
function reasonOf(rung: RungAhead, reading: Reading & { notArrived: boolean }): string {
  const missing: Record<Wait, string> = {
    reviewed: 'nobody had said what it is',
    acknowledged: 'nobody had taken it',
    answered: 'the customer had not been answered',
    told: 'the customer had not been told',
    decided: 'nothing had been decided',
    completed: 'nobody had said it was done',
    confirmed: 'the customer had not said whether it is settled',
  };
  // What nobody has read can't be taken.
  const wait = reading.stage === 'review' ? 'reviewed' : rung.wait;
  if (wait === 'acknowledged' && reading.notArrived && !rung.first) return answerNotArrived;
  return rung.first ? `it waits to be ${wait}` : `${missing[wait]}${reading.round > 1 ? ' again' : ''}`;
}

async function goOnAtTheEnd(tx: Tx, rung: RungAhead, company: Company, reading: Reading, now: Date): Promise<void> {
  if (rung.role === 'nobody') return;
  // To be told runs on one of two ladders: which it is, is said where it is planned.
  const due = reading.plans.find(({ wait }) => wait === rung.wait);
  if (!rung.last || !due || due.ladder === 'window') return;
  const ladder = company.ladders[due.ladder];
  const role = rung.role as Role;
  const next = nextRepeat(
    ladder,
    { step: rung.step, repeat: rung.repeat, role, dueAt: rung.due_at },
    now,
    calendarOf(company, ladder, reading.place),
  );
  await recordRungs(tx, rung.plan_id, [next]);
}

/** A signal with what follows by rule recorded. */
async function signalAfterRules(tx: Tx, loopId: string, company: Company): Promise<SignalNow> {
  let signal = (await signalNow(tx, loopId))!;
  if (signal.sample) return signal;
  if (followsByRuleForSignal(signal) === 'nobody_to_answer') {
    await recordFollowUp(tx, { loopId, round: signal.round, channel: 'none', rule: signal.unreachable ?? 'nobody' });
    signal = (await signalNow(tx, loopId))!;
  }
  if (followsByRuleForSignal(signal) === 'nobody_to_ask') {
    if (await tellByItself(tx, signal, company)) return (await signalNow(tx, loopId))!;
    const rule = signal.could_not_be_asked ?? signal.unreachable ?? 'nobody';
    await closeRound(tx, { loopId, round: signal.round, how: 'nobody_to_reach', rule });
    signal = (await signalNow(tx, loopId))!;
  }
  return signal;
}

function readSignal(s: SignalNow, roundKnown: number): Reading {
  const stage = stageOfSignal(s);
  return {
    ...pick(s),
    owner: s.owner,
    stage,
    over: stage === 'closed',
    meets: waitsMetBySignal(s, roundKnown),
    plans: ladderPlansOfSignal(s),
    until: null,
    kind: s.kind,
    insightId: s.insight_id,
    priority: s.priority,
    restricted: s.restricted,
    owned: stage === 'review' || s.owner_cause !== 'captured',
  };
}

function readInsight(i: InsightNow, now: Date, company: Company): Reading {
  const facts = factsOf(i, company);
  const stage = stageOfInsight(facts, now);
  return {
    ...pick(i),
    owner: i.decider,
    stage,
    over: stage === 'closed',
    meets: waitsMetByInsight(facts, now),
    plans: ladderPlansOfInsight(facts, now),
    until: stage === 'undo' ? i.final_at : null,
    kind: i.kind,
    insightId: i.id,
    priority: null,
    restricted: false,
    owned: true,
  };
}

const pick = ({
  round,
  place,
  sample,
  level,
  reference,
}: {
  round: number;
  place: string;
  sample: boolean;
  level: number;
  reference: string;
}) => ({
  round,
  place,
  sample,
  level,
  reference,
});

function standing(
  r: Reading,
  next: RungAhead | undefined,
  now: Date,
  publicUrl: string,
  kind: string,
  loopId: string,
): Standing {
  const at = [next?.due_at, r.until]
    .filter((date) => date instanceof Date)
    .sort((a, b) => a.getTime() - b.getTime())[0];
  const sleepMs = at ? Math.min(longestSleepMs, at.getTime() - now.getTime()) : longestSleepMs;
  const waitingOn = r.restricted
    ? 'restriction'
    : next && next.role !== 'nobody'
      ? `owner.${r.place}`
      : r.stage === 'confirmation'
        ? 'customer'
        : null;
  const nextLine = next
    ? `${next.role}.${r.place} at ${next.due_at.toISOString()} (${next.wait}, step ${next.step})`
    : r.restricted
      ? 'nothing until the customer lifts the restriction'
      : 'nothing by itself';
  return {
    over: r.over,
    round: r.round,
    meets: r.meets,
    sleepMs: sleepMs > 0 ? Math.ceil(sleepMs) + slackMs : 0,
    label: next ? `${r.stage}: then ${next.role}.${r.place}` : r.stage,
    details: [
      `**${r.reference}** stands at **${r.stage}**, round ${r.round}`,
      `Waiting on: ${waitingOn ?? 'others'}`,
      `Next: ${nextLine}`,
      `[Open in Heed](${publicUrl}/${kind}s/${loopId})`,
    ].join('\n\n'),
    attributes: {
      Stage: r.stage,
      WaitingOn: waitingOn,
      Place: r.place,
      Kind: r.kind,
      InsightId: r.insightId,
      Priority: r.priority,
      Level: r.level,
      DueAt: next?.due_at.toISOString() ?? null,
    },
  };
}
