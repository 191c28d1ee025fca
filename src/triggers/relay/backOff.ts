/** Half a second, doubling to half a minute, jittered so that what failed together does not return together. */
export function backOffMs(attempts: number): number {
  return Math.min(30_000, 500 * 2 ** Math.min(attempts, 10)) * (0.5 + Math.random() / 2);
}
