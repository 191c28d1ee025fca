/** From samples/history.yaml to facts: each remark goes the way that the live rules would have sent it, and stops where now is. */

import { z } from 'zod';
import { endOfDay, localDate } from '../domain/calendar.ts';
import { moods, type Company, type Course, type Mood, type OfferTaken } from '../domain/company.ts';
import { decisionScopes } from '../domain/decisions.ts';
import { normalise, readWords } from '../domain/reading.ts';
import { oneLevelUp, routeDecider, routeOwner } from '../domain/routing.ts';
import { samenessKey } from '../domain/sameness.ts';
import { triage } from '../domain/triage.ts';
import type { SampleFacts } from '../store/records/samples.ts';
import { after, Chance, Chronicle, day, hour, minute } from './sampleChronicle.ts';

const said = z.array(z.string()).min(1);
const times = z.number().int().min(1);

const AskedFor = z.strictObject({
  said,
  kind: z.string(),
  times,
  opened: z.number(),
  item: z.string().optional(),
  mood: z.enum(moods).optional(),
  unmet: z.string().optional(),
  offered: z.strictObject({ item: z.string(), refused: z.number().int() }).optional(),
  unreachable: z.number().int().optional(),
  unhappy: z.number().int().default(0),
  seen: z.boolean().default(false),
  postponed: z
    .strictObject({
      days: z.number(),
      until: z.number(),
      people: z.number().int(),
      cited: z.boolean().default(false),
      reason: z.string(),
    })
    .optional(),
  decided: z
    .strictObject({
      days: z.number(),
      outcome: z.enum(['adopted', 'declined']),
      scope: z.enum(decisionScopes).optional(),
      cited: z.boolean().default(false),
      reason: z.string(),
      internal: z.string().optional(),
      done: z.number().optional(),
      evidence: z.string().optional(),
    })
    .optional(),
});
type AskedFor = z.infer<typeof AskedFor>;

const Told = z.strictObject({
  said,
  kind: z.string(),
  times,
  place: z.string().optional(),
  by: z.string().optional(),
  mood: z.enum(moods).optional(),
  nobody: z.boolean().default(false),
});

/** What samples/history.yaml holds. */
export const History = z.strictObject({ insights: z.array(AskedFor), remarks: z.array(Told) });
export type History = z.infer<typeof History>;

/** The same history gives the same facts, moved to end at `now`. */
export function sampleFacts(history: History, of: { company: Company; configuration: number; now: Date }): SampleFacts {
  const c = new Chronicle({ chance: new Chance(31), ...of });
  const people = new People(c);
  const remarks = [
    ...history.insights.flatMap((asked) => remarksOf(c, asked)),
    ...history.remarks.flatMap((told) => otherRemarks(c, told)),
  ].sort((a, b) => a.at.getTime() - b.at.getTime());
  const before: Known[] = [];
  for (const remark of remarks) before.push(tellSignal(c, people, remark, before));
  for (const insight of new Set(remarks.map((remark) => remark.insight))) if (insight) tellInsight(c, insight);
  return c.facts;
}

interface Remark {
  words: string;
  at: Date;
  place: string;
  by: string;
  item?: string | undefined;
  mood?: Mood | undefined;
  unmet?: string | undefined;
  offered?: { item: string; taken: OfferTaken } | undefined;
  reach: Reach;
  insight?: Insight;
}

/** How they may be reached, or why not: as now.reach will read it. */
type Reach = 'email' | 'phone' | 'no_consent' | 'nobody';

/** An insight while its signals are told. */
interface Insight {
  asked: AskedFor;
  openedAt: Date;
  decideBy: Date;
  decidedAt: Date | undefined;
  finalAt: Date | undefined;
  unhappy: number;
  /** Known once its first signal is told. */
  id: string;
  decisionId: string;
  place: string;
  decider: string;
  signals: { id: string; at: Date }[];
  colleaguesTold: Set<string>;
}

/** What later signals need to know of an earlier one. */
interface Known {
  customerId: string | null;
  attributes: Record<string, string>;
  closedAt: Date | undefined;
}

function remarksOf(c: Chronicle, asked: AskedFor): Remark[] {
  const openedAt = c.inShopHours(after(c.now, -asked.opened * day));
  const decidedAt = asked.decided && c.inShopHours(after(openedAt, asked.decided.days * day - 3 * hour));
  const insight: Insight = {
    asked,
    openedAt,
    decideBy: after(openedAt, 7 * day),
    decidedAt,
    finalAt: decidedAt && after(decidedAt, 10 * minute),
    unhappy: asked.unhappy,
    id: '',
    decisionId: '',
    place: '',
    decider: '',
    signals: [],
    colleaguesTold: new Set(),
  };
  const end = decidedAt ?? after(c.now, -6 * hour);
  return Array.from({ length: asked.times }, (_, n) => {
    const at =
      n === 0 ? openedAt : c.inShopHours(after(openedAt, c.chance.next() * (end.getTime() - openedAt.getTime())));
    const place = somePlace(c);
    return {
      words: asked.said[n % asked.said.length]!,
      at: at < end ? at : after(end, -c.chance.between(20, 200) * minute),
      place,
      by: someCapturer(c, place),
      item: asked.item,
      mood: asked.mood ?? (c.chance.happens(0.3) ? 'let-down' : undefined),
      unmet: asked.unmet,
      offered: asked.offered && n < asked.offered.refused ? { item: asked.offered.item, taken: 'refused' } : undefined,
      reach:
        asked.unreachable === undefined
          ? someReach(c)
          : n >= asked.unreachable
            ? 'email'
            : n % 2
              ? 'nobody'
              : 'no_consent',
      insight,
    };
  });
}

function otherRemarks(c: Chronicle, told: z.infer<typeof Told>): Remark[] {
  const usual: Record<string, Mood[]> = { complaint: ['annoyed', 'let-down'], praise: ['pleased', 'fine'] };
  return Array.from({ length: told.times }, (_, n) => {
    const place = told.place ?? somePlace(c);
    const at = c.inShopHours(after(c.now, -c.chance.between(0.3, 89) * day));
    return {
      words: told.said[n % told.said.length]!,
      at: c.happened(at) ? at : after(at, -day),
      place,
      by: told.by ?? someCapturer(c, place),
      mood: told.mood ?? (usual[told.kind] && c.chance.happens(0.6) ? c.chance.pick(usual[told.kind]!) : undefined),
      reach: told.nobody || told.kind === 'noise' ? 'nobody' : someReach(c),
    };
  });
}

function somePlace(c: Chronicle): string {
  const places = Object.keys(c.company.places);
  return places[Math.floor(c.chance.next() ** 1.4 * places.length)]!;
}

function someCapturer(c: Chronicle, place: string): string {
  const manager = c.company.places[place]!.manager;
  const present = Object.entries(c.company.staff).filter(
    ([, { places }]) => places !== 'all' && places.includes(place),
  );
  return c.chance.pick(
    present
      .map(([code]) => code)
      .filter((code) => code !== manager)
      .concat(present.length > 1 ? [] : [manager]),
  );
}

function someReach(c: Chronicle): Reach {
  const where = c.chance.next();
  return where < 0.78 ? 'email' : where < 0.87 ? 'phone' : where < 0.93 ? 'no_consent' : 'nobody';
}

/** One signal from the counter to wherever it stands now. */
function tellSignal(c: Chronicle, people: People, remark: Remark, before: readonly Known[]): Known {
  const { at, place, by, reach, insight } = remark;
  const { company } = c;
  const id = c.id(at);
  const customerId = reach === 'nobody' ? null : people.speak(at, reach, insight !== undefined);
  const read = readWords(remark.words, company.vocabulary);
  const item = remark.item ?? read.item;
  const wanted = normalise({ ...(item && { item }), attributes: read.attributes }, company.vocabulary);
  const attributes = { ...wanted.attributes, ...(wanted.item && { item: wanted.item }) };
  const known: Known = { customerId, attributes, closedAt: undefined };
  const close = (
    round: number,
    how: string,
    when: Date,
    because: { by?: string; rule?: string; reason?: string },
  ): Known => {
    if (c.happened(when)) c.close(id, round, how, when, because);
    if (c.happened(when)) known.closedAt = when;
    return known;
  };

  c.opened({ id, kind: 'signal', place, at });
  c.add('signals', {
    id,
    reference: c.reference('HD'),
    channel: 'web',
    captured_by: by,
    customer_id: customerId,
    mood: remark.mood ?? null,
    taken: remark.offered?.taken ?? null,
    said_at: at,
    captured_at: at,
  });
  c.add('words', {
    signal_id: id,
    words: remark.words,
    unmet: remark.unmet ?? null,
    offered: remark.offered?.item ?? null,
  });
  for (const [name, value] of Object.entries(attributes)) c.add('signal_attributes', { signal_id: id, name, value });
  if (customerId && (reach === 'email' || reach === 'phone')) {
    const consent = {
      purpose: 'follow_up',
      channel: reach,
      wording: company.customers.consent.wording,
      recorded_by: by,
    };
    c.add('consents', { id: c.id(at), signal_id: id, customer_id: customerId, ...consent, given_at: at });
  }
  const manager = company.places[place]!.manager;
  c.own(id, 1, manager, 'captured', `${company.places[place]!.name} is yours`, at);

  // How it is read: by rule, or by a person where the rules are unsure.
  const asRemark = {
    words: remark.words,
    place,
    ...wanted,
    ...(remark.mood && { mood: remark.mood }),
    ...(remark.unmet && { unmet: remark.unmet }),
  };
  const judgement = triage(company, asRemark);
  c.add('triages', {
    signal_id: id,
    verdict: judgement.verdict,
    course: judgement.course ?? null,
    kind: judgement.kind,
    priority: judgement.priority,
    rule: judgement.rule,
    why: judgement.why,
    reason: judgement.reason ?? null,
    configuration: c.configuration,
    triaged_at: after(at, 2000),
  });
  if (judgement.verdict === 'dismiss')
    return close(1, 'dismissed', after(at, 2000), { rule: judgement.rule, reason: judgement.reason ?? judgement.why });

  let course: Course = judgement.course ?? 'answer';
  let kind = judgement.kind;
  let readAt = after(at, 3000);
  if (judgement.verdict === 'review') {
    const reviewedAt = c.inShopHours(after(at, c.chance.wait(1.5, 9)));
    const rungs = [
      ['manager', 0],
      ['executive', 24],
    ] as const;
    const rest = { clock: 'customer', occasion: id, from: at, owner: manager, place } as const;
    c.climb({
      loopId: id,
      round: 1,
      wait: 'reviewed',
      until: reviewedAt,
      rungs,
      reason: 'nobody had said what it is',
      ...rest,
    });
    if (!c.happened(reviewedAt)) return known;
    const reason = c.chance.happens(0.55) ? c.chance.pick(nothingToDo) : null;
    course = c.chance.pick(['answer', 'thank'] as const);
    kind = course === 'thank' ? 'praise' : 'other';
    const verdict = reason ? { verdict: 'dismiss', reason } : { verdict: 'pursue', course, kind };
    c.add('reviews', { signal_id: id, ...verdict, by: manager, reviewed_at: reviewedAt });
    if (reason) return close(1, 'dismissed', reviewedAt, { by: manager, reason });
    readAt = reviewedAt;
  }

  // What is known around it, which insight it belongs to, and whose it is.
  c.add('enrichments', { signal_id: id, ...around(before, known, at), enriched_at: after(readAt, 1000) });
  if (insight) joinInsight(c, insight, { id, at: after(readAt, 2000), place, kind, remark: asRemark });
  const route = routeOwner(company, { ...asRemark, kind }, c.facts.signals!.length);
  const routedAt = after(readAt, 3000);
  let holder = route.staff;
  let ownership = c.own(id, 1, holder, 'routed', route.why, routedAt);

  // Told meets both earlier waits.
  const toldAt = insight?.finalAt && after(insight.finalAt, c.chance.between(1, 9) * minute);
  const orTold = (when: Date): Date => (toldAt && toldAt < when ? toldAt : when);
  const takenAt = c.inShopHours(after(routedAt, c.chance.wait(0.5, 9)));
  const onLadder = { loopId: id, round: 1, place } as const;
  const told = c.climb({
    ...onLadder,
    wait: 'acknowledged',
    clock: 'person',
    occasion: ownership,
    from: routedAt,
    until: orTold(takenAt),
    rungs: [
      ['owner', 0],
      ['manager', 4],
      ['executive', 24],
    ],
    owner: holder,
    reason: 'nobody had taken it',
  });
  const answered = c.inShopHours(after(takenAt, c.chance.wait(3, 18)));
  const canHear = reach === 'email' || reach === 'phone';
  const answeredBeforeTold = !toldAt || answered < toldAt;
  if (canHear) {
    c.climb({
      ...onLadder,
      wait: 'answered',
      clock: 'customer',
      occasion: id,
      from: after(readAt, 0),
      until: orTold(answered),
      rungs: [
        ['owner', 0],
        ['manager', 24],
        ['executive', 48],
      ],
      owner: holder,
      reason: 'the customer had not been answered',
    });
  }
  if (!toldAt || takenAt < toldAt) {
    if (!c.happened(takenAt)) return known;
    const colleague = c.chance.happens(0.08) ? someCapturer(c, place) : holder;
    const taker = told.length > 0 && c.chance.happens(0.6) ? told.at(-1)! : holder;
    if (taker !== holder) ownership = c.own(id, 1, taker, 'taken', 'you took it', takenAt, taker);
    else if (colleague !== holder) {
      const handedAt = new Date((routedAt.getTime() + takenAt.getTime()) / 2);
      ownership = c.own(id, 1, colleague, 'handed_over', c.chance.pick(handOvers), handedAt, holder);
    }
    holder = taker !== holder ? taker : colleague;
    c.add('acknowledgements', {
      id: c.id(takenAt),
      loop_id: id,
      round: 1,
      ownership_id: ownership,
      by: holder,
      acknowledged_at: takenAt,
    });
    if (!insight && c.chance.happens(0.03))
      return close(1, 'dismissed', after(takenAt, 5 * minute), { by: holder, reason: c.chance.pick(nothingToDo) });

    if (!canHear) {
      const noted = after(takenAt, 2000);
      c.add('follow_ups', {
        id: c.id(noted),
        loop_id: id,
        round: 1,
        channel: 'none',
        rule: reach,
        final: false,
        followed_up_at: noted,
      });
      if (course !== 'decide') return close(1, 'nobody_to_reach', after(noted, 1000), { rule: reach });
    } else if (answeredBeforeTold) {
      if (!c.happened(answered)) return known;
      const promise = insight && c.chance.happens(insight.decidedAt ? 0.75 : 0.2) ? insight.decideBy : undefined;
      answer(c, { id, round: 1, by: holder, channel: reach, at: answered, place, promise, final: false });
    }
  }

  let askedAt = answered;
  let question: 'settled' | 'explained' = 'settled';
  if (course === 'decide') {
    if (!insight || !toldAt || !c.happened(toldAt)) return known;
    const colleagueTold = !insight.colleaguesTold.has(by);
    insight.colleaguesTold.add(by);
    const telling = { decision_id: insight.decisionId, signal_id: id, channel: 'sample', told_at: toldAt };
    if (colleagueTold) c.add('tellings', { id: c.id(toldAt), ...telling, staff: by });
    const settles = { decision_id: insight.decisionId, signal_id: id, settled_at: toldAt };
    if (!canHear) {
      c.add('told_signals', { ...settles, reason: reach });
      return close(1, 'nobody_to_reach', after(toldAt, 1000), { rule: reach });
    }
    const tellingId = c.id(toldAt);
    c.add('tellings', { id: tellingId, ...telling, customer_id: customerId });
    c.add('told_signals', { ...settles, telling_id: tellingId });
    askedAt = toldAt;
    if (insight.asked.decided?.outcome === 'declined') question = 'explained';
  }

  // The customer's last word. A no opens another round, one level up.
  const unhappy = insight ? insight.unhappy-- > 0 : c.chance.happens(course === 'thank' ? 0 : 0.09);
  let says = unhappy ? 'no' : c.chance.happens(course === 'thank' ? 0.5 : 0.68) ? 'yes' : 'silent';
  for (let round = 1; ; round++) {
    const saidAt = after(askedAt, Math.min(9.5 * day, c.chance.wait(22, 120)));
    const silentAt = after(askedAt, 10 * day);
    if (says === 'silent') {
      const rest = { wait: 'confirmed', clock: 'customer', occasion: id, from: askedAt, owner: holder, place } as const;
      c.climb({
        loopId: id,
        round,
        until: undefined,
        rungs: [['nobody', 240]],
        reason: 'the customer had not said whether it is settled',
        ...rest,
      });
      return close(round, 'silent', silentAt, { rule: 'window of 10 days passed' });
    }
    if (!c.happened(saidAt)) return known;
    const words = c.chance.happens(0.4) ? c.chance.pick(lastWords[says as 'yes' | 'no'][question]) : null;
    c.add('confirmations', {
      id: c.id(saidAt),
      loop_id: id,
      round,
      says,
      question,
      words,
      late: false,
      confirmed_at: saidAt,
    });
    if (says === 'yes') return close(round, 'settled', saidAt, { rule: 'the customer said yes' });
    if (round > 1) return close(round, 'final', saidAt, { rule: 'the final answer was given' });

    c.close(id, round, 'not_settled', saidAt, { rule: 'the customer said no' });
    c.add('rounds', { loop_id: id, round: round + 1, level: round, cause: 'not_settled', opened_at: saidAt });
    const up = oneLevelUp(company, { owner: holder, place });
    holder = up.staff;
    const theirs = c.own(id, round + 1, holder, 'not_settled', up.why, saidAt);
    const taken = c.inShopHours(after(saidAt, c.chance.wait(1, 8)));
    if (!c.happened(taken)) return known;
    c.add('acknowledgements', {
      id: c.id(taken),
      loop_id: id,
      round: round + 1,
      ownership_id: theirs,
      by: holder,
      acknowledged_at: taken,
    });
    askedAt = c.inShopHours(after(taken, c.chance.wait(4, 24)));
    if (!c.happened(askedAt)) return known;
    answer(c, {
      id,
      round: round + 1,
      by: holder,
      channel: reach as 'email' | 'phone',
      at: askedAt,
      place,
      final: true,
    });
    question = 'settled';
    says = c.chance.happens(0.5) ? 'yes' : c.chance.happens(0.3) ? 'no' : 'silent';
  }
}

/** Earlier signals of this customer, those we still owed an answer, and how many had asked the same. */
function around(
  before: readonly Known[],
  known: Known,
  at: Date,
): { earlier: number; owed: number; asked_the_same: number } {
  const earlier = before.filter(({ customerId }) => customerId !== null && customerId === known.customerId);
  const wanted = Object.entries(known.attributes);
  return {
    earlier: earlier.length,
    owed: earlier.filter(({ closedAt }) => !closedAt || closedAt > at).length,
    asked_the_same: before.filter(
      ({ attributes }) => wanted.length > 0 && wanted.every(([name, value]) => attributes[name] === value),
    ).length,
  };
}

function answer(
  c: Chronicle,
  a: {
    id: string;
    round: number;
    by: string;
    channel: 'email' | 'phone';
    at: Date;
    place: string;
    promise?: Date | undefined;
    final: boolean;
  },
): void {
  const followUpId = c.id(a.at);
  const { id: loopId, round, by, channel, at } = a;
  if (channel === 'phone') {
    if (c.chance.happens(0.2))
      c.add('calls', {
        id: c.id(at),
        loop_id: loopId,
        round,
        purpose: 'answer',
        outcome: 'no_reply',
        by,
        called_at: after(at, -40 * minute),
      });
    c.add('calls', { id: c.id(at), loop_id: loopId, round, purpose: 'answer', outcome: 'reached', by, called_at: at });
  }
  c.add('follow_ups', { id: followUpId, loop_id: loopId, round, channel, by, final: a.final, followed_up_at: at });
  if (!a.promise) return;
  const zone = c.company.calendars[c.company.places[a.place]!.calendar]?.timezone ?? c.company.timezone;
  const earliest = after(at, day);
  const due = localDate(after(a.promise > earliest ? a.promise : earliest, c.chance.between(0.5, 3) * day), zone);
  c.add('promises', {
    id: c.id(at),
    loop_id: loopId,
    follow_up_id: followUpId,
    due_on: due,
    due_at: endOfDay(due, zone),
    promised_at: at,
  });
}

/** The first signal opens the insight, with decider and date; the others join it. */
function joinInsight(
  c: Chronicle,
  insight: Insight,
  signal: { id: string; at: Date; place: string; kind: string; remark: Parameters<typeof triage>[1] },
): void {
  if (insight.id === '') {
    const { item, attributes } = signal.remark;
    insight.id = c.id(signal.at);
    insight.decisionId = c.id(insight.decidedAt ?? insight.decideBy);
    insight.place = signal.place;
    c.opened({ id: insight.id, kind: 'insight', place: signal.place, at: signal.at });
    c.add('insights', {
      id: insight.id,
      reference: c.reference('IN'),
      kind: signal.kind,
      sameness_key: samenessKey({ kind: signal.kind, ...(item && { item }), attributes }) ?? `signal:${signal.id}`,
      attributes: { ...attributes, ...(item && { item }) },
      decide_by: insight.decideBy,
      configuration: c.configuration,
      opened_at: signal.at,
    });
    const decider = routeDecider(c.company, { ...signal.remark, kind: signal.kind });
    insight.decider = decider.staff;
    const ownership = c.own(insight.id, 1, decider.staff, 'opened', decider.why, signal.at);
    const seenAt = c.inShopHours(after(signal.at, day));
    if (insight.asked.seen || (insight.decidedAt && insight.decidedAt > seenAt))
      c.add('acknowledgements', {
        id: c.id(seenAt),
        loop_id: insight.id,
        round: 1,
        ownership_id: ownership,
        by: decider.staff,
        acknowledged_at: seenAt,
      });
  }
  insight.signals.push({ id: signal.id, at: signal.at });
  c.add('insight_signals', { insight_id: insight.id, signal_id: signal.id, joined_at: signal.at });
}

/** What the decider made of it: decided, put off, or nothing at all, while the ladder climbs. */
function tellInsight(c: Chronicle, insight: Insight): void {
  const { asked, id, decider, decidedAt, openedAt } = insight;
  const putOffAt = asked.postponed && c.inShopHours(after(openedAt, asked.postponed.days * day));
  const ladder = (occasion: string, from: Date, until: Date | undefined): void => {
    const rungs = [
      ['owner', 0],
      ['owner', 120],
      ['executive', 168],
    ] as const;
    const rest = {
      clock: 'customer',
      rungs,
      owner: decider,
      place: insight.place,
      reason: 'nothing had been decided',
    } as const;
    c.climb({ loopId: id, round: 1, wait: 'decided', occasion, from, until, ...rest });
  };
  ladder(id, openedAt, putOffAt ?? decidedAt);
  if (asked.postponed && putOffAt) {
    const { until, people, cited, reason } = asked.postponed;
    const wakeAt = c.inShopHours(after(c.now, until * day));
    const decision = { id: insight.decisionId, insight_id: id, version: 1, outcome: 'deferred', reason, by: decider };
    c.add('decisions', {
      ...decision,
      wake_at: wakeAt,
      until_people: people,
      decided_at: putOffAt,
      final_at: putOffAt,
    });
    if (cited) cite(c, insight, putOffAt);
    ladder(insight.decisionId, wakeAt, undefined);
  }
  if (!asked.decided || !decidedAt || !insight.finalAt) return;

  const { outcome, scope, cited, reason, internal, done, evidence } = asked.decided;
  const zone = c.company.timezone;
  c.add('decisions', {
    id: insight.decisionId,
    insight_id: id,
    version: 1,
    outcome,
    scope: scope ?? null,
    reason,
    internal_reason: internal ?? null,
    done_by: done === undefined ? null : localDate(after(decidedAt, (done + 2) * day), zone),
    by: decider,
    decided_at: decidedAt,
    final_at: insight.finalAt,
  });
  if (cited) cite(c, insight, decidedAt);
  if (outcome === 'declined') {
    c.close(id, 1, 'declined', after(insight.finalAt, 10 * minute), {
      by: decider,
      reason: 'everyone who asked was told',
    });
    return;
  }
  const doneAt = c.inShopHours(after(decidedAt, (done ?? 7) * day));
  if (!c.happened(doneAt)) return;
  c.add('completions', {
    decision_id: insight.decisionId,
    evidence: evidence ?? 'Done.',
    by: decider,
    completed_at: doneAt,
  });
  c.close(id, 1, 'completed', after(doneAt, minute), { by: decider, reason: 'everyone who asked was told' });
}

/** The first few whose words the decider chose. */
function cite(c: Chronicle, insight: Insight, at: Date): void {
  for (const signal of insight.signals.filter((one) => one.at < at).slice(0, 3))
    c.add('decision_evidence', { decision_id: insight.decisionId, signal_id: signal.id });
}

/** Customers, some of whom come again. */
class People {
  #chronicle: Chronicle;
  #known: Record<'email' | 'phone' | 'no_consent', string[]> = { email: [], phone: [], no_consent: [] };
  #count = 0;

  constructor(chronicle: Chronicle) {
    this.#chronicle = chronicle;
  }

  /** Somebody new where `asNew`: nobody asks for the same thing twice. */
  speak(at: Date, reach: 'email' | 'phone' | 'no_consent', asNew: boolean): string {
    const c = this.#chronicle;
    const known = this.#known[reach];
    if (!asNew && known.length > 0 && c.chance.happens(0.15)) return c.chance.pick(known);
    const id = c.id(at);
    const [first, last] = [
      firstNames[this.#count % firstNames.length]!,
      lastNames[(this.#count * 7) % lastNames.length]!,
    ];
    this.#count += 1;
    c.add('customers', { id, name: `${first} ${last}`, sample: true, created_at: at });
    const email = `${first}.${last}.${this.#count}@customers.example`.toLowerCase().replace(/[ ’']/g, '');
    const phone = `+31 6 5550 ${String(1000 + this.#count)}`;
    const identity =
      reach === 'phone'
        ? { kind: 'phone', value: phone, normalised: phone.replaceAll(' ', '') }
        : { kind: 'email', value: email, normalised: email };
    c.add('identities', { id: c.id(at), customer_id: id, ...identity, added_at: at });
    known.push(id);
    return id;
  }
}

const nothingToDo = [
  'Said in passing; there is nothing we could do about it.',
  'It is about the shop next door.',
  'They took it back a minute later.',
  'The same was captured an hour before by a colleague.',
];
const handOvers = [
  'I am away from tomorrow, and this should not wait.',
  'You know the supplier.',
  'You spoke to her last time.',
];
const lastWords = {
  yes: {
    settled: [
      'Thank you, that was quick.',
      'I did not expect an answer at all.',
      'Perfect.',
      'That is exactly what I hoped for.',
    ],
    explained: ['A pity, but thank you for saying why.', 'Clear. Thank you for being honest.'],
  },
  no: {
    settled: ['I am still waiting for the refund.', 'That was not what I asked.', 'Nobody rang.'],
    explained: ['Others in the street manage it.', 'I do not believe that is the reason.'],
  },
};
const firstNames =
  'Anna Bram Carla Daan Elif Femi Greta Hassan Ilse Jamal Katja Liam Maria Noor Otto Petra Quinn Rosa Sven Tara Umar Vera Wim Xenia Yusuf Zoë Ada Bilal Chiara Dirk Emma Farid Gerda Hugo Ines Jan Karim Lotte Milan Nadia Olga Pavel Ruth Samir Thea Uschi Victor Wanda'.split(
    ' ',
  );
const lastNames =
  'Bakker Visser Jansen Öztürk Smit Meijer Mulder Bos Vos Peters Hendriks Dekker Brouwer Dijkstra Kok Kaya Maas Verhoeven Prins Blom Huisman Peeters Kuipers Veenstra Postma Kramer Schouten Haddadi Yilmaz Koster Willems Scholten'.split(
    ' ',
  );
