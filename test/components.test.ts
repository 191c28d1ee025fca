/** `npm run components`, by npm itself, against a registry that speaks its protocol and has what was planted in it. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Planted {
  /** How many days ago each version came out. */
  out: Record<string, number>;
  deprecated?: string;
  faults?: Fault[];
}
type Fault = [id: string, severity: 'critical' | 'high' | 'moderate', range: string];
/** As package.json and package-lock.json of a project have it. */
interface Project {
  /** Version by name, and what each of them comes with. */
  named: Record<string, string>;
  brought?: Record<string, string>;
  forDevelopment?: Record<string, string>;
  accepted?: { component: string; breach: string; until: string; why: string }[];
}

/** Everybody's list of faults has these. */
const wellKnown: Record<string, Planted> = {
  minimist: { out: { '0.0.8': 4_000, '1.2.8': 1_000 }, faults: [['GHSA-xvch-5gv4-984h', 'critical', '<0.2.4']] },
};

let folder: string;
let registry: Server;
let port: number;
let planted: Record<string, Planted>;
let faultsAre: 'told' | 'refused' | 'unknown';
let askedAbout: Set<string>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-registry-'));
  planted = {};
  faultsAre = 'told';
  askedAbout = new Set();
  registry = createServer((request, response) => {
    void answer(request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  }).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  port = (registry.address() as AddressInfo).port;
});
afterEach(async () => {
  registry.closeAllConnections();
  if (registry.listening) await new Promise((closed) => registry.close(closed));
  await rm(folder, { recursive: true });
});

async function answer(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
  const all = { ...wellKnown, ...planted };
  if (request.method === 'POST') {
    const isGzipped = request.headers['content-encoding'] === 'gzip';
    const asked = JSON.parse(await text(isGzipped ? request.pipe(createGunzip()) : request)) as Record<
      string,
      string[]
    >;
    if (faultsAre === 'refused') return { status: 405, body: {} };
    if (request.url !== '/-/npm/v1/security/advisories/bulk') return { status: 404, body: {} };
    for (const name of Object.keys(asked)) askedAbout.add(name);
    if (faultsAre === 'unknown') return { status: 200, body: {} };
    const known = Object.keys(asked).map((name) => [name, (all[name]?.faults ?? []).map(advisoryOf)] as const);
    return { status: 200, body: Object.fromEntries(known.filter(([, faults]) => faults.length > 0)) };
  }
  const name = decodeURIComponent(request.url!.slice(1));
  askedAbout.add(name);
  const one = all[name];
  return one ? { status: 200, body: packumentOf(name, one) } : { status: 404, body: { error: 'Not found' } };
}

function advisoryOf([id, severity, range]: Fault, at: number): object {
  const url = `https://github.com/advisories/${id}`;
  return { id: at + 1, url, title: 'It does harm', severity, vulnerable_versions: range, cwe: [], cvss: { score: 0 } };
}

function packumentOf(name: string, { out, deprecated }: Planted): object {
  const moments = Object.entries(out).map(([version, days]) => [version, daysAgo(days)] as const);
  return {
    name,
    'dist-tags': { latest: Object.keys(out).at(-1) },
    time: Object.fromEntries(moments),
    versions: Object.fromEntries(
      Object.keys(out).map((version) => {
        const dist = { tarball: `http://127.0.0.1/${name}-${version}.tgz`, shasum: '0'.repeat(40) };
        return [version, { name, version, dist, ...(deprecated && { deprecated }) }];
      }),
    ),
  };
}

/** A minute more, so that a whole number of days is over. */
const daysAgo = (days: number): string => new Date(Date.now() - days * 86_400_000 - 60_000).toISOString();
const dayFromNow = (days: number): string => daysAgo(-days).slice(0, 10);

/** What is said of a project, and how each component stands: `component breach` → verdict. */
async function components(
  { named, brought = {}, forDevelopment = {}, accepted }: Project,
  ...words: string[]
): Promise<{ code: number; said: string; verdicts: Record<string, string> }> {
  const entries = (versions: Record<string, string>, under: string, more: object): [string, object][] =>
    Object.entries(versions).map(([name, version]) => [`${under}node_modules/${name}`, { version, ...more }]);
  const packages = Object.fromEntries([
    ['', {}],
    ...entries(named, '', {}),
    ...entries(brought, `node_modules/${Object.keys(named)[0]}/`, {}),
    ...entries(forDevelopment, '', { dev: true }),
  ]);
  const project = join(folder, 'project');
  await mkdir(project, { recursive: true });
  await writeFile(join(project, 'package.json'), JSON.stringify({ dependencies: named, accepted }));
  await writeFile(join(project, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages }));
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    TMPDIR: folder,
    npm_config_registry: `http://127.0.0.1:${port}/`,
    npm_config_noproxy: '127.0.0.1',
  };
  const script = join(root, 'scripts', 'components.ts');
  return new Promise((ended) => {
    execFile(process.execPath, [script, ...words], { cwd: project, env }, (error, stdout, stderr) => {
      const lines = stdout.matchAll(/^(breached|not yet|accepted) +(\S+) +(\S+)/gm);
      const verdicts = Object.fromEntries([...lines].map(([, verdict, id, breach]) => [`${id} ${breach}`, verdict!]));
      ended({ code: error ? Number(error.code) : 0, said: `${stdout}${stderr}`, verdicts });
    });
  });
}

const fine: Planted = { out: { '1.0.0': 400, '1.0.1': 80 } };
const faulty = (fault: Fault, mendedDaysAgo: number): Planted => ({
  out: { '1.0.0': 400, '1.0.1': mendedDaysAgo },
  faults: [fault],
});

describe('what production is built on', () => {
  test('that keeps to every time frame ends well', async () => {
    planted = { fine };
    const { code, said } = await components({ named: { fine: '1.0.0' } });
    expect({ code, said }).toEqual({ code: 0, said: expect.stringContaining('All 1 components keep to') });
  });

  test('is named where its critical fault could be mended for two days, its high one for seven, or nothing mends it', async () => {
    planted = {
      'critical-for-three': faulty(['GHSA-1', 'critical', '<1.0.1'], 3),
      'critical-for-one': faulty(['GHSA-2', 'critical', '<1.0.1'], 1),
      'high-for-eight': faulty(['GHSA-3', 'high', '<1.0.1'], 8),
      'high-for-three': faulty(['GHSA-4', 'high', '<1.0.1'], 3),
      unmended: faulty(['GHSA-5', 'high', '*'], 60),
      moderate: faulty(['GHSA-6', 'moderate', '<1.0.1'], 60),
      'of-two-versions': {
        out: { '1.0.0': 400, '2.0.0': 40 },
        faults: [
          ['GHSA-7', 'high', '<2.0.0'],
          ['GHSA-8', 'moderate', '>=2.0.0'],
        ],
      },
      'for-development': faulty(['GHSA-9', 'critical', '*'], 60),
    };
    const { code, said, verdicts } = await components({
      named: {
        'critical-for-three': '1.0.0',
        'critical-for-one': '1.0.0',
        'high-for-eight': '1.0.0',
        'high-for-three': '1.0.0',
        unmended: '1.0.0',
        moderate: '1.0.0',
        'of-two-versions': '2.0.0',
      },
      brought: { 'of-two-versions': '1.0.0' },
      forDevelopment: { 'for-development': '1.0.0' },
    });
    expect(verdicts).toEqual({
      'critical-for-three@1.0.0 GHSA-1': 'breached',
      'critical-for-one@1.0.0 GHSA-2': 'not yet',
      'high-for-eight@1.0.0 GHSA-3': 'breached',
      'high-for-three@1.0.0 GHSA-4': 'not yet',
      'unmended@1.0.0 GHSA-5': 'breached',
      'moderate@1.0.0 GHSA-6': 'not yet',
      'of-two-versions@1.0.0 GHSA-7': 'breached',
      'of-two-versions@2.0.0 GHSA-8': 'not yet',
    });
    expect(code).toBe(1);
    expect(said).toContain('1.0.1 mends it and came out 3 days ago.');
    expect(said).toContain('Nothing mends it yet.');
    expect(askedAbout).not.toContain('for-development');
  });

  test('has no fault left, however small, at a release', async () => {
    planted = { moderate: faulty(['GHSA-6', 'moderate', '<1.0.1'], 1) };
    const { code, verdicts } = await components({ named: { moderate: '1.0.0' } }, '--release');
    expect({ code, verdicts }).toEqual({ code: 1, verdicts: { 'moderate@1.0.0 GHSA-6': 'breached' } });
  });

  test('is named where it is too young, was passed over for too long, is deprecated or was taken back', async () => {
    const passedOver: Planted = { out: { '1.0.0': 400, '1.1.0': 91 } };
    planted = {
      young: { out: { '1.0.0': 400, '1.0.1': 6 } },
      'a-week-old': { out: { '1.0.0': 400, '1.0.1': 7 } },
      'passed-over': passedOver,
      'passed-over-and-brought': passedOver,
      'passed-over-for-less': { out: { '1.0.0': 400, '1.1.0': 89 } },
      'of-an-older-major': { out: { '0.1.0': 400, '0.2.0': 300, '1.0.0': 200 } },
      'only-tried-out': { out: { '1.0.0': 400, '1.1.0-beta.1': 300 } },
      deprecated: { ...fine, deprecated: 'Use another one.' },
      'taken-back': { out: { '1.0.1': 80 } },
    };
    const { code, verdicts } = await components({
      named: {
        young: '1.0.1',
        'a-week-old': '1.0.1',
        'passed-over': '1.0.0',
        'passed-over-for-less': '1.0.0',
        'of-an-older-major': '0.1.0',
        'only-tried-out': '1.0.0',
        deprecated: '1.0.0',
        'taken-back': '1.0.0',
      },
      brought: { 'passed-over-and-brought': '1.0.0' },
    });
    expect({ code, verdicts }).toEqual({
      code: 1,
      verdicts: {
        'young@1.0.1 new': 'breached',
        'passed-over@1.0.0 behind': 'breached',
        'deprecated@1.0.0 deprecated': 'breached',
        'taken-back@1.0.0 deprecated': 'breached',
      },
    });
  });

  test('may stand for as long as package.json accepts that, and for nothing else', async () => {
    planted = {
      mending: { out: { '1.0.0': 400, '1.0.1': 1 } },
      unmended: {
        out: { '1.0.0': 400 },
        faults: [
          ['GHSA-5', 'high', '*'],
          ['GHSA-6', 'high', '*'],
          ['GHSA-7', 'high', '*'],
        ],
      },
    };
    const why = 'Nobody reaches it here.';
    const project: Project = {
      named: { mending: '1.0.1', unmended: '1.0.0' },
      accepted: [
        { component: 'mending@1.0.1', breach: 'new', until: dayFromNow(0), why },
        { component: 'unmended@1.0.0', breach: 'GHSA-5', until: dayFromNow(30), why },
        { component: 'unmended@1.0.0', breach: 'GHSA-6', until: dayFromNow(-1), why },
      ],
    };
    const { code, said, verdicts } = await components(project);
    expect({ code, verdicts }).toEqual({
      code: 1,
      verdicts: {
        'mending@1.0.1 new': 'accepted',
        'unmended@1.0.0 GHSA-5': 'accepted',
        'unmended@1.0.0 GHSA-6': 'breached',
        'unmended@1.0.0 GHSA-7': 'breached',
      },
    });
    expect(said).toContain(`Until ${dayFromNow(30)}: ${why}`);
  });

  test('is held to what docs/security.md says, word for word', async () => {
    const rules = [...(await readFile(join(root, 'scripts/components.ts'), 'utf8')).matchAll(/^ {2}\w+: '(.+\.)',$/gm)];
    expect(rules).toHaveLength(6);
    const page = (await readFile(join(root, 'docs/security.md'), 'utf8')).replaceAll(/\s+/g, ' ');
    for (const [, rule] of rules) expect(page).toContain(`- ${rule}`);
  });
});

describe('a registry', () => {
  test.each([
    ['that refuses to tell faults', 'refused', 'could not be asked about known faults: 405'],
    ['that knows of no fault of anything', 'unknown', 'knows of no fault of minimist'],
  ] as const)(
    '%s leaves it open whether all is well, and what breaches its time all the same is named',
    async (_, are, why) => {
      faultsAre = are;
      planted = { fine, young: { out: { '1.0.0': 1 } } };
      const { code, said, verdicts } = await components({ named: { fine: '1.0.0', young: '1.0.0' } });
      expect({ code, verdicts }).toEqual({ code: 2, verdicts: { 'young@1.0.0 new': 'breached' } });
      expect(said).toContain(why);
      expect(said).toContain('So nobody knows whether');
    },
  );

  test('that is away leaves it open, and is not asked about everything in vain', async () => {
    registry.closeAllConnections();
    await new Promise((closed) => registry.close(closed));
    const names = Array.from({ length: 20 }, (_, at) => [`component-${at}`, '1.0.0'] as const);
    const { code, said } = await components({ named: Object.fromEntries(names) });
    expect(code).toBe(2);
    expect(said).toContain('ECONNREFUSED');
    expect(said).toContain('So nobody knows whether');
    expect(said.match(/could not be asked about component-/g)!.length).toBeLessThan(5);
  });
});
