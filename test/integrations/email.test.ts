import { createServer, Socket, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { addressParser } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { startMailbox, type Mailbox, type MailFault } from '../../src/embedded/mailbox.ts';
import { mostInHand, openPostOffice } from '../../src/integrations/email.ts';
import { OutsideFailed, type Letter, type PostOffice, type Sent } from '../../src/integrations/letter.ts';
import { makeCertificate } from '../support/certificate.ts';

let mailbox: Mailbox;
let post: PostOffice;

beforeAll(async () => {
  mailbox = await startMailbox();
  post = openPostOffice(mailbox.smtpUrl);
});
afterEach(() => mailbox.faults.clear());
afterAll(() => mailbox.stop());

const letter = (more: Partial<Letter> = {}): Letter => ({
  messageId: '<d.5f0c@heed>',
  from: { name: 'Linden & Vale', address: 'hello@linden-vale.example' },
  to: 'kim@example.com',
  subject: 'Thank you for telling us',
  text: 'Dear Kim,\n\nthank you.\n.\nA line that is a dot.',
  html: '<p>Dear Kim</p>',
  ...more,
});

async function send(what: Letter): Promise<Sent> {
  const office = await post.connect();
  try {
    return await office.send(what);
  } finally {
    office.close();
  }
}

const lastMail = () => mailbox.mails().at(-1)!;
const header = (name: string): string[] =>
  lastMail()
    .headers.filter(({ key }) => key.toLowerCase() === name.toLowerCase())
    .map(({ value }) => value);

describe('a letter', () => {
  test('arrives as it was written, under the Message-ID it always has, to one person', async () => {
    expect(await send(letter({ replyTo: { name: 'Jonas Weber', address: 'jonas@linden-vale.example' } }))).toEqual({
      accepted: true,
    });

    const mail = lastMail();
    expect(mail).toMatchObject({
      from: 'Linden & Vale <hello@linden-vale.example>',
      to: ['kim@example.com'],
      subject: 'Thank you for telling us',
      messageId: '<d.5f0c@heed>',
    });
    expect(mail.text.trimEnd()).toBe('Dear Kim,\n\nthank you.\n.\nA line that is a dot.');
    expect(mail.html).toContain('<p>Dear Kim</p>');
    expect(header('auto-submitted')).toEqual(['auto-generated']);
    expect(header('reply-to').join()).toContain('jonas@linden-vale.example');
    expect(header('list-unsubscribe')).toEqual([]);
  });

  test('keeps umlauts and animals in its subject and in names', async () => {
    await send(
      letter({
        subject: 'Größe 42 in Grün? 🧥',
        from: { name: 'Tomás Rey, Linden & Vale', address: 'hello@linden-vale.example' },
      }),
    );

    expect(lastMail()).toMatchObject({
      subject: 'Größe 42 in Grün? 🧥',
      from: 'Tomás Rey, Linden & Vale <hello@linden-vale.example>',
    });
  });

  test('to a customer carries both headers of a one-click unsubscribe', async () => {
    const unsubscribeUrl = `https://heed.example/${'a-long-path/'.repeat(8)}unsubscribe/0123456789abcdefghijkl`;
    await send(letter({ unsubscribeUrl }));

    expect(header('list-unsubscribe')).toEqual([`<${unsubscribeUrl}>`]);
    expect(header('list-unsubscribe-post')).toEqual(['List-Unsubscribe=One-Click']);
  });

  test('never reads a file or an address that a text looks like', async () => {
    const text = 'file:///etc/passwd https://heed.example/secret';
    await send(letter({ text, html: '<img src="file:///etc/passwd">' }));

    expect(lastMail().text.trim()).toBe(text);
    expect(lastMail().html).toContain('file:///etc/passwd');
    expect(lastMail().size).toBeLessThan(3000);
  });

  test('to no address, or to more than one, goes nowhere', async () => {
    const before = mailbox.mails().length;
    for (const to of [
      '',
      'kim',
      'kim@a.example, eve@b.example',
      'kim@a.example\r\nBcc: eve@b.example',
      'Kim <kim@a.example>',
      'a@b@c',
    ]) {
      expect(await send(letter({ to }))).toEqual({ accepted: false, permanent: true, code: 'smtp_no_address' });
    }
    expect(mailbox.mails()).toHaveLength(before);
  });
});

test('whatever stands in subject, name or words, a letter has exactly the headers it should, and one recipient', async () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }),
    fc.string({ maxLength: 40 }).map((text) => `${text}\r\nBcc: eve@evil.example\r\n\r\n<script>`),
    fc.constantFrom(
      'a\0b',
      '\r',
      '\n',
      '=?utf-8?q?=0D=0ABcc:_eve=40evil.example?=',
      '"quo\\"ted", eve@evil.example',
      '\u202emoc.live\u202c',
      '\ud800',
      'ä'.repeat(300),
      'x'.repeat(10_000),
      '🦉'.repeat(200),
    ),
  );
  await fc.assert(
    fc.asyncProperty(nasty, nasty, nasty, async (subject, name, text) => {
      const before = mailbox.mails().length;
      const sent = await send(
        letter({
          subject,
          text: text || ' ',
          from: { name, address: 'hello@linden-vale.example' },
          replyTo: { name, address: 'jonas@linden-vale.example' },
          unsubscribeUrl: 'https://heed.example/unsubscribe/x',
        }),
      );
      expect(sent).toEqual({ accepted: true });
      expect(mailbox.mails()).toHaveLength(before + 1);

      const mail = lastMail();
      expect(mail.to).toEqual(['kim@example.com']);
      const expected = [
        'auto-submitted',
        'content-type',
        'date',
        'from',
        'list-unsubscribe',
        'list-unsubscribe-post',
        'message-id',
        'mime-version',
        'reply-to',
        'subject',
        'to',
      ];
      // A subject of nothing but blanks is no header at all.
      const found = mail.headers.map(({ key }) => key.toLowerCase()).sort();
      expect(found.filter((key) => key !== 'subject')).toEqual(expected.filter((key) => key !== 'subject'));
      for (const { value } of mail.headers) expect(value).not.toMatch(/[\0\r\n\u202e]/);
      // As a mail program shows them.
      for (const shown of [mail.subject, mail.from]) {
        expect(shown).not.toMatch(/[\p{Cc}\u202e]/u);
        expect(Array.from(shown).length).toBeLessThanOrEqual(250);
      }
      // Read by a second parser: one correspondent each, whatever they are called.
      for (const [field, address] of [
        ['from', 'hello@linden-vale.example'],
        ['reply-to', 'jonas@linden-vale.example'],
        ['to', 'kim@example.com'],
      ] as const) {
        const read = header(field).flatMap((value) => addressParser(value, { flatten: true }));
        expect(read.map((one) => one.address)).toEqual([address]);
      }
    }),
    { numRuns: 40 },
  );
});

describe('what the server says is what is known', () => {
  const refuses = (at: MailFault['at'], code: number): void => mailbox.faults.script({ at, do: 'answer', code });

  test('a temporary no is definite, at any step, and is tried again after five minutes', async () => {
    for (const at of ['mail', 'rcpt', 'data'] as const) {
      refuses(at, 450);
      const code = at === 'mail' ? 'smtp_sender_450' : 'smtp_450';
      expect(await send(letter())).toEqual({ accepted: false, permanent: false, code, againInMs: 300_000 });
    }
  });

  test('a permanent no is definite and final', async () => {
    refuses('rcpt', 550);
    expect(await send(letter())).toEqual({ accepted: false, permanent: true, code: 'smtp_550' });
    refuses('mail', 552);
    expect(await send(letter())).toEqual({ accepted: false, permanent: true, code: 'smtp_552' });
    refuses('data', 554);
    expect(await send(letter())).toEqual({ accepted: false, permanent: true, code: 'smtp_554' });
  });

  test('what a filter says of the letter itself is final', async () => {
    for (const [code, text] of [
      [554, '5.7.0 Reject, id=01234-05 - SPAM'],
      [550, '5.7.0 Reject - VIRUS'],
      [554, '5.7.1 Looks like spam'],
    ] as const) {
      mailbox.faults.script({ at: 'data', do: 'answer', code, text });
      expect(await send(letter())).toEqual({ accepted: false, permanent: true, code: `smtp_${code}` });
    }
  });

  test('a no to whoever writes is no letter’s end: settings are put right, and it is sent', async () => {
    const said: [MailFault['at'], number, string?][] = [
      ['mail', 550],
      ['mail', 553, '5.1.7 Bad sender'],
      ['mail', 530, '5.7.0 Authentication required'],
      ['rcpt', 530],
      ['rcpt', 550, '5.7.0 Authentication required'],
      ['rcpt', 554, '5.7.1 Relay access denied'],
      ['data', 550, '5.7.26 Not signed'],
    ];
    for (const [at, code, text] of said) {
      mailbox.faults.script({ at, do: 'answer', code, ...(text && { text }) });
      expect(await send(letter())).toEqual({
        accepted: false,
        permanent: false,
        code: `smtp_sender_${code}`,
        againInMs: 300_000,
      });
    }
  });

  test('that there is nobody at an address is told from a server that does not like us', async () => {
    const saying = async (code: number, text?: string) => {
      mailbox.faults.script({ at: 'rcpt', do: 'answer', code, ...(text && { text }) });
      return send(letter());
    };
    const nobody = { accepted: false, permanent: true, nobodyThere: true };
    expect(await saying(550, '5.1.1 No such user')).toEqual({ ...nobody, code: 'smtp_550' });
    expect(await saying(550, '5.1.10 Recipient not found')).toEqual({ ...nobody, code: 'smtp_550' });
    expect(await saying(550, '5.2.1 Switched off')).toEqual({ ...nobody, code: 'smtp_550' });
    const refused = { accepted: false, permanent: true };
    expect(await saying(550, 'Relay not permitted')).toEqual({ ...refused, code: 'smtp_550' });
    expect(await saying(550, '5.7.1 Blocked, see our list')).toEqual({ ...refused, code: 'smtp_550' });
    expect(await saying(550, '5.2.2 Mailbox full')).toEqual({ ...refused, code: 'smtp_550' });
    expect(await saying(554, 'Not from you')).toEqual({ ...refused, code: 'smtp_554' });
  });

  test('a line cut after the handing over began leaves nobody knowing, and says so with a code alone', async () => {
    for (const at of ['mail', 'data'] as const) {
      const before = mailbox.mails().length;
      mailbox.faults.script({ at, do: 'drop' });
      const error = await send(letter({ subject: 'a secret subject' })).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(OutsideFailed);
      expect(error).toMatchObject({ code: 'smtp_econnection', message: 'smtp_econnection' });
      expect((error as Error).cause).toBeUndefined();
      // After the dot it had been taken: exactly what cannot be told from outside.
      expect(mailbox.mails()).toHaveLength(at === 'data' ? before + 1 : before);
    }
  });

  test('a server that is not there, or will not talk, was given nothing', async () => {
    const gone = openPostOffice('smtp://127.0.0.1:1');
    await expect(gone.connect()).rejects.toMatchObject({
      name: 'OutsideFailed',
      code: expect.stringMatching(/^smtp_/),
    });
    refuses('connect', 421);
    await expect(post.connect()).rejects.toMatchObject({ code: 'smtp_connect_421' });
  });

  test('there is room for so many letters in hand, and again for each that is given back', () => {
    const inHand = Array.from({ length: mostInHand }, () => post.takeRoom());
    expect(inHand).not.toContain(undefined);
    expect(post.takeRoom()).toBeUndefined();
    inHand.pop()!();
    const again = post.takeRoom();
    expect(again).toBeDefined();
    for (const leave of [...inHand, again]) leave!();
  });
});

test('a letter goes by STARTTLS to a server whose certificate is believed, and to no other', async () => {
  const { cert, key } = makeCertificate();
  const taken: boolean[] = [];
  const server = new SMTPServer({
    cert,
    key,
    authOptional: true,
    onData(stream, { secure }, done) {
      taken.push(secure);
      stream.on('end', () => done()).resume();
    },
  });
  server.on('error', () => {});
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const at = `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}?requireTLS=true`;
  await expect(openPostOffice(at).connect()).rejects.toMatchObject({ code: 'smtp_esocket' });
  expect(taken).toEqual([]);

  const office = await openPostOffice(`${at}&tls.ca=${encodeURIComponent(cert)}`).connect();
  expect(await office.send(letter())).toEqual({ accepted: true });
  expect(taken).toEqual([true]);
  office.close();
  await new Promise<void>((closed) => server.close(() => closed()));
});

test('a letter goes with the password of the moment, by the method that is named, or as that with a token of OAuth 2', async () => {
  const signedIn: (string | undefined)[] = [];
  let inForce = 'first';
  const server = new SMTPServer({
    authMethods: ['PLAIN', 'LOGIN', 'XOAUTH2'],
    allowInsecureAuth: true,
    hideSTARTTLS: true,
    onAuth({ method, username, password, accessToken }, _, done) {
      const given = method === 'XOAUTH2' ? accessToken : password;
      if (given !== inForce) return done(new Error('That is over.'));
      signedIn.push(`${method} ${username} ${given}`);
      done(null, { user: username });
    },
    onData: (stream, _, done) => void stream.on('end', () => done()).resume(),
  });
  server.on('error', () => {});
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const { port } = server.server.address() as AddressInfo;
  let held = inForce;
  try {
    for (const [words, method] of [
      ['', 'PLAIN'],
      ['?authMethod=login', 'LOGIN'],
      ['?authMethod=xoauth2', 'XOAUTH2'],
    ]) {
      const renewed = openPostOffice(() => `smtp://heed%40example.com:${held}@127.0.0.1:${port}${words}`);
      for (const time of ['first', 'second']) {
        held = time;
        // It has been exchanged there, and here not yet.
        inForce = `${method}-${time}`;
        await expect(renewed.connect()).rejects.toMatchObject({ code: 'smtp_connect_535' });
        held = inForce;
        const office = await renewed.connect();
        expect(await office.send(letter())).toEqual({ accepted: true });
        office.close();
      }
    }
    expect(signedIn).toEqual(
      ['PLAIN', 'LOGIN', 'XOAUTH2'].flatMap((method) =>
        ['first', 'second'].map((time) => `${method} heed@example.com ${method}-${time}`),
      ),
    );
  } finally {
    await new Promise<void>((closed) => server.close(() => closed()));
  }
});

describe('over a bare socket', () => {
  let server: Server;
  const sockets = new Set<Socket>();
  const listen = async (serve: (line: string, socket: Socket) => void, greeting = '220 here\r\n'): Promise<string> => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      if (greeting) socket.write(greeting);
      socket.on('data', (chunk) => {
        for (const line of chunk.toString().split('\r\n').filter(Boolean)) serve(line, socket);
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await new Promise((closed) => server.close(closed));
  });

  test('a password that is refused gives nothing away but a code', async () => {
    const at = await listen((line, socket) => {
      if (line.startsWith('EHLO')) socket.write('250-here\r\n250 AUTH PLAIN\r\n');
      else if (line.startsWith('AUTH')) socket.write('535 5.7.8 hunter2 is wrong\r\n');
    });
    const error = await openPostOffice(`smtp://heed:hunter2@${at}`)
      .connect()
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'smtp_connect_535' });
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('is wrong');
  });

  test('a server that would not encrypt, though it was demanded, is given neither password nor letter', async () => {
    const heard: string[] = [];
    const at = await listen((line, socket) => {
      heard.push(line.split(' ')[0]!);
      if (line.startsWith('EHLO')) socket.write('250-here\r\n250 AUTH PLAIN\r\n');
      else if (line === 'STARTTLS') socket.write('502 not here\r\n');
    });
    const office = openPostOffice(`smtp://heed:hunter2@${at}?requireTLS=true`);
    await expect(office.connect()).rejects.toMatchObject({ code: 'smtp_unencrypted' });
    expect(heard.filter((word) => word !== 'QUIT')).toEqual(['EHLO', 'STARTTLS']);
  });

  test('a server that hangs up between greeting and letter was given nothing', async () => {
    const at = await listen((line, socket) => {
      if (line.startsWith('EHLO')) socket.end('250 here\r\n');
    });
    const office = await openPostOffice(`smtp://${at}`).connect();
    await new Promise((closed) => [...sockets][0]!.once('close', closed));
    // Its own end of the line notices a turn later.
    let sent: Sent | undefined;
    for (let i = 0; i < 50 && !sent; i++) {
      await new Promise((turn) => setImmediate(turn));
      if (i > 20) sent = await office.send(letter());
    }
    expect(sent).toEqual({ accepted: false, permanent: false, code: 'smtp_hung_up' });
  });

  describe('after the dot', () => {
    beforeEach(() => {
      jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'performance', 'Date'] });
    });
    afterEach(() => {
      jest.useRealTimers();
      jest.restoreAllMocks();
    });

    /** What becomes of a letter that a mail server takes so many minutes over. */
    async function openSlowServer(): Promise<(minutes: number) => Promise<Sent | Error>> {
      let dot: (at: Socket) => void = () => {};
      const at = await listen((line, socket) => {
        if (line === 'DATA') socket.write('354 go on\r\n');
        else if (line === '.') dot(socket);
        else if (/^(EHLO|MAIL|RCPT)/.test(line)) socket.write('250 well\r\n');
      });
      return async (minutes) => {
        const dotted = new Promise<Socket>((reached) => (dot = reached));
        const office = await openPostOffice(`smtp://${at}`).connect();
        const sent = office.send(letter()).catch((error: Error) => error);
        const socket = await dotted;
        jest.advanceTimersByTime(minutes * 60_000);
        socket.write('250 taken\r\n');
        return sent.finally(() => office.close());
      };
    }

    test('a server that takes nine minutes after the dot is believed, and one that takes eleven leaves nobody knowing', async () => {
      const takenAfter = await openSlowServer();
      expect(await takenAfter(9)).toEqual({ accepted: true });
      expect(await takenAfter(11)).toMatchObject({ name: 'OutsideFailed', code: 'smtp_etimedout' });
    });

    test('a line that is silent is not given up sooner than that', async () => {
      const patience = jest.spyOn(Socket.prototype, 'setTimeout');
      const takenAfter = await openSlowServer();
      await takenAfter(9);
      const given = patience.mock.calls.map(([ms]) => ms).filter((ms) => ms > 0);
      // While it connects that is shorter.
      expect(given.at(-1)).toBeGreaterThan(10 * 60_000);
    });
  });
});
