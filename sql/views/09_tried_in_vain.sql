-- Messages that have been tried for an hour and have not left: put off again and again, or nobody there to take them. It is counted from the
-- first try that failed, anew after each hold; what is held is not tried.
create view now.tried_in_vain as
select d.id, d.message_id, d.purpose, d.channel, d.loop_id, d.attempts, d.planned_at, d.failing_since, d.last_error_code
from deliveries d
where d.state in ('ready', 'sending')
  and d.failing_since <= heed_now() - interval '1 hour'
  -- Nobody waits for the edit of a card; and what has an end of its own comes to it without anybody.
  and d.purpose <> 'card' and d.expires_at is null;
