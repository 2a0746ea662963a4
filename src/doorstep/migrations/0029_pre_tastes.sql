-- How people like the pages.

-- Reference table: how somebody likes the pages, in whatever browser they sign in.
create table taste (
  person_id bigint primary key references person,
  language  text not null default '',  -- '' as the browser asks
  theme     text not null default '' check (theme in ('', 'light', 'dark'))
);

select distribute('taste');
