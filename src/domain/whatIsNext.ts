/** What happens next to a loop if nobody acts, and what follows when somebody does: the dashed part under a timeline. Pure. */

import type { Company, Course, Role } from './company.ts';
import { localDate } from './calendar.ts';
import { zoneOf } from './localTime.ts';
import { longDate } from './longDate.ts';
import type { InsightStage, SignalStage, Wait } from './loop.ts';
import { byWhen, clockTime } from './moments.ts';
import { resolveRole } from './routing.ts';

export interface LoopAhead {
  company: Company;
  /** heed_now(). */
  now: Date;
  stage: SignalStage | InsightStage;
  place: string;
  /** Staff code of the owner or decider. */
  owner: string;
  /** Of the ladders that run now (loop.ts), not yet taken, earliest first. */
  rungs: readonly { wait: Wait; step: number; repeat: number; role: Role | 'nobody'; due_at: Date }[];
  course?: Course | null;
  /** Whether there is a way to the customer. */
  reachable?: boolean;
  /** The customer asked that nothing be done with it for now. */
  restricted?: boolean;
  /** Until when a decision can be taken back. */
  finalAt?: Date | null;
}

export interface Next {
  /** UTC; absent for what comes "then". */
  at?: Date;
  sentence: string;
}

/** What anybody is told who would do something about what rests. */
export const resting = 'The customer has asked that nothing be done with this for now. It goes on when they lift that.';

/** What anybody is told who would call about it meanwhile; the moment follows. */
export const decidedAnew = 'it was decided anew, and what to tell them is certain';

/** At most two lines: the next rung with its time, and what follows once it is met. Empty when the loop is over. */
export function whatIsNext(loop: LoopAhead): Next[] {
  if (loop.restricted && loop.stage !== 'closed') return [{ sentence: resting }];
  return [rungNext(loop), following(loop)].filter((next) => next !== undefined);
}

/** The same for the customer, who reads neither ladders nor whom we remind: at most one line. `promisedOn`: YYYY-MM-DD. */
export function whatIsNextForCustomer({
  company,
  now,
  stage,
  place,
  owner,
  restricted,
  decider,
  promisedOn,
  called,
}: Pick<LoopAhead, 'company' | 'now' | 'place' | 'owner' | 'restricted'> & {
  stage: SignalStage;
  /** Staff code; absent while nobody has to decide it. */
  decider?: string | undefined;
  promisedOn: string | null;
  /** It is decided, and told by telephone. */
  called: boolean;
}): Next[] {
  const name = (code: string | undefined): string => (code && company.staff[code]?.name) || 'Somebody';
  // What they say themselves is asked for below, and counts all the same.
  if (stage === 'closed' || stage === 'confirmation') return [];
  if (restricted) return [{ sentence: 'You asked us to let this rest. It goes on when you tell us so.' }];
  if (stage === 'captured' || stage === 'review') return [{ sentence: 'Somebody with a name reads it.' }];
  if (stage !== 'decision') return [{ sentence: `${name(owner)} reads it and answers you.` }];
  if (called) return [{ sentence: `It is decided. ${name(owner)} calls you about it.` }];
  const by = promisedOn ? `, by ${longDate(promisedOn, now, zoneOf(company, place))}` : '';
  return [{ sentence: `${name(decider)} decides it. You hear from us either way${by}.` }];
}

function rungNext(loop: LoopAhead): Next | undefined {
  const { company, now, stage, place, owner } = loop;
  const zone = zoneOf(company, place);
  if (stage === 'undo')
    return loop.finalAt
      ? {
          at: loop.finalAt,
          sentence: `It can be taken back until ${clockTime(loop.finalAt, now, zone)}; then everyone who asked is told.`,
        }
      : undefined;
  const [rung] = loop.rungs;
  if (!rung) return undefined;
  if (rung.role === 'nobody')
    return {
      at: rung.due_at,
      sentence: `If the customer says nothing by ${longDate(localDate(rung.due_at, zone), now, zone)}, it ends there.`,
    };
  const person = resolveRole(company, rung.role, { owner, place });
  const name = company.staff[person]?.name ?? person;
  if (rung.due_at <= now) return { at: rung.due_at, sentence: `${name} is being told now.` };
  const unless: Record<Wait, string> = {
    reviewed: 'nobody reads it',
    acknowledged: 'nobody takes it',
    answered: 'the customer is not answered',
    told: 'the customer is not told',
    confirmed: 'nothing is heard',
    decided: 'nothing is decided',
    completed: 'it is not done',
  };
  const is = person === owner ? 'is reminded' : 'is told';
  const wait = stage === 'review' ? 'reviewed' : rung.wait;
  return { at: rung.due_at, sentence: `If ${unless[wait]} ${byWhen(rung.due_at, now, zone)}, ${name} ${is}.` };
}

function following({ stage, course, reachable }: LoopAhead): Next | undefined {
  switch (stage) {
    case 'captured':
      return { sentence: 'It is read, and given to whoever it belongs to.' };
    case 'review':
      return { sentence: 'Whoever reads it says what it calls for.' };
    case 'acknowledge':
    case 'answer':
      if (course === 'decide')
        return {
          sentence: reachable
            ? 'The customer is answered, hears the decision, and says whether it is settled. Whoever captured it hears it too.'
            : 'It is decided with the others who asked. Whoever captured it hears the decision.',
        };
      return {
        sentence: reachable
          ? 'The customer is answered, and says whether it is settled.'
          : 'There is nobody to answer; that is recorded, and it is closed.',
      };
    case 'decision':
      return {
        sentence: reachable
          ? 'The customer hears the decision, whoever captured it hears it too, and the customer says whether it is settled.'
          : 'Whoever captured it hears the decision.',
      };
    case 'confirmation':
      return { sentence: 'Yes closes it. A no starts again, one level up.' };
    case 'decide':
      return { sentence: 'Everyone who asked hears the decision and the reason, and so does whoever captured it.' };
    case 'tell':
      return { sentence: 'Everyone who asked is being told.' };
    case 'complete':
      return { sentence: 'Once it is done, that is recorded with what shows it.' };
    default:
      return undefined;
  }
}
