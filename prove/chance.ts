/** Chance that can be had again: the same seed gives the same numbers, in the same order. */

export interface Chance {
  /** From 0 to 1, without 1. */
  next(): number;
  /** A whole number from 0 to `most` - 1. */
  below(most: number): number;
  one<Item>(items: readonly Item[]): Item;
  /** One of the names, as often as its weight says. */
  weighed<Name extends string>(weights: Record<Name, number>): Name;
}

/** `about` keeps what is drawn for one thing from moving what is drawn for another. (mulberry32) */
export function chanceOf(seed: number, about: string): Chance {
  let state = seed >>> 0;
  for (const letter of about) state = (Math.imul(state ^ letter.charCodeAt(0), 0x01000193) + 0x9e3779b9) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (most: number): number => Math.floor(next() * most);
  return {
    next,
    below,
    one: (items) => items[below(items.length)]!,
    weighed(weights) {
      const names = Object.entries<number>(weights) as [never, number][];
      let left = next() * names.reduce((sum, [, weight]) => sum + weight, 0);
      return (names.find(([, weight]) => (left -= weight) < 0) ?? names[0]!)[0];
    },
  };
}
