-- Whether a letter of which this is known has reached nobody for good: its mail server refused it, or it was kept back because there was no way
-- to them by mail when it was to go, or the day that it promised was over. Letters of sample history are never sent, and count as they were approved.
create function now.is_refused(state text, code text) returns boolean
language sql immutable
return state = 'bounced' or state = 'failed' and starts_with(code, 'smtp_') or state = 'suppressed' and code <> 'sample';
