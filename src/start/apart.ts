/** One process alone: web, worker, relay, or worker and relay in one. Each loads what it needs and no more, for it has to be back soon. */

import { ConfigError, type Config } from '../config.ts';
import { lettingBe } from '../encryption.ts';
import { isReadyForParent } from '../keepEngine.ts';
import type { Stop } from '../stops.ts';
import { longestInLineMs } from '../store/line.ts';
import { mustBeWhole } from '../store/migrate.ts';
import { openPool, type Pool } from '../store/pool.ts';
import { knownForMs, openConfigurations } from '../store/records/configurations.ts';
import type { Web } from '../triggers/http/web.ts';

export const parts = ['web', 'worker', 'relay', 'engine'] as const;
export type Part = (typeof parts)[number];

type Say = (sentence: string) => void;

/** Several processes share what one would start for itself, so each address must be given; and what a relay tells of itself leaves the machine. */
export function mustBeApart(config: Config, part: Part): void {
  const missing = [
    !config.databaseUrl && 'DATABASE_URL',
    part !== 'web' && !config.temporalAddress && 'TEMPORAL_ADDRESS',
    (part === 'worker' || part === 'engine') && !config.smtpUrl && 'SMTP_URL',
  ].filter(Boolean);
  if (missing.length > 0) {
    throw new ConfigError(
      `The ${part} on its own needs ${missing.join(' and ')}. Set ${missing.length > 1 ? 'them' : 'it'}, or run npm start for all of it.`,
    );
  }
  if (part === 'relay' && config.metricsPort && !config.certificate && !config.unencrypted.includes('metrics'))
    throw new ConfigError(
      `METRICS_PORT would tell a relay's timings, and be told METRICS_TOKEN, unencrypted: give it a certificate (TLS_CERT and TLS_KEY). ${lettingBe(config.unencrypted, ['metrics'])}`,
    );
}

/** Starts it; returns when it is ready. Throws a sentence when a restore was cut short. */
export async function startApart(config: Config, part: Part, stops: Stop[], say: Say): Promise<void> {
  // Stories and the relay may wait; whoever stands at a counter is told to try again.
  const patienceMs = part === 'web' ? longestInLineMs : undefined;
  const pool = await openPool(config.databaseUrl!, { say, patienceMs });
  stops.push({ name: 'Postgres pool', stop: () => pool.end() });
  await mustBeWhole(pool);
  if (part === 'web') await startWebAlone(config, pool, stops, say);
  else await startEngineAlone(config, pool, part, stops, say);
  if (!isReadyForParent()) say(`Heed ${part} is ready.`);
}

async function startWebAlone(config: Config, pool: Pool, stops: Stop[], say: Say): Promise<void> {
  const [{ openSlack }, { openHeed }, { doorOf, keepInitialKey, signInServiceOf, startWeb, uiOf }, { mustBeFree }] =
    await Promise.all([
      import('../integrations/slack.ts'),
      import('../triggers/heed.ts'),
      import('./web.ts'),
      import('./listen.ts'),
    ]);
  await mustBeFree(doorOf(config, false));
  await keepInitialKey(config, pool, say);
  const slack = config.slack && openSlack(config.slack);
  const web: Web = {
    heed: openHeed(pool, openConfigurations(pool, { knownForMs })),
    publicUrl: config.publicUrl,
    temporalUi: () => uiOf(config),
    signInService: signInServiceOf(config),
    slack: config.slack && slack ? { ...slack, signingSecret: config.slack.signingSecret } : undefined,
    demo: undefined,
    arriving: () => [],
  };
  await startWeb(config, stops, web, say);
}

async function startEngineAlone(
  config: Config,
  pool: Pool,
  part: Exclude<Part, 'web'>,
  stops: Stop[],
  say: Say,
): Promise<void> {
  const { startEngine } = await import('../engine.ts');
  await startEngine(config, pool, part === 'engine' ? ['worker', 'relay'] : [part], stops, say);
  if (part === 'worker' || !config.metricsPort) return;
  const [{ tallyRefusals }, { timingsDoor }, { listen }] = await Promise.all([
    import('../store/records/refusals.ts'),
    import('../triggers/http/metrics.ts'),
    import('./listen.ts'),
  ]);
  const turnedAway = tallyRefusals(pool);
  stops.push({ name: 'Tally of refusals', stop: () => turnedAway.write() });
  // A bare house is nobody else's; apart, it is another machine that asks.
  const here = part === 'engine';
  const hostname = here ? '127.0.0.1' : '0.0.0.0';
  const { metricsPort: port, metricsToken, certificate } = config;
  const ownTls = certificate && !here ? { certificate, say } : undefined;
  await listen(timingsDoor(metricsToken, turnedAway), { port, hostname, setting: 'METRICS_PORT', ownTls }, stops);
}
