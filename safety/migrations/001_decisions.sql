-- What holds now for each person about whom anything was ever decided.
create table safety_standing (
    person bigint primary key,
    -- `SafetyDecision` of the contracts: 1 banned, 2 shadow-banned, 3 lifted.
    decision smallint not null,
    decided_at timestamptz not null,
    -- Nothing puts an erased person back among the shown.
    erased boolean not null default false
);

-- Every decision, in order, for good.
create table safety_decisions (
    id bigint generated always as identity primary key,
    person bigint not null,
    decision smallint not null,
    reason text not null,
    decided_at timestamptz not null
);
create index safety_decisions_person on safety_decisions (person, id);
