/** What is known of each loop that was begun: what its customer said, through which door staff take it up and who of them, and what the customer
 *  will say. */

import { chanceOf } from './chance.ts';

export type Door = 'api' | 'slack' | 'mail';

/** Handed over before anybody takes it; ended without action; or its customer asks that everything of theirs be erased, or rest for a while. */
export type Fate = 'handed over' | 'dismissed' | 'erased' | 'restricted';

/** What is typed for a customer: that everything of theirs be erased, that it rest, or that it go on. */
export type Verb = 'erase' | 'restrict' | 'lift';

export interface Loop {
  nth: number;
  key: string;
  body: Record<string, unknown>;
  door: Door;
  /** What the customer does once they are asked. */
  customer: 'yes' | 'no' | 'silent' | 'stop' | 'not me';
  /** Whoever is asked first lets it climb. */
  climbs: boolean;
  /** Nobody takes it up but whoever an escalation names: where nothing climbs it stays open. By the API alone. */
  onlyEscalated: boolean;
  fate: Fate | undefined;
  /** They agreed to a call and not to letters: how the first one goes. */
  phone: 'reached' | 'no_reply' | 'wrong_number' | undefined;
  /** What is theirs alone, and must be found nowhere once they are erased. */
  canaries: readonly string[];
  /** Known once it was accepted. */
  id?: string;
  reference?: string;
  acceptedAt?: number;
}

const places = ['high-street', 'station', 'harbour'] as const;
const capturers = { 'high-street': 'mina', station: 'luca', harbour: 'aisha' } as const;
const items = ['coat', 'jacket', 'dress', 'jumper', 'scarf', 'shirt', 'socks', 'trousers'];
const colours = ['beige', 'black', 'blue', 'brown', 'green', 'grey', 'navy', 'red', 'teal', 'white', 'yellow'];
/** Of each hundred. */
const fates: readonly (readonly [Fate, number])[] = [
  ['handed over', 10],
  ['dismissed', 2],
  ['erased', 2],
  ['restricted', 1],
];

/** The nth loop of a seed: always the same. */
export function loopOf(seed: number, nth: number): Loop {
  const chance = chanceOf(seed, `loop ${nth}`);
  const fate = fateOf(seed, nth);
  const place = chance.one(places);
  const drawn = chance.weighed({
    question: 38,
    complaint: 12,
    praise: 10,
    'unmet-demand': 25,
    unsure: 6,
    noise: 4,
    nobody: 5,
  });
  // What nobody said has nobody to ask anything of us, and what can't be read is over at once.
  const kind = fate && (drawn === 'nobody' || drawn === 'noise') ? 'question' : drawn;
  const item = chance.one(items);
  const colour = chance.one(colours);
  const words: Record<typeof kind, string> = {
    question: `Number ${nth}: how much is the ${item}?`,
    complaint: `Number ${nth}: my ${item} was torn.`,
    praise: `Number ${nth}: everybody was so kind about the ${item}.`,
    'unmet-demand': `Number ${nth}: do you have the ${item} in ${colour}?`,
    unsure: `Number ${nth}: well, the ${item}.`,
    noise: '…',
    nobody: `Number ${nth}: when do you open?`,
  };
  const known = kind !== 'nobody' && kind !== 'noise';
  // Who is asked in Slack at the one place is asked by e-mail at the others.
  const door = chance.weighed(
    place === 'high-street' ? { api: 40, slack: 60, mail: 0 } : { api: 40, slack: 0, mail: 60 },
  );
  const customer = chance.weighed({ yes: 70, no: 10, silent: 14, stop: 4, 'not me': 2 });
  const climbs = chance.next() < 0.15;
  const isAnswered = kind === 'question' || kind === 'complaint';
  const onlyEscalated = chance.next() < 0.3 && isAnswered && door === 'api' && !fate;
  const isCalled = chance.next() < 0.1 && known;
  const phone = isCalled ? chance.weighed({ reached: 70, no_reply: 20, wrong_number: 10 }) : undefined;

  const mailbox = `customer-${nth}@`;
  const canary = fate === 'erased' ? `heron${seed}n${nth}x` : undefined;
  const marked = (text: string): string => (canary ? `${text} ${canary}` : text);
  // Half of them want something that no vocabulary has a word for.
  const attributes = { colour, ...(canary && nth % 2 === 0 && { cut: canary }) };
  return {
    nth,
    key: `prove-${seed}-${nth}`,
    body: {
      words: marked(words[kind]),
      place,
      by: capturers[place],
      ...(['question', 'complaint', 'praise', 'unmet-demand'].includes(kind) && { kind }),
      ...(kind === 'unmet-demand' && { wanted: { item, attributes } }),
      ...(canary && { note: marked('They are called') }),
      ...(known && {
        customer: {
          name: marked(`Customer ${nth}`),
          email: `${mailbox}example.com`,
          ...(phone && { phone: `+31 6 ${10_000_000 + nth}` }),
        },
        consent: [{ purpose: 'follow_up', channel: phone ? 'phone' : 'email', wording: '2026-06' }],
      }),
    },
    // A dismissal comes before any answer, and whoever presses might be faster.
    door: fate === 'dismissed' ? 'api' : door,
    customer,
    climbs,
    onlyEscalated,
    fate,
    phone,
    canaries: canary ? [canary, mailbox] : [],
  };
}

/** So many of each hundred, spread over it from where the seed says: by chance alone a small proof might have none of the rare ones. */
function fateOf(seed: number, nth: number): Fate | undefined {
  let at = (nth * 37 + chanceOf(seed, 'fates').below(100)) % 100;
  return fates.find(([, share]) => (at -= share) < 0)?.[0];
}

/** Whether an insight is taken up by the API: one of three. The others are, where their decider is asked. */
export const isForApi = (id: string): boolean => Number.parseInt(id.slice(-4), 16) % 3 === 0;

/** What was begun, by its number, its id and the reference people say. */
export class Loops {
  readonly byId = new Map<string, Loop>();
  readonly byReference = new Map<string, Loop>();
  /** Those whose customers ask that it be erased, or rest, in the order in which they were accepted. */
  readonly wishes: Loop[] = [];
  /** Those whose customers have asked for that by now, whatever came of it. */
  readonly asked: Readonly<Record<Verb, Set<Loop>>> = { erase: new Set(), restrict: new Set(), lift: new Set() };

  accepted(loop: Loop, id: string, reference: string): void {
    loop.id = id;
    loop.reference = reference;
    loop.acceptedAt = performance.now();
    this.byId.set(id, loop);
    this.byReference.set(reference, loop);
    if (loop.fate === 'erased' || loop.fate === 'restricted') this.wishes.push(loop);
  }

  /** The ids of those that are left to whoever an escalation names. */
  onlyEscalated(): string[] {
    return [...this.byId].filter(([, loop]) => loop.onlyEscalated).map(([id]) => id);
  }
}
