/**
 * Starts Heed. Without a word: everything in one process tree, with embedded parts for whatever no address was given. With `web`, `worker`
 * or `relay`: that process alone, against the parts the environment names; with `engine`, worker and relay in one.
 */

import { flushCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { ConfigError, readConfig } from './config.ts';
import { mustBeApart, parts, startApart, type Part } from './start/apart.ts';
import { goOnUnheard, stopAll, toldToEnd, type Stop } from './stops.ts';

async function main(): Promise<void> {
  const [asked] = process.argv.slice(2);
  if (asked && !parts.includes(asked as Part))
    throw new ConfigError(
      `There is no process "${asked}". Say web, worker, relay or engine; or nothing, for all of it.`,
    );
  const only = asked as Part | undefined;
  const config = readConfig(undefined, say);
  if (only) mustBeApart(config, only);

  const stops: Stop[] = [];
  let told = false;
  const stop = once(() => stopAll(stops, say));
  goOnUnheard();
  for (const signal of toldToEnd) {
    process.on(signal, () => {
      if (!only && !told) say('Stopping …');
      told = true;
      // With 0, unless it was a part of ours that died and told us.
      void stop().then(() => process.exit());
    });
  }
  try {
    if (only) await startApart(config, only, stops, say);
    else {
      // Loaded here and not above: a process that is alone does without most of it.
      const { startTogether } = await import('./start/together.ts');
      await startTogether(config, fileURLToPath(import.meta.url), stops, say);
    }
    // Node keeps what it compiled when it ends in peace, which is what a process that is killed never does.
    flushCompileCache();
  } catch (error) {
    await stop();
    // What we were told to stop while it was starting is no failure.
    if (!told) throw error;
  }
}

function once(act: () => Promise<void>): () => Promise<void> {
  let acting: Promise<void> | undefined;
  return () => (acting ??= act());
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

main().catch((error: unknown) => {
  process.stderr.write(`${sentenceOf(error)}\n`);
  if (!(error instanceof ConfigError) && error instanceof Error && error.cause instanceof Error)
    process.stderr.write(`  because: ${error.cause.message}\n`);
  process.exit(1);
});
