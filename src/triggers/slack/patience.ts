/** Slack waits three seconds for an answer, and what we ask it meanwhile may hang: nobody waits longer than this for it. */

/** What `asked` resolves to; rejects after `ms`. What it does later is its own business. */
export async function within<T>(ms: number, asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('Slack took too long.')), ms);
  });
  try {
    return await Promise.race([asked, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
