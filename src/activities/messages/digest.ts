/** "Seven more things wait for you": in place of calls that would have been too many at a time, naming each that still waits. */

import { localDate } from '../../domain/calendar.ts';
import { capital } from '../../domain/capital.ts';
import { zoneOf } from '../../domain/localTime.ts';
import { longDate } from '../../domain/longDate.ts';
import { elapsedInWords, happenedAt, inWords } from '../../domain/moments.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import { decidedAnew } from '../../domain/whatIsNext.ts';
import { loopsNamedIn } from '../../store/records/digests.ts';
import { dueNow, isPutOff } from '../../store/views/insights.ts';
import { tasksOf, type Asks, type Task } from '../../store/views/tasks.ts';
import { shade } from './card.ts';
import { toColleague } from './colleague.ts';
import { cancelled, placeName, type Composed, type Composing } from './composing.ts';

/** Each on a line of its own; of more than that the references alone. */
const mostLines = 20;

export async function digest(composing: Composing, delivery: Delivery): Promise<Composed> {
  const { db, company, publicUrl } = composing;
  const { occasion, staff } = delivery;
  if (!occasion || !staff) return cancelled('erased');
  const named = new Set(await loopsNamedIn(db, occasion));
  const { now, tasks } = await tasksOf(db, company, staff);
  const waiting = tasks.filter((task) => named.has(loopOf(task).id));
  if (waiting.length === 0) return cancelled('met');

  const count = waiting.length;
  const oldest = new Date(Math.min(...waiting.map((task) => since(task).getTime())));
  const lines = waiting.slice(0, mostLines).map((task) => {
    const { reference, place } = loopOf(task);
    return { text: `${reference}, ${placeName(company, place)}: ${askedOf(task, now, zoneOf(company, place))}.` };
  });
  const rest = waiting.slice(mostLines).map((task) => loopOf(task).reference);
  return toColleague(composing, delivery, {
    subject: count === 1 ? 'One more thing waits for you' : `${capital(inWords(count))} more things wait for you`,
    parts: [
      {
        text: `You were called so often by now that ${count === 1 ? 'this one was kept back. It' : 'these are told together. The oldest'} has waited ${elapsedInWords(oldest, now)}.`,
      },
      ...lines,
      ...(rest.length > 0 ? [{ text: `And: ${rest.join(', ')}.` }] : []),
    ],
    link: { label: 'My tasks', url: `${publicUrl}/tasks` },
    colour: shade.amber,
  });
}

const loopOf = (task: Task) => (task.about === 'signal' ? task.signal : task.insight);
const since = (task: Task): Date => (task.about === 'signal' ? task.signal.captured_at : task.insight.opened_at);

function askedOf(task: Task, now: Date, zone: string): string {
  if (task.about === 'signal')
    return task.anew ? `wait, ${decidedAnew} ${happenedAt(task.anew, now, zone)}` : asked[task.asks];
  if (!isPutOff(task.insight, now)) return asked[task.asks];
  return `${asked.take}; it was put off until ${longDate(localDate(dueNow(task.insight), zone), now, zone)}`;
}

const asked: Record<Asks, string> = {
  review: 'please read it',
  take: 'please take it',
  letter: 'please answer the customer',
  call: 'please call the customer',
  tell: 'please call the customer about what was decided',
  promise: 'the day you promised has come',
  doubt: 'a letter may not have arrived',
  decide: 'please decide',
  undo: 'what you decided can still be taken back',
  complete: 'is it done?',
};
