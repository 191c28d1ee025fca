/** When whom is told, planned as soon as a wait begins. Pure: who a role is, is resolved only when its rung is climbed. */

import { addSpan } from './calendar.ts';
import type { Calendar, Ladder, Role } from './company.ts';

export interface PlannedRung {
  /** 0 is the first prompt; the number of rungs is the last step, the one that repeats. */
  step: number;
  /** How often the last step has been taken before. */
  repeat: number;
  role: Role;
  /** UTC. */
  dueAt: Date;
}

/** Every rung, counted from `from` (UTC), and the first of the last step, one `every` after the last rung. */
export function planLadder(ladder: Ladder, from: Date, calendar: Calendar): PlannedRung[] {
  const rungs = ladder.rungs.map(({ after, notify }, step) => ({
    step,
    repeat: 0,
    role: notify,
    dueAt: addSpan(from, after, calendar),
  }));
  const { notify, every } = ladder.atEnd;
  const last = {
    step: rungs.length,
    repeat: 0,
    role: notify,
    dueAt: addSpan(rungs.at(-1)?.dueAt ?? from, every, calendar),
  };
  return [...rungs, last];
}

/** The last step again, one `every` after it was really taken (UTC): an outage of three days ends in one message, not in three. */
export function nextRepeat(ladder: Ladder, last: PlannedRung, takenAt: Date, calendar: Calendar): PlannedRung {
  return { ...last, repeat: last.repeat + 1, dueAt: addSpan(takenAt, ladder.atEnd.every, calendar) };
}
