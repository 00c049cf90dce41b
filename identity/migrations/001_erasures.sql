-- Who was erased, and when it was asked for. Nothing else of the person stays here.
create table erasures (
    person bigint primary key,
    requested_at timestamptz not null
);
