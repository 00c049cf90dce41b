-- The truth about pairs. Written by the matcher and by the import, read by everything that rebuilds.

-- What each person decided on each other person; the first decision of an ordered pair stands.
create table swipes (
    swiper bigint not null,
    swiped bigint not null,
    -- `Action` of the contracts: 1 like, 2 pass, 3 superlike.
    action smallint not null,
    -- The server's clock.
    swiped_at timestamptz not null,
    simulated boolean not null default false,
    primary key (swiper, swiped),
    check (swiper <> swiped)
) partition by hash (swiper);

-- One row an unordered pair, ever. A match that ends stays as a row; its next life is an episode.
create table matches (
    low bigint not null,
    high bigint not null,
    match_id uuid not null,
    episode int not null default 1,
    matched_at timestamptz not null,
    ended_at timestamptz,
    -- `MatchEnd` of the contracts.
    end_reason smallint,
    primary key (low, high),
    check (low < high),
    check ((ended_at is null) = (end_reason is null))
) partition by hash (low);

-- The same matches by person: two rows each, written in the same transaction.
create table match_members (
    person bigint not null,
    other bigint not null,
    match_id uuid not null,
    episode int not null default 1,
    matched_at timestamptz not null,
    ended_at timestamptz,
    primary key (person, other)
) partition by hash (person);

-- Who blocked whom; either direction ends the pair for good.
create table blocks (
    blocker bigint not null,
    blocked bigint not null,
    blocked_at timestamptz not null,
    primary key (blocker, blocked)
) partition by hash (blocker);

-- People who match nobody: banned, shadow-banned, erased. Kept from safety's and identity's events.
create table withdrawn_persons (
    person bigint primary key,
    -- The decision's time: a late event does not undo a newer one.
    decided_at timestamptz not null,
    withdrawn boolean not null,
    erased boolean not null default false
);

do $$ declare parent text; begin
    foreach parent in array array['swipes', 'matches', 'match_members', 'blocks'] loop
        for n in 0..7 loop
            execute format(
                'create table %1$s_%2$s partition of %1$s for values with (modulus 8, remainder %2$s)',
                parent, n);
        end loop;
    end loop;
end $$;
