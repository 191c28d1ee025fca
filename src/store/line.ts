/** The line before the connections of a pool. slonik has one of its own that knows neither end nor patience: whoever was told long ago that it took
 *  too long would still be served before everybody who came later, and where no connection can be made only those in front are told. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { ConnectionError, type DatabasePool } from 'slonik';

/** As long as somebody waits for their first connection; then they have asked nothing of the database, and are told to try again. */
export const longestInLineMs = 3_000;

/** Whoever asks. The web says so around each request. */
export interface Asker {
  hungUp: () => boolean;
  /** They were given a connection before, and may have recorded something. */
  begun: boolean;
}
export const asker = new AsyncLocalStorage<Asker>();

/** The same pool, whose connections are waited for in a line of ours. */
export function inLine(pool: DatabasePool, connections: number, patienceMs: number | undefined): DatabasePool {
  const line = new Line(connections, patienceMs);
  const waiting = Object.entries(pool)
    .filter(([name]) => takesAConnection.has(name))
    .map(([name, ask]: [string, (...asked: unknown[]) => Promise<unknown>]) => [
      name,
      (...asked: unknown[]) => line.through(() => ask(...asked)),
    ]);
  const state: DatabasePool['state'] = () => ({ ...pool.state(), waitingClients: line.length });
  return { ...pool, ...(Object.fromEntries(waiting) as Partial<DatabasePool>), state };
}

const takesAConnection = new Set(
  'any anyFirst connect exists many manyFirst maybeOne maybeOneFirst one oneFirst query record stream transaction'.split(
    ' ',
  ),
);

/** Calls whoever is next. False: they are there no more. */
type Call = () => boolean;

class Line {
  #free: number;
  readonly #patienceMs: number | undefined;
  /** They go first and are never given up, so that nobody is told to try again of whom something is recorded. */
  readonly #begun = new Set<Call>();
  readonly #fresh = new Set<Call>();

  constructor(connections: number, patienceMs: number | undefined) {
    this.#free = connections;
    this.#patienceMs = patienceMs;
  }

  get length(): number {
    return this.#begun.size + this.#fresh.size;
  }

  /** Throws what counts as trouble with the database where it was given up. */
  async through<T>(ask: () => Promise<T>): Promise<T> {
    const who = asker.getStore();
    if (this.#free > 0) this.#free -= 1;
    else await (who?.begun ? this.#turnOfWhoHasBegun() : this.#turnOf(who));
    if (who) who.begun = true;
    try {
      return await ask();
    } finally {
      this.#callNext();
    }
  }

  #turnOfWhoHasBegun(): Promise<void> {
    return new Promise((called) => {
      this.#begun.add(() => {
        called();
        return true;
      });
    });
  }

  #turnOf(who: Asker | undefined): Promise<void> {
    return new Promise((called, givenUp) => {
      const call = (): boolean => {
        clearTimeout(patience);
        const isThere = !who?.hungUp();
        if (isThere) called();
        else givenUp(new ConnectionError('Whoever asked has hung up.'));
        return isThere;
      };
      const giveUp = (): void => {
        this.#fresh.delete(call);
        givenUp(new ConnectionError('Every connection was in use for too long.'));
      };
      const patience = this.#patienceMs === undefined ? undefined : setTimeout(giveUp, this.#patienceMs);
      this.#fresh.add(call);
    });
  }

  #callNext(): void {
    for (const line of [this.#begun, this.#fresh])
      for (const call of line) {
        line.delete(call);
        if (call()) return;
      }
    this.#free += 1;
  }
}
