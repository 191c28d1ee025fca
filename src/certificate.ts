/** Certificates and keys in PEM: those by which the web speaks TLS itself, where no proxy does, and the key that signs letters. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

export interface Certificate {
  /** In PEM: its own first, then those between it and its authority. */
  cert: string;
  /** Its private key, in PEM. */
  key: string;
  /** Where the two are kept, and put anew before they run out; undefined for what came in a variable. */
  files: { cert: string | undefined; key: string | undefined };
}

/** PEM on one line, where a variable cannot hold several, in its lines again. */
export const inLines = (pem: string): string => pem.replaceAll('\\n', '\n');

/** Why nothing can be encrypted with these two, as a sentence; undefined where it can. */
export function troubleWith({ cert, key }: Pick<Certificate, 'cert' | 'key'>): string | undefined {
  const certificate = tried(() => new X509Certificate(cert));
  if (!certificate) return 'TLS_CERT must be a certificate in PEM: -----BEGIN CERTIFICATE-----…';
  const privateKey = tried(() => createPrivateKey(key));
  if (!privateKey)
    return 'TLS_KEY must be a private key in PEM that asks for no password: -----BEGIN PRIVATE KEY-----…';
  if (!certificate.checkPrivateKey(privateKey))
    return 'TLS_KEY is not the key of the certificate in TLS_CERT: name the two that were made together.';
  if (!tried(() => createSecureContext({ cert, key })))
    return 'TLS_CERT and TLS_KEY can’t be used: look whether every certificate below the first is whole, and the key long enough.';
  return undefined;
}

function tried<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

/** nodemailer signs with RSA alone, and leaves a letter unsigned without a word when it cannot. */
export const isRsaKey = (key: string): boolean => tried(() => createPrivateKey(key))?.asymmetricKeyType === 'rsa';
