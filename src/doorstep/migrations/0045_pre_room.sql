-- A row that is changed and finds room on its page stays there, and none of its indexes hears of it. A job is leased once
-- before it is gone; an order's counters change with each of its steps, fifty orders at a time.
alter table job set (fillfactor = 50);
alter table order_now set (fillfactor = 60);
