/** What waits past its time because our own machinery stands still, and what an operator can do about it. Nothing personal in it. */

import type { Wait } from './loop.ts';
import { noRoom, notEncrypted, putOffByMailbox } from './notArrived.ts';

export type Stuck = {
  loopId: string | null;
  reference: string | null;
  kind: 'signal' | 'insight' | null;
  waitedSeconds: number;
} & (
  | { what: 'rung'; wait: Wait }
  | { what: 'wake'; attempts: number }
  | { what: 'stage'; stage: 'captured' | 'ladder' | 'tell' | 'finish' }
  | ({ what: 'delivery'; state: 'uncertain' | 'needs_human' } & Message)
  | ({ what: 'tries'; attempts: number; code: string } & Message)
);

interface Message {
  /** Of an e-mail, as its mail server has it; of one in Slack, what it is called here. */
  messageId: string;
  purpose: string;
  channel: string;
}

/** What is wrong, what to do next (`heed repair …` with the reference where there is one, else by the message alone), and where more is said about it. */
export function explainStuck(stuck: Stuck): { sentence: string; whatToDo: string; runbook: string } {
  return { ...explained(stuck), runbook: `docs/operating.md#${runbooks[stuck.what]}` };
}

/** Headings of that page. */
const runbooks: Record<Stuck['what'], string> = {
  rung: 'a-rung-is-late',
  wake: 'a-wake-is-not-carried',
  stage: 'a-stage-does-not-end',
  delivery: 'a-message-is-in-doubt',
  tries: 'a-message-does-not-leave',
};

function explained(stuck: Stuck): { sentence: string; whatToDo: string } {
  const loop = stuck.reference ?? stuck.loopId;
  const repair = (action: string, message?: Message): string =>
    [
      'heed repair',
      ...(loop ? [loop] : []),
      `--action ${action}`,
      ...(message ? [`--message "${message.messageId}"`] : []),
      '--reason "…"',
    ].join(' ');
  const waited = inPlainTime(stuck.waitedSeconds);
  switch (stuck.what) {
    case 'rung':
      return {
        sentence: `It waits to be ${stuck.wait}; somebody should have been told ${waited} ago, and was not.`,
        whatToDo: `See whether a worker runs; then: ${repair('wake')}`,
      };
    case 'wake':
      return {
        sentence: `It asked to be looked at ${waited} ago${stuck.attempts > 0 ? ` and was tried ${times(stuck.attempts)}` : ''}, and Temporal has not been told.`,
        whatToDo:
          'See whether the relay runs and Temporal can be reached (heed doctor). It goes on by itself from there.',
      };
    case 'stage': {
      const undone = {
        captured: `It was captured ${waited} ago, and has not been read by the rules.`,
        ladder: `Somebody should have been called ${waited} ago, and nothing was planned for it.`,
        tell: `It was decided, and for ${waited} nobody of those who asked has been told.`,
        finish: `Everyone who asked was told ${waited} ago, and it has not been closed.`,
      };
      return {
        sentence: undone[stuck.stage],
        whatToDo: `See in the worker's log why, or whether one runs; it is tried again by itself. If it is not: ${repair('wake')}`,
      };
    }
    case 'delivery': {
      const message = messageOf(stuck);
      return stuck.state === 'needs_human'
        ? {
            sentence: `${message} may or may not have been sent, and nobody can find out. It has waited for ${waited}.`,
            whatToDo: `Look whether it arrived. If not: ${repair('resend', stuck)}; if so, or if it no longer matters: ${repair('leave', stuck)}`,
          }
        : {
            sentence: `${message} may or may not have been sent ${waited} ago; that is being looked into.`,
            whatToDo:
              stuck.channel === 'slack'
                ? `Wait a few minutes, and see whether Slack lets us look for it (heed doctor). If it never will: ${repair('leave', stuck)}`
                : 'Wait a few minutes. Of a letter that cannot be settled by itself, whoever answers for it is asked.',
          };
    }
    case 'tries': {
      if (stuck.purpose === 'redaction' && stuck.channel === 'slack')
        return {
          sentence: `A message about what was erased was to be taken out of Slack ${waited} ago, and it stands there (${stuck.code}, after ${stuck.attempts} tries).`,
          whatToDo: `See what Slack answers (heed doctor): once the token is good it is taken back by itself. If Slack never will, say so to whoever has it, and: ${repair('leave', stuck)}`,
        };
      const tried = stuck.attempts > 0 ? `was tried ${times(stuck.attempts)}, ` : '';
      // That is known of the last look alone.
      if (stuck.code === noRoom)
        return {
          sentence: `${messageOf(stuck)} was planned ${waited} ago, ${tried}and has not left: when it was last looked at, as many letters as a worker hands over at once were with the mail server (${noRoom}).`,
          whatToDo:
            'Nothing is wrong with this one: it is looked at again every minute, and goes once there is room. See in the mail server’s log why it takes so long over each letter; another worker hands over as many again.',
        };
      if (stuck.code === notEncrypted)
        return {
          sentence: `${messageOf(stuck)} was planned ${waited} ago, ${tried}and has not left: the mail server offers no encryption (${notEncrypted}).`,
          whatToDo:
            'Switch STARTTLS on there, or write smtps:// in SMTP_URL where it takes TLS from the first byte. Where the network to it is your own and nobody else’s: UNENCRYPTED=mail. Then it goes by itself.',
        };
      const sentence = `${messageOf(stuck)} was planned ${waited} ago, ${tried}and has not left (${stuck.code}).`;
      if (ofTheWorker.includes(stuck.code))
        return {
          sentence,
          whatToDo: `Neither mail nor Slack was asked to take it: see in the worker’s log why, with the place in our code. It is tried again every few minutes, and goes by itself once that is mended. If it never will be: ${repair('leave', stuck)}`,
        };
      return {
        sentence,
        whatToDo: [
          'See what mail and Slack answer (heed doctor, the mail server’s log). It is tried again every few minutes, and goes on by itself.',
          ...(putOffByMailbox.test(stuck.code)
            ? [`If this mailbox alone takes no mail, and it has waited long enough: ${repair('leave', stuck)}`]
            : []),
        ].join(' '),
      };
    }
  }
}

/** Codes of tries that ended before there was anything for mail or Slack to answer. */
const ofTheWorker: readonly string[] = ['not_composed', 'gate_unknown', 'attempt_failed', 'lease_ran_out'];

const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);

const messageOf = ({ messageId, purpose, channel }: Message): string =>
  channel === 'slack' ? `The ${purpose} by Slack` : `The ${purpose} by e-mail (${messageId})`;

function inPlainTime(seconds: number): string {
  const [unit, length] = (
    [
      ['day', 86_400],
      ['hour', 3600],
      ['minute', 60],
      ['second', 1],
    ] as const
  ).find(([, l]) => seconds >= l) ?? ['second', 1];
  const amount = Math.max(1, Math.floor(seconds / length));
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}
