/** What the leaders' report holds: counted by store/views/loopReport.ts, drawn by web/loop. */

import type { Role } from './company.ts';
import type { Step } from './measures.ts';

export interface LoopReport {
  from: Date;
  to: Date;
  /** heed_now(): later facts restate the past. */
  asOf: Date;
  place: string | null;
  /** Null without sample history. */
  sample: Numbers | null;
  own: Numbers;
  /** Past their date first; then those due within seven days. */
  unused: Unused[];
}

/** Counts; shares are fractions of 1, null below ten. Definitions: domain/measures.ts. */
export interface Numbers {
  used: {
    due: number;
    citing: number;
    otherwise: number;
    postponed: number;
    expired: number;
    undecided: number;
    inTime: number;
    share: number | null;
  };
  claimed: Replies & { confirmed: number | null; gap: number | null };
  afterDecline: Replies;
  promises: { due: number; kept: number; moved: number; late: number; open: number; share: number | null };
  funnel: Stage[];
  /** Past their date at the as-of time, whenever that was. */
  unused: number;
}

export interface Replies {
  rounds: number;
  yes: number;
  no: number;
  silent: number;
  waiting: number;
  couldNotBeAsked: number;
}

export interface Stage {
  step: Step;
  count: number;
  /** Came through the step before, and is still open. */
  waiting: number;
  /** Milliseconds from the step before, on the wall and in working time of the place; null where nothing has come through. */
  wall: Spread | null;
  working: Spread | null;
}

export interface Spread {
  p50: number;
  p90: number;
}

/** An insight that nobody has decided. */
export interface Unused {
  id: string;
  reference: string;
  sample: boolean;
  place: string;
  kind: string;
  attributes: Record<string, string>;
  /** Staff code. */
  decider: string;
  people: number;
  dueAt: Date;
  /** Past its date. */
  past: boolean;
  attention: 'cited' | 'seen' | 'unseen';
  /** The next rung of its ladder, if one lies ahead. */
  nextRole: Role | null;
  nextAt: Date | null;
}
