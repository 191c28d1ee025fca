/** What a customer said, and what a colleague should know before answering: as far as the place lets it be quoted. */

import type { OfferTaken } from '../../domain/company.ts';
import { longDate } from '../../domain/longDate.ts';
import { happenedAt } from '../../domain/moments.ts';
import type { Question } from '../../domain/questions.ts';
import { personName, type Composing } from './composing.ts';
import type { Part } from './mail.ts';
import type { SignalTask } from './task.ts';

export function aboutSignal(composing: Composing, task: SignalTask, now: Date): Part[] {
  const { company } = composing;
  const { signal, said, quote } = task;
  const open = task.quoting !== 'link';
  const of = whoAndWhere(composing, task, now);
  const facts = [
    task.saidNoTo && saidNo[task.saidNoTo],
    open && said.unmet && `Why it could not be met: ${said.unmet}.`,
    open && said.offered && `Offered instead: ${said.offered}${signal.taken ? `, ${taken[signal.taken]}` : ''}.`,
    signal.asked_the_same && `${others(signal.asked_the_same)} asked the same.`,
    signal.owed && `We still owe them an answer to something they said before.`,
    signal.promised_on && `They were promised to hear by ${longDate(signal.promised_on, now, task.zone)}.`,
  ].filter((line) => typeof line === 'string');
  const note = open && said.note && signal.captured_by;
  return [
    quote === undefined
      ? { text: `${of}.\nWhat was said is not quoted in messages; it is behind the link.` }
      : { words: quote, of },
    ...(facts.length > 0 ? [{ text: facts.join('\n') }] : []),
    ...(note ? [{ text: `${personName(company, signal.captured_by)} adds: ${said.note}` }] : []),
  ];
}

/** "Kim Adler at High Street, at 10:02, heard by Mina Okafor": the name only where the words may be read, too. */
export function whoAndWhere(composing: Composing, task: SignalTask, now: Date): string {
  const { signal, said } = task;
  const who = (task.quoting !== 'link' && said.customer_name) || 'A customer';
  const heardBy = signal.captured_by ? `, heard by ${personName(composing.company, signal.captured_by)}` : '';
  return `${who} at ${task.placeName}, ${happenedAt(signal.said_at, now, task.zone)}${heardBy}`;
}

/** Whoever was told a no is asked something else than whoever was answered. */
const saidNo: Record<Question, string> = {
  settled: 'They were answered, and say it is not settled.',
  explained: 'They were told what was decided, and say it was not explained clearly.',
};

const taken: Record<OfferTaken, string> = { accepted: 'accepted', refused: 'refused', unsure: 'not sure' };

export const others = (count: number): string => (count === 1 ? 'One other' : `${count} others`);
