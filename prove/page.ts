/** The report: what was done to it, what it did, and what the auditor found. Markdown, for people. */

import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { report } from '../src/audit/audit.ts';
import type { Proof } from './prove.ts';

/** The line to quote. */
export function verdictOf({ proving, captures, kills, left, lost, duplicates, missed }: Proof): string {
  const killed = Object.values(kills).reduce((sum, count) => sum + count, 0);
  const done = proving.capturesOnly
    ? `${captures.accepted} captures accepted`
    : `${captures.accepted} captures accepted, ${left.loops - left.open} of ${left.loops} loops closed (${left.waiting} wait for a letter)`;
  return `${proving.name}: ${done}, ${killed} kills: ${lost} lost, ${duplicates} duplicate, ${missed} escalations missed.`;
}

/** Whether it shows what it was to show: it came to rest, the three numbers are 0, and the auditor found nothing else either. */
export const isSound = ({
  drained,
  lost,
  duplicates,
  missed,
  findings,
}: Pick<Proof, 'drained' | 'lost' | 'duplicates' | 'missed' | 'findings'>): boolean =>
  drained && lost + duplicates + missed === 0 && findings.every(({ violations }) => violations.length === 0);

export function pageOf(proofs: readonly Proof[]): string {
  return `${[`# Proof`, `${machine()}\n${commit()}, ${new Date().toISOString()}`, ...proofs.map(sectionOf)].join('\n\n')}\n`;
}

function sectionOf(proof: Proof): string {
  const { proving, captures, left } = proof;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  const three = ([median, most, all]: [number, number, number]): string =>
    `median ${median.toFixed(1)} s, 99 % ${most.toFixed(1)} s, latest ${all.toFixed(1)} s`;
  const latencies = sorted(captures.latenciesMs);
  const recoveries = sorted(proof.recoveriesMs);
  return [
    `## ${proving.name}`,
    `**${verdictOf(proof)}**`,
    `Seed ${proving.seed}. ${Math.round(proof.seconds)} s in all, ${Math.round(proof.drainSeconds)} s of them until nothing moved any more${proof.drained ? '' : ' (**it did not come to rest in time**)'}.`,
    '### What it did',
    table([
      ['captures accepted', captures.accepted],
      ['asked again under the same key', captures.retries],
      ['never accepted', captures.givenUp],
      [
        'accepted after',
        `median ${seconds(at(latencies, 0.5))}, 99 % ${seconds(at(latencies, 0.99))}, latest ${seconds(at(latencies, 1))}`,
      ],
      [
        'web back after kill -9',
        recoveries.length === 0
          ? 'not killed'
          : `median ${seconds(at(recoveries, 0.5))}, latest ${seconds(at(recoveries, 1))}`,
      ],
      ['loops', left.loops],
      ['loops closed a second, over all', ((left.loops - left.open) / proof.seconds).toFixed(1)],
      ...Object.entries(left.closed).map(([how, count]): [string, number] => [
        `rounds closed: ${how.replaceAll('_', ' ')}`,
        count,
      ]),
      ['open at the end', `${left.open}, of them ${left.waiting} wait for a letter that is put off or in doubt`],
      ['letters to customers handed over', left.letters],
      ['of them nobody knows whether they arrived', left.uncertain],
      ['escalations', left.escalations],
      ['loops left to whoever one names', `${left.onlyEscalated}, of them ${left.neverEscalated} never had one`],
      ['rungs taken after they were due', three(left.rungsLate)],
      ['prompts sent after they were planned', three(left.promptsLate)],
    ]),
    '### What was done to it',
    table([
      ...Object.entries(proof.kills).map(([of, count]): [string, number] => [`kill -9: ${of}`, count]),
      ...Object.entries(proof.faults).map(([what, { scripted, met }]): [string, string] => [
        what,
        `scripted ${scripted}, met ${met}`,
      ]),
    ]),
    proof.skipped.length === 0 ? '' : `Not done: ${proof.skipped.join('; ')}.`,
    '### What people did',
    table(Object.entries(proof.deeds)),
    '### Messages at the end',
    table(Object.entries(left.messages)),
    '### What the auditor found',
    report(proof.findings)
      .map((line) => `    ${line}`)
      .join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const table = (rows: readonly (readonly [string, string | number])[]): string =>
  ['| | |', '| --- | --- |', ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const at = (values: readonly number[], share: number): number =>
  values[Math.max(0, Math.ceil(values.length * share) - 1)] ?? 0;

export const machine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;

export function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
    return `commit ${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') ? ' with changes' : ''}`;
  } catch {
    return 'commit unknown';
  }
}
