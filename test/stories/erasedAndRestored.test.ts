/** Somebody is erased in the middle of everything, and the database is lost: nothing of them comes back, and everything else goes on. */

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { audit } from '../../src/audit/audit.ts';
import { openLog } from '../../src/log.ts';
import { reportTo } from '../../src/start/web.ts';
import { sql } from '../../src/store/pool.ts';
import { keepApiKey } from '../../src/store/records/apiKeys.ts';
import { chainFacts } from '../../src/store/records/chain.ts';
import { openRound } from '../../src/store/records/loops.ts';
import { backUp } from '../../src/store/backup.ts';
import { restore } from '../../src/store/restore.ts';
import { scrub } from '../../src/store/scrub.ts';
import { openSession } from '../../src/store/records/sessions.ts';
import { wordsOf } from '../../src/store/records/signals.ts';
import { readInsight, readSignal } from '../../src/store/views/signalReading.ts';
import { stuckLoops } from '../../src/store/views/stuck.ts';
import { capture } from '../../src/triggers/capture.ts';
import { createApp } from '../../src/triggers/http/app.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { handOver, handOverInsight } from '../../src/triggers/responses/handOver.ts';
import { join as joinByHand } from '../../src/triggers/responses/join.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { mailRights } from '../../src/triggers/rights/mailRights.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import { canaries } from '../replay/canaries.ts';
import { foundIn, foundInDatabase, foundInFiles } from '../support/canaries.ts';
import { openWorld, type World } from '../support/world.ts';
import { webOf } from '../triggers/http/contract.ts';

let folder: string;
let backups: string;
let before: string;
let world: World;
/** What our processes write down. */
const log: string[] = [];
const written = openLog('debug', { write: (line) => void log.push(line) });
beforeAll(async () => {
  backups = await mkdtemp(join(tmpdir(), 'heed-backups-'));
  before = join(backups, 'before.backup');
  folder = await mkdtemp(join(tmpdir(), 'heed-erasure-'));
  world = await openWorld('shop', undefined, { dataDir: folder, log: written });
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
  await rm(backups, { recursive: true, force: true });
});

const birds = canaries();
const canary = {
  name: birds.in('their name', 'Zephyrine'),
  email: birds.email('their address'),
  phone: birds.phone('their number'),
  loyalty: birds.inWord('their loyalty number', 'LOYAL-'),
  words: birds.in('what they said', 'My grandmother on ward seven'),
  note: birds.in('what was noted', 'limps'),
  unmet: birds.in('what was not there', 'no wheelchair'),
  offered: birds.in('what was offered', 'a shawl'),
  attribute: birds.in('what they wished for', 'for aunt'),
  no: birds.in('their no', 'I still wait'),
  letter: birds.in('our letter', 'Dear Zephyrine'),
  handover: birds.in('why it was handed over', 'knows the family'),
};
/** For once they have come back under it. */
const besidesTheirAddress = (content: Buffer | string): string[] =>
  birds.found(content).filter((found) => !found.startsWith('their address'));
const customer = { name: canary.name, email: canary.email, phone: canary.phone, loyalty: canary.loyalty };
const other = { name: 'Olga Other', email: 'olga@other.example' };
const consent = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }];

/** What a program, whoever answers for it and they themselves do over the web. */
async function openWeb() {
  const app = createApp({ ...webOf(world.db), heed: world.heed }, { rateLimiting: false, report: reportTo(written) });
  const { pool } = world.db;
  const key = randomUUID();
  await keepApiKey(pool, key, { name: 'till', scopes: ['*'], by: 'ops' });
  const say = async (words: string, more: object = {}): Promise<Response> =>
    app.request('/v1/signals', {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': randomUUID(),
      },
      body: JSON.stringify({ words, place: 'high-street', ...more }),
    });
  const [, yours] = /What became of it: \S*#([\w-]{22})/.exec(
    world
      .mailsTo(canary.email)
      .map(({ text }) => text)
      .join('\n'),
  )!;
  return {
    async capture(words: string, more: object) {
      const answer = await say(words, more);
      expect(answer.status).toBe(202);
      return (await answer.json()) as { id: string };
    },
    /** The pages that it stands on; and the customer's own, which ends when they are erased. */
    async open(id: string, theirOwn = 200) {
      const { owner } = await world.signal(id);
      const headers = { Cookie: `heed=${await openSession(pool, owner)}` };
      for (const path of [`/signals/${id}`, '/tasks', '/mine', '/insights'])
        expect([path, (await app.request(path, { headers })).status]).toEqual([path, 200]);
      const handedOver = await app.request('/t/open', { method: 'POST', body: new URLSearchParams({ link: yours! }) });
      expect(handedOver.status).toBe(theirOwn);
    },
    /** The database quotes what it refuses, in lines that look like those of a stack. */
    async failOver(words: string) {
      const owner = await world.db.owner();
      await owner.query(sql.unsafe`
        create function refuse() returns trigger language plpgsql as $$
        begin raise exception using message = 'refused: ' || new.words, detail = new.words; end $$`);
      await owner.query(
        sql.unsafe`create trigger refuse before insert on words for each row execute function refuse()`,
      );
      const answer = await say(`It is in\n    at /src/ ${words}\n/src/ ${words}`);
      await owner.query(sql.unsafe`drop function refuse cascade`);
      expect(answer.status).toBe(500);
      expect(birds.found(await answer.text())).toEqual([]);
    },
  };
}

test('nothing of an erased person is left in Postgres, in files, in mails, in Slack, in Temporal or in our log, and what others said is', async () => {
  const answered = await world.capture({
    words: `I was shouted at. ${canary.words}`,
    kind: 'complaint',
    note: canary.note,
    customer,
    consent,
  });
  const wanted = await world.capture({
    words: `A coat in green? ${canary.words}`,
    unmet: canary.unmet,
    offered: { item: canary.offered, taken: 'refused' },
    wanted: { item: 'coat', attributes: { colour: 'green', occasion: canary.attribute } },
    customer,
    consent,
  });
  const bystander = await world.capture({
    words: 'A coat in green, please',
    unmet: 'Sold out',
    offered: { item: 'teal', taken: 'refused' },
    wanted: { item: 'coat', attributes: { colour: 'green' } },
    customer: { name: 'By Stander', email: 'by@stander.example' },
    consent,
  });
  await world.settle();
  const owner = (await world.signal(answered.id)).owner;
  await acknowledge(world.heed, world.as(owner, answered.id));
  const to = Object.keys(world.db.company.staff).find((staff) => staff !== owner)!;
  await handOver(world.heed, world.as(owner, answered.id), { to, reason: canary.handover });
  await approveFollowUp(world.heed, world.as((await world.signal(answered.id)).owner, answered.id), {
    words: canary.letter,
  });
  await world.pass('1 day');
  await confirm(world.heed, { loopId: answered.id, press: world.press() }, { says: 'no', words: canary.no });
  await world.pass('1 day');

  // Before: they are everywhere, or this test would prove nothing.
  const inDatabase = await foundInDatabase(world.db.url, birds.found);
  expect(new Set(inDatabase.map((hit) => hit.split(' (')[0]))).toEqual(new Set(birds.marked()));
  const inFiles = await foundInFiles(folder, birds.found);
  const saying = inFiles.filter((hit) => hit.startsWith('what they said')).map((hit) => hit.split(' in ').at(-1));
  expect(new Set(saying).size).toBe(2);
  expect(await world.signal(answered.id)).toMatchObject({ round: 2, closed_at: null });

  const web = await openWeb();
  const late = await web.capture(`And one thing more. ${canary.words}`, { customer, consent });
  await web.open(answered.id);
  await web.failOver(`And another: ${canary.words}`);
  const key = world.press();
  const again = { words: `Said once. ${canary.words}`, place: 'high-street', customer };
  const once = await capture(world.heed, again, { channel: 'api', press: key });
  // The backup of before: it holds all of it, and is what is left when the database is lost.
  await backUp(world.db.url, before);
  // Their thanks have left by then, or that they did would be the last that is told.
  await world.settle();
  const subject = await subjectNamed(world.db.pool, canary.email.toUpperCase());
  expect(subject.references).toHaveLength(4);
  await mailRights(world.heed, subject.customer_id!);
  await world.settle();
  expect(world.mailbox.mails(canary.email).at(-1)?.text).toContain('See or erase it: ');
  const erased = await erase(world.heed, subject, { by: 'operator', reason: 'asked at the counter' });
  expect(erased).toMatchObject({ signals: 4, closed: 4 });
  const mails = world.mailbox.mails(canary.email).length;
  await world.settle();
  await world.pass('1 day');

  // The stories end, and say how; pages of it still work.
  for (const { id } of [answered, wanted, late, once]) {
    expect(await world.signal(id)).toMatchObject({ closed_how: 'erased', customer_id: subject.customer_id });
    const reading = await readSignal(world.db.pool, world.db.company, id, { audience: 'staff' });
    expect(reading?.timeline.at(-1)?.sentence).toBe('Closed: what was said was erased.');
    expect(await wordsOf(world.db.pool, id)).toBeNull();
  }
  await web.open(answered.id, 410);
  const running = world.client.workflow.list({
    query: `WorkflowId = 'signal:${answered.id}' AND ExecutionStatus = 'Running'`,
  });
  expect((await Array.fromAsync(running)).length).toBe(0);
  expect(world.mailbox.mails(canary.email)).toHaveLength(0);
  expect(mails).toBeGreaterThan(0);

  // What somebody else said, and the insight it is part of, goes on.
  expect(await wordsOf(world.db.pool, bystander.id)).toMatchObject({ words: 'A coat in green, please' });
  const insight = (await world.signal(bystander.id)).insight_id!;
  expect(await world.insight(insight)).toMatchObject({ closed_at: null });
  expect(await readInsight(world.db.pool, world.db.company, insight)).not.toBeNull();

  // A repeat of the key is told so; an old list read in again brings nothing back; what they say now is welcome.
  await expect(capture(world.heed, again, { channel: 'api', press: key })).rejects.toMatchObject({ code: 'gone' });
  await expect(
    world.capture({ words: 'from an old list', customer: { email: canary.email }, saidAt: '2024-01-01T10:00:00Z' }),
  ).rejects.toMatchObject({ code: 'gone' });

  const slack = JSON.stringify(world.room.messages());
  expect(foundIn('Slack', slack, birds.found)).toEqual([]);
  expect(foundIn('mails', JSON.stringify(world.mailbox.mails()), birds.found)).toEqual([]);
  for (const id of [answered, wanted, late].map((signal) => `signal:${signal.id}`).concat(`insight:${insight}`)) {
    const history = await world.client.workflow.getHandle(id).fetchHistory();
    expect(foundIn(id, JSON.stringify(history), birds.found)).toEqual([]);
  }
  expect(await foundInDatabase(world.db.url, birds.found)).toEqual([]);
  await world.room.forget();
  expect(await foundInFiles(folder, birds.found)).toEqual([]);
  expect(log.join('')).toContain('A request failed for a reason of ours.');
  expect(foundIn('our log', log.join(''), birds.found)).toEqual([]);

  const again2 = await world.capture({ words: 'I am back', customer: { email: canary.email } });
  expect((await world.signal(again2.id)).customer_id).not.toBe(subject.customer_id);
});

test('nor does whoever has left keep a card that quotes them, or who has nothing to do with it any more', async () => {
  const scarf = { kind: 'unmet-demand', wanted: { item: 'scarf', attributes: { colour: 'teal' } }, consent };
  const asks = (words: string, email: string) => world.capture({ words, customer: { email }, ...scarf });
  const [one, two] = ['A scarf in teal, says Quartermain', 'A teal scarf for the quilting, please'];
  const first = await asks(one, 'first@canary.example');
  const second = await asks(two, 'second@canary.example');
  await world.db.apply(
    ({ staff }) => (staff['wim'] = { ...staff['jonas']!, name: 'Wim', email: 'wim@linden-vale.example' }),
  );
  await world.settle();
  const insight = (await world.signal(first.id)).insight_id!;
  const goesTo = async (to: string) => {
    const { decider } = await world.insight(insight);
    await handOverInsight(world.heed, world.as(decider, insight), { to, reason: 'knows scarves' });
    await world.settle();
  };
  const eraseWhoSaid = async (id: string) => {
    const subject = await subjectNamed(world.db.pool, id);
    await erase(world.heed, subject, { by: 'operator', reason: 'asked at the counter' });
    await world.settle();
  };
  const quoting = (words: string) =>
    ['wim', 'priya'].filter((staff) =>
      JSON.stringify(world.room.messages(`${staff}@linden-vale.example`)).includes(words),
    );
  await goesTo('wim');
  await goesTo('priya');
  expect(quoting(one)).toEqual(['wim', 'priya']);

  await world.db.apply(({ staff }) => delete staff['wim']);
  await eraseWhoSaid(first.id);
  expect(quoting(one)).toEqual([]);
  expect(quoting(two)).toEqual(['priya']);

  await goesTo('ingrid');
  await world.db.pool.transaction((tx) => openRound(tx, insight, 'decided_anew'));
  await eraseWhoSaid(second.id);
  expect(quoting(two)).toEqual([]);
});

test('what Slack refused to take back while our token was not good is taken back once it is, and is listed as tried in vain until then', async () => {
  const { id } = await world.capture({
    words: 'Is it quilted, asks Quintrell?',
    kind: 'question',
    customer: { email: 'quintrell@canary.example' },
  });
  await world.settle();
  const standing = () =>
    world.room.messages().filter((one) => !one.deleted && JSON.stringify(one).includes('Quintrell'));
  const inVain = async () =>
    (await stuckLoops(world.db.pool, world.db.company)).flatMap((one) =>
      one.what === 'tries' && one.loopId === id ? [`${one.purpose} ${one.code}`] : [],
    );
  expect(standing()).toHaveLength(1);
  world.room.faults.script({ at: 'chat.delete', do: 'error', error: 'token_revoked' }, Infinity);
  const subject = await subjectNamed(world.db.pool, id);
  await erase(world.heed, subject, { by: 'operator', reason: 'asked at the counter' });
  await world.pass('50 minutes');
  expect(await inVain()).toEqual([]);
  await world.pass('20 minutes');
  expect(await inVain()).toEqual(['redaction slack_token_revoked']);
  expect(standing()).toHaveLength(1);

  world.room.faults.clear();
  await world.pass('6 minutes');
  expect(standing()).toEqual([]);
  expect(await inVain()).toEqual([]);
});

/** Three want the same; the first, of whom something is said, is captured by neither Jonas, who is told in Slack, nor Mina, who is told by e-mail. It
 *  is decided, and nobody has heard of it yet. */
async function declined(item: string, typed: Record<string, string>, reason: string): Promise<string> {
  const asks = (by: string, email: string, attributes: Record<string, string>, name?: string) =>
    world.capture({
      words: `Is there a ${item}?`,
      kind: 'unmet-demand',
      wanted: { item, attributes: { colour: 'green', ...attributes } },
      customer: { email, ...(name && { name }) },
      consent,
      by,
    });
  const { id: first } = await asks('tomas', `${item}@quillon.example`, typed, 'Nora Quillon');
  await world.settle();
  const insight = (await world.signal(first)).insight_id!;
  for (const by of ['jonas', 'mina']) {
    const { id } = await asks(by, `${item}-of-${by}@other.example`, {});
    await world.settle();
    if ((await world.signal(id)).insight_id !== insight)
      await joinByHand(world.heed, world.as('priya', id), { insight });
  }
  const { decider } = await world.insight(insight);
  await decide(world.heed, world.as(decider, insight), { outcome: 'declined', reason });
  return first;
}
const eraseWhoSaid = async (id: string) =>
  erase(world.heed, await subjectNamed(world.db.pool, id), { by: 'operator', reason: 'asked at the counter' });
/** Whether Jonas and Mina have it before them. */
const newsOf = (theirs: string): boolean[] => [
  JSON.stringify(world.slackTo('jonas')).includes(theirs),
  JSON.stringify(world.mailsTo('mina@linden-vale.example')).includes(theirs),
];

const saying: [what: string, item: string, typed: Record<string, string>, reason: string, theirs: string][] = [
  ['a reason that names them', 'shawl', {}, 'We knit none, as Ms Quillon knows.', 'Quillon'],
  ['what they alone had typed', 'stole', { occasion: 'for the quibbling ball' }, 'We knit none.', 'quibbling'],
];
test.each(saying)(
  'nor stands in the news of whoever captured what others said: %s',
  async (_, item, typed, reason, theirs) => {
    const first = await declined(item, typed, reason);
    await world.pass('20 minutes');
    expect(newsOf(theirs)).toEqual([true, true]);
    await eraseWhoSaid(first);
    await world.settle();
    expect(newsOf(theirs)).toEqual([false, false]);
  },
);

test('nor in news that was handed over while they were erased', async () => {
  const first = await declined('poncho', {}, 'We knit none, as Ms Quillon knows.');
  world.mailbox.faults.script({ at: 'body', do: 'slow', ms: 2_000 }, Infinity);
  const passing = world.pass('20 minutes');
  const handedOver = () =>
    world.db.pool.exists(sql.unsafe`
      select from deliveries where purpose = 'news' and staff = 'mina' and state = 'sending' and phase = 'handed'`);
  await world.until('it is handed over', handedOver);
  await eraseWhoSaid(first);
  expect(await handedOver()).toBe(true);
  await passing;
  world.mailbox.faults.clear();
  await world.settle();
  expect(newsOf('Quillon')).toEqual([false, false]);
});

test('nor in the files that Postgres keeps of this database, once they are scrubbed', async () => {
  expect(await scrub(world.db.workingUrl)).toEqual({ swept: [], inUse: [] });
  const where = await (
    await world.db.owner()
  ).one(sql.type(z.object({ folder: z.string(), oid: z.string() }))`
    select current_setting('data_directory') as folder, (select oid::text from pg_database where datname = current_database()) as oid`);
  expect(await foundInFiles(join(where.folder, 'base', where.oid), besidesTheirAddress)).toEqual([]);
});

test('the chain of facts still verifies', async () => {
  while ((await chainFacts(world.db.pool, 1000)) > 0);
  const { findings, head } = await audit({ databaseUrl: world.db.url });
  expect(findings.find(({ invariant }) => invariant === 'I7')?.violations).toEqual([]);
  expect(head?.seq).toBeGreaterThan(100);
});

test('a lost database comes back from its backup: erased stays erased, open loops go on, and only what came since is lost', async () => {
  const kept = await world.capture({ words: 'Is there a repair service?', kind: 'question', customer: other, consent });
  await world.settle();
  const owner = (await world.signal(kept.id)).owner;
  const later = join(backups, 'later.backup');
  await backUp(world.db.workingUrl, later);
  const lost = await world.capture({ words: 'Said a moment too late' });
  const mails = world.mailbox.mails(other.email).length;
  const erasures = await world.db.pool.oneFirst(sql.type(z.object({ count: z.number() }))`
    select count(*)::integer as count from erasures`);

  await world.without(async () => {
    await world.db.lose();
    // The older one, made before somebody was erased: that they were is known from the later one beside it.
    const asBefore = { databaseUrl: world.db.workingUrl };
    const restored = await restore(world.db.url, before, asBefore);
    expect(restored.erasedAgain).toBe(erasures);
    expect(await foundInDatabase(world.db.url, birds.found)).toEqual([]);
    await expect(restore(world.db.url, later)).rejects.toThrow(/holds a Heed already/);
    await world.db.lose();
    await restore(world.db.url, later, asBefore);
  });
  expect(await foundInDatabase(world.db.url, besidesTheirAddress)).toEqual([]);
  expect(await world.db.pool.exists(sql.unsafe`select from signals where id = ${lost.id}`)).toBe(false);

  await world.settle();
  await acknowledge(world.heed, world.as(owner, kept.id));
  await approveFollowUp(world.heed, world.as(owner, kept.id), { words: 'Yes, on the first floor.' });
  // Not at night: nobody is written to then.
  await world.passTo('wednesday', '11:00');
  expect(world.mailbox.mails(other.email)).toHaveLength(mails + 1);
  expect(await world.signal(kept.id)).toMatchObject({ last_letter_state: 'sent', closed_at: null });
  while ((await chainFacts(world.db.pool, 1000)) > 0);
  const { findings } = await audit({ databaseUrl: world.db.url });
  expect(findings.find(({ invariant }) => invariant === 'I7')?.violations).toEqual([]);
});
