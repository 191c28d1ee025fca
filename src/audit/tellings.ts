/** Everybody who asked, and everybody who heard it, is told what was decided, or it is recorded why not. */

import { violationsIn, type Check } from './check.ts';

const everybodyIsTold: Check = {
  invariant: 'I1',
  claim:
    'before an insight is closed every customer who asked and every colleague who captured it was told, or it says why not',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with told as (
         select distinct on (d.insight_id) d.id, d.insight_id
         from decisions d
         join loops l on l.id = d.insight_id
         join closures z on z.loop_id = d.insight_id and z.how in ('completed', 'declined')
         where not l.sample and l.opened_at >= $1 and d.outcome <> 'deferred' and d.decided_at <= z.closed_at
           and not exists (select from withdrawals w where w.decision_id = d.id)
         order by d.insight_id, d.version desc
       ),
       asked as (
         select t.id as decision_id, x.signal_id, s.captured_by
         from told t
         join insight_signals x on x.insight_id = t.insight_id
         join signals s on s.id = x.signal_id
         join loops l on l.id = s.id
         where not l.sample
           -- Moved on to another insight by a person.
           and not exists (select from insight_signals y where y.signal_id = x.signal_id and y.joined_by is not null and y.joined_at > x.joined_at)
       )
       select a.signal_id::text as about, 'What this customer asked for was decided, and nothing says whether they were told. Tell them.' as sentence
       from asked a
       where not exists (select from told_signals ts where ts.decision_id = a.decision_id and ts.signal_id = a.signal_id)
       union all
       select a.signal_id::text, 'Whoever captured this was not told what was decided, and nothing says why. Tell ' || a.captured_by || '.'
       from asked a
       where a.captured_by is not null
         and not exists (select from tellings t where t.decision_id = a.decision_id and t.staff = a.captured_by)`,
      scope,
    ),
};

const tellingsAreMessages: Check = {
  invariant: 'I1',
  claim: 'each telling by letter or Slack is a message in the ledger',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `select t.id::text as about, 'It counts as told by ' || t.channel || ', and no such message was ever planned.' as sentence
       from tellings t
       join loops l on l.id = t.signal_id
       where not l.sample and t.told_at >= $1 and t.channel in ('email', 'slack')
         and not exists (
           select from deliveries d
           where d.occasion = t.decision_id
             and (t.customer_id is not null and d.purpose = 'told' and d.customer_id = t.customer_id
               or t.staff is not null and d.purpose = 'news' and d.staff = t.staff))`,
      scope,
    ),
};

export const tellingChecks = [everybodyIsTold, tellingsAreMessages];
