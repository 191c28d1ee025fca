-- Promises that a customer may have read or heard. What a letter promised that never left was promised to nobody;
-- one that somebody had sent again may have arrived before that.
create view now.made_promises as
select p.*
from promises p
where not exists (
  select from deliveries d
  where d.loop_id = p.loop_id and d.purpose = 'answer' and d.occasion = p.follow_up_id and d.planned_at = p.promised_at
    and now.is_unsent(d.last_error_code)
    and not exists (
      select from repairs r where r.loop_id = d.loop_id and r.delivery_id = d.id and r.action = 'resend' offset 0));
