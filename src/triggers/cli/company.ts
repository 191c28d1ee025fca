/** heed check, heed apply: the company in its file. */

import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { DomainError } from '../../domain/errors.ts';
import type { Company } from '../../domain/company.ts';
import { explainProblems, readCompany } from '../../domain/companyFile.ts';
import { applyConfiguration, type Configuration } from '../../store/records/configurations.ts';
import { inPlace } from './place.ts';
import { Failed, sayJson, type Terminal } from './terminal.ts';

export function addCompanyCommands(program: Command, terminal: Terminal): void {
  program
    .command('check')
    .argument('<file>', 'the company file')
    .description('read a company file and explain what is wrong with it')
    .option('--json', 'for programs')
    .action(async (file: string, { json }: { json?: boolean }) => {
      const read = readCompany(await textOf(file, terminal));
      const problems = 'problems' in read ? read.problems : [];
      if (json) sayJson(terminal, { file, sound: problems.length === 0, problems });
      else if ('company' in read) terminal.say(`${file} is sound: ${summaryOf(read.company)}.`);
      else terminal.complain(explainProblems(file, problems));
      if (problems.length > 0) throw new Failed();
    });

  program
    .command('apply')
    .argument('<file>', 'the company file')
    .description('put a company file into force; running loops keep the ladders they began with')
    .option('--dry-run', 'only say what would change')
    .option('--json', 'for programs')
    .action(async (file: string, { dryRun, json }: { dryRun?: boolean; json?: boolean }) => {
      const yaml = await textOf(file, terminal);
      const read = readCompany(yaml);
      if ('problems' in read) {
        if (json) sayJson(terminal, { file, sound: false, problems: read.problems });
        else terminal.complain(`${explainProblems(file, read.problems)}\nNothing was applied.`);
        throw new Failed();
      }
      await inPlace(terminal.config(), async ({ heed, pool }) => {
        const before = await inForce(heed.configuration);
        const changes = changesBetween(before?.company, read.company);
        if (dryRun) {
          if (json) sayJson(terminal, { applied: false, inForce: before?.version ?? null, changes });
          else for (const line of [`Nothing was applied. It would change:`, ...listed(changes)]) terminal.say(line);
          return;
        }
        const by = terminal.account;
        const { version, changed } = await pool.transaction((tx) =>
          applyConfiguration(tx, { yaml, company: read.company, by }),
        );
        if (json) sayJson(terminal, { applied: changed, version, changes });
        else if (!changed) terminal.say(`${basename(file)} is in force already, as version ${version}.`);
        else
          for (const line of [`Applied ${basename(file)} as version ${version}:`, ...listed(changes)])
            terminal.say(line);
      });
    });
}

async function textOf(file: string, terminal: Terminal): Promise<string> {
  const path = resolve(terminal.folder(), file);
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new DomainError('validation', `${path} can't be read. Name a company file, such as samples/shop.yaml.`, {
      cause,
    });
  });
}

/** Undefined where no company was applied yet. */
function inForce(configuration: () => Promise<Configuration>): Promise<Configuration | undefined> {
  return configuration().catch(() => undefined);
}

const sections = ['places', 'staff', 'teams', 'calendars', 'kinds', 'ladders', 'templates'] as const;

/** What is new, gone or different, section by section, in codes. */
function changesBetween(before: Company | undefined, after: Company): Record<string, string[]> {
  const changes: Record<string, string[]> = {};
  for (const section of sections) {
    const [was, is]: [Record<string, unknown>, Record<string, unknown>] = [before?.[section] ?? {}, after[section]];
    const lines = [
      ...Object.keys(is)
        .filter((code) => !(code in was))
        .map((code) => `+ ${code}`),
      ...Object.keys(was)
        .filter((code) => !(code in is))
        .map((code) => `- ${code}`),
      ...Object.keys(is)
        .filter((code) => code in was && differ(was[code], is[code]))
        .map((code) => `~ ${code}`),
    ];
    if (lines.length > 0) changes[section] = lines;
  }
  for (const rules of [
    'triage',
    'owners',
    'deciders',
    'vocabulary',
    'customers',
    'capture',
    'undo',
    'executive',
  ] as const) {
    if (before && differ(before[rules], after[rules])) changes[rules] = ['~'];
  }
  return changes;
}

/** Postgres keeps the fields of an object in an order of its own. */
function differ(a: unknown, b: unknown): boolean {
  return JSON.stringify(inOrder(a)) !== JSON.stringify(inOrder(b));
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, inOrder(inner)]),
  );
}

function listed(changes: Record<string, string[]>): string[] {
  const lines = Object.entries(changes).map(
    ([section, codes]) => `  ${section}: ${codes.join(', ').replace(/^~$/, 'changed')}`,
  );
  return lines.length > 0 ? lines : ['  nothing but its wording or comments'];
}

function summaryOf(company: Company): string {
  const count = (section: object, one: string, many: string): string => {
    const amount = Object.keys(section).length;
    return `${amount} ${amount === 1 ? one : many}`;
  };
  return [
    `${company.name}, ${count(company.places, 'place', 'places')}`,
    count(company.staff, 'person', 'people'),
    count(company.triage, 'triage rule', 'triage rules'),
    count(company.ladders, 'ladder', 'ladders'),
  ].join(', ');
}
