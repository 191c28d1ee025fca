/** Something one of us should know: that a letter may not have arrived, or a promised day is over; or in wording that was fixed when it was planned. */

import { linkTo } from '../../domain/links.ts';
import { longDate } from '../../domain/longDate.ts';
import { resolveRole } from '../../domain/routing.ts';
import { spanText } from '../../domain/span.ts';
import { bodyOf, triedInVainSince, type Delivery } from '../../store/records/deliveries.ts';
import { makeLink } from '../../store/records/links.ts';
import { inDoubt, isAboutPromise } from '../../store/records/repairs.ts';
import { shade } from './card.ts';
import { toColleague } from './colleague.ts';
import { cancelled, personName, type Composed, type Composing } from './composing.ts';
import { letterToCustomer, whatBecameOfIt } from './customer.ts';
import { readTask } from './task.ts';

export async function notice(composing: Composing, delivery: Delivery): Promise<Composed> {
  if (delivery.customer_id) {
    return letterToCustomer(composing, delivery, async (to) => ({ parts: await whatBecameOfIt(to) }));
  }
  const body = await bodyOf(composing.db, delivery.id);
  if (isAboutPromise(delivery)) return promised(composing, delivery);
  if (delivery.occasion && !body) return doubt(composing, delivery, delivery.occasion);
  if (!body) return cancelled('erased');
  // That it has not left may have waited for the same mail server as the letter did.
  if (delivery.occasion && !(await triedInVainSince(composing.db, delivery.occasion))) return cancelled('met');
  const task = delivery.loop_id ? await readTask(composing, delivery.loop_id, delivery.now) : null;
  return toColleague(composing, delivery, {
    subject: body.subject,
    parts: [{ text: body.body }],
    ...(task && { link: { label: `Open ${task.reference}`, url: task.url } }),
    colour: shade.amber,
  });
}

/** Nothing here keeps what an answer promised: whoever made it does, or has. */
async function promised(composing: Composing, delivery: Delivery): Promise<Composed> {
  const task = await readTask(composing, delivery.loop_id!, delivery.now);
  if (task?.kind !== 'signal') return cancelled('erased');
  const { stage, signal, reference, zone, url } = task;
  // They have said their word, another round was opened, or the letter that promised it has not left.
  if (stage !== 'confirmation' || signal.follow_up_id !== delivery.occasion || !signal.promised_on || !signal.asked_at)
    return cancelled('met');
  const day = longDate(signal.promised_on, delivery.now, zone);
  return toColleague(composing, delivery, {
    subject: `The day that was promised is over: ${reference}`,
    parts: [
      { text: `This customer was promised that they hear from us again by ${day}.` },
      {
        text: `If they have not, please call or write to them yourself. Nothing is sent by itself, and it is closed when they have said nothing for ${spanText(composing.company.customers.window)}.`,
      },
    ],
    link: { label: `Open ${reference}`, url },
    colour: shade.amber,
  });
}

/** Asks what to do about a letter of which nobody can find out whether it was sent; by e-mail with a link that lets its receiver say so. */
async function doubt(composing: Composing, delivery: Delivery, letterId: string): Promise<Composed> {
  const { db, company, publicUrl } = composing;
  const task = delivery.loop_id ? await readTask(composing, delivery.loop_id, delivery.now) : null;
  if (!task) return cancelled('erased');
  const doubtful = await inDoubt(db, task.id);
  const letter = doubtful.find(({ id }) => id === letterId);
  // Sent again and lost again is asked about anew.
  if (!letter || !delivery.dedupe_key.includes(`:${letter.id}.${letter.fence}:`)) return cancelled('met');
  const answers = resolveRole(company, 'owner', task);
  const isAbove = delivery.staff !== answers;
  if (isAbove && task.stage === 'closed') return cancelled('met');
  const url =
    delivery.channel === 'email'
      ? linkTo(
          publicUrl,
          await makeLink(db, {
            kind: 'task',
            staff: delivery.staff ?? undefined,
            loopId: task.id,
            round: task.round,
            wait: 'repaired',
            deliveryId: delivery.id,
          }),
        )
      : `${task.url}#doubt`;
  return toColleague(composing, delivery, {
    subject: `A letter may not have arrived: ${task.reference}`,
    parts: [
      {
        text:
          letter.last_error_code === 'restored'
            ? 'Our database was put back to an earlier moment. The letter to this customer may have left before that, or not.'
            : 'The mail server was lost while the letter to this customer was handed over. It may have arrived, or not.',
      },
      ...(isAbove
        ? [{ text: `${personName(company, answers)} was asked before you, and nobody has said what to do.` }]
        : []),
      { text: 'It is not sent again by itself: twice would be worse. Look whether there is a trace of it, then say.' },
      { aside: 'Opening the link changes nothing: you press a button on the page it leads to, in your name.' },
    ],
    link: { label: 'Send it again, or leave it', url },
    colour: shade.amber,
  });
}
