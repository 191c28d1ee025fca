/** The forms that a button opens: what to know before saying it, and the fields of one response. */

import { localDate } from '../../domain/calendar.ts';
import { seenWhenDrawn } from '../../domain/decisions.ts';
import { maySeePlace } from '../../domain/entitlement.ts';
import { longDate } from '../../domain/longDate.ts';
import { extract, quotingOf } from '../../domain/template.ts';
import { quotation } from '../../integrations/slack.ts';
import type { Db } from '../../store/pool.ts';
import {
  refusedInstead,
  titleInMessages,
  verbatimsOf,
  whatWasSaid,
  type Verbatim,
} from '../../store/views/messages.ts';
import { previewTellings, type TellingPreview } from '../../store/views/tellingPreview.ts';
import { draftAnswer } from '../responses/draft.ts';
import { checkboxes, date, field, modal, mostCheckboxes, prose, radio, select, sentence, text } from './modal.ts';
import type { Task } from './task.ts';

type SignalTask = Extract<Task, { kind: 'signal' }>;
type InsightTask = Extract<Task, { kind: 'insight' }>;

/** Slack takes no longer text to begin with. */
const longestDraft = 3000;

export function handOverForm(task: Task): object {
  const { company } = task.configuration;
  const owner = task.kind === 'signal' ? task.signal.owner : task.insight.decider;
  const place = task.kind === 'signal' ? task.signal.place : task.insight.place;
  const isHere = (code: string): boolean => maySeePlace(company, code, place);
  const colleagues = Object.entries(company.staff)
    .filter(([code]) => code !== owner)
    // Whoever works at the place stands first.
    .sort(([a], [b]) => Number(isHere(b)) - Number(isHere(a)))
    .map(([code, { name, title }]) => ({ value: code, label: `${name}, ${title}` }));
  return modal({
    callbackId: task.kind === 'signal' ? 'view_signal_hand_over' : 'view_decision_hand_over',
    title: 'Hand over',
    submit: 'Hand over',
    value: `${task.value}:${owner}`,
    blocks: [
      field('to', { label: 'To' }, select(colleagues)),
      field(
        'reason',
        { label: 'Why them?', hint: 'They read this. Their own clock begins; the customer’s goes on.' },
        text(),
      ),
    ],
  });
}

export function dismissForm(task: SignalTask): object {
  return modal({
    callbackId: 'view_signal_dismiss',
    title: 'No action, because…',
    submit: 'No action',
    value: task.value,
    blocks: [
      field(
        'reason',
        { label: 'Because', hint: 'Whoever captured it is told this. Nothing ends in silence.' },
        text({ lines: true }),
      ),
    ],
  });
}

/** The draft, to be changed and signed. */
export async function answerForm(db: Db, task: SignalTask): Promise<object> {
  const { signal, by, configuration } = task;
  const { company } = configuration;
  const draft = await draftAnswer(db, { company }, signal, by);
  if (draft.text.length > longestDraft) {
    return sentence(
      'Too long for here',
      'The draft is longer than Slack takes in a form. Answer on the page behind the reference instead.',
    );
  }
  return modal({
    callbackId: 'view_signal_answer',
    title: 'Answer the customer',
    submit: 'Send in my name',
    value: task.value,
    blocks: [
      ...(await said(db, task)),
      field(
        'words',
        { label: 'Your answer', hint: 'A draft: change what you like. They can answer you directly.' },
        text({ initial: draft.text, lines: true }),
      ),
      ...(draft.mayPromise
        ? [
            field(
              'promiseOn',
              {
                label: 'A promise: they hear again by',
                optional: true,
                hint: 'Say the same day in your answer, or leave both out.',
              },
              date(draft.promiseOn),
            ),
          ]
        : []),
      ...(draft.mayBeFinal
        ? [
            field(
              'final',
              { label: 'The last word', optional: true },
              checkboxes([{ value: 'yes', label: 'This is our final answer' }]),
            ),
          ]
        : []),
    ],
  });
}

/** What to say, and how it went. */
export async function callForm(db: Db, task: SignalTask): Promise<object> {
  const { by, configuration } = task;
  const signal: SignalTask['signal'] = { ...task.signal, owed_by: 'phone' };
  const script = await draftAnswer(db, configuration, signal, by);
  return modal({
    callbackId: 'view_signal_call',
    title: 'Record the call',
    submit: 'Record',
    value: task.value,
    blocks: [
      prose(script.text),
      field(
        'outcome',
        { label: 'How did it go?' },
        radio([
          { value: 'reached', label: 'I spoke to them' },
          { value: 'no_reply', label: 'No reply', description: 'It stays with you' },
          { value: 'wrong_number', label: 'Somebody else’s number' },
        ]),
      ),
      ...(script.mayPromise
        ? [field('promiseOn', { label: 'A promise: they hear again by', optional: true }, date())]
        : []),
    ],
  });
}

/** A person says what the rules were unsure of. */
export async function reviewForm(db: Db, task: SignalTask): Promise<object> {
  const kinds = Object.entries(task.configuration.company.kinds).map(([value, { name }]) => ({ value, label: name }));
  return modal({
    callbackId: 'view_signal_review',
    title: 'What is it?',
    submit: 'Say so',
    value: task.value,
    blocks: [
      ...(await said(db, task)),
      field(
        'verdict',
        { label: 'Something to act on?' },
        radio([
          { value: 'pursue', label: 'Yes' },
          { value: 'dismiss', label: 'No action, because…' },
        ]),
      ),
      field(
        'course',
        { label: 'If yes: what does it call for?', optional: true },
        radio([
          { value: 'thank', label: 'A thank-you' },
          { value: 'answer', label: 'An answer' },
          { value: 'decide', label: 'An answer and a decision' },
        ]),
      ),
      field('kind', { label: 'Read as', optional: true }, select(kinds)),
      field('reason', { label: 'If no: because', optional: true }, text({ lines: true })),
    ],
  });
}

export type Outcome = 'adopt' | 'adopt_these' | 'decline' | 'defer';

/** Before anything leaves, the decider sees what was said, by how many, and who will be written to and who cannot. */
export async function decideForm(db: Db, task: InsightTask, outcome: Outcome, now: Date): Promise<object> {
  const { insight, configuration } = task;
  const { company } = configuration;
  const [title, verbatims, refused, preview] = await Promise.all([
    titleInMessages(db, company, insight),
    verbatimsOf(db, insight.id, 100),
    refusedInstead(db, company, insight.id),
    previewTellings(db, insight.id),
  ]);
  const people = insight.people === 1 ? 'One person asks for this.' : `${insight.people} people ask for this.`;
  const instead = refused.map((one) => `${one.people} refused ${one.offered}.`).join(' ');
  const quotes = new Map(verbatims.flatMap((v) => quoteOf(task, v) ?? []).map((words) => [words.toLowerCase(), words]));
  const evidence = verbatims.map((v) => ({
    value: v.signal_id,
    label: quoteOf(task, v) ?? `${v.reference}, ${company.places[v.place]?.name ?? v.place}`,
    description: v.reference,
  }));
  const last = {
    internalReason: field(
      'internalReason',
      { label: 'And for colleagues only', optional: true },
      text({ lines: true }),
    ),
    evidence: field(
      'evidence',
      {
        label: 'What it rests on',
        optional: true,
        ...(evidence.length > mostCheckboxes && {
          hint: `These are the latest ${mostCheckboxes}. Older ones can be ticked on its page.`,
        }),
      },
      checkboxes(evidence),
    ),
  };
  const reason = (label: string): object =>
    field('reason', { label, hint: 'Customers read this, word for word.' }, text({ lines: true }));
  const fields: Record<Outcome, object[]> = {
    adopt: [scope('everyone'), reason('Why, for customers'), doneBy()],
    adopt_these: [scope('these'), reason('Why, for customers'), doneBy()],
    decline: [reason('No, because')],
    defer: [
      reason('Why we keep listening'),
      field(
        'wakeAt',
        { label: 'Look again on' },
        date(localDate(new Date(now.getTime() + 30 * 86_400_000), company.timezone)),
      ),
      field('untilPeople', { label: 'Or as soon as so many people ask', optional: true }, text()),
    ],
  };
  return modal({
    callbackId: `view_decision_${outcome === 'adopt_these' ? 'adopt' : outcome}`,
    title: {
      adopt: 'Yes, for everyone',
      adopt_these: 'Yes, for these people',
      decline: 'No, because…',
      defer: 'Keep listening',
    }[outcome],
    submit: outcome === 'defer' ? 'Keep listening' : 'Decide',
    value: `${task.value}:${seenWhenDrawn(insight)}`,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: `${title}?`.slice(0, 150), emoji: false } },
      ...[...quotes.values()].slice(0, 3).map((words) => quotation(words)),
      prose(
        `${people} ${instead} To be decided by ${longDate(localDate(insight.decide_by, company.timezone), now, company.timezone)}.`,
      ),
      ...(outcome === 'defer' ? [] : [prose(whoHears(preview))]),
      ...fields[outcome],
      last.internalReason,
      ...(evidence.length > 0 ? [last.evidence] : []),
    ],
  });
}

const scope = (chosen: string): object =>
  field(
    'scope',
    { label: 'For whom?' },
    radio(
      [
        { value: 'everyone', label: 'For everyone' },
        { value: 'these', label: 'For these people' },
      ],
      chosen,
    ),
  );

const doneBy = (): object => field('doneBy', { label: 'Done by' }, date());

export function completeForm(task: InsightTask): object {
  return modal({
    callbackId: 'view_decision_complete',
    title: 'It is done',
    submit: 'Record',
    value: task.value,
    blocks: [
      field(
        'evidence',
        { label: 'What shows it?', hint: 'A delivery note, a photo’s name, where it hangs.' },
        text({ lines: true }),
      ),
    ],
  });
}

/** "12 will be written to, 2 cannot (no consent)." */
function whoHears({ written, called, cannot, reasons, sample }: TellingPreview): string {
  const why = Object.entries(reasons).map(([code, count]) => `${count}: ${whyNot[code] ?? 'no way to them'}`);
  return [
    `${written} will be written to${called > 0 ? `, ${called} will be called` : ''}, ${cannot} cannot${why.length > 0 ? ` (${why.join('; ')})` : ''}.`,
    ...(sample > 0
      ? [`${sample} of them ${sample === 1 ? 'is a sample person' : 'are sample people'}: nothing really goes to them.`]
      : []),
  ].join(' ');
}

const whyNot: Record<string, string> = {
  nobody: 'gave no name',
  no_consent: 'did not agree to it',
  no_address: 'left no address',
  wrong_number: 'left somebody else’s number',
  suppressed: 'asked us to stop',
  bounced: 'left an address that takes no mail',
  not_me: 'say it was not them',
  closed: 'closed before',
  told_before: 'told before',
};

/** Their words, as far as they may be quoted in Slack. */
async function said(db: Db, { signal, configuration }: SignalTask): Promise<object[]> {
  const { words } = await whatWasSaid(db, signal.id);
  const quoting = quotingOf(configuration.company, { place: signal.place, kind: signal.kind ?? undefined });
  const quote = words === null ? undefined : extract(words, quoting);
  return quote === undefined ? [] : [quotation(quote)];
}

const quoteOf = ({ configuration }: InsightTask, { words, place, kind }: Verbatim): string | undefined =>
  extract(words, quotingOf(configuration.company, { place, kind: kind ?? undefined }));
