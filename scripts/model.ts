/** `npm run model [-- --nightly | --runs N] [--seed N] [--claim order|moment [--path P --replay R]]`: many more courses of events against what
 *  a loop promises than `npm test` has time for. A counter-example ends with the line that shows it again. Ctrl-C ends it with what was seen. */

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    nightly: { type: 'boolean' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    claim: { type: 'string' },
    path: { type: 'string' },
    replay: { type: 'string' },
  },
});
const claims = ['order', 'moment'];
if (values.claim === undefined ? values.path !== undefined : !claims.includes(values.claim)) {
  console.error(
    'Say which claim: --claim order (whatever happens, in whatever order) or --claim moment (two people at the same moment). A path goes with the one that it was printed for.',
  );
  process.exit(2);
}
const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
const folder = await mkdtemp(join(tmpdir(), 'heed-model-'));
const model = {
  /** No other course of events begins once there is such a file. */
  enough: join(folder, 'enough'),
  runs: number(values.runs) ?? (values.nightly ? 10_000 : 300),
  seed: number(values.seed),
  claim: values.claim,
  path: values.path,
  replay: values.replay,
};
const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    'test/model',
    '--globals',
    JSON.stringify({ model }),
  ],
  // In a group of its own, which Ctrl-C does not reach: it says what was seen, and stops its servers.
  { stdio: 'inherit', detached: true },
);
let isStopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    console.log('Stopping …');
    isStopped = true;
    writeFileSync(model.enough, '');
  });
const code = await new Promise<number>((ended) => jest.once('exit', (exit) => ended(exit ?? 1)));
await rm(folder, { recursive: true, force: true });
process.exit(code === 0 && isStopped ? 130 : code);
