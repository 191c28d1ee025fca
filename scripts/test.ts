/** `npm test`: everything, with no step before it and nothing left running after it. Ends with one line: N passed, N failed. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';

const bin = (name: string): string => join('node_modules', '.bin', name);

/** Checks that need no server: each counts as one claim. They give way to the tests, beside which they run. */
const checks: [claim: string, command: string, ...args: string[]][] = [
  ['types hold', bin('tsc'), '--noEmit'],
  ['lint finds nothing', bin('oxlint'), '--type-aware', 'src', 'test', 'bench', 'prove', 'scripts'],
  ['everything is formatted', bin('prettier'), '--check', '--log-level', 'warn', '.'],
  ['no code is dead', bin('knip'), '--no-progress'],
];

const folder = await mkdtemp(join(tmpdir(), 'heed-results-'));
const report = join(folder, 'jest.json');
const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
  });

let passed = 0;
let failed = 0;
const checking = Promise.all(
  checks.map(async ([claim, command, ...args]) => {
    const began = performance.now();
    const { code, said } = await run(command, args, 'behind');
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    console.log(`${code === 0 ? '✓' : '✗'} ${claim} (${seconds} s)${code === 0 ? '' : `\n${said}`}`);
    if (code === 0) passed += 1;
    else failed += 1;
  }),
);

const { code, said: trouble } = await run(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join('node_modules', 'jest', 'bin', 'jest.js'),
    '--json',
    `--outputFile=${report}`,
    ...process.argv.slice(2),
  ],
  'shown',
);
await checking;
if (trouble) console.error(trouble);
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

/** What it says is shown at once; or, behind others, kept until it has ended, so that several do not talk into each other. */
function run(command: string, args: string[], how: 'shown' | 'behind'): Promise<{ code: number; said: string }> {
  return new Promise((ended) => {
    // Node 24 first on the PATH, for tools whose programs say "env node".
    const PATH = `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}`;
    const channel = how === 'shown' ? 'inherit' : 'pipe';
    const child = spawn(command, args, { stdio: ['ignore', channel, channel], env: { ...process.env, PATH } });
    running.add(child);
    if (how === 'behind' && child.pid) setPriority(child.pid, constants.priority.PRIORITY_LOW);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.once('error', (error) => ended({ code: 1, said: `${command} could not be run: ${error.message}` }));
    child.once('close', (exitCode) => {
      running.delete(child);
      ended({ code: exitCode ?? 1, said });
    });
  });
}
