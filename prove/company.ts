/** The sample shop with ladders that climb while one watches: seconds instead of minutes. */

import { readFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';

export interface Company {
  staff: Record<string, { name: string; email: string; prompts: string }>;
  ladders: Record<string, { rungs: { after: string; notify: string }[]; at_end: object }>;
  customers: { window: string };
  undo: string;
  deciders: { within: string }[];
}

/** The company as a file's text and as what it says. */
export async function shortenedCompany(): Promise<{ yaml: string; company: Company }> {
  const company = parse(await readFile(new URL('../samples/demo.yaml', import.meta.url), 'utf8')) as Company;
  const seconds: Record<string, string[]> = {
    reviewing: ['0s', '10s'],
    acknowledging: ['0s', '8s', '16s'],
    answering: ['0s', '15s', '30s'],
    deciding: ['0s', '12s', '24s'],
  };
  for (const [name, after] of Object.entries(seconds))
    company.ladders[name]?.rungs.forEach((rung, n) => (rung.after = after[n] ?? rung.after));
  company.customers.window = '12s';
  company.undo = '2s';
  for (const decider of company.deciders) decider.within = '30s';
  // Half of the people in Slack, half by e-mail.
  for (const code of ['jonas', 'priya', 'tomas', 'luca']) company.staff[code]!.prompts = 'slack';
  return { yaml: stringify(company), company };
}
