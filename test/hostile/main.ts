/**
 * `npm run fuzz [-- inputs [seed [from]]]`: a million hostile inputs unless said otherwise, and whether everything held. `from` begins at a later
 * input, so that `npm run fuzz -- 1 SEED INPUT` tries one again. `--report FILE` also writes down what came of it. Ctrl-C ends it with what came of
 * those that were sent.
 */

import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startServers } from '../support/servers.ts';
import { fuzz } from './fuzz.ts';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { report: { type: 'string' } } });
const [inputs = 1_000_000, seed = Math.floor(Math.random() * 2 ** 31), from = 0] = positionals.map(Number);
if (![inputs, seed, from].every(Number.isSafeInteger)) {
  console.error('Say whole numbers: npm run fuzz -- inputs seed from');
  process.exit(2);
}
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
console.log(
  `seed ${seed}, ${inputs} inputs from ${from}, commit ${commit}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}`,
);

const enough = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    console.log('Stopping …');
    enough.abort();
  });
// Among other tests there is a Postgres already.
const servers = process.env['HEED_TEST_POSTGRES'] ? undefined : await startServers({ temporal: false, lasts: true });
const began = performance.now();
const seconds = (): number => (performance.now() - began) / 1000;
const report = await fuzz({
  seed,
  inputs,
  from,
  stopped: enough.signal,
  onProgress(done, broken) {
    if (done % Math.max(1000, Math.round(inputs / 100)) > 0) return;
    console.log(`${done} of ${inputs}, ${Math.round(done / seconds())} a second, ${broken} broken`);
  },
}).finally(() => servers?.stop());
if (values.report) await writeFile(values.report, JSON.stringify(report));

for (const [door, counts] of Object.entries(report.counts)) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const answers = Object.entries(counts)
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([answer, count]) => `${answer}: ${count}`);
  const inside = Object.values(report.inside[door] ?? {}).reduce((sum, count) => sum + count, 0);
  console.log(`${door}: ${total}, ${total - inside} turned away at the door (${answers.join(', ')})`);
}
if (report.heap.early > 0)
  console.log(
    `heap: ${Math.round(report.heap.early / 2 ** 20)} MB at a quarter, ${Math.round(report.heap.late / 2 ** 20)} MB at the end`,
  );
for (const one of report.broken) console.log(`✗ ${one}`);
const sent = enough.signal.aborted ? `Stopped: ${report.inputs} of ${inputs}` : report.inputs;
console.log(`${sent} inputs in ${Math.round(seconds())} s, ${report.broken.length} broken (seed ${report.seed})`);
process.exit(report.broken.length > 0 ? 1 : enough.signal.aborted ? 130 : 0);
