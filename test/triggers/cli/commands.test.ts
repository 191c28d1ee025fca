import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { deliver } from '../../../src/activities/deliver.ts';
import { triage } from '../../../src/activities/triage.ts';
import { readConfig } from '../../../src/config.ts';
import { sql } from '../../../src/store/pool.ts';
import { keepInitialKey } from '../../../src/start/web.ts';
import { apiKey, keepInitialApiKey } from '../../../src/store/records/apiKeys.ts';
import { isKnownBy } from '../../../src/store/records/bindings.ts';
import { recordRefusal } from '../../../src/store/records/refusals.ts';
import {
  eventsCarried,
  eventsToCarry,
  leaseCollector,
  wantNoCollector,
} from '../../../src/store/records/securityEvents.ts';
import { openSession, personOfSession } from '../../../src/store/records/sessions.ts';
import { findLink } from '../../../src/store/records/links.ts';
import { chainFacts } from '../../../src/store/records/chain.ts';
import { planDelivery } from '../../../src/store/records/deliveries.ts';
import { newId } from '../../../src/domain/ids.ts';
import { capture } from '../../../src/triggers/capture.ts';
import { acknowledge } from '../../../src/triggers/responses/acknowledge.ts';
import { decide } from '../../../src/triggers/responses/decide.ts';
import { dismiss } from '../../../src/triggers/responses/dismiss.ts';
import { runCommand } from '../../../src/triggers/cli/program.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { startCollector, type TestCollector } from '../../support/collector.ts';
import { handsOf, openTestDatabase, type TestDatabase } from '../../support/database.ts';
import { goOn } from '../http/story.ts';

const samples = fileURLToPath(new URL('../../../samples', import.meta.url));

let db: TestDatabase;
let folder: string;
beforeAll(async () => {
  db = await openTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'heed-cli-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await db.close();
});
beforeEach(() => db.pool.query(sql.unsafe`delete from wakes`));

/** Types a command and reads what it says. */
async function heed(argv: string[], env: Record<string, string> = { DATABASE_URL: db.workingUrl }) {
  const said: string[] = [];
  const complained: string[] = [];
  const code = await runCommand(argv, {
    say: (line) => said.push(line),
    complain: (line) => complained.push(line),
    config: () => readConfig({ HOME: folder, ...env }),
    folder: () => folder,
    account: 'otto',
  });
  return { code, said: said.join('\n'), complained: complained.join('\n') };
}

/** Each of them once, in their order, and in the chain by now. */
async function doorActs(staff: string): Promise<readonly string[]> {
  while ((await chainFacts(db.pool, 500)) > 0);
  return db.pool.anyFirst(sql.type(z.object({ act: z.string() }))`
    select d.act || ' by ' || d.by as act from door_acts d join chain c on c.fact = 'door_acts' and c.key = d.id::text
    where d.staff = ${staff} order by c.seq`);
}

const captured = async (...more: string[]): Promise<{ id: string; reference: string }> =>
  JSON.parse(
    (
      await heed([
        'capture',
        'Charged twice for the alteration',
        '--place',
        'high-street',
        '--by',
        'mina',
        '--json',
        ...more,
      ])
    ).said,
  );

describe('wrong usage', () => {
  test.each([
    [['nonsense']],
    [['capture', 'Hello']],
    [['repair', 'HD-7F3K', '--reason', 'x']],
    [['repair', 'HD-7F3K', '--action', 'shake', '--reason', 'x']],
    [['status', '--loud']],
    [['check']],
  ])('%j ends with 2 and says what there is', async (argv) => {
    const { code, complained } = await heed(argv);
    expect(code).toBe(2);
    expect(complained).toMatch(/heed --help|help/);
  });

  test('help and version end with 0', async () => {
    expect((await heed(['--help'])).said).toContain('stuck');
    expect(await heed(['version'])).toMatchObject({
      code: 0,
      said: expect.stringMatching(/^Heed \d+\.\d+\.\d+, on Node 24/),
    });
  });
});

describe('the company file', () => {
  test('that is sound is called so, and one that is not is explained line by line', async () => {
    expect(await heed(['check', join(samples, 'shop.yaml')])).toMatchObject({
      code: 0,
      said: expect.stringContaining('is sound: Linden & Vale, 3 places'),
    });
    await writeFile(
      join(folder, 'wrong.yaml'),
      (await readFile(join(samples, 'shop.yaml'), 'utf8')).replace('manager: priya', 'manager: prya'),
    );
    const wrong = await heed(['check', 'wrong.yaml']);
    expect(wrong).toMatchObject({ code: 1, complained: expect.stringMatching(/^wrong\.yaml:\d+:\d+ {2}.*prya/) });
    expect(JSON.parse((await heed(['check', 'wrong.yaml', '--json'])).said)).toMatchObject({
      sound: false,
      problems: [{ line: expect.any(Number) }],
    });
    expect(await heed(['apply', 'wrong.yaml'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('Nothing was applied.'),
    });
    expect(await heed(['check', 'absent.yaml'])).toMatchObject({
      code: 1,
      complained: expect.stringMatching(/absent\.yaml can.t be read/),
    });
  });

  test('is applied once; a dry run only says what would change', async () => {
    await writeFile(
      join(folder, 'heed.yaml'),
      (await readFile(join(samples, 'shop.yaml'), 'utf8')).replace(
        '{ after: 2bh, notify: lead }',
        '{ after: 3bh, notify: lead }',
      ),
    );
    const dry = await heed(['apply', 'heed.yaml', '--dry-run']);
    expect(dry).toMatchObject({
      code: 0,
      said: expect.stringMatching(/Nothing was applied.*\n\s+ladders: ~ acknowledging$/s),
    });
    expect((await db.heed.configuration()).version).toBe(1);
    expect((await heed(['apply', 'heed.yaml'])).said).toMatch(/^Applied heed\.yaml as version 2/);
    expect((await heed(['apply', 'heed.yaml'])).said).toContain('is in force already, as version 2');
    expect(await db.pool.oneFirst(sql.unsafe`select applied_by from configurations where version = 2`)).toBe('otto');
  });

  test('that shortens how long words are kept says so before any is erased, and how many are; nothing that changes goes unsaid', async () => {
    const old = await openTestDatabase();
    try {
      const { id } = await capture(
        old.heed,
        { words: 'Charged twice', place: 'high-street', by: 'mina' },
        { channel: 'web', press: { source: 'test', key: newId() } },
      );
      await triage(handsOf(old), id);
      await dismiss(
        old.heed,
        { loopId: id, by: 'priya', press: { source: 'test', key: newId() } },
        { reason: 'Paid back at once' },
      );
      await old.passTime('91 days');
      const shop = await readFile(join(samples, 'shop.yaml'), 'utf8');
      const typed = async (changed: string, ...more: string[]) => {
        await writeFile(join(folder, 'kept.yaml'), changed);
        return (await heed(['apply', 'kept.yaml', ...more], { DATABASE_URL: old.workingUrl })).said.split('\n');
      };

      expect(
        await typed(shop.replace('  words: 730d', '  words: 90d\n  kinds: { praise: 100d }'), '--dry-run'),
      ).toEqual([
        'Nothing was applied. It would change:',
        '  retention: words 730 days → 90 days, kinds.praise 730 days → 100 days',
        '  1 remark is past its time by it: what was said is erased for good within a day',
      ]);
      expect(await typed(shop.replace('  words: 730d', '  words: 92d'), '--dry-run')).toHaveLength(2);
      const others = shop
        .replace(/^name: .*/m, 'name: Linden')
        .replace(/^timezone: .*/m, 'timezone: Europe/Berlin')
        .replace('prompts: 10, within', 'prompts: 3, within');
      expect((await typed(others)).sort()).toEqual([
        '  attention: changed',
        '  name: changed',
        '  timezone: changed',
        'Applied kept.yaml as version 2:',
      ]);
      expect(await typed(`${others}# A word\n`)).toEqual([
        'Applied kept.yaml as version 3:',
        '  nothing but its wording or comments',
      ]);
    } finally {
      await old.close();
    }
  });
});

describe('capture', () => {
  test('keeps what was said with all that was known, once for a key', async () => {
    const words = [
      'capture',
      'Do you have this coat in green, size 42?',
      '--place',
      'high-street',
      '--by',
      'mina',
      '--item',
      'coat',
      '--attribute',
      'colour=green',
      '--attribute',
      'size=42',
    ];
    const customer = [
      '--customer-name',
      'Kim Adler',
      '--customer-email',
      'kim@example.com',
      '--may-write',
      '--offered',
      'teal',
      '--taken',
      'refused',
      '--mood',
      'let-down',
      '--key',
      'till-1',
    ];
    const first = await heed([...words, ...customer]);
    expect(first).toMatchObject({
      code: 0,
      said: expect.stringMatching(/^Kept as HD-\w{4,}\. Somebody is answerable for it now\.$/),
    });
    expect((await heed([...words, ...customer])).said).toMatch(/^That was kept before, as HD-/);
    expect(await heed([...words, '--key', 'till-1'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('other content'),
    });
    expect(await db.pool.oneFirst(sql.unsafe`select count(*) from signals where channel = 'cli'`)).toBe(1);
  });

  test('refuses in a sentence what it cannot take', async () => {
    expect(await heed(['capture', 'Hello', '--place', 'moon'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('There is no place "moon"'),
    });
    expect(await heed(['capture', 'Hello', '--place', 'station', '--mood', 'furious'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('mood'),
    });
    expect(await heed(['capture', 'Hello', '--place', 'station', '--attribute', 'green'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('name=value'),
    });
  });
});

describe('operations', () => {
  test('status says how it goes', async () => {
    await captured();
    const { code, said } = await heed(['status']);
    expect(code).toBe(0);
    expect(said).toMatch(/^Linden & Vale, version \d+ of its file/);
    expect(said).toContain('1 wait to be carried to Temporal');
    expect(JSON.parse((await heed(['status', '--json'])).said)).toMatchObject({
      company: 'Linden & Vale',
      wakes: 1,
      stuck: 0,
    });
  });

  test('what nobody carried, climbed or could send is stuck, and told with what to do', async () => {
    const { id, reference } = await captured('--customer-email', 'a@example.com', '--may-write');
    await goOn(db, id);
    await db.pool.query(sql.unsafe`delete from wakes`);
    expect(await heed(['stuck'])).toMatchObject({ code: 0, said: 'Nothing waits past its time.' });

    await db.passTime('8 days');
    await db.pool.query(
      sql.unsafe`insert into wakes (loop_id, class, since, attempts) values (${id}, 'wave', clock_timestamp() - interval '1 hour', 7)`,
    );
    await db.pool.query(
      sql.unsafe`update deliveries set state = 'needs_human' where loop_id = ${id} and purpose = 'receipt'`,
    );
    const { code, said } = await heed(['stuck']);
    expect(code).toBe(1);
    expect(said).toContain(`${reference}  It waits to be acknowledged; somebody should have been told`);
    expect(said).toContain(
      'It asked to be looked at 1 hour ago and was tried 7 times, and Temporal has not been told.',
    );
    expect(said).toMatch(new RegExp(`heed repair ${reference} --action resend --message "<d\\..+@heed>" --reason "…"`));
    expect(said).not.toMatch(/Charged|example\.com|Mina/);
    const headings = (await readFile(new URL('../../../docs/operating.md', import.meta.url), 'utf8')).matchAll(
      /^#+ (.+)$/gm,
    );
    const anchors = [...headings].map(([, heading]) => heading!.toLowerCase().replaceAll(' ', '-'));
    const named = [...said.matchAll(/More: docs\/operating\.md#(\S+)/g)].map(([, anchor]) => anchor!);
    expect(named).toEqual(expect.arrayContaining(['a-rung-is-late', 'a-wake-is-not-carried', 'a-message-is-in-doubt']));
    expect(named.filter((anchor) => !anchors.includes(anchor))).toEqual([]);

    // Once the wait is met its rungs are nobody's any more, and the loop may wait for something else.
    await acknowledge(db.heed, { loopId: id, by: 'jonas', press: { source: 'test', key: id } });
    expect((await heed(['stuck'])).said).not.toContain(`${reference}  It waits to be acknowledged`);
    expect((await heed(['stuck'])).said).toContain(`${reference}  It waits to be answered`);
    await db.pool.query(
      sql.unsafe`update deliveries set state = 'sent', ended_at = heed_now() where state = 'needs_human'`,
    );
  });

  test('what the mail server puts off for an hour is stuck, and what is held is not', async () => {
    const { id, reference } = await captured();
    const key = `put off:${id}`;
    await db.pool.transaction((tx) =>
      planDelivery(tx, { key, purpose: 'prompt', channel: 'email', loopId: id, staff: 'priya' }),
    );
    const stuckWith = async (code: string, failingMinutes: number | null, attempts = 20): Promise<string> => {
      await db.pool.query(sql.unsafe`
        update deliveries set state = 'ready', attempts = ${attempts}, last_error_code = ${code}, planned_at = heed_now() - interval '61 minutes',
          failing_since = heed_now() - make_interval(mins => ${failingMinutes}), not_before = heed_now() + interval '4 minutes'
        where dedupe_key = ${key}`);
      return (await heed(['stuck'])).said;
    };
    const said = await stuckWith('smtp_452', 61);
    expect(said).toMatch(
      new RegExp(
        `${reference}  The prompt by e-mail \\(<d\\..+@heed>\\) was planned 1 hour ago, was tried 20 times, and has not left \\(smtp_452\\)\\.`,
      ),
    );
    expect(said).toContain('More: docs/operating.md#a-message-does-not-leave');
    expect(await readFile(new URL('../../../docs/operating.md', import.meta.url), 'utf8')).toContain(
      '\n### A message does not leave\n',
    );
    expect(await stuckWith('quiet_hours', null)).not.toContain('has not left');

    // There was no room to try it even once.
    const found = await stuckWith('no_room', 61, 0);
    expect(found).toMatch(/was planned 1 hour ago, and has not left: .*were with the mail server \(no_room\)\./);
    expect(found).toContain('goes once there is room');
    expect(found).toContain('another worker hands over as many again');
    expect(await stuckWith('no_room', 61, 1)).toContain('was planned 1 hour ago, was tried once, and has not left: ');

    // Where it stopped with us, nobody is sent to look at a mail server that is well.
    const runbook = await readFile(new URL('../../../docs/operating.md', import.meta.url), 'utf8');
    for (const ours of ['not_composed', 'gate_unknown', 'attempt_failed', 'lease_ran_out']) {
      const stopped = await stuckWith(ours, 61);
      expect(stopped).toContain(
        `and has not left (${ours}).\n         Neither mail nor Slack was asked to take it: see in the worker’s log why`,
      );
      expect(runbook).toContain(`\`${ours}\``);
    }
    await db.pool.query(sql.unsafe`update deliveries set state = 'cancelled' where dedupe_key = ${key}`);
  });

  test('what does not leave is given up by the very line that stuck says, to a colleague as to a customer, about a loop or none', async () => {
    const { id, reference } = await captured('--customer-email', 'full@example.com', '--may-write');
    await goOn(db, id);
    await db.pool.query(sql.unsafe`delete from wakes`);
    const occasion = newId();
    await db.pool.transaction(async (tx) => {
      const toPriya = { channel: 'email', staff: 'priya' } as const;
      await planDelivery(tx, { key: `full:${id}`, purpose: 'notice', loopId: id, ...toPriya });
      await planDelivery(tx, { key: `digest:priya:${occasion}:email`, purpose: 'digest', occasion, ...toPriya });
    });
    const these = sql.fragment`(loop_id = ${id} and purpose in ('receipt', 'notice') or occasion = ${occasion})`;
    await db.pool.query(sql.unsafe`
      update deliveries set state = 'ready', attempts = 20, last_error_code = 'smtp_452', planned_at = heed_now() - interval '2 hours',
        failing_since = heed_now() - interval '2 hours', not_before = heed_now() + interval '4 minutes'
      where ${these}`);

    const lines = [...(await heed(['stuck'])).said.matchAll(/ heed (repair .*--action leave .*"…")/g)].map(
      ([, line]) => line!,
    );
    expect(lines.filter((line) => line.startsWith(`repair ${reference} `))).toHaveLength(2);
    expect(lines.filter((line) => line.startsWith('repair --action'))).toHaveLength(1);
    for (const line of lines)
      expect(
        await heed([...line.matchAll(/"([^"]+)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!)),
      ).toMatchObject({ code: 0, complained: '' });
    expect((await heed(['stuck'])).said).not.toContain('has not left');

    // Nothing of it leaves any more.
    const left = await db.pool.any(sql.type(z.object({ id: z.string(), purpose: z.string() }))`
      select id, purpose from deliveries where ${these} order by purpose`);
    for (const one of left) await deliver(handsOf(db), one.id);
    expect(
      await db.pool.anyFirst(sql.type(z.object({ is: z.string() }))`
        select purpose || ' ' || state as is from deliveries where ${these} order by purpose`),
    ).toEqual(['digest expired', 'notice expired', 'receipt suppressed']);
    expect(await heed(['repair', '--action', 'leave', '--reason', 'x'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('Say what is to be repaired'),
    });
    expect(await heed(['repair', '--action', 'leave', '--message', '<d.of-none@heed>', '--reason', 'x'])).toMatchObject(
      {
        code: 1,
        complained: expect.stringContaining('There is nothing called <d.of-none@heed>'),
      },
    );
  });

  test('what nobody read, nobody was to be called about, or nobody was told of, is stuck too', async () => {
    const unread = await captured();
    // Read, and its story stopped there.
    const unplanned = await captured('--customer-email', 'c@example.com', '--may-write');
    await triage(handsOf(db), unplanned.id);
    const { id } = await captured('--customer-email', 'b@example.com', '--may-write', '--kind', 'unmet-demand');
    await goOn(db, id);
    const insight = await db.pool.one(
      sql.type(z.object({ id: z.string(), reference: z.string() }))`
        select i.id, i.reference from insights i join insight_signals x on x.insight_id = i.id where x.signal_id = ${id}`,
    );
    const declined = { outcome: 'declined', reason: 'Too dear' } as const;
    await decide(db.heed, { loopId: insight.id, by: 'tomas', press: { source: 'test', key: id } }, declined);
    await db.passTime('1 hour');
    // What is still to be carried to Temporal is not begun yet.
    expect((await heed(['stuck'])).said).not.toContain(`${unread.reference}  It was captured`);
    await db.pool.query(sql.unsafe`delete from wakes`);

    const { code, said } = await heed(['stuck']);
    expect(code).toBe(1);
    expect(said).toContain(`${unread.reference}  It was captured 1 hour ago, and has not been read by the rules.`);
    expect(said).toContain(
      `${unplanned.reference}  Somebody should have been called 1 hour ago, and nothing was planned for it.`,
    );
    expect(said).toMatch(
      new RegExp(`${insight.reference}  It was decided, and for .+ nobody of those who asked has been told.`),
    );
    expect(said).toContain('More: docs/operating.md#a-stage-does-not-end');

    await goOn(db, unread.id);
    await goOn(db, unplanned.id);
    await goOn(db, id);
    const afterwards = (await heed(['stuck'])).said;
    expect(afterwards).not.toMatch(`(${unread.reference}|${insight.reference})  It was`);
    expect(afterwards).not.toContain(`${unplanned.reference}  Somebody should have been called`);
  });

  test('a repair is recorded with its reason, and touches only what is in doubt', async () => {
    const { id, reference } = await captured();
    await db.pool.query(sql.unsafe`delete from wakes`);
    const repair = (action: string, message?: string): ReturnType<typeof heed> => {
      const because = ['--action', action, '--reason', 'the mail server lost its disk'];
      return heed(['repair', reference.toLowerCase(), ...because, ...(message ? ['--message', message] : [])]);
    };
    expect(await repair('wake')).toMatchObject({
      code: 0,
      said: `${reference}: It is looked at again within seconds.`,
    });
    expect(await db.pool.exists(sql.unsafe`select from wakes where loop_id = ${id}`)).toBe(true);
    expect(await repair('resend')).toMatchObject({
      code: 1,
      complained: expect.stringContaining('no message of it in doubt'),
    });

    const state = (): Promise<unknown> =>
      db.pool.oneFirst(sql.unsafe`select state from deliveries where loop_id = ${id} and dedupe_key = ${`test:${id}`}`);
    await db.pool.transaction((tx) =>
      planDelivery(tx, { key: `test:${id}`, purpose: 'prompt', channel: 'email', loopId: id, staff: 'priya' }),
    );
    await db.pool.query(
      sql.unsafe`update deliveries set state = 'needs_human', phase = 'handed' where loop_id = ${id}`,
    );
    const messageId = await db.pool.oneFirst(sql.type(z.strictObject({ id: z.string() }))`
      select message_id as id from deliveries where loop_id = ${id} and dedupe_key = ${`test:${id}`}`);
    expect((await heed(['stuck'])).said).toContain(`--action resend --message "${messageId}"`);
    expect(await repair('wake', '<d.of-another@heed>')).toMatchObject({
      code: 1,
      complained: expect.stringContaining('To wake is about the whole loop'),
    });
    expect(await repair('resend', '<d.of-another@heed>')).toMatchObject({
      code: 1,
      complained: expect.stringContaining('no such message of it in doubt'),
    });
    expect(await state()).toBe('needs_human');
    expect((await repair('resend', messageId)).said).toBe(
      `${reference}: One message will be sent again, unless it is out of date by then: the page of the signal says so.`,
    );
    expect(await state()).toBe('ready');
    await db.pool.query(sql.unsafe`update deliveries set state = 'uncertain' where loop_id = ${id}`);
    expect((await repair('leave')).said).toBe(`${reference}: One message will be left as it is.`);
    expect(await state()).toBe('failed');
    expect(
      await db.pool.anyFirst(
        sql.unsafe`select action || ' by ' || by from repairs where loop_id = ${id} order by repaired_at, id`,
      ),
    ).toEqual(['wake by otto', 'resend by otto', 'leave by otto']);
    expect(await heed(['repair', 'HD-0000', '--action', 'wake', '--reason', 'x'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('There is nothing called HD-0000'),
    });
    expect(await heed(['repair', reference, '--action', 'wake', '--reason', ' '])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('--reason is needed'),
    });
  });

  test('rebuild wakes every open loop and nothing else', async () => {
    await captured();
    await db.pool.query(sql.unsafe`delete from wakes`);
    const open = Number(await db.pool.oneFirst(sql.unsafe`select count(*) from now.open_loops`));
    expect((await heed(['rebuild', '--dry-run'])).said).toBe(`${open} open loops would be woken.`);
    expect(await db.pool.oneFirst(sql.unsafe`select count(*) from wakes`)).toBe(0);
    expect((await heed(['rebuild'])).code).toBe(0);
    expect(await db.pool.oneFirst(sql.unsafe`select count(*) from wakes`)).toBe(open);
  });

  test('stop-sending and resume-sending say what is so from now on, and status says it as long as it is', async () => {
    expect((await heed(['stop-sending', 'customers', '--reason', 'a wrong template'])).said).toBe(
      'Nothing is sent to customers from now on. Go on with: heed resume-sending customers',
    );
    expect((await heed(['stop-sending', 'everybody', '--reason', 'again'])).said.split('\n')).toEqual([
      'Sending to customers is stopped already.',
      'Nothing is sent to staff from now on. Go on with: heed resume-sending staff',
    ]);
    expect((await heed(['status'])).said).toMatch(
      /^Nothing is sent to customers since .*: a wrong template \(otto\)\./m,
    );
    expect((await heed(['resume-sending', 'everybody', '--reason', 'mended'])).said).toMatch(
      /^Messages to customers are sent again; 0 that waited/,
    );
    expect((await heed(['status'])).said).not.toContain('Nothing is sent');
    const asJson = JSON.parse((await heed(['stop-sending', 'everybody', '--reason', 'a drill', '--json'])).said);
    expect(asJson).toEqual([
      { audience: 'customers', stopped: true, changed: true, lookedOver: 0 },
      { audience: 'staff', stopped: true, changed: true, lookedOver: 0 },
    ]);
    await heed(['resume-sending', 'everybody', '--reason', 'over']);
    expect(await heed(['stop-sending', 'nobody', '--reason', 'x'])).toMatchObject({ code: 2 });
    expect(await heed(['stop-sending', 'staff', '--reason', ' '])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('--reason is needed'),
    });
  });

  test('restored begins an epoch, with who and why, and puts what may have been sent in doubt', async () => {
    const { id } = await captured();
    await db.pool.transaction((tx) =>
      planDelivery(tx, { key: `restored:${id}`, purpose: 'prompt', channel: 'email', loopId: id, staff: 'priya' }),
    );
    expect(await heed(['restored', '--reason', ' '])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('--reason is needed'),
    });
    const { said } = await heed(['restored', '--reason', 'the disk was lost at two']);
    expect(said).toMatch(/^Epoch 2 has begun\. \d+ messages may have been sent since/);
    expect(said).toContain('Whoever was erased since that moment is back, and who objected since is written to.');
    expect(
      await db.pool.one(sql.unsafe`select state, epoch from deliveries where dedupe_key = ${`restored:${id}`}`),
    ).toEqual({ state: 'uncertain', epoch: 1 });
    expect(await db.pool.one(sql.unsafe`select by, reason from epochs where epoch = 2`)).toEqual({
      by: 'otto',
      reason: 'the disk was lost at two',
    });
    expect(await db.pool.oneFirst(sql.unsafe`select bool_and(anew) from wakes`)).toBe(true);
    await db.pool.query(sql.unsafe`update deliveries set state = 'cancelled' where loop_id = ${id}`);
  });

  test('an invitation is a link for one person and one use', async () => {
    const { code, said } = await heed(['invite', '--staff', 'priya']);
    expect(code).toBe(0);
    const [, token] = /^http:\/\/localhost:4000\/t#(\S{22})$/m.exec(said) ?? [];
    expect(await findLink(db.pool, token!, ['sign_in'])).toMatchObject({ staff: 'priya', ended: false });
    expect(await doorActs('priya')).toEqual(['invited by otto']);
    expect(await heed(['invite', '--staff', 'zoe'])).toMatchObject({
      code: 1,
      complained: expect.stringMatching(/nobody called "zoe".*priya/),
    });
  });

  test('an invitation says that it opens nothing where signing in takes two factors', async () => {
    const service = { OIDC_ISSUER: 'https://login.example.com', OIDC_CLIENT_ID: 'heed', OIDC_CLIENT_SECRET: 'secret' };
    const required = { DATABASE_URL: db.url, ...service, SIGN_IN_SECOND_FACTOR_REQUIRED: 'true' };
    const invited = await heed(['invite', '--staff', 'priya'], required);
    expect(invited.complained).toMatch(/^It opens nothing while SIGN_IN_SECOND_FACTOR_REQUIRED is true for the web/);
    const json = await heed(['invite', '--staff', 'priya', '--json'], required);
    expect([JSON.parse(json.said), json.complained]).toMatchObject([{ staff: 'priya' }, invited.complained]);
    expect((await heed(['invite', '--staff', 'priya'])).complained).toBe('');
  });
});

describe('keys', () => {
  test('are made with what they may do and where, shown once, listed without themselves, and ended for ever', async () => {
    const { code, said } = await heed(['key', 'add', 'till', '--scope', 'capture', 'read', '--place', 'station']);
    expect([code, said]).toEqual([
      0,
      expect.stringMatching(/^heed_\S{32}\nIt is shown this once\. It may capture, read, at station\.$/),
    ]);
    const key = said.split('\n')[0]!;
    expect(await apiKey(db.pool, key)).toMatchObject({
      name: 'till',
      scopes: ['capture', 'read'],
      places: ['station'],
    });
    const listed = await heed(['key', 'list']);
    expect(listed.said).toMatch(/till: capture, read, at station, since \S+ by \S+, never used$/m);
    expect(listed.said).not.toContain(key);
    expect((await heed(['key', 'revoke', 'till'])).said).toBe('It opens nothing any more.');
    expect(await apiKey(db.pool, key)).toBeNull();
    expect((await heed(['key', 'list'])).said).toMatch(/till: .*, never used, ended 20\d\d-\d\d-\d\d by \S+$/m);
    expect(await heed(['key', 'revoke', 'till'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('heed key list'),
    });
  });

  test('are not made without saying what for and where, nor for a place or a scope there is none of', async () => {
    expect((await heed(['key', 'add', 'till', '--place', 'all'])).code).toBe(2);
    expect((await heed(['key', 'add', 'till', '--scope', 'read'])).code).toBe(2);
    expect((await heed(['key', 'add', 'till', '--scope', 'everything', '--place', 'all'])).code).toBe(2);
    expect(await heed(['key', 'add', ' ', '--scope', 'read', '--place', 'all'])).toMatchObject({
      code: 1,
      complained: 'A key needs a name: whose it is, or what it is for.',
    });
    expect(await heed(['key', 'add', 'till', '--scope', 'read', '--place', 'moon'])).toMatchObject({
      code: 1,
      complained: expect.stringMatching(/no place "moon".*high-street/),
    });
    expect(await heed(['key', 'add', 'luca', '--scope', '*', '--place', 'all'])).toMatchObject({
      code: 0,
      said: expect.stringContaining('It may do everything, at all places, as far as Luca Moretti may.'),
    });
  });

  test('for somebody who does not see a place are said to open nothing there', async () => {
    const made = async (place: string) =>
      (await heed(['key', 'add', 'luca', '--scope', 'read', '--place', 'station', place])).said;
    expect(await made('harbour')).toMatch(
      /\nLuca Moretti does not see harbour by the company file: there it opens nothing\./,
    );
    expect(await made('station')).toMatch(/as far as Luca Moretti may\.$/);
  });
});

test('a key of the environment that was ended before is said to open nothing, and the one in force goes on', async () => {
  const said: string[] = [];
  const given = async (apiKey: string) =>
    keepInitialKey(readConfig({ HOME: folder, HEED_API_KEY: apiKey }), db.pool, (sentence) => void said.push(sentence));
  await given('the one before the other');
  await given('the one that came after');
  expect(said).toEqual([]);
  await given('the one before the other');
  expect(said).toEqual([expect.stringMatching(/^HEED_API_KEY is a key that was ended before, .* Set another one\.$/)]);
  expect(await apiKey(db.pool, 'the one that came after')).not.toBeNull();
});

test('the key of the environment takes the place of the former one', async () => {
  const [first, second] = ['the first key of all', 'the second key of all'];
  await keepInitialApiKey(db.pool, first);
  await keepInitialApiKey(db.pool, second);
  await keepInitialApiKey(db.pool, second);
  expect([await apiKey(db.pool, first), await apiKey(db.pool, second)]).toMatchObject([
    null,
    { scopes: ['*'], places: null },
  ]);
  expect(await keepInitialApiKey(db.pool, undefined)).toBeUndefined();
});

describe('who is in, and who was turned away', () => {
  test('sessions are listed, and ended from here', async () => {
    const token = await openSession(db.pool, 'omar');
    expect((await heed(['sessions', '--staff', 'omar'])).said).toMatch(/^\S{36}  by e-mail link, since \d{4}/);
    await openSession(db.pool, 'tomas', 'provider', { acr: 'gold', twoMethods: true });
    const oidc = {
      OIDC_ISSUER: 'https://sign-in.example',
      OIDC_CLIENT_ID: 'heed',
      OIDC_CLIENT_SECRET: 'secret',
      SIGN_IN_SECOND_FACTOR_REQUIRED: 'false',
    };
    for (const [env, words] of [
      [oidc, / with two factors \(level gold\), since/],
      [{ ...oidc, OIDC_ACR_VALUES: 'gold' }, / with two factors \(level gold\), since/],
      [{ ...oidc, OIDC_ACR_VALUES: 'platinum' }, / by the sign-in service \(level gold\), since/],
      // Which levels it takes is not known here.
      [
        {},
        / by the sign-in service \(level gold\), since .*\nWhether by two factors is not said: OIDC_ISSUER is not set/,
      ],
    ] as const)
      expect((await heed(['sessions', '--staff', 'tomas'], { DATABASE_URL: db.workingUrl, ...env })).said).toMatch(
        words,
      );
    expect((await heed(['sessions', '--staff', 'omar', '--revoke'])).said).toBe('One session ended.');
    expect(await doorActs('omar')).toEqual(['signed_out by otto']);
    expect(await personOfSession(db.pool, token)).toBeNull();
    expect((await heed(['sessions', '--staff', 'omar'])).said).toBe('Nowhere.');
    expect((await heed(['sessions', '--staff', 'zoe'])).code).toBe(1);
  });

  test('by which account of the sign-in service somebody is known is told, and freed from here, with the reason', async () => {
    const account = { issuer: 'https://login.example', subject: '00u1a2' };
    expect((await heed(['binding', '--staff', 'omar'])).said).toBe(
      'By none yet: the one that they come by next is theirs.',
    );
    expect(await isKnownBy(db.pool, { code: 'omar', email: 'omar@linden-vale.example' }, account)).toBe(true);
    expect((await heed(['binding', '--staff', 'omar'])).said).toMatch(
      /^00u1a2 at https:\/\/login\.example, since \d{4}.* UTC, under omar@linden-vale\.example$/,
    );
    expect(await heed(['binding', '--staff', 'omar', '--free'])).toMatchObject({
      code: 1,
      complained: '--free takes a --reason: why?',
    });
    const why = ['--free', '--reason', 'his account was made anew'];
    expect((await heed(['binding', '--staff', 'omar', ...why])).said).toBe(
      'Freed: the account that they come by next is theirs.',
    );
    expect(await db.pool.any(sql.unsafe`select by, reason, configuration from freeings`)).toEqual([
      { by: 'otto', reason: 'his account was made anew', configuration: null },
    ]);
    expect(await heed(['binding', '--staff', 'omar', ...why])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('known by no account yet'),
    });
    expect(JSON.parse((await heed(['binding', '--staff', 'omar', '--json'])).said)).toEqual({
      bindings: [],
      freed: false,
    });
    expect((await heed(['binding', '--staff', 'zoe'])).code).toBe(1);
  });

  test('refusals are told as codes', async () => {
    expect((await heed(['refusals'])).said).toBe('Nobody was turned away.');
    for (let i = 0; i < 2; i++) await recordRefusal(db.pool, { door: 'link', why: 'revoked', whose: 'omar' });
    expect((await heed(['refusals', '--days', '1'])).said).toMatch(/UTC  link: revoked, omar, 2 times$/);
    expect(JSON.parse((await heed(['refusals', '--json'])).said)).toMatchObject([
      { door: 'link', whose: 'omar', times: 2 },
    ]);
    expect((await heed(['refusals', '--days', '1000'])).code).toBe(1);
  });

  test('nothing is captured in the name of somebody who does not work there', async () => {
    expect(await heed(['capture', 'Hello?', '--place', 'station', '--by', 'mina'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('Mina Okafor does not work at Station.'),
    });
  });
});

describe('the demonstration', () => {
  test('is loaded once and taken away again, without touching what people captured', async () => {
    const demo = await openTestDatabase({ company: 'demo' });
    const env = { DATABASE_URL: demo.workingUrl };
    await heed(['capture', 'Open late on Thursdays?', '--place', 'station'], env);
    expect((await heed(['demo'], env)).said).toMatch(/^Loaded \d+ signals and \d+ insights/);
    expect((await heed(['demo'], env)).said).toContain('there already');
    expect((await heed(['demo', '--clear'], env)).said).toMatch(/^The sample history is gone/);
    expect(await demo.pool.oneFirst(sql.unsafe`select count(*) from signals`)).toBe(1);
    expect((await heed(['demo', '--clear'], env)).said).toBe('There was no sample history.');
    await demo.close();
  });
});

describe('which Heed is meant', () => {
  test('the one that npm start runs here is found by the note it leaves, not by one that a crash left', async () => {
    const env = { HEED_DATA_DIR: folder };
    expect(await heed(['status'], env)).toMatchObject({
      code: 1,
      complained: expect.stringMatching(/No Heed runs here.*npm start/),
    });
    const note = { databaseUrl: db.workingUrl, ownerUrl: db.url, publicUrl: 'http://localhost:4123', pid: process.pid };
    await writeFile(join(folder, 'running.json'), JSON.stringify(note));
    expect((await heed(['status'], env)).said).toContain('http://localhost:4123');
    // It has its database from a file, which is renewed: no copy of that would be true for long.
    const { databaseUrl: _, ownerUrl: __, ...unsaid } = note;
    await writeFile(join(folder, 'running.json'), JSON.stringify(unsaid));
    expect(await heed(['status'], env)).toMatchObject({
      code: 1,
      complained: expect.stringMatching(/reads from a file where its database is.*DATABASE_URL_FILE=/),
    });
    await writeFile(join(folder, 'running.json'), JSON.stringify({ ...note, pid: 2 ** 22 + 1 }));
    expect((await heed(['status'], env)).code).toBe(1);
  });

  test('one that a later Heed has migrated is left to that', async () => {
    const later = await openTestDatabase();
    await (
      await later.owner()
    ).query(sql.unsafe`insert into migrations (name, run_on) values ('9999_of_tomorrow', now())`);
    expect(await heed(['status'], { DATABASE_URL: later.workingUrl })).toMatchObject({
      code: 1,
      complained: expect.stringMatching(/is of a later Heed, .* 9999_of_tomorrow\. Start that version/),
    });
    await later.close();
  });

  test('a database that is away, empty or misspelt is told from one another', async () => {
    for (const [command, host] of [
      ['status', '127.0.0.1'],
      ['audit', '127.0.0.1'],
      // By a name of several addresses, each of which refuses.
      ['audit', 'localhost'],
    ] as const)
      expect(await heed([command], { DATABASE_URL: `postgres://nobody@${host}:1/nothing` })).toMatchObject({
        code: 1,
        complained: expect.stringContaining(
          `Postgres at ${host}:1 can't be reached. Start it, or correct DATABASE_URL`,
        ),
      });
    expect(await heed(['status'], { DATABASE_URL: 'mysql://x' })).toMatchObject({
      code: 1,
      complained: expect.stringContaining('DATABASE_URL must be an address like'),
    });
    const empty = db.url.replace(/\/[^/]*$/, '/postgres');
    expect(await heed(['status'], { DATABASE_URL: empty })).toMatchObject({
      code: 1,
      complained: expect.stringContaining('heed migrate'),
    });
  });

  test('doctor says of every part whether it can be reached', async () => {
    const { code, said } = await heed(['doctor'], {
      DATABASE_URL: db.workingUrl,
      PUBLIC_URL: 'http://127.0.0.1:1',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      SMTP_URL: 'smtp://127.0.0.1:1',
    });
    expect(code).toBe(1);
    expect(said).toContain('ok  Postgres: reachable');
    expect(said).toContain('NO  Web: nobody answers at http://127.0.0.1:1');
    expect(said).toContain('NO  Temporal: nobody answers at 127.0.0.1:1. Start it, or correct TEMPORAL_ADDRESS');
    expect(said).toContain('NO  Mail: nobody answers at 127.0.0.1:1');
    expect(said).toContain('--  Slack: SLACK_BOT_TOKEN is not set here, so it was not looked at.');
    expect(said).not.toContain('Collector');
    const name = sql.identifier([new URL(db.url).pathname.slice(1)]);
    await db.rewrite(sql.unsafe`alter database ${name} set log_error_verbosity = 'default'`);
    const { said: nothing } = await heed(['doctor'], { DATABASE_URL: db.url, PUBLIC_URL: 'http://127.0.0.1:1' });
    await db.rewrite(sql.unsafe`alter database ${name} reset log_error_verbosity`);
    expect(nothing).not.toMatch(/ok {2}(Temporal|Mail|Slack)/);
    // Of a log that holds what no erasure finds, too.
    expect(nothing).toContain('Its log says what stood in rows that it refused, where no erasure finds it');
    expect(said).not.toContain('Its log says');
    // Of a role that could do without its rights it says so, and that is no fault.
    const ownsAll = 'Heed works as the role that owns the tables: give it one that owns nothing';
    expect(nothing).toContain(ownsAll);
    expect(said).not.toContain(ownsAll);
  });

  test('doctor says of a mail server that must encrypt whether it does, and which certificate is not believed', async () => {
    const { cert, key } = makeCertificate();
    const web = createSecureServer({ cert, key }, (_, response) => void response.end('{}'));
    const mailOf = (offered: string[]) =>
      createSocketServer((socket) => {
        socket.write('220 here\r\n');
        socket.on('data', () => socket.write(`250-here\r\n${offered.join('')}250 8BITMIME\r\n`));
        socket.on('error', () => {});
      });
    const servers = [web, mailOf([]), mailOf(['250-STARTTLS\r\n'])];
    const [webAt, plainAt, encryptingAt] = await Promise.all(
      servers.map(async (server) => {
        await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
        return `127.0.0.1:${(server.address() as AddressInfo).port}`;
      }),
    );
    const doctor = async (at: string): Promise<string> => {
      const env = {
        DATABASE_URL: db.url,
        PUBLIC_URL: `https://${webAt!}`,
        SMTP_URL: `smtp://${at}?requireTLS=true`,
      };
      return (await heed(['doctor'], env)).said;
    };
    try {
      const said = await doctor(plainAt!);
      expect(said).toContain(
        `NO  Web: the certificate at https://${webAt!} is not believed (DEPTH_ZERO_SELF_SIGNED_CERT).`,
      );
      expect(said).toMatch(/NO {2}Mail: .* offers no encryption, so no letter goes there\. .* UNENCRYPTED=mail$/m);
      expect(await doctor(encryptingAt!)).toContain(`ok  Mail: ${encryptingAt!} answers.`);
    } finally {
      for (const server of servers) await new Promise((closed) => server.close(closed));
    }
  });

  test('doctor signs in with each password that it finds: one that is wrong by a letter is not well', async () => {
    const given = Buffer.from('\0heed\0right').toString('base64');
    const server = createSocketServer((socket) => {
      socket.write('220 here\r\n');
      socket.on('error', () => {});
      socket.on('data', (said) => {
        const line = said.toString().trim();
        if (line.startsWith('EHLO')) socket.write('250-here\r\n250 AUTH PLAIN\r\n');
        else if (line === 'QUIT') socket.end('221 bye\r\n');
        else socket.write(line === `AUTH PLAIN ${given}` ? '235 come in\r\n' : '535 5.7.8 no\r\n');
      });
    });
    await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
    const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const doctor = async (password: string): Promise<string> => {
      const owner = new URL(db.url);
      if (password !== 'right') owner.username = 'nobody_of_ours';
      const env = {
        DATABASE_URL: db.workingUrl,
        DATABASE_OWNER_URL: owner.href,
        SMTP_URL: `smtp://heed:${password}@${at}`,
        PUBLIC_URL: 'http://127.0.0.1:1',
      };
      return (await heed(['doctor'], env)).said;
    };
    try {
      const well = await doctor('right');
      expect(well).toContain(`ok  Mail: ${at} answers, and lets us in.`);
      expect(well).toMatch(/^ok {2}Owner: Postgres lets in \w+, whom DATABASE_OWNER_URL names\.$/m);
      const wrong = await doctor('wrong');
      expect(wrong).toContain(`NO  Mail: ${at} answers, and does not let us in (smtp_connect_535). Correct SMTP_URL.`);
      expect(wrong).toMatch(/^NO {2}Owner: Postgres at .* does not let in whom DATABASE_OWNER_URL names\./m);
      expect(wrong).toContain('ok  Postgres: reachable');
    } finally {
      await new Promise((closed) => server.close(closed));
    }
  });

  test('no command speaks to a database across a network unencrypted, unless that was allowed by name', async () => {
    const env = { DATABASE_URL: 'postgres://heed:secret@db.invalid/heed' };
    const { code, complained } = await heed(['status'], env);
    expect({ code, complained }).toEqual({ code: 1, complained: expect.stringContaining('UNENCRYPTED=database') });
    expect(complained).not.toContain('secret');
    expect(await heed(['status'], { ...env, UNENCRYPTED: 'database' })).toMatchObject({
      code: 1,
      complained: expect.stringContaining("Postgres at db.invalid:5432 can't be reached"),
    });
  });
});

describe('doctor, where a collector of security events is set, says', () => {
  let collector: TestCollector;
  beforeAll(async () => {
    collector = await startCollector();
  });
  afterAll(() => collector.stop());
  const ofCollector = async (at = `${collector.url}/v1/logs`): Promise<string | undefined> => {
    const settings = { DATABASE_URL: db.url, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: at, OTEL_EXPORTER_OTLP_HEADERS: 'a=b' };
    const { said } = await heed(['doctor'], settings);
    return said.split('\n').find((line) => line.includes('Collector'));
  };

  test('whether it takes what it is sent, and for how long something has waited', async () => {
    // As a relay has left it.
    const lease = (await leaseCollector(db.pool))!;
    await eventsCarried(db.pool, lease, await eventsToCarry(db.pool, lease));
    expect(await ofCollector()).toMatch(
      /^ok {2}Collector: 127\.0\.0\.1:\d+ answers; the oldest event .* waits for \d+ s\.$/,
    );
    expect(collector.bodies).toEqual(['{"resourceLogs":[]}']);
    await openSession(db.pool, 'priya');
    await db.passTime('11 minutes');
    expect(await ofCollector()).toMatch(/^NO {2}Collector: .* have waited for \d+ s\. See whether a relay runs/);
  });

  test('that no relay carries to it', async () => {
    await wantNoCollector(db.pool);
    expect(await ofCollector()).toMatch(/^NO {2}Collector: .*no relay carries anything to it/);
  });

  test('that it refuses, or is not there', async () => {
    collector.answers({ status: 401 });
    expect(await ofCollector()).toMatch(/^NO {2}Collector: .* answers 401\. Correct OTEL_EXPORTER_OTLP_HEADERS/);
    expect(await ofCollector('http://127.0.0.1:1/v1/logs')).toMatch(
      /^NO {2}Collector: nobody answers at 127\.0\.0\.1:1/,
    );
  });
});

describe('audit', () => {
  // One in which nobody has broken anything.
  let own: TestDatabase;
  beforeEach(async () => {
    own = await openTestDatabase();
  });
  afterEach(() => own.close());
  const typed = (argv: string[]) => heed(argv, { DATABASE_URL: own.workingUrl });
  const remark = async (): Promise<string> => {
    const asked = ['capture', 'Charged twice', '--place', 'high-street', '--by', 'mina', '--json'];
    return (JSON.parse((await typed(asked)).said) as { id: string }).id;
  };

  test('says claim by claim that every promise holds, and beats for whoever listens', async () => {
    const heard: (string | undefined)[] = [];
    const listener = createServer((request, response) => {
      heard.push(request.method);
      response.writeHead(heard.length > 1 ? 500 : 200).end();
    });
    await new Promise<void>((listening) => void listener.listen(0, '127.0.0.1', listening));
    const beat = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/`;
    const { code, said } = await typed(['audit', '--beat', beat]);
    expect(said).toContain('✓ I2  one key, one signal\n');
    expect(said).toMatch(/Every promise that was asked about holds\.$/);
    expect({ code, heard }).toEqual({ code: 0, heard: ['POST'] });

    // Nobody learns of a beat that is not heard, unless it fails here.
    const unheard = await typed(['audit', '--beat', beat]);
    expect(unheard).toMatchObject({ code: 1, complained: expect.stringContaining('answered 500') });
    await new Promise((closed) => listener.close(closed));
    expect(await typed(['audit', '--beat', beat])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('could not be sent'),
    });
  });

  test('does not say of the mailbox or of Slack that a promise holds when it was not shown them', async () => {
    const asked = ['audit'];
    const unasked = (said: string): string[] => said.split('\n').filter((line) => line.startsWith('–'));
    const { code, said } = await typed(asked);
    expect(code).toBe(0);
    expect(unasked(said)).toEqual([
      '– I1  every capture that was answered with 202 is there  (not asked: --journals with accepted.ndjson)',
      '– I3  the mail server took each letter once, and only what the ledger says was sent  (not asked: --journals with mailbox.ndjson)',
      '– I4  each message stands in Slack once, and what the ledger says was sent stands there  (not asked: --journals with slack.ndjson)',
      '– I6  the mail server took nothing for an address after it had been suppressed, but for the mail by which somebody may see what is held  (not asked: --journals with mailbox.ndjson)',
    ]);
    expect(said).toMatch(/Every promise that was asked about holds\.$/);
    const findings = JSON.parse((await typed([...asked, '--json'])).said) as { unasked?: string }[];
    expect(findings.flatMap((finding) => finding.unasked ?? [])).toEqual(['accepted', 'mails', 'posts', 'mails']);

    // Shown one of them, it says so of that one.
    await mkdir(join(folder, 'room'));
    await writeFile(join(folder, 'room', 'slack.ndjson'), '');
    const shown = (await typed([...asked, '--journals', 'room'])).said;
    expect(shown).toContain('✓ I4  each message stands in Slack once');
    expect(unasked(shown)).toHaveLength(3);
  });

  test('ends with 1 where a promise is broken, says where, and does not beat', async () => {
    const id = await remark();
    await own.pool.query(sql.unsafe`delete from wakes where loop_id = ${id}`);
    await own.passTime('1 hour');
    const { code, said } = await typed(['audit', '--beat', 'http://127.0.0.1:1/']);
    expect(code).toBe(1);
    expect(said).toContain(
      `${id}  Nothing will ever happen to this open signal by itself. Run: heed repair ${id} --action wake`,
    );
    const findings = JSON.parse((await typed(['audit', '--json'])).said) as { violations: { about: string }[] }[];
    expect(findings.flatMap(({ violations }) => violations.map(({ about }) => about))).toContain(id);
  });

  test('names are meant from where somebody stands, and a folder without journals is refused', async () => {
    await remark();
    while ((await chainFacts(own.pool, 500)) > 0);
    const asked = ['audit'];
    expect(await typed([...asked, '--anchor', 'head.json'])).toMatchObject({ code: 0 });
    const kept = await readFile(join(folder, 'head.json'), 'utf8');
    expect(JSON.parse(kept)).toHaveProperty('hash');
    // What is in its way stands for a disk that is full.
    await mkdir(join(folder, 'head.json.new'));
    for (const name of ['head.json', 'nowhere/head.json'])
      expect(await typed([...asked, '--anchor', name])).toMatchObject({
        code: 1,
        complained: expect.stringContaining(
          `the new anchor could not be kept in ${join(folder, name)}. Correct --anchor`,
        ),
      });
    expect(await readFile(join(folder, 'head.json'), 'utf8')).toBe(kept);

    await mkdir(join(folder, 'seen'));
    await writeFile(join(folder, 'head'), '');
    for (const name of ['seen', 'sene', 'head'])
      expect(await typed([...asked, '--journals', name])).toMatchObject({
        code: 1,
        said: '',
        complained: expect.stringMatching(
          new RegExp(
            `^${join(folder, name)} holds none of mailbox\\.ndjson, slack\\.ndjson and accepted\\.ndjson\\. .*Correct --journals`,
          ),
        ),
      });

    const raw = Buffer.from('Message-ID: <d.nobody@heed>\r\n\r\nHello').toString('base64');
    const mail = { raw, to: ['somebody@example.com'], at: '2026-06-15T08:00:00Z' };
    await writeFile(join(folder, 'seen', 'mailbox.ndjson'), `${JSON.stringify(mail)}\n`);
    const { code, said } = await typed([...asked, '--journals', 'seen']);
    expect(code).toBe(1);
    expect(said).toContain('<d.nobody@heed>  This mail left, and the ledger does not know it.');
  });

  test('says whether the chain still has the head that a collector was told, and how one is written', async () => {
    await remark();
    while ((await chainFacts(own.pool, 500)) > 0);
    const { seq, hash } = await own.pool.one(sql.type(z.object({ seq: z.number(), hash: z.string() }))`
      select seq, encode(hash, 'hex') as hash from chain order by seq desc limit 1`);
    const asked = ['audit', '--head'];
    expect(await typed([...asked, `${seq}:${hash}`])).toMatchObject({
      code: 0,
      said: expect.stringContaining(`✓ I7  link ${seq} of the chain is the one that was told outside`),
    });
    const other = 'ab'.repeat(32);
    const altered = await typed([...asked, `${seq}:${hash}`, `${seq}:${other}`]);
    expect(altered).toMatchObject({ code: 1, said: expect.stringContaining(`Link ${seq} is not the one`) });
    const cut = await typed([...asked, `${seq + 1}:${other}`]);
    expect(cut).toMatchObject({ code: 1, said: expect.stringContaining(`The chain ends with link ${seq}`) });
    expect(await typed([...asked, 'head'])).toMatchObject({
      code: 1,
      complained: expect.stringContaining('--head head is no head of the chain. Write it as the collector has it'),
    });
  });

  test.each([
    [['--since', 'yesterday'], '--since yesterday is no time'],
    [['--since', '12.06.2026'], '--since 12.06.2026 is no time'],
    [['--since', '2026-06-12 15:20'], '--since 2026-06-12 15:20 is no time'],
    [['--since', '2999-06-12', '--beat', 'http://127.0.0.1:1/'], '--since 2999-06-12 is still to come'],
    [['--late', 'long'], '--late long is no number of seconds'],
    [['--late', '1e99'], '--late 1e99 is no number of seconds'],
    [['--late', ''], '--late  is no number of seconds'],
  ])('%j is refused with a sentence', async (argv, sentence) => {
    expect(await typed(['audit', ...argv])).toMatchObject({ code: 1, complained: expect.stringContaining(sentence) });
  });
});
