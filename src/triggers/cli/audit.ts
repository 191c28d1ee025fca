/** heed audit: whether what we promise is true, asked of the tables by a program that shares nothing with the rest. */

import type { Command } from 'commander';
import { audit, report } from '../../audit/audit.ts';
import { readJournals } from '../../audit/journals.ts';
import { DomainError } from '../../domain/errors.ts';
import { findDatabase } from './place.ts';
import { Failed, sayJson, type Terminal } from './terminal.ts';

interface Asked {
  json?: boolean;
  since?: string;
  late?: string;
  journals?: string;
  beat?: string;
}

export function addAudit(program: Command, terminal: Terminal): void {
  program
    .command('audit')
    .description('check from the tables that every promise holds; exit code 1 where one does not')
    .option('--since <when>', 'only what began from then on: 2026-06-12, or a time with its zone')
    .option('--late <seconds>', 'how late a rung may be taken; raise it where an outage is known and over', '60')
    .option('--journals <folder>', 'compare with mailbox.ndjson and slack.ndjson there, as npm start keeps them')
    .option(
      '--beat <url>',
      'ask for this address when every promise holds; whoever listens there raises the alarm when it stays silent',
    )
    .option('--json', 'for programs')
    .action(async ({ json, since, late, journals, beat }: Asked) => {
      const { databaseUrl } = await findDatabase(terminal.config());
      const findings = await audit({
        databaseUrl,
        since: since === undefined ? undefined : moment(since),
        objectiveSeconds: seconds(late ?? '60'),
        journals: journals === undefined ? undefined : await readJournals(journals),
      });
      if (json) sayJson(terminal, findings);
      else for (const line of report(findings)) terminal.say(line);
      if (findings.some(({ violations }) => violations.length > 0)) throw new Failed();
      if (beat !== undefined) await ping(beat);
    });
}

function moment(text: string): Date {
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new DomainError(
      'validation',
      `--since ${text} is no time. Write it like 2026-06-12 or 2026-06-12T15:20:00Z.`,
    );
  return at;
}

function seconds(text: string): number {
  const count = Number(text);
  if (!Number.isFinite(count) || count < 0)
    throw new DomainError('validation', `--late ${text} is no number of seconds. Write it like 60.`);
  return count;
}

/** A beat that is not heard is an alarm at the other end, and here a failure that says so. */
async function ping(url: string): Promise<void> {
  const answer = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(10_000) }).catch((cause: unknown) => {
    throw new Error(
      'Every promise holds, but the beat could not be sent. Correct --beat, or look at whoever listens there.',
      {
        cause,
      },
    );
  });
  if (!answer.ok) throw new Error(`Every promise holds, but whoever listens for the beat answered ${answer.status}.`);
}
