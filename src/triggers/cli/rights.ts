/** heed export, erase, rectify, vouch, restrict, object: what a person may ask of whoever holds something about them. */

import { open, rm, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { DomainError } from '../../domain/errors.ts';
import { othersReachedAsThey, type Subject } from '../../store/records/subjects.ts';
import type { Heed } from '../heed.ts';
import { vouchByHand } from '../responses/vouch.ts';
import { access } from '../rights/access.ts';
import { erase, Reason } from '../rights/erase.ts';
import { object } from '../rights/object.ts';
import { Correction, rectify } from '../rights/rectify.ts';
import { lift, restrict } from '../rights/restrict.ts';
import { customerIn, inWords, subjectNamed } from '../rights/subject.ts';
import { inPlace, type Place } from './place.ts';
import { inFull, sayJson, type Terminal } from './terminal.ts';

interface Asked {
  subject: string;
  reason?: string;
  json?: boolean;
  dryRun?: boolean;
}

/** It is asked for on a page of theirs, and goes to whoever said stop, too: docs/privacy.md. */
const butForOne = 'but for the mail by which they may see what is held';

const dryRun = ['--dry-run', 'only say whom it is about, and what it would do'] as const;

export function addRights(program: Command, terminal: Terminal): void {
  const verb = (name: string, description: string): Command =>
    program
      .command(name)
      .description(description)
      .requiredOption(
        '--subject <whom>',
        'e-mail address, phone or loyalty number, customer id, or reference (HD-7F3K)',
      )
      .option('--json', 'for programs');
  /** Finds whom it is about, does it in this account's name, and says one sentence. */
  const carryOut = (
    asked: Asked,
    act: (
      heed: Heed,
      subject: Subject,
      by: { by: string; reason?: string | undefined },
      place: Place,
    ) => Promise<object & { sentence: string }>,
  ): Promise<void> =>
    inPlace(terminal.config(), async (place) => {
      const reason = reasonIn(asked);
      const subject = await subjectNamed(place.pool, asked.subject);
      const done = await act(place.heed, subject, { by: terminal.account, ...(reason && { reason }) }, place);
      if (asked.json) sayJson(terminal, { customer: subject.customer_id, ...done });
      else terminal.say(done.sentence);
    });

  verb('export', 'everything that is held about somebody, as JSON; that it was given out is recorded')
    .option('--to <file>', 'write it there, for this account alone, instead of printing it')
    .option('--reason <text>', 'why; recorded')
    .action((asked: Asked & { to?: string }) =>
      inPlace(terminal.config(), async ({ heed, pool }) => {
        const reason = reasonIn(asked);
        const customer = customerIn(await subjectNamed(pool, asked.subject));
        const held = (): ReturnType<typeof access> =>
          access(heed, customer, { by: terminal.account, ...(reason && { reason }) });
        if (!asked.to) return sayJson(terminal, await held());
        const file = resolve(terminal.folder(), asked.to);
        await inNewFile(file, async (out) => out.writeFile(`${JSON.stringify(await held(), null, 2)}\n`));
        terminal.say(`Written to ${file}. It is theirs alone: hand it over, then delete it.`);
      }),
    );

  verb('erase', 'erase what somebody said, wrote and is called; what was done about it stays, in ids and times')
    .requiredOption('--reason <text>', 'why; it is kept, so it names nobody')
    .option('--dry-run', 'only say what would be erased')
    .action((asked: Asked) =>
      carryOut(asked, async (heed, subject, { by }) => {
        const { references } = subject;
        const what = `${count(references.length, 'remark')} (${references.join(' ') || 'none'})`;
        if (asked.dryRun) return { sentence: `Would erase ${what}, the name and every address.`, signals: references };
        const erased = await erase(heed, subject, { by, reason: asked.reason! });
        return {
          ...erased,
          sentence: `Erased: ${what}, the name and every address. ${count(erased.closed, 'open loop')} closed, ${count(erased.stopped, 'message')} not sent, ${count(erased.redacted, 'sent message')} taken back where that can be done.`,
        };
      }),
    );

  verb('rectify', 'put a name or an address right; what was wrong is gone, and that it was corrected is recorded')
    .option('--name <name>', 'what they are called ("" takes it away)')
    .option('--email <address>', 'instead of every e-mail address of theirs ("" takes them away)')
    .option('--phone <number>', 'instead of every phone number')
    .option('--loyalty <number>', 'instead of every loyalty number')
    .option('--reason <text>', 'why; recorded')
    .option(...dryRun)
    .action((asked: Asked & Partial<Record<'name' | 'email' | 'phone' | 'loyalty', string>>) =>
      carryOut(asked, async (heed, subject, by) => {
        const given = (['name', 'email', 'phone', 'loyalty'] as const).flatMap((what) =>
          asked[what] === undefined ? [] : [[what, asked[what] === '' ? null : asked[what]] as const],
        );
        const correct = Correction.safeParse(Object.fromEntries(given));
        if (!correct.success)
          throw new DomainError(
            'validation',
            `${correct.error.issues.map(({ path, message }) => `${path.length ? `--${path.join('.')} ` : ''}${message}`).join('; ')}.`,
          );
        const customer = customerIn(subject);
        const what = given.map(([kind]) => kind).join(', ');
        if (asked.dryRun) return would(`put right: ${what}`, subject);
        await rectify(heed, customer, correct.data, by);
        return { sentence: `Put right: ${what}.` };
      }),
    );

  verb(
    'vouch',
    'write again to an address at which mail has bounced, because whoever has it was asked, and says it is right',
  ).action((asked: Asked) =>
    carryOut(asked, async (heed, subject, { by }) => {
      await vouchByHand(heed, customerIn(subject), by);
      return {
        sentence:
          'They are written to at that address again. If the next letter comes back, too, nothing more goes there.',
      };
    }),
  );

  verb('restrict', 'let everything of somebody rest: nothing is sent and nobody acts until it is lifted')
    .option('--lift', 'go on where it stopped')
    .option('--reason <text>', 'why; recorded')
    .option(...dryRun)
    .action((asked: Asked & { lift?: boolean }) =>
      carryOut(asked, async (heed, subject, by, { pool }) => {
        const customer = customerIn(subject);
        if (asked.dryRun)
          return would(asked.lift ? 'let it go on where it stopped' : 'let everything of theirs rest', subject);
        await (asked.lift ? lift : restrict)(heed, customer, by);
        if (asked.lift) return { sentence: 'It goes on where it stopped.' };
        const others = await othersReachedAsThey(pool, customer);
        return {
          sentence: [
            `Everything of theirs rests, ${butForOne}. heed restrict --lift lets it go on.`,
            ...(others > 0
              ? [`That does not hold for whoever else is noted with the same address or number (${others}).`]
              : []),
          ].join(' '),
          others,
        };
      }),
    );

  verb('object', 'stop writing to and calling somebody; the button in every letter ends letters alone')
    .option('--reason <text>', 'why; recorded')
    .option(...dryRun)
    .action((asked: Asked) =>
      carryOut(asked, async (heed, subject, by) => {
        const customer = customerIn(subject);
        if (asked.dryRun) return would('end letters and calls for good: nobody can take it back', subject);
        await object(heed, customer, by);
        return { sentence: `Nothing more is sent to any address of theirs, ${butForOne}, and nobody calls.` };
      }),
    );
}

const would = (what: string, subject: Subject): { sentence: string; signals: readonly string[] } => ({
  sentence: `Would ${what}. It is about ${inWords(subject)}.`,
  signals: subject.references,
});

/** Made before anything is recorded as given out, and in place of nothing: what stands there may be what is held about somebody else. */
async function inNewFile(file: string, fill: (out: FileHandle) => Promise<void>): Promise<void> {
  const out = await open(file, 'wx', 0o600).catch((cause: unknown) => {
    throw new Error(`${file} can't be made. Name with --to a file that is not there yet.`, { cause });
  });
  try {
    await fill(out);
  } catch (cause) {
    await rm(file);
    throw cause;
  } finally {
    await out.close();
  }
}

function reasonIn({ reason }: Asked): string | undefined {
  if (reason === undefined) return undefined;
  const given = Reason.safeParse(reason);
  if (!given.success)
    throw new DomainError('validation', inFull(`--reason ${given.error.issues[0]?.message ?? 'is needed'}`));
  return given.data;
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
