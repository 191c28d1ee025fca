/** What goes wrong, and when: drawn from the seed alone, so that a run that failed can be had again. */

import type { MailFault } from '../src/embedded/mailbox.ts';
import type { SlackFault } from '../src/embedded/slackRoom.ts';
import { chanceOf, type Chance } from './chance.ts';

export const killed = ['web', 'worker', 'relay', 'backends', 'postgres', 'temporal'] as const;
export type Killed = (typeof killed)[number];
/** Those that are ours, each a process of its own. */
export const parts = ['web', 'worker', 'relay'] as const;
export type Part = (typeof parts)[number];
export const links = [
  'clients to web',
  'web to postgres',
  'worker to postgres',
  'relay to postgres',
  'worker to temporal',
  'relay to temporal',
  'worker to mail',
  'all to slack',
] as const;
export type LinkName = (typeof links)[number];

/** F43. Slack refuses a press, and Heed one of Slack's, that is more than five minutes old: the web's clock is less wrong than that. */
const mostAheadMs = { web: 4 * 60_000, worker: 10 * 60_000, relay: 10 * 60_000 };

/** One thing that goes wrong, `at` a share of the whole run. The numbers F… are those of docs/proof.md. */
export type Fault = { at: number } & (
  | { what: 'kill'; of: Killed; all: boolean }
  | { what: 'pause'; of: Part; ms: number }
  | { what: 'cut'; link: LinkName }
  | { what: 'delay'; link: LinkName; ms: number; forMs: number }
  | { what: 'silence'; link: LinkName; forMs: number }
  | { what: 'swallow'; link: LinkName; requests: number }
  | { what: 'mail'; name: string; fault: MailFault; times: number }
  | { what: 'slack'; name: string; fault: SlackFault; times: number }
  | { what: 'clock'; of: Part; aheadMs: number }
  | { what: 'hold'; forMs: number }
  | { what: 'disk full'; forMs: number }
  | { what: 'wipe' }
);

export interface Size {
  kills: number;
  /** Faults of links, mail, Slack, clocks, of processes that sleep, and of somebody who holds a table, for each kill. */
  othersPerKill: number;
  /** Temporal's memory is lost, half-way. */
  wipe: boolean;
  /** How often the disk of Postgres is full. */
  fullDisks: number;
  /** How long a paused process sleeps: longer than a lease makes a zombie of it. */
  pausesMs: readonly number[];
}

/** The plan of a seed, in the order in which things happen. */
export function planOf(seed: number, size: Size): Fault[] {
  const chance = chanceOf(seed, 'faults');
  const faults: Fault[] = [];
  // Every part once, before chance has its way.
  for (let n = 0; n < size.kills; n += 1) {
    const of = killed[n] ?? chance.weighed({ web: 28, worker: 26, relay: 22, backends: 14, postgres: 5, temporal: 5 });
    // One of several goes down while the others live on; now and then all of them do.
    faults.push({ at: chance.next(), what: 'kill', of, all: n < killed.length || chance.below(4) === 0 });
  }
  for (let n = 0; n < Math.round(size.kills * size.othersPerKill); n += 1)
    faults.push({ at: chance.next(), ...other(chance, n, size) });
  for (let n = 0; n < size.fullDisks; n += 1) faults.push({ at: chance.next(), what: 'disk full', forMs: 4_000 });
  if (size.wipe) faults.push({ at: 0.5, what: 'wipe' });
  return faults.sort((a, b) => a.at - b.at);
}

type Without<All, Field extends string> = All extends unknown ? Omit<All, Field> : never;

function other(chance: Chance, nth: number, { pausesMs }: Size): Without<Fault, 'at'> {
  switch (kinds[nth % kinds.length]) {
    case 'mail': {
      const [name, fault] = mailFaults[Math.floor(nth / kinds.length + chance.below(2) * 5) % mailFaults.length]!;
      return { what: 'mail', name, fault, times: 1 + chance.below(2) };
    }
    case 'slack': {
      const [name, fault] = slackFaults[Math.floor(nth / kinds.length + chance.below(2) * 5) % slackFaults.length]!;
      return { what: 'slack', name, fault, times: 1 + chance.below(2) };
    }
    case 'clock': {
      const of = chance.one(parts);
      return { what: 'clock', of, aheadMs: Math.round((2 * chance.next() - 1) * mostAheadMs[of]) };
    }
    case 'pause': {
      const [of, ms] = [chance.one(parts), chance.one(pausesMs)];
      // There is one web, and it leases nothing: asleep for longer it would only be away.
      return { what: 'pause', of, ms: of === 'web' ? Math.min(ms, pausesMs[0]!) : ms };
    }
    case 'hold':
      // Longer than a statement may take, where a person waits and where a story does.
      return { what: 'hold', forMs: 3_500 + chance.below(2_500) };
    default:
      return linkFault(chance);
  }
}

const kinds = ['mail', 'slack', 'link', 'mail', 'slack', 'link', 'clock', 'pause', 'hold'] as const;

function linkFault(chance: Chance): Without<Fault, 'at'> {
  const link = chance.one(links);
  switch (chance.below(4)) {
    case 0:
      return { what: 'cut', link };
    case 1:
      // Now and then a Postgres that is so slow that whoever asks it gives up.
      return link.endsWith('postgres') && chance.below(3) === 0
        ? { what: 'delay', link, ms: 2_000 + chance.below(2_000), forMs: 4_000 + chance.below(4_000) }
        : { what: 'delay', link, ms: 50 + chance.below(450), forMs: 1_000 + chance.below(2_000) };
    case 2:
      return { what: 'silence', link, forMs: 500 + chance.below(2_500) };
    default:
      return { what: 'swallow', link, requests: chance.below(40) };
  }
}

/** F28–F32 of the list. */
const mailFaults: readonly (readonly [string, MailFault])[] = [
  ['F31 accepted, connection lost before 250', { at: 'data', do: 'drop' }],
  ['F28 refused at connect', { at: 'connect', do: 'drop' }],
  ['F28 not available', { at: 'connect', do: 'answer', code: 421 }],
  ['F29 greylisted at RCPT', { at: 'rcpt', do: 'answer', code: 450 }],
  ['F29 put off after the dot', { at: 'data', do: 'answer', code: 451 }],
  ['F30 refused for good at RCPT', { at: 'rcpt', do: 'answer', code: 550 }],
  ['F30 refused for good after the dot', { at: 'data', do: 'answer', code: 554 }],
  ['F31 lost in the middle of the message', { at: 'body', do: 'drop' }],
  ['F31 lost at MAIL', { at: 'mail', do: 'drop' }],
  ['F32 slow before 250', { at: 'data', do: 'slow', ms: 4_000 }],
  ['F31 lost at RCPT', { at: 'rcpt', do: 'drop' }],
  ['F32 silent after the dot, kept', { at: 'data', do: 'hang' }],
  ['F28 silent at connect', { at: 'connect', do: 'hang' }],
];

/** F36–F40 and F42 of the list. */
const slackFaults: readonly (readonly [string, SlackFault])[] = [
  ['F38 posted, response lost', { at: 'chat.postMessage', do: 'lose' }],
  ['F36 rate limit', { at: 'chat.postMessage', do: 'answer', status: 429, retryAfter: 2 }],
  ['F37 500, nothing done', { at: 'chat.postMessage', do: 'answer', status: 500 }],
  [
    'F37 internal_error, done all the same',
    { at: 'chat.postMessage', do: 'error', error: 'internal_error', done: true },
  ],
  ['F37 fatal_error', { at: 'chat.postMessage', do: 'error', error: 'fatal_error' }],
  ['F39 channel archived', { at: 'chat.postMessage', do: 'error', error: 'is_archived' }],
  ['F39 channel not found', { at: 'chat.postMessage', do: 'error', error: 'channel_not_found' }],
  ['F40 account inactive', { at: 'chat.postMessage', do: 'error', error: 'account_inactive' }],
  ['F40 token revoked', { at: 'chat.postMessage', do: 'error', error: 'token_revoked' }],
  ['F42 hangs', { at: 'chat.postMessage', do: 'hang' }],
  ['F42 not available', { at: '*', do: 'answer', status: 503 }],
];
