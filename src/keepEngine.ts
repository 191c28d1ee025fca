/** How `npm start` keeps an engine beside the web: a process of its own, at a lower priority, and what the two say to each other. Knows nothing of
 *  Temporal: whoever answers people starts without it. */

import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hands } from './activities/createActivities.ts';
import { environmentWith } from './config.ts';
import { yieldToOthers } from './embedded/processes.ts';
import type { Stop } from './stops.ts';

type Say = (sentence: string) => void;

/** Said to an engine whose parent has the mailbox. */
const recalls = 'recalls';

/**
 * Starts an engine as a process of its own, at a lower priority: on a small machine whoever stands at a counter goes before what can wait.
 * Returns when it works; from then on it is started again when it ends by itself. It ends with us, whichever way we end. Its settings go
 * by the environment, which no other user of the machine reads.
 */
export async function keepEngine(
  main: string,
  settings: NodeJS.ProcessEnv,
  { recall }: Pick<Hands, 'recall'>,
  stops: Stop[],
  say: Say,
): Promise<void> {
  let child: ChildProcess | undefined;
  let stopping = false;

  const start = async (): Promise<void> => {
    const engine = fork(main, ['engine', ...(recall ? [recalls] : [])], {
      env: environmentWith(settings),
      // Not ours: a file of settings named there (--env-file) is in the environment already, and would bring back what is unset in it.
      execArgv: ['--disable-warning=ExperimentalWarning'],
      // A group of its own: Ctrl-C in the terminal then reaches us only, who end things in order.
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child = engine;
    // Also of what can't be sent to one that has just ended: it is started again by its exit.
    engine.on('error', () => {});
    engine.on('message', (said) => {
      const { recall: messageId } = said as { recall?: string };
      const answer = (taken: boolean) => engine.connected && engine.send({ recalled: messageId, taken });
      if (messageId)
        void recall?.(messageId).then(
          () => answer(true),
          () => answer(false),
        );
    });
    const working = new Promise<void>((ready, failed) => {
      engine.once('message', () => ready());
      engine.once('error', (cause) => failed(new Error('The engine could not be started.', { cause })));
      engine.once('exit', () => failed(new Error('The engine ended before it was ready; what it said stands above.')));
    });
    await working;
    engine.once('exit', () => {
      if (!stopping) void startAgain();
    });
    // Only now: somebody waits for the start. One that has ended since yields to everybody.
    await yieldToOthers(engine.pid!).catch(() => undefined);
  };

  const startAgain = async (): Promise<void> => {
    say('The engine ended by itself. It is started again; nothing that was kept is lost.');
    while (!stopping) {
      try {
        await start();
        return say('The engine is back.');
      } catch {
        await sleep(500);
      }
    }
  };

  stops.push({
    name: 'Engine',
    stop: async () => {
      stopping = true;
      // Without an id it never was a process.
      if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child!.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  });
  await start();
}

/** The mailbox is our parent's, who is asked and says when it is done, or that it can't be done now; where there is none, no mail can be taken
 *  back. */
export function recallThroughParent(): Hands['recall'] {
  if (!process.send || !process.argv.includes(recalls)) return undefined;
  return (messageId) =>
    new Promise((done, failed) => {
      const hear = (said: unknown): void => {
        const { recalled, taken } = said as { recalled?: string; taken?: boolean };
        if (recalled !== messageId) return;
        process.off('message', hear);
        if (taken) done();
        else failed(new Error('The mail is still in the mailbox.'));
      };
      process.on('message', hear);
      process.send!({ recall: messageId });
    });
}

/** Tells whoever keeps this process that it works, and ends it when they are gone. False when nobody does. */
export function isReadyForParent(): boolean {
  if (!process.send) return false;
  process.send({ ready: true });
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  return true;
}
