import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  followsByRuleForInsight,
  followsByRuleForSignal,
  ladderPlansOfInsight,
  ladderPlansOfSignal,
  stageOfInsight,
  stageOfSignal,
  waitsMetByInsight,
  waitsMetBySignal,
  type InsightFacts,
  type SignalFacts,
} from '../../src/domain/loop.ts';

const stages = ['captured', 'review', 'acknowledge', 'answer', 'decision', 'confirmation', 'closed'];
const at = (minute: number): Date => new Date(Date.UTC(2026, 5, 12, 9, minute));
const moment = fc.integer({ min: 0, max: 600 }).map(at);
const perhaps = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });

/** Facts as they may stand in one round, told apart only by what Postgres itself enforces. */
const signals: fc.Arbitrary<SignalFacts> = fc
  .record({
    round: fc.integer({ min: 1, max: 3 }),
    round_opened_at: moment,
    verdict: perhaps(fc.constantFrom('pursue' as const, 'review' as const)),
    course: fc.constantFrom('thank' as const, 'answer' as const, 'decide' as const),
    reviewed_at: perhaps(moment),
    owner_cause: fc.constantFrom('captured', 'handed_over', 'taken'),
    owned_since: moment,
    acknowledged_at: perhaps(moment),
    answered_at: perhaps(moment),
    reach: perhaps(fc.constantFrom('email', 'phone')),
    lifted_at: perhaps(moment),
    promised_for: perhaps(moment),
    telling: perhaps(
      fc.record({ since: moment, channel: perhaps(fc.constantFrom('email', 'phone')), reached: fc.boolean() }),
    ),
    asked_at: perhaps(moment),
    could_not_be_asked: perhaps(fc.constantFrom('nobody', 'suppressed', 'failed')),
    closed_at: perhaps(moment),
  })
  .map(({ telling, ...s }) => {
    const told = telling && s.round === 1 && s.course === 'decide' ? telling : null;
    const toldAt = told && (told.channel !== 'phone' || told.reached) ? told.since : null;
    const last = s.round > 1 || s.course !== 'decide' ? s.answered_at : toldAt;
    return {
      ...s,
      id: 'signal',
      restricted: false,
      lifting_id: s.lifted_at && 'lifting',
      course: s.round > 1 ? 'answer' : s.course,
      ownership_id: 'ownership',
      follow_up_id: s.answered_at && 'follow-up',
      promised_for: s.answered_at && s.promised_for,
      telling_id: told && 'telling',
      telling_since: told && told.since,
      told_channel: told && told.channel,
      told_at: toldAt,
      asked_at: last && s.asked_at,
      could_not_be_asked: last && !s.asked_at ? s.could_not_be_asked : null,
    };
  });

const insights: fc.Arbitrary<InsightFacts> = fc
  .record({
    opened_at: moment,
    owner_cause: fc.constantFrom('opened', 'handed_over', 'taken'),
    owned_since: moment,
    acknowledged_at: perhaps(moment),
    outcome: perhaps(fc.constantFrom('adopted' as const, 'declined' as const, 'deferred' as const)),
    decided: fc.integer({ min: 0, max: 600 }),
    signals: fc.integer({ min: 0, max: 5 }),
    tellings: fc.integer({ min: 0, max: 5 }),
    completed_at: perhaps(moment),
    closed_at: perhaps(moment),
  })
  .map(({ decided, outcome, ...i }) => ({
    ...i,
    id: 'insight',
    ownership_id: 'ownership',
    outcome,
    decision_id: outcome && 'decision',
    wake_at: outcome === 'deferred' ? at(decided + 60) : null,
    done_by_end: outcome === 'adopted' ? at(decided + 5000) : null,
    decided_at: outcome && at(decided),
    final_at: outcome && at(decided + (outcome === 'deferred' ? 0 : 10)),
    completed_at: outcome === 'adopted' ? i.completed_at : null,
  }));

const untold = { told_at: null, told_channel: null, telling_id: null, telling_since: null };
const untaken = { verdict: 'pursue' as const, closed_at: null, acknowledged_at: null, answered_at: null, ...untold };

const height = (s: SignalFacts): number => stages.indexOf(stageOfSignal(s));

describe('a signal stands at exactly one stage', () => {
  test('the waits before that stage are met, and none after it', () => {
    fc.assert(
      fc.property(signals, (s) => {
        const waits = {
          reviewed: 'review',
          acknowledged: 'acknowledge',
          answered: 'answer',
          told: 'decision',
        } as const;
        const met = waitsMetBySignal(s, 0);
        for (const [wait, stage] of Object.entries(waits)) {
          expect(met.includes(wait as never)).toBe(height(s) > stages.indexOf(stage));
        }
      }),
    );
  });

  test('later facts meet earlier waits: nothing that people do takes it back a stage', () => {
    const done = fc.constantFrom<Partial<SignalFacts>>(
      { acknowledged_at: at(1) },
      { answered_at: at(2), follow_up_id: 'follow-up' },
      { told_at: at(3), told_channel: 'email', telling_id: 'telling', telling_since: at(3) },
      { closed_at: at(4) },
    );
    fc.assert(fc.property(signals, done, (s, fact) => height({ ...s, ...fact }) >= height(s)));
  });

  test('being told what was decided meets the waits for taking and answering it, too', () => {
    const told = { told_at: at(3), told_channel: 'email', telling_id: 'telling', telling_since: at(3) };
    fc.assert(
      fc.property(signals, (s) => {
        fc.pre(s.verdict === 'pursue' && !s.closed_at);
        expect(waitsMetBySignal({ ...s, ...told }, 0)).toEqual(['reviewed', 'acknowledged', 'answered', 'told']);
      }),
    );
  });

  test('the customer’s last word is waited for until it comes: only another round meets that wait', () => {
    fc.assert(
      fc.property(signals, fc.integer({ min: 0, max: 3 }), (s, known) => {
        expect(waitsMetBySignal(s, known).includes('confirmed')).toBe(known > 0 && s.round > known);
      }),
    );
  });
});

describe('nothing dies of silence', () => {
  test('our silence never closes: a window runs only once the customer has been asked', () => {
    fc.assert(
      fc.property(signals, (s) => {
        const window = ladderPlansOfSignal(s).filter((plan) => plan.ladder === 'window');
        if (window.length > 0) expect([stageOfSignal(s), s.asked_at]).toEqual(['confirmation', expect.any(Date)]);
      }),
    );
  });

  test('nor does their silence while they let it rest: what goes on afterwards has the whole window', () => {
    fc.assert(
      fc.property(signals, (s) => {
        const [before] = ladderPlansOfSignal({ ...s, lifted_at: null, lifting_id: null });
        fc.pre(before?.ladder === 'window');
        const lifted = { lifted_at: at(700), lifting_id: 'lifting' };
        expect(ladderPlansOfSignal({ ...s, ...lifted })).toEqual([{ ...before, occasion: 'lifting', from: at(700) }]);
        // What was lifted before they were asked changes nothing.
        expect(ladderPlansOfSignal({ ...s, ...lifted, lifted_at: at(-1) })).toEqual([before]);
      }),
    );
  });

  test('an open signal climbs a ladder, ends by rule, or waits for something that can be named', () => {
    fc.assert(
      fc.property(signals, (s) => {
        const stage = stageOfSignal(s);
        const climbs = ladderPlansOfSignal(s).length > 0;
        const byRule = followsByRuleForSignal(s) !== undefined;
        const waitsForOthers = {
          captured: true, // to be read by rule, at once
          review: false,
          acknowledge: false,
          answer: false,
          decision: !s.promised_for && s.told_channel !== 'phone', // its insight climbs
          confirmation: !s.asked_at, // its last letter is on the way, held, or in doubt
          closed: true,
        }[stage];
        expect(climbs || byRule || waitsForOthers).toBe(true);
        if (stage === 'closed' || stage === 'captured') expect(climbs).toBe(false);
      }),
    );
  });

  test('whoever has nobody to reach is not asked to answer, and is asked to take it all the same', () => {
    fc.assert(
      fc.property(signals, (given) => {
        const s = { ...given, ...untaken, reach: null };
        expect(ladderPlansOfSignal(s).map((plan) => plan.wait)).toEqual(['acknowledged']);
        expect(followsByRuleForSignal({ ...s, acknowledged_at: at(1) })).toBe('nobody_to_answer');
      }),
    );
  });

  test('a new holder’s clock begins with them, and the customer’s stays where it was', () => {
    fc.assert(
      fc.property(signals, moment, (given, since) => {
        const s = { ...given, ...untaken, reach: 'email' };
        const [holder, customer] = ladderPlansOfSignal({ ...s, ownership_id: 'next', owned_since: since });
        expect([holder?.occasion, holder?.from]).toEqual(['next', since]);
        expect(customer).toEqual(ladderPlansOfSignal(s)[1]);
      }),
    );
  });

  test('whoever is handed what nobody has read yet is called, beside those who were called to read it', () => {
    fc.assert(
      fc.property(signals, (given) => {
        const s = { ...given, ...untaken, verdict: 'review' as const, round_opened_at: at(0), owned_since: at(5) };
        const waits = (cause: string) => ladderPlansOfSignal({ ...s, owner_cause: cause }).map(({ wait }) => wait);
        expect([waits('captured'), waits('handed_over')]).toEqual([['reviewed'], ['reviewed', 'acknowledged']]);
      }),
    );
  });

  test('a promise that falls due is counted from its day', () => {
    fc.assert(
      fc.property(signals, moment, (given, promised) => {
        const answered = { answered_at: at(1), follow_up_id: 'follow-up', promised_for: promised };
        const s = { ...given, ...untaken, ...answered, round: 1, course: 'decide' as const };
        // Whoever has been given it since has a clock of their own.
        expect(ladderPlansOfSignal({ ...s, owner_cause: 'taken' })).toEqual([
          expect.objectContaining({ ladder: 'promising', from: s.promised_for }),
        ]);
      }),
    );
  });
});

describe('an insight stands at exactly one stage', () => {
  test('an open one climbs, is being told, can still be taken back, or is finished by rule', () => {
    fc.assert(
      fc.property(insights, moment, (i, now) => {
        const stage = stageOfInsight(i, now);
        const climbs = ladderPlansOfInsight(i, now).length > 0;
        expect(climbs).toBe(stage === 'decide' || stage === 'complete');
        expect(followsByRuleForInsight(i, now)).toBe(stage === 'finish' ? 'finished' : undefined);
      }),
    );
  });

  test('nobody is told while a decision can be taken back', () => {
    fc.assert(
      fc.property(insights, moment, (i, now) => {
        if (i.outcome === null || i.outcome === 'deferred' || i.final_at! <= now || i.closed_at) return;
        expect([stageOfInsight(i, now), waitsMetByInsight(i, now)]).toEqual(['undo', []]);
      }),
    );
  });

  test('putting it off does not end the wait: it is counted anew, from the date on which it wakes', () => {
    fc.assert(
      fc.property(insights, moment, (i, now) => {
        fc.pre(i.outcome === 'deferred' && !i.closed_at);
        expect(waitsMetByInsight(i, now)).toEqual([]);
        expect(ladderPlansOfInsight(i, now)[0]).toMatchObject({
          wait: 'decided',
          occasion: 'decision',
          from: i.wake_at,
        });
      }),
    );
  });

  test('it is finished only when everyone who asked has been told, and what was promised is done', () => {
    fc.assert(
      fc.property(insights, moment, (i, now) => {
        if (stageOfInsight(i, now) !== 'finish') return;
        expect(i.tellings).toBeGreaterThanOrEqual(i.signals);
        if (i.outcome === 'adopted') expect(i.completed_at).not.toBeNull();
      }),
    );
  });
});
