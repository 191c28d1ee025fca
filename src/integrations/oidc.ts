/** Speaks to the company's own sign-in service: OpenID Connect, authorization code with PKCE, state and nonce. */

import * as oidc from 'openid-client';
import { z } from 'zod';
import { asOfNow, type Credential } from '../domain/credential.ts';
import { strengthIn } from '../domain/secondFactor.ts';
import type { Vouched } from '../domain/signIn.ts';

export interface SignInService {
  /** What it calls its levels that take two factors. */
  acrValues: readonly string[];
  /** Where to send somebody, and what their browser must bring back with them; undefined when the service can't be asked. `anew`: whoever proved more
   *  than ten minutes ago who they are is asked to do so again. */
  begin(how?: { anew: boolean }): Promise<{ url: string; memory: string } | undefined>;
  /** Whom the service vouches for, by what came back, and what its token says of how they proved it. */
  finish(cameBack: URL, memory: string): Promise<Vouched>;
}

export interface OidcOptions {
  issuer: string;
  clientId: string;
  clientSecret: Credential;
  /** Where the service sends people back to, as registered with it. */
  returnUrl: string;
  /** What it calls its levels that take two factors, to ask it for one of them. None: it is asked for nothing, and must name the methods itself. */
  acrValues?: readonly string[];
}

/** The service is asked for what it can do when it is first needed, so that Heed starts without it. */
export function openSignInService({
  issuer,
  clientId,
  clientSecret,
  returnUrl,
  acrValues = [],
}: OidcOptions): SignInService {
  let found: Promise<oidc.Configuration> | undefined;
  const service = (): Promise<oidc.Configuration> => {
    found ??= discover(issuer, clientId, clientSecret).catch((cause: unknown) => {
      found = undefined;
      throw cause;
    });
    return found;
  };

  return {
    acrValues,
    async begin({ anew } = { anew: false }) {
      const config = await service().catch(() => undefined);
      if (!config) return undefined;
      const memory = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        verifier: oidc.randomPKCECodeVerifier(),
        anew,
      };
      const url = oidc.buildAuthorizationUrl(config, {
        redirect_uri: returnUrl,
        scope: 'openid email',
        state: memory.state,
        nonce: memory.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(memory.verifier),
        code_challenge_method: 'S256',
        ...(acrValues.length > 0 && { acr_values: acrValues.join(' ') }),
        ...(anew && { max_age: '600' }),
      });
      return { url: url.href, memory: Buffer.from(JSON.stringify(memory)).toString('base64url') };
    },

    async finish(cameBack, remembered) {
      const memory = readMemory(remembered);
      if (!memory) return { trouble: 'refused' };
      const config = await service().catch(() => undefined);
      if (!config) return { trouble: 'unreachable' };
      try {
        // The address as the service knows it, whatever a proxy of ours made of it.
        const tokens = await oidc.authorizationCodeGrant(config, new URL(`${returnUrl}${cameBack.search}`), {
          expectedState: memory.state,
          expectedNonce: memory.nonce,
          pkceCodeVerifier: memory.verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims()!;
        // Some say in the token who it is, some only when asked.
        const { email, email_verified } = Person.parse(
          claims['email'] === undefined ? await oidc.fetchUserInfo(config, tokens.access_token, claims.sub) : claims,
        );
        if (!email || !email_verified) return { trouble: 'unverified' };
        // Of the token alone, which is signed: that much is not taken from an answer that is not.
        return {
          email,
          issuer: claims.iss,
          subject: claims.sub,
          strength: strengthIn(claims),
          provedSecondsAgo: provedSecondsAgo(claims, config, memory),
        };
      } catch (error) {
        if (isLost(error)) return { trouble: 'unreachable' };
        // Looked at after the state: nobody else leads them here with it.
        return { trouble: error instanceof oidc.AuthorizationResponseError ? 'declined' : 'refused' };
      }
    },
  };
}

async function discover(issuer: string, clientId: string, clientSecret: Credential): Promise<oidc.Configuration> {
  const at = new URL(issuer);
  const bySecret: oidc.ClientAuth = (...asked) => oidc.ClientSecretBasic(asOfNow(clientSecret))(...asked);
  const config = await oidc.discovery(at, clientId, undefined, bySecret, {
    timeout: 5,
    // config.ts takes http only for a service on this machine.
    ...(at.protocol === 'http:' && { execute: [oidc.allowInsecureRequests] }),
  });
  // The id token came over TLS from the service itself; its signature is looked at all the same.
  oidc.enableNonRepudiationChecks(config);
  return config;
}

const Memory = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), anew: z.boolean() });

function readMemory(text: string): z.infer<typeof Memory> | undefined {
  try {
    return Memory.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
}

/** By the service's own clock, in seconds (OpenID Connect Core 1.0, 2: auth_time, which it has to tell where it is asked to let nobody through who
 *  signed in there too long ago). One that says it never tells is believed to have asked them. */
function provedSecondsAgo(
  { auth_time, iat }: { auth_time?: number; iat: number },
  config: oidc.Configuration,
  { anew }: z.infer<typeof Memory>,
): number | null {
  // Ahead by more than a clock may be, it is in another unit or made up: it tells nothing.
  if (auth_time !== undefined) return auth_time > iat + 600 ? null : Math.max(0, iat - auth_time);
  const tells = config.serverMetadata().claims_supported?.includes('auth_time') ?? false;
  return anew && !tells ? 0 : null;
}

/** Some services say it in text. */
const Person = z.object({
  email: z.string().optional(),
  email_verified: z
    .union([z.boolean(), z.literal('true').transform(() => true), z.literal('false').transform(() => false)])
    .optional(),
});

/** What fetch throws when there is no answer, as it is or in the words of openid-client. */
const isLost = (error: unknown): boolean => {
  const { name, code, cause } = error as { name?: string; code?: string; cause?: unknown };
  return (
    name === 'TimeoutError' ||
    code === 'OAUTH_TIMEOUT' ||
    (error instanceof TypeError && cause instanceof Error && 'code' in cause)
  );
};
