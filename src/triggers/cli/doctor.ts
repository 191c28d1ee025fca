/** heed doctor: can everything be reached that the settings name? One sentence for each, and what to do where it can't. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Command } from 'commander';
import type { Config } from '../../config.ts';
import { asOfNow, type Credential } from '../../domain/credential.ts';
import { exposed, isThisMachine, type Crossing } from '../../encryption.ts';
import { longestUncarried } from '../../store/records/securityEvents.ts';
import { rowsAreLogged } from '../../store/scrub.ts';
import { progressOf } from '../../store/views/health.ts';
import { roleAt, worksAsOwner } from '../../store/workingRole.ts';
import { inPlace, findDatabase } from './place.ts';
import { Failed, sayJson, type Terminal } from './terminal.ts';

export interface Finding {
  part: string;
  /** Null: it was not looked at. */
  well: boolean | null;
  sentence: string;
}

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description(
      'see whether Postgres, Temporal, mail and Slack can be reached, by encrypted ways, and let us in, and the collector of security events where one is set',
    )
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      const config = terminal.config();
      const findings = await Promise.all([
        postgres(config),
        ...(config.databaseOwnerUrl ? [owner(config.databaseOwnerUrl)] : []),
        web(config),
        temporal(config),
        mail(config),
        slack(config),
        ...(config.collector ? [collector(config, config.collector)] : []),
      ]);
      if (json) sayJson(terminal, findings);
      else for (const { part, well, sentence } of findings) terminal.say(`${markOf(well)} ${part}: ${sentence}`);
      if (findings.some(({ well }) => well === false)) throw new Failed();
    });
}

const patienceMs = 5000;

const markOf = (well: boolean | null): string => (well === null ? '-- ' : well ? 'ok ' : 'NO ');

/** Settings may be those of another process: of a web, say, which sends no mail itself. */
const notNamed = (part: string, variable: string): Finding => ({
  part,
  well: null,
  sentence: `${variable} is not set here, so it was not looked at.`,
});

const ownsAll =
  'Heed works as the role that owns the tables: give it one that owns nothing, with DATABASE_OWNER_URL beside DATABASE_URL.';

const logsRows =
  'Its log says what stood in rows that it refused, where no erasure finds it: set log_error_verbosity = terse there.';

async function postgres(config: Config): Promise<Finding> {
  return finding('Postgres', async () =>
    inPlace(config, async ({ heed, pool }) => {
      const { company, version } = await heed.configuration();
      const { open_loops } = await progressOf(pool);
      const owns = (await worksAsOwner(pool)) ? ` ${ownsAll}` : '';
      const logs = (await rowsAreLogged(pool)) ? ` ${logsRows}` : '';
      return `reachable, schema current; ${company.name}, version ${version}; ${open_loops} loops open.${owns}${logs}${letBe(config, 'database')}`;
    }),
  );
}

/** Migrating and restoring are its, and nobody notices before that it is not let in. */
async function owner(ownerUrl: Credential): Promise<Finding> {
  return finding('Owner', async () => {
    const role = await roleAt(ownerUrl).catch((cause: unknown) => {
      throw new Error(
        `Postgres at ${new URL(asOfNow(ownerUrl)).host} does not let in whom DATABASE_OWNER_URL names. Correct it: heed migrate and heed restore can do nothing without.`,
        { cause },
      );
    });
    return `Postgres lets in ${role}, whom DATABASE_OWNER_URL names.`;
  });
}

async function web(config: Config): Promise<Finding> {
  return finding('Web', async () => {
    const publicUrl = await findDatabase(config).then(
      (found) => found.publicUrl,
      () => config.publicUrl,
    );
    const response = await fetch(`${publicUrl}/health/ready`, { signal: AbortSignal.timeout(patienceMs) }).catch(
      (cause: unknown) => {
        throw new Error(unanswered(publicUrl, cause as Error), { cause });
      },
    );
    const { status, engine } = (await response.json()) as { status?: string; engine?: string };
    if (status !== 'ready')
      throw new Error(`${publicUrl} answers, and is ${status ?? 'not Heed'}${engine ? `: ${engine}` : ''}.`);
    return `${publicUrl} answers, and work moves.${letBe(config, 'web')}`;
  });
}

/** What nobody answers at, or answers under a certificate that is not believed: as the browsers of people would find. */
function unanswered(publicUrl: string, { cause }: Error): string {
  const { code = '' } = (cause ?? {}) as { code?: string };
  return /CERT|SIGNATURE/.test(code)
    ? `the certificate at ${publicUrl} is not believed (${code}). Renew it, or, where its authority is your own, name that to this command: NODE_EXTRA_CA_CERTS=/path/to/ca.pem`
    : `nobody answers at ${publicUrl}. Start it with npm start (or npm run web), or correct PUBLIC_URL.`;
}

async function temporal(config: Config): Promise<Finding> {
  const { temporalAddress } = config;
  if (!temporalAddress) return notNamed('Temporal', 'TEMPORAL_ADDRESS');
  return finding('Temporal', async () => {
    await reach(temporalAddress, 'TEMPORAL_ADDRESS. Captures and responses are kept meanwhile');
    return `${temporalAddress} answers.${letBe(config, 'temporal')}`;
  });
}

async function mail({ smtpUrl }: Config): Promise<Finding> {
  if (!smtpUrl) return notNamed('Mail', 'SMTP_URL');
  const { hostname, port, protocol, searchParams, password } = new URL(asOfNow(smtpUrl));
  return finding('Mail', async () => {
    const address = `${hostname}:${port || (protocol === 'smtps:' ? 465 : 587)}`;
    const demanded = searchParams.get('requireTLS') === 'true';
    const needsToOffer = protocol === 'smtp:' && (demanded || !isThisMachine(hostname));
    const ask = needsToOffer ? offersEncryption : async () => true;
    const encrypts = await reach(address, 'SMTP_URL. Messages wait meanwhile', ask);
    if (!encrypts && demanded)
      throw new Error(
        `${address} offers no encryption, so no letter goes there. Switch STARTTLS on there, write smtps:// in SMTP_URL where it takes TLS from the first byte, or, where the network to it is your own: UNENCRYPTED=mail`,
      );
    const plain = encrypts ? '' : ' Letters go there unencrypted, as UNENCRYPTED allows.';
    if (password) await signIn(address, smtpUrl);
    const letsIn = password ? ', and lets us in' : '';
    return `${address} answers${letsIn}. What it takes from us was not tried: heed stuck says what it answers to letters.${plain}`;
  });
}

/** As a worker does before it hands a letter over. */
async function signIn(address: string, smtpUrl: Credential): Promise<void> {
  // oxlint-disable-next-line no-restricted-imports -- how we sign in is said there, once; and no other command waits for it
  const { openPostOffice } = await import('../../integrations/email.ts');
  const office = await openPostOffice(smtpUrl)
    .connect()
    .catch((cause: Error) => {
      throw new Error(
        `${address} answers, and does not let us in (${cause.message}). Correct SMTP_URL. Messages wait meanwhile.`,
        { cause },
      );
    });
  office.close();
}

/** Whether a mail server that was just reached has STARTTLS among what it says it can do. */
async function offersEncryption(socket: Socket): Promise<boolean> {
  let said = '';
  socket.setTimeout(patienceMs, () => socket.destroy());
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      // Whoever speaks before its greeting is taken for a sender of spam.
      if (said === '') socket.write('EHLO heed\r\n');
      said += chunk.toString('latin1');
      if (/^(250|[45]\d\d) /m.test(said)) break;
    }
  } catch {
    // It fell silent, or hung up: what it said until then is all there is.
  }
  return /^250[ -]STARTTLS\b/im.test(said);
}

/** Of what crosses a network unencrypted, that it does, and that somebody said it may. */
function letBe({ databaseUrl, temporalAddress, temporalConnection, publicUrl }: Config, crossing: Crossing): string {
  const temporalTls = Boolean(temporalConnection.tls);
  const found = exposed({
    databaseUrl: databaseUrl && asOfNow(databaseUrl),
    temporalAddress,
    temporalTls,
    publicUrl,
  });
  return found.some((one) => one.crossing === crossing) ? ' It is spoken to unencrypted, as UNENCRYPTED allows.' : '';
}

async function slack({ slack: settings }: Config): Promise<Finding> {
  if (!settings) return notNamed('Slack', 'SLACK_BOT_TOKEN');
  return finding('Slack', async () => {
    const response = await fetch(new URL('auth.test', settings.apiUrl ?? 'https://slack.com/api/'), {
      method: 'POST',
      headers: { Authorization: `Bearer ${asOfNow(settings.token)}` },
      signal: AbortSignal.timeout(patienceMs),
    }).catch((cause: unknown) => {
      throw new Error('can’t be reached from here. Prompts go by e-mail meanwhile.', { cause });
    });
    const answer = (await response.json()) as { ok?: boolean; error?: string; team?: string };
    if (!answer.ok)
      throw new Error(
        `does not take the token (${answer.error ?? response.status}). Correct SLACK_BOT_TOKEN; prompts go by e-mail meanwhile.`,
      );
    return `reachable, as a member of ${answer.team ?? 'the workspace'}.`;
  });
}

/** Sends it nothing, which a collector is to take, and so sees whether it would take more. */
function collector(config: Config, { url, headers }: NonNullable<Config['collector']>): Promise<Finding> {
  return finding('Collector', async () => {
    const { host } = new URL(url);
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...asOfNow(headers), 'Content-Type': 'application/json' },
      body: JSON.stringify({ resourceLogs: [] }),
      signal: AbortSignal.timeout(patienceMs),
    }).catch((cause: unknown) => {
      throw new Error(
        `nobody answers at ${host}. Start it, or correct OTEL_EXPORTER_OTLP_LOGS_ENDPOINT. Security events wait meanwhile.`,
        { cause },
      );
    });
    await response.body?.cancel();
    if (!response.ok)
      throw new Error(
        `${host} answers ${response.status}. Correct OTEL_EXPORTER_OTLP_HEADERS or OTEL_EXPORTER_OTLP_LOGS_ENDPOINT. Security events wait meanwhile.`,
      );
    const waited = await inPlace(config, ({ pool }) => longestUncarried(pool));
    if (waited === null)
      throw new Error(`${host} answers, and no relay carries anything to it. Start one with this setting.`);
    if (waited > slowCarryingSeconds)
      throw new Error(
        `${host} answers, and yet security events have waited for ${Math.round(waited)} s. See whether a relay runs with this setting; its log says more.`,
      );
    return `${host} answers; the oldest event that it does not have waits for ${Math.round(waited)} s.`;
  });
}

/** They are carried every two seconds; a collector that was away for a while has them soon. */
const slowCarryingSeconds = 600;

/** Whether anybody listens at "host:port", and what comes of asking them. */
async function reach<T>(
  address: string,
  variable: string,
  ask?: (socket: Socket) => Promise<T>,
): Promise<T | undefined> {
  const colon = address.lastIndexOf(':');
  const socket = connect(Number(address.slice(colon + 1)), address.slice(0, colon));
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(patienceMs) }).catch((cause: unknown) => {
      throw new Error(`nobody answers at ${address}. Start it, or correct ${variable}.`, { cause });
    });
    return await ask?.(socket);
  } finally {
    socket.destroy();
  }
}

async function finding(part: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { part, well: true, sentence: await look() };
  } catch (error) {
    return { part, well: false, sentence: error instanceof Error ? error.message : String(error) };
  }
}
