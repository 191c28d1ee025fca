/** What docker-compose.yml and .env.example promise, held against the code that reads them. */

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig } from '../src/config.ts';
import { asOfNow } from '../src/domain/credential.ts';
import { Environment } from '../src/settings.ts';
import { mustBeApart, type Part } from '../src/start/apart.ts';
import { searchAttributes } from '../src/workflows/messages.ts';

interface Service {
  image: string;
  build?: string;
  command?: string[];
  entrypoint?: string[];
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  logging?: { driver: string; options: Record<string, string> };
  depends_on?: Record<string, { condition: string }>;
  ports?: string[];
  profiles?: string[];
  restart: string;
}

const read = (name: string): Promise<string> => readFile(new URL(`../${name}`, import.meta.url), 'utf8');
const text = await read('docker-compose.yml');
const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
const example = await read('.env.example');
const ours = ['migrate', 'web', 'worker', 'relay'];
const oneShots = ['temporal-schema', 'temporal-init', 'migrate'];
const environmentOf = (name: string): Record<string, string> => services[name]?.environment ?? {};

/** What docker compose hands to a service, where `.env` says this and what is given more. */
const chosen: Record<string, string> = {
  HEED_DB_PASSWORD: 'a1',
  PUBLIC_URL: 'https://heed.example.com',
  SMTP_URL: 'smtp://mail.example.com:587',
};
const settingsOf = (name: string, more: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environmentOf(name)).map(([key, value]) => [
      key,
      value.replaceAll(
        /\$\{(\w+):[?-]([^}]*)\}/g,
        (_, asked: string, otherwise: string) => ({ ...chosen, ...more })[asked] ?? otherwise,
      ),
    ]),
  );

/** What the images of others read, as their documentation has it. */
const readByOthers: Record<string, string[]> = {
  // The last three by our own docker/postgres/roles.sh.
  postgres: ['POSTGRES_PASSWORD', 'HEED_DB_PASSWORD', 'HEED_WORK_DB_PASSWORD', 'TEMPORAL_DB_PASSWORD'],
  'temporal-schema': ['POSTGRES_SEEDS', 'DB_PORT', 'POSTGRES_USER', 'SQL_PASSWORD'],
  temporal: [
    'DB',
    'DB_PORT',
    'POSTGRES_SEEDS',
    'POSTGRES_USER',
    'POSTGRES_PWD',
    'DBNAME',
    'VISIBILITY_DBNAME',
    'NUM_HISTORY_SHARDS',
    'BIND_ON_IP',
    'DYNAMIC_CONFIG_FILE_PATH',
    'LOG_LEVEL',
  ],
  'temporal-init': ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_RETENTION'],
  'temporal-ui': [
    'TEMPORAL_ADDRESS',
    'TEMPORAL_DEFAULT_NAMESPACE',
    'TEMPORAL_DISABLE_NEWS_FETCH',
    'TEMPORAL_DISABLE_WRITE_ACTIONS',
  ],
  mail: ['MP_MAX_MESSAGES'],
};

describe('docker compose', () => {
  test('sets only what somebody reads', () => {
    for (const [name, { environment }] of Object.entries(services)) {
      const known = ours.includes(name) ? Object.keys(Environment.shape) : readByOthers[name];
      expect({ name, unread: Object.keys(environment ?? {}).filter((key) => !known?.includes(key)) }).toEqual({
        name,
        unread: [],
      });
    }
  });

  test('has Postgres write down no row that it refused', () => {
    expect(services['postgres']?.command).toEqual(['postgres', '-c', 'log_error_verbosity=terse']);
  });

  test('gives each process what it needs to stand alone', () => {
    expect(environmentOf('migrate')).toHaveProperty('DATABASE_URL');
    for (const name of ['web', 'worker', 'relay']) expect(environmentOf(name)).toHaveProperty('DATABASE_URL');
    for (const name of ['worker', 'relay']) expect(environmentOf(name)).toHaveProperty('TEMPORAL_ADDRESS');
    expect(environmentOf('worker')).toHaveProperty('SMTP_URL');
    // Where the runbook says to type heed doctor, which looks whether the web can be reached.
    for (const name of ['web', 'worker', 'relay']) expect(environmentOf(name)).toHaveProperty('PUBLIC_URL');
    for (const name of ['web', 'worker']) {
      expect(environmentOf(name)).toHaveProperty('SLACK_BOT_TOKEN');
      expect(environmentOf(name)).toHaveProperty('SLACK_SIGNING_SECRET');
    }
  });

  test('gives the address of the owner to the migration alone, where restoring is typed, too', () => {
    const roleIn = (address: string | undefined): string | undefined => /\/\/(\w+):/.exec(address ?? '')?.[1];
    for (const name of ours) expect(roleIn(environmentOf(name)['DATABASE_URL'])).toBe('heed_work');
    expect(roleIn(environmentOf('migrate')['DATABASE_OWNER_URL'])).toBe('heed');
    for (const name of ['web', 'worker', 'relay'])
      expect(JSON.stringify(environmentOf(name))).not.toMatch(/DATABASE_OWNER_URL|\bHEED_DB_PASSWORD/);
  });

  test('gives each secret to those alone who use it, and Slack’s two together', () => {
    const secret = /PASSWORD|PWD|TOKEN|SECRET|KEY|HEADERS|SMTP_URL|DATABASE\w*_URL/;
    const given = Object.keys(services).map((name) => [
      name,
      Object.keys(environmentOf(name))
        .filter((key) => secret.test(key))
        .sort(),
    ]);
    // Neither is taken without the other, so the worker is given the one that it does not use as well.
    const slack = ['SLACK_BOT_TOKEN', 'SLACK_SIGNING_SECRET'];
    expect(Object.fromEntries(given)).toEqual({
      postgres: ['HEED_DB_PASSWORD', 'HEED_WORK_DB_PASSWORD', 'POSTGRES_PASSWORD', 'TEMPORAL_DB_PASSWORD'],
      'temporal-schema': ['SQL_PASSWORD'],
      temporal: ['POSTGRES_PWD'],
      'temporal-init': [],
      'temporal-ui': [],
      migrate: ['DATABASE_OWNER_URL', 'DATABASE_URL'],
      web: ['DATABASE_URL', 'HEED_API_KEY', 'METRICS_TOKEN', 'OIDC_CLIENT_SECRET', ...slack],
      worker: ['DATABASE_URL', 'DKIM_PRIVATE_KEY', ...slack, 'SMTP_URL'],
      relay: ['DATABASE_URL', 'METRICS_TOKEN', 'OTEL_EXPORTER_OTLP_HEADERS'],
      mail: [],
    });
  });

  test('starts the processes that src/main.ts knows, and the migration before them', () => {
    for (const name of ['web', 'worker', 'relay']) {
      expect(services[name]?.command).toEqual(['scripts/node', 'src/main.ts', name]);
      expect(services[name]?.depends_on?.['migrate']?.condition).toBe('service_completed_successfully');
    }
    expect(services['migrate']?.command?.at(-1)).toContain('heed migrate');
  });

  test('the web does not wait for Temporal; the worker and the relay do', () => {
    expect(Object.keys(services['web']?.depends_on ?? {})).toEqual(['migrate']);
    for (const name of ['worker', 'relay']) {
      expect(services[name]?.depends_on?.['temporal-init']?.condition).toBe('service_completed_successfully');
    }
  });

  test('what must have ended is waited for as ended, what must live as healthy', () => {
    for (const { depends_on } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(depends_on ?? {})) {
        expect({ name, condition }).toEqual({
          name,
          condition: oneShots.includes(name) ? 'service_completed_successfully' : 'service_healthy',
        });
      }
    }
  });

  test('everything that stays has a health check, and a one-shot is not started for ever', () => {
    for (const [name, service] of Object.entries(services)) {
      expect({ name, checked: service.healthcheck !== undefined }).toEqual({ name, checked: !oneShots.includes(name) });
      expect({ name, restart: service.restart }).toEqual({
        name,
        restart: oneShots.includes(name) ? 'on-failure:5' : 'unless-stopped',
      });
    }
  });

  test('what a service says fills no disk: only the latest of it is kept', () => {
    for (const [name, { logging }] of Object.entries(services))
      expect({ name, logging }).toEqual({
        name,
        logging: { driver: 'json-file', options: { 'max-size': '50m', 'max-file': '5' } },
      });
  });

  test('only the web and the Temporal Web UI are published, on this machine alone unless the web is said to be elsewhere', () => {
    const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name).sort()).toEqual(['temporal-ui', 'web']);
    expect(services['temporal-ui']?.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)]);
    expect(services['web']?.ports).toEqual([expect.stringMatching(/^\$\{PUBLISHED_ON:-127\.0\.0\.1\}:/)]);
  });

  test('what crosses its own network unencrypted is allowed by name, and nothing that leaves it', () => {
    for (const name of ours) {
      const config = readConfig(settingsOf(name));
      expect({ name, unencrypted: config.unencrypted }).toEqual({
        name,
        unencrypted: ['database', 'temporal', 'metrics'],
      });
      if (name !== 'migrate') expect(() => mustBeApart(config, name as Part)).not.toThrow();
      expect(() => readConfig({ ...settingsOf(name), UNENCRYPTED: '' })).toThrow(/UNENCRYPTED=database/);
    }
    const inPlain = { PUBLIC_URL: 'http://heed.example.com' };
    expect(() => readConfig(settingsOf('web', inPlain))).toThrow(/: UNENCRYPTED=database,temporal,metrics,web$/);
    expect(readConfig(settingsOf('web', { ...inPlain, UNENCRYPTED: 'web' })).unencrypted).toContain('web');
    expect(readConfig(settingsOf('worker')).smtpUrl).toContain('requireTLS=true');
    expect(readConfig(settingsOf('worker', { UNENCRYPTED: 'mail' })).smtpUrl).toBe(chosen['SMTP_URL']);
  });

  test('every image is pinned to a version, ours is built on glibc', async () => {
    for (const { image } of Object.values(services)) expect(image).toMatch(/:v?\d+(\.\d+)+$/);
    const from = /^FROM (.+)$/m.exec(await read('Dockerfile'))?.[1];
    expect(from).toMatch(/^node:24\.\d+\.\d+-bookworm-slim$/);
    const { version } = JSON.parse(await read('package.json')) as { version: string };
    expect(new Set(ours.map((name) => services[name]?.image))).toEqual(new Set([`heed:${version}`]));
  });

  test('our image holds what runs and no more: neither the repository, nor tests, nor settings', async () => {
    const copied = [...(await read('Dockerfile')).matchAll(/^(?:COPY|ADD) (.+) \S+$/gm)].flatMap(([, from]) =>
      from!.split(' '),
    );
    const runs = [
      'package.json',
      'package-lock.json',
      '.npmrc',
      'tsconfig.json',
      'LICENSE',
      'scripts',
      'sql',
      'samples',
      'src',
    ];
    expect(copied).toEqual(runs);
    // What docker is shown at all.
    const [first, ...shown] = (await read('.dockerignore'))
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect([first, ...shown]).toEqual(['*', ...runs.map((name) => `!${name}`)]);
  });

  test('Temporal is new enough for standalone activities, and server and tools are of one version', () => {
    expect(services['temporal']?.image).toBe('temporalio/server:1.32.0');
    for (const name of ['temporal-schema', 'temporal-init'])
      expect(services[name]?.image).toBe('temporalio/admin-tools:1.32.0');
  });

  test('the catcher of mail is there only when asked for', () => {
    expect(Object.keys(services).filter((name) => services[name]?.profiles)).toEqual(['mail']);
    expect(services['mail']?.profiles).toEqual(['dev']);
  });

  test('refuses to start without a secret, with a sentence that says what to do', () => {
    const required = [...text.matchAll(/\$\{(\w+):\?([^}]*)\}/g)];
    expect([...new Set(required.map(([, name = '']) => name))].sort()).toEqual([
      'HEED_CONFIG',
      'HEED_DB_PASSWORD',
      'HEED_WORK_DB_PASSWORD',
      'POSTGRES_PASSWORD',
      'PUBLIC_URL',
      'SMTP_URL',
      'TEMPORAL_DB_PASSWORD',
    ]);
    for (const [, name, sentence] of required) expect(sentence).toMatch(new RegExp(`^Set ${name} in \\.env`));
  });

  test('a backup by the book is written where it outlives its container, by one that knows the database', async () => {
    const typed = [
      ...(await read('docs/operating.md')).matchAll(
        /^ {4}docker compose (.*?) (\S+) scripts\/heed (backup|restore) (\S+)/gm,
      ),
    ];
    expect(typed.map(([, , , command]) => command)).toEqual(['backup', 'restore']);
    for (const [, options = '', service = '', , file = ''] of typed) {
      const folder = /-v "\$PWD\/\w+:(\/\w+)"/.exec(options)?.[1];
      expect(file.startsWith(`${folder}/`)).toBe(true);
      expect(environmentOf(service)).toHaveProperty('DATABASE_OWNER_URL');
    }
  });

  test('a backup is named by a clock that never goes back, so that the last by name is the newest', async () => {
    const pages = (await readdir(new URL('../docs', import.meta.url))).filter((name) => name.endsWith('.md'));
    const moments = (await Promise.all(pages.map((name) => read(`docs/${name}`)))).flatMap((page) => [
      ...page.matchAll(/\$\(date [^)]*\)/g),
    ]);
    expect(moments.length).toBeGreaterThan(0);
    for (const [moment] of moments) expect(moment).toMatch(/^\$\(date -u \S+Z\)$/);
  });

  test('each password of Postgres has the line by which it is changed there, for the role that it was made for', async () => {
    const script = await read('docker/postgres/roles.sh');
    const given = new Map([...script.matchAll(/-v (\w+)="\$(\w+)"/g)].map(([, short, name]) => [short!, name!]));
    const made = [...script.matchAll(/^create role (\w+) .*password :'(\w+)';$/gm)].map(
      ([, role, short]) => [given.get(short!)!, role!] as const,
    );
    const changed = [
      ...(await read('docs/operating.md')).matchAll(/ alter role (\w+) password 'what (\w+) will say';/g),
    ];
    expect(Object.fromEntries(changed.map(([, role, name]) => [name, role]))).toEqual({
      ...Object.fromEntries(made),
      // The image's own.
      POSTGRES_PASSWORD: 'postgres',
    });
    expect(new Set(changed.map(([, , name]) => name))).toEqual(new Set(Object.keys(environmentOf('postgres'))));
  });

  test('takes addresses from files as the book shows it', async () => {
    const book = await read('docs/operating.md');
    const [shown] = [...book.matchAll(/^( +)services:\n(?:\1.*\n)+/gm)].find(([each]) =>
      each.includes('SMTP_URL_FILE'),
    )!;
    const { worker } = (parse(shown) as { services: Record<string, Service & { volumes: string[] }> }).services;
    const [mounted, as] = worker!.volumes[0]!.split(':');
    const folder = await mkdtemp(join(tmpdir(), 'heed-secrets-'));
    await writeFile(join(folder, 'smtp-url'), 'smtp://heed:from-a-file@mail.example.com:587\n');
    await writeFile(join(folder, 'database-url'), 'postgres://heed_work:from-a-file@postgres:5432/heed\n');
    const here = (file: string | undefined): string => file?.replace(as!, folder) ?? '';
    expect(mounted).toMatch(/^\//);

    const { SMTP_URL_FILE: file, ...rest } = worker!.environment!;
    const { smtpUrl } = readConfig({
      ...settingsOf('worker', { SMTP_URL: 'any' }),
      ...rest,
      SMTP_URL_FILE: here(file),
    });
    expect(asOfNow(smtpUrl!)).toContain('from-a-file');
    expect(book).toContain("`DATABASE_URL: ''` beside `DATABASE_URL_FILE`, in web, worker, relay and migrate");
    for (const name of ours) {
      const named = { DATABASE_URL: '', DATABASE_URL_FILE: here(`${as}/database-url`) };
      const { databaseUrl } = readConfig({ ...settingsOf(name), ...named });
      expect(asOfNow(databaseUrl!)).toContain('from-a-file');
    }
    await rm(folder, { recursive: true });
  });

  test('no secret has a default', () => {
    const withDefault = [...text.matchAll(/\$\{(\w*(?:PASSWORD|TOKEN|SECRET|KEY)\w*):?-([^}]*)\}/g)];
    expect(withDefault.filter(([, , fallback]) => fallback !== '')).toEqual([]);
    expect(text).not.toMatch(/(PASSWORD|TOKEN|SECRET|KEY|PWD): *['"]?[A-Za-z0-9]/);
    expect(text).not.toMatch(/:\/\/[^\s:$]+:(?!\$\{)(?!secret@mail\.example)[^\s@/]+@/);
  });

  test('Temporal is given the search attributes that the stories set', async () => {
    const script = await read('docker/temporal/namespace.sh');
    const registered =
      /^for each in (.+); do$/m
        .exec(script)?.[1]
        ?.split(' ')
        .map((each) => each.split(':')) ?? [];
    expect(Object.fromEntries(registered)).toEqual(searchAttributes);
  });
});

describe('.env.example', () => {
  const lines = example.split('\n');
  const settings = lines.flatMap((line, at) => {
    const [, off, name, value] = /^(#?)([A-Z][A-Z_]+)=(.*)$/.exec(line) ?? [];
    return name ? [{ name, at, required: off === '', value: value ?? '' }] : [];
  });

  test('lists every variable that Heed reads, and every one that docker compose asks for', () => {
    const listed = settings.map(({ name }) => name);
    const asked = [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name!);
    expect([...Object.keys(Environment.shape), ...asked].filter((name) => !listed.includes(name))).toEqual([]);
    const known = [...Object.keys(Environment.shape), ...asked];
    expect(listed.filter((name) => !known.includes(name))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  });

  test('explains each of them in the line above', () => {
    for (const { name, at } of settings) {
      expect({ name, above: lines[at - 1] }).toEqual({ name, above: expect.stringMatching(/^# (?!-)/) });
    }
  });

  test('begins with what is needed, left blank, and hides the rest behind a #', () => {
    const lastRequired = settings.findLastIndex(({ required }) => required);
    expect(settings.slice(0, lastRequired + 1).every(({ required, value }) => required && value === '')).toBe(true);
    const needed = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!);
    expect(
      settings
        .filter(({ required }) => required)
        .map(({ name }) => name)
        .sort(),
    ).toEqual([...new Set(needed)].sort());
  });

  test('offers nothing for docker compose that docker compose hands to nobody', () => {
    const others = lines.findIndex((line) => line.startsWith('# ---- Set by docker-compose.yml itself'));
    const asked = [...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name!);
    const offered = settings.filter(({ at }) => at < others).map(({ name }) => name);
    expect(offered.filter((name) => !asked.includes(name))).toEqual([]);
  });

  test('shows the defaults that the code has', () => {
    const defaults = Environment.parse({}) as Record<string, string | number | undefined>;
    for (const { name, value, required } of settings) {
      if (!required && defaults[name] !== undefined)
        expect({ name, value }).toEqual({ name, value: String(defaults[name]) });
    }
  });

  test('has no quotes and nothing behind a value, which docker would take for a part of it', () => {
    for (const { name, value } of settings)
      expect({ name, value }).toEqual({ name, value: expect.not.stringMatching(/['"#\s]/) });
  });
});
