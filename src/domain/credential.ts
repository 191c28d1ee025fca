/** By what others let us in. It may be exchanged while we run, so it is asked for whenever it is used. */

/** As it is for as long as we run; or what tells it as it is now. */
export type Credential<T extends string | object = string> = T | (() => T);

export const asOfNow = <T extends string | object>(credential: Credential<T>): T =>
  typeof credential === 'function' ? credential() : credential;

/**
 * What tells it by reading it anew. Where `read` throws, what was read last goes on being used, at first `first`, and `say` hears it: once for each
 * reason. Throws what `read` throws as long as there was nothing before.
 */
export function renewing<T extends string | object>(
  read: () => T,
  say: (sentence: string) => void,
  first?: T,
): () => T {
  let last = first;
  let told: string | undefined;
  return () => {
    try {
      last = read();
      told = undefined;
    } catch (error) {
      if (last === undefined) throw error;
      const { message } = error as Error;
      if (message !== told) say(`${message} What was read before goes on being used.`);
      told = message;
    }
    return last;
  };
}
