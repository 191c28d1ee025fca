-- Of a letter that was kept back, whether nothing is wrong with the way to its customer: the day that it promised was over before it could leave, or
-- an operator gave it up alone.
create function now.is_unsent(code text) returns boolean
language sql immutable
return coalesce(code in ('promise_over', 'left_unsent'), false);
