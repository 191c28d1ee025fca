/** The only reader of the environment. Everything that is wrong is said at once, in sentences; parts are handed down as arguments. */

import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { troubleWith, type Certificate } from './certificate.ts';
import { collectorIn, headersIn, type Collector } from './collector.ts';
import { renewing, type Credential } from './domain/credential.ts';
import { demandingTls, exposed, lettingBe, namesIn, saidInFull, type Crossing } from './encryption.ts';
import { Environment } from './settings.ts';

export interface Config {
  port: number;
  /** At which address of this machine the web answers. Undefined: at all, or here alone where it is a demonstration. */
  listenOn: string | undefined;
  /** Where people reach us, without a slash at the end. */
  publicUrl: string;
  /** With which the web speaks TLS itself; undefined: a proxy does, or nobody. */
  certificate: Certificate | undefined;
  /** What may cross a network unencrypted. */
  unencrypted: readonly Crossing[];
  dataDir: string | undefined;
  /** The company file to apply at the start; undefined: what is in force stays, and a blank installation gets the sample company. */
  companyFile: string | undefined;
  apiKey: string | undefined;
  /** As whom Heed works. Undefined: the embedded one. */
  databaseUrl: Credential | undefined;
  /** Who owns it, for migrations and restores. Undefined: the same. */
  databaseOwnerUrl: Credential | undefined;
  /** Undefined: the embedded one. */
  temporalAddress: string | undefined;
  /** TLS and keys, as Temporal's own variables and its file say. */
  temporalConnection: TemporalConnection;
  temporalNamespace: string;
  temporalCliPath: string | undefined;
  temporalUiUrl: string | undefined;
  smtpUrl: Credential | undefined;
  smtpRate: number;
  /** With which e-mail is signed (DKIM); undefined: it is not, or the mail server does it. */
  signature: { domain: string; selector: string; privateKey: string } | undefined;
  slack: { token: Credential; signingSecret: Credential; apiUrl: string | undefined } | undefined;
  /** The company's own sign-in service (OpenID Connect). */
  oidc:
    | {
        issuer: string;
        clientId: string;
        clientSecret: Credential;
        besideLinks: boolean;
        secondFactorRequired: boolean;
        acrValues: string[];
      }
    | undefined;
  /** What is told of security events, by OTLP over HTTP; undefined: nobody. */
  collector: Collector | undefined;
  logLevel: string;
  /** What /metrics and /health/engine ask for; undefined: nothing. */
  metricsToken: Credential | undefined;
  /** Where a relay on its own tells its timings; undefined: nowhere. */
  metricsPort: number | undefined;
  trustedProxyHops: number;
  rateLimiting: boolean;
  /** For the default folders of data and cache. */
  home: Record<'HOME' | 'XDG_DATA_HOME' | 'XDG_CACHE_HOME', string | undefined> & { uid: number };
}

type TemporalConnection = Omit<ReturnType<typeof loadClientConnectConfig>['connectionOptions'], 'address'>;

const ofSignIn = ['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'];

/** Of which one without the others says nothing. */
const together = [
  ['SLACK_BOT_TOKEN', 'SLACK_SIGNING_SECRET'],
  ['DKIM_DOMAIN', 'DKIM_SELECTOR', 'DKIM_PRIVATE_KEY'],
  ofSignIn,
  ['TLS_CERT', 'TLS_KEY'],
];

/** Wrong settings, as a list that can be read. */
export class ConfigError extends Error {}

/** Reads and checks the environment. Credentials that a file holds are read anew at each use, and `say` hears what can't be used. Throws
 *  ConfigError with every problem listed. */
export function readConfig(env: NodeJS.ProcessEnv = process.env, say: (sentence: string) => void = () => {}): Config {
  const problems: string[] = [];
  const given = Object.fromEntries(Object.keys(Environment.shape).flatMap((name) => valueOf(name, env, problems)));
  const parsed = Environment.safeParse(given);
  for (const issue of parsed.error?.issues ?? []) problems.push(`${issue.path.join('.')} ${issue.message}.`);
  for (const names of together) {
    const missing = names.filter((name) => !given[name]).length;
    if (missing > 0 && missing < names.length) {
      const how = names.length === 2 ? 'both, or neither' : 'all three, or none';
      problems.push(`${names.slice(0, -1).join(', ')} and ${names.at(-1)!} go together: set ${how}.`);
    }
  }
  if (given['DATABASE_OWNER_URL'] && !given['DATABASE_URL']) {
    problems.push('DATABASE_OWNER_URL goes with DATABASE_URL, by which Heed works: set both, or DATABASE_URL alone.');
  }
  const signsIn = ofSignIn.some((name) => given[name]);
  if (given['SIGN_IN_LINKS_DISABLED'] === 'true' && !signsIn) {
    problems.push('SIGN_IN_LINKS_DISABLED would leave no way in: name a sign-in service with OIDC_ISSUER as well.');
  }
  for (const name of ['DATABASE_URL', 'DATABASE_OWNER_URL']) problems.push(...unreadableIn(name, given[name]));
  const certificate = certificateOf(parsed.data, env);
  const trouble = certificate && troubleWith(certificate);
  if (trouble) problems.push(trouble);
  if (certificate && given['PUBLIC_URL']?.startsWith('http:')) {
    problems.push('PUBLIC_URL must begin with https where TLS_CERT is set: the web then answers nothing else.');
  }
  const temporalConnection: TemporalConnection = given['TEMPORAL_ADDRESS'] ? temporalConnectionOf(env, problems) : {};
  const allowed = namesIn(given['UNENCRYPTED'] ?? '');
  const plainIn = (settings: NodeJS.Dict<string>): ReturnType<typeof exposed> =>
    exposed({
      databaseUrl: settings['DATABASE_URL'],
      databaseOwnerUrl: settings['DATABASE_OWNER_URL'],
      databaseHost: env['PGHOST'],
      temporalAddress: settings['TEMPORAL_ADDRESS'],
      temporalTls: Boolean(temporalConnection.tls),
      smtpUrl: settings['SMTP_URL'],
      publicUrl: settings['PUBLIC_URL'],
    }).filter(({ crossing }) => !allowed.includes(crossing));
  const plain = plainIn(given);
  if (plain.length > 0) {
    const more = plain.map(({ crossing }) => crossing);
    problems.push(...plain.map(({ sentence }) => sentence), lettingBe(allowed, more));
  }
  const required = given['SIGN_IN_SECOND_FACTOR_REQUIRED'];
  if (required === 'true' && !signsIn) {
    problems.push(
      'SIGN_IN_SECOND_FACTOR_REQUIRED would leave no way in: name the sign-in service that asks for both factors with OIDC_ISSUER as well.',
    );
  }
  if (required === 'true' && given['SIGN_IN_LINKS_DISABLED'] === 'false') {
    problems.push(
      'SIGN_IN_SECOND_FACTOR_REQUIRED=true and SIGN_IN_LINKS_DISABLED=false contradict each other, because a link is one factor: leave the latter out.',
    );
  }
  if (given['OIDC_ACR_VALUES'] && required === undefined) {
    problems.push(
      'OIDC_ACR_VALUES by itself keeps nobody out: set SIGN_IN_SECOND_FACTOR_REQUIRED as well, to true, or to false to only ask for them.',
    );
  }
  const collectors = ['OTEL_EXPORTER_OTLP_LOGS_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (given['OTEL_EXPORTER_OTLP_HEADERS'] && !collectors.some((name) => given[name])) {
    problems.push(`OTEL_EXPORTER_OTLP_HEADERS goes to nobody: name a collector with ${collectors[0]!} as well.`);
  }
  if (problems.length > 0 || !parsed.data) {
    throw new ConfigError(
      `Heed can't start with these settings:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    );
  }
  const e = parsed.data;
  const unencrypted = e.UNENCRYPTED ?? [];
  /** What came from a file is held each time to what it had to be at the start. */
  const credential = <T extends string | object>(
    name: keyof typeof e,
    take: (text: string) => T,
  ): Credential<T> | undefined => {
    const [first, file] = [given[name], env[`${name}_FILE`]];
    if (!first || !file) return first ? take(first) : undefined;
    const read = (): T => {
      const text = textOf(file).trim();
      if (!text) throw new Error(`${name}_FILE names ${file}, which can't be read or is empty.`);
      const wrong = Environment.shape[name].safeParse(text).error?.issues[0]?.message;
      const sentence = wrong ? `${name} ${wrong}.` : plainIn({ ...given, [name]: text })[0]?.sentence;
      if (sentence) throw new Error(sentence);
      return take(text);
    };
    return renewing(read, say, take(first));
  };
  const asItIs = (name: keyof typeof e): Credential | undefined => credential(name, String);
  return {
    port: e.PORT,
    listenOn: e.LISTEN_ON,
    publicUrl: (e.PUBLIC_URL ?? `${certificate ? 'https' : 'http'}://localhost:${e.PORT}`).replace(/\/+$/, ''),
    certificate,
    unencrypted,
    dataDir: e.HEED_DATA_DIR,
    companyFile: e.HEED_CONFIG ?? (existsSync('heed.yaml') ? 'heed.yaml' : undefined),
    apiKey: e.HEED_API_KEY,
    databaseUrl: credential('DATABASE_URL', saidInFull),
    databaseOwnerUrl: credential('DATABASE_OWNER_URL', saidInFull),
    temporalAddress: e.TEMPORAL_ADDRESS,
    temporalConnection,
    temporalNamespace: e.TEMPORAL_NAMESPACE,
    temporalCliPath: e.TEMPORAL_CLI_PATH,
    temporalUiUrl: e.TEMPORAL_UI_URL,
    smtpUrl: credential('SMTP_URL', unencrypted.includes('mail') ? String : demandingTls),
    smtpRate: e.SMTP_RATE,
    signature: e.DKIM_DOMAIN
      ? { domain: e.DKIM_DOMAIN, selector: e.DKIM_SELECTOR!, privateKey: e.DKIM_PRIVATE_KEY! }
      : undefined,
    slack: e.SLACK_BOT_TOKEN
      ? { token: asItIs('SLACK_BOT_TOKEN')!, signingSecret: asItIs('SLACK_SIGNING_SECRET')!, apiUrl: e.SLACK_API_URL }
      : undefined,
    oidc: e.OIDC_ISSUER
      ? {
          issuer: e.OIDC_ISSUER,
          clientId: e.OIDC_CLIENT_ID!,
          clientSecret: asItIs('OIDC_CLIENT_SECRET')!,
          besideLinks: e.SIGN_IN_LINKS_DISABLED === 'false' && e.SIGN_IN_SECOND_FACTOR_REQUIRED === 'false',
          secondFactorRequired: e.SIGN_IN_SECOND_FACTOR_REQUIRED === 'true',
          acrValues: e.OIDC_ACR_VALUES?.trim().split(/\s+/) ?? [],
        }
      : undefined,
    collector: collectorIn(
      e,
      credential('OTEL_EXPORTER_OTLP_HEADERS', (text) => headersIn(text)!),
    ),
    logLevel: e.LOG_LEVEL,
    metricsToken: asItIs('METRICS_TOKEN'),
    metricsPort: e.METRICS_PORT,
    trustedProxyHops: e.TRUSTED_PROXY_HOPS,
    rateLimiting: e.RATE_LIMITING_DISABLED === 'false',
    home: {
      HOME: env['HOME'],
      XDG_DATA_HOME: env['XDG_DATA_HOME'],
      XDG_CACHE_HOME: env['XDG_CACHE_HOME'],
      uid: process.getuid?.() ?? 1,
    },
  };
}

/** Settings that stand in a file `.env` where we are, and not in the environment, which alone we read: whoever wrote them there for docker compose
 *  may take them for ours. By their names. */
export function leftUnread(env: NodeJS.ProcessEnv = process.env, file = '.env'): string[] {
  const written = parseEnv(textOf(file));
  const says = (all: NodeJS.Dict<string>, name: string): boolean => Boolean(all[name] || all[`${name}_FILE`]);
  return Object.keys(Environment.shape).filter((name) => says(written, name) && !says(env, name));
}

/** Empty where there is none, or a folder, or none for our eyes. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** What a process that we start ourselves is given: our own environment, with these settings in place of what it says about them. */
export function environmentWith(settings: NodeJS.ProcessEnv, env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const files = Object.keys(settings).map((name) => [`${name}_FILE`, undefined]);
  return { ...env, ...Object.fromEntries(files), ...settings };
}

/** Undefined unless both are there. */
function certificateOf(
  e: { TLS_CERT?: string | undefined; TLS_KEY?: string | undefined } | undefined,
  env: NodeJS.ProcessEnv,
): Certificate | undefined {
  if (!e?.TLS_CERT || !e.TLS_KEY) return undefined;
  const files = { cert: env['TLS_CERT_FILE'] || undefined, key: env['TLS_KEY_FILE'] || undefined };
  return { cert: e.TLS_CERT, key: e.TLS_KEY, files };
}

function temporalConnectionOf(env: NodeJS.ProcessEnv, problems: string[]): TemporalConnection {
  try {
    const { connectionOptions } = loadClientConnectConfig({ overrideEnvVars: env as Record<string, string> });
    return connectionOptions;
  } catch (error) {
    problems.push(
      `Temporal's own settings (TEMPORAL_TLS…, or its file) can't be used: ${error instanceof Error ? error.message : String(error)}.`,
    );
    return {};
  }
}

/** Files that the database's address names for TLS. */
function unreadableIn(name: string, address: string | undefined): string[] {
  if (address === undefined || !URL.canParse(address)) return [];
  const { searchParams } = new URL(address);
  return ['sslrootcert', 'sslcert', 'sslkey'].flatMap((role) => {
    const file = searchParams.get(role);
    return file && !textOf(file) ? [`${name} names ${file} as ${role}, which can't be read.`] : [];
  });
}

function valueOf(name: string, env: NodeJS.ProcessEnv, problems: string[]): [string, string][] {
  const file = env[`${name}_FILE`];
  if (file && env[name]) problems.push(`${name} and ${name}_FILE are both set; keep one of them.`);
  if (file) {
    try {
      return [[name, readFileSync(file, 'utf8').trim()]];
    } catch {
      problems.push(`${name}_FILE names ${file}, which can't be read.`);
    }
  }
  // Compose hands an unset variable on as an empty one.
  return env[name] ? [[name, env[name]]] : [];
}
