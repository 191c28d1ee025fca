-- A relay that still tells a former Temporal carries some of what is woken there, after the new one was told everything, and its loops stood still
-- for ever: since when an engine has known all that is open says whether another one was at work after that.
alter table engines add column rebuilt_at timestamptz not null default heed_now();
