-- A swipe can be taken back. Its row stays, with action 0 and the time of the swipe: a copy of the
-- swipe that comes late is then known, and a later swipe on the same person takes the row over.

-- Who swiped a person: only an erasure asks, and it must find everybody.
create index swipes_swiped on swipes (swiped);
