-- What was said and done about one loop is found without reading what was said and done about all others.
create index ownerships_of_a_loop on ownerships (loop_id);
create index acknowledgements_of_a_loop on acknowledgements (loop_id);
create index calls_of_a_loop on calls (loop_id);
create index repairs_of_a_loop on repairs (loop_id);
