/** Where SIGN_IN_SECOND_FACTOR_REQUIRED is set: nobody gets in, and nobody acts by a link, who has not proved two factors at the company's service. */

import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { choosing, linkTo } from '../../../../src/domain/links.ts';
import { openSignInService } from '../../../../src/integrations/oidc.ts';
import { keepApiKey } from '../../../../src/store/records/apiKeys.ts';
import { bindingsOf } from '../../../../src/store/records/bindings.ts';
import { makeLink } from '../../../../src/store/records/links.ts';
import { refusalsSince } from '../../../../src/store/records/refusals.ts';
import { verbsOfWait } from '../../../../src/triggers/http/pages/verbs.ts';
import { approveFollowUp } from '../../../../src/triggers/responses/approveFollowUp.ts';
import { green, kim } from '../../../activities/messages/shop.ts';
import { startSignInService, type SignInService } from '../../../support/signInService.ts';
import { lettersLeave } from '../../../support/database.ts';
import { linkIn, openPages, type Page, type Pages, type Visitor } from './visitors.ts';

const returnUrl = 'http://localhost/oidc/return';
const account = (name: string, login?: { amr?: string[]; acr?: string }) => ({
  email: `${name}@linden-vale.example`,
  email_verified: true,
  ...(login && { login }),
});
const accounts = {
  omar: account('omar', { amr: ['pwd', 'otp'] }),
  tomas: account('tomas', { amr: ['mfa'] }),
  femke: account('femke', { amr: ['pwd'] }),
  luca: account('luca'),
  aisha: account('aisha', { amr: ['mfa'], acr: 'urn:one' }),
  ingrid: account('ingrid', { acr: 'urn:two' }),
};

let pages: Pages;
let service: SignInService;
beforeAll(async () => {
  // The provider says on the console what it lacks for other uses than this.
  for (const level of ['info', 'warn'] as const) jest.spyOn(console, level).mockImplementation(() => {});
  pages = await openPages();
  service = await startSignInService(accounts, { returnUrl, claimsInToken: false });
});
afterAll(async () => {
  await service.stop();
  await pages.shop.close();
});
beforeEach(() => asksFor({ secondFactorRequired: true }));

function asksFor({ secondFactorRequired, acrValues }: { secondFactorRequired: boolean; acrValues?: string[] }): void {
  pages.web.signInService = {
    ...openSignInService({ ...service, returnUrl, ...(acrValues && { acrValues }) }),
    besideLinks: !secondFactorRequired,
    secondFactorRequired,
  };
}
async function signsIn(visitor: Visitor, person: keyof typeof accounts): Promise<Page> {
  const sent = (await visitor.get('/oidc')).headers.get('Location')!;
  return visitor.get((await service.signInAs(person, sent)).replace('http://localhost', ''));
}
const isIn = async (visitor: Visitor): Promise<boolean> => (await visitor.get('/mine')).status === 200;
const refusals = () => refusalsSince(pages.shop.db.pool, 1);
const refused = (door: string, why: string, whose: string, times: number) =>
  expect.objectContaining({ door, why, whose, times }) as Record<string, unknown>;
const ours = { 'Sec-Fetch-Site': 'same-origin' };

describe('signing in where it takes two factors', () => {
  test('lets in whom the service asked for both, and says so where they are signed in', async () => {
    const omar = pages.nobody();
    await omar.get('/mine');
    const page = await omar.get('/sign-in');
    expect(page.text).toContain('Sign in with the company');
    expect(page.text).not.toContain('Send me a link');
    expect((await signsIn(omar, 'omar')).headers.get('Location')).toBe('/mine');
    expect((await omar.get('/sessions')).text).toContain('By the company’s sign-in, with two factors');
  });

  test.each(['femke', 'luca'] as const)(
    'does not let in %s, of whom the service tells one or none, and is told whom to ask; nothing is kept of it but the refusal',
    async (person) => {
      const someone = pages.nobody();
      const before = await pages.facts();
      const answer = await signsIn(someone, person);
      expect(answer.status).toBe(403);
      expect(answer.text).toContain('does not tell Heed that it asked you for two factors');
      expect(answer.text).toContain('Ask whoever runs that sign-in');
      expect([await isIn(someone), someone.cookies.has('heed')]).toEqual([false, false]);
      expect(await pages.facts()).toBe(before);
      expect(await bindingsOf(pages.shop.db.pool, person)).toEqual([]);
      expect(await refusals()).toContainEqual(refused('sign_in', 'one_factor', person, 1));
    },
  );

  test('goes by the levels that the company names, where it does, whatever methods are told', async () => {
    asksFor({ secondFactorRequired: true, acrValues: ['urn:two'] });
    const [ingrid, aisha] = [pages.nobody(), pages.nobody()];
    expect((await signsIn(ingrid, 'ingrid')).status).toBe(303);
    expect((await signsIn(aisha, 'aisha')).status).toBe(403);
    expect([await isIn(ingrid), await isIn(aisha)]).toEqual([true, false]);
  });

  test('a session begun before under other levels is judged by those of today', async () => {
    asksFor({ secondFactorRequired: true, acrValues: ['urn:one', 'urn:two'] });
    const [ingrid, aisha] = [pages.nobody(), pages.nobody()];
    const whoIsIn = () => Promise.all([isIn(ingrid), isIn(aisha)]);
    await signsIn(ingrid, 'ingrid');
    await signsIn(aisha, 'aisha');
    expect(await whoIsIn()).toEqual([true, true]);

    asksFor({ secondFactorRequired: true, acrValues: ['urn:two'] });
    expect(await whoIsIn()).toEqual([true, false]);
    // Without levels it is the methods that count, of which the service told of her alone.
    asksFor({ secondFactorRequired: true });
    expect(await whoIsIn()).toEqual([false, true]);
  });

  test('is not done by a link, a mailed one or of heed invite, which stays good for when one factor will do', async () => {
    const link = linkTo('', await makeLink(pages.shop.db.pool, { kind: 'sign_in', staff: 'jonas' }));
    const jonas = pages.nobody();
    const before = await pages.facts();
    for (const page of [await jonas.get(link), await jonas.post('/sign-in/link', { link }, ours)]) {
      expect(page.status).toBe(401);
      expect(page.text).toContain('A link lets nobody in here, because it takes two factors');
      expect(page.html).toContain('href="/sign-in">Sign in</a>');
    }
    expect((await jonas.post('/sign-in', { email: 'jonas@linden-vale.example' }, ours)).status).toBe(404);
    expect(await pages.facts()).toBe(before);
    expect(await refusals()).toContainEqual(refused('sign_in', 'one_factor', 'jonas', 2));
    asksFor({ secondFactorRequired: false });
    await jonas.press(await jonas.get(link), '/sign-in/link');
    expect(await isIn(jonas)).toBe(true);
  });

  test('a session begun before by a link, or with one factor, opens nothing any more; one with two goes on', async () => {
    asksFor({ secondFactorRequired: false });
    const [byLink, byOne, byTwo] = [await pages.as('mina'), pages.nobody(), pages.nobody()];
    await signsIn(byOne, 'femke');
    await signsIn(byTwo, 'omar');
    const omarByLink = await pages.as('omar');
    const all = [byLink, byOne, byTwo, omarByLink];
    const whoIsIn = () => Promise.all(all.map(isIn));
    expect(await whoIsIn()).toEqual([true, true, true, true]);

    asksFor({ secondFactorRequired: true });
    expect(await whoIsIn()).toEqual([false, false, true, false]);
    const before = await pages.facts();
    const captured = await byLink.post('/capture', { words: 'Is this coat warm?', place: 'high-street' }, ours);
    expect([captured.status, await pages.facts()]).toEqual([401, before]);
    const listed = await byTwo.get('/sessions');
    expect(listed.text).toContain('By a link from an e-mail');
    expect(listed.html.match(/opens nothing now/g)).toHaveLength(1);

    asksFor({ secondFactorRequired: false });
    expect(await whoIsIn()).toEqual([true, true, true, true]);
  });

  test('nobody stands in for anybody in the demonstration', async () => {
    pages.web.demo = { mailbox: undefined, slackRoom: undefined, unread: () => ({ slack: 0, mail: 0 }) };
    const someone = pages.nobody();
    expect((await someone.post('/dev/stand-in', { person: 'mina' }, ours)).status).toBe(403);
    expect(someone.cookies.has('heed')).toBe(false);
    pages.web.demo = undefined;
  });
});

describe('a link in a letter to a colleague, where signing in takes two factors', () => {
  /** A complaint at the harbour, and the link in the mail to Omar, who runs it. */
  async function omarIsAsked() {
    const signal = await pages.shop.hears({ ...kim, words: 'I was charged twice.', place: 'harbour', by: 'aisha' });
    return { signal, link: linkIn(await pages.shop.letter('prompt', 'omar', signal.id)) };
  }

  test('opens and leads to signing in, without a word of what was said, and no press counts', async () => {
    const { link } = await omarIsAsked();
    const someone = pages.nobody();
    const before = await pages.facts();
    const page = await someone.get(link);
    expect(page.status).toBe(200);
    expect(page.text).toContain('You are Omar Haddad. Opening this has changed nothing.');
    expect(page.html).toContain('href="/sign-in">Sign in</a>');
    for (const hidden of ['charged', 'Kim', 'action="/t']) expect(page.html).not.toContain(hidden);
    const verbs = verbsOfWait['answered']!;
    for (const verb of verbs) {
      const pressed = await someone.post(`/t/${verb}`, { link, words: 'Dear Kim.', reason: 'Mine.' }, ours);
      expect({ verb, status: pressed.status }).toEqual({ verb, status: 401 });
      expect(pressed.text).toContain('so nothing was recorded');
    }
    expect(await pages.facts()).toBe(before);
    expect(await refusals()).toContainEqual(refused('link', 'needs_sign_in', 'omar', verbs.length));
  });

  test('says not even what became of it once it is over, before its person has signed in', async () => {
    const { signal, link } = await omarIsAsked();
    await approveFollowUp(
      pages.web.heed,
      { loopId: signal.id, by: 'omar', press: pages.shop.press() },
      { words: 'Dear Kim, we pay it back.' },
    );
    const omar = pages.nobody();
    const page = await omar.get(link);
    expect(page.text).toContain('You are Omar Haddad.');
    expect(page.text).not.toContain('answered');
    await signsIn(omar, 'omar');
    expect((await omar.get(link)).status).toBe(410);
  });

  test('does all of it once its person has signed in with both, and for nobody else who has', async () => {
    const { signal, link } = await omarIsAsked();
    const tomas = pages.nobody();
    await signsIn(tomas, 'tomas');
    const before = await pages.facts();
    expect((await tomas.get(link)).text).toContain('the link alone is not enough');
    expect((await tomas.post('/t/acknowledgement', { link }, ours)).status).toBe(401);
    expect(await pages.facts()).toBe(before);

    const omar = pages.nobody();
    const typed = await omar.post('/t/follow-up', { link, words: 'Dear Kim, we pay it back.', key: 'once' }, ours);
    expect(typed.html).toContain('Dear Kim, we pay it back.');
    expect((await signsIn(omar, 'omar')).headers.get('Location')).toBe(link);
    const taken = await omar.press(await omar.get(link), '/t/acknowledgement');
    expect(taken.text).toContain('It is yours. Next: answer the customer.');
    const sent = await omar.press(typed, '/t/follow-up');
    expect(sent.text).toContain('Sent in your name.');
    expect((await pages.shop.signal(signal.id)).answered_by).toBe('omar');
  });

  test('is good for no session by one factor either', async () => {
    asksFor({ secondFactorRequired: false });
    const { link } = await omarIsAsked();
    const omar = await pages.as('omar');
    const page = await omar.get(link);
    expect(page.html).toContain('action="/t/acknowledgement"');
    asksFor({ secondFactorRequired: true });
    const before = await pages.facts();
    expect((await omar.press(page, '/t/acknowledgement')).status).toBe(401);
    expect(await pages.facts()).toBe(before);
  });

  test('is the same for a decision, of whatever stake', async () => {
    const signal = await pages.shop.hears({ ...green, words: 'Do you have this coat in yellow?' });
    const link = linkIn(await pages.shop.letter('prompt', 'tomas', signal.insight_id!)).replace('?do=adopt', '');
    const tomas = pages.nobody();
    const declines = choosing(link, '?do=decline');
    expect((await tomas.get(declines)).html).not.toContain('yellow');
    const declining = { do: 'decline', reason: 'Not this year.' };
    const before = await pages.facts();
    expect((await tomas.post('/t/decision', { link, ...declining }, ours)).status).toBe(401);
    expect(await pages.facts()).toBe(before);
    await tomas.get(declines);
    expect((await signsIn(tomas, 'tomas')).headers.get('Location')).toBe(declines);
    const decided = await tomas.press(await tomas.get(declines), '/t/decision', declining);
    expect(decided.text).toContain('Decided.');
  });
});

test('a customer’s own link, and the key of a program, ask for none', async () => {
  const signal = await pages.shop.hears({ ...kim, words: 'I was charged twice.' });
  await approveFollowUp(
    pages.web.heed,
    { loopId: signal.id, by: 'priya', press: pages.shop.press() },
    { words: 'Dear Kim, we pay it back.' },
  );
  await lettersLeave(pages.shop.db, signal.id);
  const { pool } = pages.shop.db;
  const at = linkTo('', await makeLink(pool, { kind: 'yours', customerId: signal.customer_id!, loopId: signal.id }));
  const kims = pages.nobody();
  const yes = await kims.press(await kims.get(at), '/yours/say', { says: 'yes' });
  expect(yes.text).toContain('We are glad it is settled.');
  await keepApiKey(pool, 'the-key-of-the-till', { name: 'till', scopes: ['read'], by: 'ops' });
  const read = await pages.nobody().get('/v1/signals', { Authorization: 'Bearer the-key-of-the-till' });
  expect(read.status).toBe(200);
});
