/** What people do to loops, and what befalls them: as data, in words, and drawn at random. */

import fc from 'fast-check';
import { doAct, type Asks, type MailServer, type Model, type Person } from './model.ts';

export type Act =
  | { verb: 'capture'; asks: Asks; customer: number | null; agreed: ('email' | 'phone')[]; by: Person | null }
  | { verb: 'acknowledge'; signal: number; by: Person }
  | { verb: 'hand over'; signal: number; by: Person; to: Person }
  | { verb: 'answer'; signal: number; by: Person; promise: number | null; final: boolean }
  | {
      verb: 'call';
      signal: number;
      by: Person;
      outcome: 'reached' | 'no_reply' | 'wrong_number';
      promise: number | null;
    }
  | { verb: 'dismiss'; signal: number; by: Person }
  | { verb: 'review'; signal: number; by: Person; as: 'thank' | 'answer' | 'decide' | 'dismiss' }
  | { verb: 'join'; signal: number; by: Person; insight: number }
  | { verb: 'confirm'; signal: number; says: 'yes' | 'no'; by: Person | null }
  | { verb: 'stop'; customer: number }
  /** That the address is right, at which mail has bounced. */
  | { verb: 'vouch'; signal: number; by: Person }
  | { verb: 'disavow'; signal: number }
  /** Whoever said it, with all that they said. */
  | { verb: 'erase'; signal: number }
  | { verb: 'acknowledge insight'; insight: number; by: Person }
  | { verb: 'hand over insight'; insight: number; by: Person; to: Person }
  | {
      verb: 'decide';
      insight: number;
      by: Person;
      outcome: 'adopted' | 'declined' | 'deferred';
      /** From today: by when it is done, or looked at again. */
      days: number;
      people: number | null;
    }
  | { verb: 'take back'; insight: number; by: Person }
  | { verb: 'complete'; insight: number; by: Person };

/** What happens to all of us. */
export type Event =
  | { event: 'time passes'; minutes: number }
  | { event: 'the workers stop' }
  | { event: 'the workers start'; insightsFirst: boolean }
  | { event: 'Temporal is lost' }
  | { event: 'histories are long' }
  | { event: `the mail server ${MailServer}` }
  | { event: 'the same press again' };

export const mortals = ['their connection', 'a worker', 'a worker with a letter'] as const;

/** One of them dies at its so manieth transaction, before or after it is committed: the connection of whoever acts, who sends the same press again;
 *  a worker that follows what the act led to; one that has taken up a letter, of which nothing has left. */
export interface Death {
  who: (typeof mortals)[number];
  at: number;
  committed: boolean;
}

export const deathInWords = ({ who, at, committed }: Death): string =>
  `${who} dies ${committed ? 'after' : 'before'} commit ${at + 1}`;

const customers = ['Kim', 'Lee', 'Ana'] as const;
export const nameOf = (customer: number): string => customers[customer]!;

/** Numbers are drawn freely and mean the one that they come to among those there are. */
const some = fc.nat({ max: 11 });
const colleague = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('jonas' as const, 'priya' as const) },
  { weight: 2, arbitrary: fc.constantFrom('mina' as const, 'tomas' as const, 'ingrid' as const) },
  { weight: 1, arbitrary: fc.constant('luca' as const) },
);
const decider = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('tomas' as const, 'ingrid' as const) },
  { weight: 1, arbitrary: fc.constant('priya' as const) },
);
const days = fc.oneof(
  { weight: 6, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.integer({ min: -1, max: 2 }) },
);
export const rarely = fc.oneof(
  { weight: 7, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);
const ways: ('email' | 'phone')[][] = [
  ['email'],
  ['email'],
  ['email'],
  ['email', 'phone'],
  ['email', 'phone'],
  ['phone'],
  [],
];
const verb = <V extends Act['verb']>(name: V) => fc.constant(name);
const signal = some;
const insight = some;

export const acts: Record<Act['verb'], fc.Arbitrary<Act>> = {
  capture: fc.record({
    verb: verb('capture'),
    asks: fc.oneof(
      { weight: 5, arbitrary: fc.constantFrom('coat' as const) },
      { weight: 4, arbitrary: fc.constantFrom('scarf' as const, 'question' as const, 'unclear' as const) },
      { weight: 1, arbitrary: fc.constantFrom('praise' as const, 'noise' as const) },
    ),
    customer: fc.oneof(
      { weight: 5, arbitrary: fc.nat({ max: customers.length - 1 }) },
      { weight: 1, arbitrary: fc.constant(null) },
    ),
    agreed: fc.constantFrom(...ways),
    by: fc.constantFrom('mina' as const, 'jonas' as const, null),
  }),
  acknowledge: fc.record({ verb: verb('acknowledge'), signal, by: colleague }),
  'hand over': fc.record({ verb: verb('hand over'), signal, by: colleague, to: colleague }),
  answer: fc.record({ verb: verb('answer'), signal, by: colleague, promise: days, final: rarely }),
  call: fc.record({
    verb: verb('call'),
    signal,
    by: colleague,
    outcome: fc.constantFrom('reached' as const, 'no_reply' as const, 'wrong_number' as const),
    promise: days,
  }),
  dismiss: fc.record({ verb: verb('dismiss'), signal, by: colleague }),
  review: fc.record({
    verb: verb('review'),
    signal,
    by: colleague,
    as: fc.constantFrom('decide' as const, 'answer' as const, 'thank' as const, 'dismiss' as const),
  }),
  join: fc.record({ verb: verb('join'), signal, by: colleague, insight }),
  confirm: fc.record({
    verb: verb('confirm'),
    signal,
    says: fc.constantFrom('no' as const, 'yes' as const),
    by: fc.constantFrom(null, 'jonas' as const),
  }),
  stop: fc.record({ verb: verb('stop'), customer: fc.nat({ max: customers.length - 1 }) }),
  vouch: fc.record({ verb: verb('vouch'), signal, by: colleague }),
  disavow: fc.record({ verb: verb('disavow'), signal }),
  erase: fc.record({ verb: verb('erase'), signal }),
  'acknowledge insight': fc.record({ verb: verb('acknowledge insight'), insight, by: decider }),
  'hand over insight': fc.record({ verb: verb('hand over insight'), insight, by: decider, to: decider }),
  decide: fc.record({
    verb: verb('decide'),
    insight,
    by: decider,
    outcome: fc.constantFrom('adopted' as const, 'declined' as const, 'deferred' as const),
    days: fc.integer({ min: -1, max: 3 }),
    people: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
  }),
  'take back': fc.record({ verb: verb('take back'), insight, by: decider }),
  complete: fc.record({ verb: verb('complete'), insight, by: decider }),
};

/** What acts are about: the first signal and insight, from the drawn ones on, about which it would be taken; the drawn ones themselves, come
 *  what may; a signal whose customer was erased. */
export type Aim = 'what is open' | 'anything' | 'what was erased';

/** The act about what is there. Undefined where there is nothing to aim at. */
export function aim(act: Act, m: Model, at: Aim): Act | undefined {
  if (at === 'what was erased') {
    const erased = m.signals.flatMap((signal, n) => (signal.erased ? [n] : []));
    return 'signal' in act && erased.length > 0 ? { ...act, signal: erased[act.signal % erased.length]! } : undefined;
  }
  const drawn = aimed(act, m);
  if (!drawn || at === 'anything') return drawn;
  const most = Math.max('signal' in act ? m.signals.length : 1, 'insight' in act ? m.insights.length : 1);
  const others = Array.from({ length: most }, (_, n) =>
    aimed(
      {
        ...act,
        ...('signal' in act && { signal: act.signal + n }),
        ...('insight' in act && { insight: act.insight + n }),
      },
      m,
    ),
  );
  return others.find((other) => other && doAct(structuredClone(m), other));
}

function aimed<A extends Act>(act: A, m: Model): A | undefined {
  const aimed = { ...act };
  if (aimed.verb === 'stop' && !m.signals.some(({ customer }) => customer === aimed.customer)) return undefined;
  if ('signal' in aimed) {
    if (m.signals.length === 0) return undefined;
    aimed.signal %= m.signals.length;
  }
  if ('insight' in aimed) {
    if (m.insights.length === 0) return undefined;
    aimed.insight %= m.insights.length;
  }
  return aimed;
}

/** "jonas hands signal 2 over to priya" */
export function inWords(act: Act | Event): string {
  if ('event' in act) {
    if (act.event === 'time passes') return `${spanOf(act.minutes)} pass`;
    if (act.event === 'the workers start') return `the workers start${act.insightsFirst ? ', insights first' : ''}`;
    return act.event;
  }
  const where = 'signal' in act ? `signal ${act.signal}` : 'insight' in act ? `insight ${act.insight}` : '';
  switch (act.verb) {
    case 'capture': {
      const who = act.customer === null ? 'somebody' : nameOf(act.customer);
      const agreed = act.customer === null ? '' : `, who agreed to ${act.agreed.join(' and ') || 'nothing'}`;
      return `${act.by ?? 'a device'} captures ${who}${agreed}: ${act.asks}`;
    }
    case 'hand over':
    case 'hand over insight':
      return `${act.by} hands ${where} over to ${act.to}`;
    case 'answer':
      return `${act.by} answers ${where}${promised(act.promise)}${act.final ? ', finally' : ''}`;
    case 'call':
      return `${act.by} calls about ${where}: ${act.outcome.replace('_', ' ')}${promised(act.promise)}`;
    case 'review':
      return `${act.by} reads ${where}: ${act.as}`;
    case 'join':
      return `${act.by} joins ${where} to insight ${act.insight}`;
    case 'confirm':
      return `${act.by ?? 'the customer'} says ${act.says} to ${where}`;
    case 'stop':
      return `${nameOf(act.customer)} says stop`;
    case 'vouch':
      return `${act.by} vouches for the address behind ${where}`;
    case 'disavow':
      return `${where} was not me`;
    case 'erase':
      return `whoever said ${where} is erased`;
    case 'decide': {
      const until = act.people === null || act.outcome !== 'deferred' ? '' : ` or until ${act.people} people`;
      return `${act.by} decides ${where}: ${act.outcome}${act.outcome === 'declined' ? '' : `, in ${act.days} days`}${until}`;
    }
    case 'acknowledge':
    case 'acknowledge insight':
      return `${act.by} takes ${where}`;
    case 'take back':
      return `${act.by} takes the decision on ${where} back`;
    case 'dismiss':
      return `${act.by} dismisses ${where}`;
    case 'complete':
      return `${act.by} says that ${where} is done`;
  }
}

const promised = (promise: number | null): string => (promise === null ? '' : `, promising in ${promise} days`);

function spanOf(minutes: number): string {
  return minutes % 1440 === 0
    ? `${minutes / 1440} days`
    : minutes % 60 === 0
      ? `${minutes / 60} hours`
      : `${minutes} minutes`;
}

export const kindOf: Record<Asks, string> = {
  coat: 'unmet-demand',
  scarf: 'wish',
  question: 'question',
  praise: 'praise',
  unclear: 'other',
  noise: 'other',
};
