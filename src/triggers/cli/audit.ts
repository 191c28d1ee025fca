/** heed audit: whether what we promise is true, asked of the tables by a program that shares nothing with the rest. */

import { readFile, rename, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { audit, report, Unreachable } from '../../audit/audit.ts';
import type { Anchor, ToldHead } from '../../audit/chain.ts';
import { readJournals, type Journals } from '../../audit/journals.ts';
import { asOfNow } from '../../domain/credential.ts';
import { DomainError } from '../../domain/errors.ts';
import { findDatabase, unreachable } from './place.ts';
import { Failed, sayJson, type Terminal } from './terminal.ts';

interface Asked {
  json?: boolean;
  since?: string;
  late?: string;
  journals?: string;
  beat?: string;
  anchor?: string;
  head?: string[];
}

export function addAudit(program: Command, terminal: Terminal): void {
  program
    .command('audit')
    .description('check from the tables that every promise holds; exit code 1 where one does not')
    .option('--since <when>', 'only what began from then on: 2026-06-12, or a time with its zone')
    .option('--late <seconds>', 'how late a rung may be taken; raise it where an outage is known and over', '60')
    .option(
      '--journals <folder>',
      'compare with mailbox.ndjson and slack.ndjson there, as npm start keeps them; what only they can show is not asked without',
    )
    .option(
      '--beat <url>',
      'ask for this address when every promise holds; whoever listens there raises the alarm when it stays silent',
    )
    .option(
      '--anchor <file>',
      'compare the chain of facts with the head kept there, and keep the new one when every promise holds; keep it on another machine',
    )
    .option(
      '--head <seq:hash...>',
      'see whether the chain of facts still has this link, as a collector of security events was told it',
    )
    .option('--json', 'for programs')
    .action(async ({ json, since, late, beat, head: told, ...named }: Asked) => {
      const [journals, anchor] = [named.journals, named.anchor].map((name) =>
        name === undefined ? undefined : resolve(terminal.folder(), name),
      );
      const { databaseUrl } = await findDatabase(terminal.config());
      const { findings, head } = await audit({
        databaseUrl: asOfNow(databaseUrl),
        since: since === undefined ? undefined : moment(since),
        objectiveSeconds: seconds(late ?? '60'),
        journals: journals === undefined ? undefined : await journalsIn(journals),
        anchor: anchor === undefined ? undefined : await readAnchor(anchor),
        heads: (told ?? []).map(headIn),
      }).catch((cause: unknown) => {
        throw cause instanceof Unreachable ? unreachable(databaseUrl, cause.cause) : cause;
      });
      if (json) sayJson(terminal, findings);
      else for (const line of report(findings)) terminal.say(line);
      if (findings.some(({ violations }) => violations.length > 0)) throw new Failed();
      if (anchor !== undefined && head) await keepAnchor(anchor, head);
      if (beat !== undefined) await ping(beat);
    });
}

/** A slip in the folder's name must not pass for a world in which nothing was seen. */
async function journalsIn(folder: string): Promise<Journals> {
  const journals = await readJournals(folder);
  if (Object.keys(journals).length > 0) return journals;
  throw new DomainError(
    'validation',
    `${folder} holds none of mailbox.ndjson, slack.ndjson and accepted.ndjson. Correct --journals: npm start keeps them in its data folder.`,
  );
}

const Anchored = z.strictObject({ seq: z.number(), hash: z.string().regex(/^[0-9a-f]{64}$/), at: z.string() });

/** Undefined while there is no such file: the first anchor is kept after the first audit. */
async function readAnchor(file: string): Promise<Anchor | undefined> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new Error(`The anchor ${file} can't be read. Correct --anchor.`, { cause });
  });
  if (text === undefined) return undefined;
  const read = Anchored.safeParse(jsonIn(text));
  if (read.success) return read.data;
  throw new DomainError(
    'validation',
    `${file} is no anchor: it must be what an earlier heed audit --anchor kept there.`,
  );
}

/** Written beside it and renamed: a disk that is full must not cost the one that was kept, by which a forged chain would be known. */
async function keepAnchor(file: string, head: Anchor): Promise<void> {
  const beside = `${file}.new`;
  try {
    await writeFile(beside, `${JSON.stringify(head)}\n`);
    await rename(beside, file);
  } catch (cause) {
    throw new Error(
      `No promise is broken, but the new anchor could not be kept in ${file}. Correct --anchor, or make room there.`,
      { cause },
    );
  }
}

function headIn(text: string): ToldHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (seq && hash) return { seq: Number(seq), hash: hash.toLowerCase() };
  throw new DomainError(
    'validation',
    `--head ${text} is no head of the chain. Write it as the collector has it, heed.chain.seq:heed.chain.hash, like 812:5f0c…`,
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Of a day that is written otherwise, such as 12.06.2026, nobody knows which is meant: taken for the sixth of December it would leave out
 *  everything until then, and every promise would hold. So it would from a day to come. */
function moment(text: string): Date {
  const at = new Date(z.union([z.iso.date(), z.iso.datetime({ offset: true })]).safeParse(text).data ?? '');
  if (Number.isNaN(at.getTime()))
    throw new DomainError(
      'validation',
      `--since ${text} is no time. Write it like 2026-06-12 or 2026-06-12T15:20:00Z.`,
    );
  if (at.getTime() > Date.now())
    throw new DomainError(
      'validation',
      `--since ${text} is still to come (a day begins at 0:00 UTC): nothing would be looked at, and every promise would hold. Say when it began.`,
    );
  return at;
}

function seconds(text: string): number {
  const count = Number(text);
  if (!/^\d{1,8}$/.test(text))
    throw new DomainError('validation', `--late ${text} is no number of seconds. Write it like 60.`);
  return count;
}

/** A beat that is not heard is an alarm at the other end, and here a failure that says so. */
async function ping(url: string): Promise<void> {
  const answer = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(10_000) }).catch((cause: unknown) => {
    throw new Error(
      'No promise is broken, but the beat could not be sent. Correct --beat, or look at whoever listens there.',
      {
        cause,
      },
    );
  });
  if (!answer.ok) throw new Error(`No promise is broken, but whoever listens for the beat answered ${answer.status}.`);
}
