-- What is kept no longer is let go once a day, and that it was is recorded.

create table cleanings (
  cleaned_at timestamptz primary key default heed_now(),
  -- Remarks whose words were past their time, letters and links that nobody needs any more.
  remarks integer not null,
  letters integer not null,
  links integer not null,
  -- Tables too large or too busy to be written anew; their pages fill up again in time.
  swept text[] not null
);
