import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { leftUnread, readConfig } from '../src/config.ts';
import { asOfNow } from '../src/domain/credential.ts';

test.each([
  'https://example.com/heed',
  'https://example.com?heed',
  'https://example.com/#heed',
  'https://heed:secret@example.com',
])('an address under which no page would answer (%s) is refused at the start', (PUBLIC_URL) => {
  expect(() => readConfig({ PUBLIC_URL })).toThrow(/PUBLIC_URL must be a host name of its own, without a path/);
});

test('one of its own is taken, with a port or a slash behind it', () => {
  for (const PUBLIC_URL of ['https://heed.example.com', 'https://heed.example.com/', 'http://localhost:4000'])
    expect(readConfig({ PUBLIC_URL }).publicUrl).toBe(PUBLIC_URL.replace(/\/$/, ''));
});

test('a space behind the public address does not come into links, and a mail server is named', () => {
  expect(readConfig({ PUBLIC_URL: 'https://heed.example.com ' }).publicUrl).toBe('https://heed.example.com');
  for (const SMTP_URL of ['smtp://', 'smtps:///'])
    expect(() => readConfig({ SMTP_URL })).toThrow('SMTP_URL must name the mail server');
});

test('a password with a % that is not coded is refused: some of those who connect would take it, and others not', () => {
  for (const name of ['DATABASE_URL', 'DATABASE_OWNER_URL', 'SMTP_URL'])
    expect(() =>
      readConfig({
        DATABASE_URL: 'postgres://heed:ok@127.0.0.1/heed',
        [name]: `${name === 'SMTP_URL' ? 'smtp' : 'postgres'}://heed:100%zz@127.0.0.1/heed`,
      }),
    ).toThrow(`${name} must have a % written as %25, also in its password.`);
  expect(asOfNow(readConfig({ DATABASE_URL: 'postgres://heed:100%25zz@127.0.0.1/heed' }).databaseUrl!)).toContain(
    '100%25zz',
  );
});

test('a port that nobody could find the web at is refused, and so is what is no address of a machine', () => {
  expect(() => readConfig({ LISTEN_ON: 'localhost' })).toThrow('LISTEN_ON must be an IP address of this machine');
  expect(() => readConfig({ PORT: '0' })).toThrow('PORT must be between 1 and 65535.');
});

describe('where signing in takes two factors', () => {
  const service = {
    OIDC_ISSUER: 'https://login.example.com',
    OIDC_CLIENT_ID: 'heed',
    OIDC_CLIENT_SECRET: 'secret',
  };

  test('no link signs anybody in beside the service, which is asked for the levels that are named', () => {
    const required = { ...service, SIGN_IN_SECOND_FACTOR_REQUIRED: 'true' };
    expect(readConfig(required).oidc).toMatchObject({ secondFactorRequired: true, besideLinks: false, acrValues: [] });
    const named = readConfig({ ...required, SIGN_IN_LINKS_DISABLED: 'true', OIDC_ACR_VALUES: 'urn:two phrh' });
    expect(named.oidc).toMatchObject({ secondFactorRequired: true, acrValues: ['urn:two', 'phrh'] });
    expect(readConfig(service).oidc).toMatchObject({ secondFactorRequired: false, besideLinks: true });
    // To see what the service does with them before anybody is kept out.
    const tried = readConfig({ ...service, SIGN_IN_SECOND_FACTOR_REQUIRED: 'false', OIDC_ACR_VALUES: 'urn:two' });
    expect(tried.oidc).toMatchObject({ secondFactorRequired: false, besideLinks: true, acrValues: ['urn:two'] });
  });

  test.each<[settings: NodeJS.ProcessEnv, sentence: RegExp]>([
    [
      { SIGN_IN_SECOND_FACTOR_REQUIRED: 'true' },
      /SIGN_IN_SECOND_FACTOR_REQUIRED would leave no way in: name the sign-in service/,
    ],
    [
      { ...service, SIGN_IN_SECOND_FACTOR_REQUIRED: 'true', SIGN_IN_LINKS_DISABLED: 'false' },
      /SIGN_IN_SECOND_FACTOR_REQUIRED=true and SIGN_IN_LINKS_DISABLED=false contradict each other/,
    ],
    [{ ...service, OIDC_ACR_VALUES: 'urn:two' }, /OIDC_ACR_VALUES by itself keeps nobody out/],
    [{ ...service, SIGN_IN_SECOND_FACTOR_REQUIRED: 'yes' }, /SIGN_IN_SECOND_FACTOR_REQUIRED must be true or false/],
    [
      { ...service, SIGN_IN_SECOND_FACTOR_REQUIRED: 'true', OIDC_ACR_VALUES: ' ' },
      /OIDC_ACR_VALUES must be names like/,
    ],
  ])('%j is refused with what to do', (settings, sentence) => {
    expect(() => readConfig(settings)).toThrow(sentence);
  });
});

describe('a collector of security events', () => {
  const collectorOf = (env: NodeJS.ProcessEnv) => readConfig(env).collector;

  test('is told at the address of logs as it is, else below the one of everything', () => {
    const everything = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example.com:4318/' };
    expect(collectorOf({})).toBeUndefined();
    expect(collectorOf(everything)).toEqual({ url: 'https://collector.example.com:4318/v1/logs', headers: {} });
    const logs = { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://logs.example.com/in' };
    expect(collectorOf({ ...everything, ...logs })).toEqual({ url: 'https://logs.example.com/in', headers: {} });
    expect(
      collectorOf({ ...logs, OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Bearer%20a=b, tenant=he%2Ced' })?.headers,
    ).toEqual({ authorization: 'Bearer a=b', tenant: 'he,ed' });
  });

  test('is told nothing that could be read on the way, but on this machine', () => {
    for (const name of ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT']) {
      expect(() => readConfig({ [name]: 'http://collector:4318' })).toThrow(
        `${name} must begin with https: what happened must not be readable on the way`,
      );
      expect(collectorOf({ [name]: 'http://127.0.0.1:4318' })).toBeDefined();
    }
  });

  test('is sent no headers that are none, and headers for nobody are refused', () => {
    const OTEL_EXPORTER_OTLP_LOGS_ENDPOINT = 'https://logs.example.com/in';
    for (const OTEL_EXPORTER_OTLP_HEADERS of ['secret', '=secret', 'a b=c', 'a=%', 'a=b%0Ac'])
      expect(() => readConfig({ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS })).toThrow(
        'OTEL_EXPORTER_OTLP_HEADERS must be a list like authorization=Bearer%20secret,tenant=heed',
      );
    expect(() => readConfig({ OTEL_EXPORTER_OTLP_HEADERS: 'a=b' })).toThrow(
      'OTEL_EXPORTER_OTLP_HEADERS goes to nobody: name a collector with OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
    );
  });
});

test('the owner of a database is named beside the role that Heed works as, never alone', () => {
  const [DATABASE_URL, DATABASE_OWNER_URL] = ['heed_work', 'heed'].map((role) => `postgres://${role}@127.0.0.1:9/heed`);
  expect(() => readConfig({ DATABASE_OWNER_URL })).toThrow(/DATABASE_OWNER_URL goes with DATABASE_URL/);
  expect(readConfig({ DATABASE_OWNER_URL, DATABASE_URL })).toMatchObject({
    databaseUrl: DATABASE_URL,
    databaseOwnerUrl: DATABASE_OWNER_URL,
  });
});

describe('a credential that a file holds', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heed-credentials-'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const said: string[] = [];
  /** Those settings from files, beside others. */
  const filed = async (settings: Record<string, string>, beside: NodeJS.ProcessEnv = {}) => {
    const env: NodeJS.ProcessEnv = { ...beside };
    for (const [name, value] of Object.entries(settings)) {
      await writeFile(join(folder, name), `${value}\n`);
      env[`${name}_FILE`] = join(folder, name);
    }
    said.splice(0);
    return readConfig(env, (sentence) => said.push(sentence));
  };
  const renew = (name: string, value: string): Promise<void> => writeFile(join(folder, name), `${value}\n`);

  test('is read anew at each use: of Postgres, the mail server, Slack, the sign-in service, the collector and whoever watches', async () => {
    const of = (time: string): Record<string, string> => ({
      DATABASE_URL: `postgres://heed_${time}:p@127.0.0.1:9/heed`,
      DATABASE_OWNER_URL: `postgres://owner_${time}:p@127.0.0.1:9/heed`,
      SMTP_URL: `smtp://heed:${time}@127.0.0.1:25`,
      SLACK_BOT_TOKEN: `xoxe.xoxb-1-${time}`,
      SLACK_SIGNING_SECRET: `the signing secret of ${time}`,
      OIDC_CLIENT_SECRET: `the secret of ${time}`,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${time}`,
      METRICS_TOKEN: `the token of whoever watches ${time}`,
    });
    const config = await filed(of('first'), {
      OIDC_ISSUER: 'https://login.example.com',
      OIDC_CLIENT_ID: 'heed',
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://logs.example.com',
    });
    const inForce = (): unknown => ({
      DATABASE_URL: asOfNow(config.databaseUrl!),
      DATABASE_OWNER_URL: asOfNow(config.databaseOwnerUrl!),
      SMTP_URL: asOfNow(config.smtpUrl!),
      SLACK_BOT_TOKEN: asOfNow(config.slack!.token),
      SLACK_SIGNING_SECRET: asOfNow(config.slack!.signingSecret),
      OIDC_CLIENT_SECRET: asOfNow(config.oidc!.clientSecret),
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${encodeURIComponent(asOfNow(config.collector!.headers)['authorization']!)}`,
      METRICS_TOKEN: asOfNow(config.metricsToken!),
    });
    expect(inForce()).toEqual(of('first'));
    for (const [name, value] of Object.entries(of('second'))) await renew(name, value);
    expect(inForce()).toEqual(of('second'));
    expect(said).toEqual([]);
  });

  test('goes on being what it was while its file is away, empty or holds something else, and that is said once', async () => {
    const { slack } = await filed({ SLACK_BOT_TOKEN: 'xoxb-first', SLACK_SIGNING_SECRET: 'the signing secret' });
    const file = join(folder, 'SLACK_BOT_TOKEN');
    await rm(file);
    expect([asOfNow(slack!.token), asOfNow(slack!.token)]).toEqual(['xoxb-first', 'xoxb-first']);
    await renew('SLACK_BOT_TOKEN', '');
    expect(asOfNow(slack!.token)).toBe('xoxb-first');
    await renew('SLACK_BOT_TOKEN', 'an error page');
    expect(asOfNow(slack!.token)).toBe('xoxb-first');
    expect(said).toEqual([
      `SLACK_BOT_TOKEN_FILE names ${file}, which can't be read or is empty. What was read before goes on being used.`,
      expect.stringMatching(/^SLACK_BOT_TOKEN must start with xoxb-.* What was read before goes on being used\.$/),
    ]);
    expect(said.join()).not.toContain('an error page');
    await renew('SLACK_BOT_TOKEN', 'xoxb-second');
    expect(asOfNow(slack!.token)).toBe('xoxb-second');
  });

  test('leads nowhere unencrypted that it was not allowed to at the start', async () => {
    const { databaseUrl, smtpUrl } = await filed({
      DATABASE_URL: 'postgres://heed@db.example.com/heed?sslmode=require',
      SMTP_URL: 'smtp://mail.example.com:587',
    });
    const inForce = (): string[] => [asOfNow(databaseUrl!), asOfNow(smtpUrl!)];
    const first = [
      'postgres://heed@db.example.com/heed?sslmode=verify-full',
      'smtp://mail.example.com:587?requireTLS=true',
    ];
    expect(inForce()).toEqual(first);
    await renew('DATABASE_URL', 'postgres://heed@db.example.com/heed');
    await renew('SMTP_URL', 'smtp://mail.example.com:587?ignoreTLS=true');
    expect(inForce()).toEqual(first);
    expect(said).toEqual([
      expect.stringMatching(/^DATABASE_URL leads to db\.example\.com, another machine, unencrypted/),
      expect.stringMatching(/^SMTP_URL leads to mail\.example\.com, another machine, and ignoreTLS=true/),
    ]);
    await renew('DATABASE_URL', 'postgres://another@db.example.com/heed?sslmode=require');
    await renew('SMTP_URL', 'smtp://another@mail.example.com:587');
    expect(inForce()).toEqual([
      'postgres://another@db.example.com/heed?sslmode=verify-full',
      'smtp://another@mail.example.com:587?requireTLS=true',
    ]);
  });
});

describe('a file .env, filled in for docker compose', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heed-settings-'));
    file = join(folder, '.env');
    await writeFile(
      file,
      'SMTP_URL=smtp://mail.example.com:587\nPUBLIC_URL=heed.example.com\n#PORT=4000\nHEED_API_KEY=\n',
    );
  });
  afterAll(() => rm(folder, { recursive: true }));
  /** What a Heed says that comes no further than to its data folder. */
  const said = async (
    program: string,
    args: string[],
    cwd: string,
    settings: NodeJS.ProcessEnv = { HEED_DATA_DIR: '/dev/null/heed' },
  ): Promise<string> => {
    const env = { ...process.env, SMTP_URL: undefined, PUBLIC_URL: undefined, ...settings };
    return promisify(execFile)(program, args, { cwd, env }).then(
      ({ stdout }) => stdout,
      ({ stdout, stderr }: { stdout: string; stderr: string }) => `${stdout}${stderr}`,
    );
  };

  test('is named by npm start with what stands in it alone, so that nobody takes the demo mailbox for their mail server', async () => {
    expect(await said(process.execPath, [join(root, 'src/main.ts')], folder)).toMatch(
      /^The file \.env is docker compose's and is not read here\. It sets PUBLIC_URL, SMTP_URL; to start with that: scripts\/node --env-file=\.env/,
    );
    const elsewhere = { PUBLIC_URL: 'https://another.example.com', SMTP_URL_FILE: '/run/secrets/smtp' };
    expect(leftUnread(elsewhere, file)).toEqual([]);
    for (const none of [join(folder, 'none'), folder]) expect(leftUnread({}, none)).toEqual([]);
  });

  test('is read where it is given by name', async () => {
    const told = await said(join(root, 'scripts/node'), [`--env-file=${file}`, 'src/main.ts'], root);
    expect(told).toContain('PUBLIC_URL must be an address like');
    expect(told).not.toContain('is not read');
  });

  test('that names a database is not passed over by a command in silence, and nothing is restored into another', async () => {
    const standing = await mkdtemp(join(folder, 'own-'));
    const own = join(standing, '.env');
    await writeFile(own, 'DATABASE_URL=postgres://heed@127.0.0.1:9/heed\n');
    const nothing = { HOME: standing, XDG_DATA_HOME: undefined, HEED_DATA_DIR: undefined, DATABASE_URL: undefined };
    const heed = (words: string[], settings: NodeJS.ProcessEnv = {}): Promise<string> =>
      said(process.execPath, [join(root, 'src/triggers/cli/main.ts'), ...words], standing, { ...nothing, ...settings });

    const complaint =
      /^The file \.env sets DATABASE_URL and is not read here.* scripts\/node --as-installed --env-file=\.env/;
    expect(await heed(['status'])).toMatch(complaint);
    const refused = await heed(['restore', 'today.backup']);
    expect(refused).toMatch(complaint);
    expect(refused).toContain('Nothing was restored.');
    // A folder that is named is where it goes.
    const named = await heed(['restore', 'today.backup'], { HEED_DATA_DIR: '/dev/null/heed' });
    expect(named).toMatch(/Heed cannot keep its data in \/dev\/null\/heed/);

    const unreachable = /^Postgres at 127\.0\.0\.1:9 can't be reached/;
    const DATABASE_URL = 'postgres://heed@127.0.0.1:9/another';
    expect(await heed(['status'], { DATABASE_URL })).toMatch(unreachable);
    const words = ['--as-installed', `--env-file=${own}`, 'src/triggers/cli/main.ts', '--in', standing, 'status'];
    expect(await said(join(root, 'scripts/node'), words, root, nothing)).toMatch(unreachable);
  });
});
