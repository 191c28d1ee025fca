/** What an address says of encryption decides, before anything is sent there, whether Heed starts. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig, type Config } from '../src/config.ts';
import { asOfNow } from '../src/domain/credential.ts';
import { mustBeApart } from '../src/start/apart.ts';
import { startTogether } from '../src/start/together.ts';
import { makeCertificate } from './support/certificate.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-encryption-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What is wrong with these settings, a sentence each; none: they are taken. */
function problemsWith(settings: NodeJS.ProcessEnv): string[] {
  try {
    readConfig(settings);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n').flatMap((line) => /^ {2}- (.*)$/.exec(line)?.[1] ?? []);
  }
}

const elsewhere = {
  database: { DATABASE_URL: 'postgres://heed:hunter2@db.example.com/heed' },
  temporal: { TEMPORAL_ADDRESS: 'temporal.example.com:7233' },
  mail: { SMTP_URL: 'smtp://heed:hunter2@mail.example.com:587?ignoreTLS=true' },
  web: { PUBLIC_URL: 'http://heed.example.com' },
};

describe('what crosses a network unencrypted', () => {
  test.each([
    ['database', elsewhere.database, /leads to db\.example\.com, .* unencrypted: add \?sslmode=verify-full at its end/],
    [
      'database',
      { DATABASE_URL: 'postgres://db.example.com/heed?sslmode=disable' },
      /write sslmode=verify-full in place of sslmode=disable/,
    ],
    [
      'database',
      { DATABASE_URL: 'postgres://db.example.com/heed?sslmode=no-verify' },
      /encrypted for whoever answers there: write sslmode=verify-full in place/,
    ],
    ['database', { DATABASE_URL: 'postgres://localhost/heed?host=db.example.com' }, /add &sslmode=verify-full/],
    ['database', { DATABASE_URL: 'postgres:///heed', PGHOST: 'db.example.com' }, /leads to db\.example\.com/],
    ['temporal', elsewhere.temporal, /leads to temporal\.example\.com, .* unencrypted: set TEMPORAL_TLS=true/],
    ['temporal', { ...elsewhere.temporal, TEMPORAL_TLS: 'false' }, /set TEMPORAL_TLS=true/],
    ['mail', elsewhere.mail, /ignoreTLS=true lets letters go there unencrypted: take that out/],
    ['mail', { SMTP_URL: 'smtp://mail.example.com?requireTLS=false' }, /requireTLS=false lets letters go/],
    [
      'mail',
      { SMTP_URL: 'smtps://mail.example.com?tls.rejectUnauthorized=false' },
      /encrypted for whoever answers there: take that out/,
    ],
    ['web', elsewhere.web, /is http:\/\/heed\.example\.com: .* write https/],
  ] as const)(
    '%s: keeps Heed from starting, in a sentence that says what to write (%j)',
    (name, settings, sentence) => {
      const problems = problemsWith(settings);
      expect(problems).toEqual([expect.stringMatching(sentence), expect.stringContaining(`UNENCRYPTED=${name}`)]);
      expect(problems.join()).not.toContain('hunter2');
      expect(problemsWith({ ...settings, UNENCRYPTED: name })).toEqual([]);
    },
  );

  test('is said all at once, with the one line that lets it be', () => {
    const all = { ...elsewhere.database, ...elsewhere.temporal, ...elsewhere.mail, ...elsewhere.web };
    const problems = problemsWith({ ...all, UNENCRYPTED: 'metrics, web,' });
    expect(problems).toHaveLength(4);
    expect(problems.at(-1)).toMatch(/your own and nobody else's.*: UNENCRYPTED=metrics,web,database,temporal,mail$/);
    expect(problemsWith({ ...all, UNENCRYPTED: 'metrics,web,database,temporal,mail' })).toEqual([]);
  });

  test('can be allowed by its name alone', () => {
    for (const UNENCRYPTED of ['true', 'all', 'database,mails'])
      expect(problemsWith({ UNENCRYPTED })).toEqual([
        'UNENCRYPTED must be names out of database, temporal, mail, web, metrics, with commas between.',
      ]);
  });
});

test('what is encrypted is taken, and what stays on this machine', () => {
  for (const settings of [
    { DATABASE_URL: 'postgres://db.example.com/heed?sslmode=verify-full' },
    { ...elsewhere.temporal, TEMPORAL_TLS: 'true' },
    { ...elsewhere.temporal, TEMPORAL_API_KEY: 'secret' },
    { SMTP_URL: 'smtp://mail.example.com' },
    { SMTP_URL: 'smtps://mail.example.com' },
    { PUBLIC_URL: 'https://heed.example.com' },
    { DATABASE_URL: 'postgres://localhost/heed' },
    { DATABASE_URL: 'postgres://[::1]:5433/heed' },
    { DATABASE_URL: 'postgres:///heed?host=/var/run/postgresql' },
    { DATABASE_URL: 'postgres://%2Fvar%2Frun%2Fpostgresql/heed' },
    { DATABASE_URL: 'postgres:///heed' },
    { TEMPORAL_ADDRESS: '127.0.0.1:7233' },
    { SMTP_URL: 'smtp://localhost:1025?ignoreTLS=true' },
    { PUBLIC_URL: 'http://127.0.0.1:4000' },
    { SLACK_API_URL: 'http://127.0.0.1:4001/api/' },
  ])
    expect({ settings, problems: problemsWith(settings) }).toEqual({ settings, problems: [] });
});

test('a name that only looks like this machine is another', () => {
  for (const host of ['127.0.0.1.example.com', 'localhost.example.com', '127.example.com'])
    expect(problemsWith({ DATABASE_URL: `postgres://${host}/heed` })).toHaveLength(2);
  expect(problemsWith({ SLACK_API_URL: 'http://slack.example.com/api/' })).toEqual([
    expect.stringMatching(/^SLACK_API_URL must begin with https/),
  ]);
});

test('of a mail server on another machine STARTTLS is demanded, whatever it offers, unless that was let be', () => {
  const demanded = (SMTP_URL: string, more: NodeJS.ProcessEnv = {}): string =>
    asOfNow(readConfig({ SMTP_URL, ...more }).smtpUrl!);
  expect(demanded('smtp://heed:p%40ss@mail.example.com:587')).toBe(
    'smtp://heed:p%40ss@mail.example.com:587?requireTLS=true',
  );
  for (const as of ['smtps://mail.example.com:465', 'smtp://127.0.0.1:1025']) expect(demanded(as)).toBe(as);
  const plain = 'smtp://mail:1025';
  expect(demanded(plain, { UNENCRYPTED: 'mail' })).toBe(plain);
});

test('an address of Postgres is read by everybody in the same way, and one that would fall back to plain is refused', () => {
  for (const mode of ['require', 'verify-ca', 'verify-full'])
    expect(readConfig({ DATABASE_URL: `postgres://db.example.com/heed?sslmode=${mode}` }).databaseUrl).toBe(
      'postgres://db.example.com/heed?sslmode=verify-full',
    );
  for (const mode of ['prefer', 'allow', ''])
    expect(problemsWith({ DATABASE_URL: `postgres://localhost/heed?sslmode=${mode}` })).toEqual([
      expect.stringMatching(/^DATABASE_URL must have an sslmode out of disable, no-verify, require/),
    ]);
  const missing = 'postgres://db.example.com/heed?sslmode=verify-full&sslrootcert=/nowhere/ca.pem';
  expect(problemsWith({ DATABASE_URL: missing })).toEqual([
    "DATABASE_URL names /nowhere/ca.pem as sslrootcert, which can't be read.",
  ]);
});

test('TLS to Temporal is what its own variables say, and a file among them that is not there is told', () => {
  const tls = (more: NodeJS.ProcessEnv): unknown =>
    readConfig({ ...elsewhere.temporal, ...more }).temporalConnection.tls;
  expect(tls({ TEMPORAL_API_KEY: 'secret' })).toBe(true);
  expect(tls({ TEMPORAL_TLS: 'true', TEMPORAL_TLS_SERVER_NAME: 'frontend' })).toMatchObject({
    serverNameOverride: 'frontend',
  });
  const { cert, key } = makeCertificate();
  const certificate = { TEMPORAL_TLS_CLIENT_CERT_DATA: cert, TEMPORAL_TLS_CLIENT_KEY_DATA: key };
  expect(tls(certificate)).toMatchObject({ clientCertPair: { crt: Buffer.from(cert), key: Buffer.from(key) } });
  const problems = problemsWith({
    ...elsewhere.temporal,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/nowhere/ca.pem',
    UNENCRYPTED: 'temporal',
  });
  expect(problems).toEqual([expect.stringMatching(/^Temporal's own settings .*\/nowhere\/ca\.pem/)]);
});

describe('a certificate of the web’s own', () => {
  const { cert, key } = makeCertificate();

  test('is taken with its key, from files or on one line, and makes the web one of https', async () => {
    const files = { TLS_CERT_FILE: join(folder, 'cert.pem'), TLS_KEY_FILE: join(folder, 'key.pem') };
    await writeFile(files.TLS_CERT_FILE, cert);
    await writeFile(files.TLS_KEY_FILE, key);
    expect(readConfig(files)).toMatchObject({
      publicUrl: 'https://localhost:4000',
      certificate: { files: { cert: files.TLS_CERT_FILE, key: files.TLS_KEY_FILE } },
    });
    const onOneLine = { TLS_CERT: cert.replaceAll('\n', '\\n'), TLS_KEY: key.replaceAll('\n', '\\n') };
    expect(readConfig(onOneLine).certificate).toEqual({ cert, key, files: { cert: undefined, key: undefined } });
  });

  test('that can’t be used is refused at the start', () => {
    const both = { TLS_CERT: cert, TLS_KEY: key };
    for (const [settings, sentence] of [
      [{ TLS_CERT: cert }, /TLS_CERT and TLS_KEY go together: set both, or neither/],
      [{ ...both, TLS_KEY: makeCertificate().key }, /TLS_KEY is not the key of the certificate in TLS_CERT/],
      [{ ...both, TLS_CERT: key }, /TLS_CERT must be a certificate in PEM/],
      [{ ...both, TLS_KEY: cert }, /TLS_KEY must be a private key in PEM that asks for no password/],
      [{ ...both, PUBLIC_URL: 'http://localhost:4000' }, /PUBLIC_URL must begin with https where TLS_CERT is set/],
    ] as const)
      expect(problemsWith(settings)).toEqual([expect.stringMatching(sentence)]);
  });

  test('is not for a demonstration, which is on one machine alone', async () => {
    const config = readConfig({ TLS_CERT: cert, TLS_KEY: key, HEED_DATA_DIR: '/dev/null/heed' });
    await expect(startTogether(config, '', [], () => {})).rejects.toThrow(/could act for anybody\. Set SMTP_URL/);
  });

  test('is needed where a relay on its own tells its timings, unless that was let be', () => {
    const relay = (more: NodeJS.ProcessEnv): Config =>
      readConfig({
        DATABASE_URL: 'postgres://localhost/heed',
        TEMPORAL_ADDRESS: 'localhost:7233',
        METRICS_PORT: '9464',
        ...more,
      });
    expect(() => mustBeApart(relay({}), 'relay')).toThrow(/unencrypted: give it a certificate.*UNENCRYPTED=metrics$/);
    for (const more of [{ UNENCRYPTED: 'metrics' }, { TLS_CERT: cert, TLS_KEY: key }])
      expect(() => mustBeApart(relay(more), 'relay')).not.toThrow();
    // That of npm start answers on this machine alone.
    expect(() => mustBeApart(relay({ SMTP_URL: 'smtp://localhost' }), 'engine')).not.toThrow();
  });
});
