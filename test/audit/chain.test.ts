/** The chain of facts: whoever alters one, with all the power there is over the database, is found; and each fact is linked once. */

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { chainIsWhole, headOf, type Anchor } from '../../src/audit/chain.ts';
import { newId } from '../../src/domain/ids.ts';
import { openPool } from '../../src/store/pool.ts';
import { keepApiKey, newApiKey, revokeApiKeys } from '../../src/store/records/apiKeys.ts';
import { freeBindings, isKnownBy } from '../../src/store/records/bindings.ts';
import { chainFacts } from '../../src/store/records/chain.ts';
import { closeRound } from '../../src/store/records/loops.ts';
import { insightNow } from '../../src/store/views/insights.ts';
import { signalNow } from '../../src/store/views/signals.ts';
import { capture, type Capture } from '../../src/triggers/capture.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { handOver } from '../../src/triggers/responses/handOver.ts';
import { join } from '../../src/triggers/responses/join.ts';
import { repair } from '../../src/triggers/responses/repair.ts';
import { disavow } from '../../src/triggers/responses/stop.ts';
import { access } from '../../src/triggers/rights/access.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { letGo } from '../../src/triggers/rights/letGo.ts';
import { rectify } from '../../src/triggers/rights/rectify.ts';
import { customerIn, subjectNamed } from '../../src/triggers/rights/subject.ts';
import { clearSampleHistory, loadSampleHistory } from '../../src/triggers/sampleHistory.ts';
import { momentOf } from '../../src/store/records/clock.ts';
import { lettersLeave, openTestDatabase, type TestDatabase } from '../support/database.ts';
import { goOn } from '../triggers/http/story.ts';

let db: TestDatabase;
let superuser: pg.Client;
beforeAll(async () => {
  db = await openTestDatabase({ company: 'demo', connections: 8 });
  superuser = new pg.Client({ connectionString: db.url });
  await superuser.connect();
});
afterAll(async () => {
  await superuser.end();
  await db.close();
});

const place = () => Object.keys(db.company.places)[0]!;
const hear = (n: number) =>
  capture(
    db.heed,
    {
      words: `Remark number ${n}`,
      place: place(),
      customer: { name: `Customer ${n}`, email: `c${n}@example.com` },
      wanted: { item: 'coat', attributes: { size: String(n) } },
    },
    { channel: 'api', press: { source: 'test', key: newId() } },
  );
const chainAll = async () => {
  while ((await chainFacts(db.pool, 500)) > 0);
};
const scope = { since: new Date(0), objectiveSeconds: 60 };
const violations = async (anchor?: Anchor) => {
  await superuser.query('begin isolation level repeatable read read only');
  try {
    return await chainIsWhole(anchor).find(superuser, undefined, scope);
  } finally {
    await superuser.query('rollback');
  }
};

test('each fact is linked once, however often the writer is killed and however many write at once', async () => {
  const stop = { now: false };
  let killed = 0;
  const linking = Array.from({ length: 2 }, async () => {
    const pool = await openPool(db.url, { connections: 2 });
    while (!stop.now) await chainFacts(pool, 7).catch(() => 0);
    await pool.end().catch(() => {});
  });
  const killing = (async () => {
    while (!stop.now) {
      const { rowCount } = await superuser.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and query ~ 'chain|unchained|salts|fact_forms' and random() < 0.6`,
      );
      killed += rowCount ?? 0;
      // Shot at no faster than it can begin anew.
      await superuser.query('select pg_sleep(0.02)');
    }
  })();
  // Until enough were killed, however quickly the machine links.
  let heard = 0;
  while (killed <= 5 && heard < 2_000) await Promise.all(Array.from({ length: 24 }, () => hear((heard += 1))));
  // Asked on this connection, which is not shot at.
  for (const end = Date.now() + 20_000; Date.now() < end;)
    if (!(await superuser.query('select 1 from unchained limit 1')).rowCount) break;
  stop.now = true;
  await Promise.all(linking);
  await killing;
  expect(killed).toBeGreaterThan(5);
  await chainAll();
  expect(await violations()).toEqual([]);
  const { rows } = await superuser.query(
    `select (select count(*)::int from chain where fact = 'signals') as linked, (select count(*)::int from signals) as there`,
  );
  expect(rows).toEqual([{ linked: heard, there: heard }]);
});

test('sample history comes and goes without a link', async () => {
  const { version, company } = await db.heed.configuration();
  await loadSampleHistory(db.pool, { company, configuration: version, now: await momentOf(db.pool) });
  expect(await chainFacts(db.pool, 10)).toBe(0);
  expect(await violations()).toEqual([]);
  await clearSampleHistory(db.pool);
  expect(await violations()).toEqual([]);
});

test('facts refuse to be changed, deleted or emptied', async () => {
  await expect(superuser.query(`update signals set reference = 'HD-XXXX'`)).rejects.toThrow(/Facts stay as they were/);
  await expect(superuser.query(`delete from signals`)).rejects.toThrow(/never deleted/);
  await expect(superuser.query(`truncate escalations`)).rejects.toThrow(/never emptied/);
  await expect(superuser.query(`delete from words`)).rejects.toThrow(/heed erase/);
  await expect(superuser.query(`update chain set fact = 'words'`)).rejects.toThrow(/Facts stay/);
  await expect(superuser.query(`update ownerships set ended_at = heed_now() where false`)).resolves.toBeDefined();
});

test('eighty edits by somebody with all power are all found', async () => {
  const { id } = await hear(60);
  await acknowledge(db.heed, {
    loopId: id,
    by: db.company.places[place()]!.manager,
    press: { source: 'test', key: newId() },
  }).catch(() => {});
  await chainAll();
  await eraseSomebody();
  const anchor = (await headOf(superuser))!;
  expect(await violations(anchor)).toEqual([]);

  const missed: string[] = [];
  const done = new Map<string, number>();
  for (let n = 0; n < 80; n += 1) {
    const edit = edits[n % edits.length]!;
    // As somebody who may switch every guard off, and takes it back so that the next edit is the only one.
    await superuser.query('begin');
    await superuser.query('set local session_replication_role = replica');
    const what = await edit(n);
    const found = await chainIsWhole(anchor).find(superuser, undefined, scope);
    await superuser.query('rollback');
    done.set(edit.name, (done.get(edit.name) ?? 0) + 1);
    if (found.length === 0) missed.push(`${edit.name}: ${what}`);
  }
  expect(missed).toEqual([]);
  expect([...done.values()].reduce((a, b) => a + b, 0)).toBe(80);
  expect(await violations(anchor)).toEqual([]);
});

/** Of an address that was erased: what somebody with all power may have kept of it. */
let identity: { id: string; customer_id: string; kind: string; added_at: string };
async function eraseSomebody(): Promise<void> {
  const { id } = await capture(
    db.heed,
    { words: 'Forget me', place: place(), customer: { name: 'Gone', email: 'gone@example.com' } },
    { channel: 'api', press: { source: 'test', key: newId() } },
  );
  await chainAll();
  const { rows } = await superuser.query<typeof identity>(
    `select id, customer_id, kind, added_at::text from identities where normalised = 'gone@example.com'`,
  );
  identity = rows[0]!;
  await erase(db.heed, await subjectNamed(db.pool, id), { by: 'operator', reason: 'asked' });
  await chainAll();
}

test('what was put in about somebody’s remark is found, though it names a sample beside it', async () => {
  const { id } = await hear(61);
  await chainAll();
  const [customer, consent] = [newId(), newId()];
  await superuser.query('begin');
  await superuser.query(`set local heed.may = 'samples'`);
  await superuser.query(`insert into customers (id, sample) values ($1, true)`, [customer]);
  await superuser.query(
    `insert into consents (id, signal_id, customer_id, purpose, channel, wording) values ($1, $2, $3, 'follow_up', 'phone', '2026-06')`,
    [consent, id, customer],
  );
  const found = await chainIsWhole().find(superuser, undefined, scope);
  await superuser.query('rollback');
  expect(found).toEqual([{ about: `consents ${consent}`, sentence: expect.stringContaining('was never recorded') }]);
});

test('somebody who is made to pass for one of the sample history is found, and with them what would then be looked at by nobody', async () => {
  const { id } = await hear(71);
  await chainAll();
  expect(await violations()).toEqual([]);
  await superuser.query('begin');
  await superuser.query('set local session_replication_role = replica');
  const { rows } = await superuser.query<{ id: string }>(
    `update customers set sample = true where id = (select customer_id from signals where id = $1) returning id`,
    [id],
  );
  const customer = rows[0]!.id;
  await superuser.query(
    `insert into rights (id, customer_id, kind, by) values (gen_random_uuid(), $1, 'restriction', 'nobody')`,
    [customer],
  );
  const found = await chainIsWhole().find(superuser, undefined, scope);
  await superuser.query('rollback');
  expect(found).toEqual([{ about: `customers ${customer}`, sentence: expect.stringContaining('sample history') }]);
});

test('a colleague whose mail was turned to another mailbox, who was put in, or who was shut out, is found', async () => {
  const [somebody, other] = Object.keys(db.company.staff) as [string, string];
  const found: string[] = [];
  for (const edit of [
    `update staff set email = 'not.theirs@example.com' where code = '${somebody}'`,
    `update staff set removed_at = heed_now() where code = '${other}'`,
    `insert into staff (code, name, email) values ('eve', 'Eve', 'eve@example.com')`,
    // As whoever has left has it.
    `insert into staff (code, name, email, removed_at) values ('gone', 'Gone', 'former:gone:gone@example.com', heed_now())`,
  ]) {
    await superuser.query('begin');
    await superuser.query(edit);
    found.push(...(await chainIsWhole().find(superuser, undefined, scope)).map(({ about }) => about));
    await superuser.query('rollback');
  }
  expect(found).toEqual([`staff ${somebody}`, `staff ${other}`, 'staff eve']);
});

test('an account that was freed and lets somebody in again is found', async () => {
  const [code] = Object.keys(db.company.staff) as [string];
  const { email } = db.company.staff[code]!;
  await isKnownBy(db.pool, { code, email }, { issuer: 'https://sign-in.example', subject: 'first' });
  await db.pool.transaction((tx) => freeBindings(tx, code, { by: 'ops', reason: 'made anew' }));
  await chainAll();
  expect(await violations()).toEqual([]);
  await superuser.query('begin');
  const { rows } = await superuser.query<{ id: string }>('update bindings set freed_at = null returning id');
  const found = await chainIsWhole().find(superuser, undefined, scope);
  await superuser.query('rollback');
  expect(found.map(({ about }) => about)).toEqual([`bindings ${rows[0]!.id}`]);
});

test('a key of the API that was put in, opens more than it was made for or opens again is found', async () => {
  await keepApiKey(db.pool, newApiKey(), { name: 'till', scopes: ['capture'], places: [place()], by: 'ops' });
  await keepApiKey(db.pool, newApiKey(), { name: 'lost', scopes: ['*'], by: 'ops' });
  await revokeApiKeys(db.pool, 'lost', 'ops');
  await chainAll();
  const missed: string[] = [];
  for (const edit of [
    `insert into api_keys (id, name, key_hash, scopes) values (gen_random_uuid(), 'till', '\\x00', '{*}')`,
    `update api_keys set scopes = '{*}' where name = 'till'`,
    `update api_keys set places = null where name = 'till'`,
    `update api_keys set key_hash = '\\x00' where name = 'till'`,
    `update api_keys set made_by = 'somebody' where name = 'till'`,
    `delete from key_revocations`,
    `update key_revocations set by = 'somebody'`,
    `delete from api_keys where name = 'till'`,
  ]) {
    await superuser.query('begin');
    await superuser.query('set local session_replication_role = replica');
    await run(edit);
    const found = await chainIsWhole().find(superuser, undefined, scope);
    await superuser.query('rollback');
    if (!found.some(({ about }) => /^(api_keys|key_revocations) /.test(about))) missed.push(edit);
  }
  expect(missed).toEqual([]);
  expect(await violations()).toEqual([]);
});

test('what has waited longer than ten minutes to be linked is found, or as long as an outage is known to have been', async () => {
  const waits = async (minutes: number, late = 60) => {
    await superuser.query('begin');
    await superuser.query(
      `insert into unchained (fact, key, since)
       select 'signals', gen_random_uuid(), clock_timestamp() - make_interval(mins => $1) from generate_series(1, 2)`,
      [minutes],
    );
    const found = await chainIsWhole().find(superuser, undefined, { ...scope, objectiveSeconds: late });
    await superuser.query('rollback');
    return found;
  };
  expect(await waits(9)).toEqual([]);
  expect(await waits(11)).toEqual([
    {
      about: 'unchained',
      sentence: expect.stringMatching(
        /^Facts wait to be chained since .*Z, 2 by now: .* See whether a relay runs: heed status\.$/,
      ),
    },
  ]);
  expect(await waits(11, 3_600)).toEqual([]);
});

test('what waits to be linked is gone through once for each kind of fact, however much it is', async () => {
  await superuser.query('begin');
  await superuser.query(
    `insert into unchained (fact, key) select 'signal_attributes', gen_random_uuid() from generate_series(1, 20000)`,
  );
  const plans: string[] = [];
  const watched = {
    query: async (asked: string, values: unknown[]) => {
      if (asked.includes('from unchained u')) {
        const { rows } = await superuser.query(`explain ${asked}`, values);
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      }
      return superuser.query(asked, values);
    },
  } as unknown as pg.Client;
  await chainIsWhole().find(watched, undefined, scope);
  await superuser.query('rollback');
  expect(plans).toHaveLength(1);
  expect(plans[0]).toMatch(/Anti Join/);
  expect(plans[0]).not.toMatch(/Nested Loop/);
});

const press = () => ({ source: 'test', key: newId() });
/** Said, and taken on as far as it goes by itself. */
const said = async (more: Partial<Capture> & { customer: Capture['customer'] }): Promise<string> => {
  const consent: Capture['consent'] = [{ purpose: 'follow_up', channel: 'email', wording: '2026-06' }];
  const remark = { words: 'A word', place: place(), consent: more.customer?.email ? consent : undefined, ...more };
  const { id } = await capture(db.heed, remark, { channel: 'api', press: press() });
  await goOn(db, id);
  return id;
};
const asksFor = (item: string, customer: Capture['customer']) =>
  said({ kind: 'unmet-demand', wanted: { item, attributes: { size: '300', for: 'aunt Quorndon' } }, customer });
const insightOf = async (id: string) => (await signalNow(db.pool, id))!.insight_id!;
const decline = async (loopId: string, reason: string) =>
  decide(
    db.heed,
    { loopId, by: (await insightNow(db.pool, loopId))!.decider, press: press() },
    { outcome: 'declined', reason, internalReason: 'too dear' },
  );
/** Handed over, answered, and not settled: what people write about one remark. */
const talkedAbout = async (email: string): Promise<string> => {
  const id = await said({ kind: 'question', customer: { email } });
  const by = async () => ({ loopId: id, by: (await signalNow(db.pool, id))!.owner, press: press() });
  await handOver(db.heed, await by(), { to: 'jonas', reason: 'knows coats' });
  await repair(db.heed, { loopId: id, by: 'operator' }, { action: 'wake', reason: 'stood still' });
  await approveFollowUp(db.heed, await by(), { words: 'We do.' });
  await lettersLeave(db, id);
  await confirm(db.heed, { loopId: id, press: press() }, { says: 'no', words: 'I still wait' });
  return id;
};
const eraseWhoSaid = async (named: string) =>
  erase(db.heed, await subjectNamed(db.pool, named), { by: 'operator', reason: 'asked' });

test('whatever goes by right leaves the chain whole: erased, put right, disavowed, moved on, kept no longer', async () => {
  const quillon = { name: 'Nora Quillon', email: 'nora@quillon.example', phone: '+31 6 12345678' };
  const asked = await asksFor('scarf', quillon);
  await asksFor('scarf', { email: 'also@scarf.example' });
  const { customer_id: customer } = await subjectNamed(db.pool, quillon.email);
  await access(db.heed, customer!, { by: 'operator', reason: 'asked by letter' });
  const moved = await asksFor('jumper', { email: 'moved@on.example' });
  const elsewhere = await insightOf(await asksFor('dress', { email: 'stays@there.example' }));
  await join(db.heed, { loopId: moved, by: 'priya', press: press() }, { insight: elsewhere });
  await decline(await insightOf(asked), 'We make none, as Ms Quillon was told.');
  const miswritten = await asksFor('cape', { name: 'Nora Miswritten', email: 'nora@miswritten.example' });
  await decline(await insightOf(miswritten), 'We make none, as Ms Miswritten was told.');
  await talkedAbout('talked@about.example');
  const nameless = await said({ customer: undefined });
  const wrong = await said({ customer: { email: 'wrong@right.example', loyalty: 'L-7' } });
  const theirs = customerIn(await subjectNamed(db.pool, wrong));
  const strange = await said({ customer: { email: 'not@mine.example' } });
  const old = [await said({ customer: { email: 'old@old.example' } }), await said({ customer: undefined })];
  for (const loopId of old)
    await db.pool.transaction(async (tx) => closeRound(tx, { loopId, round: 1, how: 'silent', rule: 'test' }));
  await chainAll();

  await rectify(db.heed, theirs, { email: 'right@right.example', loyalty: null }, { by: 'operator' });
  await chainAll();
  await rectify(db.heed, theirs, { email: 'righter@right.example' }, { by: 'operator' });
  const called = customerIn(await subjectNamed(db.pool, miswritten));
  await rectify(db.heed, called, { name: 'Nora Quick' }, { by: 'operator' });
  await disavow(db.heed, strange, customerIn(await subjectNamed(db.pool, strange)));
  await chainAll();
  for (const named of [quillon.email, 'moved@on.example', 'talked@about.example', nameless, wrong])
    await eraseWhoSaid(named);
  await db.apply((company) => {
    company.retention = {
      words: { amount: 90, unit: 'd' },
      kinds: {},
      letters: { amount: 30, unit: 'd' },
    };
  });
  await db.passTime('91 days');
  const gone = await letGo({ pool: db.pool, configuration: db.heed.configuration }, async () => ({
    swept: [],
    inUse: [],
  }));
  expect(gone!.remarks).toBeGreaterThanOrEqual(old.length);
  await chainAll();
  expect(await violations()).toEqual([]);
  const { rows } = await superuser.query<{ fact: string }>('select distinct fact from unsealings order by fact');
  expect(rows.map(({ fact }) => fact)).toEqual([
    'confirmations',
    'decisions',
    'identities',
    'insights',
    'ownerships',
    'presses',
    'repairs',
    'rights',
    'signal_attributes',
    'words',
  ]);
});

test('a decision’s reason altered, or an address taken away, behind somebody else’s erasure is found', async () => {
  const asked = await asksFor('shirt', { email: 'asked@shirt.example', phone: '+31 6 12345679' });
  const insight = await insightOf(asked);
  await decline(insight, 'We make none.');
  const answered = await talkedAbout('still@waits.example');
  const customer = customerIn(await subjectNamed(db.pool, asked));
  await access(db.heed, customer, { by: 'operator', reason: 'asked by letter' });
  const other = customerIn(await subjectNamed(db.pool, await said({ customer: { email: 'other@person.example' } })));
  await chainAll();
  await rectify(db.heed, other, { email: 'another@person.example' }, { by: 'operator' });
  const { id: erasure } = await eraseWhoSaid(other);
  await chainAll();
  expect(await violations()).toEqual([]);
  const { rows: right } = await superuser.query<{ id: string }>(
    `select id from rights where customer_id = $1 and kind = 'rectification'`,
    [other],
  );

  const edits = [
    ['words', `signal_id = '${asked}'`, `update words set words = 'forged'`],
    ['signal_attributes', `signal_id = '${asked}'`, 'delete from signal_attributes'],
    ['identities', `customer_id = '${customer}' and kind = 'email'`, 'delete from identities'],
    ['rights', `customer_id = '${customer}'`, `update rights set reason = '(erased)'`],
    ['insights', `id = '${insight}'`, `update insights set attributes = '{"item": "forged"}'`],
    ['decisions', `insight_id = '${insight}'`, `update decisions set reason = 'forged'`],
    ['ownerships', `loop_id = '${answered}' and cause = 'handed_over'`, `update ownerships set reason = '(erased)'`],
    ['repairs', `loop_id = '${answered}'`, `update repairs set reason = '(erased)'`],
    ['confirmations', `loop_id = '${answered}'`, 'update confirmations set words = null'],
    ['presses', `fact_id = '${answered}'`, `update presses set fingerprint = null, result = '{}'`],
  ] as const;
  const missed: string[] = [];
  for (const cause of [erasure, right[0]!.id])
    for (const [fact, which, edit] of edits) {
      await superuser.query('begin');
      await superuser.query('set local session_replication_role = replica');
      const { rows } = await superuser.query<{ key: string }>(
        `select key from chain where fact = '${fact}' and key in (
           select ${['words', 'signal_attributes'].includes(fact) ? 'signal_id' : 'id'}::text from ${fact} where ${which})`,
      );
      const { key } = rows[0]!;
      // Linked by the relay like any other, where the guards are left on.
      await superuser.query(
        `with unsealed as (insert into unsealings (fact, key, cause) values ('${fact}', '${key}', '${cause}') returning id)
         insert into unchained (fact, key) select 'unsealings', id from unsealed`,
      );
      await superuser.query(
        `delete from salts s using chain c where s.seq = c.seq and c.fact = '${fact}' and c.key = '${key}'`,
      );
      await run(`${edit} where ${which}`);
      const found = await chainIsWhole().find(superuser, undefined, scope);
      await superuser.query('rollback');
      if (!found.some(({ about, sentence }) => about === `${fact} ${key}` && sentence.includes('not about them')))
        missed.push(edit);
    }
  expect(missed).toEqual([]);
});

// Last, because what is left of something erased has no seal any more: whoever edits that is not found.
test('who is erased while their facts are being linked leaves the chain whole', async () => {
  const stop = { now: false };
  const linking = (async () => {
    while (!stop.now) await chainFacts(db.pool, 40);
  })();
  const erasing = Array.from({ length: 4 }, async (_, lane) => {
    for (let n = 100 + lane; n < 140; n += 4) {
      const { reference } = await hear(n);
      await erase(db.heed, await subjectNamed(db.pool, reference), { by: 'operator', reason: 'asked' });
    }
  });
  await Promise.all(erasing);
  stop.now = true;
  await linking;
  await chainAll();
  expect(await violations()).toEqual([]);
});

type Edit = (n: number) => Promise<string>;
const anyOf = <T>(list: readonly T[], n: number): T => list[n % list.length]!;
const run = async (text: string): Promise<string> => {
  const { rowCount } = await superuser.query(text);
  if (!rowCount) throw new Error(`This edit changed nothing: ${text}`);
  return text;
};
const oneRow = (table: string): string => `ctid = (select ctid from ${table} order by random() limit 1)`;

const edits: Edit[] = [
  async function changesAColumn(n) {
    return run(
      anyOf(
        [
          `update signals set captured_at = captured_at - interval '1 second' where ${oneRow('signals')}`,
          `update signals set customer_id = null where ${oneRow('signals')}`,
          `update loops set opened_at = opened_at + interval '1 ms' where ${oneRow('loops')}`,
          `update rounds set level = level + 1 where ${oneRow('rounds')}`,
          `update ownerships set staff = (select code from staff where code <> ownerships.staff limit 1) where ${oneRow('ownerships')}`,
          `update presses set person = 'nobody' where ${oneRow('presses')}`,
          `update configurations set applied_by = 'nobody' where ${oneRow('configurations')}`,
        ],
        n,
      ),
    );
  },
  async function changesWords(n) {
    return run(
      anyOf(
        [
          `update words set words = words || '.' where ${oneRow('words')}`,
          `update words set note = 'added' where ${oneRow('words')}`,
          `update identities set value = 'other@example.com' where ${oneRow('identities')}`,
          `update signal_attributes set value = value || '1' where ${oneRow('signal_attributes')}`,
          `update ownerships set reason = 'another' where ${oneRow('ownerships')}`,
        ],
        n,
      ),
    );
  },
  async function deletesARow(n) {
    return run(
      `delete from ${anyOf(['signals', 'words', 'rounds', 'ownerships', 'identities', 'presses', 'signal_attributes'], n)}
       where ctid in (select ctid from ${anyOf(['signals', 'words', 'rounds', 'ownerships', 'identities', 'presses', 'signal_attributes'], n)} order by random() limit 1)`,
    );
  },
  async function putsARowIn(n) {
    return run(
      anyOf(
        [
          `insert into rounds (loop_id, round, level, cause) select loop_id, 9, 0, 'not_settled' from rounds order by random() limit 1`,
          `insert into disavowals (signal_id) select id from signals order by random() limit 1`,
          `insert into loops (id, kind, place) select gen_random_uuid(), 'signal', place from loops limit 1`,
          `insert into suppressions (id, address_hash, channel, cause) values (gen_random_uuid(), '\\x00', 'email', 'unsubscribed')`,
        ],
        n,
      ),
    );
  },
  async function swapsTwo() {
    return run(`with two as (select signal_id, words, row_number() over () as n from (select * from words order by random() limit 2) w)
      update words set words = other.words from two mine, two other where words.signal_id = mine.signal_id and mine.n <> other.n`);
  },
  async function cutsTheTail(n) {
    await superuser.query(`delete from salts where seq > (select max(seq) - ${1 + (n % 5)} from chain)`);
    return run(`delete from chain where seq > (select max(seq) - ${1 + (n % 5)} from chain)`);
  },
  async function takesOneLinkOut() {
    return run(`delete from chain where seq = (select seq from chain order by random() limit 1)`);
  },
  async function rewritesALink() {
    return run(`update chain set digest = '\\x${randomBytes(32).toString('hex')}' where ${oneRow('chain')}`);
  },
  async function breaksASeal() {
    return run(`delete from salts where ${oneRow('salts')}`);
  },
  async function hidesBehindAnErasure() {
    const { rows } = await superuser.query(`select signal_id as id from words order by random() limit 1`);
    await superuser.query(`insert into unsealings (fact, key, cause) values ('words', $1, gen_random_uuid())`, [
      rows[0].id,
    ]);
    await superuser.query(`delete from salts s using chain c where s.seq = c.seq and c.fact = 'words' and c.key = $1`, [
      rows[0].id,
    ]);
    await superuser.query(`delete from words where signal_id = $1`, [rows[0].id]);
    return 'words taken away behind an unsealing';
  },
  async function hidesBehindSomebodyElsesErasure(n) {
    const { rows } = await superuser.query(`select signal_id as id from words order by random() limit 1`);
    const { id } = rows[0];
    await superuser.query(
      `insert into unsealings (fact, key, cause) select 'words', $1, id from erasures order by random() limit 1`,
      [id],
    );
    // Linked by the relay like any other, where the guards are left on.
    await superuser.query(`insert into unchained (fact, key) select 'unsealings', id from unsealings where key = $1`, [
      id,
    ]);
    await superuser.query(`delete from salts s using chain c where s.seq = c.seq and c.fact = 'words' and c.key = $1`, [
      id,
    ]);
    return run(
      anyOf(
        [`update words set words = 'forged' where signal_id = '${id}'`, `delete from words where signal_id = '${id}'`],
        n,
      ),
    );
  },
  async function putsBackWhatWasErased(n) {
    return run(
      anyOf(
        [
          `insert into words (signal_id, words) select signal_id, 'forged' from erased_signals order by random() limit 1`,
          `insert into identities (id, customer_id, kind, value, normalised, added_at)
           values ('${identity.id}', '${identity.customer_id}', '${identity.kind}', 'f@example.com', 'f@example.com', '${identity.added_at}')`,
        ],
        n,
      ),
    );
  },
  async function takesAFormAway() {
    await superuser.query(`delete from fact_forms where fact = 'closures'`);
    return run(`update closures set closed_at = closed_at - interval '1 day' where ${oneRow('closures')}`);
  },
];
