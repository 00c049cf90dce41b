-- One row a person: profile, preferences, place and visibility, each change one version further.
create table persons (
    person bigint primary key check (person > 0),
    version bigint not null check (version > 0),
    changed_at timestamptz not null,
    name text not null,
    -- Days since 1970-01-01.
    birth_day int not null,
    -- `Gender`, `Visibility` of the contracts.
    gender smallint not null,
    -- Everything else that is shown or learned from, body_type and height_cm among it.
    attributes jsonb not null default '{}',
    photos jsonb not null default '[]',
    -- Empty: preferences were never set.
    seeks smallint[] not null default '{}',
    age_min smallint not null default 18,
    age_max smallint not null default 120,
    max_distance_km real not null default 50,
    -- Null: never located. Both or neither.
    latitude double precision,
    longitude double precision,
    visibility smallint not null default 1,
    simulated boolean not null default false,
    check ((latitude is null) = (longitude is null))
) partition by hash (person);

do $$ begin
    for n in 0..7 loop
        execute format(
            'create table persons_%s partition of persons for values with (modulus 8, remainder %s)',
            n, n);
    end loop;
end $$;

-- Who was erased must not come back by a token that is still valid, or by an event that is late.
create table erased_persons (
    person bigint primary key,
    erased_at timestamptz not null default now()
);
