// The longest first, so that nobody waits for one of them at the end. Without a record of earlier runs, as on a new machine, jest would go by
// the size of the files, and the longest are not the largest.
import Sequencer from '@jest/test-sequencer';

const longest = [
  'prove/prove',
  'browser/pages',
  'hostile/fuzz',
  'model/model',
  // Not beside the proof: what npm start begins gives way to everybody.
  'browser/firstFiveMinutes',
  'store/everythingLost',
  'stories/insight',
  'replay/paths',
  'replay/histories',
  'triggers/http/rules',
  'activities/deliver',
  'stories/ladders',
  'stories/customer',
  'audit/chain',
  'triggers/relay/lost',
  'embedded/temporal',
  'embedded/postgres',
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
