-- The answer of each round, as far as it is one. A letter that was refused for good, or kept back because there was no way to them by mail when
-- it was to go, has answered nobody: while the round is open and there is another way to them, an answer is owed. The call that reaches them is it; or, where
-- their address has been put right or vouched for since, another letter, for which the round has the same follow-up on record. So it is by any way
-- there is where the letter was kept back though nothing was wrong with the way to them.
create view now.answers as
select
  f.id,
  f.loop_id,
  f.round,
  f.rule,
  f.final,
  case when call.called_at is null then f.channel else 'phone' end as channel,
  coalesce(call.by, anew.by, f.by) as by,
  coalesce(call.called_at, anew.at, f.followed_up_at) as answered_at
from follow_ups f
left join lateral (
  select k.by, k.called_at from calls k
  where f.channel = 'email' and k.loop_id = f.loop_id and k.round = f.round and k.purpose = 'answer' and k.outcome = 'reached'
  order by k.called_at, k.id
  limit 1
) call on true
left join lateral (
  select d.planned_at, now.is_refused(d.state, d.last_error_code) as is_refused,
    case when now.is_unsent(d.last_error_code) then '-infinity' else d.planned_at end as way_lost_at
  from deliveries d
  where f.channel = 'email' and d.loop_id = f.loop_id and d.purpose = 'answer' and d.occasion = f.id
  order by d.planned_at desc, d.id desc
  limit 1
) letter on true
-- In the place of a letter before it. Whoever answers holds it from then on.
left join lateral (
  select o.staff as by, letter.planned_at as at from ownerships o
  where o.loop_id = f.loop_id and o.started_at <= letter.planned_at
    and exists (
      select from deliveries d
      where d.loop_id = f.loop_id and d.purpose = 'answer' and d.occasion = f.id and d.planned_at < letter.planned_at)
  order by o.started_at desc
  limit 1
) anew on true
where not (
  letter.is_refused is true
  and call.called_at is null
  and not exists (select from closures z where z.loop_id = f.loop_id and z.round = f.round)
  and now.another_way(f.loop_id, letter.way_lost_at)
);
