-- The way to each signal's customer, if there is one now: they agreed, gave an address, and have not withdrawn either.
create view now.reach as
select
  s.id as signal_id,
  s.customer_id,
  way.channel,
  way.address,
  -- Since when it is good: since they gave it, or somebody vouched for it, whichever was later.
  greatest(way.added_at, (
    select max(v.vouched_at) from vouchings v where v.address_hash = sha256(convert_to(way.normalised, 'UTF8')))) as since,
  case
    when s.customer_id is null then 'nobody'
    when disavowed.signal_id is not null then 'not_me'
    when not exists (select from consents c where c.signal_id = s.id) then 'no_consent'
    when way.channel is null and exists (
      select from identities i
      join consents c on c.signal_id = s.id and c.channel = i.kind
      where i.customer_id = s.customer_id and i.kind = 'phone' and i.added_at <= wrong.called_at
    ) then 'wrong_number'
    when way.channel is null and exists (
      select from identities i
      join consents c on c.signal_id = s.id and c.channel = i.kind
      join now.suppressions p on p.channel = i.kind and p.address_hash = sha256(convert_to(i.normalised, 'UTF8')) and p.cause <> 'bounced'
      where i.customer_id = s.customer_id
    ) then 'suppressed'
    -- Nobody asked us to stop: their address takes no mail.
    when way.channel is null and exists (
      select from identities i
      join consents c on c.signal_id = s.id and c.channel = i.kind
      where i.customer_id = s.customer_id
    ) then 'bounced'
    when way.channel is null then 'no_address'
  end as why_not,
  -- Whether they can be called, whatever else would reach them.
  coalesce(way.by_phone, false) as by_phone
from signals s
left join disavowals disavowed on disavowed.signal_id = s.id
-- Somebody called last, and it was not theirs. A number that was put right since is another one.
cross join lateral (
  select max(k.called_at) as called_at from calls k
  where k.loop_id = s.id and k.outcome = 'wrong_number'
    and not exists (
      select from calls l where l.loop_id = k.loop_id and l.outcome = 'reached' and l.called_at > k.called_at)
) wrong
left join lateral (
  select c.channel, i.value as address, i.normalised, i.added_at, bool_or(c.channel = 'phone') over () as by_phone
  from consents c
  join identities i on i.customer_id = s.customer_id and i.kind = c.channel
  where c.signal_id = s.id
    and disavowed.signal_id is null
    and (c.channel = 'phone' and i.added_at <= wrong.called_at) is not true
    -- A number may be known by two readings of it (migration 0021): who objected to the one is not called by the other.
    and not exists (
      select from identities j
      join now.suppressions p on p.channel = j.kind and p.address_hash = sha256(convert_to(j.normalised, 'UTF8'))
      where j.customer_id = i.customer_id and j.kind = i.kind and j.value = i.value
    )
  -- A letter before a call.
  order by c.channel, i.added_at desc, i.id
  limit 1
) way on true;
