/** What whoever answers for a letter to a customer reads once it is certain that it does not arrive: why, and what is owed now. Pure. */

/** Why it does not arrive. `refused`: what the mail server said of the letter alone; `unsent`: what its last try came to, after which it was given up;
 *  `promise_over`: it was too late to leave, and nothing is wrong with the address; else no other goes there either. */
export type WhyNot = { refused: string } | { unsent: string } | 'nobody_there' | 'given_up' | typeof promiseOver;

/** Codes by which a mail server puts off a letter to one mailbox. That it is closing (421) is said of every letter. Read by Postgres, too. */
export const putOffByMailbox = /^smtp_4(?!21)\d\d$/;

/** The code of a letter for which there was no room: a worker has as many with the mail server as it hands over at once. */
export const noRoom = 'no_room';

/** The code of an answer that could not leave before the day that it promised was over: whoever wrote it is to write anew. */
export const promiseOver = 'promise_over';

/** The code of a letter that an operator gave up before it had left, and no mail server had refused. */
export const leftUnsent = 'left_unsent';

/** The code of a letter to a mail server that would not encrypt: with a password, a name and what was said it does not go there. */
export const notEncrypted = 'smtp_unencrypted';

/** Why those above are told where somebody answered without taking it first, and that did not arrive. Completes "because …". */
export const answerNotArrived = 'the answer that was written had not arrived';

/** Of the letter, and of a signal that waits for it: no other answer is owed where it is `answered_at` some moment. */
export function notArrived(
  { purpose }: { purpose: string },
  signal: { reference: string; owed_by: string | null; answered_at: Date | null; told_channel: string | null },
  why: WhyNot,
): { subject: string; text: string } {
  const { reference, owed_by: owedBy, answered_at: answered } = signal;
  const isAnswer = purpose === 'answer';
  // What a letter was to say to them is owed to whoever may be called (now.answers, now.told).
  const isCalled = isAnswer ? owedBy === 'phone' : signal.told_channel === 'phone';
  const call = 'They agreed to a call, too, and it stays open until somebody has called them.';
  // The letter never left, or their address was put right while it was on its way to the former one.
  const stays = 'it stays open until they have been answered: please write to them again.';
  const hasWay = why === promiseOver || (typeof why === 'object' && 'unsent' in why);
  const anew = hasWay ? `But ${stays}` : `They have another address since then, and ${stays}`;
  const noWay = 'Nothing more is sent about it by itself. If you know another way to them, please take it.';
  return {
    subject: `${isAnswer ? 'An answer' : 'What was decided'} did not arrive: ${reference}`,
    text: `${reasonOf(why)} ${isCalled ? call : isAnswer && owedBy && !answered ? anew : noWay}`,
  };
}

function reasonOf(why: WhyNot): string {
  switch (why) {
    case 'nobody_there':
      return 'There is nobody at the address that this customer left, says its mail server: the letter did not arrive, and no other goes there.';
    case 'given_up':
      return 'The address that this customer left has taken no mail for too long, and it was given up: the letter did not arrive, and no other goes there.';
    case promiseOver:
      return 'The letter to this customer is not sent any more: the day on which it promised that they hear from us was over before it could leave.';
    default:
      if ('unsent' in why)
        return `The letter to this customer could not be sent (${why.unsent}), and was given up by whoever operates Heed.`;
      return `The letter to this customer was refused for good (${why.refused}), and is not sent again.`;
  }
}
