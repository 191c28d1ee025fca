/** What became of what a colleague captured. Nothing here ranks anybody. */

import { longDate } from '../../domain/longDate.ts';
import { quotableTitle } from '../../domain/template.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import { closureOf, decisionBehind } from '../../store/views/messages.ts';
import { shade } from './card.ts';
import { cancelled, personName, type Composed, type Composing } from './composing.ts';
import type { Part } from './mail.ts';
import { toColleague } from './colleague.ts';
import { readTask, type SignalTask } from './task.ts';

interface News {
  subject: string;
  text: string;
}

export async function news(composing: Composing, delivery: Delivery): Promise<Composed> {
  const { loop_id: loopId, now } = delivery;
  const task = loopId ? await readTask(composing, loopId, now) : null;
  if (task?.kind !== 'signal') return cancelled('erased');
  const told = delivery.occasion
    ? await ofDecision(composing, delivery.occasion)
    : await ofClosure(composing, task, delivery.round ?? task.round);
  if (!told) return cancelled('nothing_new');
  const parts: Part[] = [
    ...(task.quote === undefined ? [] : [{ words: task.quote, of: `at ${task.placeName}, ${task.reference}` }]),
    { text: told.text },
  ];
  return toColleague(composing, delivery, {
    subject: told.subject,
    parts,
    link: { label: 'What you captured', url: `${composing.publicUrl}/mine` },
    colour: shade.green,
  });
}

async function ofDecision({ db, company }: Composing, decisionId: string): Promise<News | undefined> {
  const decision = await decisionBehind(db, decisionId);
  if (!decision) return undefined;
  const what = quotableTitle(company, decision);
  const who = personName(company, decision.by);
  if (decision.outcome === 'adopted') {
    const doneBy = decision.done_by ? ` It should be done by ${longDate(decision.done_by)}.` : '';
    return {
      subject: `Yes to ${what}: you heard it`,
      text: `${who} decided: yes to ${what}. You heard it.\n${decision.reason}${doneBy}`,
    };
  }
  return {
    subject: `No to ${what}, and why`,
    text: `${who} decided: no to ${what}. You heard it, and it was weighed.\nThe reason: ${decision.reason}`,
  };
}

async function ofClosure({ db, company }: Composing, task: SignalTask, round: number): Promise<News | undefined> {
  const closure = await closureOf(db, task.id, round);
  const reference = task.reference;
  switch (closure?.how) {
    case 'dismissed': {
      const who = closure.by ? `${personName(company, closure.by)} read it` : 'It was read by rule';
      return {
        subject: `No action on ${reference}, and why`,
        text: `${who}, and nothing will be done about it.\nThe reason: ${closure.reason ?? 'none was given'}`,
      };
    }
    case 'settled':
      return {
        subject: `Settled: ${reference}`,
        text: 'The customer says it is settled. It began with you listening.',
      };
    case 'not_settled':
      return {
        subject: `Not settled yet: ${reference}`,
        text: 'The customer says it is not settled. It is with somebody more senior now.',
      };
    case 'final':
      return {
        subject: `Closed: ${reference}`,
        text: 'A final answer was given, and what the customer said to it is kept.',
      };
    default:
      return undefined;
  }
}
