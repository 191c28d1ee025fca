/** `npm run model [-- --nightly | --runs N] [--seed N] [--path P --replay R]`: many more courses of events against what a loop promises than
 *  `npm test` has time for. A counter-example ends with the line that shows it again. */

import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    nightly: { type: 'boolean' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    path: { type: 'string' },
    replay: { type: 'string' },
  },
});
const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));
const model = {
  runs: number(values.runs) ?? (values.nightly ? 10_000 : 300),
  seed: number(values.seed),
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
