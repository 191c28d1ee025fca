-- Whether somebody lets it rest is asked for whatever is said about an insight, and looked through all rights that were ever used for it.
create index rights_to_let_rest on rights (customer_id, exercised_at desc, id desc) where kind in ('restriction', 'lifting');
