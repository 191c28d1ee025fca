/** `npm run model [-- --nightly | --runs N] [--seed N] [--claim order|moment [--path P --replay R]]`: many more courses of events against what
 *  a loop promises than `npm test` has time for. A counter-example ends with the line that shows it again. */

import { spawn } from 'node:child_process';
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
const model = {
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
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => jest.kill(signal));
jest.once('exit', (code) => process.exit(code ?? 1));
