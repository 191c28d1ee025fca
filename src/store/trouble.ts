/** Telling "Postgres can't be had just now" from a fault of ours: the one passes by itself, the other does not. */

import {
  BackendTerminatedError,
  BackendTerminatedUnexpectedlyError,
  ConnectionError,
  StatementCancelledError,
  StatementTimeoutError,
} from 'slonik';

/** Whether an error, or what caused it, means that the database could not be reached, broke off, or took too long. */
export function isDatabaseTrouble(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const known = [
    BackendTerminatedError,
    BackendTerminatedUnexpectedlyError,
    ConnectionError,
    StatementCancelledError,
    StatementTimeoutError,
  ];
  return known.some((trouble) => error instanceof trouble) || isPassing(error) || isDatabaseTrouble(error.cause);
}

/** What to say at the start, when the database that was named can't be used. Its password is not said. */
export const unusable = (databaseUrl: string, cause: unknown): Error =>
  new Error(
    `Postgres at ${new URL(databaseUrl).host} can't be used. Look whether it runs there and lets this user in, or correct DATABASE_URL.`,
    { cause },
  );

/** A migration made a view anew that this connection has a plan for; slonik gives the connection up, and the next one plans anew. */
const plannedBefore = /cached plan must not change result type/;

/** Codes of the socket, and the classes of SQLSTATE for connections, resources, an operator's intervention, and for what is to begin anew: slonik
 *  does so five times, and then Postgres is busier than whoever waits is patient. */
function isPassing(error: Error): boolean {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return (
    /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENOENT|(08|40|53|57)...)$/.test(code) ||
    /Connection terminated|Client is (pending destroy|destroyed)|timeout exceeded when trying to connect/.test(
      error.message,
    ) ||
    plannedBefore.test(error.message)
  );
}
