/** The real stories without Temporal: the workflows as they are, on the real stages, each awake until it sleeps. Three hundred courses of
 *  events would take Temporal minutes; what is left out here (histories, queues, timers that survive) is told in test/stories. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { jest } from '@jest/globals';
import type { Standing } from '../../src/activities/climb.ts';
import type { Stages } from '../../src/activities/createActivities.ts';

export type Kind = 'signal' | 'insight';

export interface Stories {
  /** Starts the story of a loop or wakes it. Ends when it sleeps again, or is over. */
  nudge(kind: Kind, id: string): Promise<void>;
  /** Those whose time has come by then (milliseconds since 1970). */
  due(by: number): { kind: Kind; id: string }[];
  /** Time is up for this one, unless it has been woken since. Ends when it sleeps again, or is over. */
  ring(id: string, by: number): Promise<void>;
  /** Temporal remembers which stories run and no more: each begins again at the top. */
  beginAgain(): Promise<void>;
  /** Each history has grown so long that the story continues as new at its next wait. */
  growLong(): void;
  /** Nothing is remembered at all. */
  forget(): void;
  /** What the story shows while it sleeps, and until when (milliseconds since 1970); undefined when none runs. */
  asleep(id: string): { until: number; shows: Standing['attributes'] } | undefined;
}

interface Story {
  kind: Kind;
  id: string;
  hear: () => void;
  sleep: { until: number; holds: () => boolean; wake: (nudged: boolean) => void } | undefined;
  rest: PromiseWithResolvers<void>;
  shows: Record<string, unknown>;
  isLong: boolean;
  stages: Stages;
  now: () => number;
  askedAt: number;
}

const telling = new AsyncLocalStorage<Story>();
const told = (): Story => telling.getStore()!;
class ContinuedAsNew extends Error {}

jest.unstable_mockModule('@temporalio/workflow', () => ({
  defineSignal: (name: string) => name,
  proxyLocalActivities: () =>
    new Proxy(
      {},
      {
        get:
          (_, name: keyof Stages) =>
          (...args: [string, number]) => {
            const story = told();
            story.askedAt = story.now();
            return story.stages[name](...args);
          },
      },
    ),
  setHandler: (_: string, hear: () => void) => {
    told().hear = hear;
  },
  condition: (holds: () => boolean, ms: number) => {
    if (holds()) return Promise.resolve(true);
    const story = told();
    return new Promise<boolean>((wake) => {
      // From when the stage was asked how long: what a busy machine took to say so is no lateness of the story's.
      story.sleep = { until: story.askedAt + ms, holds, wake };
      story.rest.resolve();
    });
  },
  setCurrentDetails: () => {},
  upsertSearchAttributes: (shown: { key: { name: string }; value: unknown }[]) => {
    told().shows = Object.fromEntries(shown.map(({ key, value }) => [key.name, value]));
  },
  workflowInfo: () => ({ continueAsNewSuggested: told().isLong }),
  // What begins now follows the newest order of steps; and nothing here cuts a stage off.
  patched: () => true,
  isCancellation: () => false,
  CancellationScope: { current: () => ({ consideredCancelled: false }) },
  continueAsNew: () => {
    throw new ContinuedAsNew();
  },
}));
const { followSignal, followInsight } = await import('../../src/workflows/index.ts');

/** `now` is the clock that timers go by, in milliseconds since 1970. A stage that throws ends the waiting with what it threw. */
export function openStories(stages: Stages, now: () => number): Stories {
  const running = new Map<string, Story>();

  const start = (kind: Kind, id: string): Story => {
    const story: Story = {
      kind,
      id,
      stages,
      now,
      askedAt: now(),
      shows: {},
      isLong: false,
      sleep: undefined,
      hear: () => {},
      rest: Promise.withResolvers(),
    };
    running.set(id, story);
    const follow = (): Promise<void> =>
      kind === 'signal' ? followSignal({ signalId: id }) : followInsight({ insightId: id });
    const live = async (): Promise<void> => {
      try {
        await follow();
      } catch (error) {
        if (!(error instanceof ContinuedAsNew)) throw error;
        story.isLong = false;
        return live();
      }
    };
    telling
      .run(story, live)
      .then(() => {
        running.delete(id);
        story.rest.resolve();
      })
      .catch((error: unknown) => story.rest.reject(error));
    return story;
  };

  const wake = (story: Story, nudged: boolean): Promise<void> => {
    if (nudged) story.hear();
    const { sleep } = story;
    if (!sleep || (nudged && !sleep.holds())) return Promise.resolve();
    story.sleep = undefined;
    story.rest = Promise.withResolvers();
    sleep.wake(nudged);
    return story.rest.promise;
  };

  return {
    nudge(kind, id) {
      const story = running.get(id);
      return story ? wake(story, true) : start(kind, id).rest.promise;
    },
    due: (by) => [...running.values()].filter((story) => isDue(story, by)),
    async ring(id, by) {
      const story = running.get(id);
      if (story && isDue(story, by)) await wake(story, false);
    },
    async beginAgain() {
      const all = [...running.values()].sort(signalsFirst);
      running.clear();
      for (const { kind, id } of all) await start(kind, id).rest.promise;
    },
    growLong() {
      for (const story of running.values()) story.isLong = true;
    },
    forget() {
      running.clear();
    },
    asleep(id) {
      const story = running.get(id);
      return story?.sleep && { until: story.sleep.until, shows: story.shows as Standing['attributes'] };
    },
  };
}

const isDue = ({ sleep }: Story, by: number): boolean => sleep !== undefined && sleep.until <= by;
const signalsFirst = (a: Story, b: Story): number =>
  a.kind === b.kind ? (a.id < b.id ? -1 : 1) : a.kind === 'signal' ? -1 : 1;
