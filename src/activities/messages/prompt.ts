/** "This waits for you": to the person a rung names, saying what, by when, why you and why now. */

import { localDate } from '../../domain/calendar.ts';
import { choosing, linkTo } from '../../domain/links.ts';
import { longDate } from '../../domain/longDate.ts';
import type { Wait } from '../../domain/loop.ts';
import type { Delivery } from '../../store/records/deliveries.ts';
import { makeLinkOf } from '../../store/records/links.ts';
import { staffByCode } from '../../store/records/staff.ts';
import { cardOf } from '../../store/records/cards.ts';
import { dueNow, enoughHaveAsked } from '../../store/views/insights.ts';
import { lastCall, type Call } from '../../store/views/messages.ts';
import { mrkdwn } from '../../integrations/slack.ts';
import { drawCard, shade } from './card.ts';
import { cancelled, left, senderAt, type Composed, type Composing } from './composing.ts';
import { drawMail, type Part } from './mail.ts';
import { aboutInsight } from './aboutInsight.ts';
import { aboutSignal } from './aboutSignal.ts';
import { readTask, whatIsNext, whyYouWhyNow, type Task } from './task.ts';
import { dueBy } from './when.ts';

export async function prompt(composing: Composing, delivery: Delivery): Promise<Composed> {
  const { db } = composing;
  const { loop_id: loopId, staff, now } = delivery;
  const task = loopId ? await readTask(composing, loopId, now) : null;
  const person = staff ? await staffByCode(db, staff) : null;
  if (!task) return cancelled('erased');
  if (!person) return left;
  if (task.stage === 'closed' || task.round !== delivery.round) return cancelled('met');
  const call = await lastCall(db, { loopId: task.id, round: task.round, staff: person.code, plan: delivery.occasion });
  if (delivery.channel === 'email') return byEmail(composing, delivery, { task, person, call });

  const to = person.slack_id ?? person.email;
  const card = await cardOf(db, task.id, person.code);
  if (!card) return { slack: { to, ...(await drawCard(composing, task, { staff: person.code, call, now })) } };
  // Their message stands further up and is edited in place; this one rings below it.
  const rings = [
    `${whatIsMissing(task, person.code)}: ${task.reference}, ${task.placeName}.`,
    whyYouWhyNow(composing, task, { staff: person.code, call, now }),
    whatIsNext(composing, task, person.code, now),
  ];
  return {
    slack: {
      to,
      text: rings
        .filter((line) => line !== undefined)
        .map(mrkdwn)
        .join(' '),
      blocks: [],
      colour: shade.red,
      under: card,
    },
  };
}

interface Prompted {
  task: Task;
  person: { code: string };
  call: Call | null;
}

async function byEmail(composing: Composing, delivery: Delivery, { task, person, call }: Prompted): Promise<Composed> {
  const { db, company, publicUrl } = composing;
  const { now } = delivery;
  const what = whatIsMissing(task, person.code);
  const begins = `${what}${byWhen(task, now)}`;
  const subject = `${begins}${begins.endsWith('?') ? '' : ':'} ${task.title} (${task.reference})`;
  const made = await makeLinkOf(db, {
    kind: 'task',
    staff: person.code,
    loopId: task.id,
    round: task.round,
    wait: lastWaitOf(task),
    deliveryId: delivery.id,
  });
  if (!made) return left;
  const link = linkTo(publicUrl, made.token);
  const next = whatIsNext(composing, task, person.code, now);
  const parts: Part[] = [
    ...(task.kind === 'signal'
      ? aboutSignal(composing, task, now)
      : await aboutInsight(composing, task, { staff: person.code, now })),
    { text: whyYouWhyNow(composing, task, { staff: person.code, call, now }) },
    ...(next ? [{ text: next }] : []),
    { links: linksFor(task, link) },
  ];
  return {
    letter: {
      messageId: delivery.message_id,
      from: senderAt(company),
      to: made.person.email,
      subject,
      ...(await drawMail({
        subject,
        parts,
        foot: [
          { aside: 'Opening a link changes nothing: you press a button on the page it leads to, in your name.' },
          { aside: `It works for you alone, until this is settled. ${company.name}` },
        ],
      })),
    },
  };
}

/** A decision has a day; what is to be done by a day is asked about when that is over; everything else has the moment at which somebody else is
 *  told. */
function byWhen(task: Task, now: Date): string {
  if (task.kind === 'insight') {
    const { insight, zone } = task;
    const due = dueNow(insight);
    const isAhead = task.wait === 'decided' && due > now && !enoughHaveAsked(insight);
    return isAhead ? ` by ${longDate(localDate(due, zone), now, zone)}` : '';
  }
  return task.next && task.next.at > now ? ` ${dueBy(task.next.at, now, task.zone)}` : '';
}

/** Whoever takes it by the link answers by it, too: the link lives until then. */
function lastWaitOf(task: Task): Wait | undefined {
  return task.kind === 'signal' && task.wait === 'acknowledged' && task.signal.reach ? 'answered' : task.wait;
}

/** What is asked, as a subject begins: of whoever is answerable, or of somebody above them. */
function whatIsMissing(task: Task, staff: string): string {
  const { owner } = task;
  const wait = task.kind === 'signal' && task.notArrived ? 'answered' : task.wait;
  if (!wait) return 'For you to know';
  return owner === staff ? asked[wait] : stillMissing[wait];
}

const asked: Record<Wait, string> = {
  reviewed: 'Please read',
  acknowledged: 'Please take',
  answered: 'Please answer the customer',
  told: 'Please tell the customer',
  confirmed: 'For you to know',
  decided: 'Please decide',
  completed: 'Is it done?',
};

const stillMissing: Record<Wait, string> = {
  reviewed: 'Nobody has read this',
  acknowledged: 'Nobody has taken this',
  answered: 'The customer has no answer yet',
  told: 'The customer has not been told',
  confirmed: 'For you to know',
  decided: 'Not decided yet',
  completed: 'Not said to be done',
};

function linksFor(task: Task, link: string): { label: string; url: string }[] {
  if (task.kind === 'insight' && task.stage === 'decide') {
    return [
      { label: 'Yes, for everyone', url: choosing(link, '?do=adopt') },
      { label: 'Yes, for these people', url: choosing(link, '?do=these') },
      { label: 'No, because…', url: choosing(link, '?do=decline') },
      { label: 'Keep listening', url: choosing(link, '?do=defer') },
    ];
  }
  const labels: Partial<Record<Wait, string>> = {
    reviewed: 'Read it and say what it is',
    acknowledged: 'I’ll take it',
    answered: task.kind === 'signal' && task.signal.owed_by === 'phone' ? 'Call them' : 'Answer them',
    told: task.kind === 'signal' && task.signal.told_channel === 'phone' ? 'Call them' : 'See what is missing',
    completed: 'Say that it is done',
  };
  return [{ label: (task.wait && labels[task.wait]) ?? 'Open it', url: link }];
}
