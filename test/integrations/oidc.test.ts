/** What the company's sign-in service says is believed only when the service said it, to us, just now: each part of its token is looked at. */

import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { provesTwoFactors } from '../../src/domain/secondFactor.ts';
import type { Vouched } from '../../src/domain/signIn.ts';
import { openSignInService, type SignInService } from '../../src/integrations/oidc.ts';

const theirs = generateKeyPairSync('rsa', { modulusLength: 2048 });
const strangers = generateKeyPairSync('rsa', { modulusLength: 2048 });
const clientSecret = 'a-secret-of-heed-and-the-service';

let service: Server;
let issuer: string;
let signIn: SignInService;
/** One whose levels are named. */
let signInByLevel: SignInService;
/** What the service gives for the next code. */
let token = '';
/** What it says of somebody when it is asked. */
let whenAsked = {};
/** How whoever brought the last code said who they are. */
let broughtBy: string | undefined;
/** It takes the code and says nothing. */
let silent = false;
/** What its metadata say otherwise. */
let claimed: Record<string, unknown> = {};
/** The address from which it sends whoever asks on to another one. */
let sendingOn: string | undefined;
/** What was asked there. */
let askedElsewhere: string[] = [];

beforeAll(async () => {
  service = createServer((request, response) => {
    const answer = (body: object): void =>
      void response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    if (request.url?.startsWith('/elsewhere')) askedElsewhere.push(request.url);
    else if (sendingOn && request.url?.endsWith(sendingOn))
      return void response.writeHead(307, { location: `${issuer}/elsewhere${request.url}` }).end();
    if (request.url?.startsWith('/elsewhere')) request.url = request.url.slice('/elsewhere'.length);
    if (request.url === '/jwks')
      return answer({ keys: [{ ...theirs.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256' }] });
    if (request.url === '/userinfo') return answer(whenAsked);
    if (request.url === '/token') broughtBy = request.headers.authorization;
    if (request.url === '/token' && silent) return;
    if (request.url === '/token')
      return answer({ access_token: 'a', token_type: 'Bearer', expires_in: 60, id_token: token });
    answer({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      ...claimed,
    });
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  issuer = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  const ours = { issuer, clientId: 'heed', clientSecret, returnUrl: 'http://heed.example/sign-in/back' };
  signIn = openSignInService(ours);
  signInByLevel = openSignInService({ ...ours, acrValues: ['urn:two', 'urn:more'] });
});
afterAll(() => void service.close());

const now = (): number => Math.floor(Date.now() / 1000);
const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const signed = (header: object, claims: object, by: (text: string) => Buffer): string => {
  const text = `${part(header)}.${part(claims)}`;
  return `${text}.${by(text).toString('base64url')}`;
};
const rsa = (key: KeyObject) => (text: string) => sign('RSA-SHA256', Buffer.from(text), key);

/** Tomas goes there, and comes back with a code for which the service gives this token. */
async function comesBack(
  make: (claims: Record<string, unknown>) => string,
  by = signIn,
  how = { anew: false },
): Promise<Vouched> {
  const begun = (await by.begin(how))!;
  const asked = new URL(begun.url).searchParams;
  token = make({
    iss: issuer,
    aud: 'heed',
    sub: 'tomas-7',
    nonce: asked.get('nonce'),
    iat: now(),
    exp: now() + 60,
    email: 'tomas@linden-vale.example',
    email_verified: true,
  });
  return by.finish(new URL(`http://heed.example/sign-in/back?code=c&state=${asked.get('state')}`), begun.memory);
}

const header = { alg: 'RS256', kid: 'one' };
/** One that has not asked the service for anything yet. */
const fresh = (): SignInService =>
  openSignInService({ issuer, clientId: 'heed', clientSecret, returnUrl: 'http://heed.example/sign-in/back' });
const byService = rsa(theirs.privateKey);

test('a token that the service made for us just now vouches for somebody', async () => {
  expect(await comesBack((claims) => signed(header, claims, byService))).toEqual({
    email: 'tomas@linden-vale.example',
    issuer,
    subject: 'tomas-7',
    strength: { acr: null, twoMethods: false },
    provedSecondsAgo: null,
  });
});

test('when they proved who they are is what the service says, by its own clock; one that never tells is believed once it was told to ask', async () => {
  const provedAgo = async (said: object, anew: boolean, by = signIn): Promise<number | null | undefined> => {
    const vouched = await comesBack((claims) => signed(header, { ...claims, ...said }, byService), by, { anew });
    return 'trouble' in vouched ? undefined : vouched.provedSecondsAgo;
  };
  for (const anew of [false, true]) {
    expect(await provedAgo({ auth_time: now() - 7_200 }, anew)).toBeGreaterThanOrEqual(7_199);
    expect(await provedAgo({ auth_time: now() + 60 }, anew)).toBe(0);
    // Told in milliseconds, such as by some, it would never be long ago.
    expect(await provedAgo({ auth_time: (now() - 7_200) * 1_000 }, anew)).toBeNull();
    // What is no time is no token of the protocol.
    expect(await provedAgo({ auth_time: 'just now' }, anew)).toBeUndefined();
    // Whoever it lets through then may do here what takes a sign-in of the last ten minutes.
    expect(new URL((await signIn.begin({ anew }))!.url).searchParams.get('max_age')).toBe(anew ? '600' : null);
  }
  for (const [claims_supported, believed] of [
    [undefined, 0],
    [['sub', 'email'], 0],
    [['sub', 'auth_time'], null],
  ] as const) {
    claimed = { ...(claims_supported && { claims_supported }) };
    const one = fresh();
    expect([await provedAgo({}, false, one), await provedAgo({}, true, one)]).toEqual([null, believed]);
  }
  claimed = {};
});

test('metadata that name another issuer than the one that was set, however little differs, send nobody anywhere', async () => {
  const { port } = new URL(issuer);
  const others = [
    'https://elsewhere.example',
    `${issuer}/tenant`,
    `${issuer}//`,
    `${issuer}?tenant`,
    `http://localhost:${port}`,
    `https://127.0.0.1:${port}`,
    'no address',
    undefined,
  ];
  for (const other of others) {
    claimed = { issuer: other };
    expect([other, await fresh().begin()]).toEqual([other, undefined]);
  }
  claimed = {};
  expect(new URL((await fresh().begin())!.url).origin).toBe(issuer);
});

test('it is asked where it is set and where its metadata say, and no redirect is followed from there', async () => {
  for (const [address, expected] of [
    ['openid-configuration', undefined],
    ['/token', { trouble: 'refused' }],
    ['/jwks', { trouble: 'refused' }],
    ['/userinfo', { trouble: 'refused' }],
  ] as const) {
    [sendingOn, askedElsewhere] = [address, []];
    const by = fresh();
    // Without an address in the token, it is asked for that.
    const came = address.startsWith('/')
      ? await comesBack((claims) => signed(header, { ...claims, email: undefined }, byService), by)
      : await by.begin();
    expect([address, came, askedElsewhere]).toEqual([address, expected, []]);
  }
  sendingOn = undefined;
});

test('the secret that we say to it is the one of the moment', async () => {
  let inForce = 'first';
  const renewed = openSignInService({
    issuer,
    clientId: 'heed',
    clientSecret: () => inForce,
    returnUrl: 'http://heed.example/sign-in/back',
  });
  for (const secret of ['first', 'second']) {
    inForce = secret;
    expect(await comesBack((claims) => signed(header, claims, byService), renewed)).toHaveProperty('subject');
    expect(broughtBy).toBe(`Basic ${Buffer.from(`heed:${secret}`).toString('base64')}`);
  }
});

test('of two factors it is taken at its word, and no answer that is not signed is', async () => {
  const proved = async (said: object, by = signIn): Promise<boolean | undefined> => {
    const vouched = await comesBack((claims) => signed(header, { ...claims, ...said }, byService), by);
    return 'trouble' in vouched ? undefined : provesTwoFactors(vouched.strength, by.acrValues);
  };
  expect(await proved({ amr: ['pwd', 'otp'] })).toBe(true);
  expect(await proved({ acr: 'urn:more' }, signInByLevel)).toBe(true);

  const strong = { amr: ['mfa'], acr: 'urn:two' };
  whenAsked = { sub: 'tomas-7', email: 'tomas@linden-vale.example', email_verified: true, ...strong };
  const askedForTheAddress = { email: undefined, amr: ['pwd'] };
  expect(await proved(askedForTheAddress)).toBe(false);
  expect(await proved(askedForTheAddress, signInByLevel)).toBe(false);
});

test('it is asked for the levels that are named, and for none where none are', async () => {
  const asked = async (by: SignInService) => new URL((await by.begin())!.url).searchParams.get('acr_values');
  expect([await asked(signIn), await asked(signInByLevel)]).toEqual([null, 'urn:two urn:more']);
});

test.each<[what: string, make: (claims: Record<string, unknown>) => string]>([
  ['made for somebody else', (claims) => signed(header, { ...claims, aud: 'another' }, byService)],
  ['of another service', (claims) => signed(header, { ...claims, iss: 'https://elsewhere.example' }, byService)],
  ['for another journey', (claims) => signed(header, { ...claims, nonce: 'other' }, byService)],
  ['for no journey', (claims) => signed(header, { ...claims, nonce: undefined }, byService)],
  ['that has run out', (claims) => signed(header, { ...claims, iat: now() - 600, exp: now() - 300 }, byService)],
  ['that never runs out', (claims) => signed(header, { ...claims, exp: undefined }, byService)],
  ['signed by a stranger', (claims) => signed(header, claims, rsa(strangers.privateKey))],
  [
    'changed after it was signed',
    (claims) => {
      const [head, , signature] = signed(header, claims, byService).split('.');
      return `${head}.${part({ ...claims, email: 'ingrid@linden-vale.example' })}.${signature}`;
    },
  ],
  ['signed by nobody', (claims) => signed({ alg: 'none' }, claims, () => Buffer.alloc(0))],
  [
    'signed with what everybody can read',
    (claims) => {
      const published = theirs.publicKey.export({ type: 'spki', format: 'pem' });
      return signed({ alg: 'HS256', kid: 'one' }, claims, (text) =>
        createHmac('sha256', published).update(text).digest(),
      );
    },
  ],
  ['that is none', () => 'no.token.at-all'],
])('one %s vouches for nobody', async (_what, make) => {
  expect(await comesBack(make)).toEqual({ trouble: 'refused' });
});

test('one that says no, as to whoever shall prove anew who they are, is not taken for a journey that was not begun here', async () => {
  const begun = (await signIn.begin({ anew: true }))!;
  const back = (state: string): URL =>
    new URL(`http://heed.example/sign-in/back?error=invalid_request&state=${encodeURIComponent(state)}`);
  const { searchParams: asked } = new URL(begun.url);
  expect(await signIn.finish(back(asked.get('state')!), begun.memory)).toEqual({ trouble: 'declined' });
  expect(await signIn.finish(back('of another journey'), begun.memory)).toEqual({ trouble: 'refused' });
});

test('one for an address that the service has not checked is not taken', async () => {
  const unchecked = await comesBack((claims) => signed(header, { ...claims, email_verified: false }, byService));
  expect(unchecked).toEqual({ trouble: 'unverified' });
});

test('one that falls silent when it is asked for the token is out of reach: nobody is taken for a forger', async () => {
  silent = true;
  expect(await comesBack((claims) => signed(header, claims, byService))).toEqual({ trouble: 'unreachable' });
  silent = false;
}, 15_000);
