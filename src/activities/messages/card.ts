/** The one message in Slack per task and person, edited in place: always what is true at the moment it is drawn. */

import { localDate } from '../../domain/calendar.ts';
import { mayActOnSignal, mayDecide } from '../../domain/entitlement.ts';
import { longDate } from '../../domain/longDate.ts';
import { ladderPlansOfSignal, mayBeDismissed, waitsToBeTaken } from '../../domain/loop.ts';
import { happenedAt } from '../../domain/moments.ts';
import { saidTo } from '../../domain/questions.ts';
import { decidedAnew, resting } from '../../domain/whatIsNext.ts';
import type { SlackMessage } from '../../integrations/letter.ts';
import { mrkdwn, plainText, quotation } from '../../integrations/slack.ts';
import { cardOf } from '../../store/records/cards.ts';
import { toldByLadder } from '../../store/records/plans.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import { staffByCode } from '../../store/records/staff.ts';
import { dueNow, enoughHaveAsked, insightNow, plansOf } from '../../store/views/insights.ts';
import { decisionBehind, lastCall, type Call, type Decided } from '../../store/views/messages.ts';
import { howMany, quotable } from './aboutInsight.ts';
import { others, whoAndWhere } from './aboutSignal.ts';
import { cancelled, personName, type Composed, type Composing } from './composing.ts';
import { readTask, whatIsNext, whyYouWhyNow, type InsightTask, type SignalTask, type Task } from './task.ts';

/** Red: nobody has taken it. Amber: somebody is on it. Green: closed. The word for it always stands there, too. */
export const shade = { red: '#a3341c', amber: '#c98a12', green: '#0b5d4e' } as const;

/** Edits the card somebody has, so that it says what is true now. */
export async function card(composing: Composing, delivery: Delivery): Promise<Composed> {
  const { db } = composing;
  const { loop_id: loopId, staff, now } = delivery;
  const edit = loopId && staff ? await cardOf(db, loopId, staff) : null;
  const task = edit ? await readTask(composing, loopId!, now) : null;
  const person = staff ? await staffByCode(db, staff) : null;
  if (!edit || !task || !person) return cancelled('no_card');
  // Whoever it is no longer given to keeps what they had, and is told nothing more.
  if (!(await isStillGiven(composing, task, person.code))) return cancelled('not_theirs');
  const call = await lastCall(db, { loopId: task.id, round: task.round, staff: person.code, plan: null });
  const drawn = await drawCard(composing, task, { staff: person.code, call, now });
  return { slack: { to: person.slack_id ?? person.email, ...drawn, edit } };
}

async function isStillGiven({ db, company }: Composing, task: Task, staff: string): Promise<boolean> {
  const told = await toldByLadder(db, task.id, task.round);
  return task.kind === 'signal'
    ? mayActOnSignal(company, staff, { place: task.place, owner: task.owner, told })
    : mayDecide(company, staff, { decider: task.owner, told });
}

interface Viewer {
  staff: string;
  /** The rung that called them, if it was one. */
  call: Call | null;
  now: Date;
}

export async function drawCard(
  composing: Composing,
  task: Task,
  viewer: Viewer,
): Promise<Pick<SlackMessage, 'text' | 'blocks' | 'colour'>> {
  const noun = task.kind === 'signal' ? 'signal' : 'decision';
  const { colour, word } =
    task.kind === 'signal' ? await signalStands(composing, task, viewer) : insightStands(composing, task, viewer);
  const buttons = task.kind === 'signal' ? signalButtons(task, viewer) : insightButtons(composing, task, viewer);
  const isTheirs = task.wait !== undefined && buttons.length > 0;
  const next = task.stage === 'closed' ? undefined : whatIsNext(composing, task, viewer.staff, viewer.now);
  const context = [word, ...(isTheirs ? [whyYouWhyNow(composing, task, viewer)] : []), next].filter(
    (line) => line !== undefined,
  );
  return {
    text: mrkdwn([`${task.reference}, ${task.placeName}.`, word, next].filter(Boolean).join(' ')),
    colour,
    blocks: [
      header(task, noun),
      ...(task.kind === 'signal' ? wordsOf(composing, task, viewer.now) : await wordsBehind(composing, task)),
      {
        type: 'context',
        block_id: `block_${noun}_context`,
        elements: context.map((line) => plainText(line, 1500)),
      },
      ...(buttons.length > 0
        ? [{ type: 'actions', block_id: `block_${noun}_response`, elements: buttons.map((b) => button(task, b)) }]
        : []),
    ],
  };
}

/** A title may hold a customer's own words: rich text, in which nothing is read as anything else. */
function header(task: Task, noun: string): object {
  return {
    type: 'rich_text',
    block_id: `block_${noun}_header`,
    elements: [
      {
        type: 'rich_text_section',
        elements: [
          { type: 'text', text: plainText(task.title, 300).text, style: { bold: true } },
          { type: 'text', text: ` · ${task.placeName} · ` },
          { type: 'link', url: task.url, text: task.reference },
        ],
      },
    ],
  };
}

function wordsOf(composing: Composing, task: SignalTask, now: Date): object[] {
  const { quote, said, signal } = task;
  const open = quote !== undefined;
  const lines = [
    `${whoAndWhere(composing, task, now)}.`,
    open ? undefined : 'What was said is not quoted here; it is behind the reference.',
    open && said.offered && signal.taken === 'refused' ? `${said.offered} was offered and refused.` : undefined,
    signal.asked_the_same ? `${others(signal.asked_the_same)} asked the same.` : undefined,
  ].filter((line) => line !== undefined);
  return [
    ...(open ? [quotation(quote, 'block_signal_verbatim')] : []),
    { type: 'section', text: plainText(lines.join(' '), 1000) },
  ];
}

async function wordsBehind(composing: Composing, task: InsightTask): Promise<object[]> {
  const verbatims = await quotable(composing, task);
  return [
    ...verbatims.slice(0, 3).map(({ words }, i) => quotation(words, i === 0 ? 'block_decision_verbatim' : undefined)),
    { type: 'section', text: plainText(await howMany(composing, task), 500) },
  ];
}

interface Standing {
  colour: string;
  word: string;
}

async function signalStands(
  { db, company }: Composing,
  { signal, stage, zone, anew, saidNoTo }: SignalTask,
  { staff, now }: Viewer,
): Promise<Standing> {
  const name = (code: string | null): string => (code === staff ? 'you' : personName(company, code));
  const at = (moment: Date | null): string => (moment ? ` ${happenedAt(moment, now, zone)}` : '');
  const again = saidNoTo ? `${saidTo[saidNoTo].no}; starting again. ` : '';
  if (signal.restricted && stage !== 'closed') return { colour: shade.amber, word: resting };
  switch (stage) {
    case 'captured':
    case 'review':
      return { colour: shade.red, word: 'Not read yet.' };
    case 'acknowledge':
      return { colour: shade.red, word: `${again}Not taken yet.` };
    case 'answer':
      return {
        colour: shade.amber,
        word: `${again}Taken by ${name(signal.owner)}${at(signal.acknowledged_at)}. ${(await toCallAbout()) ?? 'Not answered yet.'}`,
      };
    case 'decision': {
      const call = await toCallAbout();
      if (call) return { colour: shade.amber, word: `${answered()} ${call}` };
      const insight = signal.insight_id ? await insightNow(db, signal.insight_id) : null;
      const decides = insight
        ? ` ${personName(company, insight.decider)} decides by ${longDate(localDate(dueNow(insight), zone), now, zone)}.`
        : '';
      return { colour: shade.amber, word: `${answered()}${decides}` };
    }
    case 'confirmation':
      return {
        colour: shade.amber,
        word: `${signal.told_at ? `The customer was told${at(signal.told_at)}.` : answered()} We wait for their word.`,
      };
    case 'closed':
      return { colour: shade.green, word: closed() };
  }

  async function toCallAbout(): Promise<string | undefined> {
    if (anew) return `Wait: ${decidedAnew} ${happenedAt(anew, now, zone)}.`;
    const decision = signal.told_channel === 'phone' ? await decisionBehind(db, signal.told_decision_id!) : null;
    if (!decision) return undefined;
    const what = decidedWhat(decision.outcome, decision.scope);
    return `Decided by ${name(decision.by)}${at(decision.decided_at)}: ${what}. The customer waits for a call.`;
  }

  function answered(): string {
    return signal.answered_by
      ? `Answered by ${name(signal.answered_by)}${at(signal.answered_at)}.`
      : 'There is nobody to answer.';
  }

  function closed(): string {
    switch (signal.closed_how) {
      case 'settled':
        return `Closed: ${saidTo[signal.closed_question ?? 'settled'].yes.toLowerCase()}, the customer says.`;
      case 'silent':
        return 'Closed: the customer said nothing more.';
      case 'nobody_to_reach':
        return 'Closed: nobody to reach.';
      case 'final':
        return 'Closed with a final answer.';
      case 'dismissed':
        return `Closed${signal.closed_by ? ` by ${name(signal.closed_by)}${at(signal.closed_at)}` : ''}: no action, because: ${signal.closed_reason ?? 'no reason was given'}`;
      default:
        return 'Closed.';
    }
  }
}

function insightStands(
  { company }: Composing,
  { insight, stage, zone }: InsightTask,
  { staff, now }: Viewer,
): Standing {
  const name = (code: string | null): string => (code === staff ? 'you' : personName(company, code));
  const decided = insight.outcome
    ? `Decided by ${name(insight.decided_by)} ${happenedAt(insight.decided_at!, now, zone)}: ${decidedWhat(insight.outcome, insight.scope)}.`
    : '';
  switch (stage) {
    case 'decide':
      if (insight.outcome === 'deferred')
        return {
          colour: shade.amber,
          word: `${decided} ${enoughHaveAsked(insight) ? enoughAsked : `Time to look again: ${longDate(localDate(insight.wake_at!, zone), now, zone)}.`}`,
        };
      return {
        colour: insight.acknowledged_at ? shade.amber : shade.red,
        word: `Not decided yet: by ${longDate(localDate(insight.decide_by, zone), now, zone)}.`,
      };
    case 'undo': {
      const until = `until ${happenedAt(insight.final_at!, now, zone).replace(/^at /, '')}`;
      return {
        colour: shade.amber,
        word: `${decided} ${insight.decided_by === staff ? 'You can take it back' : 'It can be taken back'} ${until}.`,
      };
    }
    case 'tell':
      return { colour: shade.amber, word: `${decided} People are being told.` };
    case 'complete':
      return { colour: shade.amber, word: `${decided} To be done by ${longDate(insight.done_by!, now, zone)}.` };
    case 'finish':
    case 'closed':
      return { colour: shade.green, word: `Closed. ${decided}${insight.completed_at ? ' Done.' : ''}` };
  }
}

const enoughAsked = 'As many have asked as were waited for: time to look again.';

function decidedWhat(outcome: Decided['outcome'], scope: Decided['scope']): string {
  const said = {
    adopted: scope === 'these' ? 'yes, for these people' : 'yes, for everyone',
    declined: 'no',
    deferred: 'keep listening',
  };
  return said[outcome];
}

interface Button {
  id: string;
  label: string;
  style?: 'primary' | 'danger';
  /** The decision that it takes back. */
  seen?: string;
}

const button = (task: Task, { id, label, style, seen }: Button): object => ({
  type: 'button',
  action_id: id,
  text: plainText(label, 75),
  value: `${task.id}:${task.round}${seen ? `:${seen}` : ''}`,
  ...(style && { style }),
});

const taking: Button = { id: 'action_signal_acknowledge', label: 'I’ll take it', style: 'primary' };
const dismissing: Button = { id: 'action_signal_dismiss', label: 'No action, because…' };
const recordingCall: Button = { id: 'action_signal_call', label: 'Record the call' };
const handingOver: Button = { id: 'action_signal_hand_over', label: 'Hand over' };
const takingDecision: Button = { id: 'action_decision_acknowledge', label: 'I’ll take it' };
const givingDecision: Button = { id: 'action_decision_hand_over', label: 'Hand over' };

/** What the viewer can still say: nothing while it rests. Once a colleague has taken it there is nothing left for the others. */
function signalButtons({ signal, stage, owner, anew }: SignalTask, { staff }: Viewer): Button[] {
  if (signal.restricted) return [];
  const byPhone: Button[] = anew ? [] : [{ ...recordingCall, style: 'primary' }];
  const ending = mayBeDismissed(signal) ? [dismissing] : [];
  switch (stage) {
    case 'review':
      return [{ id: 'action_signal_review', label: 'Read it', style: 'primary' }, ...ending];
    case 'acknowledge':
      return [taking, handingOver, ...ending];
    case 'answer':
      if (owner !== staff) return [];
      return [
        ...(signal.owed_by === 'phone'
          ? byPhone
          : [
              { id: 'action_signal_answer', label: 'Answer', style: 'primary' } as const,
              ...(signal.may_be_called ? [recordingCall] : []),
            ]),
        handingOver,
        ...ending,
      ];
    case 'decision':
      return [
        ...(waitsToBeTaken(ladderPlansOfSignal(signal)) ? [taking] : []),
        ...(signal.told_channel === 'phone' && owner === staff ? [...byPhone, handingOver] : []),
      ];
    default:
      return [];
  }
}

/** Whoever is given what waits to be decided or done is called until they say that it is theirs. */
function insightButtons(
  { company }: Composing,
  { insight, stage, owner }: InsightTask,
  { staff, now }: Viewer,
): Button[] {
  const given = waitsToBeTaken(plansOf(insight, company, now)) ? [takingDecision] : [];
  switch (stage) {
    case 'decide':
      return [
        { id: 'action_decision_adopt', label: 'Yes, for everyone', style: 'primary' },
        { id: 'action_decision_adopt_these', label: 'Yes, for these people' },
        { id: 'action_decision_decline', label: 'No, because…' },
        { id: 'action_decision_defer', label: 'Keep listening' },
        ...given,
        givingDecision,
      ];
    case 'undo':
      return insight.decided_by === staff
        ? [{ id: 'action_decision_take_back', label: 'Take it back', seen: insight.decision_id! }]
        : [];
    case 'complete':
      return [
        ...(owner === staff
          ? [{ id: 'action_decision_complete', label: 'It is done', style: 'primary' } as const]
          : []),
        ...given,
        givingDecision,
      ];
    default:
      return [];
  }
}
