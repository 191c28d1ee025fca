import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { choosing, linkTo } from '../../../../src/domain/links.ts';
import { linkKinds, makeLink, type Link } from '../../../../src/store/records/links.ts';
import { refusalsSince } from '../../../../src/store/records/refusals.ts';
import { createApp } from '../../../../src/triggers/http/app.ts';
import { approveFollowUp } from '../../../../src/triggers/responses/approveFollowUp.ts';
import { green, kim } from '../../../activities/messages/shop.ts';
import { lettersLeave } from '../../../support/database.ts';
import { tellingAddresses } from '../../../support/links.ts';
import { linkIn, openPages, type Page, type Pages } from './visitors.ts';

let pages: Pages;
beforeAll(async () => {
  pages = await openPages();
});
afterAll(() => pages.shop.close());

/** A link of each kind, about a complaint of Kim's at the harbour that Omar has answered, or is yet to. */
async function linksOfEachKind(answered = true): Promise<Record<Link['kind'], string>> {
  const { pool } = pages.shop.db;
  const signal = await pages.shop.hears({ ...kim, words: 'I was charged twice.', place: 'harbour', by: 'aisha' });
  const task = linkIn(await pages.shop.letter('prompt', 'omar', signal.id));
  if (answered) {
    await approveFollowUp(
      pages.web.heed,
      { loopId: signal.id, by: 'omar', press: pages.shop.press() },
      { words: 'Dear Kim, we pay it back.' },
    );
    await lettersLeave(pages.shop.db, signal.id);
  }
  const theirs = { customerId: signal.customer_id!, loopId: signal.id };
  const made = linkKinds.map(async (kind): Promise<[Link['kind'], string]> => {
    const bound = kind === 'sign_in' ? { staff: 'mina' } : theirs;
    return [kind, kind === 'task' ? task : linkTo('', await makeLink(pool, { kind, ...bound }))];
  });
  return Object.fromEntries(await Promise.all(made)) as Record<Link['kind'], string>;
}
/** Everybody who was turned away so far, those included whom the tally still holds in memory. */
async function turnedAway(): ReturnType<typeof refusalsSince> {
  await pages.web.heed.turnedAway.write();
  return refusalsSince(pages.shop.db.pool, 1);
}
const tokenOf = (link: string): string => link.slice(link.indexOf('#') + 1);
const headings: Record<Link['kind'], string> = {
  sign_in: 'You are Mina Okafor?',
  task: 'Somebody waits for you',
  yours: 'What became of what you told us',
  unsubscribe: 'Stop writing to you?',
  not_me: 'This wasn’t you?',
  rights: 'What Linden & Vale holds about you',
};

describe('the page that every link leads to', () => {
  test('is the same for all of them, knows nothing of anybody, and asks for the link in plain words', async () => {
    const links = await linksOfEachKind(false);
    const before = await pages.facts();
    const shown = await Promise.all(
      Object.values(links).map(async (link) => (await pages.nobody().get(link.replace(/#.*/, ''))).html),
    );
    expect(new Set(shown).size).toBe(1);
    const page = await pages.nobody().get('/t');
    expect(page.status).toBe(200);
    expect(page.text).toContain('Paste the link from the message here');
    expect(page.text).toContain('Some mail programs cut it off, and a browser without script keeps it to itself.');
    expect([page.headers.get('Referrer-Policy'), page.headers.get('Cache-Control')]).toEqual([
      'no-referrer',
      'no-store',
    ]);
    expect(await pages.facts()).toBe(before);
  });

  test('leads to the page of each, and opening it changes nothing', async () => {
    const links = await linksOfEachKind(false);
    const before = await pages.facts();
    for (const kind of linkKinds) {
      const page = await pages.nobody().get(links[kind]);
      expect([kind, page.status, page.text.includes(headings[kind])]).toEqual([kind, 200, true]);
      expect([page.headers.get('Referrer-Policy'), page.headers.get('Cache-Control')]).toEqual([
        'no-referrer',
        'no-store',
      ]);
    }
    expect(await pages.facts()).toBe(before);
  });

  test('keeps what was chosen in the letter', async () => {
    const { yours } = await linksOfEachKind();
    const page = await pages.nobody().get(choosing(yours, '?says=no'));
    expect(page.html).toMatch(/class="go" name="says" value="no"/);
  });

  test('without script takes the whole link, one as they once were, or the bare token', async () => {
    const { task } = await linksOfEachKind(false);
    for (const pasted of [
      `https://heed.example${task}`,
      `https://heed.example/t/${tokenOf(task)}?do=adopt`,
      `  ${tokenOf(task)} `,
    ]) {
      const someone = pages.nobody();
      const opened = await someone.press(await someone.get('/t'), '/t/open', { link: pasted });
      expect([pasted, opened.status, opened.text.includes(headings.task)]).toEqual([pasted, 200, true]);
    }
  });

  test('asks again for what is not all of a link, keeps it, and counts it as no guess', async () => {
    const someone = pages.nobody();
    const before = (await turnedAway()).filter(({ why }) => why === 'unknown');
    for (const pasted of ['', 'https://heed.example/t', 'https://heed.example/t#VvdKMblObjeV-0']) {
      const again = await someone.press(await someone.get('/t'), '/t/open', { link: pasted });
      expect(again.status).toBe(400);
      expect(again.text).toContain('This is not all of it. Copy the link once more');
      expect(again.html).toContain(`value="${pasted}"`);
    }
    expect((await turnedAway()).filter(({ why }) => why === 'unknown')).toEqual(before);
  });

  test('is where whoever asks again for the address of a press arrives', async () => {
    for (const pressed of ['/t/open', '/t/acknowledgement', '/yours/say', '/rights/erase', '/sign-in/link'])
      expect((await pages.nobody().get(pressed)).headers.get('Location')).toBe('/t');
  });
});

describe('a link in a letter that was sent before', () => {
  test('leads to where it would lead now, with what was chosen, without a look at whether there is one', async () => {
    for (const path of ['t', 'yours', 'rights', 'not-me', 'sign-in']) {
      const token = 'AAAAAAAAAAAAAAAAAAAAAA';
      const answer = await pages.nobody().get(`/${path}/${token}?says=yes`);
      expect([path, answer.status, answer.headers.get('Location')]).toEqual([path, 303, `/t?says=yes#${token}`]);
      expect([answer.headers.get('Referrer-Policy'), answer.headers.get('Cache-Control')]).toEqual([
        'no-referrer',
        'no-store',
      ]);
    }
  });

  test('opens its page as ever', async () => {
    const links = await linksOfEachKind(false);
    const paths = { task: 't', yours: 'yours', rights: 'rights', not_me: 'not-me', sign_in: 'sign-in' } as const;
    for (const [kind, path] of Object.entries(paths)) {
      const someone = pages.nobody();
      const led = await someone.get(`/${path}/${tokenOf(links[kind as Link['kind']])}`);
      const page = await someone.get(led.headers.get('Location')!);
      expect([kind, page.text.includes(headings[kind as Link['kind']])]).toEqual([kind, true]);
    }
  });
});

describe('a page that was opened when addresses still had the token', () => {
  test('has what was typed given back, asks for the link once more, does nothing, and is taken for no guess', async () => {
    const { task, yours, rights, not_me: notMe, sign_in: signIn } = await linksOfEachKind(false);
    // With the rates that hold outside of tests, where thirty guesses are the last.
    const app = createApp(pages.web);
    const [before, refused] = [await pages.facts(), await turnedAway()];
    const typed = new URLSearchParams({ key: 'k-1', says: 'no', words: 'It took me <an hour>.' });
    for (const pressed of [
      ...Array.from({ length: 40 }, () => `/t/${tokenOf(task)}/follow-up`),
      `/yours/${tokenOf(yours)}/say`,
      `/rights/${tokenOf(rights)}/erase`,
      `/not-me/${tokenOf(notMe)}`,
      `/sign-in/${tokenOf(signIn)}`,
    ]) {
      const answer = await app.request(pressed, { method: 'POST', body: typed });
      const html = await answer.text();
      expect([pressed, answer.status]).toEqual([pressed, 410]);
      expect(html).toContain('Open the link in the message once more, and press there.');
      expect(html).toContain('<p>It took me &lt;an hour&gt;.</p>');
    }
    expect(await pages.facts()).toBe(before);
    expect(await turnedAway()).toEqual(refused);
  });
});

describe('an address', () => {
  test('opens nothing of anybody by itself: the one-click address of a mail program stops letters, and shows no more than that', async () => {
    const { unsubscribe, yours } = await linksOfEachKind();
    const at = `/unsubscribe/${tokenOf(unsubscribe)}`;
    const page = await pages.nobody().get(at);
    expect(page.text).toContain('Stop writing to you?');
    for (const personal of ['Kim', 'Adler', 'kim@', 'charged', 'Harbour', 'HD-', 'Omar', 'we pay it back'])
      expect(page.html).not.toContain(personal);
    for (const press of ['/yours/say', '/yours/stop', '/yours/rights', '/rights/export', '/rights/erase', '/not-me'])
      expect((await pages.nobody().post(press, { link: unsubscribe, says: 'yes' })).status).toBe(404);
    // And no other link stops letters by its address alone.
    expect((await pages.nobody().post(`/unsubscribe/${tokenOf(yours)}`)).status).toBe(404);
  });

  test('in no page behind a link, in no form of it, and in none that a press leads to holds its token', async () => {
    const telling = ({ html, headers }: Page): string[] =>
      tellingAddresses(`${html} ${headers.get('Location') ?? ''} ${headers.get('Refresh') ?? ''}`);
    const [open, answered] = [await linksOfEachKind(false), await linksOfEachKind()];
    const someone = pages.nobody();
    for (const links of [open, answered])
      for (const kind of linkKinds) expect([kind, telling(await someone.get(links[kind]))]).toEqual([kind, []]);
    const [yours, task] = [await someone.get(answered.yours), await someone.get(open.task)];
    const signal = await pages.shop.hears({ ...green, words: 'Do you have this coat in olive?' });
    const decides = await someone.get(linkIn(await pages.shop.letter('prompt', 'tomas', signal.insight_id!)));
    const pressed = [
      await someone.press(yours, '/yours/say', { says: 'no', words: 'x'.repeat(2001) }),
      await someone.press(yours, '/yours/say', { says: 'yes' }),
      await someone.press(yours, '/yours/rights'),
      await someone.press(yours, '/yours/stop'),
      await someone.press(task, '/t/handover', { to: '' }),
      await someone.press(task, '/t/acknowledgement'),
      decides,
      await someone.press(decides, '/t/decision', { reason: '' }),
      await someone.press(await someone.get(answered.not_me), '/not-me'),
      await someone.press(await someone.get(answered.unsubscribe), '/unsubscribe'),
      await someone.press(await someone.get(answered.sign_in), '/sign-in/link', { code: '1' }),
    ];
    expect(pressed.map(telling)).toEqual(pressed.map(() => []));
  });
});

test('what goes wrong while a link is opened is reported without it', async () => {
  const { yours } = await linksOfEachKind(false);
  const reported: unknown[] = [];
  const configuration = (): Promise<never> => Promise.reject(new Error('It fell over.'));
  const app = createApp(
    { ...pages.web, heed: { ...pages.web.heed, configuration } },
    {
      rateLimiting: false,
      report: (error, reference) => void reported.push(String((error as Error).stack), reference),
    },
  );
  const body = new URLSearchParams({ link: yours });
  expect((await app.request('/t/open', { method: 'POST', body })).status).toBe(500);
  expect(reported).toHaveLength(2);
  expect(JSON.stringify(reported)).not.toContain(tokenOf(yours));
});
