-- Lists are read newest first, a page at a time; without these each page reads everything there ever was.
create index signals_newest_first on signals (captured_at desc, id desc);
create index insights_newest_first on insights (opened_at desc, id desc);
