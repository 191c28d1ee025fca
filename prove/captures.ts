/** Captures, open-loop: the next is sent when its time has come, whether or not earlier ones were answered, and sent again under its key until
 *  somebody says that it is kept. */

import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chanceOf } from './chance.ts';
import { loopOf, type Loop } from './loops.ts';

export interface CapturesDone {
  accepted: number;
  /** Requests that had to be made again. */
  retries: number;
  /** Never accepted, in spite of all. */
  givenUp: number;
  latenciesMs: number[];
}

export interface CapturesOptions {
  url: string;
  apiKey: string;
  folder: string;
  seed: number;
  count: number;
  /** A second; Infinity: as fast as so many clients at once can. */
  rate: number;
  clients: number;
  accepted: (loop: Loop, id: string, reference: string) => void;
  /** Aborted when no more are wanted, whatever `count` says. */
  enough: AbortSignal;
}

/** Longest that a client goes on asking. */
const patienceMs = 600_000;
/** How long whoever asks waits for an answer: as long as the web itself gives it, and a moment. Whoever hangs up before may have been recorded without
 *  hearing so, and asks again for nothing. */
export const answeredWithinMs = 22_000;

/** Sends all of them; `done` counts while it goes on. What was answered with 202 stands in accepted.ndjson, repeats included. */
export function sendCaptures(options: CapturesOptions): { done: CapturesDone; finished: Promise<void> } {
  const done: CapturesDone = { accepted: 0, retries: 0, givenUp: 0, latenciesMs: [] };
  const journal = createWriteStream(join(options.folder, 'accepted.ndjson'), { flags: 'a' });
  const one = async (loop: Loop): Promise<void> => {
    const began = performance.now();
    // One in twenty asks once more although it was answered, as impatient clients do.
    const times = chanceOf(options.seed, `impatience ${loop.nth}`).next() < 0.05 ? 2 : 1;
    for (let n = 0; n < times; n += 1) {
      const answer = await untilAccepted(options, loop, done);
      // Whoever asks once more may have asked meanwhile that it be erased.
      if (answer === 'erased' && n > 0) return;
      if (!answer || answer === 'erased') return void (done.givenUp += 1);
      journal.write(`${JSON.stringify({ key: loop.key, id: answer.id })}\n`);
      if (n > 0) continue;
      done.accepted += 1;
      done.latenciesMs.push(performance.now() - began);
      options.accepted(loop, answer.id, answer.reference);
    }
  };
  const finished = (async () => {
    const sent = Number.isFinite(options.rate) ? atRate(options, one) : asFastAs(options, one);
    await sent;
    await new Promise<void>((written) => journal.end(written));
  })();
  return { done, finished };
}

async function atRate(
  { seed, count, rate, enough }: CapturesOptions,
  one: (loop: Loop) => Promise<void>,
): Promise<void> {
  const began = performance.now();
  const sent: Promise<void>[] = [];
  for (let n = 0; n < count && !enough.aborted; n += 1) {
    const wait = began + (n * 1000) / rate - performance.now();
    if (wait > 0) await sleep(wait);
    sent.push(one(loopOf(seed, n)));
  }
  await Promise.all(sent);
}

async function asFastAs({ seed, count, clients }: CapturesOptions, one: (loop: Loop) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (next < count) await one(loopOf(seed, next++));
    }),
  );
}

/** Asks that it be kept. Asked again under its key it is the same request. */
export const askToKeep = (
  { url, apiKey }: Pick<CapturesOptions, 'url' | 'apiKey'>,
  { key, body }: Pick<Loop, 'key' | 'body'>,
): Promise<Response> =>
  fetch(`${url}/v1/signals`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(answeredWithinMs),
  });

async function untilAccepted(
  options: CapturesOptions,
  loop: Loop,
  done: CapturesDone,
): Promise<{ id: string; reference: string } | 'erased' | undefined> {
  const until = performance.now() + patienceMs;
  for (let tries = 0; performance.now() < until; tries += 1) {
    if (tries > 0) done.retries += 1;
    try {
      const response = await askToKeep(options, loop);
      if (response.status === 410) return 'erased';
      if (response.status === 202) return (await response.json()) as { id: string; reference: string };
      const said = await response.text();
      // Anything else than "not just now" would be said again for ever.
      if (response.status < 500 && response.status !== 429) throw new Error(`A capture was refused: ${said}`);
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('A capture was refused')) throw error;
    }
    await sleep(Math.min(3_000, 150 * 2 ** tries) * (0.5 + Math.random()));
  }
  return undefined;
}
