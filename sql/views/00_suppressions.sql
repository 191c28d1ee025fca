-- Addresses that nothing goes to now. What somebody said of an address of theirs stands for good; that mail bounced stands until somebody
-- vouches for the address.
create view now.suppressions as
select p.address_hash, p.channel, p.cause, p.suppressed_at
from suppressions p
where p.cause <> 'bounced' or not exists (
  select from vouchings v where v.address_hash = p.address_hash and v.vouched_at > p.suppressed_at);
