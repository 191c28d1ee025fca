-- now() is the moment at which a transaction began, and one that then waited for another fact of its loop would be dated before it. So whoever
-- has locked a loop takes the moment anew, for the whole transaction.
create or replace function heed_now() returns timestamptz language sql stable as
  $$ select coalesce(nullif(current_setting('heed.moment', true), '')::timestamptz, now()) $$;

create function heed_take_moment() returns timestamptz language plpgsql volatile as $$
begin
  perform set_config('heed.moment', clock_timestamp()::text, true);
  return heed_now();
end $$;
