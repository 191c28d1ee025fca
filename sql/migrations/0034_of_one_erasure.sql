-- Each backup tells what every erasure was of, and read all that was ever erased anew for each of them.
create index signals_of_an_erasure on erased_signals (erasure_id);
create index tombstones_of_an_erasure on tombstones (erasure_id);
