-- Who looks after an exception, and until when it is put aside; what people say about it.

create table exception_care (
  merchant_id   bigint not null,
  exception_id  bigint not null,                        -- of an attention item, a hold or a job: one sequence has them all
  assigned_to   text not null default '',               -- a person's e-mail address; '' is nobody's
  snoozed_until timestamptz,
  changed_by    text not null,
  changed_at    timestamptz not null,
  primary key (merchant_id, exception_id)
);

create table exception_comment (
  merchant_id  bigint not null,
  exception_id bigint not null,
  comment_id   bigint not null,
  said_by      text not null,
  said_at      timestamptz not null,
  text         text not null,
  primary key (merchant_id, exception_id, comment_id)
);

select distribute(t) from unnest(array['exception_care', 'exception_comment']) t;
select wall(t::regclass) from unnest(array['exception_care', 'exception_comment']) t;
