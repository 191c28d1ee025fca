/** What really happens: a real Postgres, the real responses, the real stages and stories, and letters that are really carried out. */

import pg from 'pg';
import { createStages, type Hands } from '../../src/activities/createActivities.ts';
import { deliver } from '../../src/activities/deliver.ts';
import { failures } from '../../src/activities/failures.ts';
import type { Company } from '../../src/domain/company.ts';
import { DomainError } from '../../src/domain/errors.ts';
import type { Sent } from '../../src/integrations/letter.ts';
import { openPool, type Pool } from '../../src/store/pool.ts';
import { leaseWakes, wakeAllOpen, wakeCarried, type WakeClass } from '../../src/store/records/wakes.ts';
import { capture } from '../../src/triggers/capture.ts';
import type { Heed } from '../../src/triggers/heed.ts';
import { acknowledge, acknowledgeInsight } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { complete, decide, takeBack } from '../../src/triggers/responses/decide.ts';
import { dismiss } from '../../src/triggers/responses/dismiss.ts';
import { handOver, handOverInsight } from '../../src/triggers/responses/handOver.ts';
import { join } from '../../src/triggers/responses/join.ts';
import { recordCall } from '../../src/triggers/responses/recordCall.ts';
import { review } from '../../src/triggers/responses/review.ts';
import { disavow, stopWriting } from '../../src/triggers/responses/stop.ts';
import { vouchOnPage } from '../../src/triggers/responses/vouch.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import { openTestDatabase } from '../support/database.ts';
import { kindOf, nameOf, type Act, type Death } from './acts.ts';
import { itemOf, ladders, undo, type MailServer } from './model.ts';
import { openStories, type Stories } from './stories.ts';
import { count } from './tally.ts';

/** What somebody was told: it is recorded (`replayed`: it had been before), or a sentence says why not. */
export type Outcome = { replayed: boolean; sentence: string } | { refused: string };

export interface Reality {
  /** Empties the company of everything said and done, and sets the clock to the beginning. */
  begin(): Promise<void>;
  /** Where their connection dies, they hear nothing, and send the same press again. */
  perform(act: Act, death?: Death): Promise<Outcome>;
  /** The last press once more. */
  pressAgain(): Promise<Outcome>;
  /** Carries every wake and every letter, until nothing is due. */
  settle(options?: { insightsFirst?: boolean; death?: Death | undefined }): Promise<void>;
  pass(minutes: number): Promise<void>;
  stories: Stories;
  /** What becomes of letters that are handed over from now on. */
  mail: { now: MailServer };
  /** Temporal has lost everything; the relay wakes all that is open. */
  loseTemporal(): Promise<void>;
  /** Ids by number. */
  signals: string[];
  insights: string[];
  /** How many rows there are of everything: what must not change when somebody is refused. */
  count(): Promise<string>;
  facts(): Promise<Facts[]>;
  close(): Promise<void>;
}

/** What the tables say of one loop. */
export interface Facts {
  id: string;
  kind: 'signal' | 'insight';
  holders: string[];
  taken: boolean;
  round: number;
  level: number;
  closings: string[];
  answers: string[];
  says: string[];
  calls: string[];
  heard: { insight: string; version: number; how: string }[];
  plans: { round: number; wait: string; taken: number }[];
  prompts: { to: string; waits: boolean }[];
  letters: { what: string; state: string }[];
  news: { to: string; waits: boolean }[];
  notices: { to: string; waits: boolean }[];
  /** While it is open, and a letter about it has reached nobody. */
  owedBy: 'email' | 'phone' | null;
  insight: string[];
  decisions: { version: number; outcome: string; by: string; takenBack: boolean; done: boolean }[];
  joinable: boolean;
}

/** Monday, 1 March 2027, eight o'clock: the beginning. */
const beginning = Date.UTC(2027, 2, 1, 8);
const minuteMs = 60_000;
export const timeOf = (minutes: number): number => beginning + minutes * minuteMs;
/** Timers fire a moment after what they wait for. */
const slackMs = 1_000;

class Died extends Error {}

/** Why a stage failed, which Temporal is only told in a code. */
let trouble: unknown;
failures.report = (error) => {
  if (!(error instanceof Died)) trouble = error;
};

export async function openReality(): Promise<Reality> {
  const db = await openTestDatabase();
  // Few connections, so that each has planned the views before.
  const pool = await openPool(db.url, { statementTimeoutMs: 10_000, connections: 2 });
  await db.apply(simplify);
  const client = new pg.Client({ connectionString: db.url });
  await client.connect();
  const { rows: tables } = await client.query<{ name: string }>(`
    select tablename as name from pg_tables where schemaname = 'public' and tablename <> all ('{configurations,staff,places,test_clock,migrations,epochs,fact_forms}')`);

  let death: Death | undefined;
  let hasDied = false;
  const die = (who: Death['who']): never => {
    death = undefined;
    hasDied = true;
    count(`${who} dies`);
    throw new Died();
  };
  /** The pool of one that may die in any transaction. */
  const mortal = (who: Death['who']): Pool => {
    const transaction: Pool['transaction'] = async (body, ...rest) => {
      const dies = death?.who === who && --death.at < 0 ? death : undefined;
      const result = await pool.transaction(
        async (tx) => {
          const made = await body(tx);
          return dies && !dies.committed ? die(who) : made;
        },
        ...rest,
      );
      return dies ? die(who) : result;
    };
    // What nobody in particular said is captured by one statement, without a transaction around it.
    return { ...pool, transaction, maybeOneFirst: (query) => transaction((tx) => tx.maybeOneFirst(query)) };
  };
  const mail = { now: 'takes letters' as MailServer };
  const configuration = await db.heed.configuration();
  const heed: Heed = { ...db.heed, pool: mortal('their connection'), configuration: async () => configuration };
  const hands: Hands = {
    pool: mortal('a worker'),
    configuration: async () => configuration,
    publicUrl: 'http://heed.test',
    post: {
      takeRoom: () => () => {},
      connect: async () => ({ send: async () => replies[mail.now], close: () => {} }),
    },
    slack: undefined,
    recall: async () => {},
  };
  const now = (): number => Date.now() + ahead;
  let ahead = 0;
  const stories = openStories(createStages(hands), now);
  // What dies while it hands a letter over is told in test/activities; here letters go out or not at all.
  const carrying = { ...hands, pool: mortal('a worker with a letter') };

  let presses = 0;
  let last: (() => Promise<Outcome>) | undefined;
  const signals: string[] = [];
  const insights: string[] = [];
  const press = () => ({ source: 'model', key: `${(presses += 1)}` });

  const say = (act: Act): (() => Promise<{ replayed?: boolean; sentence?: string } | void>) => {
    const responding = {
      loopId: 'signal' in act ? signals[act.signal]! : 'insight' in act ? insights[act.insight]! : '',
      by: 'by' in act && act.by ? act.by : '',
      press: press(),
    };
    const day = (days: number) => new Date(timeOf(passed) + days * 86_400_000).toISOString();
    const promise = (days: number | null) => (days === null ? {} : { promiseOn: day(days).slice(0, 10) });
    switch (act.verb) {
      case 'capture':
        return async () => {
          const captured = await capture(heed, said(act), { channel: 'web', press: responding.press });
          if (!signals.includes(captured.id)) signals.push(captured.id);
          return captured;
        };
      case 'acknowledge':
        return () => acknowledge(heed, responding);
      case 'hand over':
        return () => handOver(heed, responding, { to: act.to, reason: 'They know.' });
      case 'answer':
        return () =>
          approveFollowUp(heed, responding, { words: 'We hear you.', ...promise(act.promise), final: act.final });
      case 'call':
        return () => recordCall(heed, responding, { outcome: act.outcome, ...promise(act.promise) });
      case 'dismiss':
        return () => dismiss(heed, responding, { reason: 'Nothing to do.' });
      case 'review':
        return () =>
          review(
            heed,
            responding,
            act.as === 'dismiss'
              ? { verdict: 'dismiss', reason: 'Nothing in it.' }
              : { verdict: 'pursue', course: act.as },
          );
      case 'join':
        return () => join(heed, { ...responding, loopId: signals[act.signal]! }, { insight: insights[act.insight]! });
      case 'confirm':
        return () =>
          confirm(heed, { loopId: responding.loopId, press: responding.press, ...(act.by && { by: act.by }) }, act);
      case 'stop':
        return async () => {
          const { rows } = await client.query<{ id: string }>('select id from customers where name = $1', [
            nameOf(act.customer),
          ]);
          for (const { id } of rows) await stopWriting(heed, id);
        };
      case 'vouch':
        return () => vouchOnPage(heed, responding);
      case 'disavow':
        return async () => {
          const { rows } = await client.query<{ id: string | null }>(
            'select customer_id as id from signals where id = $1',
            [responding.loopId],
          );
          if (rows[0]!.id) await disavow(heed, responding.loopId, rows[0]!.id);
        };
      case 'erase':
        return async () => {
          const subject = await subjectNamed(heed.pool, responding.loopId);
          await erase(heed, subject, { by: 'operator', reason: 'They asked for it.' });
        };
      case 'acknowledge insight':
        return () => acknowledgeInsight(heed, responding);
      case 'hand over insight':
        return () => handOverInsight(heed, responding, { to: act.to, reason: 'They know.' });
      case 'decide':
        return () =>
          decide(heed, responding, {
            outcome: act.outcome,
            reason: 'Because.',
            ...(act.outcome === 'adopted' && { scope: 'everyone' as const, doneBy: day(act.days).slice(0, 10) }),
            ...(act.outcome === 'deferred' && {
              wakeAt: day(act.days),
              ...(act.people !== null && { untilPeople: act.people }),
            }),
          });
      case 'take back':
        return () => takeBack(heed, responding);
      case 'complete':
        return () => complete(heed, responding, { evidence: 'It hangs there.' });
    }
  };

  const answered = async (speak: ReturnType<typeof say>): Promise<Outcome> => {
    try {
      const { replayed = false, sentence = '' } = (await speak()) ?? {};
      return { replayed, sentence };
    } catch (error) {
      if (error instanceof DomainError) return { refused: error.message };
      throw error;
    }
  };

  let passed = 0;
  /** What waits to be carried: wakes, and letters to customers. */
  const waiting = async (): Promise<{ wakes: WakeClass[]; letters: string[] }> => {
    const { rows } = await client.query<{ wakes: WakeClass[]; letters: string[] }>({
      name: 'waiting',
      text: whatWaits,
    });
    return rows[0]!;
  };
  const carry = async (insightsFirst: boolean): Promise<boolean> => {
    const { wakes, letters } = await waiting();
    const woken = (await Promise.all(wakes.map((as) => leaseWakes(pool, as, 100)))).flat();
    const by = now() + slackMs;
    const due = [
      ...woken.map((wake) => ({ ...wake, id: wake.loop_id })),
      ...stories.due(by).map((story) => ({ ...story, asked: undefined })),
    ];
    const order = insightsFirst ? ['insight', 'signal'] : ['signal', 'insight'];
    due.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || (a.id < b.id ? -1 : 1));
    for (const { kind, id, asked } of due) {
      if (asked === undefined) await stories.ring(id, by);
      else {
        await stories.nudge(kind, id);
        await wakeCarried(pool, id, asked);
      }
    }
    if (due.length > 0) return true;
    // As Temporal makes one attempt after the other: whatever an earlier one left open, its worker is dead.
    for (const id of letters) await deliver(carrying, id, { inItsPlace: true, beat: () => {} });
    return letters.length > 0;
  };
  const counting = `select ${tables.map(({ name }) => `(select count(*) from ${name})`).join(`::text || ' ' || `)} || ' ' || (select coalesce(max(asked), 0) from wakes) as rows`;

  return {
    signals,
    insights,
    stories,
    mail,
    async begin() {
      const emptying = tables.map(({ name }) => `delete from ${name}`).join('; ');
      await client.query(`set session_replication_role = replica; ${emptying}; set session_replication_role = origin`);
      signals.length = 0;
      insights.length = 0;
      presses = 0;
      last = undefined;
      death = undefined;
      stories.forget();
      mail.now = 'takes letters';
      passed = 0;
      ahead = beginning - Date.now();
      await client.query(`update test_clock set ahead = make_interval(secs => $1)`, [ahead / 1000]);
    },
    async perform(act, dies) {
      const speak = say(act);
      const speaking = () => answered(speak);
      // Erasing is no press.
      if (act.verb === 'erase') return speaking();
      last = speaking;
      death = dies && { ...dies };
      const outcome = await speaking().catch((error: unknown) => {
        if (!(error instanceof Died)) throw error;
        hasDied = false;
        return speaking();
      });
      death = undefined;
      return outcome;
    },
    pressAgain: () => last!(),
    async settle(options = {}) {
      death = options.death && { ...options.death };
      for (let turns = 0; ; turns += 1) {
        if (turns > 100) throw new Error('This never settles.');
        try {
          if (hasDied) {
            hasDied = false;
            await stories.beginAgain();
          }
          if (!(await carry(options.insightsFirst ?? false))) break;
        } catch (error) {
          if (!hasDied) throw trouble ?? error;
        }
      }
      death = undefined;
    },
    async pass(minutes) {
      passed += minutes;
      ahead += minutes * minuteMs;
      await client.query(`update test_clock set ahead = ahead + make_interval(mins => $1)`, [minutes]);
    },
    async loseTemporal() {
      stories.forget();
      await wakeAllOpen(pool);
    },
    async count() {
      const { rows } = await client.query<{ rows: string }>({ name: 'count', text: counting });
      return rows[0]!.rows;
    },
    async facts() {
      const { rows } = await client.query<Facts>({ name: 'facts', text: factsOfLoops });
      return rows;
    },
    async close() {
      await client.end();
      await pool.end();
      await db.close();
    },
  };
}

/** As at the end of a letter, and about a mailbox. */
const replies: Record<MailServer, Sent> = {
  'takes letters': { accepted: true },
  'refuses letters': { accepted: false, permanent: true, code: 'smtp_554' },
  'knows nobody': { accepted: false, permanent: true, code: 'smtp_550', nobodyThere: true },
};

/** The shop, open day and night in one zone, writing at any hour, with the ladders of the model: its time is plain arithmetic. */
function simplify(company: Company): void {
  const always = { timezone: 'UTC', week: 'always' as const, daysOff: [] };
  company.timezone = 'UTC';
  for (const code of Object.keys(company.calendars)) company.calendars[code] = always;
  const ladder = (name: keyof typeof ladders) => ({
    rungs: ladders[name].map(([hours, role]) => ({
      after: { amount: hours, unit: 'h' as const },
      notify: role as 'owner',
    })),
    atEnd: { notify: 'executive' as const, every: { amount: 24, unit: 'h' as const } },
  });
  company.ladders = {
    reviewing: ladder('reviewed'),
    acknowledging: ladder('acknowledged'),
    answering: ladder('answered'),
    promising: ladder('promised'),
    deciding: ladder('decided'),
    completing: ladder('completed'),
  };
  company.undo = { amount: undo, unit: 'm' };
  company.customers.window = { amount: ladders.confirmed[0][0], unit: 'h' };
  company.customers.cap = { messages: 1000, within: { amount: 1, unit: 'd' } };
  delete company.customers.quietHours;
}

function said({ asks, customer, agreed, by }: Extract<Act, { verb: 'capture' }>) {
  const item = itemOf(asks);
  return {
    words: asks === 'noise' ? '…' : 'Hm.',
    place: 'high-street',
    ...(by && { by }),
    ...(asks !== 'noise' && { kind: kindOf[asks] }),
    ...(item && { wanted: { item } }),
    ...(customer !== null && {
      customer: { name: nameOf(customer), email: `${nameOf(customer)}@example.com`, phone: `+31 6 0000000${customer}` },
      consent: agreed.map((channel) => ({ purpose: 'follow_up' as const, channel, wording: '2026-06' })),
    }),
  };
}

const whatWaits = `
select (select coalesce(json_agg(distinct class), '[]') from wakes) as wakes,
  (select coalesce(json_agg(id order by planned_at, id), '[]') from deliveries
    where customer_id is not null and state in ('planned', 'ready', 'sending') and not_before <= heed_now()) as letters`;
const list = (what: string, from: string): string => `(select coalesce(json_agg(${what}), '[]') from ${from})`;
const factsOfLoops = `
select l.id, l.kind,
  ${list('o.staff', 'ownerships o where o.loop_id = l.id and o.ended_at is null')} as holders,
  exists (select from acknowledgements a join ownerships o on o.id = a.ownership_id where o.loop_id = l.id and o.ended_at is null) as taken,
  (select max(round) from rounds r where r.loop_id = l.id) as round,
  (select max(level) from rounds r where r.loop_id = l.id) as level,
  ${list(`z.round || ': ' || replace(z.how, '_', ' ') order by z.round`, 'closures z where z.loop_id = l.id')} as closings,
  ${list(`f.round || ': ' || f.channel || coalesce(' by ' || f.by, '') order by f.round`, 'follow_ups f where f.loop_id = l.id')} as answers,
  ${list(`c.round || ':' || c.says order by c.confirmed_at, c.says`, 'confirmations c where c.loop_id = l.id')} as says,
  ${list(`c.outcome order by c.called_at`, 'calls c where c.loop_id = l.id')} as calls,
  ${list(
    `json_build_object('insight', d.insight_id, 'version', d.version, 'how', coalesce(x.channel, x.reason, ts.reason)) order by ts.settled_at, d.version`,
    'told_signals ts join decisions d on d.id = ts.decision_id left join tellings x on x.id = ts.telling_id where ts.signal_id = l.id',
  )} as heard,
  ${list(
    `json_build_object('round', p.round, 'wait', p.wait, 'taken', (select count(*) from escalations e where e.plan_id = p.id))`,
    'plans p where p.loop_id = l.id',
  )} as plans,
  ${list(
    `json_build_object('to', d.staff || ' by ' || d.channel, 'waits', d.state = 'planned')`,
    `deliveries d where d.loop_id = l.id and d.purpose = 'prompt'`,
  )} as prompts,
  ${list(
    `json_build_object('what', d.purpose, 'state', d.state)`,
    'deliveries d where d.loop_id = l.id and d.customer_id is not null',
  )} as letters,
  ${list(
    `json_build_object('to', d.staff, 'waits', d.state = 'planned')`,
    `deliveries d where d.loop_id = l.id and d.purpose = 'news'`,
  )} as news,
  ${list(
    `json_build_object('to', d.staff, 'waits', d.state = 'planned')`,
    `deliveries d where d.loop_id = l.id and d.purpose = 'notice'`,
  )} as notices,
  case when exists (select from now.open_loops o where o.id = l.id)
    and exists (
      select from deliveries d where d.loop_id = l.id and d.customer_id is not null and now.is_refused(d.state, d.last_error_code))
    then (select s.owed_by from now.signals s where s.id = l.id)
  end as "owedBy",
  ${list('x.insight_id', 'now.insight_signals x where x.signal_id = l.id')} as insight,
  ${list(
    `json_build_object('version', d.version, 'outcome', d.outcome, 'by', d.by,
      'takenBack', exists (select from withdrawals w where w.decision_id = d.id), 'done', exists (select from completions c where c.decision_id = d.id)) order by d.version`,
    'decisions d where d.insight_id = l.id',
  )} as decisions,
  exists (select from open_insights o where o.insight_id = l.id) as joinable
from loops l`;
