/** Certificates for servers of this machine and whoever asks them, signed by themselves or each other: Node reads them and makes none, and a machine
 *  may have no openssl. */

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

interface Asked {
  subject?: string;
  names?: string[];
  addresses?: string[];
  /** Whether others may be signed by it. */
  authority?: boolean;
  /** By whom it is signed; otherwise by itself, and whoever is to believe it takes it for its own authority. */
  by?: { subject: string; key: string };
}

/** One of `subject`, for some names and addresses, valid from yesterday to tomorrow, with its key; both in PEM. */
export function makeCertificate({
  subject = 'Heed test',
  names = ['localhost'],
  addresses = ['127.0.0.1'],
  authority = false,
  by,
}: Asked = {}): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const alternatives = sequence(
    ...names.map((each) => der(0x82, Buffer.from(each))),
    ...addresses.map((each) => der(0x87, Buffer.from(each.split('.').map(Number)))),
  );
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    // Positive, whatever is drawn.
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    nameOf(by?.subject ?? subject),
    sequence(time(-1), time(1)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(oid('551d11'), der(0x04, alternatives)), ...(authority ? [signsOthers] : []))),
  );
  const certificate = sequence(
    signed,
    ecdsaWithSha256,
    der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', signed, by?.key ?? privateKey)])),
  );
  const lines = certificate.toString('base64').replaceAll(/.{64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A tag, how long it is, and what it holds. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const bytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts);
const set = (...parts: Buffer[]): Buffer => der(0x31, ...parts);
const utf8 = (text: string): Buffer => der(0x0c, Buffer.from(text));
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const nameOf = (subject: string): Buffer => sequence(set(sequence(oid('550403'), utf8(subject))));
const yes = der(0x01, Buffer.from([0xff]));
const signsOthers = sequence(oid('551d13'), yes, der(0x04, sequence(yes)));
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));

/** YYMMDDHHMMSSZ, so many days from now. */
const time = (days: number): Buffer =>
  der(
    0x17,
    Buffer.from(`${new Date(Date.now() + days * 86_400_000).toISOString().replaceAll(/\D/g, '').slice(2, 14)}Z`),
  );
