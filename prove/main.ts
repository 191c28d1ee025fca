/** `npm run prove`: everything is killed, hundreds of times, while customers speak and people respond; then an auditor that shares no code with
 *  the product says what was lost, what came twice and what was missed. docs/proof.md says how to read what it prints. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { report } from '../src/audit/audit.ts';
import { defaultDataDir } from '../src/embedded/postgres.ts';
import { commit, isSound, machine, pageOf, verdictOf } from './page.ts';
import { prove, type Proof, type Proving } from './prove.ts';

const { values: asked } = parseArgs({
  options: {
    seed: { type: 'string' },
    nightly: { type: 'boolean', default: false },
    headline: { type: 'boolean', default: false },
    hours: { type: 'string', default: '1' },
    captures: { type: 'string' },
    loops: { type: 'string' },
    kills: { type: 'string' },
    rate: { type: 'string' },
  },
});

const seed = Number(asked.seed ?? Math.floor(Math.random() * 1_000_000));
const dataDir = process.env['HEED_DATA_DIR'] ?? defaultDataDir({ ...process.env, uid: process.getuid?.() ?? 1 });
const folder = join(dataDir, 'proofs', `${new Date().toISOString().replace(/[:.]/g, '-')}-${seed}`);
await mkdir(folder, { recursive: true });

const say = (sentence: string): void => console.log(sentence);
const enough = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    say('Stopping …');
    enough.abort();
  });
say(`${machine()}, ${commit()}`);
const proofs: Proof[] = [];
for (const [n, size] of sizes().entries()) {
  const own = join(folder, String(n + 1));
  const proof = await prove({ ...size, seed, say, folder: own, stopped: enough.signal }).catch((error: unknown) => {
    say(enough.signal.aborted ? (error as Error).message : String((error as Error).stack));
    process.exit(enough.signal.aborted ? 130 : 1);
  });
  proofs.push(proof);
  for (const line of report(proof.findings)) say(line);
  // Of one that holds there is nothing left to look into, and night by night they would fill the disk.
  if (isSound(proof)) await rm(own, { recursive: true, force: true });
}
await writeFile(join(folder, 'report.md'), pageOf(proofs));
for (const proof of proofs) say(verdictOf(proof));
say(`The report: ${join(folder, 'report.md')}`);
process.exit(proofs.every(isSound) ? 0 : 1);

function sizes(): Omit<Proving, 'seed' | 'say' | 'folder' | 'stopped'>[] {
  const loops = {
    name: 'Whole loops',
    count: Number(asked.loops ?? 500),
    rate: Number(asked.rate ?? 2.5),
    kills: Number(asked.kills ?? 25),
    othersPerKill: 2,
    capturesOnly: false,
    workers: 2,
    pace: 1,
    wipe: true,
    fullDisks: 1,
    diskMegabytes: 600,
    pausesMs: [3_000, 8_000],
    drainSeconds: 300,
    patient: false,
  };
  /** Seconds until so many loops are begun: an insight comes of every fifth capture or so. */
  const during = (count: number, rate: number): number => (count * 0.82) / rate;
  const nightly = {
    ...loops,
    count: Number(asked.loops ?? 10_000),
    kills: Number(asked.kills ?? 200),
    rate: Number(asked.rate ?? 2.2),
    pace: 3,
    fullDisks: 3,
    diskMegabytes: 4_000,
    // Longer than a lease: who wakes up then is a zombie.
    pausesMs: [3_000, 8_000, 130_000],
    // A letter in doubt is settled after fifteen minutes; a slow machine has more than that left over.
    drainSeconds: 3_600,
    patient: true,
  };
  // What is in doubt when the faults are over is settled while life goes on.
  const troubled = (size: typeof nightly): number => during(size.count, size.rate) * 0.8;
  if (asked.headline || asked.captures !== undefined) {
    const most = Number(asked.captures ?? 1_000_000);
    const captures = {
      ...loops,
      name: 'Captures',
      count: most,
      kills: Number(asked.kills ?? Math.ceil(most / 500)),
      rate: Infinity,
      capturesOnly: true,
      othersPerKill: 0.5,
      wipe: false,
      fullDisks: 3,
      diskMegabytes: 1_000 + Math.ceil(most / 150),
      // About as long as it takes at five hundred a second; what is planned for later does not happen.
      faultSeconds: most / 500,
    };
    if (!asked.headline) return [captures];
    const seconds = Number(asked.hours) * 3600;
    const count = Math.floor((seconds * 0.8) / during(1, nightly.rate));
    const whole = { ...nightly, count, kills: Math.ceil(count / 50), faultSeconds: troubled({ ...nightly, count }) };
    return [captures, whole];
  }
  if (asked.nightly) return [{ ...nightly, faultSeconds: troubled(nightly) }];
  return [{ ...loops, faultSeconds: during(loops.count, loops.rate) * 1.1 }];
}
