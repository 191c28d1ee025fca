-- The list of what was said at a place with few remarks read everything that was ever said anywhere, newest first, to find them.
create index signals_of_a_place on loops (place, opened_at desc, id desc) where kind = 'signal' and not sample;
