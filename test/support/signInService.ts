/** A company's sign-in service: a certified provider of OpenID Connect on a port of this machine, and somebody's browser at its pages. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

export interface Account {
  email: string;
  email_verified: boolean;
  /** By which methods they sign in there, and what the service calls that; not given: it does not say. */
  login?: { amr?: string[]; acr?: string };
}

export interface SignInService {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Signs in there as this person, in a browser of their own, and returns the address to which it is sent back. */
  signInAs(account: string, at: string): Promise<string>;
  /** One that is known there once somebody has signed in by it. */
  browser(): {
    signInAs(account: string, at: string): Promise<string>;
    isLetThrough(at: string): Promise<string | undefined>;
  };
  /** Says no there, and returns the address to which the browser is sent back. */
  refuse(at: string): Promise<string>;
  stop(): Promise<void>;
}

/** `claimsInToken`: who it is stands in the token, as with some services; with the others it has to be asked for. */
export async function startSignInService(
  accounts: Record<string, Account>,
  { returnUrl, claimsInToken }: { returnUrl: string; claimsInToken: boolean },
): Promise<SignInService> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [clientId, clientSecret] = ['heed', 'a client secret with + and / in it'];
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [returnUrl] }],
    claims: { openid: ['sub', 'amr'], email: ['email', 'email_verified'] },
    // Says which it was where it is asked for some.
    acrValues: ['urn:one', 'urn:two'],
    conformIdTokenClaims: !claimsInToken,
    pkce: { required: () => true },
    cookies: { keys: ['for tests'] },
    findAccount: (_: unknown, id: string) =>
      accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
  });
  // Its own pages ask for a name and any password, and say nothing of how somebody signed in: that is as the account has it.
  const finished = provider.interactionFinished.bind(provider);
  provider.interactionFinished = (request, response, result, options) => {
    const { login } = result as { login?: { accountId: string } };
    return finished(
      request,
      response,
      login ? { login: { ...login, ...accounts[login.accountId]?.login } } : result,
      options,
    );
  };
  server.on('request', provider.callback());

  /** Follows redirects with the cookies of one browser, until a page answers or the way leads back to us. */
  const browser = () => {
    const cookies = new Map<string, string>();
    const open = async (at: string, form?: string): Promise<{ at: string; html: string }> => {
      if (at.startsWith(returnUrl)) return { at, html: '' };
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const type = { 'Content-Type': 'application/x-www-form-urlencoded' };
      const answer = await fetch(at, {
        redirect: 'manual',
        headers: { ...(form !== undefined && type), Cookie: cookie },
        ...(form !== undefined && { method: 'POST', body: form }),
      });
      for (const set of answer.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!;
        if (value === '') cookies.delete(name!);
        else cookies.set(name!, value!);
      }
      const to = answer.headers.get('Location');
      const html = await answer.text();
      return to ? open(new URL(to, at).href) : { at, html };
    };
    return open;
  };
  const submit = (open: ReturnType<typeof browser>, page: { at: string; html: string }, fields: object) => {
    const action = /action="([^"]+)"/.exec(page.html)?.[1];
    if (!action) throw new Error(`No form at ${page.at}: ${page.html}`);
    return open(new URL(action, page.at).href, new URLSearchParams(fields as Record<string, string>).toString());
  };

  const signInBy = async (open: ReturnType<typeof browser>, account: string, at: string): Promise<string> => {
    const next = await submit(open, await open(at), { prompt: 'login', login: account, password: 'any' });
    return next.at.startsWith(returnUrl) ? next.at : (await submit(open, next, { prompt: 'consent' })).at;
  };

  return {
    issuer,
    clientId,
    clientSecret,
    signInAs: (account, at) => signInBy(browser(), account, at),
    browser: () => {
      const open = browser();
      return {
        signInAs: (account, at) => signInBy(open, account, at),
        isLetThrough: async (at) => {
          const page = await open(at);
          return page.at.startsWith(returnUrl) ? page.at : undefined;
        },
      };
    },
    async refuse(at) {
      const open = browser();
      const page = await open(at);
      return (await open(`${page.at}/abort`)).at;
    },
    stop: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
