// The longest first, so that nobody waits for one of them at the end. Without a record of earlier runs, as on a new machine, jest would go by
// the size of the files, and the longest are not the largest.
import Sequencer from '@jest/test-sequencer';

const longest = [
  'prove/prove',
  'hostile/fuzz',
  'activities/deliver',
  'replay/paths',
  'stories/ladders',
  'browser/pages',
  'stories/insight',
  'model/model',
  // Not beside the proof: what npm start begins gives way to everybody.
  'browser/firstFiveMinutes',
  'store/backup',
  'triggers/relay/lost',
  'store/everythingLost',
  'triggers/http/rules',
  'embedded/temporal',
  'audit/chain',
  'stories/customer',
  'embedded/postgres',
  'replay/histories',
  'store/loopReport',
  'triggers/restored',
  'stories/erasedAndRestored',
  'hostile/naughty',
  'workers/apart',
  'domain/zones',
  'triggers/sampleHistory',
  'triggers/cli/commands',
  'stories/signal',
  'stories/triage',
  'triggers/http/pages/yours',
];

export default class LongestFirst extends Sequencer {
  /** @param {Parameters<Sequencer['sort']>[0]} tests */
  async sort(tests) {
    const rank = (/** @type {{ path: string }} */ { path }) => {
      const at = longest.findIndex((name) => path.endsWith(`/${name}.test.ts`));
      return at < 0 ? longest.length : at;
    };
    return [...(await super.sort(tests))].sort((a, b) => rank(a) - rank(b));
  }
}
