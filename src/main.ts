/**
 * Starts Heed. Without a word: everything in one process tree, with embedded parts for whatever no address was given. With `web`, `worker`
 * or `relay`: that process alone, against the parts the environment names; with `engine`, worker and relay in one.
 */

import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '@hono/node-server';
import type { Hono } from 'hono';
import { ConfigError, readConfig, type Config } from './config.ts';
import { startMailbox, type Mailbox } from './embedded/mailbox.ts';
import { defaultDataDir, startPostgres } from './embedded/postgres.ts';
import { startSlackRoom, type SlackRoom } from './embedded/slackRoom.ts';
import type { EmbeddedTemporal } from './embedded/temporal.ts';
import { defaultCacheDir, findTemporalCli } from './embedded/temporalCli.ts';
import { openSignInService } from './integrations/oidc.ts';
import { openSlack } from './integrations/slack.ts';
import { openLog, placeOf } from './log.ts';
import { keepBackups } from './store/keepBackups.ts';
import { migrate, mustBeWhole } from './store/migrate.ts';
import { openPool, type Pool } from './store/pool.ts';
import { knownForMs, openConfigurations } from './store/records/configurations.ts';
import { keepInitialApiKey } from './store/records/apiKeys.ts';
import { tallyRefusals } from './store/records/refusals.ts';
import { isReadyForParent, keepEngine } from './keepEngine.ts';
import { progressLine } from './progressLine.ts';
import { goOnUnheard, stopAll, stoppedWhenUp, toldToEnd, type Stop } from './stops.ts';
import { applyCompany } from './triggers/companyAtStart.ts';
import { createApp } from './triggers/http/app.ts';
import { timingsDoor } from './triggers/http/metrics.ts';
import { serverLimits } from './triggers/http/requests.ts';
import { devFrame } from './triggers/http/pages/draw.ts';
import type { Web } from './triggers/http/web.ts';
import { openHeed } from './triggers/heed.ts';

type Part = 'web' | 'worker' | 'relay' | 'engine';
const parts: Part[] = ['web', 'worker', 'relay', 'engine'];

async function main(): Promise<void> {
  const [asked] = process.argv.slice(2);
  if (asked && !parts.includes(asked as Part))
    throw new ConfigError(
      `There is no process "${asked}". Say web, worker, relay or engine; or nothing, for all of it.`,
    );
  const only = asked as Part | undefined;
  const config = readConfig();
  if (only) mustBeApart(config, only);

  const stops: Stop[] = [];
  let told = false;
  const stop = once(() => stopAll(stops, say));
  goOnUnheard();
  for (const signal of toldToEnd) {
    process.on(signal, () => {
      if (!only && !told) say('Stopping …');
      told = true;
      void stop().then(() => process.exit(0));
    });
  }
  try {
    await (only ? startApart(config, only, stops) : startTogether(config, stops));
    // Node keeps what it compiled when it ends in peace, which is what a process that is killed never does.
    flushCompileCache();
  } catch (error) {
    await stop();
    // What we were told to stop while it was starting is no failure.
    if (!told) throw error;
  }
}

/** Several processes share what one would start for itself, so each address must be given. */
function mustBeApart(config: Config, part: Part): void {
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
}

async function startApart(config: Config, part: Part, stops: Stop[]): Promise<void> {
  const pool = await openPool(config.databaseUrl!);
  stops.push({ name: 'Postgres pool', stop: () => pool.end() });
  await mustBeWhole(pool);
  if (part === 'web') {
    await keepInitialKey(config, pool);
    const slack = config.slack && openSlack(config.slack);
    await startWeb(config, stops, {
      heed: openHeed(pool, openConfigurations(pool, { knownForMs })),
      publicUrl: config.publicUrl,
      temporalUi: () => config.temporalUiUrl && `${config.temporalUiUrl}/namespaces/${config.temporalNamespace}`,
      signInService: signInServiceOf(config),
      slack: config.slack && slack ? { ...slack, signingSecret: config.slack.signingSecret } : undefined,
      demo: undefined,
      arriving: () => [],
    });
  } else {
    // Loaded here and not above: the web has to be back soon, and does without all that talks to Temporal.
    const { startEngine } = await import('./engine.ts');
    await startEngine(config, pool, part === 'engine' ? ['worker', 'relay'] : [part], stops, say);
    // A bare house is nobody else's; apart, it is another machine that asks.
    if (part !== 'worker' && config.metricsPort) {
      const turnedAway = tallyRefusals(pool);
      stops.push({ name: 'Tally of refusals', stop: () => turnedAway.write() });
      await listen(
        timingsDoor(config.metricsToken, turnedAway),
        { port: config.metricsPort, hostname: part === 'engine' ? '127.0.0.1' : '0.0.0.0', setting: 'METRICS_PORT' },
        stops,
      );
    }
  }
  if (!isReadyForParent()) say(`Heed ${part} is ready.`);
}

async function startTogether(config: Config, stops: Stop[]): Promise<void> {
  const dataDir = config.dataDir ?? defaultDataDir(config.home);
  await mkdir(dataDir, { recursive: true }).catch((cause: unknown) => {
    throw new Error(
      `Heed cannot keep its data in ${dataDir}. Set HEED_DATA_DIR to a folder that this user may write to.`,
      { cause },
    );
  });
  const arriving = new Set(['Temporal', 'workers']);

  const databaseUrl = config.databaseUrl ?? (await startDatabase(dataDir, stops));
  await migrate(databaseUrl, () => {});
  const pool = await openPool(databaseUrl);
  stops.push({ name: 'Postgres pool', stop: () => pool.end() });
  await applyCompany(pool, config, say);
  await keepInitialKey(config, pool);
  say('Postgres is up.');
  // A Postgres of somebody's own is backed up by its owner.
  if (!config.databaseUrl) {
    const backups = keepBackups(databaseUrl, join(dataDir, 'backups'), say);
    stops.push({ name: 'Backups', stop: () => backups.stop() });
  }

  const configuration = openConfigurations(pool, { knownForMs });
  const { company } = await configuration();
  // The mailbox and the room are there before the web is, and shown under its bar.
  let web: Web | undefined = undefined;
  const frame = devFrame(() => web);
  const mailbox = config.smtpUrl ? undefined : await startMailbox({ dataDir, frame });
  const room = config.slack
    ? undefined
    : await startSlackRoom({
        dataDir,
        frame,
        interactivityUrl: () => `http://127.0.0.1:${config.port}/slack/interactions`,
        people: Object.values(company.staff)
          .filter((person) => person.prompts === 'slack')
          .map(({ email, name }) => ({ email, name })),
      });
  if (mailbox) stops.push({ name: 'Mailbox', stop: () => mailbox.stop() });
  if (room) stops.push({ name: 'Slack room', stop: () => room.stop() });
  const slackAt = config.slack ?? { token: room!.token, signingSecret: room!.signingSecret, apiUrl: room!.apiUrl };

  let temporal: EmbeddedTemporal | undefined;
  const slack = openSlack(slackAt);
  web = {
    heed: openHeed(pool, configuration),
    publicUrl: config.publicUrl,
    temporalUi: () => uiOf(config, temporal),
    slack: { ...slack, signingSecret: slackAt.signingSecret },
    signInService: signInServiceOf(config),
    demo: demoOf(mailbox, room),
    arriving: () => [...arriving],
  };
  await startWeb(config, stops, web);
  await announce(dataDir, { pid: process.pid, databaseUrl, publicUrl: config.publicUrl }, stops);
  say(`The web answers at ${config.publicUrl}; the rest is arriving.`);

  const progress = progressLine();
  if (!config.temporalAddress) {
    const server = {
      cacheDir: defaultCacheDir(config.home),
      onProgress: (sentence: string) => progress.show(sentence),
    };
    // Found or fetched first, which may be broken off at any moment; a server that is starting is waited for.
    const cliPath = await findTemporalCli({
      ...server,
      ...(config.temporalCliPath && { cliPath: config.temporalCliPath }),
    });
    const [{ startTemporal }, { searchAttributes }] = await Promise.all([
      import('./embedded/temporal.ts'),
      import('./workflows/messages.ts'),
    ]);
    temporal = await stoppedWhenUp(
      startTemporal({ ...server, dataDir, cliPath, searchAttributes, yields: true, onTrouble: say }),
      'Temporal',
      stops,
    );
  }
  arriving.delete('Temporal');
  progress.done(`Temporal is up${uiOf(config, temporal) ? `: ${uiOf(config, temporal)}` : ''}.`);

  await keepEngine(
    fileURLToPath(import.meta.url),
    {
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: config.temporalAddress ?? temporal!.address,
      SMTP_URL: config.smtpUrl ?? mailbox!.smtpUrl,
      SLACK_BOT_TOKEN: slackAt.token,
      SLACK_SIGNING_SECRET: slackAt.signingSecret,
      SLACK_API_URL: slackAt.apiUrl ?? '',
      PUBLIC_URL: config.publicUrl,
      HEED_DATA_DIR: dataDir,
      ...(temporal && ofOurOwn(dataDir)),
    },
    { recall: mailbox && ((messageId) => mailbox.forget(messageId)) },
    stops,
    say,
  );
  arriving.delete('workers');
  say(`Start here → ${config.publicUrl}`);
}

/** Whoever works with another Temporal has names for it in their shell, which the libraries of ours would read, too. */
const ofOurOwn = (dataDir: string): NodeJS.ProcessEnv => ({
  TEMPORAL_NAMESPACE: 'default',
  TEMPORAL_TLS: 'false',
  TEMPORAL_API_KEY: undefined,
  TEMPORAL_PROFILE: undefined,
  TEMPORAL_CONFIG_FILE: join(dataDir, 'no-other-temporal.toml'),
});

const uiOf = (config: Config, temporal: EmbeddedTemporal | undefined): string | undefined => {
  const ui = config.temporalUiUrl ?? temporal?.uiUrl;
  return ui && `${ui}/namespaces/${temporal ? 'default' : config.temporalNamespace}`;
};

async function startDatabase(dataDir: string, stops: Stop[]): Promise<string> {
  return (await stoppedWhenUp(startPostgres({ dataDir, onTrouble: say }), 'Postgres', stops)).url;
}

async function keepInitialKey(config: Config, pool: Pool): Promise<void> {
  const made = await keepInitialApiKey(pool, config.apiKey);
  if (made) say(`API key, shown this once: ${made}`);
}

const signInServiceOf = ({ oidc, publicUrl }: Config): Web['signInService'] =>
  oidc && { ...openSignInService({ ...oidc, returnUrl: `${publicUrl}/oidc/return` }), besideLinks: oidc.besideLinks };

async function startWeb(config: Config, stops: Stop[], web: Web): Promise<void> {
  const log = openLog(config.logLevel);
  stops.push({ name: 'Tally of refusals', stop: () => web.heed.turnedAway.write() });
  const app = createApp(web, {
    rateLimiting: config.rateLimiting,
    knownForMs,
    trustedProxyHops: config.trustedProxyHops,
    metricsToken: config.metricsToken,
    // Where it happened and under which reference, never its message: that may quote what a customer said.
    report: (error, request) => log.error({ request, at: placeOf(error) }, 'A request failed for a reason of ours.'),
  });
  await listen(app, { port: config.port, hostname: web.demo ? '127.0.0.1' : '0.0.0.0', setting: 'PORT' }, stops);
}

/** Serves `app` until Heed stops. Throws a sentence when the port is taken; `setting` is what names it. */
async function listen(
  app: Pick<Hono, 'fetch'>,
  { port, hostname, setting }: { port: number; hostname: string; setting: string },
  stops: Stop[],
): Promise<void> {
  const server = serve({ fetch: app.fetch, port, hostname, serverOptions: serverLimits });
  await new Promise<void>((listening, refused) => {
    server.once('listening', listening);
    server.once('error', (error: NodeJS.ErrnoException) => {
      refused(
        error.code === 'EADDRINUSE'
          ? new Error(
              `Port ${port} is in use. Stop what runs there, or choose another, for example ${setting}=${port + 1} npm start`,
            )
          : error,
      );
    });
  });
  stops.push({
    name: 'Web',
    stop: () =>
      new Promise((closed) => {
        server.close(() => closed());
        if ('closeIdleConnections' in server) server.closeIdleConnections();
        // Pages that listen for news would keep the door open for ever.
        setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 1_000).unref();
      }),
  });
}

function demoOf(mailbox: Mailbox | undefined, room: SlackRoom | undefined): Web['demo'] {
  if (!mailbox && !room) return undefined;
  return {
    mailbox: mailbox?.app,
    slackRoom: room?.app,
    unread: () => ({ slack: room?.unread() ?? 0, mail: mailbox?.unread() ?? 0 }),
  };
}

/** So that the command line finds the running Heed. It holds a password: for this user only. */
async function announce(dataDir: string, running: object, stops: Stop[]): Promise<void> {
  const file = join(dataDir, 'running.json');
  await writeFile(file, JSON.stringify(running), { mode: 0o600 });
  await chmod(file, 0o600);
  stops.push({ name: 'running.json', stop: () => rm(file, { force: true }) });
}

function once(act: () => Promise<void>): () => Promise<void> {
  let acting: Promise<void> | undefined;
  return () => (acting ??= act());
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

main().catch((error: unknown) => {
  process.stderr.write(`${sentenceOf(error)}\n`);
  if (!(error instanceof ConfigError) && error instanceof Error && error.cause instanceof Error)
    process.stderr.write(`  because: ${error.cause.message}\n`);
  process.exit(1);
});
