/** One loop, in the same words from both sides. */

import { expect } from '@jest/globals';
import {
  dueOf,
  isJoinable,
  owedBy,
  reachedNobody,
  signalsOf,
  stageOfInsight,
  stageOfSignal,
  type Insight,
  type Model,
  type Signal,
} from './model.ts';
import { timeOf, type Facts, type Reality } from './reality.ts';

/** Throws where what happened is not what was promised, with the difference. */
export async function compare(m: Model, real: Reality): Promise<void> {
  const facts = await real.facts();
  const of = (id: string | undefined): Facts | undefined => facts.find((each) => each.id === id);
  for (const i of m.insights.slice(real.insights.length)) {
    const first = signalsOf(m, i)[0];
    real.insights.push((first && of(real.signals[first.n])?.insight[0]) ?? 'none');
  }
  const loops = [...m.signals, ...m.insights];
  const ids = [...m.signals.map(({ n }) => real.signals[n]), ...m.insights.map(({ n }) => real.insights[n])];
  expect(ids.map((id) => seen(of(id), m, real))).toEqual(loops.map((loop) => promised(loop, m)));
  expect(facts).toHaveLength(loops.length);
}

function promised(loop: Signal | Insight, m: Model) {
  const isSignal = 'asks' in loop;
  const stage = isSignal ? stageOfSignal(m, loop) : stageOfInsight(m, loop);
  return {
    loop: `${isSignal ? 'signal' : 'insight'} ${loop.n}`,
    answerable: [loop.owner],
    taken: loop.taken,
    round: `${loop.round}, level ${loop.level}`,
    closed: loop.closings,
    // While nobody works, nothing follows: nobody is told, and no story stands anywhere.
    ...(m.working && {
      stage,
      ladders: climbed(loop.plans),
      looksAgain: stage === 'closed' ? 'never' : 'in time',
    }),
    prompts: loop.prompts.map(mayWait).sort(),
    ...(isSignal
      ? {
          answers: loop.answers,
          says: [...loop.says].sort(),
          calls: loop.calls.map(({ outcome }) => outcome),
          heard: loop.heard.map((h) => `insight ${h.insight}, version ${h.version}: ${h.telling?.how ?? h.whyNot}`),
          letters: m.letters
            .filter(({ signal }) => signal === loop.n)
            .map(({ what, state }) => `${what} ${state}`)
            .sort(),
          news: Object.values(m.news)
            .filter(({ signal }) => signal === loop.n)
            .map(mayWait)
            .sort(),
          notices: m.notices
            .filter(({ signal }) => signal === loop.n)
            .map(mayWait)
            .sort(),
          // Read only where it may differ from the way to them: it takes Postgres its time.
          owedBy:
            !loop.closed && m.letters.some((letter) => letter.signal === loop.n && reachedNobody(letter))
              ? owedBy(m, loop)
              : null,
          insight: loop.insight === null ? [] : [`insight ${loop.insight}`],
        }
      : {
          decisions: loop.decisions.map(
            ({ version, outcome, by, takenBack, done }) =>
              `${version}: ${outcome} by ${by}${takenBack ? ', taken back' : ''}${done ? ', done' : ''}`,
          ),
          canBeJoined: isJoinable(m, loop),
        }),
  };
}

function seen(f: Facts | undefined, m: Model, real: Reality): ReturnType<typeof promised> | undefined {
  if (!f) return undefined;
  const isSignal = f.kind === 'signal';
  const n = (isSignal ? real.signals : real.insights).indexOf(f.id);
  const insight = (id: string): string => `insight ${real.insights.indexOf(id)}`;
  const sleeps = real.stories.asleep(f.id);
  const due = dueOf(m, isSignal ? m.signals[n]! : m.insights[n]!);
  const inTime = sleeps && sleeps.until <= timeOf(due) + 60_000;
  return {
    loop: `${f.kind} ${n}`,
    answerable: f.holders as Signal['owner'][],
    taken: f.taken,
    round: `${f.round}, level ${f.level}`,
    closed: f.closings,
    ...(m.working && {
      stage: sleeps ? sleeps.shows.Stage : 'closed',
      ladders: climbed(f.plans),
      looksAgain: sleeps ? (inTime ? 'in time' : `too late, at ${new Date(sleeps.until).toISOString()}`) : 'never',
    }),
    prompts: f.prompts.map(mayWait).sort(),
    ...(isSignal
      ? {
          answers: f.answers,
          says: [...f.says].sort(),
          calls: f.calls as Signal['calls'][number]['outcome'][],
          heard: f.heard.map((h) => `${insight(h.insight)}, version ${h.version}: ${h.how}`),
          letters: f.letters.map(({ what, state }) => `${what} ${letterStates[state] ?? state}`).sort(),
          news: f.news.map(mayWait).sort(),
          notices: f.notices.map(mayWait).sort(),
          owedBy: f.owedBy,
          insight: f.insight.map(insight),
        }
      : {
          decisions: f.decisions.map(
            ({ version, outcome, by, takenBack, done }) =>
              `${version}: ${outcome} by ${by}${takenBack ? ', taken back' : ''}${done ? ', done' : ''}`,
          ),
          canBeJoined: f.joinable,
        }),
  };
}

const mayWait = ({ to, waits }: { to: string; waits: boolean }): string => `${to}, ${waits ? 'not void' : 'void'}`;
const letterStates: Record<string, string> = {
  failed: 'refused',
  suppressed: 'kept back',
  cancelled: 'void',
  expired: 'void',
};

/** A ladder that was replaced before anybody was told is nobody's concern. */
const climbed = (plans: { round: number; wait: string; taken: number }[]): string[] =>
  plans
    .filter(({ taken }) => taken > 0)
    .map(({ round, wait, taken }) => `${round}: until ${wait}, rungs taken ${taken}`)
    .sort();
