/** From a ladder in the company file to rungs with dates: planned once for the fact that calls for it. */

import { addSpan } from '../../domain/calendar.ts';
import type { Calendar, Company, Ladder } from '../../domain/company.ts';
import { planLadder } from '../../domain/ladder.ts';
import type { PlanDue } from '../../domain/loop.ts';
import type { Tx } from '../pool.ts';
import { recordPlan } from './plans.ts';

export interface Planned {
  loopId: string;
  round: number;
  place: string;
  due: PlanDue;
  company: Company;
  configuration: number;
}

export async function planWait(tx: Tx, { loopId, round, place, due, company, configuration }: Planned): Promise<void> {
  const { wait, clock, occasion, from } = due;
  const rungs =
    due.ladder === 'window'
      ? [
          {
            step: 0,
            repeat: 0,
            role: 'nobody' as const,
            dueAt: addSpan(from, company.customers.window, calendarOf(company, undefined, place)),
          },
        ]
      : planLadder(company.ladders[due.ladder], from, calendarOf(company, company.ladders[due.ladder], place));
  await recordPlan(tx, { loopId, round, wait, clock, occasion, from, configuration, rungs });
}

/** The ladder's own calendar, else the place's. */
export function calendarOf(company: Company, ladder: Ladder | undefined, place: string): Calendar {
  const code = ladder?.calendar ?? company.places[place]?.calendar ?? '';
  return company.calendars[code] ?? { timezone: company.timezone, week: 'always', daysOff: [] };
}
