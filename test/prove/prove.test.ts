/** The proof, small: two hundred loops through real processes that are killed ten times. `npm run prove` does the same for hours. */

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { prove } from '../../prove/prove.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heed-prove-'));
  await chmod(folder, 0o711);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('two hundred loops and ten kills: nothing is lost, nothing comes twice, no escalation is missed', async () => {
  const said: string[] = [];
  const proof = await prove({
    name: 'Two hundred loops',
    seed: 42,
    count: 200,
    rate: 6,
    kills: 10,
    othersPerKill: 1,
    wipe: false,
    fullDisks: 0,
    pausesMs: [2_000],
    capturesOnly: false,
    workers: 1,
    pace: 1,
    faultSeconds: 36,
    drainSeconds: 300,
    patient: false,
    folder,
    say: (sentence) => said.push(sentence),
  });
  const broken = proof.findings.flatMap(({ claim, violations }) =>
    violations.map(({ about, sentence }) => `${claim}: ${about} ${sentence}`),
  );
  expect(broken).toEqual([]);
  expect(proof.captures.givenUp).toBe(0);
  expect(proof.left.loops).toBeGreaterThanOrEqual(200);
  // All of it came to its end: what waits, waits for a letter of which nobody knows whether it arrived.
  expect({ drained: proof.drained, open: proof.left.open - proof.left.waiting }).toEqual({ drained: true, open: 0 });
  expect(Object.values(proof.kills).reduce((sum, count) => sum + count, 0)).toBe(10);
  expect(Object.keys(proof.kills).sort()).toEqual(['backends', 'postgres', 'relay', 'temporal', 'web', 'worker']);
  // What was scripted was met. Not so each fault of a link: where nothing is said in that second, one that is slow or silent meets nobody, and of a
  // reply that a kill was faster to take nothing is left to swallow.
  const unmet = Object.entries(proof.faults).flatMap(([what, { met }]) => (met === 0 ? [what] : []));
  expect(unmet.filter((what) => !/^(cut|slow|half-open|reply swallowed): /.test(what))).toEqual([]);
  expect(Object.keys(proof.faults).length - unmet.length).toBeGreaterThanOrEqual(5);
  // What nobody but whoever an escalation names takes up was taken up.
  expect(proof.left.onlyEscalated).toBeGreaterThan(0);
  expect(proof.missed).toBe(0);
  // They did what people do beside answering, and customers used their rights in the middle of it: nothing is left of whoever was erased.
  const deeds = Object.keys(proof.deeds);
  expect(deeds).toEqual(
    expect.arrayContaining([
      ...['handover', 'dismissal', 'deferral', 'withdrawal'].map((deed) => `api: ${deed}`),
      ...['erase', 'restrict', 'lift'].map((verb) => `command: ${verb}`),
    ]),
  );
  expect(deeds.some((deed) => deed.endsWith('call'))).toBe(true);
  // People came through their own doors. On a slow machine what a colleague would have done by mail, or in Slack, may be cleared up first.
  const doors = new Set(deeds.map((deed) => deed.split(':')[0]));
  expect([...doors]).toEqual(expect.arrayContaining(['api', 'customer']));
  expect(doors.has('slack') || doors.has('mail')).toBe(true);
}, 1_200_000);
