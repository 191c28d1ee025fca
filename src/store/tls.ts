/** How Postgres is spoken to under TLS. The address says it, in the words of node-postgres; slonik's driver knows neither "verify-full" nor whose
 *  certificates to believe (sslrootcert), so it is handed what node-postgres makes of them. */

import { readFileSync } from 'node:fs';
import { createSecureContext, type ConnectionOptions } from 'node:tls';

/** What node-postgres and slonik's driver are handed. */
export interface Address {
  url: string;
  /** False: no TLS. Undefined: nothing was said. */
  ssl: ConnectionOptions | false | undefined;
}

/** An address without those words, and what they mean now: the files are read anew each time. Throws a sentence where one can't be read, or a
 *  certificate and its key were not made together, as in the moment in which they are exchanged one after the other. */
export function tlsOf(databaseUrl: string): Address {
  const url = new URL(databaseUrl);
  const [mode, ca, cert, key] = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'].map((name) => {
    const value = url.searchParams.get(name);
    url.searchParams.delete(name);
    return value;
  });
  if (!mode && !ca && !cert && !key) return { url: databaseUrl, ssl: undefined };
  if (mode === 'disable') return { url: url.href, ssl: false };
  const pems = { ...(ca && { ca: textOf(ca) }), ...(cert && { cert: textOf(cert) }), ...(key && { key: textOf(key) }) };
  try {
    createSecureContext(pems);
  } catch (cause) {
    const files = [ca, cert, key].filter(Boolean).join(', ');
    throw new Error(`What the address of Postgres names for TLS (${files}) can't be used together.`, { cause });
  }
  return { url: url.href, ssl: { rejectUnauthorized: mode !== 'no-verify', ...pems } };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`The address of Postgres names ${file} for TLS, which can't be read.`, { cause });
  }
}
