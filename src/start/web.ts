/** The web, whether alone or beside all the rest. */

import type { Config } from '../config.ts';
import { openSignInService } from '../integrations/oidc.ts';
import { openLog, placeOf, type Log } from '../log.ts';
import type { Stop } from '../stops.ts';
import type { Pool } from '../store/pool.ts';
import { apiKey, keepInitialApiKey } from '../store/records/apiKeys.ts';
import { knownForMs } from '../store/records/configurations.ts';
import { createApp } from '../triggers/http/app.ts';
import type { Report } from '../triggers/http/errors.ts';
import type { Web } from '../triggers/http/web.ts';
import { listen } from './listen.ts';

/** Answers on PORT until Heed stops: on this machine alone where it is a demonstration, unless LISTEN_ON says where. `say` hears what becomes of a new certificate. */
export async function startWeb(
  config: Config,
  stops: Stop[],
  web: Web,
  say: (sentence: string) => void,
): Promise<void> {
  const log = openLog(config.logLevel);
  stops.push({ name: 'Tally of refusals', stop: () => web.heed.turnedAway.write() });
  const app = createApp(web, {
    rateLimiting: config.rateLimiting,
    knownForMs,
    trustedProxyHops: config.trustedProxyHops,
    unencrypted: config.unencrypted.includes('web'),
    metricsToken: config.metricsToken,
    report: reportTo(log),
  });
  const { certificate } = config;
  const ownTls = certificate && { certificate, say };
  await listen(app, { ...doorOf(config, web.demo !== undefined), ownTls }, stops);
}

/** Where the web answers. */
export const doorOf = (
  { port, listenOn }: Config,
  isDemo: boolean,
): { port: number; hostname: string; setting: string } => ({
  port,
  hostname: listenOn ?? (isDemo ? '127.0.0.1' : '0.0.0.0'),
  setting: 'PORT',
});

/** Where it happened and under which reference, never its message: that may quote what a customer said. */
export const reportTo =
  (log: Log): Report =>
  (error, request) =>
    log.error({ request, at: placeOf(error) }, 'A request failed for a reason of ours.');

/** The key of the environment, or one that is made, where there is none yet. */
export async function keepInitialKey(config: Config, pool: Pool, say: (sentence: string) => void): Promise<void> {
  const made = await keepInitialApiKey(pool, config.apiKey);
  if (made) say(`API key, shown this once: ${made}`);
  if (config.apiKey && !(await apiKey(pool, config.apiKey)))
    say('HEED_API_KEY is a key that was ended before, and opens nothing for good. Set another one.');
}

/** Where stories are watched: their namespace in the Temporal Web UI, if there is one. */
export const uiOf = (config: Config, embedded?: { uiUrl: string | undefined }): string | undefined => {
  const ui = config.temporalUiUrl ?? embedded?.uiUrl;
  return ui && `${ui}/namespaces/${embedded ? 'default' : config.temporalNamespace}`;
};

export const signInServiceOf = ({ oidc, publicUrl }: Config): Web['signInService'] =>
  oidc && {
    ...openSignInService({ ...oidc, returnUrl: `${publicUrl}/oidc/return` }),
    besideLinks: oidc.besideLinks,
    secondFactorRequired: oidc.secondFactorRequired,
  };
