-- Old request keys are found by their age; keys come in the order of time, so a summary of pages is enough.
create index request_age on request using brin (asked_at);
