/** What was started and has to be stopped: the last first, and nothing that hangs keeps the rest from being stopped. */

export interface Stop {
  name: string;
  stop: () => Promise<void>;
}

/** How we are told to end: Ctrl-C, whoever keeps us, and a terminal that is closed or was reached over a line that is lost. */
export const toldToEnd = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A terminal may be gone before we are, and the disk full on which a log is kept: what can't be said there would end us in the middle of our work,
 *  or of stopping. */
export function goOnUnheard(): void {
  // slonik's logger listens there too, and throws whatever is no closed pipe.
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error').on('error', () => {});
}

/** Longer than any part needs: PostgreSQL is the slowest, which is told three times. */
const patienceMs = 40_000;

/** Stops everything in `stops` and empties it, also of what is added meanwhile. Trouble is told, never thrown. */
export async function stopAll(
  stops: Stop[],
  say: (sentence: string) => void,
  { patience = patienceMs }: { patience?: number } = {},
): Promise<void> {
  for (let last = stops.pop(); last; last = stops.pop()) {
    const { name, stop } = last;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), patience);
    });
    const ended = stop().catch((error: unknown) =>
      say(`${name} did not stop cleanly: ${error instanceof Error ? error.message : String(error)}`),
    );
    if ((await Promise.race([ended, late])) === 'late')
      say(`${name} did not stop within ${patience / 1000} seconds; the rest is stopped without it.`);
    clearTimeout(timer);
  }
}

/** Starts a server that must not outlive us: told to stop while it starts, we wait until it has, and stop it then. */
export function stoppedWhenUp<Server extends { stop(): Promise<void> }>(
  starting: Promise<Server>,
  name: string,
  stops: Stop[],
): Promise<Server> {
  stops.push({ name, stop: async () => (await starting.catch(() => undefined))?.stop() });
  return starting;
}
