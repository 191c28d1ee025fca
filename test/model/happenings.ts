/** Each happening as a command of fast-check: it happens to the model and to what is real, all that follows from it happens, and both are compared. */

import { expect } from '@jest/globals';
import fc from 'fast-check';
import { acts, aim, deathInWords, inWords, mortals, type Act, type Aim, type Death, type Event } from './acts.ts';
import { compare } from './compare.ts';
import { doAct, follow, nextDue, type MailServer, type Model } from './model.ts';
import type { Reality } from './reality.ts';
import { count } from './tally.ts';

const said = (act: string, outcome: unknown) => ({ act, outcome });

export type Happening = fc.AsyncCommand<Model, Reality>;

/** Somebody acts; then everything that follows from it happens, and both are compared. */
export class Acting implements Happening {
  readonly act: Act;
  readonly death: Death | undefined;
  readonly at: Aim;
  words: string;

  constructor([act, death, at]: [Act, Death | undefined, Aim]) {
    this.at = at;
    this.act = act;
    this.death = death;
    this.words = inWords(act);
  }

  check(m: Readonly<Model>): boolean {
    return aim(this.act, m, this.at) !== undefined;
  }

  async run(m: Model, real: Reality): Promise<void> {
    const act = aim(this.act, m, this.at)!;
    this.words = inWords(act) + (this.death ? `, and ${deathInWords(this.death)}` : '');
    const draft = structuredClone(m);
    const isTaken = doAct(draft, act);
    const before = isTaken ? undefined : await real.count();
    const outcome = await real.perform(act, this.death);
    count(act.verb, isTaken);
    if ('signal' in act && m.signals[act.signal]!.erased && act.verb !== 'erase')
      count('about somebody erased', isTaken);
    expect(said(this.words, 'refused' in outcome ? `refused: ${outcome.refused}` : 'taken')).toEqual(
      said(this.words, isTaken ? 'taken' : expect.stringContaining('refused')),
    );
    if ('refused' in outcome) {
      expect(outcome.refused).toMatch(/^[A-Z“"’\d].*[.!?]$/s);
      expect(await real.count()).toBe(before);
    } else Object.assign(m, draft);
    // Erasing is no press: pressed again is what was pressed before it, which is gone when it was about whoever was erased.
    if (act.verb !== 'erase') m.last = { act, about: aboutOf(act, m), isTaken };
    await settle(m, real, { death: this.death });
  }

  toString(): string {
    return this.words;
  }
}

export class Happens implements Happening {
  readonly event: Event;

  constructor(event: Event) {
    this.event = event;
  }

  check(m: Readonly<Model>): boolean {
    if (this.event.event === 'the workers stop') return m.working;
    if (this.event.event === 'the workers start') return !m.working;
    if (this.event.event === 'the same press again') return m.last !== null;
    const mail = mailServers[this.event.event];
    return mail ? m.mail !== mail : m.signals.length > 0;
  }

  async run(m: Model, real: Reality): Promise<void> {
    const event = this.event;
    count(event.event);
    switch (event.event) {
      case 'time passes':
        return pass(m, real, event.minutes);
      case 'the workers stop':
        m.working = false;
        return;
      case 'the workers start':
        m.working = true;
        return settle(m, real, event);
      case 'Temporal is lost':
        await real.loseTemporal();
        return settle(m, real);
      case 'histories are long':
        real.stories.growLong();
        return;
      case 'the mail server takes letters':
      case 'the mail server refuses letters':
      case 'the mail server knows nobody':
        m.mail = real.mail.now = mailServers[event.event]!;
        return;
      case 'the same press again': {
        const before = await real.count();
        const { act, about, isTaken: wasTaken } = m.last!;
        const isGone = wasTaken && about !== undefined && m.signals[about]!.erased;
        const draft = structuredClone(m);
        // What was taken counts once. What was refused left nothing behind, its press neither, and may be taken now.
        const isTaken = !wasTaken && doAct(draft, act);
        const again = await real.pressAgain();
        if (isGone) expect(again).toEqual({ refused: expect.stringContaining('has been erased') });
        else if (wasTaken) expect('replayed' in again && (again.replayed || again.sentence === '')).toBe(true);
        else expect(said(inWords(act), 'replayed' in again)).toEqual(said(inWords(act), isTaken));
        if (isTaken) Object.assign(m, draft, { last: { act, about, isTaken } });
        else if (!('replayed' in again) || again.replayed) expect(await real.count()).toBe(before);
        return settle(m, real);
      }
    }
  }

  toString(): string {
    return inWords(this.event);
  }
}

const mailServers: Partial<Record<Event['event'], MailServer>> = {
  'the mail server takes letters': 'takes letters',
  'the mail server refuses letters': 'refuses letters',
  'the mail server knows nobody': 'knows nobody',
};

/** The signal that a press is about. A capture is about the one it made; what is done from within a letter is no press. */
function aboutOf(act: Act, m: Model): number | undefined {
  if (act.verb === 'capture') return m.signals.length - 1;
  return 'signal' in act && act.verb !== 'disavow' ? act.signal : undefined;
}

/** How many transactions may come before the one at which it dies. */
const mostBefore: Record<Death['who'], number> = { 'their connection': 0, 'a worker': 12, 'a worker with a letter': 0 };
const deaths = fc.oneof(
  { withCrossShrink: true },
  { weight: 8, arbitrary: fc.constant(undefined) },
  ...mortals.map((who) => ({
    weight: 1,
    arbitrary: fc.record({ who: fc.constant(who), at: fc.nat({ max: mostBefore[who] }), committed: fc.boolean() }),
  })),
);
const mostlyOpen = fc.oneof(
  { weight: 7, arbitrary: fc.constant<Aim>('what is open') },
  { weight: 1, arbitrary: fc.constant<Aim>('anything') },
);
const acting = (act: fc.Arbitrary<Act>, at: fc.Arbitrary<Aim> = mostlyOpen): fc.Arbitrary<Happening> =>
  fc.tuple(act, deaths, at).map((given) => new Acting(given));
const happens = (event: fc.Arbitrary<Event>): fc.Arbitrary<Happening> => event.map((each) => new Happens(each));
const minutes = fc.constantFrom(5, 11, 60, 5 * 60, 24 * 60, 3 * 24 * 60);
const often = <T>(times: number, ...arbitraries: T[]): T[] => Array.from({ length: times }, () => arbitraries).flat();
export const aboutSignals = fc.oneof(
  ...(['acknowledge', 'hand over', 'answer', 'call', 'dismiss', 'review', 'confirm', 'vouch', 'disavow'] as const).map(
    (verb) => acts[verb],
  ),
);
export const aboutInsights = fc.oneof(
  ...(['acknowledge insight', 'hand over insight', 'decide', 'take back', 'complete'] as const).map(
    (verb) => acts[verb],
  ),
);
export const happenings: fc.Arbitrary<Happening>[] = [
  ...often(6, acting(acts.capture)),
  ...often(
    2,
    ...(
      [
        'acknowledge',
        'hand over',
        'answer',
        'call',
        'review',
        'join',
        'decide',
        'decide',
        'confirm',
        'confirm',
        'vouch',
      ] as const
    ).map((verb) => acting(acts[verb])),
  ),
  ...(
    ['acknowledge insight', 'hand over insight', 'take back', 'take back', 'complete', 'complete', 'answer'] as const
  ).map((verb) => acting(acts[verb])),
  acting(fc.oneof(acts.dismiss, acts.stop, acts.disavow)),
  acting(acts.erase),
  ...often(2, acting(aboutSignals, fc.constant<Aim>('what was erased'))),
  ...often(5, happens(minutes.map((each): Event => ({ event: 'time passes', minutes: each })))),
  happens(fc.constant<Event>({ event: 'the workers stop' })),
  // It is well again sooner than it was not: most letters are to arrive.
  happens(
    fc.constantFrom<Event>({ event: 'the mail server refuses letters' }, { event: 'the mail server knows nobody' }),
  ),
  ...often(3, happens(fc.constant<Event>({ event: 'the mail server takes letters' }))),
  ...often(2, happens(fc.boolean().map((insightsFirst): Event => ({ event: 'the workers start', insightsFirst })))),
  happens(
    fc.constantFrom<Event>(
      { event: 'Temporal is lost' },
      { event: 'histories are long' },
      { event: 'the same press again' },
    ),
  ),
];

async function pass(m: Model, real: Reality, minutes: number): Promise<void> {
  const target = m.now + minutes;
  while (m.now < target) {
    const next = m.working ? Math.min(nextDue(m), target) : target;
    await real.pass(next - m.now);
    m.now = next;
    await settle(m, real);
  }
}

async function settle(
  m: Model,
  real: Reality,
  how: { insightsFirst?: boolean; death?: Death | undefined } = {},
): Promise<void> {
  if (m.working) {
    await real.settle(how);
    follow(m, how.insightsFirst);
  }
  await compare(m, real);
}
