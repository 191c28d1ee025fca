/** A certificate lasts some months or weeks, and whoever renews it puts the new one in the place of the old: it is taken without a restart. */

import { readFile } from 'node:fs/promises';
import { inLines, troubleWith, type Certificate } from '../certificate.ts';
import type { Stop } from '../stops.ts';

type Pair = Pick<Certificate, 'cert' | 'key'>;

/**
 * Looks every `everyMs` whether the files of `certificate` have changed, and hands what is in them to `take`. What can't be used is told to `say`
 * and not taken: what was there before stays. Returns what ends the looking.
 */
export function keepCertificate(
  { files, ...first }: Certificate,
  take: (pair: Pair) => void,
  say: (sentence: string) => void,
  { everyMs = 60_000 }: { everyMs?: number } = {},
): Stop {
  let inUse: Pair = first;
  /** What was found and could not be used, and whether that was said. */
  let broken: { print: string; said: boolean } | undefined;

  const look = async (): Promise<void> => {
    const [cert, key] = await Promise.all([textOf(files.cert, inUse.cert), textOf(files.key, inUse.key)]);
    const print = printOf({ cert, key });
    const trouble = troubleWith({ cert, key });
    if (trouble && broken?.print !== print) {
      // Whoever renews writes one file after the other: only what is still so at the next look has gone wrong.
      broken = { print, said: false };
    } else if (trouble && broken && !broken.said) {
      broken.said = true;
      say(`The new certificate is not taken, and the old one goes on until it runs out. ${trouble}`);
    } else if (!trouble) {
      broken = undefined;
      if (print === printOf(inUse)) return;
      take({ cert, key });
      inUse = { cert, key };
      say('The new certificate is in use.');
    }
  };

  const looking = setInterval(() => void look(), everyMs);
  looking.unref();
  return { name: 'Certificate', stop: async () => clearInterval(looking) };
}

const printOf = ({ cert, key }: Pair): string => `${cert}\n${key}`;

/** Empty while it can't be read, which is no certificate. */
const textOf = async (file: string | undefined, otherwise: string): Promise<string> =>
  file === undefined ? otherwise : inLines((await readFile(file, 'utf8').catch(() => '')).trim());
