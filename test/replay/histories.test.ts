/** Loops are open for months, so the stories as they are now must be able to go on with every history that an earlier version began. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import {
  bundleWith,
  eventsOf,
  folder,
  keptHistories,
  overBudget,
  releasedHistories,
  replayFailures,
  storiesWith,
} from './histories.ts';

// What is made to fail here need not be read by anybody.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
});
const kept = await keptHistories();
const named = kept.map(({ version, path, history }) => [`${version}/${path}`, history] as const);
const bundle = process.env['HEED_TEST_BUNDLE']!;

describe('histories', () => {
  test('of every version replay on the stories as they are now', async () => {
    expect(kept.length).toBeGreaterThan(0);
    expect(
      await replayFailures(
        named.map(([name, history]) => [name, history]),
        bundle,
      ),
    ).toEqual({});
  });

  test('of a version that is out are never written again: test/histories/released.sha256', async () => {
    for (const line of await releasedHistories()) {
      const [sum, name] = line.split('  ');
      const file = await readFile(join(folder, name!)).catch(() => 'gone');
      expect(`${createHash('sha256').update(file).digest('hex')}  ${name}`).toBe(`${sum}  ${name}`);
    }
  });

  test('keep within what a story may cost', () => {
    expect(named.flatMap(([name, history]) => overBudget(name.split('/')[1]!, history))).toEqual([]);
  });

  test('are small, and name no machine', async () => {
    for (const { version, path } of kept) {
      const text = await readFile(join(folder, version, `${path}.json`), 'utf8');
      expect({ path, size: text.length < 64_000, identity: text.includes('identity') }).toEqual({
        path,
        size: true,
        identity: false,
      });
    }
  });
});

test('what a story does in another order since a version has histories from before it, after it, and across it', () => {
  /** Where in each it was noted that the story goes the new way, and where it first waited. */
  const places = kept
    .filter(({ path }) => ['told', 'crossed'].includes(path))
    .map(({ version, path, history }) => {
      const events = eventsOf(history);
      const at = (word: string): number => events.findIndex((event) => JSON.stringify(event).includes(word));
      const [patched, waited] = [at('core_patch'), at('TIMER_STARTED')];
      return [version, path, patched < 0 ? 'never' : patched < waited ? 'from the start' : 'from a later round on'];
    });
  expect(places).toEqual([
    ['0.1.0', 'told', 'never'],
    ['0.2.0', 'crossed', 'from a later round on'],
    ['0.2.0', 'told', 'from the start'],
  ]);
});

describe('a change that would leave open loops behind is found out', () => {
  const inTheBundle = bundleWith;
  const asWritten = (change: (code: string) => string) => storiesWith('followSignal.ts', change);

  test.each<[string, typeof bundleWith, string | RegExp, string]>([
    ['two stages that changed places', inTheBundle, /^(.*stages\.joinInsight.*\n)(.*stages\.refineOwner.*\n)/m, '$2$1'],
    ['a stage that was left out', inTheBundle, /^.*stages\.enrich.*\n/m, ''],
    ['one chunk of tellings in place of all', inTheBundle, /while ?\((await [^;\n]*\bstages\.tell[^;\n]*?)\);/, '$1;'],
    ['a change of order without patched()', asWritten, "patched('one-look-a-waking')", 'true'],
  ])('%s', async (_, storiesOf, was, is) => {
    const changed = await storiesOf((code) => code.replace(was, is));
    const failures = await replayFailures(
      named.map(([name, history]) => [name, history]),
      changed.bundle,
    );
    await changed.remove();
    expect(failures).not.toEqual({});
  });
});
