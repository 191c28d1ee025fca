/** Signed mail (RFC 6376), received by SMTP and verified by the rules alone: nothing of the library that signed it is used to check it. */

import { createHash, createVerify, generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SMTPServer } from 'smtp-server';
import { readConfig } from '../../src/config.ts';
import { openPostOffice } from '../../src/integrations/email.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 3072,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

const received: Buffer[] = [];
const server = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  onData(stream, _, done) {
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('end', () => {
      received.push(Buffer.concat(parts));
      done();
    });
  },
});
beforeAll(() => new Promise<void>((ready) => server.listen(0, '127.0.0.1', () => ready())));
afterAll(() => new Promise<void>((closed) => server.close(() => closed())));

/** The letter as it came over the line. */
async function arrived(text = 'Dear Kim,\n\n.\n  we decided:  yes. \n\n\n'): Promise<Buffer> {
  const { port } = server.server.address() as AddressInfo;
  const post = openPostOffice(`smtp://127.0.0.1:${port}`, {
    domain: 'linden-vale.example',
    selector: 'heed',
    privateKey,
  });
  const office = await post.connect();
  const sent = await office.send({
    messageId: '<d.5f0c@heed>',
    from: { name: 'Linden & Välé', address: 'hello@linden-vale.example' },
    replyTo: { name: 'Jonas', address: 'jonas@linden-vale.example' },
    to: 'kim@example.com',
    subject: `What we decided: ${'a long word about it, '.repeat(10)}Größe 42`,
    text,
    html: `<p>${'Wörter '.repeat(60)}</p>`,
    unsubscribeUrl: `https://heed.example/${'path/'.repeat(30)}unsubscribe`,
  });
  office.close();
  expect(sent).toEqual({ accepted: true });
  return received.at(-1)!;
}

describe('a letter that we sign', () => {
  test('verifies, over who it is from, what it says, and both headers of one-click unsubscribing', async () => {
    const raw = await arrived();
    expect(verify(raw)).toBe(true);
    expect(tagsOf(raw)).toMatchObject({ d: 'linden-vale.example', s: 'heed', a: 'rsa-sha256', c: 'relaxed/relaxed' });
    expect(tagsOf(raw)['h']?.split(':')).toEqual(
      expect.arrayContaining(['from', 'to', 'subject', 'message-id', 'list-unsubscribe', 'list-unsubscribe-post']),
    );
  });

  test.each([
    ['who it is from', 'From: =?', 'From: x=?'],
    ['where unsubscribing leads', 'List-Unsubscribe: <https://heed.', 'List-Unsubscribe: <https://evil.'],
    ['that one press is enough', 'List-Unsubscribe-Post: List-', 'List-Unsubscribe-Post: Post-'],
    ['a word in it', 'we decided:  yes', 'we decided:  no'],
  ])('does not any more once somebody on the way changes %s', async (_, is, becomes) => {
    const text = (await arrived()).toString('latin1');
    expect(text).toContain(is);
    expect(verify(Buffer.from(text.replace(is, becomes), 'latin1'))).toBe(false);
  });
});

describe('the settings', () => {
  const all = { DKIM_DOMAIN: 'linden-vale.example', DKIM_SELECTOR: 'heed', DKIM_PRIVATE_KEY: privateKey };

  test('take a key on one line, too', () => {
    const oneLine = privateKey.trim().replaceAll('\n', '\\n');
    expect(readConfig({ ...all, DKIM_PRIVATE_KEY: oneLine }).signature).toEqual({
      domain: 'linden-vale.example',
      selector: 'heed',
      privateKey: privateKey.trim(),
    });
    expect(readConfig({}).signature).toBeUndefined();
  });

  test('are shown with a key of 3072 bits, as strong as the rest: a shorter one is weaker than 128 bits', async () => {
    const example = await readFile(new URL('../../.env.example', import.meta.url), 'utf8');
    expect(example).toMatch(/: openssl genrsa 3072\n#DKIM_PRIVATE_KEY=\n/);
  });

  test.each(Object.keys(all))('are refused without %s', (name) => {
    expect(() => readConfig({ ...all, [name]: undefined })).toThrow(
      'DKIM_DOMAIN, DKIM_SELECTOR and DKIM_PRIVATE_KEY go together: set all three, or none.',
    );
  });

  test('are refused with a key that cannot sign, which is not repeated', () => {
    const { privateKey: other } = generateKeyPairSync('ed25519');
    const wrong = other.export({ type: 'pkcs8', format: 'pem' }) as string;
    const refused = (): unknown => readConfig({ ...all, DKIM_PRIVATE_KEY: wrong });
    expect(refused).toThrow('DKIM_PRIVATE_KEY must be an RSA private key in PEM');
    expect(refused).not.toThrow(wrong.split('\n')[1]);
  });
});

const headersOf = (raw: Buffer): string[] =>
  raw
    .toString('latin1')
    .split('\r\n\r\n')[0]!
    .split(/\r\n(?![ \t])/);

const named = (line: string): string => line.slice(0, line.indexOf(':')).toLowerCase();

function tagsOf(raw: Buffer): Record<string, string> {
  const line = headersOf(raw).find((each) => named(each) === 'dkim-signature') ?? '';
  const tags = line.slice(line.indexOf(':') + 1).split(';');
  return Object.fromEntries(
    tags.map((tag) => [tag.slice(0, tag.indexOf('=')).trim(), tag.slice(tag.indexOf('=') + 1).replace(/\s/g, '')]),
  );
}

/** RFC 6376, 3.4.2 and 3.4.4 (relaxed), 3.7: the body's hash first, then the signature over the headers it names and its own, emptied. */
function verify(raw: Buffer): boolean {
  const tags = tagsOf(raw);
  const body = raw.subarray(raw.indexOf('\r\n\r\n') + 4).toString('latin1');
  const relaxedBody = body
    .split('\r\n')
    .map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''))
    .join('\r\n')
    .replace(/(\r\n)*$/, '\r\n');
  if (createHash('sha256').update(relaxedBody, 'latin1').digest('base64') !== tags['bh']) return false;

  const lines = headersOf(raw);
  const relaxed = (line: string): string =>
    `${named(line)}:${line
      .slice(line.indexOf(':') + 1)
      .replace(/\r\n/g, '')
      .replace(/[ \t]+/g, ' ')
      .trim()}`;
  const signed = (tags['h'] ?? '').split(':').map((name) => relaxed(lines.findLast((line) => named(line) === name)!));
  const own = relaxed(lines.find((line) => named(line) === 'dkim-signature')!).replace(/b=[A-Za-z0-9+/= ]*$/, 'b=');
  return createVerify('RSA-SHA256')
    .update([...signed, own].join('\r\n'), 'latin1')
    .verify(publicKey, tags['b'] ?? '', 'base64');
}
