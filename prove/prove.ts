/** One proof: a house is started, loaded and broken as the seed says; then the faults stop, it drains, and the auditor looks at what is left. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { audit, type Finding } from '../src/audit/audit.ts';
import { readJournals } from '../src/audit/journals.ts';
import { Broken, type Breaking, type Met } from './breaking.ts';
import { sendCaptures, type CapturesDone } from './captures.ts';
import { neverEscalated } from './climbing.ts';
import { whatIsLeftOfErased } from './erased.ts';
import { startHouse, type House } from './house.ts';
import { Loops } from './loops.ts';
import { invitePeople, type People } from './people.ts';
import { parts, planOf, type Fault, type Size } from './plan.ts';
import { query } from './query.ts';
import { whoWasNotHeard } from './rights.ts';

export interface Proving extends Size, Breaking {
  name: string;
  seed: number;
  /** Loops begun (a signal is one, and so is an insight), or captures made. */
  count: number;
  /** Captures a second; Infinity: as fast as the clients can. */
  rate: number;
  /** And as many relays. */
  workers: number;
  /** How many times longer rungs take than in the small proof: where much is done at a time, only what is meant to climb should. */
  pace: number;
  /** Longest that it may take until nothing moves any more, once the faults are over. */
  drainSeconds: number;
  /** Also waits for letters that are put off or in doubt, which takes a quarter of an hour. */
  patient: boolean;
  /** Postgres on a disk of its own, of so many megabytes. */
  diskMegabytes?: number;
  /** Everything is kept here, the report too. */
  folder: string;
  say: (sentence: string) => void;
  /** Ends it before its time, with nothing left running. */
  stopped?: AbortSignal;
}

export interface Proof {
  proving: Omit<Proving, 'say' | 'folder' | 'stopped'>;
  seconds: number;
  drainSeconds: number;
  /** True when it stopped moving by itself in time. */
  drained: boolean;
  captures: CapturesDone;
  /** What went wrong, how often it was to and how often anything met it; and what could not be made to go wrong here. */
  faults: Record<string, Met>;
  kills: Record<string, number>;
  skipped: string[];
  deeds: Record<string, number>;
  left: Left;
  recoveriesMs: number[];
  findings: Finding[];
  /** The three numbers that have to be 0. */
  lost: number;
  duplicates: number;
  missed: number;
}

/** What the database holds at the end. */
export interface Left {
  loops: number;
  /** By how they were closed. */
  closed: Record<string, number>;
  open: number;
  /** Of those, how many wait for a letter: put off by the mail server, or nobody knows yet whether it was sent. */
  waiting: number;
  /** Messages by purpose and state. */
  messages: Record<string, number>;
  /** Letters to customers that were handed over, and of how many nobody knows whether they arrived. */
  letters: number;
  uncertain: number;
  escalations: number;
  /** Loops that nobody takes up but whoever an escalation names, and for how many of them nobody was named. */
  onlyEscalated: number;
  neverEscalated: number;
  /** How late rungs were taken, and prompts handed over, in seconds: median, 99 of 100, the latest. */
  rungsLate: [number, number, number];
  promptsLate: [number, number, number];
}

/** How long people go on as they were once the faults are over. */
const graceMs = 15_000;

/** Runs it. Rejects only when it could not be run, or was stopped; what it found is in the answer. */
export async function prove(proving: Proving): Promise<Proof> {
  const { folder, say, seed, capturesOnly, stopped } = proving;
  await mkdir(folder, { recursive: true });
  say(
    `${proving.name}, seed ${seed}: ${proving.count} ${capturesOnly ? 'captures' : 'loops'}, ${proving.kills} kills …`,
  );
  const house = await startHouse({
    folder,
    parts: capturesOnly ? ['web'] : parts,
    workers: proving.workers,
    pace: proving.pace,
    diskMegabytes: proving.fullDisks > 0 ? proving.diskMegabytes : undefined,
    say,
  });
  const began = performance.now();
  const loops = new Loops();
  const people = capturesOnly ? undefined : invitePeople(house, loops, proving.pace);
  const run = async (): Promise<Proof> => {
    const broken = new Broken(house, proving);
    const enough = new AbortController();
    const { done, finished } = sendCaptures({
      enough: enough.signal,
      url: house.url,
      apiKey: house.apiKey,
      folder,
      seed,
      count: proving.count,
      rate: proving.rate,
      clients: 32,
      accepted: (loop, id, reference) => capturesOnly || loops.accepted(loop, id, reference),
    });
    const telling = tellProgress(house, { began, done, broken, proving });
    if (!capturesOnly) void countLoops(house, proving.count, enough, finished);
    await Promise.all([finished, broken.happen(planFor(proving), finished)]);
    await broken.end();
    say('The faults are over. Waiting until nothing moves any more …');
    const draining = performance.now();
    // People finish what they are about; only then what is left is taken up by the API.
    const clearingUp = setTimeout(() => people?.clearUp(), graceMs);
    const drained = capturesOnly || (await drain(house, proving));
    clearTimeout(clearingUp);
    const drainSeconds = (performance.now() - draining) / 1000;
    telling.stop();
    await people?.stop();
    const left = await whatIsLeft(house.databaseUrl, loops);
    const { findings: audited } = await audit({
      databaseUrl: house.databaseUrl,
      journals: await readJournals(folder),
      // A part that was killed is no excuse for a rung that is never taken; how late they were is told apart.
      objectiveSeconds: capturesOnly ? 86_400 : 300,
    });
    const findings = capturesOnly
      ? audited
      : [...audited, await whatIsLeftOfErased(house, folder, loops), await whoWasNotHeard(house.databaseUrl, loops)];
    const proof = summary({ proving, house, people, broken, done, left, findings, drained, drainSeconds, began });
    await writeFile(join(folder, 'proof.json'), `${JSON.stringify(proof, null, 2)}\n`);
    return proof;
  };
  try {
    return await Promise.race([run(), rejectedWhen(stopped)]);
  } finally {
    await people?.stop();
    await house.stop();
  }
}

/** Customers are silent once so many loops were begun: how many insights come of what they say nobody knows before. */
async function countLoops(
  { databaseUrl }: House,
  count: number,
  enough: AbortController,
  finished: Promise<void>,
): Promise<void> {
  void finished.catch(() => {}).then(() => enough.abort());
  for (; !enough.signal.aborted; await sleep(3_000)) {
    const [now] = await query<{ loops: number }>(databaseUrl, 'select count(*)::integer as loops from loops').catch(
      () => [],
    );
    if ((now?.loops ?? 0) >= count) enough.abort();
  }
}

function rejectedWhen(stopped: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(new Error('The proof was stopped; nothing of it is left running.'));
    if (stopped?.aborted) stop();
    stopped?.addEventListener('abort', stop);
  });
}

/** Only what concerns the parts that run. */
function planFor(proving: Proving): Fault[] {
  const plan = planOf(proving.seed, proving);
  if (!proving.capturesOnly) return plan;
  return plan
    .map((fault): Fault =>
      fault.what === 'kill' && !['web', 'backends', 'postgres'].includes(fault.of) ? { ...fault, of: 'web' } : fault,
    )
    .filter(
      (fault) =>
        fault.what === 'kill' ||
        ('link' in fault && ['clients to web', 'web to postgres'].includes(fault.link)) ||
        (fault.what === 'clock' && fault.of === 'web') ||
        fault.what === 'disk full',
    );
}

function tellProgress(
  house: House,
  { began, done, broken, proving }: { began: number; done: CapturesDone; broken: Broken; proving: Proving },
) {
  const every = proving.count > 1_000 ? 15_000 : 5_000;
  const tell = async (): Promise<void> => {
    const seconds = Math.round((performance.now() - began) / 1000);
    const of = proving.capturesOnly ? ` of ${proving.count}` : '';
    const asked = `${seconds} s: ${done.accepted}${of} accepted (${done.retries} asked again)`;
    // Where nobody responds nothing is ever closed, and to count a million loops that are open takes seconds.
    const loops = proving.capturesOnly ? '' : `, ${await openAndClosed(house)}`;
    proving.say(`${asked}${loops}, ${broken.killed} kills`);
  };
  const timer = setInterval(() => void tell(), every);
  return { stop: () => clearInterval(timer) };
}

/** "12 open, 30 closed", or that nobody can say just now. */
async function openAndClosed({ databaseUrl }: House): Promise<string> {
  const [now] = await query<{ open: number; closed: number }>(
    databaseUrl,
    `select count(*) filter (where z.id is null)::integer as open, count(*) filter (where z.id is not null)::integer as closed
     from loops l join lateral (select round from rounds where loop_id = l.id order by round desc limit 1) r on true
     left join closures z on z.loop_id = l.id and z.round = r.round`,
  ).catch(() => []);
  return `${now?.open ?? '?'} open, ${now?.closed ?? '?'} closed`;
}

/** Loops that are open, and of those the ones that wait for a letter: put off, under the lease of an attempt that died, or in doubt. And whatever
 *  stands in Slack that is yet to be drawn anew or taken out, or may stand there of what was erased. */
const standing = `
  with open_loops as (
    select l.id from loops l join lateral (select round from rounds where loop_id = l.id order by round desc limit 1) r on true
    where not exists (select from closures z where z.loop_id = l.id and z.round = r.round)
  ),
  letters as (
    select loop_id, occasion, customer_id from deliveries
    where customer_id is not null
      and (state in ('sending', 'uncertain', 'needs_human') or state in ('planned', 'ready') and not_before > heed_now())
  )
  select count(*)::integer as open,
    count(*) filter (where exists (select from letters d where d.loop_id = o.id) or exists (
      select from told_signals ts join tellings t on t.id = ts.telling_id
      join letters d on d.occasion = t.decision_id and d.customer_id = t.customer_id where ts.signal_id = o.id))::integer as waiting,
    (select count(*) from wakes)::integer as wakes,
    (select count(*) from deliveries
     where state in ('planned', 'ready') and not_before <= heed_now() and (lease_until is null or lease_until < clock_timestamp()))::integer as due,
    (select count(*) from deliveries d
     where d.channel = 'slack' and d.state in ('planned', 'ready', 'sending', 'uncertain')
       and (d.purpose in ('card', 'redaction') or exists (select from erased_signals e where e.signal_id = d.loop_id)))::integer as cards
  from open_loops o`;

async function drain(house: House, { drainSeconds, patient, pace }: Proving): Promise<boolean> {
  let still = 0;
  for (const until = performance.now() + drainSeconds * 1000; performance.now() < until; await sleep(500 * pace)) {
    const [now] = await query<{ open: number; waiting: number; wakes: number; due: number; cards: number }>(
      house.databaseUrl,
      standing,
    ).catch(() => []);
    if (patient) await settleDoubt(house).catch(() => {});
    still = now && now.open === (patient ? 0 : now.waiting) && now.wakes + now.due + now.cards === 0 ? still + 1 : 0;
    if (still >= 3) return true;
  }
  return false;
}

/** What an operator does about letters of which nobody knows: looks whether the mail server has them, and says so. */
async function settleDoubt(house: House): Promise<void> {
  const taken = new Set(house.mailbox.mails().map(({ messageId }) => messageId));
  const doubtful = await query<{ loop: string; letters: string[] }>(
    house.databaseUrl,
    `select loop_id as loop, array_agg(message_id) as letters from deliveries where state = 'needs_human' and loop_id is not null group by 1`,
  );
  for (const { loop, letters } of doubtful) {
    const [action, reason] = letters.some((letter) => taken.has(letter))
      ? ['leave', 'the mail server has it']
      : ['resend', 'the mail server has no trace of it'];
    await house.heed(['repair', loop, '--action', action, '--reason', reason]);
  }
}

async function whatIsLeft(databaseUrl: string, loops: Loops): Promise<Left> {
  const [stands] = await query<{ open: number; waiting: number }>(databaseUrl, standing);
  const closed = await query<{ how: string; count: number }>(
    databaseUrl,
    `select how, count(*)::integer as count from closures group by 1 order by 2 desc`,
  );
  const messages = await query<{ what: string; count: number }>(
    databaseUrl,
    `select purpose || ' by ' || channel || ': ' || state as what, count(*)::integer as count from deliveries group by 1 order by 1`,
  );
  const [figures] = await query<
    Pick<Left, 'loops' | 'letters' | 'uncertain' | 'escalations' | 'rungsLate' | 'promptsLate'>
  >(
    databaseUrl,
    `select (select count(*) from loops)::integer as loops,
       (select count(*) from deliveries where customer_id is not null and phase = 'handed')::integer as letters,
       (select count(*) from deliveries where customer_id is not null and phase = 'handed' and state in ('sending', 'uncertain', 'needs_human'))::integer as uncertain,
       (select count(*) from escalations)::integer as escalations,
       (select coalesce(percentile_cont(array[0.5, 0.99, 1]) within group (order by
          extract(epoch from e.taken_at - greatest(g.due_at, p.planned_at))::float8), '{0,0,0}')
        from escalations e join rungs g using (plan_id, step, repeat) join plans p on p.id = e.plan_id
        -- Whoever is asked as soon as a ladder begins is asked with it: nobody could be late.
        where not e.collapsed and g.due_at > p.counted_from) as "rungsLate",
       (select coalesce(percentile_cont(array[0.5, 0.99, 1]) within group (order by
          extract(epoch from ended_at - planned_at)::float8), '{0,0,0}')
        from deliveries where purpose = 'prompt' and state = 'sent') as "promptsLate"`,
  );
  return {
    ...figures!,
    open: stands!.open,
    waiting: stands!.waiting,
    onlyEscalated: loops.onlyEscalated().length,
    neverEscalated: (await neverEscalated(databaseUrl, loops.onlyEscalated())).length,
    closed: Object.fromEntries(closed.map(({ how, count }) => [how, count])),
    messages: Object.fromEntries(messages.map(({ what, count }) => [what, count])),
  };
}

function summary(of: {
  proving: Proving;
  house: House;
  people: People | undefined;
  broken: Broken;
  done: CapturesDone;
  left: Left;
  findings: Finding[];
  drained: boolean;
  drainSeconds: number;
  began: number;
}): Proof {
  const { say: _, folder: __, stopped: ___, ...proving } = of.proving;
  return {
    proving,
    seconds: (performance.now() - of.began) / 1000,
    drainSeconds: of.drainSeconds,
    drained: of.drained,
    captures: of.done,
    faults: byName(Object.entries(of.broken.faults)),
    kills: of.broken.kills,
    skipped: [...of.broken.skipped],
    deeds: byName([...(of.people?.deeds ?? [])]),
    left: of.left,
    recoveriesMs: of.house.recoveries,
    findings: of.findings,
    ...mustBeZero(of.findings, of.done, of.left),
  };
}

/** The three numbers: what the auditor found, and beside it the captures that nobody accepted and the loops for which nobody was named. */
export function mustBeZero(
  findings: readonly Finding[],
  { givenUp }: Pick<CapturesDone, 'givenUp'>,
  { neverEscalated }: Pick<Left, 'neverEscalated'>,
): Pick<Proof, 'lost' | 'duplicates' | 'missed'> {
  const broken = (...invariants: string[]): number =>
    findings
      .filter(({ invariant }) => invariants.includes(invariant))
      .reduce((sum, { violations }) => sum + violations.length, 0);
  return {
    lost: broken('I1') + givenUp,
    duplicates: broken('I2', 'I3', 'I4'),
    missed: broken('I5') + neverEscalated,
  };
}

const byName = <Value>(counts: [string, Value][]): Record<string, Value> =>
  Object.fromEntries(counts.sort(([one], [other]) => one.localeCompare(other)));
