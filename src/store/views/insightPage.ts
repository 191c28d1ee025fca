/** What the page of an insight shows beside its reading: what people said, and how many have been told. */

import { z } from 'zod';
import type { Company } from '../../domain/company.ts';
import { moods, offers } from '../../domain/company.ts';
import { mayDecide, sightOf } from '../../domain/entitlement.ts';
import { momentOf } from '../records/clock.ts';
import { toldByLadder } from '../records/plans.ts';
import { sql, type Db } from '../pool.ts';
import { restsOf } from '../records/rights.ts';
import { placeIn, placesOfLoop } from './sight.ts';
import { readInsight, type InsightReading } from './signalReading.ts';

const TellingsRow = z.object({ written: z.number(), called: z.number(), toCall: z.number(), notTold: z.number() });

const SaidRow = z.object({ here: z.number(), elsewhere: z.number() });

const Verbatim = z.object({
  id: z.string(),
  words: z.string().nullable(),
  place: z.string(),
  said_at: z.date(),
  mood: z.enum(moods).nullable(),
  offered: z.string().nullable(),
  taken: z.enum(offers).nullable(),
  sample: z.boolean(),
  /** Its customer has asked that nothing be done with it for now. */
  rests: z.boolean(),
  cited: z.boolean(),
});
export type Verbatim = z.infer<typeof Verbatim>;

export interface InsightPage extends InsightReading {
  now: Date;
  /** Whether it is for whoever reads to decide. */
  decides: boolean;
  /** What they may read, newest first; at most a hundred. */
  verbatims: readonly Verbatim[];
  /** How many more they may read, said before those. */
  older: number;
  /** How many were said at places they don't see. */
  elsewhere: number;
  /** Where it was asked for. */
  places: readonly string[];
  told: readonly string[];
  /** People (whoever gave no name counts once for every remark): written to, called, still to be called, or not told. */
  tellings: z.infer<typeof TellingsRow>;
}

/** As `staff` reads it. Null when there is no such insight. */
export async function insightPage(db: Db, company: Company, id: string, staff: string): Promise<InsightPage | null> {
  const reading = await readInsight(db, company, id);
  if (!reading) return null;
  const { insight } = reading;
  const told = await toldByLadder(db, id, insight.round);
  const decides = mayDecide(company, staff, { decider: insight.decider, told });
  // Whoever decides reads what it is about, wherever it was said.
  const read = decides ? sql.fragment`true` : placeIn(sightOf(company, staff));
  const [now, loop, verbatims, said, tellings] = await Promise.all([
    momentOf(db),
    placesOfLoop(db, id),
    verbatimsOf(db, insight, read),
    saidOf(db, id, read),
    tellingsOf(db, insight.decision_id),
  ]);
  const { here, elsewhere } = said;
  const older = here - verbatims.length;
  return { ...reading, now, decides, verbatims, older, elsewhere, places: loop?.places ?? [], told, tellings };
}

function verbatimsOf(
  db: Db,
  { id, decision_id: decisionId }: InsightReading['insight'],
  read: ReturnType<typeof placeIn>,
): Promise<readonly Verbatim[]> {
  return db.any(sql.type(Verbatim)`
    select s.id, w.words, l.place, s.said_at, s.mood, w.offered, s.taken, l.sample,
      ${restsOf(sql.fragment`s.customer_id`)} as rests,
      exists (select from decision_evidence e where e.decision_id = ${decisionId} and e.signal_id = s.id) as cited
    from now.insight_signals x
    join signals s on s.id = x.signal_id
    join loops l on l.id = s.id
    left join words w on w.signal_id = s.id
    where x.insight_id = ${id} and ${read}
    order by l.sample, s.said_at desc, s.id
    limit 100`);
}

/** How many remarks there are that they may read, and that they may not. */
function saidOf(db: Db, id: string, read: ReturnType<typeof placeIn>): Promise<z.infer<typeof SaidRow>> {
  return db.one(sql.type(SaidRow)`
    select count(*) filter (where ${read})::integer as here, count(*) filter (where not ${read})::integer as elsewhere
    from now.insight_signals x join loops l on l.id = x.signal_id
    where x.insight_id = ${id}`);
}

/** Each as they heard best; who was to be called and whose loop is over by now is not called any more. */
function tellingsOf(db: Db, decisionId: string | null): Promise<InsightPage['tellings']> {
  return db.one(sql.type(TellingsRow)`
    with people as (
      select max(case
        when t.channel in ('email', 'sample') and not t.refused then 3
        when t.channel = 'phone' and t.at is not null and z.how is distinct from 'nobody_to_reach' then 2
        when t.channel = 'phone' and t.at is null and z.how is null then 1
        else 0
      end) as heard
      from now.told t
      left join closures z on z.loop_id = t.signal_id and z.round = 1
      where t.decision_id = ${decisionId}
      group by coalesce(t.telling_id, t.signal_id)
    )
    select
      count(*) filter (where heard = 3)::integer as written,
      count(*) filter (where heard = 2)::integer as called,
      count(*) filter (where heard = 1)::integer as "toCall",
      count(*) filter (where heard = 0)::integer as "notTold"
    from people`);
}
