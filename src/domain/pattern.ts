/**
 * Patterns that people write into the company file run on RE2: linear in the length of the text whatever the pattern, so no remark
 * can make the server hang. The price is that look-around and back-references do not exist.
 */

import { RE2JS } from 're2js';

export const longestPattern = 200;

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
