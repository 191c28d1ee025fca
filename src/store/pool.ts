/** The one way to Postgres. A query's zod schema is enforced on every row, and times come back as Date. */

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { createPgDriverFactory } from '@slonik/pg-driver';
import { createPool, sql, SchemaValidationError } from 'slonik';
import type { CommonQueryMethods, DatabasePool, DatabaseTransactionConnection, Interceptor } from 'slonik';
import { asOfNow, renewing, type Credential } from '../domain/credential.ts';
import { DomainError } from '../domain/errors.ts';
import { inLine } from './line.ts';
import { tlsOf, type Address } from './tls.ts';
import { unusable } from './trouble.ts';

/** What a single statement needs: the pool, or the transaction one is in. */
export type Db = CommonQueryMethods;
/** For whatever must happen together. Never use the pool inside: with an exhausted pool that waits for itself. */
export type Tx = DatabaseTransactionConnection;
export type Pool = DatabasePool;

/** slonik only describes what a query returns; this checks it. */
const rowsAreChecked: Interceptor = {
  name: 'rows-are-checked',
  transformRow: (context, query, row) => {
    const parser = context.resultParser;
    if (!parser) return row;
    const result = parser['~standard'].validate(row);
    if (result instanceof Promise) throw new Error('A row schema must be synchronous.');
    if (result.issues) throw new SchemaValidationError(query, row, [...result.issues]);
    return result.value as typeof row;
  },
};

/**
 * To read and plan a statement takes Postgres as long as to run it, and several times as long where it reads a view (5.7 ms and 0.9 ms for one
 * signal): each connection does it once, under a name made of the text. Texts beyond number, if there were any, are not kept.
 */
const plannedOnce: Interceptor = {
  name: 'planned-once',
  transformQuery: (_context, query) => {
    let name = names.get(query.sql);
    if (!name && names.size < mostNames) {
      name = createHash('sha1').update(query.sql).digest('hex');
      names.set(query.sql, name);
    }
    return name ? { ...query, name } : query;
  },
};
const names = new Map<string, string>();
const mostNames = 500;

/** A statement may take the time that its pool gives it; erasing gives itself a minute. Nothing is silent for longer than that and a moment. */
export const longestSilenceMs = (statementTimeoutMs: number): number => Math.max(60_000, statementTimeoutMs) + 5_000;

/**
 * slonik's own driver, but for four things. Each connection is made by what the address is at that moment. Named statements are planned once. A
 * connection that dies in the moment it is there (Postgres was killed, an operator ended it) is not handed out: slonik would miss that it is gone;
 * it throws where nothing catches, which ends this process, and whoever waits for the connection waits for ever. And one on which nothing is
 * answered is given up: a Postgres that loses its power says no word of farewell, and the time limit of a statement is its own to keep.
 */
const driverOf =
  (address: () => Address, silenceMs: number): ReturnType<typeof createPgDriverFactory> =>
  async ({ driverConfiguration }) => {
    let made: { by: string; driver: ReturnType<ReturnType<typeof createPgDriverFactory>> } | undefined;
    // Made anew for another address only, because each asks Postgres for its types, on a connection of its own.
    const driver = (): NonNullable<typeof made>['driver'] => {
      const { url, ssl } = address();
      const by = JSON.stringify([url, ssl]);
      if (made?.by !== by) {
        const at = { ...driverConfiguration, connectionUri: url, ...(ssl && { ssl }) };
        const making = { by, driver: orSilent(silenceMs, createPgDriverFactory()({ driverConfiguration: at })) };
        // One that could not ask is no good for the next connection either.
        making.driver.catch(() => made === making && (made = undefined));
        made = making;
      }
      return made.driver;
    };
    await driver();
    return {
      async createClient() {
        const client = await (await driver()).createClient();
        // What Postgres said in the same breath as "ready" is heard by then.
        await setImmediate();
        if (client.state() !== 'IDLE') throw new Error('Connection terminated in the moment it was there.');
        client.acquire();
        await orSilent(silenceMs, client.query(forEach), () => void client.destroy());
        await client.release();
        return {
          ...client,
          query: (...asked: Parameters<typeof client.query>) =>
            // Given up at once, so that nothing is asked on it any more, not even to roll back.
            orSilent(silenceMs, client.query(...asked), () => void client.destroy()),
        };
      },
    };
  };

/** What each connection is told at first. Times are written in UTC, whatever zone the server has: in others some are written as JavaScript can't
 *  read them. And else each of its first five runs plans a statement anew, to see whether its values matter: ours look rows up, whatever they are. */
const forEach = `select set_config('timezone', 'UTC', false), set_config('plan_cache_mode', 'force_generic_plan', false)`;

/** What Postgres answers; throws where it takes longer than that, once it is given up. */
function orSilent<T>(silenceMs: number, answered: Promise<T>, giveUp: () => void = () => {}): Promise<T> {
  const silent = Promise.withResolvers<never>();
  const patience = setTimeout(() => {
    giveUp();
    silent.reject(new Error('Connection terminated: Postgres has fallen silent.'));
  }, silenceMs);
  return Promise.race([answered, silent.promise]).finally(() => clearTimeout(patience));
}

const typeParsers = [
  { name: 'timestamptz', parse: (text: string) => new Date(text) },
  { name: 'date', parse: (text: string) => text },
  { name: 'int8', parse: (text: string) => Number(text) },
  { name: 'numeric', parse: (text: string) => Number(text) },
];

/** Opens a pool. `statementTimeoutMs`: 3000 where a workflow's stage waits, 2000 where a person does. `silenceMs`: after so long without an
 *  answer a connection is given up. `patienceMs`: so long somebody waits for a connection while all are in use, where people ask; elsewhere for as long
 *  as it takes. `say` hears of files for TLS that can't be used, while those of before go on. */
export async function openPool(
  databaseUrl: Credential,
  options: {
    statementTimeoutMs?: number;
    connections?: number;
    silenceMs?: number;
    patienceMs?: number | undefined;
    say?: (sentence: string) => void;
  } = {},
): Promise<Pool> {
  const { statementTimeoutMs = 3000, connections = 6, patienceMs, say = () => {} } = options;
  const { silenceMs = longestSilenceMs(statementTimeoutMs) } = options;
  const address = renewing(() => tlsOf(asOfNow(databaseUrl)), say);
  const opened = await createPool(address().url, {
    captureStackTrace: false,
    connectionTimeout: 3000,
    driverFactory: driverOf(address, silenceMs),
    idleTimeout: 30_000,
    interceptors: [rowsAreChecked, plannedOnce],
    // slonik hands out whichever has rested longest, so that each of them plans every statement for itself: more of them are slower, not faster.
    maxPoolSize: connections,
    // Nothing is set on a connection while it is used, so there is nothing to discard: this saves a round trip a query.
    resetConnection: async () => {},
    statementTimeout: statementTimeoutMs,
    typeParsers,
  }).catch((cause: unknown) => {
    throw unusable(address().url, cause);
  });
  // What fails is thrown to whoever asked; slonik says it here too, and would throw something else where nobody listens.
  opened.on('error', () => {});
  const pool = inLine(opened, connections, patienceMs);
  return { ...pool, transaction: (body, retries) => keepingTheConnection(pool, body, retries) };
}

/** slonik gives a connection up when anything is thrown while it is used, and a new one costs a greeting and the planning of all views. That
 *  somebody is refused is no reason: it has been rolled back, and the connection is as good as before. */
async function keepingTheConnection<T>(pool: Pool, body: (tx: Tx) => Promise<T>, retries?: number): Promise<T> {
  const outcome = await pool.connect((connection) =>
    connection.transaction(body, retries).then(
      (made) => ({ made }),
      (error: unknown) => {
        if (error instanceof DomainError) return { refused: error };
        throw error;
      },
    ),
  );
  if ('refused' in outcome) throw outcome.refused;
  return outcome.made;
}

export { sql };
