/** How Postgres is spoken to under TLS. The address says it, in the words of node-postgres; slonik's driver knows neither "verify-full" nor whose
 *  certificates to believe (sslrootcert), so it is handed what node-postgres makes of them. */

import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

/** An address without those words, and what they mean; undefined: no TLS. Throws what the disk says of a file that can't be read. */
export function tlsOf(databaseUrl: string): { url: string; ssl: ConnectionOptions | undefined } {
  const url = new URL(databaseUrl);
  const [mode, ca, cert, key] = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey'].map((name) => {
    const value = url.searchParams.get(name);
    url.searchParams.delete(name);
    return value;
  });
  if (!mode && !ca && !cert && !key) return { url: databaseUrl, ssl: undefined };
  if (mode === 'disable') return { url: url.href, ssl: undefined };
  return {
    url: url.href,
    ssl: {
      rejectUnauthorized: mode !== 'no-verify',
      ...(ca && { ca: readFileSync(ca, 'utf8') }),
      ...(cert && { cert: readFileSync(cert, 'utf8') }),
      ...(key && { key: readFileSync(key, 'utf8') }),
    },
  };
}
