-- What each person is entitled to now; nobody without a row is more than free.
create table entitlements (
    person bigint primary key,
    -- `Tier` of the contracts: 1 free, 2 plus, 3 gold.
    tier smallint not null,
    boost_until timestamptz,
    since timestamptz not null
);

-- Every change, in order, for good.
create table entitlement_changes (
    id bigint generated always as identity primary key,
    person bigint not null,
    tier smallint not null,
    boost_until timestamptz,
    changed_at timestamptz not null
);
create index entitlement_changes_person on entitlement_changes (person, id);
