-- A link to sign in lets in the browser that asked for it, and another one only with the code that is shown there: whoever else comes by it,
-- forwarded or found, does not get in.

-- Which browsers asked, and for which mail; for none where the address is nobody's. One mail answers all who asked before it left.
create table askings (
  id uuid primary key,
  delivery_id uuid references deliveries,
  -- Of the secret in its cookie; and of the code that it shows, salted with the former.
  browser_hash bytea not null,
  code_hash bytea not null,
  asked_at timestamptz not null default heed_now()
);
create index askings_for_a_mail on askings (delivery_id) where delivery_id is not null;
create index askings_by_age on askings (asked_at);

-- How many codes were tried at it: few may be.
alter table links add column tries integer not null default 0;
