/** What became of a signal or an insight, told in sentences. Pure. Staff read who was told when; customers read what concerns them. */

import { capital } from './capital.ts';
import { addSpan } from './calendar.ts';
import type { Company, Course, LadderName } from './company.ts';
import { ended } from './ended.ts';
import { longDate } from './longDate.ts';
import type { Wait } from './loop.ts';
import { clockTime, elapsedInWords, inWords, spanInWords } from './moments.ts';
import { answerNotArrived, leftUnsent, promiseOver } from './notArrived.ts';
import { saidTo } from './questions.ts';
import { insightTitle } from './sameness.ts';
import type { Happened, TimelineEvent } from './timelineEvents.ts';

export interface TimelineLine {
  /** UTC. */
  at: Date;
  /** What kind of fact it tells: captured, triaged, owned, prompted, escalated, acknowledged, answered, decided, told, confirmed, closed … */
  kind: string;
  sentence: string;
  /** late: somebody had to be told because nobody acted; now: where it stands. */
  tone: 'plain' | 'late' | 'now';
  /** The insight that a sentence is about, for a link. */
  insight?: string;
}

export interface Telling {
  audience: 'staff' | 'customer';
  /** What the customer is called; "the customer" where nobody may read it. */
  customer?: string | undefined;
}

/** Lines for `events` (oldest first, of one loop). Customers read no ladders, no reasons meant for colleagues and no notes. */
export function timelineOf(events: readonly TimelineEvent[], company: Company, telling: Telling): TimelineLine[] {
  const lines = events.flatMap((event, index): TimelineLine[] => {
    const said = tell(event, { company, telling, before: events.slice(0, index), after: events.slice(index + 1) });
    if (!said) return [];
    const { sentence, kind = event.kind, late } = typeof said === 'string' ? { sentence: said } : said;
    const insight = event.kind === 'joined' || event.kind === 'told' ? { insight: event.detail.insight } : {};
    return [{ at: event.at, kind, sentence, tone: late ? 'late' : 'plain', ...insight }];
  });
  const last = lines.at(-1);
  if (last?.tone === 'plain' && last.kind !== 'closed') last.tone = 'now';
  return lines;
}

interface Said {
  sentence: string;
  kind?: string;
  late?: boolean;
}

interface Context {
  company: Company;
  telling: Telling;
  before: readonly TimelineEvent[];
  after: readonly TimelineEvent[];
}

/** The sentence of one event; undefined where it says nothing that a neighbour does not, or is none of this reader's business. */
function tell(event: TimelineEvent, context: Context): string | Said | undefined {
  const toStaff = context.telling.audience === 'staff';
  switch (event.kind) {
    case 'captured':
      return toStaff ? captured(event, context) : `You told ${event.by ? nameOf(context, event.by) : 'us'}.`;
    case 'triaged':
      return toStaff ? triaged(event, context) : undefined;
    case 'reviewed':
      return toStaff ? reviewed(event, context) : undefined;
    case 'enriched':
      return toStaff ? enriched(event.detail) : undefined;
    case 'joined':
      return toStaff ? joined(event, context) : undefined;
    case 'disavowed':
      return toStaff
        ? 'Whoever reads that address says it was not them. Nothing more is written to it.'
        : 'You told us that it was not you.';
    case 'opened':
      return toStaff
        ? `Opened: ${titleOf(event.detail, context)}. To be decided by ${clockTime(event.detail.decideBy, event.at, context.company.timezone)}.`
        : undefined;
    case 'owned':
      return toStaff ? owned(event, context) : ownedForCustomer(event, context);
    case 'reopened':
      return 'Not settled; starting again.';
    case 'prompted':
      return toStaff ? prompted(event, context) : undefined;
    case 'escalated':
      return toStaff ? escalated(event, context) : undefined;
    case 'acknowledged':
      return toStaff
        ? `${nameOf(context, event.by)} took it.`
        : `${nameAndTitle(context, event.by)} is looking after it.`;
    case 'answered':
      return toStaff ? answered(event, context) : answeredForCustomer(event, context);
    case 'called':
      return called(event, context);
    case 'decided':
      return toStaff ? decided(event, context) : undefined;
    case 'withdrawn':
      return toStaff ? `Taken back by ${nameOf(context, event.by)}. Nothing had left.` : undefined;
    case 'completed':
      return toStaff
        ? `Done, says ${nameOf(context, event.by)}: ${ended(event.detail.evidence)}`
        : 'What was decided has been done.';
    case 'told':
      return toStaff ? told(event, context) : toldToCustomer(event, context);
    case 'sent':
      return sent(event, toStaff);
    case 'vouched':
      return toStaff ? vouched(event, context) : undefined;
    case 'confirmed':
      return toStaff ? confirmed(event, context) : confirmedByCustomer(event);
    case 'closed':
      return toStaff ? closed(event, context) : closedForCustomer(event, context);
    case 'repaired':
      return toStaff
        ? `${repairs[event.detail.action]} by ${event.by ? nameOf(context, event.by) : event.detail.by}: ${ended(event.detail.reason)}`
        : undefined;
  }
}

function captured({ by, detail }: Happened<'captured'>, context: Context): string {
  const doors: Record<string, string> = { api: 'through the API', cli: 'at the command line', slack: 'in Slack' };
  const taken = {
    accepted: 'was offered instead, and taken',
    refused: 'was offered and not wanted',
    unsure: 'was offered; they were not sure',
  };
  const ways: Record<string, string> = { email: 'be written to by e-mail', phone: 'be called' };
  return [
    `Captured${by ? ` by ${nameOf(context, by)}` : ''}${doors[detail.channel] ? ` ${doors[detail.channel]}` : ''}.`,
    detail.unmet && `Could not be met: ${ended(detail.unmet)}`,
    detail.taken && detail.offered && `${capital(detail.offered)} ${taken[detail.taken]}.`,
    detail.consent && `May ${detail.consent.map((channel) => ways[channel] ?? channel).join(' and ')}.`,
  ]
    .filter(Boolean)
    .join(' ');
}

const needs: Record<Course, string> = {
  thank: 'It calls for a thank-you.',
  answer: 'It calls for an answer.',
  decide: 'It calls for an answer and a decision.',
};

function triaged({ detail }: Happened<'triaged'>, { company }: Context): string {
  const kind = company.kinds[detail.kind]?.name ?? detail.kind;
  if (detail.verdict === 'review') return `The rules were not sure what this is (${detail.why}), so a person reads it.`;
  if (detail.verdict === 'dismiss')
    return `No action, by the rule “${detail.rule}”: ${ended(detail.reason ?? detail.why)}`;
  return `Read as “${kind}”, priority ${detail.priority}, by the rule “${detail.rule}”. ${needs[detail.course ?? 'answer']}`;
}

function reviewed({ by, detail }: Happened<'reviewed'>, context: Context): string {
  const name = nameOf(context, by);
  if (detail.verdict === 'dismiss') return `${name} read it: nothing to do.`;
  const kind = detail.kind ? ` as “${context.company.kinds[detail.kind]?.name ?? detail.kind}”` : '';
  return `${name} read it${kind}. ${needs[detail.course ?? 'answer']}`;
}

function enriched({ earlier, owed, askedTheSame }: Happened<'enriched'>['detail']): string {
  return [
    earlier > 0 && `They had told us something ${earlier === 1 ? 'once' : `${inWords(earlier)} times`} before.`,
    owed > 0 && `We still owe them ${owed === 1 ? 'an answer' : `${inWords(owed)} answers`}.`,
    askedTheSame > 0 &&
      `${capital(inWords(askedTheSame))} ${askedTheSame === 1 ? 'other' : 'others'} asked for the same.`,
  ]
    .filter(Boolean)
    .join(' ');
}

function joined({ by, detail }: Happened<'joined'>, context: Context): string {
  const who = by ? `${nameOf(context, by)} joined it to` : 'Joined';
  if (detail.others === 0) return `Opened ${titleOf(detail, context)}, the first to ask for it.`;
  const others = detail.others === 1 ? 'one other' : `${inWords(detail.others)} others`;
  return `${who} ${titleOf(detail, context)}, ${others} said the same.`;
}

function owned({ at, by, detail }: Happened<'owned'>, context: Context): string | undefined {
  const name = nameOf(context, detail.staff);
  switch (detail.cause) {
    case 'captured':
      // Routing follows at once and says more.
      return context.after.some((next) => next.kind === 'owned' && next.detail.cause === 'routed')
        ? undefined
        : `With ${name} from the start: ${quoted(detail.reason)}`;
    case 'routed':
      return `Given to ${name}: ${quoted(detail.reason)}`;
    case 'opened':
      return `${name} decides: ${quoted(detail.reason)}`;
    case 'handed_over':
      return `Handed over to ${name}${by ? ` by ${nameOf(context, by)}` : ''}: ${ended(detail.reason)}`;
    case 'not_settled':
      return `It goes one level up, to ${name}.`;
    default: {
      // Taking is done by acting, and the act is a line of its own.
      const act = [...context.before, ...context.after].some(
        (other) => other.kind !== 'owned' && other.by === detail.staff && other.at.getTime() === at.getTime(),
      );
      return act ? undefined : `${name} took it.`;
    }
  }
}

function ownedForCustomer({ detail }: Happened<'owned'>, context: Context): string | undefined {
  return detail.cause === 'not_settled'
    ? `${nameAndTitle(context, detail.staff)} reads it and answers you.`
    : undefined;
}

function prompted({ detail }: Happened<'prompted'>, context: Context): string | undefined {
  if (detail.collapsed) return undefined;
  const tasks: Record<Wait, string> = {
    reviewed: 'read it',
    acknowledged: 'take it',
    answered: 'answer',
    told: 'tell the customer',
    confirmed: 'ask the customer',
    decided: 'decide',
    completed: 'say whether it is done',
  };
  return `${whom(detail, context)} was asked to ${tasks[detail.wait]}.`;
}

function escalated({ detail }: Happened<'escalated'>, context: Context): Said | undefined {
  if (detail.collapsed) return undefined;
  const was = holderAt(context) === detail.staff && detail.staff !== null ? 'was reminded' : 'was told';
  const notDone: Record<Wait, string> = {
    reviewed: 'Nobody had read it',
    acknowledged: 'Nobody had taken it',
    answered: 'The customer had not been answered',
    told: 'The customer had not been told what we promised',
    confirmed: 'The customer had not been asked',
    decided: 'Nothing had been decided',
    completed: 'It had not been done',
  };
  const again = detail.repeat > 0;
  const isRefused = detail.reason === answerNotArrived;
  const missing = isRefused ? capital(answerNotArrived) : notDone[detail.wait];
  // The rung counts from when it came to them, and not from the answer.
  const after = again || isRefused ? '' : ` after ${waitedFor(detail, context.company)}`;
  return {
    sentence: `${again ? 'Still: ' : ''}${again ? lower(missing) : missing}${after}. ${whom(detail, context)} ${was}${again ? ' again' : ''}.`,
    late: true,
  };
}

/** How long a rung waited: as the company file words it where that leads to the same moment, else as long as it was on the clock. */
function waitedFor({ wait, step, countedFrom, dueAt }: Happened<'escalated'>['detail'], company: Company): string {
  const ladders: Record<Wait, LadderName[]> = {
    reviewed: ['reviewing'],
    acknowledged: ['acknowledging'],
    answered: ['answering'],
    told: ['promising', 'answering'],
    confirmed: [],
    decided: ['deciding'],
    completed: ['completing'],
  };
  const spans = ladders[wait].flatMap((name) => company.ladders[name].rungs[step]?.after ?? []);
  const worded = spans.find((span) =>
    Object.values(company.calendars).some((calendar) => {
      try {
        return addSpan(countedFrom, span, calendar).getTime() === dueAt.getTime();
      } catch {
        return false;
      }
    }),
  );
  return worded && worded.amount > 0 ? spanInWords(worded) : elapsedInWords(countedFrom, dueAt);
}

function answered({ at, by, detail }: Happened<'answered'>, context: Context): Said {
  if (detail.channel === 'none') return { sentence: `There was nobody to answer: ${ended(reasonWhyNot(detail.rule))}` };
  const way = detail.channel === 'phone' ? 'on the phone' : 'by e-mail';
  const [again, instead] = detail.again ? [' again', ', in the place of the letter that did not arrive'] : ['', ''];
  return {
    sentence: `Answered${again} ${way} by ${nameOf(context, by)}${instead}.${promised(detail.promisedOn, at, context)}${detail.final ? ' This was our final answer.' : ''}`,
  };
}

const promised = (day: string | null, at: Date, { company }: Context): string =>
  day ? ` A promise until the end of ${longDate(day, at, company.timezone)}.` : '';

function answeredForCustomer(event: Happened<'answered'>, context: Context): string | undefined {
  const { at, by, detail } = event;
  if (detail.channel === 'none' || (detail.channel === 'email' && !mayHaveLeft(event, context))) return undefined;
  const did = detail.channel === 'phone' ? 'spoke to you' : `wrote to you${detail.again ? ' again' : ''}`;
  const promise = detail.promisedOn
    ? ` and promised that you hear from us by ${longDate(detail.promisedOn, at, context.company.timezone)}`
    : '';
  return `${nameAndTitle(context, by)} ${did}${promise}.`;
}

/** The letter that says it neither waits to leave, or is in doubt, nor was out of date or given up before it could; one that was to be sent again may have been
 *  read before that. */
const mayHaveLeft = ({ detail: { round } }: Happened<'answered'>, { after }: Context): boolean => {
  const letter = after.find(
    (later): later is Happened<'sent'> =>
      later.kind === 'sent' && later.detail.purpose === 'answer' && later.detail.round === round,
  );
  if (!letter) return false;
  const before = after.slice(0, after.indexOf(letter));
  if (before.some((each) => each.kind === 'repaired' && each.detail.action === 'resend')) return true;
  return !['overtaken', leftUnsent, promiseOver].some((code) => code === letter.detail.error);
};

const lastAnswer = ({ before }: Context): Happened<'answered'> | undefined =>
  before.findLast((event): event is Happened<'answered'> => event.kind === 'answered');

function called({ at, by, detail }: Happened<'called'>, context: Context): string | Said | undefined {
  const toStaff = context.telling.audience === 'staff';
  const name = nameOf(context, by);
  if (detail.outcome === 'reached' && detail.purpose === 'told')
    return {
      kind: 'told',
      sentence: toStaff ? `${name} told them what was decided, on the phone.` : `${name} told you what was decided.`,
    };
  if (detail.outcome === 'reached') {
    // The call that answers is the answer, but for one in the place of a letter that did not arrive.
    if (lastAnswer(context)?.detail.channel !== 'email') return undefined;
    return toStaff
      ? `${name} told them on the phone what stands in the letter.${promised(detail.promisedOn, at, context)}`
      : `${name} spoke to you.`;
  }
  if (!toStaff) return detail.outcome === 'no_reply' ? `${name} tried to call you.` : undefined;
  return detail.outcome === 'no_reply'
    ? `${name} called; nobody answered.`
    : `${name} called; the number is somebody else’s.`;
}

function decided({ at, by, detail }: Happened<'decided'>, context: Context): string {
  const name = nameOf(context, by);
  const internal = detail.internalReason ? ` Among colleagues: ${quoted(detail.internalReason)}` : '';
  if (detail.outcome === 'deferred') {
    const until = detail.wakeAt ? ` until ${clockTime(detail.wakeAt, at, context.company.timezone)}` : '';
    const people = detail.untilPeople ? `, or until ${inWords(detail.untilPeople)} people have asked` : '';
    return `${name} keeps listening${until}${people}: ${quoted(detail.reason)}${internal}`;
  }
  return `${name} decided: ${outcomeInWords(detail, at, context)}. ${quoted(detail.reason)}${internal}`;
}

function outcomeInWords(
  { outcome, scope, doneBy }: Pick<Happened<'told'>['detail'], 'outcome' | 'scope' | 'doneBy'>,
  at: Date,
  { company }: Context,
): string {
  if (outcome === 'deferred') return 'not yet';
  if (outcome === 'declined') return 'no';
  return `yes, for ${scope === 'these' ? 'these people' : 'everyone'}${doneBy ? `, by ${longDate(doneBy, at, company.timezone)}` : ''}`;
}

function told({ at, detail }: Happened<'told'>, context: Context): Said {
  if (!detail.channel)
    return {
      sentence: `They could not be told what was decided: ${ended(reasonWhyNot(detail.whyNot))}`,
    };
  if (detail.channel === 'phone')
    return { kind: 'decided', sentence: 'They want a call, and are to be told what was decided.' };
  return {
    sentence: `Told ${detail.channel === 'email' ? 'by e-mail ' : ''}what was decided: ${outcomeInWords(detail, at, context)}.`,
  };
}

const reasonWhyNot = (code: string | null): string =>
  whyNot[code ?? ''] ?? code?.replaceAll('_', ' ') ?? 'there is no way to reach them';

const whyNot: Record<string, string> = {
  nobody: 'no customer was captured with it',
  no_consent: 'they did not agree to be written to or called',
  no_address: 'there is no address they agreed to',
  wrong_number: 'the number they left is somebody else’s',
  suppressed: 'they asked us to stop writing',
  bounced: 'the address they left takes no mail',
  not_me: 'whoever has that address says it was not them',
  told_before: 'they had been told already',
  closed: 'it was closed by then',
};

function toldToCustomer({ at, by, detail }: Happened<'told'>, context: Context): string {
  const when =
    detail.outcome === 'adopted' && detail.doneBy
      ? ` It should be done by ${longDate(detail.doneBy, at, context.company.timezone)}.`
      : '';
  return `Decided by ${nameAndTitle(context, by)}: ${detail.outcome === 'adopted' ? 'yes' : 'no'}. ${ended(detail.reason)}${when}`;
}

function sent({ detail }: Happened<'sent'>, toStaff: boolean): Said | undefined {
  const arrived = detail.state === 'sent' || detail.state === 'delivered';
  // Answers and decisions have lines of their own; what became of their letters is news only when they did not arrive.
  if (arrived && detail.purpose === 'receipt')
    return { kind: 'thanked', sentence: toStaff ? 'Thanked by e-mail.' : 'We thanked you by e-mail.' };
  // Left by hand: the line about that says so, and why.
  if (arrived || !toStaff || detail.error === 'left_by_hand') return undefined;
  const letter = letterName(detail.purpose);
  const fate: Record<string, string> = {
    suppressed: 'was not sent: they asked us to stop',
    cancelled: 'was not sent: it was no longer true',
    expired: 'was not sent in time, and was left',
    bounced: 'came back: the address did not take it',
    complained: 'was reported as unwanted',
    failed: 'could not be delivered',
  };
  const told: Record<string, string> = {
    left_in_doubt: 'may not have arrived, and was left at that',
    bounced: 'was not sent: the address takes no mail',
    overtaken: 'was not sent: it was out of date by then',
    [leftUnsent]: 'was not sent, and was given up',
    [promiseOver]: 'was not sent: the day that it promised was over by then',
  };
  const became = told[detail.error ?? ''] ?? fate[detail.state];
  return {
    kind: 'undelivered',
    sentence: `${letter} ${became ?? 'did not arrive'}.`,
    late: detail.state === 'failed' || detail.state === 'bounced',
  };
}

const letterNames: Record<string, string> = {
  receipt: 'The thank-you',
  answer: 'The answer',
  told: 'The letter about the decision',
};

/** What a letter to a customer is called among colleagues. */
export const letterName = (purpose: string): string => letterNames[purpose] ?? 'A letter';

function vouched({ by, detail }: Happened<'vouched'>, context: Context): string {
  const who =
    detail.how === 'given'
      ? 'They gave the address anew at which mail had bounced'
      : `The address at which mail had bounced is right, says ${nameOf(context, by)}`;
  return `${who}: they are written to there again.`;
}

function confirmed({ by, detail }: Happened<'confirmed'>, context: Context): string {
  const customer = context.telling.customer ?? 'the customer';
  const says = saidTo[detail.question][detail.says];
  const heard = by ? `, as ${nameOf(context, by)} heard` : '';
  return `${says}, ${customer} says${heard}${detail.late ? ', after we had stopped waiting' : ''}.${detail.words ? ` ${quoted(detail.words)}` : ''}`;
}

const confirmedByCustomer = ({ detail }: Happened<'confirmed'>): string =>
  `You said that it ${detail.question === 'explained' ? 'was' : 'is'} ${lower(saidTo[detail.question][detail.says])}.`;

/** Whether what ended with their yes was that we explained ourselves, and nothing more. */
const wasOnlyExplained = ({ before }: Context): boolean =>
  before.findLast((event): event is Happened<'confirmed'> => event.kind === 'confirmed' && event.detail.says === 'yes')
    ?.detail.question === 'explained';

function closed({ by, detail }: Happened<'closed'>, context: Context): string | undefined {
  switch (detail.how) {
    case 'settled':
      return wasOnlyExplained(context) ? 'Closed: it was explained clearly.' : 'Closed: it is settled.';
    case 'silent':
      return 'Closed without a word from the customer.';
    case 'nobody_to_reach':
      return 'Closed: there is nobody to ask whether it is settled.';
    case 'dismissed':
      return by ? `No action, says ${nameOf(context, by)}: ${ended(detail.reason ?? '')}` : 'Closed without action.';
    case 'final':
      return 'Closed: our final answer had been given.';
    case 'completed':
      return 'Closed: decided, told and done.';
    case 'declined':
      return 'Closed: decided and told.';
    case 'joined':
      return 'Closed: who asked for it belongs to another one now.';
    case 'erased':
      return 'Closed: what was said was erased.';
    default:
      // Not settled: the next line starts again.
      return undefined;
  }
}

function closedForCustomer({ detail }: Happened<'closed'>, context: Context): string | undefined {
  if (detail.how === 'settled')
    return wasOnlyExplained(context) ? 'We are glad it was explained clearly.' : 'We are glad it is settled.';
  if (detail.how === 'dismissed') return 'We read it, and there is nothing for us to do about it.';
  return detail.how === 'silent' ? 'We did not hear from you, and left it at that. You can still say so.' : undefined;
}

const repairs = { wake: 'Looked at again', resend: 'Sent again', leave: 'Left as it is' };

function titleOf(
  { kind, attributes: { item, ...attributes } }: Pick<Happened<'joined'>['detail'], 'kind' | 'attributes'>,
  { company }: Context,
): string {
  return `“${insightTitle(company, { kind, ...(item !== undefined && { item }), attributes })}”`;
}

/** Who held the loop when this happened. */
function holderAt({ before }: Context): string | undefined {
  const last = before.findLast((event): event is Happened<'owned'> => event.kind === 'owned');
  return last?.detail.staff;
}

const whom = ({ staff, role }: { staff: string | null; role: string }, context: Context): string =>
  staff ? nameOf(context, staff) : `The ${role}`;

const nameOf = ({ company }: Context, staff: string | null): string =>
  staff === null ? 'Somebody' : (company.staff[staff]?.name ?? staff);

function nameAndTitle(context: Context, staff: string | null): string {
  const title = staff === null ? undefined : context.company.staff[staff]?.title;
  return title ? `${nameOf(context, staff)} (${title})` : nameOf(context, staff);
}
const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const quoted = (text: string): string => `“${text.trim()}”${/[.!?…]$/.test(text.trim()) ? '' : '.'}`;
