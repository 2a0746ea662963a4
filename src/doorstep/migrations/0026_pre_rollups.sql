-- Daily roll-ups: what reports count, added up by the day, so that a million orders cost what a thousand cost. Written
-- beside the way orders come in: doors/worker/rolling.py follows the events.

-- Whose days they are.
alter table merchant add column timezone text not null default 'UTC';

-- What an order adds to the roll-ups, as it was last looked at: what is added next is the difference.
create table order_measure (
  merchant_id bigint not null,
  order_id    bigint not null,
  day         date not null,                            -- on which it was placed, by the merchant's clock
  channel_id  bigint not null,
  country     text not null,
  currency    text not null,
  stop        text not null,                            -- of the journey's strip: where it stands
  lines       integer not null,
  units       integer not null,
  gross_minor bigint not null,
  due_minor   bigint not null,                          -- what the buyer still owes
  held_minor  bigint not null,                          -- held at a provider
  ship_by     timestamptz,                              -- the first of what has not left yet
  deliver_by  date,                                     -- told to the buyer, the first of what has not arrived yet
  arrived_on  date,                                     -- nothing of it is to come any more
  promised    boolean not null,
  late        boolean not null,
  complete    boolean not null,
  undamaged   boolean not null,
  papered     boolean not null,
  goods       jsonb not null,                           -- [[item, lines, units, gross_minor]]
  steps       jsonb not null,                           -- [[step, day, bucket, seconds]]
  parcels     jsonb not null,                           -- [[carrier, day, delivered, promised, on time, failed, seconds]]
  primary key (merchant_id, order_id)
) with (fillfactor = 75);
create index order_measure_ship_by on order_measure (merchant_id, ship_by, order_id) where ship_by is not null;
create index order_measure_deliver_by on order_measure (merchant_id, deliver_by, order_id) where deliver_by is not null;
create index order_measure_imperfect on order_measure (merchant_id, arrived_on, order_id)
  where arrived_on is not null and (late or not (complete and undamaged and papered));
create index order_measure_open on order_measure (merchant_id, stop, day, order_id)
  where stop not in ('completed', 'canceled', 'expired');

-- Orders by the day on which they were placed; drafts are none yet, canceled ones were sold.
create table day_sales (
  merchant_id bigint not null,
  day         date not null,
  channel_id  bigint not null,
  country     text not null,
  currency    text not null,
  orders bigint not null, canceled bigint not null, lines bigint not null, units bigint not null,
  gross_minor bigint not null,
  primary key (merchant_id, day, channel_id, country, currency)
) with (fillfactor = 75);

create table day_goods (
  merchant_id bigint not null,
  day         date not null,
  item        text not null,                            -- its SKU, or what the channel called it
  currency    text not null,
  orders bigint not null, lines bigint not null, units bigint not null, gross_minor bigint not null,
  primary key (merchant_id, day, item, currency)
) with (fillfactor = 75);

-- Money by the day on which it moved.
create table day_cash (
  merchant_id bigint not null,
  day         date not null,
  channel_id  bigint not null,
  currency    text not null,
  taken_minor bigint not null, refunded_minor bigint not null,
  primary key (merchant_id, day, channel_id, currency)
) with (fillfactor = 75);

-- Steps of the journey by the day on which they ended: how many orders, and how long they took. Bucket b: no longer
-- than 2^(b/4) minutes.
create table day_steps (
  merchant_id bigint not null,
  day         date not null,
  step        smallint not null,
  bucket      smallint not null,
  orders bigint not null, seconds bigint not null,
  primary key (merchant_id, day, step, bucket)
) with (fillfactor = 75);

-- Orders by the day on which the last of them arrived.
create table day_arrivals (
  merchant_id bigint not null,
  day         date not null,
  channel_id  bigint not null,
  country     text not null,
  orders bigint not null, promised bigint not null, on_time bigint not null, late bigint not null,
  complete bigint not null, undamaged bigint not null, papered bigint not null, perfect bigint not null,
  primary key (merchant_id, day, channel_id, country)
) with (fillfactor = 75);

-- Parcels by the day on which the carrier got them.
create table day_carriers (
  merchant_id bigint not null,
  day         date not null,
  carrier     text not null,
  country     text not null,
  parcels bigint not null, delivered bigint not null, promised bigint not null, on_time bigint not null,
  failed bigint not null, seconds bigint not null,
  primary key (merchant_id, day, carrier, country)
) with (fillfactor = 75);

-- Open orders, and those of which money is open, by where they stand, since when, and what is due when; what nobody
-- waits for is due at infinity.
create table backlog (
  merchant_id bigint not null,
  stop        text not null,
  day         date not null,
  ship_by     timestamptz not null,
  deliver_by  date not null,
  currency    text not null,
  orders bigint not null, due_minor bigint not null, held_minor bigint not null,
  primary key (merchant_id, stop, day, ship_by, deliver_by, currency)
) with (fillfactor = 75);

-- How far a merchant's events are rolled up, in the feed's order, and by which clock.
create table rollup (
  merchant_id bigint primary key,
  after_txid  xid8 not null default '0',
  after_pos   bigint not null default 0,
  timezone    text not null default 'UTC'
);

select distribute(t) from unnest(array['order_measure', 'day_sales', 'day_goods', 'day_cash', 'day_steps',
  'day_arrivals', 'day_carriers', 'backlog', 'rollup']) t;
select wall(t::regclass) from unnest(array['order_measure', 'day_sales', 'day_goods', 'day_cash', 'day_steps',
  'day_arrivals', 'day_carriers', 'backlog', 'rollup']) t;
