/** `npm test`: everything, with no step before it and nothing left running after it. Ends with one line: N passed, N failed. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const bin = (name: string): string => join('node_modules', '.bin', name);

/** Checks that need no server: each counts as one claim. */
const checks: [claim: string, command: string, ...args: string[]][] = [
  ['types hold', bin('tsc'), '--noEmit'],
  ['lint finds nothing', bin('oxlint'), '--type-aware', 'src', 'test', 'bench', 'prove', 'scripts'],
  ['everything is formatted', bin('prettier'), '--check', '--log-level', 'warn', '.'],
  ['no code is dead', bin('knip'), '--no-progress'],
];

const folder = await mkdtemp(join(tmpdir(), 'heed-results-'));
const report = join(folder, 'jest.json');
let running: ChildProcess | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => running?.kill(signal));

let passed = 0;
let failed = 0;
for (const [claim, command, ...args] of checks) {
  const began = performance.now();
  const code = await run(command, args);
  console.log(`${code === 0 ? '✓' : '✗'} ${claim} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  if (code === 0) passed += 1;
  else failed += 1;
}

const code = await run(process.execPath, [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  join('node_modules', 'jest', 'bin', 'jest.js'),
  '--json',
  `--outputFile=${report}`,
  ...process.argv.slice(2),
]);
const results = await readFile(report, 'utf8').then(JSON.parse, () => undefined);
if (!results) failed += 1;
else {
  passed += results.numPassedTests;
  failed += results.numFailedTests + results.numRuntimeErrorTestSuites;
  // A suite that could not be taken down is a failure too, even when each claim in it held.
  if (code !== 0 && results.numFailedTests + results.numRuntimeErrorTestSuites === 0) failed += 1;
}
await rm(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function run(command: string, args: string[]): Promise<number> {
  return new Promise((ended) => {
    // Node 24 first on the PATH, for tools whose programs say "env node".
    const PATH = `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}`;
    running = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, PATH } });
    running.once('error', (error) => {
      console.error(`${command} could not be run: ${error.message}`);
      ended(1);
    });
    running.once('exit', (exitCode) => ended(exitCode ?? 1));
  });
}
