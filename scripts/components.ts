/**
 * `npm run components [-- --release]`: does anything that production installs breach a time frame of docs/security.md (“What we build
 * on”)? Ends with 0 when nothing does, with 1 when something does, each named with the rule that it breaks, and with 2 when the registry
 * left something unanswered: what nobody told us is not well. With --release, what may wait for the next release counts, too.
 *
 * npm itself asks, so registry, tokens, certificates and proxies are those of `npm ci`.
 */

import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';

/** Word for word as docs/security.md has them. */
const rules = {
  critical: 'A critical fault is mended within 2 days.',
  high: 'A high one is mended within 7 days.',
  other: 'Any other fault is mended by the next release.',
  new: 'No version is taken before it has been out for 7 days.',
  behind: 'A later version without a change of major is taken within 90 days.',
  deprecated: 'A version that is deprecated or taken back is replaced.',
};
const daysToMend: Record<string, number> = { critical: 2, high: 7 };
const daysUntilTaken = 7;
const daysToFollow = 90;

/** A version whose faults every list of faults has. */
const knownToBeFaulty = { name: 'minimist', version: '0.0.8' };
/** Each is a process that works for half a second. */
const askedAtOnce = 4;
/** As the registry has it now, not as npm remembers it; asked twice at most, and not for ever. */
const freshly = ['--json', '--prefer-online', '--offline=false'];
const patiently = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-timeout=30000'];

const Package = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
  /** What may stand although it breaches a time frame, until when, and why. */
  accepted: z
    .array(z.strictObject({ component: z.string(), breach: z.string(), until: z.iso.date(), why: z.string().min(10) }))
    .default([]),
});
const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ name: z.string().optional(), version: z.string().optional(), dev: z.boolean().default(false) }),
  ),
});
const Fault = z.object({ title: z.string(), url: z.string(), severity: z.string(), range: z.string() });
type Fault = z.infer<typeof Fault>;
const Faults = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(z.string(), z.object({ via: z.array(Fault), nodes: z.array(z.string()) })),
});
/** npm prints a list of one as that one. */
const Versions = z.union([z.string(), z.array(z.string())]).transform((said) => [said].flat());
const Published = z.object({
  /** From the lowest to the highest. */
  versions: Versions,
  time: z.record(z.string(), z.string()),
  deprecated: z.union([z.string(), z.boolean()]).optional(),
});
type Published = z.infer<typeof Published>;
const Refusal = z.object({
  message: z.string().optional(),
  error: z.object({ code: z.string().nullish(), summary: z.string().nullish() }).optional(),
});

interface Component {
  id: string;
  name: string;
  version: string;
  /** package.json names it; others come with one that it names. */
  isNamed: boolean;
}
interface Finding {
  component: string;
  /** What it is called under `accepted`. */
  breach: string;
  says: string;
  rule: string;
  /** Its time is over. */
  counts: boolean;
}
interface Later {
  version: string;
  /** Since it came out. */
  days: number;
}

/** What the registry did not say, in a sentence. */
class Unanswered extends Error {}

const { release } = parseArgs({ options: { release: { type: 'boolean' } } }).values;
const { dependencies, optionalDependencies, accepted } = await readHere('package.json', Package);
const { packages } = await readHere('package-lock.json', Lock);
const components = componentsOf();
const registry = new URL((await npm('config', 'get', 'registry')).trim());
console.log(
  `Asking ${registry.host} about ${components.length} components. ${Object.values(packages).filter(({ dev }) => dev).length} that only development uses are left out.`,
);

const unanswered = new Set<string>();
const findings: Finding[] = [];
const faults = await unlessUnanswered(knownFaults());
const queue = [...components];
let asked = 0;
await Promise.all(Array.from({ length: askedAtOnce }, () => unlessUnanswered(askInTurn())));
report();

/** Every version of everything that production installs, once. */
function componentsOf(): Component[] {
  const found = new Map<string, Component>();
  for (const [path, { name: alias, version, dev }] of Object.entries(packages)) {
    if (path === '' || dev || !version) continue;
    const name = alias ?? path.split('node_modules/').at(-1)!;
    const key = path.replace('node_modules/', '');
    const id = `${name}@${version}`;
    const isNamed = key in dependencies || key in optionalDependencies || found.get(id)?.isNamed === true;
    found.set(id, { id, name, version, isNamed });
  }
  return [...found.values()];
}

/** The faults of each component, by its id. Throws Unanswered, also where the registry knows of no fault that everybody knows of. */
async function knownFaults(): Promise<Map<string, Fault[]>> {
  // Side by side in a project made for the purpose: what comes with what does not matter here, and one more can be asked about.
  const all = [...components, { id: '', ...knownToBeFaulty }];
  const wanted = Object.fromEntries(all.map(({ name, version }, at) => [`c${at}`, `npm:${name}@${version}`]));
  const locked = all.map(({ name, version }, at) => [`node_modules/c${at}`, { name, version }] as const);
  const lock = { lockfileVersion: 3, packages: { '': { dependencies: wanted }, ...Object.fromEntries(locked) } };
  const folder = await mkdtemp(join(tmpdir(), 'heed-components-'));
  const answer = await Promise.all([
    writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies: wanted })),
    writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock)),
    cp('.npmrc', join(folder, '.npmrc')).catch(() => undefined),
  ])
    .then(() => ask(Faults, 'about known faults', 'audit', '--package-lock-only', '--prefix', folder))
    .finally(() => rm(folder, { recursive: true }));

  const found = new Map<string, Fault[]>();
  for (const { via, nodes } of Object.values(answer?.vulnerabilities ?? {}))
    for (const node of nodes) found.set(all[Number(node.replace('node_modules/c', ''))]!.id, via);
  if (!found.has(''))
    throw new Unanswered(
      `${registry.host} knows of no fault of ${knownToBeFaulty.name} ${knownToBeFaulty.version}, which has well-known ones, so its silence about ours means nothing. Set npm_config_registry to a registry that tells faults.`,
    );
  return found;
}

/** Asks about one after another, up to one that was not answered: whoever is away is not asked hundreds of times. */
async function askInTurn(): Promise<void> {
  for (let component = queue.shift(); component; component = queue.shift()) {
    findings.push(...(await findingsOn(component)));
    asked += 1;
    if (asked % 20 === 0 || asked === components.length) console.log(`${asked} of ${components.length} asked`);
  }
}

async function findingsOn({ id, name, version, isNamed }: Component): Promise<Finding[]> {
  const found: Finding[] = [];
  const find = (breach: string, says: string, rule: string, counts = true): unknown =>
    found.push({ component: id, breach, says, rule, counts });

  const published = await ask(Published, `about ${id}`, 'view', id, 'versions', 'time', 'deprecated');
  if (!published) {
    find('deprecated', 'The registry has it no more.', rules.deprecated);
    return found;
  }
  const cameOut = published.time[version];
  if (!cameOut) throw new Unanswered(`${registry.host} does not tell when ${id} came out.`);
  const days = daysSince(cameOut);
  if (days < daysUntilTaken) find('new', `It came out ${ago(days)}.`, rules.new);
  if (published.deprecated) find('deprecated', `Its makers say: ${String(published.deprecated)}`, rules.deprecated);

  const later = laterThan(version, published);
  const passedOver = later.find(isOfMajor(version));
  if (isNamed && passedOver && passedOver.days > daysToFollow)
    find('behind', `${passedOver.version} came out ${ago(passedOver.days)}.`, rules.behind);

  for (const { title, url, severity, range } of faults?.get(id) ?? []) {
    // To npm a bare * is the latest alone.
    const within = `${name}@${range === '*' ? '>=0' : range}`;
    const faulty = (await ask(Versions, `about ${name}`, 'view', within, 'version')) ?? [];
    // The faults of all versions of a name are told together. One that is only being tried out is in no range for npm, and counts.
    const isOfAnother = components.some((other) => other.name === name && faulty.includes(other.version));
    if (!faulty.includes(version) && isOfAnother) continue;
    const mending = later.filter((other) => !faulty.includes(other.version));
    const mends = mending.find(isOfMajor(version)) ?? mending[0];
    const says = `${severity}: ${title} (${url}). ${mends ? `${mends.version} mends it and came out ${ago(mends.days)}.` : 'Nothing mends it yet.'}`;
    const time = daysToMend[severity];
    if (time === undefined) find(basename(url), says, rules.other, release === true);
    else find(basename(url), says, rules[severity as keyof typeof rules], !mends || mends.days > time);
  }
  return found;
}

/** What is higher than `version`, in the order in which it came out. What is only being tried out is for whoever uses such a version. */
function laterThan(version: string, { versions, time }: Published): Later[] {
  return versions
    .slice(versions.indexOf(version) + 1)
    .filter((other) => version.includes('-') || !other.includes('-'))
    .flatMap((other) => (time[other] ? [{ version: other, days: daysSince(time[other]) }] : []))
    .sort((one, other) => other.days - one.days);
}

/** Whether another version asks for no change of major, which below 1.0 is the second number. */
function isOfMajor(version: string): (other: Later) => boolean {
  const majorOf = (text: string): string => /^(?:0\.)?\d+/.exec(text)![0];
  return (other) => majorOf(other.version) === majorOf(version);
}

function report(): never {
  const today = new Date().toISOString().slice(0, 10);
  const widthOf = (column: 'component' | 'breach'): number => Math.max(0, ...findings.map((one) => one[column].length));
  let breached = 0;
  for (const { component, breach, says, rule, counts } of findings.sort(byComponent)) {
    const leave = accepted.find((one) => one.component === component && one.breach === breach && today <= one.until);
    if (counts && !leave) breached += 1;
    const verdict = !counts ? 'not yet ' : leave ? 'accepted' : 'breached';
    const because = leave ? ` Until ${leave.until}: ${leave.why}` : '';
    console.log(
      `${verdict}  ${component.padEnd(widthOf('component'))}  ${breach.padEnd(widthOf('breach'))}  ${says} “${rule}”${because}`,
    );
  }
  if (breached > 0)
    console.log(
      `${breached} breached: take another version, or say under "accepted" in package.json until when it may stand, and why (docs/security.md).`,
    );
  for (const sentence of unanswered) console.error(sentence);
  if (unanswered.size > 0) console.error('So nobody knows whether every component keeps to docs/security.md.');
  else if (breached === 0)
    console.log(`All ${components.length} components keep to the time frames of docs/security.md.`);
  process.exit(unanswered.size > 0 ? 2 : breached > 0 ? 1 : 0);
}

function byComponent(one: Finding, other: Finding): number {
  return one.component < other.component ? -1 : one.component > other.component ? 1 : 0;
}

function daysSince(moment: string): number {
  return (Date.now() - Date.parse(moment)) / 86_400_000;
}

function ago(days: number): string {
  return days < 1 ? 'less than a day ago' : days < 2 ? 'a day ago' : `${Math.floor(days)} days ago`;
}

/** What is done, or undefined and one sentence more for the report. */
async function unlessUnanswered<Done>(doing: Promise<Done>): Promise<Done | undefined> {
  return doing.catch((error: unknown) => {
    if (!(error instanceof Unanswered)) throw error;
    unanswered.add(error.message);
    return undefined;
  });
}

/** What the registry says, or undefined where it has no such thing. Throws Unanswered. */
async function ask<Shape extends z.ZodType>(
  shape: Shape,
  about: string,
  ...words: string[]
): Promise<z.infer<Shape> | undefined> {
  const said = await npm(...words, ...freshly, ...patiently);
  const json = await Promise.resolve(said)
    .then(JSON.parse)
    .catch(() => undefined);
  const answer = shape.safeParse(json);
  if (answer.success) return answer.data;
  const refusal = Refusal.safeParse(json).data;
  if (refusal?.error?.code === 'E404') return undefined;
  const why = refusal?.message ?? refusal?.error?.summary ?? 'what npm said is no answer';
  throw new Unanswered(`${registry.host} could not be asked ${about}: ${why}.`);
}

/** What npm prints, also where it ends with an error, which it does wherever it finds something. */
async function npm(...words: string[]): Promise<string> {
  const limits = { maxBuffer: 256 * 1024 * 1024, timeout: 180_000 };
  const ended = await promisify(execFile)('npm', words, limits).catch(
    (error: { stdout?: string; code?: unknown }) => error,
  );
  if (!('code' in ended) || ended.code !== 'ENOENT') return ended.stdout ?? '';
  console.error('npm was not found. It comes with Node.js: https://nodejs.org');
  process.exit(2);
}

async function readHere<Shape extends z.ZodType>(file: string, shape: Shape): Promise<z.infer<Shape>> {
  const read = shape.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (read.success) return read.data;
  console.error(`${file} is not as it should be:\n${z.prettifyError(read.error)}`);
  process.exit(2);
}
