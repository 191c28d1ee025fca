/** No escalation is lost: what is open goes on by itself, and each due rung is taken. Whether each one taken reaches somebody: prompts.ts. */

import { violationsIn, type Check } from './check.ts';
import { plansWithEnds } from './plansWithEnds.ts';

/**
 * Nothing is due while a customer has asked that everything of theirs rests: the stretches in which a loop did not, each up to the next
 * restriction. The first has no beginning, and the one that goes on has no end.
 */
export const stretchesOfWork = `
  stretches as (
    select l.id as loop_id, begins.at as begins_at,
      (select min(r.exercised_at) from rights r
       where r.customer_id = s.customer_id and r.kind = 'restriction'
         and (begins.id is null or (r.exercised_at, r.id) > (begins.at, begins.id))) as ends_at
    from loops l
    left join signals s on s.id = l.id
    cross join lateral (
      select null::uuid as id, null::timestamptz as at
      union all
      select r.id, r.exercised_at from rights r where r.customer_id = s.customer_id and r.kind = 'lifting'
    ) begins
    where not l.sample and l.opened_at >= $1
  )`;

const untaken = `not exists (select from escalations e where e.plan_id = g.plan_id and e.step = g.step and e.repeat = g.repeat)`;

const openGoesOn: Check = {
  invariant: 'I1',
  claim: 'what is not closed goes on by itself: a wake, a rung ahead, a letter under way, or a decision of others',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with ${plansWithEnds},
       ${stretchesOfWork},
       open_loops as (
         select l.id, l.kind, r.round, r.opened_at
         from loops l
         join lateral (select x.round, x.opened_at from rounds x where x.loop_id = l.id order by x.round desc limit 1) r on true
         where not l.sample and l.opened_at >= $1
           and not exists (select from closures z where z.loop_id = l.id and z.round = r.round)
           -- What rests goes on when they lift that.
           and exists (select from stretches t where t.loop_id = l.id and t.ends_at is null)
       ),
       -- That a letter leaves, or fails, is followed by something; of what colleagues are sent nothing follows.
       under_way as (
         select d.loop_id, d.occasion, d.customer_id, d.purpose from deliveries d
         where d.state in ('planned', 'ready', 'sending', 'uncertain', 'needs_human') and d.customer_id is not null
       ),
       standing as (
         select o.* from open_loops o
         where not exists (select from wakes w where w.loop_id = o.id)
           and not exists (
             select from plans_with_ends p join rungs g on g.plan_id = p.id
             where p.loop_id = o.id and p.round = o.round and p.ended_at is null and ${untaken})
           and not exists (select from under_way d where d.loop_id = o.id)
           -- Who spoke twice hears once, through the letter about the other remark.
           and not exists (
             select from told_signals ts
             join tellings t on t.id = ts.telling_id
             join under_way d on d.purpose = 'told' and d.occasion = t.decision_id and d.customer_id = t.customer_id
             where ts.signal_id = o.id)
           -- What others have yet to decide moves it; a call that is owed about what was decided waits for nobody's decision.
           and not (
             exists (select from insight_signals x join open_loops i on i.id = x.insight_id where x.signal_id = o.id)
             and not exists (
               select from told t
               where t.signal_id = o.id and o.round = 1 and t.at is null
                 and not exists (select from told n where n.signal_id = o.id and n.decided_at > t.decided_at)))
           and not exists (
             select from decisions d where d.insight_id = o.id and d.final_at > heed_now() - make_interval(secs => $2)
               and not exists (select from withdrawals w where w.decision_id = d.id))
       )
       select s.id::text as about,
         'Nothing will ever happen to this open ' || s.kind || ' by itself. Run: heed repair ' || s.id || ' --action wake --reason …' as sentence
       from standing s
       -- Whatever is happening to it at this moment has a while to be finished.
       where greatest(
         s.opened_at,
         (select max(r.exercised_at) from rights r join signals g on g.customer_id = r.customer_id where g.id = s.id and r.kind = 'lifting'),
         (select max(o.started_at) from ownerships o where o.loop_id = s.id),
         (select max(e.taken_at) from escalations e join plans p on p.id = e.plan_id where p.loop_id = s.id),
         (select max(a.acknowledged_at) from acknowledgements a where a.loop_id = s.id),
         (select max(f.followed_up_at) from follow_ups f where f.loop_id = s.id),
         (select max(ts.settled_at) from told_signals ts where ts.signal_id = s.id),
         (select max(d.ended_at) from deliveries d where d.loop_id = s.id),
         (select max(d.decided_at) from decisions d where d.insight_id = s.id),
         (select max(t.triaged_at) from triages t where t.signal_id = s.id)
       ) < heed_now() - make_interval(secs => $2)`,
      scope,
    ),
};

const dueRungsAreTaken: Check = {
  invariant: 'I5',
  claim: 'each rung that came due while its wait went on was taken in time',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with ${plansWithEnds},
       ${stretchesOfWork}
       select p.loop_id::text as about,
         'Step ' || g.step || ' (' || g.role || ') of waiting to be ' || p.wait || ' was due and was not taken. See heed stuck; is a worker running?' as sentence
       from plans_with_ends p
       join rungs g on g.plan_id = p.id
       where ${untaken}
         and exists (
           select from stretches t
           where t.loop_id = p.loop_id
             and least(p.ended_at, t.ends_at, heed_now()) > greatest(g.due_at, p.planned_at, p.way_since, t.begins_at) + make_interval(secs => $2))`,
      scope,
    ),
};

/** Rungs that fall due within five seconds of one another are taken together. */
const noRungIsEarly: Check = {
  invariant: 'I5',
  claim: 'no rung was taken before it was due',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `select p.loop_id::text as about,
         'Step ' || g.step || ' (' || g.role || ') of waiting to be ' || p.wait || ' was taken ' || (g.due_at - e.taken_at)::text || ' before it was due. Is a clock wrong?' as sentence
       from escalations e
       join rungs g on g.plan_id = e.plan_id and g.step = e.step and g.repeat = e.repeat
       join plans p on p.id = e.plan_id
       join loops l on l.id = p.loop_id
       where not l.sample and e.taken_at >= $1 and e.taken_at < g.due_at - interval '6 seconds'`,
      scope,
    ),
};

const doubtIsShown: Check = {
  invariant: 'I5',
  claim: 'a letter of which nobody knows whether it was sent is shown to whoever answers for it',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `select d.id::text as about,
         'Nobody knows whether this letter was sent, and nobody was asked. Settle it: heed repair ' || d.loop_id || ' --action resend|leave --reason …' as sentence
       from deliveries d
       where d.state = 'needs_human' and d.customer_id is not null and d.purpose <> 'receipt' and d.planned_at >= $1
         and not exists (
           select from deliveries n
           -- Of this doubt: that it was late or refused is told of a letter, too, and sent again and lost again it is another doubt.
           where n.loop_id = d.loop_id and n.purpose = 'notice' and strpos(n.dedupe_key, ':' || d.id || '.' || d.fence || ':') > 0)`,
      scope,
    ),
};

const nothingIsTriedInVain: Check = {
  invariant: 'I5',
  claim: 'no message has been tried for an hour and never left, nor lain for an hour with nobody trying it',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `select d.id::text as about,
         'This message (' || d.purpose || ', ' || d.channel || ') ' || case d.attempts when 0 then 'found no room to be tried' when 1 then 'was tried once' else 'was tried ' || d.attempts || ' times' end
           || ', for more than an hour, and has not left (' || d.last_error_code || '). See heed stuck; do mail and Slack take anything?' as sentence
       from deliveries d
       where d.state in ('ready', 'sending') and d.planned_at >= $1
         -- Since the first try that failed: none is counted from before it was last held. Nobody waits for the edit of a card, and what has an end of
         -- its own ends by itself.
         and d.failing_since < heed_now() - make_interval(hours => 1) and d.purpose <> 'card' and d.expires_at is null
       union all
       select d.id::text,
         'This message (' || d.purpose || ', ' || d.channel || ', ' || d.state || ') was due more than an hour ago, and nothing has come of it. See in the log of a worker why, or whether one runs.'
       from deliveries d
       where d.state in ('planned', 'ready', 'sending', 'uncertain') and d.planned_at >= $1
         and (d.failing_since is null or d.state = 'uncertain' or d.expires_at is not null)
         and greatest(d.not_before, d.lease_until) < heed_now() - make_interval(hours => 1) and d.purpose <> 'card'`,
      scope,
    ),
};

export const ladderChecks = [openGoesOn, dueRungsAreTaken, noRungIsEarly, doubtIsShown, nothingIsTriedInVain];
