"""The seconds of `gravity bench swap`, from decks and weights that are known."""

from cli.bench.swap.generator import Dealt
from cli.bench.swap.timeline import Second, timeline

BEGUN = 1_000.0


def test_each_second_has_the_decks_due_in_it_and_the_most_memory_held() -> None:
    dealt = [
        _deck(-0.5, 900.0),
        _deck(0.0, 10.0),
        _deck(0.9, 30.0),
        _deck(2.1, 40.0, release=None),
        _deck(2.2, 60.0),
        _deck(2.9, 500.0, status=503, release=None),
    ]
    rss = [(BEGUN - 0.1, 9_000_000), (BEGUN + 0.1, 2_000_000), (BEGUN + 0.2, 1_000_000)]
    assert timeline(dealt, rss, BEGUN) == [
        _second(0, 2, 20.0, 30.0, 0, 2.0),
        _second(1, 0, None, None, 0, None),
        _second(2, 3, 60.0, 500.0, 2, None),
    ]


def test_without_decks_there_is_no_second() -> None:
    assert timeline([_deck(-1.0, 5.0)], [(BEGUN, 1)], BEGUN) == []


def _deck(at_s: float, took_ms: float, *, status: int = 200, release: str | None = "1") -> Dealt:
    return Dealt(1, BEGUN + at_s, took_ms, status, release=release)


def _second(
    at_s: int, decks: int, p50: float | None, most: float | None, unranked: int, rss: float | None
) -> Second:
    return Second(
        at_s=at_s, decks=decks, p50_ms=p50, max_ms=most, unranked=unranked, ranker_rss_mb=rss
    )
