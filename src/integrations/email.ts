/** Sends e-mail by SMTP, one letter to one person over a connection of its own. nodemailer's error codes do not tell "not sent" from "maybe
 *  sent" (measured); only a reply of the server does, and the moment: nothing is handed over before `send`. */

import { buffer } from 'node:stream/consumers';
import DKIM from 'nodemailer/lib/dkim';
import MailComposer from 'nodemailer/lib/mail-composer';
import { parseConnectionUrl } from 'nodemailer/lib/shared';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import XOAuth2 from 'nodemailer/lib/xoauth2';
import { asOfNow, type Credential } from '../domain/credential.ts';
import { notEncrypted } from '../domain/notArrived.ts';
import {
  handOverMs,
  OutsideFailed,
  type Correspondent,
  type Letter,
  type PostOffice,
  type Sent,
  type Signature,
} from './letter.ts';

/** For greeting, TLS and sign-in together. */
const connectMs = 10_000;
/** Letters in hand at once: a server that falls silent holds each for as long, and fewer of them than a worker has hands for (createWorker.ts). */
export const mostInHand = 10;
/** Greylisting opens after about that time. */
const afterRefusalMs = 300_000;

/**
 * A post office at `smtpUrl`, which is asked for at each connection: smtp://user:password@host:port, or smtps:. Options of nodemailer's
 * SMTPConnection may follow as a query (`?requireTLS=true`); with `authMethod=XOAUTH2` the password is a token of OAuth 2, and any other is
 * the method by which it is given. `connect` rejects with OutsideFailed when nothing can be handed over; what fails there was not sent. `send` answers
 * with what the server said, and throws OutsideFailed when the connection broke or fell silent, so that nobody knows. With `signature` each
 * letter carries it (DKIM), over what one-click unsubscribing rests on too.
 */
export function openPostOffice(smtpUrl: Credential, signature?: Signature): PostOffice {
  const dkim = signature && signer(signature);
  let inHand = 0;
  return {
    takeRoom() {
      if (inHand >= mostInHand) return undefined;
      inHand += 1;
      return () => {
        inHand -= 1;
      };
    },
    async connect() {
      const { auth, authMethod, ...server } = parseConnectionUrl(asOfNow(smtpUrl));
      const connection = new SMTPConnection({
        ...server,
        connectionTimeout: connectMs,
        greetingTimeout: connectMs,
        dnsTimeout: connectMs,
        socketTimeout: handOverMs,
        logger: false,
      });
      let ended = false;
      connection.on('end', () => (ended = true));
      await greet(connection, auth && byMethod(auth, authMethod));
      return {
        send: async (letter) => (ended ? hungUp : handOver(connection, letter, dkim)),
        close() {
          if (ended) return;
          connection.quit();
          setTimeout(() => connection.close(), 2000).unref();
        },
      };
    },
  };
}

/** The server left between greeting and letter: nothing had been handed over. */
const hungUp: Sent = { accepted: false, permanent: false, code: 'smtp_hung_up' };

type Auth = Parameters<SMTPConnection['login']>[0];

/** "XOAUTH2", in whatever case, or the name of a method that takes a password; one that nodemailer does not know refuses each connection. */
function byMethod({ user, pass }: { user?: string; pass?: string }, named: unknown): Auth {
  const method = typeof named === 'string' ? named.toUpperCase() : '';
  return method === 'XOAUTH2' ? { user, oauth2: new XOAuth2({ user, accessToken: pass }) } : { user, pass, method };
}

function greet(connection: SMTPConnection, auth: Auth | undefined): Promise<void> {
  return new Promise((greeted, failed) => {
    const give = (error: unknown): void => {
      clearTimeout(patience);
      connection.close();
      // Said before any letter: nothing speaks against an address.
      const code = isNotEncrypted(error) ? notEncrypted : codeOf(error).replace(/^smtp_(?=\d)/, 'smtp_connect_');
      failed(new OutsideFailed(code));
    };
    const ready = (): void => {
      clearTimeout(patience);
      greeted();
    };
    const patience = setTimeout(() => give({ code: 'ETIMEDOUT' }), connectMs);
    // Stays for the connection's whole life: an error nobody listens to would end the process.
    connection.on('error', give);
    connection.connect((error) => {
      if (error) give(error);
      else if (auth && connection.allowsAuth) connection.login(auth, (refused) => (refused ? give(refused) : ready()));
      // A password that the server did not ask for is not given; one that it needs and cannot take would fail later, for good.
      else ready();
    });
  });
}

/** The server offers no STARTTLS, which the address demands, or would not begin. */
const isNotEncrypted = (error: unknown): boolean => (error as Reply).command === 'STARTTLS';

async function handOver(connection: SMTPConnection, letter: Letter, dkim: DKIM | undefined): Promise<Sent> {
  if (!isAddress(letter.to)) return { accepted: false, permanent: true, code: 'smtp_no_address' };
  const written = await write(letter, dkim).catch(() => undefined);
  if (!written) return { accepted: false, permanent: true, code: 'smtp_unwritable' };
  return new Promise((sent, nobodyKnows) => {
    // nodemailer gives each reply that long; what outlasts the lease is settled by others, behind our back.
    const patience = setTimeout(() => {
      connection.close();
      nobodyKnows(new OutsideFailed('smtp_etimedout'));
    }, handOverMs);
    connection.send(written.envelope, written.message, (error) => {
      clearTimeout(patience);
      if (!error) return sent({ accepted: true });
      const { responseCode = 0 } = error;
      if (responseCode < 400 || responseCode > 599) return nobodyKnows(new OutsideFailed(codeOf(error)));
      const ofUs = isSaidOfUs(error);
      const permanent = responseCode >= 500 && !ofUs;
      return sent({
        accepted: false,
        permanent,
        code: `smtp_${ofUs ? 'sender_' : ''}${responseCode}`,
        ...(!permanent && { againInMs: afterRefusalMs }),
        ...(isNobodyThere(error) && { nobodyThere: true }),
      });
    });
  });
}

/** Said of whoever writes and not of this letter: of our address, of signing in, of our name and how we sign, or that nothing is relayed for us
 *  (RFC 4954, 7372). Every letter hears the same until somebody puts it right, so none is given up for it. Too large, in answer to MAIL, is said
 *  of the letter; so is 5.7.0 where they have read it, as filters do; and 5.7.1 is how many refuse one letter to one person. */
function isSaidOfUs(reply: Reply): boolean {
  const { command, response = '', responseCode = 0 } = reply;
  if (command === 'MAIL FROM') return responseCode !== 552;
  const code = enhancedCode(reply);
  return (
    [530, 534, 535, 538].includes(responseCode) ||
    /^5\.7\.(8|9|11|2\d)$/.test(code) ||
    (command !== 'DATA' && code === '5.7.0') ||
    (command === 'RCPT TO' && code === '5.7.1' && /relay/i.test(response))
  );
}

/** Said of the recipient, and in the code that tells a mailbox which is not there from a sender who is not liked (RFC 3463). A bare 550 is both:
 *  a relay that will not carry for us says it of every address, and whoever believed it would write to nobody any more. */
const isNobodyThere = (reply: Reply): boolean => reply.command === 'RCPT TO' && noMailbox.includes(enhancedCode(reply));

/** What nodemailer keeps of a reply that was a no. */
interface Reply {
  command?: string | undefined;
  response?: string | undefined;
  responseCode?: number | undefined;
}

/** '5.7.1' of '550 5.7.1 …', or ''. */
const enhancedCode = ({ response = '' }: Reply): string =>
  /^5\d\d[ -](5\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(response)?.[1] ?? '';

/** No such mailbox, no such address, moved without a word where to, one that takes no mail, and one that was switched off. */
const noMailbox = ['5.1.1', '5.1.3', '5.1.6', '5.1.10', '5.2.1'];

/** nodemailer's own list leaves out List-Unsubscribe-Post, and an unsigned one is not believed. */
const signedHeaders = [
  'from',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'to',
  'mime-version',
  'content-type',
  'list-unsubscribe',
  'list-unsubscribe-post',
];

const signer = ({ domain, selector, privateKey }: Signature): DKIM =>
  new DKIM({ domainName: domain, keySelector: selector, privateKey, headerFieldNames: signedHeaders.join(':') });

async function write(
  letter: Letter,
  dkim: DKIM | undefined,
): Promise<{ envelope: { from: string; to: string[] }; message: Buffer }> {
  const composed = new MailComposer({
    disableFileAccess: true,
    disableUrlAccess: true,
    messageId: letter.messageId,
    from: correspondent(letter.from),
    to: { name: '', address: letter.to },
    ...(letter.replyTo && { replyTo: correspondent(letter.replyTo) }),
    subject: oneLine(letter.subject, 250),
    text: wellFormed(letter.text),
    html: wellFormed(letter.html),
    headers: {
      'Auto-Submitted': 'auto-generated',
      ...(letter.unsubscribeUrl && {
        // Folded nowhere: some mailboxes read only the first line of it.
        'List-Unsubscribe': { prepared: true, value: `<${new URL(letter.unsubscribeUrl).href}>` },
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      }),
    },
  }).compile();
  const { from, to } = composed.getEnvelope();
  const message = await composed.build();
  return { envelope: { from: from || '', to }, message: dkim ? await buffer(dkim.sign(message)) : message };
}

const correspondent = ({ name, address }: Correspondent): Correspondent => ({ name: oneLine(name, 120), address });

/** Text for a header: one line, nothing that a mail program would act on, cut on a character. */
function oneLine(text: string, most: number): string {
  const plain = text
    .toWellFormed()
    .replace(bidi, '')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    // What looks like an encoded word would be decoded by whoever reads it, line breaks and all.
    .replaceAll('=?', '=\u2060?')
    .trim();
  const points = Array.from(plain);
  return points.length > most ? `${points.slice(0, most - 1).join('')}…` : plain;
}

/** Marks that make a line read in another order than it is written. */
const bidi = /[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

const wellFormed = (text: string): string => text.toWellFormed().replaceAll('\0', '');

/** One address and nothing else: no name, no list, no line break. */
const isAddress = (text: string): boolean =>
  text.length <= 254 && /^[^\s\p{Cc}\p{Cf}<>()[\]\\,;:"@]+@[^\s\p{Cc}\p{Cf}<>()[\]\\,;:"@]+$/u.test(text);

/** 'smtp_450', else what kind of trouble it was ('smtp_etimedout'). Never a text. */
function codeOf(error: unknown): string {
  const { responseCode, code } = error as { responseCode?: number; code?: unknown };
  if (responseCode) return `smtp_${responseCode}`;
  return typeof code === 'string' && /^[A-Z_]{2,30}$/.test(code) ? `smtp_${code.toLowerCase()}` : 'smtp_failed';
}
