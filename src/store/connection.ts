/** A connection of one's own, for what lasts longer than a statement: backups, restoring, migrating, writing tables anew. */

import pg from 'pg';
import { asOfNow, type Credential } from '../domain/credential.ts';
import { tlsOf } from './tls.ts';
import { unusable } from './trouble.ts';

/** How the connection begins to be called by which a relay hears what is due: as long as it is there, what is due is sent. */
export const relayName = 'heed-relay-';

/** Opens it under a name that Postgres shows. When it is lost, that is thrown to whoever waits for an answer, and to nobody else. */
export async function connect(databaseUrl: Credential, name: string): Promise<pg.Client> {
  const address = asOfNow(databaseUrl);
  const { url, ssl } = tlsOf(address);
  const client = new pg.Client({ connectionString: url, ...(ssl !== undefined && { ssl }), application_name: name });
  // Said here a second time; where nobody listens, it would end this process.
  client.on('error', () => {});
  await client.connect().catch((cause: unknown) => {
    throw unusable(address, cause);
  });
  // Where its owner lets no statement take long, as some who rent out a Postgres do, a large one could be neither migrated nor backed up.
  await client.query('set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0');
  return client;
}
