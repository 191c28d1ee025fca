/** Reads item and attributes out of a customer's words with the company's vocabulary, and brings what people type to the same spelling. */

import type { Vocabulary } from './company.ts';
import { compilePattern } from './pattern.ts';

export interface Wanted {
  item?: string;
  /** Attribute → value: colour → green. */
  attributes: Record<string, string>;
}

/**
 * "Do you have this coat in green, size 42?" → coat; colour green, size 42. What is mentioned first counts, and of two that begin at the
 * same word the longer ("coat hanger", not "coat"). Whole words only; case and punctuation do not matter.
 */
export function readWords(words: string, vocabulary: Vocabulary): Wanted {
  const attributes: Record<string, string> = {};
  for (const [attribute, values] of Object.entries(vocabulary.attributes)) {
    const value = firstMentioned(words, values);
    if (value !== undefined) attributes[attribute] = value;
  }
  const item = firstMentioned(words, vocabulary.items);
  return item === undefined ? { attributes } : { item, attributes };
}

/**
 * The same wish in one spelling: synonyms become the vocabulary's word ("Overcoat" → coat), case and spaces are evened out, and values of
 * attributes that have patterns become what the pattern takes from them ("size 42" → 42). Unknown items and attributes stay, folded; empty ones go.
 */
export function normalise(wanted: Wanted, vocabulary: Vocabulary): Wanted {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(wanted.attributes)) {
    const attribute = Object.keys(vocabulary.attributes).find((known) => fold(known) === fold(name)) ?? fold(name);
    const values = vocabulary.attributes[attribute];
    const plain = values ? meaning(value, values) : fold(value);
    if (attribute && plain) attributes[attribute] = plain;
  }
  const item = wanted.item === undefined ? '' : meaning(wanted.item, vocabulary.items);
  return item === '' ? { attributes } : { item, attributes };
}

/** Of normalised attributes (the item among them, as 'item') those whose value is the company's own word: the rest somebody typed. */
export function codesIn(attributes: Record<string, string>, vocabulary: Vocabulary): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).filter(([name, value]) => {
      const values = name === 'item' ? vocabulary.items : vocabulary.attributes[name];
      return Object.keys(values ?? {}).some((known) => {
        const pattern = patternOf(known);
        return pattern === undefined ? known === value : compilePattern(pattern).matcher(value).matches();
      });
    }),
  );
}

/** One spelling for comparing: no case, no accents' encodings, single spaces. */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim();
}

/** A vocabulary value written as /pattern/ matches by itself; its first group, or else the whole match, is the value. */
export function patternOf(value: string): string | undefined {
  return /^\/(.+)\/$/s.exec(value)?.[1];
}

/** `text` as a whole means one of the values, or is its own value. */
function meaning(text: string, values: Record<string, string[]>): string {
  const folded = fold(text);
  for (const [value, synonyms] of Object.entries(values)) {
    const pattern = patternOf(value);
    if (pattern === undefined) {
      if ([value, ...synonyms].some((word) => fold(word) === folded)) return value;
    } else {
      const matcher = compilePattern(pattern).matcher(folded);
      if (matcher.matches()) return matched(matcher);
    }
  }
  return folded;
}

function firstMentioned(words: string, values: Record<string, string[]>): string | undefined {
  const spaced = spacedWords(words);
  const mentions: { value: string; at: number; length: number }[] = [];
  for (const [value, synonyms] of Object.entries(values)) {
    const pattern = patternOf(value);
    if (pattern === undefined) {
      for (const word of [value, ...synonyms].map(spacedWords)) {
        const at = word.trim() === '' ? -1 : spaced.indexOf(word);
        if (at >= 0) mentions.push({ value, at, length: word.length });
      }
    } else {
      const matcher = compilePattern(pattern).matcher(fold(words));
      if (matcher.find()) {
        mentions.push({ value: matched(matcher), at: matcher.start(), length: matcher.end() - matcher.start() });
      }
    }
  }
  return mentions.sort((a, b) => a.at - b.at || b.length - a.length)[0]?.value;
}

function matched(matcher: ReturnType<ReturnType<typeof compilePattern>['matcher']>): string {
  return fold((matcher.groupCount() > 0 ? matcher.group(1) : null) ?? matcher.group() ?? '');
}

/** " do you have this coat in green size 42 ": letters and digits between single spaces, so that " coat " finds the word and not its part. */
function spacedWords(text: string): string {
  return ` ${fold(text)
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()} `;
}
