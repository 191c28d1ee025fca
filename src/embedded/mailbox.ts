import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import type { Hono } from 'hono';
import PostalMime from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import type { SMTPServerSession } from 'smtp-server';
import { Faults } from './faults.ts';
import { openJournal } from './journal.ts';
import { mailboxPages } from './mailboxPages.ts';
import { plainFrame } from './page.ts';
import type { Frame } from './page.ts';

/** One accepted message. `at` is when it was accepted (ISO, UTC), `to` the recipients of the envelope, `size` its bytes. */
export interface Mail {
  id: string;
  at: string;
  from: string;
  to: string[];
  subject: string;
  messageId: string;
  headers: { key: string; value: string }[];
  text: string;
  html: string | undefined;
  size: number;
  read: boolean;
}

/**
 * What goes wrong, and at which step: `body` is in the middle of the message, `data` after the final dot. `drop` cuts the connection (at
 * `data`: the mail is kept, and the connection lost before the 250); `hang` says nothing more until the mailbox stops (at `data`: the mail is
 * kept); `hold` goes on once the faults are cleared, `slow` after so many milliseconds.
 */
export type MailFault = { at: 'connect' | 'mail' | 'rcpt' | 'body' | 'data' } & (
  | { do: 'answer'; code: number; text?: string }
  | { do: 'drop' }
  | { do: 'hang' }
  | { do: 'hold' }
  | { do: 'slow'; ms: number }
);

export interface Mailbox {
  /** smtp://127.0.0.1:<port>, without sign-in or TLS. */
  smtpUrl: string;
  /** Everything accepted, oldest first; with an address, what was sent to it. */
  mails(to?: string): Mail[];
  unread(): number;
  /** Takes the mail with this Message-ID away, from the disk too; rejects, and keeps it, when the disk won't. Nothing happens when there is none. */
  forget(messageId: string): Promise<void>;
  /** Calls back after every change; what it returns ends that. */
  onChange(listener: () => void): () => void;
  /** The pages, to be mounted at /dev/mailbox; also as JSON. */
  app: Hono;
  faults: Faults<MailFault>;
  stop(): Promise<void>;
}

export interface MailboxOptions {
  /** Where mailbox.ndjson is kept. Without it mails are forgotten when the process ends. */
  dataDir?: string;
  /** 0, the default, takes a free one. */
  port?: number;
  frame?: Frame;
}

/** Receives real SMTP on 127.0.0.1 and shows what came. A mail is answered with 250 only once it is on disk. Rejects when the port is taken. */
export async function startMailbox(options: MailboxOptions = {}): Promise<Mailbox> {
  const { entries, journal } = await openJournal<Entry>(
    options.dataDir && path.join(options.dataDir, 'mailbox.ndjson'),
  );
  const mails: Mail[] = [];
  const arrivals = new Map<string, Arrival>();
  for (const entry of entries) {
    if ('raw' in entry) {
      arrivals.set(entry.id, entry);
      mails.push(await readMail(entry));
    } else for (const mail of mails) if (mail.id === entry.readMail) mail.read = true;
  }
  let given = Number(mails.at(-1)?.id ?? 0);

  const listeners = new Set<() => void>();
  let changes = 0;
  const changed = () => {
    changes += 1;
    for (const listener of listeners) listener();
  };
  const keep = async (session: SMTPServerSession, raw: Buffer): Promise<void> => {
    const { mailFrom, rcptTo } = session.envelope;
    const entry = {
      id: String((given += 1)),
      at: new Date().toISOString(),
      from: mailFrom ? mailFrom.address : '',
      to: rcptTo.map(({ address }) => address),
      raw: raw.toString('base64'),
    };
    await journal.append(entry);
    arrivals.set(entry.id, entry);
    mails.push(await readMail(entry));
    changed();
  };
  const forget = async (messageId: string): Promise<void> => {
    const gone = mails.filter((mail) => mail.messageId === messageId);
    if (gone.length === 0) return;
    // From the disk first: what is still there would be back after a restart, so it stays here, too, and is asked for again.
    await journal.rewrite(() =>
      mails
        .filter((mail) => !gone.includes(mail))
        .flatMap((mail): Entry[] => [arrivals.get(mail.id)!, ...(mail.read ? [{ readMail: mail.id }] : [])]),
    );
    for (const mail of gone) {
      arrivals.delete(mail.id);
      if (mails.includes(mail)) mails.splice(mails.indexOf(mail), 1);
    }
    changed();
  };
  const markRead = async (mail: Mail): Promise<void> => {
    if (mail.read) return;
    mail.read = true;
    changed();
    await journal.append({ readMail: mail.id });
  };

  const faults = new Faults<MailFault>();
  const server = await listen(options.port ?? 0, faults, keep);
  const bootId = Date.now().toString(36);
  const to = (address: string) => mails.filter((mail) => mail.to.some((other) => sameAddress(other, address)));
  return {
    smtpUrl: `smtp://127.0.0.1:${server.port}`,
    mails: (address) => (address === undefined ? [...mails] : to(address)),
    unread: () => mails.filter((mail) => !mail.read).length,
    forget,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    app: mailboxPages({
      mails: () => mails,
      to,
      markRead,
      version: () => `${bootId}.${changes}`,
      frame: options.frame ?? plainFrame,
    }),
    faults,
    async stop() {
      await server.stop();
      await journal.close();
    },
  };
}

type Arrival = { id: string; at: string; from: string; to: string[]; raw: string };
type Entry = Arrival | { readMail: string };

async function readMail(entry: Arrival): Promise<Mail> {
  const raw = Buffer.from(entry.raw, 'base64');
  const envelope = { id: entry.id, at: entry.at, to: entry.to, size: raw.length, read: false };
  try {
    const parsed = await PostalMime.parse(raw);
    const name = parsed.from?.name;
    const address = parsed.from?.address ?? entry.from;
    return {
      ...envelope,
      from: name ? `${name} <${address}>` : address,
      subject: parsed.subject ?? '',
      messageId: parsed.messageId ?? '',
      headers: parsed.headers.map(({ originalKey, value }) => ({ key: originalKey, value })),
      text: parsed.text ?? '',
      html: parsed.html,
    };
  } catch {
    // What was accepted is shown, even when it is no mail by the book.
    return {
      ...envelope,
      from: entry.from,
      subject: '',
      messageId: '',
      headers: [],
      text: raw.toString(),
      html: undefined,
    };
  }
}

const sameAddress = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();

async function listen(
  port: number,
  faults: Faults<MailFault>,
  keep: (session: SMTPServerSession, raw: Buffer) => Promise<void>,
): Promise<{ port: number; stop: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const play = (fault: MailFault, session: SMTPServerSession, answer: (error?: Error) => void): void => {
    if (fault.do === 'answer') answer(refusal(fault.code, fault.text ?? 'Not this time'));
    if (fault.do === 'slow') setTimeout(answer, fault.ms);
    if (fault.do === 'hold') faults.hold(answer);
    if (fault.do === 'drop') {
      for (const socket of sockets) if (socket.remotePort === session.remotePort) socket.destroy();
    }
  };
  const step = (at: MailFault['at'], session: SMTPServerSession, answer: (error?: Error) => void): void => {
    const fault = faults.take(at);
    if (fault) play(fault, session, answer);
    else answer();
  };
  /** Until the fault in the middle of the message is over; for ever after one that ends it. */
  const interrupted = (session: SMTPServerSession): Promise<void> =>
    new Promise((goesOn, refused) => step('body', session, (error) => (error ? refused(error) : goesOn())));
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    size: 25 * 1024 * 1024,
    onConnect: (session, answer) => step('connect', session, answer),
    onMailFrom: (_address, session, answer) => step('mail', session, answer),
    onRcptTo: (_address, session, answer) => step('rcpt', session, answer),
    onData(stream, session, answer) {
      const receive = async (): Promise<void> => {
        const chunks: Buffer[] = [];
        for await (const chunk of stream) {
          if (chunks.length === 0) await interrupted(session);
          chunks.push(chunk as Buffer);
        }
        if (stream.sizeExceeded) return answer(refusal(552, 'Message too large'));
        const fault = faults.take('data');
        if (fault?.do !== 'answer') await keep(session, Buffer.concat(chunks));
        if (fault) play(fault, session, (error) => (error ? answer(error) : answer(null, 'Kept')));
        else answer(null, 'Kept');
      };
      receive().catch((error: Error) =>
        answer('responseCode' in error ? error : refusal(451, `Could not be kept: ${error.message}`)),
      );
    },
  });
  server.server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // A client that goes away in mid-sentence is its own business.
  server.on('error', () => {});
  await new Promise<void>((listening, refused) => {
    server.server.once('error', refused);
    server.listen(port, '127.0.0.1', listening);
  });
  return {
    port: (server.server.address() as AddressInfo).port,
    stop: () =>
      new Promise((stopped) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => stopped());
      }),
  };
}

const refusal = (code: number, text: string) => Object.assign(new Error(text), { responseCode: code });
