-- Messages that were tried for an hour and never left: put off again and again, or nobody there to take them. Tries are five minutes apart at
-- most, so a dozen is what an hour holds; what was held for days and put off once since is none of these.
create view now.tried_in_vain as
select d.id, d.purpose, d.channel, d.loop_id, d.attempts, d.planned_at, d.last_error_code
from deliveries d
where d.state in ('ready', 'sending')
  and d.attempts >= 12
  and d.planned_at <= heed_now() - interval '1 hour'
  -- Held for a reason of ours, which is none of theirs: `holds` in domain/objection.ts.
  and d.last_error_code not in ('quiet_hours', 'cap', 'restricted', 'stopped', 'decided_anew')
  -- Nobody waits for the edit of a card.
  and d.purpose <> 'card';
