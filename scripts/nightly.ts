/** `npm run nightly`: what takes longer than anybody waits for, one after the other, each whatever became of the one before it: a million hostile
 *  inputs, ten thousand courses of events, and the proof of ten thousand loops. Some two and a half hours on two cores. Each prints its own seed and
 *  how it went; the last lines say which held, and the exit code is 1 where one did not. Ctrl-C ends the one that runs and begins no other. */

import { spawn } from 'node:child_process';

const parts = [
  ['fuzz', 'a million hostile inputs'],
  ['model', 'ten thousand courses of events', '--', '--nightly'],
  ['prove', 'ten thousand loops and two hundred kills', '--', '--nightly'],
] as const;

let isStopped = false;
// A terminal tells the part that runs as well; a service manager may tell this process alone.
let running: ReturnType<typeof spawn> | undefined;
process.on('SIGINT', () => (isStopped = true));
process.on('SIGTERM', () => {
  isStopped = true;
  running?.kill('SIGINT');
});

const ends: string[] = [];
let failed = 0;
for (const [script, what, ...options] of parts) {
  if (isStopped) break;
  console.log(`\n— ${script}: ${what} —`);
  const began = performance.now();
  running = spawn('npm', ['run', '-s', script, ...options], { stdio: 'inherit' });
  const code = await new Promise<number>((ended) => {
    running!.once('exit', (exit) => ended(exit ?? 1)).once('error', () => ended(1));
  });
  if (code !== 0 && !isStopped) failed += 1;
  const how = code === 0 ? 'held' : isStopped ? 'stopped' : 'did not hold';
  ends.push(
    `${code === 0 ? '✓' : '✗'} ${script}: ${what} ${how}, in ${Math.ceil((performance.now() - began) / 60_000)} min`,
  );
}
console.log(`\n${ends.join('\n')}`);
process.exit(failed > 0 ? 1 : isStopped ? 130 : 0);
