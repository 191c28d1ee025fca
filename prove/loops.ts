/** What is known of each loop that was begun: what its customer said, through which door staff take it up and who of them, and what the customer
 *  will say. */

import { chanceOf } from './chance.ts';

export type Door = 'api' | 'slack' | 'mail';

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
  /** Known once it was accepted. */
  id?: string;
  reference?: string;
}

const places = ['high-street', 'station', 'harbour'] as const;
const capturers = { 'high-street': 'mina', station: 'luca', harbour: 'aisha' } as const;
const items = ['coat', 'jacket', 'dress', 'jumper', 'scarf', 'shirt', 'socks', 'trousers'];
const colours = ['beige', 'black', 'blue', 'brown', 'green', 'grey', 'navy', 'red', 'teal', 'white', 'yellow'];

/** The nth loop of a seed: always the same. */
export function loopOf(seed: number, nth: number): Loop {
  const chance = chanceOf(seed, `loop ${nth}`);
  const place = chance.one(places);
  const kind = chance.weighed({
    question: 38,
    complaint: 12,
    praise: 10,
    'unmet-demand': 25,
    unsure: 6,
    noise: 4,
    nobody: 5,
  });
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
  const loop = {
    nth,
    key: `prove-${seed}-${nth}`,
    body: {
      words: words[kind],
      place,
      by: capturers[place],
      ...(['question', 'complaint', 'praise', 'unmet-demand'].includes(kind) && { kind }),
      ...(kind === 'unmet-demand' && { wanted: { item, attributes: { colour } } }),
      ...(known && {
        customer: { name: `Customer ${nth}`, email: `customer-${nth}@example.com` },
        consent: [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }],
      }),
    },
    // Who is asked in Slack at the one place is asked by e-mail at the others.
    door: chance.weighed(place === 'high-street' ? { api: 40, slack: 60, mail: 0 } : { api: 40, slack: 0, mail: 60 }),
    customer: chance.weighed({ yes: 70, no: 10, silent: 14, stop: 4, 'not me': 2 }),
    climbs: chance.next() < 0.15,
  };
  const isAnswered = kind === 'question' || kind === 'complaint';
  return { ...loop, onlyEscalated: chance.next() < 0.3 && isAnswered && loop.door === 'api' };
}

/** Whether an insight is taken up by the API: one of three. The others are, where their decider is asked. */
export const isForApi = (id: string): boolean => Number.parseInt(id.slice(-4), 16) % 3 === 0;

/** What was begun, by its number, its id and the reference people say. */
export class Loops {
  readonly byId = new Map<string, Loop>();
  readonly byReference = new Map<string, Loop>();

  accepted(loop: Loop, id: string, reference: string): void {
    loop.id = id;
    loop.reference = reference;
    this.byId.set(id, loop);
    this.byReference.set(reference, loop);
  }

  /** The ids of those that are left to whoever an escalation names. */
  onlyEscalated(): string[] {
    return [...this.byId].filter(([, loop]) => loop.onlyEscalated).map(([id]) => id);
  }
}
