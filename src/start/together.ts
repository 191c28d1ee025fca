/** All of it, with embedded parts for whatever no address was given. */

import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, leftUnread, type Config } from '../config.ts';
import { startMailbox, type Mailbox } from '../embedded/mailbox.ts';
import { defaultDataDir, startPostgres } from '../embedded/postgres.ts';
import { startSlackRoom, type SlackRoom } from '../embedded/slackRoom.ts';
import type { EmbeddedTemporal } from '../embedded/temporal.ts';
import { defaultCacheDir, findTemporalCli } from '../embedded/temporalCli.ts';
import { isThisMachine } from '../encryption.ts';
import { openSlack } from '../integrations/slack.ts';
import { asOfNow, type Credential } from '../domain/credential.ts';
import { keepEngine } from '../keepEngine.ts';
import { progressLine } from '../progressLine.ts';
import { stoppedWhenUp, type Stop } from '../stops.ts';
import { keepBackups } from '../store/keepBackups.ts';
import { longestInLineMs } from '../store/line.ts';
import { migrate, migrateOurs } from '../store/migrate.ts';
import { openPool } from '../store/pool.ts';
import { knownForMs, openConfigurations } from '../store/records/configurations.ts';
import { setPassword } from '../store/workingRole.ts';
import { applyCompany } from '../triggers/companyAtStart.ts';
import { openHeed } from '../triggers/heed.ts';
import { devFrame } from '../triggers/http/pages/draw.ts';
import type { Web } from '../triggers/http/web.ts';
import { mustBeFree } from './listen.ts';
import { doorOf, keepInitialKey, signInServiceOf, startWeb, uiOf } from './web.ts';

type Say = (sentence: string) => void;

/** Starts it; returns when everything is up. `main` is what an engine is started from. Throws a sentence when something can't be had. */
export async function startTogether(config: Config, main: string, stops: Stop[], say: Say): Promise<void> {
  // Whoever reaches the mailbox or the Slack room acts for anybody, also through a proxy on this machine.
  const isForOthers =
    config.certificate !== undefined ||
    !isThisMachine(new URL(config.publicUrl).hostname) ||
    (config.listenOn !== undefined && !isThisMachine(config.listenOn));
  if (isForOthers && !config.smtpUrl)
    throw new ConfigError(
      'Others reach this web (PUBLIC_URL or LISTEN_ON names another machine, or TLS_CERT is set), and in the mailbox of npm start each of them could act for anybody. Set SMTP_URL, or leave those out. Without SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET there is no Slack room then, either: everybody is prompted by e-mail.',
    );
  const needsRoom = !config.slack && !isForOthers;
  const unread = leftUnread();
  if (unread.length > 0)
    say(
      `The file .env is docker compose's and is not read here. It sets ${unread.join(', ')}; to start with that: scripts/node --env-file=.env src/main.ts`,
    );
  const dataDir = config.dataDir ?? defaultDataDir(config.home);
  await mkdir(dataDir, { recursive: true }).catch((cause: unknown) => {
    throw new Error(
      `Heed cannot keep its data in ${dataDir}. Set HEED_DATA_DIR to a folder that this user may write to.`,
      { cause },
    );
  });
  const arriving = new Set(['Temporal', 'workers']);

  const { databaseUrl, ownerUrl } = await findOrStartDatabase(config, dataDir, stops, say);
  const pool = await openPool(databaseUrl, { say, patienceMs: longestInLineMs });
  stops.push({ name: 'Postgres pool', stop: () => pool.end() });
  await mustBeFree(doorOf(config, !config.smtpUrl || needsRoom));
  await applyCompany(pool, config, say);
  await keepInitialKey(config, pool, say);
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
  const room = needsRoom
    ? await startSlackRoom({
        dataDir,
        frame,
        interactivityUrl: () => `http://127.0.0.1:${config.port}/slack/interactions`,
        people: Object.values(company.staff)
          .filter((person) => person.prompts === 'slack')
          .map(({ email, name }) => ({ email, name })),
      })
    : undefined;
  if (mailbox) stops.push({ name: 'Mailbox', stop: () => mailbox.stop() });
  if (room) stops.push({ name: 'Slack room', stop: () => room.stop() });
  const slackAt = config.slack ?? room;

  let temporal: EmbeddedTemporal | undefined;
  web = {
    heed: openHeed(pool, configuration),
    publicUrl: config.publicUrl,
    temporalUi: () => uiOf(config, temporal),
    slack: slackAt && { ...openSlack(slackAt), signingSecret: slackAt.signingSecret },
    signInService: signInServiceOf(config),
    demo: demoOf(mailbox, room),
    arriving: () => [...arriving],
  };
  await startWeb(config, stops, web, say);
  await announce(
    dataDir,
    { pid: process.pid, databaseUrl: lasting(databaseUrl), ownerUrl: lasting(ownerUrl), publicUrl: config.publicUrl },
    stops,
  );
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
      import('../embedded/temporal.ts'),
      import('../workflows/messages.ts'),
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
    main,
    {
      // What is not ours it reads as we did, from the files that we did.
      ...(!config.databaseUrl && { DATABASE_URL: asOfNow(databaseUrl) }),
      DATABASE_OWNER_URL: undefined,
      TEMPORAL_ADDRESS: config.temporalAddress ?? temporal!.address,
      ...(mailbox && { SMTP_URL: mailbox.smtpUrl }),
      ...(room && {
        SLACK_BOT_TOKEN: room.token,
        SLACK_SIGNING_SECRET: room.signingSecret,
        SLACK_API_URL: room.apiUrl,
      }),
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

/** Migrated. Of a Postgres that we bring along, the passwords of owner and working role last until the next start. */
async function findOrStartDatabase(
  { databaseUrl, databaseOwnerUrl }: Config,
  dataDir: string,
  stops: Stop[],
  say: Say,
): Promise<{ databaseUrl: Credential; ownerUrl: Credential }> {
  if (databaseUrl) {
    const ownerUrl = databaseOwnerUrl ?? databaseUrl;
    await migrate(ownerUrl, () => {}, { databaseUrl });
    return { databaseUrl, ownerUrl };
  }
  const { url: ownerUrl } = await stoppedWhenUp(
    startPostgres({ dataDir, onTrouble: say, setPassword }),
    'Postgres',
    stops,
  );
  return { databaseUrl: await migrateOurs(ownerUrl), ownerUrl };
}

function demoOf(mailbox: Mailbox | undefined, room: SlackRoom | undefined): Web['demo'] {
  if (!mailbox && !room) return undefined;
  return {
    mailbox: mailbox?.app,
    slackRoom: room?.app,
    unread: () => ({ slack: room?.unread() ?? 0, mail: mailbox?.unread() ?? 0 }),
  };
}

/** What a file holds is nowhere else: a copy would be out of date when that is renewed. */
const lasting = (credential: Credential): string | undefined =>
  typeof credential === 'string' ? credential : undefined;

/** So that the command line finds the running Heed. It holds a password: for this user only. */
async function announce(dataDir: string, running: object, stops: Stop[]): Promise<void> {
  const file = join(dataDir, 'running.json');
  await writeFile(file, JSON.stringify(running), { mode: 0o600 });
  await chmod(file, 0o600);
  stops.push({ name: 'running.json', stop: () => rm(file, { force: true }) });
}
