/** Whether a condition of the company file holds for a remark. */

import type { Condition, Mood, OfferTaken } from './company.ts';
import { compilePattern } from './pattern.ts';
import { fold } from './reading.ts';

/** What the rules look at. Item and attributes are read and normalised before (reading.ts). */
export interface Remark {
  words: string;
  place: string;
  kind?: string;
  mood?: Mood;
  item?: string;
  attributes: Record<string, string>;
  /** Why it could not be met; missing or empty when nobody said so. */
  unmet?: string;
  offered?: { item: string; taken: OfferTaken };
}

/** Everything the condition names must hold; of a list, any entry. An empty condition always holds. */
export function matches(condition: Condition, remark: Remark): boolean {
  const { words, kinds, moods, places, items, attributes, unmet, offer } = condition;
  return (
    (!words || words.some((pattern) => compilePattern(pattern).matcher(remark.words).find())) &&
    (!kinds || has(kinds, remark.kind)) &&
    (!moods || has(moods, remark.mood)) &&
    (!places || has(places, remark.place)) &&
    (!items || has(items.map(fold), remark.item && fold(remark.item))) &&
    (!attributes ||
      Object.entries(attributes).every(([name, values]) => attributeMatches(values, remark.attributes[name]))) &&
    (unmet === undefined || unmet === Boolean(remark.unmet?.trim())) &&
    (!offer || has(offer, remark.offered?.taken))
  );
}

function has<T>(list: readonly T[], value: T | undefined): boolean {
  return value !== undefined && list.includes(value);
}

/** No values: given at all. */
function attributeMatches(values: string[], value: string | undefined): boolean {
  if (value === undefined || value.trim() === '') return false;
  return values.length === 0 || values.map(fold).includes(fold(value));
}
