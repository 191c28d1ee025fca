/** That whoever asks is erased, that nothing is left of them, and that what is left is found wherever it stands. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { whatIsLeftOfErased } from '../../prove/erased.ts';
import { loopOf, Loops, type Fate, type Loop } from '../../prove/loops.ts';
import { isSound } from '../../prove/page.ts';
import { mustBeZero } from '../../prove/prove.ts';
import { asCustomersAsk } from '../../prove/rights.ts';
import type { Mail } from '../../src/embedded/mailbox.ts';
import { sql } from '../../src/store/pool.ts';
import type { Capture } from '../../src/triggers/capture.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import { openShop, type Shop } from '../activities/messages/shop.ts';

let shop: Shop;
let folder: string;
let web: Server;
let answers = 410;
beforeAll(async () => {
  shop = await openShop();
  folder = await mkdtemp(join(tmpdir(), 'heed-erased-'));
  await mkdir(join(folder, 'logs'));
  web = createServer((_, response) => void response.writeHead(answers).end());
  await new Promise<void>((listening) => void web.listen(0, '127.0.0.1', listening));
});
afterAll(async () => {
  await new Promise((closed) => web.close(closed));
  await shop.close();
  await rm(folder, { recursive: true, force: true });
});

/** What is found about these loops, with these letters in the mailbox. */
function findingAbout(loops: Loops, mails: Mail[] = []) {
  const { port } = web.address() as AddressInfo;
  const house = { url: `http://127.0.0.1:${port}`, apiKey: 'key', databaseUrl: shop.db.url };
  return whatIsLeftOfErased(
    { ...house, mailbox: { mails: () => mails }, room: { forget: async () => {} } },
    folder,
    loops,
  );
}

async function begun(loop: Loop) {
  const signal = await shop.hears(loop.body as Capture);
  const loops = new Loops();
  loops.accepted(loop, signal.id, signal.reference);
  return { signal, loops };
}

test('whoever asked to be erased, and was not however often it was tried, fails the proof until it is done', async () => {
  const { pool, heed } = shop.db;
  const { signal, loops } = await begun(nthOf('erased', 1));
  const did: string[] = [];
  let isAway = true;
  const house = {
    async heed([, , reference]: readonly string[]) {
      if (isAway) throw new Error('Postgres is away.');
      await erase(heed, await subjectNamed(pool, reference!), { by: 'operator', reason: 'they asked for it' });
    },
  };
  const ask = asCustomersAsk({ house, loops, did: (deed) => did.push(deed), pace: 0 });
  const sound = async (): Promise<boolean> => {
    const findings = [await findingAbout(loops)];
    return isSound({ drained: true, findings, ...mustBeZero(findings, { givenUp: 0 }, { neverEscalated: 0 }) });
  };
  // Nobody has asked yet.
  expect(await sound()).toBe(true);
  await ask();
  await ask();
  expect(await sound()).toBe(false);
  expect((await findingAbout(loops)).violations).toEqual([
    { about: signal.id, sentence: 'Its customer asked to be erased, and was not.' },
  ]);
  isAway = false;
  await ask();
  expect(await sound()).toBe(true);
  expect(did).toEqual(['tried in vain', 'tried in vain', 'command: erase']);
});

test('what is left of somebody erased is found in a table, in bytes, in a log, in a letter, and by a key that is taken again', async () => {
  const { pool, heed } = shop.db;
  const loop = nthOf('erased', 0);
  const [canary = '', mailbox = ''] = loop.canaries;
  const { signal, loops } = await begun(loop);
  const mails: Mail[] = [];
  const look = async (): Promise<string[]> => {
    const { violations } = await findingAbout(loops, mails);
    expect(violations.map(({ about }) => about)).toEqual(violations.map(() => signal.id));
    return violations.map(({ sentence }) => sentence).sort();
  };
  // Nobody asked for it yet: all of it may be there.
  expect(await look()).toEqual([]);
  await erase(heed, await subjectNamed(pool, signal.reference), { by: 'operator', reason: 'they asked for it' });
  expect(await look()).toEqual([]);

  await shop.db.rewrite(
    sql.unsafe`update ownerships set reason = ${`${canary} is yours`} where loop_id = ${signal.id}`,
  );
  await shop.db.rewrite(
    sql.unsafe`update presses set fingerprint = ${sql.binary(Buffer.from(canary))} where fact_id = ${signal.id}`,
  );
  await shop.db.rewrite(sql.unsafe`delete from closures where loop_id = ${signal.id}`);
  await writeFile(join(folder, 'logs', 'web.log'), `${'.'.repeat(65_520)}Not taken: ${mailbox}example.com.`);
  mails.push({ messageId: '<d.1@heed>', subject: 'Your task', text: `“${canary}”`, to: ['mina@example.com'] } as Mail);
  answers = 202;
  const still = 'What was erased of it still stands in';
  expect(await look()).toEqual([
    'Its key was answered with 202 and not with 410.',
    `${still} a letter that nothing takes back.`,
    `${still} logs/web.log.`,
    `${still} public.ownerships.`,
    `${still} public.presses.`,
    'What was said here was erased, and its loop is still open.',
  ]);
});

test('of each hundred captures so many are handed over, dismissed, erased and restricted, the same for a seed', () => {
  const fates = Array.from({ length: 300 }, (_, nth) => loopOf(7, nth).fate);
  for (const hundred of [0, 1, 2].map((n) => fates.slice(100 * n, 100 * n + 100)))
    expect(
      ['handed over', 'dismissed', 'erased', 'restricted'].map((fate) => hundred.filter((one) => one === fate).length),
    ).toEqual([10, 2, 2, 1]);
  expect(Array.from({ length: 300 }, (_, nth) => loopOf(7, nth).fate)).toEqual(fates);
});

const nthOf = (fate: Fate, n: number): Loop =>
  Array.from({ length: 100 }, (_, nth) => loopOf(7, nth)).filter((loop) => loop.fate === fate)[n]!;
