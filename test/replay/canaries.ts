/** Canaries: marks that nothing else in the world has, put into everything people say, write or are called; and the search for them, in
 *  whatever coat they wear. One that turns up where only ids and codes belong shows a way that a customer's words have taken. */

import { randomBytes } from 'node:crypto';

export interface Canaries {
  /** The text with a new mark behind it; `what` is how it is named when it is found. */
  in(what: string, text: string): string;
  /** The same in one word. */
  inWord(what: string, text: string): string;
  email(what: string): string;
  phone(what: string): string;
  /** Watches for something that is in the world already, such as a colleague's name. */
  watch(what: string, mark: string): void;
  /** What has a mark, by its name. */
  marked(): string[];
  /** Which of them are in these bytes, and in which coat: "words (base64)". */
  found: (bytes: Buffer | string) => string[];
}

export function canaries(): Canaries {
  const marks = new Map<string, string>();
  const watched = new Map<string, string>();
  const release = (what: string, mark: string): string => {
    marks.set(mark, what);
    return mark;
  };
  return {
    in: (what, text) => `${text} ${release(what, song + letters())}`,
    inWord: (what, text) => text + release(what, song + letters()),
    email: (what) => `${release(what, song + letters())}@example.com`,
    phone: (what) => `+31 6 ${release(what, number + digits())}`,
    watch: (what, mark) => void watched.set(mark, what),
    marked: () => [...new Set(marks.values())],
    found(bytes) {
      // Byte by byte, as the coats are cut: a name may have letters of more than one.
      const text = (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes)).toString('latin1');
      const folded = text.toLowerCase();
      const coatsSeen = (mark: string): string[] =>
        coats(mark)
          .filter(({ worn, exactly }) => (exactly ? text : folded).includes(worn))
          .map(({ coat }) => coat);
      // All of them begin alike, so mostly one look will do.
      const some = [song, number].some((beginning) => coatsSeen(beginning).length > 0);
      return [...watched, ...(some ? marks : [])].flatMap(([mark, what]) =>
        coatsSeen(mark).map((coat) => `${what} (${coat})`),
      );
    },
  };
}

/** No other text has these by chance, and no normalising changes them. */
const song = 'qzvxkjwy';
const number = '90817';
const letters = (): string => [...randomBytes(6)].map((byte) => String.fromCharCode(97 + (byte % 26))).join('');
const digits = (): string => [...randomBytes(3)].map((byte) => String(byte % 10)).join('');

/** How a mark looks plain, in base64 at each of the three places it can begin, in hexadecimal, and with every byte coded as in a URL. */
function coats(mark: string): { coat: string; worn: string; exactly: boolean }[] {
  const bytes = Buffer.from(mark);
  const hex = bytes.toString('hex');
  return [
    { coat: 'plain', worn: bytes.toString('latin1').toLowerCase(), exactly: false },
    { coat: 'hex', worn: hex, exactly: false },
    { coat: 'URL-coded', worn: hex.replace(/../g, '%$&'), exactly: false },
    // Of a name or an address only what is special is coded.
    ...(encodeURIComponent(mark) === mark
      ? []
      : [{ coat: 'URL-coded', worn: encodeURIComponent(mark).toLowerCase(), exactly: false }]),
    ...[0, 1, 2].map((before) => ({ coat: 'base64', worn: inBase64(bytes, before), exactly: true })),
  ];
}

/** The letters of base64 that depend on the mark alone when `before` bytes stand in front of it in the same group of three. */
function inBase64(mark: Buffer, before: number): string {
  const coded = Buffer.concat([Buffer.alloc(before), mark])
    .toString('base64')
    .replace(/=+$/, '');
  const whole = Math.floor(((before + mark.length) * 8) / 6);
  return coded.slice(Math.ceil((before * 8) / 6), whole);
}
