/** What became of what I captured. */

import { Hono } from 'hono';
import { mayActOnSignal } from '../../../domain/entitlement.ts';
import { stageOfSignal } from '../../../domain/loop.ts';
import { zoneOf } from '../../../domain/localTime.ts';
import { codesIn } from '../../../domain/reading.ts';
import { momentOf } from '../../../store/records/clock.ts';
import { mine, type Mine } from '../../../store/views/mine.ts';
import { mine as mineBody } from '../../../web/mine.ts';
import { mustBeSignedIn } from '../session.ts';
import type { Web } from '../web.ts';
import { draw } from './draw.ts';
import { skipIn } from './skip.ts';

const most = 100;

/** A later round begins with a "no" to what they were told. Nobody is told by a decision that found no way to them. */
const isTold = ({ round, told_at: at, told_channel: channel, closed_at: closed, reach }: Mine): boolean =>
  round > 1 || (at ? channel !== null && channel !== 'none' : !closed && reach !== null);

export function minePages(web: Web): Hono {
  const app = new Hono();
  app.get('/mine', async (c) => {
    const { code, company } = await mustBeSignedIn(c, web);
    const skip = skipIn(c);
    const [now, { captured, more }] = await Promise.all([
      momentOf(web.heed.pool),
      mine(web.heed.pool, code, { skip, most }),
    ]);
    const nameOf = (who: string): string => company.staff[who]?.name ?? who;
    // Whoever has moved on hears what became of what they heard, and reads its customer no more than anything else that was said there.
    const isHere = (s: Mine): boolean => mayActOnSignal(company, code, { ...s, told: [] });
    const shown = captured.map((s) => ({
      id: s.id,
      reference: s.reference,
      sample: s.sample,
      elsewhere: isHere(s) ? undefined : (company.places[s.place]?.name ?? s.place),
      words: isHere(s) ? s.words : null,
      rests: s.restricted,
      at: s.captured_at,
      newsAt: s.news_at,
      clock: { now, zone: zoneOf(company, s.place) },
      stage: stageOfSignal(s),
      round: s.round,
      attributes: isHere(s) ? s.attributes : codesIn(s.attributes, company.vocabulary),
      kind: s.kind,
      unmet: s.unmet !== null,
      owner: nameOf(s.owner),
      answeredBy: s.answered_by ? nameOf(s.answered_by) : undefined,
      decision:
        s.outcome && s.decided_by
          ? {
              outcome: s.outcome,
              scope: s.scope,
              reason: s.decision_reason ?? '',
              doneBy: s.done_by,
              by: nameOf(s.decided_by),
            }
          : undefined,
      told: isTold(s),
      decider: s.decider ? nameOf(s.decider) : undefined,
      says: s.says,
      closedHow: s.closed_how,
      closedReason: s.closed_reason,
    }));
    return draw(
      c,
      web,
      { title: 'Mine', here: 'mine', live: true, shape: 'narrow' },
      mineBody(shown, company, { skip, most, more }),
    );
  });
  return app;
}
