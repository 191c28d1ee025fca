-- The letter that was to say something to somebody. Whoever spoke more than once is told by one letter about all of it; where this one's own was
-- kept back, another that went by another remark of theirs says nothing of it.
create function now.last_letter(channel text, purpose text, occasion uuid, customer uuid, loop uuid)
returns table (id uuid, state text, ended_at timestamptz, last_error_code text)
language sql stable
begin atomic
  select d.id, d.state, d.ended_at, d.last_error_code
  from deliveries d
  where last_letter.channel = 'email' and d.customer_id = last_letter.customer
    and d.purpose = last_letter.purpose and d.occasion = last_letter.occasion
  order by d.loop_id = last_letter.loop desc, d.planned_at desc, d.id desc
  limit 1;
end;

-- Whether the call that was to say it found somebody else's number. It stays so when the number is put right afterwards.
create function now.last_call(channel text, purpose text, loop uuid, round integer)
returns table (wrong_number boolean)
language sql stable
begin atomic
  select last_call.channel = 'phone' and (
    select c.outcome from calls c
    where c.loop_id = last_call.loop and c.round = last_call.round and c.purpose = last_call.purpose and c.outcome <> 'no_reply'
    order by c.called_at desc, c.id desc
    limit 1
  ) is not distinct from 'wrong_number';
end;
