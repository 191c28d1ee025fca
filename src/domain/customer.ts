/** How addresses are compared. */

import { domainToASCII, domainToUnicode } from 'node:url';

/** An e-mail address as it is compared: trimmed, lower case, its letters composed (NFC) and its domain as name servers know it: müller.de is
 *  xn--mller-kva.de. Undefined when it can't be one. */
export function normaliseEmail(text: string): string | undefined {
  // The sign of Kelvin is all that becomes a plain letter, a "k", in lower case: what is written with it is another address.
  if (text.includes('\u212a')) return undefined;
  // The length first: what is much longer would take the pattern seconds.
  if (text.length > 1_000) return undefined;
  const trimmed = text.trim().toLowerCase().normalize('NFC');
  if (trimmed.length > 254) return undefined;
  const parts = /^([^\s\p{Cc}@<>,;:"()]+)@([^\s\p{Cc}@<>,;:"()]+\.[^\s\p{Cc}@<>,;:"()]+)$/u.exec(trimmed);
  return parts ? `${parts[1]!}@${knownToServers(parts[2]!)}` : undefined;
}

/** Only where that is another way to write the very same letters (RFC 5891), and back. A server would also take "ﬀ" for "ff", and "xn---90ao"
 *  reads as "xn--90ao" does: nobody is let in as somebody else by it. */
function knownToServers(domain: string): string {
  const ascii = domainToASCII(domain);
  return domainToUnicode(ascii) === domain ? ascii : domain;
}

function inItsLetters(domain: string): string {
  const letters = domainToUnicode(domain);
  return domainToASCII(letters) === domain ? letters : domain;
}

/** These addresses in every spelling that may be held of them, the one by which they are compared first: until 0.2 an address was compared as it
 *  was typed, and of erasures and objections only the hash of that is left. For nearly all it is the one. */
export const inEverySpelling = <Address extends { kind: string; normalised: string }>(
  addresses: readonly Address[],
): Address[] => addresses.flatMap((one) => spellingsOf(one).map((normalised) => ({ ...one, normalised })));

export function spellingsOf({ kind, normalised }: { kind: string; normalised: string }): readonly string[] {
  if (kind !== 'email' || isPlain(normalised)) return [normalised];
  const compared = normaliseEmail(normalised) ?? normalised;
  const at = compared.lastIndexOf('@');
  const [local, domain] = [compared.slice(0, at), compared.slice(at + 1)];
  const letters = inItsLetters(domain);
  const domains = [domain, letters, letters.normalize('NFD')];
  const spelled = [local, local.normalize('NFD')].flatMap((one) => domains.map((other) => `${one}@${other}`));
  return [...new Set([...spelled, normalised])];
}

const isPlain = (address: string): boolean => /^[!-~]*$/.test(address) && !address.includes('xn--');

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
