/** Chance that can be had again: the same seed and number throw the same. */

import { naughty, refused } from './naughty.ts';

export class Dice {
  #state: number;

  /** The dice of one input: what came before it does not matter, so one alone can be tried again. */
  constructor(seed: number, input: number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(input + 1, 0x85ebca6b)) >>> 0;
    for (let n = 0; n < 3; n++) this.#next();
  }

  /** A whole number from 0 to below `most`. */
  below(most: number): number {
    return Math.floor(this.#next() * most);
  }

  /** True in so many of a hundred. */
  often(percent: number): boolean {
    return this.#next() * 100 < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  bytes(most: number): Buffer {
    return Buffer.from(Array.from({ length: this.below(most) }, () => this.below(256)));
  }

  uuid(): string {
    const hex = (digits: number) => Array.from({ length: digits }, () => this.below(16).toString(16)).join('');
    return `${hex(8)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(12)}`;
  }

  /** Somebody's words: plain ones, naughty ones, now and then some that nobody can keep. */
  words(): string {
    const throwOf = this.below(100);
    if (throwOf < 35) return this.pick(plain);
    if (throwOf < 85) return this.pick(naughty);
    if (throwOf < 90) return this.pick(refused);
    if (throwOf < 94)
      return Array.from({ length: 1 + this.below(6) }, () => this.pick(naughty)).join(this.pick(['', ' ', '\n']));
    if (throwOf < 97) return this.pick(['x', ' ', 'é', '👩🏽‍🚀', '\u0301', '<']).repeat(this.below(12_000));
    return String.fromCodePoint(...Array.from({ length: this.below(40) }, () => this.below(0x110000)));
  }

  /** Anything JSON can say. */
  value(depth = 0): unknown {
    switch (this.below(depth > 3 ? 6 : 9)) {
      case 0:
        return null;
      case 1:
        return this.often(50);
      case 2:
        return this.pick([0, -1, 1, 0.5, 1e308, -1e308, 2 ** 53, 5e-324, this.below(1000)]);
      case 6:
        return Array.from({ length: this.below(4) }, () => this.value(depth + 1));
      case 7:
        return Object.fromEntries(Array.from({ length: this.below(4) }, () => [this.words(), this.value(depth + 1)]));
      case 8: {
        let nested: unknown = this.words();
        for (let n = this.below(40); n > 0; n--) nested = this.often(50) ? [nested] : { a: nested };
        return nested;
      }
      default:
        return this.words();
    }
  }

  // mulberry32
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
}

const plain = [
  'Do you have this coat in green, size 42?',
  'I was charged twice.',
  'Thank you, Mina was lovely.',
  'My zip is broken.',
  'a',
  '2026-12-01',
  '2099-03-01T10:00:00Z',
  'kim@example.com',
  '+31 6 12345678',
  '42',
  '',
];
