-- A letter that was tried all evening, held overnight and put off once in the morning has not been tried for twelve hours. How long one has
-- been tried is told from here: since the first try that failed, from when it was planned, last held, or let go by somebody.
alter table deliveries add column failing_since timestamptz;

-- Whoever answers for many letters that do not leave is told of one: whether they were is asked at each try.
create index notices_about_a_letter on deliveries (staff, planned_at) where purpose = 'notice' and occasion is not null;
