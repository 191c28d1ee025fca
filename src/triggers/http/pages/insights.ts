/** What people ask for: the list, the page of one insight, and what is pressed on it. */

import { Hono, type Context } from 'hono';
import { localDate } from '../../../domain/calendar.ts';
import { seenWhenDrawn } from '../../../domain/decisions.ts';
import { isInSight, maySeeInsight } from '../../../domain/entitlement.ts';
import { waitsToBeTaken } from '../../../domain/loop.ts';
import { spanText } from '../../../domain/span.ts';
import { momentOf } from '../../../store/records/clock.ts';
import { recordRefusal } from '../../../store/records/refusals.ts';
import { insightList } from '../../../store/views/insightList.ts';
import { insightPage, type InsightPage } from '../../../store/views/insightPage.ts';
import { dueNow, enoughHaveAsked, plansOf, stageOf, whoDecided } from '../../../store/views/insights.ts';
import { sentenceOf } from '../../../store/views/presses.ts';
import { previewTellings } from '../../../store/views/tellingPreview.ts';
import { choices, type Choice, type Deciding } from '../../../web/decision.ts';
import type { Filled } from '../../../web/fields.ts';
import { headline, insight as insightBody, type InsightShown } from '../../../web/insight.ts';
import { insights as insightsBody } from '../../../web/insights.ts';
import { mustBeSignedIn, type Visitor } from '../session.ts';
import type { Web } from '../web.ts';
import { draw, runOf } from './draw.ts';
import { one, readForm, Unfit } from './forms.ts';
import { isId, nothingHere } from './signals.ts';
import { skipIn } from './skip.ts';
import { titleOf } from './titles.ts';
import { keyOf, respondWith } from './verbs.ts';

const most = 100;

export function insightPages(web: Web): Hono {
  const app = new Hono();
  app.get('/insights', async (c) => list(c, web, await mustBeSignedIn(c, web)));
  app.get('/insights/:id', async (c) => show(c, web, await mustBeSignedIn(c, web)));
  app.post('/insights/:id/:verb', async (c) => {
    const visitor = await mustBeSignedIn(c, web);
    const { id, verb } = c.req.param();
    const form = await readForm(c);
    await seen(web, visitor, id);
    const pressed = { loopId: id, by: visitor.code, verb, form, source: 'web' as const };
    try {
      await respondWith(web.heed, 'insight', pressed);
    } catch (error) {
      if (error instanceof Unfit)
        return show(c, web, visitor, {
          verb,
          filled: error.filled,
          status: error.status,
          choice: choiceIn(one(form, 'do')),
        });
      throw error;
    }
    const to = one(form, 'from') === 'tasks' ? '/tasks' : `/insights/${id}`;
    return c.redirect(`${to}?said=${encodeURIComponent(keyOf(pressed))}`, 303);
  });
  return app;
}

async function list(c: Context, web: Web, { code, company, sight }: Visitor): Promise<Response> {
  const skip = skipIn(c);
  // One more than is shown tells whether there are others.
  const [now, found] = await Promise.all([
    momentOf(web.heed.pool),
    insightList(web.heed.pool, code, sight, { skip, most: most + 1 }),
  ]);
  const lines = found.slice(0, most).map((i) => {
    const decider = whoDecided(i) ?? i.decider;
    return {
      id: i.id,
      sample: i.sample,
      title: titleOf(company, i),
      kind: company.kinds[i.kind]?.name ?? i.kind,
      stage: stageOf(i, company, now),
      people: i.people,
      places: i.places,
      refused: i.refused,
      decideBy: dueNow(i),
      enough: enoughHaveAsked(i),
      outcome: i.outcome,
      reason: i.reason,
      decider: company.staff[decider]?.name ?? decider,
      words: i.words,
      rests: i.rests,
      mine: decider === code,
    };
  });
  return draw(
    c,
    web,
    { title: 'What people ask for', here: 'insights', live: true },
    insightsBody(lines, { now, zone: company.timezone }, { skip, most, more: found.length > most }),
  );
}

interface Returned {
  verb: string;
  filled: Filled;
  status: Unfit['status'];
  choice: Choice | undefined;
}

async function show(c: Context, web: Web, visitor: Visitor, returned?: Returned): Promise<Response> {
  const id = c.req.param('id')!;
  const page = await seen(web, visitor, id);
  const shown = await shownTo(web, visitor, page, {
    choice: returned?.choice ?? choiceIn(c.req.query('do')),
    returned,
  });
  const pressed = c.req.query('said');
  const after = {
    sentence:
      pressed && !returned
        ? ((await sentenceOf(web.heed.pool, { source: 'web', key: pressed, person: visitor.code })) ?? undefined)
        : undefined,
    refusal: returned && !shown.act?.acting.returned ? returned.filled.refusal : undefined,
  };
  return draw(
    c,
    web,
    { title: headline(shown), here: 'insights', live: true, ...(returned && { status: returned.status }) },
    insightBody(shown, { now: page.now, zone: visitor.company.timezone }, after, runOf(web, 'insight', id)),
  );
}

export const choiceIn = (text: string | undefined): Choice | undefined => choices.find((each) => each === text);

/** Seen by whoever decides it or sees one of its places; else it is not there (404). */
async function seen(web: Web, { code, company }: Visitor, id: string): Promise<InsightPage> {
  const page = isId(id) ? await insightPage(web.heed.pool, company, id, code) : null;
  if (page && maySeeInsight(company, code, { ...page.insight, told: page.told, places: page.places })) return page;
  if (page) await recordRefusal(web.heed.pool, { door: 'page', why: 'not_theirs', whose: code });
  throw nothingHere();
}

async function shownTo(
  web: Web,
  { company, sight }: Visitor,
  page: InsightPage,
  { choice, returned }: { choice: Choice | undefined; returned: Returned | undefined },
): Promise<InsightShown> {
  const { insight, stage, older, elsewhere } = page;
  const decidedBy = whoDecided(insight);
  const verbatims = page.verbatims.map((v) => ({
    id: v.id,
    words: v.words,
    place: company.places[v.place]?.name ?? v.place,
    saidAt: v.said_at,
    mood: v.mood,
    offered: v.offered && v.taken ? `${v.offered}, ${taken[v.taken]}` : null,
    refused: v.taken === 'refused',
    sample: v.sample,
    rests: v.rests,
    opens: isInSight(sight, v.place),
    cited: v.cited,
  }));
  const fits = returned && (returned.verb !== 'decision' || returned.choice !== undefined) ? returned : undefined;
  const acting = {
    company,
    base: `/insights/${insight.id}`,
    id: insight.id,
    key: crypto.randomUUID(),
    returned: fits && verbsNow[stage].includes(fits.verb) ? fits : undefined,
  };
  return {
    id: insight.id,
    reference: insight.reference,
    sample: insight.sample,
    title: titleOf(company, insight),
    kind: company.kinds[insight.kind]?.name ?? insight.kind,
    stage,
    people: insight.people,
    places: insight.places,
    refused: insight.refused,
    decideBy: dueNow(insight),
    enough: enoughHaveAsked(insight),
    outcome: insight.outcome,
    reason: insight.reason,
    finalAt: insight.final_at,
    decided:
      decidedBy && insight.decided_at
        ? {
            code: decidedBy,
            name: company.staff[decidedBy]?.name ?? decidedBy,
            title: company.staff[decidedBy]?.title ?? '',
            at: insight.decided_at,
          }
        : undefined,
    decider: {
      code: insight.decider,
      name: company.staff[insight.decider]?.name ?? insight.decider,
      title: company.staff[insight.decider]?.title ?? '',
      reason: insight.decider_reason,
      since: insight.owned_since,
      mayTake: stage === 'complete' && waitsToBeTaken(plansOf(insight, company, page.now)),
      taken: insight.acknowledged_at !== null,
    },
    verbatims,
    older,
    elsewhere,
    past: page.timeline,
    next: page.next,
    told: insight.outcome && insight.outcome !== 'deferred' && stage !== 'undo' ? page.tellings : undefined,
    act:
      page.decides && !insight.sample
        ? { acting, deciding: await decidingOf(web, page, { acting, choice, here: acting.base, verbatims }) }
        : undefined,
  };
}

const taken = { accepted: 'taken', refused: 'not wanted', unsure: 'not sure about it' };

/** What can come back with a fault, stage by stage. */
const verbsNow: Record<InsightPage['stage'], readonly string[]> = {
  decide: ['decision', 'handover', 'acknowledgement'],
  undo: ['withdrawal'],
  tell: ['decision'],
  complete: ['completion', 'acknowledgement', 'handover', 'decision'],
  finish: ['decision'],
  closed: ['decision'],
};

/** The part about deciding, as on this page and behind a link. Who would hear of it is looked up once an answer is chosen. */
export async function decidingOf(
  web: Web,
  { insight, now, older }: Pick<InsightPage, 'insight' | 'now' | 'older'>,
  given: Pick<Deciding, 'acting' | 'choice' | 'here' | 'verbatims'>,
): Promise<Deciding> {
  const { company } = given.acting;
  return {
    ...given,
    people: insight.people,
    older,
    preview: given.choice && given.choice !== 'defer' ? await previewTellings(web.heed.pool, insight.id) : undefined,
    today: localDate(now, company.timezone),
    seen: seenWhenDrawn(insight),
    undo: spanText(company.undo),
  };
}
