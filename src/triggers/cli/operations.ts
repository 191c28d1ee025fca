/** heed status, stuck, repair, rebuild, restored, stop-sending, resume-sending: how it goes, what stands still, and putting it right. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Argument, Option } from 'commander';
import { DomainError } from '../../domain/errors.ts';
import { explainStuck } from '../../domain/stuck.ts';
import { loopNamed, loopOfMessage, repairActions } from '../../store/records/repairs.ts';
import { audiences, orderSending, standingStops, type Audience, type Stop } from '../../store/records/sendingOrders.ts';
import { wakeAllOpen } from '../../store/records/wakes.ts';
import type { Db } from '../../store/pool.ts';
import { progressOf, type Progress } from '../../store/views/health.ts';
import { stuckLoops } from '../../store/views/stuck.ts';
import { repair, Repair } from '../responses/repair.ts';
import { mustBeStopped, Restoration, restored, type Restored } from '../restored.ts';
import { doorsOfBefore } from './doors.ts';
import { inPlace } from './place.ts';
import { Failed, inFull, sayJson, type Terminal } from './terminal.ts';

export function addOperations(program: Command, terminal: Terminal): void {
  program
    .command('status')
    .description('how it goes: the company in force, what is open, what moves')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      await inPlace(terminal.config(), async ({ heed, pool, publicUrl }) => {
        const { version, company } = await heed.configuration();
        const [progress, stuck] = [await progressOf(pool), await stuckLoops(pool, company)];
        const stopped = await standingStops(pool);
        if (json)
          sayJson(terminal, {
            company: company.name,
            version,
            publicUrl,
            ...inCamel(progress),
            stuck: stuck.length,
            stopped,
          });
        else
          for (const line of [
            ...statusLines(company.name, version, publicUrl, progress, stuck.length),
            ...stopped.map(stopLine),
          ])
            terminal.say(line);
      });
    });

  program
    .command('stuck')
    .description('loops that wait past their time, and what to do; exit code 1 if there are any')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      await inPlace(terminal.config(), async ({ heed, pool }) => {
        const stuck = await stuckLoops(pool, (await heed.configuration()).company);
        if (json)
          sayJson(
            terminal,
            stuck.map((one) => ({ ...one, ...explainStuck(one) })),
          );
        else if (stuck.length === 0) terminal.say('Nothing waits past its time.');
        else for (const one of stuck) say(terminal, one.reference ?? one.loopId ?? 'a message', explainStuck(one));
        if (stuck.length > 0) throw new Failed();
      });
    });

  program
    .command('repair')
    .argument('[loop]', 'its reference (HD-7F3K) or id; not needed where a message is named')
    .description('put right what stands still; recorded with its reason in the timeline')
    .addOption(
      new Option(
        '--action <action>',
        'wake: look at it again · resend: send a message in doubt again · leave: give that message up, one that does not leave, or what Slack does not take back',
      )
        .choices(repairActions)
        .makeOptionMandatory(),
    )
    .option('--message <id>', 'the one that is meant, by its Message-ID; else every message of it that is in doubt')
    .requiredOption('--reason <text>', 'why')
    .option('--json', 'for programs')
    .action(async (name: string | undefined, { action, message, reason, json }: Repair & { json?: boolean }) => {
      await inPlace(terminal.config(), async ({ heed, pool }) => {
        const given = Repair.safeParse({ action, message, reason });
        if (!given.success)
          throw new DomainError('validation', inFull(`--reason ${given.error.issues[0]?.message ?? 'is needed'}`));
        const { id: loopId, reference } = await meant(pool, name, message);
        const repaired = await repair(heed, { loopId, by: terminal.account }, given.data);
        if (json) sayJson(terminal, { id: repaired.factId, reference, sentence: repaired.sentence });
        else terminal.say(reference ? `${reference}: ${repaired.sentence}` : repaired.sentence);
      });
    });

  program
    .command('rebuild')
    .description('wake every open loop, as after Temporal was lost or restored; once too often does no harm')
    .option('--dry-run', 'only say how many there are')
    .option('--json', 'for programs')
    .action(async ({ dryRun, json }: { dryRun?: boolean; json?: boolean }) => {
      await inPlace(terminal.config(), async ({ heed, pool }) => {
        const loops = dryRun ? (await progressOf(pool)).open_loops : await wakeAllOpen(pool);
        if (!dryRun) heed.hint();
        if (json) sayJson(terminal, { loops, woken: !dryRun });
        else
          terminal.say(
            dryRun
              ? `${loops} open loops would be woken.`
              : `${loops} open loops are woken; the relay carries them over.`,
          );
      });
    });

  program
    .command('restored')
    .description("after Heed's database was put back to an earlier moment, before anything that sends is started")
    .requiredOption('--reason <text>', 'why, and to which moment')
    .option(
      '--erasures <file...>',
      'backups made after that moment, for what was erased, objected to and revoked since',
    )
    .option('--json', 'for programs')
    .action(async (asked: { reason: string; erasures?: string[]; json?: boolean }) => {
      await inPlace(terminal.config(), async ({ heed, pool }) => {
        const given = Restoration.safeParse({ reason: asked.reason });
        if (!given.success)
          throw new DomainError('validation', inFull(`--reason ${given.error.issues[0]?.message ?? 'is needed'}`));
        await mustBeStopped(pool);
        const erasuresFrom = (asked.erasures ?? []).map((one) => resolve(terminal.folder(), one));
        const done = await restored(heed, { by: terminal.account, ...given.data, erasuresFrom });
        if (asked.json) sayJson(terminal, done);
        else for (const line of restoredLines(done)) terminal.say(line);
      });
    });

  addSendingOrder(program, terminal, true);
  addSendingOrder(program, terminal, false);
}

/** The loop that is to be repaired; nulls where a message is, which is about none. Throws `validation` and `not_found`. */
async function meant(
  db: Db,
  name: string | undefined,
  message: string | undefined,
): Promise<{ id: string | null; reference: string | null }> {
  const found =
    name !== undefined ? await loopNamed(db, name) : message !== undefined && (await loopOfMessage(db, message));
  if (found) return found;
  const named = name ?? message;
  if (named === undefined)
    throw new DomainError('validation', 'Say what is to be repaired: its reference or id, or a message by --message.');
  throw new DomainError('not_found', `There is nothing called ${named}. heed stuck lists what can be repaired.`);
}

/** `heed stop-sending` and `heed resume-sending`. */
function addSendingOrder(program: Command, terminal: Terminal, stops: boolean): void {
  program
    .command(stops ? 'stop-sending' : 'resume-sending')
    .addArgument(new Argument('<to>', 'to whom').choices([...audiences, 'everybody']))
    .description(
      stops
        ? 'send nothing to customers, to staff or to everybody, until it is resumed; what was to be sent waits'
        : 'let sending go on: what waited is looked over anew, and what is stale by then is not sent',
    )
    .requiredOption('--reason <text>', 'why')
    .option('--json', 'for programs')
    .action(async (to: Audience | 'everybody', { reason, json }: { reason: string; json?: boolean }) => {
      if (reason.trim() === '') throw new DomainError('validation', '--reason is needed: why?');
      await inPlace(terminal.config(), async ({ heed, pool }) => {
        const ordered = [];
        for (const audience of to === 'everybody' ? audiences : [to]) {
          const order = { audience, stops, by: terminal.account, reason: reason.trim().slice(0, 500) };
          const due = await pool.transaction((tx) => orderSending(tx, order));
          ordered.push({ audience, stopped: stops, changed: due !== undefined, lookedOver: due ?? 0 });
        }
        heed.hint();
        if (json) sayJson(terminal, ordered);
        else for (const order of ordered) terminal.say(orderLine(order));
      });
    });
}

/** `lookedOver`: messages that waited, and are due now. */
function orderLine(o: { audience: Audience; stopped: boolean; changed: boolean; lookedOver: number }): string {
  if (!o.changed)
    return o.stopped ? `Sending to ${o.audience} is stopped already.` : `Sending to ${o.audience} was not stopped.`;
  return o.stopped
    ? `Nothing is sent to ${o.audience} from now on. Go on with: heed resume-sending ${o.audience}`
    : `Messages to ${o.audience} are sent again; ${o.lookedOver} that waited are looked over now.`;
}

const restoredLines = (done: Restored): string[] => [
  `Epoch ${done.epoch} has begun. ${done.messages} messages may have been sent since, and are looked into.`,
  `${done.letters} of them are letters to customers: whoever answers for them is asked in a quarter of an hour.`,
  `${done.loops} open loops are woken.`,
  done.knownUntil
    ? `${done.erasedAgain} erasures were carried out again, and ${done.heldAgain} objections, rests, "not me" and revocations of keys hold again, as they were known on ${done.knownUntil.toISOString()}. Do what was asked later once more; then web, worker and relay may be started.`
    : 'Whoever was erased since that moment is back, and who objected since is written to. Run this again with --erasures and the backups made since, or do it once more, before web, worker and relay are started.',
  ...doorsOfBefore,
];

const stopLine = ({ audience, by, reason, since }: Stop): string =>
  `Nothing is sent to ${audience} since ${since.toISOString()}: ${reason} (${by}). Go on with: heed resume-sending ${audience}`;

function say(terminal: Terminal, name: string, explained: ReturnType<typeof explainStuck>): void {
  terminal.say(`${name}  ${explained.sentence}`);
  terminal.say(`         ${explained.whatToDo}`);
  terminal.say(`         More: ${explained.runbook}`);
}

function statusLines(company: string, version: number, publicUrl: string, progress: Progress, stuck: number): string[] {
  const seconds = (waited: number | null): string => `the oldest for ${Math.max(0, Math.round(waited ?? 0))} s`;
  return [
    `${company}, version ${version} of its file, at ${publicUrl}`,
    `${progress.open_loops === 1 ? '1 loop is' : `${progress.open_loops} loops are`} open.`,
    progress.wakes === 0
      ? 'Nothing waits to be carried to Temporal.'
      : `${progress.wakes} wait to be carried to Temporal, ${seconds(progress.oldest_wake_seconds)}.`,
    progress.deliveries_due === 0
      ? 'No message is due.'
      : `${progress.deliveries_due === 1 ? '1 message is' : `${progress.deliveries_due} messages are`} due, ${seconds(progress.oldest_delivery_seconds)}.`,
    progress.unchained === 0
      ? 'Every fact is chained.'
      : `${progress.unchained} facts wait to be chained, ${seconds(progress.oldest_unchained_seconds)}.`,
    stuck === 0 ? 'Nothing waits past its time.' : `${stuck} wait past their time: see heed stuck.`,
  ];
}

const inCamel = (progress: Progress): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(progress).map(([name, value]) => [
      name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
