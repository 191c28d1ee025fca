import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { openSignInService } from '../../../../src/integrations/oidc.ts';
import { startSignInService, type SignInService } from '../../../support/signInService.ts';
import { openPages, type Page, type Pages, type Visitor } from './visitors.ts';

const returnUrl = 'http://localhost/oidc/return';
const accounts = {
  mina: { email: 'Mina@linden-vale.example', email_verified: true },
  priya: { email: 'priya@linden-vale.example', email_verified: false },
  stranger: { email: 'somebody@elsewhere.example', email_verified: true },
};

let pages: Pages;
let service: SignInService;
beforeAll(async () => {
  // The provider says on the console what it lacks for other uses than this.
  for (const level of ['info', 'warn'] as const) jest.spyOn(console, level).mockImplementation(() => {});
  pages = await openPages();
  service = await startSignInService(accounts, { returnUrl, claimsInToken: false });
  pages.web.signInService = { ...openSignInService({ ...service, returnUrl }), besideLinks: true };
});
afterAll(async () => {
  await service.stop();
  await pages.shop.close();
});

/** Where our page sends somebody. */
const sent = async (visitor: Visitor): Promise<string> => (await visitor.get('/oidc')).headers.get('Location')!;
/** Comes back to us with what the service gave along. */
const comesBack = (visitor: Visitor, to: string): Promise<Page> => visitor.get(to.replace('http://localhost', ''));
const cookiesOf = (visitor: Visitor): string[] => [...visitor.cookies.keys()].filter((name) => name === 'heed');

describe('signing in with the company', () => {
  test('leads to its service and back to where one wanted to go', async () => {
    const mina = pages.nobody();
    await mina.get('/mine');
    const page = await mina.get('/sign-in');
    expect(page.html).toContain('href="/oidc">Sign in with the company</a>');
    expect(page.text).toContain('Send me a link');
    const inside = await comesBack(mina, await service.signInAs('mina', await sent(mina)));
    expect(inside.headers.get('Location')).toBe('/mine');
    expect((await mina.get('/sessions')).text).toContain('By the company’s sign-in');
  });

  test('lasts for a working day, so that whoever has left the service is out by then', async () => {
    const mina = pages.nobody();
    await comesBack(mina, await service.signInAs('mina', await sent(mina)));
    await pages.shop.db.passTime('11 hours');
    expect((await mina.get('/mine')).status).toBe(200);
    await pages.shop.db.passTime('1 hour');
    expect((await mina.get('/mine')).headers.get('Location')).toBe('/sign-in');
  });

  test.each([
    ['stranger', 'Heed does not know that address'],
    ['priya', 'does not vouch for your e-mail address'],
  ])('lets %s in by no means', async (account, sentence) => {
    const someone = pages.nobody();
    const answer = await comesBack(someone, await service.signInAs(account, await sent(someone)));
    expect(answer.status).toBe(403);
    expect(answer.text).toContain(sentence);
    expect(cookiesOf(someone)).toEqual([]);
  });

  test('begins from a page of ours alone: another site that leads there signs nobody in', async () => {
    const led = await pages.nobody().get('/oidc', { 'Sec-Fetch-Site': 'cross-site' });
    expect(led.headers.get('Location')).toBe('/sign-in');
  });

  test('lets nobody in whom the service refused', async () => {
    const someone = pages.nobody();
    const answer = await comesBack(someone, await service.refuse(await sent(someone)));
    expect([answer.status, cookiesOf(someone)]).toEqual([403, []]);
  });

  test('a way back is good once, in the browser it was begun in, and as the service gave it', async () => {
    const [mina, other] = [pages.nobody(), pages.nobody()];
    const back = await service.signInAs('mina', await sent(mina));
    await sent(other);
    const altered = (name: string, value: string): string => {
      const url = new URL(back);
      url.searchParams.set(name, value);
      return url.href;
    };
    const memory = mina.cookies.get('heed-way')!;
    const with_ = (visitor: Visitor, to: string, cookie?: string): Promise<Page> => {
      if (cookie) visitor.cookies.set('heed-way', cookie);
      return comesBack(visitor, to);
    };
    const nobody = (): Visitor => pages.nobody();
    const table: [string, Promise<Page>][] = [
      ['without what its browser remembers', with_(nobody(), back)],
      ['in another browser', with_(other, back)],
      ['with another state', with_(nobody(), altered('state', 'another'), memory)],
      ['from another service', with_(nobody(), altered('iss', 'https://evil.example'), memory)],
      ['with nonsense for a memory', with_(nobody(), back, 'nonsense')],
      ['without a code', with_(nobody(), altered('code', ''), memory)],
    ];
    for (const [name, asking] of table) expect([name, (await asking).status]).toEqual([name, 403]);
    // These spend the code at the service, each its own.
    for (const change of [{ verifier: 'x'.repeat(43) }, { nonce: 'another' }]) {
      const someone = pages.nobody();
      const theirs = await service.signInAs('mina', await sent(someone));
      const remembered = someone.cookies.get('heed-way')!;
      const own = JSON.parse(Buffer.from(remembered, 'base64url').toString()) as object;
      const changed = Buffer.from(JSON.stringify({ ...own, ...change })).toString('base64url');
      expect([change, (await with_(nobody(), theirs, changed)).status]).toEqual([change, 403]);
    }
    expect((await comesBack(mina, back)).headers.get('Location')).toBe('/');
    expect((await with_(nobody(), back, memory)).status).toBe(403);
  });

  test('whoever leaves the company file is out at once', async () => {
    await pages.shop.db.apply((company) => {
      company.staff['zoe'] = { ...company.staff['mina']!, name: 'Zoe Zane', email: 'zoe@linden-vale.example' };
    });
    Object.assign(accounts, { zoe: { email: 'zoe@linden-vale.example', email_verified: true } });
    const zoe = pages.nobody();
    await comesBack(zoe, await service.signInAs('zoe', await sent(zoe)));
    expect((await zoe.get('/mine')).status).toBe(200);
    await pages.shop.db.apply((company) => void delete company.staff['zoe']);
    expect((await zoe.get('/mine')).headers.get('Location')).toBe('/sign-in');
    const again = await comesBack(zoe, await service.signInAs('zoe', await sent(zoe)));
    expect(again.status).toBe(403);
  });

  test('a service that cannot be reached is said to be so, and the link by e-mail is still there', async () => {
    const gone = { issuer: 'http://127.0.0.1:9', clientId: 'heed', clientSecret: 'secret', returnUrl };
    const before = pages.web.signInService;
    pages.web.signInService = { ...openSignInService(gone), besideLinks: true };
    const answer = await pages.nobody().get('/oidc');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('The company’s sign-in can’t be reached just now.');
    pages.web.signInService = before;
  });

  test('where links by e-mail are switched off, none is offered and none is sent', async () => {
    pages.web.signInService = { ...pages.web.signInService!, besideLinks: false };
    const page = await pages.nobody().get('/sign-in');
    expect(page.text).not.toContain('Send me a link');
    const before = await pages.facts();
    const answer = await pages.nobody().post('/sign-in', { email: 'mina@linden-vale.example' });
    expect([answer.status, await pages.facts()]).toEqual([404, before]);
  });

  test('a service that says in its token who it is will do as well', async () => {
    const other = await startSignInService(accounts, { returnUrl, claimsInToken: true });
    pages.web.signInService = { ...openSignInService({ ...other, returnUrl }), besideLinks: true };
    const mina = pages.nobody();
    await comesBack(mina, await other.signInAs('mina', await sent(mina)));
    expect((await mina.get('/mine')).status).toBe(200);
    await other.stop();
  });
});
