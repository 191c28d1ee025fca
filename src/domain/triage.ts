/** The judgement of a signal: the first rule that matches decides. */

import type { Company, Condition, Course, TriageRule, Verdict } from './company.ts';
import type { Remark } from './matching.ts';
import { matches } from './matching.ts';

export interface Judgement {
  verdict: Verdict;
  course?: Course;
  kind: string;
  priority: 1 | 2 | 3 | 4 | 5;
  /** Name of the rule. */
  rule: string;
  /** Completes "Read this way because …". Made of the rule alone, never of the customer's words: it outlives their erasure. */
  why: string;
  /** Why it was dismissed. */
  reason?: string;
}

/** Judges a remark. A kind that a person gave stands; the rule's kind is for when nobody said. A checked company always has a rule that matches. */
export function triage(company: Company, remark: Remark): Judgement {
  const rule = company.triage.find(({ when }) => matches(when, remark));
  // The file's check makes the last rule match everything; should a company ever come without, a person looks at it.
  if (!rule)
    return {
      verdict: 'review',
      kind: statedKind(company, remark) ?? 'unclear',
      priority: 3,
      rule: 'none',
      why: 'no rule matched',
    };
  return {
    verdict: rule.verdict,
    ...(rule.course && { course: rule.course }),
    kind: statedKind(company, remark) ?? rule.kind ?? 'unclear',
    priority: rule.priority,
    rule: rule.name,
    why: because(rule, company),
    ...(rule.reason && { reason: rule.reason }),
  };
}

function statedKind(company: Company, remark: Remark): string | undefined {
  return remark.kind !== undefined && company.kinds[remark.kind] ? remark.kind : undefined;
}

function because(rule: TriageRule, company: Company): string {
  const reasons = reasonsOf(rule.when, company);
  return reasons.length === 0 ? 'no other rule matched' : listed(reasons, 'and');
}

function reasonsOf(when: Condition, company: Company): string[] {
  return [
    when.words && 'the words match what this rule looks for',
    when.kinds && `it was captured as “${listed(when.kinds.map((kind) => company.kinds[kind]?.name ?? kind))}”`,
    when.moods && `the mood was ${listed(when.moods.map((mood) => mood.replace('-', ' ')))}`,
    when.places && `it was said at ${listed(when.places.map((place) => company.places[place]?.name ?? place))}`,
    when.items && `it is about ${listed(when.items)}`,
    ...Object.entries(when.attributes ?? {}).map(([name, values]) =>
      values.length === 0 ? `a ${name} was named` : `the ${name} is ${listed(values)}`,
    ),
    when.unmet === true && 'it could not be met',
    when.unmet === false && 'nothing is noted that could not be met',
    when.offer && `what was offered instead was ${listed(when.offer)}`,
  ].filter((reason) => typeof reason === 'string');
}

/** "coat, jacket or scarf" */
function listed(words: readonly string[], conjunction = 'or'): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} ${conjunction} ${words.at(-1)}`;
}
