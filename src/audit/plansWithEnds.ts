/** Plans of real loops, and since when each has been over: met, replaced, or its round closed. Told from the tables alone, by rules of its own:
 *  where this and domain/loop.ts disagree, one of them is wrong. */

export const plansWithEnds = `
  -- Every way to a customer that they agreed to and gave, since when it is good, and since when it is stopped (by any reading of it) or known, by a
  -- call since then, to be somebody else's. Not kept: it is asked of one signal at a time.
  ways as not materialized (
    select w.*, least(w.stopped_at, w.wrong_at) as lost_at
    from (
      -- Somebody vouched for it after mail had bounced there: as if it had been given then.
      select c.signal_id, i.kind, greatest(i.added_at, vouched.at) as added_at,
        case when i.kind = 'phone' then (
          select min(k.called_at) from calls k
          where k.loop_id = c.signal_id and k.outcome = 'wrong_number' and k.called_at >= i.added_at) end as wrong_at,
        (select min(u.suppressed_at) from identities j
         join suppressions u on u.channel = j.kind and u.address_hash = sha256(convert_to(j.normalised, 'UTF8'))
         where j.customer_id = i.customer_id and j.kind = i.kind and j.value = i.value
           and (u.cause <> 'bounced' or coalesce(u.suppressed_at > vouched.at, true))) as stopped_at
      from consents c
      join signals s on s.id = c.signal_id
      join identities i on i.customer_id = s.customer_id and i.kind = c.channel
      cross join lateral (
        select max(v.vouched_at) as at from vouchings v where v.address_hash = sha256(convert_to(i.normalised, 'UTF8'))
      ) vouched
    ) w
  ),
  answers as not materialized (
    select f.loop_id, f.round,
      case
        -- A letter that was refused for good, or kept back, answered nobody who can still be called,
        when (last.state = 'bounced' or last.state = 'failed' and last.last_error_code like 'smtp%' or last.state = 'suppressed')
          -- (whoever says that it was not them is neither written to nor called),
          and not exists (select from disavowals x where x.signal_id = f.loop_id)
          -- (what was closed as it ended stays so: Heed 0.1 called nobody),
          and not exists (
            select from closures z
            where z.loop_id = f.loop_id and z.round = f.round and z.closed_at < last.ended_at + interval '1 minute')
          and (
            exists (select from ways w where w.signal_id = f.loop_id and w.kind = 'phone' and w.lost_at is null)
            -- or whose address was put right, or vouched for, before it was given up.
            or exists (
              select from ways w
              where w.signal_id = f.loop_id and w.kind = 'email' and w.lost_at is null
                -- Nothing was wrong with the address of what never left because the day that it promised was over, or was given up alone.
                and (w.added_at > last.planned_at or last.last_error_code in ('promise_over', 'left_unsent'))
                and not exists (select from closures z where z.loop_id = f.loop_id and z.round = f.round and z.closed_at < w.added_at)))
        then (
          select min(k.called_at) from calls k
          where k.loop_id = f.loop_id and k.round = f.round and k.purpose = 'answer' and k.outcome = 'reached')
        -- Another letter in its place is the answer.
        else greatest(f.followed_up_at, last.planned_at)
      end as at
    from follow_ups f
    left join lateral (
      select d.state, d.last_error_code, d.planned_at, d.ended_at from deliveries d
      where f.channel = 'email' and d.loop_id = f.loop_id and d.purpose = 'answer' and d.occasion = f.id
      order by d.planned_at desc, d.id desc
      limit 1
    ) last on true
  ),
  -- What each customer was told of each decision, and when they heard it: by a letter, unless that was refused for good, or kept back, and they
  -- can still be called; or by the first call about any of what they said that reached them, or found that this number is somebody else's.
  told as not materialized (
    select t.*,
      case
        when t.channel = 'phone'
          or (last.state = 'bounced' or last.state = 'failed' and last.last_error_code like 'smtp%' or last.state = 'suppressed')
            and not exists (select from disavowals x where x.signal_id = t.signal_id)
            and exists (select from ways w where w.signal_id = t.signal_id and w.kind = 'phone' and w.lost_at is null)
            and not exists (
              select from closures z
              where z.loop_id = t.signal_id and z.round = 1 and z.closed_at < last.ended_at + interval '1 minute')
            -- An address that was put right or vouched for since makes no letter of it. One that takes mail, where it was kept back, does: it
            -- went by another remark, which was not theirs. What was given up alone went to nobody.
            and not (last.state = 'suppressed' and last.last_error_code is distinct from 'left_unsent' and exists (
              select from ways w
              where w.signal_id = t.signal_id and w.kind = 'email' and w.lost_at is null and w.added_at <= last.planned_at))
        then t.called_at
        else t.settled_at
      end as at
    from (
      select ts.signal_id, ts.telling_id, ts.decision_id, ts.settled_at, d.decided_at, x.customer_id, x.channel,
        (select min(k.called_at)
         from signals g
         join told_signals o on o.signal_id = g.id and o.decision_id = ts.decision_id and o.telling_id = ts.telling_id
         join calls k on k.loop_id = g.id and k.purpose = 'told'
         where g.customer_id = x.customer_id
           and (k.outcome = 'reached' or k.outcome = 'wrong_number' and g.id = ts.signal_id)) as called_at
      from told_signals ts
      join decisions d on d.id = ts.decision_id
      left join tellings x on x.id = ts.telling_id
      -- That they had heard an earlier version is what ends it where nothing else was said to them about this remark.
      where coalesce(ts.reason, '') <> 'closed'
        and (coalesce(ts.reason, '') <> 'told_before' or not exists (
          select from told_signals o where o.signal_id = ts.signal_id and coalesce(o.reason, '') not in ('told_before', 'closed')))
    ) t
    left join lateral (
      select d.state, d.last_error_code, d.planned_at, d.ended_at from deliveries d
      where t.channel = 'email' and d.customer_id = t.customer_id and d.purpose = 'told' and d.occasion = t.decision_id
      order by d.planned_at desc, d.id desc
      limit 1
    ) last on true
  ),
  plans_with_ends as (
    select p.id, p.loop_id, p.round, p.wait, p.planned_at,
      least(
        (select min(q.planned_at) from plans q
         where q.loop_id = p.loop_id and q.round = p.round and q.wait = p.wait and (q.planned_at, q.id) > (p.planned_at, p.id)),
        (select z.closed_at from closures z where z.loop_id = p.loop_id and z.round = p.round),
        case when p.wait = 'reviewed' then (select v.reviewed_at from reviews v where v.signal_id = p.loop_id) end,
        case when p.wait = 'acknowledged' then least(
          (select a.acknowledged_at from acknowledgements a where a.ownership_id = p.occasion),
          (select o.ended_at from ownerships o where o.id = p.occasion)) end,
        case when p.wait in ('acknowledged', 'answered') then least(
          (select a.at from answers a where a.loop_id = p.loop_id and a.round = p.round),
          (select min(t.at) from told t where t.signal_id = p.loop_id and p.round = 1)) end,
        -- With the last way to the customer the answer is gone; having nobody to reach is recorded once somebody has taken it.
        case when p.wait = 'answered' then least(
          (select x.disavowed_at from disavowals x where x.signal_id = p.loop_id), way.lost_at) end,
        -- To be told by a call, until one was made or something else is told to them; or what was promised, until something was told to them.
        case when p.wait = 'told' then case
          when exists (select from tellings t where t.id = p.occasion) then least(
            (select t.called_at from told t where t.signal_id = p.loop_id and t.telling_id = p.occasion),
            (select min(n.settled_at) from told n
             where n.signal_id = p.loop_id
               and n.decided_at > (select t.decided_at from told t where t.signal_id = p.loop_id and t.telling_id = p.occasion)))
          else (select min(t.settled_at) from told t where t.signal_id = p.loop_id and p.round = 1) end end,
        case when p.wait in ('decided', 'acknowledged') then decided.at end,
        case when p.wait = 'completed' then least(
          (select c.completed_at from completions c where c.decision_id = p.occasion),
          (select min(d.decided_at) from decisions d
           where d.insight_id = p.loop_id and d.decided_at > (select x.decided_at from decisions x where x.id = p.occasion))) end
      ) as ended_at,
      -- Where an address was put right, nothing was due until there was one.
      way.given_at as way_since
    from plans p
    join loops l on l.id = p.loop_id
    cross join lateral (
      select min(d.decided_at) as at from decisions d
      where d.insight_id = p.loop_id and d.outcome <> 'deferred' and d.decided_at >= p.planned_at
        and not exists (select from withdrawals w where w.decision_id = d.id)
    ) decided
    -- An address they agreed to be reached at, which nobody has stopped: while one is left, it does not matter what became of the others.
    cross join lateral (
      select
        min(w.added_at) filter (where w.lost_at is null) as given_at,
        case when not coalesce(bool_or(w.lost_at is null), false) then coalesce(
          -- What had been stopped before it was theirs never was a way.
          max(least(case when w.stopped_at > w.added_at then w.stopped_at end, w.wrong_at)),
          -- It was taken away, or another was put in its place that is stopped, too: what was lost, and when, is not held any more.
          (select min(r.exercised_at) from rights r join signals s on s.customer_id = r.customer_id
           where s.id = p.loop_id and r.kind in ('objection', 'rectification') and r.exercised_at >= l.opened_at)) end as lost_at
      from ways w
      where w.signal_id = p.loop_id and p.wait = 'answered'
    ) way
    where not l.sample and l.opened_at >= $1
  )`;
