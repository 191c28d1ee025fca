/** The whole web, put together: what every request passes through, then the API, the pages, Slack's door and, in a bare house, its mailbox and room. */

import { Hono } from 'hono';
import { requestId } from 'hono/request-id';
import type { Credential } from '../../domain/credential.ts';
import { api, describe } from './api.ts';
import { docs } from './docs.ts';
import { answerErrors, answerNotFound, type Report } from './errors.ts';
import { health } from './health.ts';
import { metrics } from './metrics.ts';
import { pages } from './pages/pages.ts';
import { limitedRate } from './rates.ts';
import { countRefusals, doorOf } from './refusals.ts';
import { inTime, limitedBodies, whileAsked } from './requests.ts';
import { ruled } from './rules.ts';
import { encryptedOnly, onlyWatchers, onThisMachineAlone, ownFormsOnly, securityHeaders } from './security.ts';
import { slackRoutes } from '../slack/routes.ts';
import type { Web } from './web.ts';

export interface AppOptions {
  /** Off in tests and measurements. */
  rateLimiting?: boolean;
  /** How long an API key that was let in is not asked for again. */
  knownForMs?: number;
  /** How many proxies of ours stand in front. */
  trustedProxyHops?: number;
  /** Whether what our proxy took in plain is answered, too, where people reach us by https. */
  unencrypted?: boolean;
  /** What /metrics and /health/engine ask for; without it they ask for nothing. */
  metricsToken?: Credential | undefined;
  /** Told of what is our fault, with the reference that the person was shown. */
  report?: Report;
}

/** Nothing listens yet: hand `fetch` to a server, or call `request` in a test. */
export function createApp(
  web: Web,
  {
    rateLimiting = true,
    knownForMs = 0,
    trustedProxyHops = 0,
    unencrypted = false,
    metricsToken,
    report = () => {},
  }: AppOptions = {},
): Hono {
  const app = new Hono();
  const v1 = api(web.heed, knownForMs);
  const { turnedAway } = web.heed;
  const fromElsewhere = (path: string): void => turnedAway.count({ door: doorOf(path), why: 'other_site' });

  app.use(requestId(), securityHeaders(web.publicUrl), countRefusals(web.heed));
  // Outside the seats: whoever is told that it took too long keeps theirs until what they asked for has really ended.
  app.use(inTime);
  if (rateLimiting) app.use(limitedRate(trustedProxyHops));
  if (!unencrypted) app.use(encryptedOnly(web.publicUrl, trustedProxyHops));
  if (web.demo) app.use(onThisMachineAlone(web.publicUrl));
  app.use(ruled, whileAsked, ownFormsOnly(web.publicUrl, fromElsewhere), limitedBodies);

  app.route('/v1', v1);
  app.route(
    '/',
    docs(() => describe(v1, web.publicUrl)),
  );
  for (const watched of ['/metrics', '/health/engine']) app.use(watched, onlyWatchers(metricsToken, turnedAway));
  app.route('/health', health(web));
  app.route('/metrics', metrics(web.heed.pool));
  app.route('/slack', slackRoutes(web));
  app.route('/', pages(web));
  if (web.demo?.mailbox) app.route('/dev/mailbox', web.demo.mailbox);
  if (web.demo?.slackRoom) app.route('/dev/slack', web.demo.slackRoom);

  app.onError(answerErrors(report));
  app.notFound(answerNotFound(app));
  return app;
}
