/** `npm run bench [name …]`: what Heed promises of speed and size, measured on real processes and printed with machine and commit. Not a test:
 *  a busy machine measures slower, so each figure stands beside its goal. */

import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { backup } from './backup.ts';
import { captures } from './captures.ts';
import { ready } from './ready.ts';
import { rebuild } from './rebuild.ts';
import { sustained } from './sustained.ts';
import { waves } from './waves.ts';

const benches: Record<string, () => Promise<Figure[]>> = { ready, captures, sustained, waves, rebuild, backup };

export interface Figure {
  what: string;
  measured: string;
  goal: string;
  holds: boolean;
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(`There is no bench called ${unknown.join(', ')}. There are: ${Object.keys(benches).join(', ')}.`);
  process.exit(2);
}

const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
const changed = git('status', '--porcelain') ? ' with changes' : '';
console.log(
  `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
console.log(`commit ${git('rev-parse', '--short', 'HEAD')}${changed}, ${new Date().toISOString()}\n`);

for (const [name, bench] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`${name} …`);
  for (const { what, measured, goal, holds } of await bench()) {
    console.log(`  ${holds ? '✓' : '✗'} ${what}: ${measured} (goal ${goal})`);
  }
}
