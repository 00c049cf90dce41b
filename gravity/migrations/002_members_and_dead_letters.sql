-- Which processes run a consumer: each says so every second. A crash of the server empties the
-- table, and a second later everybody is in it again.
create unlogged table consumer_members (
    consumer text not null,
    member text not null,
    seen_at timestamptz not null,
    primary key (consumer, member)
);

-- Records that no retry could handle, until they are replayed, dropped (the oldest beyond the
-- bound) or 30 days old: they may be people's data.
create table dead_letters (
    id bigserial primary key,
    consumer text not null,
    topic text not null,
    partition int not null,
    record_offset bigint not null,
    key bytea not null,
    value bytea not null,
    headers bytea,
    timestamp_ms bigint not null,
    reason text not null,
    attempts int not null default 1,
    replay boolean not null default false,
    at timestamptz not null default now(),
    unique (consumer, topic, partition, record_offset)
);
create index dead_letters_newest on dead_letters (consumer, id);
create index dead_letters_oldest on dead_letters (at);
create index dead_letters_marked on dead_letters (consumer, id) where replay;

create table dead_letters_dropped (
    consumer text primary key,
    dropped bigint not null
);

-- Packed once a batch and compared by bytes; null where there is none.
alter table outbox alter column headers drop default;
alter table outbox alter column headers drop not null;
alter table outbox alter column headers type bytea using convert_to(headers::text, 'UTF8');
