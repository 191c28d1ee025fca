/** heed check, heed apply: the company in its file. */

import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { DomainError } from '../../domain/errors.ts';
import type { Company } from '../../domain/company.ts';
import { explainProblems, readCompany } from '../../domain/companyFile.ts';
import { changesOfRetention } from '../../domain/retention.ts';
import { applyConfiguration, type Configuration } from '../../store/records/configurations.ts';
import { remarksPastTheirTime } from '../rights/letGo.ts';
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
        const past = 'retention' in changes ? await remarksPastTheirTime(pool, read.company) : 0;
        const told = [...listed(changes), ...letGoBy(past)];
        if (dryRun) {
          if (json)
            sayJson(terminal, { applied: false, inForce: before?.version ?? null, changes, pastTheirTime: past });
          else for (const line of [`Nothing was applied. It would change:`, ...told]) terminal.say(line);
          return;
        }
        const by = terminal.account;
        const { version, changed } = await pool.transaction((tx) =>
          applyConfiguration(tx, { yaml, company: read.company, by }),
        );
        if (json) sayJson(terminal, { applied: changed, version, changes, pastTheirTime: past });
        else if (!changed) terminal.say(`${basename(file)} is in force already, as version ${version}.`);
        else for (const line of [`Applied ${basename(file)} as version ${version}:`, ...told]) terminal.say(line);
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
const isSection = (name: string): boolean => sections.some((section) => section === name);

/** What is new, gone or different, section by section, in codes; whatever is no section is compared as a whole, so that nothing is left out. */
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
  for (const rules of Object.keys({ ...before, ...after }) as (keyof Company)[]) {
    if (!before || isSection(rules) || !differ(before[rules], after[rules])) continue;
    const lines = rules === 'retention' ? changesOfRetention(before, after) : ['~'];
    if (lines.length > 0) changes[rules] = lines;
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

function letGoBy(past: number): string[] {
  if (past === 0) return [];
  const what = past === 1 ? '1 remark is past its time' : `${past} remarks are past their time`;
  return [`  ${what} by it: what was said is erased for good within a day`];
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
