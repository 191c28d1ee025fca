/** That whoever asks that everything of theirs rests, or goes on, is heard: a command that fails each time it is typed fails the proof. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loopOf, Loops } from '../../prove/loops.ts';
import { isSound } from '../../prove/page.ts';
import { mustBeZero } from '../../prove/prove.ts';
import { asCustomersAsk, whoWasNotHeard } from '../../prove/rights.ts';
import type { Capture } from '../../src/triggers/capture.ts';
import { lift, restrict } from '../../src/triggers/rights/restrict.ts';
import { customerIn, subjectNamed } from '../../src/triggers/rights/subject.ts';
import { openShop, type Shop } from '../activities/messages/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.close());

test('whoever asked that everything of theirs rests, or goes on, and was not heard however often it was tried, fails the proof until it is done', async () => {
  const { pool, heed, url } = shop.db;
  const loop = Array.from({ length: 100 }, (_, nth) => loopOf(7, nth)).find(({ fate }) => fate === 'restricted')!;
  const signal = await shop.hears(loop.body as Capture);
  const loops = new Loops();
  loops.accepted(loop, signal.id, signal.reference);
  const did: string[] = [];
  let isAway = true;
  const house = {
    async heed([, , reference, ...more]: readonly string[]) {
      if (isAway) throw new Error('Postgres is away.');
      const customer = customerIn(await subjectNamed(pool, reference!));
      await (more.includes('--lift') ? lift : restrict)(heed, customer, {
        by: 'operator',
        reason: 'they asked for it',
      });
    },
  };
  const ask = asCustomersAsk({ house, loops, did: (deed) => did.push(deed), pace: 0 });
  const found = async (): Promise<string[]> => {
    const finding = await whoWasNotHeard(url, loops);
    const isHeard = finding.violations.length === 0;
    const findings = [finding];
    expect(isSound({ drained: true, findings, ...mustBeZero(findings, { givenUp: 0 }, { neverEscalated: 0 }) })).toBe(
      isHeard,
    );
    expect(finding.violations.map(({ about }) => about)).toEqual(finding.violations.map(() => signal.id));
    return finding.violations.map(({ sentence }) => sentence);
  };
  // Nobody has asked yet.
  expect(await found()).toEqual([]);
  await ask();
  await ask();
  expect(await found()).toEqual(['Its customer asked that it rests, and it never did.']);
  isAway = false;
  await ask();
  expect(await found()).toEqual([]);
  isAway = true;
  await ask();
  expect(await found()).toEqual(['Its customer asked that it goes on, and it rests.']);
  isAway = false;
  await ask();
  expect(await found()).toEqual([]);
  expect(did).toEqual(['tried in vain', 'tried in vain', 'command: restrict', 'tried in vain', 'command: lift']);
});
