/** Reads a company from its YAML file and tells everything that is wrong with it at once, each problem with its line and what to do. */

import type { Document, Node, Pair } from 'yaml';
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import type { Company } from './company.ts';
import type { Known } from './companySchema.ts';
import { companySchema } from './companySchema.ts';

export interface FileProblem {
  /** From 1. */
  line: number;
  column: number;
  /** Where in the file's structure: "triage.2.kind". */
  path: string;
  /** What is wrong and what to do, in a sentence or two. */
  message: string;
}

/** The company in `yaml`, or all its problems in the order of the file. Never throws. */
export function readCompany(yaml: string): { company: Company } | { problems: FileProblem[] } {
  if (yaml.length > longestFile)
    return {
      problems: [atStart('is longer than a megabyte. A company file holds rules and wording, not lists of customers.')],
    };

  const file = openFile(yaml);
  // What stands in place of bytes that are no UTF-8, as of an editor that writes another encoding. As YAML the rest may be sound.
  const unread = yaml.indexOf('\uFFFD');
  if (unread >= 0) return { problems: [encodingProblem(unread, file)] };

  const twice = file.document.errors
    .filter(({ code }) => code === 'DUPLICATE_KEY')
    .map((error) => duplicateProblem(error, file));
  // One slip in the indentation makes the rest of the file look wrong; only the first complaint is worth reading.
  const notYaml = file.document.errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  if (notYaml) return { problems: [syntaxProblem(notYaml, file)] };

  const content = plainContent(file);
  if ('problem' in content) return { problems: [content.problem] };
  const parsed = companySchema(knownIn(content.raw)).safeParse(content.raw);
  const problems = [...twice, ...(parsed.error?.issues ?? []).flatMap((issue) => issueProblems(issue, file))];
  return parsed.success && problems.length === 0 ? { company: parsed.data } : { problems: inOrder(problems) };
}

/** For a terminal: one problem a line, `samples/shop.yaml:41:7  triage rule 3: …`. */
export function explainProblems(file: string, problems: FileProblem[]): string {
  return problems.map(({ line, column, message }) => `${file}:${line}:${column}  ${message}`).join('\n');
}

const longestFile = 1_000_000;

type Path = (string | number)[];

interface OpenFile {
  yaml: string;
  document: Document.Parsed;
  lines: LineCounter;
}

function openFile(yaml: string): OpenFile {
  const lines = new LineCounter();
  return { yaml, lines, document: parseDocument(yaml, { lineCounter: lines, prettyErrors: false }) };
}

function plainContent({ document }: OpenFile): { raw: Record<string, unknown> } | { problem: FileProblem } {
  let raw: unknown;
  try {
    raw = document.toJS();
  } catch (error) {
    return {
      problem: atStart(
        `can't be read: ${error instanceof Error ? error.message : String(error)}. Look at what is marked with & and *.`,
      ),
    };
  }
  return isBlock(raw)
    ? { raw }
    : { problem: atStart('is empty or not a block of fields. Begin with version: 1, and see docs/configuration.md.') };
}

function atStart(what: string): FileProblem {
  return { line: 1, column: 1, path: '', message: `The file ${what}` };
}

function encodingProblem(at: number, file: OpenFile): FileProblem {
  const message = 'What stands here is not written in UTF-8, so customers would read “\uFFFD”. Save the file as UTF-8.';
  return { ...whereIs(at, file), path: '', message };
}

function syntaxProblem(error: Document['errors'][number], { lines }: OpenFile): FileProblem {
  const { line, col } = lines.linePos(error.pos[0]);
  const said = error.message.replace(/\s+/g, ' ');
  return {
    line,
    column: col,
    path: '',
    message: `This can't be read as YAML: ${said}. Look at the indentation, quotes and colons here and just above.`,
  };
}

function duplicateProblem(error: Document['errors'][number], { lines, yaml }: OpenFile): FileProblem {
  const { line, col } = lines.linePos(error.pos[0]);
  const key = /^[^:\n]*/.exec(yaml.slice(error.pos[0]))?.[0] ?? '';
  return { line, column: col, path: '', message: `"${key}" stands here a second time. Keep one.` };
}

function knownIn(raw: Record<string, unknown>): Known {
  const codes = (section: unknown): string[] => (isBlock(section) ? Object.keys(section) : []);
  const vocabulary = isBlock(raw['vocabulary']) ? raw['vocabulary'] : {};
  const items = vocabulary['items'];
  return {
    calendars: codes(raw['calendars']),
    places: codes(raw['places']),
    staff: codes(raw['staff']),
    teams: codes(raw['teams']),
    kinds: codes(raw['kinds']),
    items: Array.isArray(items) ? items.map(String) : codes(items),
    attributes: codes(vocabulary['attributes']),
  };
}

function issueProblems(issue: z.core.$ZodIssue, file: OpenFile): FileProblem[] {
  const path = issue.path as Path;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.message
        .split('\n')
        .map((message, index) => problemAt([...path, issue.keys[index] ?? ''], path, message, file, 'name'));
    case 'invalid_key':
      return issue.issues.map(({ message }) => problemAt(path, path.slice(0, -1), message, file, 'name'));
    case 'invalid_union': {
      // The last way to write a field is the general one; what is wrong with that is what helps.
      const inner = issue.errors.at(-1) ?? [];
      return inner.flatMap((nested) => issueProblems({ ...nested, path: [...path, ...nested.path] }, file));
    }
    default:
      return [problemAt(path, path, issue.message, file, 'value', issue.code === 'custom' ? issue.params : undefined)];
  }
}

function problemAt(
  path: Path,
  subject: Path,
  predicate: string,
  file: OpenFile,
  points: 'name' | 'value',
  inside?: Record<string, unknown>,
): FileProblem {
  const { line, column } = position(path, file, points, inside);
  return { line, column, path: path.join('.'), message: `${subjectOf(subject)}${predicate}` };
}

const entryNames: Record<string, string> = {
  calendars: 'calendar',
  places: 'place',
  staff: 'staff',
  teams: 'team',
  kinds: 'kind',
  ladders: 'ladder',
  templates: 'template',
  triage: 'triage rule',
  owners: 'owner rule',
  deciders: 'decider rule',
};

/** ['ladders', 'deciding', 'rungs', 1, 'after'] → `ladder "deciding", rung 2: after `. */
function subjectOf(path: Path): string {
  const [section, entry, ...rest] = path;
  if (section === undefined) return '';
  const entryName = entryNames[section];
  if (entry === undefined) return `${section} `;
  const isRung = rest[0] === 'rungs' && typeof rest[1] === 'number';
  const where =
    (entryName ? `${entryName} ${typeof entry === 'number' ? entry + 1 : `"${entry}"`}` : `${section}`) +
    (isRung ? `, rung ${Number(rest[1]) + 1}` : '');
  const within = isRung ? rest.slice(2) : entryName ? rest : [entry, ...rest];
  const field = within
    .filter((part) => typeof part === 'string')
    .filter((part) => part !== 'when')
    .join(' ');
  return field === '' ? `${where}: ` : `${where}: ${field} `;
}

/** Line and column of the value at a path, or of the name it stands under; for what is missing, of the nearest thing around it. */
function position(
  path: Path,
  file: OpenFile,
  points: 'name' | 'value',
  inside?: Record<string, unknown>,
): { line: number; column: number } {
  let node: unknown = file.document.contents;
  let at = 0;
  for (const [depth, step] of path.entries()) {
    const block: unknown = isAlias(node) ? node.resolve(file.document) : node;
    const found = isMap(block)
      ? block.items.find((pair) => keyOf(pair) === String(step))
      : isSeq(block)
        ? block.items[Number(step)]
        : undefined;
    // A list of one may be written as the value itself: then its entry stands where the value does.
    if (found === undefined) return whereIs(isScalar(block) ? startOf(block) : at, file);
    node = isPair(found) ? found.value : found;
    const isName =
      isPair(found) && (depth < path.length - 1 || points === 'name' || !isScalar(node) || startOf(node) === undefined);
    at = (isName ? startOf((found as Pair).key) : startOf(node)) ?? at;
  }
  if (inside && isScalar(node)) return insideText(node, Number(inside['line']), Number(inside['column']), at, file);
  return whereIs(at, file);
}

/** Where a template's own line and column are in the file; exact for a text written under |, else where the text begins. */
function insideText(
  node: Node & { type?: unknown },
  line: number,
  column: number,
  at: number,
  file: OpenFile,
): { line: number; column: number } {
  const start = whereIs(at, file);
  if (node.type !== 'BLOCK_LITERAL') return start;
  const written = file.yaml.split('\n').slice(start.line);
  const indent = /^ */.exec(written.find((text) => text.trim() !== '') ?? '')?.[0].length ?? 0;
  return { line: start.line + line, column: indent + column };
}

function whereIs(offset: number | undefined, { lines }: OpenFile): { line: number; column: number } {
  const { line, col } = lines.linePos(offset ?? 0);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function keyOf(pair: Pair): string | undefined {
  return isScalar(pair.key) ? String(pair.key.value) : undefined;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0];
}

function inOrder(problems: FileProblem[]): FileProblem[] {
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
