/** Somebody is erased in the middle of everything, and the database is lost: nothing of them comes back, and everything else goes on. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { z } from 'zod';
import { audit } from '../../src/audit/audit.ts';
import { sql } from '../../src/store/pool.ts';
import { chainFacts } from '../../src/store/records/chain.ts';
import { openRound } from '../../src/store/records/loops.ts';
import { backUp } from '../../src/store/backup.ts';
import { restore } from '../../src/store/restore.ts';
import { scrub } from '../../src/store/scrub.ts';
import { wordsOf } from '../../src/store/records/signals.ts';
import { readInsight, readSignal } from '../../src/store/views/signalReading.ts';
import { stuckLoops } from '../../src/store/views/stuck.ts';
import { capture } from '../../src/triggers/capture.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { handOver, handOverInsight } from '../../src/triggers/responses/handOver.ts';
import { join as joinByHand } from '../../src/triggers/responses/join.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { mailRights } from '../../src/triggers/rights/mailRights.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import { foundIn, foundInDatabase, foundInFiles } from '../support/canaries.ts';
import { openWorld, type World } from '../support/world.ts';

let folder: string;
let backups: string;
let before: string;
let world: World;
beforeAll(async () => {
  backups = await mkdtemp(join(tmpdir(), 'heed-backups-'));
  before = join(backups, 'before.backup');
  folder = await mkdtemp(join(tmpdir(), 'heed-erasure-'));
  world = await openWorld('shop', undefined, { dataDir: folder });
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
  await rm(backups, { recursive: true, force: true });
});

const canary = {
  name: 'Zephyrine Quillfeather',
  email: 'zephyrine.q@canary.example',
  phone: '+31 6 99887761',
  loyalty: 'LOYAL-99887762',
  words: 'My grandmother Quibblewick on ward seven',
  note: 'limps-since-the-quadrille',
  unmet: 'no-wheelchair-for-quadrupole',
  offered: 'a-quince-coloured-shawl',
  attribute: 'for aunt quorndon',
  no: 'I still wait says Quibblewick',
  letter: 'Dear Zephyrine the letter of quintessence',
  handover: 'knows the quarrelsome Quillfeathers',
};
const canaries = Object.values(canary);
const customer = { name: canary.name, email: canary.email, phone: canary.phone, loyalty: canary.loyalty };
const other = { name: 'Olga Other', email: 'olga@other.example' };
const consent = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }];

test('nothing of an erased person is left in Postgres, in files, in mails, in Slack or in Temporal, and what others said is', async () => {
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
  expect((await foundInDatabase(world.db.url, canaries)).map((hit) => hit.split(' in ')[0])).toEqual(
    expect.arrayContaining(canaries),
  );
  expect(await foundInFiles(folder, [canary.words])).toHaveLength(2);
  expect(await world.signal(answered.id)).toMatchObject({ round: 2, closed_at: null });

  const late = await world.capture({ words: `And one thing more. ${canary.words}`, customer, consent });
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
  expect(world.mailbox.mails(canary.email).at(-1)?.text).toContain('/rights/');
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
  expect(foundIn('Slack', slack, canaries)).toEqual([]);
  expect(foundIn('mails', JSON.stringify(world.mailbox.mails()), canaries)).toEqual([]);
  for (const id of [answered, wanted, late].map((signal) => `signal:${signal.id}`).concat(`insight:${insight}`)) {
    const history = await world.client.workflow.getHandle(id).fetchHistory();
    expect(foundIn(id, JSON.stringify(history), canaries)).toEqual([]);
  }
  expect(await foundInDatabase(world.db.url, canaries)).toEqual([]);
  await world.room.forget();
  expect(await foundInFiles(folder, canaries)).toEqual([]);

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
  expect(await scrub(world.db.url)).toEqual({ swept: [], inUse: [] });
  const where = await world.db.pool.one(sql.type(z.object({ folder: z.string(), oid: z.string() }))`
    select current_setting('data_directory') as folder, (select oid::text from pg_database where datname = current_database()) as oid`);
  const theirs = canaries.filter((one) => one !== canary.email);
  expect(await foundInFiles(join(where.folder, 'base', where.oid), theirs)).toEqual([]);
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
  await backUp(world.db.url, later);
  const lost = await world.capture({ words: 'Said a moment too late' });
  const mails = world.mailbox.mails(other.email).length;
  const erasures = await world.db.pool.oneFirst(sql.type(z.object({ count: z.number() }))`
    select count(*)::integer as count from erasures`);

  await world.without(async () => {
    await world.db.lose();
    // The older one, made before somebody was erased: that they were is known from the later one beside it.
    const restored = await restore(world.db.url, before);
    expect(restored.erasedAgain).toBe(erasures);
    expect(await foundInDatabase(world.db.url, canaries)).toEqual([]);
    await expect(restore(world.db.url, later)).rejects.toThrow(/holds a Heed already/);
    await world.db.lose();
    await restore(world.db.url, later);
  });
  expect(
    await foundInDatabase(
      world.db.url,
      canaries.filter((one) => one !== canary.email),
    ),
  ).toEqual([]);
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
