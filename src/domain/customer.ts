/** How addresses are compared. */

/** An e-mail address as it is compared: trimmed, lower case. Undefined when it can't be one. */
export function normaliseEmail(text: string): string | undefined {
  // The sign of Kelvin is all that becomes a plain letter, a "k", in lower case: what is written with it is another address.
  if (text.includes('\u212a')) return undefined;
  const trimmed = text.trim().toLowerCase();
  // The length first: what is much longer would take the pattern seconds.
  return trimmed.length <= 254 && /^[^\s\p{Cc}@<>,;:"()]+@[^\s\p{Cc}@<>,;:"()]+\.[^\s\p{Cc}@<>,;:"()]+$/u.test(trimmed)
    ? trimmed
    : undefined;
}

/** A phone number as it is compared and dialled: digits with an optional leading plus. Undefined when there are fewer than six or more than
 *  fifteen. "+31 (0)6 …" is "+31 6 …": that zero is dialled only where the country's code is not. */
export function normalisePhone(text: string): string | undefined {
  const digits = formerPhone(text.replace(zeroInBrackets, '$1'));
  return /^\+?\d{6,15}$/.test(digits) ? digits : undefined;
}

/** What a number was taken for while that zero was still a digit of it: of erasures and objections of then only the hash of this is left. */
export const formerPhone = (text: string): string => text.replace(/[\s().\-/]/g, '').replace(/^00/, '+');

/** Behind the code of a country; sql/migrations/0021_zero_in_brackets.sql says the same. */
const zeroInBrackets = /^([\s(]*(?:\+|00)[\s.\-/(]{0,3}\d{1,3}[\s.\-/)]{0,3})\(\s{0,3}0\s{0,3}\)/;
