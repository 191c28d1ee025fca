-- What happened lately is found without reading what happened before, as in 0027. The last rung taken is asked for by machines that watch.
create index escalations_by_time on escalations (taken_at);
create index acknowledgements_by_time on acknowledgements using brin (acknowledged_at) with (autosummarize = on);
create index closures_by_time on closures using brin (closed_at) with (autosummarize = on);

-- Where a company file is applied, or somebody signs out everywhere, the links of those who left end, and those to sign in: all that were ever
-- mailed to customers were read for it, and those that stop our letters are kept for good.
create index links_of_a_colleague on links (staff) where staff is not null and revoked_at is null;

-- Whether there is sample history read every loop there is, to find none.
create index sample_loops on loops (id) where sample;
