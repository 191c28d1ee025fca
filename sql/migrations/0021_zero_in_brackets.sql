-- "+31 (0)6 …" is the number "+31 6 …", and was taken for another: whoever gave it that way is known by it, and their objection holds for it.
-- A fact stays as it was recorded, so the number stands beside it.
with spelled_anew as (
  select i.customer_id, i.value, i.normalised as before, i.added_at, spelled.number
  from identities i
  join customers c on c.id = i.customer_id and not c.sample
  -- Blanks as the code knows them; what Postgres takes for one depends on the database.
  cross join lateral (
    select regexp_replace(i.value, '[\s\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]', ' ', 'g') as value
  ) plain
  cross join lateral (
    select regexp_replace(
      regexp_replace(
        regexp_replace(plain.value, '^([\s(]*(?:\+|00)[\s.\-/(]{0,3}\d{1,3}[\s.\-/)]{0,3})\(\s{0,3}0\s{0,3}\)', '\1'),
        '[\s().\-/]', '', 'g'),
      '^00', '+') as number
  ) spelled
  where i.kind = 'phone' and spelled.number <> i.normalised
),
known as (
  insert into identities (id, customer_id, kind, value, normalised, added_at)
  select gen_random_uuid(), customer_id, 'phone', value, number, added_at from spelled_anew
  on conflict do nothing
)
insert into suppressions (id, address_hash, channel, cause)
select gen_random_uuid(), sha256(convert_to(s.number, 'UTF8')), 'phone', p.cause
from spelled_anew s
join suppressions p on p.channel = 'phone' and p.address_hash = sha256(convert_to(s.before, 'UTF8'))
on conflict do nothing;
