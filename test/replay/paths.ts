/** Every path a loop can take, lived by people: a path a story, side by side in one world and in real time. `npm run histories` keeps what
 *  Temporal then knows of each; the suite lives them all again in every run. */

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { sql } from '../../src/store/pool.ts';
import { acknowledge } from '../../src/triggers/responses/acknowledge.ts';
import { approveFollowUp } from '../../src/triggers/responses/approveFollowUp.ts';
import { confirm } from '../../src/triggers/responses/confirm.ts';
import { complete, decide, takeBack } from '../../src/triggers/responses/decide.ts';
import { dismiss } from '../../src/triggers/responses/dismiss.ts';
import { handOver, handOverInsight } from '../../src/triggers/responses/handOver.ts';
import { join } from '../../src/triggers/responses/join.ts';
import { recordCall } from '../../src/triggers/responses/recordCall.ts';
import { repair } from '../../src/triggers/responses/repair.ts';
import { review } from '../../src/triggers/responses/review.ts';
import { disavow } from '../../src/triggers/responses/stop.ts';
import { erase } from '../../src/triggers/rights/erase.ts';
import { lift, restrict } from '../../src/triggers/rights/restrict.ts';
import { subjectNamed } from '../../src/triggers/rights/subject.ts';
import type { Capture } from '../../src/triggers/capture.ts';
import type { World } from '../support/world.ts';
import type { Canaries } from './canaries.ts';

/** A run of a story: which one, and which of its runs. */
export interface Run {
  path: string;
  workflowId: string;
  runId: string;
}

export interface Path {
  name: string;
  /** Lives it to its end; returns the runs to keep, by the name of their file. */
  live(life: Life): Promise<Run[]>;
}

/** Nobody needs long to act on these. */
export const paths: Path[] = [
  {
    name: 'dismissed',
    live: async (life) => {
      const id = await life.capture({ words: life.word('asdf') });
      await life.stands(id, 'closed');
      return [await life.run('dismissed', id)];
    },
  },
  {
    name: 'reviewed',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Blue hour, she said.') });
      await life.stands(id, 'review');
      const pursued = { verdict: 'pursue', course: 'answer', kind: 'question', reason: life.says('A song.') } as const;
      await review(life.world.heed, life.as('priya', id), pursued);
      await life.stands(id, 'acknowledge');
      await answerAndSettle(life, id, 'priya');
      return [await life.run('reviewed', id)];
    },
  },
  {
    name: 'thanked',
    live: async (life) => {
      const id = await life.capture({ words: life.says('She was lovely.'), kind: 'praise' });
      await life.stands(id, 'acknowledge');
      await answerAndSettle(life, id, 'priya');
      return [await life.run('thanked', id)];
    },
  },
  {
    name: 'settled',
    live: async (life) => {
      const id = await life.capture({ words: life.says('How much is the scarf?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      await handOver(life.world.heed, life.as('priya', id), { to: 'jonas', reason: life.says('She asked him.') });
      await life.asleep(id);
      await acknowledge(life.world.heed, life.as('jonas', id));
      await life.stands(id, 'answer');
      await answerAndSettle(life, id, 'jonas');
      return [await life.run('settled', id)];
    },
  },
  {
    name: 'nobody-to-reach',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Where are the socks?'), kind: 'question' }, 'nobody');
      await life.stands(id, 'acknowledge');
      await acknowledge(life.world.heed, life.as('priya', id));
      await life.stands(id, 'closed');
      return [await life.run('nobody-to-reach', id)];
    },
  },
  {
    name: 'dismissed-by-hand',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Is this a test?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      await dismiss(life.world.heed, life.as('priya', id), { reason: life.says('Said by a colleague.') });
      await life.stands(id, 'closed');
      return [await life.run('dismissed-by-hand', id)];
    },
  },
  {
    name: 'called',
    live: async (life) => {
      const id = await life.capture({
        words: life.says('Can you hold the hat for me?'),
        kind: 'question',
        consent: [{ purpose: 'follow_up', channel: 'phone', wording: '2026-06' }],
      });
      await life.stands(id, 'acknowledge');
      await acknowledge(life.world.heed, life.as('priya', id));
      await life.stands(id, 'answer');
      await recordCall(life.world.heed, life.as('priya', id), { outcome: 'no_reply' });
      await life.asleep(id);
      await recordCall(life.world.heed, life.as('priya', id), { outcome: 'reached' });
      await life.stands(id, 'confirmation');
      await life.confirm(id, 'yes');
      await life.stands(id, 'closed');
      return [await life.run('called', id)];
    },
  },
  {
    name: 'disavowed',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Where are the gloves?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      await disavow(life.world.heed, id, (await life.world.signal(id)).customer_id!);
      await life.asleep(id);
      await acknowledge(life.world.heed, life.as('priya', id));
      await life.stands(id, 'closed');
      return [await life.run('disavowed', id)];
    },
  },
  {
    name: 'at-rest',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Why is the lift so slow?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      const customer = (await life.world.signal(id)).customer_id!;
      await restrict(life.world.heed, customer, { by: 'operator' });
      await life.asleep(id);
      await lift(life.world.heed, customer, { by: 'operator' });
      await life.asleep(id);
      await answerAndSettle(life, id, 'priya');
      return [await life.run('at-rest', id)];
    },
  },
  {
    name: 'erased',
    live: async (life) => {
      const { id, insight } = await wish(life, 'violet');
      const subject = await subjectNamed(life.world.db.pool, id);
      await erase(life.world.heed, subject, { by: 'operator', reason: 'asked at the counter' });
      await life.stands(id, 'closed');
      // Nobody is left who asked for it.
      await life.stands(insight, 'closed');
      return [await life.run('erased', id), await life.run('erased-insight', insight)];
    },
  },
  {
    name: 'second-round',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Why is it so cold here?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      await secondRound(life, id);
      await answerAndSettle(life, id, 'ingrid');
      return [await life.run('second-round', id)];
    },
  },
  {
    name: 'final',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Why is it so loud here?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      await secondRound(life, id);
      await answer(life, id, 'ingrid', true);
      await life.confirm(id, 'no');
      await life.stands(id, 'closed');
      return [await life.run('final', id)];
    },
  },
  {
    name: 'adopted',
    live: async (life) => {
      const { id, insight } = await wish(life, 'green');
      await acknowledge(life.world.heed, life.as('jonas', id));
      await life.stands(id, 'answer');
      await answer(life, id, 'jonas');
      await life.stands(id, 'decision');
      await handOverInsight(life.world.heed, life.as('tomas', insight), { to: 'ingrid', reason: life.says('Hers.') });
      await life.asleep(insight);
      await decide(life.world.heed, life.as('ingrid', insight), { ...adopt(life), evidence: [id] });
      await life.stands(id, 'confirmation');
      await life.confirm(id, 'yes');
      await life.stands(id, 'closed');
      await life.stands(insight, 'complete');
      await complete(life.world.heed, life.as('ingrid', insight), { evidence: life.says('On the rail since Monday.') });
      await life.stands(insight, 'closed');
      return [await life.run('told', id), await life.run('adopted', insight)];
    },
  },
  {
    name: 'declined',
    live: async (life) => {
      const { id, insight } = await wish(life, 'red');
      await decide(life.world.heed, life.as('tomas', insight), decline(life));
      await life.stands(id, 'confirmation');
      await life.stands(insight, 'closed');
      return [await life.run('declined', insight)];
    },
  },
  {
    name: 'taken-back',
    live: async (life) => {
      const { id, insight } = await wish(life, 'orange');
      await decide(life.world.heed, life.as('tomas', insight), adopt(life));
      await takeBack(life.world.heed, life.as('tomas', insight));
      await life.stands(insight, 'decide');
      await decide(life.world.heed, life.as('tomas', insight), decline(life));
      await life.stands(id, 'confirmation');
      await life.stands(insight, 'closed');
      return [await life.run('taken-back', insight)];
    },
  },
  {
    name: 'moved-on',
    live: async (life) => {
      const [one, other] = [await wish(life, 'pink'), await wish(life, 'rose')];
      await join(life.world.heed, life.as('priya', one.id), { insight: other.insight });
      // Nobody is left who asks for it.
      await life.stands(one.insight, 'closed');
      await decide(life.world.heed, life.as('tomas', other.insight), decline(life));
      await life.stands(one.id, 'confirmation');
      await life.stands(other.insight, 'closed');
      return [await life.run('moved-on', one.id), await life.run('moved-on-insight', one.insight)];
    },
  },
  {
    name: 'told-to-many',
    live: async (life) => {
      const lining = life.says('warm');
      const wishes = [];
      while (wishes.length < 3) wishes.push(await wish(life, 'white', lining));
      const { insight } = wishes[0]!;
      await decide(life.world.heed, life.as('tomas', insight), decline(life));
      for (const { id } of wishes) await life.stands(id, 'confirmation');
      await life.stands(insight, 'closed');
      return [await life.run('told-to-many', insight)];
    },
  },
  {
    name: 'deferred',
    live: async (life) => {
      const { id, insight } = await wish(life, 'navy');
      const wakeAt = new Date(Date.now() + 1_500).toISOString();
      await decide(life.world.heed, life.as('tomas', insight), {
        outcome: 'deferred',
        reason: life.says('Too few.'),
        internalReason: life.says('Ask again.'),
        wakeAt,
      });
      await life.climbed(insight, 2);
      await decide(life.world.heed, life.as('tomas', insight), decline(life));
      await life.stands(id, 'confirmation');
      await life.stands(insight, 'closed');
      return [await life.run('deferred', insight)];
    },
  },
  {
    name: 'superseded',
    live: async (life) => {
      const { id, insight } = await wish(life, 'grey');
      await decide(life.world.heed, life.as('tomas', insight), adopt(life));
      await life.stands(insight, 'complete');
      await decide(life.world.heed, life.as('tomas', insight), decline(life));
      await life.stands(insight, 'closed');
      await life.stands(id, 'confirmation');
      return [await life.run('superseded', insight)];
    },
  },
  {
    name: 'revived',
    live: async (life) => {
      const id = await life.capture({ words: life.says('What time do you close?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      const first = await life.run('', id);
      await life.world.client.workflow.getHandle(first.workflowId, first.runId).terminate('an operator ended it');
      await life.until('the run that was ended is back', async () => (await life.run('', id)).runId !== first.runId);
      await life.asleep(id);
      await answerAndSettle(life, id, 'priya');
      return [await life.run('revived', id)];
    },
  },
  {
    name: 'continued',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Where is the fitting room?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      const first = await life.run('continued-as-new', id);
      await wokenUntilItIsContinued(life, id, first);
      await answerAndSettle(life, id, 'priya');
      return [first, await life.run('continued', id)];
    },
  },
  {
    name: 'insight-continued',
    live: async (life) => {
      const { id, insight } = await wish(life, 'black');
      const first = await life.run('insight-continued-as-new', insight);
      await wokenUntilItIsContinued(life, insight, first);
      await decide(life.world.heed, life.as('tomas', insight), decline(life));
      await life.stands(id, 'confirmation');
      await life.stands(insight, 'closed');
      return [first, await life.run('insight-continued', insight)];
    },
  },
];

/** Lived in a company whose ladders and window are over in seconds, so that nobody acting is short. */
export const patientPaths: Path[] = [
  {
    name: 'silent',
    live: async (life) => {
      const id = await life.capture({ words: life.says('When is the sale?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      await answer(life, id, 'priya');
      await life.stands(id, 'closed');
      return [await life.run('silent', id)];
    },
  },
  {
    name: 'reopened',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Why is there no bench?'), kind: 'question' });
      await life.stands(id, 'acknowledge');
      await answer(life, id, 'priya');
      await life.stands(id, 'closed');
      await life.confirm(id, 'no');
      await life.stands(id, 'acknowledge');
      await answerAndSettle(life, id, 'ingrid');
      return [await life.run('reopened', id)];
    },
  },
  {
    name: 'climbed',
    live: async (life) => {
      const id = await life.capture({ words: life.says('Why are you closed on Sundays?'), kind: 'question' });
      await life.climbed(id, 4);
      await acknowledge(life.world.heed, life.as('priya', id));
      await life.stands(id, 'answer');
      await answerAndSettle(life, id, 'priya');
      return [await life.run('climbed', id)];
    },
  },
];

/** Lived by itself: no mail server takes anything meanwhile. */
export const refused: Path = {
  name: 'refused',
  live: async (life) => {
    const [id, called] = [
      await life.capture({ words: life.says('Why is there no mirror?'), kind: 'question' }),
      await life.capture({
        words: life.says('Why is there no chair?'),
        kind: 'question',
        consent: (['email', 'phone'] as const).map((channel) => ({
          purpose: 'follow_up',
          channel,
          wording: '2026-06',
        })),
      }),
    ];
    for (const one of [id, called]) {
      await life.stands(one, 'acknowledge');
      await acknowledge(life.world.heed, life.as('priya', one));
      await life.ends(one, 'receipt', 'sent');
    }
    const { faults } = life.world.mailbox;
    faults.script({ at: 'rcpt', do: 'answer', code: 550, text: '5.1.1 No such user' }, Infinity);
    for (const one of [id, called]) await write(life, one, 'priya');
    for (const one of [id, called]) await life.ends(one, 'answer', 'failed');
    faults.clear();
    await life.stands(id, 'closed');
    await life.stands(called, 'answer');
    await recordCall(life.world.heed, life.as('priya', called), { outcome: 'reached' });
    await life.stands(called, 'confirmation');
    await life.confirm(called, 'yes');
    await life.stands(called, 'closed');
    return [await life.run('refused', id), await life.run('refused-then-called', called)];
  },
};

/** Its first round begins under the stories that are told now; what is returned goes on under those that are told then. */
export async function crossing(life: Life): Promise<Path> {
  const id = await life.capture({ words: life.says('Why is it so dark here?'), kind: 'question' });
  await life.stands(id, 'acknowledge');
  return {
    name: 'crossed',
    live: async () => {
      await secondRound(life, id);
      await answerAndSettle(life, id, 'ingrid');
      return [await life.run('crossed', id)];
    },
  };
}

/** Its history gets so long that another run goes on. */
async function wokenUntilItIsContinued(life: Life, loopId: string, first: Run): Promise<void> {
  while ((await life.run('', loopId)).runId === first.runId) {
    await repair(life.world.heed, { loopId, by: 'ops' }, { action: 'wake', reason: life.says('Is it there?') });
    await life.asleep(loopId);
  }
}

/** The first answer does not settle it; the director has it then. */
async function secondRound(life: Life, id: string): Promise<void> {
  await answer(life, id, 'priya');
  await life.confirm(id, 'no');
  await life.stands(id, 'acknowledge');
  await acknowledge(life.world.heed, life.as('ingrid', id));
  await life.stands(id, 'answer');
}

async function write(life: Life, id: string, by: string, final = false): Promise<void> {
  await approveFollowUp(life.world.heed, life.as(by, id), {
    subject: life.says('About what you said'),
    words: life.says('It is as it is.'),
    ...(final && { final }),
  });
}

async function answer(life: Life, id: string, by: string, final = false): Promise<void> {
  await write(life, id, by, final);
  await life.until(
    'the answer was sent',
    async () => (await life.world.signal(id)).answered_at !== null && (await life.isAsleep(id)),
  );
}

async function answerAndSettle(life: Life, id: string, by: string): Promise<void> {
  await answer(life, id, by);
  await life.confirm(id, 'yes');
  await life.stands(id, 'closed');
}

/** Wishes with the same lining are the same wish. */
async function wish(life: Life, colour: string, lining = life.says('warm')): Promise<{ id: string; insight: string }> {
  const id = await life.capture({
    words: life.says(`Do you have this coat in ${colour}?`),
    unmet: life.says('we don’t carry it'),
    offered: { item: life.says('Coat in teal'), taken: 'refused' },
    wanted: { item: 'coat', attributes: { colour, lining } },
  });
  await life.stands(id, 'acknowledge');
  const insight = (await life.world.signal(id)).insight_id!;
  await life.stands(insight, 'decide');
  return { id, insight };
}

const adopt = (life: Life) => ({
  outcome: 'adopted' as const,
  scope: 'everyone' as const,
  reason: life.says('It comes in spring.'),
  internalReason: life.says('The mill has it.'),
  doneBy: '2099-03-01',
});
const decline = (life: Life) => ({
  outcome: 'declined' as const,
  reason: life.says('It does not sell.'),
  internalReason: life.says('We tried.'),
});

/** What people do in this world, with a canary in everything they say, and how one waits for what follows. */
export class Life {
  readonly world: World;
  readonly #canaries: Canaries;
  readonly #toldIn = new Map<string, string>();

  constructor(world: World, canaries: Canaries) {
    this.world = world;
    this.#canaries = canaries;
  }

  says(text: string): string {
    return this.#canaries.in(text, text);
  }

  /** One word, with the mark in it. */
  word(beginning: string): string {
    return this.#canaries.inWord(beginning, beginning);
  }

  as(by: string, loopId: string) {
    return this.world.as(by, loopId);
  }

  /** By Mina at the high street, of a customer who may be written to, unless nobody gave a name. */
  async capture(said: Partial<Capture> & { words: string }, of: 'somebody' | 'nobody' = 'somebody'): Promise<string> {
    const customer = {
      name: this.says('Kim'),
      email: this.#canaries.email('an e-mail address'),
      phone: this.#canaries.phone('a phone number'),
    };
    const known = {
      customer,
      consent: [{ purpose: 'follow_up' as const, channel: 'email' as const, wording: '2026-06' }],
    };
    const { id } = await this.world.capture({
      ...(of === 'somebody' && known),
      note: this.says('She had a red bag.'),
      ...said,
    });
    return id;
  }

  async confirm(id: string, says: 'yes' | 'no'): Promise<void> {
    const words = this.says('So it is.');
    await confirm(this.world.heed, { loopId: id, press: this.world.press() }, { says, words });
  }

  /** The story has come to this stage, and sleeps there. */
  async stands(loopId: string, stage: string): Promise<void> {
    await this.until(`${loopId} stands at ${stage}`, async () => {
      if (!(await this.isAsleep(loopId))) return false;
      const { status, searchAttributes } = await this.#describe(loopId);
      return stage === 'closed' ? status.name === 'COMPLETED' : searchAttributes['Stage']?.[0] === stage;
    });
  }

  /** So many rungs were taken, and the story sleeps. */
  async climbed(loopId: string, rungs: number): Promise<void> {
    await this.until(
      `${rungs} rungs were taken`,
      async () => (await this.world.escalations(loopId)).length >= rungs && (await this.isAsleep(loopId)),
    );
  }

  /** The letter has come to that end. */
  async ends(loopId: string, purpose: 'receipt' | 'answer', state: string): Promise<void> {
    await this.until(`the ${purpose} was ${state}`, async () =>
      (await this.world.messages({ loopId, purpose })).some((message) => message.state === state),
    );
  }

  async asleep(loopId: string): Promise<void> {
    await this.until(`the story of ${loopId} sleeps`, () => this.isAsleep(loopId));
  }

  /** Nothing asks for the story, and nothing of it is under way. */
  async isAsleep(loopId: string): Promise<boolean> {
    const asked = await this.world.db.pool.oneFirst(
      sql.type(z.object({ asked: z.boolean() }))`select exists (select from wakes where loop_id = ${loopId}) as asked`,
    );
    return !asked && !(await this.#describe(loopId)).raw.pendingWorkflowTask;
  }

  /** The run in which the story came to where it stands. One that was woken when all was over ended at once, and is not meant. */
  async run(path: string, loopId: string): Promise<Run> {
    const { workflowId, runId } = await this.#describe(loopId);
    return { path, workflowId, runId: this.#toldIn.get(loopId) ?? runId };
  }

  /** The first run of it. */
  async begun(loopId: string): Promise<Run> {
    let first: Run | undefined;
    await this.until('its story begins', async () => Boolean((first = await this.run('', loopId))));
    return first!;
  }

  /** As World.until, but for so many at once that they must ask less often. */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    let cause: unknown;
    const held = (): Promise<boolean> => holds().catch((error: unknown) => ((cause = error), false));
    for (const end = Date.now() + 180_000; !(await held()); await sleep(200)) {
      if (Date.now() > end) throw new Error(`This never came about: ${what}.`, { cause });
    }
  }

  async #describe(loopId: string) {
    const kind = (await this.world.signal(loopId)) ? 'signal' : 'insight';
    const described = await this.world.client.workflow.getHandle(`${kind}:${loopId}`).describe();
    if (described.searchAttributes['Stage']) this.#toldIn.set(loopId, described.runId);
    return described;
  }
}
