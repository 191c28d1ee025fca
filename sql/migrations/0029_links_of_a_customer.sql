-- When a customer is erased, or their address is put right, their links end: without this every link that was ever mailed was looked through for them.
create index links_of_a_customer on links (customer_id) where customer_id is not null;
