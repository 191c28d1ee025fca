/** What the code promises about itself and the linter cannot say alone; and that the linter really refuses what it should. */

import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parse } from '@swc/core';
import { Environment } from '../src/settings.ts';
import { bundleWorkflows } from '../src/workers/bundle.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const filesUnder = async (...folders: string[]): Promise<string[]> => {
  const found = folders.map(async (folder) =>
    (await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length)),
  );
  return (await Promise.all(found)).flat().sort();
};
const textOf = (file: string): Promise<string> => readFile(join(root, file), 'utf8');
const source = (await filesUnder('src')).filter((file) => file.endsWith('.ts'));
/** What stands under a heading of a page, up to the next of its rank. */
const under = async (page: string, heading: string): Promise<string> => {
  const [, found = ''] = (await textOf(page)).split(`\n## ${heading}\n`);
  return found.split('\n## ')[0]!;
};
/** What a pattern finds in src, comments left out. */
const findings = async (pattern: RegExp): Promise<{ file: string; found: string }[]> => {
  const all = await Promise.all(
    source.map(async (file) => {
      const code = (await textOf(file)).replaceAll(/^ *(\/\/|\/\*|\*).*$/gm, '');
      return [...code.matchAll(pattern)].map(([found]) => ({ file, found: found.trim() }));
    }),
  );
  return all.flat();
};
const filesOf = (found: { file: string }[]): string[] => [...new Set(found.map(({ file }) => file))].sort();

describe('one clock', () => {
  const otherClocks =
    /(?<![\w.])(now|transaction_timestamp|statement_timestamp|timeofday)\s*\(\s*\)|\b(current_timestamp|current_date|current_time|localtimestamp|localtime)\b/gi;

  const clockIsMadeIn = ['sql/migrations/0001_company.sql', 'sql/migrations/0017_moments.sql'];

  test('no statement in sql/ asks another clock than heed_now() or, for leases, clock_timestamp()', async () => {
    for (const file of await filesUnder('sql')) {
      const statements = (await textOf(file)).replace(/--.*$/gm, '');
      const asked = statements.match(otherClocks) ?? [];
      expect({ file, asked }).toEqual({ file, asked: clockIsMadeIn.includes(file) ? ['now()'] : [] });
    }
  });

  test('no statement in src/ does either', async () => {
    const statements = await Promise.all(source.map(async (file) => ({ file, sql: await sqlIn(await textOf(file)) })));
    // That templates are found at all, also in each other.
    expect(await sqlIn('db.one(sql.type(Row)`select ${sql.fragment`now()`} as at`)')).toEqual([
      'select  $  as at',
      'now()',
    ]);
    expect(statements.flatMap(({ sql }) => sql).length).toBeGreaterThan(100);
    const asking = statements.flatMap(({ file, sql }) =>
      sql.flatMap((text) => text.match(otherClocks) ?? []).map((clock) => `${file}: ${clock}`),
    );
    expect(asking).toEqual([]);
  });
});

describe('stories', () => {
  let bundle: string;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'heed-bundle-'));
    // There is one where this file is run with others that tell stories.
    const made = process.env['HEED_TEST_BUNDLE'] ?? (await bundleWorkflows(join(folder, 'stories.js')));
    bundle = await readFile(made, 'utf8');
    await rm(folder, { recursive: true });
  });

  test('keep one line of a stack: ten of every promise are two fifths of what a story costs a worker', () => {
    expect(bundle).toMatch(/preloadModules[\s\S]{0,400}shortStacks/);
  });

  test('know one signal, nudge, and neither queries nor updates', async () => {
    const defined = await Promise.all(
      source.map(async (file) =>
        [...(await textOf(file)).matchAll(/\bdefine(Signal|Query|Update)\b[^(]*\(\s*'(\w*)'/g)].map(
          ([, kind, name]) => `${file} ${kind} ${name}`,
        ),
      ),
    );
    expect(defined.flat()).toEqual(['src/workflows/messages.ts Signal nudge']);
  });

  test('are bundled from nothing but our workflow files, and from Temporal with what it brings', async () => {
    const map = /sourceMappingURL=data:application\/json[^,]*,(\S+)/.exec(bundle)?.[1] ?? '';
    const { sources } = JSON.parse(Buffer.from(map, 'base64').toString()) as { sources: string[] };
    const modules = sources.filter((name) => !name.startsWith('webpack/'));

    const ours = modules.filter((name) => !name.includes('/node_modules/')).map((name) => name.slice(root.length));
    expect(ours.filter((name) => !name.endsWith('-autogenerated-entrypoint.cjs')).sort()).toEqual(
      (await filesUnder('src/workflows')).sort(),
    );
    const packages = modules.flatMap((name) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? []);
    // The last three are what @temporalio/workflow and @temporalio/common themselves consist of.
    expect([...new Set(packages)].sort()).toEqual([
      '@temporalio/common',
      '@temporalio/workflow',
      'long',
      'ms',
      'nexus-rpc',
    ]);
  });
});

describe('a transaction', () => {
  test('waits for nothing but what it asks of Postgres: all of it is done again where Postgres makes it begin anew', async () => {
    expect(
      await waitedForBesides(`
        pool.transaction(async (tx) => { const again = () => one(tx); await again(); await send(letter); });
        const ask = async (db: Db) => { for await (const line of lines) await db.query(line); };`),
    ).toEqual(['send letter', 'lines']);
    const besides = await Promise.all(
      source.map(async (file) => (await waitedForBesides(await textOf(file))).map((what) => `${file}: ${what}`)),
    );
    // Asked of the pool alone, by whoever looks whether all is well.
    expect(besides.flat()).toEqual(['src/store/views/health.ts: brought readdir URL url']);
  });
});

describe('every file', () => {
  test('of src says first what it is for', async () => {
    for (const file of source) {
      const afterImports = (await textOf(file)).replace(/^(\s*import [^;]*;)+/, '').trimStart();
      expect({ file, opens: /^(\/\*\*|\/\/)/.test(afterImports) }).toEqual({ file, opens: true });
    }
  });

  test('of src stays under 400 lines, unless for a reason', async () => {
    const reasons: Record<string, string> = {
      'src/domain/timeline.ts': 'a sentence for each kind of thing that happens, best read side by side',
      'src/triggers/sampleStories.ts': 'what fifty customers said: data, not code',
    };
    const lengths = await Promise.all(
      source.map(async (file) => ({ file, lines: (await textOf(file)).split('\n').length })),
    );
    expect(lengths.filter(({ file, lines }) => lines > 400 && !reasons[file])).toEqual([]);
  });

  test('and folder has a name that says what is in it', async () => {
    const nothingSaid = /^(utils?|helpers?|common|types|misc|lib|shared|base|core|managers?|data|info)$/i;
    const files = await filesUnder('src', 'test', 'sql', 'scripts', 'bench', 'prove');
    const words = files.flatMap((file) =>
      [...dirname(file).split('/'), basename(file).split('.')[0]!].map((word) => ({ file, word })),
    );
    expect(words.filter(({ word }) => nothingSaid.test(word))).toEqual([]);
  });

  test('is finished: nothing is left for later in a comment', async () => {
    const left = /\b(TO-?DO|FIX-?ME|X{3}:|HACK:)/i;
    const files = await filesUnder('src', 'test', 'sql', 'scripts', 'bench', 'prove', 'docker', 'docs', 'samples');
    for (const file of files.filter(
      (name) => /\.(ts|mjs|js|css|sql|sh|md|yaml|yml)$/.test(name) && name !== 'test/house.test.ts',
    )) {
      expect({ file, left: left.exec(await textOf(file))?.[0] }).toEqual({ file, left: undefined });
    }
  });

  test('is imported by its own name: only workflows/index.ts hands on what others export', async () => {
    const handingOn = await Promise.all(
      source.map(async (file) => (/^export (type )?[*{]/m.test(await textOf(file)) ? [file] : [])),
    );
    // Whoever writes SQL outside the store gets it from the pool, and knows no slonik.
    expect(handingOn.flat().sort()).toEqual(['src/store/pool.ts', 'src/workflows/index.ts']);
  });
});

describe('what is written about Heed', () => {
  const pages = async (): Promise<string[]> =>
    ['README.md', 'STYLE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...(await filesUnder('docs'))].filter((file) =>
      file.endsWith('.md'),
    );

  test('names no file that is not there', async () => {
    const named = await Promise.all(
      (await pages()).map(async (page) => {
        const text = await textOf(page).catch(() => '');
        const paths = [...text.matchAll(/\b(?:src|sql|test|docs|scripts|docker|samples)\/[\w./-]*\w/g)].map(
          ([path]) => path,
        );
        const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => join(dirname(page), link!));
        return [...paths, ...links].filter((path) => !path.includes('NNNN')).map((path) => ({ page, path }));
      }),
    );
    const missing = await Promise.all(
      named.flat().map(async (one) => ((await stat(join(root, one.path)).catch(() => undefined)) ? [] : [one])),
    );
    expect(missing.flat()).toEqual([]);
  });

  test('has a word for every table', async () => {
    const words = await textOf('docs/architecture.md');
    const migrations = await Promise.all((await filesUnder('sql/migrations')).map(textOf));
    const tables = migrations.flatMap((text) => [...text.matchAll(/^create table (\w+)/gm)].map(([, table]) => table!));
    expect(tables.filter((table) => !words.includes(`\`${table}\``))).toEqual([]);
  });

  test('tells operators of every setting', async () => {
    const told = await textOf('docs/operating.md');
    expect(Object.keys(Environment.shape).filter((name) => !told.includes(`\`${name}\``))).toEqual([]);
  });
});

describe('what comes from outside', () => {
  test('makes the schema of a row once, and not anew for each query: that takes three hundred times as long as using it', async () => {
    const made = await Promise.all(
      source.map(async (file) =>
        [...(await textOf(file)).matchAll(/sql\.type\(\s*z\.\w+/g)].map(([made]) => `${file}: ${made}`),
      ),
    );
    expect(made.flat()).toEqual([]);
  });

  test('becomes SQL by parameters only, and HTML by escaping only', async () => {
    const making = await Promise.all(
      source.map(async (file) => {
        const found = (await textOf(file)).match(
          /\bsql\.unsafe\(|\.query\(\s*`[^`]*\$\{(?!pg\.escape(?:Identifier|Literal)\()|\braw\(|\binnerHTML\b|\bouterHTML\b|insertAdjacentHTML|document\.write|\bDOMParser\b/g,
        );
        return found ? [`${file}: ${found.join(' ')}`] : [];
      }),
    );
    // What can't be a parameter, a name or a password, is escaped as such.
    expect(making.flat()).toEqual([]);
    const scripts = (await filesUnder('src')).filter((file) => file.endsWith('.js'));
    for (const file of scripts)
      expect({ file, sinks: /innerHTML|outerHTML|DOMParser|\beval\b|\bFunction\(/.test(await textOf(file)) }).toEqual({
        file,
        sinks: false,
      });
  });

  test('stays in no browser: nothing of ours keeps anything there but the cookie of a session, or asks for a plugin', async () => {
    const asking = await Promise.all(
      (await filesUnder('src')).map(async (file) => {
        const found = (await textOf(file)).match(
          /\b(localStorage|sessionStorage|indexedDB|cookieStore|serviceWorker)\b|document\.cookie|\bcaches\.|(?<!\w)<(object|embed|applet)\b/g,
        );
        return found ? [`${file}: ${found.join(' ')}`] : [];
      }),
    );
    expect(asking.flat()).toEqual([]);
  });

  test('is matched by no pattern that repeats what is repeated', async () => {
    const patterns = (
      await Promise.all(
        source.map(async (file) => (await patternsIn(await textOf(file))).map((pattern) => ({ file, pattern }))),
      )
    ).flat();
    expect(patterns.length).toBeGreaterThan(50);
    expect(await patternsIn('const slow = /^(a+)+$/;')).toEqual(['^(a+)+$']);
    expect(
      repeatsRepeats('^(a+)+$') && repeatsRepeats('(?:[a-z]*x)*') && !repeatsRepeats('^(a+)b+[*+]\\(c+\\)+$'),
    ).toBe(true);
    // The parts of a host name: a dot stands between them and in none of them.
    const parted = patterns.filter(
      ({ pattern }) => repeatsRepeats(pattern) && !/\(\[a-z0-9-\]\+\\\.\)\+|\(\\\.\[a-z0-9-\]\+\)\*/.test(pattern),
    );
    expect(parted).toEqual([]);
  });
});

describe('cryptography', () => {
  const called =
    /\b(?:create(?:Hash|Hmac|Sign|Verify|Cipheriv|Decipheriv|PrivateKey|PublicKey|SecretKey|ECDH|DiffieHellman)|X509Certificate|timingSafeEqual|hkdf|pbkdf2|scrypt|sign|verify|generateKey(?:Pair)?|random[A-Z]\w*|getRandomValues)(?:Sync)?\(|\bsubtle\.|\bMath\.random\b/g;

  test('is Node’s own, by SHA-256 and HMAC with it: none is made by hand or by a package, and SHA-1 only names things', async () => {
    const imported = await findings(/(?<=from ')[^'.][^']*(?=')/g);
    const packages = imported.filter(({ found }) =>
      /crypt|cipher|hash|\bsha\d|md5|argon|jose|jw[tk]|nacl|sodium|forge|uuid|nanoid|ellip|secp/i.test(found),
    );
    expect(new Set(packages.map(({ found }) => found))).toEqual(new Set(['node:crypto']));

    const algorithms = await findings(
      /\bcreateH(?:ash|mac)\(\s*('[\w-]+')?|\bcreate(?:Sign|Verify|Cipheriv|Decipheriv)\(/g,
    );
    expect(algorithms.length).toBeGreaterThan(20);
    const others = algorithms.filter(({ found }) => !/^createH(ash|mac)\('sha256'$/.test(found));
    expect(others).toEqual([
      { file: 'src/store/pool.ts', found: "createHash('sha1'" },
      { file: 'src/store/records/deliveries.ts', found: "createHash('sha1'" },
    ]);

    const kept = await Promise.all(
      (await filesUnder('sql')).map(async (file) => ({ file, sql: [await textOf(file)] })),
    );
    const asked = await Promise.all(source.map(async (file) => ({ file, sql: await sqlIn(await textOf(file)) })));
    const hashing = [...kept, ...asked].flatMap(({ file, sql }) =>
      sql
        .flatMap((text) => text.match(/\b(md5|sha\d+|digest|hmac|crypt|gen_salt|random)\(/g) ?? [])
        .map((call) => `${file}: ${call}`),
    );
    expect(hashing.length).toBeGreaterThan(5);
    expect(hashing.filter((call) => !call.endsWith(' sha256('))).toEqual([]);
  });

  test('makes whatever must not be guessed of 128 random bits or more, by the generator that is meant for it', async () => {
    const bytes = await findings(/\brandomBytes\(.*?\)/g);
    const few = bytes.filter(({ found }) => !(Number(/\((\d+)\)/.exec(found)?.[1]) >= 16));
    expect(bytes.length - few.length).toBeGreaterThan(8);
    // Names: of what the embedded Slack room has, and of a folder that something is unpacked into.
    expect(new Set(few.map(({ file, found }) => `${file} ${found}`))).toEqual(
      new Set([
        'src/embedded/slackInteractions.ts randomBytes(5)',
        'src/embedded/slackState.ts randomBytes(3)',
        'src/embedded/slackState.ts randomBytes(4)',
        'src/embedded/slackTriggers.ts randomBytes(8)',
        'src/embedded/slackWebApi.ts randomBytes(4)',
        'src/embedded/slackWebApi.ts randomBytes(5)',
        'src/embedded/temporalCli.ts randomBytes(4)',
      ]),
    );
    const others = await findings(/^.*(\bMath\.random|\b(randomUUID|getRandomValues|randomInt|randomFill\w*)\().*$/gm);
    // The key of a form makes its press count once, and lets nobody in.
    const opening = others.filter(({ found }) => !/\bkey: (.+ \?\? )?crypto\.randomUUID\(\)/.test(found));
    // Ids, references and names; and how long somebody waits before they try again.
    expect(filesOf(opening)).toEqual([
      'src/domain/ids.ts',
      'src/triggers/relay/backOff.ts',
      'src/triggers/relay/relay.ts',
      'src/workers/bundle.ts',
    ]);
  });

  test('is listed in docs/security.md, file by file: what is hashed, compared, read or drawn at random there, and what for', async () => {
    const section = await under('docs/security.md', 'Keys, hashes and random numbers');
    const listed = [...section.matchAll(/`(src\/[\w./]+)`/g)].map(([, file]) => file!);
    const using = filesOf(await findings(called));
    expect(using.length).toBeGreaterThan(30);
    const covers = (one: string, file: string): boolean => file === one || file.startsWith(`${one}/`);
    expect(using.filter((file) => !listed.some((one) => covers(one, file)))).toEqual([]);
    expect(listed.filter((one) => !using.some((file) => covers(one, file)))).toEqual([]);
  });
});

describe('out of its processes', () => {
  test('Heed speaks to nobody but whom docs/security.md names, each from the file that is for it', async () => {
    const speaking: Record<string, string> = {
      'src/audit/audit.ts': 'Postgres',
      'src/embedded/processes.ts': 'on this machine',
      'src/embedded/slackInteractions.ts': 'on this machine',
      'src/embedded/temporal.ts': 'Temporal',
      'src/embedded/temporalCli.ts': 'temporal.download',
      'src/engine.ts': 'Temporal',
      'src/integrations/email.ts': 'one mail server',
      'src/integrations/oidc.ts': 'the company’s sign-in service',
      'src/integrations/otlp.ts': 'a collector of security events',
      'src/integrations/slack.ts': 'Slack',
      'src/store/connection.ts': 'Postgres',
      'src/store/pool.ts': 'Postgres',
      'src/triggers/cli/audit.ts': '`heed audit --beat`',
      'src/triggers/cli/doctor.ts': '`heed doctor`',
      'src/workers/createWorker.ts': 'Temporal',
    };
    const opening =
      /\bfetch\(|\bnew (WebClient|pg\.Client|pg\.Pool|SMTPConnection|WebSocket|EventSource)\(|\bcreate(Pool|Transport|Connection)\(|Connection\.(connect|lazy)\(|from 'openid-client'|import \{[^}]*\b(connect|request|get)\b[^}]*\} from 'node:|from 'node:dgram'/g;
    expect(filesOf(await findings(opening))).toEqual(Object.keys(speaking).sort());
    const named = (await under('docs/security.md', 'Whom we talk to')).replaceAll("'", '’');
    expect(Object.values(speaking).filter((whom) => !named.includes(whom))).toEqual([]);
  });

  test('Heed says what happens in it only where docs/operating.md lists it', async () => {
    const saying: Record<string, string> = {
      'src/embedded/journal.ts': 'mailbox.ndjson',
      'src/embedded/processes.ts': 'server.log',
      'src/log.ts': 'standard error',
      'src/main.ts': 'standard output',
      'src/progressLine.ts': 'standard output',
      'src/triggers/cli/main.ts': 'terminal',
    };
    const keeping: Record<string, string> = {
      'src/embedded/postgres.ts': 'its password and its port',
      'src/embedded/postgresPassword.ts': 'its password',
      'src/embedded/temporal.ts': 'its version and its ports',
      'src/embedded/temporalCli.ts': 'the program that was fetched',
      'src/start/together.ts': 'where a Heed that runs is found',
      'src/store/backup.ts': 'a backup',
      'src/triggers/cli/audit.ts': 'an anchor of the chain, where it is asked for',
      'src/triggers/cli/rights.ts': 'what is handed out to a person',
      'src/workers/bundle.ts': 'the stories',
    };
    const writing =
      /\b(stdout|stderr)\.write\(|\bconsole\.\w|\bpino\(|\bcreateWriteStream\(|\b(appendFile|writeFile)(Sync)?\(|\bopen(Sync)?\([^)]*'[aw]/g;
    expect(filesOf(await findings(writing))).toEqual(Object.keys({ ...saying, ...keeping }).sort());
    const listed = await under('docs/operating.md', 'What is logged');
    expect(Object.values(saying).filter((where) => !listed.includes(where))).toEqual([]);
  });
});

describe('packages', () => {
  test('run nothing of their own when they are installed', async () => {
    expect((await textOf('.npmrc')).split('\n')).toContain('ignore-scripts=true');
  });

  test('are pinned to exact versions', async () => {
    const { dependencies, devDependencies, optionalDependencies, overrides } = JSON.parse(await textOf('package.json'));
    const loose = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies, ...overrides }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(String(version)),
    );
    expect(loose).toEqual([]);
  });

  test('are locked with their checksums, and with no host they would have to come from', async () => {
    const { packages } = JSON.parse(await textOf('package-lock.json')) as {
      packages: Record<string, { resolved?: string; integrity?: string }>;
    };
    const installed = Object.entries(packages).filter(([name]) => name !== '');
    expect(installed.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
    expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([name]) => name)).toEqual(
      [],
    );
  });
});

describe('the launcher', () => {
  let folder: string;
  const installs = async (): Promise<number> =>
    (await readFile(join(folder, 'installs'), 'utf8').catch(() => '')).split('\n').length - 1;
  /** Says which words Node was started with. */
  const launch = async (script: 'node' | 'heed', ...words: string[]): Promise<string> => {
    const PATH = `${join(folder, 'bin')}:${process.env['PATH']}`;
    const env = { ...process.env, PATH };
    return (await promisify(execFile)(join(folder, 'scripts', script), words, { cwd: folder, env })).stdout;
  };
  const update = (): Promise<void> => writeFile(join(folder, 'package-lock.json'), 'another');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'heed-launcher-'));
    for (const script of ['node', 'heed']) await cp(join(root, 'scripts', script), join(folder, 'scripts', script));
    await writeFile(join(folder, 'package-lock.json'), 'one');
    // Stands for npm: as that does it empties the folder and keeps it, takes its time, and writes last what it has installed.
    await mkdir(join(folder, 'bin'));
    await writeFile(
      join(folder, 'bin', 'npm'),
      `#!/bin/sh
echo "$1" >> installs
rm -rf node_modules/* node_modules/.[!.]*
sleep 0.3
while [ -e held ]; do sleep 0.05; done
for arch in x64 arm64; do
  mkdir -p node_modules/node-linux-$arch/bin
  printf '#!/bin/sh\\necho "$@"\\n' > node_modules/node-linux-$arch/bin/node
  chmod +x node_modules/node-linux-$arch/bin/node
done
echo > node_modules/.package-lock.json
`,
      { mode: 0o755 },
    );
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('installs once for services that are started at the same moment', async () => {
    const parts = ['web', 'worker', 'relay'];
    const said = await Promise.all(parts.map((part) => launch('node', 'src/main.ts', part)));
    expect(await installs()).toBe(1);
    for (const [at, part] of parts.entries()) expect(said[at]).toMatch(new RegExp(`src/main\\.ts ${part}\\n$`));
  });

  test('installs for a command in a fresh clone, and never under a Heed that may be running', async () => {
    expect(await launch('heed', 'status')).toContain(`src/triggers/cli/main.ts --in ${folder} status`);
    await update();
    await expect(launch('heed', 'backup')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Stop Heed, then npm start'),
    });
    expect(await installs()).toBe(1);
    await launch('node', 'src/main.ts');
    expect(await launch('heed', 'backup')).toContain('backup');
    expect(await installs()).toBe(2);
  });

  test('leaves an npm ci alone that somebody has typed: a command in the middle of it says so, and installs nothing', async () => {
    await launch('node', 'src/main.ts');
    await writeFile(join(folder, 'held'), '');
    const typed = promisify(execFile)(join(folder, 'bin', 'npm'), ['ci'], { cwd: folder });
    while ((await readdir(join(folder, 'node_modules'))).length > 0);
    await expect(launch('heed', 'status')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Wait for an npm ci that is running'),
    });
    await rm(join(folder, 'held'));
    await typed;
    expect(await installs()).toBe(2);
  });

  test('takes what npm ci installed when it was typed by hand, until the next update', async () => {
    await promisify(execFile)(join(folder, 'bin', 'npm'), ['ci'], { cwd: folder });
    const anHourAgo = Date.now() / 1_000 - 3_600;
    await utimes(join(folder, 'package-lock.json'), anHourAgo, anHourAgo);
    await Promise.all([launch('node', 'src/main.ts', 'web'), launch('heed', 'migrate')]);
    expect(await installs()).toBe(1);
    await update();
    await utimes(join(folder, 'package-lock.json'), anHourAgo, anHourAgo);
    await launch('node', 'src/main.ts', 'web');
    expect(await installs()).toBe(2);
  });
});

describe('the linter', () => {
  /** What somebody might well write, by the folder they write it in, and a word of the refusal. */
  const refused: [file: string, code: string, because: string][] = [
    [
      'src/domain/a.ts',
      `import { sql } from '../store/pool.ts'; export const a = sql;`,
      'domain says what the words mean',
    ],
    [
      'src/domain/b.ts',
      `import { readFile } from 'node:fs/promises'; export const b = readFile;`,
      'domain says what the words mean',
    ],
    [
      'src/store/records/a.ts',
      `import { capture } from '../../triggers/capture.ts'; export const a = capture;`,
      'store knows SQL',
    ],
    [
      'src/store/records/b.ts',
      `import { Client } from '@temporalio/client'; export const b = Client;`,
      'store knows SQL',
    ],
    [
      'src/integrations/a.ts',
      `import { sql } from '../store/pool.ts'; export const a = sql;`,
      'An integration knows one outside world',
    ],
    [
      'src/activities/a.ts',
      `import { createTransport } from 'nodemailer'; export const a = createTransport;`,
      "Activities are the loop's hands",
    ],
    ['src/activities/b.ts', `import { sql } from 'slonik'; export const b = sql;`, "Activities are the loop's hands"],
    [
      'src/workflows/a.ts',
      `import { stageOfSignal } from '../domain/loop.ts'; export const a = stageOfSignal;`,
      'Workflow code is replayed',
    ],
    ['src/workflows/b.ts', `import { z } from 'zod'; export const b = z;`, 'Workflow code is replayed'],
    ['src/workflows/c.ts', `export const c = () => Temporal.Now.instant();`, 'Its clock is not replayed'],
    ['src/web/a.ts', `import { sql } from '../store/pool.ts'; export const a = sql;`, 'web draws and fetches nothing'],
    [
      'src/triggers/a.ts',
      `import { deliver } from '../activities/deliver.ts'; export const a = deliver;`,
      'Only the relay talks to Temporal',
    ],
    [
      'src/triggers/http/b.ts',
      `import { Client } from '@temporalio/client'; export const b = Client;`,
      'Only the relay talks to Temporal',
    ],
    [
      'src/triggers/http/c.ts',
      `import { discovery } from 'openid-client'; export const c = discovery;`,
      'Only the relay talks to Temporal',
    ],
    [
      'src/workers/a.ts',
      `import { capture } from '../triggers/capture.ts'; export const a = capture;`,
      'Workers run stories',
    ],
    [
      'src/embedded/a.ts',
      `import { readConfig } from '../config.ts'; export const a = readConfig;`,
      'embedded stands in for',
    ],
    [
      'src/audit/a.ts',
      `import { stageOfSignal } from '../domain/loop.ts'; export const a = stageOfSignal;`,
      'The auditor shares nothing',
    ],
    ['src/store/c.ts', `export const c = process.env['HOME'];`, 'Only src/config.ts reads the environment'],
    ['src/web/d.ts', `const d = 1; export default d;`, 'default export'],
    ['src/web/e.ts', `export const e = (text: string): unknown => eval(text);`, 'eval can be harmful'],
    ['src/web/f.ts', `export const f = (text: string) => new Function(text);`, 'new Function`'],
    ['src/domain/x.ts', `import { y } from './y.ts'; export const x = () => y;`, 'cycle'],
    ['src/domain/y.ts', `import { x } from './x.ts'; export const y = () => x;`, 'cycle'],
  ];
  /** Their neighbours, which are fine. */
  const allowed: [file: string, code: string][] = [
    ['src/domain/ok.ts', `import { z } from 'zod'; export const ok = z;`],
    ['src/workflows/ok.ts', `import type { Wait } from '../domain/loop.ts'; export const ok: Wait = 'told';`],
    ['src/triggers/relay/ok.ts', `import { Client } from '@temporalio/client'; export const ok = Client;`],
    ['src/config.ts', `export const home = process.env['HOME'];`],
  ];

  test('refuses what crosses a border, in a sentence, and lets the rest pass', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'heed-lint-'));
    await cp(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    for (const [file, code] of [...refused, ...allowed]) {
      await mkdir(join(folder, dirname(file)), { recursive: true });
      await writeFile(join(folder, file), `${code}\n`);
    }
    const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
    const { stdout } = await promisify(execFile)(process.execPath, [oxlint, '--format', 'json', 'src'], {
      cwd: folder,
    }).catch((refusal: { stdout: string }) => refusal);
    await rm(folder, { recursive: true });
    const said = (JSON.parse(stdout) as { diagnostics: { filename: string; message: string; help?: string }[] })
      .diagnostics;

    for (const [file, , because] of refused) {
      const about = said
        .filter(({ filename }) => filename === file)
        .map(({ message, help }) => `${message} ${help ?? ''}`);
      expect({ file, about: about.join(' ') }).toEqual({ file, about: expect.stringContaining(because) });
    }
    expect(said.filter(({ filename }) => allowed.some(([file]) => file === filename))).toEqual([]);
  });

  test('says with each refusal of ours why', async () => {
    const { rules, overrides } = JSON.parse(await textOf('.oxlintrc.json')) as {
      rules: Record<string, unknown>;
      overrides: { files: string[]; rules: Record<string, unknown> }[];
    };
    const silent: string[] = [];
    for (const all of [{ files: ['everywhere'], rules }, ...overrides]) {
      for (const [name, rule] of Object.entries(all.rules)) {
        if (!name.startsWith('no-restricted-') || !Array.isArray(rule)) continue;
        const refusals = (rule.slice(1) as unknown[]).flatMap((option) =>
          isGroup(option) ? option.patterns : [option],
        );
        if (!refusals.every(hasMessage)) silent.push(`${all.files.join()}: ${name}`);
      }
    }
    expect(silent).toEqual([]);
  });
});

const isGroup = (option: unknown): option is { patterns: unknown[] } =>
  typeof option === 'object' && option !== null && 'patterns' in option;
const hasMessage = (refusal: unknown): boolean =>
  typeof refusal === 'object' && refusal !== null && 'message' in refusal && String(refusal.message).length > 20;

/** The text of every sql`…` template, with its expressions left out. */
async function sqlIn(code: string): Promise<string[]> {
  const found: string[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) node.forEach(visit);
    else if (typeof node === 'object' && node !== null) {
      const { type, tag, template } = node as {
        type?: string;
        tag?: unknown;
        template?: { quasis: { raw: string }[] };
      };
      if (type === 'TaggedTemplateExpression' && template && nameOf(tag) === 'sql')
        found.push(template.quasis.map(({ raw }) => raw).join(' $ '));
      Object.values(node).forEach(visit);
    }
  };
  visit(await parse(code, { syntax: 'typescript' }));
  return found;
}

interface Code {
  type?: string;
  [part: string]: unknown;
}

function eachNode(code: unknown, see: (node: Code) => void): void {
  JSON.stringify(code, (_, node: unknown) => {
    if (typeof node === 'object' && node !== null) see(node as Code);
    return node;
  });
}

/** The names in a piece of code, in the order in which they stand there. */
function namesIn(code: unknown): string[] {
  const found = new Set<string>();
  eachNode(code, ({ type, value }) => void (type === 'Identifier' && found.add(String(value))));
  return [...found];
}

/** What a function that is handed a transaction, or whatever may be one, waits for without asking it: the names that stand there. */
async function waitedForBesides(code: string): Promise<string[]> {
  const found: string[] = [];
  const handedOne = new Set<unknown>();
  eachNode(await parse(code, { syntax: 'typescript', target: 'es2024' }), (node) => {
    const { callee, arguments: given, params, body } = node;
    if ((callee as { property?: Code } | undefined)?.property?.['value'] === 'transaction')
      handedOne.add((given as { expression: Code }[])[0]!.expression);
    const [tx] =
      (params as Code[] | undefined)?.flatMap((param) => {
        const [name, type] = namesIn(param);
        return handedOne.has(node) || type === 'Tx' || type === 'Db' ? [name!] : [];
      }) ?? [];
    if (!tx || !body) return;
    const itsOwn = new Set([tx]);
    const isAsked = (what: unknown): boolean => namesIn(what).some((name) => itsOwn.has(name));
    eachNode(body, ({ type, id, init, argument, right, await: oneByOne }) => {
      // A function made in there, which asks it.
      if (type === 'VariableDeclarator' && 'params' in ((init as Code | null) ?? {}) && isAsked(init))
        itsOwn.add(namesIn(id)[0]!);
      const waitedFor =
        type === 'AwaitExpression' ? argument : type === 'ForOfStatement' && oneByOne ? right : undefined;
      if (waitedFor && !isAsked(waitedFor)) found.push(namesIn(waitedFor).join(' '));
    });
  });
  return found;
}

/** The regular expressions that stand in code. */
async function patternsIn(code: string): Promise<string[]> {
  const found: string[] = [];
  JSON.stringify(await parse(code, { syntax: 'typescript' }), (_, node: { type?: string; pattern?: string } | null) => {
    if (node?.type === 'RegExpLiteral') found.push(node.pattern!);
    return node;
  });
  return found;
}

/** Whether a group that may repeat without end holds something that may: the kind that takes for ever. */
function repeatsRepeats(pattern: string): boolean {
  let plain = pattern
    .replaceAll(/\\./g, 'x')
    .replaceAll(/\[[^\]]*\]/g, 'c')
    .replaceAll(/\(\?(?:[:=!]|<[=!]|<\w+>)/g, '(');
  for (;;) {
    const group = /\(([^()]*)\)([*+]|\{\d+,\})?/.exec(plain);
    if (!group) return false;
    const repeats = /[*+]|\{\d+,\}/.test(group[1]!);
    if (repeats && group[2]) return true;
    // What was inside counts for the group around it.
    plain = plain.replace(group[0], () => (repeats || group[2] ? 'c+' : 'c'));
  }
}

/** sql in sql.unsafe, sql.type(Row), sql.fragment */
function nameOf(tag: unknown): string | undefined {
  const { type, value, object, callee } = tag as { type: string; value?: string; object?: unknown; callee?: unknown };
  if (type === 'Identifier') return value;
  return object ? nameOf(object) : callee ? nameOf(callee) : undefined;
}
