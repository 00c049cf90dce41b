-- Where each consumer stands on the bus: the next offset it will read.
create table positions (
    consumer text not null,
    topic text not null,
    partition int not null,
    next_offset bigint not null,
    primary key (consumer, topic, partition)
);

-- Records from here on must stay although every consumer is past them (a release's snapshot).
create table position_holds (
    name text not null,
    topic text not null,
    partition int not null,
    next_offset bigint not null,
    created_at timestamptz not null default now(),
    primary key (name, topic, partition)
);

-- Events written in the transaction of their cause, until the relay has appended them.
create table outbox (
    id bigserial primary key,
    lane text not null,
    topic text not null,
    key bytea not null,
    value bytea not null,
    headers jsonb not null default '{}',
    created_at timestamptz not null default now()
);
create index outbox_lane on outbox (lane, id);
-- Rows live for milliseconds: a share of the table's size says nothing about when to vacuum.
alter table outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
