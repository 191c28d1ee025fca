/**
 * Patterns that people write into the company file run on RE2: linear in the length of the text whatever the pattern, so no remark
 * can make the server hang. The price is that look-around and back-references do not exist. Linear, but times the steps of the pattern,
 * of which repetitions make thousands in a few characters: so they are counted when the file is read.
 */

import { RE2JS } from 're2js';

export const longestPattern = 200;
/** Steps of one pattern: a quarter of a second for the longest remark, at worst. Without repetitions 200 characters come to fewer than 500. */
export const mostSteps = 1_000;
/** Steps of all patterns of a company file, which one remark may meet one after the other. */
export const mostStepsInAll = 10_000;

/** How many steps a pattern has, each of which may be taken for each character of a text. Throws as `compilePattern` does. */
export const stepsOf = (pattern: string): number => compilePattern(pattern).programSize();

/** The compiled, case-insensitive pattern. Throws an Error that says what is wrong with it. */
export function compilePattern(pattern: string): RE2JS {
  let compiled = remembered.get(pattern);
  if (!compiled) {
    if (pattern.length > longestPattern) throw new Error(`it is longer than ${longestPattern} characters`);
    compiled = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
    remembered.set(pattern, compiled);
  }
  return compiled;
}

// Only as many as the applied configurations hold.
const remembered = new Map<string, RE2JS>();
