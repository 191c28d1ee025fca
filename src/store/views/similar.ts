/** Open insights that a signal might belong to: merely similar, so they are offered to its owner and never joined by themselves. */

import { z } from 'zod';
import type { Sight } from '../../domain/entitlement.ts';
import { sql, type Db } from '../pool.ts';
import { placeIn } from './sight.ts';

const Similar = z.object({
  id: z.string(),
  kind: z.string(),
  attributes: z.record(z.string(), z.string()),
  people: z.number(),
  /** The first that were said where whoever asks sees them; null when there are none. */
  words: z.string().nullable(),
});
export type Similar = z.infer<typeof Similar>;

/** At most three, the likest first: the same item counts most, then shared attributes, then words in common (stems, without the small words).
 *  An attribute alone (everything green) makes nothing similar. What is asked for, and by how many, is compared all over the company;
 *  words are shown from where `sight` reaches alone. Words that their customer lets rest are neither shown beside those of others nor compared. */
export async function similarInsights(db: Db, signalId: string, sight: Sight): Promise<readonly Similar[]> {
  const rests = sql.fragment`
    exists (select from signals s join now.restrictions r on r.customer_id = s.customer_id where s.id = x.signal_id)`;
  return db.any(sql.type(Similar)`
    with mine as (
      select
        coalesce((select jsonb_object_agg(a.name, a.value) from signal_attributes a where a.signal_id = ${signalId}), '{}') as attributes,
        (select tsvector_to_array(to_tsvector('english', w.words)) from words w where w.signal_id = ${signalId}) as stems
    ),
    theirs as (
      select i.id, i.kind, i.attributes, i.people, first.words, heard.stems
      from now.insights i
      left join lateral (
        select w.words from now.insight_signals x join words w on w.signal_id = x.signal_id join loops l on l.id = x.signal_id
        where x.insight_id = i.id and ${placeIn(sight)} and not ${rests} order by x.joined_at limit 1
      ) first on true
      left join lateral (
        select array_agg(distinct stem) as stems
        from (
          select w.words from now.insight_signals x join words w on w.signal_id = x.signal_id
          where x.insight_id = i.id and not ${rests} order by x.joined_at limit 20
        ) said, unnest(tsvector_to_array(to_tsvector('english', said.words))) as stem
      ) heard on true
      where i.open_to_join and not i.sample
        and not exists (select from insight_signals x where x.insight_id = i.id and x.signal_id = ${signalId})
    ),
    compared as (
      select t.*,
        (t.attributes ->> 'item') is not distinct from (m.attributes ->> 'item') and m.attributes ? 'item' as same_item,
        (select count(*) from jsonb_each_text(t.attributes - 'item') a where m.attributes ->> a.key = a.value) as shared,
        (select count(*) from unnest(t.stems) stem where stem = any(m.stems)) as common,
        coalesce(cardinality(m.stems), 0) as spoken
      from theirs t cross join mine m
    )
    select id, kind, attributes, people, words
    from compared
    where same_item or (common >= 2 and common * 3 >= spoken)
    order by same_item desc, shared desc, common desc, people desc
    limit 3`);
}
