import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { z } from 'zod';
import { choosing, linkTo } from '../../src/domain/links.ts';
import { sql } from '../../src/store/pool.ts';
import { keepAsking, newBrowserSecret } from '../../src/store/records/askings.ts';
import { idOfDelivery, planDelivery } from '../../src/store/records/deliveries.ts';
import { makeLink, type NewLink } from '../../src/store/records/links.ts';
import { insightNow } from '../../src/store/views/insights.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { decide } from '../../src/triggers/responses/decide.ts';
import { naughty } from '../hostile/naughty.ts';
import { factsIn } from '../triggers/http/pages/visitors.ts';
import { open, openBrowser, paste } from './browser.ts';
import { openHouse, type House } from './house.ts';

let house: House;
let browser: Browser;
let page: Page;
let as: Visitor['as'];
/** What must not happen on any page: errors in its console, dialogs, requests to anybody else. */
const alarms: string[] = [];

beforeAll(async () => {
  [house, browser] = await Promise.all([openHouse(), openBrowser()]);
  ({ page, as } = await visitor());
});
afterAll(async () => {
  await browser?.close();
  await house?.close();
});
beforeEach(() => {
  alarms.length = 0;
});

interface Visitor {
  page: Page;
  /** Signs in as this colleague; without one, out. */
  as: (staff?: string) => Promise<void>;
}

async function visitor(options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ baseURL: house.url, ...options });
  context.setDefaultTimeout(10_000);
  await watch(context);
  return {
    page: await context.newPage(),
    as: async (staff) => {
      await context.clearCookies();
      if (staff) await context.addCookies([await house.cookieOf(staff)]);
    },
  };
}

async function watch(context: BrowserContext): Promise<void> {
  const alarm = (where: Page | null, what: string) => alarms.push(`${where?.url()}: ${what}`);
  // What the content policy stops, in every page and frame, also where the console would keep quiet about it.
  await context.exposeBinding('heedStopped', ({ page: where }, what: string) => alarm(where, `stopped: ${what}`));
  await context.addInitScript(
    `addEventListener('securitypolicyviolation', (stopped) => heedStopped(stopped.violatedDirective + ' ' + stopped.blockedURI + ' ' + stopped.sample))`,
  );
  context.on('request', (request) => {
    const url = request.url();
    if (!/^(data|about):/.test(url) && new URL(url).origin !== house.url) alarm(null, `request to ${url}`);
    // A page may be asked for with it in its address, when that is what somebody typed.
    if (/^\/was-run|was-run\./.test(url.replace(house.url, '').replace(/\?.*/s, ''))) alarm(null, `script ran: ${url}`);
  });
  context.on('dialog', (dialog) => {
    alarm(dialog.page(), `dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on('weberror', (error) => alarm(error.page(), error.error().message));
  context.on('console', (message) => {
    // A page that says 404 is logged as such by the browser itself.
    const itsStatus = message.location().url === message.page()?.url() && message.text().startsWith('Failed to load');
    if (message.type() === 'error' && !itsStatus) alarm(message.page(), message.text());
  });
}

/** A folder for a picture of every page that is looked at; usually none. */
const pictures = process.env['HEED_LOOK_AT_PAGES'];

const Violations = z.array(z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string() })) }));

/** What axe finds on the page that is open. It stays out of frames: in that of a mail nothing may run, and it would wait for ever. */
async function violationsOn(open: Page, options: axe.RunOptions = {}): Promise<string[]> {
  if (!(await open.evaluate(`'axe' in window`))) await open.evaluate(axe.source);
  const how = JSON.stringify({ resultTypes: ['violations'], iframes: false, ...options });
  const found = await open.evaluate(`axe.run(document, ${how}).then(({ violations }) => violations)`);
  return Violations.parse(found).map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
}

const Flaws = z.object({ sideways: z.array(z.string()), small: z.array(z.string()) });

const by = (staff: string, loopId: string) => ({ loopId, by: staff, press: house.press() });
const consent = [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }];
const customer = (name: string) => ({ customer: { name, email: `${name.toLowerCase()}@example.com` }, consent });
const green = (name: string) => ({
  words: 'Do you have this coat in green, size 42?',
  offered: { item: 'Coat in teal', taken: 'refused' as const },
  mood: 'let-down' as const,
  note: 'She will be back on Saturday.',
  ...customer(name),
});
const yes = { outcome: 'adopted', scope: 'everyone', reason: 'Green is coming.', doneBy: '2099-03-01' } as const;

/** A mailed link, opened in another browser than the one that asked. */
const linkAskedElsewhere = async (): Promise<string> => {
  const mail = { key: house.press().key, purpose: 'sign_in', channel: 'email', staff: 'mina' } as const;
  const deliveryId = idOfDelivery(mail.key);
  await house.db.pool.transaction(async (tx) => {
    await planDelivery(tx, mail);
    await keepAsking(tx, newBrowserSecret(), deliveryId);
  });
  const link = { kind: 'sign_in', staff: 'mina', deliveryId } as const;
  return linkTo('', await makeLink(house.db.pool, link));
};

const yoursOf = async (signalId: string): Promise<string> => {
  const { customer_id } = await house.signal(signalId);
  return linkTo('', await makeLink(house.db.pool, { kind: 'yours', customerId: customer_id!, loopId: signalId }));
};

/** Loops at every stage, and the addresses where they can be seen. */
async function manyStages() {
  const { pool, heed } = house.db;
  const settled = await house.hears(green('Kim'));
  const told = await house.hears(green('Bo'));
  for (const { id } of [settled, told]) {
    await acknowledge(heed, by('priya', id));
    await approveFollowUp(heed, by('priya', id), { words: 'Dear customer, we are looking into it.' });
  }
  await decide(heed, by('tomas', settled.insight_id!), { ...yes, evidence: [settled.id], internalReason: 'Cheap.' });
  await house.db.passTime('11 minutes');
  await house.goesOn(settled.id);
  await house.goesOn(told.id);
  await confirm(heed, { loopId: settled.id, press: house.press() }, { says: 'yes', words: 'Wonderful!' });
  await house.goesOn(settled.id);

  const untaken = await house.hears({ ...green('Ada'), words: 'Do you have this coat in navy, size 38?' });
  const awaiting = await house.hears({ ...green('Eve'), words: 'Have you got that coat in navy, size 38, please?' });
  await acknowledge(heed, by('jonas', awaiting.id));
  const unanswered = await house.hears({
    words: 'I was charged twice.',
    place: 'harbour',
    by: 'aisha',
    ...customer('Uma'),
  });
  await acknowledge(heed, by('omar', unanswered.id));
  const toCall = await house.hears({
    words: 'I was charged twice, too.',
    customer: { name: 'Tel', phone: '+31 6 12345678' },
    consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
  });
  await acknowledge(heed, by('priya', toCall.id));
  const answered = await house.hears({ words: 'My zip is broken.', ...customer('Zoe') });
  await approveFollowUp(heed, by('priya', answered.id), { words: 'Dear Zoe, bring it in.', promiseOn: '2099-01-15' });
  await approveFollowUp(heed, by('jonas', awaiting.id), { words: 'Dear Eve, it is being decided.' });
  const unsure = await house.hears({ words: 'Blue.', ...customer('Una') });
  const undoable = await house.hears({ words: 'Do you have this scarf in silk?', ...customer('Ida') });
  await decide(heed, by('tomas', undoable.insight_id!), { outcome: 'declined', reason: 'Too dear to keep.' });
  for (const { id } of [untaken, awaiting, unanswered, toCall, answered, undoable]) await house.goesOn(id);
  await house.delivers();

  const task = async (staff: string, loopId: string, wait: string) =>
    linkTo('', await makeLink(pool, { kind: 'task', staff, loopId, wait }));
  const ofCustomer = async (kind: 'unsubscribe' | 'not_me') =>
    linkTo('', await makeLink(pool, { kind, customerId: told.customer_id!, loopId: told.id }));
  const used = await makeLink(pool, { kind: 'sign_in', staff: 'mina', expiresAt: new Date(0) });
  const letter = house.mailbox.mails().find(({ html }) => html !== undefined)!;
  const prefilled = new URLSearchParams({
    words: green('Kim').words,
    unmet: 'Don’t carry it',
    offered: 'Coat in teal',
  });
  const signal = ({ id }: { id: string }) => `/signals/${id}`;
  const insight = ({ insight_id }: { insight_id: string | null }) => `/insights/${insight_id}`;

  /** Who looks (nobody: without an account) → name of the page → its address. */
  const pages: Record<string, Record<string, string>> = {
    nobody: {
      'the start': '/start',
      'signing in': '/sign-in',
      'signing in, by its link': linkTo('', await makeLink(pool, { kind: 'sign_in', staff: 'mina' })),
      'signing in, in another browser': await linkAskedElsewhere(),
      'yours, unanswered': await yoursOf(unanswered.id),
      'yours, answered': await yoursOf(answered.id),
      'yours, decided': choosing(await yoursOf(told.id), '?says=no'),
      'yours, confirmed': await yoursOf(settled.id),
      'a link to take': await task('priya', untaken.id, 'acknowledged'),
      'a link to answer': await task('omar', unanswered.id, 'answered'),
      'a link to call': await task('priya', toCall.id, 'answered'),
      'a link to review': await task('priya', unsure.id, 'reviewed'),
      'a link to decide': await task('tomas', untaken.insight_id!, 'decided'),
      'a link to decline': choosing(await task('tomas', untaken.insight_id!, 'decided'), '?do=decline'),
      'a link to complete': await task('tomas', settled.insight_id!, 'completed'),
      'a link whose work is done': await task('priya', settled.id, 'answered'),
      'stopping letters': await ofCustomer('unsubscribe'),
      'this wasn’t me': await ofCustomer('not_me'),
      'a link that never was': linkTo('', 'AAAAAAAAAAAAAAAAAAAAAA'),
      'a link of which a part was lost': '/t',
      'a link that has ended': linkTo('', used),
      'no such page': '/nowhere',
      'the mailbox': '/dev/mailbox',
      'a mail': `/dev/mailbox/${letter.id}`,
      'the Slack room': '/dev/slack',
      'a person in Slack': '/dev/slack?as=jonas@linden-vale.example',
    },
    mina: {
      capture: '/capture',
      'capture, prefilled': `/capture?${prefilled.toString()}`,
      captured: `${signal(untaken)}?captured`,
      'a signal, as its capturer': signal(settled),
      mine: '/mine',
      'no tasks': '/tasks',
      'the loop, for leaders only': '/loop',
      'a signal that is not theirs': signal(unanswered),
    },
    priya: {
      tasks: '/tasks',
      'a signal to take': signal(untaken),
      'a signal to call about': signal(toCall),
      'a signal to review': signal(unsure),
      'a signal awaiting the decision': signal(awaiting),
      'a signal awaiting their word': signal(told),
      'a settled signal': signal(settled),
      'what people ask for': '/insights',
    },
    omar: { 'a signal to answer': signal(unanswered) },
    tomas: {
      'decisions to take': '/tasks',
      'an insight': insight(untaken),
      'an insight, saying yes': `${insight(untaken)}?do=adopt`,
      'an insight, saying yes to these': `${insight(untaken)}?do=these`,
      'an insight, saying no': `${insight(untaken)}?do=decline`,
      'an insight, listening on': `${insight(untaken)}?do=defer`,
      'an insight that can be taken back': insight(undoable),
      'an insight decided': insight(settled),
    },
    ingrid: {
      'the loop': '/loop',
      'behind a number': '/loop/confirmed?of=own',
      'behind a number of the sample': '/loop/captured',
    },
  };
  return { pages, untaken, unanswered, told };
}

describe('every page', () => {
  const [narrow, wide] = [
    { width: 360, height: 740 },
    { width: 1200, height: 900 },
  ];
  let flaws: string;
  let staged: Awaited<ReturnType<typeof manyStages>>;
  beforeAll(async () => {
    flaws = await readFile(new URL('flaws.js', import.meta.url), 'utf8');
    staged = await manyStages();
  });

  /** What is wrong with the page that is open, at one width and in light or dark. */
  async function wrongHere(page: Page, name: string): Promise<string[]> {
    const wrong: string[] = [];
    // Colours depend on the scheme alone and places on the width alone, so that two looks see all four.
    const look = async (size: typeof narrow, colorScheme: 'light' | 'dark') => {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme });
      for (const violation of await violationsOn(page))
        wrong.push(`${name}, ${size.width} ${colorScheme}: ${violation}`);
      const { sideways, small } = Flaws.parse(await page.evaluate(flaws));
      for (const element of sideways) wrong.push(`${name}, ${size.width}: scrolls sideways for ${element}`);
      if (size === narrow) for (const element of small) wrong.push(`${name}: too small: ${element}`);
      if (pictures)
        await page.screenshot({ path: `${pictures}/${name.replace(/\W+/g, '-')}-${size.width}.png`, fullPage: true });
    };
    await look(wide, 'light');
    await look(narrow, 'dark');
    return wrong;
  }

  test('reads well on a phone and at a desk, by day and by night, for everybody', async () => {
    const all = Object.entries(staged.pages).flatMap(([who, addresses]) =>
      Object.entries(addresses).map(([name, address]) => ({ who, name, address })),
    );
    const wrong: string[] = [];
    // Two pairs of eyes take turns.
    const look = async ({ page: their, as: them }: Visitor): Promise<void> => {
      let was: string | undefined;
      for (let next = all.shift(); next; next = all.shift()) {
        const { who, name, address } = next;
        if (who !== was) await them(who === 'nobody' ? undefined : who);
        was = who;
        await open(their, address);
        wrong.push(...(await wrongHere(their, name)));
      }
    };
    await Promise.all([visitor(), visitor()].map(async (eyes) => look(await eyes)));
    expect([...wrong, ...alarms]).toEqual([]);
  });

  test('so does what comes back after a press', async () => {
    await as('mina');
    await page.goto('/capture');
    await page.getByLabel('What did they say?').fill('Do you have this coat in lilac?');
    await page.getByText('They agree to hear from us about this').click();
    await page.getByLabel('Offered instead').fill('a jumper');
    await page.getByRole('button', { name: 'Capture', exact: true }).click();
    await page.getByRole('alert').waitFor();
    const wrong = await wrongHere(page, 'capture, returned');
    await as();
    await page.goto('/sign-in');
    await page.getByLabel('Your e-mail at work').fill('mina@linden-vale.example');
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await page.getByRole('heading', { name: 'Look at your mail' }).waitFor();
    wrong.push(...(await wrongHere(page, 'a link on its way')));
    await open(page, await linkAskedElsewhere());
    await page.getByLabel('The code').fill('0000 0000');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    wrong.push(...(await wrongHere(page, 'a wrong code')));
    expect([...wrong, ...alarms]).toEqual([]);
  });

  test('so does every kind of letter, on the narrowest phone', async () => {
    const letters = new Map(house.mailbox.mails().map((mail) => [mail.subject.replace(/ .*/, ''), mail]));
    expect(letters.size).toBeGreaterThan(1);
    const wrong: string[] = [];
    await page.setViewportSize({ width: 320, height: 640 });
    for (const { subject, html } of letters.values()) {
      await page.goto('about:blank');
      await page.setContent(html!);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        for (const violation of await violationsOn(page, { runOnly: ['wcag2a', 'wcag2aa'] }))
          wrong.push(`${subject}, ${colorScheme}: ${violation}`);
      }
      wrong.push(...Flaws.parse(await page.evaluate(flaws)).sideways.map((wide) => `${subject}: ${wide}`));
    }
    expect([...wrong, ...alarms]).toEqual([]);
  });
});

test('the page of the API is drawn by its viewer, and asks nobody else for anything', async () => {
  await page.goto('/docs');
  await page.getByText('Capture what a customer said').waitFor();
  expect(alarms).toEqual([]);
});

describe('a link in a letter', () => {
  let readers = 0;
  /** A mail to a customer who was answered, as its page in the mailbox, with the link in it that is called so. */
  async function mailed(label: string) {
    const signal = await house.hears({ words: 'My zip is broken again.', ...customer(`Reader${(readers += 1)}`) });
    await approveFollowUp(house.db.heed, by('priya', signal.id), { words: 'Dear customer, bring it in.' });
    await house.delivers();
    const mail = house.mailbox
      .mails()
      .findLast(({ text }) => text.includes('bring it in') && text.includes('says=no'))!;
    const link = new RegExp(`${label}: (\\S+)`).exec(mail.text)![1]!;
    return { at: `/dev/mailbox/${mail.id}`, link, token: link.slice(link.indexOf('#') + 1) };
  }
  /** Every address that was asked for, with what was sent along to tell where one came from. */
  function asked(eyes: Page): string[] {
    const seen: string[] = [];
    eyes.on('request', (request) => seen.push(`${request.url()} ${request.headers()['referer'] ?? ''}`));
    return seen;
  }

  test.each([
    ['at once', 0],
    ['after its page has loaded', 300],
  ])(
    'pressed, opens its page %s; its token stands in no address that was asked for, nor in the bar, and going back leads to the letter',
    async (_, lateMs) => {
      const { page: eyes } = await visitor();
      const { at, token } = await mailed('Not really');
      if (lateMs)
        await eyes.route('**/entrance.*', async (route) => {
          const script = await (await route.fetch()).text();
          await route.fulfill({ contentType: 'text/javascript', body: `setTimeout(() => { ${script} }, ${lateMs});` });
        });
      await eyes.goto(at);
      const addresses = asked(eyes);
      await eyes.frameLocator('iframe').getByRole('link', { name: 'Not really' }).click();
      await eyes.getByRole('heading', { name: 'What became of what you told us' }).waitFor();
      expect(addresses.some((address) => new URL(address.split(' ')[0]!).pathname === '/t/open')).toBe(true);
      expect(addresses.filter((address) => address.replace(/#\S*/g, '').includes(token))).toEqual([]);
      expect(eyes.url()).toBe(`${house.url}/t/open?says=no`);
      await eyes.goBack();
      await eyes.waitForURL((url) => url.pathname === at);
      // And once more, from the same tab.
      await eyes.frameLocator('iframe').getByRole('link', { name: 'What became of it' }).click();
      await eyes.getByRole('button', { name: 'Not really' }).click();
      await eyes.getByText('will read it and answer you').first().waitFor();
      expect(addresses.filter((address) => address.replace(/#\S*/g, '').includes(token))).toEqual([]);
      await eyes.context().close();
      expect(alarms).toEqual([]);
    },
  );

  test('that lost its end in a mail program is asked for at once, and opens when the whole of it is pasted, into the field or the address bar', async () => {
    const { page: eyes } = await visitor({ viewport: { width: 360, height: 640 } });
    const { link } = await mailed('What became of it');
    for (const cut of [link.replace(/#.*/, ''), link.slice(0, -3)]) {
      await eyes.goto('about:blank');
      await eyes.goto(cut);
      expect(await eyes.evaluate('document.activeElement.name')).toBe('link');
      await eyes.getByText('Part of it has not arrived.').waitFor({ timeout: 500 });
    }
    await eyes.getByLabel('The whole link').fill(link.slice(0, -3));
    await eyes.getByRole('button', { name: 'Open it' }).click();
    await eyes.getByText('This is not all of it.').first().waitFor();
    await eyes.getByLabel('The whole link').fill(link);
    await eyes.getByRole('button', { name: 'Open it' }).click();
    await eyes.getByRole('heading', { name: 'What became of what you told us' }).waitFor();
    await eyes.goto('/t');
    await eyes.evaluate(`location.hash = '${link.slice(link.indexOf('#'))}'`);
    await eyes.getByRole('heading', { name: 'What became of what you told us' }).waitFor();
    await eyes.context().close();
    expect(alarms).toEqual([]);
  });

  test('opened by what scans mail and runs every script changes nothing, whatever it is for; a person’s press does', async () => {
    const { pool } = house.db;
    const answered = await house.hears({ words: 'My zip is broken, too.', ...customer('Scanned') });
    await approveFollowUp(house.db.heed, by('priya', answered.id), { words: 'Dear customer, bring it in.' });
    const asked = await house.hears({ ...green('Scarcely'), words: 'Do you have this coat in ochre, size 42?' });
    await house.delivers();
    const mailed = house.mailbox
      .mails('scanned@example.com')
      .flatMap(({ text, headers }) => [text, ...headers.map(({ value }) => value)])
      .flatMap((text) => text.match(/http:\/\/localhost:\d+\/[^\s<>]+/g) ?? []);
    const { decider } = (await insightNow(pool, asked.insight_id!))!;
    const made: NewLink[] = [
      { kind: 'task', staff: asked.owner, loopId: asked.id, round: 1, wait: 'acknowledged' },
      { kind: 'task', staff: decider, loopId: asked.insight_id!, wait: 'decided' },
      { kind: 'rights', customerId: answered.customer_id! },
      { kind: 'sign_in', staff: 'mina' },
    ];
    const links = await Promise.all(made.map(async (link) => linkTo(house.url, await makeLink(pool, link))));
    const all = [...new Set([...mailed, ...links])];
    expect(all.filter((link) => link.includes('/unsubscribe/'))).not.toEqual([]);
    expect(all.filter((link) => link.includes('says='))).toHaveLength(2);

    const { page: scanner } = await visitor();
    const before = await factsIn(pool);
    const buttons = await Promise.all(
      all.map(async (link) => {
        const eyes = await scanner.context().newPage();
        await open(eyes, link);
        await eyes.locator('main button').first().waitFor();
        await eyes.waitForLoadState('networkidle');
        return eyes.locator('main button').count();
      }),
    );
    expect(buttons).not.toContain(0);
    expect(await factsIn(pool)).toBe(before);

    const { page: eyes } = await visitor();
    await open(eyes, links[0]!);
    await eyes.getByRole('button', { name: 'I’ll take it' }).click();
    await eyes.getByText('It is yours.').first().waitFor();
    expect(await factsIn(pool)).toBeGreaterThan(before);
    await Promise.all([eyes.context().close(), scanner.context().close()]);
    expect(alarms).toEqual([]);
  });

  test('shows nobody whose script runs that it is handed on', async () => {
    const { page: eyes } = await visitor();
    const { link } = await mailed('What became of it');
    let seen = 0;
    await eyes.exposeFunction('heedSaw', () => void (seen += 1));
    // At each frame, as people see it: before its style has come nothing is painted.
    await eyes.addInitScript(`requestAnimationFrame(function look() {
      const asking = document.getElementById('entrance');
      if (asking && getComputedStyle(asking).visibility === 'visible') heedSaw();
      requestAnimationFrame(look);
    })`);
    // The answer is late, and the page that asks stands there meanwhile.
    await eyes.route('**/t/open', async (route) => {
      await sleep(500);
      await route.continue();
    });
    await open(eyes, link);
    await eyes.getByRole('heading', { name: 'What became of what you told us' }).waitFor();
    expect(seen).toBe(0);
    await eyes.context().close();
    expect(alarms).toEqual([]);
  });

  test('without script is pasted, and then opens as it would have', async () => {
    const { page: eyes } = await visitor({ javaScriptEnabled: false, viewport: { width: 360, height: 640 } });
    const { at, link, token } = await mailed('Not really');
    const addresses = asked(eyes);
    await eyes.goto(at);
    await eyes.getByRole('link', { name: link }).click();
    await eyes.getByText('a browser without script keeps it to itself').waitFor();
    await eyes.getByLabel('The whole link').fill(link);
    await eyes.keyboard.press('Enter');
    await eyes.getByRole('heading', { name: 'What became of what you told us' }).waitFor();
    expect(new URL(eyes.url()).search).toBe('?says=no');
    await eyes.getByRole('button', { name: 'Yes, thank you' }).click();
    await eyes.getByText('Thank you. We are glad it is settled.').waitFor();
    expect(addresses.filter((address) => address.replace(/#\S*/g, '').includes(token))).toEqual([]);
    await eyes.context().close();
    expect(alarms).toEqual([]);
  });
});

describe('without script', () => {
  let still: Page;
  beforeAll(async () => {
    still = (await visitor({ javaScriptEnabled: false })).page;
  });

  async function signsIn(staff: string): Promise<void> {
    await still.context().clearCookies();
    await paste(still, linkTo(house.url, await makeLink(house.db.pool, { kind: 'sign_in', staff })));
    await still.getByRole('button', { name: 'Sign in' }).click();
  }
  const reads = async (): Promise<string> => still.locator('main').innerText();

  test('whoever asks for a link at the desk and opens it on their phone types there what the desk shows', async () => {
    await still.context().clearCookies();
    await still.goto('/sign-in');
    await still.getByLabel('Your e-mail at work').fill('jonas@linden-vale.example');
    await still.getByRole('button', { name: 'Send me a link' }).click();
    const code = /\d{4} \d{4}/.exec(await reads())![0];
    await house.delivers();
    const mail = house.mailbox
      .mails('jonas@linden-vale.example')
      .findLast(({ subject }) => subject.startsWith('Sign in'))!;
    const [link] = /http:\S+#[\w-]{22}/.exec(mail.text)!;
    const { page: phone } = await visitor({ javaScriptEnabled: false, viewport: { width: 360, height: 640 } });
    await paste(phone, link!);
    expect(await phone.locator('main').innerText()).toContain('You asked for this link in another browser.');
    await phone.getByLabel('The code').fill(code);
    await phone.getByRole('button', { name: 'Sign in' }).click();
    await phone.goto('/mine');
    expect(new URL(phone.url()).pathname).toBe('/mine');
    await phone.context().close();
    expect(alarms).toEqual([]);
  });

  test('a remark goes all the way round, by forms alone', async () => {
    await signsIn('mina');
    await still.goto('/capture');
    await still.getByLabel('What did they say?').fill('Do you have this dress in yellow, size 40?');
    await still.getByRole('button', { name: 'See how it is read' }).click();
    expect(await reads()).toMatch(/Read as:\s+dress · colour yellow · size 40/);
    await still.getByLabel('Name').fill('Nora');
    await still.getByLabel('E-mail or phone').fill('nora@example.com');
    await still.getByLabel('They agree to hear from us about this').check();
    await still.getByRole('button', { name: 'Capture', exact: true }).click();
    expect(await reads()).toMatch(/Thank you, Mina\. HD-/);
    const at = new URL(still.url()).pathname;
    const id = at.split('/').at(-1)!;
    await house.goesOn(id);
    await still.goto(at);
    await still.getByRole('link', { name: 'Refresh' }).click();
    expect(await reads()).toContain('Do you have this dress in yellow');

    await signsIn('priya');
    await still.goto('/tasks');
    const task = still.getByRole('article', { name: 'dress in yellow' });
    await task.getByRole('button', { name: 'I’ll take it' }).click();
    expect(await reads()).toContain('It is yours. Next: answer the customer.');
    await still.goto(at);
    await still.getByRole('link', { name: 'Write the answer' }).click();
    await still.getByRole('button', { name: 'Send in my name' }).click();
    expect(await reads()).toContain('Sent in your name.');
    await house.goesOn(id);

    await signsIn('tomas');
    await still.goto('/tasks');
    await still.getByRole('article', { name: 'dress in yellow' }).getByRole('link', { name: 'Decide' }).click();
    await still.getByLabel(/What customers read/).fill('Yellow is coming.');
    await still.getByLabel('Done by').fill('2099-03-01');
    await still.getByRole('checkbox', { name: /dress in yellow/ }).check();
    await still.getByRole('button', { name: 'Decide', exact: true }).click();
    expect(await reads()).toContain('You can take it back');
    await house.db.passTime('11 minutes');
    await house.goesOn(id);

    await paste(still, await yoursOf(id));
    expect(await reads()).toContain('Yellow is coming.');
    await still.getByRole('button', { name: 'Yes, thank you' }).click();
    expect(await reads()).toContain('Thank you. We are glad it is settled.');
    await house.goesOn(id);
    expect((await house.signal(id)).closed_how).toBe('settled');
    expect(alarms).toEqual([]);
  });
});

describe('by keyboard alone', () => {
  const focused = () =>
    page.evaluate(`(() => {
      const at = document.activeElement;
      const shown = at.closest('.choice') ?? at;
      const style = getComputedStyle(shown);
      const seen = [style, getComputedStyle(at)].some((s) => (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2) || s.boxShadow !== 'none');
      return { tag: at.tagName, name: (at.textContent || at.name || '').trim().replace(/\\s+/g, ' '), id: at.id, seen };
    })()`) as Promise<{ tag: string; name: string; id: string; seen: boolean }>;

  /** Presses Tab until `there`; every stop on the way must be seen. */
  async function tabTo(there: string, most = 60): Promise<void> {
    const stops: string[] = [];
    for (let n = 0; n < most; n++) {
      await page.keyboard.press('Tab');
      const at = await focused();
      if (!at.seen) throw new Error(`Nobody sees that ${at.tag} “${at.name}” has the focus.`);
      if (at.name === there) return;
      stops.push(at.name);
    }
    throw new Error(`“${there}” is not reached by ${most} times Tab: ${stops.join(' → ')}`);
  }

  beforeEach(async () => {
    await page.setViewportSize({ width: 1200, height: 900 });
    await as('priya');
  });

  test('j and k go from task to task, seen, and enter opens the one', async () => {
    for (const words of ['My seam is torn.', 'My lining is torn.']) await house.hears({ words });
    await page.goto('/tasks');
    const ids = await page.locator('.task').evaluateAll((cards) => cards.map(({ id }) => id));
    expect(ids.length).toBeGreaterThan(1);
    for (const [key, id] of [
      ['j', ids[0]],
      ['j', ids[1]],
      ['k', ids[0]],
      ['k', ids[0]],
      ['j', ids[1]],
    ] as const) {
      await page.keyboard.press(key);
      expect(await focused()).toMatchObject({ id, seen: true });
    }
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/signals/${ids[1]!.replace('task-', '')}`);
  });

  test('letters are letters while somebody types', async () => {
    await page.goto('/tasks');
    await page.locator('.task').first().getByText('No action, because…').click();
    await page.getByLabel('Because').first().focus();
    await page.keyboard.type('just joking');
    expect(await page.getByLabel('Because').first().inputValue()).toBe('just joking');
  });

  test('the first stop leads past the navigation', async () => {
    await page.goto('/insights');
    await page.keyboard.press('Tab');
    expect(await focused()).toMatchObject({ name: 'To the page itself', seen: true });
    await page.keyboard.press('Enter');
    expect((await focused()).id).toBe('main');
  });

  test('what was said is captured, taken and answered', async () => {
    await page.goto('/capture');
    expect((await focused()).name).toBe('words');
    await page.keyboard.type('My collar is torn.');
    await tabTo('name');
    await page.keyboard.type('Cara');
    await tabTo('contact');
    await page.keyboard.type('cara@example.com');
    await tabTo('consent');
    await page.keyboard.press('Space');
    await tabTo('Capture');
    await page.keyboard.press('Enter');
    await page.getByText(/Thank you, Priya/).waitFor();
    const [at] = page.url().split('?');
    const id = at!.split('/').at(-1)!;
    await house.goesOn(id);
    await page.goto(at!);
    await tabTo('I’ll take it');
    await page.keyboard.press('Enter');
    await page.getByText('It is yours. Next: answer the customer.').waitFor();
    await tabTo('Send in my name');
    await page.keyboard.press('Enter');
    await page.getByText('Sent in your name.').waitFor();
    expect((await house.signal(id)).answered_by).toBe('priya');
  });
});

describe('a page that stays open', () => {
  test('grows by itself, and what somebody types is not lost over it', async () => {
    const { id } = await house.hears({ words: 'My hem is torn.', ...customer('Hal') });
    await as('priya');
    await page.goto(`/signals/${id}`);
    await page.getByText('No action, because…').click();
    await page.getByLabel('Because').pressSequentially('They found a tai');
    await acknowledge(house.db.heed, by('priya', id));
    await page.getByRole('listitem').filter({ hasText: 'Priya Nair took it' }).waitFor();
    expect(await page.getByRole('status').allInnerTexts()).toContainEqual(
      expect.stringContaining('Priya Nair took it'),
    );
    await page.keyboard.type('lor');
    expect(await page.getByLabel('Because').inputValue()).toBe('They found a tailor');

    await approveFollowUp(house.db.heed, by('priya', id), { words: 'Dear Hal, bring it in.' });
    await page.getByRole('listitem').filter({ hasText: 'Answered by e-mail by Priya Nair' }).waitFor();
    await page.getByText('What you wrote is kept here').waitFor();
    expect(await page.getByLabel('Because').inputValue()).toBe('They found a tailor');
  });

  test('shows a new task to whoever waits for none', async () => {
    await as('femke');
    await page.goto('/tasks');
    await page.getByText('Nobody is waiting for you.').waitFor();
    await house.hears({ words: 'My pocket is torn.', place: 'station', by: 'luca' });
    await page.getByRole('article', { name: 'My pocket is torn.' }).waitFor();
  });
});

describe('one gesture counts once', () => {
  const told = (id: string, kind: string): Promise<number> =>
    house.db.pool.oneFirst(
      sql.type(z.object({ many: z.number() }))`
        select count(*)::integer as many from ${sql.identifier([kind])} where loop_id = ${id}`,
    );
  const heard = (words: string): Promise<number> =>
    house.db.pool.oneFirst(
      sql.type(z.object({ many: z.number() }))`select count(*)::integer as many from words where words = ${words}`,
    );

  test('a double click captures, takes and answers once', async () => {
    await as('priya');
    await page.goto('/capture');
    await page.getByLabel('What did they say?').fill('My cuff is torn twice.');
    await page.getByRole('button', { name: 'Capture', exact: true }).dblclick();
    await page.getByText(/Thank you, Priya/).waitFor();
    expect(await heard('My cuff is torn twice.')).toBe(1);

    const { id } = await house.hears({ words: 'My cuff is torn.', ...customer('Cleo') });
    await page.goto(`/signals/${id}`);
    await page.getByRole('button', { name: 'I’ll take it' }).dblclick();
    await page.getByText('It is yours. Next: answer the customer.').waitFor();
    await page.getByRole('button', { name: 'Send in my name' }).dblclick();
    await page.getByText('Sent in your name.').waitFor();
    expect([await told(id, 'acknowledgements'), await told(id, 'follow_ups')]).toEqual([1, 1]);
  });

  test('going back after a press, and pressing again, changes nothing more', async () => {
    const { id } = await house.hears({ words: 'My sleeve is torn.', ...customer('Sly') });
    await as('priya');
    await page.goto(`/signals/${id}`);
    await page.getByRole('button', { name: 'I’ll take it' }).click();
    await page.getByText('It is yours. Next: answer the customer.').waitFor();
    await page.getByRole('button', { name: 'Send in my name' }).click();
    await page.getByText('Sent in your name.').waitFor();
    for (const press of ['Send in my name', 'I’ll take it']) {
      await page.goBack();
      const button = page.getByRole('button', { name: press });
      if (await button.isVisible()) await button.click();
      await page.locator('main').waitFor();
    }
    expect([await told(id, 'acknowledgements'), await told(id, 'follow_ups')]).toEqual([1, 1]);
  });

  test('going back after capturing asks anew, and does not capture the same again', async () => {
    await as('priya');
    await page.goto('/capture');
    await page.getByLabel('What did they say?').fill('My belt is torn.');
    await page.getByRole('button', { name: 'Capture', exact: true }).click();
    await page.getByText(/Thank you, Priya/).waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'Capture', exact: true }).click();
    expect(await heard('My belt is torn.')).toBe(1);
  });
});

describe('whatever people say', () => {
  /** A browser shows every line break as one and the same. */
  const asShown = (text: string): string => text.replaceAll(/\r\n?/g, '\n');
  const named = (field: string, text: string): string => `${field}: ${asShown(text).replaceAll(/\s+/g, ' ').trim()}`;
  const between = ' ¦ ';
  // Many to a remark, and no more than Slack shows of one, so that all are seen everywhere; and one in each field that takes a line.
  const groups = naughty.reduce<string[][]>((all, said) => {
    const last = all.at(-1);
    if (last && Array.from([...last, said].join(between)).length <= 1500) last.push(said);
    else all.push([said]);
    return all;
  }, []);
  const remarks = groups.map((group, n) => ({
    words: group.join(between),
    line: named('line', group[n % group.length]!),
    seen: asShown(group.join(between)),
  }));

  test('stands on every page as they said it, and runs nowhere', async () => {
    const ids: string[] = [];
    for (const [n, { words, line }] of remarks.entries()) {
      const signal = await house.hears({
        words,
        wanted: { item: 'umbrella' },
        unmet: `unmet ${line}`,
        offered: { item: `Offered ${line}`, taken: 'refused' },
        note: `note ${line}`,
        customer: { name: `name ${line}`, email: `naughty${n}@example.com` },
        consent,
      });
      ids.push(signal.id);
    }
    const item = `<b>item</b> {{ item }} <!channel>`;
    const odd = await house.hears({ words: 'Do you have it?', unmet: 'no', wanted: { item } });
    const { insight_id } = await house.signal(ids[0]!);
    await house.delivers();

    /** What the page says, with what stands in its fields. */
    const shown = async (address: string): Promise<string> => {
      await open(page, address);
      return page.evaluate(`(() => {
        const fields = [...document.querySelectorAll('main :is(textarea, input)')].map(({ value }) => value);
        return [document.querySelector('main').textContent, document.title, ...fields].join('\\n');
      })()`);
    };
    const missing: string[] = [];
    const expects = (where: string, text: string, pieces: string[]): void => {
      for (const piece of pieces) if (!text.includes(piece)) missing.push(`${where} lacks ${piece}`);
    };

    const all = remarks.map(({ seen }) => seen);
    await as('priya');
    for (const [n, { seen, line }] of remarks.entries())
      expects('the signal', await shown(`/signals/${ids[n]!}`), [
        seen,
        `Offered ${line}`,
        `note ${line}`,
        `name ${line}`,
      ]);
    expects('the insight of one', await shown(`/insights/${odd.insight_id!}`), [item]);
    await as('mina');
    expects('mine', await shown('/mine'), all);
    await as('tomas');
    for (const choice of ['adopt', 'decline'])
      expects('deciding', await shown(`/insights/${insight_id!}?do=${choice}`), all);
    expects('what people ask for', await shown('/insights'), [item.slice(1)]);
    await as('ingrid');
    expects('behind a number', await shown('/loop/captured?of=own'), all);
    await as('mina');
    const typed = new URLSearchParams([
      ['words', remarks[0]!.words],
      ...['item', 'unmet', 'offered', 'note', 'name', 'contact'].map((field): [string, string] => [
        field,
        remarks[1]!.line,
      ]),
    ]);
    expects('what was typed', await shown(`/capture?${typed.toString()}`), [remarks[0]!.seen, remarks[1]!.line]);
    await as();
    for (const [n, { seen, line }] of remarks.entries()) {
      const token = await makeLink(house.db.pool, {
        kind: 'task',
        staff: 'priya',
        loopId: ids[n]!,
        wait: 'acknowledged',
      });
      expects('the link from an e-mail', await shown(linkTo('', token)), [seen, `name ${line}`]);
      const theirs = await shown(await yoursOf(ids[n]!));
      expects('yours', theirs, [seen]);
      if (theirs.includes('note line')) missing.push(`yours tells the note: ${line}`);
    }
    expects('Slack', await shown('/dev/slack?as=priya@linden-vale.example'), all);

    for (const [n, { words }] of remarks.entries())
      await approveFollowUp(house.db.heed, by('priya', ids[n]!), { words: words.toWellFormed() });
    await house.delivers();
    const mails = house.mailbox.mails().filter(({ to }) => to[0]!.startsWith('naughty'));
    expect(mails.length).toBeGreaterThanOrEqual(remarks.length);
    for (const { id, text, html, to, subject } of mails) {
      if (`${text}${html}`.includes('note line')) missing.push('a mail tells the note');
      await shown(`/dev/mailbox/${id}`);
      // Not in the frame, where nothing runs by order, but as a page that would run what it can.
      await page.goto('about:blank');
      await page.setContent(html!);
      const said = remarks[Number(/\d+/.exec(to[0]!)![0])]!.seen;
      const read = (await page.evaluate(
        `document.body.innerHTML = document.body.innerHTML.replaceAll('<br>', '\\n'), document.body.textContent`,
      )) as string;
      if (/answer/i.test(subject))
        expects('the letter as a page', read.replaceAll(/\s+/g, ' '), [said.replaceAll(/\s+/g, ' ').trim()]);
    }
    expect(missing).toEqual([]);
    expect(alarms).toEqual([]);
  });
});
