import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { z } from 'zod';
import { openSignInService } from '../../../../src/integrations/oidc.ts';
import { sql } from '../../../../src/store/pool.ts';
import { bindingsOf, freeBindings, isKnownBy } from '../../../../src/store/records/bindings.ts';
import { applyConfiguration } from '../../../../src/store/records/configurations.ts';
import { refusalsSince } from '../../../../src/store/records/refusals.ts';
import { foundIn, foundInDatabase } from '../../../support/canaries.ts';
import { startSignInService, type SignInService } from '../../../support/signInService.ts';
import { openPages, type Page, type Pages, type Visitor } from './visitors.ts';

const returnUrl = 'http://localhost/oidc/return';
const accounts = {
  mina: { email: 'Mina@linden-vale.example', email_verified: true },
  priya: { email: 'priya@linden-vale.example', email_verified: false },
  stranger: { email: 'somebody@elsewhere.example', email_verified: true },
};

const beside = { besideLinks: true, secondFactorRequired: false };

let pages: Pages;
let service: SignInService;
beforeAll(async () => {
  // The provider says on the console what it lacks for other uses than this.
  for (const level of ['info', 'warn'] as const) jest.spyOn(console, level).mockImplementation(() => {});
  pages = await openPages();
  service = await startSignInService(accounts, { returnUrl, claimsInToken: false });
  pages.web.signInService = { ...openSignInService({ ...service, returnUrl }), ...beside };
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
    // Once: signing in again leads to the beginning.
    await mina.post('/sign-out', {});
    const again = await comesBack(mina, await service.signInAs('mina', await sent(mina)));
    expect(again.headers.get('Location')).toBe('/');
    expect((await mina.get('/sessions')).text).toContain('By the company’s sign-in');
  });

  test('leaves the tokens of its service where they are needed: no browser has them, and no table', async () => {
    const asked: { url: string; authorization: string | null; answer: string }[] = [];
    const real = globalThis.fetch;
    const listening = jest.spyOn(globalThis, 'fetch').mockImplementation(async (url, options) => {
      const answer = await real(url, options);
      const authorization = new Headers(options?.headers).get('Authorization');
      asked.push({ url: new Request(url).url, authorization, answer: await answer.clone().text() });
      return answer;
    });
    const mina = pages.nobody();
    const way = await service.signInAs('mina', await sent(mina));
    const seen = [await comesBack(mina, way), await mina.get('/mine'), await mina.get('/sessions')];
    listening.mockRestore();

    const given = asked.find(({ url }) => url.startsWith(`${service.issuer}/token`))!;
    const { access_token, id_token } = JSON.parse(given.answer) as Record<'access_token' | 'id_token', string>;
    const tokens = [access_token, id_token, id_token.split('.')[2]!];
    for (const token of tokens) expect(token.length).toBeGreaterThan(20);
    const browser = JSON.stringify([way, ...seen.map(({ html, headers }) => [html, [...headers]]), [...mina.cookies]]);
    expect(foundIn('the browser', browser, tokens)).toEqual([]);
    expect(await foundInDatabase(pages.shop.db.url, tokens)).toEqual([]);
    // The one goes back to its service, to ask who it is; the other to nobody.
    expect(asked.filter(({ authorization }) => authorization?.includes(access_token)).map(({ url }) => url)).toEqual([
      `${service.issuer}/me`,
    ]);
    expect(asked.filter(({ url, authorization }) => `${url} ${authorization}`.includes(id_token))).toEqual([]);
    expect((await mina.get('/mine')).status).toBe(200);
  });

  test('lasts for a working day, so that whoever has left the service is out by then', async () => {
    const mina = pages.nobody();
    await comesBack(mina, await service.signInAs('mina', await sent(mina)));
    await pages.shop.db.passTime('11 hours');
    expect((await mina.get('/mine')).status).toBe(200);
    await pages.shop.db.passTime('1 hour');
    expect((await mina.get('/mine')).headers.get('Location')).toBe('/sign-in');
  });

  test('who proved hours ago there who they are is let in by one press, and shuts nobody out until they have proved it anew', async () => {
    const [mina, there] = [pages.nobody(), service.browser()];
    const mayEnd = async (): Promise<boolean> => (await mina.get('/sessions')).html.includes('action="/sessions/end"');
    await comesBack(mina, await there.signInAs('mina', await sent(mina)));
    // This service says when it was only where it is asked to let nobody through who did so too long ago.
    expect(await mayEnd()).toBe(false);
    await comesBack(mina, (await there.isLetThrough(await sent(mina)))!);
    expect(await mayEnd()).toBe(true);

    const later = Date.now() + 3 * 3_600_000;
    const clock = jest.spyOn(Date, 'now').mockImplementation(() => later);
    await mina.post('/sign-out', {});
    await comesBack(mina, (await there.isLetThrough(await sent(mina)))!);
    expect((await mina.get('/mine')).status).toBe(200);
    expect(await mayEnd()).toBe(false);
    const anew = await sent(mina);
    expect(await there.isLetThrough(anew)).toBeUndefined();
    await comesBack(mina, await there.signInAs('mina', anew));
    expect(await mayEnd()).toBe(true);
    clock.mockRestore();
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
    const back = await service.refuse(await sent(someone));
    const answer = await comesBack(someone, back);
    expect([answer.status, cookiesOf(someone)]).toEqual([403, []]);
    expect(answer.text).toContain('sent you back without signing you in');
    expect(new URL(back).searchParams.get('error')).toBe('access_denied');
    // Led here by somebody else, they are not told that their company refused them.
    const led = await comesBack(pages.nobody(), back);
    expect(led.text).toContain('not begun here');
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
    expect(mina.cookies.get('heed-way') ?? '').toBe('');
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
    pages.web.signInService = { ...openSignInService(gone), ...beside };
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
    pages.web.signInService = { ...openSignInService({ ...other, returnUrl }), ...beside };
    const mina = pages.nobody();
    await comesBack(mina, await other.signInAs('mina', await sent(mina)));
    expect((await mina.get('/mine')).status).toBe(200);
    await other.stop();
  });
});

describe('somebody is known by their account there, from the first time they came by it', () => {
  const address = 'luca@linden-vale.example';
  beforeAll(() => {
    pages.web.signInService = { ...openSignInService({ ...service, returnUrl }), ...beside };
  });
  /** Somebody signs in there, and comes back to us. */
  const comesBy = async (account: string): Promise<Page> => {
    const visitor = pages.nobody();
    const answer = await comesBack(visitor, await service.signInAs(account, await sent(visitor)));
    expect(cookiesOf(visitor)).toHaveLength(answer.status === 303 ? 1 : 0);
    return answer;
  };
  const thereIs = (account: string, email: string): void =>
    void Object.assign(accounts, { [account]: { email, email_verified: true } });
  const livesAt = (code: string, email: string): Promise<void> =>
    pages.shop.db.apply((company) => {
      company.staff[code] = { ...company.staff['mina']!, name: `${code} of the test`, email };
    });
  const leaves = (code: string): Promise<void> => pages.shop.db.apply((company) => void delete company.staff[code]);
  const refused = (why: string, whose: string) =>
    expect.objectContaining({ door: 'sign_in', why, whose }) as Record<string, unknown>;
  const refusals = () => refusalsSince(pages.shop.db.pool, 1);
  const known = async (code: string): Promise<string[]> =>
    (await bindingsOf(pages.shop.db.pool, code)).map(({ subject, email }) => `${subject} ${email}`);

  test('whoever is given their address there is not taken for them, and is told what to do', async () => {
    thereIs('luca', address);
    expect((await comesBy('luca')).status).toBe(303);
    expect(await known('luca')).toEqual([`luca ${address}`]);
    thereIs('luca-2', address);
    const other = await comesBy('luca-2');
    expect(other.status).toBe(403);
    expect(other.text).toContain('Was your account made anew? Then ask whoever runs Heed to free the address for it.');
    expect(await refusals()).toContainEqual(refused('other_account', 'luca'));
    expect((await comesBy('luca')).status).toBe(303);
  });

  test('an address that only looks like theirs, and becomes it in lower case, is not theirs', async () => {
    await livesAt('kit', 'kit@linden-vale.example');
    // With the sign of Kelvin.
    thereIs('another', '\u212ait@linden-vale.example');
    const another = await comesBy('another');
    expect(another.status).toBe(403);
    expect(another.text).toContain('Heed does not know that address');
    expect(await known('kit')).toEqual([]);
  });

  test('once it is freed, whoever came by it is out, and the account that comes next is theirs', async () => {
    const visitor = pages.nobody();
    await comesBack(visitor, await service.signInAs('luca', await sent(visitor)));
    const byLink = await pages.as('luca');
    const { pool } = pages.shop.db;
    const freed = await pool.transaction((tx) => freeBindings(tx, 'luca', { by: 'otto', reason: 'made anew' }));
    expect(freed).toBe(1);
    expect((await visitor.get('/mine')).headers.get('Location')).toBe('/sign-in');
    expect((await byLink.get('/mine')).status).toBe(200);
    expect((await comesBy('luca-2')).status).toBe(303);
    expect((await comesBy('luca')).status).toBe(403);
    expect(await known('luca')).toEqual([`luca-2 ${address}`]);
  });

  test('their account lets nobody in as somebody else, though the service says so', async () => {
    thereIs('luca-2', 'jonas@linden-vale.example');
    expect((await comesBy('luca-2')).status).toBe(403);
    expect(await refusals()).toContainEqual(refused('other_account', 'jonas'));
    expect(await known('jonas')).toEqual([]);
    thereIs('luca-2', address);
  });

  test('under another address than the company file has for them they are told so; once it stands there they come in', async () => {
    await livesAt('yara', 'yara@linden-vale.example');
    thereIs('yara', 'yara@linden-vale.example');
    expect((await comesBy('yara')).status).toBe(303);
    thereIs('yara', 'yara.yilmaz@linden-vale.example');
    const moved = await comesBy('yara');
    expect(moved.status).toBe(403);
    expect(moved.text).toContain('under another address than the company file has for you');
    expect(await refusals()).toContainEqual(refused('other_address', 'yara'));
    await livesAt('yara', 'yara.yilmaz@linden-vale.example');
    expect(await known('yara')).toEqual([]);
    expect((await comesBy('yara')).status).toBe(303);
    expect(await known('yara')).toEqual(['yara yara.yilmaz@linden-vale.example']);
    // What freed it is on record: the version of the file, for none of which a reason was given.
    expect(
      await pages.shop.db.pool.any(sql.unsafe`
        select f.by, f.reason, f.configuration = (select max(version) from configurations) as by_the_file
        from freeings f join bindings b on b.id = f.binding_id where b.staff = 'yara'`),
    ).toEqual([{ by: 'test', reason: null, by_the_file: true }]);
  });

  test('whoever is given their code, with an address of their own, begins anew', async () => {
    await livesAt('yara', 'yusuf@linden-vale.example');
    thereIs('yusuf', 'yusuf@linden-vale.example');
    expect((await comesBy('yusuf')).status).toBe(303);
    expect((await comesBy('yara')).status).toBe(403);
    expect(await known('yara')).toEqual(['yusuf yusuf@linden-vale.example']);
  });

  test('who left and is back comes by the account they had, and nobody else by their address meanwhile', async () => {
    await livesAt('xenia', 'xenia@linden-vale.example');
    thereIs('xenia', 'xenia@linden-vale.example');
    expect((await comesBy('xenia')).status).toBe(303);
    await leaves('xenia');
    expect((await comesBy('xenia')).status).toBe(403);
    await livesAt('xenia', 'xenia@linden-vale.example');
    thereIs('xenia-2', 'xenia@linden-vale.example');
    expect((await comesBy('xenia-2')).status).toBe(403);
    expect((await comesBy('xenia')).status).toBe(303);
    // The file gives the address to somebody else: it is theirs by the account they come by.
    await leaves('xenia');
    await livesAt('wim', 'xenia@linden-vale.example');
    expect((await comesBy('xenia-2')).status).toBe(303);
    expect(await known('wim')).toEqual(['xenia-2 xenia@linden-vale.example']);
  });

  test('the account of who has left stays theirs, though somebody who is known by another comes by it meanwhile', async () => {
    await livesAt('olga', 'olga@linden-vale.example');
    thereIs('olga', 'olga@linden-vale.example');
    expect((await comesBy('olga')).status).toBe(303);
    await leaves('olga');
    await livesAt('piet', 'piet@linden-vale.example');
    thereIs('piet', 'piet@linden-vale.example');
    expect((await comesBy('piet')).status).toBe(303);
    thereIs('olga', 'piet@linden-vale.example');
    expect((await comesBy('olga')).status).toBe(403);
    await livesAt('olga', 'olga@linden-vale.example');
    thereIs('olga-2', 'olga@linden-vale.example');
    expect((await comesBy('olga-2')).status).toBe(403);
    expect(await known('olga')).toEqual(['olga olga@linden-vale.example']);
  });

  test('who is in the file under another code and another address comes by the account they had', async () => {
    await livesAt('vera', 'vera@linden-vale.example');
    thereIs('vera', 'vera@linden-vale.example');
    expect((await comesBy('vera')).status).toBe(303);
    await leaves('vera');
    await livesAt('vera-vogel', 'vera.vogel@linden-vale.example');
    thereIs('vera', 'vera.vogel@linden-vale.example');
    expect((await comesBy('vera')).status).toBe(303);
    expect([await known('vera'), await known('vera-vogel')]).toEqual([[], ['vera vera.vogel@linden-vale.example']]);
  });

  test('of many who come first at the same moment, one is', async () => {
    const person = { code: 'femke', email: 'femke@linden-vale.example' };
    const came = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        isKnownBy(pages.shop.db.pool, person, { issuer: service.issuer, subject: `femke-${n}` }),
      ),
    );
    expect(came.filter(Boolean)).toHaveLength(1);
    expect(await known('femke')).toHaveLength(1);
  });

  test('an address that the file takes from them at that moment binds nobody', async () => {
    const { pool, company } = pages.shop.db;
    const person = { code: 'aisha', email: 'aisha@linden-vale.example' };
    const waiting = (): Promise<number> =>
      pool.oneFirst(sql.type(z.object({ n: z.number() }))`
        select count(*)::integer as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`);
    const changed = structuredClone(company);
    changed.staff['aisha']!.email = 'aisha.anand@linden-vale.example';
    const [applied, mayCommit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const applying = pool.transaction(async (tx) => {
      await applyConfiguration(tx, { yaml: '# aisha is called otherwise', company: changed, by: 'test' });
      applied.resolve();
      await mayCommit.promise;
    });
    await applied.promise;
    const coming = isKnownBy(pool, person, { issuer: service.issuer, subject: 'aisha' });
    while ((await waiting()) === 0) await setImmediate();
    mayCommit.resolve();
    await applying;
    expect([await coming, await known('aisha')]).toEqual([false, []]);
  });
});
