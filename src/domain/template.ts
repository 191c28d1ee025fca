/**
 * The wording of messages to customers. A company writes it in Liquid, cut down to values and conditions. What a customer said is only ever a
 * value put into a template; it is never read as one. Plain text goes in and comes out: escaping for HTML happens in the mail's frame.
 */

import { Liquid } from 'liquidjs';
import type { Company, Quoting, Template, TemplateName } from './company.ts';
import { quotings } from './company.ts';
import { DomainError } from './errors.ts';
import { codesIn } from './reading.ts';
import { insightTitle } from './sameness.ts';

const everyMessage = ['company', 'place', 'reference', 'capturer_name', 'customer_name', 'words', 'item'];
const signed = [...everyMessage, 'signer_name', 'signer_title', 'question'];
const answer = [...signed, 'promise_date', 'people', 'decider_name', 'decider_title'];
const told = [...signed, 'decision_reason', 'decided_what', 'done_by', 'people', 'decider_name', 'decider_title'];

/** What each template may mention; anything else is refused when the company file is read. */
export const templateFields: Record<TemplateName, string[]> = {
  thanks: everyMessage,
  'answer.thank': answer,
  'answer.answer': answer,
  'answer.decide': answer,
  'answer.again': [...answer, 'decision_reason', 'decided_what'],
  'told.adopted': told,
  'told.declined': told,
  'call.answer': answer,
  'call.told': told,
};

/** Fields that a message may have to do without (no name given, words not to be quoted, no promise made): mentioned only inside {% if … %}. */
export const optionalFields: readonly string[] = [
  'customer_name',
  'capturer_name',
  'signer_title',
  'words',
  'item',
  'question',
  'promise_date',
  'people',
  'decider_name',
  'decider_title',
  'decided_what',
  'done_by',
];

/**
 * Fills in a template. An optional field may be left out or empty: {% if words %} is then false. Throws DomainError validation when the
 * template mentions a field it was not given, or can't be read. The subject is always one line.
 */
export function renderTemplate(template: Template, fields: Record<string, string>): { subject: string; text: string } {
  return {
    subject: render(template.subject, fields)
      .replace(/[\p{Cc}\s]+/gu, ' ')
      .trim(),
    text: render(template.text, fields).trim(),
  };
}

/** What a message may carry of the words: all of them, the first hundred or so characters with "…", or nothing (the rest is behind a link). */
export function extract(words: string, quoting: Quoting): string | undefined {
  if (quoting === 'link') return undefined;
  const all = words.trim();
  const points = Array.from(all);
  if (quoting === 'full' || points.length <= extractLength) return all;
  const cut = points.slice(0, extractLength).join('');
  const lastSpace = cut.search(/\s\S*$/u);
  return `${(lastSpace > cut.length / 2 ? cut.slice(0, lastSpace) : cut).trimEnd()}…`;
}

/** How much may be quoted of a remark of this kind at this place: the stricter of the two, and a link where either stands in the company file no
 *  more, since nobody knows what it allowed. While it has no kind the place alone says it. */
export function quotingOf(company: Company, { place, kind }: { place: string; kind?: string | undefined }): Quoting {
  const ofPlace = company.places[place]?.quote ?? 'link';
  if (kind === undefined) return ofPlace;
  const known = company.kinds[kind];
  const ofKind = known ? (known.quote ?? ofPlace) : 'link';
  return quotings.indexOf(ofKind) > quotings.indexOf(ofPlace) ? ofKind : ofPlace;
}

/** What was asked for (the item among the attributes, as 'item'), as a message may name it: where words are behind a link, by the company's own words
 *  alone. */
export function quotableAttributes(
  company: Company,
  { attributes, ...of }: { place: string; kind?: string | undefined; attributes: Record<string, string> },
): Record<string, string> {
  return quotingOf(company, of) === 'link' ? codesIn(attributes, company.vocabulary) : attributes;
}

/** What an insight is called in a message. It is named after whoever asked first, in whatever words they did. */
export function quotableTitle(
  company: Company,
  insight: { place: string; kind: string; attributes: Record<string, string> },
): string {
  const { item, ...attributes } = quotableAttributes(company, insight);
  return insightTitle(company, { kind: insight.kind, ...(item && { item }), attributes });
}

/** What is wrong with one text of a template, as predicates with the line and column (from 1) inside that text. Empty when it is sound. */
export function templateProblems(name: TemplateName, text: string): TemplateProblem[] {
  const allowed = templateFields[name];
  let mentioned: string[];
  try {
    mentioned = engine.globalVariablesSync(engine.parse(text));
  } catch (error) {
    return [readable(error)];
  }
  const unknown = mentioned.filter((field) => !allowed.includes(field));
  if (unknown.length > 0)
    return unknown.map((field) => ({
      ...positionOf(field, text),
      unknownField: field,
      message: `has no field "${field}"`,
    }));
  return bareOptionalFields(allowed, text);
}

export interface TemplateProblem {
  line: number;
  column: number;
  message: string;
  unknownField?: string;
}

const extractLength = 120;

const engine = plainLiquid();

/** Liquid without loops, assignments, includes and filters: wording needs values and conditions, and nothing here can run long or reach out. */
function plainLiquid(): Liquid {
  const liquid = new Liquid({
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    // An empty field counts as not given, and asking whether one was given is not an error.
    jsTruthy: true,
    lenientIf: true,
    // No limit of time: it would be one of the clock on the wall, and what stood still for a while would be refused.
    parseLimit: 20_000,
    memoryLimit: 1_000_000,
    // Else it asks the machine for one, which loads all calendars and takes longer than to start the rest of it. No filter is left to use it.
    locale: 'en',
  });
  for (const tag of Object.keys(liquid.tags)) if (tag !== 'if' && tag !== 'unless') delete liquid.tags[tag];
  for (const filter of Object.keys(liquid.filters)) delete liquid.filters[filter];
  return liquid;
}

function render(text: string, fields: Record<string, string>): string {
  try {
    return String(engine.parseAndRenderSync(text, fields));
  } catch (error) {
    throw new DomainError('validation', `A message template can't be filled in: ${readable(error).message}`, {
      cause: error,
    });
  }
}

/** Each part alone (a condition is one, with all its branches, and nothing is assigned in one for another), without any of the optional fields it
 *  mentions, in each combination: what fails then would fail on the day that a nameless customer says what may not be quoted, and again whenever
 *  it is tried. */
function bareOptionalFields(allowed: string[], text: string): TemplateProblem[] {
  const all = Object.fromEntries(allowed.map((field) => [field, '1']));
  const problems = engine.parse(text).flatMap((part) => {
    const mentioned = engine.globalVariablesSync([part]);
    const trials = optionalFields
      .filter((field) => mentioned.includes(field))
      .reduce((given, field) => given.flatMap((fields) => [fields, without(fields, field)]), [all]);
    return trials.flatMap((fields) => {
      try {
        engine.renderSync([part], fields);
        return [];
      } catch (error) {
        return [readable(error)];
      }
    });
  });
  return problems.filter(
    (problem, index) => problems.findIndex(({ message }) => message === problem.message) === index,
  );
}

const without = (fields: Record<string, string>, gone: string): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).filter(([field]) => field !== gone));

function readable(error: unknown): TemplateProblem {
  const said = error instanceof Error ? error.message : String(error);
  const [, text = said, line = '1', column = '1'] = /^(.*), line:(\d+), col:(\d+)$/s.exec(said) ?? [];
  const missing = /^undefined variable: (\w+)/.exec(text)?.[1];
  return { line: Number(line), column: Number(column), message: missing ? bare(missing) : plainer(text) };
}

function bare(field: string): string {
  return optionalFields.includes(field)
    ? `mentions ${field}, which not every message has. Put it inside {% if ${field} %} … {% endif %}`
    : `mentions ${field}, which this message does not have`;
}

function plainer(text: string): string {
  const tag = /^tag "(.+)" not found/.exec(text)?.[1];
  if (tag) return `uses {% ${tag} %}, which does not exist here. Only if, elsif, else and unless do`;
  const filter = /^undefined filter: (\S+)/.exec(text)?.[1];
  if (filter) return `uses the filter "${filter}". There are none here: write the value as it should read`;
  return `can't be read: ${text.replace(/\s+/g, ' ')}`;
}

function positionOf(field: string, text: string): { line: number; column: number } {
  const before = text.slice(0, Math.max(0, text.indexOf(field))).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
