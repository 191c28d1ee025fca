/** No escalation is lost: what is open goes on by itself, each due rung is taken, and each one taken reaches somebody. */

import { violationsIn, type Check } from './check.ts';
import { plansWithEnds } from './plansWithEnds.ts';

/**
 * Nothing is due while a customer has asked that everything of theirs rests: the stretches in which a loop did not, each up to the next
 * restriction. The first has no beginning, and the one that goes on has no end.
 */
const stretchesOfWork = `
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
  claim: 'what is not closed goes on by itself: a wake, a rung ahead, a message under way, or a decision of others',
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
       under_way as (
         select d.loop_id, d.occasion, d.customer_id, d.purpose from deliveries d
         where d.state in ('planned', 'ready', 'sending', 'uncertain', 'needs_human')
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

const escalationsReachSomebody: Check = {
  invariant: 'I5',
  claim: 'each escalation is a message that was delivered, or ended for a recorded reason and went by the next channel',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `with ${plansWithEnds},
       ${stretchesOfWork},
       prompted as (
         select p.id as plan_id, p.loop_id, e.staff, e.taken_at,
           'prompt:' || p.loop_id || ':' || p.round || ':' || e.plan_id || '.' || e.step || '.' || e.repeat || ':' || e.staff || ':' as key
         from escalations e
         join plans p on p.id = e.plan_id
         join loops l on l.id = p.loop_id
         where not l.sample and not e.collapsed and e.staff is not null and e.taken_at >= $1
       )
       select x.loop_id::text as about, 'It was escalated to ' || x.staff || ', and no message was ever planned. Tell them.' as sentence
       from prompted x
       where not exists (select from deliveries d where d.loop_id = x.loop_id and starts_with(d.dedupe_key, x.key))
       union all
       select d.id::text, 'This prompt waits far too long to be delivered (' || d.state || coalesce(', ' || d.last_error_code, '') || '). See heed stuck.'
       from prompted x
       join deliveries d on d.loop_id = x.loop_id and starts_with(d.dedupe_key, x.key)
       where d.state in ('planned', 'ready', 'sending', 'uncertain') and d.not_before <= heed_now()
         -- What was tried once at most is late from when it was let go: it may have been held until a moment ago.
         and case when d.attempts <= 1 then greatest(x.taken_at, d.not_before) else x.taken_at end
           -- A hand-over may take twelve minutes, and doubt two.
           < heed_now() - make_interval(secs => $2 + 15 * 60)
       union all
       select d.id::text, 'Slack did not take this prompt (' || d.state || '), and no e-mail took its place. Tell ' || x.staff || '.'
       from prompted x
       join deliveries d on d.loop_id = x.loop_id and d.dedupe_key = x.key || 'slack'
       where d.state in ('failed', 'expired', 'suppressed', 'bounced', 'complained', 'needs_human')
         and not exists (select from deliveries m where m.dedupe_key = x.key || 'email')
       union all
       select d.id::text, 'This prompt was given up, and nothing says why.'
       from prompted x
       join deliveries d on d.loop_id = x.loop_id and starts_with(d.dedupe_key, x.key)
       where d.state in ('failed', 'expired', 'suppressed') and d.last_error_code is null
       union all
       select d.id::text,
         'This prompt was called off (' || coalesce(d.last_error_code, 'nothing says why') || '), and what it asked for was still waited for. Tell ' || x.staff || '.'
       from prompted x
       join plans_with_ends p on p.id = x.plan_id
       join deliveries d on d.loop_id = x.loop_id and starts_with(d.dedupe_key, x.key)
       where d.state = 'cancelled' and ${calledOffForNothing}`,
      scope,
    ),
};

/** Of a prompt d of the plan p: nothing in the tables makes it void. What is said of it (met, left …) is believed of none, but where the fact is. */
const calledOffForNothing = `
  coalesce(p.ended_at > d.ended_at + make_interval(secs => $2), true)
  -- Who is answerable changed with it.
  and not exists (
    select from ownerships o
    where o.loop_id = d.loop_id and o.started_at > d.planned_at and o.started_at between d.ended_at - interval '1 second' and d.ended_at)
  -- It did not rest,
  and exists (
    select from stretches t
    where t.loop_id = d.loop_id and coalesce(t.begins_at <= d.ended_at, true) and coalesce(t.ends_at > d.ended_at, true))
  -- there was a way to the customer,
  and coalesce(p.way_since <= d.ended_at, true)
  -- no letter was on its way that answered it then, or told what was decided, though it was refused or kept back since,
  and not (p.wait in ('acknowledged', 'answered') and exists (
    select from follow_ups f
    join deliveries l on l.loop_id = f.loop_id and l.purpose = 'answer' and l.occasion = f.id
    where f.loop_id = d.loop_id and f.round = p.round and l.planned_at <= d.ended_at and coalesce(l.ended_at >= d.ended_at, true)))
  and not (p.wait in ('acknowledged', 'answered') and exists (
    select from told t
    join deliveries l on l.customer_id = t.customer_id and l.purpose = 'told' and l.occasion = t.decision_id
    where t.signal_id = d.loop_id and p.round = 1 and l.planned_at <= d.ended_at and coalesce(l.ended_at >= d.ended_at, true)))
  -- and no decision, which was taken back afterwards.
  and not exists (
    select from decisions k join withdrawals w on w.decision_id = k.id
    where k.insight_id = d.loop_id and k.decided_at <= d.ended_at and w.withdrawn_at >= d.ended_at)
  and not case d.last_error_code
    -- The digest is another claim's, and so is what became of the later prompt this one's.
    when 'bundled' then true
    when 'asked_again' then exists (
      select from deliveries n
      where n.purpose = 'prompt' and n.loop_id = d.loop_id and n.staff = d.staff and n.planned_at > d.planned_at)
    -- They gave it away since it was planned (in Slack, where an e-mail takes its place), and do not hold it again.
    when 'handed_over' then exists (
      select from ownerships o
      where o.loop_id = d.loop_id and o.staff = d.staff and o.ended_at <= d.ended_at
        and o.ended_at > (
          select min(x.planned_at) from deliveries x
          where x.dedupe_key in (d.dedupe_key, regexp_replace(d.dedupe_key, ':email$', ':slack'))))
      and not exists (
        select from ownerships n
        where n.loop_id = d.loop_id and n.staff = d.staff and n.started_at <= d.ended_at and coalesce(n.ended_at > d.ended_at, true))
    when 'left' then exists (
      select from configurations c
      where c.applied_at <= d.ended_at and c.document -> 'staff' -> d.staff is null
        and not exists (select from configurations n where n.version > c.version and n.applied_at <= d.planned_at))
    else false
  end`;

const digestsNameWhatTheyTook: Check = {
  invariant: 'I5',
  claim:
    'what somebody was not called for singly is named in a digest that was sent, is on its way, or ended for a recorded reason',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `select d.id::text as about, 'This was to be told to ' || d.staff || ' in a digest, and none was sent. Tell them.' as sentence
       from deliveries d
       where d.purpose = 'prompt' and d.last_error_code = 'bundled' and d.planned_at >= $1
         and not exists (
           select from deliveries g
           where g.purpose = 'digest' and g.occasion = d.bundled_into
             and (g.state in ('sent', 'delivered')
               -- Nothing of it waited any more, or they are one of us no longer.
               or g.state = 'cancelled' and g.last_error_code in ('met', 'left')
               -- Refused for good, as any prompt may be: there is no other channel after e-mail, and the ladder climbs.
               or g.state = 'failed' and g.channel = 'email' and g.last_error_code is not null
               or g.state in ('planned', 'ready', 'sending', 'uncertain')
                 and g.not_before > heed_now() - make_interval(secs => $2 + 15 * 60)))`,
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
           where n.loop_id = d.loop_id and n.purpose = 'notice' and strpos(n.dedupe_key, d.id::text) > 0)`,
      scope,
    ),
};

const nothingIsTriedInVain: Check = {
  invariant: 'I5',
  claim: 'no message has been tried for an hour and never left',
  find: (db, _, scope) =>
    violationsIn(
      db,
      `select d.id::text as about,
         'This message (' || d.purpose || ', ' || d.channel || ') was tried ' || d.attempts || ' times, for more than an hour, and has not left (' || d.last_error_code
           || '). See heed stuck; do mail and Slack take anything?' as sentence
       from deliveries d
       where d.state in ('ready', 'sending') and d.planned_at >= $1
         -- Since the first try that failed: none is counted from before it was last held. Nobody waits for the edit of a card.
         and d.failing_since < heed_now() - make_interval(hours => 1) and d.purpose <> 'card'`,
      scope,
    ),
};

export const ladderChecks = [
  openGoesOn,
  dueRungsAreTaken,
  noRungIsEarly,
  escalationsReachSomebody,
  digestsNameWhatTheyTook,
  doubtIsShown,
  nothingIsTriedInVain,
];
