-- How much exposure a person finds enough, in shares of the usual: prices of the next release are
-- found with it.
alter table persons add column exposure real not null default 1
    check (exposure between 0.25 and 4);
