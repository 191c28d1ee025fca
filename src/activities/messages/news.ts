/** What became of what a colleague captured. Nothing here ranks anybody. */

import { mayActOnSignal } from '../../domain/entitlement.ts';
import { longDate } from '../../domain/longDate.ts';
import { saidTo } from '../../domain/questions.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import { nameOfStaff } from '../../store/records/staff.ts';
import { closureOf, decisionBehind, titleInMessages } from '../../store/views/messages.ts';
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
    ? await ofDecision(composing, delivery.occasion, now)
    : await ofClosure(composing, task, delivery);
  if (!told) return cancelled('nothing_new');
  // Whoever has moved on hears what became of it, and reads nothing more of its customer.
  const { staff } = delivery;
  const isTheirs = mayActOnSignal(composing.company, staff ?? '', { place: task.place, owner: task.owner, told: [] });
  const parts: Part[] = [
    ...(task.quote === undefined || !isTheirs
      ? []
      : [{ words: task.quote, of: `at ${task.placeName}, ${task.reference}` }]),
    { text: told.text },
  ];
  return toColleague(composing, delivery, {
    subject: told.subject,
    parts,
    link: { label: 'What you captured', url: `${composing.publicUrl}/mine` },
    colour: shade.green,
  });
}

async function ofDecision({ db, company }: Composing, decisionId: string, now: Date): Promise<News | undefined> {
  const decision = await decisionBehind(db, decisionId);
  if (!decision) return undefined;
  const what = await titleInMessages(db, company, { ...decision, id: decision.insight_id });
  const who = company.staff[decision.by]?.name ?? (await nameOfStaff(db, decision.by)) ?? 'A colleague';
  if (decision.outcome === 'adopted') {
    const doneBy = decision.done_by
      ? ` It should be done by ${longDate(decision.done_by, now, company.timezone)}.`
      : '';
    // Whoever asks next at the counter is told what the capturer has read.
    const whom = decision.scope === 'these' ? ', for everyone who asked' : '';
    return {
      subject: `Yes to ${what}: you heard it`,
      text: `${who} decided: yes to ${what}${whom}. You heard it.\n${decision.reason}${doneBy}`,
    };
  }
  return {
    subject: `No to ${what}, and why`,
    text: `${who} decided: no to ${what}. You heard it, and it was weighed.\nThe reason: ${decision.reason}`,
  };
}

async function ofClosure({ db, company }: Composing, task: SignalTask, delivery: Delivery): Promise<News | undefined> {
  const round = delivery.round ?? task.round;
  const closure = await closureOf(db, task.id, round);
  if (!closure) return undefined;
  const reference = task.reference;
  const isExplained = closure.question === 'explained';
  // A round is closed once, and what they say may come after that (a no after a yes, either after silence): whoever hears of it is not told of that
  // end again.
  const [isNo, isYes] = ['not_settled', 'settled'].map((occasion) =>
    delivery.dedupe_key.startsWith(`news:${task.id}:${round}:${occasion}:`),
  );
  const how = isYes ? 'settled' : closure.how;
  switch (isNo ? 'not_settled' : round < task.round ? 'nothing new' : how) {
    case 'dismissed': {
      const who = closure.by ? `${personName(company, closure.by)} read it` : 'It was read by rule';
      return {
        subject: `No action on ${reference}, and why`,
        text: `${who}, and nothing will be done about it.\nThe reason: ${closure.reason ?? 'none was given'}`,
      };
    }
    case 'settled':
      return {
        subject: `${saidTo[closure.question ?? 'settled'].yes}: ${reference}`,
        text: `The customer says it ${isExplained ? 'was explained clearly' : 'is settled'}. It began with you listening.`,
      };
    case 'not_settled':
      return {
        subject: `${isExplained ? saidTo.explained.no : 'Not settled yet'}: ${reference}`,
        text: `The customer says it ${isExplained ? 'was not explained clearly' : 'is not settled'}. It is with somebody more senior now.`,
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
