-- Until when the channel wants the goods to have left; null where it says nothing.
alter table orders add column ship_by timestamptz;

-- What dates are learned from is told apart in other ways now (setup/experience.py): it is learned anew, from the first
-- day on.
truncate experience, waiting_table, waiting_pace;
