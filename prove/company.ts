/** The sample shop with ladders that climb while one watches: seconds instead of minutes. */

import { readFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';

export interface Company {
  staff: Record<string, { name: string; email: string; prompts: string }>;
  ladders: Record<string, { rungs: { after: string; notify: string }[]; at_end: object }>;
  customers: { window: string };
  undo: string;
  attention?: { prompts: number; within: string };
  deciders: { within: string }[];
}

/** The company as a file's text and as what it says; `pace`: how many times longer its rungs are than the seconds below. */
export async function shortenedCompany(pace: number): Promise<{ yaml: string; company: Company }> {
  const company = parse(await readFile(new URL('../samples/demo.yaml', import.meta.url), 'utf8')) as Company;
  const seconds: Record<string, number[]> = {
    reviewing: [0, 10],
    acknowledging: [0, 8, 16],
    answering: [0, 15, 30],
    deciding: [0, 12, 24],
  };
  for (const [name, after] of Object.entries(seconds))
    company.ladders[name]!.rungs.forEach((rung, n) => (rung.after = `${after[n]! * pace}s`));
  company.customers.window = '12s';
  company.undo = '2s';
  // So that some of what calls people is named in digests.
  company.attention = { prompts: 8, within: '10s' };
  for (const decider of company.deciders) decider.within = `${30 * pace}s`;
  // Half of the people in Slack, half by e-mail.
  for (const code of ['jonas', 'priya', 'tomas', 'luca']) company.staff[code]!.prompts = 'slack';
  return { yaml: stringify(company), company };
}
