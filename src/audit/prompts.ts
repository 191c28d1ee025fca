/** Each rung that is taken reaches somebody: by a prompt of its own, by that of a higher one that was due with it, or named in a digest. */

import { violationsIn, type Check } from './check.ts';
import { stretchesOfWork } from './ladders.ts';
import { plansWithEnds } from './plansWithEnds.ts';

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
       where d.state = 'cancelled' and ${calledOffForNothing}
       union all
       -- One message stands for several rungs that are due together: those that it did not call for any more were to be called for by another.
       select d.id::text,
         'This prompt was called off (' || coalesce(d.last_error_code, 'nothing says why') || '), and another step that it stood for was still waited for. Tell ' || e.staff || '.'
       from prompted x
       join deliveries d on d.loop_id = x.loop_id and starts_with(d.dedupe_key, x.key)
       join plans_with_ends p on p.loop_id = x.loop_id
       join escalations e on e.plan_id = p.id and e.collapsed and e.staff is not null and e.taken_at = x.taken_at
       where d.state = 'cancelled' and ${calledOffForNothing}
         and not exists (
           select from deliveries n
           where n.loop_id = d.loop_id and n.purpose = 'prompt' and n.planned_at >= x.taken_at
             and (n.occasion = p.id or n.state <> 'cancelled' and n.staff in (e.staff, d.staff)))
         -- Whoever gave it away since has done their part.
         and not exists (
           select from ownerships o where o.loop_id = d.loop_id and o.staff = e.staff and o.ended_at between e.taken_at and d.ended_at)
       union all
       -- So it is of one that nobody got.
       select d.id::text,
         'This prompt reached nobody (' || d.last_error_code || '), and nobody else was called for a step that it stood for. Tell ' || e.staff || '.'
       from prompted x
       join ${reachedNobody} d on d.loop_id = x.loop_id and starts_with(d.dedupe_key, x.key)
       join plans_with_ends p on p.loop_id = x.loop_id
       join escalations e on e.plan_id = p.id and e.collapsed and e.staff <> d.staff and e.taken_at = x.taken_at
       where ${stillWaitedFor}
         -- Whoever was called at the same moment, or has been since, singly or by a digest, hears of it.
         and not exists (
           select from deliveries n
           where n.loop_id = d.loop_id and n.purpose = 'prompt' and n.id <> d.id and n.planned_at >= x.taken_at
             and (n.state not in ('failed', 'cancelled', 'expired') or n.staff = e.staff and n.occasion = p.id
               or n.last_error_code = 'bundled' and exists (
                 select from deliveries g
                 where g.purpose = 'digest' and g.occasion = n.bundled_into and g.state not in ('failed', 'cancelled', 'expired'))))
         and not exists (
           select from ownerships o where o.loop_id = d.loop_id and o.staff = e.staff and o.ended_at between e.taken_at and d.ended_at)`,
      scope,
    ),
};

/** Prompts that reached nobody, and when that was certain: their person had left, or they were refused for good by e-mail, or given up, singly or with
 *  the digest that was to name them. What rested then was to call somebody from when it went on. */
const reachedNobody = `(
  select n.id, n.loop_id, n.dedupe_key, n.staff, n.planned_at, goes_on.at as ended_at, n.last_error_code
  from (
    select d.id, d.loop_id, d.dedupe_key, d.staff, d.planned_at, d.ended_at, d.last_error_code
    from deliveries d
    where d.purpose = 'prompt'
      and (d.state = 'failed' and d.channel = 'email' or d.state = 'expired' and d.last_error_code = 'too_late' or d.state = 'cancelled' and d.last_error_code = 'left')
    union all
    select d.id, d.loop_id, d.dedupe_key, d.staff, d.planned_at, g.ended_at, g.last_error_code
    from deliveries d
    join deliveries g on g.purpose = 'digest' and g.occasion = d.bundled_into
    where d.purpose = 'prompt' and d.last_error_code = 'bundled'
      and (g.state = 'failed' and g.channel = 'email' or g.state = 'expired' and g.last_error_code = 'too_late')
  ) n
  cross join lateral (
    select min(greatest(t.begins_at, n.ended_at)) as at from stretches t
    where t.loop_id = n.loop_id and coalesce(t.ends_at > n.ended_at, true)
  ) goes_on
  where goes_on.at is not null)`;

/** When a prompt d ended, the plan p had not, and nobody knew that it was about to. */
const stillWaitedFor = `
  coalesce(p.ended_at > d.ended_at + make_interval(secs => $2), true)
  -- Whoever it was for gave it away, or lost it, at that moment.
  and not exists (
    select from ownerships o
    where o.loop_id = d.loop_id and o.staff = d.staff and o.ended_at > d.planned_at and o.ended_at between d.ended_at - interval '1 second' and d.ended_at)
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
    where k.insight_id = d.loop_id and k.decided_at <= d.ended_at and w.withdrawn_at >= d.ended_at)`;

/** Of a prompt d of the plan p: nothing in the tables makes it void. What is said of it (met, left …) is believed of none, but where the fact is. */
const calledOffForNothing = `${stillWaitedFor}
  and not case d.last_error_code
    -- The digest is another claim's, and so is what became of the later prompt this one's: but where that was met before it left, this one was to call.
    when 'bundled' then true
    when 'asked_again' then exists (
      select from deliveries n
      where n.purpose = 'prompt' and n.loop_id = d.loop_id and n.staff = d.staff and n.planned_at > d.planned_at
        and (n.last_error_code is distinct from 'met' or coalesce(p.ended_at <= n.ended_at + make_interval(secs => $2), false)))
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
           where g.purpose = 'digest' and g.occasion = d.bundled_into and g.staff = d.staff
             and (g.state in ('sent', 'delivered')
               -- Nothing of it waited any more, or they are one of us no longer.
               or g.state = 'cancelled' and g.last_error_code in ('met', 'left')
               -- Refused for good, as any prompt may be: there is no other channel after e-mail, and the ladder climbs.
               or g.state = 'failed' and g.channel = 'email' and g.last_error_code is not null
               -- So it is where an operator gave it up.
               or g.state = 'expired' and g.channel = 'email' and g.last_error_code = 'too_late'
               or g.state in ('planned', 'ready', 'sending', 'uncertain')
                 and g.not_before > heed_now() - make_interval(secs => $2 + 15 * 60)))`,
      scope,
    ),
};

export const promptChecks = [escalationsReachSomebody, digestsNameWhatTheyTook];
